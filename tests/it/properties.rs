//! What must hold for every pod.

use loadline::facts::Facts;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::reviews::{decide, patched, pipeline, request, review_of};

/// Pods built from parts that matter to placement, features and edits, in any combination.
fn pods() -> impl Strategy<Value = Value> {
    let toleration = prop_oneof![
        Just(json!({"operator": "Exists"})),
        Just(json!({"key": "boat", "operator": "Exists"})),
        Just(json!({"key": "boat", "value": "dinghy", "effect": "NoSchedule"})),
        Just(
            json!({"key": "virtual-kubelet.io/provider", "operator": "Exists", "tolerationSeconds": null})
        ),
        Just(json!({"key": "other", "operator": "Equal", "value": "x"})),
    ];
    let requirement = prop_oneof![
        Just(json!({"key": "boat", "operator": "In", "values": ["dinghy", "ferry"]})),
        Just(json!({"key": "boat", "operator": "NotIn", "values": ["dinghy"]})),
        Just(json!({"key": "type", "operator": "In", "values": ["virtual-kubelet"]})),
        Just(json!({"key": "zone", "operator": "DoesNotExist"})),
    ];
    let term = prop_oneof![
        prop::collection::vec(requirement, 0..3).prop_map(|all| json!({"matchExpressions": all})),
        Just(
            json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["dinghy-0"]}]})
        ),
        Just(json!({})),
    ];
    let affinity = prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!({"nodeAffinity": {}})),
        Just(json!({"nodeAffinity": null, "podAffinity": {}})),
        prop::collection::vec(term, 0..3).prop_map(
            |terms| json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}})
        ),
    ];
    let part = prop_oneof![
        prop::collection::vec(toleration, 0..3).prop_map(|all| ("spec", "tolerations", json!(all))),
        affinity.prop_map(|affinity| ("spec", "affinity", affinity)),
        prop_oneof![
            Just(json!({"boat": "dinghy"})),
            Just(json!({})),
            Just(Value::Null),
            Just(json!({"a/b~c": "d"}))
        ]
        .prop_map(|selector| ("spec", "nodeSelector", selector)),
        prop_oneof![Just(json!([{"name": "mine"}])), Just(json!([])), Just(Value::Null)]
            .prop_map(|gates| ("spec", "schedulingGates", gates)),
        Just((
            "spec",
            "volumes",
            json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "w"}])
        )),
        Just(("spec", "securityContext", json!({"runAsNonRoot": true}))),
        Just(("spec", "nodeName", json!("dinghy-0"))),
        Just(("spec", "brandNewField", json!({"deep": [1, 2, {"x": null}]}))),
        prop_oneof![
            Just(json!({"loadline.dev/profile": "dinghy"})),
            Just(json!({"loadline.dev/profile": "azure-aci", "note": "x"})),
            Just(json!({"loadline.dev/fence": "namespace"})),
            Just(json!({"loadline.dev/admitted": "sha256:old"})),
            Just(Value::Null),
        ]
        .prop_map(|annotations| ("metadata", "annotations", annotations)),
        prop_oneof![
            Just(json!({"app": "a", "loadline.dev/fenced": "mine"})),
            Just(json!({"app": "a", "loadline.dev/fenced": "open-egress"})),
            Just(Value::Null)
        ]
        .prop_map(|labels| ("metadata", "labels", labels)),
        Just((
            "metadata",
            "ownerReferences",
            json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u"}])
        )),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "c", "image": "i"}]}});
        for (section, key, value) in parts {
            pod[section][key] = value;
        }
        pod
    })
}

/// Every value of `before` that is not null is in `after`, at the same key or, in lists, somewhere.
fn holds(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let is_kept = |(key, value): (&String, &Value)| {
                value.is_null()
                    // Words of Loadline's own are set to what is true now.
                    || matches!(key.as_str(), "loadline.dev/admitted" | "loadline.dev/fenced")
                    || after.get(key).is_some_and(|after| holds(value, after))
            };
            Map::iter(before).all(is_kept)
        }
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after).all(|(before, after)| holds(before, after))
                && before.len() <= after.len()
        }
        (before, after) => before == after,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn deciding_twice_changes_nothing_and_nothing_is_lost(pod in pods()) {
        thread_local!(static PIPELINE: loadline::admission::Pipeline = pipeline());
        PIPELINE.with(|pipeline| {
            let facts = Facts::default();
            let verdict = decide(pipeline, &facts, &pod);
            let after = patched(&pod, &verdict);
            prop_assert!(holds(&pod, &after), "lost something: {pod} became {after}");
            let again = decide(pipeline, &facts, &after);
            prop_assert!(again.patch.is_empty(), "{:?} after {:?}", again.patch, verdict.patch);
            Ok(())
        })?;
    }

    #[test]
    fn the_same_request_gives_the_same_bytes(pod in pods()) {
        thread_local!(static PIPELINE: loadline::admission::Pipeline = pipeline());
        PIPELINE.with(|pipeline| {
            let answer = || {
                let request = request(pipeline, &review_of(&pod));
                loadline::admission::review::encode("u", request.stage, &pipeline.decide(&Facts::default(), &request))
            };
            prop_assert_eq!(answer(), answer());
            Ok(())
        })?;
    }

    #[test]
    fn reading_any_json_never_panics(text in "[\\[\\]{}\":,a-z0-9 \\\\]{0,200}") {
        thread_local!(static PIPELINE: loadline::admission::Pipeline = pipeline());
        PIPELINE.with(|pipeline| {
            let _ = loadline::admission::review::decode(text.clone().into_bytes().into(), &pipeline.catalogue);
            let _ = loadline::document::Document::parse_all(&text);
        });
    }
}
