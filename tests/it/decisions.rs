//! What `decide` answers, through reviews.

mod updates;

use std::collections::BTreeMap;

use loadline::admission::verdict::{Mode, Verdict};
use loadline::admission::{Pipeline, Stage};
use loadline::bundle::{Sources, Text};
use loadline::diagnostic::{Diagnostic, Severity};
use loadline::facts::{Cluster, Facts, NamespaceFact};
use loadline::node::NodeFact;
use loadline::placement::Standing;
use loadline::pod::Taint;
use serde_json::{Value, json};

use super::reviews::{
    TEST_PROFILE, bytes, decide, decide_at, patched, pipeline, pipeline_with, pod, request,
    review_of,
};

/// The codes of a verdict, with their severities.
fn codes(verdict: &Verdict) -> Vec<(Severity, &str)> {
    verdict
        .diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.severity, diagnostic.code.as_ref()))
        .collect()
}

fn asking(extra: Value) -> Value {
    pod(json!({"annotations": {"loadline.dev/profile": "dinghy"}}), extra)
}

fn tolerating(extra: Value) -> Value {
    let mut pod = pod(json!({}), json!({"tolerations": [{"key": "boat", "operator": "Exists"}]}));
    pod["spec"].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    pod
}

fn claim() -> Value {
    json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]})
}

fn facts_of(namespace: NamespaceFact) -> Facts {
    Facts::of_namespaces(BTreeMap::from([("shop".to_owned(), namespace)]))
}

fn annotated(key: &str, value: &str) -> NamespaceFact {
    NamespaceFact {
        annotations: BTreeMap::from([(key.to_owned(), value.to_owned())]),
        ..NamespaceFact::default()
    }
}

#[test]
fn a_pod_that_asks_for_a_profile_gets_what_it_needs() {
    let (pipeline, facts) = (pipeline(), Facts::default());
    let object = asking(json!({}));
    let verdict = decide(&pipeline, &facts, &object);
    assert!(verdict.allowed, "{:?}", verdict.diagnostics);
    assert_eq!(verdict.placement.standing, Standing::Bound);
    let after = patched(&object, &verdict);
    assert_eq!(after["spec"]["nodeSelector"], json!({"boat": "dinghy"}));
    assert_eq!(after["spec"]["tolerations"][0]["value"], "dinghy");
    assert_eq!(after["metadata"]["annotations"]["loadline.dev/admitted"], pipeline.digest.as_str());
    assert!(decide(&pipeline, &facts, &after).patch.is_empty());
}

#[test]
fn what_the_user_wrote_is_added_to_and_never_replaced() {
    let object = asking(json!({
        "tolerations": [{"key": "mine", "operator": "Exists"}], "nodeSelector": {"kubernetes.io/os": "linux"}, "brandNew": {"field": 1},
    }));
    let pipeline = pipeline();
    let after = patched(&object, &decide(&pipeline, &Facts::default(), &object));
    assert_eq!(after["spec"]["tolerations"][0], json!({"key": "mine", "operator": "Exists"}));
    assert_eq!(after["spec"]["tolerations"].as_array().unwrap().len(), 2);
    assert_eq!(
        after["spec"]["nodeSelector"],
        json!({"kubernetes.io/os": "linux", "boat": "dinghy"})
    );
    assert_eq!(after["spec"]["brandNew"], json!({"field": 1}));
}

#[test]
fn a_toleration_that_the_user_has_in_other_words_is_not_added_again() {
    for own in [json!({"operator": "Exists"}), json!({"key": "boat", "value": "dinghy"})] {
        let object = asking(json!({"tolerations": [own]}));
        let after = patched(&object, &decide(&pipeline(), &Facts::default(), &object));
        assert_eq!(after["spec"]["tolerations"].as_array().unwrap().len(), 1, "{own}");
    }
    // Tolerated for a while only: the pod would be evicted.
    let object = asking(
        json!({"tolerations": [{"key": "boat", "operator": "Exists", "tolerationSeconds": 60}]}),
    );
    let after = patched(&object, &decide(&pipeline(), &Facts::default(), &object));
    assert_eq!(after["spec"]["tolerations"].as_array().unwrap().len(), 2);
}

#[test]
fn a_contradiction_is_refused_and_names_the_field() {
    let object = asking(json!({"nodeSelector": {"boat": "ferry"}}));
    let verdict = decide(&pipeline(), &Facts::default(), &object);
    assert!(!verdict.allowed && verdict.patch.is_empty());
    let diagnostic = &verdict.diagnostics[0];
    assert_eq!(diagnostic.code, "placement-contradiction");
    assert_eq!(diagnostic.places[0].to_string(), "spec.nodeSelector.boat");
    assert!(diagnostic.help.as_ref().unwrap().contains("dinghy"));
}

#[test]
fn an_unknown_profile_is_refused_with_the_nearest_name() {
    let object = pod(json!({"labels": {"loadline.dev/profile": "dingy"}}), json!({}));
    let verdict = decide(&pipeline(), &Facts::default(), &object);
    assert!(!verdict.allowed);
    assert_eq!(verdict.diagnostics[0].help.as_deref(), Some("did you mean `dinghy`?"));
    assert_eq!(
        verdict.diagnostics[0].places[0].to_string(),
        "metadata.labels['loadline.dev/profile']"
    );
}

#[test]
fn a_namespace_asks_for_its_pods_and_a_pod_may_decline() {
    let facts = facts_of(annotated("loadline.dev/profile", "dinghy"));
    let pipeline = pipeline();
    let asked = decide(&pipeline, &facts, &pod(json!({}), json!({})));
    assert_eq!(asked.placement.standing, Standing::Bound);
    let declined = pod(json!({"labels": {"loadline.dev/profile": "none"}}), json!({}));
    assert_eq!(decide(&pipeline, &facts, &declined).placement.standing, Standing::Regular);
    let placed = pod(json!({}), json!({"nodeName": "worker-1"}));
    assert_eq!(decide(&pipeline, &facts, &placed).placement.standing, Standing::Regular);
}

#[test]
fn what_a_bound_pod_cannot_have_is_refused_with_field_reason_and_help() {
    let verdict = decide(&pipeline(), &Facts::default(), &asking(claim()));
    assert_eq!(codes(&verdict)[0], (Severity::Deny, "volume.persistent-volume-claim"));
    let diagnostic = &verdict.diagnostics[0];
    assert_eq!(diagnostic.places[0].to_string(), "spec.volumes[0].persistentVolumeClaim");
    assert!(diagnostic.why.as_ref().unwrap().contains("the hold is too small"));
    assert_eq!(diagnostic.help.as_deref(), Some("leave it ashore"));
    assert_eq!(diagnostic.source.as_deref(), Some("made up"));
}

#[test]
fn a_control_that_is_ignored_denies_and_other_ignored_fields_warn() {
    let verdict = decide(
        &pipeline(),
        &Facts::default(),
        &asking(json!({"hostname": "h", "securityContext": {"runAsNonRoot": true}})),
    );
    assert_eq!(
        codes(&verdict),
        [(Severity::Deny, "security.run-as-non-root"), (Severity::Warn, "network.hostname")]
    );
}

#[test]
fn an_eligible_pod_that_does_not_fit_is_kept_off() {
    let (pipeline, facts) = (pipeline(), Facts::default());
    let object = tolerating(claim());
    let verdict = decide(&pipeline, &facts, &object);
    assert!(verdict.allowed);
    assert_eq!(verdict.placement.standing, Standing::Eligible);
    assert_eq!(codes(&verdict), [(Severity::Warn, "volume.persistent-volume-claim")]);
    let after = patched(&object, &verdict);
    let term = &after["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        ["nodeSelectorTerms"][0];
    assert_eq!(
        term["matchExpressions"],
        json!([{"key": "boat", "operator": "NotIn", "values": ["dinghy"]}])
    );
    let again = decide(&pipeline, &facts, &after);
    assert_eq!(again.placement.standing, Standing::Regular);
    assert!(again.patch.is_empty());
}

#[test]
fn every_term_of_the_users_affinity_gets_the_exclusion_and_an_empty_one_stays_empty() {
    let terms = json!([
        {"matchExpressions": [{"key": "zone", "operator": "Exists"}]},
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["dinghy-0"]}]},
        {},
    ]);
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
        "preferredDuringSchedulingIgnoredDuringExecution": []}, "podAffinity": {}});
    let mut object = tolerating(claim());
    object["spec"]["affinity"] = affinity;
    object["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u"}]);
    let verdict = decide(&pipeline(), &Facts::default(), &object);
    let after = patched(&object, &verdict);
    let terms = &after["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        ["nodeSelectorTerms"];
    assert_eq!(terms[0]["matchExpressions"].as_array().unwrap().len(), 2);
    assert_eq!(terms[1]["matchExpressions"][0]["key"], "boat");
    assert_eq!(terms[2], json!({}), "with a requirement it would begin to match");
}

#[test]
fn a_pod_of_a_daemon_set_is_kept_off_even_when_it_could_go_nowhere_else() {
    let object = pod(
        json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u"}]}),
        json!({"tolerations": [{"operator": "Exists"}], "affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["dinghy-0"]}]}]}}}}),
    );
    let verdict = decide(&pipeline(), &Facts::default(), &object);
    assert!(verdict.allowed);
    assert_eq!(codes(&verdict), [(Severity::Warn, "workload.daemon-set")]);
    let after = patched(&object, &verdict);
    assert!(after["spec"]["affinity"].to_string().contains("NotIn"));
    assert!(decide(&pipeline(), &Facts::default(), &after).patch.is_empty());
}

#[test]
fn a_pod_that_cannot_reach_a_virtual_node_is_untouched() {
    let object = pod(json!({}), claim());
    let verdict = decide(&pipeline(), &Facts::default(), &object);
    assert!(verdict.allowed && verdict.patch.is_empty() && verdict.diagnostics.is_empty());
}

#[test]
fn modes_decide_what_a_finding_does() {
    let object = asking(claim());
    for (mode, allowed, findings, patches) in [
        (Mode::Enforce, false, true, false),
        (Mode::Warn, true, true, true),
        (Mode::Audit, true, true, false),
        (Mode::Off, true, false, false),
    ] {
        let namespace = NamespaceFact {
            labels: BTreeMap::from([("loadline.dev/mode".to_owned(), mode.as_str().to_owned())]),
            ..NamespaceFact::default()
        };
        let verdict = decide(&pipeline(), &facts_of(namespace), &object);
        assert_eq!(verdict.allowed, allowed, "{mode:?}");
        assert_eq!(!verdict.diagnostics.is_empty(), findings, "{mode:?}");
        assert_eq!(!verdict.patch.is_empty(), patches, "{mode:?}");
    }
}

#[test]
fn a_workload_is_warned_about_and_never_refused_or_changed() {
    let template = asking(claim());
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"template": {"metadata": template["metadata"], "spec": template["spec"]}}});
    let verdict = decide(&pipeline(), &Facts::default(), &object);
    assert!(verdict.allowed && verdict.patch.is_empty());
    assert_eq!(codes(&verdict), [(Severity::Warn, "volume.persistent-volume-claim")]);
    assert_eq!(
        verdict.diagnostics[0].places[0].to_string(),
        "spec.template.spec.volumes[0].persistentVolumeClaim"
    );
}

#[test]
fn with_a_cluster_its_nodes_decide() {
    let pipeline = pipeline();
    let node = |name: &str, label: &str, taint: Option<&str>| NodeFact {
        name: name.into(),
        labels: vec![("boat".into(), label.into())],
        taints: taint
            .map(|value| Taint {
                key: "boat".into(),
                value: value.into(),
                effect: "NoSchedule".into(),
            })
            .into_iter()
            .collect(),
        kubelet_version: String::new(),
    };
    let facts = |nodes: Vec<NodeFact>| {
        Facts::of_cluster(Cluster::new(nodes, &pipeline.profiles), BTreeMap::new())
    };
    let object = tolerating(json!({}));
    assert_eq!(decide(&pipeline, &facts(vec![]), &object).placement.standing, Standing::Regular);
    let drifted = facts(vec![node("d", "dinghy", Some("new-value"))]);
    assert_eq!(decide(&pipeline, &drifted, &object).placement.standing, Standing::Eligible);
    // The taint of today is tolerated, not only the one the profile knows.
    let asked = asking(json!({}));
    let after = patched(&asked, &decide(&pipeline, &drifted, &asked));
    assert!(after["spec"]["tolerations"].to_string().contains("new-value"), "{after}");
    // Bound, because the only node with that label is virtual.
    let mut bound = tolerating(json!({"nodeSelector": {"boat": "dinghy"}}));
    assert_eq!(decide(&pipeline, &drifted, &bound).placement.standing, Standing::Bound);
    bound["spec"]["nodeName"] = json!("d");
    assert_eq!(
        decide(&pipeline, &drifted, &bound).placement.profiles[0].reason,
        "`spec.nodeName` names one of its nodes"
    );
}

#[test]
fn the_two_webhooks_together_say_what_one_decision_says() {
    let pipeline = pipeline();
    for object in [asking(claim()), tolerating(claim()), asking(json!({"hostname": "h"}))] {
        let facts = Facts::default();
        let whole = decide(&pipeline, &facts, &object);
        let mutated = decide_at(&pipeline, &facts, &object, Stage::Mutate);
        let after = patched(&object, &mutated);
        let validated = decide_at(&pipeline, &facts, &after, Stage::Validate);
        let mut both = [mutated.diagnostics, validated.diagnostics].concat();
        both.sort();
        both.dedup();
        assert_eq!(both, whole.diagnostics);
        assert_eq!(validated.allowed, whole.allowed);
    }
}

#[test]
fn an_override_of_what_there_is_not_is_a_mistake() {
    let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  overrides:\n  \
        - {profile: dingy, feature: volume.host-pth, severity: warn}\n";
    let told = pipeline_with(&[], Some(config)).unwrap_err().to_string();
    for part in [
        ":5:6: `spec.overrides[0].profile`: there is no profile `dingy`: did you mean `dinghy`?",
        ":5:22: `spec.overrides[0].feature`: unknown feature `volume.host-pth`: did you mean `volume.host-path`?",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn an_override_of_a_class_says_nothing_of_what_works() {
    let verdict = |over: &str| {
        let config = format!(
            "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  overrides:\n  - {over}\n"
        );
        let pipeline = pipeline_with(&[], Some(&config)).unwrap();
        let metadata = json!({"annotations": {"loadline.dev/profile": "dinghy"}});
        let spec = json!({"volumes": [{"name": "v", "emptyDir": {}}]});
        let verdict = decide(&pipeline, &Facts::default(), &pod(metadata, spec));
        verdict.diagnostics.iter().map(|one| one.code.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(verdict("{class: storage, severity: deny}"), Vec::<String>::new());
    // A feature can be ruled out by its name, or by saying so.
    assert_eq!(verdict("{feature: volume.empty-dir, severity: deny}"), ["volume.empty-dir"]);
    let said = verdict("{class: storage, support: supported, severity: note}");
    assert_eq!(said, ["volume.empty-dir"]);
}

#[test]
fn overrides_change_single_cells() {
    let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  overrides:\n  - {profile: dinghy, feature: volume.persistent-volume-claim, severity: warn}\n  - {class: security, namespace: elsewhere, severity: 'off'}\n";
    let pipeline = pipeline_with(&[], Some(config)).unwrap();
    let object =
        asking(json!({"securityContext": {"runAsNonRoot": true}, "volumes": claim()["volumes"]}));
    let verdict = decide(&pipeline, &Facts::default(), &object);
    assert_eq!(
        codes(&verdict),
        [
            (Severity::Deny, "security.run-as-non-root"),
            (Severity::Warn, "volume.persistent-volume-claim")
        ]
    );
}

#[test]
fn the_kind_may_come_after_the_object() {
    let pipeline = pipeline();
    let object = asking(claim());
    let text = format!(
        "{{\"request\":{{\"object\":{object},\"uid\":\"u\",\"operation\":\"CREATE\",\"kind\":{{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"}}}},\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}}"
    );
    let request =
        loadline::admission::review::decode(text.into_bytes().into(), &pipeline.catalogue).unwrap();
    assert!(!pipeline.decide(&Facts::default(), &request).allowed);
}

#[test]
fn what_is_no_review_is_an_error_that_says_so() {
    let pipeline = pipeline();
    let with = |change: fn(&mut Value)| {
        let mut review = review_of(&pod(json!({}), json!({})));
        change(&mut review);
        bytes(&review).to_vec()
    };
    for (body, part) in [
        (b"".to_vec(), "no AdmissionReview"),
        (b"{\"kind\":".to_vec(), "EOF"),
        (b"[]".to_vec(), "expected an AdmissionReview"),
        (b"\"\xff\"".to_vec(), "UTF-8"),
        (with(|review| review["apiVersion"] = json!("admission.k8s.io/v1beta1")), "v1beta1"),
        (with(|review| review["kind"] = json!("Pod")), "`Pod`"),
        (with(|review| review["request"] = Value::Null), "no `request`"),
        (with(|review| review["request"]["uid"] = json!("")), "no `uid`"),
        (with(|review| review["request"]["object"] = Value::Null), "no `object`"),
        (with(|review| review["request"]["kind"] = Value::Null), "no `request.kind.kind`"),
        (with(|review| review["request"]["kind"] = json!({"version": "v1"})), "always sends group, version and kind"),
        (with(|review| review["request"]["operation"] = Value::Null), "no `request.operation`"),
        (with(|review| review["request"]["operation"] = json!("create")), "the operation is `create`"),
        (with(|review| review["request"]["object"]["spec"]["containers"] = json!("x")), "must be a list"),
        (with(|review| review["request"]["object"]["spec"] = json!([])), "must be an object"),
        (b"{\"apiVersion\":\"a\",\"apiVersion\":\"b\"}".to_vec(), "duplicate field"),
        (
            b"{\"request\":{\"kind\":{\"kind\":\"Pod\"},\"object\":{\"spec\":{\"hostNetwork\":false,\"hostNetwork\":true}}}}".to_vec(),
            "stands twice",
        ),
        (
            [
                b"{\"request\":{\"kind\":{\"kind\":\"Pod\"},\"object\":{\"spec\":{\"containers\":".to_vec(),
                b"[".repeat(100_000),
                b"]".repeat(100_000),
                b"}}}}".to_vec(),
            ]
            .concat(),
            "must be an object",
        ),
    ] {
        let error = loadline::admission::review::decode(body.into(), &pipeline.catalogue).unwrap_err().to_string();
        assert!(error.contains(part), "{error} should say {part}");
    }
}

#[test]
fn a_configuration_may_name_the_kinds_of_virtual_nodes_there_are() {
    let config = |names: &str| {
        format!(
            "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  profiles: [{names}]\n"
        )
    };
    let pipeline = pipeline_with(&[], Some(&config("dinghy, liqo"))).unwrap();
    let names: Vec<&str> = pipeline.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["dinghy", "liqo"]);
    assert!(decide(&pipeline, &Facts::default(), &asking(json!({}))).allowed);
    let error = pipeline_with(&[], Some(&config("dingy"))).unwrap_err().to_string();
    assert!(
        error.contains("no profile `dingy`") && error.contains("did you mean `dinghy`?"),
        "{error}"
    );
}

#[test]
fn answers_do_not_depend_on_the_order_of_keys() {
    let pipeline = pipeline();
    let answer = |spec: &str| {
        let body = format!(
            "{{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{{\"uid\":\"u\",\"kind\":{{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"}},\"operation\":\"CREATE\",\"object\":{{\"metadata\":{{\"annotations\":{{\"loadline.dev/profile\":\"azure-aci\"}}}},\"spec\":{{{spec}}}}}}}}}"
        );
        let request =
            loadline::admission::review::decode(body.into_bytes().into(), &pipeline.catalogue)
                .unwrap();
        let verdict = pipeline.decide(&Facts::default(), &request);
        String::from_utf8(loadline::admission::review::encode("u", Stage::Whole, &verdict)).unwrap()
    };
    let limits = |name: &str| {
        format!("\"{name}\":[{{\"name\":\"c\",\"image\":\"i\",\"stdin\":true,\"tty\":true}}]")
    };
    let (containers, init) = (limits("containers"), limits("initContainers"));
    assert_eq!(answer(&format!("{containers},{init}")), answer(&format!("{init},{containers}")));
}

#[test]
fn claims_that_a_stateful_set_gives_to_its_pods_are_told_at_the_claim() {
    let mut set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "crew", "namespace": "shop"}, "spec": {
        "volumeClaimTemplates": [{"metadata": {"name": "bunk"}, "spec": {}}],
        "template": {"metadata": {"labels": {"loadline.dev/profile": "dinghy"}}, "spec": {"containers": [{"name": "c", "image": "a:1"}]}}}});
    let verdict = decide(&pipeline(), &Facts::default(), &set);
    assert!(verdict.allowed);
    let claim = verdict.diagnostics.iter().find(|one| one.code == "volume.persistent-volume-claim");
    let claim = claim.unwrap();
    assert_eq!(claim.severity, Severity::Warn);
    assert_eq!(claim.places[0].to_string(), "spec.volumeClaimTemplates[0]");
    for none in [json!([]), json!(null)] {
        set["spec"]["volumeClaimTemplates"] = none;
        let verdict = decide(&pipeline(), &Facts::default(), &set);
        assert!(verdict.diagnostics.iter().all(|one| one.code != "volume.persistent-volume-claim"));
    }
}

#[test]
fn a_pod_is_kept_off_by_name_where_a_label_would_keep_it_off_nodes_that_fit() {
    let pipeline = Pipeline::built_in().unwrap();
    let node = |name: &str| pipeline.profile_named(name).unwrap().node.clone().unwrap();
    let object = pod(
        json!({}),
        json!({"securityContext": {"runAsNonRoot": true}, "tolerations": [{"operator": "Exists"}]}),
    );
    let kept_off = |nodes: Vec<NodeFact>| {
        let facts = Facts::of_cluster(Cluster::new(nodes, &pipeline.profiles), BTreeMap::new());
        let verdict = decide(&pipeline, &facts, &object);
        assert!(verdict.allowed);
        patched(&object, &verdict)["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            ["nodeSelectorTerms"][0]["matchExpressions"]
            .clone()
    };
    // Nomad loses the control and the other cluster does not; both nodes have the label of every virtual kubelet.
    let both = vec![NodeFact::plain().clone(), node("nomad"), node("tensile-kube")];
    assert_eq!(
        kept_off(both),
        json!([{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["virtual-kubelet"]}])
    );
    // Where nothing else is lost by it, the label does, which holds for nodes to come too.
    let one = vec![NodeFact::plain().clone(), node("nomad")];
    assert_eq!(
        kept_off(one),
        json!([{"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}])
    );
}
