//! Policies that ask for changes, and mutators: they are granted before anything is judged, and until nothing is left to change.

pub(super) mod other;

use std::sync::Arc;

use serde_json::Value;

use super::govern::Wanted;
use super::{Decision, Shared};
use crate::admission::verdict::{Mode, Verdict};
use crate::admission::{Object, Pipeline, Request, Stage, review};
use crate::change::{Change, Edit};
use crate::diagnostic::{Diagnostic, Severity};
use crate::facts::Facts;
use crate::governance::gatekeeper::subject::{Namespace, Source};
use crate::governance::{Budget, POLICY_ERROR, Policy};
use crate::mutation::{self, Editor};
use crate::placement::Placement;

/// How often policies may react to what they and Loadline have changed.
const ROUNDS: usize = 4;

/// Whether a policy may change this object: a pod that is being made, as with all of Loadline's changes.
pub(super) fn concerns(pipeline: &Pipeline, request: &Request) -> bool {
    request.operation == "CREATE"
        && matches!(request.object, Object::Pod(_))
        && (pipeline.policies.iter().any(Policy::patches) || pipeline.mutators.are_for_pods())
}

/// Decides on a pod that policies may change.
///
/// Loadline's own changes come first, then the mutators', then those of the policies in the order of their names; what they change may lead the
/// pod somewhere else, so both are asked again until neither has anything to add. The validating webhook sees the result and
/// only looks whether it is as the policies want it: a policy whose wish did not come true has failed.
pub(super) fn decide(pipeline: &Pipeline, facts: &Facts, request: &Request) -> Verdict {
    decide_within(pipeline, facts, request, Budget::of(request.time_limit))
}

fn decide_within(pipeline: &Pipeline, facts: &Facts, request: &Request, budget: Budget) -> Verdict {
    let as_sent = |budget| pipeline.decide_with(facts, request, &Shared::within(budget));
    if request.stage == Stage::Validate {
        let patching = pipeline.policies.iter().filter(|policy| policy.patches()).count();
        let verdict = as_sent(budget.before(patching));
        if matches!(verdict.mode, Mode::Audit | Mode::Off) {
            return verdict;
        }
        let failures = unfulfilled(pipeline, facts, request, budget);
        return told(pipeline, facts, request, verdict, failures);
    }
    let sent = pipeline.decide_as_sent(facts, &Request { stage: Stage::Mutate, ..request.clone() });
    if matches!(sent.mode, Mode::Audit | Mode::Off) {
        return as_sent(budget);
    }
    // The object is judged afterwards, unless that is for another request.
    let judging = match request.stage {
        Stage::Mutate => 0,
        Stage::Whole | Stage::Validate => {
            pipeline.policies.len() + pipeline.constraints.iter().count()
        }
    };
    let outcome = Draft::of(pipeline, facts, request).map(|mut draft| {
        let settled = draft.settle(sent.clone(), budget.before(judging));
        (draft, settled)
    });
    match outcome {
        Ok((draft, Ok(()))) => {
            let mut verdict = match request.stage {
                Stage::Mutate => sent.clone(),
                Stage::Whole | Stage::Validate => {
                    let request = Request { stage: Stage::Validate, ..draft.request };
                    decide_within(pipeline, facts, &request, budget)
                }
            };
            // What was found at the start, as that is what came in.
            verdict.placement = sent.placement;
            verdict.changes = draft.changes;
            verdict.patch = draft.patch;
            verdict.conclude()
        }
        // Nothing of what policies ask for is done, and the rest is as ever.
        Ok((_, Err(failures))) => told(pipeline, facts, request, as_sent(budget), failures),
        Err(problem) => {
            let failures = vec![Diagnostic::new(
                Severity::Deny,
                POLICY_ERROR,
                format!("the pod could not be changed as policies ask: {problem}"),
            )];
            told(pipeline, facts, request, as_sent(budget), failures)
        }
    }
}

/// A verdict with more to say.
fn told(
    pipeline: &Pipeline,
    facts: &Facts,
    request: &Request,
    mut verdict: Verdict,
    failures: Vec<Diagnostic>,
) -> Verdict {
    if failures.is_empty() {
        return verdict;
    }
    verdict.diagnostics.extend(failures);
    match Decision::new(pipeline, facts, request, &Shared::default()) {
        Some(decision) => decision.soften(verdict).conclude(),
        None => verdict.conclude(),
    }
}

/// A policy and the operations that it asks for, or its failure.
type Wish<'p> = (&'p Policy, Result<Vec<Value>, Box<Diagnostic>>);

/// What policies ask for, one after the other.
fn wishes<'p>(
    pipeline: &'p Pipeline,
    facts: &Facts,
    request: &Request,
    budget: Budget,
) -> Vec<Wish<'p>> {
    let shared = Shared::default();
    let Some(decision) = Decision::new(pipeline, facts, request, &shared) else {
        return Vec::new();
    };
    let placement =
        Placement::predict(facts, &pipeline.profiles, decision.pod, decision.namespace_labels());
    let profiles = decision.names(&placement);
    let subject = decision.subject(&placement, &profiles);
    let concerned: Vec<&Policy> = pipeline
        .policies
        .iter()
        .filter(|policy| policy.patches() && policy.concerns(&subject))
        .collect();
    if concerned.is_empty() {
        return Vec::new();
    }
    let wanted = Wanted::by(concerned.iter().copied());
    let editor = Editor::new(decision.pod.clone());
    let input = decision.input(&placement, &editor, &profiles, wanted);
    let waiting = (0..concerned.len()).rev();
    concerned
        .into_iter()
        .zip(waiting)
        .map(|(policy, waiting)| match &input {
            Ok(input) => (policy, policy.patch(input, budget, waiting)),
            Err(problem) => (policy, Err(Box::new(policy.unfit_patch(problem)))),
        })
        .collect()
}

/// The policies whose wishes have not come true, as policy errors.
fn unfulfilled(
    pipeline: &Pipeline,
    facts: &Facts,
    request: &Request,
    budget: Budget,
) -> Vec<Diagnostic> {
    let wishes = wishes(pipeline, facts, request, budget);
    if wishes.is_empty() {
        return Vec::new();
    }
    let draft = match Draft::of(pipeline, facts, request) {
        Ok(draft) => draft,
        Err(problem) => {
            return wishes.iter().map(|(policy, _)| policy.unfit_patch(&problem)).collect();
        }
    };
    let judge = |(policy, wish): Wish<'_>| {
        match wish {
        Err(failure) => Some(*failure),
        Ok(operations) => match mutation::amend(&mut draft.object.clone(), &operations) {
            Ok(effective) if effective.is_empty() => None,
            Ok(_) => Some(policy.unfit_patch(
                "it would change the pod once more; either it never comes to rest, or something has undone what it did",
            )),
            Err(problem) => Some(policy.unfit_patch(&problem)),
        },
    }
    };
    wishes.into_iter().filter_map(judge).collect()
}

/// A pod that is being changed, and the request as it would be with that pod.
struct Draft<'a> {
    pipeline: &'a Pipeline,
    facts: &'a Facts,
    review: Value,
    object: Value,
    request: Request,
    changes: Vec<Change>,
    patch: Vec<json_patch::PatchOperation>,
}

impl<'a> Draft<'a> {
    fn of(pipeline: &'a Pipeline, facts: &'a Facts, request: &Request) -> Result<Self, String> {
        let mut review: Value =
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        let object = review.pointer_mut("/request/object").map(Value::take);
        Ok(Self {
            pipeline,
            facts,
            review,
            object: object.ok_or("the review has no object")?,
            request: Request { stage: Stage::Mutate, ..request.clone() },
            changes: Vec::new(),
            patch: Vec::new(),
        })
    }

    /// Changes the pod until nobody has anything to add. `own` is what Loadline has to say of it as it is.
    ///
    /// Fails with policy errors where a policy cannot be granted what it asks for, or never comes to rest.
    fn settle(&mut self, mut own: Verdict, budget: Budget) -> Result<(), Vec<Diagnostic>> {
        let mut restless = Vec::new();
        for round in 0..ROUNDS {
            if round > 0 {
                own = self.pipeline.decide_as_sent(self.facts, &self.request);
            }
            self.grant_own(own.clone());
            let is_mutated = self.grant_mutators()?;
            restless = self.grant_policies(budget)?;
            if restless.is_empty() && !is_mutated {
                return Ok(());
            }
        }
        let problem =
            "it changes again what was changed for it; make it ask only for what is not so yet";
        let mut failures: Vec<Diagnostic> =
            restless.iter().map(|policy| policy.unfit_patch(problem)).collect();
        if failures.is_empty() {
            failures.push(self.unmutated("they change again what was changed for them"));
        }
        Err(failures)
    }

    fn grant_own(&mut self, own: Verdict) {
        if own.patch.is_empty() || mutation::apply(&own.patch, &mut self.object).is_err() {
            return;
        }
        self.changes.extend(own.changes);
        self.patch.extend(own.patch);
        self.renew();
    }

    /// Mutators that could not do what they should.
    fn unmutated(&self, problem: &str) -> Diagnostic {
        let what = match self.request.object {
            Object::Pod(_) => "pod",
            _ => &self.request.kind.kind,
        };
        Diagnostic::new(
            Severity::Deny,
            POLICY_ERROR,
            format!("the mutators could not change the {what}: {problem}"),
        )
        .because("what is not changed as it should be is not what its owners think it is")
    }

    /// Lets the mutators change the object. Gives whether they had something to change.
    fn grant_mutators(&mut self) -> Result<bool, Vec<Diagnostic>> {
        let name = self.request.namespace.as_str();
        let known = self.facts.namespace(name);
        let namespace = known.map(|known| Namespace { name, labels: &known.labels });
        let operation = Some(self.request.operation.as_str());
        let mutators = &self.pipeline.mutators;
        let mutated = match mutators.settle(&self.object, namespace, operation, Source::Original) {
            Ok(Some(mutated)) => mutated,
            Ok(None) => return Ok(false),
            Err(problem) => return Err(vec![self.unmutated(&problem)]),
        };
        let effective = mutation::amend(&mut self.object, &mutated.operations)
            .map_err(|problem| vec![self.unmutated(&problem)])?;
        if effective.is_empty() {
            return Ok(false);
        }
        let places = effective.iter().map(|one| one.path().to_string()).collect();
        let reason = format!("mutators `{}`", mutated.by.join("`, `"));
        self.changes.push(Change { edit: Edit::Amend(places), reason });
        self.patch.extend(effective);
        self.renew();
        Ok(true)
    }

    /// Gives the policies that had something to change.
    fn grant_policies(&mut self, budget: Budget) -> Result<Vec<&'a Policy>, Vec<Diagnostic>> {
        let mut granted = Vec::new();
        let mut failures = Vec::new();
        for (policy, wish) in wishes(self.pipeline, self.facts, &self.request, budget) {
            let amended = wish.and_then(|operations| {
                mutation::amend(&mut self.object, &operations)
                    .map_err(|problem| Box::new(policy.unfit_patch(&problem)))
            });
            match amended {
                Ok(effective) if effective.is_empty() => {}
                Ok(effective) => {
                    let places = effective.iter().map(|one| one.path().to_string()).collect();
                    let title = policy.metadata.title.as_deref();
                    let reason = title.map_or_else(
                        || format!("policy `{}`", policy.name),
                        |title| format!("policy `{}`: {title}", policy.name),
                    );
                    self.changes.push(Change { edit: Edit::Amend(places), reason });
                    self.patch.extend(effective);
                    granted.push(policy);
                }
                Err(failure) => failures.push(*failure),
            }
        }
        if !failures.is_empty() {
            return Err(failures);
        }
        if !granted.is_empty() {
            self.renew();
        }
        Ok(granted)
    }

    /// Takes the object as it is now into the request.
    fn renew(&mut self) {
        let mut review = self.review.clone();
        if let Some(place) = review.pointer_mut("/request/object") {
            place.clone_from(&self.object);
        }
        let body: Arc<[u8]> = Arc::from(review.to_string().into_bytes());
        // A review that was read once is read again: only a pod in it has changed.
        if let Ok(fresh) = review::decode(body, &self.pipeline.catalogue) {
            let Request { stage, time_limit, today, .. } = self.request;
            let asked_profile = self.request.asked_profile.take();
            self.request = Request { stage, asked_profile, time_limit, today, ..fresh };
        }
    }
}
