//! The answer of `check -o json`.

use std::collections::BTreeMap;
use std::mem::forget;

use json_patch::PatchOperation;
use serde::Serialize;
use serde_json::{Value, json};

use super::Run;
use super::cost as costs;
use super::judge::{Judged, Outcome};
use super::object::{Found, Subject};
use crate::admission::verdict::{Heading, Mode, Verdict};
use crate::bundle::Problem;
use crate::change::Change;
use crate::cost::Cost;
use crate::diagnostic::Diagnostic;
use crate::document::Mark;

/// The version of the form. It changes when a reader of the old form would be misled.
pub const VERSION: &str = "loadline.dev/check/v1";

#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    bundle: &'a str,
    results: Vec<Entry<'a>>,
    errors: Vec<Value>,
    skipped: &'a BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exemptions: Vec<Value>,
    summary: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    object: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    /// What it comes to: for a workload what its pods come to.
    outcome: &'static str,
    /// By profile that it is headed for: the features that never reach what stands behind it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    left_behind: BTreeMap<&'a str, Vec<&'a str>>,
    /// With `--cost`: what it comes to on each profile that it is headed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Vec<Value>>,
    verdict: Located<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Located<'a>>,
}

/// A [`Verdict`]: the same members, written as they are.
#[derive(Serialize)]
struct Located<'a> {
    allowed: bool,
    mode: Mode,
    placement: &'a Heading,
    diagnostics: Vec<LocatedDiagnostic<'a>>,
    #[serde(skip_serializing_if = "<[Cost]>::is_empty")]
    costs: &'a [Cost],
    changes: &'a [Change],
    patch: &'a [PatchOperation],
    bundle: &'a str,
}

#[derive(Serialize)]
struct LocatedDiagnostic<'a> {
    #[serde(flatten)]
    diagnostic: &'a Diagnostic,
    locations: Vec<Location>,
}

#[derive(Serialize)]
struct Location {
    field: String,
    line: usize,
    column: usize,
}

/// Writes everything that was found as one JSON object.
pub fn report(run: &Run<'_>, problems: &[Problem]) -> serde_json::Result<String> {
    let results = run.judged.iter().flat_map(|((found, subject), judged)| {
        judged.iter().map(|judged| entry(run, found, subject, judged))
    });
    let mut summary: BTreeMap<&'static str, usize> =
        [Outcome::Denied, Outcome::Warned, Outcome::Clean]
            .map(|outcome| (outcome.as_str(), run.count(outcome)))
            .into();
    summary.insert("objects", run.judged.len());
    let report = Report {
        version: VERSION,
        bundle: &run.pipeline.digest,
        results: results.collect(),
        errors: problems.iter().map(error).collect(),
        skipped: &run.skipped,
        exemptions: run
            .exemptions()
            .map(|(exemption, uses)| {
                json!({
                    "name": exemption.name,
                    "owner": exemption.owner(),
                    "until": exemption.until(),
                    "hasEnded": exemption.has_ended(run.today),
                    "uses": uses,
                })
            })
            .collect(),
        summary,
    };
    let text = serde_json::to_string_pretty(&report);
    // The process is about to end.
    forget(report);
    text
}

fn entry<'a>(
    run: &'a Run<'_>,
    found: &'a Found,
    subject: &'a Subject,
    judged: &'a Judged,
) -> Entry<'a> {
    let left = judged.left_behind(run.pipeline, subject).into_iter();
    let lines = run.with_cost.then(|| costs::lines(run.pipeline, subject, judged));
    Entry {
        cost: lines.map(|lines| lines.iter().map(costs::Line::report).collect()),
        left_behind: left.map(|(name, left, _)| (name, left)).collect(),
        source: &found.text.name,
        line: subject.mark(found).map(|mark| mark.line),
        object: json!({
            "apiVersion": subject.api_version,
            "kind": subject.kind,
            "namespace": subject.namespace,
            "name": subject.name,
        }),
        profile: judged.profile.as_deref(),
        outcome: judged.outcome().as_str(),
        verdict: located(found, subject, &judged.verdict),
        pods: judged.pods.as_ref().map(|verdict| located(found, subject, verdict)),
    }
}

/// A verdict whose diagnostics say where their fields stand in the text.
fn located<'a>(found: &'a Found, subject: &'a Subject, verdict: &'a Verdict) -> Located<'a> {
    let Verdict { allowed, mode, placement, diagnostics, costs, changes, patch, bundle } = verdict;
    let origin = subject.origin(found);
    let diagnostics = diagnostics.iter().map(|diagnostic| {
        let locations = diagnostic.places.iter().filter_map(|place| {
            let Mark { line, column } = origin?.mark(place)?;
            Some(Location { field: place.to_string(), line, column })
        });
        LocatedDiagnostic { diagnostic, locations: locations.collect() }
    });
    Located {
        allowed: *allowed,
        mode: *mode,
        placement,
        diagnostics: diagnostics.collect(),
        costs,
        changes,
        patch,
        bundle,
    }
}

fn error(problem: &Problem) -> Value {
    let mut value = json!({ "source": problem.origin, "message": problem.message });
    if let (Some(mark), Some(members)) = (problem.mark, value.as_object_mut()) {
        members.insert("line".to_owned(), json!(mark.line));
        members.insert("column".to_owned(), json!(mark.column));
    }
    value
}
