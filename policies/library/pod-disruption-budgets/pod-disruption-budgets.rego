# METADATA
# title: workloads of several replicas have a PodDisruptionBudget
# description: >-
#   Without a PodDisruptionBudget, draining nodes may take all replicas of a service at the same time; a virtual node that goes
#   away takes everything on it at once. Deployments, StatefulSets, ReplicaSets, ReplicationControllers and Argo Rollouts of as
#   many replicas as the parameter says must have one in their namespace that selects their pods, and that allows at least one
#   of them to be evicted. It may be applied after the workload, which is why this only warns unless the configuration says
#   otherwise. Pods themselves are not judged: they do not say how many of them there are.
# related_resources:
# - https://kubernetes.io/docs/tasks/run-application/configure-pdb/
# custom:
#   help: add a PodDisruptionBudget whose selector matches the labels of the pod template
#   sets: [burst]
#   match:
#     kinds: [Pod]
#   action: warn
#   onError: warn
#   inventory:
#   - {group: policy, version: v1, kind: PodDisruptionBudget}
#   parameters:
#     # Workloads of fewer replicas need none.
#     minReplicas: 2
package loadline.pod_disruption_budgets

import rego.v1

import data.lib.loadline.inventory

kinds := {
	["", "ReplicationController"],
	["apps", "Deployment"],
	["apps", "ReplicaSet"],
	["apps", "StatefulSet"],
	["argoproj.io", "Rollout"],
}

deny contains {"msg": msg, "field": "metadata.labels"} if {
	is_judged
	count(budgets) == 0
	msg := sprintf("no PodDisruptionBudget in `%s` selects the %v pods of this %s", [
		input.review.namespace,
		replicas,
		input.review.kind.kind,
	])
}

deny contains {"msg": msg, "field": "metadata.labels"} if {
	is_judged
	some name in budgets
	never_allows(inventory.beside("policy/v1", "PodDisruptionBudget")[name].spec)
	msg := sprintf("the PodDisruptionBudget `%s` lets no pod of this %s go, so that draining a node never ends", [
		name,
		input.review.kind.kind,
	])
}

# Kubernetes evicts no pod that two budgets select.
deny contains {"msg": msg, "field": "metadata.labels"} if {
	is_judged
	count(budgets) > 1
	msg := sprintf("more than one PodDisruptionBudget selects the pods of this %s, which can then not be evicted: %s", [
		input.review.kind.kind,
		concat(", ", sort([sprintf("`%s`", [name]) | some name in budgets])),
	])
}

is_judged if {
	[input.review.kind.group, input.review.kind.kind] in kinds
	not has_controller
	replicas >= input.parameters.minReplicas
}

# What owns this workload is judged instead.
has_controller if {
	some owner in input.review.object.metadata.ownerReferences
	owner.controller == true
}

# As the API server fills it in.
replicas := number if {
	number := input.review.object.spec.replicas
	is_number(number)
} else := 1

budgets := {name |
	some name, budget in inventory.beside("policy/v1", "PodDisruptionBudget")
	selector := budget.spec.selector
	is_object(selector)
	inventory.selects(selector, inventory.labels)
}

never_allows(spec) if spec.maxUnavailable in {0, "0%"}

never_allows(spec) if spec.minAvailable == "100%"

never_allows(spec) if {
	is_number(spec.minAvailable)
	spec.minAvailable >= replicas
}
