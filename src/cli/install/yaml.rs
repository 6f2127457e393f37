//! JSON values as YAML text.
//!
//! Kubernetes reads YAML 1.1, in which `off`, `1_000` and `0o7` are no strings. So only strings that cannot be taken for
//! anything else stand plain; the others are quoted as in JSON, which every YAML reader takes, or are blocks of lines.

use std::fmt::Write as _;

use serde_json::Value;

/// Writes the documents of a stream.
pub(super) fn write(documents: &[Value]) -> String {
    let mut text = String::new();
    for document in documents {
        text.push_str("---\n");
        block(&mut text, document, 0);
    }
    text
}

/// Writes a value that begins on a line of its own.
fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                indent(text, depth);
                entry(text, key, value, depth);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for element in elements {
                indent(text, depth);
                text.push_str("- ");
                match element {
                    Value::Object(members) if !members.is_empty() => {
                        for (position, (key, value)) in members.iter().enumerate() {
                            if position > 0 {
                                indent(text, depth + 1);
                            }
                            entry(text, key, value, depth + 1);
                        }
                    }
                    other => scalar(text, other, depth + 1),
                }
            }
        }
        other => {
            indent(text, depth);
            scalar(text, other, depth);
        }
    }
}

/// Writes a key and its value; lists stand no deeper than their key, as `kubectl` writes them.
fn entry(text: &mut String, key: &str, value: &Value, depth: usize) {
    word(text, key);
    text.push(':');
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            block(text, value, depth + 1);
        }
        Value::Array(elements) if !elements.is_empty() => {
            text.push('\n');
            block(text, value, depth);
        }
        other => {
            text.push(' ');
            scalar(text, other, depth + 1);
        }
    }
}

/// Writes what fits behind a key or a dash, and ends the line.
fn scalar(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(lines) if is_block(lines) => {
            text.push_str(if lines.ends_with('\n') { "|\n" } else { "|-\n" });
            for line in lines.split_terminator('\n') {
                if !line.is_empty() {
                    indent(text, depth);
                }
                text.push_str(line);
                text.push('\n');
            }
        }
        Value::String(one) => {
            word(text, one);
            text.push('\n');
        }
        // Lists in lists do not occur in manifests; in the style of JSON they are right all the same.
        other => {
            json(text, other);
            text.push('\n');
        }
    }
}

/// Whether a string can be written as a block and read back the same.
fn is_block(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n', '\t'])
        && !text.contains(|c: char| (c.is_control() && c != '\n' && c != '\t') || is_break(c))
}

fn word(text: &mut String, word: &str) {
    if is_plain(word) {
        text.push_str(word);
    } else {
        json(text, &Value::from(word));
    }
}

/// Writes a value as JSON that is YAML too.
fn json(text: &mut String, value: &Value) {
    for c in value.to_string().chars() {
        if is_break(c) {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
}

/// What ends a line in YAML 1.1 though not in JSON, and the mark that may not stand inside a text.
const fn is_break(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether a string cannot be taken for anything else: it begins with a letter, holds only harmless characters, and is no
/// word with a meaning.
fn is_plain(word: &str) -> bool {
    const WORDS: [&str; 12] =
        ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"];
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/' | '_'))
        && WORDS.iter().all(|one| !word.eq_ignore_ascii_case(one))
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::document::Document;

    fn read(text: &str) -> Vec<Value> {
        let documents =
            Document::parse_all(text).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        documents.into_iter().map(|document| document.value).collect()
    }

    #[test]
    fn manifests_look_as_people_write_them() {
        let value = json!({
            "kind": "List",
            "items": [{"a": "x\ny", "b": [], "c": {}, "d": ["off", 1, true, null]}, ["nested"]],
            "text": "loadline.dev/x: y",
        });
        assert_eq!(
            write(&[value]),
            "---\nitems:\n- a: |-\n    x\n    y\n  b: []\n  c: {}\n  d:\n  - \"off\"\n  - 1\n  - true\n  - null\n\
             - [\"nested\"]\nkind: List\ntext: \"loadline.dev/x: y\"\n"
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~\n\t'\"#:é\u{2028}\u{85}]{0,12}".prop_map(Value::from),
            prop_oneof![
                "yes", "0644", "1e3", "~", "a b", "x\ny\n", "- a", "8443", "0x1f", ".5", "=", "<<"
            ]
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[ -;=-~]{1,8}", inner, 0..5).prop_map(|members| {
                    members.into_iter().collect::<serde_json::Map<_, _>>().into()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(value in prop::collection::btree_map("[a-z]{1,4}", values(), 1..5)) {
            let value: Value = value.into_iter().collect::<serde_json::Map<_, _>>().into();
            prop_assert_eq!(read(&write(std::slice::from_ref(&value))), vec![value]);
        }
    }
}
