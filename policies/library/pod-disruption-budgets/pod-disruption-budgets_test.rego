package loadline.pod_disruption_budgets_test

import rego.v1

import data.loadline.pod_disruption_budgets

labels := {"app": "web"}

deployment := {"kind": {"group": "apps", "kind": "Deployment"}, "namespace": "shop", "object": {"metadata": {}, "spec": {"replicas": 3}}}

budget(spec) := {"spec": object.union({"selector": {"matchLabels": labels}, "maxUnavailable": 1}, spec)}

messages(review, budgets) := found if {
	known := {"namespace": {"shop": {"policy/v1": {"PodDisruptionBudget": budgets}}}}
	results := pod_disruption_budgets.deny with input as {
		"review": review,
		"pod": {"metadata": {"labels": labels}},
		"parameters": {"minReplicas": 2},
	}
		with data.inventory as known
	found := {result.msg | some result in results}
}

of(budgets) := messages(deployment, budgets)

missing := {"no PodDisruptionBudget in `shop` selects the 3 pods of this Deployment"}

test_budget_that_selects_the_pods_is_enough if of({"web": budget({})}) == set()

test_missing_budget_is_denied if {
	of({}) == missing
	of({"other": budget({"selector": {"matchLabels": {"app": "api"}}})}) == missing
}

test_empty_selector_selects_all_and_none_selects_nothing if {
	of({"all": {"spec": {"selector": {}, "maxUnavailable": 1}}}) == set()
	of({"none": {"spec": {"selector": null, "maxUnavailable": 1}}}) == missing
	of({"none": {"spec": {"maxUnavailable": 1}}}) == missing
}

test_budget_of_another_namespace_does_not_count if {
	messages(object.union(deployment, {"namespace": "bank"}), {"web": budget({})}) == {"no PodDisruptionBudget in `bank` selects the 3 pods of this Deployment"}
}

test_no_inventory_means_no_budget if {
	results := pod_disruption_budgets.deny with input as {"review": deployment, "pod": {}, "parameters": {"minReplicas": 2}}
	count(results) == 1
}

replicas(spec) := messages(object.union(object.remove(deployment, ["object"]), {"object": {"spec": spec}}), {})

test_few_replicas_need_none if {
	every spec in [{"replicas": 1}, {"replicas": 0}, {"replicas": null}, {"replicas": "many"}, {}] {
		replicas(spec) == set()
	}
	few := object.union(deployment, {"object": {"spec": {"replicas": 1}}})
	messages(few, {"web": budget({"maxUnavailable": 0})}) == set()
	messages(few, {"a": budget({}), "b": budget({})}) == set()
	count(replicas({"replicas": 2})) == 1
}

kind(group, kind) := messages(object.union(deployment, {"kind": {"group": group, "kind": kind}}), {})

test_kinds_that_are_evicted_one_by_one_are_judged if {
	every pair in [["apps", "StatefulSet"], ["apps", "ReplicaSet"], ["", "ReplicationController"], ["argoproj.io", "Rollout"]] {
		count(kind(pair[0], pair[1])) == 1
	}
	every pair in [["", "Pod"], ["batch", "Job"], ["apps", "DaemonSet"], ["other.io", "Deployment"]] {
		kind(pair[0], pair[1]) == set()
	}
}

owned(by) := messages(object.union(deployment, {"object": {"metadata": {"ownerReferences": [by]}}}), {})

test_workload_of_another_is_not_judged_again if {
	owned({"kind": "Rollout", "controller": true}) == set()
	count(owned({"kind": "Team", "controller": false})) == 1
}

never := {"the PodDisruptionBudget `web` lets no pod of this Deployment go, so that draining a node never ends"}

test_budget_that_lets_no_pod_go_is_denied if {
	every spec in [{"maxUnavailable": 0}, {"maxUnavailable": "0%"}, {"minAvailable": "100%"}, {"minAvailable": 3}, {"minAvailable": 4}] {
		of({"web": budget(spec)}) == never
	}
	every spec in [{"maxUnavailable": "10%"}, {"minAvailable": 2}, {"minAvailable": "50%"}] {
		of({"web": budget(spec)}) == set()
	}
}

test_budget_for_other_pods_may_let_none_go if {
	of({"web": budget({}), "other": budget({"selector": {"matchLabels": {"app": "api"}}, "maxUnavailable": 0})}) == set()
}

test_two_budgets_are_denied if {
	of({"b": budget({}), "a": budget({})}) == {"more than one PodDisruptionBudget selects the pods of this Deployment, which can then not be evicted: `a`, `b`"}
}
