//! Governance written in Rego: [`Policy`], and what each odd outcome of its evaluation means.
//!
//! A policy contributes results through the sets `deny` and `warn`, and asks for changes through the set `patch`. Whatever else an evaluation does (an error, a time-out,
//! an undefined or misshapen result, a panic) is a policy error: confined to that policy, named, and judged by its own
//! `onError`. Nothing a policy does is an allow in silence.

mod analysis;
mod builtins;
pub mod coverage;
mod deadline;
mod details;
pub mod gatekeeper;
mod given;
pub mod eval;
pub mod explain;
pub mod input;
pub mod inventory;
pub mod journal;
pub mod lint;
mod machine;
mod mode;
mod matching;
pub mod metadata;
mod patch;
mod plan;
pub mod schema;
mod rewrite;
mod shape;
mod syntax;
pub mod test;
mod unit;
mod value;

use std::fmt::Write as _;
use std::time::Duration;

use bumpalo::Bump;
use regorus::Value;
use serde::Deserialize;

pub use deadline::Budget;
use deadline::Deadline;
pub use matching::Subject;

use crate::diagnostic::{Details, Diagnostic, Severity};
use crate::path::FieldPath;
use details::Room;
use given::{Given, Json, with_arena};
use input::Input;
use metadata::{Metadata, OnError};
use mode::{Language, Mode};
use unit::{Parsed, Unit};
use value::kind_of;

/// Code of the diagnostic on a policy that could not be evaluated.
pub const POLICY_ERROR: &str = "policy-error";

/// How long one policy may take when the request leaves more time than this.
///
/// Most take less than a millisecond. A process whose share of the processor is used up stands still for some tenths of a
/// second, though, which is no fault of the policy; and what a policy can fill memory with grows with its time.
pub const POLICY_TIME_LIMIT: Duration = Duration::from_millis(500);

/// The sets through which a policy speaks, with the severity of their elements.
///
/// `violation` is the word of Gatekeeper's templates for `deny`.
const ENTRY_POINTS: [(&str, Severity); 3] =
    [("deny", Severity::Deny), ("violation", Severity::Deny), ("warn", Severity::Warn)];

/// The set through which a policy asks for changes.
const PATCH: &str = "patch";

/// Why a policy was not loaded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// What is wrong, with file, line and column where the parser gives them.
    pub message: String,
}

/// A Rego module, compiled, with its metadata.
#[derive(Debug)]
pub struct Policy {
    /// Name: the last part of its package, in kebab-case; the code of its diagnostics.
    pub name: String,
    /// What `# METADATA` says.
    pub metadata: Metadata,
    /// What to do with results of `deny`.
    pub action: Action,
    unit: Unit,
    parameters: Json,
    reads_features: bool,
    reads_cost: bool,
    reads_inventory: bool,
    /// The rules that are asked, by their full names.
    entries: Vec<(String, Severity)>,
    /// The rule that is asked for operations.
    patch: Option<String>,
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
        let metadata = Metadata::of_module(module.text)
            .map_err(|message| PolicyError { message: format!("{}:{message}", module.origin) })?;
        Self::compile_as(None, metadata, module, libraries, parameters, action)
    }

    /// The same for a module whose metadata stands elsewhere, and perhaps its name, too.
    ///
    /// Fails where the parameters do not fit their schema as well.
    pub fn compile_as(
        name: Option<String>,
        metadata: Metadata,
        module: Module<'_>,
        libraries: &[Module<'_>],
        parameters: Option<serde_json::Value>,
        action: Option<Action>,
    ) -> Result<Self, PolicyError> {
        let modules: Vec<Module<'_>> =
            std::iter::once(module).chain(libraries.iter().copied()).collect();
        let language = if metadata.is_old_rego { Language::V0 } else { Language::V1 };
        let parsed = Parsed::new(&modules, Mode { language, ..Mode::NATIVE })?;
        let package = parsed.packages.first().cloned().unwrap_or_default();
        let entry = |name: &str| {
            let path: Vec<String> =
                package.iter().cloned().chain(std::iter::once(name.to_owned())).collect();
            let Some(rule) = parsed.analysis.rules.get(&path) else {
                return Ok(None);
            };
            if rule.is_function {
                let place = rule.mark.map_or(String::new(), |mark| format!("{mark}: "));
                let message = format!(
                    "{}:{place}`{name}` takes arguments, so nobody would call it",
                    module.origin
                );
                return Err(PolicyError { message });
            }
            Ok(Some(rule_path(&path)))
        };
        let mut entries = Vec::new();
        for (name, severity) in ENTRY_POINTS {
            entries.extend(entry(name)?.map(|path| (path, severity)));
        }
        let patch = entry(PATCH)?;
        let names: Vec<String> =
            entries.iter().map(|(name, _)| name).chain(&patch).cloned().collect();
        if names.is_empty() {
            let message = format!(
                "{}: the module declares none of `deny`, `violation`, `warn` and `patch`, so it would never say anything",
                module.origin
            );
            return Err(PolicyError { message });
        }
        let asked =
            ENTRY_POINTS.iter().map(|(name, _)| *name).chain([PATCH]).map(|name| {
                package.iter().cloned().chain(std::iter::once(name.to_owned())).collect()
            });
        let (reads_features, reads_cost) = parsed.analysis.reads_of(asked);
        let parameters = metadata
            .complete(parameters)
            .map_err(|message| PolicyError { message: format!("{}: {message}", module.origin) })?;
        Ok(Self {
            name: name.unwrap_or_else(|| name_of(&package)),
            action: action.or(metadata.action).unwrap_or_default(),
            metadata,
            reads_features,
            reads_cost,
            reads_inventory: parsed.analysis.reads_data("inventory"),
            unit: parsed.compile(&names)?,
            parameters: Json::from(parameters),
            entries,
            patch,
        })
    }

    /// Whether the policy concerns this request. Decided before any Rego value is built.
    pub fn concerns(&self, subject: &Subject<'_>) -> bool {
        self.metadata.matches.concerns(subject)
    }

    /// Whether the policy concerns an object of a kind that it names, which is no pod.
    pub fn concerns_other(&self, group: &str, subject: &Subject<'_>) -> bool {
        self.metadata.matches.concerns_other(group, subject)
    }

    /// Whether the policy may look at `input.features`, which need not be worked out otherwise.
    pub const fn reads_features(&self) -> bool {
        self.reads_features
    }

    /// Whether the policy may look at `input.cost`, which need not be worked out otherwise.
    pub const fn reads_cost(&self) -> bool {
        self.reads_cost
    }

    /// Whether it surely ends when its time is up: the engine looks at the clock only now and then.
    pub const fn keeps_time(&self) -> bool {
        self.unit.keeps_time()
    }

    /// Whether the policy may look at `data.inventory`.
    pub const fn reads_inventory(&self) -> bool {
        self.reads_inventory
    }

    /// Whether the policy is about objects of that kind as they are, and not as the pods that they make.
    pub fn names_kind(&self, group: &str, kind: &str) -> bool {
        self.metadata.matches.names(group, kind)
    }

    /// What the policy says of `input`, as diagnostics on fields of the pod.
    fn evaluate(
        &self,
        input: &Input,
        document: Option<plan::Value<'_>>,
        arena: &Bump,
        deadline: Deadline,
    ) -> Vec<Diagnostic> {
        let data = input.data().filter(|_| self.reads_inventory);
        let engine = || input.with_parameters(&self.parameters);
        let tree = self.parameters.as_parameters(document, arena);
        let given = Given { tree, engine: &engine };
        let (mut diagnostics, mut room) = (Vec::new(), Room::default());
        for (name, severity) in &self.entries {
            let outcome = if deadline.has_passed() {
                Err("there was no time left for it".to_owned())
            } else {
                let value = self.unit.run(name, Some(given), data, deadline).0;
                value.map_err(|failure| failure.to_string())
            };
            match outcome {
                Ok(Value::Set(results)) => {
                    diagnostics.extend(results.iter().map(|result| {
                        match Said::read(result, &mut room) {
                            Ok(said) => self.say(said, *severity),
                            Err(problem) => self.failed(&problem),
                        }
                    }));
                }
                Ok(Value::Undefined) => {
                    diagnostics.push(self.failed(&format!("`{name}` is undefined")));
                }
                Ok(other) => diagnostics.push(self.failed(&format!(
                    "`{name}` is {}, not a set; write it as `{} contains ... if {{ ... }}`",
                    kind_of(&other),
                    severity.as_str()
                ))),
                Err(problem) => diagnostics.push(self.failed(&one_line(&problem))),
            }
        }
        diagnostics
    }

    fn say(&self, said: Said, severity: Severity) -> Diagnostic {
        let severity = match (severity, self.action) {
            (Severity::Deny, Action::Warn) => Severity::Warn,
            (Severity::Deny | Severity::Warn, Action::Audit) => Severity::Note,
            (severity, _) => severity,
        };
        let mut what = one_line(&said.message);
        let place = said.field.as_deref().map(|field| FieldPath::parse(field).ok_or(field));
        if let Some(Err(unreadable)) = place {
            // What a policy wants to say is never lost.
            let _ = write!(what, " (field `{}`)", one_line(unreadable));
        }
        let mut diagnostic = Diagnostic::new(severity, self.name.clone(), what);
        if let Some(title) = &self.metadata.title {
            diagnostic.why = Some(format!("policy `{}`: {title}", self.name));
        }
        diagnostic.places = place.and_then(Result::ok).into_iter().collect();
        diagnostic.help = said.help.or_else(|| self.metadata.help.clone());
        diagnostic.source = self.metadata.link();
        diagnostic.details = said.details;
        diagnostic
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

/// What one element of a `deny` or `warn` set says.
struct Said {
    message: String,
    field: Option<String>,
    help: Option<String>,
    details: Option<Details>,
}

impl Said {
    /// Reads the members that are known, one by one: what else is there may be huge when written out.
    ///
    /// Details that are too large are left out: what is refused must stay refused.
    fn read(result: &Value, room: &mut Room) -> Result<Self, String> {
        let Value::Object(members) = result else {
            return match result {
                Value::String(message) => Ok(Self {
                    message: message.to_string(),
                    field: None,
                    help: None,
                    details: None,
                }),
                other => Err(format!("a result is {}, not an object with `msg`", kind_of(other))),
            };
        };
        let text = |key: &str| match members.get(&Value::from(key)) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.to_string())),
            Some(other) => Err(format!("`{key}` of a result is {}, not a string", kind_of(other))),
        };
        for (key, _) in members.iter() {
            if !matches!(key, Value::String(key) if matches!(&**key, "msg" | "field" | "help" | "details"))
            {
                let key = match key {
                    Value::String(key) => format!("the member `{key}`"),
                    other => format!("a member whose name is {}", kind_of(other)),
                };
                return Err(format!(
                    "a result has {key}; known are `msg`, `field`, `help` and `details`"
                ));
            }
        }
        let message = text("msg")?.ok_or_else(|| "a result has no `msg`".to_owned())?;
        let details = members.get(&Value::from("details")).and_then(|details| room.take(details));
        let details = details.and_then(Details::new);
        Ok(Self { message, field: text("field")?, help: text("help")?, details })
    }
}

/// Evaluates policies one after the other.
pub fn evaluate(policies: &[&Policy], input: &Input, budget: Budget) -> Vec<Diagnostic> {
    with_arena(|arena| {
        let document = input.tree(arena);
        let waiting = (0..policies.len()).rev();
        let evaluate = |(policy, waiting): (&&Policy, usize)| {
            policy.evaluate(input, document, arena, budget.share(waiting))
        };
        policies.iter().zip(waiting).flat_map(evaluate).collect()
    })
}

/// `loadline.allowed_registries` is `allowed-registries`.
fn name_of(package: &[String]) -> String {
    package.last().map(|last| last.replace('_', "-")).unwrap_or_default()
}

/// The name by which the engine knows a rule.
fn rule_path(path: &[String]) -> String {
    path.iter().fold("data".to_owned(), |mut name, part| {
        let is_plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_plain && !part.starts_with(|c: char| c.is_ascii_digit()) {
            name.push('.');
            name.push_str(part);
        } else {
            let _ = write!(name, "[{}]", serde_json::Value::from(part.as_str()));
        }
        name
    })
}

/// Folds white space, so that a message stays one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
