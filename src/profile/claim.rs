//! Pods that belong to a profile by a mark of theirs, whatever their scheduling constraints say: [`Claim`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Profile;
use crate::pod::{FeatureId, PodView};

/// Which pods belong to a profile: all parts that are given must match.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Claim {
    scheduler_name: Option<String>,
    /// Label keys that must be there.
    pod_labels: Vec<String>,
    /// Labels with their values, of which the pod must have one each.
    labels: BTreeMap<String, Vec<String>>,
    /// The same of the pod's namespace; a pod that has the label itself is not meant.
    namespace_labels: BTreeMap<String, Vec<String>>,
    /// Features that the pod must use, by name: an annotation that asks for the provider, for example.
    features: Vec<String>,
    /// The same, tied to the catalogue.
    #[serde(skip)]
    pub(super) ids: Vec<FeatureId>,
    /// Whether such pods may also stay on regular nodes, and go over only when the provider or its scheduler wants that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    burst: bool,
}

/// How firmly a profile claims a pod.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Hold {
    /// The pod may go over.
    Burst,
    /// The pod goes there.
    Bound,
}

impl Claim {
    /// The names of its features.
    pub(super) fn features(&self) -> &[String] {
        &self.features
    }

    /// The keys of the labels that the pod must have.
    pub fn label_keys(&self) -> impl Iterator<Item = &str> {
        self.pod_labels.iter().chain(self.labels.keys()).map(String::as_str)
    }

    fn holds(&self, pod: &PodView, namespace: Option<&BTreeMap<String, String>>) -> bool {
        let is_one_of = |value: Option<&str>, values: &[String]| {
            value.is_some_and(|value| values.iter().any(|one| one == value))
        };
        let scheduler = self
            .scheduler_name
            .as_ref()
            .is_none_or(|wanted| pod.scheduler_name.as_ref() == Some(wanted));
        let is_any = self.scheduler_name.is_some()
            || !self.pod_labels.is_empty()
            || !self.labels.is_empty()
            || !self.namespace_labels.is_empty()
            || !self.ids.is_empty();
        is_any
            && scheduler
            && self.pod_labels.iter().all(|key| pod.label(key).is_some())
            && self.labels.iter().all(|(key, values)| is_one_of(pod.label(key), values))
            && self.namespace_labels.iter().all(|(key, values)| {
                let value = namespace.and_then(|labels| labels.get(key)).map(String::as_str);
                is_one_of(value, values) && pod.label(key).is_none()
            })
            && self.ids.iter().all(|id| pod.uses.iter().any(|one| one.feature == *id))
    }
}

impl Profile {
    /// Whether, and how firmly, the profile claims such a pod in a namespace with these labels.
    pub fn claims(
        &self,
        pod: &PodView,
        namespace: Option<&BTreeMap<String, String>>,
    ) -> Option<Hold> {
        let hold = |claim: &Claim| if claim.burst { Hold::Burst } else { Hold::Bound };
        self.claims.iter().filter(|claim| claim.holds(pod, namespace)).map(hold).max()
    }

    /// Whether a scheduler of its own places pods there, so that there need not be a node beforehand.
    pub fn has_own_scheduler(&self) -> bool {
        self.claims.iter().any(|claim| claim.scheduler_name.is_some())
    }
}
