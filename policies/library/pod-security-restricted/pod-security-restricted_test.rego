package loadline.pod_security_restricted_test

import rego.v1

import data.loadline.pod_security_restricted

# The controls are tested with the library that holds them, `lib/pod-security`.

fields(spec, version) := {result.field | some result in findings(spec, version)}

findings(spec, version) := results if {
	results := pod_security_restricted.deny with input as {"pod": {"spec": spec}, "parameters": {"version": version}}
}

test_faults_of_both_standards_are_denied if {
	fields({"hostNetwork": true, "containers": [{"name": "a"}]}, "latest") == {
		"spec.hostNetwork",
		"spec.containers[0].securityContext.allowPrivilegeEscalation",
		"spec.containers[0].securityContext.capabilities.drop",
		"spec.containers[0].securityContext.runAsNonRoot",
		"spec.containers[0].securityContext.seccompProfile.type",
	}
}

test_version_says_which_controls_are_asked if {
	fields({"containers": [{"name": "a"}]}, "v1.7") == {"spec.containers[0].securityContext.runAsNonRoot"}
}

test_results_name_their_control if {
	{result.details.control | some result in findings({"containers": [{"name": "a"}]}, "v1.7")} == {"runAsNonRoot"}
}

test_version_that_is_none_is_denied if count(findings({}, "v1")) == 1
