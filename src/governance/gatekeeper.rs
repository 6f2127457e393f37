//! Gatekeeper's policies, unchanged: templates, constraints, and what they say of a review. [`Constraints`].
//!
//! The contract is Gatekeeper's own: the same matches, the same input, the same messages. Three things differ, on purpose. What goes
//! wrong in a template is confined to its constraints, where Gatekeeper may give up the whole review. A result without `msg` is
//! such a failure, where Gatekeeper drops it in silence. And the code of a template that has both is its Rego; what is written
//! only in CEL is told of and left out.

pub mod constraint;
pub mod expansion;
pub mod matching;
pub mod mutators;
pub mod request;
pub mod settings;
pub mod subject;
pub mod template;

use std::collections::BTreeMap;
use std::sync::Arc;

use bumpalo::Bump;
use serde_json::Value;

use super::builtins::table::is_of_provider;
use super::deadline::{Budget, Deadline};
use super::given::{Given, with_arena};
use super::input::Review;
use super::inventory::Data;
use super::plan;
use crate::diagnostic::{Details, Diagnostic, Severity};
use crate::facts::Inventory;
use constraint::{Action, Constraint, Point};
use expansion::Expansions;
use matching::{NamedKind, Wildcard};
use mutators::Mutators;
use subject::{Metadata, Source, Subject};

/// The group of what Gatekeeper itself is configured with.
pub const CONFIG_GROUP: &str = "config.gatekeeper.sh";

/// The group of what says which objects are to be known.
pub const SYNC_GROUP: &str = "syncset.gatekeeper.sh";

/// Constraints with their templates, in the order in which they speak: by kind, then by name.
#[derive(Debug, Default)]
pub struct Constraints {
    list: Vec<Constraint>,
    excluded: Vec<Wildcard>,
    /// What objects make, to be judged with them.
    pub expansions: Expansions,
    /// Templates that are left out, with their constraints.
    pub left_out: Vec<LeftOut>,
    /// The kinds of objects that templates want to know, with their versions.
    pub synced: Vec<Synced>,
}

/// A template that Loadline cannot run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    /// Its name.
    pub template: String,
    /// What it needs.
    pub needs: Unsupported,
}

/// What a template may need that Loadline does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unsupported {
    /// It is written in CEL only.
    Cel,
    /// It asks providers of external data.
    ExternalData,
}

impl Unsupported {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Cel, Self::ExternalData];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cel => "CEL",
            Self::ExternalData => "external data",
        }
    }

    /// What it is that keeps a template from being compiled, where it is but that.
    pub fn of_message(message: &str) -> Option<Self> {
        is_of_provider(message).then_some(Self::ExternalData)
    }
}

/// A kind of object that is to be in `data.inventory`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synced {
    /// API group.
    #[serde(default)]
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
}

/// A violation of a constraint.
#[derive(Clone, Debug)]
pub struct Violation<'c> {
    /// The constraint.
    pub constraint: &'c Constraint,
    /// What becomes of it.
    pub action: Action,
    /// What the template says, or why it could not.
    pub message: String,
    /// What else it says, an empty object where it says no more.
    pub details: Value,
    /// Whether the template did not say it, because the match or the evaluation failed.
    pub is_failure: bool,
}

/// A review that constraints are held against.
#[derive(Clone, Copy, Debug)]
pub struct Reviewed<'a> {
    /// Where it is enforced.
    pub point: Point,
    /// `CREATE`, `UPDATE`, ...; empty where nobody asked to do anything.
    pub operation: &'a str,
    /// The objects to match.
    pub subject: Subject<'a>,
}

impl Constraints {
    /// Puts constraints together.
    pub fn new(mut list: Vec<Constraint>, synced: Vec<Synced>) -> Self {
        list.sort_by(|left, right| {
            (&left.template.kind, &left.name).cmp(&(&right.template.kind, &right.name))
        });
        Self { list, synced, ..Self::default() }
    }

    /// Leaves out namespaces, named with Gatekeeper's wildcards.
    #[must_use]
    pub fn excluding(mut self, namespaces: Vec<Wildcard>) -> Self {
        self.excluded = namespaces;
        self
    }

    /// All constraints.
    pub fn iter(&self) -> impl Iterator<Item = &Constraint> {
        self.list.iter()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a constraint can be about objects of that kind, and is enforced by the webhook.
    pub fn may_concern(&self, group: &str, kind: &str, operation: &str) -> bool {
        self.candidates(group, kind, operation, Point::Webhook).next().is_some()
            || (!self.is_empty() && operation != "DELETE" && self.expansions.are_for(group, kind))
    }

    /// Whether all that can be about objects of that kind surely ends when its time is up.
    pub fn keep_time(&self, group: &str, kind: &str, operation: &str) -> bool {
        let mut candidates = self.candidates(group, kind, operation, Point::Webhook);
        candidates.all(|(constraint, _)| constraint.template.keeps_time())
            && !self.expansions.are_for(group, kind)
    }

    /// Whether a template of a constraint looks at `data.inventory`.
    pub fn read_inventory(&self) -> bool {
        self.list.iter().any(|constraint| constraint.template.reads_inventory)
    }

    /// The kinds of objects that constraints are about, and the operations that they want to hear of: creations and updates,
    /// unless their templates name others.
    pub fn named_kinds(&self) -> BTreeMap<NamedKind, Vec<String>> {
        let mut named: BTreeMap<NamedKind, Vec<String>> = BTreeMap::new();
        let is_enforced =
            |one: &&Constraint| matches!(one.action(Point::Webhook), Some(Action::Severity(_)));
        for constraint in self.list.iter().filter(is_enforced) {
            let kinds = match &constraint.matches {
                Some(matches) => matches.named_kinds(),
                None => matching::Match::default().named_kinds(),
            };
            let wanted: Vec<&str> = match constraint.template.operations() {
                [] => vec!["CREATE", "UPDATE"],
                some if some.iter().any(|one| one == "*") => {
                    vec!["CREATE", "UPDATE", "DELETE", "CONNECT"]
                }
                some => some.iter().map(String::as_str).collect(),
            };
            for kind in kinds {
                let operations = named.entry(kind).or_default();
                operations.extend(wanted.iter().map(|word| (*word).to_owned()));
                operations.sort();
                operations.dedup();
            }
        }
        // What an object makes is judged when the object is made or changed.
        for kind in self.expansions.kinds().filter(|_| !self.list.is_empty()) {
            let operations = named.entry(kind).or_default();
            operations.extend(["CREATE", "UPDATE"].map(str::to_owned));
            operations.sort();
            operations.dedup();
        }
        named
    }

    /// How many constraints can be about objects of that kind.
    pub fn count_for(&self, group: &str, kind: &str, operation: &str) -> usize {
        self.candidates(group, kind, operation, Point::Webhook).count()
    }

    fn candidates<'c, 'r>(
        &'c self,
        group: &'r str,
        kind: &'r str,
        operation: &'r str,
        point: Point,
    ) -> impl Iterator<Item = (&'c Constraint, Action)> + use<'c, 'r> {
        self.list.iter().filter_map(move |constraint| {
            let matches = constraint.matches.as_ref();
            // Gatekeeper's suites do not look at operations.
            if (point == Point::Webhook && !constraint.template.is_about(operation))
                || matches.is_some_and(|matches| !matches.may_match(group, kind))
            {
                return None;
            }
            let action = constraint.action(point)?;
            // What is not enforced is of interest to nobody but the author of a suite.
            (point == Point::Suite || action != Action::Unknown).then_some((constraint, action))
        })
    }

    /// Holds constraints against a review. `review` makes the document that templates see; it is asked for once, and only when a
    /// constraint matches.
    pub fn review<'c>(
        &'c self,
        reviewed: &Reviewed<'_>,
        review: impl FnOnce() -> Result<Review, String>,
        inventory: &Inventory,
        budget: Budget,
    ) -> Vec<Violation<'c>> {
        let subject = &reviewed.subject;
        let Some(object) = subject.object.or(subject.old_object) else {
            return Vec::new();
        };
        if self.is_excluded(subject) {
            return Vec::new();
        }
        let (group, kind) = object.group_and_kind();
        let mut violations = Vec::new();
        let mut concerned = Vec::new();
        for (constraint, action) in self.candidates(group, kind, reviewed.operation, reviewed.point)
        {
            match constraint.matches.as_ref().map_or(Ok(true), |matches| matches.matches(subject)) {
                Ok(true) => concerned.push((constraint, action)),
                Ok(false) => {}
                Err(problem) => violations.push(Violation::failure(constraint, action, problem)),
            }
        }
        if concerned.is_empty() {
            return violations;
        }
        match review() {
            Ok(review) => {
                with_arena(|arena| {
                    let tree = review
                        .tree(arena)
                        .and_then(|tree| plan::Value::Object(&[]).with(arena, &[("review", tree)]));
                    let seen = Seen { review: &review, tree, arena };
                    let waiting = (0..concerned.len()).rev();
                    for ((constraint, action), waiting) in concerned.into_iter().zip(waiting) {
                        let deadline = budget.share(waiting);
                        violations.extend(constraint.review(action, &seen, inventory, deadline));
                    }
                });
            }
            Err(problem) => {
                let text = format!("the input of the constraint could not be built: {problem}");
                violations.extend(concerned.into_iter().map(|(constraint, action)| {
                    Violation::failure(constraint, action, text.clone())
                }));
            }
        }
        violations
    }

    /// Holds constraints against what an object makes, as mutators change it. Messages begin with the name of the expansion
    /// template.
    ///
    /// Fails where the object cannot be expanded.
    pub fn review_generated<'c>(
        &'c self,
        reviewed: &Reviewed<'_>,
        object: &Value,
        mutators: &Mutators,
        inventory: &Inventory,
        budget: Budget,
    ) -> Result<Vec<Violation<'c>>, String> {
        let mut all = Vec::new();
        let made = self.expansions.expand(object, mutators, reviewed.subject.namespace)?;
        let others = (0..made.len()).rev();
        for (generated, others) in made.into_iter().zip(others) {
            let metadata = Metadata::of(&generated.object).map_err(|error| error.to_string())?;
            let subject = Subject {
                object: Some(&metadata),
                old_object: None,
                source: Some(Source::Generated),
                ..reviewed.subject
            };
            let point = reviewed.point;
            let review =
                || Ok(Review::from(request::of_object(&generated.object)).for_templates(None));
            let found = self.review(
                &Reviewed { point, operation: "", subject },
                review,
                inventory,
                budget.before(others.saturating_mul(self.list.len())),
            );
            all.extend(found.into_iter().map(|violation| Violation {
                action: generated.action.unwrap_or(violation.action),
                message: format!("[Implied by {}] {}", generated.template, violation.message),
                ..violation
            }));
        }
        Ok(all)
    }

    fn is_excluded(&self, subject: &Subject<'_>) -> bool {
        let Some(object) = subject.object.or(subject.old_object) else {
            return false;
        };
        let namespace =
            if object.is_namespace() { &object.metadata.name } else { &object.metadata.namespace };
        !namespace.is_empty() && self.excluded.iter().any(|one| one.matches(namespace))
    }
}

/// A review as templates see it.
struct Seen<'a> {
    review: &'a Review,
    /// The document that holds it, for programs.
    tree: Option<plan::Value<'a>>,
    arena: &'a Bump,
}

impl Constraint {
    fn review<'c>(
        &'c self,
        action: Action,
        seen: &Seen<'_>,
        inventory: &Inventory,
        deadline: Deadline,
    ) -> Vec<Violation<'c>> {
        let tree = self.parameters.as_parameters(seen.tree, seen.arena);
        let engine = || seen.review.with_parameters(&self.parameters);
        let given = Given { tree, engine: &engine };
        let data = self.template.reads_inventory.then(|| Data::of(inventory));
        match self.template.run(given, data.as_deref().map(Data::value), deadline) {
            Ok(said) => said
                .into_iter()
                .map(|said| Violation {
                    constraint: self,
                    action,
                    message: said.message,
                    details: said.details,
                    is_failure: false,
                })
                .collect(),
            Err(problem) => vec![Violation::failure(self, action, problem)],
        }
    }
}

impl<'c> Violation<'c> {
    fn failure(constraint: &'c Constraint, action: Action, message: String) -> Self {
        let details = serde_json::json!({});
        Self { constraint, action, message, details, is_failure: true }
    }

    /// The violation as a finding; nothing where it is not enforced.
    pub fn diagnostic(&self) -> Option<Diagnostic> {
        let Action::Severity(severity) = self.action else {
            return None;
        };
        let mut diagnostic =
            Diagnostic::new(severity, self.constraint.title(), self.message.clone());
        diagnostic.why = match (self.is_failure, &self.constraint.template.description) {
            (true, _) => Some("a constraint that cannot be decided counts as violated".to_owned()),
            (false, description) => description.as_ref().map(|description| {
                format!("template `{}`: {description}", self.constraint.template.kind)
            }),
        };
        diagnostic.help = match severity {
            _ if self.is_failure && self.message.ends_with("missing Namespace") => Some(
                "give the Namespace, too: the constraint selects namespaces by their labels"
                    .to_owned(),
            ),
            Severity::Note => Some("only recorded, as the constraint says `dryrun`".to_owned()),
            Severity::Deny | Severity::Warn => None,
        };
        diagnostic.details = Details::new(self.details.clone());
        Some(diagnostic)
    }
}

/// A template that more than one constraint shares.
pub type SharedTemplate = Arc<template::Template>;
