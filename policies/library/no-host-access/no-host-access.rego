# METADATA
# title: pods for virtual nodes ask for nothing of the host
# description: >-
#   There is no host that a pod on a virtual node could be let into: what it asks for is refused, or dropped in silence and
#   missed later. A pod that needs namespaces, folders, ports or devices of a host, more capabilities or privileged containers
#   belongs on a regular node.
# related_resources:
# - https://kubernetes.io/docs/concepts/security/pod-security-standards/
# custom:
#   help: keep the pod on regular nodes, or leave the field out
#   sets: [baseline, burst]
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: deny
#   parameters:
#     # Capabilities that may be added all the same.
#     capabilities: []
package loadline.no_host_access

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": sprintf("spec.%s", [field])} if {
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	input.pod.spec[field] == true
	msg := sprintf("the pod wants a namespace of the host: `%s: true`", [field])
}

deny contains {"msg": msg, "field": sprintf("spec.volumes[%d].hostPath", [position])} if {
	some position, volume in pods.list_of(input.pod.spec.volumes)
	is_object(volume.hostPath)
	msg := sprintf("volume `%v` is a folder of the host", [object.get(volume, "name", position)])
}

deny contains {"msg": msg, "field": pods.at(entry, "securityContext.privileged")} if {
	some entry in pods.containers
	entry.container.securityContext.privileged == true
	msg := sprintf("%s is privileged", [pods.who(entry)])
}

deny contains {"msg": msg, "field": pods.at(entry, sprintf("securityContext.capabilities.add[%d]", [position]))} if {
	some entry in pods.containers
	some position, capability in pods.list_of(entry.container.securityContext.capabilities.add)
	not capability in input.parameters.capabilities
	msg := sprintf("%s adds the capability `%v`", [pods.who(entry), capability])
}

deny contains {"msg": msg, "field": pods.at(entry, sprintf("ports[%d].hostPort", [position]))} if {
	some entry in pods.containers
	some position, port in pods.list_of(entry.container.ports)
	port.hostPort > 0
	msg := sprintf("%s takes port %v of the host", [pods.who(entry), port.hostPort])
}
