package loadline.cost_budget_test

import rego.v1

import data.loadline.cost_budget

messages(cost, object, changes) := {result.msg | some result in results} if {
	results := cost_budget.deny with input as {
		"review": {"object": object},
		"placement": {"profiles": ["eks-fargate"]},
		"parameters": object.union({"maxPerHour": 1, "maxPerHourOfWorkload": 4, "currency": "USD", "priceRequired": false}, changes),
	}
		with input.cost as cost
}

fargate(hourly) := {"eks-fargate": {"perHour": hourly, "currency": "USD"}}

test_pod_within_the_budget_is_allowed if {
	every hourly in [1, 0.5, "1", "0.25", 0] {
		messages(fargate(hourly), {}, {}) == set()
	}
}

test_pod_above_the_budget_is_denied if {
	messages(fargate(1.25), {}, {}) == {"the pod costs about 1.25 USD an hour on `eks-fargate`; at most 1 are wanted"}
	messages(fargate("1.25"), {}, {}) == {"the pod costs about 1.25 USD an hour on `eks-fargate`; at most 1 are wanted"}
}

test_replicas_are_counted_together if {
	every spec in [{"replicas": 8}, {"parallelism": 8}] {
		messages(fargate(0.5), {"spec": spec}, {}) == set()
	}
	every spec in [{"replicas": 9}, {"parallelism": 9}] {
		messages(fargate(0.5), {"spec": spec}, {}) == {"9 pods cost about 4.5 USD an hour on `eks-fargate`; at most 4 are wanted"}
	}
}

test_single_pod_is_no_workload if {
	every spec in [{}, {"replicas": 1}, {"replicas": null}, {"replicas": "9"}, {"parallelism": "9"}, {"replicas": 0}] {
		messages(fargate(5), {"spec": spec}, {"maxPerHour": 6}) == set()
	}
}

test_other_currency_is_denied if {
	messages({"aci": {"perHour": 0.1, "currency": "EUR"}}, {}, {}) == {"the prices of `aci` are in EUR, and the budget is in USD"}
	messages({"aci": {"perHour": 9, "currency": "EUR"}}, {"spec": {"replicas": 9}}, {}) == {"the prices of `aci` are in EUR, and the budget is in USD"}
	messages({"aci": {"perHour": 0.1}}, {}, {}) == {"the prices of `aci` are in an unknown currency, and the budget is in USD"}
}

unknown := {"it is not known what a pod costs on `eks-fargate`"}

test_unknown_price_is_allowed_unless_one_is_required if {
	every cost in [null, {}, fargate(null), {"eks-fargate": {"asked": {}}}] {
		messages(cost, {}, {}) == set()
		messages(cost, {}, {"priceRequired": true}) == unknown
	}
	messages(fargate(0.5), {}, {"priceRequired": true}) == set()
}
