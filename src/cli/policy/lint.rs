//! `loadline policy lint`: what a policy's author should look at, with the place in the file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::load::{self, Files};
use crate::admission::Pipeline;
use crate::cli::ExitStatus;
use crate::cli::bundle::BundleArgs;
use crate::cli::render::github::{Place, annotate};
use crate::cli::render::{
    BLUE, BOLD, GREEN, Renderer, clean, count, excerpt, label, paint, terminal_width,
};
use crate::diagnostic::Severity;
use crate::document::Mark;
use crate::governance::lint::{self, About};

const EXAMPLES: &str = "Examples:
  loadline policy lint policies/
  loadline policy lint template.yaml -o github

Exit status: 0 clean, 1 findings, 2 a file could not be read.";

/// Arguments of `loadline policy lint`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct LintArgs {
    /// Files and folders: Rego, and each `ConstraintTemplate` of Gatekeeper
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Folder of profiles and features that are added to the built-in ones
    #[arg(long, value_name = "DIR", env = "LOADLINE_PROFILES")]
    profiles: Option<PathBuf>,
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
    /// Workflow commands of GitHub Actions, which become annotations on a pull request
    Github,
}

/// A finding in a file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Found {
    file: String,
    mark: Option<Mark>,
    severity: Severity,
    code: &'static str,
    message: String,
    help: Option<String>,
}

/// Looks at the policies, and prints what there is to say.
pub fn run(arguments: &LintArgs) -> anyhow::Result<ExitStatus> {
    let mut files = load::read(&arguments.paths)?;
    load::add_constraints(&mut files);
    if files.policies.is_empty() && files.libraries.is_empty() {
        return Err(files.no_policy(&arguments.paths));
    }
    let bundle = BundleArgs { profiles: arguments.profiles.clone(), ..BundleArgs::default() };
    let found = look(&files, &bundle.pipeline()?);
    let text = match arguments.output {
        Output::Human => human(&files, &found),
        Output::Json => {
            let all: Vec<_> = found.iter().map(Found::json).collect();
            serde_json::to_string_pretty(&all)? + "\n"
        }
        Output::Github => found.iter().map(Found::github).collect(),
    };
    anstream::stdout().lock().write_all(text.as_bytes())?;
    Ok(if found.is_empty() { ExitStatus::Clean } else { ExitStatus::Findings })
}

/// What there is to say, in the order of the files; of a library that several policies import, once.
fn look(files: &Files, pipeline: &Pipeline) -> Vec<Found> {
    let mut all = Vec::new();
    let names = pipeline.profiles.iter().map(|profile| &profile.name).chain(&pipeline.disabled);
    let profiles: Vec<String> = names.cloned().collect();
    for loaded in &files.policies {
        let about = About {
            catalogue: &pipeline.catalogue,
            profiles: &profiles,
            declared: loaded.declared.as_ref().map(|declared| &declared.metadata),
            template: loaded.template.as_ref().map(|(_, template)| template),
        };
        for finding in lint::lint(&loaded.modules(), loaded.policy().dialect, &about) {
            let source = loaded.sources.get(finding.module).unwrap_or_else(|| loaded.policy());
            let declared = finding.parameter.as_ref().and_then(|name| loaded.parameters.get(name));
            let declared = declared.copied();
            all.push(Found {
                file: source.file.clone(),
                mark: declared.or_else(|| finding.mark.map(|mark| source.place(mark))),
                severity: finding.severity,
                code: finding.code,
                message: load::placed(&loaded.sources, &finding.message),
                help: finding.help,
            });
        }
    }
    all.sort();
    all.dedup();
    all
}

fn human(files: &Files, found: &[Found]) -> String {
    let renderer = Renderer::for_stdout();
    let mut out = String::new();
    for one in found {
        let (word, style) = label(one.severity);
        let head = format!("{word}[{}]", one.code);
        let _ = writeln!(
            out,
            "{}{}",
            paint(style, head),
            paint(BOLD, format!(": {}", clean(&one.message)))
        );
        let text = files.texts.iter().find(|text| text.origin == one.file);
        let mut gutter = 1;
        match (one.mark, text) {
            (Some(mark), Some(text)) => {
                gutter = excerpt::gutter(mark);
                let _ = writeln!(
                    out,
                    "{:gutter$}{} {}:{mark}",
                    "",
                    paint(BLUE, "-->"),
                    clean(&one.file)
                );
                let text = excerpt::Text::new(one.file.clone(), text.text.clone());
                excerpt::write(&mut out, &text, mark, terminal_width());
            }
            _ => {
                let _ = writeln!(out, " {} {}", paint(BLUE, "-->"), clean(&one.file));
            }
        }
        if let Some(help) = &one.help {
            let _ = write!(out, "{:gutter$} {} {}: ", "", paint(BLUE, "="), paint(BOLD, "help"));
            renderer.folded(&mut out, gutter + 9, &clean(help));
        }
        out.push('\n');
    }
    let errors = found.iter().filter(|one| one.severity == Severity::Deny).count();
    let policies = match files.policies.len() {
        1 => "1 policy".to_owned(),
        number => format!("{number} policies"),
    };
    if found.is_empty() {
        let _ = writeln!(out, "{policies}: {}", paint(GREEN, "nothing to complain about"));
    } else {
        let _ = writeln!(
            out,
            "{policies}: {}, {}",
            count(errors, "error"),
            count(found.len() - errors, "warning")
        );
    }
    out
}

impl Found {
    fn json(&self) -> serde_json::Value {
        json!({
            "file": self.file,
            "line": self.mark.map(|mark| mark.line),
            "column": self.mark.map(|mark| mark.column),
            "severity": label(self.severity).0,
            "code": self.code,
            "message": self.message,
            "help": self.help,
        })
    }

    fn github(&self) -> String {
        let mut out = String::new();
        let place = Place { file: &self.file, mark: self.mark };
        let help = self.help.as_ref().map_or_else(String::new, |help| format!("\nhelp: {help}"));
        annotate(&mut out, self.severity, place, self.code, &format!("{}{help}", self.message));
        out
    }
}
