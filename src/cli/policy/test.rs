//! `loadline policy test`: runs the rules named `test_*`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::show::Output;
use crate::bundle::library::shared_with;
use crate::bundle::{self, Text};
use crate::cli::ExitStatus;
use crate::cli::bundle::read_all;
use crate::governance::Module;
use crate::governance::test::{self, Outcome, TestResult};

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();

/// Arguments of `loadline policy test`.
#[derive(Args, Debug)]
pub struct TestArgs {
    /// Folders or files of Rego, policies and their tests together; the built-in library when none is given
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only the tests whose full name contains this
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    run: String,
    /// Print every test, not only those that fail
    #[arg(short, long)]
    verbose: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "human")]
    output: Output,
}

/// Runs the tests. Findings where one fails; an error where there is none to run.
pub fn run(arguments: &TestArgs) -> anyhow::Result<ExitStatus> {
    let texts = texts(&arguments.paths)?;
    let modules: Vec<Module<'_>> =
        texts.iter().map(|text| Module { origin: &text.origin, text: &text.text }).collect();
    let results = test::run(&modules, &arguments.run)?;
    if results.is_empty() {
        bail!(nothing_to_run(arguments, modules.len()));
    }
    let mut out = anstream::stdout().lock();
    match arguments.output {
        Output::Human => print(&mut out, &results, arguments.verbose)?,
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, &Report::of(&results))?;
            writeln!(out)?;
        }
    }
    let all_pass = results.iter().all(|result| result.outcome == Outcome::Pass);
    Ok(if all_pass { ExitStatus::Clean } else { ExitStatus::Findings })
}

fn texts(paths: &[PathBuf]) -> anyhow::Result<Vec<Text>> {
    if paths.is_empty() {
        let own = |module: Module<'_>| Text {
            origin: module.origin.to_owned(),
            text: module.text.to_owned(),
        };
        return Ok(bundle::library_modules().map(own).collect());
    }
    let mut texts = Vec::new();
    // A file that two of the paths name is one file.
    let mut seen = BTreeSet::new();
    for path in paths {
        texts.extend(
            read_all(path, &["rego"])?.into_iter().filter(|text| seen.insert(text.origin.clone())),
        );
    }
    // What a policy shares with the library is there for its tests, as it is when pods are judged.
    let modules: Vec<Module<'_>> =
        texts.iter().map(|text| Module { origin: &text.origin, text: &text.text }).collect();
    let mut shared: Vec<Text> = Vec::new();
    for module in modules.iter().flat_map(|one| shared_with(one.text, &modules)) {
        if !shared.iter().any(|text| text.origin == module.origin) {
            shared.push(Text { origin: module.origin.to_owned(), text: module.text.to_owned() });
        }
    }
    texts.extend(shared);
    Ok(texts)
}

fn nothing_to_run(arguments: &TestArgs, modules: usize) -> String {
    let paths: Vec<String> =
        arguments.paths.iter().map(|path| format!("`{}`", path.display())).collect();
    let place = if paths.is_empty() { "the library".to_owned() } else { paths.join(", ") };
    match (modules, arguments.run.as_str()) {
        (0, _) => format!("no file ends in `.rego` in {place}"),
        (_, "") => format!("no rule is named `test_*` in {place}"),
        (_, filter) => format!("the name of no test contains `{filter}` in {place}"),
    }
}

fn print(out: &mut impl Write, results: &[TestResult], verbose: bool) -> anyhow::Result<()> {
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
            Outcome::Fail(value) => {
                writeln!(out, "{name}: {RED}FAIL{RED:#} {took}")?;
                writeln!(out, "  {origin}:{line}: the test is {value}, not true")?;
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

#[derive(Serialize)]
struct Report<'r> {
    passed: usize,
    failed: usize,
    errors: usize,
    tests: Vec<ReportedTest<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportedTest<'r> {
    name: &'r str,
    file: &'r str,
    line: usize,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    output: &'r [String],
    duration_ns: u128,
}

impl<'r> Report<'r> {
    fn of(results: &'r [TestResult]) -> Self {
        let tests: Vec<ReportedTest<'r>> = results
            .iter()
            .map(|result| {
                let (outcome, message) = match &result.outcome {
                    Outcome::Pass => ("pass", None),
                    Outcome::Fail(value) => {
                        ("fail", Some(format!("the test is {value}, not true")))
                    }
                    Outcome::Error(message) => ("error", Some(message.clone())),
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
        Self { passed: count("pass"), failed: count("fail"), errors: count("error"), tests }
    }
}
