//! A document of Gatekeeper's, or an item of a list, and where it stands: [`Located`].

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::bundle::Text;
use crate::bundle::read::{Problem, reworded};
use crate::document::{Document, Mark, Mistake};
use crate::governance::gatekeeper::template;
use crate::path::FieldPath;

/// A document, or an item of a list, with the place where it stands.
#[derive(Clone, Debug)]
pub struct Located<'t> {
    /// The text.
    pub text: &'t Text,
    /// The document.
    pub document: Arc<Document>,
    base: FieldPath,
}

impl<'t> Located<'t> {
    /// A whole document.
    pub fn of(text: &'t Text, document: Document) -> Self {
        Self { text, document: Arc::new(document), base: FieldPath::root() }
    }

    /// The object.
    pub fn value(&self) -> &Value {
        self.document.value.pointer(&self.base.to_pointer()).unwrap_or(&Value::Null)
    }

    /// The objects: this one, or the items of a list.
    pub fn objects(self) -> Vec<Self> {
        let is_list = self.kind().ends_with("List");
        let count = self.value().get("items").and_then(Value::as_array).map(Vec::len);
        match count.filter(|_| is_list) {
            None => vec![self],
            Some(count) => (0..count)
                .flat_map(|index| {
                    let base = self.base.clone().key("items").index(index);
                    Self { base, ..self.clone() }.objects()
                })
                .collect(),
        }
    }

    /// Its group, empty for the core group.
    pub fn group(&self) -> &str {
        let version = self.value().get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        self.value().get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its name.
    pub(in crate::bundle) fn name(&self) -> &str {
        self.value().pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
    }

    fn mark(&self, place: &FieldPath) -> Option<Mark> {
        self.document.locate(&self.base.clone().join(place.clone()))
    }

    /// A mistake in it.
    pub fn problem(&self, mistake: Mistake) -> Problem {
        Problem {
            origin: self.text.origin.clone(),
            mark: self.mark(&mistake.place),
            message: reworded(&mistake.message),
        }
    }

    /// Mistakes in it.
    pub(super) fn problems(&self, mistakes: Vec<Mistake>) -> Vec<Problem> {
        mistakes.into_iter().map(|mistake| self.problem(mistake)).collect()
    }

    /// Where the lines of a module stand in the file: how many lines before it, and how many columns to the left of it.
    fn stands(&self, code: &template::Text) -> (usize, usize) {
        let Some(mark) = self.mark(&code.place) else {
            return (0, 0);
        };
        let mut lines = self.text.text.lines().skip(mark.line - 1);
        let opens_block = lines.next().is_some_and(|line| {
            let content = line.split(" #").next().unwrap_or_default().trim_end();
            content.rsplit(' ').next().is_some_and(|last| last.starts_with(['|', '>']))
        });
        if !opens_block {
            return (mark.line - 1, 0);
        }
        let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let first = lines.find(|line| !line.trim().is_empty()).map_or(0, spaces);
        let own = code.text.lines().find(|line| !line.trim().is_empty()).map_or(0, spaces);
        (mark.line, first.saturating_sub(own))
    }
}

impl Located<'_> {
    /// The object as a document of its own, where it is an item of a list.
    pub fn standing_alone(&self) -> Option<Document> {
        (!self.base.segments().is_empty()).then(|| Document::of_value(self.value().clone()))
    }

    /// The text of a module with its lines where they stand in the file.
    pub fn in_place(&self, code: &template::Text) -> String {
        "\n".repeat(self.stands(code).0) + &code.text
    }

    /// What a compiler says of modules, one problem a line, where they stand in the file.
    pub fn compile_problems(&self, codes: &[template::Text], message: &str) -> Vec<Problem> {
        let stands: Vec<(Range<usize>, usize)> = codes
            .iter()
            .map(|code| {
                let (before, indent) = self.stands(code);
                (before + 1..before + 1 + code.text.lines().count(), indent)
            })
            .collect();
        let lines = message.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| in_file(&self.text.origin, line, &stands)).collect()
    }
}

/// A line of a compiler, which begins with file, line and column, as a problem with its column in the file.
fn in_file(origin: &str, line: &str, stands: &[(Range<usize>, usize)]) -> Problem {
    let read = || {
        let rest = line.strip_prefix(origin)?.strip_prefix(':')?;
        let (number, rest) = rest.split_once(':')?;
        let (column, message) = rest.split_once(':')?;
        let number = number.parse::<usize>().ok()?;
        let column = column.trim().parse::<usize>().ok()?;
        let indent = stands.iter().find(|(lines, _)| lines.contains(&number));
        let indent = indent.map_or(0, |(_, indent)| *indent);
        Some((Mark { line: number, column: column + indent }, message.trim()))
    };
    if let Some((mark, message)) = read() {
        return Problem {
            origin: origin.to_owned(),
            mark: Some(mark),
            message: message.to_owned(),
        };
    }
    let message = line.strip_prefix(origin).map_or(line, |rest| rest.trim_start_matches(": "));
    Problem { origin: origin.to_owned(), mark: None, message: message.to_owned() }
}
