//! `sprintf`, and how values are written: as OPA has them, which leaves formatting to Go. Messages are compared with those of
//! other tools, and a message that could not be formatted would be a finding that is lost.

use std::fmt::Write as _;

use regorus::Value;

/// The text that a format and its arguments make. What does not fit together is told in the text, as Go tells it.
pub(super) fn sprintf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::with_capacity(format.len() + 16);
    let mut rest = format;
    let mut next = arguments.iter();
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let mut chars = after.chars();
        let spec = Spec::read(&mut chars, &mut next);
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match next.next() {
                Some(argument) => Argument::of(argument).write(verb, &spec, &mut out),
                None => {
                    let _ = write!(out, "%!{verb}(MISSING)");
                }
            },
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    let extra: Vec<String> = next
        .map(|argument| {
            let argument = Argument::of(argument);
            format!("{}={}", argument.kind(), argument.plain())
        })
        .collect();
    if !extra.is_empty() {
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    out
}

/// What stands between the sign and the verb.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the format, in any combination"
)]
struct Spec {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    fn read<'v>(
        chars: &mut std::str::Chars<'_>,
        arguments: &mut impl Iterator<Item = &'v Value>,
    ) -> Self {
        let mut spec = Self::default();
        loop {
            let mut ahead = chars.clone();
            match ahead.next() {
                Some('+') => spec.plus = true,
                Some('-') => spec.minus = true,
                Some('#') => spec.sharp = true,
                Some(' ') => spec.space = true,
                Some('0') => spec.zero = true,
                _ => break,
            }
            *chars = ahead;
        }
        spec.width = number(chars, arguments).unwrap_or(0);
        let mut ahead = chars.clone();
        if ahead.next() == Some('.') {
            *chars = ahead;
            spec.precision = Some(number(chars, arguments).unwrap_or(0));
        }
        spec
    }

    /// Fills up to the width. Zeros stand behind the sign.
    fn pad(&self, text: &str, out: &mut String) {
        let missing = self.width.saturating_sub(text.chars().count());
        if self.minus {
            out.push_str(text);
            out.extend(std::iter::repeat_n(' ', missing));
        } else if self.zero {
            let digits = text.strip_prefix(['-', '+', ' ']).unwrap_or(text);
            out.push_str(text.get(..text.len() - digits.len()).unwrap_or_default());
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(digits);
        } else {
            out.extend(std::iter::repeat_n(' ', missing));
            out.push_str(text);
        }
    }

    fn signed(&self, is_negative: bool, digits: &str) -> String {
        let sign = match (is_negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        format!("{sign}{digits}")
    }
}

/// A number, or an argument in its place.
fn number<'v>(
    chars: &mut std::str::Chars<'_>,
    arguments: &mut impl Iterator<Item = &'v Value>,
) -> Option<usize> {
    let text = chars.as_str();
    if let Some(rest) = text.strip_prefix('*') {
        *chars = rest.chars();
        // The width of a written number is looked at before, that of an argument is not.
        return arguments.next()?.as_u64().ok()?.try_into().ok().map(|width: usize| width.min(999));
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    *chars = rest.chars();
    digits.parse().ok()
}

/// An argument as Go gets it.
enum Argument {
    Integer(i64),
    /// An integer that fits no machine word.
    Big(String),
    Float(f64),
    Text(String),
}

impl Argument {
    fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.to_string()),
            Value::Number(number) => match (value.as_i64(), value.as_f64()) {
                (Ok(integer), _) => Self::Integer(integer),
                (_, Ok(float)) if !number.is_integer() => Self::Float(float),
                _ => Self::Big(value.to_string()),
            },
            other => Self::Text(term(other)),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) => "int",
            Self::Big(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    fn plain(&self) -> String {
        match self {
            Self::Integer(integer) => integer.to_string(),
            Self::Big(text) | Self::Text(text) => text.clone(),
            Self::Float(float) => general(*float, None, 21),
        }
    }

    fn write(&self, verb: char, spec: &Spec, out: &mut String) {
        let written = match (self, verb) {
            (_, 'T') => Some(self.kind().to_owned()),
            (Self::Integer(integer), _) => written_integer(*integer, verb, spec),
            (Self::Big(text), 'v' | 'd' | 's') => Some(text.clone()),
            (Self::Big(_), _) => None,
            (Self::Float(float), _) => written_float(*float, verb, spec),
            (Self::Text(text), _) => written_text(text, verb, spec),
        };
        match written {
            Some(text) => {
                spec.pad(&text, out);
            }
            None => {
                let _ = write!(out, "%!{verb}({}={})", self.kind(), self.plain());
            }
        }
    }
}

fn written_integer(integer: i64, verb: char, spec: &Spec) -> Option<String> {
    let size = integer.unsigned_abs();
    let sharp = |prefix: &str, digits: String| {
        if spec.sharp { format!("{prefix}{digits}") } else { digits }
    };
    let digits = match verb {
        'v' | 'd' => size.to_string(),
        'b' => sharp("0b", format!("{size:b}")),
        'o' => sharp("0", format!("{size:o}")),
        'O' => format!("0o{size:o}"),
        'x' => sharp("0x", format!("{size:x}")),
        'X' => sharp("0X", format!("{size:X}")),
        'c' | 'q' => {
            let c = u32::try_from(integer).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            return Some(if verb == 'c' { c.to_string() } else { format!("{c:?}") });
        }
        'U' => return Some(format!("U+{size:04X}")),
        _ => return None,
    };
    let least = spec.precision.unwrap_or(0);
    let digits = format!("{digits:0>least$}");
    Some(spec.signed(integer < 0, &digits))
}

fn written_float(float: f64, verb: char, spec: &Spec) -> Option<String> {
    let size = float.abs();
    let precision = spec.precision;
    let digits = match verb {
        'v' => general(size, precision, 21),
        'g' | 'G' => general(size, precision, precision.unwrap_or(21).max(1)),
        'f' | 'F' => format!("{size:.*}", precision.unwrap_or(6)),
        'e' | 'E' => exponential(&format!("{size:.*e}", precision.unwrap_or(6))),
        _ => return None,
    };
    let digits = if verb.is_ascii_uppercase() { digits.to_uppercase() } else { digits };
    Some(spec.signed(float.is_sign_negative(), &digits))
}

/// With an exponent where that is below -4 or at least `large`; the shortest digits that mean the number, or so many.
fn general(float: f64, precision: Option<usize>, large: usize) -> String {
    let scientific = match precision {
        Some(digits) => format!("{float:.*e}", digits.max(1) - 1),
        None => format!("{float:e}"),
    };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let is_large = usize::try_from(exponent).is_ok_and(|exponent| exponent >= large);
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    if exponent < -4 || is_large {
        return exponential(&format!("{digits}e{exponent}"));
    }
    let value: f64 = format!("{digits}e{exponent}").parse().unwrap_or(float);
    value.to_string()
}

/// `1e6` as Go writes it: `1e+06`.
fn exponential(text: &str) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |one| ("-", one));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn written_text(text: &str, verb: char, spec: &Spec) -> Option<String> {
    let cut: String = match spec.precision {
        Some(length) => text.chars().take(length).collect(),
        None => text.to_owned(),
    };
    let hex = |upper: bool| {
        cut.bytes().fold(String::new(), |mut hex, byte| {
            let _ = if upper { write!(hex, "{byte:02X}") } else { write!(hex, "{byte:02x}") };
            hex
        })
    };
    match verb {
        'v' if spec.sharp => Some(quoted(&cut)),
        'v' | 's' => Some(cut),
        'q' if spec.sharp && !cut.contains('`') => Some(format!("`{cut}`")),
        'q' => Some(quoted(&cut)),
        'x' => Some(hex(false)),
        'X' => Some(hex(true)),
        _ => None,
    }
}

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
            write_all(elements.iter_sorted(), out);
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
        other => {
            let _ = write!(out, "{other}");
        }
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
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() || c == '\u{feff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::governance::value::from_json;

    #[track_caller]
    fn gives(format: &str, arguments: serde_json::Value, expected: &str) {
        let arguments: Vec<Value> = arguments.as_array().unwrap().iter().map(from_json).collect();
        assert_eq!(sprintf(format, &arguments), expected);
    }

    // The expectations are what OPA 1.17 gives.
    #[test]
    fn formats_are_those_of_go() {
        gives("%v <%v>", json!(["a", 2]), "a <2>");
        gives("%s|%d|%v", json!([1, "a", true]), "%!s(int=1)|%!d(string=a)|true");
        gives("%v", json!([]), "%!v(MISSING)");
        gives("x", json!([1, "b"]), "x%!(EXTRA int=1, string=b)");
        gives("100%", json!([]), "100%!(NOVERB)");
        gives("100%% %5d|%-5d|%05d|%+d", json!([7, 7, -7, 7]), "100%     7|7    |-0007|+7");
        gives(
            "%x %X %o %b %c %U %#x",
            json!([255, 255, 8, 5, 65, 65, 255]),
            "ff FF 10 101 A U+0041 0xff",
        );
        gives("%v %v %v", json!([1.5, 1e21, 0.000_001]), "1.5 1e+21 1e-06");
        gives(
            "%f %.2f %e %.3g",
            json!([1.5, 1.005, 12345.678, 1234.5678]),
            "1.500000 1.00 1.234568e+04 1.23e+03",
        );
        gives("%d %s", json!([1.5, 2.5]), "%!d(float64=1.5) %!s(float64=2.5)");
        gives("%q %5s|%-5s|%.2s", json!(["a\"b", "x", "x", "xyz"]), "\"a\\\"b\"     x|x    |xy");
        gives("%T %T %T", json!([1, 1.5, [1]]), "int float64 string");
        gives("%*d", json!([5, 7]), "    7");
        gives("%06s|%5v|%t", json!(["ab", true, true]), "0000ab| true|%!t(string=true)");
        gives(
            "%v %v %s",
            json!([1.0, 18_446_744_073_709_551_615_u64, null]),
            "1 18446744073709551615 null",
        );
    }

    #[test]
    fn values_are_written_as_terms() {
        gives(
            "%v",
            json!([{"b": [1, "x", null], "a": {"c": {}}}]),
            r#"{"a": {"c": {}}, "b": [1, "x", null]}"#,
        );
        let set =
            Value::from(std::collections::BTreeSet::from([Value::from("b"), Value::from("a")]));
        assert_eq!(term(&set), r#"{"a", "b"}"#);
        assert_eq!(term(&Value::new_set()), "set()");
        gives("%v", json!([["é\u{1}\n"]]), "[\"é\\x01\\n\"]");
    }
}
