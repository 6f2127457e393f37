//! What a patch changes, as lines of YAML: only the changed parts, with the keys that lead to them.

use std::collections::BTreeMap;

use json_patch::PatchOperation;
use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

use super::yaml::to_yaml;
use crate::mutation;

/// A line, with what becomes of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// What becomes of it.
    pub kind: Kind,
    /// The line, without its end.
    pub text: String,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It comes.
    Added,
    /// It goes.
    Removed,
    /// It stays.
    Same,
}

/// The lines that a patch touches, those that stay between them, and the keys above. Nothing when the patch does not apply.
pub fn lines(object: &Value, patch: &[PatchOperation]) -> Vec<Line> {
    let mut after = object.clone();
    if mutation::apply(patch, &mut after).is_err() {
        return Vec::new();
    }
    let mut touched = Touched::default();
    for operation in patch {
        let keys: Vec<String> =
            operation.path().tokens().map(|token| token.decoded().into_owned()).collect();
        touched.add(&keys);
    }
    let text = |value: &Value| match touched.prune(value) {
        Some(pruned) => to_yaml(&pruned),
        None => String::new(),
    };
    let (before, after) = (text(object), text(&after));
    TextDiff::from_lines(before.as_str(), after.as_str())
        .iter_all_changes()
        .map(|change| Line {
            kind: match change.tag() {
                ChangeTag::Delete => Kind::Removed,
                ChangeTag::Equal => Kind::Same,
                ChangeTag::Insert => Kind::Added,
            },
            text: change.value().trim_end().to_owned(),
        })
        .collect()
}

/// The paths of a patch as a tree.
#[derive(Debug, Default)]
struct Touched {
    /// Whether everything from here on is shown.
    whole: bool,
    below: BTreeMap<String, Self>,
}

impl Touched {
    fn add(&mut self, path: &[String]) {
        match path {
            [] => self.whole = true,
            [key, rest @ ..] => self.below.entry(key.clone()).or_default().add(rest),
        }
    }

    /// The touched parts of a value; of a collection without one just its key.
    fn prune(&self, value: &Value) -> Option<Value> {
        if self.whole {
            return Some(value.clone());
        }
        match value {
            Value::Object(members) => {
                let kept: Map<String, Value> = self
                    .below
                    .iter()
                    .filter_map(|(key, touched)| {
                        Some((key.clone(), touched.prune(members.get(key)?)?))
                    })
                    .collect();
                Some(if kept.is_empty() { Value::Null } else { Value::Object(kept) })
            }
            // What is put into a list reads best beside its other elements.
            Value::Array(_) if self.below.values().any(|touched| touched.whole) => {
                Some(value.clone())
            }
            Value::Array(elements) => {
                let kept: Vec<Value> = self
                    .below
                    .iter()
                    .filter_map(|(index, touched)| {
                        touched.prune(elements.get(index.parse::<usize>().ok()?)?)
                    })
                    // An element whose touched parts are not there yet has nothing to show.
                    .filter(|element| !element.is_null())
                    .collect();
                Some(if kept.is_empty() { Value::Null } else { Value::Array(kept) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(object: Value, patch: Value) -> String {
        let patch: Vec<PatchOperation> = serde_json::from_value(patch).unwrap();
        let sign = |line: &Line| match line.kind {
            Kind::Added => '+',
            Kind::Removed => '-',
            Kind::Same => ' ',
        };
        let lines = lines(&object, &patch);
        let lines = lines.iter().map(|line| format!("{} {}", sign(line), line.text));
        lines.collect::<Vec<_>>().join(
            "
",
        ) + "
"
    }

    #[test]
    fn only_the_changed_parts_are_shown() {
        let object = json!({
            "metadata": {"name": "a", "labels": {"app": "a"}},
            "spec": {"containers": [{"name": "a"}], "tolerations": [{"key": "x"}]},
        });
        let patch = json!([
            {"op": "add", "path": "/spec/tolerations/-", "value": {"key": "z"}},
            {"op": "add", "path": "/metadata/labels/b~1c", "value": "d"},
            {"op": "add", "path": "/spec/nodeSelector", "value": {"type": "z"}},
        ]);
        let expected = "  \
  metadata:
    labels:
+     b/c: d
  spec:
+   nodeSelector:
+     type: z
    tolerations:
    - key: x
+   - key: z
";
        assert_eq!(shown(object, patch), expected);
    }

    #[test]
    fn a_patch_that_does_not_apply_shows_nothing() {
        assert_eq!(shown(json!({}), json!([{"op": "remove", "path": "/a"}])), "\n");
    }
}
