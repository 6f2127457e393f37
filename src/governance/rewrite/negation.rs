//! What OPA works out before a negation: [`needed`].

use serde_json::Value;

use crate::governance::syntax::{Rule, Syntax, kind_of, list};

/// What OPA works out before the negation of an expression.
pub(in crate::governance) fn needed<'n>(module: &Syntax, expression: &'n Value) -> Vec<&'n Value> {
    let mut operands = Vec::new();
    Operands { module }.operands(expression, &mut operands);
    operands
}

struct Operands<'m> {
    module: &'m Syntax,
}

impl Operands<'_> {
    fn operands<'n>(&self, node: &'n Value, operands: &mut Vec<&'n Value>) {
        let Some((kind, content)) = kind_of(node) else {
            return;
        };
        let is_equality = content.get("op").and_then(Value::as_str) == Some("Eq");
        match kind {
            "RefDot" | "RefBrack" => self.indices(node, operands),
            "Call" => list(content, "params").for_each(|one| self.operand(one, operands)),
            "BoolExpr" | "AssignExpr" if is_equality => {
                for side in ["lhs", "rhs"].iter().filter_map(|side| content.get(*side)) {
                    match kind_of(side) {
                        Some(("RefDot" | "RefBrack", _)) => self.indices(side, operands),
                        Some(("Var", _)) => {}
                        _ => self.operand(side, operands),
                    }
                }
            }
            "BoolExpr" | "ArithExpr" | "BinExpr" | "Membership" => {
                for part in ["lhs", "rhs", "key", "value", "collection"] {
                    content.get(part).into_iter().for_each(|one| self.operand(one, operands));
                }
            }
            "Array" | "Set" | "Object" | "UnaryExpr" => self.operand(node, operands),
            _ => {}
        }
    }

    /// The indices of a reference that are references or calls themselves.
    fn indices<'n>(&self, node: &'n Value, operands: &mut Vec<&'n Value>) {
        let Some((kind, content)) = kind_of(node) else {
            return;
        };
        if kind == "RefBrack"
            && let Some(index) = content.get("index")
        {
            self.operand(index, operands);
        }
        if let Some(inner) = content.get("refr") {
            self.indices(inner, operands);
        }
    }

    fn operand<'n>(&self, node: &'n Value, operands: &mut Vec<&'n Value>) {
        let Some((kind, content)) = kind_of(node) else {
            return;
        };
        let is_needed = match kind {
            // What a query binds is there; what stands for a rule or an import may not be.
            "Var" => content.get("value").and_then(Value::as_str).is_some_and(|name| {
                let is_rule = |rule: &Rule| rule.path.first().is_some_and(|first| first == name);
                name != "_"
                    && (self.module.imports.contains_key(name)
                        || self.module.rules.iter().any(is_rule))
            }),
            "RefDot" | "RefBrack" | "Call" | "ArithExpr" | "BinExpr" | "BoolExpr"
            | "Membership" | "UnaryExpr" => true,
            "Array" | "Set" => list(content, "items").any(|one| self.is_dynamic(one)),
            "Object" => list(content, "fields").any(|field| {
                [1, 2].iter().filter_map(|at| field.get(*at)).any(|one| self.is_dynamic(one))
            }),
            _ => false,
        };
        if is_needed {
            operands.push(node);
        }
    }

    fn is_dynamic(&self, node: &Value) -> bool {
        let mut operands = Vec::new();
        self.operand(node, &mut operands);
        !operands.is_empty()
    }
}
