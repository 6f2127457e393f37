# METADATA
# title: the pod fits a size of the virtual node, and uses what is billed
# description: >-
#   Many virtual nodes have a grid of sizes: a pod gets, and is billed, the first one that holds what it asks for. One that asks
#   for more than the largest never runs; one that asks for a little more than a size pays for the next; and a container whose
#   limit is above the whole size never gets there. Judged for each profile within reach that has such a grid.
# related_resources:
# - https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html
# custom:
#   help: ask for no more than a size of the virtual node holds
#   sets: [finops]
#   match:
#     kinds: [Pod]
#   action: warn
#   onError: warn
#   parameters:
#     # How much of what is billed may go unused, in percent, of CPU and of memory alike. One of them alone may be more: a size
#     # fits few pods in both.
#     maxUnused: 50
package loadline.size_fits

import rego.v1

import data.lib.loadline.amounts
import data.lib.loadline.pods

deny contains {"msg": msg, "field": "spec.containers"} if {
	some profile, cost in costs
	is_null(object.get(cost, "billed", null))
	msg := sprintf("`%s` has no size for %s and %s", [
		profile,
		amounts.shown("cpu", cost.asked.cpu),
		amounts.shown("memory", cost.asked.memory),
	])
}

deny contains {"msg": msg, "field": "spec.containers"} if {
	some profile, cost in costs
	unused := {resource: share |
		some resource in ["cpu", "memory"]
		billed := cost.billed[resource]
		billed > 0
		share := round(100 * (1 - (cost.asked[resource] / billed)))
		share > input.parameters.maxUnused
	}
	msg := sprintf("`%s` bills %s and %s, of which %d%% and %d%% are not asked for", [
		profile,
		amounts.shown("cpu", cost.billed.cpu),
		amounts.shown("memory", cost.billed.memory),
		unused.cpu,
		unused.memory,
	])
}

deny contains {"msg": msg, "field": field} if {
	some profile, cost in costs
	some resource in ["cpu", "memory"]
	billed := cost.billed[resource]
	some entry in pods.containers
	limit := amounts.number(entry.container.resources.limits[resource])
	limit > billed
	msg := sprintf("%s may use %s, but the size that is billed on `%s` has %v", [
		pods.who(entry),
		amounts.shown(resource, limit),
		profile,
		amounts.shown(resource, billed),
	])
	field := pods.at(entry, sprintf("resources.limits.%s", [resource]))
}

# There is no estimate where no profile has sizes or prices.
costs := input.cost if is_object(input.cost)
