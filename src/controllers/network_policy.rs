//! The fences: puts network policies in place, then lets fenced pods be scheduled.
//!
//! A pod that must be fenced is admitted with the label [`FENCED_LABEL`] and the scheduling gate [`FENCE_GATE`](crate::fence::FENCE_GATE). This loop
//! applies the policy of its fence to its namespace by server-side apply and only then lifts the gate. A policy that
//! somebody edits or deletes is put back as long as a pod needs it.
//!
//! The rights it needs: get namespaces; list, watch and patch pods; list, watch, create and patch network policies.

mod plan;
mod read;

use std::convert::Infallible;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::object::{Namespace, NetworkPolicy, Pod};
use crate::cluster::{self, ClusterError};
use crate::fence::{FENCED_LABEL, FIELD_MANAGER};
use plan::{Action, FenceKey, FencedPod, Observed, PodKey, Target, plan};

/// Selects the policies of fences; `Fence::policy` writes this label.
const MANAGED: &str = "app.kubernetes.io/managed-by=loadline";

/// How many requests to the API server are under way at once.
const CONCURRENCY: usize = 16;

/// How many steps are taken before the watches are heard again.
const ROUND: usize = 2 * CONCURRENCY;

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
    /// A pod's label names a fence that does not exist; if the pod waits for it, it waits for ever.
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
    let mut pod_events = pin!(cluster::events::<Pod>(&client, Some(FENCED_LABEL)));
    let mut policy_events = pin!(cluster::events::<NetworkPolicy>(&client, Some(MANAGED)));
    let watch_failed = |_: &'static str| count(Outcome::WatchFailed);
    let mut observed = Observed::default();
    let mut again: Option<Instant> = None;
    let mut round = Round::default();
    loop {
        // In this order: what has been told is taken in before anything is done about what was told before it.
        tokio::select! {
            biased;
            event = pod_events.next() => {
                cluster::take_in("pods", event, &watch_failed, |event| {
                    observed.pods.take_in(event, |pod| known_pod(&pod, &count))
                })?;
            }
            event = policy_events.next() => {
                cluster::take_in("networkpolicies", event, &watch_failed, |event| {
                    observed.policies.take_in(event, |policy| read::policy(&policy))
                })?;
            }
            () = cluster::until(again) => {
                again = act(&client, &mut observed, &mut round, &count).await;
                continue;
            }
        }
        again = Some(Instant::now());
    }
}

/// Does one round of what is planned, and says when to look again.
async fn act(
    client: &Client,
    observed: &mut Observed,
    round: &mut Round,
    count: &impl Fn(Outcome),
) -> Option<Instant> {
    let now = Instant::now();
    let plan = plan(observed, now);
    if plan.actions.is_empty() {
        return plan.again;
    }
    let steps = round.choose(plan.actions).into_iter().map(|action| step(client, action));
    let mut steps = futures::stream::iter(steps).buffer_unordered(CONCURRENCY);
    while let Some(done) = steps.next().await {
        if let Some(outcome) = note(observed, done, Instant::now()) {
            count(outcome);
        }
    }
    observed.forget_the_gone();
    Some(now)
}

/// Chooses what to do in one round.
///
/// Between rounds the watches are heard, so rounds are short. Each begins somewhere else: replicas that all began at the
/// front would do each other's work.
#[derive(Default)]
struct Round {
    chance: RandomState,
    number: u64,
}

impl Round {
    fn choose(&mut self, mut actions: Vec<Action>) -> Vec<Action> {
        self.number += 1;
        let chance = usize::try_from(self.chance.hash_one(self.number) >> 33).unwrap_or_default();
        let start = chance.checked_rem(actions.len()).unwrap_or_default();
        actions.rotate_left(start);
        actions.truncate(ROUND);
        actions
    }
}

/// How a step ended.
enum Done {
    Applied(FenceKey, Result<(), StepError>),
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
        Done::Applied(key, Ok(())) => {
            tracing::info!(
                namespace = key.namespace,
                fence = key.fence.as_str(),
                "network policy applied"
            );
            observed.has_applied(key, now);
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
    #[error("the policy was changed on its way into the cluster")]
    Changed,
    #[error("the namespace is being deleted")]
    Leaving,
    #[error("what was seen is no longer so")]
    Outdated,
    #[error("{}", cluster::reason(.0))]
    Refused(kube::Error),
    #[error("no answer within {} seconds", LIMIT.as_secs())]
    Slow,
}

async fn limited<T>(step: impl Future<Output = Result<T, StepError>>) -> Result<T, StepError> {
    tokio::time::timeout(LIMIT, step).await.unwrap_or(Err(StepError::Slow))
}

/// Applies the policy of a fence, with the namespace as its owner.
async fn apply(client: &Client, key: &FenceKey) -> Result<(), StepError> {
    // Asked each time and not remembered: a namespace of the same name may be another one by now.
    let namespace = Api::<Namespace>::all(client.clone())
        .get(&key.namespace)
        .await
        .map_err(StepError::Refused)?;
    if namespace.meta().deletion_timestamp.is_some() {
        return Err(StepError::Leaving);
    }
    let mut policy = key.fence.policy(&key.namespace);
    if let Some(metadata) = policy.get_mut("metadata").and_then(Value::as_object_mut) {
        let owner = json!({ "apiVersion": "v1", "kind": "Namespace", "name": key.namespace, "uid": namespace.uid() });
        metadata.insert("ownerReferences".to_owned(), json!([owner]));
    }
    let applied = Api::<NetworkPolicy>::namespaced(client.clone(), &key.namespace)
        .patch(
            &key.fence.policy_name(),
            &PatchParams::apply(FIELD_MANAGER).force(),
            &Patch::Apply(&policy),
        )
        .await
        .map_err(StepError::Refused)?;
    if read::says(&applied.spec, key.fence) { Ok(()) } else { Err(StepError::Changed) }
}

async fn lift(
    client: &Client,
    (namespace, name): &PodKey,
    patch: json_patch::Patch,
) -> Result<(), StepError> {
    let parameters =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let answer = Api::<Pod>::namespaced(client.clone(), namespace)
        .patch(name, &parameters, &Patch::Json::<()>(patch))
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if is_outdated(&status) => Err(StepError::Outdated),
        Err(error) => Err(StepError::Refused(error)),
    }
}

/// Whether the pod is gone or a test of the patch has failed. The API server answers that as it answers an invalid object,
/// but has no field to name.
fn is_outdated(status: &Status) -> bool {
    let names_nothing = || status.details.as_ref().is_none_or(|details| details.causes.is_empty());
    status.code == 404 || (status.code == 422 && names_nothing())
}

/// Reads a pod, and says so when its label names no fence: it gets no policy, and where it waits for one, it waits in vain.
fn known_pod(pod: &Pod, count: &impl Fn(Outcome)) -> Option<(PodKey, FencedPod)> {
    let (key, fenced) = read::pod(pod)?;
    if fenced.fence.is_none() {
        let label = pod.labels().get(FENCED_LABEL).map(String::as_str).unwrap_or_default();
        let waits = fenced.gate.is_some();
        tracing::warn!(
            namespace = key.0,
            pod = key.1,
            label,
            waits,
            "the pod's label `{FENCED_LABEL}` names no fence, so no policy is applied and no gate lifted for it"
        );
        count(Outcome::UnknownFence);
    }
    Some((key, fenced))
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
