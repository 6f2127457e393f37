# METADATA
# title: a NetworkPolicy selects the pod
# description: >-
#   A pod that no NetworkPolicy selects may be reached by every other pod, and may reach everything. In the namespace of the pod
#   there must be a policy that selects it, for each direction that the parameters name. A pod that waits for its fence
#   (`loadline.dev/fence`) has one before it starts. Pods on the network of their node are left out: no NetworkPolicy holds for
#   them. Whether a virtual node keeps to a NetworkPolicy is another question, which `loadline matrix` answers.
# related_resources:
# - https://kubernetes.io/docs/concepts/services-networking/network-policies/
# custom:
#   help: add a NetworkPolicy whose `podSelector` matches the labels of the pod, or ask for a fence with `loadline.dev/fence`
#   sets: [restricted]
#   match:
#     kinds: [Pod]
#   action: warn
#   onError: warn
#   inventory:
#   - {group: networking.k8s.io, version: v1, kind: NetworkPolicy}
#   parameters:
#     # Directions, each of which needs a policy: `Ingress`, `Egress`.
#     directions: [Ingress]
package loadline.network_policies

import rego.v1

import data.lib.loadline.inventory
import data.lib.loadline.pods

deny contains {"msg": msg, "field": "metadata.labels"} if {
	not input.pod.spec.hostNetwork == true
	not awaits_fence
	some direction in input.parameters.directions
	not direction in directions
	msg := sprintf("no NetworkPolicy in `%s` selects the pod for %s", [input.review.namespace, direction])
}

# The controller lifts the gate when the policy is there.
awaits_fence if {
	some gate in input.pod.spec.schedulingGates
	gate.name == "loadline.dev/network-policy"
}

# The directions of the policies that select the pod.
directions contains direction if {
	some policy in inventory.beside("networking.k8s.io/v1", "NetworkPolicy")
	inventory.selects(pods.or_else(policy.spec, "podSelector", {}), inventory.labels)
	some direction in types(policy.spec)
}

# As the API server fills them in.
types(spec) := spec.policyTypes if {
	is_array(spec.policyTypes)
	count(spec.policyTypes) > 0
} else := ["Ingress", "Egress"] if {
	is_array(spec.egress)
	count(spec.egress) > 0
} else := ["Ingress"]
