//! Expressions that mean something else than they seem to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::builtins::re2;
use super::super::syntax::{Step, kind_of, list, range_of, reference};
use super::contract::shown;
use super::reads::{Walk, constant};

/// Looks at a statement.
pub(super) fn look(walk: &mut Walk<'_>, kind: &str, literal: &Value, is_outermost: bool) {
    if kind == "Expr"
        && let Some(("BoolExpr", comparison)) = literal.get("expr").and_then(kind_of)
    {
        differs(walk, comparison, is_outermost);
    }
}

/// The variables that pick elements in a node, comprehensions left out.
fn indexes(node: &Value, found: &mut BTreeSet<String>) {
    match (node, kind_of(node)) {
        (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", _))) => {}
        (_, Some(("RefBrack" | "RefDot", content))) => match reference(node) {
            Some((_, steps)) => {
                for step in steps {
                    if let Step::Dynamic(index) = step
                        && let Some(("Var", content)) = kind_of(index)
                    {
                        found.extend(
                            content.get("value").and_then(Value::as_str).map(str::to_owned),
                        );
                    }
                }
            }
            None => indexes(content, found),
        },
        (Value::Array(nodes), _) => nodes.iter().for_each(|node| indexes(node, found)),
        (Value::Object(members), _) => members.values().for_each(|node| indexes(node, found)),
        _ => {}
    }
}

/// Comparisons that are undefined where the field is missing, so that the rule says nothing; and `!=` on any element.
fn differs(walk: &mut Walk<'_>, comparison: &Value, is_outermost: bool) {
    let op = comparison.get("op").and_then(Value::as_str).unwrap_or_default();
    let sides = [comparison.get("lhs"), comparison.get("rhs")];
    let [Some(left), Some(right)] = sides else { return };
    if op == "Ne" {
        let mut open = BTreeSet::new();
        indexes(left, &mut open);
        indexes(right, &mut open);
        if open.iter().any(|name| name == "_") {
            let message = "`!=` on `[_]` holds as soon as any element differs".to_owned();
            walk.warn(
                comparison,
                "differs-from-any",
                message,
                "write `every one in list { one != value }`, or `not value in list`",
            );
            return;
        }
    }
    if !walk.is_entry || !is_outermost {
        return;
    }
    for (field, value) in [(left, right), (right, left)] {
        let is_false = matches!(kind_of(value), Some(("Bool", content)) if content.get("value") == Some(&Value::Bool(false)));
        // What is missing is as good as empty to whoever asks for what is not.
        let is_constant =
            matches!(kind_of(value), Some(("Bool" | "String" | "RawString" | "Number", _)))
                && constant(value).is_none_or(|text| !text.is_empty());
        let is_risky = (op == "Ne" && is_constant) || (op == "Eq" && is_false);
        if !is_risky || matches!(kind_of(field), Some(("Call", _))) {
            continue;
        }
        let Some(way) = walk.way(field) else { continue };
        let is_of_object = matches!(
            (way.first().and_then(Option::as_deref), way.get(1).and_then(Option::as_deref)),
            (Some("pod"), Some(_)) | (Some("review"), Some("object" | "oldObject"))
        );
        // The last step must be a field, and not an element, which is there if it is looked at.
        // Whoever also asks for the opposite has thought of it.
        let is_settled = range_of(comparison)
            .and_then(|range| walk.scope.module.text.get(range))
            .is_some_and(|text| walk.scope.module.text.contains(&format!("not {text}")));
        if !is_settled && is_of_object && way.len() > 2 && way.last().is_some_and(Option::is_some) {
            let message = format!(
                "where `{}` is missing, this is undefined and the rule says nothing",
                shown(&way)
            );
            let help = if op == "Ne" {
                "write `not x == value`, or give a default: `object.get(parent, \"key\", default)`"
            } else {
                "write `not x`, which holds where it is missing, too"
            };
            walk.warn(comparison, "undefined-if-missing", message, help);
            return;
        }
    }
}

/// Looks at a call.
pub(super) fn call(walk: &mut Walk<'_>, content: &Value) {
    let Some((first, steps)) = content.get("fcn").and_then(reference) else { return };
    let names = steps.iter().filter_map(|step| match step {
        Step::Name(name) => Some(*name),
        Step::Dynamic(_) => None,
    });
    let name = std::iter::once(first).chain(names).collect::<Vec<_>>().join(".");
    let parameters: Vec<&Value> = list(content, "params").collect();
    let is_image = |walk: &Walk<'_>, node: &Value| {
        walk.way(node)
            .is_some_and(|way| way.last().is_some_and(|step| step.as_deref() == Some("image")))
    };
    match (name.as_str(), parameters.as_slice()) {
        // Whoever looks for a tag, a digest or a segment does not mean a registry.
        ("contains", [image, part])
            if is_image(walk, image)
                && !constant(part).is_some_and(|part| part.starts_with([':', '@', '/'])) =>
        {
            let message = "`contains` finds the text anywhere in the name of an image: `evil.example/registry.k8s.io/x` would pass".to_owned();
            walk.warn(content, "image-by-substring", message, "compare registries segment by segment; `loadline policy show allowed-registries` shows how");
        }
        ("startswith", [image, prefix]) if is_image(walk, image) => {
            if let Some(text) = constant(prefix).filter(|text| !text.ends_with(['/', '@'])) {
                let message = format!(
                    "an image may begin with `{text}` and come from somewhere else: `{text}.evil.example/x`"
                );
                walk.warn(content, "image-by-substring", message, "end the prefix with `/`");
            }
        }
        (
            "regex.match"
            | "re_match"
            | "regex.is_valid"
            | "regex.split"
            | "regex.find_n"
            | "regex.find_all_string_submatch_n"
            | "regex.replace"
            | "glob.match",
            all,
        ) => {
            let pattern = if name == "regex.replace" { all.get(1) } else { all.first() };
            let Some(pattern) = pattern else { return };
            if let Some(text) = constant(pattern) {
                let is_asked = matches!(name.as_str(), "regex.is_valid" | "glob.match");
                if let Some(reason) = re2::mistake(&text).filter(|_| !is_asked) {
                    let message = format!("`{name}` cannot use its pattern: {reason}");
                    walk.warn(content, "unusable-pattern", message, "patterns are those of RE2, as in OPA; what a call that fails stands in says nothing");
                }
                return;
            }
            if comes_from_object(walk, pattern) {
                let message = format!(
                    "the pattern of `{name}` is built from the object: its author decides what it matches"
                );
                walk.warn(content, "pattern-from-input", message, "take patterns from the parameters, and compare texts with `==`, `startswith` or `in`");
            }
        }
        _ => {}
    }
}

/// Whether a part of the object goes into an expression.
fn comes_from_object(walk: &Walk<'_>, node: &Value) -> bool {
    let is_of_object = walk.way(node).is_some_and(|way| {
        matches!(way.first().and_then(Option::as_deref), Some("pod" | "review"))
    });
    is_of_object
        || match node {
            Value::Array(nodes) => nodes.iter().any(|node| comes_from_object(walk, node)),
            Value::Object(members) => members.values().any(|node| comes_from_object(walk, node)),
            _ => false,
        }
}
