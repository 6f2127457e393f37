//! Tests written in Rego: rules named `test_*` beside a policy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use regorus::{Engine, Value};

use super::{Module, PolicyError, timer};

/// How long one test may take.
const TEST_TIME_LIMIT: Duration = Duration::from_secs(5);

/// What came of one test.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TestResult {
    /// Full name: `data.loadline.x.test_y`.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
    /// What it printed.
    pub prints: Vec<String>,
}

/// How a test went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It could not be evaluated.
    Error(String),
    /// It is undefined or not true.
    Fail,
    /// It is true.
    Pass,
}

/// Runs every `test_*` rule of `modules` whose full name contains `filter`, in the order of their names.
///
/// Fails where a module does not compile.
pub fn run(modules: &[Module<'_>], filter: &str) -> Result<Vec<TestResult>, PolicyError> {
    let mut engine = Engine::new();
    let mut names = std::collections::BTreeSet::new();
    for module in modules {
        let package = engine
            .add_policy(module.origin.to_owned(), module.text.to_owned())
            .map_err(|error| PolicyError {
                message: format!("{}: {error}", module.origin),
            })?;
        names.extend(test_rules(module.text).map(|rule| format!("{package}.{rule}")));
    }
    engine.set_gather_prints(true);
    engine.set_execution_timer_config(timer(TEST_TIME_LIMIT));
    let mut results = Vec::new();
    for name in names.into_iter().filter(|name| name.contains(filter)) {
        let mut engine = engine.clone();
        let outcome = match catch_unwind(AssertUnwindSafe(|| engine.eval_rule(name.clone()))) {
            Ok(Ok(Value::Bool(true))) => Outcome::Pass,
            Ok(Ok(_)) => Outcome::Fail,
            Ok(Err(error)) => Outcome::Error(error.to_string()),
            Err(_) => Outcome::Error("evaluation panicked".to_owned()),
        };
        let prints = engine.take_prints().unwrap_or_default();
        results.push(TestResult {
            name,
            outcome,
            prints,
        });
    }
    Ok(results)
}

/// The names of the test rules in a module: words that begin a line with `test_`.
fn test_rules(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| line.starts_with("test_"))
        .filter_map(|line| {
            let end = line
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(line.len());
            line.get(..end)
        })
}
