//! `loadline policy verify`: runs suites in the format of `gator verify`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::show::Output;
use crate::bundle::Text;
use crate::cli::ExitStatus;
use crate::suite::filter::Filter;
use crate::suite::{self, CaseResult, Suite, SuiteResult, TestResult};

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();

/// What people type most.
const EXAMPLES: &str = "Examples:
  loadline policy verify policies/...            every suite below the folder
  loadline policy verify suite.yaml -v
  loadline policy verify . --run 'labels//^bad'  cases `bad...` of tests with `labels` in their names

A suite is a document of `test.gatekeeper.sh/v1alpha1`, kind `Suite`; other files are passed over.

Exit status: 0 all pass, 1 something fails, 2 the job could not be done.";

/// Arguments of `loadline policy verify`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// Suites, or folders that hold some; with `/...` at the end, folders in them, too
    #[arg(value_name = "PATH", default_value = "./...")]
    paths: Vec<PathBuf>,
    /// Run only tests and cases whose names this regular expression matches; `TEST//CASE` for cases of some tests
    #[arg(short, long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    run: String,
    /// Print every test and case, not only those that fail
    #[arg(short, long)]
    verbose: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "human")]
    output: Output,
}

/// Runs the suites. Findings where a case fails; an error where there is no suite.
pub fn run(arguments: &VerifyArgs) -> anyhow::Result<ExitStatus> {
    let filter = Filter::parse(&arguments.run).map_err(anyhow::Error::msg)?;
    let mut suites: Vec<(PathBuf, Suite)> = Vec::new();
    for path in &arguments.paths {
        for file in files(path)? {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("read file `{}`", file.display()))?;
            match Suite::read(&text) {
                Ok(Some(suite)) => suites.push((file, suite)),
                Ok(None) => {}
                Err(problem) => bail!("{}:{problem}", file.display()),
            }
        }
    }
    if suites.is_empty() {
        let paths: Vec<String> =
            arguments.paths.iter().map(|path| format!("`{}`", path.display())).collect();
        bail!("no suite in {}; add `/...` to look into folders, too", paths.join(", "));
    }
    let results: Vec<(String, SuiteResult)> = suites
        .iter()
        .map(|(path, suite)| (path.display().to_string(), verify(path, suite, &filter)))
        .collect();
    let mut out = anstream::stdout().lock();
    match arguments.output {
        Output::Human => print(&mut out, &results, arguments.verbose)?,
        Output::Json => {
            let report: Vec<ReportedSuite<'_>> = results.iter().map(ReportedSuite::of).collect();
            serde_json::to_writer_pretty(&mut out, &report)?;
            writeln!(out)?;
        }
    }
    let has_failed = results.iter().any(|(_, result)| result.has_failed());
    Ok(if has_failed { ExitStatus::Findings } else { ExitStatus::Clean })
}

/// Runs one suite; its files are read from where it lies.
fn verify(path: &Path, suite: &Suite, filter: &Filter) -> SuiteResult {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let read = |name: &str| {
        if Path::new(name).is_absolute() {
            return Err(format!("the path `{name}` is absolute; write it relative to the suite"));
        }
        let file = folder.join(name);
        let origin = file.display().to_string();
        std::fs::read_to_string(&file)
            .map(|text| Text { origin: origin.clone(), text })
            .map_err(|error| format!("{origin}: the file cannot be read: {error}"))
    };
    let start = Instant::now();
    suite::run(suite, filter, &read, &|| start.elapsed())
}

/// The files that a path names: itself, or what may be suites in the folder.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let is_recursive = path.ends_with("...");
    let path = if is_recursive { path.parent().unwrap_or(path) } else { path };
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    walk(path, is_recursive, &mut found)?;
    Ok(found)
}

fn walk(folder: &Path, is_recursive: bool, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("read folder `{}`", folder.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if is_recursive && !is_hidden {
                walk(&path, is_recursive, found)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            found.push(path);
        }
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}s", duration.as_secs_f64())
}

/// Prints results as `gator verify` and `go test` do.
fn print(
    out: &mut impl Write,
    results: &[(String, SuiteResult)],
    verbose: bool,
) -> anyhow::Result<()> {
    for (path, suite) in results {
        for test in &suite.tests {
            print_test(out, test, verbose)?;
        }
        let took = seconds(suite.duration);
        if suite.has_failed() {
            writeln!(out, "{RED}FAIL{RED:#}\t{path}\t{took}")?;
        } else {
            writeln!(out, "{GREEN}ok{GREEN:#}\t{path}\t{took}")?;
        }
    }
    let word = |has_failed| if has_failed { (RED, "FAIL") } else { (GREEN, "PASS") };
    let cases = || results.iter().flat_map(|(_, suite)| &suite.tests).flat_map(|test| &test.cases);
    let (style, all) = word(results.iter().any(|(_, suite)| suite.has_failed()));
    let run = cases().filter(|case| !case.is_skipped).count();
    let failed = cases().filter(|case| case.error.is_some()).count();
    let skipped = cases().count() - run;
    let skipped = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    let tests = results.iter().flat_map(|(_, suite)| &suite.tests);
    let broken = match tests.filter(|test| test.error.is_some()).count() {
        0 => String::new(),
        1 => "; 1 test could not be run".to_owned(),
        many => format!("; {many} tests could not be run"),
    };
    writeln!(out, "{style}{all}{style:#}")?;
    writeln!(
        out,
        "{} of {run} cases passed in {} suites{skipped}{broken}",
        run - failed,
        results.len()
    )?;
    Ok(())
}

fn print_test(out: &mut impl Write, test: &TestResult, verbose: bool) -> anyhow::Result<()> {
    let TestResult { name, is_skipped, error, cases, duration } = test;
    if *is_skipped {
        if verbose {
            writeln!(out, "=== SKIP  {name}")?;
        }
        return Ok(());
    }
    if verbose {
        writeln!(out, "=== RUN   {name}")?;
    }
    for case in cases {
        print_case(out, case, verbose)?;
    }
    let took = seconds(*duration);
    if test.has_failed() {
        writeln!(out, "--- {RED}FAIL{RED:#}: {name}\t({took})")?;
        for line in error.iter().flat_map(|error| error.lines()) {
            writeln!(out, "  {line}")?;
        }
    } else if verbose {
        writeln!(out, "--- {GREEN}PASS{GREEN:#}: {name}\t({took})")?;
    }
    Ok(())
}

fn print_case(out: &mut impl Write, case: &CaseResult, verbose: bool) -> anyhow::Result<()> {
    let CaseResult { name, is_skipped, error, duration } = case;
    if *is_skipped {
        if verbose {
            writeln!(out, "    === SKIP  {name}")?;
        }
        return Ok(());
    }
    if verbose {
        writeln!(out, "    === RUN   {name}")?;
    }
    let took = seconds(*duration);
    if let Some(error) = error {
        writeln!(out, "    --- {RED}FAIL{RED:#}: {name}\t({took})")?;
        for line in error.lines() {
            writeln!(out, "        {line}")?;
        }
    } else if verbose {
        writeln!(out, "    --- {GREEN}PASS{GREEN:#}: {name}\t({took})")?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportedSuite<'r> {
    suite: &'r str,
    outcome: &'static str,
    duration_ns: u128,
    tests: Vec<Reported<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reported<'r> {
    name: &'r str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'r str>,
    duration_ns: u128,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cases: Vec<Self>,
}

const fn outcome(is_skipped: bool, has_failed: bool) -> &'static str {
    match (is_skipped, has_failed) {
        (true, _) => "skip",
        (false, true) => "fail",
        (false, false) => "pass",
    }
}

impl<'r> ReportedSuite<'r> {
    fn of((path, suite): &'r (String, SuiteResult)) -> Self {
        let cases = |test: &'r TestResult| {
            test.cases.iter().map(|case| Reported {
                name: &case.name,
                outcome: outcome(case.is_skipped, case.error.is_some()),
                message: case.error.as_deref(),
                duration_ns: case.duration.as_nanos(),
                cases: Vec::new(),
            })
        };
        let tests = suite.tests.iter().map(|test| Reported {
            name: &test.name,
            outcome: outcome(test.is_skipped, test.has_failed()),
            message: test.error.as_deref(),
            duration_ns: test.duration.as_nanos(),
            cases: cases(test).collect(),
        });
        Self {
            suite: path,
            outcome: outcome(suite.is_skipped, suite.has_failed()),
            duration_ns: suite.duration.as_nanos(),
            tests: tests.collect(),
        }
    }
}
