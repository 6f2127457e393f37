//! Policies in documents: Gatekeeper's templates with their constraints, and our own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Files, Loaded, Source, native};
use crate::bundle::{self, POLICY_KIND, Text};
use crate::document::{Document, Mark};
use crate::governance::eval::Dialect;
use crate::governance::gatekeeper::constraint::CONSTRAINT_GROUP;
use crate::governance::lint::Template;
use crate::path::FieldPath;

/// The kind of Gatekeeper's templates.
const TEMPLATE_KIND: &str = "ConstraintTemplate";

/// A constraint, as far as it matters to the author of its template.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// Group and kind of what it is about, `*` for all.
    pub kinds: Vec<(String, String)>,
    /// Its parameters.
    pub parameters: Value,
}

impl Constraint {
    /// Whether it is about objects of that kind.
    pub fn names(&self, group: &str, kind: &str) -> bool {
        let is = |word: &str, asked: &str| word == "*" || word == asked;
        self.kinds.iter().any(|(known, name)| is(known, group) && is(name, kind))
    }
}

/// The policies in documents: templates of Gatekeeper, and our own. Those without Rego are only noted, with their files.
pub(super) fn templates(
    text: &Text,
    without_rego: &mut Vec<(String, String)>,
) -> anyhow::Result<Vec<Loaded>> {
    // Whatever else lies about must not be in the way.
    if ![TEMPLATE_KIND, POLICY_KIND].iter().any(|kind| text.text.contains(kind)) {
        return Ok(Vec::new());
    }
    let documents = Document::parse_all(&text.text).map_err(|error| {
        let place = error.mark.map_or_else(String::new, |mark| format!(":{mark}"));
        anyhow::anyhow!("{}{place}: {}", text.origin, error.message)
    })?;
    let mut loaded: Vec<Loaded> = Vec::new();
    let mut number = 0;
    for document in &documents {
        let kind = document.value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if !matches!(kind, TEMPLATE_KIND | POLICY_KIND) {
            continue;
        }
        let declared = if kind == POLICY_KIND {
            Some(bundle::declared(&document.value).map_err(|(place, message)| {
                let mark =
                    document.locate(&place).map_or_else(String::new, |mark| format!(":{mark}"));
                anyhow::anyhow!("{}{mark}: {message}", text.origin)
            })?)
        } else {
            None
        };
        let target = match declared {
            Some(_) => FieldPath::keys("spec"),
            None => FieldPath::keys("spec.targets").index(0),
        };
        let at = |path: &FieldPath| document.value.pointer(&path.to_pointer());
        let codes = at(&target.clone().key("code")).and_then(Value::as_array);
        let rego = codes
            .into_iter()
            .flatten()
            .position(|code| code.get("engine").and_then(Value::as_str) == Some("Rego"));
        let base = match rego {
            Some(index) => target.key("code").index(index).key("source"),
            None => target,
        };
        let is_new = at(&base.clone().key("version")).and_then(Value::as_str) == Some("v1");
        let dialect = match &declared {
            Some(declared) => native(declared.metadata.is_old_rego),
            None if is_new => Dialect::GatekeeperV1,
            None => Dialect::GatekeeperV0,
        };
        let libraries = at(&base.clone().key("libs")).and_then(Value::as_array).map_or(0, Vec::len);
        let places = std::iter::once(base.clone().key("rego"))
            .chain((0..libraries).map(|index| base.clone().key("libs").index(index)));
        let mut sources = Vec::new();
        for place in places {
            let Some(rego) = at(&place).and_then(Value::as_str) else { continue };
            sources.push(Source {
                origin: format!("{}#{number}", text.origin),
                file: text.origin.clone(),
                text: rego.to_owned(),
                offset: offset(&text.text, document.locate(&place)),
                dialect,
            });
            number += 1;
        }
        if sources.is_empty() {
            let name = document.value.pointer("/metadata/name").and_then(Value::as_str);
            without_rego.push((text.origin.clone(), name.unwrap_or_default().to_owned()));
        } else {
            let template = declared.is_none().then(|| template_of(&document.value));
            let parameters = parameters_of(document);
            loaded.push(Loaded {
                sources,
                declared,
                template,
                constraints: Vec::new(),
                parameters,
            });
        }
    }
    Ok(loaded)
}

/// Where a document declares the parameters of its policy.
fn parameters_of(document: &Document) -> BTreeMap<String, Mark> {
    let places = [
        "spec.crd.spec.validation.openAPIV3Schema.properties",
        "spec.parametersSchema.properties",
        "spec.parameters",
    ];
    let mut found = BTreeMap::new();
    for place in places.map(FieldPath::keys) {
        let members = document.value.pointer(&place.to_pointer()).and_then(Value::as_object);
        for name in members.into_iter().flat_map(|members| members.keys()) {
            found
                .extend(document.locate(&place.clone().key(name)).map(|mark| (name.clone(), mark)));
        }
    }
    found
}

/// The kind of the constraints of a template, and what it says of them.
fn template_of(document: &Value) -> (String, Template) {
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    let schema = document.pointer("/spec/crd/spec/validation/openAPIV3Schema");
    let legacy =
        document.pointer("/spec/crd/spec/validation/legacySchema").and_then(Value::as_bool);
    let is_old = text("/apiVersion").is_none_or(|version| !version.ends_with("/v1"));
    let codes = document.pointer("/spec/targets/0/code").and_then(Value::as_array);
    let is_other = |code: &&Value| code.get("engine").and_then(Value::as_str) != Some("Rego");
    let template = Template {
        other_code: codes.into_iter().flatten().filter(is_other).map(Value::to_string).collect(),
        kinds: Vec::new(),
        schema: schema.filter(|schema| schema.is_object()).cloned(),
        is_loose: legacy.unwrap_or(is_old),
    };
    (text("/spec/crd/spec/names/kind").unwrap_or_default().to_owned(), template)
}

/// Gives the templates the constraints in the same files and folders. What is no YAML is left to others.
pub fn add_constraints(files: &mut Files) {
    let mut constraints: BTreeMap<String, Vec<Constraint>> = BTreeMap::new();
    let is_meant = |text: &&Text| text.text.contains(CONSTRAINT_GROUP);
    for text in files.texts.iter().filter(is_meant) {
        for Document { value, .. } in Document::parse_all(&text.text).unwrap_or_default() {
            let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
            let group = text("/apiVersion").and_then(|version| version.split('/').next());
            if let (Some(CONSTRAINT_GROUP), Some(kind)) = (group, text("/kind")) {
                constraints.entry(kind.to_owned()).or_default().push(Constraint {
                    name: text("/metadata/name").unwrap_or_default().to_owned(),
                    kinds: matched(&value),
                    parameters: value.pointer("/spec/parameters").cloned().unwrap_or_default(),
                });
            }
        }
    }
    for loaded in &mut files.policies {
        let Some((kind, template)) = &mut loaded.template else { continue };
        loaded.constraints = constraints.get(kind).cloned().unwrap_or_default();
        template.kinds = loaded.constraints.iter().flat_map(|one| one.kinds.clone()).collect();
        template.kinds.sort();
        template.kinds.dedup();
    }
}

/// Group and kind of all that a constraint is about.
fn matched(constraint: &Value) -> Vec<(String, String)> {
    let words = |entry: &Value, key: &str| -> Vec<String> {
        let words = entry.get(key).and_then(Value::as_array).into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let entries = constraint.pointer("/spec/match/kinds").and_then(Value::as_array);
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
        return vec![("*".to_owned(), "*".to_owned())];
    };
    let pairs = |entry: &Value| -> Vec<(String, String)> {
        let (groups, kinds) = (words(entry, "apiGroups"), words(entry, "kinds"));
        let all = |group: &String| -> Vec<(String, String)> {
            kinds.iter().map(|kind| (group.clone(), kind.clone())).collect()
        };
        groups.iter().flat_map(all).collect()
    };
    entries.iter().flat_map(pairs).collect()
}

/// What stands before the content of a block scalar whose key or dash is at `mark`.
fn offset(text: &str, mark: Option<Mark>) -> (usize, usize) {
    let Some(mark) = mark else {
        return (0, 0);
    };
    let mut below = text.lines().skip(mark.line.saturating_sub(1));
    let first = below.next().unwrap_or_default().trim_end();
    let is_block = first.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    if !is_block.ends_with(['|', '>']) {
        return (mark.line.saturating_sub(1), mark.column.saturating_sub(1));
    }
    let indent = below
        .find(|line| !line.trim().is_empty())
        .map_or(0, |line| line.len() - line.trim_start().len());
    (mark.line, indent)
}
