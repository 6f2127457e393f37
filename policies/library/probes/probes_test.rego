package loadline.probes_test

import rego.v1

import data.loadline.probes

findings(spec, features, changes) := results if {
	parameters := object.union({"probes": ["readinessProbe", "livenessProbe"], "exemptContainers": ["proxy"]}, changes)
	results := probes.deny with input as {"pod": {"spec": spec}, "features": features, "parameters": parameters}
}

fields(spec) := {result.field | some result in findings(spec, [], {})}

both := {"readinessProbe": {"httpGet": {"port": 80}}, "livenessProbe": {"exec": {}}}

test_container_with_its_probes_is_allowed if fields({"containers": [object.union(both, {"name": "a"})]}) == set()

test_missing_probe_is_denied if {
	fields({"containers": [{"name": "a", "readinessProbe": {}, "livenessProbe": null}, {"name": "b", "livenessProbe": {}}]}) == {
		"spec.containers[0].livenessProbe",
		"spec.containers[1].readinessProbe",
	}
	{result.msg | some result in findings({"containers": [{"name": "a"}]}, [], {"probes": ["startupProbe"]})} == {"container `a` has no startup probe"}
}

test_pod_that_comes_to_an_end_needs_no_probes if {
	every policy in ["Never", "OnFailure"] {
		fields({"restartPolicy": policy, "containers": [{"name": "a"}]}) == set()
	}
	every policy in ["Always", null] {
		count(fields({"restartPolicy": policy, "containers": [{"name": "a"}]})) == 2
	}
}

test_other_containers_need_no_probes if {
	fields({"initContainers": [{"name": "a"}], "ephemeralContainers": [{"name": "b"}], "containers": [{"name": "proxy"}]}) == set()
}

feature(name, support) := {"name": name, "fields": ["spec.x"], "support": {"azure-aci": support, "liqo": "supported"}}

of_feature(name, support) := {[result.field, result.msg] | some result in findings({}, [feature(name, support)], {})}

test_probe_that_is_not_run_is_denied if {
	of_feature("probe.liveness.grpc", "unsupported") == {["spec.x", "`azure-aci` does not accept this probe (`probe.liveness.grpc`)"]}
	of_feature("probe.startup", "ignored") == {["spec.x", "`azure-aci` never runs this probe (`probe.startup`)"]}
}

test_probe_that_is_run_is_allowed if {
	every support in ["supported", "partial", "unverified"] {
		of_feature("probe.liveness.grpc", support) == set()
	}
	of_feature("lifecycle.pre-stop", "ignored") == set()
}
