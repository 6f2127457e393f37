# METADATA
# title: every container sets its requests and limits
# description: >-
#   A virtual node sizes, and bills, what a pod asks for; a pod that asks for nothing gets a size that nobody chose. Every
#   container and init container must set the requests and limits that the parameters name, above zero. A limit stands in
#   for a request that is left out, as it does in Kubernetes, and so do the resources of the whole pod. Ephemeral containers
#   cannot set any and are left out.
# related_resources:
# - https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
# custom:
#   help: set it under `resources`, from what the container was seen to use
#   sets: [burst, finops]
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: deny
#   parameters:
#     requests: [cpu, memory]
#     limits: [cpu, memory]
#     # Names of containers that need not say, such as those that another webhook injects.
#     exemptContainers: []
package loadline.requests_and_limits

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": field} if {
	some entry in pods.containers
	entry.list != "ephemeralContainers"
	not is_exempt(entry.container)
	some kind in ["requests", "limits"]
	some resource in input.parameters[kind]
	not is_set(entry.container, kind, resource)
	not is_set(input.pod.spec, kind, resource)
	msg := sprintf("%s sets no %s %s", [pods.who(entry), resource, trim_suffix(kind, "s")])
	field := sprintf("%s['%s']", [pods.at(entry, concat(".", ["resources", kind])), resource])
}

is_exempt(container) if container.name in input.parameters.exemptContainers

is_set(holder, kind, resource) if is_above_zero(holder.resources[kind][resource])

# The API server fills a request that is left out from the limit.
is_set(holder, "requests", resource) if {
	not has_request(holder, resource)
	is_above_zero(holder.resources.limits[resource])
}

has_request(holder, resource) if holder.resources.requests[resource] != null

# `0`, `0m`, `0.0` and `0Mi` are quantities of nothing.
is_above_zero(quantity) if {
	is_string(quantity)
	strings.any_prefix_match(trim_left(quantity, "+0."), ["1", "2", "3", "4", "5", "6", "7", "8", "9"])
}

is_above_zero(quantity) if {
	is_number(quantity)
	quantity > 0
}
