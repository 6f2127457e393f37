//! What to do about fenced pods and their policies: [`plan`].

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch, PatchOperation, RemoveOperation, TestOperation};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::table::Table;
use crate::controllers::Retries;
use crate::fence::{FENCE_GATE, Fence};

/// How long a policy that was put right is left alone. When two versions of Loadline run side by side for the length of a
/// rollout and differ about a policy, this is how fast they take turns.
const REST: Duration = Duration::from_secs(2);

/// Namespace and name.
pub(super) type PodKey = (String, String);

/// A fence in a namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct FenceKey {
    pub(super) namespace: String,
    pub(super) fence: Fence,
}

impl Ord for FenceKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.namespace
            .cmp(&other.namespace)
            .then_with(|| self.fence.as_str().cmp(other.fence.as_str()))
    }
}

impl PartialOrd for FenceKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A pod with the label of a fence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct FencedPod {
    /// Tells it from a later pod of the same name.
    pub(super) uid: String,
    /// None when the label names no fence that we know: such a pod stays at its gate.
    pub(super) fence: Option<Fence>,
    /// Our gate, as long as it is there and lifting it is of use.
    pub(super) gate: Option<Gate>,
}

/// Where our gate stands among a pod's scheduling gates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Gate {
    pub(super) index: usize,
    pub(super) is_only: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Put the fence's policy into the namespace, as it should be.
    Apply(FenceKey),
    /// Let the pod be scheduled.
    Lift(PodKey, Patch),
}

/// What may have to wait before it is tried again.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Target {
    Fence(FenceKey),
    Pod(PodKey),
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// All pods with the label of a fence.
    pub(super) pods: Table<PodKey, FencedPod>,
    /// The fences' policies that are in the cluster, and whether each says what it should.
    pub(super) policies: Table<FenceKey, bool>,
    /// What went wrong lately, and what was put right a moment ago.
    pub(super) retries: Retries<Target>,
}

impl Observed {
    /// Whether the fence stands and says what it should.
    fn is_in_place(&self, key: &FenceKey) -> bool {
        self.policies.rows().get(key) == Some(&true)
    }

    /// Notes that a fence was applied.
    pub(super) fn has_applied(&mut self, key: FenceKey, now: Instant) {
        let was_there = self.policies.rows().contains_key(&key);
        self.policies.set(key.clone(), true);
        self.retries.succeeded(Target::Fence(key), was_there.then_some(REST), now);
    }

    /// Notes that nothing more is to be done about a pod's gate, until the watch tells otherwise.
    pub(super) fn has_lifted(&mut self, key: PodKey, now: Instant) {
        self.pods.change(&key, |pod| pod.gate = None);
        self.retries.succeeded(Target::Pod(key), None, now);
    }

    /// Drops notes about what is gone.
    pub(super) fn forget_the_gone(&mut self) {
        let wanted = self.wanted();
        let pods = self.pods.rows();
        self.retries.retain(|target| match target {
            Target::Fence(key) => wanted.contains(key),
            Target::Pod(key) => pods.contains_key(key),
        });
    }

    /// Every fence that a pod needs, running pods included: their policy is put back when somebody removes it.
    fn wanted(&self) -> BTreeSet<FenceKey> {
        let pods = self.pods.rows().iter();
        pods.filter_map(|((namespace, _), pod)| {
            Some(FenceKey { namespace: namespace.clone(), fence: pod.fence? })
        })
        .collect()
    }
}

/// What to do now, and when to ask again if nothing happens before.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) actions: Vec<Action>,
    pub(super) again: Option<Instant>,
}

/// Plans: fences that pods need and that do not stand, then gates whose fence stands.
///
/// A policy that no pod needs any more is left where it is; it selects nothing, and the next fenced pod finds it.
pub(super) fn plan(observed: &Observed, now: Instant) -> Plan {
    let mut plan = Plan::default();
    let mut put =
        |target: &Target, action: Action| match observed.retries.blocked_until(target, now) {
            Some(time) => plan.again = Some(plan.again.map_or(time, |again| again.min(time))),
            None => plan.actions.push(action),
        };
    for key in observed.wanted() {
        if !observed.is_in_place(&key) {
            put(&Target::Fence(key.clone()), Action::Apply(key));
        }
    }
    for (key, pod) in observed.pods.rows() {
        let (Some(fence), Some(gate)) = (pod.fence, pod.gate) else {
            continue;
        };
        if observed.is_in_place(&FenceKey { namespace: key.0.clone(), fence }) {
            put(&Target::Pod(key.clone()), Action::Lift(key.clone(), lift(pod, gate)));
        }
    }
    plan
}

/// Removes our gate from a pod, and fails when it is not the pod and the gate that were seen.
///
/// Removing by index alone could take away another's gate that has moved up.
fn lift(pod: &FencedPod, gate: Gate) -> Patch {
    let test = |path: PointerBuf, value: Value| PatchOperation::Test(TestOperation { path, value });
    let gates = ["spec", "schedulingGates"];
    let (tested, expected, removed) = if gate.is_only {
        // An empty list is not the same as none: the API server refuses to leave one behind.
        let list = PointerBuf::from_tokens(gates);
        (list.clone(), json!([{ "name": FENCE_GATE }]), list)
    } else {
        let mut entry = PointerBuf::from_tokens(gates);
        entry.push_back(gate.index);
        let mut name = entry.clone();
        name.push_back("name");
        (name, json!(FENCE_GATE), entry)
    };
    Patch(vec![
        test(PointerBuf::from_tokens(["metadata", "uid"]), json!(pod.uid)),
        test(tested, expected),
        PatchOperation::Remove(RemoveOperation { path: removed }),
    ])
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fence(namespace: &str) -> FenceKey {
        FenceKey { namespace: namespace.into(), fence: Fence::Namespace }
    }

    fn pod_key(name: &str) -> PodKey {
        ("shop".into(), name.into())
    }

    fn gated(index: usize, is_only: bool) -> FencedPod {
        FencedPod {
            uid: "pod".into(),
            fence: Some(Fence::Namespace),
            gate: Some(Gate { index, is_only }),
        }
    }

    fn observed(pods: &[(&str, FencedPod)]) -> Observed {
        let mut observed = Observed::default();
        for (name, pod) in pods {
            observed.pods.set(pod_key(name), pod.clone());
        }
        observed
    }

    fn kinds(plan: &Plan) -> Vec<String> {
        let kind = |action: &Action| match action {
            Action::Apply(key) => format!("apply {}/{}", key.namespace, key.fence.as_str()),
            Action::Lift((namespace, name), _) => format!("lift {namespace}/{name}"),
        };
        plan.actions.iter().map(kind).collect()
    }

    #[track_caller]
    fn check(observed: &Observed, now: Instant, expected: &[&str]) {
        assert_eq!(kinds(&plan(observed, now)), expected);
    }

    #[test]
    fn the_policy_comes_first_once_for_all_pods_and_the_gates_after_it() {
        let now = Instant::now();
        let mut observed = observed(&[("a", gated(0, true)), ("b", gated(0, true))]);
        check(&observed, now, &["apply shop/namespace"]);
        observed.has_applied(fence("shop"), now);
        check(&observed, now, &["lift shop/a", "lift shop/b"]);
        observed.has_lifted(pod_key("a"), now);
        observed.has_lifted(pod_key("b"), now);
        check(&observed, now, &[]);
        assert_eq!(plan(&observed, now).again, None);
    }

    #[test]
    fn a_fence_that_was_there_before_us_needs_nothing() {
        let mut observed = observed(&[("a", gated(0, true))]);
        observed.policies.set(fence("shop"), true);
        check(&observed, Instant::now(), &["lift shop/a"]);
    }

    #[test]
    fn an_edited_policy_is_put_right_and_then_left_alone_for_a_while() {
        let now = Instant::now();
        let mut observed = observed(&[("a", FencedPod { gate: None, ..gated(0, true) })]);
        observed.has_applied(fence("shop"), now);
        check(&observed, now, &[]);
        observed.policies.set(fence("shop"), false);
        check(&observed, now, &["apply shop/namespace"]);
        observed.has_applied(fence("shop"), now);
        observed.policies.set(fence("shop"), false);
        assert_eq!(
            plan(&observed, now + SECOND),
            Plan { actions: vec![], again: Some(now + REST) }
        );
        check(&observed, now + REST, &["apply shop/namespace"]);
    }

    #[test]
    fn while_a_fence_does_not_say_what_it_should_no_gate_is_lifted() {
        let mut observed = observed(&[("a", gated(0, true))]);
        observed.policies.set(fence("shop"), false);
        check(&observed, Instant::now(), &["apply shop/namespace"]);
    }

    #[test]
    fn a_deleted_policy_comes_back_while_a_pod_needs_it() {
        let now = Instant::now();
        let mut observed = observed(&[("a", FencedPod { gate: None, ..gated(0, true) })]);
        observed.has_applied(fence("shop"), now);
        observed.policies.take_in(Event::Delete(()), |()| Some((fence("shop"), true)));
        check(&observed, now, &["apply shop/namespace"]);
        observed.retries.failed(Target::Fence(fence("shop")), now);
        observed.pods.take_in(Event::Delete(()), |()| Some((pod_key("a"), gated(0, true))));
        observed.forget_the_gone();
        assert_eq!(plan(&observed, now), Plan::default());
        assert_eq!(observed.retries.blocked_until(&Target::Fence(fence("shop")), now), None);
    }

    #[test]
    fn failures_wait_and_hold_nothing_else_up() {
        let now = Instant::now();
        let mut observed = observed(&[("a", gated(0, true))]);
        observed.pods.set(("other".into(), "b".into()), gated(0, true));
        observed.retries.failed(Target::Fence(fence("shop")), now);
        check(&observed, now, &["apply other/namespace"]);
        let pause = Duration::from_millis(500);
        assert_eq!(plan(&observed, now).again, Some(now + pause));
        check(&observed, now + pause, &["apply other/namespace", "apply shop/namespace"]);
    }

    #[test]
    fn a_pod_with_an_unknown_fence_stays_at_its_gate() {
        let pod = FencedPod { fence: None, ..gated(0, true) };
        check(&observed(&[("a", pod)]), Instant::now(), &[]);
    }

    #[test]
    fn lifting_removes_our_gate_and_no_other() {
        let apply = |pod: &FencedPod, mut object: Value| {
            let patch = lift(pod, pod.gate.unwrap());
            json_patch::patch(&mut object, &patch).map(|()| object).ok()
        };
        let object = |uid: &str, gates: Value| json!({"metadata": {"uid": uid}, "spec": {"schedulingGates": gates}});
        let [ours, other] = [json!({"name": FENCE_GATE}), json!({"name": "example.com/other"})];

        let only = gated(0, true);
        let lifted = json!({"metadata": {"uid": "pod"}, "spec": {}});
        assert_eq!(apply(&only, object("pod", json!([ours]))), Some(lifted));
        assert_eq!(
            apply(&only, object("pod", json!([ours, other]))),
            None,
            "somebody added a gate"
        );
        assert_eq!(
            apply(&only, object("another", json!([ours]))),
            None,
            "another pod of the same name"
        );
        assert_eq!(
            apply(&only, json!({"metadata": {"uid": "pod"}, "spec": {}})),
            None,
            "lifted already"
        );

        let second = gated(1, false);
        assert_eq!(
            apply(&second, object("pod", json!([other, ours]))),
            Some(object("pod", json!([other])))
        );
        assert_eq!(
            apply(&second, object("pod", json!([ours, other]))),
            None,
            "the gates have moved"
        );
    }
}
