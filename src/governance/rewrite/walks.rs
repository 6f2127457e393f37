//! `walk` as OPA evaluates it.
//!
//! `walk(x)` has many values, one after the other: each a path and what is there. The engine goes through them, too, but takes the
//! last argument for what receives them: `[path, value] := walk(x)` asks it for values that are `x`, and there is none. Of
//! `walk(x, _)` it takes all, but not in the argument of a call, where it is given the elements of a list of them. Variables that
//! only such an argument gives a value are lost, which is told.

use serde_json::Value;

use super::Edit;
use crate::governance::syntax::{Syntax, calls, kind_of, list, range_of};

/// What must be put into the text of a module that was parsed.
pub(super) fn walks(module: &Syntax) -> Vec<Edit> {
    let is_own = module.imports.contains_key("walk")
        || module.rules.iter().any(|rule| rule.path.first().is_some_and(|first| first == "walk"));
    let mut edits = Vec::new();
    if !is_own {
        for rule in &module.rules {
            rule.head.iter().chain(&rule.bodies).for_each(|node| visit(node, false, &mut edits));
        }
    }
    edits
}

fn visit(node: &Value, is_argument: bool, edits: &mut Vec<Edit>) {
    match (node, kind_of(node)) {
        (_, Some(("Call", content))) => {
            if is_walk(content)
                && let Some(range) = range_of(content)
            {
                let end = range.end.saturating_sub(1);
                if is_argument {
                    edits.push((range.start..range.start, "[walked | ".to_owned()));
                    edits.push((end..range.end, ", walked)][_]".to_owned()));
                } else {
                    edits.push((end..end, ", _".to_owned()));
                }
            }
            list(content, "params").for_each(|one| visit(one, true, edits));
        }
        // Statements begin anew.
        (Value::Object(members), _) if members.contains_key("stmts") => {
            members.values().for_each(|node| visit(node, false, edits));
        }
        (Value::Array(nodes), _) => {
            for node in nodes {
                visit(node, is_argument, edits);
            }
        }
        (Value::Object(members), _) => {
            members.values().for_each(|node| visit(node, is_argument, edits));
        }
        _ => {}
    }
}

/// Whether it is a call of `walk` that does not say what takes its values.
fn is_walk(call: &Value) -> bool {
    calls(call, "walk") && list(call, "params").count() == 1
}
