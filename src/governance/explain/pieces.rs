//! The bodies of rules taken to pieces, and the questions that are made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use serde_json::Value;

use super::super::Module;
use super::super::analysis::Analysis;
use super::super::eval::Dialect;
use super::super::syntax::{
    Rule, Step, Syntax, declared, kind_of, list, range_of, reference, variables,
};
use super::looks::{Look, looks};
use crate::document::Mark;

/// A body of a rule.
#[derive(Debug)]
pub(super) struct Body {
    /// Path of the rule below `data`.
    pub path: Vec<String>,
    /// Its package.
    pub package: Vec<String>,
    /// Number of its module.
    pub module: usize,
    /// The rule as its author names it.
    pub title: String,
    /// Where it begins.
    pub mark: Mark,
    pub is_function: bool,
    pub is_else: bool,
    /// The texts of the arguments, and the same as they can be printed.
    pub arguments: Vec<(String, String)>,
    /// Its expressions.
    pub pieces: Vec<Piece>,
    /// The text of all of them.
    query: Range<usize>,
    /// Where the first of them begins.
    first: usize,
}

/// One expression of a body.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where it stands.
    pub mark: Mark,
    /// Its text, in one line.
    pub text: String,
    /// Whether it says anything by itself: `some x` does not.
    pub is_asked: bool,
    /// What it refers to.
    pub looks: Vec<Look>,
    /// As it stands there.
    raw: String,
    /// The variables that have values once it holds.
    names: BTreeSet<String>,
}

/// Every body that can be asked.
pub(super) fn bodies(modules: &[Syntax], analysis: &Analysis) -> Vec<Body> {
    let mut bodies = Vec::new();
    for (number, module) in modules.iter().enumerate() {
        for rule in &module.rules {
            for (position, body) in rule.bodies.iter().enumerate() {
                bodies.extend(body_of(number, module, analysis, rule, position, body));
            }
        }
    }
    bodies
}

fn body_of(
    number: usize,
    module: &Syntax,
    analysis: &Analysis,
    rule: &Rule,
    position: usize,
    body: &Value,
) -> Option<Body> {
    let query = body.get("query")?;
    let statements: Vec<&Value> = list(query, "stmts").collect();
    let range = |node: &Value| Some(quoted(&module.text, range_of(node)?));
    let first = range(statements.first()?)?.start;
    let text = |node: &Value| {
        let (_, content) = kind_of(node)?;
        module.text.get(range(content)?).map(str::to_owned)
    };
    let arguments = rule
        .arguments
        .iter()
        .map(|argument| {
            let text = text(argument)?;
            let mut names = BTreeSet::new();
            variables(argument, &mut names);
            let printed = if names.contains("_") { "null".to_owned() } else { text.clone() };
            Some((text, printed))
        })
        .collect::<Option<Vec<_>>>()?;
    let is_else = position > 0;
    let start = if is_else { range_of(body)?.start } else { rule.start };
    let mut title = rule.path.join(".");
    if rule.is_function {
        let texts: Vec<&str> = arguments.iter().map(|(text, _)| text.as_str()).collect();
        let _ = write!(title, "({})", texts.join(", "));
    }
    let mut known: BTreeSet<String> = module.imports.keys().cloned().collect();
    known.extend(["input", "data", "_"].map(str::to_owned));
    rule.arguments.iter().for_each(|argument| variables(argument, &mut known));
    known.extend(
        analysis
            .rules
            .keys()
            .filter_map(|path| path.strip_prefix(module.package.as_slice())?.first().cloned()),
    );
    Some(Body {
        path: module.package.iter().chain(&rule.path).cloned().collect(),
        package: module.package.clone(),
        module: number,
        title,
        mark: module.mark(start),
        is_function: rule.is_function,
        is_else,
        arguments,
        pieces: pieces(module, query, &statements, &known),
        query: range(query)?,
        first,
    })
}

/// The expressions of a query, in the order of the text: the engine refuses variables that are used before they have values.
fn pieces(
    module: &Syntax,
    query: &Value,
    statements: &[&Value],
    known: &BTreeSet<String>,
) -> Vec<Piece> {
    let all = declared(query, &module.text);
    let is_bare = |statement: &Value| {
        statement.get("literal").and_then(kind_of).is_some_and(|(kind, _)| kind == "SomeVars")
    };
    let made = |statement: &Value| {
        if is_bare(statement) {
            return BTreeSet::new();
        }
        declared(&serde_json::json!({ "stmts": [statement] }), &module.text)
    };
    let mut bound = BTreeSet::new();
    let mut pieces = Vec::new();
    for statement in statements {
        bound.extend(made(statement));
        let mut open = BTreeSet::new();
        if let Some(literal) = statement.get("literal") {
            opened(literal, &mut open);
        }
        bound.extend(open.into_iter().filter(|name| all.contains(name) || !known.contains(name)));
        let Some(range) = range_of(statement).map(|range| quoted(&module.text, range)) else {
            continue;
        };
        let Some(raw) = module.text.get(range.clone()) else { continue };
        pieces.push(Piece {
            mark: module.mark(range.start),
            text: raw.split_whitespace().collect::<Vec<_>>().join(" "),
            is_asked: !is_bare(statement),
            looks: statement.get("literal").map(looks).unwrap_or_default(),
            raw: raw.to_owned(),
            names: bound.clone(),
        });
    }
    pieces
}

/// A range with the quotes of the texts at its ends, which the engine's spans leave out.
fn quoted(text: &str, range: Range<usize>) -> Range<usize> {
    let is_quote = |position: Option<usize>| {
        let byte = position.and_then(|position| text.as_bytes().get(position));
        byte.is_some_and(|byte| matches!(byte, b'"' | b'`'))
    };
    let start = range.start - usize::from(is_quote(range.start.checked_sub(1)));
    let end = range.end + usize::from(is_quote(Some(range.end)));
    start..end
}

/// The names that an expression gives values to without declaring them: `i` in `list[i]`, `x` in `x = 1`.
fn opened(node: &Value, found: &mut BTreeSet<String>) {
    match kind_of(node) {
        Some(("NotExpr" | "Every" | "ArrayCompr" | "SetCompr" | "ObjectCompr" | "SomeVars", _)) => {
        }
        Some(("RefBrack" | "RefDot", _)) => {
            if let Some((_, steps)) = reference(node) {
                for step in steps {
                    match step {
                        Step::Dynamic(index) if matches!(kind_of(index), Some(("Var", _))) => {
                            variables(index, found);
                        }
                        Step::Dynamic(index) => opened(index, found),
                        Step::Name(_) => {}
                    }
                }
            }
        }
        Some(("AssignExpr", content)) => {
            for side in ["lhs", "rhs"].iter().filter_map(|side| content.get(*side)) {
                variables(side, found);
                opened(side, found);
            }
        }
        Some((_, content)) => opened_in(content, found),
        None => opened_in(node, found),
    }
}

fn opened_in(content: &Value, found: &mut BTreeSet<String>) {
    match content {
        Value::Array(nodes) => nodes.iter().for_each(|node| opened(node, found)),
        Value::Object(members) => members.values().for_each(|node| opened(node, found)),
        _ => {}
    }
}

/// The name of the rule that asks a body up to one of its expressions, for one call.
pub(super) fn question(body: usize, piece: usize, call: usize) -> String {
    format!("loadline_question_{body}_{piece}_{call}")
}

/// The texts of modules with the questions below.
pub(super) fn with_questions<'b>(
    modules: &[Module<'_>],
    dialect: Dialect,
    bodies: impl Iterator<Item = (usize, &'b Body)>,
    calls: &BTreeMap<usize, Vec<String>>,
) -> Vec<String> {
    let mut texts: Vec<String> =
        modules.iter().map(|module| format!("{}\n", module.text)).collect();
    let plain = [String::new()];
    for (number, body) in bodies {
        let Some(text) = texts.get_mut(body.module) else { continue };
        let is_old = matches!(dialect, Dialect::GatekeeperV0 | Dialect::NativeV0)
            && !text.contains("import rego.v1");
        let calls: &[String] = match calls.get(&number) {
            Some(calls) => calls,
            None if body.is_function => &[],
            None => &plain,
        };
        for (call, arguments) in calls.iter().enumerate() {
            for (position, piece) in body.pieces.iter().enumerate().filter(|(_, one)| one.is_asked)
            {
                let names: Vec<String> =
                    piece.names.iter().map(|name| format!("\"{name}\": {name}")).collect();
                let element = if names.is_empty() {
                    "null".to_owned()
                } else {
                    format!("{{{}}}", names.join(", "))
                };
                let name = question(number, position, call);
                let _ = if is_old {
                    writeln!(text, "{name}[{element}] {{")
                } else {
                    writeln!(text, "{name} contains {element} if {{")
                };
                if body.is_function {
                    let patterns: Vec<&str> =
                        body.arguments.iter().map(|(text, _)| text.as_str()).collect();
                    let _ = writeln!(text, "[{}] = {arguments}", patterns.join(", "));
                }
                for piece in body.pieces.iter().take(position + 1) {
                    let _ = writeln!(text, "{}", piece.raw);
                }
                text.push_str("}\n");
            }
        }
    }
    texts
}

/// The texts of modules with a record of every call at the beginning of each function.
pub(super) fn with_records(modules: &[Module<'_>], bodies: &[Body], record: &str) -> Vec<String> {
    let mut texts: Vec<String> = modules.iter().map(|module| module.text.to_owned()).collect();
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for (number, body) in bodies.iter().enumerate().filter(|(_, body)| body.is_function) {
        let printed: Vec<&str> = body.arguments.iter().map(|(_, text)| text.as_str()).collect();
        let record = record.replace('\u{1}', "\\u0001");
        let call = format!("print(\"{record} {number}\", [{}]); ", printed.join(", "));
        if body.query.start == body.first {
            edits.push((body.module, body.query.end, " }".to_owned()));
            edits.push((body.module, body.first, format!("{{ {call}")));
        } else {
            edits.push((body.module, body.first, call));
        }
    }
    edits.sort_by_key(|(_, position, _)| std::cmp::Reverse(*position));
    for (module, position, insertion) in edits {
        if let Some(text) = texts.get_mut(module).filter(|text| text.is_char_boundary(position)) {
            text.insert_str(position, &insertion);
        }
    }
    texts
}
