//! What a pod asks for, the size that it gets for that, and what that costs: an estimate by list prices.
//!
//! What a pod asks for is computed as the scheduler does (k8s.io/component-helpers, `PodRequests`).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::profile::Profile;
use crate::profile::prices::{NANO, Prices};
use crate::profile::size::Amount;
use crate::quantity::{scaled, up};

/// As much of a pod as says what it asks for. Whatever else there is in it is passed over while it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    containers: Vec<Container>,
    init_containers: Option<Vec<Container>>,
    resources: Option<Resources>,
    overhead: Option<Amounts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    restart_policy: Option<String>,
    resources: Option<Resources>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: Option<Amounts>,
    limits: Option<Amounts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Amounts {
    cpu: Value,
    memory: Value,
}

/// What a pod asks for: the larger of its containers together and of each step of its start, or what the pod as a whole
/// asks for, and its overhead. A container with a limit alone asks for just that, as the API server fills in. Quantities that
/// cannot be read count as nothing; the API server refuses them.
pub fn demand(pod: &Pod) -> Amount {
    let spec = &pod.spec;
    let of = |container: &Container| asked(container.resources.as_ref());
    let mut sum = spec.containers.iter().map(of).fold(Amount::default(), plus);
    // Sidecars run from their start on; a plain init container runs beside those before it.
    let (mut sidecars, mut start) = (Amount::default(), Amount::default());
    for container in spec.init_containers.iter().flatten() {
        let with = plus(sidecars, of(container));
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = with;
        }
        start = larger(start, with);
    }
    sum = larger(plus(sum, sidecars), start);
    let whole = asked(spec.resources.as_ref());
    if whole.cpu > 0 {
        sum.cpu = whole.cpu;
    }
    if whole.memory > 0 {
        sum.memory = whole.memory;
    }
    plus(sum, amounts(spec.overhead.as_ref(), None))
}

fn asked(resources: Option<&Resources>) -> Amount {
    let Some(Resources { requests, limits }) = resources else { return Amount::default() };
    amounts(requests.as_ref(), limits.as_ref())
}

fn amounts(requests: Option<&Amounts>, limits: Option<&Amounts>) -> Amount {
    let read = |part: fn(&Amounts) -> &Value, unit| {
        let mut values = [requests, limits].into_iter().flatten().map(part);
        match values.find(|value| !value.is_null()) {
            Some(Value::String(text)) => scaled(text, unit).unwrap_or_default(),
            Some(Value::Number(number)) => scaled(&number.to_string(), unit).unwrap_or_default(),
            _ => 0,
        }
    };
    Amount { cpu: read(|amounts| &amounts.cpu, 1000), memory: read(|amounts| &amounts.memory, 1) }
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
    /// The size that is billed; nothing where none is large enough.
    pub billed: Option<Amount>,
    /// What an hour costs, in thousand-millionths of the currency; nothing where no price is known.
    pub hourly: Option<i128>,
}

/// Estimates what a pod of that demand comes to; nothing where the profile knows neither sizes nor prices. Without sizes it
/// is billed as it asks.
pub fn estimate(profile: &Profile, asked: Amount) -> Option<Estimate> {
    let billed = match &profile.size {
        Some(size) => size.fit(asked),
        None => profile.prices.as_ref().map(|_| asked),
    };
    if profile.size.is_none() && profile.prices.is_none() {
        return None;
    }
    let hourly =
        billed.zip(profile.prices.as_ref()).and_then(|(size, prices)| hourly(prices, size));
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

/// An amount in words: `1.1 vCPU and 4 GiB`. What is nothing is left out, unless both are.
pub fn words(amount: Amount) -> String {
    let cpu = format!("{} vCPU", decimal(amount.cpu.into(), 1000));
    let memory = format!("{} GiB", decimal(amount.memory.into(), 1 << 30));
    match (amount.cpu, amount.memory) {
        (0, 0) => "no CPU or memory".to_owned(),
        (0, _) => memory,
        (_, 0) => cpu,
        _ => format!("{cpu} and {memory}"),
    }
}

/// A quotient with up to three digits behind the point, rounded up.
fn decimal(above: i128, below: i128) -> String {
    let thousandths = up(above.saturating_mul(1000), below).unwrap_or_default();
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The estimate for programs, in vCPU, bytes and units of the currency: what policies see, and what `check -o json` gives.
pub fn report(profile: &Profile, asked: Amount) -> Value {
    let amount =
        |amount: Amount| json!({ "cpu": ratio(amount.cpu.into(), 1000), "memory": amount.memory });
    let estimate = estimate(profile, asked);
    let prices = profile.prices.as_ref();
    let hourly = estimate.and_then(|estimate| estimate.hourly);
    json!({
        "asked": amount(asked),
        "billed": estimate.and_then(|estimate| estimate.billed).map(amount),
        "perHour": hourly.map(|hourly| ratio(hourly, NANO)),
        "currency": prices.map(|prices| prices.currency.as_str()),
        "region": prices.map(|prices| prices.region.as_str()),
        "date": prices.map(|prices| prices.verified.date.as_str()),
        "source": prices.map(|prices| prices.source.as_str()),
    })
}

/// A quotient as a number of JSON: whole where it can be. Only here, at the end, is anything less than exact.
fn ratio(above: i128, below: i128) -> Value {
    if above % below == 0 {
        return json!(i64::try_from(above / below).ok());
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 15 digits")]
    let quotient = above as f64 / below as f64;
    json!(quotient)
}

/// The least that a run costs, however short.
pub fn least(prices: &Prices, hourly: i128) -> Option<i128> {
    up(hourly.checked_mul(i128::from(prices.minimum_seconds))?, 3600)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn amount(cpu: i64, mebibytes: i64) -> Amount {
        Amount { cpu, memory: mebibytes << 20 }
    }

    fn of(pod: Value) -> Amount {
        demand(&serde_json::from_value(pod).unwrap())
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
        assert_eq!(of(pod), amount(2000, 2048));
    }

    #[test]
    fn sidecars_run_beside_everything_after_them() {
        let pod = json!({"spec": {"containers": [asks("1", "1Gi")],
            "initContainers": [asks("1", "100Mi"), sidecar("500m", "1Gi"), asks("1200m", "1Gi")]}});
        assert_eq!(of(pod), amount(1700, 2048));
    }

    #[test]
    fn the_whole_pod_goes_before_its_containers_and_overhead_is_added() {
        let pod = json!({"spec": {"containers": [asks("1", "1Gi")],
            "resources": {"requests": {"cpu": 3}}, "overhead": {"cpu": "250m", "memory": "64Mi"}}});
        assert_eq!(of(pod), amount(3250, 1088));
    }

    #[test]
    fn amounts_and_money_are_put_into_words() {
        assert_eq!(words(amount(1100, 4096)), "1.1 vCPU and 4 GiB");
        assert_eq!(words(amount(250, 512)), "0.25 vCPU and 0.5 GiB");
        assert_eq!(money(98_740_000, "USD"), "USD 0.0988");
        assert_eq!(money(12_000_000_000, "EUR"), "EUR 12.0000");
    }

    #[test]
    fn a_limit_alone_is_asked_for() {
        let pod = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}});
        assert_eq!(of(pod), amount(1000, 1024));
    }
}
