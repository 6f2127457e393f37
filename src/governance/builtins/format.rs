//! How values are written: as OPA has them, which leaves texts to Go. Messages are compared with those of other tools.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use regorus::Value;

use crate::governance::value::sorted;

/// A value as OPA writes terms: members of objects and sets in order, with a space after commas and colons.
pub(super) fn term(value: &Value) -> String {
    let mut out = String::new();
    write_term(value, &mut out);
    out
}

fn write_term(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Array(elements) => {
            out.push('[');
            write_all(elements.iter(), out);
            out.push(']');
        }
        Value::Set(elements) if elements.is_empty() => out.push_str("set()"),
        Value::Set(elements) => {
            out.push('{');
            write_all(sorted(elements).into_iter(), out);
            out.push('}');
        }
        Value::Object(members) => {
            out.push('{');
            for (position, (key, value)) in members.iter_sorted().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write_term(key, out);
                out.push_str(": ");
                write_term(value, out);
            }
            out.push('}');
        }
        other => out.push_str(&plain(other)),
    }
}

/// A value that has no parts, as JSON. The engine writes integers that fit no machine word as if they had fractions.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Number(number) if number.as_i64().is_none() && number.as_f64().is_none() => {
            number.format_decimal()
        }
        other => other.to_string(),
    }
}

fn write_all<'v>(elements: impl Iterator<Item = &'v Value>, out: &mut String) {
    for (position, element) in elements.enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        write_term(element, out);
    }
}

/// A text in quotes, as Go writes it.
pub(in crate::governance) fn quoted(text: &str) -> String {
    quoted_within(text, '"', false)
}

/// A text between two quotes; only of ASCII if so wished.
pub(super) fn quoted_within(text: &str, quote: char, is_ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if !is_ascii && !c.is_ascii() && is_printed(c) => out.push(c),
            c => {
                let _ = match u32::from(c) {
                    code @ 0..0x80 => write!(out, "\\x{code:02x}"),
                    code @ 0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
    out
}

/// Whether Go prints a character beyond ASCII as it is: those that leave a mark. No space does.
pub(super) fn is_printed(c: char) -> bool {
    static MARKS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\A[\p{L}\p{M}\p{N}\p{P}\p{S}]\z").ok());
    MARKS.as_ref().is_some_and(|marks| marks.is_match(c.encode_utf8(&mut [0; 4])))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::governance::value::from_json;

    #[test]
    fn values_are_written_as_terms() {
        let value = from_json(&json!({"b": [1, "x", null], "a": {"c": {}}}));
        assert_eq!(term(&value), r#"{"a": {"c": {}}, "b": [1, "x", null]}"#);
        let set =
            Value::from(std::collections::BTreeSet::from([Value::from("b"), Value::from("a")]));
        assert_eq!(term(&set), r#"{"a", "b"}"#);
        assert_eq!(term(&Value::new_set()), "set()");
        let large = Value::from(u64::MAX)
            .as_number()
            .unwrap()
            .add(Value::from(1).as_number().unwrap())
            .map(Value::from)
            .unwrap();
        assert_eq!(term(&large), "18446744073709551616");
    }

    // The expectations are what Go gives.
    #[test]
    fn what_leaves_no_mark_is_escaped() {
        assert_eq!(quoted("é\u{1}\n\"\\"), r#""é\x01\n\"\\""#);
        assert_eq!(
            quoted("a\u{a0}b\u{200b}\u{feff}\u{e0001}"),
            r#""a\u00a0b\u200b\ufeff\U000e0001""#
        );
        assert_eq!(quoted("日本 ✓ 😀"), "\"日本 ✓ 😀\"");
        assert_eq!(quoted_within("'é\"", '\'', true), r#"'\'\u00e9"'"#);
    }
}
