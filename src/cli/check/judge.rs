//! Subjects to verdicts, by the very same decision as the webhooks'.

use std::sync::Arc;

use super::FailOn;
use super::object::Subject;
use super::template::Pods;
use crate::admission::verdict::Verdict;
use crate::admission::{Object, Pipeline, Request, Stage, review};
use crate::compat::left_behind;
use crate::diagnostic::{Diagnostic, Severity};
use crate::facts::Facts;
use crate::governance::POLICY_ERROR;
use crate::mutation;

/// What is said of an object.
#[derive(Debug)]
pub struct Judged {
    /// The profile that was asked about, if one was.
    pub profile: Option<String>,
    /// The webhooks' verdict on the object.
    pub verdict: Verdict,
    /// For a workload: the verdict on its pods, with places in the workload.
    pub pods: Option<Verdict>,
}

impl Judged {
    /// The verdict that counts: a workload stands or falls with its pods.
    pub fn counts(&self) -> &Verdict {
        self.pods.as_ref().unwrap_or(&self.verdict)
    }

    /// For each profile that it is headed for: its name, the features that never reach what stands behind it, and how many
    /// features are used in all.
    pub fn left_behind<'p>(
        &self,
        pipeline: &'p Pipeline,
        subject: &Subject,
    ) -> Vec<(&'p str, Vec<&'p str>, usize)> {
        let request = subject.pods.as_ref().map_or(&subject.request, |pods| &pods.request);
        let (Object::Pod(pod) | Object::Workload { pod, .. }) = &request.object else {
            return Vec::new();
        };
        let headed = self.counts().placement.profiles.iter();
        headed
            .filter_map(|one| pipeline.profile_named(&one.profile))
            .map(|profile| {
                let (left, used) = left_behind(profile, pod);
                let names = left.iter().map(|id| pipeline.catalogue.feature(*id).name.as_str());
                (profile.name.as_str(), names.collect(), used)
            })
            .collect()
    }

    /// How it ends.
    pub fn outcome(&self) -> Outcome {
        let verdict = self.counts();
        if !verdict.allowed {
            Outcome::Denied
        } else if verdict.diagnostics.iter().any(|one| one.severity <= Severity::Warn) {
            Outcome::Warned
        } else {
            Outcome::Clean
        }
    }
}

/// How an object fares. Ordered worst first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// It, or its pods, would be refused.
    Denied,
    /// It would be admitted with a warning.
    Warned,
    /// There is nothing to say but notes.
    Clean,
}

impl Outcome {
    /// Whether it makes the exit status 1.
    pub const fn is_finding(self, fail_on: FailOn) -> bool {
        match fail_on {
            FailOn::Deny => matches!(self, Self::Denied),
            FailOn::Warn => matches!(self, Self::Denied | Self::Warned),
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Warned => "warned",
            Self::Clean => "clean",
        }
    }
}

/// Decides on a subject, as if it asked for `profile` when there is one.
pub fn judge(
    pipeline: &Pipeline,
    facts: &Facts,
    subject: &Subject,
    profile: Option<&str>,
) -> Judged {
    let decide = |request: &Request| {
        let Some(profile) = profile else { return pipeline.decide(facts, request) };
        let request = Request { asked_profile: Some(profile.to_owned()), ..request.clone() };
        pipeline.decide(facts, &request)
    };
    let verdict = decide(&subject.request);
    let pods = subject.pods.as_ref().map(|pods| {
        let mut of_pods = in_workload(pods, decide(&pods.request));
        // What a constraint, or a policy that names the kind, says of the workload itself is as binding as what is said of its pods.
        let kind = &subject.request.kind;
        let policy =
            |one: &Diagnostic| pipeline.policies.iter().find(|policy| policy.name == one.code);
        // What is said of the pods needs no second telling; what a policy says of the workload alone, such as its replicas, is
        // warned about when that is applied.
        let is_news = |one: &Diagnostic| {
            let of_pods = &of_pods.diagnostics;
            !of_pods.iter().any(|of_pod| of_pod.code == one.code && of_pod.what == one.what)
        };
        let is_own = |one: &&Diagnostic| {
            one.is_of_constraint()
                || (one.code == POLICY_ERROR && is_news(one))
                || policy(one).is_some_and(|policy| {
                    policy.names_kind(&kind.group, &kind.kind) || is_news(one)
                })
        };
        let own = verdict.diagnostics.iter().filter(is_own);
        let mut own: Vec<Diagnostic> = own.cloned().collect();
        own.retain(|one| !of_pods.diagnostics.contains(one));
        of_pods.diagnostics.extend(own);
        of_pods.diagnostics.sort();
        of_pods.allowed &= verdict.allowed;
        of_pods
    });
    Judged { profile: profile.map(str::to_owned), verdict, pods }
}

/// A verdict on the pods of a workload, with places in the workload.
fn in_workload(pods: &Pods, mut verdict: Verdict) -> Verdict {
    for diagnostic in &mut verdict.diagnostics {
        for place in &mut diagnostic.places {
            *place = pods.in_workload(place);
        }
    }
    verdict
}

/// The answers of `/mutate` and then of `/validate` on the patched object, byte for byte.
///
/// Fails, in a phrase, where a patch of ours does not apply to the object it was made for, which would be a mistake of ours.
pub fn answers(
    pipeline: &Pipeline,
    facts: &Facts,
    subject: &Subject,
    profile: Option<&str>,
) -> Result<[Vec<u8>; 2], String> {
    let staged = |request: &Request, stage| {
        let request =
            Request { stage, asked_profile: profile.map(str::to_owned), ..request.clone() };
        let verdict = pipeline.decide(facts, &request);
        (review::encode(&request.uid, stage, &verdict), verdict)
    };
    let (mutated, verdict) = staged(&subject.request, Stage::Mutate);
    let patched = if verdict.patch.is_empty() {
        None
    } else {
        let mut body: serde_json::Value =
            serde_json::from_slice(&subject.request.body).map_err(|error| error.to_string())?;
        let object =
            body.pointer_mut("/request/object").ok_or("the patched review has no object")?;
        mutation::apply(&verdict.patch, object)
            .map_err(|error| format!("our own patch does not apply: {error}"))?;
        let body = Arc::from(body.to_string().into_bytes());
        let patched =
            review::decode(body, &pipeline.catalogue).map_err(|error| error.to_string())?;
        Some(Request { today: subject.request.today, ..patched })
    };
    let (validated, _) = staged(patched.as_ref().unwrap_or(&subject.request), Stage::Validate);
    Ok([mutated, validated])
}
