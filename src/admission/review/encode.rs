//! A [`Verdict`] to the bytes of an answer.

use base64::Engine as _;
use serde::Serialize;

use super::API_VERSION;
use crate::admission::Stage;
use crate::admission::verdict::{Mode, Verdict};
use crate::cost::Cost;
use crate::diagnostic::{Diagnostic, Severity, render};

/// How many causes a refusal has, but for the one that counts the others.
const MAX_CAUSES: usize = 100;

/// Reason of the cause that counts the others; no code of a diagnostic.
const MORE: &str = "more";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_annotations: Option<AuditAnnotations>,
}

#[derive(Serialize)]
struct Status {
    status: &'static str,
    code: u16,
    reason: &'static str,
    message: String,
    details: Details,
}

#[derive(Serialize)]
struct Details {
    causes: Vec<Cause>,
}

#[derive(Serialize)]
struct Cause {
    reason: String,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    field: String,
}

#[derive(Serialize)]
struct AuditAnnotations {
    /// Codes of the findings, worst first, for those who search the audit log.
    #[serde(skip_serializing_if = "String::is_empty")]
    findings: String,
    placement: String,
    /// What an hour comes to, by profile.
    #[serde(skip_serializing_if = "String::is_empty")]
    cost: String,
    bundle: String,
}

/// Writes the answer to the request of that uid.
///
/// The validating webhook's answer carries no patch: the API server would refuse it.
pub fn encode(uid: &str, stage: Stage, verdict: &Verdict) -> Vec<u8> {
    let patch = (stage != Stage::Validate && !verdict.patch.is_empty())
        .then(|| base64::engine::general_purpose::STANDARD.encode(to_json(&verdict.patch)));
    // The mutating webhook leaves the refusal to the validating one, which sees the final object.
    let allowed = verdict.allowed || stage == Stage::Mutate;
    let warnings = match verdict.mode {
        Mode::Audit | Mode::Off => Vec::new(),
        Mode::Enforce | Mode::Warn => render::warnings(&verdict.diagnostics, allowed),
    };
    let is_silent =
        verdict.diagnostics.is_empty() && verdict.changes.is_empty() && verdict.costs.is_empty();
    let answer = Answer {
        api_version: API_VERSION,
        kind: "AdmissionReview",
        response: Response {
            uid,
            allowed,
            status: (!allowed).then(|| refusal(verdict)),
            patch_type: patch.is_some().then_some("JSONPatch"),
            patch,
            warnings,
            audit_annotations: (!is_silent).then(|| audit(verdict)),
        },
    };
    to_json(&answer)
}

fn refusal(verdict: &Verdict) -> Status {
    let denials =
        verdict.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Deny);
    Status {
        status: "Failure",
        code: 403,
        reason: "Forbidden",
        message: render::refusal(denials.clone()),
        details: Details { causes: causes(denials) },
    }
}

/// A cause for each place of each finding, the first one of a finding with everything there is to say of it and the others
/// in short; beyond [`MAX_CAUSES`] one that says how many more there are.
///
/// Findings come before places: what is left out is where else something is, not that it is.
fn causes<'d>(denials: impl Iterator<Item = &'d Diagnostic> + Clone) -> Vec<Cause> {
    let total: usize = denials.clone().map(|one| one.places.len().max(1)).sum();
    // How many places beyond the first one each finding may still name.
    let mut room = MAX_CAUSES.saturating_sub(denials.clone().count());
    let mut causes = Vec::with_capacity(total.min(MAX_CAUSES) + 1);
    for diagnostic in denials.take(MAX_CAUSES) {
        let cause = |message: String, field: String| Cause {
            reason: diagnostic.code.to_string(),
            message,
            field,
        };
        let first = diagnostic.place().map(ToString::to_string).unwrap_or_default();
        causes.push(cause(render::sentence(diagnostic), first));
        let others = diagnostic.places.iter().skip(1).take(room);
        room -= others.len();
        causes.extend(others.map(|place| cause(render::headline(diagnostic), place.to_string())));
    }
    let more = total - causes.len();
    if more > 0 {
        let message =
            format!("{more} more places and findings; see them all with `loadline check`");
        causes.push(Cause { reason: MORE.to_owned(), message, field: String::new() });
    }
    causes
}

fn audit(verdict: &Verdict) -> AuditAnnotations {
    let mut findings = String::new();
    for diagnostic in &verdict.diagnostics {
        if !findings.is_empty() {
            findings.push(',');
        }
        findings.push_str(diagnostic.severity.as_str());
        findings.push(':');
        findings.push_str(&diagnostic.code);
    }
    let mut placement = verdict.placement.standing.as_str().to_owned();
    for (position, reach) in verdict.placement.profiles.iter().enumerate() {
        placement.push(if position == 0 { ':' } else { ',' });
        placement.push_str(&reach.profile);
    }
    let costs: Vec<String> = verdict.costs.iter().map(Cost::brief).collect();
    AuditAnnotations { findings, placement, cost: costs.join("; "), bundle: verdict.bundle.clone() }
}

/// Our own types serialise without fail: their keys are strings and nothing in them can refuse.
fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
