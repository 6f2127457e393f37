//! Tests as data, in the format of `gator verify`: [`Suite`].
//!
//! A suite names files; [`Files`] reads them, so that this floor needs no file system. What a test asks is what Gatekeeper's own
//! runner asks: a template, one constraint, and cases with an object, an inventory and assertions on the violations.

pub mod filter;
mod run;
mod source;

use std::time::Duration;

use crate::bundle::Text;

pub use run::run;
pub use source::{Suite, is_suite};

/// Reads a file that a suite names, by its path relative to the suite. Fails in a phrase.
pub type Files<'f> = dyn Fn(&str) -> Result<Text, String> + 'f;

/// Measures how long something takes: this floor has no clock.
pub type Clock<'c> = dyn Fn() -> Duration + 'c;

/// What came of a suite.
#[derive(Clone, Debug, Default)]
pub struct SuiteResult {
    /// Whether the suite says that it is to be skipped.
    pub is_skipped: bool,
    /// Its tests.
    pub tests: Vec<TestResult>,
    /// How long it took.
    pub duration: Duration,
}

/// What came of a test.
#[derive(Clone, Debug, Default)]
pub struct TestResult {
    /// Name.
    pub name: String,
    /// Whether it was not run.
    pub is_skipped: bool,
    /// What kept its cases from being run.
    pub error: Option<String>,
    /// Its cases.
    pub cases: Vec<CaseResult>,
    /// How long it took.
    pub duration: Duration,
}

/// What came of a case.
#[derive(Clone, Debug, Default)]
pub struct CaseResult {
    /// Name.
    pub name: String,
    /// Whether it was not run.
    pub is_skipped: bool,
    /// What is not as it should be.
    pub error: Option<String>,
    /// How long it took.
    pub duration: Duration,
}

impl SuiteResult {
    /// Whether something is not as it should be.
    pub fn has_failed(&self) -> bool {
        self.tests.iter().any(TestResult::has_failed)
    }
}

impl TestResult {
    /// Whether something is not as it should be.
    pub fn has_failed(&self) -> bool {
        self.error.is_some() || self.cases.iter().any(|case| case.error.is_some())
    }
}
