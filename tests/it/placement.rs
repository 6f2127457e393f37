//! Where pods are headed, sent to and kept from, by the nodes that there are.

use std::collections::BTreeMap;

use loadline::admission::Pipeline;
use loadline::admission::verdict::Verdict;
use loadline::bundle::{Sources, Text};
use loadline::diagnostic::Severity;
use loadline::facts::{Cluster, Facts};
use loadline::node::NodeFact;
use loadline::placement::{Standing, filter};
use loadline::pod::Taint;
use loadline::profile::{Profile, Support};
use serde_json::{Value, json};

use super::reviews::{TEST_PROFILE, decide, patched, pipeline_with, pod, request, review_of};

fn taint(key: &str, value: &str) -> Taint {
    Taint { key: key.into(), value: value.into(), effect: "NoSchedule".into() }
}

/// A node that has its host name for a label, as all have.
fn node(name: &str, labels: &[(&str, &str)], taints: &[(&str, &str)]) -> NodeFact {
    let host = [("kubernetes.io/hostname", name)];
    let labels = labels.iter().chain(&host);
    NodeFact {
        name: name.into(),
        labels: labels.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        taints: taints.iter().map(|(key, value)| taint(key, value)).collect(),
        ..NodeFact::default()
    }
}

fn worker() -> NodeFact {
    node("worker", &[("kubernetes.io/os", "linux")], &[])
}

/// Nodes of `azure-aci` without the label that its newer versions put on them.
fn old_azure(name: &str) -> NodeFact {
    node(name, &[("type", "virtual-kubelet")], &[("virtual-kubelet.io/provider", "azure")])
}

fn facts(pipeline: &Pipeline, nodes: &[NodeFact]) -> Facts {
    Facts::of_cluster(Cluster::new(nodes.to_vec(), &pipeline.profiles), BTreeMap::new())
}

fn daemon_pod() -> Value {
    pod(
        json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u"}]}),
        json!({"tolerations": [{"operator": "Exists"}]}),
    )
}

/// A pod that tolerates everything and has what `azure-aci` refuses.
fn claiming() -> Value {
    pod(
        json!({}),
        json!({"tolerations": [{"operator": "Exists"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}),
    )
}

fn asking(profile: &str, spec: Value) -> Value {
    let mut object = pod(json!({"labels": {"loadline.dev/profile": profile}}), spec);
    object["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "1", "memory": "1Gi"}});
    object
}

/// The nodes that the scheduler would let the pod on.
fn admitted<'n>(pipeline: &Pipeline, object: &Value, nodes: &'n [NodeFact]) -> Vec<&'n str> {
    let request = request(pipeline, &review_of(object));
    let loadline::admission::Object::Pod(pod) = &request.object else { panic!("{object}") };
    nodes.iter().filter(|node| filter::admits(pod, node)).map(|node| node.name.as_str()).collect()
}

fn denials(verdict: &Verdict) -> Vec<&str> {
    verdict
        .diagnostics
        .iter()
        .filter(|one| one.severity == Severity::Deny)
        .map(|one| one.what.as_str())
        .collect()
}

/// Decides, patches, and gives the nodes that the pod may then go to. Deciding again must change nothing.
#[track_caller]
fn may_go_to<'n>(pipeline: &Pipeline, object: &Value, nodes: &'n [NodeFact]) -> Vec<&'n str> {
    let facts = facts(pipeline, nodes);
    let verdict = decide(pipeline, &facts, object);
    assert_eq!(denials(&verdict), [""; 0], "{object}");
    let after = patched(object, &verdict);
    assert!(decide(pipeline, &facts, &after).patch.is_empty(), "{after}");
    admitted(pipeline, &after, nodes)
}

/// Every profile with a node for each way in which it recognises nodes, but for those that another profile claims.
fn recognised(pipeline: &Pipeline) -> Vec<(&Profile, NodeFact)> {
    let all = pipeline
        .profiles
        .iter()
        .flat_map(|profile| shapes(profile, "x").into_iter().map(move |shape| (profile, shape)));
    all.filter(|(profile, shape)| {
        let known = Profile::recognise(&pipeline.profiles, shape);
        known.is_some_and(|known| known.name == profile.name)
    })
    .collect()
}

/// A node for each way in which `profile` recognises nodes, with as little as that takes.
fn shapes(profile: &Profile, suffix: &str) -> Vec<NodeFact> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let shape = |written: Value| {
        let name =
            written["names"].get(0).map_or_else(|| "node-*".into(), &text).replace('*', suffix);
        let version = text(&written["kubeletVersion"]).replace('*', "v");
        let labels = written["labels"].as_object().cloned().unwrap_or_default();
        let mut taints: Vec<Taint> =
            serde_json::from_value(written["taints"].clone()).unwrap_or_default();
        for taint in &mut taints {
            taint.effect = "NoSchedule".into();
        }
        NodeFact {
            labels: labels.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
            taints,
            kubelet_version: version,
            name,
        }
    };
    let written = profile.recognise.iter().map(|one| serde_json::to_value(one).unwrap());
    let mut shapes: Vec<NodeFact> = written.map(shape).collect();
    for shape in &mut shapes {
        shape.labels.push(("kubernetes.io/hostname".into(), shape.name.clone()));
    }
    shapes
}

#[test]
fn pods_of_a_daemon_set_are_kept_off_every_node_that_is_recognised() {
    let pipeline = Pipeline::built_in().unwrap();
    let mut tried = 0;
    for (profile, shape) in recognised(&pipeline) {
        if profile.daemon_sets.support == Support::Supported {
            continue;
        }
        let nodes = [worker(), shape];
        let places = may_go_to(&pipeline, &daemon_pod(), &nodes);
        assert_eq!(places, ["worker"], "{}: {:?}", profile.name, nodes[1]);
        tried += 1;
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn a_pod_that_asks_gets_to_every_node_that_is_recognised_and_nowhere_else() {
    let pipeline = Pipeline::built_in().unwrap();
    let mut tried = 0;
    for (profile, shape) in recognised(&pipeline) {
        let nodes = [worker(), shape];
        let mut object = asking(&profile.name, json!({}));
        let container = &mut object["spec"]["containers"][0];
        container.as_object_mut().unwrap().remove("resources");
        let places = may_go_to(&pipeline, &object, &nodes);
        assert_eq!(places, [nodes[1].name.as_str()], "{}: {:?}", profile.name, nodes[1]);
        tried += 1;
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn whatever_two_kinds_of_virtual_nodes_there_are_pods_go_where_they_should() {
    let pipeline = Pipeline::built_in().unwrap();
    let known = |shape: &NodeFact| Profile::recognise(&pipeline.profiles, shape);
    let all = |suffix: &str| -> Vec<NodeFact> {
        pipeline.profiles.iter().flat_map(|profile| shapes(profile, suffix)).collect()
    };
    let (first, second) = (all("x"), all("y"));
    let mut tried = 0;
    for one in &first {
        for other in &second {
            let (own, foreign) = (known(one).unwrap(), known(other).unwrap());
            let nodes = [worker(), one.clone(), other.clone()];
            let takes = |profile: &Profile| profile.daemon_sets.support == Support::Supported;
            let expected: Vec<&str> =
                [("worker", true), (&one.name, takes(own)), (&other.name, takes(foreign))]
                    .into_iter()
                    .filter_map(|(name, takes)| takes.then_some(name))
                    .collect();
            assert_eq!(may_go_to(&pipeline, &daemon_pod(), &nodes), expected, "{one:?}\n{other:?}");
            // Where a scheduler of its own places pods, nodes are not chosen here.
            if own.name == foreign.name || own.has_own_scheduler() {
                continue;
            }
            tried += 1;
            let mut object = asking(&own.name, json!({"tolerations": [{"operator": "Exists"}]}));
            object["spec"]["containers"][0].as_object_mut().unwrap().remove("resources");
            assert_eq!(
                may_go_to(&pipeline, &object, &nodes),
                [one.name.as_str()],
                "{}: {one:?}\n{}: {other:?}",
                own.name,
                foreign.name
            );
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn nodes_that_the_profile_does_not_exclude_are_excluded_otherwise() {
    let pipeline = Pipeline::built_in().unwrap();
    let terms = |nodes: &[NodeFact]| {
        assert_eq!(may_go_to(&pipeline, &claiming(), nodes), ["worker"]);
        let verdict = decide(&pipeline, &facts(&pipeline, nodes), &claiming());
        assert!(
            verdict.diagnostics.iter().any(|one| one.code == "volume.persistent-volume-claim"),
            "{:?}",
            verdict.diagnostics
        );
        patched(&claiming(), &verdict)["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            ["nodeSelectorTerms"][0]["matchExpressions"]
            .clone()
    };
    let own =
        json!({"key": "kubernetes.azure.com/managed", "operator": "NotIn", "values": ["false"]});
    // By a label that the profile knows its nodes by, which holds for nodes to come too.
    assert_eq!(
        terms(&[worker(), old_azure("a"), old_azure("b")]),
        json!([own, {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}])
    );
    // By name where that would exclude others.
    let other =
        node("worker", &[("type", "virtual-kubelet")], &[("virtual-kubelet.io/provider", "k8s")]);
    assert_eq!(
        Profile::recognise(&pipeline.profiles, &other).unwrap().name,
        "tensile-kube",
        "where claims work"
    );
    assert_eq!(
        terms(&[other, old_azure("a"), old_azure("b")]),
        json!([own, {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["a", "b"]}])
    );
}

#[test]
fn no_label_is_asked_for_that_the_nodes_of_today_lack() {
    let pipeline = Pipeline::built_in().unwrap();
    let selector = |profile: &str, spec: Value, nodes: &[NodeFact], goes_to: &[&str]| {
        let object = asking(profile, spec);
        assert_eq!(may_go_to(&pipeline, &object, nodes), goes_to);
        patched(&object, &decide(&pipeline, &facts(&pipeline, nodes), &object))["spec"]["nodeSelector"]
            .clone()
    };
    let new = pipeline.profile_named("azure-aci").unwrap().node.clone().unwrap();
    let wanted = json!({"type": "virtual-kubelet", "kubernetes.azure.com/managed": "false"});
    let both = [worker(), old_azure("a"), new.clone()];
    assert_eq!(selector("azure-aci", json!({}), &both, &[new.name.as_str()]), wanted);
    assert_eq!(
        selector("azure-aci", json!({}), &both[..2], &["a"]),
        json!({"type": "virtual-kubelet"})
    );
    // The node that the user chooses is the one that counts.
    let choice = json!({"nodeSelector": {"kubernetes.io/hostname": "a"}});
    assert_eq!(
        selector("azure-aci", choice, &both, &["a"]),
        json!({"type": "virtual-kubelet", "kubernetes.io/hostname": "a"})
    );
    let eci = node("e", &[("k8s.aliyun.com/vnode", "true")], &[("k8s.aliyun.com/vnode", "true")]);
    assert_eq!(
        selector("alibaba-eci-managed", json!({}), &[worker(), eci], &["e"]),
        json!({"k8s.aliyun.com/vnode": "true"})
    );
}

#[test]
fn a_pod_is_sent_by_name_where_no_label_leads_there_alone() {
    let pipeline = Pipeline::built_in().unwrap();
    // The pod's own tolerations open the other one to it, and the label that is left is on both.
    let other =
        node("k", &[("type", "virtual-kubelet")], &[("virtual-kubelet.io/provider", "kip")]);
    let nodes = [worker(), old_azure("a"), other];
    let object = asking("azure-aci", json!({"tolerations": [{"operator": "Exists"}]}));
    assert_eq!(may_go_to(&pipeline, &object, &nodes), ["a"]);
    // Without a host name to go by, one is told what is missing.
    let mut bare = node("v", &[], &[("virtual-kubelet.io/provider", "x")]);
    bare.labels.clear();
    let verdict = decide(
        &pipeline,
        &facts(&pipeline, &[worker(), bare]),
        &asking("virtual-kubelet", json!({})),
    );
    let [diagnostic] = verdict
        .diagnostics
        .iter()
        .filter(|one| one.code == "unmarked-nodes")
        .collect::<Vec<_>>()[..]
    else {
        panic!("{:?}", verdict.diagnostics)
    };
    assert!(diagnostic.what.contains("`virtual-kubelet`"), "{diagnostic:?}");
    assert!(diagnostic.help.as_ref().unwrap().contains("type=virtual-kubelet"), "{diagnostic:?}");
}

#[test]
fn a_pod_that_asks_does_not_go_to_nodes_of_another_profile() {
    let pipeline = Pipeline::built_in().unwrap();
    let kip = pipeline.profile_named("elotl-kip").unwrap().node.clone().unwrap();
    let aci = pipeline.profile_named("azure-aci").unwrap().node.clone().unwrap();
    let object = asking("elotl-kip", json!({"tolerations": [{"operator": "Exists"}]}));
    assert_eq!(
        may_go_to(&pipeline, &object, &[worker(), aci.clone(), old_azure("a"), kip.clone()]),
        [kip.name.as_str()]
    );
    // It waits for a node of its own, and goes there once it registers.
    let before = [worker(), aci.clone()];
    let verdict = decide(&pipeline, &facts(&pipeline, &before), &object);
    let after = patched(&object, &verdict);
    assert_eq!(admitted(&pipeline, &after, &[worker(), aci, kip.clone()]), [kip.name.as_str()]);
}

#[test]
fn a_profile_that_names_no_labels_to_select_is_selected_by_those_it_is_recognised_by() {
    let profile = TEST_PROFILE.replace(", nodeSelector: {boat: dinghy}", "");
    let profiles = vec![Text { origin: "dinghy.yaml".into(), text: profile }];
    let pipeline = Pipeline::compile(&Sources { profiles, ..Sources::default() }).unwrap();
    let nodes = [worker(), node("d", &[("boat", "dinghy")], &[("boat", "dinghy")])];
    assert_eq!(may_go_to(&pipeline, &asking("dinghy", json!({})), &nodes), ["d"]);
}

#[test]
fn what_the_user_selects_still_contradicts() {
    let pipeline = Pipeline::built_in().unwrap();
    let object =
        asking("azure-aci", json!({"nodeSelector": {"kubernetes.azure.com/managed": "false"}}));
    let verdict = decide(&pipeline, &facts(&pipeline, &[worker(), old_azure("a")]), &object);
    let diagnostic = &verdict.diagnostics[0];
    assert_eq!(diagnostic.code, "placement-contradiction");
    assert_eq!(
        diagnostic.places[0].to_string(),
        "spec.nodeSelector['kubernetes.azure.com/managed']"
    );
}

#[test]
fn a_lasting_taint_of_a_regular_node_keeps_pods_off_it() {
    let pipeline = Pipeline::built_in().unwrap();
    let pool = |taints: &[(&str, &str)]| {
        let regular = node("w", &[("pool", "win")], taints);
        let new = NodeFact {
            labels: [
                ("pool", "win"),
                ("kubernetes.azure.com/managed", "false"),
                ("type", "virtual-kubelet"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
            ..old_azure("a")
        };
        let object = pod(
            json!({}),
            json!({"nodeSelector": {"pool": "win"},
                "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]}),
        );
        decide(&pipeline, &facts(&pipeline, &[regular, new]), &object).placement.standing
    };
    assert_eq!(pool(&[("node.kubernetes.io/os", "windows")]), Standing::Bound);
    for passing in filter::PASSING_TAINTS {
        assert_eq!(pool(&[(passing, "")]), Standing::Eligible, "{passing}");
    }
}

#[test]
fn a_node_name_that_one_profile_has_means_no_other() {
    let pipeline = Pipeline::built_in().unwrap();
    let headed = |name: &str, selector: Value| -> Vec<String> {
        let object = pod(
            json!({}),
            json!({"nodeName": name, "nodeSelector": selector,
                "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]}),
        );
        let heading = decide(&pipeline, &Facts::default(), &object).placement;
        heading.profiles.into_iter().map(|one| one.profile).collect()
    };
    let shared = || json!({"type": "virtual-kubelet"});
    assert_eq!(headed("virtual-node-aci-linux", shared()), ["azure-aci"]);
    assert_eq!(headed("virtual-node-aci-windows", shared()), ["azure-aci"]);
    // Names that tell nothing, or not enough, leave it to the selector.
    assert!(headed("virtual-kubelet", shared()).len() > 3);
    assert!(headed("node-17", shared()).len() > 3);
    assert!(
        headed("my-skipper", json!({"kubernetes.azure.com/managed": "false"}))
            .contains(&"azure-aci".to_owned())
    );
}

#[test]
fn a_profile_that_is_not_enabled_is_not_said_to_be_missing() {
    let config =
        "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  profiles: [elotl-kip]\n";
    let pipeline = pipeline_with(&[], Some(config)).unwrap();
    let verdict = decide(&pipeline, &Facts::default(), &asking("azure-aci", json!({})));
    assert!(!verdict.allowed);
    let diagnostic = &verdict.diagnostics[0];
    assert_eq!(diagnostic.code, "unknown-profile");
    assert_eq!(diagnostic.what, "the profile `azure-aci` is not enabled");
    let help = diagnostic.help.as_ref().unwrap();
    assert!(help.contains("spec.profiles") && help.contains("elotl-kip"), "{help}");
    let verdict = decide(&pipeline, &Facts::default(), &asking("azure-acl", json!({})));
    assert_eq!(verdict.diagnostics[0].what, "there is no profile `azure-acl`");
}
