//! `loadline profile`: the kinds of virtual nodes, to look at, compare, check and begin.

pub mod diff;
pub mod group;
pub mod lint;
pub mod markdown;
pub mod scaffold;
pub mod show;

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::ExitStatus;
use super::bundle::BundleArgs;
use super::knowledge::Knowledge;
use super::render::{BOLD, DIM, paint};
use crate::admission::Pipeline;
use crate::diagnostic::suggest;
use crate::profile::Profile;

/// The version of the JSON forms.
pub const VERSION: &str = "loadline.dev/profile/v1";

/// Looks at profiles.
#[derive(Args, Debug)]
pub struct ProfileArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: ProfileAction,
}

/// What can be done with profiles.
#[derive(Debug, Subcommand)]
pub enum ProfileAction {
    /// List the profiles, and how well each is verified
    List(ListArgs),
    /// Show what a profile does with each feature, why, and how we know
    Show(show::ShowArgs),
    /// Find mistakes in the files of profiles and features
    Lint(lint::LintArgs),
    /// Say what changes for pods that move from one profile to another
    Diff(diff::DiffArgs),
    /// Begin a profile from a Node
    New(scaffold::NewArgs),
}

/// Which list.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ListOutput,
    /// Whose profiles.
    #[command(flatten)]
    pub bundle: BundleArgs,
}

/// Forms of the list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ListOutput {
    /// A table
    #[default]
    Human,
    /// One JSON object
    Json,
    /// Only the names, one a line
    Name,
}

/// Does what the arguments ask for.
pub fn run(arguments: &ProfileArgs) -> anyhow::Result<ExitStatus> {
    match &arguments.action {
        ProfileAction::List(arguments) => list(arguments),
        ProfileAction::Show(arguments) => show::run(arguments),
        ProfileAction::Lint(arguments) => lint::run(arguments),
        ProfileAction::Diff(arguments) => diff::run(arguments),
        ProfileAction::New(arguments) => scaffold::run(arguments),
    }
}

/// The profile of a name. Fails with a suggestion where there is none.
pub fn named<'a>(pipeline: &'a Pipeline, name: &str) -> anyhow::Result<&'a Profile> {
    pipeline.profile_named(name).with_context(|| {
        let names = pipeline.profiles.iter();
        let hint = suggest::help(name, names.map(|profile| profile.name.as_str()));
        format!("there is no profile `{name}`: {hint}")
    })
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    title: &'a str,
    status: &'a str,
    revision: &'a str,
    #[serde(flatten)]
    knowledge: Knowledge,
}

#[derive(Serialize)]
struct List<'a> {
    version: &'static str,
    bundle: &'a str,
    features: usize,
    profiles: Vec<Listed<'a>>,
}

fn list(arguments: &ListArgs) -> anyhow::Result<ExitStatus> {
    let pipeline = arguments.bundle.pipeline()?;
    let profiles = pipeline.profiles.iter().map(|profile| Listed {
        name: &profile.name,
        title: &profile.title,
        status: &profile.status,
        revision: &profile.revision,
        knowledge: Knowledge::of(&pipeline, profile),
    });
    let list = List {
        version: VERSION,
        bundle: &pipeline.digest,
        features: pipeline.catalogue.len(),
        profiles: profiles.collect(),
    };
    let text = match arguments.output {
        ListOutput::Human => table(&list),
        ListOutput::Json => serde_json::to_string_pretty(&list)? + "\n",
        ListOutput::Name => {
            let names: Vec<&str> = list.profiles.iter().map(|one| one.name).collect();
            names.join("\n") + "\n"
        }
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(ExitStatus::Clean)
}

fn table(list: &List<'_>) -> String {
    let width = |text: for<'a> fn(&'a Listed<'_>) -> &'a str, least: usize| {
        let widths = list.profiles.iter().map(|one| text(one).chars().count());
        widths.max().unwrap_or_default().max(least)
    };
    let (names, statuses) = (width(|one| one.name, 4), width(|one| one.status, 6));
    let head =
        format!("{:names$}  entries  verified  executed  {:statuses$}  title", "name", "status");
    let mut out = format!("{}\n", paint(BOLD, head));
    for one in &list.profiles {
        let known = one.knowledge;
        let _ = writeln!(
            out,
            "{:names$}  {:7}  {:7}%  {:7}%  {:statuses$}  {}",
            one.name,
            known.entries,
            known.percent(known.verified),
            known.percent(known.executed),
            one.status,
            one.title,
        );
    }
    let note = format!(
        "entries: features of {} that the profile speaks of; verified: known, with source and day; \
         executed: the code was run on such a pod",
        list.features
    );
    let _ = writeln!(out, "\n{}", paint(DIM, note));
    out
}
