//! Why rules hold or do not: [`explain`], for those who write policies.
//!
//! The engine keeps no record of its steps, and takes the expressions of a body in an order of its own. So each body is asked
//! again, piece by piece: for every expression there is a rule made of the body up to there, which stands below the author's
//! text (that keeps its lines) and gives the values of the variables. The first that gives nothing names the expression that
//! failed. Functions are asked with the arguments that they were called with, which a `print` at their beginning records.

mod looks;
mod pieces;

use std::collections::BTreeMap;

use regorus::Value;

use super::deadline::Deadline;
use super::eval::Dialect;
use super::given::{Given, Json};
use super::input::Input;
use super::mode::{Failure, Prints};
use super::unit::{Parsed, Unit};
use super::{Module, POLICY_TIME_LIMIT, PolicyError, eval, rule_path};
use crate::document::Mark;
use pieces::{Body, Piece};

/// How many calls of a function are looked at.
const MAX_CALLS: usize = 8;

/// How many sets of values are shown.
const MAX_VALUES: usize = 3;

/// How long the shown text of one value may be, in characters.
const MAX_SHOWN: usize = 120;

/// What begins a line that records a call.
const RECORD: &str = "\u{1}call";

/// What became of one body of a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace {
    /// The rule's name in its package, with its arguments if it is a function.
    pub rule: String,
    /// Number of its module.
    pub module: usize,
    /// Where the body, or the rule, begins.
    pub mark: Mark,
    /// For a function: the arguments of this call.
    pub call: Option<String>,
    /// How it went.
    pub outcome: Outcome,
}

/// How a body went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The expression could not be evaluated.
    Erred {
        /// Where it stands.
        mark: Mark,
        /// Its text.
        expression: String,
        /// Why.
        message: String,
    },
    /// No values make the expression true, after all before it held.
    Failed {
        /// Where it stands.
        mark: Mark,
        /// Its text.
        expression: String,
        /// The values of the variables before it, a few of them.
        values: Vec<String>,
        /// What it refers to is, or that it is undefined; nothing where the variables have several values.
        looks: Vec<String>,
    },
    /// It held.
    Held {
        /// In how many ways.
        times: usize,
        /// The values of its variables, a few of them.
        values: Vec<String>,
    },
    /// Nobody called it, or a body before it held.
    NotAsked(&'static str),
    /// Its pieces could not be asked.
    Unknown(String),
}

/// What the rules see.
#[derive(Clone, Copy)]
struct Seen<'v> {
    input: &'v Value,
    data: Option<&'v Value>,
}

impl Seen<'_> {
    fn run(self, unit: &Unit, path: &[String]) -> (Result<Value, Failure>, Vec<String>) {
        let deadline = Deadline::after(POLICY_TIME_LIMIT);
        let engine = || Ok(self.input.clone());
        unit.run(&rule_path(path), Some(Given::to_engine(&engine)), self.data, deadline)
    }
}

/// Explains every body of the first of `modules` and of what it needs of the others: those that the rules asked for, or the
/// sets through which the policy speaks, depend on.
///
/// Fails where a module does not compile and where a rule that is asked for is not there.
pub fn explain(
    modules: &[Module<'_>],
    dialect: Dialect,
    asked: &[String],
    input: &Input,
    parameters: &serde_json::Value,
) -> Result<Vec<Trace>, PolicyError> {
    let parsed = Parsed::new(modules, dialect.mode(Prints::Dropped))?;
    let rules = eval::rules(&parsed, asked)?;
    let needed = parsed.analysis.needed(rules.iter().map(|(_, path)| path.clone()));
    let bodies: Vec<Body> = pieces::bodies(&parsed.syntax, &parsed.analysis)
        .into_iter()
        .filter(|body| needed.contains(&body.path))
        .collect();
    let data = input.data().filter(|_| parsed.analysis.reads_data("inventory"));
    let input = input.with_parameters(&Json::from(parameters.clone()));
    let input = input.map_err(|message| PolicyError { message })?;
    let seen = Seen { input: &input, data };
    let calls = calls(modules, dialect, &bodies, &rules, seen);
    let texts = pieces::with_questions(modules, dialect, bodies.iter().enumerate(), &calls);
    let all = compile(modules, dialect, &texts);
    let mut traces = Vec::new();
    let mut held_before = false;
    for (number, body) in bodies.iter().enumerate() {
        // One body that cannot be taken to pieces must not hide the others.
        let alone;
        let unit = if all.is_ok() {
            all.as_ref()
        } else {
            let one = std::iter::once((number, body));
            let texts = pieces::with_questions(modules, dialect, one, &calls);
            alone = compile(modules, dialect, &texts);
            alone.as_ref()
        };
        let outcomes = match unit {
            _ if body.is_else && held_before => {
                vec![(None, Outcome::NotAsked("a definition before it held"))]
            }
            Err(error) => vec![(None, Outcome::Unknown(error.message.clone()))],
            Ok(unit) if !body.is_function => {
                vec![(None, ask(unit, number, body, (0, BTreeMap::new()), seen))]
            }
            Ok(unit) => {
                let calls = calls.get(&number).map(Vec::as_slice).unwrap_or_default();
                let one = |(call, arguments): (usize, &String)| {
                    let inner = arguments.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                    let known = named(body, arguments);
                    (
                        Some(short(inner.unwrap_or(arguments))),
                        ask(unit, number, body, (call, known), seen),
                    )
                };
                match calls.iter().enumerate().map(one).collect::<Vec<_>>() {
                    none if none.is_empty() => vec![(None, Outcome::NotAsked("nobody called it"))],
                    some => some,
                }
            }
        };
        held_before = !body.is_function
            && outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Held { .. }))
            || body.is_else && held_before;
        traces.extend(outcomes.into_iter().map(|(call, outcome)| Trace {
            rule: body.title.clone(),
            module: body.module,
            mark: body.mark,
            call,
            outcome,
        }));
    }
    Ok(traces)
}

fn compile(
    modules: &[Module<'_>],
    dialect: Dialect,
    texts: &[String],
) -> Result<Unit, PolicyError> {
    let asked: Vec<Module<'_>> = modules
        .iter()
        .zip(texts)
        .map(|(module, text)| Module { origin: module.origin, text })
        .collect();
    Parsed::new(&asked, dialect.mode(Prints::Dropped))?.compile(&[])
}

/// The arguments of each call of each function, as the engine prints them, by the number of its body.
fn calls(
    modules: &[Module<'_>],
    dialect: Dialect,
    bodies: &[Body],
    rules: &[(String, Vec<String>)],
    seen: Seen<'_>,
) -> BTreeMap<usize, Vec<String>> {
    let mut calls: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    if !bodies.iter().any(|body| body.is_function) {
        return calls;
    }
    let texts = pieces::with_records(modules, bodies, RECORD);
    let recording: Vec<Module<'_>> = modules
        .iter()
        .zip(&texts)
        .map(|(module, text)| Module { origin: module.origin, text })
        .collect();
    let paths: Vec<String> = rules.iter().map(|(_, path)| rule_path(path)).collect();
    let unit = Parsed::new(&recording, dialect.mode(Prints::Gathered))
        .and_then(|parsed| parsed.compile(&paths));
    let Ok(unit) = unit else {
        return calls;
    };
    for (_, path) in rules {
        let (_, prints) = seen.run(&unit, path);
        for line in prints {
            let Some((_, record)) = line.split_once(RECORD) else { continue };
            let mut parts = record.trim_start().splitn(2, ' ');
            let number = parts.next().and_then(|number| number.parse().ok());
            if let (Some(number), Some(arguments)) = (number, parts.next()) {
                let known: &mut Vec<String> = calls.entry(number).or_default();
                if known.len() < MAX_CALLS && known.iter().all(|one| one != arguments) {
                    known.push(arguments.to_owned());
                }
            }
        }
    }
    calls
}

/// The arguments of a call by name, as far as they have names and can be read.
fn named(body: &Body, arguments: &str) -> BTreeMap<String, Value> {
    let values = Value::from_json_str(arguments).ok();
    let values = values.as_ref().and_then(|values| values.as_array().ok());
    let names = body.arguments.iter().map(|(text, _)| text.clone());
    names.zip(values.into_iter().flat_map(|values| values.iter().cloned())).collect()
}

/// Asks the pieces of a body one after the other, in a call with these arguments.
fn ask(
    unit: &Unit,
    number: usize,
    body: &Body,
    (call, arguments): (usize, BTreeMap<String, Value>),
    seen: Seen<'_>,
) -> Outcome {
    let mut before: Vec<String> = Vec::new();
    // The values of the variables, where there is one way only.
    let mut known = Some(arguments.clone());
    let mut times = 1;
    for (position, piece) in body.pieces.iter().enumerate() {
        let Piece { mark, text, .. } = piece;
        if !piece.is_asked {
            continue;
        }
        let path: Vec<String> = body
            .package
            .iter()
            .cloned()
            .chain([pieces::question(number, position, call)])
            .collect();
        let (value, _) = seen.run(unit, &path);
        match value {
            Ok(Value::Set(ways)) if !ways.is_empty() => {
                times = ways.len();
                before = ways.iter().take(MAX_VALUES).map(shown).collect();
                before.retain(|values| !values.is_empty());
                let way = ways.iter().next().filter(|_| ways.len() == 1);
                known =
                    way.map(members).map(|way| arguments.clone().into_iter().chain(way).collect());
            }
            Ok(_) => {
                let looks = known
                    .map(|known| looks::told(&piece.looks, seen.input, &known))
                    .unwrap_or_default();
                let (mark, expression) = (*mark, text.clone());
                return Outcome::Failed { mark, expression, values: before, looks };
            }
            Err(failure) => {
                let message = failure.to_string();
                // The place is one in the text that was made for asking.
                let message = message.split_once(": ").map_or(message.as_str(), |(_, rest)| rest);
                return Outcome::Erred {
                    mark: *mark,
                    expression: text.clone(),
                    message: message.to_owned(),
                };
            }
        }
    }
    Outcome::Held { times, values: before }
}

/// The members of an object by name.
fn members(value: &Value) -> BTreeMap<String, Value> {
    let Value::Object(members) = value else { return BTreeMap::new() };
    let one = |(key, value): (&Value, &Value)| match key {
        Value::String(name) => Some((name.to_string(), value.clone())),
        _ => None,
    };
    members.iter().filter_map(one).collect()
}

/// `x = 1, y = "a"`.
fn shown(values: &Value) -> String {
    let Value::Object(members) = values else {
        return String::new();
    };
    let one = |(key, value): (&Value, &Value)| {
        let name = match key {
            Value::String(name) => name.to_string(),
            other => other.to_string(),
        };
        let text = match super::value::fits(value, 1 << 16) {
            Some(_) => short(&value.to_string()),
            None => "(large)".to_owned(),
        };
        format!("{name} = {text}")
    };
    members.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
