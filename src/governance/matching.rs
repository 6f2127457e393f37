//! Which requests a policy is about: [`Subject`] against [`Match`].

use std::collections::BTreeMap;

use super::metadata::{Match, PlacementMatch};
use crate::placement::Standing;
use crate::pod::lookup;

/// What a policy's match looks at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The kind of the object.
    pub kind: &'a str,
    /// `CREATE`, `UPDATE`, ...
    pub operation: &'a str,
    /// Namespace, empty when there is none.
    pub namespace: &'a str,
    /// How firmly the pod is headed for virtual nodes.
    pub standing: Standing,
    /// The profiles within reach.
    pub profiles: &'a [&'a str],
    /// The labels of the object.
    pub labels: &'a [(String, String)],
    /// The labels of its namespace, when that is known.
    pub namespace_labels: Option<&'a BTreeMap<String, String>>,
}

impl Match {
    /// Whether a kind is named that has a rule of its own: one that is not governed as a pod.
    pub(crate) fn names(&self, group: &str, kind: &str) -> bool {
        !(group.is_empty() && kind == "Pod")
            && self.kinds.iter().any(|one| match one.split_once('/') {
                Some((wanted, one)) => wanted == group && one == kind,
                None => one == kind,
            })
    }

    /// Whether an object that is no pod is meant; where pods are headed does not matter then.
    pub(crate) fn concerns_other(&self, group: &str, subject: &Subject<'_>) -> bool {
        let wide = Self {
            kinds: Vec::new(),
            placement: PlacementMatch::Any,
            profiles: Vec::new(),
            ..self.clone()
        };
        self.names(group, subject.kind) && wide.concerns(subject)
    }

    fn selects(&self, subject: &Subject<'_>) -> bool {
        let own = |key: &str| lookup(subject.labels, key);
        self.label_selector.as_ref().is_none_or(|selector| selector.selects(own))
            // A namespace that nobody knows may be one that is meant.
            && self.namespace_selector.as_ref().is_none_or(|selector| {
                subject.namespace_labels.is_none_or(|labels| selector.selects(|key| labels.get(key).map(String::as_str)))
            })
    }

    pub(crate) fn concerns(&self, subject: &Subject<'_>) -> bool {
        let any = |list: &[String], word: &str| {
            list.is_empty() || list.iter().any(|one| one == word || one == "*")
        };
        any(&self.kinds, subject.kind)
            && any(&self.operations, subject.operation)
            && any(&self.namespaces, subject.namespace)
            && !self.excluded_namespaces.iter().any(|one| one == subject.namespace)
            && self.placement.concerns(subject.standing)
            && self.selects(subject)
            && (self.profiles.is_empty()
                || subject
                    .profiles
                    .iter()
                    .any(|profile| self.profiles.iter().any(|one| one == profile)))
    }
}
