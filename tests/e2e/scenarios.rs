//! The steps of the road. Each is a claim about real objects in a real cluster.

mod stopped;
mod with;
mod without;

use std::cell::OnceCell;

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
    ($module:ident: $($step:ident),+ $(,)?) => { &[$((stringify!($step), $module::$step)),+] };
}

pub(crate) const WITHOUT: &[(&str, Without)] = steps![
    without:
    a_pod_that_reads_status_pod_ip_is_scheduled_and_stays_pending_without_a_word,
    an_eligible_pod_is_put_on_a_virtual_node_that_cannot_run_it,
    a_daemon_set_that_tolerates_everything_is_put_on_the_virtual_nodes,
    an_unrelated_pod_is_stored_as_it_was_sent,
];

pub(crate) const WITH: &[(&str, With)] = steps![
    with:
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
    stopped:
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

fn daemon_nodes(cluster: &Cluster, namespace: &str) -> Vec<String> {
    let pods = cluster.pods(namespace, "agent");
    let mut nodes: Vec<_> = pods.iter().map(|pod| node(pod).to_owned()).collect();
    nodes.retain(|node| !node.is_empty());
    nodes.sort();
    nodes
}

/// Shown in the report under the step it belongs to.
pub(crate) fn indent(message: &str) -> String {
    let lines: Vec<_> =
        message.trim_end().lines().map(|line| format!("          | {line}")).collect();
    lines.join("\n")
}
