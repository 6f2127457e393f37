//! Governance written in Rego: [`Policy`], and what each odd outcome of its evaluation means.
//!
//! A policy contributes results through the sets `deny` and `warn`. Whatever else an evaluation does (an error, a time-out,
//! an undefined or misshapen result, a panic) is a policy error: confined to that policy, named, and judged by its own
//! `onError`. Nothing a policy does is an allow in silence.

pub mod input;
pub mod metadata;
pub mod test;

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use serde::Deserialize;

use crate::diagnostic::{Diagnostic, Severity};
use crate::path::FieldPath;
use crate::placement::Standing;
use metadata::{Match, Metadata, OnError};

/// Code of the diagnostic on a policy that could not be evaluated.
pub const POLICY_ERROR: &str = "policy-error";

/// How long one policy may take when the request leaves more time than this.
pub const POLICY_TIME_LIMIT: Duration = Duration::from_millis(250);

/// The sets through which a policy speaks, with the severity of their elements.
const ENTRY_POINTS: [(&str, Severity); 2] = [("deny", Severity::Deny), ("warn", Severity::Warn)];

/// Why a policy was not loaded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// What is wrong, with file, line and column where the parser gives them.
    pub message: String,
}

/// A Rego module, compiled, with its metadata.
#[derive(Clone)]
pub struct Policy {
    /// Name: the last part of its package, in kebab-case; the code of its diagnostics.
    pub name: String,
    /// What `# METADATA` says.
    pub metadata: Metadata,
    /// What to do with results of `deny`.
    pub action: Action,
    /// Prepared: cloned for each evaluation, which costs a fraction of a microsecond and takes no lock.
    engine: Engine,
    parameters: Value,
    entries: Vec<Entry>,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            metadata,
            action,
            engine: _,
            parameters: _,
            entries,
        } = self;
        f.debug_struct("Policy")
            .field("name", name)
            .field("metadata", metadata)
            .field("action", action)
            .field("entries", entries)
            .finish_non_exhaustive()
    }
}

/// An entry point that the module declares.
#[derive(Clone, Debug)]
struct Entry {
    rule: String,
    severity: Severity,
}

/// What becomes of a `deny` result.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Recorded only.
    Audit,
    /// The object is refused.
    #[default]
    Deny,
    /// The author is told.
    Warn,
}

/// A Rego module as text.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// Where it comes from, for messages.
    pub origin: &'a str,
    /// The text.
    pub text: &'a str,
}

/// What one element of a `deny` or `warn` set may say.
#[derive(Debug, Deserialize)]
struct Said {
    msg: String,
    field: Option<String>,
    help: Option<String>,
    /// For machines; people get the message.
    #[serde(rename = "details")]
    _details: Option<serde_json::Value>,
}

impl Policy {
    /// Compiles a module, together with the libraries it may import.
    ///
    /// Fails where the parser or the analysis does, where the metadata cannot be read, and where the module declares none
    /// of the sets through which a policy speaks: it would allow everything in silence.
    pub fn compile(
        module: Module<'_>,
        libraries: &[Module<'_>],
        parameters: Option<serde_json::Value>,
        action: Option<Action>,
    ) -> Result<Self, PolicyError> {
        let failed = |error: &dyn std::fmt::Display| PolicyError {
            message: format!("{}: {error}", module.origin),
        };
        let metadata = Metadata::of_module(module.text).map_err(|message| PolicyError {
            message: format!("{}: {message}", module.origin),
        })?;
        let mut engine = Engine::new();
        for library in libraries {
            engine
                .add_policy(library.origin.to_owned(), library.text.to_owned())
                .map_err(|error| PolicyError {
                    message: format!("{}: {error}", library.origin),
                })?;
        }
        let package = engine
            .add_policy(module.origin.to_owned(), module.text.to_owned())
            .map_err(|error| failed(&error))?;
        let mut entries = Vec::new();
        for (rule, severity) in ENTRY_POINTS {
            let declared = engine
                .has_declared_rule_rooted_at(module.origin, rule)
                .map_err(|error| PolicyError {
                    message: format!("{}: {error}", module.origin),
                })?;
            if declared {
                entries.push(Entry {
                    rule: format!("{package}.{rule}"),
                    severity,
                });
            }
        }
        if entries.is_empty() {
            return Err(PolicyError {
                message: format!(
                    "{}: the module declares neither `deny` nor `warn`, so it would never say anything",
                    module.origin
                ),
            });
        }
        let parameters = parameters
            .or_else(|| metadata.parameters.clone())
            .unwrap_or_else(|| serde_json::json!({}));
        // A first evaluation does the work that clones then share, and shows errors that no parser sees.
        engine.set_execution_timer_config(timer(POLICY_TIME_LIMIT));
        engine.set_input(Value::from(input::empty()));
        for entry in &entries {
            let probe = catch_unwind(AssertUnwindSafe(|| engine.eval_rule(entry.rule.clone())));
            if let Ok(Err(error)) = probe
                && is_static(&error.to_string())
            {
                return Err(PolicyError {
                    message: format!("{}: {error}", module.origin),
                });
            }
        }
        Ok(Self {
            name: name_of(&package),
            action: action.or(metadata.action).unwrap_or_default(),
            metadata,
            engine,
            parameters: Value::from(parameters),
            entries,
        })
    }

    /// Whether the policy concerns this request. Decided before any Rego value is built.
    pub fn concerns(&self, subject: &Subject<'_>) -> bool {
        self.metadata.matches.concerns(subject)
    }

    /// What the policy says of `input`, as diagnostics with places below `root`.
    ///
    /// `limit` is the time that is left; it never exceeds [`POLICY_TIME_LIMIT`].
    pub fn evaluate(&self, input: &input::Input, limit: Duration) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        let mut engine = self.engine.clone();
        engine.set_execution_timer_config(timer(limit.min(POLICY_TIME_LIMIT)));
        engine.set_input(input.with_parameters(&self.parameters));
        for entry in &self.entries {
            // A panic inside a built-in is the policy's fault, not the server's.
            let outcome = catch_unwind(AssertUnwindSafe(|| engine.eval_rule(entry.rule.clone())));
            match outcome {
                Ok(Ok(Value::Set(results))) => {
                    for result in results.iter() {
                        match self.say(result, entry.severity) {
                            Ok(diagnostic) => diagnostics.push(diagnostic),
                            Err(problem) => diagnostics.push(self.failed(&problem)),
                        }
                    }
                }
                Ok(Ok(Value::Undefined)) => {
                    diagnostics.push(self.failed(&format!("`{}` is undefined", entry.rule)));
                }
                Ok(Ok(other)) => diagnostics.push(self.failed(&format!(
                    "`{}` is {}, not a set; write it as `{} contains ... if {{ ... }}`",
                    entry.rule,
                    kind_of(&other),
                    entry.severity.as_str()
                ))),
                Ok(Err(error)) => diagnostics.push(self.failed(&one_line(&error.to_string()))),
                Err(_) => {
                    diagnostics
                        .push(self.failed(&format!("evaluation of `{}` panicked", entry.rule)));
                    // The clone may be in any state; the prepared engine is untouched.
                    return diagnostics;
                }
            }
        }
        diagnostics
    }

    fn say(&self, result: &Value, severity: Severity) -> Result<Diagnostic, String> {
        let said = match result {
            Value::String(message) => Said {
                msg: message.to_string(),
                field: None,
                help: None,
                _details: None,
            },
            Value::Object(_) => serde_json::to_value(result)
                .and_then(serde_json::from_value::<Said>)
                .map_err(|error| {
                    format!("a result is not of the form {{\"msg\": string, ...}}: {error}")
                })?,
            other => {
                return Err(format!(
                    "a result is {}, not an object with `msg`",
                    kind_of(other)
                ));
            }
        };
        let severity = match (severity, self.action) {
            (Severity::Deny, Action::Warn) => Severity::Warn,
            (Severity::Deny, Action::Audit) | (Severity::Warn, Action::Audit) => Severity::Note,
            (severity, _) => severity,
        };
        let mut diagnostic = Diagnostic::new(severity, self.name.clone(), one_line(&said.msg));
        if let Some(title) = &self.metadata.title {
            diagnostic.why = Some(format!("policy `{}`: {title}", self.name));
        }
        diagnostic.places = said
            .field
            .iter()
            .filter_map(|field| FieldPath::parse(field))
            .collect();
        diagnostic.help = said.help.or_else(|| self.metadata.help.clone());
        diagnostic.source = self.metadata.link();
        Ok(diagnostic)
    }

    fn failed(&self, problem: &str) -> Diagnostic {
        let severity = match self.metadata.on_error {
            OnError::Deny => Severity::Deny,
            OnError::Warn => Severity::Warn,
        };
        Diagnostic::new(severity, POLICY_ERROR, format!("policy `{}` could not be evaluated: {problem}", self.name))
            .because("a policy that fails is never read as consent")
            .help("the policy's author can test it with `loadline policy test`; `onError: warn` in its metadata lets pods pass meanwhile")
    }
}

/// What a policy's match looks at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The kind of the object.
    pub kind: &'a str,
    /// `CREATE`, `UPDATE`, ...
    pub operation: &'a str,
    /// Namespace, empty when there is none.
    pub namespace: &'a str,
    /// How firmly the pod is headed for virtual nodes.
    pub standing: Standing,
    /// The profiles within reach.
    pub profiles: &'a [&'a str],
}

impl Match {
    fn concerns(&self, subject: &Subject<'_>) -> bool {
        let any = |list: &[String], word: &str| {
            list.is_empty() || list.iter().any(|one| one == word || one == "*")
        };
        any(&self.kinds, subject.kind)
            && any(&self.operations, subject.operation)
            && any(&self.namespaces, subject.namespace)
            && !self
                .excluded_namespaces
                .iter()
                .any(|one| one == subject.namespace)
            && self.placement.concerns(subject.standing)
            && (self.profiles.is_empty()
                || subject
                    .profiles
                    .iter()
                    .any(|profile| self.profiles.iter().any(|one| one == profile)))
    }
}

fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig {
        limit,
        check_interval: NonZeroU32::new(256).unwrap_or(NonZeroU32::MIN),
    }
}

/// Whether an error would come with any input: it speaks of the module, not of a value.
fn is_static(message: &str) -> bool {
    [
        "undefined variable",
        "not a valid rule path",
        "unsafe",
        "recursion",
        "undefined function",
    ]
    .iter()
    .any(|part| message.contains(part))
}

/// `data.loadline.allowed_registries` is `allowed-registries`.
fn name_of(package: &str) -> String {
    package
        .rsplit('.')
        .next()
        .unwrap_or(package)
        .replace('_', "-")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Set(_) => "a set",
        Value::Object(_) => "an object",
        Value::Undefined => "undefined",
    }
}

/// Folds white space, so that a message stays one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
