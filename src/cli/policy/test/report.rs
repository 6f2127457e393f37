//! How the outcome of tests is told.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::cli::render::junit::{self, Case, Suite};
use crate::governance::coverage::Coverage;
use crate::governance::test::{Outcome, TestResult};

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// Tells people.
pub(super) fn human(
    out: &mut impl Write,
    results: &[TestResult],
    verbose: bool,
) -> anyhow::Result<()> {
    let mut file = "";
    for result in results {
        let TestResult { name, origin, line, outcome, prints, duration } = result;
        if *outcome == Outcome::Pass && !verbose {
            continue;
        }
        if origin != file {
            writeln!(out, "{origin}:")?;
            file = origin;
        }
        let took = format!("({duration:.2?})");
        match outcome {
            Outcome::Pass => writeln!(out, "{name}: {GREEN}PASS{GREEN:#} {took}")?,
            Outcome::Fail(message) => {
                writeln!(out, "{name}: {RED}FAIL{RED:#} {took}")?;
                for (number, message) in message.lines().enumerate() {
                    let head =
                        if number == 0 { format!("{origin}:{line}: ") } else { "  ".to_owned() };
                    writeln!(out, "  {head}{message}")?;
                }
            }
            Outcome::Error(message) => {
                writeln!(out, "{name}: {RED}ERROR{RED:#} {took}")?;
                writeln!(out, "  {message}")?;
            }
        }
        for printed in prints {
            writeln!(out, "  {printed}")?;
        }
    }
    let count = |wanted: fn(&Outcome) -> bool| {
        results.iter().filter(|result| wanted(&result.outcome)).count()
    };
    let passed = count(|outcome| *outcome == Outcome::Pass);
    let errors = count(|outcome| matches!(outcome, Outcome::Error(_)));
    let failed = results.len() - passed - errors;
    if failed + errors > 0 || verbose {
        writeln!(out, "{}", "-".repeat(80))?;
    }
    for (word, style, count) in
        [("PASS", GREEN, passed), ("FAIL", RED, failed), ("ERROR", RED, errors)]
    {
        if count > 0 {
            writeln!(out, "{style}{word}{style:#}: {count}/{}", results.len())?;
        }
    }
    Ok(())
}

/// Tells people which lines no test came to.
pub(super) fn coverage(
    out: &mut impl Write,
    coverage: &Coverage,
    threshold: Option<f64>,
) -> anyhow::Result<()> {
    for (origin, lines) in &coverage.modules {
        let percent = lines.percent();
        let style = if lines.missed.is_empty() { GREEN } else { YELLOW };
        write!(out, "{origin}: {style}{percent:.1}%{style:#} of lines covered")?;
        let gaps = lines.gaps();
        if !gaps.is_empty() {
            write!(out, ", but not {}", gaps.join(", "))?;
        }
        writeln!(out)?;
    }
    let percent = coverage.percent();
    if let Some(threshold) = threshold.filter(|threshold| percent < *threshold) {
        writeln!(
            out,
            "{RED}coverage is too low{RED:#}: {percent:.1}% of lines, where at least {threshold}% are wanted"
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Report<'r> {
    passed: usize,
    failed: usize,
    errors: usize,
    tests: Vec<ReportedTest<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<ReportedCoverage>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportedTest<'r> {
    name: &'r str,
    file: &'r str,
    line: usize,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'r str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    output: &'r [String],
    duration_ns: u128,
}

#[derive(Serialize)]
struct ReportedCoverage {
    percent: f64,
    files: Vec<ReportedFile>,
}

#[derive(Serialize)]
struct ReportedFile {
    file: String,
    percent: f64,
    covered: Vec<usize>,
    missed: Vec<usize>,
}

/// Tells programs, as JSON.
pub(super) fn json(
    results: &[TestResult],
    coverage: Option<&Coverage>,
) -> serde_json::Result<String> {
    let tests: Vec<ReportedTest<'_>> = results
        .iter()
        .map(|result| {
            let (outcome, message) = match &result.outcome {
                Outcome::Pass => ("pass", None),
                Outcome::Fail(message) => ("fail", Some(message.as_str())),
                Outcome::Error(message) => ("error", Some(message.as_str())),
            };
            ReportedTest {
                name: &result.name,
                file: &result.origin,
                line: result.line,
                outcome,
                message,
                output: &result.prints,
                duration_ns: result.duration.as_nanos(),
            }
        })
        .collect();
    let count = |outcome: &str| tests.iter().filter(|test| test.outcome == outcome).count();
    let (passed, failed, errors) = (count("pass"), count("fail"), count("error"));
    let coverage = coverage.map(|coverage| ReportedCoverage {
        percent: coverage.percent(),
        files: coverage
            .modules
            .iter()
            .map(|(file, lines)| ReportedFile {
                file: file.clone(),
                percent: lines.percent(),
                covered: lines.covered.iter().copied().collect(),
                missed: lines.missed.iter().copied().collect(),
            })
            .collect(),
    });
    serde_json::to_string_pretty(&Report { passed, failed, errors, tests, coverage })
}

/// Tells CI servers.
pub(super) fn junit(results: &[TestResult]) -> String {
    let mut suites: Vec<Suite> = Vec::new();
    for result in results {
        let (class, name) = result.name.rsplit_once('.').unwrap_or(("", &result.name));
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let text = |message: &str| format!("{}:{}: {message}", result.origin, result.line);
        let case = Case {
            name: name.to_owned(),
            class: class.to_owned(),
            line: Some(result.line),
            duration: Some(result.duration),
            outcome: match &result.outcome {
                Outcome::Pass => junit::Outcome::Pass,
                Outcome::Fail(message) => junit::Outcome::Failure {
                    kind: "test".to_owned(),
                    message: first(message),
                    text: text(message),
                },
                Outcome::Error(message) => {
                    junit::Outcome::Error { message: first(message), text: text(message) }
                }
            },
            output: result.prints.join("\n"),
        };
        match suites.iter_mut().find(|suite| suite.name == result.origin) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name: result.origin.clone(), cases: vec![case] }),
        }
    }
    junit::report("loadline policy test", &suites)
}
