//! JSON as Go writes it: [`marshal`], [`marshal_with_options`].

use std::borrow::Cow;
use std::fmt::Write as _;

use regorus::Value;

use super::call::Unable;
use super::format::plain;
use super::guards;
use super::own::{failed, wrong};
use crate::governance::value::sorted;

pub(super) fn marshal(arguments: &[Value]) -> Result<Value, Unable> {
    let [value] = arguments else {
        return failed("one argument expected");
    };
    let mut out = Writer { text: String::new(), layout: None };
    out.value(value, 0)?;
    Ok(Value::from(out.text))
}

pub(super) fn marshal_with_options(arguments: &[Value]) -> Result<Value, Unable> {
    let [value, options] = arguments else {
        return failed("two arguments expected");
    };
    let Value::Object(options) = options else {
        return wrong("an object", Some(options));
    };
    let (mut prefix, mut indent) = (Cow::from(""), Cow::from("\t"));
    let (mut is_wished, mut is_pretty) = (false, None);
    for (key, option) in options.iter() {
        match (key, option) {
            (Value::String(key), Value::String(text)) if &**key == "prefix" => {
                prefix = Cow::from(&**text);
                is_wished = true;
            }
            (Value::String(key), Value::String(text)) if &**key == "indent" => {
                indent = Cow::from(&**text);
                is_wished = true;
            }
            (Value::String(key), Value::Bool(wish)) if &**key == "pretty" => {
                is_pretty = Some(*wish);
            }
            (key, _) => return failed(format!("the option {key} is unknown or of the wrong kind")),
        }
    }
    let is_pretty = is_pretty.unwrap_or(is_wished);
    let layout = is_pretty.then_some((&*prefix, &*indent));
    let start = if is_pretty { prefix.to_string() } else { String::new() };
    let mut out = Writer { text: start, layout };
    out.value(value, 0)?;
    Ok(Value::from(out.text))
}

struct Writer<'o> {
    text: String,
    /// What each line begins with, and what each level adds.
    layout: Option<(&'o str, &'o str)>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Unable> {
        if self.text.len() > guards::MAX_RESULT {
            return Err(Unable::TooMuch(guards::too_large()));
        }
        match value {
            Value::String(text) => self.string(text),
            Value::Array(elements) => self.list(elements.iter(), depth)?,
            Value::Set(elements) => self.list(sorted(elements).into_iter(), depth)?,
            Value::Object(members) => {
                // A key that is no text becomes the JSON that it is, and takes its place among the others.
                let mut all: Vec<(Cow<'_, str>, &Value)> = Vec::new();
                for (key, value) in members.iter() {
                    let key = match key {
                        Value::String(key) => Cow::from(&**key),
                        other => {
                            let mut key = Writer { text: String::new(), layout: None };
                            key.value(other, 0)?;
                            Cow::from(key.text)
                        }
                    };
                    all.push((key, value));
                }
                all.sort_by(|left, right| left.0.cmp(&right.0));
                self.text.push('{');
                for (position, (key, value)) in all.iter().enumerate() {
                    self.next(position, depth + 1);
                    self.string(key);
                    self.text.push_str(if self.layout.is_some() { ": " } else { ":" });
                    self.value(value, depth + 1)?;
                }
                self.close('}', all.is_empty(), depth);
            }
            other => self.text.push_str(&plain(other)),
        }
        Ok(())
    }

    fn list<'v>(
        &mut self,
        elements: impl Iterator<Item = &'v Value>,
        depth: usize,
    ) -> Result<(), Unable> {
        self.text.push('[');
        let mut count = 0;
        for element in elements {
            self.next(count, depth + 1);
            self.value(element, depth + 1)?;
            count += 1;
        }
        self.close(']', count == 0, depth);
        Ok(())
    }

    fn next(&mut self, position: usize, depth: usize) {
        if position > 0 {
            self.text.push(',');
        }
        self.line(depth);
    }

    fn close(&mut self, bracket: char, is_empty: bool, depth: usize) {
        if !is_empty {
            self.line(depth);
        }
        self.text.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        if let Some((prefix, indent)) = self.layout {
            self.text.push('\n');
            self.text.push_str(prefix);
            // What is too long ends soon: each line is looked at.
            self.text.extend(std::iter::repeat_n(indent, depth));
        }
    }

    /// Writes a text that may stand in a page of HTML, and in a script.
    fn string(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..=' ' if c != ' ' => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(c));
                }
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }
}
