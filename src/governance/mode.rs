//! How modules are read and run, and how running them can fail.

use std::time::Duration;

/// How modules are read and run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mode {
    /// The version of Rego that those are written in whose metadata names none.
    pub language: Language,
    /// What becomes of built-in functions that fail.
    pub errors: Errors,
    /// What becomes of calls of `print`.
    pub prints: Prints,
}

impl Mode {
    /// For policies of our own.
    pub(super) const NATIVE: Self =
        Self { language: Language::V1, errors: Errors::Strict, prints: Prints::Dropped };

    /// For Gatekeeper's templates.
    pub(super) const fn gatekeeper(language: Language) -> Self {
        Self { language, errors: Errors::Lenient, prints: Prints::Dropped }
    }
}

/// A version of Rego.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Language {
    /// What OPA understood before its version 1: bodies without `if`, sets without `contains`. A module can still ask for
    /// the new keywords with `import future.keywords` or `import rego.v1`.
    V0,
    /// What OPA has understood since.
    #[default]
    V1,
}

impl Language {
    /// The `regoVersion` that the metadata of a module names.
    pub(super) fn named_in(text: &str) -> Option<Self> {
        let comments = text.lines().filter_map(|line| line.strip_prefix('#'));
        let mut named = comments.filter_map(|line| line.trim().strip_prefix("regoVersion:"));
        match named.next()?.trim() {
            "v0" => Some(Self::V0),
            "v1" => Some(Self::V1),
            _ => None,
        }
    }
}

/// What becomes of a built-in function that fails: of `to_number("x")`, or `1 / 0`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Errors {
    /// The evaluation fails.
    #[default]
    Strict,
    /// It is undefined, as OPA and Gatekeeper have it. All other errors (rules and functions that give two values, time,
    /// whatever is refused because it would be too much) still fail the evaluation.
    Lenient,
}

/// What becomes of calls of `print`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Prints {
    /// They are not made: they would cost time and write to the process's own output.
    Dropped,
    /// They are kept, for the author to see.
    Gathered,
}

/// Why a rule has no value that can be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// The engine says what went wrong.
    Error(String),
    /// A built-in panicked.
    Panic,
    /// The time was up; it was this long.
    Time(Duration),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(message) => f.write_str(message),
            Self::Panic => f.write_str("a built-in function panicked"),
            Self::Time(limit) => {
                write!(f, "it took longer than the {} ms that were left for it", limit.as_millis())
            }
        }
    }
}
