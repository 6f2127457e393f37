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

fn described(profile: &Profile, estimate: Estimate) -> Value {
    let mut cost = json!({
        "asked": quantities(estimate.asked),
        "billed": estimate.billed.map(quantities),
    });
    if let Some((prices, hourly)) = profile.prices.as_ref().zip(estimate.hourly) {
        #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 15 digits")]
        let hourly = hourly as f64 / NANO as f64;
        cost["perHour"] = json!(hourly);
        cost["currency"] = json!(prices.currency);
        cost["region"] = json!(prices.region);
        cost["date"] = json!(prices.verified.date);
    }
    cost
}

/// An amount as Kubernetes writes it.
fn quantities(Amount { cpu, memory }: Amount) -> Value {
    let cpu = if cpu % 1000 == 0 { (cpu / 1000).to_string() } else { format!("{cpu}m") };
    let units = [("Gi", 1_i64 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    let memory = match units.into_iter().find(|(_, size)| memory != 0 && memory % size == 0) {
        Some((unit, size)) => format!("{}{unit}", memory / size),
        None => memory.to_string(),
    };
    json!({ "cpu": cpu, "memory": memory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_kubernetes_does() {
        let written = |cpu, memory| quantities(Amount { cpu, memory });
        assert_eq!(written(1100, 3 << 29), json!({"cpu": "1100m", "memory": "1536Mi"}));
        assert_eq!(written(2000, 2 << 30), json!({"cpu": "2", "memory": "2Gi"}));
        assert_eq!(written(0, 0), json!({"cpu": "0", "memory": "0"}));
        assert_eq!(written(1, 1500), json!({"cpu": "1m", "memory": "1500"}));
    }
}
