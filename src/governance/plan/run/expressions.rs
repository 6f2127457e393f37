//! Expressions.

use super::{MAX_PARTS, Outcome, Run, Stop, pairs};
use crate::governance::builtins::{self, Builtin, Unable};
use crate::governance::mode::Errors;
use crate::governance::plan::program::{BuiltinCall, Comparison, Expr, Operation, Statement, Step};
use crate::governance::plan::value::Value;

impl<'r> Run<'r> {
    pub(super) fn value(&mut self, expression: &'r Expr) -> Outcome<'r> {
        Ok(Some(match expression {
            Expr::Null => Value::Null,
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Integer(integer) => Value::Integer(*integer),
            Expr::Float(float) => Value::Float(*float),
            Expr::Text(text) => Value::Text(text),
            Expr::Large => return Err(Stop::GiveUp),
            Expr::Literal(number) => return self.literal(*number),
            Expr::Local(slot) => return Ok(self.slot(*slot)),
            Expr::Input => self.input,
            Expr::Get(parts) => {
                let base = some!(self.value(&parts.0)?);
                return self.get(base, &parts.1);
            }
            Expr::Rule(id) => return self.rule(*id),
            Expr::Call(call) => return self.call(call.0, &call.1),
            Expr::Builtin(call) => return self.builtin(call),
            Expr::Compare(comparison, sides) => {
                let left = some!(self.value(&sides.0)?);
                let right = some!(self.value(&sides.1)?);
                Value::Bool(compare(*comparison, left, right))
            }
            other => return self.composed(other),
        }))
    }

    // What is usual stays small: `value` calls itself all the time.
    #[inline(never)]
    fn builtin(&mut self, call: &'r BuiltinCall) -> Outcome<'r> {
        let BuiltinCall { builtin, native, arguments } = call;
        self.with_arguments(arguments, |run, arguments| {
            run.room()?;
            match native.and_then(|native| native(run.arena, arguments)) {
                Some(value) => Ok(Some(value)),
                None => run.engine(builtin, arguments),
            }
        })
    }

    #[inline(never)]
    fn composed(&mut self, expression: &'r Expr) -> Outcome<'r> {
        Ok(Some(match expression {
            Expr::Array(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(some!(self.value(item)?));
                }
                Value::array(self.arena, &values)
            }
            Expr::Set(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(some!(self.value(item)?));
                }
                Value::set(self.arena, &mut values)
            }
            Expr::Object(members) => {
                let mut values = Vec::with_capacity(members.len());
                for (key, value) in members {
                    values.push((some!(self.value(key)?), some!(self.value(value)?)));
                }
                Value::object(self.arena, &mut values).ok_or(Stop::GiveUp)?
            }
            Expr::ArrayOf(parts) => {
                let elements = self.gather(&parts.0, &parts.1)?;
                Value::array(self.arena, &elements)
            }
            Expr::SetOf(parts) => {
                let mut elements = self.gather(&parts.0, &parts.1)?;
                Value::set(self.arena, &mut elements)
            }
            Expr::ObjectOf(parts) => {
                let (block, key, value) = &**parts;
                let mut members = Vec::new();
                self.block(block, &mut |run| {
                    if let (Some(key), Some(value)) = (run.value(key)?, run.value(value)?) {
                        members.push((key, value));
                    }
                    Ok(true)
                })?;
                self.room()?;
                Value::object(self.arena, &mut members).ok_or(Stop::GiveUp)?
            }
            Expr::Arithmetic(operation, sides) => {
                let left = some!(self.value(&sides.0)?);
                let right = some!(self.value(&sides.1)?);
                return self.arithmetic(*operation, left, right);
            }
            Expr::Within(parts) => {
                let (key, value, collection) = &**parts;
                let key = match key {
                    Some(key) => Some(some!(self.value(key)?)),
                    None => None,
                };
                let value = some!(self.value(value)?);
                let collection = some!(self.value(collection)?);
                Value::Bool(within(key, value, collection))
            }
            // `value` knows all others.
            _ => return Err(Stop::GiveUp),
        }))
    }

    fn literal(&mut self, number: usize) -> Outcome<'r> {
        if let Some(Some(value)) = self.literals.get(number) {
            return Ok(Some(*value));
        }
        let program = self.program;
        let constant = program.literals.get(number).ok_or(Stop::GiveUp)?;
        let value = constant.value(self.arena).ok_or(Stop::GiveUp)?;
        if let Some(place) = self.literals.get_mut(number) {
            *place = Some(value);
        }
        Ok(Some(value))
    }

    fn get(&mut self, base: Value<'r>, steps: &'r [Step]) -> Outcome<'r> {
        let mut value = base;
        for step in steps {
            value = match step {
                Step::Name(name) => some!(value.named(name)),
                Step::Key(key) => {
                    let key = some!(self.value(key)?);
                    some!(value.get(key))
                }
            };
        }
        Ok(Some(value))
    }

    /// The values of an expression in all ways in which statements hold together.
    fn gather(
        &mut self,
        block: &'r [Statement],
        expression: &'r Expr,
    ) -> Result<Vec<Value<'r>>, Stop> {
        let mut elements = Vec::new();
        self.block(block, &mut |run| {
            elements.extend(run.value(expression)?);
            Ok(true)
        })?;
        self.room()?;
        Ok(elements)
    }

    fn arithmetic(&self, operation: Operation, left: Value<'r>, right: Value<'r>) -> Outcome<'r> {
        let value = match (operation, left, right) {
            (Operation::Union, Value::Set(left), Value::Set(right)) => {
                let mut all: Vec<Value<'r>> = left.iter().chain(right).copied().collect();
                Some(Value::set(self.arena, &mut all))
            }
            (Operation::Intersection, Value::Set(left), Value::Set(right)) => {
                let both = left.iter().filter(|one| right.binary_search(one).is_ok());
                Some(Value::set(self.arena, &mut both.copied().collect()))
            }
            (Operation::Subtract, Value::Set(left), Value::Set(right)) => {
                let rest = left.iter().filter(|one| right.binary_search(one).is_err());
                Some(Value::set(self.arena, &mut rest.copied().collect()))
            }
            (Operation::Union | Operation::Intersection, ..) => return self.failed(),
            (Operation::Divide | Operation::Remainder, _, Value::Integer(0)) => {
                return self.failed();
            }
            (_, Value::Integer(one), Value::Integer(other)) => {
                integers(operation, one, other).or_else(|| floats(operation, left, right))
            }
            (Operation::Remainder, ..) => return self.failed(),
            _ => match (left.as_float(), right.as_float()) {
                (Some(_), Some(_)) => floats(operation, left, right),
                _ => return self.failed(),
            },
        };
        self.room()?;
        value.map(Some).ok_or(Stop::GiveUp)
    }

    /// What becomes of a function that fails.
    fn failed(&self) -> Outcome<'r> {
        match self.errors {
            Errors::Lenient => Ok(None),
            Errors::Strict => Err(Stop::GiveUp),
        }
    }

    /// Lets the engine compute a built-in function.
    fn engine(&self, builtin: &'static Builtin, arguments: &[Value<'r>]) -> Outcome<'r> {
        // A relation, which is no function of the engine.
        if builtin.name == "walk" {
            return Err(Stop::GiveUp);
        }
        let mut room = MAX_PARTS;
        let arguments = arguments.iter().map(|one| one.to_engine(&mut room));
        let arguments = arguments.collect::<Option<Vec<_>>>().ok_or(Stop::GiveUp)?;
        match builtins::call(builtin, &arguments) {
            Ok(regorus::Value::Undefined) => Ok(None),
            Ok(value) => Value::of_engine(self.arena, &value).map(Some).ok_or(Stop::GiveUp),
            Err(Unable::Failed(_)) => self.failed(),
            Err(Unable::TooMuch(_)) => Err(Stop::GiveUp),
        }
    }
}

fn compare(comparison: Comparison, left: Value<'_>, right: Value<'_>) -> bool {
    match comparison {
        Comparison::Equal => left == right,
        Comparison::Unequal => left != right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    }
}

fn within<'r>(key: Option<Value<'r>>, value: Value<'r>, collection: Value<'r>) -> bool {
    match (key, collection) {
        (Some(key), _) => collection.get(key).is_some_and(|have| have == value),
        (None, Value::Set(elements)) => elements.binary_search(&value).is_ok(),
        (None, _) => pairs(collection).any(|(_, have)| have == value),
    }
}

/// The exact result, where there is one in a machine word.
fn integers<'r>(operation: Operation, left: i64, right: i64) -> Option<Value<'r>> {
    let exact = match operation {
        Operation::Add => left.checked_add(right),
        Operation::Subtract => left.checked_sub(right),
        Operation::Multiply => left.checked_mul(right),
        Operation::Divide if left.checked_rem(right) == Some(0) => left.checked_div(right),
        Operation::Remainder => left.checked_rem(right),
        _ => None,
    };
    exact.map(Value::Integer)
}

/// The result as the engine has it, which computes with floats, too; nothing where it is large.
fn floats<'r>(operation: Operation, left: Value<'r>, right: Value<'r>) -> Option<Value<'r>> {
    let (one, other) = (left.as_float()?, right.as_float()?);
    let is_whole = matches!((left, right), (Value::Integer(_), Value::Integer(_)));
    match operation {
        // What overflows is for the engine.
        Operation::Add | Operation::Subtract | Operation::Multiply if is_whole => None,
        Operation::Add => Value::number(one + other),
        Operation::Subtract => Value::number(one - other),
        Operation::Multiply => Value::number(one * other),
        Operation::Divide => Value::number(one / other),
        _ => None,
    }
}
