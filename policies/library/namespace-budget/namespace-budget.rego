# METADATA
# title: the pods of a namespace on virtual nodes are within its budget
# description: >-
#   What the pods of the namespace that were admitted for virtual nodes ask for while they run, the new one among them, times the
#   prices of the parameters. Pods that have ended cost nothing any more; those that might also run on a regular node count. It is
#   an estimate that may lag: many pods that are made in the same moment do not see each other. Every pod of the namespace is
#   looked at for each new one, and all pods of the cluster are kept in memory.
# related_resources:
# - https://www.finops.org/framework/capabilities/budgeting/
# custom:
#   help: end pods that are not needed, ask for less, or have the budget of the namespace raised
#   match:
#     kinds: [Pod]
#     operations: [CREATE]
#   action: deny
#   onError: warn
#   inventory:
#   - {version: v1, kind: Pod}
#   parameters:
#     # The most that the namespace may cost in an hour.
#     maxPerHour: 20
#     # Other budgets, by the name of the namespace.
#     namespaces: {}
#     # What is paid for a vCPU and for a GiB of memory in an hour: the list prices of AWS Fargate in us-east-1.
#     vcpuHour: 0.04048
#     gibHour: 0.004445
#     currency: USD
package loadline.namespace_budget

import rego.v1

import data.lib.loadline.amounts
import data.lib.loadline.inventory

deny contains {"msg": msg} if {
	input.review.kind.kind == "Pod"
	own := hourly(input.pod)
	own > 0
	others := sum([hourly(pod) | some name, pod in inventory.beside("v1", "Pod"); counts(name, pod)])
	own + others > budget
	msg := sprintf("with this pod `%s` costs about %v %s an hour on virtual nodes; its budget is %v", [
		input.review.namespace,
		rounded(own + others),
		input.parameters.currency,
		budget,
	])
}

budget := object.get(input.parameters.namespaces, input.review.namespace, input.parameters.maxPerHour)

# Pods that were admitted for virtual nodes and have not ended, other than the one under review.
counts(name, pod) if {
	name != object.get(input.review, "name", "")
	pod.metadata.annotations["loadline.dev/admitted"]
	not has_ended(pod)
}

has_ended(pod) if pod.status.phase in {"Succeeded", "Failed"}

hourly(pod) := (amounts.running(pod, "cpu") * input.parameters.vcpuHour) + ((amounts.running(pod, "memory") / 1073741824) * input.parameters.gibHour)

rounded(amount) := round(amount * 100) / 100
