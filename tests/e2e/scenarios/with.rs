//! What it does with Loadline.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

pub(super) fn a_deployment_gets_what_the_virtual_node_needs_and_runs_there(
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

pub(super) fn what_the_user_wrote_is_kept_and_completed(_: &Before<'_>, loadline: &Loadline<'_>) {
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

pub(super) fn a_pod_asking_for_kip_runs_on_the_kip_node(_: &Before<'_>, loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    cluster.create(asks_for(pod("merge", "kip"), "elotl-kip")).accepted();
    let stored = cluster.running("merge", "kip");
    assert_eq!(node(&stored), KIP, "{}", state(&stored));
}

pub(super) fn a_pod_that_reads_status_pod_ip_is_refused_with_field_reason_and_help(
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

pub(super) fn a_pod_with_a_volume_claim_is_refused_with_field_reason_and_help(
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

pub(super) fn a_deployment_whose_pods_cannot_run_there_is_warned_at_apply_time(
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

pub(super) fn an_eligible_but_incompatible_pod_lands_on_the_regular_node(
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

pub(super) fn a_daemon_set_stays_off_the_virtual_nodes(_: &Before<'_>, loadline: &Loadline<'_>) {
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

pub(super) fn a_pod_that_breaks_a_rego_policy_is_refused(_: &Before<'_>, loadline: &Loadline<'_>) {
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

pub(super) fn a_gatekeeper_constraint_holds_against_what_is_in_the_cluster(
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

pub(super) fn an_edited_policy_is_in_force_within_seconds(_: &Before<'_>, loadline: &Loadline<'_>) {
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

pub(super) fn a_namespace_in_mode_warn_is_told_and_not_refused(
    _: &Before<'_>,
    loadline: &Loadline<'_>,
) {
    let cluster = loadline.cluster;
    cluster.namespace("warned", json!({"loadline.dev/mode": "warn"}), json!({}));
    let answer = cluster.create(reads_its_ip(bound_to_aci(pod("warned", "reads-ip"))));
    says(&answer.accepted().stderr, &["Warning:", "[env.field-ref.status.pod-ip]"]);
    assert!(marker(&cluster.pod("warned", "reads-ip").unwrap()).is_some(), "the marker");
}

pub(super) fn a_fenced_pod_starts_only_after_its_network_policy_is_there(
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

pub(super) fn no_pod_chooses_its_way_out_of_the_fence_of_its_namespace(
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

pub(super) fn an_unrelated_pod_is_untouched_and_was_never_sent_to_loadline(
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

pub(super) fn what_ran_before_loadline_can_still_be_changed_and_deleted(
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
