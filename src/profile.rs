//! One kind of virtual node, as data: [`Profile`].
//!
//! A profile says how its nodes are recognised, what a pod needs to get there, and what happens there to each feature. It
//! is read from a `VirtualNodeProfile` document ([`source`]) and checked against the catalogue.

pub mod base;
pub mod source;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::node::NodeFact;
use crate::pod::{FeatureId, PodView, Requirement, Taint, Toleration};

/// Key of the label or annotation, on a pod or its namespace, that asks for a profile by name. As a label on a node it
/// settles which profile the node is of.
pub const PROFILE_KEY: &str = "loadline.dev/profile";

/// A profile's place in the bundle.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ProfileId(pub(crate) u16);

impl ProfileId {
    /// The id of the profile at that place of a bundle.
    pub fn numbered(place: usize) -> Self {
        Self(u16::try_from(place).unwrap_or(u16::MAX))
    }

    /// As an index into tables with one row a profile.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a profile does with a feature.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Support {
    /// Works as on a kubelet.
    Supported,
    /// Works under a condition, or with a changed meaning.
    Partial,
    /// Dropped without an error.
    Ignored,
    /// Refused, stuck or a crash.
    Unsupported,
    /// Nobody has looked, or what was seen proves nothing.
    Unverified,
}

impl Support {
    /// Every level.
    pub const ALL: [Self; 5] =
        [Self::Supported, Self::Partial, Self::Ignored, Self::Unsupported, Self::Unverified];

    /// The word used in the data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Partial => "partial",
            Self::Ignored => "ignored",
            Self::Unsupported => "unsupported",
            Self::Unverified => "unverified",
        }
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one sees when a feature is not supported.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Refused at admission by the provider's own webhook.
    AdmissionDeny,
    /// Passed on; the backend decides.
    BackendDefined,
    /// The provider panics.
    Crash,
    /// The provider refuses the pod after it was scheduled.
    CreateError,
    /// The call reports success and does nothing.
    NoOpSuccess,
    /// A call such as exec or logs returns an error.
    RuntimeError,
    /// Refused by the provider's scheduler, with an event.
    SchedulerDeny,
    /// Replaced or rounded without an error.
    SilentChange,
    /// Dropped without an error.
    SilentDrop,
    /// The pod stays Pending without a status or an event.
    SilentStall,
    /// Not known.
    Unverified,
    /// Takes effect.
    Works,
}

impl Effect {
    /// What becomes of the pod, to be read after the provider's name.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::AdmissionDeny => "refuses it at admission",
            Self::BackendDefined => "leaves it to the backend",
            Self::Crash => "crashes on it",
            Self::CreateError => "refuses the pod after it was scheduled",
            Self::NoOpSuccess => "reports success and does nothing",
            Self::RuntimeError => "answers the call with an error",
            Self::SchedulerDeny => "never schedules the pod",
            Self::SilentChange => "changes it without an error",
            Self::SilentDrop => "drops it without an error",
            Self::SilentStall => "leaves the pod Pending with no event",
            Self::Unverified => "has not been seen to do it",
            Self::Works => "does it",
        }
    }
}

/// How a fact came to be known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The provider's documentation says so.
    Documented,
    /// The provider's own code was run on such a pod.
    Executed,
    /// The provider's source was read.
    Source,
}

/// How and when a fact was verified.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// How.
    pub how: Method,
    /// The day, as `YYYY-MM-DD`.
    pub date: String,
}

/// What a profile does with a feature, and how we know.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// How well it works.
    pub support: Support,
    /// What one sees when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The fact, as a phrase after "because".
    pub reason: String,
    /// What follows, as a phrase after "so".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
    /// What to do instead, imperative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Whether nearly every pod has the field and hardly any notices the difference: noted instead of warned about.
    pub mild: bool,
    /// Whether what is sent to the backend lacks it: it has done its work in this cluster by then, or is lost although the
    /// feature as a whole works or is refused later.
    pub left_behind: bool,
    /// File and line, or address; several are joined by a comma.
    pub source: String,
    /// How and when it was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// The base that it was taken over from; none where the profile says it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// One way to recognise a node: all parts that are given must match.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Recognition {
    labels: std::collections::BTreeMap<String, String>,
    taints: Vec<Taint>,
    /// Globs; one of them must match.
    names: Vec<String>,
    /// A glob.
    kubelet_version: Option<String>,
}

impl Recognition {
    /// How many parts match, or nothing when one does not.
    fn weight(&self, node: &NodeFact) -> Option<usize> {
        let labels = self.labels.iter().all(|(key, value)| node.label(key) == Some(value));
        let taints = self.taints.iter().all(|wanted| {
            node.taints.iter().any(|taint| {
                wanted.key == taint.key
                    && (wanted.value.is_empty() || wanted.value == taint.value)
                    && (wanted.effect.is_empty() || wanted.effect == taint.effect)
            })
        });
        let names =
            self.names.is_empty() || self.names.iter().any(|glob| matches_glob(glob, &node.name));
        let version = self
            .kubelet_version
            .as_ref()
            .is_none_or(|glob| matches_glob(glob, &node.kubelet_version));
        let parts = self.labels.len()
            + self.taints.len()
            + usize::from(!self.names.is_empty())
            + usize::from(self.kubelet_version.is_some());
        (parts > 0 && labels && taints && names && version).then_some(parts)
    }
}

/// Pods that belong to a profile whatever their scheduling constraints say: all parts that are given must match.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Claim {
    scheduler_name: Option<String>,
    /// Label keys that must be there.
    pod_labels: Vec<String>,
    /// Features that the pod must use, by name: an annotation that asks for the provider, for example.
    features: Vec<String>,
    /// The same, tied to the catalogue.
    #[serde(skip)]
    ids: Vec<FeatureId>,
}

/// What a pod that asks for the profile needs to get there.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Injection {
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Node selector.
    pub node_selector: std::collections::BTreeMap<String, String>,
    /// Labels on the pod.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Which of the streaming calls work.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Access {
    /// `kubectl exec`.
    pub exec: Option<Entry>,
    /// `kubectl attach`.
    pub attach: Option<Entry>,
    /// `kubectl logs`.
    pub logs: Option<Entry>,
    /// `kubectl port-forward`.
    pub port_forward: Option<Entry>,
}

/// What the profile does with `NetworkPolicy`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkPolicySupport {
    /// How well it works.
    #[serde(flatten)]
    pub entry: Entry,
    /// The provider's own means to the same end, imperative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

/// One kind of virtual node.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its place in the bundle.
    pub id: ProfileId,
    /// `metadata.name`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Whether somebody still looks after the provider.
    pub status: String,
    /// What was read to know all this.
    pub revision: String,
    /// How its nodes are recognised.
    pub recognise: Vec<Recognition>,
    /// The node as it registers, for use where no cluster is known.
    pub node: Option<NodeFact>,
    /// Pods that belong to it anyway.
    pub claims: Vec<Claim>,
    /// What a pod that asks for it needs.
    pub inject: Injection,
    /// Node affinity expressions that keep a pod off its nodes.
    pub keep_off: Vec<Requirement>,
    /// Whether `DaemonSet` pods run there.
    pub daemon_sets: Entry,
    /// Whether `NetworkPolicy` is enforced there.
    pub network_policy: NetworkPolicySupport,
    /// Which streaming calls work.
    pub access: Access,
    /// The fence that pods headed here get even when their namespace asks for none.
    pub fence: Option<String>,
    /// How to read a feature without an entry.
    pub unlisted: Entry,
    /// The base whose facts hold where the profile has none of its own.
    pub extends: Option<String>,
    entries: Vec<Entry>,
    /// For each feature, the number of its entry.
    by_feature: Vec<Option<u16>>,
    /// For each feature, the number of the entry that its bases have.
    in_base: Vec<Option<u16>>,
    /// How to read a property of a field that has no entry, and for each feature whether it is one.
    unmentioned: Option<Entry>,
    is_property: Vec<bool>,
}

impl Entry {
    /// The fact and what follows from it, in one phrase.
    pub fn why(&self) -> String {
        match &self.consequence {
            Some(consequence) => format!("{}, so {consequence}", self.reason),
            None => self.reason.clone(),
        }
    }

    /// Whether the backend never hears of it, and no error says so.
    pub fn is_dropped(&self) -> bool {
        self.left_behind
            || self.support == Support::Ignored
            || (self.support == Support::Unsupported
                && matches!(self.effect, Some(Effect::SilentDrop | Effect::SilentChange)))
    }
}

impl Profile {
    /// What it does with a feature; where nothing is listed, what `unlisted` says, and of a property of a field nothing.
    pub fn entry(&self, feature: FeatureId) -> &Entry {
        self.listed(feature).unwrap_or_else(|| {
            let is_property = self.is_property.get(feature.index()).is_some_and(|is| *is);
            self.unmentioned.as_ref().filter(|_| is_property).unwrap_or(&self.unlisted)
        })
    }

    /// What it does with a feature, if that is listed.
    pub fn listed(&self, feature: FeatureId) -> Option<&Entry> {
        let number = (*self.by_feature.get(feature.index())?)?;
        self.entries.get(usize::from(number))
    }

    /// What its bases say of a feature, whether or not the profile has a word of its own.
    pub fn in_base(&self, feature: FeatureId) -> Option<&Entry> {
        let number = (*self.in_base.get(feature.index())?)?;
        self.entries.get(usize::from(number))
    }

    /// The profile of a node: the one with the most matching parts, the earlier one among equals. None for a regular node.
    ///
    /// The label `loadline.dev/profile` on the node settles it.
    pub fn recognise<'p>(profiles: &'p [Self], node: &NodeFact) -> Option<&'p Self> {
        if let Some(name) = node.label(PROFILE_KEY) {
            return profiles.iter().find(|profile| profile.name == name);
        }
        let weight =
            |profile: &Self| profile.recognise.iter().filter_map(|one| one.weight(node)).max();
        profiles
            .iter()
            .filter_map(|profile| Some((weight(profile)?, profile)))
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map(|(_, profile)| profile)
    }

    /// Whether the profile claims such a pod.
    pub fn claims(&self, pod: &PodView) -> bool {
        self.claims.iter().any(|claim| {
            let scheduler = claim
                .scheduler_name
                .as_ref()
                .is_none_or(|wanted| pod.scheduler_name.as_ref() == Some(wanted));
            let labels = claim.pod_labels.iter().all(|key| pod.label(key).is_some());
            let features = claim.ids.iter().all(|id| pod.uses.iter().any(|one| one.feature == *id));
            let is_any = claim.scheduler_name.is_some()
                || !claim.pod_labels.is_empty()
                || !claim.ids.is_empty();
            is_any && scheduler && labels && features
        })
    }

    /// Whether a node of this name would be one of its nodes, as far as a name can tell.
    pub fn has_node_named(&self, name: &str) -> bool {
        self.node.as_ref().is_some_and(|node| node.name == name)
            || self.recognise.iter().flat_map(|one| &one.names).any(|glob| matches_glob(glob, name))
    }

    /// Ties entries to features. Each stands in one of the profile's own entries only; of what was handed down, the first
    /// counts. Used by [`source`] alone.
    fn tie(
        &mut self,
        catalogue: &Catalogue,
        own: Vec<(Vec<FeatureId>, Entry)>,
        handed: Vec<(Vec<FeatureId>, Entry)>,
        left_behind: &[FeatureId],
    ) {
        self.by_feature = vec![None; catalogue.len()];
        self.in_base = vec![None; catalogue.len()];
        let first_of_base = own.len();
        for (number, (features, entry)) in (0_u16..).zip(own.into_iter().chain(handed)) {
            let is_of_base = usize::from(number) >= first_of_base;
            for feature in features {
                if let Some(slot) = self.by_feature.get_mut(feature.index()) {
                    slot.get_or_insert(number);
                }
                if let Some(slot) = self.in_base.get_mut(feature.index()).filter(|_| is_of_base) {
                    slot.get_or_insert(number);
                }
            }
            self.entries.push(entry);
        }
        self.leave_behind(left_behind);
        // What `unlisted` says is said of fields; a property of a field that nobody mentions changes nothing.
        self.is_property = catalogue.features().map(|(_, feature)| feature.is_property).collect();
        self.unmentioned = Some(Entry {
            support: Support::Supported,
            effect: None,
            reason: "nothing that was read sets it apart from the field itself".to_owned(),
            consequence: None,
            help: None,
            mild: false,
            left_behind: false,
            source: self.unlisted.source.clone(),
            verified: self.unlisted.verified.clone(),
            from: None,
        });
    }

    /// Marks the entries of these features as left behind, and leaves other features of the same entries alone.
    fn leave_behind(&mut self, features: &[FeatureId]) {
        let mut marked: std::collections::BTreeMap<u16, u16> = std::collections::BTreeMap::new();
        for feature in features {
            let Some(Some(number)) = self.by_feature.get(feature.index()).copied() else {
                continue;
            };
            let Some(entry) = self.entries.get(usize::from(number)) else {
                continue;
            };
            let entry = Entry { left_behind: true, ..entry.clone() };
            let twin = match marked.get(&number) {
                Some(twin) => *twin,
                None => {
                    let twin = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
                    self.entries.push(entry);
                    marked.insert(number, twin);
                    twin
                }
            };
            if let Some(slot) = self.by_feature.get_mut(feature.index()) {
                *slot = Some(twin);
            }
        }
    }
}

/// Whether `text` matches `glob`, in which `*` stands for any characters.
pub(crate) fn matches_glob(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = glob.rsplit_once('*').map(|(_, last)| last) else {
        return rest.is_empty();
    };
    let Some(body) = rest.strip_suffix(last) else {
        return false;
    };
    rest = body;
    let middle = glob.split('*').count().saturating_sub(2);
    for part in parts.take(middle) {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts() {
        for (glob, text, expected) in [
            ("virtual-node-aci-*", "virtual-node-aci-linux", true),
            ("*kip*", "my-kip-0", true),
            ("*kip*", "my-kpi-0", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("plain", "plain", true),
            ("plain", "plainly", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches_glob(glob, text), expected, "{glob} {text}");
        }
    }
}
