//! Statements, and the order in which they find their variables bound.

use std::collections::BTreeSet;

use serde_json::Value as Node;

use super::names::{Named, Scope};
use super::{Compiled, Halt, Unit};
use crate::governance::plan::program::{Block, Each, Every, Expr, Pattern, Statement};
use crate::governance::rewrite::needed;
use crate::governance::syntax::{kind_of, list};

/// What an attempt may have changed.
struct Before {
    scopes: Vec<Scope>,
    slots: usize,
}

impl Unit<'_, '_> {
    /// A query in a scope of its own, and what is said where it holds.
    pub(super) fn block(
        &mut self,
        query: Option<&Node>,
        said: &[&Node],
    ) -> Compiled<(Block, Vec<Expr>)> {
        let empty = Node::Null;
        let query = query.unwrap_or(&empty);
        self.enter_query(query, said);
        let block = self.statements(query, said);
        self.scopes.pop();
        block
    }

    fn statements(&mut self, query: &Node, said: &[&Node]) -> Compiled<(Block, Vec<Expr>)> {
        let mut waiting: Vec<&Node> = list(query, "stmts").collect();
        let mut block = Vec::new();
        while !waiting.is_empty() {
            let mut done = None;
            for (position, statement) in waiting.iter().enumerate() {
                let next = self.attempt(|unit| {
                    let mut out = Vec::new();
                    unit.statement(statement, &mut out)?;
                    Ok(out)
                })?;
                if let Some(next) = next {
                    block.extend(next);
                    done = Some(position);
                    break;
                }
            }
            waiting.remove(done.ok_or(Halt::Unbound)?);
        }
        let said = said.iter().map(|node| self.expression(node, &mut block));
        let said = said.collect::<Compiled<Vec<_>>>()?;
        Ok((block.into(), said))
    }

    /// Tries something; nothing, and nothing changed, where a variable is not bound yet.
    fn attempt<T>(
        &mut self,
        compile: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<Option<T>> {
        let before = Before { scopes: self.scopes.clone(), slots: self.slots };
        match compile(self) {
            Ok(compiled) => Ok(Some(compiled)),
            Err(Halt::Unbound) => {
                self.scopes = before.scopes;
                self.slots = before.slots;
                Ok(None)
            }
            Err(halt) => Err(halt),
        }
    }

    fn statement(&mut self, statement: &Node, out: &mut Vec<Statement>) -> Compiled<()> {
        if list(statement, "with_mods").next().is_some() {
            return Err(Halt::Foreign("`with`"));
        }
        let literal = statement.get("literal").and_then(kind_of);
        let Some((kind, literal)) = literal else {
            return Err(Halt::Foreign("a statement of an unknown kind"));
        };
        let part = |key: &str| literal.get(key).filter(|part| !part.is_null());
        match (kind, part("expr")) {
            ("SomeVars", _) => {}
            ("Expr", Some(expression)) => self.expression_statement(expression, out)?,
            ("NotExpr", Some(expression)) => {
                let negation = self.negation(expression, out);
                self.worked_out.clear();
                out.push(Statement::Not(negation?));
            }
            ("SomeIn", _) => {
                let collection = part("collection").ok_or(Halt::Foreign("`some` without `in`"))?;
                let source = self.expression(collection, out)?;
                let key = part("key").map_or(Ok(Pattern::Any), |key| self.inner_pattern(key))?;
                let value =
                    part("value").map_or(Ok(Pattern::Any), |one| self.inner_pattern(one))?;
                out.push(Statement::Each(Box::new(Each { source, key, value })));
            }
            ("Every", _) => self.every(literal, out)?,
            _ => return Err(Halt::Foreign("a statement of an unknown kind")),
        }
        Ok(())
    }

    /// What must not hold; `out` takes what is worked out before.
    fn negation(&mut self, expression: &Node, out: &mut Vec<Statement>) -> Compiled<Block> {
        for node in needed(self.module, expression) {
            let operand = self.expression(node, out)?;
            let slot = self.nameless();
            out.push(Statement::Match(Pattern::Bind(slot), operand));
            self.worked_out.push((node, slot));
        }
        self.enter_negation(expression);
        let mut block = Vec::new();
        let negated = self.expression_statement(expression, &mut block);
        self.scopes.pop();
        negated?;
        Ok(block.into())
    }

    fn every(&mut self, every: &Node, out: &mut Vec<Statement>) -> Compiled<()> {
        let domain = every.get("domain").ok_or(Halt::Foreign("`every` without a domain"))?;
        let source = self.expression(domain, out)?;
        let [key, value] = ["key", "value"].map(|part| self.own_name(every, part));
        self.enter(key.iter().chain(&value).cloned().collect::<BTreeSet<_>>());
        let compiled = (|| {
            let bind = |unit: &mut Self, name: &str| match name {
                "_" => Ok(unit.nameless()),
                name => unit.bind(name),
            };
            let key = key.map(|name| bind(self, &name)).transpose()?;
            let value = bind(self, value.as_deref().unwrap_or("_"))?;
            let (block, _) = self.block(every.get("query"), &[])?;
            Ok(Statement::Every(Box::new(Every { source, key, value, block })))
        })();
        self.scopes.pop();
        out.push(compiled?);
        Ok(())
    }

    fn expression_statement(
        &mut self,
        expression: &Node,
        out: &mut Vec<Statement>,
    ) -> Compiled<()> {
        match kind_of(expression) {
            Some(("AssignExpr", content)) => {
                let [Some(left), Some(right)] = ["lhs", "rhs"].map(|side| content.get(side)) else {
                    return Err(Halt::Foreign("half an assignment"));
                };
                if content.get("op").and_then(Node::as_str) == Some("ColEq") {
                    let value = self.expression(right, out)?;
                    let pattern = self.pattern(left, out)?;
                    out.push(Statement::Match(pattern, value));
                    return Ok(());
                }
                self.unify(left, right, out)
            }
            Some(("Call", content)) => self.call_statement(expression, content, out),
            _ => {
                let holds = self.expression(expression, out)?;
                out.push(Statement::Holds(holds));
                Ok(())
            }
        }
    }

    /// `left = right`: whichever side has a value gives the variables of the other theirs.
    fn unify(&mut self, left: &Node, right: &Node, out: &mut Vec<Statement>) -> Compiled<()> {
        if let (Some(("Array", one)), Some(("Array", other))) = (kind_of(left), kind_of(right)) {
            let [one, other] = [one, other].map(|side| list(side, "items").collect::<Vec<_>>());
            if one.len() != other.len() {
                out.push(Statement::Holds(Expr::Bool(false)));
                return Ok(());
            }
            for (left, right) in one.into_iter().zip(other) {
                self.unify(left, right, out)?;
            }
            return Ok(());
        }
        for (pattern, value) in [(left, right), (right, left)] {
            let before = out.len();
            let compiled = self.attempt(|unit| {
                let value = unit.expression(value, out)?;
                let pattern = unit.pattern(pattern, out)?;
                out.push(Statement::Match(pattern, value));
                Ok(())
            })?;
            if compiled.is_some() {
                return Ok(());
            }
            out.truncate(before);
        }
        Err(Halt::Unbound)
    }

    /// A pattern that stands alone.
    fn pattern(&mut self, node: &Node, out: &mut Vec<Statement>) -> Compiled<Pattern> {
        match kind_of(node) {
            Some(("Var" | "Array" | "Object", _)) => self.inner_pattern(node),
            _ => self.expression(node, out).map(Pattern::Equal),
        }
    }

    /// A pattern that may be part of another one: nothing in it has more than one value.
    pub(super) fn inner_pattern(&mut self, node: &Node) -> Compiled<Pattern> {
        match kind_of(node) {
            Some(("Var", content)) => {
                let name = content.get("value").and_then(Node::as_str).unwrap_or_default();
                match self.named(name) {
                    _ if name == "_" => Ok(Pattern::Any),
                    Named::Free => self.bind(name).map(Pattern::Bind),
                    Named::Bound(slot) => Ok(Pattern::Equal(Expr::Local(slot))),
                    Named::Outer => Err(Halt::Unbound),
                    _ => self.lone_expression(node).map(Pattern::Equal),
                }
            }
            Some(("Array", content)) => {
                let items = list(content, "items").map(|item| self.inner_pattern(item));
                Ok(Pattern::Array(items.collect::<Compiled<Vec<_>>>()?.into()))
            }
            Some(("Object", content)) => {
                let field = |field: &Node| {
                    let [Some(key), Some(value)] = [1, 2].map(|at| field.get(at)) else {
                        return Err(Halt::Foreign("half a member"));
                    };
                    Ok((self.lone_expression(key)?, self.inner_pattern(value)?))
                };
                let fields = list(content, "fields").map(field).collect::<Compiled<Vec<_>>>()?;
                Ok(Pattern::Object(fields.into()))
            }
            _ => self.lone_expression(node).map(Pattern::Equal),
        }
    }

    /// An expression that has no more than one value.
    fn lone_expression(&mut self, node: &Node) -> Compiled<Expr> {
        let mut before = Vec::new();
        let expression = self.expression(node, &mut before)?;
        if before.is_empty() {
            Ok(expression)
        } else {
            Err(Halt::Foreign("many values inside a pattern"))
        }
    }
}
