//! What a pod asks for, the size that it gets for that, and what that costs: an estimate by list prices.

mod demand;

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::demand::{Amount, Demand};
use crate::profile::Profile;
use crate::profile::prices::{NANO, Prices};
use crate::quantity::{ratio, up};

/// What a pod comes to on a profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Estimate {
    /// What the pod asks for.
    pub asked: Amount,
    /// The size that is billed; nothing where none is large enough.
    pub billed: Option<Amount>,
    /// What an hour costs, in thousand-millionths of the currency; nothing where no price is known.
    pub hourly: Option<i128>,
}

/// Estimates what a pod of that demand comes to; nothing where the profile knows neither sizes nor prices. Without sizes it
/// is billed as it asks.
pub fn estimate(profile: &Profile, demand: &Demand) -> Option<Estimate> {
    let asked = demand.asked();
    let billed = match &profile.size {
        Some(size) => demand.fit(size),
        None => profile.prices.as_ref().map(|_| asked),
    };
    if profile.size.is_none() && profile.prices.is_none() {
        return None;
    }
    let hourly =
        billed.zip(profile.prices.as_deref()).and_then(|(size, prices)| hourly(prices, size));
    Some(Estimate { asked, billed, hourly })
}

fn hourly(prices: &Prices, size: Amount) -> Option<i128> {
    // Over one denominator, so that it is rounded once.
    let cpu = i128::from(size.cpu) * i128::from(prices.vcpu_hour);
    let memory = i128::from(size.memory) * i128::from(prices.gib_hour);
    up(cpu.checked_mul(1 << 30)?.checked_add(memory.checked_mul(1000)?)?, 1000 << 30)
}

/// An amount of money with its currency: `USD 0.0494`. At least four digits behind the point, as an hour of a small pod
/// costs cents.
pub fn money(nano: i128, currency: &str) -> String {
    let tenths = up(nano, NANO / 10_000).unwrap_or_default();
    format!("{currency} {}.{:04}", tenths / 10_000, tenths % 10_000)
}

/// A price with its currency, to the last digit: `USD 0.004445`.
pub fn price(nano: i64, currency: &str) -> String {
    let (whole, part) = (i128::from(nano) / NANO, i128::from(nano) % NANO);
    let text = format!("{currency} {whole}.{part:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The estimate for one profile that a pod may go to, as a verdict carries it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cost {
    /// Name of the profile.
    pub profile: String,
    /// What it comes to.
    pub estimate: Estimate,
    /// By which prices, where there are any.
    pub prices: Option<Arc<Prices>>,
}

impl Cost {
    /// What a pod of that demand comes to; nothing where the profile knows neither sizes nor prices.
    pub fn of(profile: &Profile, demand: &Demand) -> Option<Self> {
        let estimate = estimate(profile, demand)?;
        Some(Self { profile: profile.name.clone(), estimate, prices: profile.prices.clone() })
    }

    /// What an hour costs, with the currency.
    pub fn hourly(&self) -> Option<(i128, &str)> {
        Some((self.estimate.hourly?, &self.prices.as_ref()?.currency))
    }

    /// The estimate for programs, in vCPU, bytes and units of the currency: what policies see, and what JSON gives.
    pub fn report(&self) -> Value {
        let Estimate { asked, billed, hourly } = self.estimate;
        let prices = self.prices.as_ref();
        json!({
            "asked": asked,
            "billed": billed,
            "perHour": hourly.map(|hourly| ratio(hourly, NANO)),
            "currency": prices.map(|prices| prices.currency.as_str()),
            "region": prices.map(|prices| prices.region.as_str()),
            "date": prices.map(|prices| prices.verified.date.as_str()),
            "source": prices.map(|prices| prices.source.as_str()),
        })
    }

    /// The estimate in few words, for records: `eks-fargate 2 vCPU and 4 GiB, about USD 0.0988 an hour`.
    pub fn brief(&self) -> String {
        let mut text = self.profile.clone();
        text.push(' ');
        text.push_str(&self.price());
        text
    }

    /// The same without the profile.
    pub fn price(&self) -> String {
        let mut text = match self.estimate.billed {
            None => "too large".to_owned(),
            Some(billed) => billed.to_string(),
        };
        if let Some((hourly, currency)) = self.hourly() {
            text.push_str(", about ");
            text.push_str(&money(hourly, currency));
            text.push_str(" an hour");
        }
        text
    }
}

impl Serialize for Cost {
    /// As [`Cost::report`], with the profile.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = self.report();
        if let Some(members) = report.as_object_mut() {
            members.insert("profile".to_owned(), json!(self.profile));
        }
        report.serialize(serializer)
    }
}

/// The least that a run costs, however short.
pub fn least(prices: &Prices, hourly: i128) -> Option<i128> {
    up(hourly.checked_mul(i128::from(prices.minimum_seconds))?, 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_put_into_words() {
        assert_eq!(money(98_740_000, "USD"), "USD 0.0988");
        assert_eq!(money(12_000_000_000, "EUR"), "EUR 12.0000");
        assert_eq!(price(4_445_000, "USD"), "USD 0.004445");
        assert_eq!(price(2_000_000_000, "USD"), "USD 2");
    }
}
