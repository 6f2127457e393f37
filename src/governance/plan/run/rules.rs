//! Rules and functions.

use super::answers::Answer;
use super::{Flow, Memo, Outcome, Run, Stop};
use crate::governance::plan::program::{Clause, Definition, Expr, Kind, Pattern, Rule, RuleId};
use crate::governance::plan::value::Value;

/// What a definition contributes to a tree.
struct Leaf<'r> {
    keys: Vec<Value<'r>>,
    value: Value<'r>,
    is_element: bool,
}

impl<'r> Run<'r> {
    pub(super) fn rule(&mut self, id: RuleId) -> Outcome<'r> {
        if let Some(Memo::Known(value)) = self.rules.get(id) {
            return Ok(*value);
        }
        let program = self.program;
        let rule = program.rules.get(id).ok_or(Stop::GiveUp)?;
        let value = match rule.kind {
            Kind::Complete => self.complete(rule, &[])?,
            Kind::Set => Some(self.set(rule)?),
            Kind::Object => Some(self.object(rule)?),
            Kind::Tree => Some(self.tree(rule)?),
        };
        if let Some(memo) = self.rules.get_mut(id) {
            *memo = Memo::Known(value);
        }
        Ok(value)
    }

    pub(super) fn set(&mut self, rule: &'r Rule) -> Result<Value<'r>, Stop> {
        let mut elements = Vec::new();
        for definition in &rule.definitions {
            self.each_result(definition, &mut |run, clause| {
                elements.extend(run.value(&clause.value)?);
                Ok(true)
            })?;
        }
        self.room()?;
        Ok(Value::set(self.arena, &mut elements))
    }

    pub(super) fn object(&mut self, rule: &'r Rule) -> Result<Value<'r>, Stop> {
        let mut members = Vec::new();
        for definition in &rule.definitions {
            self.each_result(definition, &mut |run, clause| {
                let key = match clause.keys.first() {
                    Some(key) => run.value(key)?,
                    None => None,
                };
                if let (Some(key), Some(value)) = (key, run.value(&clause.value)?) {
                    members.push((key, value));
                }
                Ok(true)
            })?;
        }
        self.room()?;
        Value::object(self.arena, &mut members).ok_or(Stop::GiveUp)
    }

    fn tree(&mut self, rule: &'r Rule) -> Result<Value<'r>, Stop> {
        let mut leaves = Vec::new();
        for definition in &rule.definitions {
            self.each_result(definition, &mut |run, clause| {
                let mut keys = Vec::with_capacity(clause.keys.len());
                for key in &clause.keys {
                    match run.value(key)? {
                        Some(key) => keys.push(key),
                        None => return Ok(true),
                    }
                }
                if let Some(value) = run.value(&clause.value)? {
                    leaves.push(Leaf { keys, value, is_element: clause.is_element });
                }
                Ok(true)
            })?;
        }
        leaves.sort_by(|left, right| left.keys.cmp(&right.keys));
        self.room()?;
        self.grown(&leaves, 0)?.ok_or(Stop::GiveUp)
    }

    /// What leaves with the same keys up to a depth make, sorted by their keys; nothing where they contradict each other.
    fn grown(&mut self, leaves: &[Leaf<'r>], depth: usize) -> Outcome<'r> {
        self.step()?;
        if leaves.iter().any(|leaf| leaf.keys.len() <= depth) {
            return Ok(self.leaf(leaves, depth));
        }
        let mut members = Vec::new();
        let key = |leaf: &Leaf<'r>| leaf.keys.get(depth).copied();
        for same in leaves.chunk_by(|left, right| key(left) == key(right)) {
            let key = same.first().and_then(key);
            members.push((some!(key), some!(self.grown(same, depth + 1)?)));
        }
        Ok(Value::object(self.arena, &mut members))
    }

    /// What leaves make that all end at a depth.
    fn leaf(&self, leaves: &[Leaf<'r>], depth: usize) -> Option<Value<'r>> {
        let first = leaves.first()?;
        if leaves.iter().any(|leaf| leaf.keys.len() > depth || leaf.is_element != first.is_element)
        {
            return None;
        }
        if first.is_element {
            let mut elements = leaves.iter().map(|leaf| leaf.value).collect();
            return Some(Value::set(self.arena, &mut elements));
        }
        leaves.iter().all(|leaf| leaf.value == first.value).then_some(first.value)
    }

    pub(super) fn each_result(
        &mut self,
        definition: &'r Definition,
        then: &mut dyn FnMut(&mut Self, &'r Clause) -> Flow,
    ) -> Result<(), Stop> {
        self.framed(definition.slots, |run| {
            for clause in &definition.clauses {
                run.block(&clause.block, &mut |run| then(run, clause))?;
            }
            Ok(())
        })
    }

    /// The value of a rule or a function. All its definitions must agree.
    pub(super) fn complete(&mut self, rule: &'r Rule, arguments: &[Value<'r>]) -> Outcome<'r> {
        self.step()?;
        let mut known = None;
        for definition in &rule.definitions {
            if is_about_others(definition, arguments) {
                continue;
            }
            let value = self.definition(definition, arguments, rule.is_settled)?;
            match (known, value) {
                (Some(known), Some(value)) if known != value => return Err(Stop::GiveUp),
                (None, Some(_)) => known = value,
                _ => {}
            }
            if known.is_some() && rule.is_settled {
                return Ok(known);
            }
        }
        match &rule.default {
            Some(default) if known.is_none() => self.definition(default, arguments, true),
            _ => Ok(known),
        }
    }

    pub(super) fn definition(
        &mut self,
        definition: &'r Definition,
        arguments: &[Value<'r>],
        is_settled: bool,
    ) -> Outcome<'r> {
        self.framed(definition.slots, |run| {
            for (pattern, argument) in definition.arguments.iter().zip(arguments) {
                if !run.matches(pattern, *argument)? {
                    return Ok(None);
                }
            }
            for clause in &definition.clauses {
                let mut known = None;
                run.block(&clause.block, &mut |run| {
                    let value = run.value(&clause.value)?;
                    match (known, value) {
                        (Some(known), Some(value)) if known != value => return Err(Stop::GiveUp),
                        (None, Some(_)) => known = value,
                        _ => {}
                    }
                    Ok(!(is_settled && known.is_some()))
                })?;
                if known.is_some() {
                    return Ok(known);
                }
            }
            Ok(None)
        })
    }

    pub(super) fn call(&mut self, id: RuleId, arguments: &'r [Expr]) -> Outcome<'r> {
        self.with_arguments(arguments, |run, arguments| run.answer(id, arguments))
    }

    /// What a function gives: looked up where it was asked the same before.
    fn answer(&mut self, id: RuleId, arguments: &[Value<'r>]) -> Outcome<'r> {
        let program = self.program;
        let rule = program.rules.get(id).ok_or(Stop::GiveUp)?;
        let Some(place) = Answer::place(id, arguments) else {
            return self.complete(rule, arguments);
        };
        if let Some(answer) = self.answers.get(place)
            && answer.is_to(id, arguments)
        {
            return Ok(answer.value);
        }
        let value = self.complete(rule, arguments)?;
        if self.answers.is_empty() {
            self.answers.resize(Answer::PLACES, Answer::NONE);
        }
        if let Some(answer) = self.answers.get_mut(place) {
            *answer = Answer::new(id, arguments, value);
        }
        Ok(value)
    }
}

/// Whether a definition names other texts than these arguments: `f("Ki")` and its likes stand in long rows.
fn is_about_others(definition: &Definition, arguments: &[Value<'_>]) -> bool {
    definition.arguments.iter().zip(arguments).any(|(pattern, argument)| match pattern {
        Pattern::Equal(Expr::Text(text)) => {
            !matches!(argument, Value::Text(argument) if **argument == **text)
        }
        _ => false,
    })
}
