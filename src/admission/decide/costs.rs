//! What a pod costs, for policies that ask.

use serde_json::{Map, Value, json};

use super::Decision;
use crate::cost::{self, Estimate};
use crate::placement::Placement;
use crate::profile::Profile;
use crate::profile::prices::NANO;
use crate::profile::size::Amount;

impl Decision<'_> {
    /// What an hour of the pod comes to on each profile within reach that has sizes; null where none has.
    ///
    /// Fails where the request cannot be read.
    pub(super) fn costs(&self, placement: &Placement, request: &str) -> Result<Value, String> {
        let profiles: Vec<&Profile> = placement
            .reaches
            .iter()
            .map(|reach| self.pipeline.profile(reach.profile))
            .filter(|profile| profile.size.is_some())
            .collect();
        if profiles.is_empty() {
            return Ok(Value::Null);
        }
        // Nothing that Loadline changes of a pod is about what it asks for, so the pod as it was sent will do.
        let request: Value = serde_json::from_str(request).map_err(|error| error.to_string())?;
        let object = request.get("object").unwrap_or(&Value::Null);
        let asked = cost::demand(object.pointer(&self.root.to_pointer()).unwrap_or(&Value::Null));
        let estimates = profiles.into_iter().filter_map(|profile| {
            Some((profile.name.clone(), described(profile, cost::estimate(profile, asked)?)))
        });
        Ok(estimates.collect::<Map<_, _>>().into())
    }
}

/// An estimate, with CPU in vCPU, memory in bytes and money in units of the currency.
fn described(profile: &Profile, estimate: Estimate) -> Value {
    let amount =
        |Amount { cpu, memory }| json!({ "cpu": ratio(cpu.into(), 1000), "memory": memory });
    let prices = profile.prices.as_ref();
    json!({
        "asked": amount(estimate.asked),
        "billed": estimate.billed.map(amount),
        "perHour": estimate.hourly.map(|hourly| ratio(hourly, NANO)),
        "currency": prices.map(|prices| &prices.currency),
        "region": prices.map(|prices| &prices.region),
        "date": prices.map(|prices| &prices.verified.date),
    })
}

/// A quotient as a number of JSON: whole where it can be.
fn ratio(above: i128, below: i128) -> Value {
    if above % below == 0 {
        return json!(i64::try_from(above / below).ok());
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 15 digits")]
    let quotient = above as f64 / below as f64;
    json!(quotient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_whole_where_they_can_be() {
        assert_eq!(ratio(2000, 1000), json!(2));
        assert_eq!(ratio(1100, 1000), json!(1.1));
        assert_eq!(ratio(0, 1000), json!(0));
    }
}
