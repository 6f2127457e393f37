//! Edits of a pod, as an RFC 6902 patch on the raw object: [`Editor`].
//!
//! Patches add to what the user wrote and never replace it, but for labels and annotations of Loadline's own. They name single members and elements, so a field that Loadline
//! does not know cannot be lost. Every edit looks first whether it is already true, so making it twice is making it once.

mod amend;

use std::slice;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::{Value, json};

pub use amend::amend;

use crate::change::{Change, Edit};
use crate::pod::{
    NodeSelector, NodeSelectorTerm, PodView, Requirement, SchedulingGate, Toleration, lookup,
};

/// A pod under edit: the view as it will be, the changes and their patch.
#[derive(Clone, Debug)]
pub struct Editor {
    /// The pod as it will be.
    pub pod: PodView,
    /// What was changed, and why.
    pub changes: Vec<Change>,
    /// The same as operations on the raw object.
    pub patch: Vec<PatchOperation>,
}

/// An edit that the user's own wishes forbid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// The node selector key that already has another value.
    pub key: String,
    /// The value it has.
    pub has: String,
    /// The value that is needed.
    pub needs: String,
}

impl Editor {
    /// Starts with the pod as it is.
    pub const fn new(pod: PodView) -> Self {
        Self { pod, changes: Vec::new(), patch: Vec::new() }
    }

    /// Adds the tolerations that none of the pod's own covers.
    pub fn tolerate(&mut self, wanted: &[Toleration], reason: &str) {
        let missing: Vec<Toleration> = wanted
            .iter()
            .filter(|one| !self.pod.tolerations().iter().any(|own| covers(own, one)))
            .cloned()
            .collect();
        if missing.is_empty() {
            return;
        }
        prepare(&mut self.patch, "/spec", &mut self.pod.has_spec);
        match &mut self.pod.tolerations {
            Some(own) => {
                for toleration in &missing {
                    self.patch.push(add("/spec/tolerations/-", json!(toleration)));
                }
                own.extend(missing.iter().cloned());
            }
            none => {
                self.patch.push(add("/spec/tolerations", json!(missing)));
                *none = Some(missing.clone());
            }
        }
        self.note(Edit::Tolerate(missing), reason);
    }

    /// Adds entries to the node selector; gives those that contradict one of the user's.
    pub fn select<'s>(
        &mut self,
        wanted: impl IntoIterator<Item = (&'s String, &'s String)>,
        reason: &str,
    ) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        let mut missing = Vec::new();
        for (key, value) in wanted {
            match self.pod.node_selector.as_deref().and_then(|own| lookup(own, key)) {
                Some(own) if own == value => {}
                Some(own) => conflicts.push(Conflict {
                    key: key.clone(),
                    has: own.to_owned(),
                    needs: value.clone(),
                }),
                None => missing.push((key.clone(), value.clone())),
            }
        }
        if !missing.is_empty() {
            prepare(&mut self.patch, "/spec", &mut self.pod.has_spec);
            set_pairs(&mut self.patch, "/spec/nodeSelector", &mut self.pod.node_selector, &missing);
            self.note(Edit::Select(missing.into_iter().collect()), reason);
        }
        conflicts
    }

    /// Adds `requirements` to every required node affinity term, making the first one if there is none.
    ///
    /// A term without any requirement matches no node and is left alone: with one it would begin to match.
    pub fn keep_off(&mut self, requirements: &[Requirement], reason: &str) {
        if self.narrow(requirements) {
            self.note(Edit::KeepOff(requirements.to_vec()), reason);
        }
    }

    /// The same, to lead the pod to nodes.
    pub fn require(&mut self, requirements: &[Requirement], reason: &str) {
        if self.narrow(requirements) {
            self.note(Edit::Require(requirements.to_vec()), reason);
        }
    }

    /// Adds `requirements` to the required node affinity. Gives whether any was missing.
    fn narrow(&mut self, requirements: &[Requirement]) -> bool {
        const NODE_AFFINITY: &str = "/spec/affinity/nodeAffinity";
        const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
        if requirements.is_empty() {
            return false;
        }
        let affinity = &mut self.pod.affinity;
        let before = self.patch.len();
        if let Some(required) = &mut affinity.required {
            for (index, term) in required.node_selector_terms.iter_mut().enumerate() {
                let base = format!(
                    "{NODE_AFFINITY}/{REQUIRED}/nodeSelectorTerms/{index}/matchExpressions"
                );
                extend_term(&mut self.patch, &base, term, requirements);
            }
        } else {
            prepare(&mut self.patch, "/spec", &mut self.pod.has_spec);
            let term = NodeSelectorTerm {
                match_expressions: Some(requirements.to_vec()),
                match_fields: None,
            };
            let required = NodeSelector { node_selector_terms: vec![term] };
            let value = json!(required);
            self.patch.push(match (affinity.is_there, affinity.has_node_affinity) {
                (true, true) => add(&format!("{NODE_AFFINITY}/{REQUIRED}"), value),
                (true, false) => add(NODE_AFFINITY, json!({ REQUIRED: value })),
                (false, _) => add("/spec/affinity", json!({ "nodeAffinity": { REQUIRED: value } })),
            });
            affinity.is_there = true;
            affinity.has_node_affinity = true;
            affinity.required = Some(required);
        }
        self.patch.len() > before
    }

    /// Adds a scheduling gate.
    pub fn gate(&mut self, name: &str, reason: &str) {
        let gate = SchedulingGate { name: name.to_owned() };
        prepare(&mut self.patch, "/spec", &mut self.pod.has_spec);
        match &mut self.pod.scheduling_gates {
            Some(own) if own.contains(&gate) => return,
            Some(own) => {
                self.patch.push(add("/spec/schedulingGates/-", json!(gate)));
                own.push(gate);
            }
            none => {
                self.patch.push(add("/spec/schedulingGates", json!([gate])));
                *none = Some(vec![gate]);
            }
        }
        self.note(Edit::Gate(name.to_owned()), reason);
    }

    /// Sets labels. A label that the user has set to another value stays as it is.
    pub fn label<'s>(
        &mut self,
        wanted: impl IntoIterator<Item = (&'s String, &'s String)>,
        reason: &str,
    ) {
        let missing: Vec<(String, String)> = wanted
            .into_iter()
            .filter(|(key, _)| self.pod.label(key).is_none())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !missing.is_empty() {
            prepare(&mut self.patch, "/metadata", &mut self.pod.has_metadata);
            set_pairs(&mut self.patch, "/metadata/labels", &mut self.pod.labels, &missing);
            self.note(Edit::Label(missing.into_iter().collect()), reason);
        }
    }

    /// Sets one of Loadline's own labels, whatever it was before.
    pub fn set_label(&mut self, key: &str, value: &str, reason: &str) {
        if self.pod.label(key) == Some(value) {
            return;
        }
        let pair = (key.to_owned(), value.to_owned());
        prepare(&mut self.patch, "/metadata", &mut self.pod.has_metadata);
        replace_pair(&mut self.patch, "/metadata/labels", &mut self.pod.labels, &pair);
        self.note(Edit::Label([pair].into()), reason);
    }

    /// Sets one of Loadline's own annotations, whatever it was before.
    pub fn annotate(&mut self, key: &str, value: &str, reason: &str) {
        if self.pod.own_annotations.as_deref().and_then(|own| lookup(own, key)) == Some(value) {
            return;
        }
        let pair = (key.to_owned(), value.to_owned());
        prepare(&mut self.patch, "/metadata", &mut self.pod.has_metadata);
        let own = &mut self.pod.own_annotations;
        replace_pair(&mut self.patch, "/metadata/annotations", own, &pair);
        self.note(Edit::Annotate([pair].into()), reason);
    }

    fn note(&mut self, edit: Edit, reason: &str) {
        self.changes.push(Change { edit, reason: reason.to_owned() });
    }
}

/// Applies a patch to a raw object.
pub fn apply(patch: &[PatchOperation], object: &mut Value) -> Result<(), json_patch::PatchError> {
    json_patch::patch(object, patch)
}

/// Makes a part of the pod that the API server always sends, and others leave out or null.
fn prepare(patch: &mut Vec<PatchOperation>, path: &str, is_there: &mut bool) {
    if !*is_there {
        patch.push(add(path, json!({})));
        *is_there = true;
    }
}

/// Sets a member of an object of strings, whatever it was before.
fn replace_pair(
    patch: &mut Vec<PatchOperation>,
    base: &str,
    own: &mut Option<Vec<(String, String)>>,
    pair: &(String, String),
) {
    if let Some(own) = own {
        own.retain(|(name, _)| *name != pair.0);
    }
    set_pairs(patch, base, own, slice::from_ref(pair));
}

/// Adds members to an object of strings, making the object if there is none.
fn set_pairs(
    patch: &mut Vec<PatchOperation>,
    base: &str,
    own: &mut Option<Vec<(String, String)>>,
    pairs: &[(String, String)],
) {
    if let Some(own) = own {
        for (key, value) in pairs {
            let member = key.replace('~', "~0").replace('/', "~1");
            patch.push(add(&format!("{base}/{member}"), json!(value)));
        }
        own.extend(pairs.iter().cloned());
    } else {
        let object: serde_json::Map<String, Value> =
            pairs.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        patch.push(add(base, Value::Object(object)));
        *own = Some(pairs.to_vec());
    }
}

fn extend_term(
    patch: &mut Vec<PatchOperation>,
    base: &str,
    term: &mut NodeSelectorTerm,
    requirements: &[Requirement],
) {
    let has_fields = term.match_fields.as_ref().is_some_and(|fields| !fields.is_empty());
    match &mut term.match_expressions {
        Some(own) if !own.is_empty() || has_fields => {
            for requirement in requirements {
                if !own.contains(requirement) {
                    patch.push(add(&format!("{base}/-"), json!(requirement)));
                    own.push(requirement.clone());
                }
            }
        }
        own @ None if has_fields => {
            patch.push(add(base, json!(requirements)));
            *own = Some(requirements.to_vec());
        }
        _ => {}
    }
}

/// Whether everything that `wanted` tolerates, `own` tolerates too, and for as long.
fn covers(own: &Toleration, wanted: &Toleration) -> bool {
    let key = own.key.is_empty() || own.key == wanted.key;
    let effect = own.effect.is_empty() || own.effect == wanted.effect;
    let value = own.operator == "Exists"
        || (is_equal(own) && is_equal(wanted) && own.value == wanted.value);
    key && effect && value && own.toleration_seconds.is_none()
}

fn is_equal(toleration: &Toleration) -> bool {
    matches!(toleration.operator.as_str(), "" | "Equal")
}

fn add(path: &str, value: Value) -> PatchOperation {
    // Paths are written here, with their variable parts escaped; one that is no pointer would be a bug, and then names
    // the root, which no patch of ours may replace and every test would catch.
    let path = PointerBuf::parse(path).unwrap_or_default();
    PatchOperation::Add(AddOperation { path, value })
}
