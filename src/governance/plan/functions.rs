//! Built-in functions that are computed here, since policies call them all the time: [`native`].
//!
//! Each gives nothing where its arguments are not of the usual kind, or where the result would be large: then the engine is
//! asked, which knows what to say about it.

mod text;

use bumpalo::Bump;

use super::program::Native;
use super::value::Value;
use crate::governance::builtins::re2;
use text::sprintf;

/// How long a text may be that is made here, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// How many elements a list may have that is made here.
const MAX_ELEMENTS: usize = 10_000;

/// How many steps a search may take that looks at each character with each of a set.
const MAX_SEARCH: usize = 1 << 20;

/// The function of that name, if it is computed here.
pub(super) fn native(name: &str) -> Option<Native> {
    let at = TABLE.binary_search_by(|(have, _)| have.cmp(&name)).ok()?;
    TABLE.get(at).map(|(_, function)| *function)
}

/// Sorted by name.
static TABLE: &[(&str, Native)] = &[
    ("abs", |_, arguments| match arguments {
        [Value::Integer(integer)] => integer.checked_abs().map(Value::Integer),
        _ => None,
    }),
    ("all", |_, arguments| {
        elements(arguments.first()).map(|all| Value::Bool(all.iter().all(is_true)))
    }),
    ("any", |_, arguments| {
        elements(arguments.first()).map(|all| Value::Bool(all.iter().any(is_true)))
    }),
    ("array.concat", |arena, arguments| match arguments {
        [Value::Array(first), Value::Array(second)]
            if first.len() + second.len() <= MAX_ELEMENTS =>
        {
            let all: Vec<Value<'_>> = first.iter().chain(*second).copied().collect();
            Some(Value::array(arena, &all))
        }
        _ => None,
    }),
    ("array.slice", |_, arguments| match arguments {
        [Value::Array(elements), Value::Integer(start), Value::Integer(stop)] => {
            let limit = |at: i64| usize::try_from(at).unwrap_or(0).min(elements.len());
            Some(Value::Array(elements.get(limit(*start)..limit(*stop)).unwrap_or_default()))
        }
        _ => None,
    }),
    ("concat", |arena, arguments| {
        let [Value::Text(delimiter), list] = arguments else {
            return None;
        };
        let list = elements(Some(list))?;
        let mut length = delimiter.len().checked_mul(list.len())?;
        for one in list {
            length = length.checked_add(text(Some(one))?.len())?;
        }
        if length > MAX_TEXT {
            return None;
        }
        let mut out = String::with_capacity(length);
        for (position, one) in list.iter().enumerate() {
            if position > 0 {
                out.push_str(delimiter);
            }
            out.push_str(text(Some(one))?);
        }
        Some(Value::Text(arena.alloc_str(&out)))
    }),
    ("contains", |_, arguments| {
        texts(arguments).map(|(text, part)| Value::Bool(text.contains(part)))
    }),
    ("count", |_, arguments| {
        let count = match arguments {
            [Value::Array(elements) | Value::Set(elements)] => elements.len(),
            [Value::Object(members)] => members.len(),
            [Value::Text(text)] => text.chars().count(),
            _ => return None,
        };
        i64::try_from(count).ok().map(Value::Integer)
    }),
    ("endswith", |_, arguments| {
        texts(arguments).map(|(text, end)| Value::Bool(text.ends_with(end)))
    }),
    ("format_int", |arena, arguments| match arguments {
        [Value::Integer(integer), Value::Integer(10)] => {
            Some(Value::Text(arena.alloc_str(&integer.to_string())))
        }
        _ => None,
    }),
    ("indexof", |_, arguments| {
        let (text, part) = texts(arguments)?;
        if !text.is_ascii() || part.is_empty() {
            return None;
        }
        let at = text.find(part).map_or(Some(-1), |at| i64::try_from(at).ok());
        at.map(Value::Integer)
    }),
    ("is_array", |_, arguments| is(arguments, |one| matches!(one, Value::Array(_)))),
    ("is_boolean", |_, arguments| is(arguments, |one| matches!(one, Value::Bool(_)))),
    ("is_null", |_, arguments| is(arguments, |one| matches!(one, Value::Null))),
    ("is_number", |_, arguments| {
        is(arguments, |one| matches!(one, Value::Integer(_) | Value::Float(_)))
    }),
    ("is_object", |_, arguments| is(arguments, |one| matches!(one, Value::Object(_)))),
    ("is_set", |_, arguments| is(arguments, |one| matches!(one, Value::Set(_)))),
    ("is_string", |_, arguments| is(arguments, |one| matches!(one, Value::Text(_)))),
    ("lower", |arena, arguments| {
        let text = text(arguments.first()).filter(|text| text.is_ascii())?;
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        Some(Value::Text(if is_lower { text } else { arena.alloc_str(&text.to_ascii_lowercase()) }))
    }),
    ("max", |_, arguments| elements(arguments.first())?.iter().max().copied()),
    ("min", |_, arguments| elements(arguments.first())?.iter().min().copied()),
    ("object.get", |_, arguments| match arguments {
        [object @ Value::Object(_), key, default] if !matches!(key, Value::Array(_)) => {
            Some(object.get(*key).unwrap_or(*default))
        }
        _ => None,
    }),
    ("object.keys", |arena, arguments| match arguments {
        [Value::Object(members)] => {
            Some(Value::set(arena, &mut members.iter().map(|(key, _)| *key).collect()))
        }
        _ => None,
    }),
    ("regex.match", |_, arguments| {
        let (pattern, text) = texts(arguments)?;
        // What cannot be done is for the engine's road to say.
        re2::is_match(pattern, text).ok().map(Value::Bool)
    }),
    ("replace", |arena, arguments| match arguments {
        [Value::Text(text), Value::Text(old), Value::Text(new)] if !old.is_empty() => {
            let count = text.matches(old).count();
            if count == 0 {
                return Some(Value::Text(text));
            }
            let length = count.checked_mul(new.len())?.checked_add(text.len())?;
            (length <= MAX_TEXT).then(|| Value::Text(arena.alloc_str(&text.replace(old, new))))
        }
        _ => None,
    }),
    ("sort", |arena, arguments| {
        let mut all = elements(arguments.first())?.to_vec();
        all.sort();
        Some(Value::array(arena, &all))
    }),
    ("split", |arena, arguments| {
        let (text, delimiter) = texts(arguments)?;
        if delimiter.is_empty() || text.len() > MAX_ELEMENTS {
            return None;
        }
        let parts: Vec<Value<'_>> = text.split(delimiter).map(Value::Text).collect();
        Some(Value::array(arena, &parts))
    }),
    ("sprintf", |arena, arguments| match arguments {
        [Value::Text(format), Value::Array(arguments)] => {
            sprintf(format, arguments).map(|text| Value::Text(arena.alloc_str(&text)))
        }
        _ => None,
    }),
    ("startswith", |_, arguments| {
        texts(arguments).map(|(text, start)| Value::Bool(text.starts_with(start)))
    }),
    ("strings.any_prefix_match", |_, arguments| {
        any_match(arguments, |text, start| text.starts_with(start))
    }),
    ("strings.any_suffix_match", |_, arguments| {
        any_match(arguments, |text, end| text.ends_with(end))
    }),
    ("substring", |_, arguments| match arguments {
        [Value::Text(text), Value::Integer(start), Value::Integer(length)] if text.is_ascii() => {
            let rest = text.get(usize::try_from(*start).ok()?..)?;
            let length = usize::try_from(*length).unwrap_or(rest.len()).min(rest.len());
            rest.get(..length).map(Value::Text)
        }
        _ => None,
    }),
    ("sum", |_, arguments| {
        let mut sum = 0_i64;
        for one in elements(arguments.first())? {
            let Value::Integer(integer) = one else {
                return None;
            };
            sum = sum.checked_add(*integer)?;
        }
        Some(Value::Integer(sum))
    }),
    ("to_number", |_, arguments| match arguments {
        [number @ (Value::Integer(_) | Value::Float(_))] => Some(*number),
        [Value::Text(text)] => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let is_short = digits == "0" || !digits.starts_with('0');
            (is_plain && is_short).then(|| text.parse().ok().map(Value::Integer)).flatten()
        }
        _ => None,
    }),
    ("trim", |_, arguments| cut(arguments, |text, set| text.trim_matches(|c| set.contains(c)))),
    ("trim_left", |_, arguments| {
        cut(arguments, |text, set| text.trim_start_matches(|c| set.contains(c)))
    }),
    ("trim_prefix", |_, arguments| {
        texts(arguments).map(|(text, start)| Value::Text(text.strip_prefix(start).unwrap_or(text)))
    }),
    ("trim_right", |_, arguments| {
        cut(arguments, |text, set| text.trim_end_matches(|c| set.contains(c)))
    }),
    ("trim_space", |_, arguments| {
        text(arguments.first()).filter(|text| text.is_ascii()).map(|text| Value::Text(text.trim()))
    }),
    ("trim_suffix", |_, arguments| {
        texts(arguments).map(|(text, end)| Value::Text(text.strip_suffix(end).unwrap_or(text)))
    }),
    ("type_name", |_, arguments| {
        Some(Value::Text(match arguments.first()? {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Integer(_) | Value::Float(_) => "number",
            Value::Text(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Set(_) => "set",
        }))
    }),
    ("upper", |arena, arguments| {
        let text = text(arguments.first()).filter(|text| text.is_ascii())?;
        Some(Value::Text(arena.alloc_str(&text.to_ascii_uppercase())))
    }),
    ("walk", |arena, arguments| {
        let mut found = Vec::new();
        walk(arena, *arguments.first()?, &mut Vec::new(), &mut found)?;
        Some(Value::array(arena, &found))
    }),
];

fn text<'a>(value: Option<&Value<'a>>) -> Option<&'a str> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn texts<'a>(arguments: &[Value<'a>]) -> Option<(&'a str, &'a str)> {
    match arguments {
        [Value::Text(one), Value::Text(other)] => Some((one, other)),
        _ => None,
    }
}

/// The elements of an array or a set.
const fn elements<'a>(value: Option<&Value<'a>>) -> Option<&'a [Value<'a>]> {
    match value {
        Some(Value::Array(elements) | Value::Set(elements)) => Some(elements),
        _ => None,
    }
}

const fn is_true(value: &Value<'_>) -> bool {
    matches!(value, Value::Bool(true))
}

fn is<'a>(arguments: &[Value<'a>], kind: impl Fn(&Value<'a>) -> bool) -> Option<Value<'a>> {
    arguments.first().map(|one| Value::Bool(kind(one)))
}

fn cut<'a>(
    arguments: &[Value<'a>],
    cut: impl Fn(&'a str, &'a str) -> &'a str,
) -> Option<Value<'a>> {
    let (text, set) = texts(arguments)?;
    let is_short = text.len().checked_mul(set.len())? <= MAX_SEARCH;
    is_short.then(|| Value::Text(cut(text, set)))
}

/// Whether any of one or more texts has any of one or more parts.
fn any_match<'a>(arguments: &[Value<'a>], has: fn(&str, &str) -> bool) -> Option<Value<'a>> {
    let [searched, parts] = arguments else {
        return None;
    };
    let all = |value: &Value<'a>| match value {
        Value::Text(text) => Some(vec![*text]),
        other => elements(Some(other))?.iter().map(|one| text(Some(one))).collect(),
    };
    let (searched, parts): (Vec<&str>, Vec<&str>) = (all(searched)?, all(parts)?);
    if searched.len().checked_mul(parts.len())? > MAX_SEARCH {
        return None;
    }
    let matches = searched.iter().any(|text| parts.iter().any(|part| has(text, part)));
    Some(Value::Bool(matches))
}

/// Every part of a value, with the path to it.
fn walk<'a>(
    arena: &'a Bump,
    value: Value<'a>,
    path: &mut Vec<Value<'a>>,
    found: &mut Vec<Value<'a>>,
) -> Option<()> {
    if found.len() >= MAX_ELEMENTS {
        return None;
    }
    found.push(Value::array(arena, &[Value::array(arena, path), value]));
    let mut deeper = |key: Value<'a>, value: Value<'a>| {
        path.push(key);
        walk(arena, value, path, found)?;
        path.pop();
        Some(())
    };
    match value {
        Value::Array(elements) => {
            for (position, one) in (0_i64..).zip(elements) {
                deeper(Value::Integer(position), *one)?;
            }
        }
        Value::Set(elements) => {
            for one in elements {
                deeper(*one, *one)?;
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                deeper(*key, *value)?;
            }
        }
        _ => {}
    }
    Some(())
}
