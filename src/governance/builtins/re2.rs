//! Regular expressions as OPA has them: [`call`], [`is_match`], [`mistake`].
//!
//! A pattern that RE2 refuses fails as it does in OPA. One that RE2 understands and we do not, or that would take too much,
//! ends the evaluation: no template may take it for a rule that does not hold.

mod classes;
#[cfg(test)]
mod tests;
mod translate;

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Captures, Regex, RegexBuilder};
use regorus::Value;

use super::call::Unable;
use super::guards;
use translate::{Refusal, translate};

/// How large an expression may be when compiled, in bytes, each with its weight among those that a thread keeps. Nearly all
/// fit the first.
const SIZES: [(usize, usize); 3] = [(128 << 10, 1), (512 << 10, 4), (2 << 20, 16)];

/// What the expressions that a thread keeps may weigh together.
const MAX_WEIGHT: usize = 256;

/// How many bytes of a pattern weigh one.
const BYTES_PER_WEIGHT: usize = 4096;

/// How much memory an expression may use for what it learns while it searches, in bytes.
const MAX_LEARNT: usize = 1 << 20;

/// How deep the compiled form may nest: deeper than groups in a pattern may.
const MAX_DEPTH: u32 = 1000;

/// How long a text may be that an expression beyond the first size searches, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// How large a result may be: bytes of a text, elements of a list.
const MAX_RESULT: usize = 1 << 20;
const MAX_ELEMENTS: usize = 100_000;

/// How many parts compiling an expression counts as, for each unit of its weight.
const PARTS_PER_WEIGHT: usize = 4000;

/// A compiled expression.
#[derive(Debug)]
struct Expression {
    regex: Regex,
    /// The names of its groups.
    names: Vec<Option<String>>,
    is_for_ascii: bool,
    weight: usize,
}

/// The expressions that a thread keeps, and what they weigh.
#[derive(Default)]
struct Known {
    expressions: HashMap<Box<str>, Result<Expression, Unable>>,
    weight: usize,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

impl Expression {
    fn compile(pattern: &str) -> Result<Self, Unable> {
        let translated = translate(pattern).map_err(|refusal| match refusal {
            Refusal::Invalid(reason) => {
                Unable::Failed(format!("the pattern `{}` is not valid: {reason}", short(pattern)))
            }
            Refusal::TooMuch(reason) => Unable::TooMuch(reason),
        })?;
        for (size, weight) in SIZES {
            guards::count_parts(weight * PARTS_PER_WEIGHT).map_err(Unable::TooMuch)?;
            let regex = RegexBuilder::new(&translated.text)
                .size_limit(size)
                .dfa_size_limit(MAX_LEARNT)
                .nest_limit(MAX_DEPTH)
                .build();
            match regex {
                Ok(regex) => {
                    let (names, is_for_ascii) = (translated.names, translated.is_for_ascii);
                    return Ok(Self { regex, names, is_for_ascii, weight });
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(_) => {
                    let reason = format!("the pattern `{}` is not understood", short(pattern));
                    return Err(Unable::TooMuch(reason));
                }
            }
        }
        Err(Unable::TooMuch(format!("the pattern `{}` is too large when compiled", short(pattern))))
    }

    /// Whether it may search a text.
    fn may_search(&self, text: &str) -> Result<(), Unable> {
        let reason = if self.weight > 1 && text.len() > MAX_TEXT {
            format!("a large pattern and a text of more than {} KiB", MAX_TEXT >> 10)
        } else if self.is_for_ascii && !text.is_ascii() {
            r"`\B` and a text beyond ASCII".to_owned()
        } else {
            return Ok(());
        };
        Err(Unable::TooMuch(reason))
    }

    /// Writes what a template makes of a match: `$1`, `${name}`, and `$$` for a dollar.
    fn expand(&self, template: &str, found: &Captures<'_>, out: &mut String) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let Some((name, after)) = name_of_group(after) else {
                out.push('$');
                rest = after;
                continue;
            };
            rest = after;
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit())
                && (name == "0" || !name.starts_with('0'));
            let group = if is_number {
                name.parse().ok().and_then(|number| found.get(number))
            } else {
                let named = |(_, known): &(usize, &Option<String>)| known.as_deref() == Some(name);
                let mut groups = (1..).zip(&self.names).filter(named);
                groups.find_map(|(number, _)| found.get(number))
            };
            out.push_str(group.map_or("", |group| group.as_str()));
        }
        out.push_str(rest);
    }
}

/// The name of a group behind `$`, in braces or not, and what follows it.
fn name_of_group(text: &str) -> Option<(&str, &str)> {
    let is_braced = text.starts_with('{');
    let text = text.strip_prefix('{').unwrap_or(text);
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    if is_braced { Some((name, rest.strip_prefix('}')?)) } else { Some((name, rest)) }
}

/// The beginning of a pattern.
fn short(pattern: &str) -> String {
    let mut short: String = pattern.chars().take(80).collect();
    if short.len() < pattern.len() {
        short.push('…');
    }
    short
}

/// Does something with a pattern that is compiled when it is first asked for.
fn with<T>(pattern: &str, act: impl FnOnce(&Expression) -> Result<T, Unable>) -> Result<T, Unable> {
    KNOWN.with_borrow_mut(|known| {
        if let Some(expression) = known.expressions.get(pattern) {
            return expression.as_ref().map_err(Clone::clone).and_then(act);
        }
        let expression = Expression::compile(pattern);
        let weight = expression.as_ref().map_or(1, |expression| expression.weight)
            + pattern.len() / BYTES_PER_WEIGHT;
        if known.weight + weight > MAX_WEIGHT {
            *known = Known::default();
        }
        let value = expression.as_ref().map_err(Clone::clone).and_then(act);
        known.weight += weight;
        known.expressions.insert(pattern.into(), expression);
        value
    })
}

/// Whether a pattern is found in a text.
pub(in crate::governance) fn is_match(pattern: &str, text: &str) -> Result<bool, Unable> {
    with(pattern, |expression| {
        expression.may_search(text)?;
        Ok(expression.regex.is_match(text))
    })
}

/// What is wrong with a pattern, if it cannot be used.
pub(in crate::governance) fn mistake(pattern: &str) -> Option<String> {
    Expression::compile(pattern).err().map(|unable| unable.to_string())
}

/// Calls one of the functions with regular expressions.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, Unable> {
    match (name, arguments) {
        ("regex.is_valid", [Value::String(pattern)]) => match with(pattern, |_| Ok(())) {
            Err(unable @ Unable::TooMuch(_)) => Err(unable),
            outcome => Ok(Value::from(outcome.is_ok())),
        },
        ("regex.is_valid", [_]) => Ok(Value::from(false)),
        ("regex.match", [Value::String(pattern), Value::String(text)]) => {
            is_match(pattern, text).map(Value::from)
        }
        ("regex.split", [Value::String(pattern), Value::String(text)]) => split(pattern, text),
        ("regex.replace", [Value::String(text), Value::String(pattern), Value::String(new)]) => {
            replace(text, pattern, new)
        }
        ("regex.find_n", [Value::String(pattern), Value::String(text), count]) => {
            let count = limit(count)?;
            with(pattern, |expression| {
                expression.may_search(text)?;
                let found = expression.regex.find_iter(text).take(count);
                listed(found.map(|one| Value::from(one.as_str())))
            })
        }
        (
            "regex.find_all_string_submatch_n",
            [Value::String(pattern), Value::String(text), count],
        ) => {
            let count = limit(count)?;
            with(pattern, |expression| {
                expression.may_search(text)?;
                let groups = |found: Captures<'_>| {
                    let group =
                        |number| Value::from(found.get(number).map_or("", |one| one.as_str()));
                    Value::from((0..=expression.names.len()).map(group).collect::<Vec<_>>())
                };
                let most = MAX_ELEMENTS / (expression.names.len() + 1);
                let found = expression.regex.captures_iter(text).take(count).map(groups);
                bounded(found, most)
            })
        }
        (
            "regex.template_match",
            [
                Value::String(template),
                Value::String(text),
                Value::String(start),
                Value::String(end),
            ],
        ) => is_match(&of_template(template, start, end)?, text).map(Value::from),
        _ => Err(Unable::Failed("an argument is of the wrong kind".to_owned())),
    }
}

fn bounded(all: impl Iterator<Item = Value>, most: usize) -> Result<Value, Unable> {
    let all: Vec<Value> = all.take(most.saturating_add(1)).collect();
    if all.len() > most {
        return Err(Unable::TooMuch(format!(
            "the result would have more than {MAX_ELEMENTS} elements"
        )));
    }
    Ok(Value::from(all))
}

fn listed(all: impl Iterator<Item = Value>) -> Result<Value, Unable> {
    bounded(all, MAX_ELEMENTS)
}

/// How many matches are asked for; all of them where the number is negative.
fn limit(count: &Value) -> Result<usize, Unable> {
    let count = count.as_i64().map_err(|_| Unable::Failed("an integer expected".to_owned()))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The pieces between matches. A match of nothing at the beginning is none, and after one at the end nothing is left.
fn split(pattern: &str, text: &str) -> Result<Value, Unable> {
    with(pattern, |expression| {
        expression.may_search(text)?;
        if text.is_empty() && !pattern.is_empty() {
            return Ok(Value::from(vec![Value::from("")]));
        }
        let mut start = 0;
        let mut pieces: Vec<Value> = Vec::new();
        let mut last = 0;
        for found in expression.regex.find_iter(text) {
            last = found.start();
            if found.end() != 0 {
                pieces.push(Value::from(text.get(start..last).unwrap_or_default()));
            }
            start = found.end();
            if pieces.len() > MAX_ELEMENTS {
                break;
            }
        }
        if last != text.len() {
            pieces.push(Value::from(text.get(start..).unwrap_or_default()));
        }
        listed(pieces.into_iter())
    })
}

fn replace(text: &str, pattern: &str, new: &str) -> Result<Value, Unable> {
    with(pattern, |expression| {
        expression.may_search(text)?;
        let mut out = String::new();
        let mut start = 0;
        for found in expression.regex.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            out.push_str(text.get(start..whole.start()).unwrap_or_default());
            // One match may be most of the text, and the template name it often.
            let most = whole.len().saturating_mul(new.matches('$').count());
            if out.len().saturating_add(new.len()).saturating_add(most) > 16 * MAX_RESULT {
                return Err(Unable::TooMuch("the result would be larger than 16 MiB".to_owned()));
            }
            expression.expand(new, &found, &mut out);
            if out.len() > MAX_RESULT {
                break;
            }
            start = whole.end();
        }
        out.push_str(text.get(start..).unwrap_or_default());
        if out.len() > MAX_RESULT {
            let reason = format!("the result would be larger than {} KiB", MAX_RESULT >> 10);
            return Err(Unable::TooMuch(reason));
        }
        Ok(Value::from(out))
    })
}

/// The pattern that a template is: texts, and patterns between two characters.
fn of_template(template: &str, start: &str, end: &str) -> Result<String, Unable> {
    let failed = |reason: &str| Unable::Failed(reason.to_owned());
    let ([start], [end]) = (start.as_bytes(), end.as_bytes()) else {
        return Err(failed("a delimiter must be one character"));
    };
    let mut pattern = String::from("^");
    let (mut level, mut done, mut opened) = (0_usize, 0, 0);
    for (at, byte) in template.bytes().enumerate() {
        if byte == *start {
            level += 1;
            if level == 1 {
                opened = at;
            }
        } else if byte == *end {
            level = level.checked_sub(1).ok_or_else(|| failed("delimiters that do not match"))?;
            if level == 0 {
                quote(template.get(done..opened).unwrap_or_default(), &mut pattern);
                let inner = template.get(opened + 1..at).unwrap_or_default();
                // It must be a pattern by itself.
                with(inner, |_| Ok(()))?;
                pattern.push_str(&format!("({inner})"));
                done = at + 1;
            }
        }
    }
    if level > 0 {
        return Err(failed("delimiters that do not match"));
    }
    quote(template.get(done..).unwrap_or_default(), &mut pattern);
    pattern.push('$');
    Ok(pattern)
}

fn quote(text: &str, pattern: &mut String) {
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
}
