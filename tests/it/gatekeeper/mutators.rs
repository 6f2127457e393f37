//! Mutators, from files to patches.

use crate::support::CliTest;

const MUTATORS: &str = "
apiVersion: mutations.gatekeeper.sh/v1
kind: Assign
metadata: {name: no-root}
spec:
  applyTo: [{groups: [''], versions: [v1], kinds: [Pod]}]
  match: {namespaces: [shop]}
  location: 'spec.containers[name: *].securityContext.runAsNonRoot'
  parameters: {assign: {value: true}}
---
apiVersion: mutations.gatekeeper.sh/v1alpha1
kind: AssignImage
metadata: {name: mirror}
spec:
  applyTo: [{groups: [''], versions: [v1], kinds: [Pod]}]
  location: 'spec.containers[name: *].image'
  parameters: {assignDomain: mirror.example}
";

fn pod(container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop}}\nspec: {{containers: [{container}]}}\n"
    )
}

fn test(mutators: &str, pod: &str) -> CliTest {
    CliTest::new().file("policy/m.yaml", mutators).file("o.yaml", pod)
}

const CHECK: [&str; 5] = ["check", "--policy", "policy", "-f", "o.yaml"];

#[test]
fn pods_are_changed_as_mutators_say() {
    test(MUTATORS, &pod("{name: a, image: 'nginx:1'}")).run(&CHECK).check(
        0,
        &[
            "mutators `Assign/no-root`, `AssignImage/mirror`",
            "image: mirror.example/nginx:1",
            "runAsNonRoot: true",
        ],
        &[],
    );
}

#[test]
fn a_pod_that_is_as_mutators_want_it_is_left_alone() {
    let settled =
        "{name: a, image: 'mirror.example/nginx:1', securityContext: {runAsNonRoot: true}}";
    let said = test(MUTATORS, &pod(settled)).run(&CHECK);
    said.check(0, &["1 object: 0 denied, 0 warned, 1 clean"], &[]);
    assert!(!said.stdout.contains("change"), "{}", said.stdout);
}

#[test]
fn constraints_see_what_mutators_made() {
    let template = include_str!("../../gatekeeper/libraries/template.yaml");
    let constraint = "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: KnownRegistries\nmetadata: {name: ours}\n\
        spec: {match: {kinds: [{apiGroups: [''], kinds: [Pod]}]}, parameters: {registries: [mirror.example/]}}\n";
    test(MUTATORS, &pod("{name: a, image: 'nginx:1'}"))
        .file("policy/t.yaml", template)
        .file("policy/c.yaml", constraint)
        .run(&CHECK)
        .check(0, &["0 denied"], &[]);
}

#[test]
fn a_mutator_that_cannot_do_what_it_should_refuses_the_pod() {
    test(MUTATORS, &pod("{name: a, image: 'nginx:1', securityContext: null}")).run(&CHECK).check(
        1,
        &["the mutators could not change the pod: `Assign/no-root`: `runAsNonRoot` is looked for"],
        &[],
    );
}

#[test]
fn mistakes_and_what_has_no_effect_are_told_where_they_stand() {
    let wrong = MUTATORS.replace("[name: *].image", "[name: *].image.");
    let said = test(&wrong, &pod("{}")).run(&CHECK);
    said.check(
        2,
        &[],
        &["m.yaml:16:3: `spec.containers[name: *].image.`: the location ends with a dot"],
    );
    let idle = MUTATORS.replace("kinds: [Pod]", "kinds: [Secret]");
    let said = test(&idle, &pod("{name: a, image: a}")).run(&CHECK);
    assert!(
        said.stderr.contains("m.yaml:5:1: the Assign `no-root` has no effect"),
        "{}",
        said.stderr
    );
}

#[test]
fn every_pod_is_sent_where_a_mutator_is_about_pods() {
    let said = test(MUTATORS, "").run(&["install", "--policy", "policy", "--image", "loadline:1"]);
    let documents = loadline::document::Document::parse_all(&said.stdout).unwrap();
    let configuration = documents
        .iter()
        .map(|document| &document.value)
        .find(|value| value["kind"] == "MutatingWebhookConfiguration")
        .unwrap();
    let selector = |name: &str| {
        let webhooks = configuration["webhooks"].as_array().unwrap();
        &webhooks.iter().find(|webhook| webhook["name"] == name).unwrap()["namespaceSelector"]
    };
    assert_eq!(selector("pods.loadline.dev"), selector("asked.pods.loadline.dev"));
}
