//! The built-in library of policies: samples, sets, parameters.

mod pod_security; // the Pod Security Standards against what Kubernetes says

use std::collections::{BTreeMap, BTreeSet};

use loadline::admission::Pipeline;
use loadline::bundle::library::SETS;
use loadline::bundle::{self, Sources, Text};
use loadline::diagnostic::Severity;
use serde_json::Value;

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
    // The workbench finds it, too.
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {hostNetwork: true, containers: [{name: web, image: a}]}\n";
    let test = CliTest::new().file("copy/copy.rego", copy).file("pod.yaml", pod);
    test.run(&["policy", "lint", "copy"]).check(0, &["nothing to complain about"], &[]);
    test.run(&["policy", "eval", "copy", "-f", "pod.yaml"]).check(0, &["hostNetwork"], &[]);
    let bench = ["policy", "bench", "copy", "-f", "pod.yaml", "--seconds", "0.01", "-o", "json"];
    test.run(&bench).check(0, &["pod-security-baseline", "\"failures\": 0"], &[]);
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

#[test]
fn policies_see_what_a_pod_costs_on_the_profiles_within_reach() {
    let policy = "package told\n\nimport rego.v1\n\nwarn contains json.marshal(input.cost)\n";
    let object = |kind: &str, profile: &str| {
        let metadata = format!("{{name: a, labels: {{app: a, loadline.dev/profile: {profile}}}}}");
        let spec =
            "{containers: [{name: a, image: a, resources: {limits: {cpu: 1100m, memory: 1Gi}}}]}";
        match kind {
            "Pod" => format!("apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {spec}\n"),
            _ => format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec: {{selector: {{matchLabels: {{app: a}}}}, template: {{metadata: {metadata}, spec: {spec}}}}}\n"
            ),
        }
    };
    let told = |object: &str| {
        let test = CliTest::new().file("told.rego", policy).file("object.yaml", object);
        test.run(&["check", "-f", "object.yaml", "--policy", "told.rego"]).stdout
    };
    let fargate = r#"{"eks-fargate":{"asked":{"cpu":1.1,"memory":1073741824},"billed":{"cpu":2,"memory":4294967296},"currency":"USD","date":""#;
    for kind in ["Pod", "Deployment"] {
        let said = told(&object(kind, "eks-fargate"));
        assert!(said.contains(fargate), "{said}");
        assert!(said.contains(r#""perHour":0.09874"#), "{said}");
    }
    assert!(told(&object("Pod", "nomad")).contains("[told]: null"));
}
