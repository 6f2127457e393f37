//! Syntax trees to programs: [`compile`].
//!
//! The statements of a body are put in an order in which each finds its variables bound. What has more than one value inside
//! of an expression (`xs[_].y`) becomes a statement of its own in front of it.

mod expressions;
mod names;
mod statements;

use std::collections::BTreeMap;

use serde_json::Value as Node;

use super::program::{Clause, Definition, Expr, Kind, Pattern, Rule, RuleId, Slot};
use super::{Constant, Program};
use crate::governance::rule_path;
use crate::governance::syntax::{self, Gives, Leaf, Syntax, kind_of};
use names::Scope;

/// Why something cannot be compiled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::governance) enum Halt {
    /// A variable is not bound yet: another statement has to come first.
    Unbound,
    /// It is left to the engine; why.
    Foreign(&'static str),
}

/// What it came to.
type Compiled<T> = Result<T, Halt>;

/// The definitions of a rule: in which module, and which of its rules.
type Places = BTreeMap<Vec<String>, Vec<(usize, usize)>>;

/// Compiles rules, named as the engine names them, with all that they need.
///
/// Fails where any of them needs something that only the engine knows how to do.
pub(super) fn compile(modules: &[Syntax], entries: &[String]) -> Compiled<Program> {
    let mut places = Places::new();
    for (number, module) in modules.iter().enumerate() {
        if module.imports_input {
            return Err(Halt::Foreign("an import of the input"));
        }
        for (position, rule) in module.rules.iter().enumerate() {
            let path = module.package.iter().chain(&rule.path).cloned().collect();
            places.entry(path).or_default().push((number, position));
        }
    }
    let mut compiler =
        Compiler { modules, places, ids: BTreeMap::new(), rules: Vec::new(), literals: Vec::new() };
    let paths: Vec<Vec<String>> = compiler.places.keys().cloned().collect();
    let mut named = BTreeMap::new();
    for path in paths {
        let name = rule_path(&path);
        if entries.contains(&name) {
            let id = compiler.rule(&path)?;
            named.insert(name, id);
        }
    }
    let rules = compiler.rules.into_iter().collect::<Option<Vec<Rule>>>();
    let rules = rules.ok_or(Halt::Foreign("a rule that needs itself"))?;
    Ok(Program { rules, literals: compiler.literals, entries: named })
}

struct Compiler<'s> {
    modules: &'s [Syntax],
    places: Places,
    ids: BTreeMap<Vec<String>, RuleId>,
    rules: Vec<Option<Rule>>,
    literals: Vec<Constant>,
}

impl Compiler<'_> {
    /// The number of a rule, compiled where it is not yet.
    fn rule(&mut self, path: &[String]) -> Compiled<RuleId> {
        if let Some(id) = self.ids.get(path) {
            return Ok(*id);
        }
        let id = self.rules.len();
        self.ids.insert(path.to_vec(), id);
        self.rules.push(None);
        let modules = self.modules;
        let mut kind = None;
        let (mut definitions, mut default) = (Vec::new(), None);
        for (number, position) in self.places.get(path).cloned().unwrap_or_default() {
            let module = modules.get(number).ok_or(Halt::Foreign("no module"))?;
            let rule = module.rules.get(position).ok_or(Halt::Foreign("no rule"))?;
            let own = match rule.gives {
                Gives::Value(_) => Kind::Complete,
                Gives::Element(_) => Kind::Set,
                Gives::Member(..) => Kind::Object,
                Gives::Nested(ref keys, _) if keys.first().is_some_and(is_constant) => {
                    return Err(Halt::Foreign("a head with a key that is known"));
                }
                Gives::Nested(..) => Kind::Tree,
                Gives::Unknown => return Err(Halt::Foreign("a head of an unknown form")),
            };
            kind = match (kind, own) {
                (None, own) => Some(own),
                (Some(kind), own) if kind == own => Some(kind),
                (Some(Kind::Object | Kind::Tree), Kind::Object | Kind::Tree) => Some(Kind::Tree),
                _ => return Err(Halt::Foreign("definitions of several kinds")),
            };
            // Other statements of whoever needs the rule do not help.
            let definition =
                Unit::new(self, module).definition(rule).map_err(|halt| match halt {
                    Halt::Unbound => Halt::Foreign("variables that are not bound anywhere"),
                    halt @ Halt::Foreign(_) => halt,
                })?;
            if rule.is_default {
                default = Some(definition);
            } else {
                definitions.push(definition);
            }
        }
        let kind = kind.unwrap_or(Kind::Complete);
        let is_settled = kind == Kind::Complete && is_settled(&definitions);
        if let Some(rule) = self.rules.get_mut(id) {
            *rule = Some(Rule { kind, definitions, default, is_settled });
        }
        Ok(id)
    }

    /// Whether there are rules below that path.
    fn has_below(&self, path: &[String]) -> bool {
        self.places
            .range(path.to_vec()..)
            .take_while(|(below, _)| below.starts_with(path))
            .any(|(below, _)| below.len() > path.len())
    }

    /// Whether the rule is a function. One without arguments is like any other rule.
    fn is_function(&self, path: &[String]) -> bool {
        let place = self.places.get(path).and_then(|places| places.first());
        let rule = place.and_then(|(module, rule)| self.modules.get(*module)?.rules.get(*rule));
        rule.is_some_and(|rule| rule.is_function && !rule.arguments.is_empty())
    }
}

/// Whether a key of a head is the same whatever is evaluated. What stands there does so even where no body holds.
fn is_constant(key: &Node) -> bool {
    matches!(kind_of(key), Some(("Null" | "Bool" | "Number" | "String" | "RawString", _)))
}

/// Whether all that the definitions can give is one and the same constant.
fn is_settled(definitions: &[Definition]) -> bool {
    let mut values = definitions.iter().flat_map(|one| &one.clauses).map(|clause| &clause.value);
    let Some(first) = values.next() else {
        return true;
    };
    let same = |other: &Expr| match (first, other) {
        (Expr::Null, Expr::Null) => true,
        (Expr::Bool(left), Expr::Bool(right)) => left == right,
        (Expr::Integer(left), Expr::Integer(right)) => left == right,
        (Expr::Text(left), Expr::Text(right)) => left == right,
        _ => false,
    };
    same(first) && values.all(same)
}

/// One definition on its way.
struct Unit<'c, 's> {
    compiler: &'c mut Compiler<'s>,
    module: &'s Syntax,
    /// The names that hide rules, innermost last.
    scopes: Vec<Scope>,
    slots: usize,
    /// What was worked out before the negation that is being compiled, and where it is.
    worked_out: Vec<(*const Node, Slot)>,
}

impl<'c, 's> Unit<'c, 's> {
    const fn new(compiler: &'c mut Compiler<'s>, module: &'s Syntax) -> Self {
        Self { compiler, module, scopes: Vec::new(), slots: 0, worked_out: Vec::new() }
    }

    fn definition(mut self, rule: &syntax::Rule) -> Compiled<Definition> {
        let mut names = std::collections::BTreeSet::new();
        rule.arguments.iter().for_each(|pattern| syntax::variables(pattern, &mut names));
        self.enter(names);
        let arguments = rule.arguments.iter().map(|one| self.inner_pattern(one));
        let arguments: Vec<Pattern> = arguments.collect::<Compiled<_>>()?;
        let mut clauses = Vec::new();
        if rule.bodies.is_empty() {
            clauses.push(self.clause(rule, None)?);
        }
        for body in &rule.bodies {
            clauses.push(self.clause(rule, Some(body))?);
        }
        Ok(Definition { arguments: arguments.into(), slots: self.slots, clauses })
    }

    fn clause(&mut self, rule: &syntax::Rule, body: Option<&Node>) -> Compiled<Clause> {
        let is_else = body.and_then(|body| body.get("is_else")).and_then(Node::as_bool);
        if is_else == Some(false) && rule.bodies.first().is_none_or(|first| Some(first) != body) {
            return Err(Halt::Foreign("two bodies of one definition"));
        }
        let query = body.and_then(|body| body.get("query"));
        let (keys, value): (&[Node], _) = match &rule.gives {
            Gives::Value(value) => (&[], value.as_ref()),
            Gives::Element(element) => (&[], Some(element)),
            Gives::Member(key, value) => (std::slice::from_ref(key), value.as_ref()),
            Gives::Nested(keys, Leaf::Value(value)) => (keys, value.as_ref()),
            Gives::Nested(keys, Leaf::Element(element)) => (keys, Some(element)),
            Gives::Unknown => return Err(Halt::Foreign("a head of an unknown form")),
        };
        let is_element =
            matches!(rule.gives, Gives::Element(_) | Gives::Nested(_, Leaf::Element(_)));
        // What follows an `else` has a value of its own, `true` where it says none.
        let value = match body {
            Some(body) if is_else == Some(true) => syntax::assigned(body),
            _ => value,
        };
        let said: Vec<&Node> = keys.iter().chain(value).collect();
        let (block, mut said) = self.block(query, &said)?;
        let value = if value.is_some() { said.pop() } else { None };
        let value = value.unwrap_or(Expr::Bool(true));
        Ok(Clause { block, keys: said.into(), value, is_element })
    }

    fn foreign<T>(node: &Node) -> Compiled<T> {
        Err(Halt::Foreign(match kind_of(node) {
            Some(("UnaryExpr", _)) => "a sign in front of an expression",
            Some(("AssignExpr", _)) => "an assignment inside an expression",
            _ => "an expression of an unknown kind",
        }))
    }
}
