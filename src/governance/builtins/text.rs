//! Functions of texts that do as Go's do.

use regorus::Value;

use super::call::{Unable, native};
use super::own::{failed, text, wrong};
use super::{glob, guards, lookup, semver};

pub(super) fn glob_match(arguments: &[Value]) -> Result<Value, Unable> {
    let delimiters: Vec<char> = match arguments.get(1) {
        Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) if elements.is_empty() => vec!['.'],
        Some(Value::Array(elements)) => {
            let delimiters = elements.iter().map(|one| match one {
                Value::String(text) => {
                    let mut chars = text.chars();
                    chars.next().filter(|_| chars.next().is_none())
                }
                _ => None,
            });
            let Some(delimiters) = delimiters.collect() else {
                return failed("its delimiters are texts of one character");
            };
            delimiters
        }
        other => return wrong("an array or null", other),
    };
    glob::matches(text(arguments, 0)?, &delimiters, text(arguments, 2)?).map(Value::from)
}

pub(super) fn glob_quote_meta(arguments: &[Value]) -> Result<Value, Unable> {
    text(arguments, 0).map(|text| Value::from(glob::quoted(text)))
}

pub(super) fn semver_compare(arguments: &[Value]) -> Result<Value, Unable> {
    let version = |position| {
        let text = text(arguments, position)?;
        semver::Version::read(text)
            .ok_or_else(|| Unable::Failed(format!("`{text}` is no semantic version")))
    };
    Ok(Value::from(version(0)?.compare(&version(1)?) as i64))
}

pub(super) fn semver_is_valid(arguments: &[Value]) -> Result<Value, Unable> {
    Ok(Value::from(text(arguments, 0).is_ok_and(|text| semver::Version::read(text).is_some())))
}

/// Lets the engine compute what it computes as OPA does.
pub(super) fn by_engine(name: &str, arguments: &[Value]) -> Result<Value, Unable> {
    match lookup(name) {
        Some(builtin) => native(builtin, arguments).map_err(Unable::Failed),
        None => failed("the engine has no such function"),
    }
}

/// Where a text begins in another. An empty one begins nowhere.
pub(super) fn index_of(arguments: &[Value]) -> Result<Value, Unable> {
    guards::search(arguments).map_err(Unable::TooMuch)?;
    let (text, part) = (text(arguments, 0)?, text(arguments, 1)?);
    if part.is_empty() {
        return failed("it searches an empty text");
    }
    let at = text.split_once(part).and_then(|(before, _)| before.chars().count().try_into().ok());
    Ok(Value::from(at.unwrap_or(-1_i64)))
}

/// Wherever a text begins in another.
pub(super) fn index_of_n(arguments: &[Value]) -> Result<Value, Unable> {
    guards::search(arguments).map_err(Unable::TooMuch)?;
    if text(arguments, 1)?.is_empty() {
        return failed("it searches an empty text");
    }
    by_engine("indexof_n", arguments)
}

pub(super) fn substring(arguments: &[Value]) -> Result<Value, Unable> {
    let is_integer = |one: &Value| one.as_i64().is_ok();
    match arguments {
        [Value::String(_), start, length] if is_integer(start) && is_integer(length) => {
            by_engine("substring", arguments)
        }
        _ => failed("a text and two integers expected"),
    }
}

/// How often a text stands in another. An empty one stands around each character.
pub(super) fn count(arguments: &[Value]) -> Result<Value, Unable> {
    guards::search(arguments).map_err(Unable::TooMuch)?;
    let (text, part) = (text(arguments, 0)?, text(arguments, 1)?);
    let count = if part.is_empty() { text.chars().count() + 1 } else { text.matches(part).count() };
    Ok(Value::from(count))
}

/// Each character by itself, as Go does it: what would become two stays as it is, and no letter knows where it stands.
fn by_character(text: &str, change: impl Fn(char) -> char) -> Value {
    Value::from(text.chars().map(change).collect::<String>())
}

pub(super) fn upper(arguments: &[Value]) -> Result<Value, Unable> {
    Ok(by_character(text(arguments, 0)?, |c| {
        let mut upper = c.to_uppercase();
        match (c, upper.next(), upper.next()) {
            // Greek letters with an iota below have a form with one beside.
            ('\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}', ..) => {
                char::from_u32(u32::from(c) + 8).unwrap_or(c)
            }
            ('\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}', ..) => {
                char::from_u32(u32::from(c) + 9).unwrap_or(c)
            }
            (_, Some(upper), None) => upper,
            _ => c,
        }
    }))
}

pub(super) fn lower(arguments: &[Value]) -> Result<Value, Unable> {
    // The one letter that would become two loses its dot.
    Ok(by_character(text(arguments, 0)?, |c| c.to_lowercase().next().unwrap_or(c)))
}

/// Replaces texts by others in one pass; where several stand at the same place, the first by order of the texts counts.
pub(super) fn replace_n(arguments: &[Value]) -> Result<Value, Unable> {
    let (Some(Value::Object(pairs)), Ok(text)) = (arguments.first(), text(arguments, 1)) else {
        return failed("it takes an object of texts, and a text");
    };
    let mut patterns: Vec<(&str, &str)> = Vec::new();
    for pair in pairs.iter_sorted() {
        let (Value::String(old), Value::String(new)) = pair else {
            return failed("it takes an object of texts, and a text");
        };
        patterns.push((old, new));
    }
    if text.len().saturating_mul(patterns.len()) > guards::MAX_STEPS {
        return Err(Unable::TooMuch("too many texts to search for".to_owned()));
    }
    let mut out = String::new();
    let (mut rest, mut may_be_empty) = (text, true);
    loop {
        let at_start =
            |(old, _): &&(&str, &str)| rest.starts_with(old) && (may_be_empty || !old.is_empty());
        if let Some((old, new)) = patterns.iter().find(at_start) {
            out.push_str(new);
            rest = rest.get(old.len()..).unwrap_or_default();
            // Between two characters there is one empty text.
            may_be_empty = !old.is_empty();
        } else {
            let mut chars = rest.chars();
            let Some(c) = chars.next() else {
                return Ok(Value::from(out));
            };
            out.push(c);
            rest = chars.as_str();
            may_be_empty = true;
        }
        if out.len() > guards::MAX_RESULT {
            return Err(Unable::TooMuch(guards::too_large()));
        }
    }
}

/// Reads a number as Go does, which is more than JSON allows.
pub(super) fn to_number(arguments: &[Value]) -> Result<Value, Unable> {
    let Some(Value::String(text)) = arguments.first() else {
        return by_engine("to_number", arguments);
    };
    guards::number_text(arguments).map_err(Unable::TooMuch)?;
    match plain_number(text) {
        Some(plain) => by_engine("to_number", &[Value::from(plain)]),
        None => failed(format!("`{text}` is no number")),
    }
}

/// A number as JSON has it: `+.5` is `0.5`, and `007` is `7`.
pub(super) fn plain_number(text: &str) -> Option<String> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (text, None),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let mut out = format!("{sign}{}", if whole.is_empty() { "0" } else { whole });
    if !part.is_empty() {
        out.push('.');
        out.push_str(part);
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !is_digits(digits) {
            return None;
        }
        out.push('e');
        out.push_str(exponent);
    }
    Some(out)
}
