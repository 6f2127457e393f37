//! What a pod asks for, the size that it gets for that, and what that costs: an estimate by list prices.
//!
//! What a pod asks for is computed as the scheduler does (k8s.io/component-helpers, `PodRequests`).

use serde_json::{Value, json};

use crate::profile::Profile;
use crate::profile::prices::Prices;
use crate::profile::size::Amount;
use crate::quantity::{scaled, up};

/// What a pod asks for: the larger of its containers together and of each step of its start, or what the pod as a whole
/// asks for, and its overhead. A container with a limit alone asks for just that, as the API server fills in. Quantities that
/// cannot be read count as nothing; the API server refuses them.
pub fn demand(pod: &Value) -> Amount {
    let Some(spec) = pod.get("spec") else { return Amount::default() };
    let list = |key: &str| spec.get(key).and_then(Value::as_array).into_iter().flatten();
    let mut sum = list("containers").map(asked).fold(Amount::default(), plus);
    // Sidecars run from their start on; a plain init container runs beside those before it.
    let (mut sidecars, mut start) = (Amount::default(), Amount::default());
    for container in list("initContainers") {
        let with = plus(sidecars, asked(container));
        if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
            sidecars = with;
        }
        start = larger(start, with);
    }
    sum = larger(plus(sum, sidecars), start);
    let whole = asked(spec);
    if whole.cpu > 0 {
        sum.cpu = whole.cpu;
    }
    if whole.memory > 0 {
        sum.memory = whole.memory;
    }
    plus(sum, amounts(spec.get("overhead"), None))
}

fn asked(holder: &Value) -> Amount {
    let resources = holder.get("resources");
    let part = |key| resources.and_then(|resources| resources.get(key));
    amounts(part("requests"), part("limits"))
}

fn amounts(requests: Option<&Value>, limits: Option<&Value>) -> Amount {
    let read = |name: &str, unit| {
        let lists = [requests, limits];
        let mut values = lists.into_iter().flatten().filter_map(|list| list.get(name));
        match values.find(|value| !value.is_null()) {
            Some(Value::String(text)) => scaled(text, unit).unwrap_or_default(),
            Some(Value::Number(number)) => scaled(&number.to_string(), unit).unwrap_or_default(),
            _ => 0,
        }
    };
    Amount { cpu: read("cpu", 1000), memory: read("memory", 1) }
}

const fn plus(left: Amount, right: Amount) -> Amount {
    Amount {
        cpu: left.cpu.saturating_add(right.cpu),
        memory: left.memory.saturating_add(right.memory),
    }
}

fn larger(left: Amount, right: Amount) -> Amount {
    Amount { cpu: left.cpu.max(right.cpu), memory: left.memory.max(right.memory) }
}

/// What a pod comes to on a profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Estimate {
    /// What the pod asks for.
    pub asked: Amount,
    /// The size that is billed: what is asked for where the profile knows of no sizes, nothing where none is large enough.
    pub billed: Option<Amount>,
    /// What an hour costs, in thousand-millionths of the currency; nothing where no price is known.
    pub hourly: Option<i128>,
}

/// Estimates what a pod of that demand comes to.
pub fn estimate(profile: &Profile, asked: Amount) -> Estimate {
    let billed = match &profile.size {
        Some(size) => size.fit(asked),
        None => Some(asked),
    };
    let hourly =
        billed.zip(profile.prices.as_ref()).and_then(|(size, prices)| hourly(prices, size));
    Estimate { asked, billed, hourly }
}

/// An estimate for programs: CPU in vCPU, memory in bytes, money in units of the currency; null where something is not known.
/// The currency, the region, the day and the source of the prices stand beside it, because it holds nowhere else.
pub fn document(profile: &Profile, estimate: &Estimate) -> Value {
    let amount = |amount: Amount| json!({ "cpu": number(i128::from(amount.cpu), 3), "memory": amount.memory });
    let prices = profile.prices.as_ref();
    let least = estimate.hourly.zip(prices).and_then(|(hourly, prices)| least(prices, hourly));
    json!({
        "asked": amount(estimate.asked),
        "billed": estimate.billed.map(amount),
        "perHour": estimate.hourly.map(|parts| number(parts, 9)),
        "minimumCharge": least.map(|parts| number(parts, 9)),
        "currency": prices.map(|prices| &prices.currency),
        "region": prices.map(|prices| &prices.region),
        "date": prices.map(|prices| &prices.verified.date),
        "source": prices.map(|prices| &prices.source),
    })
}

/// A count of parts, of which the unit has ten to the power of `places`, in full: `decimal(1100, 3)` is `1.1`.
pub fn decimal(parts: i128, places: usize) -> String {
    let digits = format!("{parts:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// The same as a number of JSON.
pub fn number(parts: i128, places: usize) -> Value {
    let text = decimal(parts, places);
    text.parse::<i64>().map_or_else(|_| json!(text.parse::<f64>().ok()), |whole| json!(whole))
}

fn hourly(prices: &Prices, size: Amount) -> Option<i128> {
    // Over one denominator, so that it is rounded once.
    let cpu = i128::from(size.cpu) * i128::from(prices.vcpu_hour);
    let memory = i128::from(size.memory) * i128::from(prices.gib_hour);
    up(cpu.checked_mul(1 << 30)?.checked_add(memory.checked_mul(1000)?)?, 1000 << 30)
}

/// The least that a run costs, however short.
pub fn least(prices: &Prices, hourly: i128) -> Option<i128> {
    up(hourly.checked_mul(i128::from(prices.minimum_seconds))?, 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(cpu: i64, mebibytes: i64) -> Amount {
        Amount { cpu, memory: mebibytes << 20 }
    }

    fn asks(cpu: &str, memory: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}})
    }

    fn sidecar(cpu: &str, memory: &str) -> Value {
        let mut container = asks(cpu, memory);
        container["restartPolicy"] = json!("Always");
        container
    }

    #[test]
    fn containers_together_or_the_largest_step_of_the_start() {
        let pod = json!({"spec": {"containers": [asks("250m", "1Gi"), asks("250m", "1Gi")],
            "initContainers": [asks("2", "512Mi")]}});
        assert_eq!(demand(&pod), amount(2000, 2048));
    }

    #[test]
    fn sidecars_run_beside_everything_after_them() {
        let pod = json!({"spec": {"containers": [asks("1", "1Gi")],
            "initContainers": [asks("1", "100Mi"), sidecar("500m", "1Gi"), asks("1200m", "1Gi")]}});
        assert_eq!(demand(&pod), amount(1700, 2048));
    }

    #[test]
    fn the_whole_pod_goes_before_its_containers_and_overhead_is_added() {
        let pod = json!({"spec": {"containers": [asks("1", "1Gi")],
            "resources": {"requests": {"cpu": 3}}, "overhead": {"cpu": "250m", "memory": "64Mi"}}});
        assert_eq!(demand(&pod), amount(3250, 1088));
    }

    #[test]
    fn a_limit_alone_is_asked_for() {
        let pod = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}});
        assert_eq!(demand(&pod), amount(1000, 1024));
    }

    #[test]
    fn parts_are_written_in_full() {
        for (parts, places, expected) in
            [(1100, 3, "1.1"), (12_342_500, 9, "0.0123425"), (2000, 3, "2"), (0, 9, "0")]
        {
            assert_eq!(decimal(parts, places), expected);
        }
        assert_eq!(number(250, 3), json!(0.25));
        assert_eq!(number(4000, 3), json!(4));
    }
}
