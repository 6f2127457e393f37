//! Mutators, from files to patches.

use loadline::admission::{Pipeline, Stage};
use loadline::bundle::{Sources, Text};
use loadline::facts::Facts;
use serde_json::{Value, json};

use crate::reviews::request;
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

const LABELS: &str = "
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: {name: owner}
spec:
  match: {kinds: [{apiGroups: [apps], kinds: [Deployment]}]}
  location: metadata.labels.owner
  parameters: {assign: {value: shop}}
---
apiVersion: mutations.gatekeeper.sh/v1
kind: Assign
metadata: {name: local-traffic}
spec:
  applyTo: [{groups: [''], versions: [v1], kinds: [Service], operations: [UPDATE]}]
  location: spec.internalTrafficPolicy
  parameters: {assign: {value: Local}}
---
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: {name: everywhere}
spec:
  location: metadata.annotations.site
  parameters: {assign: {value: north}}
";

fn config(scope: &str) -> String {
    format!(
        "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {{mutatorScope: {scope}}}\n"
    )
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n\
    spec: {selector: {}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: 'a:1'}]}}}\n";

fn scoped(scope: &str, object: &str) -> CliTest {
    test(LABELS, object).file("config.yaml", config(scope))
}

fn check_with_config(scope: &str, object: &str) -> crate::support::Said {
    scoped(scope, object).run(&[CHECK.as_slice(), &["--config", "config.yaml"]].concat())
}

#[test]
fn other_objects_are_changed_where_the_configuration_says_so() {
    let said = check_with_config("pods", DEPLOYMENT);
    assert!(!said.stdout.contains("owner: shop"), "{}", said.stdout);
    assert!(
        said.stderr
            .contains("`mutatorScope: named` in a `LoadlineConfig` has it change what it is for"),
        "{}",
        said.stderr
    );
    // What names no kind is still for pods, and for nothing else.
    let said = check_with_config("named", DEPLOYMENT);
    let (of_pods, own) = said.stdout.split_once("in the Deployment itself").unwrap();
    assert!(of_pods.contains("site: north") && !of_pods.contains("owner: shop"), "{of_pods}");
    assert!(own.contains("owner: shop") && !own.contains("site: north"), "{own}");
    let said = check_with_config("all", DEPLOYMENT);
    let (_, own) = said.stdout.split_once("in the Deployment itself").unwrap();
    assert!(own.contains("owner: shop") && own.contains("site: north"), "{own}");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: shop}\n";
    check_with_config("all", secret).check(0, &["site: north", "Secret"], &[]);
}

fn pipeline(scope: &str) -> Pipeline {
    let text = |origin: &str, text: String| Text { origin: origin.to_owned(), text };
    let sources = Sources {
        policies: vec![text("m.yaml", LABELS.to_owned())],
        config: Some(text("config.yaml", config(scope))),
        ..Sources::default()
    };
    Pipeline::compile(&sources).unwrap()
}

fn review(operation: &str, service: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": operation, "namespace": "shop", "name": "web",
            "kind": {"group": "", "version": "v1", "kind": "Service"},
            "resource": {"group": "", "version": "v1", "resource": "services"},
            "object": service, "oldObject": service,
        },
    })
}

#[test]
fn objects_are_changed_when_they_are_updated_and_once() {
    let mut service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"ports": []},
    });
    let decide = |scope: &str, operation: &str, service: &Value| {
        let pipeline = pipeline(scope);
        let mut request = request(&pipeline, &review(operation, service));
        request.stage = Stage::Mutate;
        pipeline.decide(&Facts::default(), &request)
    };
    assert!(decide("pods", "UPDATE", &service).patch.is_empty());
    assert!(decide("named", "CREATE", &service).patch.is_empty());
    assert!(decide("named", "DELETE", &service).patch.is_empty());
    let verdict = decide("named", "UPDATE", &service);
    json_patch::patch(&mut service, &verdict.patch).unwrap();
    assert_eq!(service["spec"]["internalTrafficPolicy"], "Local");
    assert!(decide("named", "UPDATE", &service).patch.is_empty(), "deciding twice changes nothing");
    service["spec"] = json!({});
    service["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert!(decide("named", "UPDATE", &service).patch.is_empty(), "what goes is let go");
    service["metadata"].as_object_mut().unwrap().remove("deletionTimestamp");
    service["spec"] = json!("no object");
    let verdict = decide("named", "UPDATE", &service);
    assert!(!verdict.allowed, "what cannot be changed is refused");
    let what = &verdict.diagnostics[0].what;
    assert!(what.starts_with("the mutators could not change the Service"), "{what}");
}

#[test]
fn what_mutators_may_change_is_sent() {
    let webhook = |scope: &str| {
        let test = scoped(scope, "");
        let arguments =
            ["install", "--policy", "policy", "--config", "config.yaml", "--image", "l:1"];
        let said = test.run(&arguments);
        let documents = loadline::document::Document::parse_all(&said.stdout).unwrap();
        let mut values = documents.into_iter().map(|document| document.value);
        let configuration =
            values.find(|value| value["kind"] == "MutatingWebhookConfiguration").unwrap();
        let webhooks = configuration["webhooks"].as_array().unwrap().clone();
        webhooks.into_iter().find(|webhook| webhook["name"] == "mutators.loadline.dev")
    };
    assert_eq!(webhook("pods"), None);
    let rule = |group: &str, resource: &str, operations: &[&str]| json!({"apiGroups": [group], "apiVersions": ["*"], "operations": operations, "resources": [resource], "scope": "*"});
    let named = webhook("named").unwrap();
    assert_eq!(
        named["rules"],
        json!([
            rule("", "services", &["UPDATE"]),
            rule("apps", "deployments", &["CREATE", "UPDATE"]),
        ])
    );
    assert_eq!(named["clientConfig"]["service"]["path"], "/mutate");
    assert_eq!(named["reinvocationPolicy"], "IfNeeded");
    let all = webhook("all").unwrap();
    assert!(all["rules"].as_array().unwrap().contains(&rule("*", "*", &["CREATE", "UPDATE"])));
}

#[test]
fn what_an_object_makes_is_judged_as_mutators_make_it() {
    let template = include_str!("../../gatekeeper/libraries/template.yaml");
    let constraint = "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: KnownRegistries\nmetadata: {name: ours}\n\
        spec: {match: {source: Generated, kinds: [{apiGroups: [''], kinds: [Pod]}]}, parameters: {registries: [mirror.example/]}}\n";
    let expansion = "apiVersion: expansion.gatekeeper.sh/v1beta1\nkind: ExpansionTemplate\nmetadata: {name: makes-pods}\n\
        spec: {applyTo: [{groups: [apps], versions: [v1], kinds: [Deployment]}], templateSource: spec.template, generatedGVK: {group: '', version: v1, kind: Pod}}\n";
    let judged = |mutators: &str| {
        test(mutators, DEPLOYMENT)
            .file("policy/t.yaml", template)
            .file("policy/c.yaml", constraint)
            .file("policy/e.yaml", expansion)
            .run(&CHECK)
    };
    let said = judged("");
    said.check(1, &["[Implied by makes-pods]"], &[]);
    let said = judged(MUTATORS);
    assert!(!said.stdout.contains("Implied by"), "{}", said.stdout);
    // What is for some operations only is not for objects that are worked out from others.
    let made = MUTATORS.replace("kinds: [Pod]}]", "kinds: [Pod], operations: [CREATE]}]");
    judged(&made).check(1, &["[Implied by makes-pods]"], &[]);
    let broken = MUTATORS.split("---").next().unwrap();
    let broken = broken.replace("containers[name: *].securityContext", "containers.x");
    judged(&broken).check(
        1,
        &["what the object makes cannot be judged: failed to mutate resultant resource web-pod"],
        &[],
    );
}
