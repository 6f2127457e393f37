//! Tests written in Rego: rules named `test_*` beside a policy.

use std::time::{Duration, Instant};

use regorus::Value;

use super::deadline::Deadline;
use super::unit::{Parsed, Prints};
use super::value::kind_of;
use super::{Module, PolicyError, rule_path};

/// How long one test may take.
const TEST_TIME_LIMIT: Duration = Duration::from_secs(5);

/// What came of one test.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TestResult {
    /// Full name: `data.loadline.x_test.test_y`.
    pub name: String,
    /// The file that holds it.
    pub origin: String,
    /// Its line.
    pub line: usize,
    /// How it went.
    pub outcome: Outcome,
    /// What it printed, with file and line.
    pub prints: Vec<String>,
    /// How long it took.
    pub duration: Duration,
}

/// How a test went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It could not be evaluated, for a reason.
    Error(String),
    /// It is not true, but this.
    Fail(&'static str),
    /// It is true.
    Pass,
}

/// Runs every `test_*` rule of `modules` whose full name contains `filter`, in the order of their names.
///
/// Fails where a module does not parse, and where its analysis finds mistakes.
pub fn run(modules: &[Module<'_>], filter: &str) -> Result<Vec<TestResult>, PolicyError> {
    let parsed = Parsed::new(modules, Prints::Gathered)?;
    let is_test = |path: &[String]| path.last().is_some_and(|name| name.starts_with("test_"));
    let tests: Vec<(String, String, usize)> = parsed
        .analysis
        .rules
        .iter()
        .filter(|(path, rule)| is_test(path) && !rule.is_function)
        .map(|(path, rule)| {
            let origin = modules.get(rule.module).map_or("", |module| module.origin);
            (rule_path(path), origin.to_owned(), rule.mark.map_or(1, |mark| mark.line))
        })
        .filter(|(name, ..)| name.contains(filter))
        .collect();
    let unit = parsed.compile(tests.first().map(|(name, ..)| name.as_str()))?;
    let run_one = |(name, origin, line): (String, String, usize)| {
        let start = Instant::now();
        let (value, prints) = unit.run(&name, None, Deadline::after(TEST_TIME_LIMIT));
        let outcome = match value {
            Ok(Value::Bool(true)) => Outcome::Pass,
            Ok(Value::Bool(false)) => Outcome::Fail("false"),
            Ok(other) => Outcome::Fail(kind_of(&other)),
            Err(failure) => Outcome::Error(failure.to_string()),
        };
        TestResult { name, origin, line, outcome, prints, duration: start.elapsed() }
    };
    Ok(tests.into_iter().map(run_one).collect())
}
