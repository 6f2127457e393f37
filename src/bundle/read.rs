//! Documents of ours to values, with a position for every mistake.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

use super::{API_VERSION, Text};
use crate::diagnostic::suggest;
use crate::document::{Document, Mark, Mistake};
use crate::path::{self, FieldPath};

/// A document with more mistakes than this is told about the first ones only.
const MAX_MISTAKES: usize = 50;

/// A mistake in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Which text.
    pub origin: String,
    /// Where in it, when known.
    pub mark: Option<Mark>,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    /// A mistake in a document, at the nearest field that is there.
    pub fn of(origin: &str, document: &Document, mistake: Mistake) -> Self {
        Self {
            origin: origin.to_owned(),
            mark: document.locate(&mistake.place),
            message: mistake.message,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mark {
            Some(mark) => write!(f, "{}:{mark}: {}", self.origin, self.message),
            None if self.message.starts_with(&self.origin) => f.write_str(&self.message),
            None => write!(f, "{}: {}", self.origin, self.message),
        }
    }
}

/// All mistakes of a bundle.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct BundleError(pub Vec<Problem>);

/// Reads a text; what is no document is a problem.
pub(super) fn documents(text: &Text, problems: &mut Vec<Problem>) -> Vec<Document> {
    Document::parse_all(&text.text).unwrap_or_else(|error| {
        problems.push(Problem {
            origin: text.origin.clone(),
            mark: error.mark,
            message: error.message,
        });
        Vec::new()
    })
}

/// Reads a document of ours.
///
/// A mistake that can be passed over (a key that is not known, a broken entry of a profile) is passed over once it is told, so
/// that the author hears of all of them in one go. The value that is given then stands in for the document only to find more.
pub(super) fn read<T: DeserializeOwned>(
    origin: &str,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let mut tell = |mistake| problems.push(Problem::of(origin, document, mistake));
    let version = document.value.get("apiVersion").and_then(Value::as_str);
    if version != Some(API_VERSION) {
        tell(Mistake {
            place: FieldPath::keys("apiVersion"),
            message: format!(
                "`apiVersion` must be `{API_VERSION}`, not `{}`",
                version.unwrap_or_default()
            ),
        });
        return None;
    }
    let mut value = document.value.clone();
    for _ in 0..MAX_MISTAKES {
        let error = match serde_path_to_error::deserialize(&value) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let place = place(error.path());
        let text = error.inner().to_string();
        let message = match (reworded(&text), place.segments().is_empty()) {
            (message, true) => message,
            (message, false) => format!("`{place}`: {message}"),
        };
        let is_passable = pass_over(&mut value, &place, &text);
        tell(Mistake { place, message });
        if !is_passable {
            return None;
        }
    }
    None
}

fn place(path: &Path) -> FieldPath {
    path.iter().fold(FieldPath::root(), |place, segment| match segment {
        Segment::Seq { index } => place.index(*index),
        Segment::Map { key } => place.key(key),
        Segment::Enum { .. } | Segment::Unknown => place,
    })
}

/// Takes a mistake out of the value, if what is around it can be read without.
fn pass_over(value: &mut Value, place: &FieldPath, message: &str) -> bool {
    let segments = place.segments();
    if message.starts_with("unknown field") {
        let Some(path::Segment::Key(key)) = segments.last() else {
            return false;
        };
        let parent = value.pointer_mut(&place.parent().to_pointer()).and_then(Value::as_object_mut);
        return parent.is_some_and(|parent| parent.remove(&**key).is_some());
    }
    let [path::Segment::Key(spec), path::Segment::Key(support), path::Segment::Index(index), ..] =
        segments
    else {
        return false;
    };
    let entry = value.pointer_mut(&format!("/spec/support/{index}"));
    let (Some(entry), "spec", "support") = (entry, &**spec, &**support) else {
        return false;
    };
    let blank = json!({ "features": [], "support": "unverified", "reason": "" });
    let is_new = *entry != blank;
    *entry = blank;
    is_new
}

/// What serde says, in the words of people who write YAML.
pub(super) fn reworded(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("missing field") {
        return format!("`{}` is missing", quoted.next().unwrap_or_default());
    }
    let unknown = if message.starts_with("unknown field") {
        "the key"
    } else if message.starts_with("unknown variant") {
        "the word"
    } else if message.starts_with("data did not match any variant") {
        return "neither of the forms that can stand here: one value, or a list of values"
            .to_owned();
    } else {
        // Names of our types mean nothing to a reader.
        let words: Vec<&str> = message.split("struct ").collect();
        let tails =
            words.iter().skip(1).map(|tail| tail.trim_start_matches(|c: char| c.is_alphanumeric()));
        let text = words.first().map_or_else(String::new, |first| {
            tails.fold((*first).to_owned(), |text, tail| text + "an object" + tail)
        });
        let text = text.replace("a sequence", "a list").replace("a map", "an object");
        // `y`, `no` and `1.5` are no texts to a reader of YAML.
        let is_unquoted =
            !text.starts_with("invalid type: string") && text.ends_with("expected a string");
        return if is_unquoted { text + "; put it in quotes" } else { text };
    };
    let word = quoted.next().unwrap_or_default();
    let known: Vec<&str> = quoted.collect();
    format!("{unknown} `{word}` is not known here; {}", suggest::help(word, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_is_put_into_plain_words() {
        for (message, expected) in [
            ("missing field `reason`", "`reason` is missing"),
            (
                "unknown field `reson`, expected one of `reason`, `help`",
                "the key `reson` is not known here; did you mean `reason`?",
            ),
            (
                "unknown variant `maybe`, expected `supported` or `ignored`",
                "the word `maybe` is not known here; use one of: supported, ignored",
            ),
            (
                "invalid type: string \"x\", expected struct Metadata",
                "invalid type: string \"x\", expected an object",
            ),
            (
                "invalid type: boolean `true`, expected a string",
                "invalid type: boolean `true`, expected a string; put it in quotes",
            ),
            (
                "invalid type: string \"x\", expected a sequence",
                "invalid type: string \"x\", expected a list",
            ),
        ] {
            assert_eq!(reworded(message), expected);
        }
    }
}
