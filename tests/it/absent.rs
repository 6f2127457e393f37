//! Pods that lack what the API server always sends: their patches apply, and deciding again changes nothing.

use std::collections::BTreeMap;

use loadline::facts::{Facts, NamespaceFact};
use serde_json::{Value, json};

use super::reviews::{decide, patched, pipeline, review_of};
use super::support::CliTest;

/// A part of an object: left out, null, or a value.
fn ways(filled: &[Value]) -> Vec<Option<Value>> {
    [None, Some(Value::Null), Some(json!({}))]
        .into_iter()
        .chain(filled.iter().cloned().map(Some))
        .collect()
}

fn put(object: &mut Value, key: &str, value: Option<&Value>) {
    if let Some(value) = value {
        object[key] = value.clone();
    }
}

/// Facts in which the namespace sends its pods to the profile, and fences them.
fn asking() -> Facts {
    let annotations = [("loadline.dev/profile", "dinghy"), ("loadline.dev/fence", "namespace")];
    let annotations =
        annotations.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let namespace = NamespaceFact { annotations, ..NamespaceFact::default() };
    Facts::of_namespaces(BTreeMap::from([("shop".to_owned(), namespace)]))
}

#[track_caller]
fn check(pipeline: &loadline::admission::Pipeline, facts: &Facts, object: &Value) -> Value {
    let verdict = decide(pipeline, facts, object);
    assert!(!verdict.patch.is_empty(), "{object}");
    // Panics where the patch does not apply.
    let after = patched(object, &verdict);
    let again = decide(pipeline, facts, &after);
    assert!(again.patch.is_empty(), "{object}: {:?} after {:?}", again.patch, verdict.patch);
    after
}

#[test]
fn whatever_is_null_or_left_out_is_made() {
    let (pipeline, facts) = (pipeline(), asking());
    let mut metadatas = ways(&[]);
    for labels in ways(&[json!({"app": "a"})]) {
        for annotations in ways(&[json!({"a/b": "c"})]) {
            let mut metadata = json!({});
            put(&mut metadata, "labels", labels.as_ref());
            put(&mut metadata, "annotations", annotations.as_ref());
            metadatas.push(Some(metadata));
        }
    }
    let mut specs = ways(&[]);
    let lists = [None, Some(Value::Null), Some(json!([]))];
    for tolerations in &lists {
        for gates in &lists {
            for selector in ways(&[json!({"kubernetes.io/os": "linux"})]) {
                let mut spec = json!({"containers": [{"name": "c", "image": "i:1"}]});
                put(&mut spec, "tolerations", tolerations.as_ref());
                put(&mut spec, "schedulingGates", gates.as_ref());
                put(&mut spec, "nodeSelector", selector.as_ref());
                specs.push(Some(spec));
            }
        }
    }
    for metadata in &metadatas {
        for spec in &specs {
            let mut pod = json!({"apiVersion": "v1", "kind": "Pod"});
            put(&mut pod, "metadata", metadata.as_ref());
            put(&mut pod, "spec", spec.as_ref());
            let after = check(&pipeline, &facts, &pod);
            assert_eq!(after["metadata"]["labels"]["loadline.dev/fenced"], "namespace", "{pod}");
            assert_eq!(after["spec"]["nodeSelector"]["boat"], "dinghy", "{pod}");
        }
    }
}

#[test]
fn a_pod_is_kept_off_whatever_of_its_affinity_is_there() {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let (pipeline, facts) = (pipeline(), Facts::default());
    let mut affinities = ways(&[]);
    for node in ways(&[
        json!({REQUIRED: null}),
        json!({REQUIRED: {"nodeSelectorTerms": [
        {"matchExpressions": null, "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["dinghy-0"]}]},
        {"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}], "matchFields": null}]}}),
    ]) {
        affinities.push(Some(json!({"nodeAffinity": node})));
        let mut affinity = json!({"podAffinity": null});
        put(&mut affinity, "nodeAffinity", node.as_ref());
        affinities.push(Some(affinity));
    }
    for metadata in ways(&[]) {
        for affinity in &affinities {
            let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {
                "containers": [{"name": "c", "image": "i:1"}], "tolerations": [{"key": "boat", "operator": "Exists"}],
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}});
            put(&mut pod, "metadata", metadata.as_ref());
            put(&mut pod["spec"], "affinity", affinity.as_ref());
            let after = check(&pipeline, &facts, &pod);
            assert!(
                after["spec"]["affinity"].to_string().contains("NotIn"),
                "{pod} became {after}"
            );
        }
    }
}

#[test]
fn the_command_line_answers_for_pods_and_templates_without_metadata() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": null, "spec": {"containers": [{"name": "c", "image": "i:1"}]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"template": {"spec": pod["spec"]}}});
    let test = CliTest::new()
        .file("review.json", review_of(&pod).to_string())
        .file("pod.json", pod.to_string())
        .file("deployment.json", deployment.to_string());
    for file in ["review.json", "pod.json", "deployment.json"] {
        let said = test.run(&["check", "--profile", "dinghy", "-f", file, "-o", "review"]);
        said.check(0, &["\"allowed\":true"], &[]);
        test.run(&["check", "--profile", "dinghy", "-f", file]).check(0, &["admitted"], &[]);
    }
}
