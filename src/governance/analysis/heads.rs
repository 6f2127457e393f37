//! What definitions of rules must have in common: [`check`].

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Finding, name};
use crate::governance::syntax::{Gives, Rule, Syntax, kind_of};

/// What a definition makes of its rule.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Value,
    Set,
    Object,
    Function(usize),
}

/// What is known of the rule at a path so far.
struct Known {
    kind: Kind,
    has_default: bool,
}

/// Finds what OPA refuses about the heads of rules: a rule of two kinds, two defaults of one rule, a default that has to be
/// evaluated, and a rule inside of another one.
pub(super) fn check(modules: &[Syntax]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known: BTreeMap<Vec<String>, Known> = BTreeMap::new();
    let mut tell = |module: usize, syntax: &Syntax, rule: &Rule, message: String| {
        findings.push(Finding { module, mark: syntax.mark(rule.start), message });
    };
    let definitions = || {
        let of =
            |(number, module)| rules(module).map(move |(rule, path)| (number, module, rule, path));
        modules.iter().enumerate().flat_map(of)
    };
    for (number, module, rule, path) in definitions() {
        let Some(kind) = kind(rule) else {
            continue;
        };
        let title = name(&path);
        let one = known.entry(path).or_insert(Known { kind, has_default: false });
        if one.kind != kind {
            let message = format!(
                "`{title}` is {} here, and {} where it is defined first",
                kind.words(),
                one.kind.words()
            );
            tell(number, module, rule, message);
        }
        if rule.is_default {
            if std::mem::replace(&mut one.has_default, true) {
                tell(number, module, rule, format!("`{title}` has a default already"));
            }
            if let Gives::Value(Some(value)) = &rule.gives
                && !is_constant(value)
            {
                let message = format!(
                    "the default of `{title}` must be a constant: it can be neither computed nor looked up"
                );
                tell(number, module, rule, message);
            }
        }
    }
    for (number, module, rule, path) in definitions() {
        let above = (1..path.len()).filter_map(|length| path.get(..length));
        for above in above {
            let Some(outer) = known.get(above) else {
                continue;
            };
            let (inner, outer_name) = (name(&path), name(above));
            let message = match outer.kind {
                // OPA puts them together.
                Kind::Object => format!(
                    "not supported: `{inner}` inside of `{outer_name}`, whose keys are only known when it is evaluated; give one of them another name"
                ),
                _ => format!(
                    "`{inner}` lies inside of `{outer_name}`, which is {}",
                    outer.kind.words()
                ),
            };
            tell(number, module, rule, message);
        }
    }
    findings
}

fn rules(module: &Syntax) -> impl Iterator<Item = (&Rule, Vec<String>)> {
    module
        .rules
        .iter()
        .map(|rule| (rule, module.package.iter().chain(&rule.path).cloned().collect()))
}

fn kind(rule: &Rule) -> Option<Kind> {
    Some(match rule.gives {
        _ if rule.is_function => Kind::Function(rule.arguments.len()),
        Gives::Value(_) => Kind::Value,
        Gives::Element(_) => Kind::Set,
        Gives::Member(..) | Gives::Nested(..) => Kind::Object,
        Gives::Unknown => return None,
    })
}

impl Kind {
    fn words(self) -> String {
        match self {
            Self::Value => "a single value".to_owned(),
            Self::Set => "a set".to_owned(),
            Self::Object => "an object with keys".to_owned(),
            Self::Function(1) => "a function of 1 argument".to_owned(),
            Self::Function(count) => format!("a function of {count} arguments"),
        }
    }
}

/// Whether OPA takes it for the value of a default.
fn is_constant(node: &Value) -> bool {
    match (node, kind_of(node)) {
        // A comprehension keeps its variables for itself.
        (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", _))) => true,
        (
            _,
            Some((
                "Var" | "RefDot" | "RefBrack" | "Call" | "ArithExpr" | "BinExpr" | "BoolExpr"
                | "Membership",
                _,
            )),
        ) => false,
        (_, Some(("Array" | "Set", content))) => content.get("items").is_none_or(is_constant),
        (_, Some(("Object", content))) => content.get("fields").is_none_or(is_constant),
        (Value::Array(nodes), _) => nodes.iter().all(is_constant),
        _ => true,
    }
}

/// Whether the value in the head of a rule is, or has in it, a comprehension.
pub(super) fn computes(rule: &Rule) -> bool {
    fn has_comprehension(node: &Value) -> bool {
        match (node, kind_of(node)) {
            (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", _))) => true,
            (Value::Array(nodes), _) => nodes.iter().any(has_comprehension),
            (Value::Object(members), _) => members.values().any(has_comprehension),
            _ => false,
        }
    }
    matches!(&rule.gives, Gives::Value(Some(value)) if has_comprehension(value))
}
