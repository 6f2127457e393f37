//! How findings, headings and changes look on a terminal; shared by the verbs that decide.
//!
//! Everything is written with its colours; the stream that it goes to drops them where nobody wants them. Whatever comes
//! from the user loses its control characters here, so that no manifest can steer a terminal.

pub mod diff;
pub mod excerpt;
pub mod github;
pub mod junit;
pub mod profiles;
pub mod yaml;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::admission::verdict::{Heading, Verdict};
use crate::bundle::Problem;
use crate::diagnostic::{Diagnostic, Severity};
use crate::path::FieldPath;
use crate::placement::Standing;
use excerpt::{Origin, Text};

/// What stands out.
pub const BOLD: Style = Style::new().bold();
/// What stands back: gutters, asides.
pub const DIM: Style = Style::new().dimmed();
/// What is wrong.
pub const RED: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// What is well, or new.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Notes.
pub const CYAN: Style = AnsiColor::Cyan.on_default().bold();
/// Line numbers and arrows.
pub const BLUE: Style = AnsiColor::Blue.on_default().bold();

/// How many places of one finding are shown; the rest is counted.
const MAX_PLACES: usize = 4;

/// Shorter lines than this are not worth folding into.
const MIN_WIDTH: usize = 40;

/// Text in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The width of the terminal that reads standard output; nothing when a file or a program does.
pub fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout())
        .map(|(width, _)| usize::from(width.0).max(MIN_WIDTH))
}

/// Replaces control characters, which could move the cursor or change what was printed before.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How many bytes of details are shown.
const MAX_DETAILS: usize = 400;

/// A number and its noun, which takes an `s` unless there is one: `3 objects`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The word for a severity as compilers say it, and its style.
pub const fn label(severity: Severity) -> (&'static str, Style) {
    match severity {
        Severity::Deny => ("error", RED),
        Severity::Warn => ("warning", YELLOW),
        Severity::Note => ("note", CYAN),
    }
}

/// Writes to a terminal of a certain width, or to a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Renderer {
    /// Lines are folded to this width.
    pub width: Option<usize>,
}

impl Renderer {
    /// A renderer that fits standard output.
    pub fn for_stdout() -> Self {
        Self { width: terminal_width() }
    }

    /// Writes findings one after the other, each with an empty line behind it.
    pub fn diagnostics(
        &self,
        out: &mut String,
        origin: Option<Origin<'_>>,
        diagnostics: &[Diagnostic],
    ) {
        for (position, diagnostic) in diagnostics.iter().enumerate() {
            let (word, style) = label(diagnostic.severity);
            let head = format!("{word}[{}]", clean(&diagnostic.code));
            let what = format!(": {}", clean(&profiles::headline(diagnostic)));
            let _ = writeln!(out, "{}{}", paint(style, head), paint(BOLD, what));
            let gutter = self.places(out, origin, diagnostic);
            for (key, text) in profiles::remarks(diagnostic) {
                self.remark(out, gutter, &key, &text);
            }
            let others = [position.checked_sub(1), position.checked_add(1)];
            let mut others = others.iter().filter_map(|other| diagnostics.get((*other)?));
            if let Some(details) = &diagnostic.details
                && others.any(|other| diagnostic.differs_in_details(other))
            {
                let mut text = details.to_string();
                text.truncate(text.floor_char_boundary(MAX_DETAILS));
                self.remark(out, gutter, "details", &text);
            }
            out.push('\n');
        }
    }

    /// Writes where a finding stands. Gives the width of the gutter.
    fn places(
        &self,
        out: &mut String,
        origin: Option<Origin<'_>>,
        diagnostic: &Diagnostic,
    ) -> usize {
        let mut gutter = 1;
        // What speaks of no field speaks of the object.
        if let Some(origin) = origin.filter(|_| diagnostic.places.is_empty())
            && let Some(mark) = origin.mark(&FieldPath::root())
        {
            let _ = writeln!(
                out,
                "{:gutter$}{} {}:{mark}",
                "",
                paint(BLUE, "-->"),
                clean(&origin.text.name)
            );
        }
        for (position, place) in diagnostic.places.iter().take(MAX_PLACES).enumerate() {
            let mark = origin.and_then(|origin| origin.mark(place));
            // A note is no reason to look up the line.
            let excerpt = mark.filter(|_| position == 0 && diagnostic.severity != Severity::Note);
            if let (Some(origin), Some(mark)) = (origin, excerpt) {
                gutter = excerpt::gutter(mark);
                let _ = writeln!(
                    out,
                    "{:gutter$}{} {}:{mark}  {}",
                    "",
                    paint(BLUE, "-->"),
                    clean(&origin.text.name),
                    clean(&place.to_string()),
                );
                excerpt::write(out, origin.text, mark, self.width);
                continue;
            }
            let arrow = paint(BLUE, if position == 0 { "-->" } else { ":::" });
            let file = match (origin, mark) {
                (Some(origin), Some(mark)) => format!("{}:{mark}  ", clean(&origin.text.name)),
                _ => String::new(),
            };
            let _ = writeln!(out, "{:gutter$}{arrow} {file}{}", "", clean(&place.to_string()));
        }
        let more = diagnostic.places.len().saturating_sub(MAX_PLACES);
        if more > 0 {
            let _ = writeln!(out, "{:gutter$}{} and {more} more", "", paint(BLUE, ":::"));
        }
        gutter
    }

    /// Writes a line such as `= help: ...`, folded.
    fn remark(&self, out: &mut String, gutter: usize, key: &str, text: &str) {
        let indent = gutter + 3 + key.chars().count() + 2;
        let _ = write!(out, "{:gutter$} {} {}: ", "", paint(BLUE, "="), paint(BOLD, clean(key)));
        self.folded(out, indent, &clean(text));
    }

    /// Writes words, with the lines after the first one indented, and ends the line.
    pub fn folded(&self, out: &mut String, indent: usize, text: &str) {
        let Some(width) = self.width.filter(|width| *width >= indent + MIN_WIDTH) else {
            out.push_str(text);
            out.push('\n');
            return;
        };
        let mut column = indent;
        for (position, word) in text.split(' ').enumerate() {
            let length = word.chars().count();
            if position > 0 && column + 1 + length > width {
                let _ = write!(out, "\n{:indent$}", "");
                column = indent;
            } else if position > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
        out.push('\n');
    }

    /// Writes where the pod was headed, and why.
    pub fn heading(&self, out: &mut String, heading: &Heading) {
        let lead = match heading.standing {
            Standing::Bound => "headed for",
            Standing::Eligible => "could land on",
            Standing::Regular => {
                out.push_str("  headed for no virtual node\n");
                return;
            }
        };
        for (reason, names) in profiles::by_reason(&heading.profiles) {
            let text = format!("{lead} {}: {reason}", profiles::names(&names));
            out.push_str("  ");
            self.folded(out, 4, &clean(&text));
        }
    }

    /// Writes what a verdict changes: each change with its reason, and all of them as a difference.
    pub fn changes(&self, out: &mut String, object: &serde_json::Value, verdict: &Verdict) {
        if verdict.patch.is_empty() {
            return;
        }
        let _ = writeln!(out, "  {}:", count(verdict.changes.len(), "change"));
        for change in &verdict.changes {
            out.push_str("    ");
            self.folded(out, 6, &clean(&format!("{} ({})", change.edit, change.reason)));
        }
        out.push_str(&self.patch(object, &verdict.patch));
    }

    /// A patch as a difference: the lines it touches, and the keys above them.
    pub fn patch(
        &self,
        object: &serde_json::Value,
        patch: &[json_patch::PatchOperation],
    ) -> String {
        let mut out = String::new();
        for line in diff::lines(object, patch) {
            let (sign, style) = match line.kind {
                diff::Kind::Same => (' ', DIM),
                diff::Kind::Added => ('+', GREEN),
                diff::Kind::Removed => ('-', RED),
            };
            let _ = writeln!(
                out,
                "      {}",
                paint(style, format_args!("{sign} {}", clean(&line.text)))
            );
        }
        out
    }

    /// Writes what could not be read, with the line at which reading ended.
    pub fn problem(&self, out: &mut String, problem: &Problem, text: Option<&Text>) {
        let place = problem.mark.map_or_else(
            || clean(&problem.origin),
            |mark| format!("{}:{mark}", clean(&problem.origin)),
        );
        let _ = writeln!(out, "{}: {place}: {}", paint(RED, "error"), clean(&problem.message));
        if let (Some(text), Some(mark)) = (text, problem.mark) {
            excerpt::write(out, text, mark, self.width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fold_at_the_width_of_the_terminal() {
        let mut out = String::new();
        Renderer { width: Some(50) }.folded(
            &mut out,
            4,
            "one two three four five six seven eight nine ten eleven",
        );
        assert_eq!(out, "one two three four five six seven eight nine\n    ten eleven\n");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\r\nc"), "a [31mb  c");
    }
}
