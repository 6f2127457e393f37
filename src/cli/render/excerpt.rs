//! The line of the user's file that a finding points at.

use std::fmt::Write as _;

use super::{BLUE, RED, clean, paint};
use crate::document::{Document, Mark};
use crate::path::FieldPath;

/// Lines are cut to this width where no terminal says better.
const DEFAULT_WIDTH: usize = 120;

/// A text with its name, and its lines within reach.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// A file name, for messages.
    pub name: String,
    /// The content.
    pub text: String,
    /// Where each line begins, in bytes.
    starts: Vec<usize>,
}

impl Text {
    /// Finds the lines of a text.
    pub fn new(name: String, text: String) -> Self {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name, text, starts }
    }

    /// A line, counted from one, without its end.
    pub fn line(&self, number: usize) -> Option<&str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        self.text.get(start..)?.lines().next()
    }
}

/// Where an object stands: the text, the document in it, and the object's place there.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The text.
    pub text: &'a Text,
    /// The document.
    pub document: &'a Document,
    /// The object's place in the document; the root unless it is an item of a list or the object of a review.
    pub base: &'a FieldPath,
}

impl Origin<'_> {
    /// Where a field of the object stands in the text.
    pub fn mark(&self, place: &FieldPath) -> Option<Mark> {
        self.document.locate(&self.base.clone().join(place.clone()))
    }
}

/// How wide the line numbers are.
pub fn gutter(mark: Mark) -> usize {
    mark.line.to_string().len()
}

/// Writes the line of a position with a marker under the word there; nothing where the text has no such line.
pub fn write(out: &mut String, text: &Text, mark: Mark, width: Option<usize>) {
    let Some(line) = text.line(mark.line) else {
        return;
    };
    let gutter = gutter(mark);
    let width = width.unwrap_or(DEFAULT_WIDTH).saturating_sub(gutter + 5).max(20);
    let (shown, column) = window(line, mark.column.saturating_sub(1), width);
    let length = word(&shown, column).min(width.saturating_sub(column)).max(1);
    let bar = paint(BLUE, "|");
    let _ = writeln!(out, "{:gutter$} {bar}", "");
    let _ = writeln!(out, "{} {bar} {}", paint(BLUE, mark.line), shown.trim_end());
    let _ = writeln!(out, "{:gutter$} {bar} {:column$}{}", "", "", paint(RED, "^".repeat(length)));
}

/// The part of a line around a column, and where the column is in it. Files of one line, as programs write JSON, can be
/// longer than any terminal is wide.
fn window(line: &str, column: usize, width: usize) -> (String, usize) {
    let chars: Vec<char> = clean(line).chars().collect();
    if chars.len() <= width {
        return (chars.into_iter().collect(), column);
    }
    let first = if column < width / 2 { 0 } else { column - width / 4 };
    let mut shown: Vec<char> = chars.iter().skip(first).take(width).copied().collect();
    let is_cut = first + shown.len() < chars.len();
    if let Some(one) = shown.first_mut().filter(|_| first > 0) {
        *one = '…';
    }
    if let Some(one) = shown.last_mut().filter(|_| is_cut) {
        *one = '…';
    }
    (shown.into_iter().collect(), column.saturating_sub(first))
}

/// How long the word at a column is: a key up to its colon, or a value.
fn word(line: &str, column: usize) -> usize {
    let rest = line.chars().skip(column);
    let mut quote = None;
    let mut length = 0;
    for c in rest {
        match quote {
            Some(open) if c == open => {
                return length + 1;
            }
            None if length == 0 && matches!(c, '"' | '\'') => quote = Some(c),
            None if c.is_whitespace() || matches!(c, ':' | ',' | '}' | ']') => break,
            Some(_) | None => {}
        }
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_stands_under_the_whole_key() {
        for (line, column, length) in [
            ("    hostPath:", 4, 8),
            ("  - name: a", 4, 4),
            ("{\"a b\": 1}", 1, 5),
            ("  'x: y': 1", 2, 6),
            ("", 0, 0),
        ] {
            assert_eq!(word(line, column), length, "{line}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_column() {
        let line = format!("{}KEY{}", "a".repeat(500), "b".repeat(500));
        let (shown, column) = window(&line, 500, 60);
        assert_eq!(shown.chars().count(), 60);
        assert_eq!(shown.chars().skip(column).take(3).collect::<String>(), "KEY");
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
    }

    #[test]
    fn lines_are_found_by_number() {
        let text = Text::new("x".into(), "a\r\nb\n\nd".into());
        assert_eq!(
            [1, 2, 3, 4, 5].map(|number| text.line(number)),
            [Some("a"), Some("b"), Some(""), Some("d"), None]
        );
        assert_eq!(text.line(0), None);
    }
}
