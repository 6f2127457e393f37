//! The answer of `check -o sarif`: SARIF 2.1.0, the form that code hosts and editors read findings in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Run;
use super::envelope;
use super::finding::{self, Finding};
use crate::admission::Pipeline;
use crate::bundle::Problem;
use crate::cli::render::profiles;
use crate::diagnostic::{Severity, codes};
use crate::document::Mark;

/// Where the form is described.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Name of the fingerprint, with the version of the way it is made.
const FINGERPRINT: &str = "loadlineFinding/v1";

/// Writes everything that was found as one log of one run.
pub fn report(run: &Run<'_>, problems: &[Problem]) -> serde_json::Result<String> {
    let findings: Vec<Finding<'_>> = finding::all(run).collect();
    let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
    for Finding { diagnostic, .. } in &findings {
        let known = worst.entry(&diagnostic.code).or_insert(diagnostic.severity);
        *known = (*known).min(diagnostic.severity);
    }
    let rules: Vec<Value> =
        worst.iter().map(|(code, severity)| rule(run.pipeline, code, *severity)).collect();
    let index = |code: &str| worst.keys().position(|known| *known == code);
    let mut seen = BTreeSet::new();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let mut result = result(finding);
            put(&mut result, "ruleIndex", json!(index(&finding.diagnostic.code)));
            put(
                &mut result,
                "partialFingerprints",
                json!({ FINGERPRINT: fingerprint(finding, &mut seen) }),
            );
            result
        })
        .collect();
    let notifications: Vec<Value> = problems.iter().map(notification).collect();
    let mut names: BTreeSet<&str> =
        run.judged.iter().map(|((found, _), _)| found.text.name.as_str()).collect();
    names.extend(problems.iter().map(|problem| problem.origin.as_str()));
    let artifacts: Vec<Value> =
        names.iter().map(|name| json!({ "location": artifact(name) })).collect();
    serde_json::to_string_pretty(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "loadline",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": problems.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "artifacts": artifacts,
            "results": results,
            "properties": { "bundle": run.pipeline.digest },
        }],
    }))
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Deny => "error",
        Severity::Warn => "warning",
        Severity::Note => "note",
    }
}

/// What a code means: from the catalogue, the list of codes, or the metadata of a policy.
fn rule(pipeline: &Pipeline, code: &str, severity: Severity) -> Value {
    let mut links = Vec::new();
    let (title, text, help, tag) = if let Some(id) = pipeline.catalogue.by_name(code) {
        let feature = pipeline.catalogue.feature(id);
        (Some(feature.title.clone()), Some(feature.doc.clone()), None, feature.class.as_str())
    } else if let Some(known) = codes::code(code) {
        let text = format!("{} {}", known.what, known.why);
        (Some(known.title.to_owned()), Some(text), Some(known.help.to_owned()), "loadline")
    } else if let Some(policy) = pipeline.policies.iter().find(|policy| policy.name == code) {
        let metadata = &policy.metadata;
        links.clone_from(&metadata.links);
        (metadata.title.clone(), metadata.description.clone(), metadata.help.clone(), "policy")
    } else {
        (None, None, None, "loadline")
    };
    let title = title.unwrap_or_else(|| code.to_owned());
    let more = format!("`loadline explain {code}` says more.");
    let help: Vec<&str> =
        text.iter().chain(&help).map(|text| text.trim()).chain([more.as_str()]).collect();
    let linked = links.iter().map(|link| format!("<{link}>"));
    let markdown: Vec<String> = help.iter().map(|text| (*text).to_owned()).chain(linked).collect();
    let mut rule = json!({
        "id": code,
        "shortDescription": { "text": title },
        "fullDescription": { "text": text.as_deref().map_or(title.as_str(), str::trim) },
        "help": { "text": help.join("\n"), "markdown": markdown.join("\n\n") },
        "defaultConfiguration": { "level": level(severity) },
        "properties": { "tags": [tag] },
    });
    if let Some(link) = links.iter().find(|link| is_address(link)) {
        put(&mut rule, "helpUri", json!(link));
    }
    rule
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn result(finding: &Finding<'_>) -> Value {
    let Finding { found, subject, judged, diagnostic } = finding;
    let marks = finding.marks();
    let place = |mark: Option<Mark>| physical(&found.text.name, mark);
    // Several fields of a pod may come from one field of its workload; the form wants each once.
    let mut seen = BTreeSet::new();
    let named: Vec<Value> = diagnostic
        .places
        .iter()
        .filter(|place| seen.insert(*place))
        .map(|field| json!({ "fullyQualifiedName": field.to_string(), "kind": "member" }))
        .collect();
    let object =
        json!({ "fullyQualifiedName": subject.title().replace('`', ""), "kind": "object" });
    let mut logical = vec![object];
    logical.extend(named);
    let mut message = finding.headline();
    for (key, text) in profiles::remarks(diagnostic) {
        message.push_str(&format!("\n{key}: {text}"));
    }
    let mut result = json!({
        "ruleId": diagnostic.code,
        "level": level(diagnostic.severity),
        "message": { "text": message },
        "locations": [{
            "physicalLocation": place(marks.first().copied()),
            "logicalLocations": logical,
        }],
    });
    let related: Vec<Value> = marks
        .iter()
        .enumerate()
        .skip(1)
        .map(|(id, mark)| json!({ "id": id, "physicalLocation": place(Some(*mark)) }))
        .collect();
    if !related.is_empty() {
        put(&mut result, "relatedLocations", Value::Array(related));
    }
    let mut properties = json!({});
    if let Some(profile) = &judged.profile {
        put(&mut properties, "profile", json!(profile));
    }
    if let Some(details) = &diagnostic.details {
        put(&mut properties, "details", json!(details));
    }
    if properties != json!({}) {
        put(&mut result, "properties", properties);
    }
    result
}

/// A name for the finding that stays the same when lines are added above it: the same finding of the same object.
fn fingerprint(finding: &Finding<'_>, seen: &mut BTreeSet<String>) -> String {
    let Finding { found, subject, judged, diagnostic } = finding;
    let field = diagnostic.place().map(ToString::to_string).unwrap_or_default();
    let parts = [
        &*diagnostic.code,
        &found.text.name,
        &subject.api_version,
        &subject.kind,
        &subject.namespace,
        &subject.name,
        &field,
        judged.profile.as_deref().unwrap_or_default(),
        &diagnostic.profiles.join(","),
    ];
    // Two findings that agree in all of this are told apart by their order.
    let names = (0_usize..).map(|number| envelope::uid(&json!([parts, number]).to_string()));
    let mut new = names.filter(|name| seen.insert(name.clone()));
    new.next().unwrap_or_default()
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

fn notification(problem: &Problem) -> Value {
    json!({
        "level": "error",
        "message": { "text": problem.message },
        "locations": [{ "physicalLocation": physical(&problem.origin, problem.mark) }],
    })
}

fn physical(name: &str, mark: Option<Mark>) -> Value {
    let mut location = json!({ "artifactLocation": artifact(name) });
    if let Some(Mark { line, column }) = mark {
        put(&mut location, "region", json!({ "startLine": line, "startColumn": column }));
    }
    location
}

/// A file as an address: relative to the root of the sources unless its path is absolute.
fn artifact(name: &str) -> Value {
    let path = name.strip_prefix("./").unwrap_or(name);
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    if uri.starts_with('/') {
        json!({ "uri": format!("file://{uri}") })
    } else {
        json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_addresses() {
        assert_eq!(artifact("./a b/c%.yaml")["uri"], "a%20b/c%25.yaml");
        assert_eq!(artifact("/etc/x.yaml"), json!({ "uri": "file:///etc/x.yaml" }));
        assert_eq!(artifact("<stdin>")["uri"], "%3Cstdin%3E");
    }
}
