//! Governance of every kind of object, as it will be stored: by Gatekeeper's constraints, and by policies that name the kind.
//!
//! Constraints are held to their own contract, not to ours: what a constraint refuses is refused at a workload, too, and at an update
//! that makes nothing worse. Loadline's modes and exemptions hold for them as for everything else.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::Shared;
use super::govern::{Envelope, patched};
use crate::admission::verdict::{Mode, Verdict};
use crate::admission::{Object, Pipeline, Request, Stage};
use crate::diagnostic::{Diagnostic, Severity};
use crate::exemption;
use crate::facts::{Facts, NamespaceFact};
use crate::governance::gatekeeper::constraint::Point;
use crate::governance::gatekeeper::subject::{Metadata, Namespace, Source, Subject};
use crate::governance::gatekeeper::{Reviewed, Violation};
use crate::governance::input::{Input, Review};
use crate::governance::{self, POLICY_ERROR, Policy};
use crate::path::FieldPath;
use crate::placement::Standing;

/// The objects in a request, as text.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Objects<'b> {
    #[serde(borrow)]
    object: Option<&'b RawValue>,
    #[serde(borrow)]
    old_object: Option<&'b RawValue>,
}

impl Pipeline {
    /// Whether a constraint, or a policy that names the kind, can be about objects of that kind.
    pub fn may_concern(&self, group: &str, kind: &str, operation: &str) -> bool {
        self.constraints.may_concern(group, kind, operation)
            || (operation != "DELETE"
                && self.policies.iter().any(|policy| policy.names_kind(group, kind)))
    }

    /// Whether there is anything to say of objects of that kind, or to change in them.
    pub fn is_about(&self, group: &str, kind: &str, operation: &str) -> bool {
        self.may_concern(group, kind, operation) || self.mutators.may_change(group, kind, operation)
    }

    /// Whether a constraint or a policy may look at objects of that kind besides the one that it judges: at all of them in
    /// `data.inventory`; constraints also at whole Namespaces.
    pub fn looks_at(&self, group: &str, kind: &str) -> bool {
        self.constraints.read_inventory()
            || self.policies.iter().any(Policy::reads_inventory)
            || (!self.constraints.is_empty() && (group, kind) == ("", "Namespace"))
    }

    /// Adds what constraints say to the verdict.
    pub(super) fn constrain(
        &self,
        facts: &Facts,
        request: &Request,
        namespace: Option<&NamespaceFact>,
        shared: &Shared,
        verdict: &mut Verdict,
    ) {
        let kind = &request.kind;
        if verdict.mode == Mode::Off
            || request.stage == Stage::Mutate
            || !self.may_concern(&kind.group, &kind.kind, &request.operation)
        {
            return;
        }
        let Ok(Envelope { request: text }) = serde_json::from_slice(&request.body) else {
            return;
        };
        let Ok(objects) = serde_json::from_str::<Objects<'_>>(text.get()) else {
            return;
        };
        // An object without readable metadata never comes from an API server; whatever it is, it is not let through unseen.
        let mut unread = None;
        let mut read = |object: Option<&RawValue>| {
            let read = Metadata::read(object?.get());
            read.map_err(|error| unread = Some(error.to_string())).ok()
        };
        let is_patched = !verdict.patch.is_empty() && matches!(request.object, Object::Pod(_));
        let base = match shared.review.get() {
            Some(review) => Ok(review.clone()),
            None if is_patched => patched(text, &verdict.patch),
            None => Ok(Review::of_text(text)),
        };
        let old_object = read(objects.old_object);
        let object = match base.as_ref().ok().and_then(Review::object) {
            Some(object) if is_patched => Metadata::of(object).ok(),
            _ if request.operation == "DELETE" => read(objects.old_object),
            _ => read(objects.object),
        };
        if let Some(problem) = unread {
            verdict.diagnostics.push(Diagnostic::new(
                Severity::Deny,
                POLICY_ERROR,
                format!("no constraint can be held against the object: its metadata cannot be read: {problem}"),
            ));
            return;
        }
        let Some(any) = object.as_ref().or(old_object.as_ref()) else {
            return;
        };
        // What is on its way out must be able to go: its finalizers are removed by updates.
        if request.operation == "UPDATE" && any.metadata.deletion_timestamp.is_some() {
            return;
        }
        let name = request.namespace.as_str();
        let subject = Subject {
            object: object.as_ref(),
            old_object: old_object.as_ref(),
            namespace: namespace.map(|namespace| Namespace { name, labels: &namespace.labels }),
            source: Some(Source::Original),
        };
        let reviewed = Reviewed { point: Point::Webhook, operation: &request.operation, subject };
        let review = || {
            let review = base.clone()?;
            Ok(match (facts.inventory().namespace(name), namespace) {
                _ if name.is_empty() => review.for_templates(None),
                (Some(namespace), _) => review.for_templates(Some(namespace)),
                (None, Some(known)) => review.for_templates(Some(&stand_in(name, known))),
                (None, None) => review.for_templates(None),
            })
        };
        let labels: Vec<(String, String)> =
            any.labels().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let matched = governance::Subject {
            kind: &kind.kind,
            operation: &request.operation,
            namespace: name,
            standing: Standing::Regular,
            profiles: &[],
            labels: &labels,
            namespace_labels: namespace.map(|namespace| &namespace.labels),
        };
        let concerned: Vec<&Policy> = self
            .policies
            .iter()
            .filter(|policy| policy.concerns_other(&kind.group, &matched))
            .filter(|_| matches!(request.operation.as_str(), "CREATE" | "UPDATE"))
            .collect();
        let budget = shared.budget(request);
        let is_expanded = self.constraints.expansions.are_for(&kind.group, &kind.kind);
        let made = if is_expanded { self.constraints.iter().count() } else { 0 };
        let later = budget.before(made + concerned.len());
        let mut violations = self.constraints.review(&reviewed, review, facts.inventory(), later);
        let mut failed = None;
        if is_expanded
            && let Some(object) = objects.object
            && let Ok(object) = serde_json::from_str(object.get())
        {
            let generated = self.constraints.review_generated(
                &reviewed,
                &object,
                &self.mutators,
                facts.inventory(),
                budget.before(concerned.len()),
            );
            match generated {
                Ok(generated) => violations.extend(generated),
                Err(problem) => failed = Some(problem),
            }
        }
        if let Some(problem) = failed {
            verdict.diagnostics.push(Diagnostic::new(
                Severity::Deny,
                POLICY_ERROR,
                format!("what the object makes cannot be judged: {problem}"),
            ));
        }
        let mut diagnostics: Vec<_> = violations.iter().filter_map(Violation::diagnostic).collect();
        if !concerned.is_empty() {
            match base {
                Ok(review) => {
                    let mut input = of_other(review, request);
                    if concerned.iter().any(|policy| policy.reads_inventory()) {
                        input = input.knowing(facts.inventory());
                    }
                    diagnostics.extend(governance::evaluate(&concerned, &input, budget));
                }
                Err(problem) => diagnostics.push(Diagnostic::new(
                    Severity::Deny,
                    POLICY_ERROR,
                    format!("the input of the policies could not be built: {problem}"),
                )),
            }
        }
        if !self.exemptions.is_empty() {
            let subject =
                exemption::Subject { namespace: name, labels: &labels, today: request.today };
            exemption::apply(&self.exemptions, &subject, &mut diagnostics);
        }
        verdict.diagnostics.extend(diagnostics);
    }
}

/// The same, of a request that nobody has read yet.
pub(super) fn input_of_other(request: &Request) -> Result<Input, String> {
    let body: serde_json::Value =
        serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
    let review = body.get("request").ok_or("the review has no `request`")?;
    Ok(of_other(Review::from(review.clone()), request))
}

/// The document for policies about an object that is no pod.
fn of_other(review: Review, request: &Request) -> Input {
    let root = match &request.object {
        Object::Workload { template, .. } => FieldPath::keys(template),
        // No object has a member without a name: there is no pod.
        Object::None | Object::Other | Object::Pod(_) => FieldPath::root().key(""),
    };
    let placement = json!({ "standing": Standing::Regular.as_str(), "profiles": [] });
    Input::new(review, &root, placement, json!([]), serde_json::Value::Null)
}

/// A Namespace of which only the labels and our own annotations are known.
fn stand_in(name: &str, known: &NamespaceFact) -> serde_json::Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": name, "labels": known.labels, "annotations": known.annotations },
    })
}
