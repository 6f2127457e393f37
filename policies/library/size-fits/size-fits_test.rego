package loadline.size_fits_test

import rego.v1

import data.loadline.size_fits

messages(cost, pod) := {result.msg | some result in findings(cost, pod)}

findings(cost, pod) := results if {
	results := size_fits.deny with input as {"pod": pod, "parameters": {"maxUnused": 50}} with input.cost as cost
}

of(asked, billed) := messages({"eks-fargate": {"asked": asked, "billed": billed}}, {})

test_no_estimate_is_allowed if {
	messages(null, {}) == set()
	messages({}, {}) == set()
}

test_pod_that_uses_its_size_is_allowed if of({"cpu": "900m", "memory": "2Gi"}, {"cpu": "1", "memory": "2Gi"}) == set()

test_pod_above_all_sizes_is_denied if {
	too_large := {"`eks-fargate` has no size for 20 CPU and 2Gi of memory"}
	of({"cpu": "20", "memory": "2Gi"}, null) == too_large
	messages({"eks-fargate": {"asked": {"cpu": "20", "memory": "2Gi"}}}, {}) == too_large
}

test_size_that_is_mostly_unused_is_denied if {
	of({"cpu": "1100m", "memory": "3Gi"}, {"cpu": "4", "memory": "8Gi"}) == {"`eks-fargate` bills 4 CPU and 8Gi of memory, of which 73% and 63% are not asked for"}
	of({"cpu": "2", "memory": "4Gi"}, {"cpu": "4", "memory": "8Gi"}) == set()
}

test_one_resource_alone_may_go_unused if {
	of({"cpu": "4", "memory": "1Gi"}, {"cpu": "4", "memory": "8Gi"}) == set()
	of({"cpu": "1", "memory": "8Gi"}, {"cpu": "4", "memory": "8Gi"}) == set()
}

limited(limits) := {"spec": {"containers": [{"name": "a", "resources": {"limits": limits}}]}}

test_size_of_nothing_is_allowed if of({"cpu": "0", "memory": "1Gi"}, {"cpu": "0", "memory": "8Gi"}) == set()

test_other_parts_of_a_size_are_not_judged if {
	of({"cpu": "1", "memory": "1Gi", "gpu": 0}, {"cpu": "1", "memory": "8Gi", "gpu": 1}) == set()
	cost := {"eks-fargate": {"asked": {"cpu": "1", "memory": "2Gi"}, "billed": {"cpu": "1", "memory": "2Gi", "gpu": 1}}}
	messages(cost, limited({"gpu": 2})) == set()
}

test_limit_above_the_size_is_denied if {
	cost := {"eks-fargate": {"asked": {"cpu": "1", "memory": "2Gi"}, "billed": {"cpu": "1", "memory": "2Gi"}}}
	messages(cost, limited({"cpu": "1", "memory": "2Gi"})) == set()
	findings(cost, limited({"cpu": 2})) == {{
		"msg": "container `a` may use 2 of cpu, but the size that is billed on `eks-fargate` has 1",
		"field": "spec.containers[0].resources.limits.cpu",
	}}
	findings(cost, limited({"memory": "3Gi"})) == {{
		"msg": "container `a` may use 3Gi of memory, but the size that is billed on `eks-fargate` has 2Gi",
		"field": "spec.containers[0].resources.limits.memory",
	}}
}

test_each_profile_is_judged if {
	cost := {
		"a": {"asked": {"cpu": "8", "memory": "1Gi"}, "billed": null},
		"b": {"asked": {"cpu": "8", "memory": "1Gi"}, "billed": {"cpu": "8", "memory": "1Gi"}},
	}
	messages(cost, {}) == {"`a` has no size for 8 CPU and 1Gi of memory"}
}
