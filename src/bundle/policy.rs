//! `AdmissionPolicy` documents: a policy as YAML, with its metadata beside its Rego.

use serde::Deserialize;
use serde_json::Value;

use super::gatekeeper::Located;
use super::read::{Problem, read};
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::governance::gatekeeper::{Synced, template};
use crate::governance::metadata::{Match, Metadata, OnError, RegoVersion};
use crate::governance::{Action, Module, Policy};
use crate::path::FieldPath;

/// The kind of these documents.
pub const KIND: &str = "AdmissionPolicy";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PolicySource {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: Name,
    spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
struct Name {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    rego: String,
    #[serde(default)]
    libs: Vec<String>,
    #[serde(default)]
    rego_version: RegoVersion,
    title: Option<String>,
    description: Option<String>,
    #[serde(default)]
    links: Vec<String>,
    help: Option<String>,
    #[serde(default)]
    r#match: Match,
    parameters: Option<Value>,
    parameters_schema: Option<Value>,
    action: Option<Action>,
    #[serde(default)]
    on_error: OnError,
    #[serde(default)]
    inventory: Vec<Synced>,
}

impl Spec {
    /// What it says of its policy.
    fn declared(&self) -> Metadata {
        Metadata {
            title: self.title.clone(),
            description: self.description.clone(),
            links: self.links.clone(),
            help: self.help.clone(),
            matches: self.r#match.clone(),
            action: self.action,
            parameters: self.parameters.clone(),
            parameters_schema: self.parameters_schema.clone(),
            on_error: self.on_error,
            inventory: self.inventory.clone(),
            is_old_rego: self.rego_version == RegoVersion::V0,
            ..Metadata::default()
        }
    }
}

/// What a document says of the policy in it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The policy's name.
    pub name: String,
    /// Its metadata.
    pub metadata: Metadata,
}

/// Reads what an `AdmissionPolicy` document says of its policy.
///
/// Fails, with the place and what is wrong there, where it is not of that form.
pub fn declared(document: &Value) -> Result<Declared, (FieldPath, String)> {
    let source: PolicySource = serde_path_to_error::deserialize(document).map_err(|error| {
        let place = FieldPath::parse(&error.path().to_string()).unwrap_or_default();
        (place, error.inner().to_string())
    })?;
    Ok(Declared { metadata: source.spec.declared(), name: source.metadata.name })
}

/// Whether an object is such a policy.
pub(super) fn is_policy(located: &Located<'_>) -> bool {
    located.group() == "loadline.dev" && located.kind() == KIND
}

/// The name that such a policy has.
pub(super) fn name<'l>(located: &'l Located<'_>) -> &'l str {
    located.value().pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

/// Reads and compiles a policy. What is wrong with it is added to `problems`, where it stands in the file.
pub(super) fn build(
    located: &Located<'_>,
    parameters: Option<Value>,
    action: Option<Action>,
    problems: &mut Vec<Problem>,
) -> Option<Policy> {
    let origin = located.text.origin.as_str();
    let before = problems.len();
    let item = located.standing_alone();
    let document = item.as_ref().unwrap_or(&located.document);
    let source = read::<PolicySource>(origin, document, problems)?;
    let spec = source.spec;
    let base = FieldPath::keys("spec");
    for (place, message) in spec.r#match.problems(&base.clone().key("match")) {
        problems.push(located.problem(Mistake { place, message }));
    }
    let is_known = source.metadata.name.split('-').all(|word| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    if !is_known {
        problems.push(located.problem(Mistake {
            place: FieldPath::keys("metadata.name"),
            message: format!(
                "`{}` cannot be the name of a policy, which is the code of its findings: lower-case words with `-` between them",
                source.metadata.name
            ),
        }));
    }
    if problems.len() > before {
        return None;
    }
    let metadata = spec.declared();
    let codes: Vec<template::Text> = std::iter::once((spec.rego, base.clone().key("rego")))
        .chain(
            spec.libs
                .into_iter()
                .enumerate()
                .map(|(index, text)| (text, base.clone().key("libs").index(index))),
        )
        .map(|(text, place)| template::Text { text, place })
        .collect();
    let texts: Vec<String> = codes.iter().map(|code| located.in_place(code)).collect();
    let mut modules = texts.iter().map(|text| Module { origin, text });
    let module = modules.next()?;
    let libraries: Vec<Module<'_>> = modules.collect();
    let name = Some(source.metadata.name);
    match Policy::compile_as(name, metadata, module, &libraries, parameters, action) {
        Ok(policy) => Some(policy),
        Err(error) => {
            problems.extend(located.compile_problems(&codes, &error.message));
            None
        }
    }
}

/// The profiles in the match of a policy that there are not: such a policy would never say anything.
pub(super) fn unknown_profiles(policy: &Policy, profiles: &[String]) -> Vec<String> {
    let wanted = policy.metadata.matches.profiles.iter();
    wanted
        .filter(|name| !profiles.contains(name))
        .map(|name| {
            let hint = suggest::help(name, profiles.iter().map(String::as_str));
            format!(
                "policy `{}`: its match names a profile `{name}`, which there is not; {hint}",
                policy.name
            )
        })
        .collect()
}
