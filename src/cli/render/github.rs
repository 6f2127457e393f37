//! Workflow commands of GitHub Actions: lines that become annotations on the changes under review.

use std::fmt::Write as _;

use crate::diagnostic::Severity;
use crate::document::Mark;

/// Where an annotation stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The file, as seen from the root of the repository.
    pub file: &'a str,
    /// Line and column, where they are known.
    pub mark: Option<Mark>,
}

/// Writes one annotation: a command and the end of its line.
pub fn annotate(
    out: &mut String,
    severity: Severity,
    place: Place<'_>,
    title: &str,
    message: &str,
) {
    let command = match severity {
        Severity::Deny => "error",
        Severity::Warn => "warning",
        Severity::Note => "notice",
    };
    let _ = write!(out, "::{command} file={}", property(place.file));
    if let Some(mark) = place.mark {
        let _ = write!(out, ",line={},col={}", mark.line, mark.column);
    }
    let _ = writeln!(out, ",title={}::{}", property(title), data(message));
}

/// The runner takes a command apart at line ends, and decodes these again.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Properties also end at commas, and the last one at a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_message_can_begin_a_command_of_its_own() {
        let mut out = String::new();
        let place = Place { file: "a,b:c.yaml", mark: Some(Mark { line: 3, column: 5 }) };
        annotate(&mut out, Severity::Deny, place, "x: 50%", "one\n::set-output name=a::b, 100%");
        assert_eq!(
            out,
            "::error file=a%2Cb%3Ac.yaml,line=3,col=5,title=x%3A 50%25::one%0A::set-output name=a::b, 100%25\n"
        );
    }
}
