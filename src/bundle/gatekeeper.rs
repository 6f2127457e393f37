//! Gatekeeper's documents to [`Constraints`]: templates, constraints, and what says which objects are to be known.

mod located;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::read::Problem;
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::governance::gatekeeper::constraint::{CONSTRAINT_GROUP, Constraint, Refusal};
use crate::governance::gatekeeper::expansion::{EXPANSION_GROUP, Expansion, Expansions};
use crate::governance::gatekeeper::mutators::{MUTATION_GROUP, Mutator, Mutators, Scope};
use crate::governance::gatekeeper::settings::{Config, SyncSet};
use crate::governance::gatekeeper::template::{self, TEMPLATE_GROUP, Template, TemplateSource};
use crate::governance::gatekeeper::{
    CONFIG_GROUP, Constraints, LeftOut, SYNC_GROUP, SharedTemplate, Unsupported,
};
use crate::path::FieldPath;

pub use located::Located;

/// A template ready to be used, or what it needs that is not supported.
type Usable = Result<Template, Unsupported>;

/// Reads and compiles a template.
///
/// Fails with every mistake; those in its Rego stand where they stand in the file.
pub fn template(located: &Located<'_>) -> Result<(String, Usable), Vec<Problem>> {
    let source =
        TemplateSource::read(located.value()).map_err(|mistakes| located.problems(mistakes))?;
    let kind = source.kind.clone();
    let codes: Vec<template::Text> = source
        .rego
        .iter()
        .flat_map(|rego| std::iter::once(&rego.module).chain(&rego.libraries))
        .cloned()
        .collect();
    match source.compile(&located.text.origin, |code| located.in_place(code)) {
        Ok(template) => Ok((kind, template.ok_or(Unsupported::Cel))),
        Err(error) => {
            let problems = located.compile_problems(&codes, &error.message);
            let needs = |problem: &Problem| Unsupported::of_message(&problem.message);
            // Where something else is wrong, too, that is told.
            match problems.first().and_then(needs) {
                Some(first) if problems.iter().all(|one| needs(one).is_some()) => {
                    Ok((kind, Err(first)))
                }
                _ => Err(problems),
            }
        }
    }
}

/// Reads a constraint. `notices` takes what is allowed but surely not meant.
///
/// Fails with every mistake, and says whether it is the template's schema that is not met.
pub fn constraint(
    located: &Located<'_>,
    template: &SharedTemplate,
    notices: &mut Vec<Problem>,
) -> Result<Constraint, (bool, Vec<Problem>)> {
    let mut notes = Vec::new();
    let constraint = Constraint::read(located.value(), template, &mut notes);
    notices.extend(located.problems(notes));
    constraint
        .map_err(|Refusal { mistakes, breaks_schema }| (breaks_schema, located.problems(mistakes)))
}

/// Whether objects of that kind are Gatekeeper's and count for something among policies.
pub(super) fn has_effect(group: &str, kind: &str) -> bool {
    match group {
        TEMPLATE_GROUP => kind == "ConstraintTemplate",
        EXPANSION_GROUP => kind == "ExpansionTemplate",
        CONFIG_GROUP => kind == "Config",
        SYNC_GROUP => kind == "SyncSet",
        group => [CONSTRAINT_GROUP, MUTATION_GROUP].contains(&group),
    }
}

/// What was found of Gatekeeper's documents in the texts of policies.
#[derive(Debug, Default)]
pub(super) struct Found<'t> {
    templates: Vec<Located<'t>>,
    constraints: Vec<Located<'t>>,
    mutators: Vec<Located<'t>>,
    expansions: Vec<Located<'t>>,
    settings: Vec<Located<'t>>,
}

impl<'t> Found<'t> {
    /// Keeps an object that is Gatekeeper's. Gives back what is not.
    pub(super) fn sort(
        &mut self,
        located: Located<'t>,
        notices: &mut Vec<Problem>,
    ) -> Option<Located<'t>> {
        match (located.group(), located.kind()) {
            (TEMPLATE_GROUP, "ConstraintTemplate") => self.templates.push(located),
            (CONSTRAINT_GROUP, _) => self.constraints.push(located),
            (EXPANSION_GROUP, "ExpansionTemplate") => self.expansions.push(located),
            (MUTATION_GROUP, _) => self.mutators.push(located),
            (CONFIG_GROUP, "Config") | (SYNC_GROUP, "SyncSet") => self.settings.push(located),
            // Suites are for `loadline policy verify`.
            ("test.gatekeeper.sh", _) => {}
            (group, kind) if group.ends_with("gatekeeper.sh") => {
                let message = format!(
                    "the {kind} `{}` has no effect: Loadline does not know `{group}`",
                    located.name()
                );
                notices.push(located.problem(Mistake { place: FieldPath::keys("kind"), message }));
            }
            _ => return Some(located),
        }
        None
    }

    /// Reads the mutators; what is wrong with them, and what has no effect, is told.
    pub(super) fn mutators(
        &self,
        scope: Scope,
        problems: &mut Vec<Problem>,
        notices: &mut Vec<Problem>,
    ) -> Mutators {
        let mut list: Vec<Mutator> = Vec::new();
        for located in &self.mutators {
            let at = |place: &str, message: String| {
                located.problem(Mistake { place: FieldPath::keys(place), message })
            };
            match Mutator::read(located.value()) {
                Ok(mutator) if list.iter().any(|known| known.title() == mutator.title()) => {
                    let message = format!("there is another {} already", mutator.title());
                    problems.push(at("metadata.name", message));
                }
                Ok(mutator) => {
                    if let Some(why) = mutator.idle_in(scope) {
                        let message =
                            format!("the {} `{}` has no effect: {why}", mutator.kind, mutator.name);
                        notices.push(at("spec", message));
                    }
                    list.push(mutator);
                }
                Err(mistake) => problems.push(located.problem(mistake)),
            }
        }
        let (mut mutators, idle) = Mutators::new(list);
        mutators.scope = scope;
        for located in &self.mutators {
            let title = format!("{}/{}", located.kind(), located.name());
            if idle.contains(&title) {
                let message = format!(
                    "the mutator `{title}` is left out, as another one takes its location for something of another type"
                );
                let place = FieldPath::keys("spec.location");
                notices.push(located.problem(Mistake { place, message }));
            }
        }
        mutators
    }

    /// Compiles the templates and constraints.
    pub(super) fn build(
        self,
        problems: &mut Vec<Problem>,
        notices: &mut Vec<Problem>,
    ) -> Constraints {
        let mut templates: BTreeMap<String, (Option<SharedTemplate>, &Located<'t>)> =
            BTreeMap::new();
        let mut broken: Vec<String> = Vec::new();
        let mut left_out = Vec::new();
        for located in &self.templates {
            match template(located) {
                Ok((kind, template)) => {
                    if let Err(needs) = template {
                        let message = format!(
                            "not supported: {}; the template `{}` is left out, with its constraints",
                            needs.as_str(),
                            located.name()
                        );
                        let place = FieldPath::keys("spec.targets");
                        notices.push(located.problem(Mistake { place, message }));
                        left_out.push(LeftOut { template: located.name().to_owned(), needs });
                    }
                    match templates.get(&kind) {
                        Some((_, first)) if first.value() != located.value() => {
                            let message = format!(
                                "there is another template for `{kind}` already, in {}",
                                first.text.origin
                            );
                            let place = FieldPath::keys("metadata.name");
                            problems.push(located.problem(Mistake { place, message }));
                        }
                        Some(_) => {}
                        None => {
                            templates.insert(kind, (template.ok().map(Arc::new), located));
                        }
                    }
                }
                Err(wrong) => {
                    problems.extend(wrong);
                    let kind = located.value().pointer("/spec/crd/spec/names/kind");
                    broken.extend(kind.and_then(Value::as_str).map(str::to_owned));
                }
            }
        }
        let mut constraints: Vec<Constraint> = Vec::new();
        let mut seen: BTreeMap<(&str, &str), &Located<'t>> = BTreeMap::new();
        for located in &self.constraints {
            let kind = located.kind();
            let Some((template, _)) = templates.get(kind) else {
                // Of constraints whose template is broken there is nothing more to say.
                if !broken.iter().any(|one| one == kind) {
                    let hint = if templates.is_empty() {
                        "there is no template at all".to_owned()
                    } else {
                        suggest::help(kind, templates.keys().map(String::as_str))
                    };
                    let message =
                        format!("there is no template for constraints of kind `{kind}`; {hint}");
                    problems
                        .push(located.problem(Mistake { place: FieldPath::keys("kind"), message }));
                }
                continue;
            };
            let Some(template) = template else {
                continue;
            };
            match seen.get(&(kind, located.name())) {
                Some(first) if first.value() != located.value() => {
                    let message = format!(
                        "there is another {kind} `{}` already, in {}",
                        located.name(),
                        first.text.origin
                    );
                    problems.push(
                        located
                            .problem(Mistake { place: FieldPath::keys("metadata.name"), message }),
                    );
                    continue;
                }
                Some(_) => continue,
                None => seen.insert((kind, located.name()), located),
            };
            match constraint(located, template, notices) {
                Ok(constraint) => constraints.push(constraint),
                Err((_, wrong)) => problems.extend(wrong),
            }
        }
        let mut synced = Vec::new();
        let mut excluded = Vec::new();
        for located in &self.settings {
            if located.kind() == "SyncSet" {
                synced.extend(
                    setting::<SyncSet>(located, problems).into_iter().flat_map(|set| set.spec.gvks),
                );
            } else if let Some(config) = setting::<Config>(located, problems) {
                synced.extend(config.spec.sync.sync_only.clone());
                excluded.extend(config.left_out());
            }
        }
        synced.sort();
        synced.dedup();
        let mut expansions = Vec::new();
        for located in &self.expansions {
            match Expansion::read(located.value()) {
                Ok(expansion) => expansions.push(expansion),
                Err(mistake) => problems.push(located.problem(mistake)),
            }
        }
        let mut constraints = Constraints::new(constraints, synced).excluding(excluded);
        constraints.expansions = Expansions::new(expansions);
        constraints.left_out = left_out;
        constraints
    }
}

fn setting<T: DeserializeOwned>(located: &Located<'_>, problems: &mut Vec<Problem>) -> Option<T> {
    match serde_path_to_error::deserialize(located.value()) {
        Ok(read) => Some(read),
        Err(error) => {
            let place = FieldPath::parse(&error.path().to_string()).unwrap_or_else(FieldPath::root);
            let message = error.inner().to_string();
            problems.push(located.problem(Mistake { place, message }));
            None
        }
    }
}
