//! `sprintf`, as Go has it. A message that could not be formatted would be a finding that is lost, so what does not fit
//! together is told in the text.

mod number;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;

use regorus::Value;

use super::call::Unable;
use super::format::{plain, quoted, quoted_within, term};
use super::guards;
use number::{written_float, written_integer};

/// How wide a field and how long a number may be.
const MAX_WIDTH: usize = 999;

/// The text that a format and its arguments make.
pub(super) fn sprintf(format: &str, arguments: &[Value]) -> Result<String, Unable> {
    let arguments: Vec<Argument<'_>> = arguments.iter().map(Argument::of).collect();
    let mut reader = Reader { rest: format, arguments: &arguments, next: 0, is_reordered: false };
    let mut out = String::with_capacity(format.len() + 16);
    while let Some((before, after)) = reader.rest.split_once('%') {
        out.push_str(before);
        reader.rest = after;
        reader.directive(&mut out)?;
        if out.len() > guards::MAX_RESULT {
            return Err(Unable::TooMuch(guards::too_large()));
        }
    }
    out.push_str(reader.rest);
    let extra = arguments.get(reader.next..).unwrap_or_default();
    if !reader.is_reordered && !extra.is_empty() {
        let extra: Vec<String> =
            extra.iter().map(|one| format!("{}={}", one.kind(), one.plain())).collect();
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    Ok(out)
}

/// What of a format was not read yet, and which argument comes next.
struct Reader<'f> {
    rest: &'f str,
    arguments: &'f [Argument<'f>],
    next: usize,
    /// Whether any argument was asked for by its number.
    is_reordered: bool,
}

/// An argument that is asked for by its number.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Index {
    None,
    Found,
    /// There is no such argument; or what should be a number is none, which is no longer an index.
    Wrong {
        is_number: bool,
    },
}

impl Reader<'_> {
    fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// What stands between the sign and the verb, and the verb with its argument.
    fn directive(&mut self, out: &mut String) -> Result<(), Unable> {
        let mut spec = Spec::default();
        loop {
            match self.rest.chars().next() {
                Some('+') => spec.plus = true,
                Some('-') => spec.minus = true,
                Some('#') => spec.sharp = true,
                Some(' ') => spec.space = true,
                Some('0') => spec.zero = true,
                _ => break,
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        let mut is_good = true;
        let mut after = self.index(&mut is_good);
        if self.eat('*') {
            match self.argument_as_number()? {
                Some(width) => {
                    spec.minus |= width < 0;
                    spec.zero &= width >= 0;
                    spec.width = Some(usize::try_from(width.unsigned_abs()).unwrap_or(0));
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
            after = false;
        } else {
            spec.width = self.number()?;
            is_good &= !(after && spec.width.is_some());
        }
        // A dot at the very end is a verb.
        if self.rest.len() > 1 && self.eat('.') {
            is_good &= !after;
            after = self.index(&mut is_good);
            if self.eat('*') {
                spec.precision =
                    self.argument_as_number()?.and_then(|one| usize::try_from(one).ok());
                if spec.precision.is_none() {
                    out.push_str("%!(BADPREC)");
                }
                after = false;
            } else {
                spec.precision = Some(self.number()?.unwrap_or(0));
            }
        }
        if !after {
            self.index(&mut is_good);
        }
        let mut chars = self.rest.chars();
        let verb = chars.next();
        self.rest = chars.as_str();
        match (verb, self.arguments.get(self.next)) {
            (None, _) => out.push_str("%!(NOVERB)"),
            (Some('%'), _) => out.push('%'),
            (Some(verb), _) if !is_good => {
                let _ = write!(out, "%!{verb}(BADINDEX)");
            }
            (Some(verb), None) => {
                let _ = write!(out, "%!{verb}(MISSING)");
            }
            (Some(verb), Some(argument)) => {
                self.next += 1;
                if verb == 'v' || verb == 'w' {
                    // These flags mean something else there.
                    spec.go_syntax = std::mem::take(&mut spec.sharp);
                    spec.plus = false;
                }
                argument.write(verb, &spec, out);
            }
        }
        Ok(())
    }

    /// Reads `[2]`: the second argument comes next. Gives whether there was such an index.
    fn index(&mut self, is_good: &mut bool) -> bool {
        match self.read_index() {
            Index::None => false,
            Index::Found => true,
            Index::Wrong { is_number } => {
                *is_good = false;
                is_number
            }
        }
    }

    fn read_index(&mut self) -> Index {
        let Some(after) = self.rest.strip_prefix('[') else {
            return Index::None;
        };
        self.is_reordered = true;
        // The shortest index has three bytes.
        let Some((number, rest)) = after.split_once(']').filter(|_| after.len() > 1) else {
            self.rest = after;
            return Index::Wrong { is_number: false };
        };
        self.rest = rest;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let position = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match position.filter(|position| is_number && *position < self.arguments.len()) {
            Some(position) => {
                self.next = position;
                Index::Found
            }
            None => Index::Wrong { is_number },
        }
    }

    /// A number that is written out.
    fn number(&mut self) -> Result<Option<usize>, Unable> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).unwrap_or(("", self.rest));
        self.rest = rest;
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits.parse().ok().filter(|number| *number <= MAX_WIDTH);
        number.map(Some).ok_or_else(too_wide)
    }

    /// A number that is an argument.
    fn argument_as_number(&mut self) -> Result<Option<i64>, Unable> {
        let argument = self.arguments.get(self.next);
        self.next += usize::from(argument.is_some());
        match argument {
            // More than that is no width to Go either.
            Some(Argument::Integer(number)) if number.unsigned_abs() > 1_000_000 => Ok(None),
            Some(Argument::Integer(number)) if number.unsigned_abs() > MAX_WIDTH as u64 => {
                Err(too_wide())
            }
            Some(Argument::Integer(number)) => Ok(Some(*number)),
            _ => Ok(None),
        }
    }
}

fn too_wide() -> Unable {
    Unable::TooMuch("a width of more than three digits".to_owned())
}

/// How an argument is to be written.
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
    /// `%#v`.
    go_syntax: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Spec {
    /// Fills up to the width.
    fn pad(&self, text: &str, out: &mut String) {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let filler = if self.zero && !self.minus { '0' } else { ' ' };
        if self.minus {
            out.push_str(text);
        }
        out.extend(std::iter::repeat_n(filler, missing));
        if !self.minus {
            out.push_str(text);
        }
    }

    /// Fills up to the width with spaces.
    fn pad_with_spaces(&self, text: &str, out: &mut String) {
        Self { zero: false, ..*self }.pad(text, out);
    }

    fn sign(&self, is_negative: bool) -> &'static str {
        match (is_negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }
}

/// An argument as Go gets it.
enum Argument<'v> {
    Integer(i64),
    /// An integer that fits no machine word.
    Big(String),
    Float(f64),
    Text(Cow<'v, str>),
}

impl<'v> Argument<'v> {
    fn of(value: &'v Value) -> Self {
        match value {
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Number(_) => {
                if let Ok(integer) = value.as_i64() {
                    return Self::Integer(integer);
                }
                let text = plain(value);
                let is_whole = text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
                match value.as_f64() {
                    Ok(float) if !is_whole => Self::Float(float),
                    _ => Self::Big(text),
                }
            }
            other => Self::Text(Cow::Owned(term(other))),
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
        let mut out = String::new();
        self.write('v', &Spec::default(), &mut out);
        out
    }

    fn write(&self, verb: char, spec: &Spec, out: &mut String) {
        let is_written = match (self, verb) {
            (_, 'T') => write_text(self.kind(), 's', spec, out),
            (Self::Integer(integer), _) => written_integer(*integer, verb, spec, out),
            (Self::Big(digits), 'v' | 'd' | 's') => {
                let (is_negative, digits) = match digits.strip_prefix('-') {
                    Some(digits) => (true, digits),
                    None => (false, &**digits),
                };
                number::pad_digits(is_negative, "", digits, spec, out);
                true
            }
            (Self::Big(digits), _) => {
                let _ = write!(out, "%!{verb}(big.Int={digits})");
                return;
            }
            (Self::Float(float), _) => written_float(*float, verb, spec, out),
            (Self::Text(text), _) => write_text(text, verb, spec, out),
        };
        if !is_written {
            let _ = write!(out, "%!{verb}({}=", self.kind());
            self.write('v', spec, out);
            out.push(')');
        }
    }
}

/// Whether there is such a verb for texts.
fn write_text(text: &str, verb: char, spec: &Spec, out: &mut String) -> bool {
    let end = spec.precision.and_then(|most| text.char_indices().nth(most)).map(|(at, _)| at);
    let cut = text.get(..end.unwrap_or(text.len())).unwrap_or(text);
    match verb {
        'v' if spec.go_syntax => spec.pad(&quoted_as(cut, spec), out),
        'v' | 's' => spec.pad(cut, out),
        'q' => spec.pad(&quoted_as(cut, spec), out),
        'x' | 'X' => {
            let bytes = text.as_bytes();
            let bytes = bytes.get(..spec.precision.unwrap_or(bytes.len())).unwrap_or(bytes);
            let hex = hexadecimal(bytes, verb == 'X', spec);
            // A text of no bytes is filled up on the left.
            if hex.is_empty() {
                Spec { minus: false, zero: spec.zero && !spec.minus, ..*spec }.pad("", out);
            } else {
                spec.pad(&hex, out);
            }
        }
        _ => return false,
    }
    true
}

fn quoted_as(text: &str, spec: &Spec) -> String {
    let is_raw = |c: char| c == '\t' || !(c.is_ascii_control() || c == '`' || c == '\u{feff}');
    if spec.sharp && text.chars().all(is_raw) {
        return format!("`{text}`");
    }
    if spec.plus { quoted_within(text, '"', true) } else { quoted(text) }
}

fn hexadecimal(bytes: &[u8], is_upper: bool, spec: &Spec) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for (position, byte) in bytes.iter().enumerate() {
        if spec.space && position > 0 {
            out.push(' ');
        }
        if spec.sharp && (spec.space || position == 0) {
            out.push_str(if is_upper { "0X" } else { "0x" });
        }
        let _ = if is_upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
    }
    out
}
