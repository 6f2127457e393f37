//! What a pod asks for.
//!
//! Computed as the scheduler does (k8s.io/component-helpers, `PodRequests`), and where a kind of virtual node counts
//! otherwise, as that does.

use serde::Deserialize;
use serde_json::Value;

use crate::profile::size::{Amount, Ask, Counts, Size, Told};
use crate::quantity::scaled;

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

/// What the parts of a pod ask for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Demand {
    containers: Vec<Ask>,
    /// The init containers, in their order, and whether each runs on as a sidecar.
    start: Vec<(Ask, bool)>,
    whole: Ask,
    overhead: Amount,
}

impl From<&Pod> for Demand {
    /// Quantities that cannot be read count as nothing; the API server refuses them.
    fn from(pod: &Pod) -> Self {
        let spec = &pod.spec;
        let of = |container: &Container| ask(container.resources.as_ref());
        let is_sidecar = |one: &Container| one.restart_policy.as_deref() == Some("Always");
        Self {
            containers: spec.containers.iter().map(of).collect(),
            start: spec
                .init_containers
                .iter()
                .flatten()
                .map(|container| (of(container), is_sidecar(container)))
                .collect(),
            whole: ask(spec.resources.as_ref()),
            overhead: spec.overhead.as_ref().map_or_else(Amount::default, |amounts| Amount {
                cpu: amounts.cpu().unwrap_or_default(),
                memory: amounts.memory().unwrap_or_default(),
            }),
        }
    }
}

fn ask(resources: Option<&Resources>) -> Ask {
    let requests = resources.and_then(|resources| resources.requests.as_ref());
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    let told = |part: fn(&Amounts) -> Option<i64>| Told {
        request: requests.and_then(part),
        limit: limits.and_then(part),
    };
    Ask { cpu: told(Amounts::cpu), memory: told(Amounts::memory) }
}

impl Amounts {
    fn cpu(&self) -> Option<i64> {
        read(&self.cpu, 1000)
    }

    fn memory(&self) -> Option<i64> {
        read(&self.memory, 1)
    }
}

/// An amount, if there is one; nothing of what cannot be read.
fn read(value: &Value, unit: i128) -> Option<i64> {
    match value {
        Value::String(text) => Some(scaled(text, unit).unwrap_or_default()),
        Value::Number(number) => Some(scaled(&number.to_string(), unit).unwrap_or_default()),
        _ => None,
    }
}

impl Demand {
    /// What the pod asks for, as the scheduler counts: a container with a limit alone asks for just that, as the API server
    /// fills in.
    pub fn asked(&self) -> Amount {
        self.sum(|ask| ask.counted(Counts::Requests), Counts::Requests)
    }

    /// The size that the pod gets; nothing where none is large enough.
    pub fn fit(&self, size: &Size) -> Option<Amount> {
        if size.per_container {
            let sidecars = self.start.iter().filter(|(_, is_sidecar)| *is_sidecar);
            let running = self.containers.iter().chain(sidecars.map(|(ask, _)| ask));
            return running
                .map(|ask| size.fit(size.share(*ask)))
                .try_fold(Amount::default(), |sum, one| Some(sum.plus(one?)));
        }
        size.fit(self.sum(|ask| size.share(ask), size.counts))
    }

    /// The larger of the containers together and of each step of their start, or what the pod as a whole asks for, and its
    /// overhead.
    fn sum(&self, of: impl Fn(Ask) -> Amount, counts: Counts) -> Amount {
        let mut sum = self.containers.iter().fold(Amount::default(), |sum, one| sum.plus(of(*one)));
        // Sidecars run from their start on; a plain init container runs beside those before it.
        let (mut sidecars, mut start) = (Amount::default(), Amount::default());
        for (ask, is_sidecar) in &self.start {
            let with = sidecars.plus(of(*ask));
            if *is_sidecar {
                sidecars = with;
            }
            start = start.with(with, i64::max);
        }
        sum = sum.plus(sidecars).with(start, i64::max);
        let whole = self.whole.counted(counts);
        whole.with(sum, |whole, sum| if whole > 0 { whole } else { sum }).plus(self.overhead)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn amount(cpu: i64, mebibytes: i64) -> Amount {
        Amount { cpu, memory: mebibytes << 20 }
    }

    fn of(pod: Value) -> Amount {
        Demand::from(&serde_json::from_value::<Pod>(pod).unwrap()).asked()
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
    fn a_limit_alone_is_asked_for() {
        let pod = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}});
        assert_eq!(of(pod), amount(1000, 1024));
    }

    #[test]
    fn a_request_of_nothing_goes_before_the_limit() {
        let pod = json!({"spec": {"containers": [{"resources": {"requests": {"cpu": 0}, "limits": {"cpu": "1"}}}]}});
        assert_eq!(of(pod), amount(0, 0));
    }
}
