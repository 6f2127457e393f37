//! Builders of reviews, shared by the tests.

use std::sync::Arc;

use loadline::admission::verdict::Verdict;
use loadline::admission::{Pipeline, Request, Stage, review};
use loadline::bundle::{Sources, Text};
use loadline::facts::Facts;
use serde_json::{Value, json};

/// A review of the creation of `object`, a pod unless it says otherwise.
pub fn review_of(object: &Value) -> Value {
    let (group, version) =
        object["apiVersion"].as_str().unwrap_or("v1").rsplit_once('/').unwrap_or(("", "v1"));
    let kind = object["kind"].as_str().unwrap_or("Pod");
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "11111111-2222-3333-4444-555555555555",
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": format!("{}s", kind.to_lowercase())},
            "namespace": "shop", "operation": "CREATE", "object": object,
        },
    })
}

pub fn bytes(review: &Value) -> Arc<[u8]> {
    Arc::from(serde_json::to_vec(review).unwrap())
}

pub fn request(pipeline: &Pipeline, review: &Value) -> Request {
    review::decode(bytes(review), &pipeline.catalogue).unwrap()
}

pub fn decide(pipeline: &Pipeline, facts: &Facts, object: &Value) -> Verdict {
    pipeline.decide(facts, &request(pipeline, &review_of(object)))
}

pub fn decide_at(pipeline: &Pipeline, facts: &Facts, object: &Value, stage: Stage) -> Verdict {
    pipeline.decide(facts, &Request { stage, ..request(pipeline, &review_of(object)) })
}

/// The object with the verdict's patch applied.
pub fn patched(object: &Value, verdict: &Verdict) -> Value {
    let mut object = object.clone();
    json_patch::patch(&mut object, &verdict.patch).unwrap();
    object
}

/// A pod with the given metadata and spec, which has one container unless it says otherwise.
pub fn pod(metadata: Value, spec: Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"containers": [{"name": "c", "image": "registry.example.com/a:1"}]}});
    for (part, extra) in [("metadata", metadata), ("spec", spec)] {
        let own = pod[part].as_object_mut().unwrap();
        own.extend(extra.as_object().unwrap().clone());
    }
    pod
}

/// A profile for tests: refuses claims, ignores `runAsNonRoot` and `hostname`, supports the rest.
pub const TEST_PROFILE: &str = "
apiVersion: loadline.dev/v1alpha1
kind: VirtualNodeProfile
metadata: {name: dinghy}
spec:
  title: A small boat
  status: made up
  revision: none
  recognise: [{labels: {boat: dinghy}}]
  node: {name: dinghy-0, labels: {boat: dinghy, kubernetes.io/os: linux}, taints: [{key: boat, value: dinghy, effect: NoSchedule}]}
  inject: {tolerations: [{key: boat, operator: Equal, value: dinghy, effect: NoSchedule}], nodeSelector: {boat: dinghy}}
  keepOff: [{key: boat, operator: NotIn, values: [dinghy]}]
  daemonSets: {support: unsupported, reason: there is no room, source: made up}
  networkPolicy: {support: unsupported, reason: there is no wall around a dinghy, instead: stay ashore, source: made up}
  unlisted: {support: supported, reason: it floats, source: made up}
  support:
    - {features: [volume.persistent-volume-claim], support: unsupported, effect: create-error, reason: the hold is too small, help: leave it ashore, source: made up}
    - {features: [security.run-as-non-root], support: ignored, effect: silent-drop, reason: nobody asks who sails, source: made up}
    - {features: [network.hostname], support: ignored, effect: silent-drop, reason: it has a name already, source: made up}
";

/// The built-in data, the test profile, and policies.
pub fn pipeline_with(
    policies: &[(&str, &str)],
    config: Option<&str>,
) -> Result<Pipeline, loadline::bundle::BundleError> {
    let text = |origin: &str, text: &str| Text { origin: origin.into(), text: text.into() };
    Pipeline::compile(&Sources {
        profiles: vec![text("dinghy.yaml", TEST_PROFILE)],
        policies: policies.iter().map(|(origin, rego)| text(origin, rego)).collect(),
        config: config.map(|config| text("config.yaml", config)),
        ..Sources::default()
    })
}

pub fn pipeline() -> Pipeline {
    pipeline_with(&[], None).unwrap()
}

/// A text of so many lines, made of their numbers.
pub fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |text, number| text + &line(number))
}
