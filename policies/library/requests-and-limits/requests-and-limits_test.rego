package loadline.requests_and_limits_test

import rego.v1

import data.loadline.requests_and_limits

all := {"cpu": "250m", "memory": "64Mi"}

defaults := {"requests": ["cpu", "memory"], "limits": ["cpu", "memory"], "exemptContainers": []}

# The fields that are denied.
denied(pod, changes) := {result.field | some result in findings(pod, changes)}

findings(pod, changes) := results if {
	parameters := object.union(defaults, changes)
	results := requests_and_limits.deny with input as {"pod": pod, "parameters": parameters}
}

of_container(resources) := denied({"spec": {"containers": [{"name": "a", "resources": resources}]}}, {})

test_all_set_is_allowed if of_container({"requests": all, "limits": all}) == set()

test_none_set_is_denied if {
	every container in [{"name": "a"}, {"name": "a", "resources": {}}, {"name": "a", "resources": {"limits": {}}}] {
		denied({"spec": {"containers": [container]}}, {}) == {
			"spec.containers[0].resources.requests['cpu']",
			"spec.containers[0].resources.requests['memory']",
			"spec.containers[0].resources.limits['cpu']",
			"spec.containers[0].resources.limits['memory']",
		}
	}
}

test_missing_limit_is_denied if {
	of_container({"requests": all, "limits": {"cpu": 1}}) == {"spec.containers[0].resources.limits['memory']"}
}

test_limit_stands_in_for_a_request if of_container({"limits": all}) == set()

test_request_does_not_stand_in_for_a_limit if {
	of_container({"requests": all}) == {
		"spec.containers[0].resources.limits['cpu']",
		"spec.containers[0].resources.limits['memory']",
	}
}

test_zero_is_nothing if {
	every nothing in ["0", "0m", "0.0", "0Mi", "00", 0, "", "m"] {
		of_container({"requests": all, "limits": {"cpu": nothing, "memory": "1Gi"}}) == {"spec.containers[0].resources.limits['cpu']"}
	}
}

test_zero_request_is_not_filled_from_the_limit if {
	of_container({"requests": {"cpu": "0"}, "limits": all}) == {"spec.containers[0].resources.requests['cpu']"}
}

test_small_and_odd_quantities_are_something if {
	every something in ["1m", "0.1", ".5", "1e3", "100", "+1", 2, 0.5, "010"] {
		of_container({"requests": all, "limits": {"cpu": something, "memory": "1Gi"}}) == set()
	}
}

test_resources_of_the_whole_pod_count if {
	denied({"spec": {"resources": {"requests": all, "limits": all}, "containers": [{"name": "a"}]}}, {}) == set()
	denied({"spec": {"resources": {"limits": {"cpu": "1"}}, "containers": [{"name": "a"}]}}, {}) == {
		"spec.containers[0].resources.requests['memory']",
		"spec.containers[0].resources.limits['memory']",
	}
}

test_init_containers_are_judged_and_ephemeral_ones_are_not if {
	pod := {"spec": {
		"containers": [{"name": "a", "resources": {"limits": all}}],
		"initContainers": [{"name": "b", "resources": {"limits": {"cpu": "1"}}}],
		"ephemeralContainers": [{"name": "c"}],
	}}
	denied(pod, {}) == {
		"spec.initContainers[0].resources.requests['memory']",
		"spec.initContainers[0].resources.limits['memory']",
	}
}

test_parameters_choose_what_is_wanted if {
	pod := {"spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}}
	denied(pod, {"requests": ["cpu"], "limits": []}) == set()
	denied(pod, {"requests": ["cpu", "ephemeral-storage"], "limits": ["nvidia.com/gpu"]}) == {
		"spec.containers[0].resources.requests['ephemeral-storage']",
		"spec.containers[0].resources.limits['nvidia.com/gpu']",
	}
}

test_exempt_containers_need_not_say if {
	pod := {"spec": {"containers": [{"name": "istio-proxy"}]}}
	denied(pod, {"exemptContainers": ["istio-proxy"]}) == set()
	count(denied(pod, {"exemptContainers": ["other"]})) == 4
}

test_message_names_container_and_resource if {
	pod := {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}]}}
	results := findings(pod, {"requests": []})
	{result.msg | some result in results} == {"container `a` sets no memory limit"}
}

test_null_is_as_good_as_missing if {
	of_container({"requests": {"cpu": null, "memory": null}, "limits": all}) == set()
	count(of_container({"requests": null, "limits": null})) == 4
	count(of_container(null)) == 4
	count(denied({"spec": {"resources": null, "containers": [{"name": null}], "initContainers": null}}, {})) == 4
	denied({"spec": {"containers": null}}, {}) == set()
}
