//! One message to a person: [`Diagnostic`].
//!
//! The same type carries findings about pods, policies and configuration, to `kubectl`, the terminal and JSON alike.
//! How it looks is decided in [`render`] alone.

pub mod codes;
mod details;
pub mod render;
pub mod suggest;

pub use details::Details;

use std::borrow::Cow;

use serde::Serialize;

use crate::date::Date;
use crate::path::FieldPath;

/// What a diagnostic does to the verdict. Ordered worst first, so that sorting puts what matters on top.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The object is refused.
    Deny,
    /// The object is admitted and its author is told.
    Warn,
    /// Recorded for those who look (`check`, logs); the author is not disturbed.
    Note,
}

impl Severity {
    /// The word that is printed and used as a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Note => "note",
        }
    }
}

/// Answers to what, where, why and how to help, under a stable `code`.
///
/// Messages are lower-case phrases without a full stop; what the user wrote stands in backticks.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Diagnostic {
    /// What it does to the verdict.
    pub severity: Severity,
    /// Stable kebab-case name: the topic of `loadline explain`, the metric label, the `reason` of a cause.
    pub code: Cow<'static, str>,
    /// What is the matter, in one line, without the names of profiles.
    pub what: String,
    /// The fields in the user's object, the first one first.
    #[serde(rename = "fields", serialize_with = "as_text")]
    pub places: Vec<FieldPath>,
    /// The profiles it speaks of, none when it is not about a virtual node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// The fact behind it; with several profiles, the first one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do, imperative and concrete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where the fact comes from: file and line, or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The exemption that concerns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemption: Option<Exempted>,
    /// What a policy says to programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
}

/// What an exemption had to do with a diagnostic.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exempted {
    /// The exemption.
    pub name: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Date,
    /// Whether that day is over; then the diagnostic is as grave as without it.
    pub has_ended: bool,
}

impl Diagnostic {
    /// A diagnostic that so far only says what is the matter.
    pub fn new(
        severity: Severity,
        code: impl Into<Cow<'static, str>>,
        what: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code: code.into(),
            what: what.into(),
            places: Vec::new(),
            profiles: Vec::new(),
            why: None,
            help: None,
            source: None,
            exemption: None,
            details: None,
        }
    }

    /// Adds a field it points at.
    #[must_use]
    pub fn at(mut self, place: FieldPath) -> Self {
        self.places.push(place);
        self
    }

    /// Adds a profile of which it speaks.
    #[must_use]
    pub fn on(mut self, profile: impl Into<String>) -> Self {
        self.profiles.push(profile.into());
        self
    }

    /// Adds the fact behind it.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds where the fact comes from.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Takes in a diagnostic that says the same of another profile. Gives it back when it does not.
    pub fn absorb(&mut self, other: Self) -> Option<Self> {
        let is_same = self.severity == other.severity
            && self.code == other.code
            && self.what == other.what
            && self.places == other.places
            && self.exemption == other.exemption
            && self.details == other.details
            && !self.profiles.is_empty()
            && !other.profiles.is_empty();
        if !is_same {
            return Some(other);
        }
        self.profiles.extend(other.profiles);
        self.profiles.sort();
        self.profiles.dedup();
        None
    }

    /// Whether it says the same to people, and something else to programs.
    pub fn differs_in_details(&self, other: &Self) -> bool {
        let without = |one: &Self| Self { details: None, ..one.clone() };
        self.details != other.details && without(self) == without(other)
    }

    /// Whether a constraint of Gatekeeper's speaks: its code is `Kind/name`, and no other code has a slash.
    pub fn is_of_constraint(&self) -> bool {
        self.code.contains('/')
    }

    /// The first field it points at.
    pub fn place(&self) -> Option<&FieldPath> {
        self.places.first()
    }
}

fn as_text<S: serde::Serializer>(places: &[FieldPath], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(places.iter().map(ToString::to_string))
}
