//! Updates are not punished for what the object had before: [`Decision::drop_old`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Decision, Shared};
use crate::admission::{Object, Request};
use crate::compat::UNVERIFIED;
use crate::diagnostic::Diagnostic;
use crate::governance::POLICY_ERROR;
use crate::path::{FieldPath, Segment};
use crate::pod::PodView;

impl Decision<'_> {
    /// Drops what could be said of the old object, too: findings, and places of findings that have others that are new.
    pub(super) fn drop_old(&self, diagnostics: &mut Vec<Diagnostic>) {
        let Some(old) = self.request.old_pod.as_ref().filter(|_| !diagnostics.is_empty()) else {
            return;
        };
        let before = self.findings_of(old);
        if before.is_empty() {
            return;
        }
        let review: Value = serde_json::from_slice(&self.request.body).unwrap_or_default();
        let object = |key: &str| review.pointer(key).unwrap_or(&Value::Null);
        let (new, old) = (object("/request/object"), object("/request/oldObject"));
        // What is said twice is no news for that.
        diagnostics.sort();
        diagnostics.dedup();
        // The old places that are left for each kind of finding: each counts once, so that one more element without a name is
        // told by the number of them.
        let mut left: BTreeMap<(String, String, Vec<String>), Vec<String>> = BTreeMap::new();
        diagnostics.retain_mut(|now| {
            let same: Vec<&Diagnostic> =
                before.iter().filter(|before| self.is_same(before, now)).collect();
            if same.is_empty() {
                return true;
            }
            let is_example = now.code == UNVERIFIED;
            let said = if self.is_policy(now) {
                serde_json::json!([now.what, now.details]).to_string()
            } else {
                String::new()
            };
            let known = left
                .entry((now.code.to_string(), said, now.profiles.clone()))
                .or_insert_with(|| {
                    let places = same.iter().flat_map(|before| &before.places);
                    places.map(|place| identity(old, place, is_example)).collect()
                });
            now.places.retain(|place| {
                let place = identity(new, place, is_example);
                let position = known.iter().position(|known| *known == place);
                position.map(|position| known.swap_remove(position)).is_none()
            });
            !now.places.is_empty()
        });
    }

    /// Whether a finding says the same as one on the old object, wherever.
    fn is_same(&self, before: &Diagnostic, now: &Diagnostic) -> bool {
        before.code == now.code
            && now.profiles.iter().all(|profile| before.profiles.contains(profile))
            // A policy has one code for all that it says.
            && (!self.is_policy(now) || (before.what == now.what && before.details == now.details))
            // That a policy failed then too says nothing about the object.
            && now.code != POLICY_ERROR
    }

    fn is_policy(&self, diagnostic: &Diagnostic) -> bool {
        self.pipeline.policies.iter().any(|policy| policy.name == diagnostic.code)
    }

    /// What there was to say of the object before the update.
    fn findings_of(&self, old: &PodView) -> Vec<Diagnostic> {
        let pod = Box::new(old.clone());
        let object = match &self.request.object {
            Object::Workload { template, .. } => Object::Workload { template, pod },
            Object::None | Object::Other | Object::Pod(_) => Object::Pod(pod),
        };
        let body = self.body_of_old().unwrap_or_else(|| Arc::clone(&self.request.body));
        let request = Request { old_pod: None, object, body, ..self.request.clone() };
        let shared = Shared::within(self.shared.budget(self.request));
        let before = Decision::new(self.pipeline, self.facts, &request, &shared);
        before.map_or_else(Vec::new, |before| before.decide().conclude().diagnostics)
    }
}

/// A place in an object by what stands there and not by its number: an element that moved is the same one. Elements go by
/// their name, texts and numbers by themselves; those that have neither cannot be told apart.
///
/// With `is_example` no elements are told apart: the place is one of several that would do as well.
fn identity(object: &Value, place: &FieldPath, is_example: bool) -> String {
    let mut value = Some(object);
    let mut identity = String::new();
    for segment in place.segments() {
        match segment {
            Segment::Key(key) => {
                value = value.and_then(|value| value.get(&**key));
                identity.push('/');
                identity.push_str(&key.replace('/', "//"));
            }
            Segment::Index(index) => {
                value = value.and_then(|value| value.get(index));
                identity.push('[');
                if let Some(name) = value.and_then(name_of).filter(|_| !is_example) {
                    identity.push_str(&name);
                }
                identity.push(']');
            }
        }
    }
    identity
}

/// What tells an element of a list from the others.
fn name_of(element: &Value) -> Option<String> {
    match element {
        Value::Object(members) => {
            let name = members.get("name").or_else(|| members.get("metadata")?.get("name"))?;
            Some(name.to_string())
        }
        Value::Array(_) | Value::Null => None,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(element.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_known_by_names_and_texts_and_not_by_numbers() {
        let object = json!({"a": [{"name": "x", "b": ["t", {"c": 1}]}, {"name": "y"}]});
        let moved = json!({"a": [{"name": "y"}, {"name": "x", "b": [{"c": 1}, "t"]}]});
        let at = |object: &Value, place: &str| {
            identity(object, &FieldPath::parse(place).unwrap(), false)
        };
        for (here, there) in
            [("a[0]", "a[1]"), ("a[0].b[0]", "a[1].b[1]"), ("a[0].b[1].c", "a[1].b[0].c")]
        {
            assert_eq!(at(&object, here), at(&moved, there), "{here}");
        }
        assert_ne!(at(&object, "a[0]"), at(&object, "a[1]"));
        assert_ne!(at(&object, "a[0].b[0]"), at(&object, "a[0].b[1]"));
    }
}
