//! `loadline policy test`: runs the rules named `test_*`, and cases in files.

mod cases;
mod report;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use regex::Regex;

use super::load::{self, Files};
use crate::admission::Pipeline;
use crate::bundle::library::shared_with;
use crate::bundle::{self, Text};
use crate::cli::ExitStatus;
use crate::governance::Module;
use crate::governance::coverage::Coverage;
use crate::governance::eval::Dialect;
use crate::governance::test::{self, Outcome, TestResult};

const EXAMPLES: &str = "Examples:
  loadline policy test policies/
  loadline policy test policies/ --run 'owner.*denied' -v
  loadline policy test policies/ --watch
  loadline policy test policies/ --coverage --threshold 90 -o junit

Tests are the rules named `test_*`, and the cases in files that end in `_cases.yaml`.

Exit status: 0 all pass, 1 one does not or too little is covered, 2 there is nothing to run or a file does not parse.";

/// How long `--watch` waits between two looks at the files.
const PAUSE: Duration = Duration::from_millis(200);

/// Arguments of `loadline policy test`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct TestArgs {
    /// Folders or files: policies, their tests and their cases together; the built-in library when none is given
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only the tests whose full name matches this regular expression somewhere
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    run: String,
    /// Print every test, not only those that fail
    #[arg(short, long)]
    verbose: bool,
    /// Run again whenever a file changes, until interrupted
    #[arg(long, requires = "paths")]
    watch: bool,
    /// Say which lines no test comes to
    #[arg(long)]
    coverage: bool,
    /// Fail where a smaller part of the lines is covered
    #[arg(long, value_name = "PERCENT")]
    threshold: Option<f64>,
    /// Run modules as Gatekeeper runs its templates: as Rego of before OPA 1.0 where their metadata names no `regoVersion`,
    /// and with built-in functions that fail undefined
    #[arg(long)]
    v0_compatible: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "human")]
    output: Output,
}

/// Forms of the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Output {
    /// For people
    Human,
    /// For programs
    Json,
    /// XML of `JUnit`, for CI servers
    Junit,
}

/// Which tests are wanted.
struct Wanted(Option<Regex>);

impl Wanted {
    fn includes(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|pattern| pattern.is_match(name))
    }
}

/// What a run came to.
struct Ran {
    results: Vec<TestResult>,
    /// Of policies alone: whether tests come to their own lines says nothing.
    coverage: Option<Coverage>,
}

/// Runs the tests. Findings where one fails; an error where there is none to run.
pub fn run(arguments: &TestArgs) -> anyhow::Result<ExitStatus> {
    let wanted = Wanted(if arguments.run.is_empty() {
        None
    } else {
        Some(Regex::new(&arguments.run).context("read `--run`, a regular expression")?)
    });
    if !arguments.watch {
        let files = files(&arguments.paths)?;
        return arguments.told(&arguments.ran(&files, &wanted)?);
    }
    let mut known: Option<Vec<(String, String)>> = None;
    loop {
        // The texts themselves are compared: a link that is swapped, as mounted ConfigMaps are, keeps times and names.
        let now = files(&arguments.paths).map(|files| {
            let texts: Vec<(String, String)> =
                files.texts.iter().map(|text| (text.origin.clone(), text.text.clone())).collect();
            (files, texts)
        });
        let texts = match &now {
            Ok((_, texts)) => texts.clone(),
            Err(error) => vec![(String::new(), format!("{error:#}"))],
        };
        if known.as_ref() != Some(&texts) {
            known = Some(texts);
            let told = now.and_then(|(files, _)| arguments.told(&arguments.ran(&files, &wanted)?));
            if let Err(error) = told {
                anstream::eprintln!("error: {error:#}");
            }
            if arguments.output == Output::Human {
                anstream::println!("waiting for a change; press Ctrl-C to end");
            }
        }
        std::thread::sleep(PAUSE);
    }
}

impl TestArgs {
    fn ran(&self, files: &Files, wanted: &Wanted) -> anyhow::Result<Ran> {
        let texts: Vec<&Text> =
            files.texts.iter().filter(|text| text.origin.ends_with(".rego")).collect();
        let mut modules: Vec<Module<'_>> =
            texts.iter().map(|text| Module { origin: &text.origin, text: &text.text }).collect();
        // What a policy shares with the library is there for its tests, as it is when pods are judged.
        for number in 0..modules.len() {
            let shared = modules.get(number).map(|one| shared_with(one.text, &modules));
            modules.extend(shared.into_iter().flatten());
        }
        let has_cases = files.texts.iter().any(|text| cases::is_cases(&text.origin));
        if modules.is_empty() && !has_cases {
            bail!("no file ends in `.rego` in {}", self.place());
        }
        let mut coverage = (self.coverage || self.threshold.is_some()).then(Coverage::default);
        let is_wanted = |name: &str| wanted.includes(name);
        let dialect = if self.v0_compatible { Dialect::GatekeeperV0 } else { Dialect::Native };
        let mut results = test::run(&modules, dialect, is_wanted, coverage.as_mut())?;
        if has_cases {
            let pipeline = Pipeline::built_in()?;
            results.extend(cases::run(files, &pipeline, wanted, coverage.as_mut())?);
        }
        if results.is_empty() && self.run.is_empty() {
            bail!("no rule is named `test_*` in {}", self.place());
        }
        if results.is_empty() {
            bail!("the name of no test matches `{}` in {}", self.run, self.place());
        }
        if let Some(coverage) = &mut coverage {
            coverage.modules = std::mem::take(&mut coverage.modules)
                .into_iter()
                .filter(|(origin, _)| !bundle::is_test(origin))
                .map(|(origin, lines)| load::of_file(files, origin, lines))
                .collect();
        }
        Ok(Ran { results, coverage })
    }

    fn place(&self) -> String {
        let paths: Vec<String> =
            self.paths.iter().map(|path| format!("`{}`", path.display())).collect();
        if paths.is_empty() { "the library".to_owned() } else { paths.join(", ") }
    }

    fn told(&self, Ran { results, coverage }: &Ran) -> anyhow::Result<ExitStatus> {
        let mut out = anstream::stdout().lock();
        match self.output {
            Output::Human => {
                report::human(&mut out, results, self.verbose)?;
                if let Some(coverage) = coverage {
                    report::coverage(&mut out, coverage, self.threshold)?;
                }
            }
            Output::Json => writeln!(out, "{}", report::json(results, coverage.as_ref())?)?,
            Output::Junit => out.write_all(report::junit(results).as_bytes())?,
        }
        out.flush()?;
        let all_pass = results.iter().all(|result| result.outcome == Outcome::Pass);
        let is_enough = coverage.as_ref().is_none_or(|coverage| {
            self.threshold.is_none_or(|threshold| coverage.percent() >= threshold)
        });
        if !is_enough && self.output != Output::Human {
            let percent = coverage.as_ref().map_or(0.0, Coverage::percent);
            anstream::eprintln!("coverage is too low: {percent:.1}% of lines");
        }
        Ok(if all_pass && is_enough { ExitStatus::Clean } else { ExitStatus::Findings })
    }
}

/// The files to be tested; without any, the library.
fn files(paths: &[PathBuf]) -> anyhow::Result<Files> {
    if !paths.is_empty() {
        return load::read(paths);
    }
    let own = |module: Module<'_>| Text {
        origin: module.origin.to_owned(),
        text: module.text.to_owned(),
    };
    load::sort(bundle::library_modules().map(own).collect())
}
