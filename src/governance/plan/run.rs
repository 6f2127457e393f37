//! Programs to values: [`Run`].

/// The value, or an end with none.
macro_rules! some {
    ($outcome:expr) => {
        match $outcome {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

mod answers;
mod expressions;
mod rules;
mod statements;

use bumpalo::Bump;

use answers::Answer;

use super::Program;
use super::program::{Expr, RuleId, Slot};
use super::value::{Value, begin_comparing, compared_too_much};
use crate::governance::builtins;
use crate::governance::deadline::Deadline;
use crate::governance::mode::Errors;

/// How many steps lie between two looks at the clock.
const STEPS: u32 = 512;

/// How much memory an evaluation may use, in bytes.
const MAX_MEMORY: usize = 64 << 20;

/// How many parts a result may have when written out.
const MAX_PARTS: usize = 200_000;

/// Why there is no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::governance) enum Stop {
    /// The engine has to be asked.
    GiveUp,
    /// The time is up.
    Time,
    /// So much has to be compared that nobody should try.
    TooMuch,
}

/// Whether to go on with the next.
type Flow = Result<bool, Stop>;

/// A value, or none.
type Outcome<'r> = Result<Option<Value<'r>>, Stop>;

/// What is known of a rule.
#[derive(Clone, Copy)]
enum Memo<'r> {
    Unknown,
    Known(Option<Value<'r>>),
}

/// One evaluation.
pub(super) struct Run<'r> {
    program: &'r Program,
    input: Value<'r>,
    arena: &'r Bump,
    errors: Errors,
    deadline: Deadline,
    /// The variables of all definitions that are being evaluated, innermost last.
    slots: Vec<Value<'r>>,
    /// Where those of the innermost begin.
    base: usize,
    rules: Vec<Memo<'r>>,
    literals: Vec<Option<Value<'r>>>,
    /// What functions gave, see [`Answer`]; none as long as there was no call.
    answers: Vec<Answer<'r>>,
    steps: u32,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        program: &'r Program,
        input: Value<'r>,
        arena: &'r Bump,
        errors: Errors,
        deadline: Deadline,
    ) -> Self {
        begin_comparing();
        builtins::begin();
        Self {
            program,
            input,
            arena,
            errors,
            deadline,
            slots: Vec::with_capacity(32),
            base: 0,
            rules: vec![Memo::Unknown; program.rules.len()],
            literals: vec![None; program.literals.len()],
            answers: Vec::new(),
            steps: 0,
        }
    }

    /// The value of a rule, as the engine has it.
    pub(super) fn value_of(mut self, rule: RuleId) -> Result<regorus::Value, Stop> {
        let value = self.rule(rule)?;
        if compared_too_much() {
            return Err(Stop::TooMuch);
        }
        match value {
            None => Ok(regorus::Value::Undefined),
            Some(value) => value.to_engine(&mut { MAX_PARTS }).ok_or(Stop::GiveUp),
        }
    }

    /// Counts a step. Fails when there have been enough.
    fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps < STEPS {
            return Ok(());
        }
        self.steps = 0;
        if compared_too_much() {
            Err(Stop::TooMuch)
        } else if self.deadline.has_passed() {
            Err(Stop::Time)
        } else {
            self.room()
        }
    }

    fn room(&self) -> Result<(), Stop> {
        if self.arena.allocated_bytes() > MAX_MEMORY { Err(Stop::GiveUp) } else { Ok(()) }
    }

    fn slot(&self, slot: Slot) -> Option<Value<'r>> {
        self.slots.get(self.base + slot).copied()
    }

    fn bind(&mut self, slot: Slot, value: Value<'r>) {
        if let Some(place) = self.slots.get_mut(self.base + slot) {
            *place = value;
        }
    }

    /// Does something with variables of its own.
    fn framed<T>(&mut self, slots: usize, work: impl FnOnce(&mut Self) -> T) -> T {
        let (base, start) = (self.base, self.slots.len());
        self.base = start;
        self.slots.resize(start + slots, Value::Null);
        let done = work(self);
        self.slots.truncate(start);
        self.base = base;
        done
    }

    /// Evaluates arguments; does not call with some that have no value.
    fn with_arguments(
        &mut self,
        arguments: &'r [Expr],
        call: impl FnOnce(&mut Self, &[Value<'r>]) -> Outcome<'r>,
    ) -> Outcome<'r> {
        match arguments {
            [one] => {
                let one = some!(self.value(one)?);
                call(self, &[one])
            }
            [one, other] => {
                let one = some!(self.value(one)?);
                let other = some!(self.value(other)?);
                call(self, &[one, other])
            }
            _ => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(some!(self.value(argument)?));
                }
                call(self, &values)
            }
        }
    }
}

/// The elements of a value with their keys, none where it has none.
fn pairs(source: Value<'_>) -> impl Iterator<Item = (Value<'_>, Value<'_>)> {
    let (elements, set, members): (&[_], &[_], &[_]) = match source {
        Value::Array(elements) => (elements, &[], &[]),
        Value::Set(elements) => (&[], elements, &[]),
        Value::Object(members) => (&[], &[], members),
        _ => (&[], &[], &[]),
    };
    let elements = (0_i64..).map(Value::Integer).zip(elements.iter().copied());
    elements.chain(set.iter().map(|one| (*one, *one))).chain(members.iter().copied())
}
