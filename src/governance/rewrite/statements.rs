//! Statements that the engine evaluates otherwise than OPA: [`guards`].

use serde_json::Value;

use super::copies::{Marks, name_of_wildcard};
use super::{Edit, needed};
use crate::governance::builtins;
use crate::governance::syntax::{Syntax, kind_of, list, range_of, text_of};

/// What must be put into the text of a module that was parsed.
pub(in crate::governance) fn guards(module: &Syntax) -> Vec<Edit> {
    let mut finder = Finder { module, edits: Vec::new(), every: Vec::new() };
    for rule in &module.rules {
        for node in rule.head.iter().chain(&rule.arguments) {
            finder.visit(node);
        }
        for body in &rule.bodies {
            if let Some(assigned) = body.get("assign") {
                finder.visit(assigned);
            }
            if let Some(query) = body.get("query") {
                finder.query(query, true);
            }
        }
    }
    finder.edits
}

struct Finder<'m> {
    module: &'m Syntax,
    edits: Vec<Edit>,
    /// The names that each `every` around gives to what it goes through.
    every: Vec<&'m str>,
}

impl<'m> Finder<'m> {
    fn visit(&mut self, node: &'m Value) {
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| self.visit(node)),
            Value::Object(members) if members.contains_key("stmts") => self.query(node, false),
            Value::Object(members) => members.values().for_each(|node| self.visit(node)),
            _ => {}
        }
    }

    fn query(&mut self, query: &'m Value, is_body: bool) {
        for statement in list(query, "stmts") {
            let known = self.every.len();
            match statement.get("literal").and_then(kind_of) {
                Some(("NotExpr", literal)) => {
                    if let Some(expression) = literal.get("expr") {
                        // `if not f(x)` is the only body without brackets around it.
                        let is_bare = is_body && range_of(query) == range_of(statement);
                        self.guard(statement, literal, expression, is_bare);
                        self.bound_indices(expression);
                    }
                }
                Some(("Every", literal)) => {
                    let names = ["key", "value"]
                        .into_iter()
                        .filter_map(|part| text_of(literal.get(part)?, &self.module.text));
                    self.every.extend(names);
                }
                _ => {}
            }
            self.wildcard(statement);
            self.output(statement);
            self.visit(statement);
            self.every.truncate(known);
        }
    }

    /// The engine forgets that `every` has bound its names: where one of them is an index, it looks for values of it that
    /// there are, before the negation, and `every x in list { not seen[x] }` never holds. It does no such thing with an index
    /// that is looked up itself.
    fn bound_indices(&mut self, node: &Value) {
        if self.every.is_empty() {
            return;
        }
        if let Some(("RefBrack", content)) = kind_of(node)
            && let Some(index) = content.get("index")
            && let Some(("Var", variable)) = kind_of(index)
            && let Some(name) = variable.get("value").and_then(Value::as_str)
            && self.every.contains(&name)
            && let Some(range) = range_of(variable)
        {
            self.edits.push((range.start..range.start, "[".to_owned()));
            self.edits.push((range.end..range.end, "][0]".to_owned()));
        }
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| self.bound_indices(node)),
            Value::Object(members) => members.values().for_each(|node| self.bound_indices(node)),
            _ => {}
        }
    }

    /// `_ := f(x)` asks for no more than that `f(x)` is there, and the virtual machine forgets to; `_ = f(x)` is the same.
    fn wildcard(&mut self, statement: &Value) -> Option<()> {
        let (_, literal) =
            kind_of(statement.get("literal")?).filter(|(kind, _)| *kind == "Expr")?;
        let (_, assignment) =
            kind_of(literal.get("expr")?).filter(|(kind, _)| *kind == "AssignExpr")?;
        let (_, variable) = kind_of(assignment.get("lhs")?).filter(|(kind, _)| *kind == "Var")?;
        if variable.get("value")?.as_str()? == "_" {
            let end = range_of(variable)?.end;
            let sign = self.module.text.get(end..)?.find(":=").filter(|at| *at < 8)?;
            self.edits.push((end + sign..end + sign + 1, " ".to_owned()));
        }
        Some(())
    }

    /// `f(x, y)` stands for `y = f(x)` where `f` takes one argument. The engine only knows that of functions of its own.
    fn output(&mut self, statement: &Value) -> Option<()> {
        let (_, literal) = kind_of(statement.get("literal")?)?;
        let (_, call) = kind_of(literal.get("expr")?).filter(|(kind, _)| *kind == "Call")?;
        let name = self.module.text.get(range_of(kind_of(call.get("fcn")?)?.1)?)?;
        let arity = builtins::lookup(name).filter(|_| name != "walk")?.arity;
        let arguments: Vec<&Value> = list(call, "params").collect();
        let (last, others) = arguments.split_last().filter(|(_, others)| others.len() == arity)?;
        let quotes = usize::from(matches!(kind_of(last)?.0, "String" | "RawString"));
        let inner = range_of(kind_of(last)?.1)?;
        let last = inner.start.checked_sub(quotes)?..inner.end + quotes;
        let result = self.module.text.get(last.clone())?;
        let open = range_of(kind_of(call.get("fcn")?)?.1)?.end;
        let comma = self.module.text.get(open..last.start)?.rfind(',');
        let start = comma.filter(|_| !others.is_empty()).map_or(last.start, |comma| open + comma);
        if !self.module.text.get(start..last.end)?.contains('\n') {
            let begin = range_of(call)?.start;
            self.edits.push((begin..begin, format!("{result} = ")));
            self.edits.push((start..last.end, String::new()));
        }
        Some(())
    }

    /// OPA works out the arguments of what is negated before the negation, so that `not f(x.y)` is undefined where `x.y` is,
    /// and only `not x.y` and `not x.y == 1` hold there. The engine takes all of them to hold. So what OPA works out first is
    /// put in front, as a list, which is there when all of its elements are.
    fn guard(&mut self, statement: &Value, literal: &Value, expression: &Value, is_bare: bool) {
        let operands = needed(self.module, expression);
        let (Some(whole), Some(own)) = (range_of(statement), range_of(literal)) else {
            return;
        };
        if operands.is_empty() {
            return;
        }
        let with = Marks::default().copied(&self.module.text, own.end..whole.end);
        let operands: Vec<String> = operands
            .into_iter()
            .map(|node| {
                let mut marks = Marks::default();
                marks.find(node);
                // A wildcard would be another one in front.
                let named = marks.wildcards.iter().map(|at| (*at..at + 1, name_of_wildcard(*at)));
                self.edits.extend(named);
                let range = kind_of(node).and_then(|(_, content)| range_of(content));
                marks.copied(&self.module.text, range.unwrap_or_default())
            })
            .collect();
        let guard = format!("[{}]{}; ", operands.join(", "), with.trim_end());
        if is_bare {
            self.edits.push((whole.start..whole.start, format!("{{ {guard}")));
            self.edits.push((whole.end..whole.end, " }".to_owned()));
        } else {
            self.edits.push((whole.start..whole.start, guard));
        }
    }
}
