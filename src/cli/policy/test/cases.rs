//! Tests as data: files that end in `_cases.yaml`, with objects and what a policy is to say of them.

use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;

use super::Wanted;
use crate::admission::Pipeline;
use crate::bundle::{API_VERSION, CASES_KIND, Text};
use crate::cli::bundle::read_all;
use crate::cli::policy::load::{self, Files, Loaded};
use crate::cli::policy::objects::{self, Objects};
use crate::diagnostic::suggest;
use crate::document::Document;
use crate::governance::coverage::Coverage;
use crate::governance::eval::{Answer, Evaluator};
use crate::governance::test::{Outcome, TestResult};
use crate::path::FieldPath;

/// What the names of such files end in.
const ENDINGS: [&str; 2] = ["_cases.yaml", "_cases.yml"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Source {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    policy: Option<String>,
    #[serde(default)]
    inventory: Vec<Known>,
    cases: Vec<Case>,
}

/// What the policy may look at besides the object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Known {
    /// A file or a folder, beside the file with the cases.
    File(String),
    Object(serde_json::Map<String, Value>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    name: String,
    object: Option<Value>,
    file: Option<String>,
    profile: Option<String>,
    parameters: Option<Value>,
    /// In addition to that of all cases.
    #[serde(default)]
    inventory: Vec<Known>,
    #[serde(default)]
    expect: Expect,
}

/// What each set is to hold; one that is not named is to be empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Expect {
    deny: Elements,
    warn: Elements,
    violation: Elements,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Elements {
    Count(usize),
    List(Vec<Element>),
}

impl Default for Elements {
    fn default() -> Self {
        Self::Count(0)
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Element {
    /// A part of the message.
    Part(String),
    /// A part of the message, and the whole field.
    Object(ElementParts),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ElementParts {
    msg: Option<String>,
    field: Option<String>,
}

/// Whether a file holds cases.
pub(super) fn is_cases(origin: &str) -> bool {
    ENDINGS.iter().any(|ending| origin.ends_with(ending))
}

/// Runs the cases of all files that hold some.
///
/// Fails where such a file cannot be read or does not say which policy it is about.
pub(super) fn run(
    files: &Files,
    pipeline: &Pipeline,
    wanted: &Wanted,
    mut coverage: Option<&mut Coverage>,
) -> anyhow::Result<Vec<TestResult>> {
    let mut results = Vec::new();
    for text in files.texts.iter().filter(|text| is_cases(&text.origin)) {
        let fail = |document: Option<&Document>, place: &str, message: String| {
            let place = FieldPath::parse(place).unwrap_or_default();
            let mark = document.and_then(|document| document.locate(&place));
            let mark = mark.map_or_else(String::new, |mark| format!(":{mark}"));
            anyhow::anyhow!("{}{mark}: {message}", text.origin)
        };
        let documents = Document::parse_all(&text.text).map_err(|error| {
            let mark = error.mark.map_or_else(String::new, |mark| format!(":{mark}"));
            anyhow::anyhow!("{}{mark}: {}", text.origin, error.message)
        })?;
        for document in &documents {
            let word = |key: &str| document.value.get(key).and_then(Value::as_str);
            if (word("apiVersion"), word("kind")) != (Some(API_VERSION), Some(CASES_KIND)) {
                let message = format!(
                    "cases begin with `apiVersion: {API_VERSION}` and `kind: {CASES_KIND}`"
                );
                return Err(fail(Some(document), "", message));
            }
            let source: Source =
                serde_path_to_error::deserialize(&document.value).map_err(|error| {
                    fail(Some(document), &error.path().to_string(), error.inner().to_string())
                })?;
            let loaded = policy(files, source.policy.as_deref(), &text.origin)
                .map_err(|message| fail(Some(document), "policy", message))?;
            let modules = loaded.modules();
            let evaluator =
                Evaluator::new(&modules, loaded.policy().dialect, &[], true).map_err(|error| {
                    anyhow::anyhow!("{}", load::placed(&loaded.sources, &error.message))
                })?;
            for (number, case) in source.cases.iter().enumerate() {
                let name = format!("{}.{}", loaded.name(), case.name);
                if !wanted.includes(&name) {
                    continue;
                }
                let place = FieldPath::keys("cases").index(number);
                let line = document.locate(&place).map_or(1, |mark| mark.line);
                let start = Instant::now();
                let judged = inventory(source.inventory.iter().chain(&case.inventory), text)
                    .and_then(|known| objects_of(case, text, pipeline, known))
                    .and_then(|objects| {
                        let coverage = coverage.as_deref_mut();
                        judge(case, &objects, pipeline, loaded, &evaluator, coverage)
                    });
                let (outcome, prints) =
                    judged.unwrap_or_else(|error| (Outcome::Error(error.to_string()), Vec::new()));
                let duration = start.elapsed();
                let origin = text.origin.clone();
                results.push(TestResult { name, origin, line, outcome, prints, duration });
            }
        }
    }
    Ok(results)
}

/// The policy that is meant: the one of that name, or else the one beside the file.
fn policy<'f>(files: &'f Files, name: Option<&str>, origin: &str) -> Result<&'f Loaded, String> {
    let names: Vec<String> = files.policies.iter().map(Loaded::name).collect();
    let Some(name) = name else {
        let folder = Path::new(origin).parent();
        let mut beside = files
            .policies
            .iter()
            .filter(|loaded| Path::new(&loaded.policy().file).parent() == folder);
        return match (beside.next(), beside.next()) {
            (Some(only), None) => Ok(only),
            _ => Err("say which policy the cases are about: `policy: NAME`".to_owned()),
        };
    };
    let position = names.iter().position(|known| known == name);
    position.and_then(|position| files.policies.get(position)).ok_or_else(|| {
        format!(
            "there is no policy `{name}` in the files; {}",
            suggest::help(name, names.iter().map(String::as_str))
        )
    })
}

/// The texts of a file or folder beside the file with the cases.
fn beside(text: &Text, file: &str) -> anyhow::Result<Vec<Text>> {
    let texts = read_all(&Path::new(&text.origin).with_file_name(file), &["yaml", "yml", "json"])?;
    anyhow::ensure!(!texts.is_empty(), "`{file}` is an empty folder");
    Ok(texts)
}

fn inventory<'k>(known: impl Iterator<Item = &'k Known>, text: &Text) -> anyhow::Result<Vec<Text>> {
    let mut texts = Vec::new();
    for one in known {
        match one {
            Known::File(file) => texts.extend(beside(text, file)?),
            Known::Object(object) => texts.push(Text {
                origin: text.origin.clone(),
                text: Value::Object(object.clone()).to_string(),
            }),
        }
    }
    Ok(texts)
}

/// The object of a case, and what there is besides.
fn objects_of(
    case: &Case,
    text: &Text,
    pipeline: &Pipeline,
    known: Vec<Text>,
) -> anyhow::Result<Objects> {
    let object = match (&case.object, &case.file) {
        (Some(object), None) => {
            vec![Text { origin: text.origin.clone(), text: object.to_string() }]
        }
        (None, Some(file)) => beside(text, file)?.into_iter().take(1).collect(),
        _ => anyhow::bail!("a case has either an `object` or a `file`"),
    };
    Objects::of(pipeline, object, known, "default")
}

fn judge(
    case: &Case,
    objects: &Objects,
    pipeline: &Pipeline,
    loaded: &Loaded,
    evaluator: &Evaluator,
    coverage: Option<&mut Coverage>,
) -> anyhow::Result<(Outcome, Vec<String>)> {
    let parameters = loaded.parameters(case.parameters.clone())?;
    let mut wrong = Vec::new();
    let mut prints = Vec::new();
    let mut found: Vec<(String, Vec<Value>)> = Vec::new();
    let mut coverage = coverage;
    let requests = objects
        .subjects()
        .filter_map(|(_, subject)| objects::requests(loaded, subject).into_iter().next_back());
    for request in requests {
        let preview = objects.preview(pipeline, request, case.profile.as_deref());
        let preview = preview.map_err(|message| anyhow::anyhow!("{message}"))?;
        for Answer { rule, value, prints: printed, .. } in
            evaluator.answers(&preview.input, &parameters)
        {
            prints.extend(printed.iter().map(|print| load::placed(&loaded.sources, print)));
            match value {
                Err(message) => {
                    let message = load::placed(&loaded.sources, &message);
                    return Ok((Outcome::Error(message), prints));
                }
                Ok(Some(Value::Array(elements))) => {
                    match found.iter_mut().find(|(known, _)| *known == rule) {
                        Some((_, known)) => known.extend(elements),
                        None => found.push((rule, elements)),
                    }
                }
                Ok(_) => wrong.push(format!("`{rule}` is no set")),
            }
        }
        if let Some(coverage) = coverage.as_deref_mut() {
            evaluator.cover(&preview.input, &parameters, coverage);
        }
    }
    let Expect { deny, warn, violation } = &case.expect;
    for (rule, expected) in [("deny", deny), ("warn", warn), ("violation", violation)] {
        let elements = found.iter().find(|(known, _)| known == rule);
        let elements = elements.map(|(_, elements)| elements.as_slice()).unwrap_or_default();
        wrong.extend(compare(rule, expected, elements));
    }
    let outcome = if wrong.is_empty() { Outcome::Pass } else { Outcome::Fail(wrong.join("\n")) };
    Ok((outcome, prints))
}

/// What is wrong with the elements of a set.
fn compare(rule: &str, expected: &Elements, found: &[Value]) -> Vec<String> {
    let shown = |value: &Value| match objects::message(value) {
        Some(message) => message.to_owned(),
        None => value.to_string(),
    };
    let all = || {
        let all: Vec<String> = found.iter().map(|value| format!("\n- {}", shown(value))).collect();
        if all.is_empty() { String::new() } else { format!(":{}", all.concat()) }
    };
    match expected {
        Elements::Count(count) if *count == found.len() => Vec::new(),
        Elements::Count(count) => {
            vec![format!("`{rule}` has {} elements, not {count}{}", found.len(), all())]
        }
        Elements::List(list) => {
            let is_met = |element: &Element, value: &Value| {
                let (part, field) = match element {
                    Element::Part(part) => (Some(part), None),
                    Element::Object(ElementParts { msg, field }) => (msg.as_ref(), field.as_ref()),
                };
                part.is_none_or(|part| shown(value).contains(part.as_str()))
                    && field.is_none_or(|field| {
                        value.get("field").and_then(Value::as_str) == Some(field.as_str())
                    })
            };
            let mut left: Vec<&Value> = found.iter().collect();
            let mut wrong = Vec::new();
            for element in list {
                match left.iter().position(|value| is_met(element, value)) {
                    Some(position) => {
                        left.remove(position);
                    }
                    None => wrong.push(format!("`{rule}` has no {}", element.words())),
                }
            }
            wrong.extend(left.iter().map(|value| format!("`{rule}` also says: {}", shown(value))));
            wrong
        }
    }
}

impl Element {
    fn words(&self) -> String {
        let (msg, field) = match self {
            Self::Part(part) => (Some(part), None),
            Self::Object(ElementParts { msg, field }) => (msg.as_ref(), field.as_ref()),
        };
        let msg = msg.map(|msg| format!("element with `{msg}`"));
        let field = field.map(|field| format!("at `{field}`"));
        let words: Vec<String> = msg.into_iter().chain(field).collect();
        if words.is_empty() { "such element".to_owned() } else { words.join(" ") }
    }
}
