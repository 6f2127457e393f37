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

test_pod_that_uses_its_size_is_allowed if of({"cpu": 0.9, "memory": 2147483648}, {"cpu": 1, "memory": 2147483648}) == set()

test_pod_above_all_sizes_is_denied if {
	too_large := {"`eks-fargate` has no size for 20 vCPU and 2 GiB of memory"}
	of({"cpu": 20, "memory": 2147483648}, null) == too_large
	messages({"eks-fargate": {"asked": {"cpu": 20, "memory": 2147483648}}}, {}) == too_large
}

test_size_that_is_mostly_unused_is_denied if {
	of({"cpu": 1.1, "memory": 3221225472}, {"cpu": 4, "memory": 8589934592}) == {"`eks-fargate` bills 4 vCPU and 8 GiB of memory, of which 73% and 63% are not asked for"}
	of({"cpu": 2, "memory": 4294967296}, {"cpu": 4, "memory": 8589934592}) == set()
}

test_one_resource_alone_may_go_unused if {
	of({"cpu": 4, "memory": 1073741824}, {"cpu": 4, "memory": 8589934592}) == set()
	of({"cpu": 1, "memory": 8589934592}, {"cpu": 4, "memory": 8589934592}) == set()
}

limited(limits) := {"spec": {"containers": [{"name": "a", "resources": {"limits": limits}}]}}

test_size_of_nothing_is_allowed if of({"cpu": 0, "memory": 1073741824}, {"cpu": 0, "memory": 8589934592}) == set()

test_other_parts_of_a_size_are_not_judged if {
	of({"cpu": 1, "memory": 1073741824, "gpu": 0}, {"cpu": 1, "memory": 8589934592, "gpu": 1}) == set()
	cost := {"eks-fargate": {"asked": {"cpu": 1, "memory": 2147483648}, "billed": {"cpu": 1, "memory": 2147483648, "gpu": 1}}}
	messages(cost, limited({"gpu": 2})) == set()
}

test_limit_above_the_size_is_denied if {
	cost := {"eks-fargate": {"asked": {"cpu": 1, "memory": 2147483648}, "billed": {"cpu": 1, "memory": 2147483648}}}
	messages(cost, limited({"cpu": "1", "memory": "2Gi"})) == set()
	findings(cost, limited({"cpu": 2})) == {{
		"msg": "container `a` may use 2 vCPU, but the size that is billed on `eks-fargate` has 1 vCPU",
		"field": "spec.containers[0].resources.limits.cpu",
	}}
	findings(cost, limited({"memory": "3Gi"})) == {{
		"msg": "container `a` may use 3 GiB of memory, but the size that is billed on `eks-fargate` has 2 GiB of memory",
		"field": "spec.containers[0].resources.limits.memory",
	}}
}

test_each_profile_is_judged if {
	cost := {
		"a": {"asked": {"cpu": 8, "memory": 1073741824}, "billed": null},
		"b": {"asked": {"cpu": 8, "memory": 1073741824}, "billed": {"cpu": 8, "memory": 1073741824}},
	}
	messages(cost, {}) == {"`a` has no size for 8 vCPU and 1 GiB of memory"}
}
