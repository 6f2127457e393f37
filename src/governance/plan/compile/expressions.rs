//! Expressions. Those with more than one value are taken out and become statements in front.

use serde_json::Value as Node;

use super::names::{Named, callee};
use super::{Compiled, Halt, Unit};
use crate::governance::builtins::{self, Calling};
use crate::governance::plan::Constant;
use crate::governance::plan::functions::native;
use crate::governance::plan::program::{
    BuiltinCall, Comparison, Each, Expr, Operation, Pattern, Statement, Step as Into,
};
use crate::governance::syntax::{kind_of, list};

impl Unit<'_, '_> {
    /// An expression; `out` takes the statements that have to come before it.
    pub(super) fn expression(&mut self, node: &Node, out: &mut Vec<Statement>) -> Compiled<Expr> {
        let before = self.worked_out.iter().find(|(known, _)| std::ptr::eq(*known, node));
        if let Some((_, slot)) = before {
            return Ok(Expr::Local(*slot));
        }
        // A name in the head of a rule.
        if let Node::String(name) = node {
            return Ok(Expr::Text(name.as_str().into()));
        }
        let Some((kind, content)) = kind_of(node) else {
            return Err(Halt::Foreign("no expression"));
        };
        let value = content.get("value");
        match kind {
            "Null" => Ok(Expr::Null),
            "Bool" => Ok(Expr::Bool(value.and_then(Node::as_bool).unwrap_or_default())),
            "String" | "RawString" => {
                Ok(Expr::Text(value.and_then(Node::as_str).unwrap_or_default().into()))
            }
            "Number" => match Constant::number(value) {
                Some(Constant::Integer(integer)) => Ok(Expr::Integer(integer)),
                Some(Constant::Float(float)) => Ok(Expr::Float(float)),
                _ => Ok(Expr::Large),
            },
            "Array" | "Set" => {
                let items = list(content, "items").map(|item| self.expression(item, out));
                let items = items.collect::<Compiled<Vec<_>>>()?;
                let make = if kind == "Array" { Constant::Array } else { Constant::Set };
                match items.iter().map(|item| self.constant(item)).collect() {
                    Some(constants) => Ok(self.literal(make(constants))),
                    None if kind == "Array" => Ok(Expr::Array(items.into())),
                    None => Ok(Expr::Set(items.into())),
                }
            }
            "Object" => self.object(content, out),
            "ArrayCompr" | "SetCompr" | "ObjectCompr" => self.comprehension(kind, content),
            "Var" | "RefDot" | "RefBrack" => self.reference(node, out),
            "Call" => self.call(content, None, out),
            "BoolExpr" => {
                let sides = self.sides(content, out)?;
                let comparison = match content.get("op").and_then(Node::as_str) {
                    Some("Eq") => Comparison::Equal,
                    Some("Ne") => Comparison::Unequal,
                    Some("Lt") => Comparison::Less,
                    Some("Le") => Comparison::LessOrEqual,
                    Some("Gt") => Comparison::Greater,
                    Some("Ge") => Comparison::GreaterOrEqual,
                    _ => return Self::foreign(node),
                };
                Ok(Expr::Compare(comparison, sides))
            }
            "ArithExpr" | "BinExpr" => {
                let sides = self.sides(content, out)?;
                let operation = match content.get("op").and_then(Node::as_str) {
                    Some("Add") => Operation::Add,
                    Some("Sub") => Operation::Subtract,
                    Some("Mul") => Operation::Multiply,
                    Some("Div") => Operation::Divide,
                    Some("Mod") => Operation::Remainder,
                    Some("Union") => Operation::Union,
                    Some("Intersection") => Operation::Intersection,
                    _ => return Self::foreign(node),
                };
                Ok(Expr::Arithmetic(operation, sides))
            }
            "Membership" => {
                let part = |key: &str| content.get(key).filter(|part| !part.is_null());
                let key = part("key").map(|key| self.expression(key, out)).transpose()?;
                let [Some(value), Some(collection)] = ["value", "collection"].map(part) else {
                    return Self::foreign(node);
                };
                let sides = (key, self.expression(value, out)?, self.expression(collection, out)?);
                Ok(Expr::Within(Box::new(sides)))
            }
            _ => Self::foreign(node),
        }
    }

    fn sides(&mut self, content: &Node, out: &mut Vec<Statement>) -> Compiled<Box<(Expr, Expr)>> {
        let [Some(left), Some(right)] = ["lhs", "rhs"].map(|side| content.get(side)) else {
            return Err(Halt::Foreign("half an operation"));
        };
        Ok(Box::new((self.expression(left, out)?, self.expression(right, out)?)))
    }

    fn object(&mut self, content: &Node, out: &mut Vec<Statement>) -> Compiled<Expr> {
        let mut members = Vec::new();
        for field in list(content, "fields") {
            let [Some(key), Some(value)] = [1, 2].map(|at| field.get(at)) else {
                return Err(Halt::Foreign("half a member"));
            };
            members.push((self.expression(key, out)?, self.expression(value, out)?));
        }
        let constants = members
            .iter()
            .map(|(key, value)| Some((self.constant(key)?, self.constant(value)?)))
            .collect();
        Ok(match constants {
            Some(constants) => self.literal(Constant::Object(constants)),
            None => Expr::Object(members.into()),
        })
    }

    fn constant(&self, expression: &Expr) -> Option<Constant> {
        Some(match expression {
            Expr::Null => Constant::Null,
            Expr::Bool(value) => Constant::Bool(*value),
            Expr::Integer(integer) => Constant::Integer(*integer),
            Expr::Float(float) => Constant::Float(*float),
            Expr::Text(text) => Constant::Text(text.clone()),
            Expr::Literal(number) => self.compiler.literals.get(*number)?.clone(),
            _ => return None,
        })
    }

    fn literal(&mut self, constant: Constant) -> Expr {
        self.compiler.literals.push(constant);
        Expr::Literal(self.compiler.literals.len() - 1)
    }

    fn comprehension(&mut self, kind: &str, content: &Node) -> Compiled<Expr> {
        let query = content.get("query");
        let said: Vec<&Node> =
            ["term", "key", "value"].iter().filter_map(|part| content.get(*part)).collect();
        let (block, mut said) = self.block(query, &said)?;
        let Some(last) = said.pop() else {
            return Err(Halt::Foreign("a comprehension without a head"));
        };
        match (kind, said.pop()) {
            ("ArrayCompr", _) => Ok(Expr::ArrayOf(Box::new((block, last)))),
            ("SetCompr", _) => Ok(Expr::SetOf(Box::new((block, last)))),
            (_, Some(key)) => Ok(Expr::ObjectOf(Box::new((block, key, last)))),
            _ => Err(Halt::Foreign("a comprehension without a key")),
        }
    }

    /// A name, or steps into the value of something.
    fn reference(&mut self, node: &Node, out: &mut Vec<Statement>) -> Compiled<Expr> {
        let mut steps = Vec::new();
        let mut base = node;
        while let Some((kind @ ("RefDot" | "RefBrack"), content)) = kind_of(base) {
            let step = match kind {
                "RefDot" => content.get("field").and_then(|field| field.get(1)),
                _ => content.get("index"),
            };
            steps.push(step.ok_or(Halt::Foreign("half a reference"))?);
            base = content.get("refr").ok_or(Halt::Foreign("half a reference"))?;
        }
        steps.reverse();
        let mut steps = steps.as_slice();
        let mut value = match kind_of(base) {
            Some(("Var", content)) => {
                let name = content.get("value").and_then(Node::as_str).unwrap_or_default();
                match self.named(name) {
                    _ if name == "_" => return Err(Halt::Unbound),
                    Named::Bound(slot) => Expr::Local(slot),
                    Named::Free | Named::Outer => return Err(Halt::Unbound),
                    Named::Input => Expr::Input,
                    Named::Data(path) => {
                        let (rule, rest) = self.rule_of(path, steps)?;
                        steps = rest;
                        rule
                    }
                }
            }
            _ => self.expression(base, out)?,
        };
        let mut into = Vec::new();
        for step in steps {
            if let Some(name) = fixed_name(step) {
                into.push(Into::Name(name.into()));
                continue;
            }
            match self.inner_key(step, out)? {
                Pattern::Equal(key) => into.push(Into::Key(key)),
                key => {
                    let source = with_steps(value, &mut into);
                    let slot = self.nameless();
                    let each = Each { source, key, value: Pattern::Bind(slot) };
                    out.push(Statement::Each(Box::new(each)));
                    value = Expr::Local(slot);
                }
            }
        }
        Ok(with_steps(value, &mut into))
    }

    /// What stands in brackets: a value, or a pattern that each key is held against.
    fn inner_key(&mut self, step: &Node, out: &mut Vec<Statement>) -> Compiled<Pattern> {
        match kind_of(step) {
            Some(("Var" | "Array" | "Object", _)) => {
                let pattern = self.inner_pattern(step)?;
                if binds(&pattern) {
                    Ok(pattern)
                } else {
                    self.expression(step, out).map(Pattern::Equal)
                }
            }
            _ => self.expression(step, out).map(Pattern::Equal),
        }
    }

    /// The rule that a path leads to, and the steps that lead into its value.
    fn rule_of<'n>(
        &mut self,
        mut path: Vec<String>,
        steps: &'n [&'n Node],
    ) -> Compiled<(Expr, &'n [&'n Node])> {
        let mut rest = steps;
        loop {
            if self.compiler.places.contains_key(&path) {
                if self.compiler.has_below(&path) || self.compiler.is_function(&path) {
                    return Err(Halt::Foreign("a document of several rules"));
                }
                return Ok((Expr::Rule(self.compiler.rule(&path)?), rest));
            }
            let Some((step, after)) = rest.split_first() else {
                return Err(Halt::Foreign("a document above rules"));
            };
            path.push(fixed_name(step).ok_or(Halt::Foreign("a path of data"))?.to_owned());
            if !self.compiler.has_below(&path) && !self.compiler.places.contains_key(&path) {
                return Err(Halt::Foreign("data that is no rule"));
            }
            rest = after;
        }
    }

    /// A call as a statement, whose last argument may receive the result.
    pub(super) fn call_statement(
        &mut self,
        node: &Node,
        content: &Node,
        out: &mut Vec<Statement>,
    ) -> Compiled<()> {
        let name = content.get("fcn").and_then(callee).map(|(_, name)| name).unwrap_or_default();
        if name == "print" {
            return Ok(());
        }
        let arguments: Vec<&Node> = list(content, "params").collect();
        let Some((last, first)) = arguments.split_last() else {
            let holds = self.expression(node, out)?;
            out.push(Statement::Holds(holds));
            return Ok(());
        };
        if self.arity(content) == Some(first.len()) {
            let is_walk = name == "walk";
            let value = self.call(content, Some(first), out)?;
            let result = self.inner_pattern(last)?;
            out.push(if is_walk {
                Statement::Each(Box::new(Each { source: value, key: Pattern::Any, value: result }))
            } else {
                Statement::Match(result, value)
            });
            return Ok(());
        }
        let holds = self.expression(node, out)?;
        out.push(Statement::Holds(holds));
        Ok(())
    }

    /// How many arguments a function takes.
    fn arity(&self, content: &Node) -> Option<usize> {
        let fcn = content.get("fcn")?;
        let (_, name) = callee(fcn)?;
        if let Some(path) = self.function(fcn) {
            let place = self.compiler.places.get(&path)?.first()?;
            return Some(self.compiler.modules.get(place.0)?.rules.get(place.1)?.arguments.len());
        }
        Some(builtins::lookup(&name)?.arity)
    }

    /// The path of a function that is a rule.
    fn function(&self, fcn: &Node) -> Option<Vec<String>> {
        let (first, name) = callee(fcn)?;
        let Named::Data(mut path) = self.named(first) else {
            return None;
        };
        path.extend(name.split('.').skip(1).map(str::to_owned));
        self.compiler.places.contains_key(&path).then_some(path)
    }

    /// A call, with the arguments that it has or with these.
    fn call(
        &mut self,
        content: &Node,
        arguments: Option<&[&Node]>,
        out: &mut Vec<Statement>,
    ) -> Compiled<Expr> {
        let Some(fcn) = content.get("fcn") else {
            return Err(Halt::Foreign("a call of nothing"));
        };
        let is_statement = arguments.is_some();
        let arguments: Vec<&Node> =
            arguments.map_or_else(|| list(content, "params").collect(), <[&Node]>::to_vec);
        if self.arity(content) != Some(arguments.len()) {
            return Err(Halt::Foreign("a call with a result inside"));
        }
        let values = arguments.iter().map(|one| self.expression(one, out));
        let values = values.collect::<Compiled<Vec<_>>>()?.into();
        if let Some(path) = self.function(fcn) {
            let id = self.compiler.rule(&path)?;
            let is_function = self.compiler.is_function(&path);
            return Ok(if is_function {
                Expr::Call(Box::new((id, values)))
            } else {
                Expr::Rule(id)
            });
        }
        let name = callee(fcn).map(|(_, name)| name).unwrap_or_default();
        match builtins::lookup(&name) {
            Some(builtin) if !matches!(builtin.calling, Calling::Refused(_)) => {
                let call = BuiltinCall { builtin, native: native(&name), arguments: values };
                let value = Expr::Builtin(Box::new(call));
                if name != "walk" || is_statement {
                    return Ok(value);
                }
                // Each path with what is there is a value of its own.
                let slot = self.nameless();
                let each = Each { source: value, key: Pattern::Any, value: Pattern::Bind(slot) };
                out.push(Statement::Each(Box::new(each)));
                Ok(Expr::Local(slot))
            }
            _ => Err(Halt::Foreign("a function that is not there")),
        }
    }
}

/// The name of a step that is one.
fn fixed_name(step: &Node) -> Option<&str> {
    match (step, kind_of(step)) {
        (Node::String(name), _) => Some(name),
        (_, Some(("String" | "RawString", content))) => content.get("value")?.as_str(),
        _ => None,
    }
}

fn with_steps(value: Expr, steps: &mut Vec<Into>) -> Expr {
    if steps.is_empty() {
        return value;
    }
    Expr::Get(Box::new((value, std::mem::take(steps).into())))
}

/// Whether a pattern gives variables their values, or holds for anything.
fn binds(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Any | Pattern::Bind(_) => true,
        Pattern::Equal(_) => false,
        Pattern::Array(items) => items.iter().any(binds),
        Pattern::Object(members) => members.iter().any(|(_, value)| binds(value)),
    }
}
