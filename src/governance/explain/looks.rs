//! What the references of an expression led to: [`Look`].

use std::collections::BTreeMap;

use regorus::Value as Rego;
use serde_json::Value;

use super::super::syntax::{Step, kind_of, reference};
use super::short;

/// How many of them are told.
const MOST: usize = 3;

/// A reference whose steps are known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Look {
    /// Its first name: `input` or a variable.
    first: String,
    steps: Vec<At>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum At {
    Member(String),
    Element(usize),
}

/// The references in an expression, each up to the first step that only an evaluation knows.
pub(super) fn looks(node: &Value) -> Vec<Look> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &Value, found: &mut Vec<Look>) {
    match (node, kind_of(node)) {
        // Their variables are their own.
        (_, Some(("Every" | "ArrayCompr" | "SetCompr" | "ObjectCompr", _))) => {}
        (_, Some(("Call", content))) => {
            collect(content.get("params").unwrap_or(&Value::Null), found);
        }
        (_, Some(("RefDot" | "RefBrack", content))) => {
            let Some((first, steps)) = reference(node) else {
                collect(content, found);
                return;
            };
            let known = steps.iter().map_while(|step| match step {
                Step::Name(name) => Some(At::Member((*name).to_owned())),
                Step::Dynamic(index) => number(index).map(At::Element),
            });
            let look = Look { first: first.to_owned(), steps: known.collect() };
            if !look.steps.is_empty() && !found.contains(&look) {
                found.push(look);
            }
            for step in &steps {
                if let Step::Dynamic(index) = step {
                    collect(index, found);
                }
            }
        }
        (Value::Array(nodes), _) => nodes.iter().for_each(|node| collect(node, found)),
        (Value::Object(members), _) => members
            .iter()
            // The parts of `every`, which stands in its literal without a node of its own.
            .filter(|_| !members.contains_key("domain"))
            .for_each(|(_, node)| collect(node, found)),
        _ => {}
    }
}

fn number(node: &Value) -> Option<usize> {
    match kind_of(node)? {
        ("Number", content) => content.get("value")?.as_u64()?.try_into().ok(),
        _ => None,
    }
}

/// What the references led to: the first step that leads nowhere, or else the value. `known` are the values of the variables.
pub(super) fn told(looks: &[Look], input: &Rego, known: &BTreeMap<String, Rego>) -> Vec<String> {
    let mut said = Vec::new();
    for look in looks {
        let base = if look.first == "input" { Some(input) } else { known.get(&look.first) };
        let Some(mut here) = base else { continue };
        let mut shown = look.first.clone();
        let mut is_there = true;
        for at in &look.steps {
            let next = match at {
                At::Member(name) => {
                    shown += &member(name);
                    here.as_object().ok().and_then(|all| all.get(&Rego::from(name.as_str())))
                }
                At::Element(index) => {
                    shown += &format!("[{index}]");
                    here.as_array().ok().and_then(|all| all.get(*index))
                }
            };
            let Some(next) = next else {
                is_there = false;
                break;
            };
            here = next;
        }
        let line = if !is_there {
            format!("`{shown}` is undefined")
        } else if super::super::value::fits(here, 1 << 16).is_some() {
            format!("`{shown}` is {}", short(&here.to_string()))
        } else {
            continue;
        };
        if !said.contains(&line) {
            said.push(line);
        }
    }
    // What is missing says more.
    said.sort_by_key(|line| !line.ends_with("undefined"));
    said.truncate(MOST);
    said
}

fn member(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { format!(".{name}") } else { format!("[\"{name}\"]") }
}
