//! Where a pod is headed: [`Placement`].
//!
//! The rules are the scheduler's own: NodeName, NodeAffinity (node selector and required terms) and TaintToleration, as
//! kube-scheduler 1.37 applies them. Resources, spread and pod affinity say *when* a node fits, not *whether it may*; they
//! are left to the scheduler.

pub mod filter;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::facts::Facts;
use crate::node::{HOST_NAME, NodeFact};
use crate::pod::{PodView, lookup};
use crate::profile::{Hold, Profile, ProfileId};

/// Value of [`PROFILE_KEY`](crate::profile::PROFILE_KEY) on a pod that wants none, whatever its namespace asks for.
pub const NO_PROFILE: &str = "none";

/// The key of the taint that Virtual Kubelet's core gives a node where nobody chose another.
pub const DEFAULT_TAINT: &str = "virtual-kubelet.io/provider";

/// How firmly a pod is headed for virtual nodes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It can run on virtual nodes only.
    Bound,
    /// It may run on a virtual node or on a regular one.
    Eligible,
    /// It cannot reach a virtual node.
    Regular,
}

impl Standing {
    /// The word printed and given to policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Eligible => "eligible",
            Self::Regular => "regular",
        }
    }
}

/// Why a profile's nodes are within a pod's reach.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The command line asked whether the pod would run there.
    AskedByCaller,
    /// The pod's namespace asks for the profile.
    AskedByNamespace,
    /// The pod asks for the profile.
    AskedByPod,
    /// The profile claims such pods by scheduler name, label or annotation.
    Claimed,
    /// The same, for pods that may stay on regular nodes, too.
    Burst,
    /// `spec.nodeName` names one of its nodes.
    NodeName,
    /// The scheduler could choose one of its nodes.
    Schedulable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AskedByCaller => "the profile was named on the command line",
            Self::AskedByNamespace => {
                "its namespace asks for the profile with `loadline.dev/profile`"
            }
            Self::AskedByPod => "it asks for the profile with `loadline.dev/profile`",
            Self::Claimed => "the profile claims such pods by scheduler name, label or annotation, theirs or their namespace's",
            Self::Burst => "its label or annotation lets it burst to the profile",
            Self::NodeName => "`spec.nodeName` names one of its nodes",
            Self::Schedulable => "its tolerations, node selector and affinity admit such a node",
        })
    }
}

/// A profile within reach, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reach {
    /// The profile.
    pub profile: ProfileId,
    /// Why it is within reach.
    pub reason: Reason,
}

/// Where a pod is headed, with the reasons.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placement {
    /// How firmly.
    pub standing: Standing,
    /// The profiles within reach, in the order of the bundle; empty exactly when the standing is regular.
    pub reaches: Vec<Reach>,
}

impl Placement {
    /// A pod that no virtual node concerns.
    pub const fn regular() -> Self {
        Self { standing: Standing::Regular, reaches: Vec::new() }
    }

    /// A pod that must run on `profile`.
    pub fn asked(profile: ProfileId, reason: Reason) -> Self {
        Self { standing: Standing::Bound, reaches: vec![Reach { profile, reason }] }
    }

    /// Predicts where the scheduler may put `pod`.
    ///
    /// With a cluster in `facts` its nodes decide, and profiles without a node there are out of reach unless they claim
    /// the pod. Without one, each profile's own description of its node stands in for the cluster.
    ///
    /// `namespace` holds the labels of the pod's namespace, where that has a say.
    pub fn predict(
        facts: &Facts,
        profiles: &[Profile],
        pod: &PodView,
        namespace: Option<&BTreeMap<String, String>>,
    ) -> Self {
        let namer = sole_namer(facts, profiles, pod);
        let reaches: Vec<Reach> = profiles
            .iter()
            .filter(|profile| namer.is_none_or(|namer| namer == profile.id))
            .filter_map(|profile| {
                let reason = match profile.claims(pod, namespace) {
                    Some(Hold::Bound) => Reason::Claimed,
                    Some(Hold::Burst) if is_open(facts, profile, pod) => Reason::Burst,
                    Some(Hold::Burst) | None => reach(facts, profile, pod)?,
                };
                Some(Reach { profile: profile.id, reason })
            })
            .collect();
        if reaches.is_empty() {
            return Self::regular();
        }
        let claimed =
            reaches.iter().any(|reach| matches!(reach.reason, Reason::Claimed | Reason::NodeName));
        let standing = if !claimed && may_run_on_regular(facts, pod) {
            Standing::Eligible
        } else {
            Standing::Bound
        };
        Self { standing, reaches }
    }

    /// Whether `profile` is within reach.
    pub fn includes(&self, profile: ProfileId) -> bool {
        self.reaches.iter().any(|reach| reach.profile == profile)
    }
}

/// The profile that alone has a node of the name in `spec.nodeName`, where no cluster is known: the pod is there already, and
/// whatever its selector would allow besides is of no account.
///
/// A name that merely looks like one of a profile's counts where the pod's selector does not lead elsewhere. Many profiles
/// describe a node of the same name, which tells nothing.
fn sole_namer(facts: &Facts, profiles: &[Profile], pod: &PodView) -> Option<ProfileId> {
    let name = pod.node_name.as_deref().filter(|_| facts.cluster().is_none())?;
    let mut owners = profiles.iter().filter(|profile| profile.is_own_node(name));
    let mut alike = profiles.iter().filter(|profile| profile.has_node_named(name));
    let namer = match (owners.next(), owners.next()) {
        (None, _) => {
            alike.next().filter(|profile| alike.next().is_none() && may_admit(profile, pod))
        }
        (owner, None) => owner,
        (Some(_), Some(_)) => None,
    };
    namer.map(|profile| profile.id)
}

/// The nodes of `profile` that a pod may be meant for: those that are there, or where no cluster is known the one that the
/// profile describes.
pub fn own_nodes<'a>(facts: &'a Facts, profile: &'a Profile) -> Vec<&'a NodeFact> {
    facts.cluster().map_or_else(
        || profile.node.iter().collect(),
        |cluster| cluster.of_profile(&profile.name).collect(),
    )
}

/// Whether the pod would be let in by a node of `profile` once it has got the tolerations that the provider adds.
fn is_open(facts: &Facts, profile: &Profile, pod: &PodView) -> bool {
    let tolerating = pod.tolerating_everything();
    pod.node_name.is_none()
        && own_nodes(facts, profile).into_iter().any(|node| filter::admits(&tolerating, node))
}

/// Whether, and why, a node of `profile` is open to `pod` by the scheduler's filters.
fn reach(facts: &Facts, profile: &Profile, pod: &PodView) -> Option<Reason> {
    let admits = |node: &NodeFact| filter::admits(pod, node);
    match (&pod.node_name, facts.cluster()) {
        (Some(name), Some(cluster)) => cluster
            .of_profile(&profile.name)
            .any(|node| node.name == *name)
            .then_some(Reason::NodeName),
        (Some(name), None) => {
            // A name that tells nothing may still stand beside a selector that does.
            let is_meant = || !filter::admits(pod, NodeFact::plain()) && may_admit(profile, pod);
            (profile.has_node_named(name) || is_meant()).then_some(Reason::NodeName)
        }
        (None, Some(cluster)) => {
            cluster.of_profile(&profile.name).any(admits).then_some(Reason::Schedulable)
        }
        (None, None) => may_admit(profile, pod).then_some(Reason::Schedulable),
    }
}

/// Whether a node that the profile may have is open to `pod`, where no cluster is known.
fn may_admit(profile: &Profile, pod: &PodView) -> bool {
    profile
        .likely_nodes
        .iter()
        .any(|node| filter::admits(pod, node) || admits_namesake(profile, node, pod))
}

/// Whether the pod names, by the label `kubernetes.io/hostname`, another node than the one that the profile describes, and
/// that one is open to it. A name that the profile does not know counts beside a toleration for a taint of its own.
fn admits_namesake(profile: &Profile, node: &NodeFact, pod: &PodView) -> bool {
    let selector = pod.node_selector.as_deref().unwrap_or_default();
    let Some(name) = lookup(selector, HOST_NAME) else {
        return false;
    };
    let is_told_by_taint = || {
        filter::repelling(&node.taints).any(|taint| {
            taint.key != DEFAULT_TAINT && pod.tolerations().iter().any(|one| one.key == taint.key)
        })
    };
    if !profile.has_node_named(name) && !is_told_by_taint() {
        return false;
    }
    let mut namesake = NodeFact { name: name.to_owned(), ..node.clone() };
    namesake.labels.retain(|(key, _)| key != HOST_NAME);
    namesake.labels.push((HOST_NAME.to_owned(), name.to_owned()));
    filter::admits(pod, &namesake)
}

/// Whether some regular node may take `pod`: one that is there, or the plain one that every cluster can have.
///
/// The plain node stands in for those that an autoscaler adds: a pod that asks for nothing special is not bound to the
/// virtual nodes just because no regular node happens to be up.
pub fn may_run_on_regular(facts: &Facts, pod: &PodView) -> bool {
    pod.node_name.is_none()
        && (filter::admits(pod, NodeFact::plain())
            || facts
                .cluster()
                .is_some_and(|cluster| cluster.regular().any(|node| filter::admits(pod, node))))
}
