//! What constraints add to the webhooks that `install` prints.

use loadline::document::Document;
use serde_json::{Value, json};

use crate::support::CliTest;

const TEMPLATE: &str = include_str!("../../gatekeeper/operations/template.yaml");

fn webhooks(constraints: &str) -> Vec<Value> {
    let test = CliTest::new()
        .file("policy/template.yaml", TEMPLATE)
        .file("policy/constraints.yaml", constraints)
        .file("ca.pem", "");
    let said = test.run(&["install", "--policy", "policy", "--image", "loadline:1"]);
    assert_eq!(said.status, 0, "{}", said.snapshot());
    let documents = Document::parse_all(&said.stdout).unwrap();
    let mut values = documents.into_iter().map(|document| document.value);
    let configuration =
        values.find(|value| value["kind"] == "ValidatingWebhookConfiguration").unwrap();
    configuration["webhooks"].as_array().unwrap().clone()
}

fn named<'w>(webhooks: &'w [Value], name: &str) -> Option<&'w Value> {
    webhooks.iter().find(|webhook| webhook["name"] == name)
}

fn constraint(matches: &Value) -> String {
    json!({
        "apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "WhoAsks", "metadata": {"name": "a"},
        "spec": {"match": matches},
    })
    .to_string()
}

#[test]
fn the_kinds_that_constraints_are_about_are_sent() {
    let matches = json!({"kinds": [{"apiGroups": ["networking.k8s.io"], "kinds": ["Ingress", "NetworkPolicy"]}]});
    let webhooks = webhooks(&constraint(&matches));
    let own = named(&webhooks, "constraints.loadline.dev").unwrap();
    assert_eq!(
        own["rules"],
        json!([{
            "apiGroups": ["networking.k8s.io"], "apiVersions": ["*"], "operations": ["DELETE", "UPDATE"],
            "resources": ["ingresses", "networkpolicies"], "scope": "*",
        }])
    );
    assert_eq!(own["clientConfig"]["service"]["path"], "/validate");
    let expression = own["matchConditions"][0]["expression"].as_str().unwrap();
    assert!(expression.starts_with("object == null ||"), "a deletion has no object: {expression}");
    let asked = named(&webhooks, "asked.pods.loadline.dev").unwrap();
    assert_ne!(
        asked["namespaceSelector"],
        named(&webhooks, "pods.loadline.dev").unwrap()["namespaceSelector"]
    );
}

#[test]
fn where_constraints_are_about_pods_every_pod_is_sent_once() {
    let webhooks =
        webhooks(&constraint(&json!({"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]})));
    let (first, second) = (
        named(&webhooks, "pods.loadline.dev").unwrap(),
        named(&webhooks, "asked.pods.loadline.dev").unwrap(),
    );
    assert_eq!(first["namespaceSelector"], second["namespaceSelector"]);
    assert_ne!(first["matchConditions"], second["matchConditions"]);
    let own = named(&webhooks, "constraints.loadline.dev").unwrap();
    assert_eq!(
        own["rules"][0]["operations"],
        json!(["DELETE", "UPDATE"]),
        "creations are sent already"
    );
}

#[test]
fn what_is_not_enforced_asks_for_nothing() {
    let idle = "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: WhoAsks\nmetadata: {name: a}\n\
        spec: {enforcementAction: scoped, scopedEnforcementActions: [{action: deny, enforcementPoints: [{name: audit.gatekeeper.sh}]}]}\n";
    assert!(named(&webhooks(idle), "constraints.loadline.dev").is_none());
}
