//! What is left when Loadline has ended.

use super::*;

pub(super) fn the_log_holds_no_value_of_a_variable(loadline: &mut Loadline<'_>) {
    let log = loadline.cluster.log("loadline");
    assert!(!log.is_empty(), "nothing was logged at all");
    assert!(!log.contains(ENV_VALUE), "a value of a variable is in the log");
}

pub(super) fn asked_to_end_serve_ends_in_good_order(loadline: &mut Loadline<'_>) {
    let status = loadline.stop();
    assert!(status.success(), "`loadline serve` ended with {status} after SIGTERM");
}

pub(super) fn failure_policy_fail_refuses_what_is_headed_for_virtual_nodes_and_nothing_else(
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

pub(super) fn failure_policy_ignore_lets_it_pass_unmarked(loadline: &mut Loadline<'_>) {
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

pub(super) fn served_again_pods_are_judged_again(loadline: &mut Loadline<'_>) {
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
