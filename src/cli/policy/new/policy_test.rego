package acme.policy_name_test

import rego.v1

import data.acme.policy_name

# What the policy says of a pod with these labels.
findings(labels) := results if {
	pod := {"metadata": {"name": "web", "labels": labels}}
	results := policy_name.deny with input as {"pod": pod, "parameters": {"label": "owner"}}
}

test_pod_with_owner_is_allowed if {
	findings({"owner": "payments"}) == set()
}

test_pod_without_owner_is_denied if {
	every labels in [{}, {"app": "web"}, {"owner": ""}] {
		count(findings(labels)) == 1
	}
}
