//! Amounts with units: `1.5Gi`.

use regorus::Value;

use super::call::Unable;
use super::own::{failed, text};
use super::text::{by_engine, plain_number};
use super::{arithmetic, guards};

/// A unit, as thousands or as 1024s, by its first letter.
fn unit(letters: &str, is_binary: bool) -> Option<u64> {
    let power = match letters {
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return None,
    };
    let base: u64 = if is_binary { 1024 } else { 1000 };
    Some(base.pow(power))
}

/// The number that a text begins with, and its unit.
fn split(text: &str) -> (&str, &str) {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_part = match c {
            '0'..='9' | '.' | '+' | '-' => true,
            // An exponent, unless it is the unit of 10^18.
            'e' | 'E' => {
                let next = chars.peek().map(|(_, next)| *next);
                next.is_some_and(|next| next.is_ascii_digit() || matches!(next, '+' | '-'))
            }
            _ => false,
        };
        if !is_part {
            return text.split_at_checked(at).unwrap_or((text, ""));
        }
    }
    (text, "")
}

/// A number with so many digits behind the point.
struct Decimal {
    digits: i128,
    places: u32,
}

impl Decimal {
    /// Reads a number; nothing where it has too many digits or an exponent.
    fn read(plain: &str) -> Option<Self> {
        let (whole, part) = plain.split_once('.').unwrap_or((plain, ""));
        let digits = format!("{whole}{part}");
        if digits.len() > 19 || digits.contains('e') {
            return None;
        }
        Some(Self { digits: digits.parse().ok()?, places: u32::try_from(part.len()).ok()? })
    }

    fn times(mut self, factor: u64) -> Option<Self> {
        self.digits = self.digits.checked_mul(factor.into())?;
        while self.places > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.places -= 1;
        }
        Some(self)
    }

    fn value(&self) -> Result<Value, Unable> {
        if self.places == 0 {
            return by_engine("to_number", &[Value::from(self.digits.to_string())]);
        }
        let text = format!("{}e-{}", self.digits, self.places);
        match text.parse::<f64>() {
            Ok(number) => Ok(Value::from(number)),
            Err(_) => failed("the number is too large"),
        }
    }

    /// With at most ten digits behind the point, the last one rounded.
    fn rounded(mut self) -> Self {
        while self.places > 10 {
            let up = if self.places == 11 { 5 * self.digits.signum() } else { 0 };
            self.digits = (self.digits + up) / 10;
            self.places -= 1;
        }
        self
    }

    fn cut_off(mut self) -> Self {
        self.digits /= 10_i128.checked_pow(self.places).unwrap_or(i128::MAX);
        self.places = 0;
        self
    }
}

/// An amount of something, with the units of Kubernetes.
pub(super) fn parse(arguments: &[Value]) -> Result<Value, Unable> {
    guards::number_text(arguments).map_err(Unable::TooMuch)?;
    let text = text(arguments, 0)?.replace('"', "");
    let (number, name) = split(&text);
    let lower = name.to_ascii_lowercase();
    let (number, factor) = match (name, lower.strip_suffix('i')) {
        // A thousandth moves the point.
        ("m", _) => (plain(number, &text)?, None),
        ("", _) => (plain(number, &text)?, Some(1)),
        (_, Some(letter)) => (plain(number, &text)?, unit(letter, true)),
        _ => (plain(number, &text)?, unit(&lower, false)),
    };
    let decimal = Decimal::read(&number);
    match (factor, decimal) {
        (None, Some(mut decimal)) if name == "m" => {
            decimal.places += 3;
            decimal.times(1).ok_or_else(too_large)?.rounded().value()
        }
        (None, None) if name == "m" => {
            arithmetic::div(&[by_engine("to_number", &[Value::from(number)])?, Value::from(1000)])
        }
        (None, _) => failed(format!("`{name}` is no unit")),
        (Some(factor), Some(decimal)) => {
            decimal.times(factor).ok_or_else(too_large)?.rounded().value()
        }
        (Some(factor), None) => {
            arithmetic::mul(&[by_engine("to_number", &[Value::from(number)])?, Value::from(factor)])
        }
    }
}

/// A number of bytes, cut off below one.
pub(super) fn parse_bytes(arguments: &[Value]) -> Result<Value, Unable> {
    guards::number_text(arguments).map_err(Unable::TooMuch)?;
    let text = text(arguments, 0)?.replace('"', "").to_lowercase();
    let (number, name) = split(&text);
    let number = plain(number, &text)?;
    let letters = name.strip_suffix('b').filter(|rest| !rest.is_empty()).unwrap_or(name);
    let factor = match (name, letters.strip_suffix('i')) {
        ("", _) => Some(1),
        (_, Some(letter)) => unit(letter, true),
        (_, None) => unit(letters, false),
    };
    let Some(factor) = factor else {
        return failed(format!("`{name}` is no unit"));
    };
    match Decimal::read(&number) {
        Some(decimal) => decimal.times(factor).ok_or_else(too_large)?.cut_off().value(),
        None => by_engine("units.parse_bytes", arguments),
    }
}

/// A number as JSON has it.
fn plain(number: &str, text: &str) -> Result<String, Unable> {
    plain_number(number).ok_or_else(|| Unable::Failed(format!("`{text}` has no amount")))
}

fn too_large() -> Unable {
    Unable::Failed("the number is too large".to_owned())
}

// The expectations are what OPA 1.17 gives.
#[cfg(test)]
mod tests {
    use super::*;

    fn of(function: fn(&[Value]) -> Result<Value, Unable>, text: &str) -> Option<f64> {
        function(&[Value::from(text)]).ok().map(|value| value.to_string().parse().unwrap())
    }

    #[test]
    fn amounts_have_units() {
        for (text, expected) in [
            ("100m", 0.1),
            ("1500m", 1.5),
            ("4.35K", 4350.0),
            ("1.1Ki", 1126.4),
            ("5.T", 5e12),
            (".5", 0.5),
            ("1E", 1e18),
            ("1e3", 1000.0),
            ("-1k", -1000.0),
        ] {
            assert_eq!(of(parse, text), Some(expected), "{text}");
        }
        for text in ["", "K", "1 G", "1x", "1mm", "1Kib", "1.2.3", "1-2", "i"] {
            assert_eq!(of(parse, text), None, "{text}");
        }
    }

    #[test]
    fn bytes_are_cut_off() {
        for (text, expected) in [
            ("1.5", 1.0),
            ("-1.5", -1.0),
            ("1.1K", 1100.0),
            ("1.5Ki", 1536.0),
            ("\"1GiB\"", 1_073_741_824.0),
        ] {
            assert_eq!(of(parse_bytes, text), Some(expected), "{text}");
        }
        for text in ["", "B", "1B", "1 G", "1x", "1kbb"] {
            assert_eq!(of(parse_bytes, text), None, "{text}");
        }
    }
}
