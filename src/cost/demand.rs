//! What a pod asks for, added up.
//!
//! Computed as the scheduler does (k8s.io/component-helpers, `PodRequests`), and where a kind of virtual node counts
//! otherwise, as that does.

use crate::demand::{Amount, Ask, Demand};
use crate::profile::size::{Counts, Size};

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
    use serde_json::{Value, json};

    use super::*;
    use crate::catalogue::Catalogue;

    fn amount(cpu: i64, mebibytes: i64) -> Amount {
        Amount { cpu, memory: mebibytes << 20 }
    }

    fn of(pod: Value) -> Amount {
        Catalogue::build(&[]).unwrap().read(pod).unwrap().demand.asked()
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
    fn amounts_may_be_numbers() {
        let pod = json!({"spec": {"containers": [{}, {"resources": {"requests": {"cpu": 0.5, "memory": 1_048_576}}}]}});
        assert_eq!(of(pod), amount(500, 1));
    }

    #[test]
    fn a_request_of_nothing_goes_before_the_limit() {
        let pod = json!({"spec": {"containers": [{"resources": {"requests": {"cpu": 0}, "limits": {"cpu": "1"}}}]}});
        assert_eq!(of(pod), amount(0, 0));
    }
}
