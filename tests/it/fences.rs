//! Fences: which one a pod gets, and what would let it out of it.

use std::collections::BTreeMap;

use loadline::admission::verdict::Verdict;
use loadline::admission::{Pipeline, Stage};
use loadline::bundle::{Sources, Text};
use loadline::diagnostic::Severity;
use loadline::facts::{Facts, NamespaceFact};
use serde_json::{Value, json};

use super::reviews::{
    TEST_PROFILE, decide, decide_at, patched, pipeline, pipeline_with, pod, request, review_of,
};
use super::server::{Server, log};

const FENCE: &str = "loadline.dev/fence";
const FENCED: &str = "loadline.dev/fenced";

/// A pod that asks for the test profile, with what it says of its fence, a label, and more in its specification.
fn sent(fence: Option<&str>, label: Option<&str>, spec: Value) -> Value {
    let mut object = pod(json!({"annotations": {"loadline.dev/profile": "dinghy"}}), spec);
    if let Some(fence) = fence {
        object["metadata"]["annotations"][FENCE] = json!(fence);
    }
    if let Some(label) = label {
        object["metadata"]["labels"] = json!({FENCED: label, "app": "a"});
    }
    object
}

/// Facts of a namespace that asks for a fence.
fn namespace(fence: Option<&str>) -> Facts {
    let labels = fence.map(|fence| (FENCE.to_owned(), fence.to_owned())).into_iter().collect();
    let namespace = NamespaceFact { labels, ..NamespaceFact::default() };
    Facts::of_namespaces(BTreeMap::from([("shop".to_owned(), namespace)]))
}

fn severity(verdict: &Verdict, code: &str) -> Option<Severity> {
    verdict.diagnostics.iter().find(|one| one.code == code).map(|one| one.severity)
}

/// The fence that a pod gets, read off its label, once it is certain that it is held back and that nothing changes any more.
#[track_caller]
fn fence(pipeline: &Pipeline, facts: &Facts, object: &Value) -> Option<String> {
    let verdict = decide(pipeline, facts, object);
    assert!(verdict.allowed, "{:?}", verdict.diagnostics);
    let after = patched(object, &verdict);
    let again = decide(pipeline, facts, &after);
    assert!(again.patch.is_empty() && again.allowed, "{:?}", again.patch);
    let validated = decide_at(pipeline, facts, &after, Stage::Validate);
    assert!(validated.allowed, "{:?}", validated.diagnostics);
    let label = after["metadata"]["labels"][FENCED].as_str().map(str::to_owned);
    let gates = json!([{"name": "loadline.dev/network-policy"}]);
    assert_eq!(after["spec"]["schedulingGates"] == gates, label.is_some(), "{after}");
    label
}

#[test]
fn a_fence_labels_gates_and_says_where_it_has_no_effect() {
    let object = pod(
        json!({"annotations": {"loadline.dev/profile": "dinghy", "loadline.dev/fence": "namespace"}}),
        json!({}),
    );
    let (pipeline, facts) = (pipeline(), Facts::default());
    let verdict = decide(&pipeline, &facts, &object);
    let after = patched(&object, &verdict);
    assert_eq!(after["metadata"]["labels"]["loadline.dev/fenced"], "namespace");
    assert_eq!(after["spec"]["schedulingGates"], json!([{"name": "loadline.dev/network-policy"}]));
    let unenforced =
        verdict.diagnostics.iter().find(|one| one.code == "network-policy-not-enforced").unwrap();
    assert_eq!(unenforced.help.as_deref(), Some("stay ashore"));
    assert!(decide(&pipeline, &facts, &after).patch.is_empty());
}

#[test]
fn a_fence_that_does_not_exist_refuses_the_pod() {
    let object = pod(
        json!({"annotations": {"loadline.dev/profile": "dinghy", "loadline.dev/fence": "namespce"}}),
        json!({}),
    );
    let verdict = decide(&pipeline(), &Facts::default(), &object);
    assert!(!verdict.allowed);
    assert_eq!(verdict.diagnostics[0].help.as_deref(), Some("did you mean `namespace`?"));
}

#[test]
fn a_label_that_the_pod_brings_along_is_replaced_by_the_fence() {
    let (pipeline, facts) = (pipeline(), namespace(Some("deny-all")));
    for label in ["open-egress", "nonsense", "", "namespace"] {
        let object = sent(None, Some(label), json!({}));
        let verdict = decide(&pipeline, &facts, &object);
        assert_eq!(severity(&verdict, "fenced-label"), Some(Severity::Warn), "{label}");
        assert_eq!(fence(&pipeline, &facts, &object).as_deref(), Some("deny-all"), "{label}");
        assert_eq!(patched(&object, &verdict)["metadata"]["labels"]["app"], "a");
        // Both webhooks together say what one decision says.
        let mutated = decide_at(&pipeline, &facts, &object, Stage::Mutate);
        assert_eq!(severity(&mutated, "fenced-label"), Some(Severity::Warn), "{label}");
    }
    let right = sent(None, Some("deny-all"), json!({}));
    assert_eq!(severity(&decide(&pipeline, &facts, &right), "fenced-label"), None);
}

#[test]
fn a_label_without_a_fence_that_is_asked_for_refuses_the_pod_and_warns_of_its_workload() {
    let pipeline = pipeline();
    for fence in [None, Some("none")] {
        let object = sent(fence, Some("open-egress"), json!({}));
        let verdict = decide(&pipeline, &Facts::default(), &object);
        assert!(!verdict.allowed);
        let diagnostic = &verdict.diagnostics[0];
        assert_eq!(diagnostic.code, "fenced-label");
        assert_eq!(diagnostic.places[0].to_string(), "metadata.labels['loadline.dev/fenced']");
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"template": {"metadata": object["metadata"], "spec": object["spec"]}}});
        let verdict = decide(&pipeline, &Facts::default(), &deployment);
        assert_eq!(severity(&verdict, "fenced-label"), Some(Severity::Warn));
    }
    // One that waits at the gate is fenced as it says: another replica knew of a fence that this one has not heard of.
    let gates = json!({"schedulingGates": [{"name": "loadline.dev/network-policy"}]});
    for (label, allowed) in [("deny-all", true), ("nonsense", false)] {
        let object = sent(None, Some(label), gates.clone());
        assert_eq!(decide(&pipeline, &Facts::default(), &object).allowed, allowed, "{label}");
    }
    // A pod that no virtual node concerns is not touched.
    let regular = pod(json!({"labels": {FENCED: "open-egress"}}), json!({}));
    let verdict = decide(&pipeline, &Facts::default(), &regular);
    assert!(verdict.allowed && verdict.patch.is_empty() && verdict.diagnostics.is_empty());
}

#[test]
fn a_pod_may_ask_for_a_stricter_fence_than_its_namespace_and_never_for_a_weaker_one() {
    let pipeline = pipeline();
    let names = ["deny-all", "namespace", "open-egress", "none"];
    for (strict, at_least) in names.iter().enumerate() {
        for (own, asked) in names.iter().enumerate() {
            let facts = namespace(Some(at_least));
            let object = sent(Some(asked), None, json!({}));
            let expected = Some(names[strict.min(own)]).filter(|name| *name != "none");
            assert_eq!(
                fence(&pipeline, &facts, &object).as_deref(),
                expected,
                "{asked} in {at_least}"
            );
            let told = severity(&decide(&pipeline, &facts, &object), "fence-weaker");
            assert_eq!(told, (own > strict).then_some(Severity::Warn), "{asked} in {at_least}");
        }
    }
    // A label of the same name counts as much, and as little.
    let mut object = sent(None, None, json!({}));
    object["metadata"]["labels"] = json!({FENCE: "none"});
    let facts = namespace(Some("namespace"));
    assert_eq!(fence(&pipeline, &facts, &object).as_deref(), Some("namespace"));
}

#[test]
fn a_namespace_overrides_the_fence_of_a_profile_and_a_pod_does_not() {
    let text = TEST_PROFILE.replace("  title:", "  fence: namespace\n  title:");
    let profile = Text { origin: "dinghy.yaml".into(), text };
    let pipeline =
        Pipeline::compile(&Sources { profiles: vec![profile], ..Sources::default() }).unwrap();
    for (at_least, asked, expected) in [
        (None, None, Some("namespace")),
        (None, Some("none"), Some("namespace")),
        (None, Some("deny-all"), Some("deny-all")),
        (Some("none"), None, None),
        (Some("none"), Some("open-egress"), Some("open-egress")),
        (Some("open-egress"), Some("none"), Some("open-egress")),
    ] {
        let object = sent(asked, None, json!({}));
        assert_eq!(fence(&pipeline, &namespace(at_least), &object).as_deref(), expected);
    }
}

#[test]
fn a_fence_of_a_namespace_that_does_not_exist_refuses_the_pod() {
    let verdict =
        decide(&pipeline(), &namespace(Some("deny-al")), &sent(Some("none"), None, json!({})));
    assert!(!verdict.allowed);
    assert_eq!(severity(&verdict, "unknown-fence"), Some(Severity::Deny));
    assert!(verdict.diagnostics[0].places.is_empty(), "it is not the pod that says it");
}

#[test]
fn what_reaches_validation_without_its_fence_is_refused() {
    let (pipeline, facts) = (pipeline(), namespace(Some("namespace")));
    let object = sent(None, None, json!({}));
    let fenced = patched(&object, &decide(&pipeline, &facts, &object));
    let mut relabelled = fenced.clone();
    relabelled["metadata"]["labels"][FENCED] = json!("open-egress");
    let mut ungated = fenced.clone();
    ungated["spec"]["schedulingGates"] = Value::Null;
    for (object, missing) in
        [(&fenced, false), (&object, true), (&relabelled, true), (&ungated, true)]
    {
        let verdict = decide_at(&pipeline, &facts, object, Stage::Validate);
        assert_eq!(verdict.allowed, !missing, "{object}");
        assert_eq!(severity(&verdict, "fence-missing").is_some(), missing, "{object}");
    }
    // Later the gate is gone, and that is well; the label is not to change.
    for (new, old, allowed) in
        [(&ungated, &ungated, true), (&relabelled, &ungated, false), (&object, &object, true)]
    {
        let mut review = review_of(new);
        review["request"]["operation"] = json!("UPDATE");
        review["request"]["oldObject"] = (*old).clone();
        let verdict = pipeline.decide(&facts, &request(&pipeline, &review));
        assert_eq!(verdict.allowed, allowed, "{:?}", verdict.diagnostics);
        assert!(verdict.patch.is_empty());
    }
}

#[test]
fn a_fenced_pod_that_names_its_node_is_refused() {
    let pipeline = pipeline();
    let spec = json!({"nodeName": "dinghy-0"});
    let mut object = sent(Some("namespace"), None, spec.clone());
    let verdict = decide(&pipeline, &Facts::default(), &object);
    assert!(!verdict.allowed);
    let diagnostic = &verdict.diagnostics[0];
    assert_eq!(diagnostic.code, "fence-node-name");
    assert_eq!(diagnostic.places[0].to_string(), "spec.nodeName");
    assert!(diagnostic.help.as_ref().unwrap().contains("affinity"), "{diagnostic:?}");
    // Anybody can write this annotation, and a virtual node has no static pods.
    object["metadata"]["annotations"]["kubernetes.io/config.mirror"] = json!("x");
    assert!(!decide(&pipeline, &Facts::default(), &object).allowed);
    // The validating webhook gets it as it came, since a refusal has no patch, and says no more than that.
    let validated = decide_at(&pipeline, &Facts::default(), &object, Stage::Validate);
    assert_eq!(severity(&validated, "fence-node-name"), Some(Severity::Deny));
    assert_eq!(severity(&validated, "fence-missing"), None);
    // Without a fence there is nothing to wait for.
    assert!(decide(&pipeline, &Facts::default(), &sent(None, None, spec.clone())).allowed);
    // Where it is let pass, its policy selects it at least.
    let exempt = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {mode: warn}\n";
    let lenient = pipeline_with(&[], Some(exempt)).unwrap();
    let object = sent(Some("namespace"), None, spec);
    let verdict = decide(&lenient, &Facts::default(), &object);
    assert_eq!(severity(&verdict, "fence-node-name"), Some(Severity::Warn));
    let after = patched(&object, &verdict);
    assert_eq!(after["metadata"]["labels"][FENCED], "namespace");
    assert_eq!(after["spec"]["schedulingGates"], Value::Null);
    // Every running pod names its node; it has waited before.
    let mut review = review_of(&after);
    review["request"]["operation"] = json!("UPDATE");
    review["request"]["oldObject"] = after.clone();
    let verdict = pipeline.decide(&Facts::default(), &request(&pipeline, &review));
    assert!(verdict.allowed, "{:?}", verdict.diagnostics);
}

#[test]
fn where_no_controller_runs_nothing_is_held_back_and_that_is_told() {
    let (pipeline, facts) = (pipeline(), namespace(Some("namespace")).without_controller());
    let object = sent(None, Some("open-egress"), json!({}));
    let verdict = decide(&pipeline, &facts, &object);
    assert!(verdict.allowed);
    assert_eq!(severity(&verdict, "fence-not-put-up"), Some(Severity::Warn));
    let after = patched(&object, &verdict);
    assert_eq!(after["spec"]["schedulingGates"], Value::Null);
    assert_eq!(after["metadata"]["labels"][FENCED], "namespace");
    assert!(decide_at(&pipeline, &facts, &after, Stage::Validate).allowed);
    assert!(decide(&pipeline, &facts, &after).patch.is_empty());
}

#[test]
fn a_server_without_a_cluster_says_that_it_puts_up_no_fences() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let object = pod(
        json!({"annotations": {"loadline.dev/profile": "azure-aci", FENCE: "namespace"}}),
        json!({}),
    );
    let answer = server.post("/mutate", review_of(&object).to_string().as_bytes()).json();
    let warnings = answer["response"]["warnings"].to_string();
    assert!(warnings.contains("[fence-not-put-up]"), "{answer}");
    let ready = server.send("GET", "/readyz?verbose", "", b"").body;
    let ready = String::from_utf8(ready).unwrap();
    assert!(ready.contains("no cluster is followed, so nobody puts up fences"), "{ready}");
    assert!(log(folder.path()).contains("nobody puts up the fences"), "{}", log(folder.path()));
}
