//! The fences: puts NetworkPolicies in place, then lets fenced pods be scheduled.
//!
//! A pod that must be fenced is admitted with the label [`FENCED_LABEL`] and the scheduling gate [`FENCE_GATE`]. This loop
//! applies the policy of its fence to its namespace by server-side apply and only then lifts the gate. A policy that
//! somebody edits or deletes is put back as long as a pod needs it.
//!
//! The rights it needs: get namespaces; list, watch and patch pods; list, watch, create and patch network policies.

mod plan;

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::json;
use tokio::time::Instant;

use crate::cluster::object::{Namespace, NetworkPolicy, Pod};
use crate::cluster::{self, Chain, ClusterError};
use crate::fence::{FENCE_GATE, FENCED_LABEL, FIELD_MANAGER, Fence};
use plan::{Action, FenceKey, FencedPod, Gate, Observed, PodKey, Target, Version, plan};

/// Selects the policies of fences; [`Fence::policy`] writes this label.
const MANAGED: &str = "app.kubernetes.io/managed-by=loadline";

/// How many requests to the API server are under way at once.
const CONCURRENCY: usize = 16;

/// How long one step may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What the loop did, for the metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// A gate could not be lifted; it is tried again.
    GateFailed,
    /// A gate was lifted.
    GateLifted,
    /// A policy was applied.
    PolicyApplied,
    /// A policy could not be applied; it is tried again, and the pods wait.
    PolicyFailed,
    /// A pod waits at its gate for a fence that does not exist.
    UnknownFence,
    /// A watch failed; it is begun anew.
    WatchFailed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [
        Self::GateFailed,
        Self::GateLifted,
        Self::PolicyApplied,
        Self::PolicyFailed,
        Self::UnknownFence,
        Self::WatchFailed,
    ];

    /// The word for labels of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GateFailed => "gate-failed",
            Self::GateLifted => "gate-lifted",
            Self::PolicyApplied => "policy-applied",
            Self::PolicyFailed => "policy-failed",
            Self::UnknownFence => "unknown-fence",
            Self::WatchFailed => "watch-failed",
        }
    }
}

/// Runs the loop. `count` is told of every outcome.
///
/// Never returns but with an error, and then the program should end: fenced pods would wait for ever.
pub async fn run(client: Client, count: impl Fn(Outcome)) -> Result<Infallible, ClusterError> {
    let of_fences = cluster::watch_config().labels(FENCED_LABEL);
    let managed = cluster::watch_config().labels(MANAGED);
    let mut pod_events = pin!(watcher(Api::<Pod>::all(client.clone()), of_fences).default_backoff());
    let mut policy_events =
        pin!(watcher(Api::<NetworkPolicy>::all(client.clone()), managed).default_backoff());
    let watch_failed = |_: &'static str| count(Outcome::WatchFailed);
    let mut observed = Observed::default();
    let mut again: Option<Instant> = None;
    loop {
        tokio::select! {
            event = pod_events.next() => {
                cluster::take_in("pods", event, &watch_failed, |event| {
                    observed.pods.take_in(event, |pod| read_pod(&pod, &count))
                })?;
            }
            event = policy_events.next() => {
                cluster::take_in("networkpolicies", event, &watch_failed, |event| {
                    observed.policies.take_in(event, |policy| read_policy(&policy))
                })?;
            }
            () = cluster::until(again) => {}
        }
        again = act(&client, &mut observed, &count).await;
    }
}

/// Plans and acts until there is nothing to do at this moment, and says when to look again.
async fn act(client: &Client, observed: &mut Observed, count: &impl Fn(Outcome)) -> Option<Instant> {
    loop {
        let plan = plan(observed, Instant::now());
        if plan.actions.is_empty() {
            return plan.again;
        }
        let steps = plan.actions.into_iter().map(|action| step(client, action));
        let mut steps = futures::stream::iter(steps).buffer_unordered(CONCURRENCY);
        while let Some(done) = steps.next().await {
            if let Some(outcome) = note(observed, done, Instant::now()) {
                count(outcome);
            }
        }
        observed.forget_the_gone();
    }
}

/// How a step ended.
enum Done {
    Applied(FenceKey, Result<Version, StepError>),
    Lifted(PodKey, Result<(), StepError>),
}

async fn step(client: &Client, action: Action) -> Done {
    match action {
        Action::Apply(key) => {
            let result = limited(apply(client, &key)).await;
            Done::Applied(key, result)
        }
        Action::Lift(key, patch) => {
            let result = limited(lift(client, &key, patch)).await;
            Done::Lifted(key, result)
        }
    }
}

fn note(observed: &mut Observed, done: Done, now: Instant) -> Option<Outcome> {
    Some(match done {
        Done::Applied(key, Ok(version)) => {
            tracing::info!(namespace = key.namespace, fence = key.fence.as_str(), "network policy applied");
            observed.has_applied(key, version, now);
            Outcome::PolicyApplied
        }
        Done::Applied(key, Err(error)) => {
            tracing::warn!(namespace = key.namespace, fence = key.fence.as_str(), %error, "network policy not applied, it is tried again");
            observed.retries.failed(Target::Fence(key), now);
            Outcome::PolicyFailed
        }
        Done::Lifted(key, Ok(())) => {
            tracing::debug!(namespace = key.0, pod = key.1, "gate lifted");
            observed.has_lifted(key, now);
            Outcome::GateLifted
        }
        Done::Lifted(key, Err(StepError::Outdated)) => {
            // Another replica was faster, or the watch has the pod's new state on its way: looked at again in a moment.
            observed.retries.failed(Target::Pod(key), now);
            return None;
        }
        Done::Lifted(key, Err(error)) => {
            tracing::warn!(namespace = key.0, pod = key.1, %error, "gate not lifted, it is tried again");
            observed.retries.failed(Target::Pod(key), now);
            Outcome::GateFailed
        }
    })
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("the namespace is being deleted")]
    Leaving,
    #[error("what was seen is no longer so")]
    Outdated,
    #[error("{}", Chain(.0))]
    Refused(#[from] kube::Error),
    #[error("no answer within {} seconds", LIMIT.as_secs())]
    Slow,
}

async fn limited<T>(step: impl Future<Output = Result<T, StepError>>) -> Result<T, StepError> {
    tokio::time::timeout(LIMIT, step).await.unwrap_or(Err(StepError::Slow))
}

/// Applies the policy of a fence, with the namespace as its owner.
async fn apply(client: &Client, key: &FenceKey) -> Result<Version, StepError> {
    // Asked each time and not remembered: a namespace of the same name may be another one by now.
    let namespace = Api::<Namespace>::all(client.clone()).get(&key.namespace).await?;
    if namespace.meta().deletion_timestamp.is_some() {
        return Err(StepError::Leaving);
    }
    let mut policy = key.fence.policy(&key.namespace);
    if let Some(metadata) = policy.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        let owner = json!({ "apiVersion": "v1", "kind": "Namespace", "name": key.namespace, "uid": namespace.uid() });
        metadata.insert("ownerReferences".to_owned(), json!([owner]));
    }
    let applied = Api::<NetworkPolicy>::namespaced(client.clone(), &key.namespace)
        .patch(&key.fence.policy_name(), &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&policy))
        .await?;
    Ok(version(&applied))
}

async fn lift(client: &Client, (namespace, name): &PodKey, patch: json_patch::Patch) -> Result<(), StepError> {
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let answer = Api::<Pod>::namespaced(client.clone(), namespace)
        .patch(name, &parameters, &Patch::Json::<()>(patch))
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if is_outdated(&status) => Err(StepError::Outdated),
        Err(error) => Err(error.into()),
    }
}

/// Whether the pod is gone or a test of the patch has failed; that has the code of an invalid object, but not its reason.
fn is_outdated(status: &Status) -> bool {
    status.code == 404 || (status.code == 422 && status.reason != "Invalid")
}

fn read_pod(pod: &Pod, count: &impl Fn(Outcome)) -> Option<(PodKey, FencedPod)> {
    let label = pod.labels().get(FENCED_LABEL)?;
    let key = (pod.namespace()?, pod.name_any());
    let fence = Fence::parse(label);
    let gates = pod.gates();
    let gate = gates
        .iter()
        .position(|gate| gate.name == FENCE_GATE)
        .filter(|_| pod.meta().deletion_timestamp.is_none())
        .map(|index| Gate { index, is_only: gates.len() == 1 });
    if fence.is_none() && gate.is_some() {
        tracing::warn!(namespace = key.0, pod = key.1, fence = label, "the pod waits for a fence that does not exist");
        count(Outcome::UnknownFence);
    }
    Some((key, FencedPod { uid: pod.uid().unwrap_or_default(), fence, gate }))
}

/// The fence whose policy this is; other policies with our label are none of our business.
fn read_policy(policy: &NetworkPolicy) -> Option<(FenceKey, Version)> {
    let name = policy.name_any();
    let fence = Fence::ALL.into_iter().find(|fence| fence.policy_name() == name)?;
    Some((FenceKey { namespace: policy.namespace()?, fence }, version(policy)))
}

fn version(policy: &NetworkPolicy) -> Version {
    Version { uid: policy.uid().unwrap_or_default(), generation: policy.meta().generation.unwrap_or_default() }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
