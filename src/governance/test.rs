//! Tests written in Rego: rules named `test_*` beside a policy.

use std::time::{Duration, Instant};

use regorus::Value;

use super::coverage::Coverage;
use super::deadline::Deadline;
use super::eval::Dialect;
use super::mode::Prints;
use super::unit::Parsed;
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
    /// It is not as it should be, and this is why.
    Fail(String),
    /// It is true.
    Pass,
}

/// Runs every `test_*` rule of `modules` whose full name is wanted, in the order of their names; and sees to which lines they
/// come, if somebody asks. A module whose metadata names no `regoVersion` has that of the `dialect`.
///
/// Fails where a module does not parse, and where its analysis finds mistakes.
pub fn run(
    modules: &[Module<'_>],
    dialect: Dialect,
    is_wanted: impl Fn(&str) -> bool,
    mut coverage: Option<&mut Coverage>,
) -> Result<Vec<TestResult>, PolicyError> {
    let parsed = Parsed::new(modules, dialect.mode(Prints::Gathered))?;
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
        .filter(|(name, ..)| is_wanted(name))
        .collect();
    let names: Vec<String> = tests.iter().map(|(name, ..)| name.clone()).collect();
    let unit = parsed.compile(&names)?;
    let run_one = |(name, origin, line): (String, String, usize)| {
        let start = Instant::now();
        let (value, prints) = unit.run(&name, None, None, Deadline::after(TEST_TIME_LIMIT));
        let outcome = match value {
            Ok(Value::Bool(true)) => Outcome::Pass,
            Ok(Value::Bool(false)) => Outcome::Fail("the test is false, not true".to_owned()),
            Ok(other) => Outcome::Fail(format!("the test is {}, not true", kind_of(&other))),
            Err(failure) => Outcome::Error(failure.to_string()),
        };
        let duration = start.elapsed();
        if let Some(coverage) = coverage.as_deref_mut() {
            unit.cover(&name, None, None, coverage);
        }
        TestResult { name, origin, line, outcome, prints, duration }
    };
    Ok(tests.into_iter().map(run_one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(text: &str) -> Vec<(String, Outcome)> {
        let module = Module { origin: "a_test.rego", text };
        run(&[module], Dialect::Native, |_| true, None)
            .unwrap()
            .into_iter()
            .map(|result| (result.name, result.outcome))
            .collect()
    }

    #[test]
    fn a_test_passes_when_it_is_true_and_nothing_else() {
        let text = "package a_test\nimport rego.v1\ntest_pass if true\ntest_undefined if false\ntest_false := false\n\
            test_number := 1\ntest_error if 1 / 0 == 1\nother if false\ntest_function(x) if x\n";
        let results = outcomes(text);
        let expected = [
            (
                "data.a_test.test_error",
                Outcome::Error("a_test.rego:7:17: divide by zero".to_owned()),
            ),
            ("data.a_test.test_false", Outcome::Fail("the test is false, not true".to_owned())),
            ("data.a_test.test_number", Outcome::Fail("the test is a number, not true".to_owned())),
            ("data.a_test.test_pass", Outcome::Pass),
            (
                "data.a_test.test_undefined",
                Outcome::Fail("the test is undefined, not true".to_owned()),
            ),
        ];
        assert_eq!(results, expected.map(|(name, outcome)| (name.to_owned(), outcome)));
    }

    #[test]
    fn results_say_where_the_test_is_and_what_it_printed() {
        let text = "package a_test\nimport rego.v1\n\ntest_x if {\n\tprint(\"x is\", 1)\n}\n";
        let results =
            run(&[Module { origin: "dir/a_test.rego", text }], Dialect::Native, |_| true, None)
                .unwrap();
        assert_eq!((results[0].origin.as_str(), results[0].line), ("dir/a_test.rego", 4));
        assert_eq!(results[0].prints, ["dir/a_test.rego:5: x is 1"]);
    }

    #[test]
    fn a_filter_takes_the_full_name() {
        let text = "package a_test\nimport rego.v1\ntest_x if true\ntest_y if true\n";
        let is_wanted = |name: &str| name == "data.a_test.test_y";
        assert_eq!(
            run(&[Module { origin: "a", text }], Dialect::Native, is_wanted, None).unwrap().len(),
            1
        );
    }
}
