//! The parameters that a policy may read: [`Parameters`].

use std::collections::BTreeSet;

use serde_json::Value;

use super::contract::{ELEMENTS, shown};
use crate::diagnostic::suggest;

/// What is declared of parameters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parameters<'a> {
    /// Those that hold unless others are given.
    pub own: Option<&'a Value>,
    /// Their schema.
    pub schema: Option<&'a Value>,
    /// Whether others than those of the schema may be given, too.
    pub is_loose: bool,
    /// Whether a template declares them.
    pub is_of_template: bool,
}

/// What a schema says of one step into a value.
enum Next<'a> {
    To(&'a Value),
    Open,
    OfList,
    NoMember(Vec<&'a str>),
}

impl<'a> Parameters<'a> {
    /// The names that are declared; nothing where anything may be given.
    pub(super) fn names(&self) -> Option<BTreeSet<&'a str>> {
        let properties = self.schema.and_then(|schema| schema.get("properties"));
        if self.own.is_none() && properties.is_none() {
            return None;
        }
        let members = [self.own, properties].into_iter().flatten();
        Some(
            members
                .filter_map(Value::as_object)
                .flat_map(|members| members.keys())
                .map(String::as_str)
                .collect(),
        )
    }

    /// What is wrong with steps into the parameters, which are shown as `around`: which one, what, and what helps.
    pub(super) fn miss(
        &self,
        around: &str,
        steps: &[Option<String>],
    ) -> Option<(usize, String, String)> {
        let names = self.names()?;
        let first = steps.first()?.as_ref()?;
        let schema = self.schema.filter(|schema| schema.get("properties").is_some());
        let property = schema.and_then(|schema| schema.pointer("/properties")?.get(first));
        if !names.contains(first.as_str()) {
            if self.schema.is_some_and(is_open) {
                return None;
            }
            let near = suggest::nearest(first, names.iter().copied());
            if self.is_loose && near.is_none() {
                return None;
            }
            let owner = if self.is_of_template { "template" } else { "policy" };
            let help = if names.is_empty() {
                "declare it below `custom.parameters`".to_owned()
            } else {
                suggest::help(first, names.iter().copied())
            };
            return Some((0, format!("the {owner} has no parameter `{first}`"), help));
        }
        let mut here = property?;
        for (position, step) in steps.iter().enumerate().skip(1) {
            let place = || {
                let below = shown(steps.get(..position).unwrap_or_default());
                format!("{around}{}", below.trim_start_matches("input"))
            };
            let name = step.as_deref().unwrap_or_default();
            match next(here, step.as_deref()) {
                Next::To(value) => here = value,
                Next::Open => return None,
                Next::OfList => {
                    let message = format!("`{}` is a list and has no member `{name}`", place());
                    return Some((position, message, ELEMENTS.to_owned()));
                }
                Next::NoMember(known) => {
                    let near = suggest::nearest(name, known.iter().copied());
                    if known.is_empty() || (self.is_loose && near.is_none()) {
                        return None;
                    }
                    let message = format!("by its schema `{}` has no member `{name}`", place());
                    return Some((position, message, suggest::help(name, known)));
                }
            }
        }
        None
    }
}

/// Whether a schema allows members that it does not name.
fn is_open(schema: &Value) -> bool {
    let is_kept = |key: &str| schema.get(key).is_some_and(|value| value != &Value::Bool(false));
    is_kept("x-kubernetes-preserve-unknown-fields")
        || is_kept("additionalProperties")
        || ["allOf", "anyOf", "oneOf", "not"].iter().any(|key| schema.get(key).is_some())
}

fn next<'a>(schema: &'a Value, step: Option<&str>) -> Next<'a> {
    let kind = schema.get("type").and_then(Value::as_str);
    let items = schema.get("items").filter(|items| items.is_object());
    match (kind, step) {
        (Some("array"), None) => items.map_or(Next::Open, Next::To),
        (Some("array"), Some(_)) => Next::OfList,
        (Some("object"), Some(name)) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            if let Some(value) = properties.and_then(|properties| properties.get(name)) {
                return Next::To(value);
            }
            match schema.get("additionalProperties").filter(|more| more.is_object()) {
                Some(more) => Next::To(more),
                None if is_open(schema) => Next::Open,
                None => Next::NoMember(
                    properties.into_iter().flat_map(|all| all.keys()).map(String::as_str).collect(),
                ),
            }
        }
        (Some("object"), None) => {
            let more = schema.get("additionalProperties").filter(|more| more.is_object());
            let is_map = schema.get("properties").is_none();
            more.filter(|_| is_map).map_or(Next::Open, Next::To)
        }
        _ => Next::Open,
    }
}
