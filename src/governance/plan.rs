//! Rules as programs of our own, which are what makes policies cheap: [`Program`].
//!
//! A program is a tree of closures in all but name: names are slots, rules are numbers, values lie in an arena and are never
//! copied. It does what OPA does, or gives up: whatever it has no exact way for (numbers beyond a machine word, rules that
//! disagree, a function that fails where that matters, more memory than is good) is left to the engine, which then says
//! what is wrong, and where. So a program can cost time for nothing, but it cannot be wrong in its own way about them.
//!
//! | module | what |
//! |---|---|
//! | `value` | values, their order, and how they are read from JSON |
//! | `program` | what programs are made of |
//! | `compile` | syntax trees to programs |
//! | `run` | programs to values |
//! | `functions` | the built-in functions that are computed here |

mod compile;
mod functions;
mod program;
mod run;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use bumpalo::Bump;

use super::deadline::Deadline;
use super::mode::Errors;
use super::syntax::Syntax;
pub(super) use compile::Halt;
use program::{Rule, RuleId};
pub(super) use run::Stop;
pub(super) use value::Value;

/// Rules made ready to run.
#[derive(Debug)]
pub(super) struct Program {
    rules: Vec<Rule>,
    literals: Vec<Constant>,
    /// The rules that can be asked, by the names that the engine knows.
    entries: BTreeMap<String, RuleId>,
}

/// A value that the text of a policy holds.
#[derive(Clone, Debug)]
enum Constant {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Box<str>),
    Array(Vec<Self>),
    Set(Vec<Self>),
    Object(Vec<(Self, Self)>),
}

impl Program {
    /// Compiles rules by the names that the engine knows, with all that they need.
    ///
    /// Fails where they need something that only the engine can do; with what that is.
    pub(super) fn compile(modules: &[Syntax], entries: &[String]) -> Result<Self, Halt> {
        compile::compile(modules, entries)
    }

    /// The value of a rule, as the engine has it; undefined where it has none.
    ///
    /// Fails where the engine has to be asked instead, and where the time is up.
    pub(super) fn run<'r>(
        &'r self,
        rule: &str,
        input: Value<'r>,
        arena: &'r Bump,
        errors: Errors,
        deadline: Deadline,
    ) -> Result<regorus::Value, Stop> {
        let rule = self.entries.get(rule).ok_or(Stop::GiveUp)?;
        run::Run::new(self, input, arena, errors, deadline).value_of(*rule)
    }
}

impl Constant {
    /// A number of a text; nothing where it is too large.
    fn number(number: Option<&serde_json::Value>) -> Option<Self> {
        let number = number?.as_number()?;
        if let Some(integer) = number.as_i64() {
            return Some(Self::Integer(integer));
        }
        match Value::number(number.as_f64()?)? {
            Value::Integer(integer) => Some(Self::Integer(integer)),
            Value::Float(float) => Some(Self::Float(float)),
            _ => None,
        }
    }

    /// The constant as a value; nothing where a key of an object stands twice.
    fn value<'a>(&'a self, arena: &'a Bump) -> Option<Value<'a>> {
        let all = |items: &'a [Self]| {
            items.iter().map(|item| item.value(arena)).collect::<Option<Vec<_>>>()
        };
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Float(float) => Value::Float(*float),
            Self::Text(text) => Value::Text(text),
            Self::Array(items) => Value::array(arena, &all(items)?),
            Self::Set(items) => Value::set(arena, &mut all(items)?),
            Self::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| Some((key.value(arena)?, value.value(arena)?)));
                Value::object(arena, &mut members.collect::<Option<Vec<_>>>()?)?
            }
        })
    }
}
