//! The policies for the Pod Security Standards agree with Kubernetes.
//!
//! `LOADLINE_CORPUS=DIR cargo test --test it library` holds them against the recorded answers of Kubernetes' own checks.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use loadline::bundle;
use loadline::governance::Module;
use loadline::governance::eval::Dialect;
use loadline::governance::test::{Outcome, run};
use serde_json::{Value, json};

/// A YAML document of a file of the corpus, by its number; empty ones are counted, as most readers do.
fn document(folder: &Path, file: &str, number: usize) -> Option<Value> {
    let text = std::fs::read_to_string(folder.join(file)).ok()?;
    let is_mark = |line: &str| line == "---" || line.starts_with("--- ");
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if is_mark(line.trim_end()) {
            documents.push(String::new());
        } else {
            let _ = writeln!(documents.last_mut().unwrap(), "{line}");
        }
    }
    // What stands above the first mark is a document only if something is there.
    if documents[0].lines().all(|line| line.trim().is_empty() || line.starts_with('#')) {
        documents.remove(0);
    }
    let read = loadline::document::Document::parse_all(documents.get(number)?).ok()?;
    read.into_iter().next().map(|document| document.value)
}

/// One pod with what Kubernetes says of it at some versions: `(level, version, failing controls)`.
struct Expected {
    name: String,
    pod: Value,
    at: Vec<(&'static str, String, Value)>,
}

/// Every expectation is a test in Rego, held against the controls by their names. Gives how many there were.
fn agree(expectations: &[Expected]) -> usize {
    let mut count = 0;
    // A module has an upper bound of bytes, and a line one of its own.
    for group in expectations.chunks(3) {
        let mut text = String::from(
            "package psa_test\n\nimport rego.v1\n\nimport data.lib.loadline.pod_security\n\nimport data.loadline.pod_security_baseline\n\nimport data.loadline.pod_security_restricted\n\n\
             asked(pod, version) := {\"pod\": pod, \"parameters\": {\"version\": version}}\n\n\
             found(\"baseline\", pod, version) := controls if {\n\tcontrols := {finding.control | some finding in pod_security.baseline} with input as asked(pod, version)\n\tdenied := pod_security_baseline.deny with input as asked(pod, version)\n\t(count(denied) == 0) == (count(controls) == 0)\n}\n\n\
             found(\"restricted\", pod, version) := controls if {\n\tcontrols := {finding.control | some finding in pod_security.baseline | pod_security.restricted} with input as asked(pod, version)\n\tdenied := pod_security_restricted.deny with input as asked(pod, version)\n\t(count(denied) == 0) == (count(controls) == 0)\n}\n\n",
        );
        for (number, expected) in group.iter().enumerate() {
            let pod = serde_json::to_string_pretty(&shortened(&expected.pod)).unwrap();
            let _ = write!(text, "pod_{number} := {pod}\n\n");
            for (place, (level, version, controls)) in expected.at.iter().enumerate() {
                let controls = serde_json::to_string_pretty(controls).unwrap();
                let name = &expected.name;
                let _ = write!(
                    text,
                    "test_{number}_{place} if {{\n\tgot := found(\"{level}\", pod_{number}, \"{version}\")\n\tprint(\"{name} {level} {version}\", got)\n\tgot == {{control | some control in {controls}}}\n}}\n\n"
                );
                count += 1;
            }
        }
        let own = Module { origin: "psa_test.rego", text: &text };
        let mut modules: Vec<Module<'_>> = vec![own];
        for Module { origin, text } in bundle::library_modules() {
            if origin.contains("pod-security") && !bundle::is_test(origin) {
                modules.push(Module { origin, text });
            }
        }
        for result in run(&modules, Dialect::Native, |_| true, None).unwrap() {
            assert_eq!(result.outcome, Outcome::Pass, "{:?}", result.prints);
        }
    }
    count
}

/// Long texts say nothing to these policies, and make lines that are too long for the engine.
fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > 200 => {
            text.chars().take(200).collect::<String>().into()
        }
        Value::Array(items) => items.iter().map(shortened).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), shortened(value))).collect()
        }
        other => other.clone(),
    }
}

fn read(folder: &Path, file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap()
}

#[test]
fn pod_security_policies_agree_with_kubernetes_at_every_version() {
    let Some(folder) = std::env::var_os("LOADLINE_CORPUS") else {
        println!("skipped: LOADLINE_CORPUS names no folder");
        return;
    };
    let folder = std::fs::canonicalize(folder).expect("LOADLINE_CORPUS is a folder");
    let matrix = read(&folder, "expect_psa_matrix.json");
    let minor = |version: &Value| -> u32 {
        version.as_str().unwrap().strip_prefix("v1.").unwrap().parse().unwrap()
    };
    let mut expectations = Vec::new();
    for (file, levels) in matrix["files"].as_object().unwrap() {
        let pod = document(&folder, file, 0).unwrap();
        let mut at = Vec::new();
        for level in ["baseline", "restricted"] {
            for range in levels[level].as_array().unwrap() {
                for version in minor(&range["from"])..=minor(&range["to"]) {
                    at.push((level, format!("v1.{version}"), range["violations"].clone()));
                }
            }
        }
        // The engine reads so many bytes at most: a pod at a few versions at a time.
        for some in at.chunks(80) {
            expectations.push(Expected { name: file.clone(), pod: pod.clone(), at: some.to_vec() });
        }
    }
    println!("{} expectations at versions agree", agree(&expectations));
}

#[test]
fn pod_security_policies_agree_with_kubernetes_on_every_pod() {
    let Some(folder) = std::env::var_os("LOADLINE_CORPUS") else {
        println!("skipped: LOADLINE_CORPUS names no folder");
        return;
    };
    let folder = std::fs::canonicalize(folder).expect("LOADLINE_CORPUS is a folder");
    let pods = read(&folder, "expect_psa_pods.json");
    let mut expectations = Vec::new();
    let mut missing = 0;
    for (name, expected) in pods["pods"].as_object().unwrap() {
        let mut parts = name.split('#');
        let (file, number, path) =
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        // Some stand in folders that are not here, and some are no pods that could be decoded.
        if expected[0] == "undecodable" {
            continue;
        }
        let Some(object) = document(&folder, file, number.parse().unwrap()) else {
            missing += 1;
            if folder.join(file).exists() {
                println!("not read: {name}");
            }
            continue;
        };
        let pointer: String = path.split('.').fold(String::new(), |pointer, part| {
            pointer + "/" + &part.replace('[', "/").replace(']', "")
        });
        let mut spec = object.pointer(&pointer).unwrap().clone();
        // A claim of a StatefulSet takes the place of the volume of its name.
        let claims = object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
        if let Some(volumes) = spec["volumes"].as_array_mut() {
            volumes.retain(|volume| {
                !claims
                    .into_iter()
                    .flatten()
                    .any(|claim| claim["metadata"]["name"] == volume["name"])
            });
        }
        let metadata = pointer.strip_suffix("/spec").and_then(|at| object.pointer(at));
        let metadata = metadata.map_or(&Value::Null, |holder| &holder["metadata"]);
        let at = vec![
            ("baseline", "v1.36".to_owned(), expected[1].clone()),
            ("restricted", "v1.36".to_owned(), all_of(&expected[1], &expected[2])),
        ];
        expectations.push(Expected {
            name: name.clone(),
            pod: json!({"metadata": metadata, "spec": spec}),
            at,
        });
    }
    println!("{} expectations on pods agree; {missing} pods are not there", agree(&expectations));
}

/// At `restricted` what `baseline` asks counts as well.
fn all_of(baseline: &Value, restricted: &Value) -> Value {
    let all: BTreeSet<&str> = [baseline, restricted]
        .iter()
        .flat_map(|list| list.as_array().unwrap())
        .map(|one| one.as_str().unwrap())
        .collect();
    json!(all)
}
