//! What placement and mutation need to know of a pod: [`PodView`].
//!
//! A view is filled by the catalogue's walk (one pass over the JSON) and never holds the whole pod. Only the fields that the
//! scheduler's filters read, or that Loadline edits, are kept; everything else stays in the raw object.

use serde::{Deserialize, Serialize};

use crate::demand::Demand;

/// How many lists a locator can pass through.
pub const MAX_LISTS: usize = 4;

/// Prefix of the labels and annotations that are Loadline's own.
pub const OWN_PREFIX: &str = "loadline.dev/";

/// A pod, or the pod template of a workload, as far as the stages read it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodView {
    /// Whether `metadata` is there and not null, so that a patch knows what to create.
    pub has_metadata: bool,
    /// Whether `spec` is there and not null.
    pub has_spec: bool,
    /// `metadata.name`; pods made by controllers often have none when they are reviewed.
    pub name: Option<String>,
    /// `metadata.generateName`.
    pub generate_name: Option<String>,
    /// `metadata.namespace`.
    pub namespace: Option<String>,
    /// `metadata.labels`, or nothing when the key is absent.
    pub labels: Option<Vec<(String, String)>>,
    /// The annotations under [`OWN_PREFIX`], or nothing when `metadata.annotations` is absent.
    pub own_annotations: Option<Vec<(String, String)>>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub is_being_deleted: bool,
    /// `spec.nodeName`.
    pub node_name: Option<String>,
    /// `spec.schedulerName`.
    pub scheduler_name: Option<String>,
    /// `spec.nodeSelector`.
    pub node_selector: Option<Vec<(String, String)>>,
    /// `spec.tolerations`.
    pub tolerations: Option<Vec<Toleration>>,
    /// The part of `spec.affinity` that a node must satisfy.
    pub affinity: Affinity,
    /// `spec.schedulingGates`, by name.
    pub scheduling_gates: Option<Vec<SchedulingGate>>,
    /// What it asks for.
    pub demand: Demand,
    /// Every feature that the pod uses, in the order of the walk.
    pub uses: Vec<Use>,
    /// Fields that no catalogue entry knows.
    pub unknown_fields: Vec<UnknownField>,
}

impl PodView {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        lookup(self.labels.as_deref()?, key)
    }

    /// The value of one of Loadline's own annotations, or of the label of the same key.
    ///
    /// Both are read because platforms let their users set one but not always the other (Knative and Fission pass labels
    /// through, KEDA passes annotations). The annotation wins.
    pub fn own_setting(&self, key: &str) -> Option<&str> {
        self.own_annotations.as_deref().and_then(|own| lookup(own, key)).or_else(|| self.label(key))
    }

    /// The tolerations, none when the field is absent.
    pub fn tolerations(&self) -> &[Toleration] {
        self.tolerations.as_deref().unwrap_or_default()
    }
}

impl PodView {
    /// The pod as far as the scheduler reads it, with a toleration for every taint.
    #[must_use]
    pub fn tolerating_everything(&self) -> Self {
        let all = Toleration { operator: "Exists".to_owned(), ..Toleration::default() };
        Self {
            node_name: self.node_name.clone(),
            node_selector: self.node_selector.clone(),
            affinity: self.affinity.clone(),
            tolerations: Some(vec![all]),
            ..Self::default()
        }
    }
}

/// The value of `key` in a list of pairs.
pub(crate) fn lookup<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// `core/v1` Toleration. Missing strings are empty, as in Go.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Toleration {
    /// Taint key; empty tolerates every key.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// `Exists`, `Equal` (also when empty), `Gt` or `Lt`.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub operator: String,
    /// Taint value.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Taint effect; empty tolerates every effect.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub effect: String,
    /// How long a `NoExecute` taint is tolerated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// `core/v1` Taint, as nodes carry it.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Taint {
    /// Key, never empty on a node.
    pub key: String,
    /// Value; in a profile's `recognise`, empty matches every value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; in a profile's `recognise`, empty matches every effect.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub effect: String,
}

/// Which parts of `spec.affinity` are there, and the terms a node must satisfy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affinity {
    /// Whether `spec.affinity` is there, so that a patch knows what to create.
    pub is_there: bool,
    /// Whether `spec.affinity.nodeAffinity` is there.
    pub has_node_affinity: bool,
    /// `requiredDuringSchedulingIgnoredDuringExecution` of the node affinity.
    pub required: Option<NodeSelector>,
}

/// `core/v1` NodeSelector: a node must satisfy one of the terms.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSelector {
    /// Alternatives.
    #[serde(deserialize_with = "null_is_default")]
    pub node_selector_terms: Vec<NodeSelectorTerm>,
}

/// `core/v1` NodeSelectorTerm: all requirements must hold; a term without any matches nothing.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSelectorTerm {
    /// Requirements on labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_expressions: Option<Vec<Requirement>>,
    /// Requirements on fields; `metadata.name` is the only one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_fields: Option<Vec<Requirement>>,
}

/// `core/v1` NodeSelectorRequirement.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(default)]
pub struct Requirement {
    /// Label key or field path.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt`, `Lt`.
    pub operator: String,
    /// Values, as many as the operator takes.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// `core/v1` PodSchedulingGate.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct SchedulingGate {
    /// Name of the gate.
    pub name: String,
}

fn null_is_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A feature's place in the catalogue.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FeatureId(pub(crate) u16);

impl FeatureId {
    /// As an index into tables with one row a feature.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place in the catalogue's automaton.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct NodeId(pub(crate) u16);

/// A feature that a pod uses, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Use {
    /// The feature.
    pub feature: FeatureId,
    /// Where the walk stood; the catalogue spells it out.
    pub place: Place,
}

impl Use {
    /// A use that no field of the pod shows, because what surrounds the pod brings it.
    pub(crate) const fn of_whole(feature: FeatureId) -> Self {
        Self { feature, place: Place { node: NodeId(0), indexes: [0; MAX_LISTS] } }
    }
}

/// A position in a pod, packed: the automaton's state says the keys, so only the list indexes are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    pub(crate) node: NodeId,
    pub(crate) indexes: [u32; MAX_LISTS],
}

/// A field that no catalogue entry knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownField {
    /// The object it stands in.
    pub(crate) place: Place,
    /// Its key.
    pub key: String,
}

/// A kind of object that makes pods from a template.
#[derive(Debug)]
pub struct WorkloadKind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Where its pod template stands, in plain keys.
    pub template: &'static str,
}

/// The workloads whose pods Loadline warns about at apply time.
///
/// Built-in controllers first, then the serverless platforms that embed a whole pod template.
pub static WORKLOADS: &[WorkloadKind] = &[
    WorkloadKind { group: "apps", kind: "DaemonSet", template: "spec.template" },
    WorkloadKind { group: "apps", kind: "Deployment", template: "spec.template" },
    WorkloadKind { group: "apps", kind: "ReplicaSet", template: "spec.template" },
    WorkloadKind { group: "apps", kind: "StatefulSet", template: "spec.template" },
    WorkloadKind { group: "batch", kind: "CronJob", template: "spec.jobTemplate.spec.template" },
    WorkloadKind { group: "batch", kind: "Job", template: "spec.template" },
    WorkloadKind { group: "", kind: "PodTemplate", template: "template" },
    WorkloadKind { group: "", kind: "ReplicationController", template: "spec.template" },
    WorkloadKind { group: "argoproj.io", kind: "Rollout", template: "spec.template" },
    WorkloadKind { group: "keda.sh", kind: "ScaledJob", template: "spec.jobTargetRef.template" },
    WorkloadKind { group: "serving.knative.dev", kind: "Configuration", template: "spec.template" },
    WorkloadKind { group: "serving.knative.dev", kind: "Revision", template: "" },
    WorkloadKind { group: "serving.knative.dev", kind: "Service", template: "spec.template" },
];

/// The template path of a workload kind, if it is one.
pub fn workload(group: &str, kind: &str) -> Option<&'static WorkloadKind> {
    WORKLOADS.iter().find(|known| known.group == group && known.kind == kind)
}
