//! The built-in library of policies: samples, sets, and the Pod Security Standards against what Kubernetes says.
//!
//! `LOADLINE_CORPUS=DIR cargo test --test it library` holds them against the recorded answers of Kubernetes' own checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use loadline::admission::Pipeline;
use loadline::bundle::library::SETS;
use loadline::bundle::{self, Sources, Text};
use loadline::diagnostic::Severity;
use loadline::governance::Module;
use loadline::governance::test::{Outcome, run};
use serde_json::{Value, json};

use crate::support::CliTest;

/// The severities and codes of what is said of a sample with its policy on, from the program itself.
fn said_of(name: &str, sample: &str, config: Option<&str>) -> Vec<(String, String)> {
    said_at("verdict", name, sample, config)
}

/// The same of one of the verdicts of the report: `verdict` is that on the object, `pods` the one that counts for a workload.
fn said_at(verdict: &str, name: &str, sample: &str, config: Option<&str>) -> Vec<(String, String)> {
    let plain = format!(
        "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  policies:\n  - name: {name}\n"
    );
    let test =
        CliTest::new().file("sample.yaml", sample).file("config.yaml", config.unwrap_or(&plain));
    let said = test.run(&["check", "-f", "sample.yaml", "--config", "config.yaml", "-o", "json"]);
    let report: Value = serde_json::from_str(&said.stdout)
        .unwrap_or_else(|error| panic!("{name}: {error}: {}", said.stderr));
    assert_eq!(report["results"].as_array().unwrap().len(), 1, "{name}: {}", said.stderr);
    let diagnostics = report["results"][0][verdict]["diagnostics"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    diagnostics
        .iter()
        .map(|one| (text(&one["severity"]), text(&one["code"])))
        .filter(|(_, code)| code == name || code == "policy-error")
        .collect()
}

#[test]
fn samples_show_what_a_policy_allows_and_what_it_denies() {
    for policy in bundle::library() {
        let samples: BTreeMap<&str, &str> = policy.samples().collect();
        let sample =
            |file: &str| *samples.get(file).unwrap_or_else(|| panic!("{}: {file}", policy.name));
        let config = samples.get("config.yaml").copied();
        assert_eq!(said_of(policy.name, sample("allowed.yaml"), config), [], "{}", policy.name);
        let denied = said_of(policy.name, sample("denied.yaml"), config);
        assert!(!denied.is_empty(), "{}: nothing is said of the denied sample", policy.name);
        for (severity, code) in denied {
            assert_eq!(code, policy.name);
            assert!(matches!(severity.as_str(), "deny" | "warn"), "{}: {severity}", policy.name);
        }
    }
}

#[test]
fn policies_say_what_people_need_to_choose_them() {
    let mut members: BTreeSet<String> = BTreeSet::new();
    for policy in bundle::library() {
        let metadata = policy.metadata().unwrap();
        assert!(metadata.title.is_some_and(|title| title.len() < 90), "{}: title", policy.name);
        assert!(metadata.description.is_some(), "{}: description", policy.name);
        assert!(metadata.help.is_some(), "{}: help", policy.name);
        assert!(!metadata.links.is_empty(), "{}: related_resources", policy.name);
        for set in metadata.sets {
            assert!(SETS.iter().any(|known| known.name == set), "{}: {set}", policy.name);
            members.insert(set);
        }
    }
    assert_eq!(members.len(), SETS.len(), "a set without a policy");
}

fn compile(
    spec: &str,
    sets: &[&str],
    policies: &[(&str, &str)],
) -> Result<Vec<(String, Severity)>, String> {
    let text = |(origin, text): &(&str, &str)| Text {
        origin: (*origin).to_owned(),
        text: (*text).to_owned(),
    };
    let sources = Sources {
        policies: policies.iter().map(text).collect(),
        config: Some(Text {
            origin: "loadline.yaml".to_owned(),
            text: format!(
                "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {{{spec}}}\n"
            ),
        }),
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..Sources::default()
    };
    let severity = |action| match action {
        loadline::governance::Action::Deny => Severity::Deny,
        loadline::governance::Action::Warn => Severity::Warn,
        loadline::governance::Action::Audit => Severity::Note,
    };
    let pipeline = Pipeline::compile(&sources).map_err(|error| error.to_string())?;
    Ok(pipeline.policies.iter().map(|one| (one.name.clone(), severity(one.action))).collect())
}

fn action_of(policies: &[(String, Severity)], name: &str) -> Option<Severity> {
    policies.iter().find(|(known, _)| known == name).map(|(_, severity)| *severity)
}

#[test]
fn a_set_switches_its_policies_on_and_no_others() {
    assert_eq!(compile("", &[], &[]).unwrap(), []);
    for policies in [
        compile("policySets: [restricted]", &[], &[]).unwrap(),
        compile("", &["restricted"], &[]).unwrap(),
    ] {
        assert_eq!(action_of(&policies, "pod-security-restricted"), Some(Severity::Deny));
        assert_eq!(action_of(&policies, "pod-security-baseline"), None);
        assert_eq!(action_of(&policies, "allowed-registries"), None);
    }
}

#[test]
fn a_set_may_only_warn_and_what_is_said_of_one_policy_counts_more() {
    let spec = "policySets: [{name: restricted, action: warn}], policies: [{name: images-by-digest, action: audit}, {name: service-account-token, enabled: false}]";
    let policies = compile(spec, &[], &[]).unwrap();
    assert_eq!(action_of(&policies, "pod-security-restricted"), Some(Severity::Warn));
    assert_eq!(action_of(&policies, "images-by-digest"), Some(Severity::Note));
    assert_eq!(action_of(&policies, "service-account-token"), None);
}

#[test]
fn a_policy_of_the_user_takes_the_place_of_the_one_in_the_set() {
    let own = "package acme.images_by_digest\n\nimport rego.v1\n\nwarn contains \"own\"\n";
    let policies = compile("", &["restricted"], &[("own.rego", own)]).unwrap();
    assert_eq!(policies.iter().filter(|(name, _)| name == "images-by-digest").count(), 1);
    let off = "policies: [{name: images-by-digest, enabled: false}]";
    let policies = compile(off, &["restricted"], &[("own.rego", own)]).unwrap();
    assert_eq!(action_of(&policies, "images-by-digest"), None);
}

#[test]
fn a_set_that_does_not_exist_is_named() {
    let message = compile("policySets: [restrictd]", &[], &[]).unwrap_err();
    assert!(message.contains("no policy set `restrictd`: did you mean `restricted`?"), "{message}");
}

#[test]
fn a_misspelt_parameter_is_told_of_where_it_was_written() {
    let of = |name: &str, parameters: &str, own: &[(&str, &str)]| {
        compile(
            &format!("policies: [{{name: {name}, parameters: {parameters}}}]"),
            &["restricted"],
            own,
        )
        .map(|_| ())
    };
    let place = "loadline.yaml:3:";
    let message = of("allowed-registries", "{registeries: []}", &[]).unwrap_err();
    assert!(message.starts_with(place), "{message}");
    assert!(
        message.contains("no parameter `registeries`: did you mean `registries`?"),
        "{message}"
    );
    assert_eq!(of("allowed-registries", "{registries: []}", &[]), Ok(()));
    let document = "apiVersion: loadline.dev/v1alpha1\nkind: AdmissionPolicy\nmetadata: {name: own}\nspec:\n  parameters: {most: 1}\n  rego: |\n    package own\n    deny contains \"x\" if input.parameters.most > 1\n";
    let message = of("own", "{moost: 2}", &[("own.yaml", document)]).unwrap_err();
    assert!(message.starts_with(place), "{message}");
    assert!(message.contains("did you mean `most`?"), "{message}");
    assert_eq!(of("own", "{most: 2}", &[("own.yaml", document)]), Ok(()));
}

#[test]
fn the_objects_that_policies_look_at_are_followed() {
    let own = "# METADATA\n# custom:\n#   inventory: [{version: v1, kind: Node}]\npackage acme.own\n\nimport rego.v1\n\nwarn contains \"x\" if data.inventory.cluster.v1.Node[_].spec.unschedulable\n";
    let document = "apiVersion: loadline.dev/v1alpha1\nkind: AdmissionPolicy\nmetadata: {name: other}\nspec:\n  inventory: [{group: apps, version: v1, kind: Deployment}]\n  rego: |\n    package other\n    deny contains \"x\" if data.inventory.namespace.a\n";
    let text = |origin: &str, text: &str| Text { origin: origin.to_owned(), text: text.to_owned() };
    let sources = Sources {
        policies: vec![text("own.rego", own), text("other.yaml", document)],
        sets: vec!["restricted".to_owned()],
        ..Sources::default()
    };
    let kinds: Vec<String> =
        Pipeline::compile(&sources).unwrap().synced().into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["Node", "Deployment", "NetworkPolicy"]);
}

#[test]
fn a_copy_of_a_policy_finds_what_it_shares_with_the_library() {
    let copy =
        bundle::library().find(|policy| policy.name == "pod-security-baseline").unwrap().text;
    let policies = compile("", &[], &[("copy.rego", copy)]).unwrap();
    assert_eq!(action_of(&policies, "pod-security-baseline"), Some(Severity::Deny));
}

#[test]
fn parameters_that_are_not_given_keep_their_defaults() {
    let sample = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {hostNetwork: true, containers: [{name: web, image: a}]}\n";
    let config = |parameters: &str| {
        format!(
            "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  policies:\n  - name: owner-labels\n    parameters: {parameters}\n"
        )
    };
    let headed =
        sample.replace("metadata: {", "metadata: {labels: {loadline.dev/profile: azure-aci}, ");
    let count =
        |parameters: &str| said_of("owner-labels", &headed, Some(&config(parameters))).len();
    assert_eq!(count("{}"), 2);
    assert_eq!(count("{values: {tier: [a]}}"), 2);
    assert_eq!(count("{labels: [owner]}"), 1);
}

#[test]
fn check_tells_what_a_policy_says_of_the_workload_and_not_of_its_pods() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: report}\nspec:\n  backoffLimit: 0\n  template:\n    metadata: {labels: {loadline.dev/profile: azure-aci}}\n    spec: {restartPolicy: Never, containers: [{name: a, image: a}]}\n";
    let warned = ("warn".to_owned(), "bounded-jobs".to_owned());
    assert_eq!(said_at("pods", "bounded-jobs", job, None), [warned]);
    // What is said of the pods is not told again of the workload.
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web, loadline.dev/profile: azure-aci}}\n    spec: {containers: [{name: a, image: a}]}\n";
    let said = said_at("pods", "no-mutable-tags", deployment, None);
    assert_eq!(said, [("deny".to_owned(), "no-mutable-tags".to_owned())]);
}

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
        for result in run(&modules, |_| true, None).unwrap() {
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
