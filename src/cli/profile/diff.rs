//! `loadline profile diff`: what changes for pods that move from one kind of virtual node to another.

mod human;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::{VERSION, named};
use crate::admission::{Object, Pipeline};
use crate::catalogue::{Class, Feature};
use crate::cli::ExitStatus;
use crate::cli::bundle::BundleArgs;
use crate::cli::check::input;
use crate::cli::check::judge::{self, Judged, Outcome};
use crate::cli::check::object::{Found, Reader, Subject};
use crate::cli::knowledge::{Cell, cell};
use crate::cli::render::Renderer;
use crate::cost::Cost;
use crate::facts::Facts;
use crate::pod::FeatureId;
use crate::profile::{Profile, Support};

/// What to compare.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The profile that pods run on now
    #[arg(value_name = "FROM")]
    pub from: String,
    /// The profile that they are to move to
    #[arg(value_name = "TO")]
    pub to: String,
    /// Only what the pods in these files ask for: a file, a folder or `-`; may be given more than once
    #[arg(short, long = "filename", value_name = "FILE|DIR|-")]
    pub filename: Vec<PathBuf>,
    /// Look into the folders of folders too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: DiffOutput,
    /// Whose profiles.
    #[command(flatten)]
    pub bundle: BundleArgs,
}

/// Forms of the answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum DiffOutput {
    /// For people
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Which way a feature goes. Ordered as it is told.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// It worked better.
    Worse,
    /// What was known is not.
    Unsure,
    /// What was not known is.
    Learnt,
    /// It works better.
    Better,
}

impl Turn {
    /// Every turn, in order.
    const ALL: [Self; 4] = [Self::Worse, Self::Unsure, Self::Learnt, Self::Better];

    fn of(from: Support, to: Support) -> Option<Self> {
        let rank = |support| match support {
            Support::Supported => 3,
            Support::Partial => 2,
            Support::Ignored => 1,
            Support::Unsupported | Support::Unverified => 0,
        };
        match (from, to) {
            (from, to) if from == to => None,
            (_, Support::Unverified) => Some(Self::Unsure),
            (Support::Unverified, _) => Some(Self::Learnt),
            (from, to) if rank(to) < rank(from) => Some(Self::Worse),
            _ => Some(Self::Better),
        }
    }
}

/// A feature that fares differently.
#[derive(Debug, Serialize)]
struct Change<'a> {
    feature: &'a str,
    class: Class,
    #[serde(skip)]
    known: &'a Feature,
    turn: Turn,
    from: Cell<'a>,
    to: Cell<'a>,
}

/// An object whose pods are to move.
#[derive(Debug, Serialize)]
struct Moved {
    object: String,
    source: String,
    from: &'static str,
    to: &'static str,
    changed: Vec<String>,
    /// What an hour of one of its pods comes to, where that is known.
    #[serde(rename = "costFrom", skip_serializing_if = "Option::is_none")]
    cost_from: Option<Cost>,
    #[serde(rename = "costTo", skip_serializing_if = "Option::is_none")]
    cost_to: Option<Cost>,
}

/// Compares and prints.
pub fn run(arguments: &DiffArgs) -> anyhow::Result<ExitStatus> {
    let pipeline = arguments.bundle.pipeline()?;
    let from = named(&pipeline, &arguments.from)?;
    let to = named(&pipeline, &arguments.to)?;
    let reader = Reader {
        catalogue: &pipeline.catalogue,
        pipeline: &pipeline,
        namespace: "default",
        today: crate::server::today(),
        everything: false,
    };
    let files = input::all_files(&arguments.filename, arguments.recursive)?;
    let renderer = Renderer::for_stdout();
    let mut found = Vec::with_capacity(files.len());
    // What cannot be read does not keep the rest from being compared, but it does not pass either.
    let mut broken = String::new();
    for file in &files {
        let text = input::read(file, "<stdin>").map_err(|one| anyhow::anyhow!("{one}"))?;
        let one = reader.find(text);
        for problem in &one.problems {
            renderer.problem(&mut broken, problem, Some(&one.text));
        }
        found.push(one);
    }
    let subjects: Vec<(&Found, &Subject)> = found
        .iter()
        .flat_map(|found| found.subjects.iter().map(move |subject| (found, subject)))
        .collect();
    let has_files = !arguments.filename.is_empty();
    ensure!(!has_files || !subjects.is_empty(), "there is no pod and no workload in these files");
    let used: BTreeSet<FeatureId> =
        subjects.iter().flat_map(|(_, subject)| uses(subject)).collect();
    let changes = changes(&pipeline, from, to, |id, feature| {
        !has_files || used.contains(&id) || feature.is_behaviour()
    });
    let mut moved = Vec::new();
    for (found, subject) in &subjects {
        moved.push(move_one(&pipeline, [from, to], found, subject, &changes));
    }
    let text = match arguments.output {
        DiffOutput::Human => {
            human::answer(renderer, [from, to], &changes, has_files.then_some(&moved))
        }
        DiffOutput::Json => {
            let report = json!({
                "version": VERSION,
                "bundle": pipeline.digest,
                "from": from.name,
                "to": to.name,
                "inject": { "from": from.inject, "to": to.inject },
                "changes": changes,
                "objects": moved,
            });
            serde_json::to_string_pretty(&report)? + "\n"
        }
    };
    anstream::stderr().write_all(broken.as_bytes())?;
    anstream::stdout().write_all(text.as_bytes())?;
    if !broken.is_empty() {
        return Ok(ExitStatus::Failure);
    }
    let denied = Outcome::Denied.as_str();
    let is_lost = moved.iter().any(|one| one.to == denied && one.from != denied);
    Ok(if is_lost { ExitStatus::Findings } else { ExitStatus::Clean })
}

/// The features that the pods of an object use.
fn uses(subject: &Subject) -> Vec<FeatureId> {
    match &subject.request.object {
        Object::Pod(pod) | Object::Workload { pod, .. } => {
            pod.uses.iter().map(|one| one.feature).collect()
        }
        Object::None | Object::Other => Vec::new(),
    }
}

fn changes<'a>(
    pipeline: &'a Pipeline,
    from: &'a Profile,
    to: &'a Profile,
    is_asked: impl Fn(FeatureId, &Feature) -> bool,
) -> Vec<Change<'a>> {
    let mut changes: Vec<Change<'a>> = pipeline
        .catalogue
        .features()
        .filter(|(id, feature)| is_asked(*id, feature))
        .filter_map(|(id, feature)| {
            let (before, after) = (cell(from, id, feature), cell(to, id, feature));
            Some(Change {
                feature: &feature.name,
                class: feature.class,
                known: feature,
                turn: Turn::of(before.entry.support, after.entry.support)?,
                from: before,
                to: after,
            })
        })
        .collect();
    changes.sort_by_key(|change| {
        let is_refused = change.to.entry.support == Support::Unsupported;
        (change.turn, !is_refused, change.class, change.feature)
    });
    changes
}

/// Judges an object on both profiles.
fn move_one(
    pipeline: &Pipeline,
    [from, to]: [&Profile; 2],
    found: &Found,
    subject: &Subject,
    changes: &[Change<'_>],
) -> Moved {
    let facts = Facts::default();
    let judged = |profile: &Profile| judge::judge(pipeline, &facts, subject, Some(&profile.name));
    let cost = |judged: &Judged, profile: &Profile| {
        judged.counts().costs.iter().find(|cost| cost.profile == profile.name).cloned()
    };
    let (before, after) = (judged(from), judged(to));
    let used: BTreeSet<&str> =
        uses(subject).into_iter().map(|id| pipeline.catalogue.feature(id).name.as_str()).collect();
    Moved {
        object: subject.title(),
        source: found.text.name.clone(),
        from: before.outcome().as_str(),
        to: after.outcome().as_str(),
        cost_from: cost(&before, from),
        cost_to: cost(&after, to),
        changed: changes
            .iter()
            .filter(|change| used.contains(change.feature))
            .map(|change| change.feature.to_owned())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_turns_by_how_well_it_works() {
        for (from, to, expected) in [
            (Support::Supported, Support::Ignored, Some(Turn::Worse)),
            (Support::Ignored, Support::Unsupported, Some(Turn::Worse)),
            (Support::Unsupported, Support::Partial, Some(Turn::Better)),
            (Support::Supported, Support::Unverified, Some(Turn::Unsure)),
            (Support::Unverified, Support::Ignored, Some(Turn::Learnt)),
            (Support::Partial, Support::Partial, None),
        ] {
            assert_eq!(Turn::of(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn a_profile_does_not_differ_from_itself_and_turns_around_backwards() {
        let pipeline = Pipeline::built_in().unwrap();
        let [from, to] = ["azure-aci", "nomad"].map(|name| pipeline.profile_named(name).unwrap());
        assert!(changes(&pipeline, from, from, |_, _| true).is_empty());
        let count = |from, to, turn| {
            let changes = changes(&pipeline, from, to, |_, _| true);
            changes.iter().filter(|one| one.turn == turn).count()
        };
        assert_eq!(count(from, to, Turn::Worse), count(to, from, Turn::Better));
        assert_eq!(count(from, to, Turn::Unsure), count(to, from, Turn::Learnt));
    }
}
