//! Numbers as Go formats them.

use std::fmt::Write as _;

use super::super::format::{is_printed, quoted_within};
use super::Spec;

/// Digits behind their sign and a prefix, with as many zeros as the precision or the width asks for.
pub(super) fn pad_digits(
    is_negative: bool,
    prefix: &str,
    digits: &str,
    spec: &Spec,
    out: &mut String,
) {
    let sign = spec.sign(is_negative);
    let least = match (spec.precision, spec.width) {
        (Some(least), _) => least,
        (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    // The zero of an octal number may be one that was asked for.
    let short = prefix.strip_suffix('0').filter(|_| digits.len() < least);
    let prefix = short.unwrap_or(prefix);
    spec.pad_with_spaces(&format!("{sign}{prefix}{digits:0>least$}"), out);
}

/// Whether there is such a verb for integers.
pub(super) fn written_integer(integer: i64, verb: char, spec: &Spec, out: &mut String) -> bool {
    let size = integer.unsigned_abs();
    let (prefix, digits) = match verb {
        'v' | 'd' => ("", size.to_string()),
        'b' => ("0b", format!("{size:b}")),
        'o' => (if size == 0 { "" } else { "0" }, format!("{size:o}")),
        'O' => ("0o", format!("{size:o}")),
        'x' => ("0x", format!("{size:x}")),
        'X' => ("0X", format!("{size:X}")),
        'c' => {
            spec.pad(&character(integer).to_string(), out);
            return true;
        }
        'q' => {
            let mut buffer = [0; 4];
            let text: &str = character(integer).encode_utf8(&mut buffer);
            spec.pad(&quoted_within(text, '\'', spec.plus), out);
            return true;
        }
        'U' => {
            write_code(integer, spec, out);
            return true;
        }
        _ => return false,
    };
    if spec.precision == Some(0) && size == 0 {
        spec.pad_with_spaces("", out);
        return true;
    }
    let prefix = match verb {
        'O' => "0o",
        _ if spec.sharp => prefix,
        _ => "",
    };
    // What is octal in two ways has both prefixes.
    let both = if verb == 'O' && spec.sharp && !digits.starts_with('0') { "0o0" } else { prefix };
    pad_digits(integer < 0, both, &digits, spec, out);
    true
}

fn character(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
}

/// `U+0041`, and the character itself if so wished.
fn write_code(integer: i64, spec: &Spec, out: &mut String) {
    let least = spec.precision.unwrap_or(0).max(4);
    let mut text = format!("U+{integer:0>least$X}");
    let c = u32::try_from(integer).ok().and_then(char::from_u32);
    if let Some(c) = c.filter(|c| spec.sharp && (matches!(c, ' '..='~') || is_printed(*c))) {
        let _ = write!(text, " '{c}'");
    }
    spec.pad_with_spaces(&text, out);
}

/// Whether there is such a verb for numbers with fractions.
pub(super) fn written_float(float: f64, verb: char, spec: &Spec, out: &mut String) -> bool {
    let size = float.abs();
    let precision = spec.precision;
    let digits = match verb {
        'v' | 'g' | 'G' => general(size, precision),
        'f' | 'F' => format!("{size:.*}", precision.unwrap_or(6)),
        'e' | 'E' => exponential(&format!("{size:.*e}", precision.unwrap_or(6))),
        'b' => {
            let (mantissa, exponent) = parts(size);
            format!("{mantissa}p{exponent:+}")
        }
        'x' | 'X' => hexadecimal(size, precision),
        _ => return false,
    };
    let digits = if spec.sharp && verb != 'b' {
        let least = match (verb, precision) {
            ('v' | 'g' | 'G' | 'x', Some(digits)) => digits,
            ('v' | 'g' | 'G' | 'x', None) => 6,
            _ => 0,
        };
        with_point(&digits, least, matches!(verb, 'x' | 'X'))
    } else {
        digits
    };
    let digits = if matches!(verb, 'E' | 'G' | 'X') { digits.to_uppercase() } else { digits };
    let sign = spec.sign(float.is_sign_negative());
    let missing = spec.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
    if spec.zero && !spec.minus && !sign.is_empty() {
        // Zeros stand behind the sign.
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(&digits);
    } else {
        spec.pad(&format!("{sign}{digits}"), out);
    }
    true
}

/// Digits with a point, and as many of them as asked for.
fn with_point(text: &str, least: usize, is_hexadecimal: bool) -> String {
    let end = text.find(if is_hexadecimal { 'p' } else { 'e' }).unwrap_or(text.len());
    let (digits, tail) = text.split_at_checked(end).unwrap_or((text, ""));
    // The sign of hexadecimal numbers counts among their digits.
    let counted =
        digits.chars().skip_while(|c| *c == '0' || *c == '.').filter(|c| *c != '.').count();
    let mut missing = least.saturating_sub(counted);
    let mut out = digits.to_owned();
    if !digits.contains('.') {
        if digits == "0" {
            missing = missing.saturating_sub(1);
        }
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', missing));
    out + tail
}

/// With an exponent where that is small or large; the shortest digits that mean the number, or so many.
fn general(float: f64, precision: Option<usize>) -> String {
    let scientific = match precision {
        Some(digits) => format!("{float:.*e}", digits.max(1) - 1),
        None => format!("{float:e}"),
    };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    let fits = |most: usize| usize::try_from(exponent + 1).is_ok_and(|length| length <= most);
    let large = match precision.map(|digits| digits.max(1)) {
        None => 6,
        Some(most) if most > count && (fits(count) || exponent < 0) => count,
        Some(most) => most,
    };
    if exponent < -4 || usize::try_from(exponent).is_ok_and(|exponent| exponent >= large) {
        return exponential(&format!("{digits}e{exponent}"));
    }
    let digits = digits.replace('.', "");
    let Ok(before) = usize::try_from(exponent) else {
        let zeros = usize::try_from(-1 - exponent).unwrap_or(0);
        return format!("0.{:0<zeros$}{digits}", "");
    };
    match digits.split_at_checked(before + 1) {
        Some((whole, "")) => whole.to_owned(),
        Some((whole, part)) => format!("{whole}.{part}"),
        None => format!("{digits:0<width$}", width = before + 1),
    }
}

/// `1e6` as Go writes it: `1e+06`.
fn exponential(text: &str) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |one| ("-", one));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// The integer and the power of two that make a number.
fn parts(size: f64) -> (u64, i64) {
    let bits = size.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match i64::try_from(bits >> 52).unwrap_or(0) {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}

/// `0x1.8p+00`.
fn hexadecimal(size: f64, precision: Option<usize>) -> String {
    let (mut mantissa, exponent) = parts(size);
    let mut exponent = if mantissa == 0 { 0 } else { exponent + 52 };
    // The first digit stands at bit 60.
    mantissa <<= 8;
    while mantissa != 0 && mantissa & (1 << 60) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(digits) = precision.filter(|digits| *digits < 15) {
        let shift = digits * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        mantissa += u64::from(extra | (mantissa & 1) > 1 << 59);
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let digits = match precision {
        None => digits.trim_end_matches('0').to_owned(),
        Some(length) => format!("{:0<length$}", digits.get(..length).unwrap_or(&digits)),
    };
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x{}{point}{digits}p{sign}{:02}", mantissa >> 60 & 1, exponent.abs())
}
