//! One kind of virtual node, as data: [`Profile`].
//!
//! A profile says how its nodes are recognised, what a pod needs to get there, and what happens there to each feature. It
//! is read from a `VirtualNodeProfile` document ([`source`]) and checked against the catalogue.

pub mod base;
mod claim;
mod entry;
pub mod prices;
pub mod size;
pub mod source;
mod tie;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::node::NodeFact;
use crate::pod::{FeatureId, Requirement, Taint, Toleration};

pub use claim::{Claim, Hold};
pub use entry::{Effect, Entry, Method, Support, Verified};

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
    /// That node, and what it may look like beside: see [`Profile::nodes`].
    pub(crate) likely_nodes: Vec<NodeFact>,
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
    /// The sizes of pods that there are, where that is known.
    pub size: Option<size::Size>,
    /// What they cost, where that is known.
    pub prices: Option<Arc<prices::Prices>>,
    entries: Vec<Entry>,
    /// For each feature, the number of its entry.
    by_feature: Vec<Option<u16>>,
    /// For each feature, the number of the entry that its bases have.
    in_base: Vec<Option<u16>>,
    /// How to read a property of a field that has no entry, and for each feature whether it is one.
    unmentioned: Option<Entry>,
    is_property: Vec<bool>,
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

    /// The nodes that it may have where no cluster is known: the one it describes, and that node with other taints or labels
    /// by which its nodes are recognised. Taints have changed between versions of providers, and tolerations stayed.
    pub fn nodes(&self) -> Vec<NodeFact> {
        let Some(node) = &self.node else {
            return Vec::new();
        };
        let mut nodes = vec![node.clone()];
        for one in &self.recognise {
            let is_new = |taint: &Taint| !node.taints.iter().any(|own| own.key == taint.key);
            let has_other_taint = !one.taints.is_empty() && one.taints.iter().all(is_new);
            let has_other_label = one
                .labels
                .iter()
                .any(|(key, value)| node.label(key).is_some_and(|own| own != value));
            if !has_other_taint && !has_other_label {
                continue;
            }
            let mut other = node.clone();
            if has_other_taint {
                other.taints.clone_from(&one.taints);
                for taint in other.taints.iter_mut().filter(|taint| taint.effect.is_empty()) {
                    "NoSchedule".clone_into(&mut taint.effect);
                }
            }
            for (key, value) in &one.labels {
                other.labels.retain(|(known, _)| known != key);
                other.labels.push((key.clone(), value.clone()));
            }
            nodes.push(other);
        }
        nodes
    }

    /// The labels by which its nodes can be told from others, those that pods are given for a selector first. Not every node
    /// carries all of them.
    pub fn marks(&self) -> impl Iterator<Item = (&str, &str)> {
        let recognised = self.recognise.iter().flat_map(|one| &one.labels);
        self.inject
            .node_selector
            .iter()
            .chain(recognised)
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .chain([(PROFILE_KEY, self.name.as_str())])
            // Such as the operating system, which every node has.
            .filter(|(key, _)| NodeFact::plain().label(key).is_none())
    }

    /// Whether the node that it describes has this name.
    pub fn is_own_node(&self, name: &str) -> bool {
        self.node.as_ref().is_some_and(|node| node.name == name)
    }

    /// Whether a node of this name would be one of its nodes, as far as a name can tell.
    pub fn has_node_named(&self, name: &str) -> bool {
        self.is_own_node(name)
            || self.recognise.iter().flat_map(|one| &one.names).any(|glob| matches_glob(glob, name))
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
