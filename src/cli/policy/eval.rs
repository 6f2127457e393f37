//! `loadline policy eval`: one policy and one object, looked at closely.

mod json;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use super::load::{self, Constraint, Loaded};
use super::objects::{self, Objects};
use super::show::Output;
use crate::admission::{Preview, Request};
use crate::cli::ExitStatus;
use crate::cli::bundle::BundleArgs;
use crate::cli::check::object::{Found, Subject};
use crate::cli::render::{BLUE, BOLD, DIM, GREEN, RED, YELLOW, clean, count, paint};
use crate::governance::eval::{self, Answer};
use crate::governance::explain::{self, Outcome, Trace};
use crate::governance::{PolicyError, Subject as Matched};

const EXAMPLES: &str = "Examples:
  loadline policy eval owner.rego -f pod.yaml
  loadline policy eval owner.rego -f pod.yaml --explain
  loadline policy eval owner.rego -f pod.yaml --rule images --parameters '{\"label\": \"team\"}'
  loadline policy eval template.yaml -f pod.yaml      a ConstraintTemplate of Gatekeeper

Exit status: 0 evaluated, 1 a rule could not be evaluated, 2 the job could not be done.";

/// Arguments of `loadline policy eval`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct EvalArgs {
    /// A policy: a file of Rego, a `ConstraintTemplate` of Gatekeeper, or a folder
    policy: PathBuf,
    /// Objects: a file, a folder or `-` for standard input; may be given more than once
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", required = true)]
    filename: Vec<PathBuf>,
    /// Objects that the policy may look at besides (`data.inventory`): a file or a folder; may be given more than once
    #[arg(long, value_name = "FILE|DIR")]
    inventory: Vec<PathBuf>,
    /// Name the rule bodies that held, and for each other one the first expression that failed
    #[arg(long)]
    explain: bool,
    /// A rule to evaluate instead of `deny`, `warn` and `violation`; may be given more than once
    #[arg(long, value_name = "NAME")]
    rule: Vec<String>,
    /// Parameters, as JSON, instead of those of the policy's metadata or of the constraints beside a template
    #[arg(long, value_name = "JSON")]
    parameters: Option<String>,
    /// Print the input that the policy sees, and nothing else
    #[arg(long, conflicts_with_all = ["explain", "rule"])]
    input: bool,
    /// Namespace of objects that name none
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Take the pods for headed for this profile
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Folder of profiles and features that are added to the built-in ones
    #[arg(long, value_name = "DIR", env = "LOADLINE_PROFILES")]
    profiles: Option<PathBuf>,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "human")]
    output: Output,
}

/// One policy on one object.
struct Evaluated<'a> {
    loaded: &'a Loaded,
    found: &'a Found,
    subject: &'a Subject,
    /// The constraint whose parameters the template is given.
    constraint: Option<&'a Constraint>,
    /// Whether the template declares parameters, and has none here.
    lacks_parameters: bool,
    /// Whether the policy sees the pods of a workload.
    is_of_pods: bool,
    /// Why the policy would not be asked, if so.
    unmatched: Option<String>,
    answers: Vec<Answer>,
    traces: Vec<Trace>,
}

/// Evaluates and prints.
pub fn run(arguments: &EvalArgs) -> anyhow::Result<ExitStatus> {
    let mut files = load::read(std::slice::from_ref(&arguments.policy))?;
    load::add_constraints(&mut files);
    if files.policies.is_empty() {
        return Err(files.no_policy(std::slice::from_ref(&arguments.policy)));
    }
    let bundle = BundleArgs { profiles: arguments.profiles.clone(), ..BundleArgs::default() };
    let pipeline = bundle.pipeline()?;
    let objects =
        Objects::read(&pipeline, &arguments.filename, &arguments.inventory, &arguments.namespace)?;
    let given = arguments.parameters.as_deref().map(serde_json::from_str).transpose();
    let given: Option<Value> = given.context("read `--parameters`, which must be JSON")?;
    let mut evaluated = Vec::new();
    // A template is asked once for each constraint beside it, unless parameters are given.
    let constraints = |loaded: &'_ Loaded| -> Vec<Option<usize>> {
        let count = if given.is_some() { 0 } else { loaded.constraints.len() };
        if count == 0 { vec![None] } else { (0..count).map(Some).collect() }
    };
    let asked = files
        .policies
        .iter()
        .flat_map(|loaded| constraints(loaded).into_iter().map(move |number| (loaded, number)));
    let asked: Vec<(&Loaded, Option<&Constraint>)> = asked
        .map(|(loaded, number)| (loaded, number.and_then(|number| loaded.constraints.get(number))))
        .collect();
    for ((found, subject), (loaded, constraint)) in
        objects.subjects().flat_map(|one| asked.iter().map(move |asked| (one, *asked)))
    {
        let failed = |error: PolicyError| {
            anyhow::anyhow!("{}", load::placed(&loaded.sources, &error.message))
        };
        let parameters = match constraint {
            Some(constraint) => loaded.parameters_of(constraint)?,
            None => loaded.parameters(given.clone())?,
        };
        let modules = loaded.modules();
        let (dialect, asked) = (loaded.policy().dialect, arguments.rule.as_slice());
        for request in objects::requests(loaded, subject) {
            let preview = objects.preview(&pipeline, request, arguments.profile.as_deref());
            let preview = preview.map_err(|message| {
                anyhow::anyhow!("{}: {}: {message}", found.text.name, subject.title())
            })?;
            if arguments.input {
                let mut out = anstream::stdout().lock();
                serde_json::to_writer_pretty(&mut out, &preview.input.to_json(&parameters))?;
                writeln!(out)?;
                continue;
            }
            let answers = eval::evaluate(&modules, dialect, asked, &preview.input, &parameters);
            let traces = if arguments.explain {
                explain::explain(&modules, dialect, asked, &preview.input, &parameters)
                    .map_err(failed)?
            } else {
                Vec::new()
            };
            evaluated.push(Evaluated {
                loaded,
                found,
                subject,
                is_of_pods: !std::ptr::eq(request, &raw const subject.request),
                constraint,
                lacks_parameters: constraint.is_none()
                    && given.is_none()
                    && loaded
                        .template
                        .as_ref()
                        .is_some_and(|(_, template)| template.schema.is_some()),
                unmatched: match constraint {
                    Some(constraint) => not_named(constraint, request),
                    None => unmatched(loaded, request, &preview),
                },
                answers: answers.map_err(failed)?,
                traces,
            });
        }
    }
    if evaluated.is_empty() && !arguments.input {
        bail!("the policy is about none of the objects");
    }
    match arguments.output {
        _ if arguments.input => {}
        Output::Human => {
            let text: String = evaluated.iter().map(|one| one.human(arguments.explain)).collect();
            anstream::stdout().lock().write_all(text.as_bytes())?;
        }
        Output::Json => {
            let all: Vec<Value> = evaluated.iter().map(Evaluated::json).collect();
            let mut out = anstream::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &all)?;
            writeln!(out)?;
        }
    }
    let has_failed = evaluated.iter().flat_map(|one| &one.answers).any(|one| one.value.is_err());
    Ok(if has_failed { ExitStatus::Findings } else { ExitStatus::Clean })
}

/// Why the policy's own `match` leaves the object out, if it does.
fn unmatched(loaded: &Loaded, request: &Request, preview: &Preview) -> Option<String> {
    let metadata = loaded.metadata();
    // Of objects that are no pods, only the kind is looked at here.
    if loaded.is_gatekeeper() || loaded.is_about_others() {
        return None;
    }
    let profiles: Vec<&str> = preview.profiles.iter().map(String::as_str).collect();
    let matched = Matched {
        kind: "Pod",
        operation: &request.operation,
        namespace: &request.namespace,
        standing: preview.standing,
        profiles: &profiles,
        labels: &[],
        namespace_labels: None,
    };
    if metadata.matches.concerns(&matched) {
        return None;
    }
    let reach = match profiles.as_slice() {
        [] => "headed for no virtual node".to_owned(),
        some => format!("{} for {}", preview.standing.as_str(), some.join(", ")),
    };
    Some(format!(
        "in a cluster this policy would not be asked about the pod: its `match` leaves it out ({} in namespace `{}`, {reach})",
        request.operation, request.namespace
    ))
}

/// Why the constraint leaves the object out, if its kinds say so.
fn not_named(constraint: &Constraint, request: &Request) -> Option<String> {
    let (group, kind) = (&request.kind.group, &request.kind.kind);
    (!constraint.names(group, kind)).then(|| {
        format!(
            "in a cluster the constraint would not be asked about it: its `match` names other kinds than `{kind}`"
        )
    })
}

impl Evaluated<'_> {
    fn human(&self, explains: bool) -> String {
        let place = self
            .subject
            .mark(self.found)
            .map_or_else(String::new, |mark| format!(":{}", mark.line));
        let mut out = format!(
            "{}{} on {} {}\n",
            paint(BOLD, format_args!("policy `{}`", clean(&self.loaded.name()))),
            clean(&self.constraint.map_or_else(String::new, |constraint| {
                format!(" with constraint `{}`", constraint.name)
            })),
            clean(&format!(
                "{}{}",
                if self.is_of_pods { "the pods of " } else { "" },
                self.subject.title()
            )),
            paint(DIM, format_args!("({}{place})", clean(&self.found.text.name))),
        );
        if let Some(unmatched) = &self.unmatched {
            let _ = writeln!(out, "  {}: {unmatched}", paint(YELLOW, "note"));
        }
        if self.lacks_parameters {
            let _ = writeln!(
                out,
                "  {}: the template has no parameters here: give `--parameters`, or a folder with one of its constraints",
                paint(YELLOW, "note")
            );
        }
        for answer in &self.answers {
            self.answer(&mut out, answer);
        }
        if explains {
            let _ = writeln!(out, "  {}:", paint(BOLD, "explanation"));
            for trace in &self.traces {
                self.trace(&mut out, trace);
            }
        }
        out.push('\n');
        out
    }

    fn answer(&self, out: &mut String, answer: &Answer) {
        let time = paint(DIM, format_args!("({})", took(answer.duration)));
        let name = paint(BOLD, clean(&answer.rule));
        match &answer.value {
            Err(message) => {
                let message = load::placed(&self.loaded.sources, message);
                let _ =
                    writeln!(out, "  {name}: {}: {} {time}", paint(RED, "error"), clean(&message));
            }
            Ok(None) => {
                let _ = writeln!(out, "  {name}: undefined {time}");
            }
            Ok(Some(Value::Array(results))) => {
                let _ = writeln!(out, "  {name}: {} {time}", count(results.len(), "result"));
                for result in results {
                    self.result(out, result);
                }
            }
            Ok(Some(value)) => {
                let _ = writeln!(out, "  {name}: {} {time}", clean(&value.to_string()));
            }
        }
        for print in &answer.prints {
            let print = load::placed(&self.loaded.sources, print);
            let _ = writeln!(out, "    {} {}", paint(BLUE, "printed"), clean(&print));
        }
    }

    /// An element of a set, with the place of its field in the user's file.
    fn result(&self, out: &mut String, result: &Value) {
        let text = |key| result.get(key).and_then(Value::as_str);
        let _ = match text("msg") {
            Some(message) => writeln!(out, "    - {}", clean(message)),
            None => writeln!(out, "    - {}", clean(&result.to_string())),
        };
        if let Some(field) = text("field") {
            let place = objects::mark(self.found, self.subject, field)
                .map_or_else(String::new, |mark| format!(" ({}:{mark})", self.found.text.name));
            let _ = writeln!(out, "      field: {}{}", clean(field), clean(&place));
        }
        let others = result.as_object().filter(|_| text("msg").is_some()).into_iter().flatten();
        for (key, value) in others.filter(|(key, _)| !matches!(key.as_str(), "msg" | "field")) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(out, "      {}: {}", clean(key), clean(&value));
        }
    }

    fn trace(&self, out: &mut String, trace: &Trace) {
        let place = |mark| match self.loaded.sources.get(trace.module) {
            Some(source) => format!("{}:{}", source.file, source.place(mark)),
            None => mark.to_string(),
        };
        let call = trace.call.as_ref().map(|call| format!(", called with {call},"));
        let head = format!(
            "    {} {}{}",
            paint(BOLD, clean(&trace.rule)),
            paint(DIM, clean(&place(trace.mark))),
            clean(&call.unwrap_or_default()),
        );
        let mut shown: &[String] = &[];
        let mut seen: &[String] = &[];
        let _ = match &trace.outcome {
            Outcome::Held { times, values } => {
                shown = values;
                let times = if *times > 1 { format!(" for {times} values") } else { String::new() };
                writeln!(out, "{head} {}{times}", paint(GREEN, "held"))
            }
            Outcome::Failed { mark, expression, values, looks } => {
                (shown, seen) = (values, looks);
                writeln!(
                    out,
                    "{head} {} at {}: {}",
                    paint(YELLOW, "did not hold"),
                    clean(&place(*mark)),
                    paint(BOLD, clean(expression))
                )
            }
            Outcome::Erred { mark, expression, message } => writeln!(
                out,
                "{head} {} at {}: {}: {}",
                paint(RED, "failed"),
                clean(&place(*mark)),
                paint(BOLD, clean(expression)),
                clean(message)
            ),
            Outcome::NotAsked(why) => writeln!(out, "{head} was not asked: {why}"),
            Outcome::Unknown(why) => writeln!(out, "{head} cannot be explained: {}", clean(why)),
        };
        for values in shown {
            let _ = writeln!(out, "      {} {}", paint(DIM, "with"), clean(values));
        }
        for look in seen {
            let _ = writeln!(out, "      {} {}", paint(DIM, "as"), clean(look));
        }
    }
}

/// A duration as people read it.
fn took(duration: Duration) -> String {
    format!("{duration:.1?}")
}
