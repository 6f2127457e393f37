//! The engine's interpreter, made ready and asked.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{CompiledPolicy, Engine, Value};

use super::{Errors, Failure, located};
use crate::governance::PolicyError;
use crate::governance::builtins::fault::{self, Fault};
use crate::governance::builtins::{self, Unable, plain};
use crate::governance::deadline::Deadline;

/// How many of its instructions the engine runs between two looks at the clock. Most take nanoseconds, but a built-in that
/// works through a long text may take a millisecond.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(64).expect("64 is not zero");

/// Lets an engine call the functions whose arguments are looked at by way of ours.
pub(super) fn extend(engine: &mut Engine, errors: Errors) -> Result<(), PolicyError> {
    engine.set_strict_builtin_errors(errors == Errors::Strict);
    for builtin in builtins::extensions() {
        // The engine counts arguments in one byte, and so does nobody need more.
        let arity = u8::try_from(builtin.arity).unwrap_or(u8::MAX);
        let call = move |arguments: Vec<Value>| match builtins::call(builtin, &arguments) {
            Err(Unable::Failed(_)) if errors == Errors::Lenient => Ok(Value::Undefined),
            Err(unable @ Unable::TooMuch(_)) => {
                fault::raise(Fault::Reason(unable.to_string()));
                Err(unable)?
            }
            result => Ok(result?),
        };
        engine
            .add_extension(builtin.name.to_owned(), arity, Box::new(call))
            .map_err(|error| PolicyError { message: error.to_string() })?;
    }
    Ok(())
}

/// Makes an engine ready, so that its clones are.
pub(super) fn prepare(engine: &mut Engine, entry: &str) -> Result<CompiledPolicy, PolicyError> {
    engine
        .compile_with_entrypoint(&entry.into())
        .map_err(|error| PolicyError { message: located(entry, &error.to_string()) })
}

/// An interpreter that takes failing functions for undefined, made ready when it is first asked for: it has nothing to do but
/// where the strict one failed.
pub(super) struct Lenient {
    base: Engine,
    entry: Option<String>,
    ready: OnceLock<Option<Engine>>,
}

impl Lenient {
    /// One for rules that are asked by way of `entry`, in an engine that nothing was made ready in.
    pub(super) const fn new(base: Engine, entry: Option<String>) -> Self {
        Self { base, entry, ready: OnceLock::new() }
    }

    /// The engine; nothing where it cannot be made ready, which the strict one would have shown.
    pub(super) fn get(&self) -> Option<&Engine> {
        let make = || {
            let mut engine = self.base.clone();
            extend(&mut engine, Errors::Lenient).ok()?;
            if let Some(entry) = &self.entry {
                prepare(&mut engine, entry).ok()?;
            }
            Some(engine)
        };
        self.ready.get_or_init(make).as_ref()
    }
}

/// Whether an error of the interpreter says that rules or functions disagree.
pub(super) fn is_dispute(message: &str) -> bool {
    ["multiple outputs", "conflict"].iter().any(|part| message.contains(part))
}

/// The value of a rule, and what was printed on the way, as this engine has it.
pub(super) fn interpret(
    engine: &Engine,
    rule: &str,
    input: Option<&Value>,
    data: Option<&Value>,
    deadline: Deadline,
) -> (Result<Value, Failure>, Vec<String>) {
    let limit = deadline.left();
    let mut engine = engine.clone();
    engine.set_execution_timer_config(timer(limit));
    if let Some(input) = input {
        engine.set_input(input.clone());
    }
    builtins::begin();
    let value = guarded(|| {
        if let Some(data) = data {
            engine
                .add_data(data.clone())
                .map_err(|error| Failure::Error(plain(&error.to_string())))?;
        }
        // The engine turns some of its errors into texts on the way; the clock knows.
        engine.eval_rule(rule.to_owned()).map_err(|error| {
            if deadline.has_passed() {
                Failure::Time(limit)
            } else {
                Failure::Error(located(rule, &error.to_string()))
            }
        })
    });
    // What the engine hides is not hidden here.
    let value = match fault::take() {
        Some(Fault::Reason(reason)) if value.is_ok() => {
            Err(Failure::Error(format!("{rule}: {reason}")))
        }
        _ => value,
    };
    // After a panic the clone may be in any state; it is thrown away in any case.
    let prints = if value == Err(Failure::Panic) {
        Vec::new()
    } else {
        engine.take_prints().unwrap_or_default()
    };
    (value, prints)
}

/// A panic inside a built-in is the policy's fault, not the server's. What it leaves behind is thrown away.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Failure::Panic))
}

pub(super) const fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig { limit, check_interval: CHECK_INTERVAL }
}
