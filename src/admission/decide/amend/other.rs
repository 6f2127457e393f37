//! Mutators on what is no pod that is being made: they are Gatekeeper's, and change all that the bundle lets them change.
//!
//! Loadline itself changes nothing there, and neither do its policies.

use super::Draft;
use crate::admission::verdict::{Mode, Verdict};
use crate::admission::{Object, Pipeline, Request, Stage};
use crate::diagnostic::{Diagnostic, Severity};
use crate::facts::Facts;
use crate::governance::POLICY_ERROR;

/// Whether mutators may change this object.
pub(in crate::admission::decide) fn concerns(pipeline: &Pipeline, request: &Request) -> bool {
    let is_new_pod = matches!(request.object, Object::Pod(_)) && request.operation == "CREATE";
    let kind = &request.kind;
    !is_new_pod
        && request.stage != Stage::Validate
        && !matches!(request.object, Object::None)
        && pipeline.mutators.may_change(&kind.group, &kind.kind, &request.operation)
}

/// Decides on an object that mutators may change: what there is to say is said of the object as it will be.
pub(in crate::admission::decide) fn decide(
    pipeline: &Pipeline,
    facts: &Facts,
    request: &Request,
) -> Verdict {
    let as_sent = || pipeline.decide_as_sent(facts, request);
    if matches!(pipeline.mode_of(facts, request), Mode::Audit | Mode::Off) {
        return as_sent();
    }
    let outcome = Draft::of(pipeline, facts, request)
        .map_err(|problem| {
            let what = format!("the {} cannot be read: {problem}", request.kind.kind);
            vec![Diagnostic::new(Severity::Deny, POLICY_ERROR, what)]
        })
        .and_then(|mut draft| {
            // What is on its way out must be able to go, whatever a mutator makes of it.
            let is_leaving = draft.object.pointer("/metadata/deletionTimestamp").is_some();
            let is_changed = !is_leaving && draft.grant_mutators()?;
            Ok(is_changed.then_some(draft))
        });
    let verdict = match outcome {
        Ok(None) => return as_sent(),
        Ok(Some(Draft { request: changed, changes, patch, .. })) => {
            let changed = Request { stage: request.stage, ..changed };
            let verdict = pipeline.decide_as_sent(facts, &changed);
            Verdict { changes, patch, ..verdict }
        }
        Err(failures) => {
            let mut verdict = as_sent();
            verdict.diagnostics.extend(failures);
            verdict
        }
    };
    verdict.conclude()
}
