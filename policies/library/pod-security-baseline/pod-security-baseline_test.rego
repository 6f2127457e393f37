package loadline.pod_security_baseline_test

import rego.v1

import data.loadline.pod_security_baseline

# The controls are tested with the library that holds them, `lib/pod-security`.

fields(spec, version) := {result.field | some result in findings(spec, version)}

findings(spec, version) := results if {
	results := pod_security_baseline.deny with input as {"pod": {"spec": spec}, "parameters": {"version": version}}
}

test_faults_are_denied_where_they_are if {
	fields({"hostNetwork": true, "containers": [{"name": "a"}]}, "latest") == {"spec.hostNetwork"}
}

test_what_only_restricted_asks_is_allowed if {
	fields({"containers": [{"name": "a", "securityContext": {"runAsUser": 0}}]}, "latest") == set()
}

test_results_name_their_control if {
	{result.details.control | some result in findings({"hostPID": true}, "v1.20")} == {"hostNamespaces"}
}

test_version_that_is_none_is_denied if count(findings({"containers": [{"name": "a"}]}, "v1")) == 1
