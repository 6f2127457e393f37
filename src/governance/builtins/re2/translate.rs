//! Patterns of RE2 as the library that matches here understands them: [`translate`].
//!
//! OPA's patterns are those of Go, which are RE2's. The library's look the same and mean something else in many places:
//! classes that hold letters of all scripts, sets inside sets, braces and brackets that are no literals. So patterns are
//! read by RE2's grammar here, and what is written for the library says everything out loud: no flags that reach further
//! than one character, no class by a short name, every unusual character by its number.

use std::fmt::Write as _;

use super::classes::NOTHING;

/// How long a pattern may be, in bytes.
const MAX_LENGTH: usize = 1 << 16;

/// How deep groups may stand in each other.
const MAX_DEPTH: usize = 200;

/// How often repetitions in each other may repeat something together.
const MAX_REPEAT: u32 = 1000;

/// A pattern that the library understands.
#[derive(Debug)]
pub(super) struct Translated {
    /// The pattern.
    pub(super) text: String,
    /// The names of its groups, the first one's first.
    pub(super) names: Vec<Option<String>>,
    /// Whether it means what RE2 has it mean only in texts of ASCII.
    pub(super) is_for_ascii: bool,
}

/// Why a pattern has no translation.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// RE2 refuses it, too.
    Invalid(String),
    /// It is too much for us.
    TooMuch(String),
}

pub(super) fn invalid<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Invalid(reason.into()))
}

/// Translates a pattern.
pub(super) fn translate(pattern: &str) -> Result<Translated, Refusal> {
    if pattern.len() > MAX_LENGTH {
        return Err(Refusal::TooMuch(format!("a pattern of more than {MAX_LENGTH} bytes")));
    }
    let mut reader = Reader {
        rest: pattern,
        flags: Flags::default(),
        frame: Frame::default(),
        outer: Vec::new(),
        names: Vec::new(),
        is_for_ascii: false,
        is_repeated: false,
    };
    reader.all()?;
    if !reader.outer.is_empty() {
        return invalid("a group that is not closed");
    }
    let (text, _) = reader.frame.close();
    Ok(Translated { text, names: reader.names, is_for_ascii: reader.is_for_ascii })
}

#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "RE2 has four flags")]
pub(super) struct Flags {
    pub(super) folds: bool,
    has_lines: bool,
    dot_is_all: bool,
    is_lazy: bool,
}

/// Something that can be repeated.
struct Item {
    text: String,
    /// Whether an operator behind it means all of it.
    is_atom: bool,
    /// How often the repetitions in it repeat something together.
    repeats: u32,
}

/// A group that is open, or the whole pattern.
#[derive(Default)]
struct Frame {
    /// How it begins.
    opening: &'static str,
    /// The flags that hold behind it.
    flags: Flags,
    /// The alternatives before the one that is read.
    done: String,
    items: Vec<Item>,
    repeats: u32,
}

impl Frame {
    fn end_alternative(&mut self) {
        for item in self.items.drain(..) {
            self.done.push_str(&item.text);
            self.repeats = self.repeats.max(item.repeats);
        }
    }

    fn close(mut self) -> (String, u32) {
        self.end_alternative();
        (self.done, self.repeats)
    }
}

pub(super) struct Reader<'p> {
    pub(super) rest: &'p str,
    pub(super) flags: Flags,
    frame: Frame,
    outer: Vec<Frame>,
    names: Vec<Option<String>>,
    is_for_ascii: bool,
    /// Whether the last thing was an operator that repeats.
    is_repeated: bool,
}

impl<'p> Reader<'p> {
    pub(super) fn eat(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    /// What stands before `end`, which is left out.
    pub(super) fn until(&mut self, end: &str) -> Option<&'p str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    fn all(&mut self) -> Result<(), Refusal> {
        while !self.rest.is_empty() {
            let was_repeated = std::mem::take(&mut self.is_repeated);
            let before = self.rest;
            match self.next().unwrap_or_default() {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.frame.end_alternative();
                    self.frame.done.push('|');
                }
                '^' if self.flags.has_lines => self.assertion("(?m:^)"),
                '^' => self.assertion(r"\A"),
                '$' if self.flags.has_lines => self.assertion("(?m:$)"),
                '$' => self.assertion(r"\z"),
                '.' if self.flags.dot_is_all => self.atom("(?s:.)".to_owned()),
                '.' => self.atom(r"[^\x{A}]".to_owned()),
                '[' => self.class()?,
                '*' => self.repeat("*", 1, was_repeated)?,
                '+' => self.repeat("+", 1, was_repeated)?,
                '?' => self.repeat("?", 1, was_repeated)?,
                '{' => match counts(self.rest) {
                    Some((min, max, rest)) => {
                        self.rest = rest;
                        self.count(min, max, was_repeated)?;
                    }
                    None => self.literal(u32::from('{')),
                },
                '\\' => {
                    self.rest = before;
                    self.escaped()?;
                }
                c => self.literal(u32::from(c)),
            }
        }
        Ok(())
    }

    pub(super) fn atom(&mut self, text: String) {
        self.frame.items.push(Item { text, is_atom: true, repeats: 1 });
    }

    fn assertion(&mut self, text: &str) {
        self.frame.items.push(Item { text: text.to_owned(), is_atom: false, repeats: 1 });
    }

    fn literal(&mut self, code: u32) {
        let Some(c) = char::from_u32(code) else {
            // No text holds it.
            return self.atom(NOTHING.to_owned());
        };
        let has_cases = c.is_ascii_alphabetic() || !c.is_ascii();
        let mut text = String::new();
        if self.flags.folds && has_cases {
            let _ = write!(text, r"(?i:\x{{{code:X}}})");
        } else if c.is_ascii_alphanumeric() {
            text.push(c);
        } else {
            let _ = write!(text, r"\x{{{code:X}}}");
        }
        self.atom(text);
    }

    /// A group, or flags, behind `(`.
    fn open(&mut self) -> Result<(), Refusal> {
        let after = self.flags;
        let opening = if self.eat("?P<") || self.eat("?<") {
            let name = self.until(">").unwrap_or_default();
            let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(is_name) {
                return invalid("a group whose name is none");
            }
            self.names.push(Some(name.to_owned()));
            "("
        } else if self.eat("?") {
            if !self.set_flags()? {
                return Ok(());
            }
            "(?:"
        } else {
            self.names.push(None);
            "("
        };
        if self.outer.len() >= MAX_DEPTH {
            return Err(Refusal::TooMuch(format!("more than {MAX_DEPTH} groups in each other")));
        }
        let inner = Frame { opening, flags: after, ..Frame::default() };
        self.outer.push(std::mem::replace(&mut self.frame, inner));
        Ok(())
    }

    /// Flags behind `(?`; whether a group follows them.
    fn set_flags(&mut self) -> Result<bool, Refusal> {
        let mut flags = self.flags;
        let (mut value, mut is_empty) = (true, false);
        while let Some(c) = self.next() {
            match c {
                'i' => flags.folds = value,
                'm' => flags.has_lines = value,
                's' => flags.dot_is_all = value,
                'U' => flags.is_lazy = value,
                '-' if value => {
                    (value, is_empty) = (false, true);
                    continue;
                }
                ':' | ')' if !is_empty => {
                    self.flags = flags;
                    return Ok(c == ':');
                }
                _ => break,
            }
            is_empty = false;
        }
        invalid("flags or an operator behind `(?` that there are not")
    }

    fn close(&mut self) -> Result<(), Refusal> {
        let Some(outer) = self.outer.pop() else {
            return invalid("a `)` that closes nothing");
        };
        let inner = std::mem::replace(&mut self.frame, outer);
        self.flags = inner.flags;
        let opening = inner.opening;
        let (text, repeats) = inner.close();
        let text = format!("{opening}{text})");
        self.frame.items.push(Item { text, is_atom: true, repeats });
        Ok(())
    }

    fn count(&mut self, min: u32, max: Option<u32>, was_repeated: bool) -> Result<(), Refusal> {
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
            return invalid("a repetition that is too large, or ends before it begins");
        }
        let operator = match max {
            None => format!("{{{min},}}"),
            Some(max) => format!("{{{min},{max}}}"),
        };
        self.repeat(&operator, max.unwrap_or(min), was_repeated)
    }

    fn repeat(&mut self, operator: &str, times: u32, was_repeated: bool) -> Result<(), Refusal> {
        let is_lazy = self.eat("?") != self.flags.is_lazy;
        if was_repeated {
            return invalid("a repetition of a repetition");
        }
        let Some(mut item) = self.frame.items.pop() else {
            return invalid("a repetition of nothing");
        };
        if !item.is_atom {
            item.text = format!("(?:{})", item.text);
        }
        item.text.push_str(operator);
        if is_lazy {
            item.text.push('?');
        }
        item.is_atom = false;
        let is_counted = operator.starts_with('{');
        if is_counted {
            let product = item.repeats.max(1).saturating_mul(times.max(1));
            if times >= 2 && product > MAX_REPEAT {
                return invalid("repetitions in each other that are too large together");
            }
            // What is repeated no time is not looked into.
            item.repeats = if operator == "{0,0}" { 1 } else { product };
        }
        self.frame.items.push(item);
        self.is_repeated = true;
        Ok(())
    }

    /// What begins with a backslash, outside of a class.
    fn escaped(&mut self) -> Result<(), Refusal> {
        if self.eat(r"\A") {
            self.assertion(r"\A");
        } else if self.eat(r"\z") {
            self.assertion(r"\z");
        } else if self.eat(r"\b") {
            self.assertion(r"(?-u:\b)");
        } else if self.eat(r"\B") {
            // The library has it for ASCII only where it searches bytes.
            self.is_for_ascii = true;
            self.assertion(r"\B");
        } else if self.eat(r"\Q") {
            let text = self.until(r"\E").unwrap_or_else(|| std::mem::take(&mut self.rest));
            text.chars().for_each(|c| self.literal(u32::from(c)));
        } else if let Some(class) = self.short_class()? {
            let class = format!("[{class}]");
            self.atom(if self.flags.folds { format!("(?i:{class})") } else { class });
        } else {
            let code = self.escape()?;
            self.literal(code);
        }
        Ok(())
    }
}

/// The numbers of a repetition behind `{`, and what follows it; nothing where the brace is one.
fn counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let number = |text: &str| {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = text.split_at_checked(digits)?;
        let is_number = !number.is_empty() && (number == "0" || !number.starts_with('0'));
        // What is too large for the type is too large in any case.
        is_number.then(|| (number.parse().unwrap_or(u32::MAX), rest.len()))
    };
    let behind = |length: usize| text.get(text.len() - length..);
    let (min, length) = number(text)?;
    let rest = behind(length)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, Some(min), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, None, rest));
    }
    let (max, length) = number(rest)?;
    Some((min, Some(max), behind(length)?.strip_prefix('}')?))
}
