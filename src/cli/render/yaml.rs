//! JSON values as YAML, to be read by people: block style, quotes only where a reader would take a text for something else.

use serde_json::Value;

use crate::document::Document;

/// Writes a value as YAML.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0);
    out
}

/// Writes a value below something: members and elements on lines of their own.
fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                pad(out, indent);
                member(out, key, value, indent);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for element in elements {
                pad(out, indent);
                out.push_str("- ");
                inline(out, element, indent + 2);
            }
        }
        scalar => {
            pad(out, indent);
            out.push_str(&flat(scalar));
            out.push('\n');
        }
    }
}

fn member(out: &mut String, key: &str, value: &Value, indent: usize) {
    out.push_str(&quoted(key));
    out.push(':');
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            block(out, value, indent + 2);
        }
        // Elements stand at the column of their key, as `kubectl` writes them.
        Value::Array(elements) if !elements.is_empty() => {
            out.push('\n');
            block(out, value, indent);
        }
        Value::Null => out.push('\n'),
        scalar => {
            out.push(' ');
            out.push_str(&flat(scalar));
            out.push('\n');
        }
    }
}

/// Writes a list element: its first line follows the dash.
fn inline(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (position, (key, value)) in members.iter().enumerate() {
                if position > 0 {
                    pad(out, indent);
                }
                member(out, key, value, indent);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (position, element) in elements.iter().enumerate() {
                if position > 0 {
                    pad(out, indent);
                }
                out.push_str("- ");
                inline(out, element, indent + 2);
            }
        }
        scalar => {
            out.push_str(&flat(scalar));
            out.push('\n');
        }
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        // Empty collections, numbers, booleans and null are the same in both languages.
        other => other.to_string(),
    }
}

/// A text, in quotes unless it reads back as itself without.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text.trim() == text
        && !text.contains(['\n', '\r', '\t'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.starts_with(|c: char| "-?:,[]{}#&*!|>'\"%@`".contains(c));
    let reads_back = || {
        Document::parse_all(text).is_ok_and(
            |documents| matches!(documents.as_slice(), [one] if one.value.as_str() == Some(text)),
        )
    };
    if is_plain && reads_back() {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn looks_as_people_write_it() {
        let value = json!({
            "metadata": {"labels": {"app": "web", "on": "yes", "port": "80"}, "annotations": {}},
            "spec": {"tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b"}], "args": ["-v", "x y", []]},
        });
        let expected = "\
metadata:
  annotations: {}
  labels:
    app: web
    \"on\": \"yes\"
    port: \"80\"
spec:
  args:
  - \"-v\"
  - x y
  - []
  tolerations:
  - key: a
    operator: Exists
  - key: b
";
        assert_eq!(to_yaml(&value), expected);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-zA-Z0-9:#{}\\[\\] .,'\"~/-]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z0-9:./ -]{1,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_back_as_the_same_value(value in any_value().prop_filter("documents that are null are left out", |one| !one.is_null())) {
            let text = to_yaml(&value);
            let documents = Document::parse_all(&text).map_err(|error| TestCaseError::fail(format!("{error:?}\n{text}")))?;
            prop_assert_eq!(documents.len(), 1, "{}", text);
            prop_assert_eq!(&documents[0].value, &value, "{}", text);
        }
    }
}
