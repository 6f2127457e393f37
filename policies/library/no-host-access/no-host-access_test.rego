package loadline.no_host_access_test

import rego.v1

import data.loadline.no_host_access

fields(spec) := {result.field | some result in findings(spec)}

findings(spec) := results if {
	results := no_host_access.deny with input as {"pod": {"spec": spec}, "parameters": {"capabilities": ["CHOWN"]}}
}

with_context(context) := {"containers": [{"name": "a", "securityContext": context}]}

test_plain_pod_is_allowed if {
	fields({"containers": [{"name": "a", "ports": [{"containerPort": 80}]}], "volumes": [{"name": "a", "emptyDir": {}}]}) == set()
	fields({"hostNetwork": false, "containers": null, "volumes": null}) == set()
}

test_namespaces_of_the_host_are_denied if {
	every field in ["hostNetwork", "hostPID", "hostIPC"] {
		fields({field: true}) == {sprintf("spec.%s", [field])}
	}
}

test_folders_of_the_host_are_denied if {
	fields({"volumes": [{"name": "a", "hostPath": null}, {"name": "b", "hostPath": {"path": "/"}}]}) == {"spec.volumes[1].hostPath"}
}

test_privileged_containers_are_denied if {
	fields(with_context({"privileged": true})) == {"spec.containers[0].securityContext.privileged"}
	fields(with_context({"privileged": false})) == set()
}

test_capabilities_are_denied_unless_they_are_named if {
	fields(with_context({"capabilities": {"add": ["CHOWN", "SYS_TIME"], "drop": ["ALL"]}})) == {"spec.containers[0].securityContext.capabilities.add[1]"}
}

test_ports_of_the_host_are_denied if {
	fields({"containers": [{"name": "a", "ports": [{"containerPort": 80, "hostPort": 0}, {"containerPort": 81, "hostPort": 81}]}]}) == {"spec.containers[0].ports[1].hostPort"}
}

test_messages_name_what_is_asked_for if {
	{result.msg | some result in findings(object.union({"hostPID": true}, with_context({"capabilities": {"add": ["SYS_TIME"]}})))} == {
		"the pod wants a namespace of the host: `hostPID: true`",
		"container `a` adds the capability `SYS_TIME`",
	}
}
