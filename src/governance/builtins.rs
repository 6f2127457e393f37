//! The built-in functions that policies may call, and what keeps each from ending the process: [`lookup`], [`Bounded`].
//!
//! The engine's time limit is not consulted inside a built-in, and memory that cannot be had aborts the process, which no
//! `catch_unwind` stops. So the functions whose result or cost can be far larger than their arguments are not called by the
//! engine but through [`Bounded::call`], which looks at the arguments first. Functions that would make an answer depend on
//! something else than the request are refused when a policy is loaded; there are none that reach the network.

mod guards;
mod table;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::{Program, RegoVM};
use regorus::{Engine, Value};

use super::value::from_json;
use crate::document::Document;
use table::TABLE;

/// A built-in function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Builtin {
    /// Its name as written: `array.concat`.
    pub name: &'static str,
    /// How many arguments it takes, without the one that may receive its result.
    pub arity: usize,
    /// How it is called.
    pub calling: Calling,
}

/// How a built-in is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Calling {
    /// By the engine.
    Direct,
    /// By way of [`Bounded::call`], after a look at its arguments.
    Guarded(Guard),
    /// Not at all, for a reason.
    Refused(&'static str),
}

/// Looks at the arguments; fails with the reason why the call would be too much.
type Guard = fn(&[Value]) -> Result<(), String>;

/// The built-in of that name.
pub(super) fn lookup(name: &str) -> Option<&'static Builtin> {
    TABLE
        .binary_search_by(|builtin| builtin.name.cmp(name))
        .ok()
        .and_then(|position| TABLE.get(position))
}

/// The names of all built-ins that can be called.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE
        .iter()
        .filter(|one| !matches!(one.calling, Calling::Refused(_)))
        .map(|builtin| builtin.name)
}

/// The built-ins that are called through [`Bounded`].
pub(super) fn guarded() -> impl Iterator<Item = &'static Builtin> {
    TABLE.iter().filter(|builtin| matches!(builtin.calling, Calling::Guarded(_)))
}

/// Calls guarded built-ins; keeps what calling them needs from one call to the next.
#[derive(Debug, Default)]
pub(super) struct Bounded(Option<Box<RegoVM>>);

impl Clone for Bounded {
    /// What is kept is not shared.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Bounded {
    /// Calls a guarded built-in; the result is undefined where the function is.
    ///
    /// Fails with a reason in words where the call would be too much, and where the function itself fails.
    pub(super) fn call(&mut self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let Some(Builtin { calling: Calling::Guarded(guard), .. }) = lookup(name) else {
            return Err(format!("`{name}` is no built-in function that is called from outside"));
        };
        guard(arguments).map_err(|reason| format!("`{name}`: {reason}"))?;
        match (name, arguments) {
            // The engine's own readers take an object with a certain key for a number of any size, see `value::from_json`.
            ("json.unmarshal", [text]) => {
                json(text).map(|json| from_json(&json)).map_err(|why| format!("`{name}`: {why}"))
            }
            ("yaml.unmarshal", [text]) => {
                yaml(text).map(|json| from_json(&json)).map_err(|why| format!("`{name}`: {why}"))
            }
            ("json.is_valid", [text]) => Ok(Value::from(json(text).is_ok())),
            ("yaml.is_valid", [text]) => Ok(Value::from(yaml(text).is_ok())),
            ("strings.replace_n", [patterns, text]) => replace_n(patterns, text),
            _ => match here(name, arguments) {
                Some(value) => Ok(value),
                None => self.native(name, arguments),
            },
        }
    }

    /// Lets the engine compute it.
    fn native(&mut self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let Kernel { engine, program } = KERNEL.as_ref().map_err(Clone::clone)?;
        let vm = self.0.get_or_insert_with(|| {
            let mut vm = Box::new(RegoVM::new());
            vm.set_strict_builtin_errors(true);
            vm.load_program(Arc::clone(program));
            vm
        });
        let input = Value::from(arguments.to_vec());
        vm.set_input(input.clone());
        let value = vm
            .execute_entry_point_by_name(&entry_point(name))
            .map_err(|error| error.to_string())?;
        if value != Value::Undefined {
            return Ok(value);
        }
        // The machine takes what errs for undefined; the interpreter knows which it is.
        let mut engine = engine.clone();
        engine.set_input(input);
        engine.eval_rule(entry_point(name)).map_err(|error| plain(&error.to_string()))
    }
}

/// The most usual functions of texts and lists, computed here: a call of the engine costs ten times as much. Nothing where
/// the arguments are not of the right kind; the engine then says what is wrong.
fn here(name: &str, arguments: &[Value]) -> Option<Value> {
    let texts = match arguments {
        [Value::String(text), Value::String(other)] => Some((&**text, &**other)),
        _ => None,
    };
    let value: Value = match (name, texts, arguments) {
        ("trim", Some((text, set)), _) => text.trim_matches(|c| set.contains(c)).into(),
        ("trim_left", Some((text, set)), _) => text.trim_start_matches(|c| set.contains(c)).into(),
        ("trim_right", Some((text, set)), _) => text.trim_end_matches(|c| set.contains(c)).into(),
        ("replace", _, [Value::String(text), Value::String(old), Value::String(new)]) => {
            text.replace(&**old, new).into()
        }
        ("concat", _, [Value::String(delimiter), Value::Array(elements)]) => {
            let texts: Option<Vec<&str>> = elements.iter().map(as_text).collect();
            texts?.join(delimiter).into()
        }
        ("concat", _, [Value::String(delimiter), Value::Set(elements)]) => {
            let texts: Option<Vec<&str>> = elements.iter().map(as_text).collect();
            texts?.join(delimiter).into()
        }
        ("array.concat", _, [Value::Array(first), Value::Array(second)]) => {
            first.iter().chain(second.iter()).cloned().collect::<Vec<_>>().into()
        }
        _ => return None,
    };
    Some(value)
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// One rule for each function that the engine computes, whose input is the list of arguments.
struct Kernel {
    engine: Engine,
    program: Arc<Program>,
}

/// An error means that a name in the table is none of the engine's; a test would show it.
static KERNEL: LazyLock<Result<Kernel, String>> = LazyLock::new(|| {
    let mut text = String::from("package kernel\n");
    for Builtin { name, arity, .. } in guarded() {
        let arguments: Vec<String> =
            (0..*arity).map(|position| format!("input[{position}]")).collect();
        let _ = writeln!(text, "{} := {name}({})", rule(name), arguments.join(", "));
    }
    let mut engine = Engine::new();
    engine.add_policy("kernel".to_owned(), text).map_err(|error| error.to_string())?;
    let entries: Vec<String> = guarded().map(|builtin| entry_point(builtin.name)).collect();
    let first = entries.first().map(String::as_str).unwrap_or_default();
    let policy =
        engine.compile_with_entrypoint(&first.into()).map_err(|error| error.to_string())?;
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let program =
        Compiler::compile_from_policy(&policy, &entries).map_err(|error| error.to_string())?;
    Ok(Kernel { engine, program })
});

fn rule(name: &str) -> String {
    format!("call_{}", name.replace('.', "_"))
}

fn entry_point(name: &str) -> String {
    format!("data.kernel.{}", rule(name))
}

/// The last line of one of the engine's errors, without its kind: what the excerpt above it shows is no text of the user's.
pub(super) fn plain(message: &str) -> String {
    let last = message.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

fn json(text: &Value) -> Result<serde_json::Value, String> {
    let text = text.as_string().map_err(|_| "its argument is no text".to_owned())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn yaml(text: &Value) -> Result<serde_json::Value, String> {
    let text = text.as_string().map_err(|_| "its argument is no text".to_owned())?;
    let mut documents = Document::parse_all(text).map_err(|error| error.message)?.into_iter();
    match (documents.next(), documents.next()) {
        (None, _) => Ok(serde_json::Value::Null),
        (Some(document), None) => Ok(document.value),
        (Some(_), Some(_)) => Err("the text holds more than one document".to_owned()),
    }
}

/// One pattern after the other, as the engine does; each may make the text longer for the next.
fn replace_n(patterns: &Value, text: &Value) -> Result<Value, String> {
    let wrong = || "`strings.replace_n`: it takes an object of texts, and a text".to_owned();
    let mut text = text.as_string().map_err(|_| wrong())?.to_string();
    let patterns = patterns.as_object().map_err(|_| wrong())?;
    for (old, new) in patterns.iter_sorted() {
        let (Value::String(old), Value::String(new)) = (old, new) else {
            return Err(wrong());
        };
        guards::replacing(&text, old, new)
            .map_err(|reason| format!("`strings.replace_n`: {reason}"))?;
        text = text.replace(&**old, new);
    }
    Ok(Value::from(text))
}
