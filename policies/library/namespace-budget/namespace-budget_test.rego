package loadline.namespace_budget_test

import rego.v1

import data.loadline.namespace_budget

pod(cpu, memory) := {
	"metadata": {"annotations": {"loadline.dev/admitted": "sha256:0"}},
	"spec": {"containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
}

review := {"kind": {"kind": "Pod"}, "namespace": "shop", "name": "new"}

messages(review, pod, known, changes) := {result.msg | some result in results} if {
	results := namespace_budget.deny with input as {
		"review": review,
		"pod": pod,
		"parameters": object.union({"maxPerHour": 10, "namespaces": {}, "vcpuHour": 1, "gibHour": 0.5, "currency": "USD"}, changes),
	}
		with data.inventory as {"namespace": {"shop": {"v1": {"Pod": known}}}}
}

of(known) := messages(review, pod("2", "4Gi"), known, {})

above := {"with this pod `shop` costs about 11 USD an hour on virtual nodes; its budget is 10"}

test_pods_within_the_budget_are_allowed if {
	of({}) == set()
	of({"a": pod("4", "4Gi")}) == set()
}

test_pods_above_the_budget_are_denied if {
	of({"a": pod("4", "2Gi"), "b": pod("1", "2Gi")}) == above
	of({"a": pod("6123m", "2Gi")}) == {"with this pod `shop` costs about 11.12 USD an hour on virtual nodes; its budget is 10"}
}

test_pod_alone_may_be_above_the_budget if {
	count(messages(review, pod("11", "0"), {}, {})) == 1
}

test_pods_that_have_ended_cost_nothing if {
	every phase in ["Succeeded", "Failed"] {
		of({"a": object.union(pod("7", "0"), {"status": {"phase": phase}})}) == set()
	}
	of({"a": object.union(pod("7", "0"), {"status": {"phase": "Running"}})}) == above
}

test_pods_on_regular_nodes_do_not_count if {
	regular := object.remove(pod("7", "0"), ["metadata"])
	of({"a": regular}) == set()
	of({"a": object.union(regular, {"metadata": {"annotations": {"other": "x"}}})}) == set()
}

test_pod_under_review_counts_once if {
	of({"new": pod("7", "0")}) == set()
	of({"old": pod("7", "0")}) == above
	messages(object.remove(review, ["name"]), pod("2", "4Gi"), {"new": pod("7", "0")}, {}) == above
}

test_pod_that_asks_for_nothing_is_allowed if {
	messages(review, {"spec": {"containers": [{}]}}, {"a": pod("99", "0")}, {}) == set()
}

test_namespace_may_have_a_budget_of_its_own if {
	messages(review, pod("2", "4Gi"), {"a": pod("7", "0")}, {"namespaces": {"shop": 11}}) == set()
	messages(review, pod("2", "0"), {}, {"namespaces": {"shop": 1, "bank": 9}}) == {"with this pod `shop` costs about 2 USD an hour on virtual nodes; its budget is 1"}
	messages(review, pod("2", "0"), {}, {"namespaces": {"bank": 1}}) == set()
}

test_pods_of_other_namespaces_do_not_count if {
	messages(object.union(review, {"namespace": "bank"}), pod("2", "0"), {"a": pod("99", "0")}, {}) == set()
}

test_workloads_are_judged_by_their_pods if {
	messages(object.union(review, {"kind": {"kind": "Deployment"}}), pod("11", "0"), {}, {}) == set()
}
