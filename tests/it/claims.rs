//! Pods that ask for a virtual node with a label of the provider's, without a word to the scheduler.

use std::collections::BTreeMap;

use loadline::admission::Pipeline;
use loadline::admission::verdict::Verdict;
use loadline::facts::{Cluster, Facts, NamespaceFact};
use loadline::placement::Standing;
use serde_json::{Value, json};

use super::reviews::{decide, patched, pod};

const ECI: &str = "alibabacloud.com/eci";
const CCI: &str = "bursting.cci.io/burst-to-cci";

fn labelled(key: &str, value: &str, spec: Value) -> Value {
    pod(json!({"labels": {key: value}}), spec)
}

fn profiles(verdict: &Verdict) -> Vec<&str> {
    verdict.placement.profiles.iter().map(|one| one.profile.as_str()).collect()
}

/// A namespace with a label.
fn namespace(key: &str, value: &str) -> Facts {
    let labels = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let fact = NamespaceFact { labels, ..NamespaceFact::default() };
    Facts::of_namespaces(BTreeMap::from([("shop".to_owned(), fact)]))
}

#[test]
fn a_label_of_the_provider_binds_the_pod() {
    let pipeline = Pipeline::built_in().unwrap();
    for (key, value, profile) in [
        (ECI, "true", "alibaba-eci-managed"),
        (CCI, "enforce", "huawei-cci-bursting"),
        ("virtual-kubelet.io/burst-to-cci", "enforce", "huawei-cci-bursting"),
    ] {
        let verdict = decide(&pipeline, &Facts::default(), &labelled(key, value, json!({})));
        assert_eq!(verdict.placement.standing, Standing::Bound, "{key}={value}");
        assert_eq!(profiles(&verdict), [profile]);
    }
    for (key, value) in [(ECI, "false"), (CCI, "off")] {
        let verdict = decide(&pipeline, &Facts::default(), &labelled(key, value, json!({})));
        assert_eq!(verdict.placement.standing, Standing::Regular, "{key}={value}");
    }
}

#[test]
fn a_label_of_the_namespace_binds_its_pods_but_for_those_that_say_otherwise() {
    let pipeline = Pipeline::built_in().unwrap();
    let facts = namespace(ECI, "true");
    let standing = |pod: &Value| decide(&pipeline, &facts, pod).placement.standing;
    assert_eq!(standing(&pod(json!({}), json!({}))), Standing::Bound);
    assert_eq!(standing(&labelled(ECI, "false", json!({}))), Standing::Regular);
    assert_eq!(standing(&pod(json!({}), json!({"nodeName": "iron"}))), Standing::Regular);
}

#[test]
fn a_pod_that_may_burst_is_kept_off_where_it_would_fail() {
    let pipeline = Pipeline::built_in().unwrap();
    let plain = labelled(CCI, "auto", json!({}));
    let verdict = decide(&pipeline, &Facts::default(), &plain);
    assert_eq!(verdict.placement.standing, Standing::Eligible);
    assert_eq!(profiles(&verdict), ["huawei-cci-bursting"]);
    assert_eq!(
        verdict.placement.profiles[0].reason,
        "its label or annotation lets it burst to the profile"
    );

    let privileged = json!({"containers": [{"name": "c", "image": "registry.example.com/a:1",
        "securityContext": {"privileged": true}}]});
    let unfit = labelled(CCI, "auto", privileged);
    let verdict = decide(&pipeline, &Facts::default(), &unfit);
    assert!(verdict.allowed);
    let kept = patched(&unfit, &verdict);
    let affinity = &kept["spec"]["affinity"]["nodeAffinity"];
    assert!(affinity.to_string().contains("virtual-kubelet"), "kept off: {affinity}");
    let again = decide(&pipeline, &Facts::default(), &kept);
    assert_eq!(again.placement.standing, Standing::Regular, "and then it stays");
}

#[test]
fn an_annotation_of_the_provider_binds_the_pod_or_lets_it_burst() {
    let pipeline = Pipeline::built_in().unwrap();
    for (value, standing) in [("eci_only", Standing::Bound), ("eci", Standing::Eligible)] {
        let metadata = json!({"annotations": {"alibabacloud.com/burst-resource": value}});
        let verdict = decide(&pipeline, &Facts::default(), &pod(metadata, json!({})));
        assert_eq!(verdict.placement.standing, standing, "{value}");
        assert_eq!(profiles(&verdict), ["alibaba-eci-managed"]);
        assert!(verdict.diagnostics.iter().all(|one| !one.code.contains("scheduling.eci")));
    }
}

#[test]
fn a_pod_bursts_only_where_there_is_a_node() {
    let pipeline = Pipeline::built_in().unwrap();
    let cluster = Cluster::new([], &pipeline.profiles);
    let facts = Facts::of_cluster(cluster, BTreeMap::new());
    let verdict = decide(&pipeline, &facts, &labelled(CCI, "localPrefer", json!({})));
    assert_eq!(verdict.placement.standing, Standing::Regular);
}
