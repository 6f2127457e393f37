//! What a cluster does by itself.

use std::time::Duration;

use serde_json::Value;

use super::*;

pub(super) fn a_pod_that_reads_status_pod_ip_is_scheduled_and_stays_pending_without_a_word(
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

pub(super) fn an_eligible_pod_is_put_on_a_virtual_node_that_cannot_run_it(before: &Before<'_>) {
    before.cluster.create(reads_its_ip(eligible(pod("before", "eligible")))).accepted();
    let placed = before.cluster.scheduled("before", "eligible");
    assert!([ACI, KIP].contains(&node(&placed)), "{}", state(&placed));
}

pub(super) fn a_daemon_set_that_tolerates_everything_is_put_on_the_virtual_nodes(
    before: &Before<'_>,
) {
    before.cluster.create(workload("DaemonSet", &eligible(pod("before", "agent")))).accepted();
    eventually("the DaemonSet on all three nodes", PATIENCE, || {
        let nodes = daemon_nodes(before.cluster, "before");
        if nodes == [REGULAR, ACI, KIP] { Ok(()) } else { Err(format!("{nodes:?}")) }
    });
}

pub(super) fn an_unrelated_pod_is_stored_as_it_was_sent(before: &Before<'_>) {
    before.cluster.create(pod("before", "unrelated")).accepted();
    let stored = before.cluster.running("before", "unrelated");
    assert_eq!(node(&stored), REGULAR);
    before.unrelated.set(comparable(stored)).unwrap();
}
