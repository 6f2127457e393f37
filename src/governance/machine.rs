//! Rules compiled for the engine's virtual machine, which is two to four times as fast as its interpreter: [`Machine`].
//!
//! The machine takes nearly every error for a rule that does not hold: a function that fails, two definitions that
//! disagree. Whoever found an input that makes a policy fail would pass in silence. So its program is changed before it
//! runs ([`program`]): every function is called through one of ours, arithmetic becomes calls of functions, and the results
//! of rules that could disagree are compared as they are made. What is found ends the program as a time-out would, which
//! is the one kind of error that the machine never hides.

mod operations;
mod program;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use regorus::rvm::vm::VmError;
use regorus::rvm::{Program, RegoVM};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{CompiledPolicy, Value};

use super::builtins;
use super::builtins::fault::{self, Fault};
use super::deadline::Deadline;
use super::mode::{Errors, Failure};

/// How many instructions the machine runs between two looks at the clock. A call of a function is one of them.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(64).expect("64 is not zero");

/// A program, shared by all its runs.
#[derive(Debug)]
pub(super) struct Machine {
    program: Arc<Program>,
    /// The rules whose results are compared, each with its place.
    disputable: Vec<String>,
}

/// A machine that is made when it is first asked for. Where a program of our own runs the rules, that is seldom.
#[derive(Debug)]
pub(super) struct Late {
    policy: CompiledPolicy,
    entries: Vec<String>,
    errors: Errors,
    made: OnceLock<Option<Machine>>,
}

impl Late {
    /// One for rules that are asked by way of `entries`.
    pub(super) const fn new(policy: CompiledPolicy, entries: Vec<String>, errors: Errors) -> Self {
        Self { policy, entries, errors, made: OnceLock::new() }
    }

    /// The machine; nothing where there can be none.
    pub(super) fn get(&self) -> Option<&Machine> {
        let make = || Machine::compile(&self.policy, &self.entries, self.errors);
        self.made.get_or_init(make).as_ref()
    }
}

impl Machine {
    /// Compiles rules that are asked by way of `entries`; nothing where the machine cannot run them, or could not run them
    /// as the interpreter would.
    fn compile(policy: &CompiledPolicy, entries: &[String], errors: Errors) -> Option<Self> {
        let (program, disputable) = program::compile(policy, entries, errors)?;
        Some(Self { program: Arc::new(program), disputable })
    }

    /// The value of a rule.
    pub(super) fn run(
        &self,
        rule: &str,
        input: Option<&Value>,
        data: Option<&Value>,
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        let limit = deadline.left();
        let mut vm = RegoVM::new();
        vm.load_program(Arc::clone(&self.program));
        // The clock ends what is endless.
        vm.set_max_instructions(usize::MAX);
        vm.set_execution_timer_config(Some(ExecutionTimerConfig {
            limit,
            check_interval: CHECK_INTERVAL,
        }));
        if let Some(input) = input {
            vm.set_input(input.clone());
        }
        if let Some(data) = data {
            vm.set_data(data.clone()).map_err(|error| Failure::Error(error.to_string()))?;
        }
        builtins::begin();
        let value = vm.execute_entry_point_by_name(rule);
        operations::forget();
        match (value, fault::take()) {
            (_, Some(Fault::Reason(reason))) => Err(Failure::Error(format!("{rule}: {reason}"))),
            (_, Some(Fault::Dispute(number))) => {
                let place = self.disputable.get(number).map_or(rule, String::as_str);
                Err(Failure::Error(format!("{place} must not produce multiple outputs")))
            }
            (Ok(value), None) => Ok(value),
            (Err(VmError::TimeLimitExceeded { .. }), None) => Err(Failure::Time(limit)),
            (Err(error), None) => Err(Failure::Error(format!("{rule}: {error}"))),
        }
    }
}
