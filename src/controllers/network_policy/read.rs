//! Objects of the cluster as the plan knows them.

use kube::{Resource as _, ResourceExt as _};
use serde_json::Value;

use super::plan::{FenceKey, FencedPod, Gate, PodKey};
use crate::cluster::object::{NetworkPolicy, Pod};
use crate::fence::{FENCE_GATE, FENCED_LABEL, Fence};

/// A pod with the label of a fence.
pub(super) fn pod(pod: &Pod) -> Option<(PodKey, FencedPod)> {
    let fence = Fence::parse(pod.labels().get(FENCED_LABEL)?);
    let gates = pod.gates();
    let gate = gates
        .iter()
        .position(|gate| gate.name == FENCE_GATE)
        .filter(|_| pod.meta().deletion_timestamp.is_none())
        .map(|index| Gate { index, is_only: gates.len() == 1 });
    Some((
        (pod.namespace()?, pod.name_any()),
        FencedPod { uid: pod.uid().unwrap_or_default(), fence, gate },
    ))
}

/// The fence whose policy this is, and whether it says what it should; other policies with our label are none of our
/// business.
pub(super) fn policy(policy: &NetworkPolicy) -> Option<(FenceKey, bool)> {
    let name = policy.name_any();
    let fence = Fence::ALL.into_iter().find(|fence| fence.policy_name() == name)?;
    Some((FenceKey { namespace: policy.namespace()?, fence }, says(&policy.spec, fence)))
}

/// Whether a specification is the one of the fence.
///
/// The words are compared and not the generation: the API server counts every apply of an empty list as a change, since it
/// stores none, and two replicas would put each other right for ever.
pub(super) fn says(spec: &Value, fence: Fence) -> bool {
    let wanted = fence.policy("").get_mut("spec").map(Value::take).unwrap_or_default();
    without_empty_lists(spec.clone()) == without_empty_lists(wanted)
}

/// In a network policy an empty list means what no list means. Empty objects do not: `{}` selects everything.
fn without_empty_lists(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, without_empty_lists(value)))
            .filter(|(_, value)| !(value.is_null() || value.as_array().is_some_and(Vec::is_empty)))
            .collect(),
        Value::Array(elements) => elements.into_iter().map(without_empty_lists).collect(),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stored_policy_is_compared_as_it_is_meant() {
        for fence in Fence::ALL {
            let mut spec = fence.policy("shop")["spec"].take();
            assert!(says(&spec, fence), "{fence:?}");
            if spec["ingress"] == json!([]) {
                // As the API server stores it.
                spec.as_object_mut().unwrap().remove("ingress");
                assert!(says(&spec, fence), "{fence:?}");
            }
            spec["ingress"] = json!([{}]);
            assert!(!says(&spec, fence), "everything is let in: {fence:?}");
        }
        assert!(!says(&Fence::DenyAll.policy("")["spec"], Fence::Namespace));
        assert!(!says(&Value::Null, Fence::DenyAll));
    }
}
