//! Profiles as they are written: `VirtualNodeProfile` documents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use super::base::{Bases, Inheritance, names, resolve};
use super::prices::PricesSource;
use super::size::source::SizeSource;
use super::{
    Access, Claim, Effect, Entry, Injection, NetworkPolicySupport, Profile, ProfileId, Recognition,
    Support, Verified,
};
use crate::catalogue::Catalogue;
use crate::catalogue::source::OneOrMany;
use crate::document::Mistake;
use crate::node::NodeFact;
use crate::path::FieldPath;
use crate::pod::{FeatureId, Requirement, Taint};

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

/// A `VirtualNodeBase` document: facts that several kinds of virtual nodes share, and nothing about any node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BaseSource {
    /// Version of the format.
    pub api_version: String,
    /// `VirtualNodeBase`.
    pub kind: String,
    metadata: Metadata,
    spec: BaseSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BaseSpec {
    /// For readers of the data.
    #[serde(rename = "title")]
    _title: String,
    extends: Option<String>,
    #[serde(default)]
    access: AccessSource,
    support: Vec<SupportSource>,
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
    extends: Option<String>,
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
    size: Option<SizeSource>,
    prices: Option<PricesSource>,
    unlisted: EntrySource,
    #[serde(default)]
    left_behind: Vec<String>,
    #[serde(default)]
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
pub(super) struct AccessSource {
    exec: Option<EntrySource>,
    attach: Option<EntrySource>,
    logs: Option<EntrySource>,
    port_forward: Option<EntrySource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SupportSource {
    pub(super) features: Vec<String>,
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
            from: None,
        }
    }
}

impl From<SupportSource> for Entry {
    fn from(source: SupportSource) -> Self {
        let fact = EntrySource {
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
        fact.into()
    }
}

impl From<AccessSource> for Access {
    fn from(source: AccessSource) -> Self {
        Self {
            exec: source.exec.map(Entry::from),
            attach: source.attach.map(Entry::from),
            logs: source.logs.map(Entry::from),
            port_forward: source.port_forward.map(Entry::from),
        }
    }
}

impl BaseSource {
    /// The base's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(super) fn facts(&self) -> (Option<&str>, &AccessSource, &[SupportSource]) {
        (self.spec.extends.as_deref(), &self.spec.access, &self.spec.support)
    }
}

impl ProfileSource {
    /// The profile's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(super) fn facts(&self) -> (Option<&str>, &AccessSource, &[SupportSource]) {
        (self.spec.extends.as_deref(), &self.spec.access, &self.spec.support)
    }

    /// Ties the document to a catalogue, and to what it extends.
    ///
    /// Gives every mistake at once: features that the catalogue does not know or that stand twice, a base that is not there.
    pub fn build(
        self,
        id: ProfileId,
        catalogue: &Catalogue,
        bases: &Bases,
    ) -> Result<Profile, Vec<Mistake>> {
        let mut spec = self.spec;
        let mut problems = Vec::new();
        for (number, claim) in spec.claims.iter_mut().enumerate() {
            let place = FieldPath::keys("spec.claims").index(number).key("features");
            let mut told = BTreeSet::new();
            claim.ids = names(claim.features(), &place, catalogue, &mut told, &mut problems);
        }
        let handed = bases
            .inheritance(&self.metadata.name, spec.extends.as_deref(), catalogue)
            .unwrap_or_else(|mistake| {
                problems.push(mistake);
                Inheritance::default()
            });
        let own = resolve(&spec.support, catalogue, &mut problems);
        // What an entry has marked already would be marked twice.
        let mut told: BTreeSet<FeatureId> = own
            .iter()
            .filter(|(_, entry)| entry.left_behind)
            .flat_map(|(features, _)| features.iter().copied())
            .collect();
        let place = FieldPath::keys("spec.leftBehind");
        let left_behind = names(&spec.left_behind, &place, catalogue, &mut told, &mut problems);
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
                from: None,
            },
            instead: spec.network_policy.instead,
        };
        let size = spec.size.map(|size| size.build(&mut problems));
        let prices =
            spec.prices.map(|prices| prices.build(&FieldPath::keys("spec.prices"), &mut problems));
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
            likely_nodes: Vec::new(),
            claims: spec.claims,
            inject: spec.inject,
            keep_off: spec.keep_off,
            daemon_sets: spec.daemon_sets.into(),
            network_policy,
            access: Access::from(spec.access).or(handed.access),
            extends: spec.extends,
            fence: spec.fence,
            size,
            prices: prices.map(Arc::new),
            unlisted: spec.unlisted.into(),
            entries: Vec::new(),
            by_feature: Vec::new(),
            in_base: Vec::new(),
            unmentioned: None,
            is_property: Vec::new(),
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        profile.likely_nodes = profile.nodes();
        profile.tie(catalogue, own, handed.entries, &left_behind);
        Ok(profile)
    }
}
