//! Profiles as they are written: `VirtualNodeProfile` documents.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    Access, Claim, Effect, Entry, Injection, NetworkPolicySupport, Profile, ProfileId, Recognition,
    Support, Verified,
};
use crate::catalogue::Catalogue;
use crate::catalogue::source::OneOrMany;
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::node::NodeFact;
use crate::path::FieldPath;
use crate::pod::{Requirement, Taint};

/// A `VirtualNodeProfile` document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProfileSource {
    /// Version of the format.
    pub api_version: String,
    /// `VirtualNodeProfile`.
    pub kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    title: String,
    status: String,
    revision: String,
    #[serde(default)]
    recognise: Vec<Recognition>,
    node: Option<NodeSource>,
    #[serde(default)]
    claims: Vec<Claim>,
    #[serde(default)]
    inject: Injection,
    #[serde(default)]
    keep_off: Vec<Requirement>,
    daemon_sets: EntrySource,
    network_policy: NetworkPolicySource,
    #[serde(default)]
    access: AccessSource,
    fence: Option<String>,
    unlisted: EntrySource,
    support: Vec<SupportSource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeSource {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    taints: Vec<Taint>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EntrySource {
    support: Support,
    effect: Option<Effect>,
    reason: String,
    consequence: Option<String>,
    help: Option<String>,
    #[serde(default)]
    mild: bool,
    #[serde(default)]
    left_behind: bool,
    #[serde(default)]
    source: OneOrMany<String>,
    verified: Option<Verified>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NetworkPolicySource {
    support: Support,
    effect: Option<Effect>,
    reason: String,
    instead: Option<String>,
    #[serde(default)]
    source: OneOrMany<String>,
    verified: Option<Verified>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct AccessSource {
    exec: Option<EntrySource>,
    attach: Option<EntrySource>,
    logs: Option<EntrySource>,
    port_forward: Option<EntrySource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SupportSource {
    features: Vec<String>,
    support: Support,
    effect: Option<Effect>,
    reason: String,
    consequence: Option<String>,
    help: Option<String>,
    #[serde(default)]
    mild: bool,
    #[serde(default)]
    left_behind: bool,
    #[serde(default)]
    source: OneOrMany<String>,
    verified: Option<Verified>,
}

impl From<EntrySource> for Entry {
    fn from(source: EntrySource) -> Self {
        Self {
            support: source.support,
            effect: source.effect,
            reason: source.reason,
            consequence: source.consequence,
            help: source.help,
            mild: source.mild,
            left_behind: source.left_behind,
            source: source.source.as_slice().join(", "),
            verified: source.verified,
        }
    }
}

impl ProfileSource {
    /// The profile's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Ties the document to a catalogue.
    ///
    /// Gives every mistake at once: features that the catalogue does not know or that stand twice.
    pub fn build(self, id: ProfileId, catalogue: &Catalogue) -> Result<Profile, Vec<Mistake>> {
        let spec = self.spec;
        let mut problems = Vec::new();
        let mut told = BTreeSet::new();
        let mut entries = Vec::with_capacity(spec.support.len());
        for (number, source) in spec.support.into_iter().enumerate() {
            let mut features = Vec::with_capacity(source.features.len());
            for (position, name) in source.features.iter().enumerate() {
                let place = FieldPath::keys("spec.support").index(number);
                let place = place.key("features").index(position);
                match catalogue.by_name(name) {
                    Some(feature) if told.insert(feature) => features.push(feature),
                    Some(_) => problems
                        .push(Mistake { place, message: format!("`{name}` is listed twice") }),
                    None => {
                        let hint = suggest::nearest(name, catalogue.names())
                            .map(|near| format!("; did you mean `{near}`?"));
                        problems.push(Mistake {
                            place,
                            message: format!(
                                "unknown feature `{name}`{}",
                                hint.unwrap_or_default()
                            ),
                        });
                    }
                }
            }
            let entry = EntrySource {
                support: source.support,
                effect: source.effect,
                reason: source.reason,
                consequence: source.consequence,
                help: source.help,
                mild: source.mild,
                left_behind: source.left_behind,
                source: source.source,
                verified: source.verified,
            };
            entries.push((features, entry.into()));
        }
        let network_policy = NetworkPolicySupport {
            entry: Entry {
                support: spec.network_policy.support,
                effect: spec.network_policy.effect,
                reason: spec.network_policy.reason,
                consequence: None,
                help: None,
                mild: false,
                left_behind: false,
                source: spec.network_policy.source.as_slice().join(", "),
                verified: spec.network_policy.verified,
            },
            instead: spec.network_policy.instead,
        };
        let mut profile = Profile {
            id,
            name: self.metadata.name,
            title: spec.title,
            status: spec.status,
            revision: spec.revision,
            recognise: spec.recognise,
            node: spec.node.map(|node| NodeFact {
                name: node.name,
                labels: node.labels.into_iter().collect(),
                taints: node.taints,
                kubelet_version: String::new(),
            }),
            claims: spec.claims,
            inject: spec.inject,
            keep_off: spec.keep_off,
            daemon_sets: spec.daemon_sets.into(),
            network_policy,
            access: Access {
                exec: spec.access.exec.map(Entry::from),
                attach: spec.access.attach.map(Entry::from),
                logs: spec.access.logs.map(Entry::from),
                port_forward: spec.access.port_forward.map(Entry::from),
            },
            fence: spec.fence,
            unlisted: spec.unlisted.into(),
            entries: Vec::new(),
            by_feature: Vec::new(),
            unmentioned: None,
            is_property: Vec::new(),
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        profile.tie(catalogue, entries);
        Ok(profile)
    }
}
