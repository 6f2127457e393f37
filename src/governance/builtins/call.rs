//! How built-ins are called: [`call`].

use std::sync::LazyLock;

use regorus::unstable::{Expr, Ref, Span};
use regorus::{LimitError, Source, Value};

use super::fault::{self, Fault};
use super::{Builtin, Calling, guards, re2, sprintf};
use crate::document::Document;
use crate::governance::value::from_json;

/// Why a built-in has no result.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(in crate::governance) enum Unable {
    /// It fails, for instance because an argument is of the wrong kind. Lenient evaluations take that for undefined.
    #[error("{0}")]
    Failed(String),
    /// It would take too much time or memory.
    #[error("{0}")]
    TooMuch(String),
}

/// Calls a built-in; the result is undefined where the function is.
///
/// What it makes is counted, so that many results that are large together are no way around the bounds of each.
pub(in crate::governance) fn call(builtin: &Builtin, arguments: &[Value]) -> Result<Value, Unable> {
    let value = compute(builtin, arguments)?;
    if !matches!(builtin.calling, Calling::Direct) || builtin.name == "split" {
        guards::count(&value)
            .map_err(|reason| Unable::TooMuch(format!("`{}`: {reason}", builtin.name)))?;
    }
    Ok(value)
}

fn compute(builtin: &Builtin, arguments: &[Value]) -> Result<Value, Unable> {
    let name = builtin.name;
    let named = |unable| match unable {
        Unable::Failed(reason) => Unable::Failed(format!("`{name}`: {reason}")),
        Unable::TooMuch(reason) => Unable::TooMuch(format!("`{name}`: {reason}")),
    };
    if let Calling::Own(function) = builtin.calling {
        return guards::written_out(arguments)
            .map_err(Unable::TooMuch)
            .and_then(|()| function(arguments))
            .map_err(named);
    }
    if let Calling::Guarded(guard) = builtin.calling {
        guard(arguments).map_err(|reason| Unable::TooMuch(format!("`{name}`: {reason}")))?;
        let own = match (name, arguments) {
            // The engine's own readers take an object with a certain key for a number of any size, see `value::from_json`.
            ("json.unmarshal", [text]) => Some(json(text).map(|json| from_json(&json))),
            ("yaml.unmarshal", [text]) => {
                return yaml(text).map(|json| from_json(&json)).map_err(named);
            }
            ("json.is_valid", [text]) => Some(Ok(Value::from(json(text).is_ok()))),
            ("yaml.is_valid", [text]) => {
                return match yaml(text) {
                    Err(unable @ Unable::TooMuch(_)) => Err(named(unable)),
                    outcome => Ok(Value::from(outcome.is_ok())),
                };
            }
            ("object.union_n", [objects]) => return union_n(objects).map_err(named),
            ("sprintf", [Value::String(text), Value::Array(arguments)]) => {
                let arguments: Vec<Value> = arguments.iter().cloned().collect();
                return sprintf::sprintf(text, &arguments).map(Value::from).map_err(named);
            }
            (name, arguments) if name.starts_with("regex.") => {
                return re2::call(name, arguments).map_err(named);
            }
            _ => here(name, arguments).map(Ok),
        };
        if let Some(result) = own {
            return result.map_err(|why| Unable::Failed(format!("`{name}`: {why}")));
        }
    }
    native(builtin, arguments).map_err(Unable::Failed)
}

/// Calls a built-in for the virtual machine.
///
/// The machine takes what errs for undefined, so what must end the evaluation ends it as a time-out would, which the machine
/// never hides; [`fault`] keeps what it was. An inner error is taken for undefined.
pub(super) fn on_machine<const STRICT: bool>(
    builtin: &Builtin,
    arguments: &[Value],
) -> Result<Result<Value, Unable>, LimitError> {
    match call(builtin, arguments) {
        Ok(value) => Ok(Ok(value)),
        Err(unable @ Unable::Failed(_)) if !STRICT => Ok(Err(unable)),
        Err(unable) => Err(fault::raise(Fault::Reason(unable.to_string()))),
    }
}

/// Where a call stands, for the engine's messages, which are cut off before they speak of it.
struct Site {
    span: Span,
    arguments: Vec<Ref<Expr>>,
}

/// No built-in takes more arguments than these.
const MAX_ARITY: usize = 8;

static SITE: LazyLock<Option<Site>> = LazyLock::new(|| {
    let source = Source::from_contents(String::new(), String::new()).ok()?;
    let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
    let argument = || Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 });
    let arguments = (0..MAX_ARITY).map(|_| argument()).collect();
    Some(Site { span, arguments })
});

/// Lets the engine compute it.
pub(super) fn native(builtin: &Builtin, arguments: &[Value]) -> Result<Value, String> {
    let native = builtin.native.and_then(|native| **native);
    let (Some((function, _)), Some(site)) = (native, &*SITE) else {
        return Err(format!("`{}` is no function of the engine", builtin.name));
    };
    let places = site.arguments.get(..arguments.len()).unwrap_or_default();
    function(&site.span, places, arguments, true).map_err(|error| plain(&error.to_string()))
}

/// The most usual functions of texts and lists, computed here: a call of the engine costs ten times as much. Nothing where
/// the arguments are not of the right kind; the engine then says what is wrong.
pub(super) fn here(name: &str, arguments: &[Value]) -> Option<Value> {
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

/// The last line of one of the engine's errors, without its kind: what the excerpt above it shows is no text of the user's.
pub(in crate::governance) fn plain(message: &str) -> String {
    let mut lines = message.lines().map(str::trim);
    // Below an error there may be excerpts of what it speaks of.
    if let Some(error) = lines.clone().rev().find_map(|line| line.strip_prefix("error: ")) {
        return error.trim_end_matches(" below.").to_owned();
    }
    lines.rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn json(text: &Value) -> Result<serde_json::Value, String> {
    let text = text.as_string().map_err(|_| "its argument is no text".to_owned())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Reads YAML whose aliases may not make much more of it than it is: whoever writes an object may have written the text.
fn yaml(text: &Value) -> Result<serde_json::Value, Unable> {
    let failed = |reason: &str| Unable::Failed(reason.to_owned());
    let text = text.as_string().map_err(|_| failed("its argument is no text"))?;
    let most = text.len().saturating_mul(4).clamp(1000, 50_000);
    let documents = Document::parse_within(text, most).map_err(|error| {
        if error.is_blown_up() {
            Unable::TooMuch(error.message)
        } else {
            Unable::Failed(error.message)
        }
    })?;
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (None, _) => Ok(serde_json::Value::Null),
        (Some(document), None) => Ok(document.value),
        (Some(_), Some(_)) => Err(failed("the text holds more than one document")),
    }
}

/// All objects in one; what a later one says counts, and objects in both are merged in turn.
///
/// The engine copies all that it has for each of them.
fn union_n(objects: &Value) -> Result<Value, Unable> {
    let wrong = || Unable::Failed("it takes an array of objects".to_owned());
    let mut union = Value::new_object();
    for object in objects.as_array().map_err(|_| wrong())? {
        object.as_object().map_err(|_| wrong())?;
        merge(&mut union, object);
    }
    Ok(union)
}

/// Puts the members of one object into another.
fn merge(union: &mut Value, other: &Value) {
    let (Ok(union), Ok(other)) = (union.as_object_mut(), other.as_object()) else {
        return;
    };
    for (key, value) in other.iter_sorted() {
        match (union.get_mut(key), value) {
            (Some(before @ Value::Object(_)), Value::Object(_)) => merge(before, value),
            (Some(before), _) => *before = value.clone(),
            (None, _) => {
                union.insert(key.clone(), value.clone());
            }
        }
    }
}
