package loadline.network_policies_test

import rego.v1

import data.loadline.network_policies

pod := {"metadata": {"labels": {"app": "web"}}, "spec": {}}

messages(pod, wanted, policies) := found if {
	known := {"namespace": {"shop": {"networking.k8s.io/v1": {"NetworkPolicy": policies}}}}
	results := network_policies.deny with input as {
		"review": {"namespace": "shop"},
		"pod": pod,
		"parameters": {"directions": wanted},
	}
		with data.inventory as known
	found := {result.msg | some result in results}
}

of(spec) := messages(pod, ["Ingress", "Egress"], {"a": {"spec": object.union({"podSelector": {"matchLabels": {"app": "web"}}}, spec)}})

ingress := "no NetworkPolicy in `shop` selects the pod for Ingress"

egress := "no NetworkPolicy in `shop` selects the pod for Egress"

test_policies_for_both_directions_are_enough if of({"policyTypes": ["Ingress", "Egress"]}) == set()

test_missing_direction_is_denied if {
	of({"policyTypes": ["Ingress"]}) == {egress}
	of({"policyTypes": ["Egress"]}) == {ingress}
}

test_types_that_are_left_out_follow_from_the_rules if {
	every types in [{}, {"policyTypes": []}, {"policyTypes": null}, {"egress": []}, {"egress": null}] {
		of(types) == {egress}
	}
	of({"egress": [{}]}) == set()
}

test_several_policies_count_together if {
	messages(pod, ["Ingress", "Egress"], {
		"a": {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}},
		"b": {"spec": {"podSelector": {}, "policyTypes": ["Egress"]}},
	}) == set()
}

test_only_wanted_directions_count if {
	messages(pod, ["Ingress"], {}) == {ingress}
	messages(pod, [], {}) == set()
}

test_policy_for_other_pods_does_not_count if {
	of({"podSelector": {"matchLabels": {"app": "api"}}}) == {ingress, egress}
}

test_missing_selector_selects_all_pods if {
	every spec in [{"policyTypes": ["Ingress"]}, {"podSelector": null}, {"podSelector": {}}] {
		messages(pod, ["Ingress"], {"a": {"spec": spec}}) == set()
	}
}

test_no_inventory_means_no_policy if {
	results := network_policies.deny with input as {"review": {"namespace": "shop"}, "pod": pod, "parameters": {"directions": ["Ingress"]}}
	count(results) == 1
}

spec(fields) := messages(object.union(pod, {"spec": fields}), ["Ingress"], {})

test_pod_that_waits_for_its_fence_is_allowed if {
	spec({"schedulingGates": [{"name": "loadline.dev/network-policy"}]}) == set()
	spec({"schedulingGates": [{"name": "example.com/other"}]}) == {ingress}
}

test_pod_on_the_network_of_its_node_is_left_out if {
	spec({"hostNetwork": true}) == set()
	every other in [{"hostNetwork": false}, {"hostNetwork": null}] {
		spec(other) == {ingress}
	}
}
