//! The steps of the road. Each is a claim about real objects in a real cluster.

use std::cell::OnceCell;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{ACI, Cluster, KIP, PATIENCE, REGULAR, condition, state};
use crate::latency::ENV_VALUE;
use crate::loadline::Loadline;
use crate::process::eventually;

/// What shows a claim without Loadline, with it, and with it stopped.
type Without = fn(&Before<'_>);
type With = fn(&Before<'_>, &Loadline<'_>);
type Stopped = fn(&mut Loadline<'_>);

macro_rules! steps {
    ($($step:ident),+ $(,)?) => { &[$((stringify!($step), $step)),+] };
}

pub(crate) const WITHOUT: &[(&str, Without)] = steps![
    a_pod_that_reads_status_pod_ip_is_scheduled_and_stays_pending_without_a_word,
    an_eligible_pod_is_put_on_a_virtual_node_that_cannot_run_it,
    a_daemon_set_that_tolerates_everything_is_put_on_the_virtual_nodes,
    an_unrelated_pod_is_stored_as_it_was_sent,
];

pub(crate) const WITH: &[(&str, With)] = steps![
    a_deployment_gets_what_the_virtual_node_needs_and_runs_there,
    what_the_user_wrote_is_kept_and_completed,
    a_pod_asking_for_kip_runs_on_the_kip_node,
    a_pod_that_reads_status_pod_ip_is_refused_with_field_reason_and_help,
    a_pod_with_a_volume_claim_is_refused_with_field_reason_and_help,
    a_deployment_whose_pods_cannot_run_there_is_warned_at_apply_time,
    an_eligible_but_incompatible_pod_lands_on_the_regular_node,
    a_daemon_set_stays_off_the_virtual_nodes,
    a_pod_that_breaks_a_rego_policy_is_refused,
    a_gatekeeper_constraint_holds_against_what_is_in_the_cluster,
    an_edited_policy_is_in_force_within_seconds,
    a_namespace_in_mode_warn_is_told_and_not_refused,
    a_fenced_pod_starts_only_after_its_network_policy_is_there,
    no_pod_chooses_its_way_out_of_the_fence_of_its_namespace,
    an_unrelated_pod_is_untouched_and_was_never_sent_to_loadline,
    what_ran_before_loadline_can_still_be_changed_and_deleted,
];

pub(crate) const STOPPED: &[(&str, Stopped)] = steps![
    the_log_holds_no_value_of_a_variable,
    asked_to_end_serve_ends_in_good_order,
    failure_policy_fail_refuses_what_is_headed_for_virtual_nodes_and_nothing_else,
    failure_policy_ignore_lets_it_pass_unmarked,
    served_again_pods_are_judged_again,
];

const PROFILE: &str = "loadline.dev/profile";
const FENCE: &str = "loadline.dev/fence";
const GATE: &str = "loadline.dev/network-policy";
const ADMITTED: &str = "loadline.dev/admitted";

/// What the cluster was like before Loadline came.
pub(crate) struct Before<'a> {
    cluster: &'a Cluster,
    unrelated: OnceCell<Value>,
}

impl<'a> Before<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        cluster.namespace("before", json!({}), json!({}));
        Self { cluster, unrelated: OnceCell::new() }
    }
}

// === pods ===

/// A pod that asks for nothing special.
pub(crate) fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {
            "containers": [{
                "name": "app",
                "image": "registry.example.com/team/app:1.4.2",
                "resources": {
                    "requests": {"cpu": "500m", "memory": "256Mi"},
                    "limits": {"cpu": "500m", "memory": "256Mi"},
                },
            }],
        },
    })
}

/// Bound to the ACI node by the user's own words.
pub(crate) fn bound_to_aci(mut pod: Value) -> Value {
    pod["spec"]["nodeSelector"] = json!({
        "type": "virtual-kubelet", "kubernetes.azure.com/managed": "false",
    });
    pod["spec"]["tolerations"] = json!([
        {"key": "virtual-kubelet.io/provider", "operator": "Equal", "value": "azure", "effect": "NoSchedule"},
    ]);
    pod
}

/// May run on the virtual nodes, need not.
fn eligible(mut pod: Value) -> Value {
    pod["spec"]["tolerations"] =
        json!([{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]);
    pod
}

/// Reads the address of the pod, which the virtual-kubelet core cannot tell.
fn reads_its_ip(mut pod: Value) -> Value {
    pod["spec"]["containers"][0]["env"] = json!([
        {"name": "MY_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]);
    pod
}

fn asks_for(mut pod: Value, profile: &str) -> Value {
    pod["metadata"]["annotations"][PROFILE] = json!(profile);
    pod
}

/// A workload of `kind` whose pods are like `pod`.
fn workload(kind: &str, pod: &Value) -> Value {
    let meta = &pod["metadata"];
    let mut template_meta = json!({"labels": meta["labels"]});
    if meta["annotations"].is_object() {
        template_meta["annotations"] = meta["annotations"].clone();
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"namespace": meta["namespace"], "name": meta["name"]},
        "spec": {
            "selector": {"matchLabels": meta["labels"]},
            "template": {"metadata": template_meta, "spec": pod["spec"]},
        },
    })
}

// === what is seen ===

#[track_caller]
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "the message should say `{part}`:\n{message}");
    }
}

fn node(pod: &Value) -> &str {
    pod["spec"]["nodeName"].as_str().unwrap_or_default()
}

fn tolerates(pod: &Value, key: &str) -> usize {
    let tolerations = pod["spec"]["tolerations"].as_array();
    tolerations.map_or(0, |all| all.iter().filter(|one| one["key"] == key).count())
}

fn marker(pod: &Value) -> Option<&str> {
    pod["metadata"]["annotations"][ADMITTED].as_str()
}

/// A pod without what differs between any two pods.
fn comparable(mut pod: Value) -> Value {
    for key in ["creationTimestamp", "managedFields", "name", "namespace", "resourceVersion", "uid"]
    {
        pod["metadata"].as_object_mut().unwrap().remove(key);
    }
    pod["metadata"]["labels"] = Value::Null;
    pod["status"] = Value::Null;
    // The volume of the service account's token has a random suffix.
    let text = pod.to_string();
    let volume = text.split('"').find(|part| part.starts_with("kube-api-access-"));
    volume.map_or(Value::Null, |volume| {
        serde_json::from_str(&text.replace(volume, "kube-api-access")).unwrap()
    })
}

// === without Loadline ===

fn a_pod_that_reads_status_pod_ip_is_scheduled_and_stays_pending_without_a_word(
    before: &Before<'_>,
) {
    let cluster = before.cluster;
    cluster.create(reads_its_ip(bound_to_aci(pod("before", "reads-ip")))).accepted();
    assert_eq!(node(&cluster.scheduled("before", "reads-ip")), ACI);
    // The same pod without the variable shows that the node works, and how long it takes.
    cluster.create(bound_to_aci(pod("before", "plain"))).accepted();
    assert_eq!(node(&cluster.running("before", "plain")), ACI);
    std::thread::sleep(Duration::from_secs(5));

    let stuck = cluster.pod("before", "reads-ip").unwrap();
    assert_eq!(stuck["status"]["phase"], "Pending", "{}", state(&stuck));
    for silent in ["reason", "message", "containerStatuses"] {
        assert_eq!(stuck["status"][silent], Value::Null, "{}", state(&stuck));
    }
    let conditions: Vec<_> = stuck["status"]["conditions"].as_array().unwrap().iter().collect();
    assert_eq!(conditions.len(), 1, "{}", state(&stuck));
    assert_eq!(condition(&stuck, "PodScheduled"), Some("True"));
    let events = cluster.events("before", "reads-ip");
    assert!(
        events.iter().all(|event| event.starts_with("default-scheduler Scheduled")),
        "no event but the scheduler's own: {events:?}"
    );
    let events = cluster.events("before", "plain");
    assert!(
        events.iter().any(|event| event.contains("ProviderCreateSuccess")),
        "the virtual kubelet does speak of pods that it takes: {events:?}"
    );
    // The reason is known, but only to who reads the virtual kubelet's own log.
    says(&cluster.log("virtualnode"), &["unsupported fieldPath: status.podIP"]);
}

fn an_eligible_pod_is_put_on_a_virtual_node_that_cannot_run_it(before: &Before<'_>) {
    before.cluster.create(reads_its_ip(eligible(pod("before", "eligible")))).accepted();
    let placed = before.cluster.scheduled("before", "eligible");
    assert!([ACI, KIP].contains(&node(&placed)), "{}", state(&placed));
}

fn a_daemon_set_that_tolerates_everything_is_put_on_the_virtual_nodes(before: &Before<'_>) {
    before.cluster.create(workload("DaemonSet", &eligible(pod("before", "agent")))).accepted();
    eventually("the DaemonSet on all three nodes", PATIENCE, || {
        let nodes = daemon_nodes(before.cluster, "before");
        if nodes == [REGULAR, ACI, KIP] { Ok(()) } else { Err(format!("{nodes:?}")) }
    });
}

fn daemon_nodes(cluster: &Cluster, namespace: &str) -> Vec<String> {
    let pods = cluster.pods(namespace, "agent");
    let mut nodes: Vec<_> = pods.iter().map(|pod| node(pod).to_owned()).collect();
    nodes.retain(|node| !node.is_empty());
    nodes.sort();
    nodes
}

fn an_unrelated_pod_is_stored_as_it_was_sent(before: &Before<'_>) {
    before.cluster.create(pod("before", "unrelated")).accepted();
    let stored = before.cluster.running("before", "unrelated");
    assert_eq!(node(&stored), REGULAR);
    before.unrelated.set(comparable(stored)).unwrap();
}

// === with Loadline ===

fn a_deployment_gets_what_the_virtual_node_needs_and_runs_there(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("burst", json!({PROFILE: "azure-aci"}), json!({}));
    let mut deployment = workload("Deployment", &pod("burst", "web"));
    deployment["spec"]["replicas"] = json!(2);
    cluster.apply(&deployment).accepted();
    let pods = eventually("both pods of the Deployment to run", PATIENCE, || {
        let pods = cluster.pods("burst", "web");
        let running = pods.iter().filter(|pod| pod["status"]["phase"] == "Running").count();
        if running == 2 { Ok(pods) } else { Err(format!("{pods:?}")) }
    });
    for pod in &pods {
        assert_eq!(node(pod), ACI, "{}", state(pod));
        assert_eq!(tolerates(pod, "virtual-kubelet.io/provider"), 1, "{}", pod["spec"]);
        assert!(marker(pod).is_some(), "the marker: {}", pod["metadata"]);
    }
}

fn what_the_user_wrote_is_kept_and_completed(_: &Before<'_>, loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    cluster.namespace("merge", json!({}), json!({}));
    let own = json!({"key": "example.com/dedicated", "operator": "Exists", "effect": "NoSchedule"});
    let term = json!({"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]});
    let mut wanted = asks_for(pod("merge", "own"), "azure-aci");
    wanted["spec"]["tolerations"] = json!([own]);
    wanted["spec"]["nodeSelector"] = json!({"kubernetes.io/os": "linux"});
    wanted["spec"]["affinity"] = json!({"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [term]}],
        },
    }});
    cluster.create(&wanted).accepted();
    let stored = cluster.running("merge", "own");
    assert_eq!(node(&stored), ACI, "{}", state(&stored));
    let spec = &stored["spec"];
    assert_eq!(spec["tolerations"][0], own, "{spec}");
    assert_eq!(tolerates(&stored, "virtual-kubelet.io/provider"), 1, "{spec}");
    assert_eq!(spec["nodeSelector"]["kubernetes.io/os"], "linux", "{spec}");
    let terms = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        ["nodeSelectorTerms"];
    let terms = terms.as_array().unwrap();
    assert!(!terms.is_empty(), "{spec}");
    for one in terms {
        let expressions = one["matchExpressions"].as_array().unwrap();
        assert!(expressions.contains(&term), "the user's expression in every term: {spec}");
    }
}

fn a_pod_asking_for_kip_runs_on_the_kip_node(_: &Before<'_>, loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    cluster.create(asks_for(pod("merge", "kip"), "elotl-kip")).accepted();
    let stored = cluster.running("merge", "kip");
    assert_eq!(node(&stored), KIP, "{}", state(&stored));
}

fn a_pod_that_reads_status_pod_ip_is_refused_with_field_reason_and_help(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("refused", json!({}), json!({}));
    let message = cluster.create(reads_its_ip(bound_to_aci(pod("refused", "reads-ip")))).refused();
    println!("{}", indent(&message));
    says(
        &message,
        &[
            "denied the request",
            "spec.containers[0].env[0]",
            "[env.field-ref.status.pod-ip]",
            "`azure-aci`",
            "stays Pending",
            "help: find the address",
        ],
    );
    assert_eq!(cluster.pod("refused", "reads-ip"), None);
    // The same where the namespace chose the node and the user never heard of it.
    let asked = asks_for(reads_its_ip(pod("refused", "asked")), "azure-aci");
    says(
        &cluster.create(asked).refused(),
        &["spec.containers[0].env[0]", "env.field-ref.status.pod-ip"],
    );
}

fn a_pod_with_a_volume_claim_is_refused_with_field_reason_and_help(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    let mut wanted = bound_to_aci(pod("refused", "claim"));
    wanted["spec"]["volumes"] =
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    wanted["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "data", "mountPath": "/data"}]);
    let message = cluster.create(&wanted).refused();
    println!("{}", indent(&message));
    says(
        &message,
        &[
            "denied the request",
            "spec.volumes[0].persistentVolumeClaim",
            "[volume.persistent-volume-claim]",
            "`azure-aci`",
            "no code for claims",
            "help: mount an Azure Files share",
        ],
    );
    assert_eq!(cluster.pod("refused", "claim"), None);
}

fn a_deployment_whose_pods_cannot_run_there_is_warned_at_apply_time(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    let deployment =
        workload("Deployment", &reads_its_ip(bound_to_aci(pod("refused", "workload"))));
    let answer = cluster.apply(&deployment).accepted();
    println!("{}", indent(&answer.stderr));
    says(&answer.stderr, &["Warning:", "spec.template.spec.containers[0].env[0]"]);
    // Its pods are what is refused; the ReplicaSet says so.
    eventually("an event that says why there is no pod", PATIENCE, || {
        let list = cluster.get("/api/v1/namespaces/refused/events").unwrap();
        let text = list.to_string();
        if text.contains("FailedCreate") && text.contains("spec.containers[0].env[0]") {
            Ok(())
        } else {
            Err(text)
        }
    });
    assert_eq!(cluster.pods("refused", "workload"), Vec::<Value>::new());
}

fn an_eligible_but_incompatible_pod_lands_on_the_regular_node(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("eligible", json!({}), json!({}));
    let answer = cluster.create(reads_its_ip(eligible(pod("eligible", "anywhere")))).accepted();
    println!("{}", indent(&answer.stderr));
    says(&answer.stderr, &["Warning:", "spec.containers[0].env[0]"]);
    let stored = cluster.running("eligible", "anywhere");
    assert_eq!(node(&stored), REGULAR, "{}", state(&stored));
    assert!(marker(&stored).is_some(), "the marker: {}", stored["metadata"]);
    // One that is compatible keeps its choice.
    cluster.create(eligible(pod("eligible", "compatible"))).accepted();
    let stored = cluster.running("eligible", "compatible");
    assert!([ACI, KIP].contains(&node(&stored)), "{}", state(&stored));
}

fn a_daemon_set_stays_off_the_virtual_nodes(_: &Before<'_>, loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    cluster.namespace("daemons", json!({}), json!({}));
    let daemon_set = workload("DaemonSet", &eligible(pod("daemons", "agent")));
    let answer = cluster.apply(daemon_set).accepted();
    println!("{}", indent(&answer.stderr));
    says(&answer.stderr, &["Warning:", "[workload.daemon-set]"]);
    eventually("the DaemonSet on the regular node", PATIENCE, || {
        let nodes = daemon_nodes(cluster, "daemons");
        if nodes.contains(&REGULAR.to_owned()) { Ok(()) } else { Err(format!("{nodes:?}")) }
    });
    // Long enough for the scheduler to have looked at the others.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(daemon_nodes(cluster, "daemons"), [REGULAR]);
}

fn a_pod_that_breaks_a_rego_policy_is_refused(_: &Before<'_>, loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    cluster.namespace("governed", json!({}), json!({}));
    let mut wanted = bound_to_aci(pod("governed", "forbidden"));
    wanted["metadata"]["annotations"] = json!({"e2e.loadline.dev/forbidden": "yes"});
    let message = cluster.create(&wanted).refused();
    println!("{}", indent(&message));
    says(
        &message,
        &[
            "denied the request",
            "pod carries the forbidden annotation with value yes",
            "metadata.annotations['e2e.loadline.dev/forbidden']",
            "remove the annotation",
        ],
    );
    wanted["metadata"]["annotations"] = Value::Null;
    cluster.create(&wanted).accepted();
}

fn a_gatekeeper_constraint_holds_against_what_is_in_the_cluster(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("routes", json!({}), json!({}));
    let service = |name: &str, route: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": "routes", "name": name, "annotations": {"e2e.loadline.dev/route": route}},
            "spec": {"ports": [{"port": 80}]},
        })
    };
    cluster.create(service("first", "/shop")).accepted();
    cluster.create(service("other", "/else")).accepted();
    // The watch tells of the first one a moment later.
    eventually("the second claim to be refused", PATIENCE, || {
        let answer = cluster.create(service("second", "/shop"));
        if answer.ok {
            cluster.kubectl(&["delete", "service", "second", "-n", "routes"]);
            return Err("it was admitted".to_owned());
        }
        println!("{}", indent(&answer.stderr));
        says(&answer.stderr, &["[unique-routes] the route </shop> is taken by <routes/first>"]);
        Ok(())
    });
}

fn an_edited_policy_is_in_force_within_seconds(_: &Before<'_>, loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    let file = loadline.policies.join("forbidden.rego");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut wanted = bound_to_aci(pod("governed", "edited"));
    wanted["metadata"]["annotations"] = json!({"e2e.loadline.dev/forbidden": "yes"});
    let refused_with = |words: &str| {
        eventually(words, PATIENCE, || {
            let message = cluster.create(&wanted).refused();
            if message.contains(words) { Ok(()) } else { Err(message) }
        });
    };
    refused_with("pod carries the forbidden annotation");
    std::fs::write(&file, text.replace("pod carries", "pod still carries")).unwrap();
    refused_with("pod still carries the forbidden annotation");
    std::fs::write(&file, "package broken\n\ndeny contains {").unwrap();
    eventually("the broken policy to be told of", PATIENCE, || {
        let page = loadline.ask("/readyz?verbose")?;
        let says_so = page.contains("its last good version is in force");
        if says_so { Ok(()) } else { Err(page) }
    });
    refused_with("pod still carries the forbidden annotation");
    std::fs::write(&file, text).unwrap();
    refused_with("pod carries the forbidden annotation");
}

fn a_namespace_in_mode_warn_is_told_and_not_refused(_: &Before<'_>, loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    cluster.namespace("warned", json!({"loadline.dev/mode": "warn"}), json!({}));
    let answer = cluster.create(reads_its_ip(bound_to_aci(pod("warned", "reads-ip"))));
    says(&answer.accepted().stderr, &["Warning:", "[env.field-ref.status.pod-ip]"]);
    assert!(marker(&cluster.pod("warned", "reads-ip").unwrap()).is_some(), "the marker");
}

fn a_fenced_pod_starts_only_after_its_network_policy_is_there(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("fenced", json!({}), json!({FENCE: "namespace"}));
    // As long as the namespace may hold no NetworkPolicy, the controller cannot make one.
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"namespace": "fenced", "name": "no-policies"},
        "spec": {"hard": {"count/networkpolicies.networking.k8s.io": "0"}},
    });
    cluster.create(quota).accepted();
    let policies = "/apis/networking.k8s.io/v1/namespaces/fenced/networkpolicies";
    let count = || cluster.get(policies).unwrap()["items"].as_array().unwrap().len();

    let answer = cluster.create(bound_to_aci(pod("fenced", "web"))).accepted();
    println!("{}", indent(&answer.stderr));
    says(&answer.stderr, &["network-policy-not-enforced", "`azure-aci`"]);
    std::thread::sleep(Duration::from_secs(5));
    let waiting = cluster.pod("fenced", "web").unwrap();
    assert_eq!(count(), 0);
    let gates = waiting["spec"]["schedulingGates"].to_string();
    assert!(gates.contains(GATE), "it should still be gated: {}", waiting["spec"]);
    assert_eq!(node(&waiting), "", "{}", state(&waiting));

    cluster.kubectl(&["--namespace=fenced", "delete", "resourcequota", "no-policies"]).accepted();
    let stored = cluster.running("fenced", "web");
    assert_eq!(node(&stored), ACI, "{}", state(&stored));
    assert_eq!(stored["spec"]["schedulingGates"], Value::Null);
    let list = cluster.get(policies).unwrap();
    let policy = &list["items"][0];
    assert_eq!(count(), 1, "{list}");
    let manager = &policy["metadata"]["managedFields"][0];
    assert_eq!(manager["operation"], "Apply", "server-side apply: {policy}");
    assert_eq!(manager["manager"], "loadline", "{policy}");
    // A second pod finds the fence in place.
    cluster.create(bound_to_aci(pod("fenced", "second"))).accepted();
    cluster.running("fenced", "second");
    assert_eq!(count(), 1);
}

fn no_pod_chooses_its_way_out_of_the_fence_of_its_namespace(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("guarded", json!({}), json!({FENCE: "deny-all"}));
    // As copied from a pod that was fenced elsewhere, and with a wish of its own.
    let mut copied = bound_to_aci(pod("guarded", "copied"));
    copied["metadata"]["labels"] = json!({"loadline.dev/fenced": "open-egress"});
    copied["metadata"]["annotations"] = json!({FENCE: "none"});
    let answer = cluster.create(copied).accepted();
    println!("{}", indent(&answer.stderr));
    says(&answer.stderr, &["[fenced-label]", "[fence-weaker]"]);
    let stored = cluster.running("guarded", "copied");
    assert_eq!(stored["metadata"]["labels"]["loadline.dev/fenced"], "deny-all");
    let policies =
        cluster.get("/apis/networking.k8s.io/v1/namespaces/guarded/networkpolicies").unwrap();
    let names: Vec<&str> = policies["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|policy| policy["metadata"]["name"].as_str())
        .collect();
    assert_eq!(names, ["loadline-fence-deny-all"]);
    let mut named = bound_to_aci(pod("guarded", "named"));
    named["spec"]["nodeName"] = json!(ACI);
    let message = cluster.create(named).refused();
    println!("{}", indent(&message));
    says(&message, &["[fence-node-name]", "spec.nodeName", "affinity"]);
    assert!(!message.contains("fence-missing"), "{message}");
    assert_eq!(cluster.pod("guarded", "named"), None);
}

fn an_unrelated_pod_is_untouched_and_was_never_sent_to_loadline(
    before: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("unrelated", json!({}), json!({}));
    let reviews = || loadline.counter("loadline_admission_requests_total");
    let seen = reviews();
    assert!(seen > 0, "the steps before were counted");
    cluster.create(pod("unrelated", "unrelated")).accepted();
    let stored = cluster.running("unrelated", "unrelated");
    assert_eq!(node(&stored), REGULAR);
    assert_eq!(marker(&stored), None);
    assert_eq!(Some(&comparable(stored)), before.unrelated.get());
    assert_eq!(reviews(), seen, "no review for it");
}

fn what_ran_before_loadline_can_still_be_changed_and_deleted(
    before: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    // It would be refused today, but it is there: a change that makes nothing worse passes, and so does its end.
    let label = ["--namespace=before", "label", "pod", "reads-ip", "seen=yes"];
    cluster.kubectl(&label).accepted();
    for name in ["reads-ip", "plain", "eligible"] {
        cluster
            .kubectl(&["--namespace=before", "delete", "pod", name, "--now", "--wait=false"])
            .accepted();
    }
    eventually("the pod to be gone", PATIENCE, || match before.cluster.pod("before", "plain") {
        None => Ok(()),
        Some(pod) => Err(state(&pod)),
    });
}

// === with Loadline stopped ===

fn the_log_holds_no_value_of_a_variable(loadline: &mut Loadline<'_>) {
    let log = loadline.cluster.log("loadline");
    assert!(!log.is_empty(), "nothing was logged at all");
    assert!(!log.contains(ENV_VALUE), "a value of a variable is in the log");
}

fn asked_to_end_serve_ends_in_good_order(loadline: &mut Loadline<'_>) {
    let status = loadline.stop();
    assert!(status.success(), "`loadline serve` ended with {status} after SIGTERM");
}

fn failure_policy_fail_refuses_what_is_headed_for_virtual_nodes_and_nothing_else(
    loadline: &mut Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("outage", json!({}), json!({}));
    let message = cluster.create(bound_to_aci(pod("outage", "refused"))).refused();
    println!("{}", indent(&message));
    says(&message, &["failed calling webhook", "loadline"]);
    assert_eq!(cluster.pod("outage", "refused"), None);
    cluster.create(pod("outage", "elsewhere")).accepted();
    assert_eq!(node(&cluster.running("outage", "elsewhere")), REGULAR);
}

fn failure_policy_ignore_lets_it_pass_unmarked(loadline: &mut Loadline<'_>) {
    let cluster = loadline.cluster;
    cluster.namespace("outage", json!({}), json!({}));
    loadline.apply(&loadline.manifests("Ignore"));
    // The API server hears of it a moment later.
    eventually("failurePolicy Ignore to be in force", PATIENCE, || {
        let answer = cluster.create(reads_its_ip(bound_to_aci(pod("outage", "passed"))));
        if answer.ok { Ok(()) } else { Err(answer.stderr) }
    });
    let stored = cluster.scheduled("outage", "passed");
    assert_eq!(node(&stored), ACI);
    assert_eq!(marker(&stored), None, "what failed open can be found");
}

fn served_again_pods_are_judged_again(loadline: &mut Loadline<'_>) {
    loadline.serve();
    let cluster = loadline.cluster;
    cluster.namespace("outage", json!({}), json!({}));
    eventually("a refusal", PATIENCE, || {
        let answer = cluster.create(reads_its_ip(bound_to_aci(pod("outage", "judged"))));
        if answer.ok {
            cluster.kubectl(&["--namespace=outage", "delete", "pod", "judged", "--now"]).accepted();
            return Err("it was let through".to_owned());
        }
        says(&answer.stderr, &["denied the request", "spec.containers[0].env[0]"]);
        Ok(())
    });
}

/// Shown in the report under the step it belongs to.
pub(crate) fn indent(message: &str) -> String {
    let lines: Vec<_> =
        message.trim_end().lines().map(|line| format!("          | {line}")).collect();
    lines.join("\n")
}
