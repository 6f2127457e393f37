//! What a policy says: the members of its results.

use serde_json::Value;

use super::super::syntax::{kind_of, list, range_of, reference};
use super::contract::Contract;
use super::objects::Objects;
use super::reads::{Walk, constant};
use crate::diagnostic::suggest;
use crate::path::{FieldPath, Segment};

/// The members of an element of `deny` and the like.
const SAID: &[&str] = &["msg", "field", "help", "details"];

/// The members of an operation that `patch` asks for.
const ASKED: &[&str] = &["op", "path", "value", "from"];

/// The operations of JSON Patch.
const OPERATIONS: &[&str] = &["add", "copy", "move", "remove", "replace", "test"];

/// Looks at an element of one of the sets that are asked.
pub(super) fn look(walk: &mut Walk<'_>, set: &str, element: &Value) {
    let element = walk.written(element);
    let Some((kind, content)) = kind_of(&element) else { return };
    match (set, kind) {
        ("patch", "Array") => list(content, "items").for_each(|item| look(walk, set, item)),
        ("patch", "Object") => operation(walk, content),
        (_, "Object") => said(walk, content),
        _ => {}
    }
}

/// The members of an object as it is written; nothing where a name is not known.
fn members(content: &Value) -> Option<Vec<(String, &Value, &Value)>> {
    list(content, "fields")
        .map(|field| {
            let (key, value) = (field.get(1)?, field.get(2)?);
            Some((constant(key)?, key, value))
        })
        .collect()
}

/// Tells of names that there are not, and of one that is missing.
fn names(
    walk: &mut Walk<'_>,
    whole: &Value,
    members: &[(String, &Value, &Value)],
    known: &[&str],
    needed: &[&str],
) {
    let lacks = |name: &&&str| members.iter().all(|(member, ..)| member != **name);
    let missing: Vec<&str> = needed.iter().filter(lacks).copied().collect();
    let is_template = !walk.scope.contract.dialect.is_native();
    for (name, key, _) in members.iter().filter(|(name, ..)| !known.contains(&name.as_str())) {
        // Gatekeeper takes no notice of more members.
        if is_template && missing.is_empty() {
            continue;
        }
        let message = format!("a result has no member `{name}`");
        let near = match (name.as_str(), missing.as_slice()) {
            ("message" | "text" | "reason", ["msg"]) => Some("msg"),
            _ => suggest::nearest(name, known.iter().copied()),
        };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => suggest::help(name, known.iter().copied()),
        };
        walk.warn(key, "unknown-result", message, &help);
        if near.is_some_and(|near| missing.contains(&near)) {
            return;
        }
    }
    if let (Some(name), Some(range)) = (missing.first(), range_of(whole)) {
        let message = format!("a result without `{name}` is an error of the policy");
        let help = match *name {
            "msg" => "say in it what is the matter, in one line",
            "op" => "name the operation: `add`, `remove`, `replace`",
            _ => "name the place as a JSON pointer: `/metadata/labels/owner`",
        };
        walk.tell(range.start, "unknown-result", message, help);
    }
}

fn said(walk: &mut Walk<'_>, content: &Value) {
    let Some(members) = members(content) else { return };
    let is_native = walk.scope.contract.dialect.is_native();
    let known = if is_native { SAID } else { &["msg", "details"] };
    names(walk, content, &members, known, &["msg"]);
    let field = members.iter().find(|(name, ..)| name == "field").filter(|_| is_native);
    let Some((.., field)) = field else { return };
    let Some(text) = format_of(&walk.written(field)) else { return };
    let Some(path) = FieldPath::parse(&text) else {
        let message = format!("`{text}` is no path of a field");
        walk.warn(field, "unknown-result", message, "write it like `spec.containers[0].image`");
        return;
    };
    let steps: Vec<Option<&str>> = path
        .segments()
        .iter()
        .map(|segment| match segment {
            Segment::Key(key) if !key.contains('%') => Some(&**key),
            Segment::Key(_) | Segment::Index(_) => None,
        })
        .collect();
    place(walk, field, &text, &steps);
}

fn operation(walk: &mut Walk<'_>, content: &Value) {
    let Some(members) = members(content) else { return };
    names(walk, content, &members, ASKED, &["op", "path"]);
    for (name, _, value) in &members {
        let Some(text) = format_of(&walk.written(value)) else { continue };
        match name.as_str() {
            "op" if !OPERATIONS.contains(&text.as_str()) => {
                let message = format!("there is no operation `{text}`");
                let help = suggest::help(&text, OPERATIONS.iter().copied());
                walk.warn(value, "unknown-result", message, &help);
            }
            "path" | "from" => {
                let Some(pointer) = text.strip_prefix('/') else {
                    let message = format!("`{text}` is no JSON pointer");
                    let help = "write it like `/metadata/labels/owner`";
                    walk.warn(value, "unknown-result", message, help);
                    continue;
                };
                let steps: Vec<String> = pointer
                    .split('/')
                    .map(|step| step.replace("~1", "/").replace("~0", "~"))
                    .collect();
                let is_index = |step: &str| {
                    step == "-" || step.contains('%') || step.bytes().all(|c| c.is_ascii_digit())
                };
                let steps: Vec<Option<&str>> =
                    steps.iter().map(|step| (!is_index(step)).then_some(step.as_str())).collect();
                place(walk, value, &text, &steps);
            }
            _ => {}
        }
    }
}

/// Tells where a place is named that there is not.
fn place(walk: &mut Walk<'_>, node: &Value, text: &str, steps: &[Option<&str>]) {
    if let Some((name, help)) = missed(walk.scope.contract, steps) {
        let message = format!("there is no field `{name}` on the way of `{text}`");
        walk.warn(node, "unknown-result", message, &help);
    }
}

/// The step that leads nowhere, and what helps.
fn missed(contract: &Contract<'_>, steps: &[Option<&str>]) -> Option<(String, String)> {
    // What is found in a workload may be told of there.
    let mut found = contract.objects.miss(steps)?;
    if contract.objects.no_pod().is_none() {
        found = Objects::pods().miss(steps)?;
        if contract.catalogue.has_way(steps.get(..=found.at)?) {
            return None;
        }
    }
    let name = steps.get(found.at).copied().flatten().unwrap_or("[]");
    // Platforms put fields of their own into the templates of their pods.
    found.is_slip(name).then(|| (name.to_owned(), found.help(name)))
}

/// A text as it is written, or the format that it is made with.
fn format_of(node: &Value) -> Option<String> {
    if let Some(("Call", content)) = kind_of(node) {
        let (first, steps) = content.get("fcn").and_then(reference)?;
        let is_format = first == "sprintf" && steps.is_empty();
        return list(content, "params")
            .next()
            .filter(|_| is_format)
            .and_then(constant)
            .map(|format| format.replace("[%d]", "[0]").replace("[%v]", "[0]"));
    }
    constant(node)
}
