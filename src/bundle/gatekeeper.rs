//! Gatekeeper's documents to [`Constraints`]: templates, constraints, and what says which objects are to be known.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Text;
use super::read::{Problem, reworded};
use crate::diagnostic::suggest;
use crate::document::{Document, Mark, Mistake};
use crate::governance::gatekeeper::constraint::{CONSTRAINT_GROUP, Constraint, Refusal};
use crate::governance::gatekeeper::expansion::{EXPANSION_GROUP, Expansion, Expansions};
use crate::governance::gatekeeper::mutators::{MUTATION_GROUP, Mutator, Mutators, Scope};
use crate::governance::gatekeeper::settings::{Config, SyncSet};
use crate::governance::gatekeeper::template::{self, TEMPLATE_GROUP, Template, TemplateSource};
use crate::governance::gatekeeper::{CONFIG_GROUP, Constraints, SYNC_GROUP, SharedTemplate};
use crate::path::FieldPath;

/// A document, or an item of a list, with the place where it stands.
#[derive(Clone, Debug)]
pub struct Located<'t> {
    /// The text.
    pub text: &'t Text,
    /// The document.
    pub document: Arc<Document>,
    base: FieldPath,
}

impl<'t> Located<'t> {
    /// A whole document.
    pub fn of(text: &'t Text, document: Document) -> Self {
        Self { text, document: Arc::new(document), base: FieldPath::root() }
    }

    /// The object.
    pub fn value(&self) -> &Value {
        self.document.value.pointer(&self.base.to_pointer()).unwrap_or(&Value::Null)
    }

    /// The objects: this one, or the items of a list.
    pub fn objects(self) -> Vec<Self> {
        let is_list = self.kind().ends_with("List");
        let count = self.value().get("items").and_then(Value::as_array).map(Vec::len);
        match count.filter(|_| is_list) {
            None => vec![self],
            Some(count) => (0..count)
                .flat_map(|index| {
                    let base = self.base.clone().key("items").index(index);
                    Self { base, ..self.clone() }.objects()
                })
                .collect(),
        }
    }

    /// Its group, empty for the core group.
    pub fn group(&self) -> &str {
        let version = self.value().get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        self.value().get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.value().pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
    }

    fn mark(&self, place: &FieldPath) -> Option<Mark> {
        self.document.locate(&self.base.clone().join(place.clone()))
    }

    /// A mistake in it.
    pub fn problem(&self, mistake: Mistake) -> Problem {
        Problem {
            origin: self.text.origin.clone(),
            mark: self.mark(&mistake.place),
            message: reworded(&mistake.message),
        }
    }

    fn problems(&self, mistakes: Vec<Mistake>) -> Vec<Problem> {
        mistakes.into_iter().map(|mistake| self.problem(mistake)).collect()
    }

    /// Where the lines of a module stand in the file: how many lines before it, and how many columns to the left of it.
    fn stands(&self, code: &template::Text) -> (usize, usize) {
        let Some(mark) = self.mark(&code.place) else {
            return (0, 0);
        };
        let mut lines = self.text.text.lines().skip(mark.line - 1);
        let opens_block = lines.next().is_some_and(|line| {
            let content = line.split(" #").next().unwrap_or_default().trim_end();
            content.rsplit(' ').next().is_some_and(|last| last.starts_with(['|', '>']))
        });
        if !opens_block {
            return (mark.line - 1, 0);
        }
        let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let first = lines.find(|line| !line.trim().is_empty()).map_or(0, spaces);
        let own = code.text.lines().find(|line| !line.trim().is_empty()).map_or(0, spaces);
        (mark.line, first.saturating_sub(own))
    }
}

impl Located<'_> {
    /// The object as a document of its own, where it is an item of a list.
    pub fn standing_alone(&self) -> Option<Document> {
        (!self.base.segments().is_empty()).then(|| Document::of_value(self.value().clone()))
    }

    /// The text of a module with its lines where they stand in the file.
    pub fn in_place(&self, code: &template::Text) -> String {
        "\n".repeat(self.stands(code).0) + &code.text
    }

    /// What a compiler says of modules, one problem a line, where they stand in the file.
    pub fn compile_problems(&self, codes: &[template::Text], message: &str) -> Vec<Problem> {
        let stands: Vec<(Range<usize>, usize)> = codes
            .iter()
            .map(|code| {
                let (before, indent) = self.stands(code);
                (before + 1..before + 1 + code.text.lines().count(), indent)
            })
            .collect();
        let lines = message.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| in_file(&self.text.origin, line, &stands)).collect()
    }
}

/// Reads and compiles a template; gives nothing where it is written in CEL only.
///
/// Fails with every mistake; those in its Rego stand where they stand in the file.
pub fn template(located: &Located<'_>) -> Result<(String, Option<Template>), Vec<Problem>> {
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
        Ok(template) => Ok((kind, template)),
        Err(error) => Err(located.compile_problems(&codes, &error.message)),
    }
}

/// A line of a compiler, which begins with file, line and column, as a problem with its column in the file.
fn in_file(origin: &str, line: &str, stands: &[(Range<usize>, usize)]) -> Problem {
    let read = || {
        let rest = line.strip_prefix(origin)?.strip_prefix(':')?;
        let (number, rest) = rest.split_once(':')?;
        let (column, message) = rest.split_once(':')?;
        let number = number.parse::<usize>().ok()?;
        let column = column.trim().parse::<usize>().ok()?;
        let indent = stands.iter().find(|(lines, _)| lines.contains(&number));
        let indent = indent.map_or(0, |(_, indent)| *indent);
        Some((Mark { line: number, column: column + indent }, message.trim()))
    };
    if let Some((mark, message)) = read() {
        return Problem {
            origin: origin.to_owned(),
            mark: Some(mark),
            message: message.to_owned(),
        };
    }
    let message = line.strip_prefix(origin).map_or(line, |rest| rest.trim_start_matches(": "));
    Problem { origin: origin.to_owned(), mark: None, message: message.to_owned() }
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
        for located in &self.templates {
            match template(located) {
                Ok((kind, template)) => {
                    if template.is_none() {
                        let message = format!(
                            "not supported: CEL; the template `{}` is left out, with its constraints, as it has no Rego",
                            located.name()
                        );
                        let place = FieldPath::keys("spec.targets");
                        notices.push(located.problem(Mistake { place, message }));
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
                            templates.insert(kind, (template.map(Arc::new), located));
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
