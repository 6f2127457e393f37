//! Classes of characters, and characters that are written with a backslash.

use std::fmt::Write as _;

use regex::Regex;

use super::translate::{Reader, Refusal, invalid};

/// Matches no character.
pub(super) const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";

/// Classes by their short names, as they stand in brackets.
static PERL: &[(&str, &str)] = &[
    (r"\d", "0-9"),
    (r"\D", "[^0-9]"),
    (r"\s", r"\x{9}\x{A}\x{C}\x{D}\x{20}"),
    (r"\S", r"[^\x{9}\x{A}\x{C}\x{D}\x{20}]"),
    (r"\w", r"0-9A-Z\x{5F}a-z"),
    (r"\W", r"[^0-9A-Z\x{5F}a-z]"),
];

/// Classes by the names of POSIX, as they stand in brackets.
static POSIX: &[(&str, &str)] = &[
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", r"\x{0}-\x{7F}"),
    ("blank", r"\x{9}\x{20}"),
    ("cntrl", r"\x{0}-\x{1F}\x{7F}"),
    ("digit", "0-9"),
    ("graph", r"\x{21}-\x{7E}"),
    ("lower", "a-z"),
    ("print", r"\x{20}-\x{7E}"),
    ("punct", r"\x{21}-\x{2F}\x{3A}-\x{40}\x{5B}-\x{60}\x{7B}-\x{7E}"),
    ("space", r"\x{9}-\x{D}\x{20}"),
    ("upper", "A-Z"),
    ("word", r"0-9A-Z\x{5F}a-z"),
    ("xdigit", "0-9A-Fa-f"),
];

/// What kind of class of Unicode it is that has the name: a general category or a script. Go knows no other kind.
fn kind_of_name(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        return None;
    }
    let is_known = |kind: &&str| Regex::new(&format!(r"\p{{{kind}={name}}}")).is_ok();
    ["gc", "sc"].into_iter().find(is_known)
}

impl Reader<'_> {
    /// A class with a name that begins with a backslash, as it stands in brackets.
    pub(super) fn short_class(&mut self) -> Result<Option<String>, Refusal> {
        for (name, class) in PERL {
            if self.eat(name) {
                return Ok(Some((*class).to_owned()));
            }
        }
        let is_positive = self.rest.starts_with(r"\p");
        if !is_positive && !self.rest.starts_with(r"\P") {
            return Ok(None);
        }
        self.rest = self.rest.get(2..).unwrap_or_default();
        let mut letter = [0; 4];
        let name = if self.eat("{") {
            self.until("}").unwrap_or_default()
        } else {
            self.next().map_or("", |c| c.encode_utf8(&mut letter))
        };
        let (name, is_positive) =
            name.strip_prefix('^').map_or((name, is_positive), |name| (name, !is_positive));
        let Some(kind) = kind_of_name(name) else {
            return invalid(format!("`{name}` is no class of characters"));
        };
        Ok(Some(format!(r"\{}{{{kind}={name}}}", if is_positive { 'p' } else { 'P' })))
    }

    /// A class behind `[`.
    pub(super) fn class(&mut self) -> Result<(), Refusal> {
        let is_negated = self.eat("^");
        let mut items = String::new();
        let mut is_first = true;
        while is_first || !self.eat("]") {
            is_first = false;
            if let Some(named) = self.rest.strip_prefix("[:")
                && let Some((name, rest)) = named.split_once(":]")
            {
                let (plain, is_positive) =
                    name.strip_prefix('^').map_or((name, true), |rest| (rest, false));
                let Some((_, class)) = POSIX.iter().find(|(known, _)| *known == plain) else {
                    return invalid(format!("`[:{name}:]` is no class of characters"));
                };
                if is_positive {
                    items.push_str(class);
                } else {
                    let _ = write!(items, "[^{class}]");
                }
                self.rest = rest;
                continue;
            }
            if let Some(class) = self.short_class()? {
                items.push_str(&class);
                continue;
            }
            let low = self.class_char()?;
            let is_range =
                self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]");
            let high = if is_range {
                self.eat("-");
                self.class_char()?
            } else {
                low
            };
            if high < low {
                return invalid("a range that ends before it begins");
            }
            // Half of a pair of surrogates is no character of a text.
            let low = if (0xD800..0xE000).contains(&low) { 0xE000 } else { low };
            let high = if (0xD800..0xE000).contains(&high) { 0xD7FF } else { high };
            if low <= high {
                let _ = write!(items, r"\x{{{low:X}}}-\x{{{high:X}}}");
            }
        }
        let class = match (items.is_empty(), is_negated) {
            (true, false) => NOTHING.to_owned(),
            (true, true) => "(?s:.)".to_owned(),
            (false, false) => format!("[{items}]"),
            (false, true) => format!("[^{items}]"),
        };
        self.atom(if self.flags.folds { format!("(?i:{class})") } else { class });
        Ok(())
    }

    fn class_char(&mut self) -> Result<u32, Refusal> {
        if self.rest.starts_with('\\') {
            return self.escape();
        }
        match self.next() {
            Some(c) => Ok(u32::from(c)),
            None => invalid("a `[` that is not closed"),
        }
    }

    /// A character that is written with a backslash.
    pub(super) fn escape(&mut self) -> Result<u32, Refusal> {
        self.eat("\\");
        let Some(c) = self.next() else {
            return invalid("a backslash at the end");
        };
        match c {
            'a' => Ok(7),
            'f' => Ok(12),
            'n' => Ok(10),
            'r' => Ok(13),
            't' => Ok(9),
            'v' => Ok(11),
            '0'..='7' if c == '0' || self.rest.starts_with(|next| matches!(next, '0'..='7')) => {
                let mut code = c.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|next| next.to_digit(8))
                    else {
                        break;
                    };
                    self.next();
                    code = code * 8 + digit;
                }
                Ok(code)
            }
            'x' => self.hexadecimal(),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(u32::from(c)),
            c => invalid(format!("`\\{c}` is no escape")),
        }
    }

    /// A number behind `\x`: two digits, or any in braces.
    fn hexadecimal(&mut self) -> Result<u32, Refusal> {
        let digits = if self.eat("{") {
            self.until("}")
        } else {
            let digits = self.rest.get(..2);
            self.rest = self.rest.get(2..).unwrap_or_default();
            digits
        };
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.map(|digits| u32::from_str_radix(digits, 16)) {
            Some(Ok(code)) if code <= u32::from(char::MAX) => Ok(code),
            _ => invalid("`\\x` without the number of a character"),
        }
    }
}
