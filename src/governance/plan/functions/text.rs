//! Texts made of formats and values.

use std::fmt::Write as _;

use super::MAX_TEXT;
use crate::governance::builtins::quoted;
use crate::governance::plan::value::Value;

/// The text that a format makes, where it says no more than which arguments come where.
pub(super) fn sprintf(format: &str, arguments: &[Value<'_>]) -> Option<String> {
    let mut out = String::with_capacity(format.len() + 32);
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let mut chars = after.chars();
        match chars.next()? {
            '%' => out.push('%'),
            'd' => match arguments.next()? {
                Value::Integer(integer) => write!(out, "{integer}").ok()?,
                _ => return None,
            },
            's' => match arguments.next()? {
                Value::Integer(_) | Value::Float(_) => return None,
                Value::Text(text) => out.push_str(text),
                other => write_term(*other, &mut out)?,
            },
            'v' => match arguments.next()? {
                Value::Text(text) => out.push_str(text),
                other => write_term(*other, &mut out)?,
            },
            _ => return None,
        }
        if out.len() > MAX_TEXT {
            return None;
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    arguments.next().is_none().then_some(out)
}

/// Writes a value as OPA does. Fails where it is large, and where it has numbers with fractions.
fn write_term(value: Value<'_>, out: &mut String) -> Option<()> {
    if out.len() > MAX_TEXT {
        return None;
    }
    let list = |open: char, elements: &[Value<'_>], close: char, out: &mut String| {
        out.push(open);
        for (position, one) in elements.iter().enumerate() {
            if position > 0 {
                out.push_str(", ");
            }
            write_term(*one, out)?;
        }
        out.push(close);
        Some(())
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => write!(out, "{value}").ok()?,
        Value::Integer(integer) => write!(out, "{integer}").ok()?,
        Value::Float(_) => return None,
        Value::Text(text) => out.push_str(&quoted(text)),
        Value::Array(elements) => list('[', elements, ']', out)?,
        Value::Set([]) => out.push_str("set()"),
        Value::Set(elements) => list('{', elements, '}', out)?,
        Value::Object(members) => {
            out.push('{');
            for (position, (key, value)) in members.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write_term(*key, out)?;
                out.push_str(": ");
                write_term(*value, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}
