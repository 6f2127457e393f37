//! The answer of `check -o json`.

use std::collections::BTreeMap;
use std::mem::forget;

use serde::Serialize;
use serde_json::{Value, json};

use super::Run;
use super::cost;
use super::judge::{Judged, Outcome};
use super::object::{Found, Subject};
use crate::admission::verdict::Verdict;
use crate::bundle::Problem;

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
    verdict: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Value>,
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
    let lines = run.with_cost.then(|| cost::lines(run.pipeline, subject, judged));
    Entry {
        cost: lines.map(|lines| lines.iter().map(cost::Line::report).collect()),
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
fn located(found: &Found, subject: &Subject, verdict: &Verdict) -> Value {
    let mut value = json!(verdict);
    let origin = subject.origin(found);
    let diagnostics =
        value.get_mut("diagnostics").and_then(Value::as_array_mut).into_iter().flatten();
    for (value, diagnostic) in diagnostics.zip(&verdict.diagnostics) {
        let locations: Vec<Value> = diagnostic
            .places
            .iter()
            .filter_map(|place| Some((place, origin?.mark(place)?)))
            .map(|(place, mark)| json!({ "field": place.to_string(), "line": mark.line, "column": mark.column }))
            .collect();
        if let Some(members) = value.as_object_mut() {
            members.insert("locations".to_owned(), Value::Array(locations));
        }
    }
    value
}

fn error(problem: &Problem) -> Value {
    let mut value = json!({ "source": problem.origin, "message": problem.message });
    if let (Some(mark), Some(members)) = (problem.mark, value.as_object_mut()) {
        members.insert("line".to_owned(), json!(mark.line));
        members.insert("column".to_owned(), json!(mark.column));
    }
    value
}
