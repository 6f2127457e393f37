//! `docs/policies.md`: every example in it is run.

use std::process::Command;

use loadline::admission::Pipeline;
use loadline::bundle::{Sources, Text};
use loadline::diagnostic::Severity::{Deny, Warn};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{decide, headed, only, with_policy};

const PAGE: &str = include_str!("../../../docs/policies.md");

/// A block of the page: language, name and text.
fn blocks() -> Vec<(&'static str, &'static str, String)> {
    let mut blocks = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let (language, name) = info.split_once(' ').unwrap_or((info, ""));
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push((language, name, text.join("\n") + "\n"));
    }
    blocks
}

fn block(name: &str) -> String {
    blocks()
        .into_iter()
        .find(|(_, own, _)| *own == name)
        .unwrap_or_else(|| panic!("a block `{name}`"))
        .2
}

fn pipeline(files: &[&str], config: Option<&str>) -> Pipeline {
    let text = |name: &str| Text { origin: name.to_owned(), text: block(name) };
    let sources = Sources {
        policies: files.iter().map(|name| text(name)).collect(),
        config: config.map(text),
        ..Sources::default()
    };
    Pipeline::compile(&sources).unwrap()
}

#[test]
fn every_block_is_of_a_kind_that_is_tested() {
    for (language, name, _) in blocks() {
        assert!(matches!(language, "rego" | "console" | "json" | "yaml"), "{language}");
        assert_eq!(name.is_empty(), language == "console", "{language} {name}");
    }
}

#[test]
fn the_policy_in_a_document_is_what_the_page_says() {
    let pipeline = pipeline(&["hosts/hosts.yaml"], None);
    assert_eq!(pipeline.policies[0].name, "known-hosts");
    assert!(pipeline.may_concern("networking.k8s.io", "Ingress", "CREATE"));
    assert!(!pipeline.may_concern("", "Service", "CREATE"));
}

#[test]
fn commands_print_what_the_page_shows() {
    let folder = TempDir::new().unwrap();
    for (_, name, text) in
        blocks().into_iter().filter(|(language, ..)| matches!(*language, "rego" | "yaml"))
    {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut count = 0;
    for (_, _, text) in blocks().into_iter().filter(|(language, ..)| *language == "console") {
        let (command, expected) = text.split_once('\n').unwrap();
        let mut words = command.split_whitespace();
        assert_eq!((words.next(), words.next()), (Some("$"), Some("loadline")), "{command}");
        let output = Command::new(env!("CARGO_BIN_EXE_loadline"))
            .current_dir(&folder)
            .args(words)
            .output()
            .unwrap();
        // Times differ.
        let line =
            |line: &str| line.rsplit_once(" (").map_or(line, |(line, _)| line).to_owned() + "\n";
        let out: String = String::from_utf8(output.stdout).unwrap().lines().map(line).collect();
        assert_eq!(out, expected, "{command}");
        count += 1;
    }
    assert!(count >= 3);
}

#[test]
fn the_owner_policy_does_what_the_page_says() {
    let pipeline = pipeline(&["owner/owner.rego"], None);
    let of = |pod: &Value| {
        decide(&pipeline, pod).diagnostics.into_iter().find(|one| one.code == "owner")
    };
    assert_eq!(of(&headed(json!({"metadata": {"labels": {"owner": "payments"}}}))), None);
    let finding = of(&headed(json!({}))).unwrap();
    assert_eq!((finding.severity, finding.what.as_str()), (Deny, "the pod has no label `owner`"));
    assert_eq!(finding.help.as_deref(), Some("set the label to the name of your team"));
}

#[test]
fn the_labelled_policy_does_what_the_page_says() {
    let pipeline = pipeline(&["labelled/labelled.rego"], None);
    let verdict = decide(&pipeline, &headed(json!({})));
    let change = verdict.changes.iter().find(|one| one.reason.contains("labelled")).unwrap();
    assert_eq!(change.edit.to_string(), "change /metadata/labels/owner");
}

#[test]
fn the_strict_policy_does_what_the_page_says() {
    let pipeline = pipeline(&["strict/strict.rego"], None);
    let pod = headed(json!({"spec": {"securityContext": {"fsGroup": 1}}}));
    let verdict = decide(&pipeline, &pod);
    let finding = verdict.diagnostics.iter().find(|one| one.code == "strict").unwrap();
    assert!(finding.what.starts_with("`security.fs-group` is "), "{finding:?}");
}

#[test]
fn the_policy_with_everything_does_what_the_page_says() {
    let pipeline = pipeline(&["spot/spot.rego"], None);
    let pod = |namespace: &str| {
        headed(
            json!({"metadata": {"namespace": namespace}, "spec": {"nodeSelector": {"acme.example/spot": "true"}}}),
        )
    };
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let finding = |namespace: &str| {
        let mut review = super::review_of(&kind, "CREATE", &pod(namespace));
        review["request"]["namespace"] = namespace.into();
        super::decide_review(&pipeline, &review)
            .diagnostics
            .into_iter()
            .find(|one| one.code == "no-spot")
    };
    let found = finding("payments").unwrap();
    assert_eq!(found.severity, Warn);
    assert_eq!(found.place().unwrap().to_string(), "spec.nodeSelector['acme.example/spot']");
    assert_eq!(found.source.as_deref(), Some("https://wiki.acme.example/spot"));
    assert_eq!(finding("shop"), None);
}

#[test]
fn the_settings_do_what_the_page_says() {
    let pipeline = pipeline(&["owner/owner.rego"], Some("loadline.yaml"));
    let verdict = decide(&pipeline, &headed(json!({})));
    let finding = |code: &str| verdict.diagnostics.iter().find(|one| one.code == code).unwrap();
    assert_eq!(
        (finding("owner").severity, finding("owner").what.as_str()),
        (Warn, "the pod has no label `team`")
    );
    assert_eq!(finding("allowed-registries").severity, Deny);
}

#[test]
fn the_input_is_what_the_page_shows() {
    let claim = json!({"spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}});
    let shown = |rules: &str| {
        let verdict = decide(&with_policy("", rules), &headed(claim.clone()));
        serde_json::from_str::<Value>(only(&verdict).2).unwrap()
    };
    let parse = |name: &str| serde_json::from_str::<Value>(&block(name)).unwrap();
    assert_eq!(shown("warn contains json.marshal(input.placement)"), parse("placement"));
    let feature = "warn contains json.marshal(feature) if {\n\
        some feature in input.features\n feature.name == \"volume.persistent-volume-claim\"\n}";
    assert_eq!(shown(feature), parse("feature"));
    let keys = shown("warn contains json.marshal(object.keys(input))");
    assert_eq!(
        keys,
        json!(["cost", "features", "parameters", "placement", "pod", "review", "version"])
    );
    for key in keys.as_array().unwrap() {
        assert!(PAGE.contains(&format!("| `{}` |", key.as_str().unwrap())), "{key}");
    }
}

#[test]
fn the_sets_of_the_page_switch_on_what_it_says() {
    let pipeline = pipeline(&[], Some("sets.yaml"));
    let action = |name: &str| {
        pipeline.policies.iter().find(|policy| policy.name == name).map(|policy| policy.action)
    };
    assert_eq!(action("pod-security-baseline"), Some(loadline::governance::Action::Deny));
    assert_eq!(action("pod-security-restricted"), Some(loadline::governance::Action::Warn));
    assert_eq!(action("images-by-digest"), None);
}
