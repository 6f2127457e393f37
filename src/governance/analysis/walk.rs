//! One walk over the rules of a module: whom they need, what they cost, which functions they call.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

use super::{Body, Cost, Finding, RuleFact};
use crate::diagnostic::suggest;
use crate::document::Mark;
use crate::governance::builtins::{self, Builtin, Calling};
use crate::governance::syntax::{
    Rule, Step, Syntax, declared, fixed, kind_of, list, range_of, reference, text_of, variables,
    written,
};

/// What the walk found.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) bodies: Vec<(Vec<String>, Body)>,
    pub(super) findings: Vec<Finding>,
    pub(super) prints: Vec<Range<usize>>,
    /// Whether a reference leads to what more than one rule is below, a function's result to its last argument, or the values
    /// of `walk` to an expression: [`Analysis::is_beyond_machine`](super::Analysis::is_beyond_machine).
    pub(super) is_beyond_machine: bool,
    /// The references to `data`: where, and the path below it.
    pub(super) data: Vec<(Mark, Vec<String>)>,
}

pub(super) fn module(
    number: usize,
    module: &Syntax,
    rules: &BTreeMap<Vec<String>, RuleFact>,
) -> Walked {
    let mut walked = Walked::default();
    for rule in &module.rules {
        let path: Vec<String> = module.package.iter().chain(&rule.path).cloned().collect();
        let mut arguments = BTreeSet::new();
        rule.arguments.iter().for_each(|pattern| variables(pattern, &mut arguments));
        let count = rule.bodies.len().max(1);
        for position in 0..count {
            let scopes = vec![arguments.clone()];
            let mut walk =
                Walk { number, module, rules, scopes, body: Body::default(), walked: &mut walked };
            walk.body(rule, rule.bodies.get(position));
            let body = walk.body;
            walked.bodies.push((path.clone(), body));
        }
    }
    walked.prints.sort_by_key(|range| range.start);
    walked.prints.dedup();
    walked
}

struct Walk<'a> {
    number: usize,
    module: &'a Syntax,
    rules: &'a BTreeMap<Vec<String>, RuleFact>,
    /// The names that hide rules, innermost last.
    scopes: Vec<BTreeSet<String>>,
    body: Body,
    walked: &'a mut Walked,
}

impl Walk<'_> {
    fn body(&mut self, rule: &Rule, body: Option<&Value>) {
        let query = body.and_then(|body| body.get("query"));
        self.scopes.push(query.map(|query| declared(query, &self.module.text)).unwrap_or_default());
        // `else` has a value of its own.
        let said = body
            .and_then(|body| body.get("assign"))
            .into_iter()
            .chain(&rule.head)
            .chain(&rule.arguments);
        let head = self.visit_all(said);
        let inner = query.map(|query| self.query(query)).unwrap_or_default();
        let sum = head.plus(inner);
        self.body.own.nesting = sum.nesting;
        self.body.own.depth = sum.depth.saturating_add(1);
    }

    /// The statements of a query, one after the other: each may use what the one before it made, and loops nest.
    fn query(&mut self, query: &Value) -> Cost {
        let mut sum = Cost::default();
        let mut deepest = 0;
        for statement in list(query, "stmts") {
            let literal =
                statement.get("literal").map(|literal| self.literal(literal)).unwrap_or_default();
            let mut with = Cost::default();
            for node in list(statement, "with_mods").filter_map(|with| with.get("as")) {
                // What takes the place of a function is named, and not called.
                let cost = match kind_of(node) {
                    Some(("Var" | "RefDot" | "RefBrack", content)) => self.refer(node, content),
                    _ => self.visit(node),
                };
                with = with.max(cost);
            }
            sum.nesting = sum.nesting.saturating_add(literal.nesting).saturating_add(with.nesting);
            sum.depth = sum.depth.saturating_add(1);
            deepest = deepest.max(literal.depth).max(with.depth);
        }
        sum.depth = sum.depth.saturating_add(deepest);
        sum
    }

    /// What a statement says. A call that is all of it may take its result as one more argument.
    fn literal(&mut self, literal: &Value) -> Cost {
        let expression = match kind_of(literal) {
            Some(("Expr" | "NotExpr", content)) => content.get("expr"),
            _ => None,
        };
        let Some(("Call", content)) = expression.and_then(kind_of) else {
            return self.visit(literal);
        };
        let cost = self.call(content, true);
        Cost { depth: cost.depth.saturating_add(2), ..cost }
    }

    fn visit_all<'n>(&mut self, nodes: impl Iterator<Item = &'n Value>) -> Cost {
        nodes.map(|node| self.visit(node)).fold(Cost::default(), Cost::max)
    }

    fn visit(&mut self, node: &Value) -> Cost {
        let deeper = |cost: Cost| Cost { depth: cost.depth.saturating_add(1), ..cost };
        let nested = |cost: Cost| Cost { nesting: cost.nesting.saturating_add(1), ..deeper(cost) };
        match (node, kind_of(node)) {
            (Value::Array(nodes), _) => self.visit_all(nodes.iter()),
            (_, Some(("String" | "RawString" | "Number" | "Bool" | "Null", _))) => Cost::default(),
            (_, Some(("Var" | "RefDot" | "RefBrack", content))) => {
                self.use_as_value(node, content);
                deeper(self.refer(node, content))
            }
            (_, Some(("Call", content))) => deeper(self.call(content, false)),
            (_, Some(("Array" | "Set" | "Object", content))) => nested(self.visit(content)),
            (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", content))) => {
                nested(self.comprehension(content))
            }
            (_, Some(("Every", content))) => deeper(self.every(content)),
            (_, Some((kind, content))) => {
                if kind == "ArithExpr" && content.get("op").and_then(Value::as_str) == Some("Mul") {
                    self.body.own.products = self.body.own.products.saturating_add(1);
                }
                deeper(self.visit(content))
            }
            (Value::Object(members), None) => self.visit_all(members.values()),
            _ => Cost::default(),
        }
    }

    fn comprehension(&mut self, content: &Value) -> Cost {
        let Some(query) = content.get("query") else {
            return Cost::default();
        };
        self.scopes.push(declared(query, &self.module.text));
        let inner = self.query(query);
        let terms =
            self.visit_all(["term", "key", "value"].iter().filter_map(|key| content.get(*key)));
        self.scopes.pop();
        inner.plus(terms)
    }

    fn every(&mut self, content: &Value) -> Cost {
        let domain = self.visit_all(content.get("domain").into_iter());
        let Some(query) = content.get("query") else {
            return domain;
        };
        let mut names = declared(query, &self.module.text);
        let own = ["key", "value"]
            .iter()
            .filter_map(|key| text_of(content.get(*key)?, &self.module.text));
        names.extend(own.map(str::to_owned));
        self.scopes.push(names);
        let inner = self.query(query);
        self.scopes.pop();
        domain.plus(inner)
    }

    /// A name, or a path that begins with one. Where it begins with something else, that is looked at.
    fn refer(&mut self, node: &Value, content: &Value) -> Cost {
        let Some((first, steps)) = reference(node) else {
            return self.visit_all(["refr", "index"].iter().filter_map(|key| content.get(*key)));
        };
        let indices: Vec<&Value> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Name(_) => None,
                Step::Dynamic(index) => Some(*index),
            })
            .collect();
        let cost = self.visit_all(indices.into_iter());
        // `input` as a whole, or a member of it that only an evaluation knows, may be `input.features`, too.
        let may_be = |member: &str| {
            first == "input" && !matches!(steps.first(), Some(Step::Name(name)) if *name != member)
        };
        self.body.reads_features |= may_be("features");
        self.body.reads_cost |= may_be("cost");
        self.note_data(first, &steps, range_of(content).unwrap_or_default().start);
        if let Some(path) = self.resolve(first, fixed(&steps)) {
            // A path into a rule needs that rule; a path to a document above rules needs all of them.
            let above = (1..=path.len())
                .filter_map(|length| path.get(..length))
                .filter(|part| self.rules.contains_key(*part));
            self.body.reads.extend(above.map(<[String]>::to_vec));
            let below =
                self.rules.range(path.clone()..).take_while(|(rule, _)| rule.starts_with(&path));
            for (rule, _) in below {
                self.walked.is_beyond_machine |= rule.len() > path.len();
                self.body.reads.insert(rule.clone());
            }
        }
        let length = u32::try_from(steps.len()).unwrap_or(u32::MAX);
        Cost { depth: cost.depth.saturating_add(length), ..cost }
    }

    /// A function can be called, and nothing else.
    fn use_as_value(&mut self, node: &Value, content: &Value) {
        let Some((first, steps)) = reference(node) else {
            return;
        };
        let path = self.resolve(first, fixed(&steps)).unwrap_or_default();
        let mut parts = (1..=path.len()).filter_map(|length| path.get(..length));
        if parts.any(|part| self.rules.get(part).is_some_and(|rule| rule.is_function)) {
            let message = format!(
                "`{}` is a function, which is called and has no value",
                written(first, &steps)
            );
            self.tell(range_of(content).unwrap_or_default().start, message);
        }
    }

    fn tell(&mut self, position: usize, message: String) {
        let mark = self.module.mark(position);
        self.walked.findings.push(Finding { module: self.number, mark, message });
    }

    fn note_data(&mut self, first: &str, steps: &[Step<'_>], position: usize) {
        if first == "data" && !self.scopes.iter().any(|scope| scope.contains(first)) {
            let mark = self.module.mark(position);
            self.walked.data.push((mark, fixed(steps).map(str::to_owned).collect()));
        }
    }

    /// The path below `data` that a name and its steps stand for; nothing for variables and for `input`.
    fn resolve<'n>(
        &self,
        first: &str,
        steps: impl Iterator<Item = &'n str>,
    ) -> Option<Vec<String>> {
        if self.scopes.iter().any(|scope| scope.contains(first)) {
            return None;
        }
        let base = match first {
            "data" => Vec::new(),
            "input" | "_" => return None,
            _ => match self.module.imports.get(first) {
                Some(path) => path.clone(),
                None => self
                    .module
                    .package
                    .iter()
                    .cloned()
                    .chain(std::iter::once(first.to_owned()))
                    .collect(),
            },
        };
        Some(base.into_iter().chain(steps.map(str::to_owned)).collect())
    }

    fn call(&mut self, content: &Value, is_statement: bool) -> Cost {
        let cost = self.visit_all(list(content, "params"));
        let start = content
            .get("fcn")
            .and_then(|callee| kind_of(callee))
            .and_then(|(_, callee)| range_of(callee));
        let range = range_of(content).unwrap_or_default();
        let start = start.map_or(range.start, |callee| callee.start);
        let Some((first, steps)) = content.get("fcn").and_then(reference) else {
            return cost;
        };
        self.note_data(first, &steps, start);
        let given = list(content, "params").count();
        let name = written(first, &steps);
        if let Some(path) =
            self.resolve(first, fixed(&steps)).filter(|path| self.rules.contains_key(path))
        {
            let rule = self.rules.get(&path);
            let arguments = rule.filter(|rule| rule.is_function).map(|rule| rule.arguments);
            let checked = match arguments {
                Some(arguments) => check(&name, arguments, given, is_statement),
                // OPA reads the rule where it does not know the type of its value, and refuses the others.
                None if given == 0 => Ok(()),
                None => Err(format!("`{name}` is no function")),
            };
            if let Err(message) = checked {
                self.tell(start, message);
            }
            self.walked.is_beyond_machine |= arguments.is_some_and(|arguments| given > arguments);
            self.body.calls.push(path);
            return cost;
        }
        self.walked.is_beyond_machine |= name == "walk" && given == 1;
        if name == "print" {
            self.walked.prints.push(start..range.end);
            return cost;
        }
        let checked = match builtins::lookup(&name) {
            Some(Builtin { calling: Calling::Refused(reason), .. }) => {
                Err(format!("`{name}` cannot be used: {reason}"))
            }
            Some(builtin) => check(&name, builtin.arity, given, is_statement),
            None => Err(self.missing(first, &steps, &name)),
        };
        if let Err(message) = checked {
            self.tell(start, message);
        }
        cost
    }

    fn missing(&self, first: &str, steps: &[Step<'_>], name: &str) -> String {
        if self.module.imports.contains_key(first) {
            let path = self.resolve(first, fixed(steps)).unwrap_or_default();
            return format!("there is no function `{}`", super::name(&path));
        }
        let nearest = suggest::nearest(name, builtins::names());
        let hint =
            nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
        format!("there is no function `{name}`{hint}")
    }
}

/// Whether a function may be called with so many arguments.
fn check(name: &str, arguments: usize, given: usize, is_statement: bool) -> Result<(), String> {
    if given == arguments || (given == arguments + 1 && is_statement) {
        return Ok(());
    }
    let plural = if arguments == 1 { "" } else { "s" };
    let more = if given == arguments + 1 {
        "; only a call that is a statement of its own may have one more, for its result"
    } else {
        ""
    };
    Err(format!("`{name}` takes {arguments} argument{plural}, not {given}{more}"))
}
