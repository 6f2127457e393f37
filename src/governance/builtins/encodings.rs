//! What is written in another alphabet: queries of addresses, and Base64 with holes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regorus::Value;

use super::call::Unable;
use super::own::{elements, failed, text, wrong};

/// A text with what may not stand in an address written as `%20`; a space is `+`.
fn escaped(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

fn unescaped(text: &str) -> Result<String, Unable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.first_chunk::<2>().and_then(|digits| {
                    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
                    u8::try_from(high? * 16 + low?).ok()
                });
                let Some(byte) = digits else {
                    return failed("a percent sign without two digits");
                };
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            byte => bytes.push(*byte),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn query_encode(arguments: &[Value]) -> Result<Value, Unable> {
    let mut out = String::new();
    escaped(text(arguments, 0)?, &mut out);
    Ok(Value::from(out))
}

pub(super) fn query_decode(arguments: &[Value]) -> Result<Value, Unable> {
    unescaped(text(arguments, 0)?).map(Value::from)
}

pub(super) fn query_encode_object(arguments: &[Value]) -> Result<Value, Unable> {
    let Some(Value::Object(members)) = arguments.first() else {
        return wrong("an object", arguments.first());
    };
    let own = |value: &Value| match value {
        Value::String(text) => Ok(text.to_string()),
        other => wrong("a string", Some(other)),
    };
    let mut out = String::new();
    let mut all: BTreeMap<Cow<'_, str>, Vec<String>> = BTreeMap::new();
    for (key, value) in members.iter() {
        let values = match value {
            Value::String(one) => vec![one.to_string()],
            other => elements(Some(other))?.into_iter().map(own).collect::<Result<_, _>>()?,
        };
        let key = match key {
            Value::String(key) => Cow::from(&**key),
            other => Cow::from(other.to_string()),
        };
        all.insert(key, values);
    }
    for (key, values) in &all {
        for value in values {
            if !out.is_empty() {
                out.push('&');
            }
            escaped(key, &mut out);
            out.push('=');
            escaped(value, &mut out);
        }
    }
    Ok(Value::from(out))
}

pub(super) fn query_decode_object(arguments: &[Value]) -> Result<Value, Unable> {
    let mut all: BTreeMap<Value, Vec<Value>> = BTreeMap::new();
    for pair in text(arguments, 0)?.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return failed("a semicolon in a query");
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        all.entry(unescaped(key)?.into()).or_default().push(unescaped(value)?.into());
    }
    let members = all.into_iter().map(|(key, values)| (key, Value::from(values)));
    Ok(Value::from(members.collect::<BTreeMap<_, _>>()))
}

/// What Go takes for Base64: lines may be broken, and what is left of the last byte may be anything.
fn decoded(text: &str, alphabet: &Alphabet) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let text = text.replace(['\r', '\n'], "");
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

fn as_text(bytes: Option<Vec<u8>>) -> Result<Value, Unable> {
    match bytes {
        Some(bytes) => Ok(Value::from(String::from_utf8_lossy(&bytes).into_owned())),
        None => failed("the text is no Base64"),
    }
}

pub(super) fn base64_decode(arguments: &[Value]) -> Result<Value, Unable> {
    as_text(decoded(text(arguments, 0)?, &STANDARD))
}

/// Whatever is no text is no Base64 either.
pub(super) fn base64_is_valid(arguments: &[Value]) -> Result<Value, Unable> {
    Ok(Value::from(text(arguments, 0).is_ok_and(|text| decoded(text, &STANDARD).is_some())))
}

/// What is missing at the end is filled up.
pub(super) fn base64url_decode(arguments: &[Value]) -> Result<Value, Unable> {
    let text = text(arguments, 0)?;
    let missing = match text.len() % 4 {
        2 if !text.ends_with('=') => "==",
        3 if !text.ends_with('=') => "=",
        _ => "",
    };
    as_text(decoded(&format!("{text}{missing}"), &URL_SAFE))
}

// The expectations are what OPA 1.17 gives.
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::governance::value::from_json;

    type Function = fn(&[Value]) -> Result<Value, Unable>;

    #[track_caller]
    fn gives(function: Function, argument: serde_json::Value, expected: serde_json::Value) {
        assert_eq!(function(&[from_json(&argument)]), Ok(from_json(&expected)));
    }

    #[track_caller]
    fn fails(function: Function, argument: serde_json::Value) {
        assert!(matches!(function(&[from_json(&argument)]), Err(Unable::Failed(_))));
    }

    #[test]
    fn queries_are_written_and_read() {
        gives(query_encode, json!("a b&c/é~"), json!("a+b%26c%2F%C3%A9~"));
        gives(query_decode, json!("a+b%26c&%C3%a9"), json!("a b&c&é"));
        fails(query_decode, json!("50%"));
        gives(query_encode_object, json!({"b": "z", "a": ["x y", "w"]}), json!("a=x+y&a=w&b=z"));
        fails(query_encode_object, json!({"a": 1}));
        gives(
            query_decode_object,
            json!("a=1&b=&a=2&c"),
            json!({"a": ["1", "2"], "b": [""], "c": [""]}),
        );
        fails(query_decode_object, json!("a=1;b=2"));
    }

    #[test]
    fn base64_is_read_as_go_reads_it() {
        gives(base64_decode, json!("YW\nJj"), json!("abc"));
        gives(base64_decode, json!("YX=="), json!("a"));
        fails(base64_decode, json!("YQ"));
        gives(base64_is_valid, json!(1), json!(false));
        gives(base64url_decode, json!("1Ki"), json!("Ԩ"));
        fails(base64url_decode, json!("YWJjZ"));
    }
}
