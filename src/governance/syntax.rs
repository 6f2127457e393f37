//! What the engine's parser made of modules: [`Syntax`]. The only place that knows the form of its syntax trees.
//!
//! The engine gives them as JSON: one object with one member for each node, named after its kind.

mod lean;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::shape::Lines;
use crate::document::Mark;
use lean::Lean;

/// A module as parsed.
#[derive(Debug)]
pub(super) struct Syntax {
    /// Its text.
    pub text: String,
    /// The lines of its text.
    pub lines: Lines,
    /// Its package, below `data`.
    pub package: Vec<String>,
    /// The imports of data: name in this module, path below `data`.
    pub imports: BTreeMap<String, Vec<String>>,
    /// Whether it imports `input.features`, or `input` under another name.
    pub imports_features: bool,
    /// The same of `input.cost`.
    pub imports_cost: bool,
    /// Whether it imports `input` or a part of it.
    pub imports_input: bool,
    /// Where it imports the keyword `not`, which then means something else: `not f(x.y)` holds where `x.y` is undefined.
    pub imports_not: Option<usize>,
    /// Its rules, in the order of the text.
    pub rules: Vec<Rule>,
}

impl Syntax {
    /// The line and column of a byte.
    pub(super) fn mark(&self, position: usize) -> Mark {
        self.lines.mark(&self.text, position)
    }
}

/// A rule, or one of the definitions of a rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its path in its package, up to the first step that only an evaluation knows.
    pub path: Vec<String>,
    /// Whether it takes arguments.
    pub is_function: bool,
    /// Whether it says what holds where nothing else does.
    pub is_default: bool,
    /// Where its text begins, in bytes.
    pub start: usize,
    /// The patterns of its arguments.
    pub arguments: Vec<Value>,
    /// What its head says besides its name: key and value.
    pub head: Vec<Value>,
    /// What it contributes where it holds.
    pub gives: Gives,
    /// Its bodies, one after the other.
    pub bodies: Vec<Value>,
}

/// What a definition contributes to its rule.
#[derive(Debug)]
pub(super) enum Gives {
    /// The value; `true` where none is written.
    Value(Option<Value>),
    /// An element of a set.
    Element(Value),
    /// A member of an object: key and value, `true` where none is written.
    Member(Value, Option<Value>),
    /// Something deeper inside: the keys on the way there, and what stands at their end.
    Nested(Vec<Value>, Leaf),
    /// Something that is not known here.
    Unknown,
}

/// What stands at the end of keys.
#[derive(Debug)]
pub(super) enum Leaf {
    /// A value; `true` where none is written.
    Value(Option<Value>),
    /// An element of a set.
    Element(Value),
}

/// What a reference begins with, and its steps.
pub(super) type Reference<'n> = (&'n str, Vec<Step<'n>>);

/// A step of a reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step<'n> {
    /// A fixed name: `.name` or `["name"]`.
    Name(&'n str),
    /// Something that only an evaluation knows.
    Dynamic(&'n Value),
}

#[derive(Deserialize)]
struct Parsed {
    source: Source,
    ast: Lean,
}

#[derive(Deserialize)]
struct Source {
    file: String,
    contents: String,
}

/// Reads the syntax trees of all modules of an engine. Fails where they are not of the form known here.
pub(super) fn read(json: &str) -> Result<Vec<Syntax>, String> {
    let modules: Vec<Parsed> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    modules.into_iter().map(|module| module_of(module.source, module.ast.0)).collect()
}

fn module_of(source: Source, mut ast: Value) -> Result<Syntax, String> {
    let unknown = || {
        format!(
            "the engine's syntax tree of `{}` is not of the form that is known here",
            source.file
        )
    };
    let package = ast.pointer("/package/refr").and_then(fixed_path).ok_or_else(unknown)?;
    let mut imports = BTreeMap::new();
    let (mut imports_input, mut imports_features, mut imports_cost) = (false, false, false);
    let mut imports_not = None;
    for import in list(&ast, "imports") {
        let path = import.get("refr").and_then(fixed_path).ok_or_else(unknown)?;
        let (first, path) = path.split_first().ok_or_else(unknown)?;
        if first == "input" {
            imports_input = true;
            imports_features |= path.first().is_none_or(|member| member == "features");
            imports_cost |= path.first().is_none_or(|member| member == "cost");
        }
        if first == "future" && path == ["keywords", "not"] {
            imports_not = start_of(import);
        }
        if first != "data" {
            continue;
        }
        let alias = import.get("as").and_then(|span| text_of(span, &source.contents));
        if let Some(name) = alias.map(str::to_owned).or_else(|| path.last().cloned()) {
            imports.insert(name, path.to_vec());
        }
    }
    let rules = take(&mut ast, "rules").into_iter().map(|rule| rule_of(rule).ok_or_else(unknown));
    let rules = rules.collect::<Result<_, _>>()?;
    Ok(Syntax {
        package,
        imports_input,
        imports_not,
        imports_features,
        imports_cost,
        imports,
        rules,
        lines: Lines::of(&source.contents),
        text: source.contents,
    })
}

/// The elements of a list, taken out of a node.
fn take(node: &mut Value, key: &str) -> Vec<Value> {
    match node.get_mut(key).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn rule_of(mut node: Value) -> Option<Rule> {
    let content = node.as_object_mut().and_then(|members| members.values_mut().next());
    let bodies = content.map(|content| take(content, "bodies")).unwrap_or_default();
    let (kind, rule) = kind_of(&node)?;
    let start = start_of(rule)?;
    if kind == "Default" {
        let arguments: Vec<Value> = list(rule, "args").cloned().collect();
        let path = head_path(rule.get("refr")?)?;
        let value = rule.get("value")?;
        return Some(Rule {
            gives: Gives::Value(Some(value.clone())),
            path,
            is_function: !arguments.is_empty(),
            is_default: true,
            start,
            arguments,
            head: vec![value.clone()],
            bodies: Vec::new(),
        });
    }
    let (kind, head) = kind_of(rule.get("head")?)?;
    let refr = head.get("refr")?;
    let mut said: Vec<Value> =
        ["key", "assign"].iter().filter_map(|key| head.get(*key).cloned()).collect();
    // `p[key] := value`: the steps that only an evaluation knows are part of what the rule says.
    said.extend(reference(refr)?.1.into_iter().filter_map(|step| match step {
        Step::Name(_) => None,
        Step::Dynamic(node) => Some(node.clone()),
    }));
    let arguments: Vec<Value> = list(head, "args").cloned().collect();
    Some(Rule {
        gives: gives(kind, head, refr)?,
        path: head_path(refr)?,
        // Brackets with nothing in them make no function.
        is_function: !arguments.is_empty(),
        is_default: false,
        start,
        arguments,
        head: said,
        bodies,
    })
}

/// The value that a head or a body assigns.
pub(super) fn assigned(node: &Value) -> Option<&Value> {
    node.get("assign")?.get("value")
}

/// What a definition with that head contributes.
fn gives(kind: &str, head: &Value, refr: &Value) -> Option<Gives> {
    let value = || assigned(head).cloned();
    let (_, steps) = reference(refr)?;
    // The names in front are the rule's own.
    let is_dynamic = |step: &&Step<'_>| matches!(step, Step::Dynamic(_));
    let count = steps.len() - steps.iter().take_while(|step| !is_dynamic(step)).count();
    let mut keys = nodes_of(refr, count)?;
    Some(match (kind, head.get("key").filter(|key| !key.is_null()), keys.as_mut_slice()) {
        ("Set", None, _) => Gives::Unknown,
        ("Set", Some(key), []) => Gives::Element(key.clone()),
        ("Set", Some(key), _) => Gives::Nested(keys, Leaf::Element(key.clone())),
        (_, _, []) => Gives::Value(value()),
        (_, _, [key]) => Gives::Member(key.take(), value()),
        _ => Gives::Nested(keys, Leaf::Value(value())),
    })
}

/// The last so many steps of a reference as nodes.
fn nodes_of(refr: &Value, count: usize) -> Option<Vec<Value>> {
    let mut nodes = Vec::new();
    let mut here = refr;
    for _ in 0..count {
        let (kind, content) = kind_of(here)?;
        nodes.push(match kind {
            "RefDot" => content.get("field")?.get(1)?.clone(),
            _ => content.get("index")?.clone(),
        });
        here = content.get("refr")?;
    }
    nodes.reverse();
    Some(nodes)
}

/// The kind of a node and its content.
pub(super) fn kind_of(node: &Value) -> Option<(&str, &Value)> {
    let members = node.as_object()?;
    let (kind, content) = members.iter().next()?;
    (members.len() == 1 && kind.starts_with(|c: char| c.is_ascii_uppercase()))
        .then_some((kind, content))
}

/// The elements of a list, none where there is none.
pub(super) fn list<'n>(node: &'n Value, key: &str) -> impl Iterator<Item = &'n Value> {
    node.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Where the text of a node begins and ends, in bytes.
pub(super) fn range_of(content: &Value) -> Option<std::ops::Range<usize>> {
    let position = |key: &str| content.get("span")?.get(key)?.as_u64()?.try_into().ok();
    Some(position("start")?..position("end")?)
}

fn start_of(content: &Value) -> Option<usize> {
    Some(range_of(content)?.start)
}

/// The text that a span covers.
pub(super) fn text_of<'t>(span: &Value, text: &'t str) -> Option<&'t str> {
    let position = |key: &str| span.get(key)?.as_u64()?.try_into().ok();
    text.get(position("start")?..position("end")?)
}

/// A node as a reference: `a.b[c]`. A name alone is one too.
pub(super) fn reference(node: &Value) -> Option<Reference<'_>> {
    let mut steps = Vec::new();
    let mut here = node;
    loop {
        let (kind, content) = kind_of(here)?;
        match kind {
            "Var" => {
                steps.reverse();
                return Some((content.get("value")?.as_str()?, steps));
            }
            "RefDot" => steps.push(Step::Name(content.get("field")?.get(1)?.as_str()?)),
            "RefBrack" => {
                let index = content.get("index")?;
                steps.push(constant(index).map_or(Step::Dynamic(index), Step::Name));
            }
            _ => return None,
        }
        here = content.get("refr")?;
    }
}

/// A name and its steps as they are written, up to the first step that only an evaluation knows.
pub(super) fn written(first: &str, steps: &[Step<'_>]) -> String {
    std::iter::once(first).chain(fixed(steps)).collect::<Vec<_>>().join(".")
}

/// Whether a call is one of the function of that name.
pub(super) fn calls(call: &Value, name: &str) -> bool {
    let callee = call.get("fcn").and_then(reference);
    callee.is_some_and(|(first, steps)| first == name && steps.is_empty())
}

fn constant(node: &Value) -> Option<&str> {
    let (kind, content) = kind_of(node)?;
    matches!(kind, "String" | "RawString").then(|| content.get("value")?.as_str()).flatten()
}

/// A reference of fixed names only, from its first name on.
fn fixed_path(node: &Value) -> Option<Vec<String>> {
    let (first, steps) = reference(node)?;
    let names = steps.into_iter().map(|step| match step {
        Step::Name(name) => Some(name.to_owned()),
        Step::Dynamic(_) => None,
    });
    std::iter::once(Some(first.to_owned())).chain(names).collect()
}

fn head_path(node: &Value) -> Option<Vec<String>> {
    let (first, steps) = reference(node)?;
    let mut path = vec![first.to_owned()];
    path.extend(fixed(&steps).map(str::to_owned));
    Some(path)
}

/// The names of a reference up to the first step that only an evaluation knows.
pub(super) fn fixed<'n>(steps: &[Step<'n>]) -> impl Iterator<Item = &'n str> {
    steps.iter().map_while(|step| match step {
        Step::Name(name) => Some(*name),
        Step::Dynamic(_) => None,
    })
}

/// The variables that a query makes its own: with `some`, `:=` and the like.
pub(super) fn declared(query: &Value, text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in list(query, "stmts") {
        let Some((kind, literal)) = statement.get("literal").and_then(kind_of) else {
            continue;
        };
        match kind {
            "SomeVars" => {
                names.extend(
                    list(literal, "vars").filter_map(|span| text_of(span, text)).map(str::to_owned),
                );
            }
            "SomeIn" => {
                for pattern in ["key", "value"].iter().filter_map(|key| literal.get(*key)) {
                    variables(pattern, &mut names);
                }
            }
            "Expr" => {
                let Some(("AssignExpr", assignment)) = literal.get("expr").and_then(kind_of) else {
                    continue;
                };
                if assignment.get("op").and_then(Value::as_str) == Some("ColEq")
                    && let Some(pattern) = assignment.get("lhs")
                {
                    variables(pattern, &mut names);
                }
            }
            _ => {}
        }
    }
    names
}

/// The variables of a pattern: `[x, {"k": y}]`.
pub(super) fn variables(pattern: &Value, names: &mut BTreeSet<String>) {
    match kind_of(pattern) {
        Some(("Var", content)) => {
            names.extend(content.get("value").and_then(Value::as_str).map(str::to_owned));
        }
        Some(("Array", content)) => list(content, "items").for_each(|item| variables(item, names)),
        Some(("Object", content)) => {
            list(content, "fields")
                .filter_map(|field| field.get(2))
                .for_each(|value| variables(value, names));
        }
        _ => {}
    }
}
