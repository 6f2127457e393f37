//! Patterns for names, as OPA reads them: [`matches()`], [`quoted`].
//!
//! A pattern becomes a regular expression: those are kept, and bounded in what they take.

use super::call::Unable;
use super::re2;

/// Whether a pattern fits all of a text. `*` and `?` do not go beyond the delimiters, `**` does.
pub(super) fn matches(pattern: &str, delimiters: &[char], text: &str) -> Result<bool, Unable> {
    let expression = expression(pattern, delimiters)
        .ok_or_else(|| Unable::Failed(format!("the pattern `{pattern}` is not valid")))?;
    re2::is_match(&expression, text)
}

/// A text as a pattern that fits just this text.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if "*?\\[]{}".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The characters of a pattern that were not read yet.
struct Rest<'p>(std::str::Chars<'p>);

impl Rest<'_> {
    fn peek(&self) -> Option<char> {
        self.0.clone().next()
    }

    /// What stands before one of these characters, where it is not behind a backslash.
    fn text(&mut self, ends: &str) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| !ends.contains(*c)) {
            self.0.next();
            match c {
                '\\' => text.extend(self.0.next()),
                c => text.push(c),
            }
        }
        text
    }
}

fn expression(pattern: &str, delimiters: &[char]) -> Option<String> {
    // The end of a pattern is a zero to those who read it in OPA, and so is a zero the end.
    let pattern = pattern.split('\0').next().unwrap_or_default();
    if pattern.contains('\u{fffd}') {
        return None;
    }
    let one = if delimiters.is_empty() {
        r"(?s:.)".to_owned()
    } else {
        let mut class = "[^".to_owned();
        for c in delimiters {
            push(*c, &mut class);
        }
        class + "]"
    };
    let mut out = r"\A(?:".to_owned();
    let mut rest = Rest(pattern.chars());
    let mut depth = 0_usize;
    while let Some(c) = rest.peek() {
        match c {
            '*' => {
                rest.0.next();
                if rest.peek() == Some('*') {
                    rest.0.next();
                    out.push_str("(?s:.)*");
                } else {
                    out.push_str(&one);
                    out.push('*');
                }
            }
            '?' => {
                rest.0.next();
                out.push_str(&one);
            }
            '[' => {
                rest.0.next();
                class(&mut rest, &mut out)?;
            }
            '{' => {
                rest.0.next();
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                rest.0.next();
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => {
                rest.0.next();
                out.push('|');
            }
            _ => {
                let text = rest.text(if depth > 0 { "?*[{}," } else { "?*[{" });
                for c in text.chars() {
                    push(c, &mut out);
                }
            }
        }
    }
    // What is never closed ends with the pattern.
    out.extend(std::iter::repeat_n(')', depth + 1));
    out.push_str(r"\z");
    Some(out)
}

/// Characters in brackets: from one to another, or those that stand there. Only `!` turns them round.
fn class(rest: &mut Rest<'_>, out: &mut String) -> Option<()> {
    out.push('[');
    if rest.peek() == Some('!') {
        rest.0.next();
        out.push('^');
    }
    let mut ahead = rest.0.clone();
    let (first, second) = (ahead.next()?, ahead.next());
    if second == Some('-') {
        let last = ahead.next()?;
        if last < first {
            return None;
        }
        rest.0 = ahead;
        push(first, out);
        out.push('-');
        push(last, out);
    } else {
        let text = rest.text("]");
        if text.is_empty() {
            return None;
        }
        for c in text.chars() {
            push(c, out);
        }
    }
    out.push(']');
    (rest.0.next() == Some(']')).then_some(())
}

/// Writes a character that stands for itself.
fn push(c: char, out: &mut String) {
    if c.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fits(pattern: &str, delimiters: &str, text: &str, expected: bool) {
        let delimiters: Vec<char> = delimiters.chars().collect();
        assert_eq!(matches(pattern, &delimiters, text), Ok(expected), "{pattern} {text}");
    }

    #[test]
    fn stars_stop_at_delimiters() {
        fits("*", ":", "a:b", false);
        fits("*", "", "a.b:c/d", true);
        fits("*:*", ":", "a:b:c", false);
        fits("*/*", "/", "reg/app", true);
        fits("a?c", ".", "a.c", false);
        fits("**/c", "/", "c", false);
        fits("**/c", "/", "a/b/c", true);
        fits("***", "/", "a/b", true);
        fits("reg.io/**", "/", "reg.io/a/b", true);
    }

    #[test]
    fn alternatives_and_classes() {
        fits("a{,b}", ".", "a", true);
        fits("a{,b}", ".", "ab", true);
        fits("{a,b{c,d}}", ".", "bd", true);
        fits("{a,b", ".", "b", true);
        fits("a,b}", ".", "a,b}", true);
        fits("[^a-z]*", ".", "abc", true);
        fits("[!a-z]*", ".", "abc", false);
        fits("[a-c]", ".", "b", true);
        fits(r"\{a\}*", ".", "{a}x", true);
        fits("a+(b)", ".", "a+(b)", true);
    }

    #[test]
    fn what_is_no_pattern_fails() {
        for pattern in ["[", "[]", "[a", "[z-a]", "[a-z0]", "[!]"] {
            assert!(matches!(matches(pattern, &[], "a"), Err(Unable::Failed(_))), "{pattern}");
        }
    }

    #[test]
    fn quoted_texts_fit_themselves() {
        for text in ["*.{a}", r"\[x]?", "plain"] {
            fits(&quoted(text), ".", text, true);
        }
        assert_eq!(quoted("*.{a}"), r"\*.\{a\}");
    }
}
