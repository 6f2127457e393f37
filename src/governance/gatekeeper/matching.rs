//! Which objects a constraint is about: [`Match`], with every corner of Gatekeeper's own.
//!
//! The clauses are looked at in Gatekeeper's order, which can be seen from outside: a clause that errs ends the match.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::subject::{Metadata, Source, Subject};
use crate::path::FieldPath;
use crate::selector::Selector;

/// `spec.match` of a constraint. All clauses that are there must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Match {
    kinds: Option<Vec<Kinds>>,
    scope: Option<String>,
    namespaces: Option<Vec<Wildcard>>,
    excluded_namespaces: Option<Vec<Wildcard>>,
    label_selector: Option<Selector>,
    namespace_selector: Option<Selector>,
    name: Option<Wildcard>,
    source: Option<String>,
}

/// Kinds of some groups: both must hold, and what is not said holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Kinds {
    api_groups: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
}

/// A name with a star at its beginning, its end or both; one in the middle is a letter like any other.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Wildcard(String);

/// A kind of object that a constraint names: group and kind, where `*` stands for any.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct NamedKind {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
}

impl Match {
    /// What keeps the match from being what its author meant, with its place.
    ///
    /// Gatekeeper refuses the first three at its API and takes the last one for no restriction at all.
    pub(super) fn problems(&self) -> Vec<(FieldPath, String)> {
        let mut problems = Vec::new();
        for (key, selector) in [
            ("labelSelector", &self.label_selector),
            ("namespaceSelector", &self.namespace_selector),
        ] {
            for (place, problem) in selector.iter().flat_map(Selector::problems) {
                problems.push((FieldPath::keys(key).join(place), problem));
            }
        }
        for (key, patterns) in
            [("namespaces", &self.namespaces), ("excludedNamespaces", &self.excluded_namespaces)]
        {
            for pattern in patterns.iter().flatten().filter(|pattern| !pattern.is_plain()) {
                problems.push((FieldPath::keys(key), pattern.problem()));
            }
        }
        if let Some(pattern) = self.name.as_ref().filter(|pattern| !pattern.is_plain()) {
            problems.push((FieldPath::keys("name"), pattern.problem()));
        }
        if let Some(word) = self.source.as_ref().filter(|word| Source::parse(word).is_none()) {
            let hint = crate::diagnostic::suggest::help(word, Source::ALL);
            problems
                .push((FieldPath::keys("source"), format!("there is no source `{word}`; {hint}")));
        }
        problems
    }

    /// The scope, where it is none that there is: Gatekeeper then matches both.
    pub(super) fn idle_scope(&self) -> Option<&str> {
        self.scope.as_deref().filter(|scope| !matches!(*scope, "" | "*" | "Cluster" | "Namespaced"))
    }

    /// The kinds that are named, every combination; one of stars where none are.
    pub fn named_kinds(&self) -> Vec<NamedKind> {
        let words = |list: &Option<Vec<String>>| match list {
            Some(list) if !list.is_empty() => list.clone(),
            _ => vec!["*".to_owned()],
        };
        let mut named: Vec<NamedKind> = Vec::new();
        for entry in self.kinds.iter().flatten() {
            for group in words(&entry.api_groups) {
                for kind in words(&entry.kinds) {
                    named.push(NamedKind { group: group.clone(), kind });
                }
            }
        }
        if named.is_empty() {
            named.push(NamedKind { group: "*".to_owned(), kind: "*".to_owned() });
        }
        named
    }

    /// Whether objects of that kind can match.
    pub fn may_match(&self, group: &str, kind: &str) -> bool {
        let any = |list: &Option<Vec<String>>, word: &str| {
            list.as_ref().is_none_or(|list| {
                list.is_empty() || list.iter().any(|one| one == word || one == "*")
            })
        };
        match &self.kinds {
            Some(kinds) if !kinds.is_empty() => {
                kinds.iter().any(|one| any(&one.kinds, kind) && any(&one.api_groups, group))
            }
            _ => true,
        }
    }

    /// Whether one of the objects of a review matches.
    ///
    /// Fails with Gatekeeper's text where a clause cannot be decided: the constraint then rejects by itself.
    pub(super) fn matches(&self, subject: &Subject<'_>) -> Result<bool, String> {
        let mut has_object = false;
        for object in [subject.object, subject.old_object].into_iter().flatten() {
            has_object = true;
            let outcome = self.matches_one(object, subject).map_err(|problem| {
                let name = &object.metadata.name;
                format!(
                    "unable to match constraints: error matching the requested object: {name} :failed to run Match criteria: {problem}"
                )
            })?;
            if outcome {
                return Ok(true);
            }
        }
        if has_object {
            return Ok(false);
        }
        Err("unable to match constraints: invalid request object: neither object nor old object are defined".to_owned())
    }

    fn matches_one(&self, object: &Metadata, subject: &Subject<'_>) -> Result<bool, String> {
        let (group, kind) = object.group_and_kind();
        if !self.may_match(group, kind) {
            return Ok(false);
        }
        let is_namespace = object.is_namespace();
        let own_namespace = object.metadata.namespace.as_str();
        let has_namespace = !own_namespace.is_empty() || subject.namespace.is_some();
        let is_in_scope = match self.scope.as_deref() {
            Some("Cluster") => is_namespace || !has_namespace,
            Some("Namespaced") => !is_namespace && has_namespace,
            _ => true,
        };
        // The name of the namespace that counts; nothing for objects that belong to the cluster.
        let namespace = if is_namespace {
            Some(object.metadata.name.as_str())
        } else if let Some(namespace) = subject.namespace {
            Some(namespace.name)
        } else {
            Some(own_namespace).filter(|own| !own.is_empty())
        };
        let listed = |patterns: &Option<Vec<Wildcard>>, otherwise: bool| match (patterns, namespace)
        {
            (Some(patterns), Some(namespace)) if !patterns.is_empty() => {
                patterns.iter().any(|pattern| pattern.matches(namespace))
            }
            _ => otherwise,
        };
        if !is_in_scope
            || !listed(&self.namespaces, true)
            || listed(&self.excluded_namespaces, false)
            || self.label_selector.as_ref().is_some_and(|selector| {
                !selector.selects(|key| object.labels().get(key).map(String::as_str))
            })
        {
            return Ok(false);
        }
        if let Some(selector) = &self.namespace_selector
            && (is_namespace || has_namespace)
        {
            let labels: &BTreeMap<String, String> = match subject.namespace {
                _ if is_namespace => object.labels(),
                Some(namespace) => namespace.labels,
                None => {
                    return Err(
                        "namespace selector for namespace-scoped object but missing Namespace"
                            .to_owned(),
                    );
                }
            };
            if !selector.selects(|key| labels.get(key).map(String::as_str)) {
                return Ok(false);
            }
        }
        let name = self.name.as_ref().filter(|pattern| !pattern.0.is_empty());
        if name.is_some_and(|pattern| {
            !pattern.matches(&object.metadata.name)
                && !pattern.matches_generated(&object.metadata.generate_name)
        }) {
            return Ok(false);
        }
        self.matches_source(object, subject)
    }

    fn matches_source(&self, object: &Metadata, subject: &Subject<'_>) -> Result<bool, String> {
        let Some(word) = self.source.as_deref().filter(|word| !word.is_empty()) else {
            return Ok(true);
        };
        let Some(wanted) = Source::parse(word) else {
            return Err(format!("invalid source field {}", serde_json::Value::from(word)));
        };
        if wanted == Source::All {
            return Ok(true);
        }
        match subject.source {
            Some(source) => Ok(source == wanted),
            None => {
                Err(format!("source field not specified for resource {}", object.metadata.name))
            }
        }
    }
}

impl Wildcard {
    /// Whether it is of the form that Gatekeeper's API takes.
    fn is_plain(&self) -> bool {
        let text = self.0.strip_prefix('*').unwrap_or(&self.0);
        let text = text.strip_suffix('*').unwrap_or(text);
        text.bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b':'))
    }

    fn problem(&self) -> String {
        format!(
            "`{}` is not allowed: a star may stand at the beginning and at the end, between them lower-case letters, digits, `-` and `:`",
            self.0
        )
    }

    pub(super) fn matches(&self, candidate: &str) -> bool {
        let text = self.0.as_str();
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(rest), Some(_)) => candidate.contains(rest.strip_suffix('*').unwrap_or(rest)),
            (Some(suffix), None) => candidate.ends_with(suffix),
            (None, Some(prefix)) => candidate.starts_with(prefix),
            (None, None) => candidate == text,
        }
    }

    /// Of a name that is yet to be made only the beginning is known: an exact name or a suffix never matches.
    fn matches_generated(&self, candidate: &str) -> bool {
        self.0.ends_with('*') && self.matches(candidate)
    }
}

#[cfg(test)]
mod tests;
