# METADATA
# title: what scales by itself stays within a bound
# description: >-
#   On regular nodes the nodes are the bound: what finds no room waits. A virtual node has room for everything, and every pod on it
#   is paid for. Workloads that something scales must have an upper bound no higher than the parameter says. KEDA goes up to 100
#   where a ScaledObject or ScaledJob says nothing; Knative has no bound at all unless the cluster's `config-autoscaler` has one.
#   Looked at are KEDA's ScaledJobs, Services, Configurations and Revisions of Knative, functions of OpenFaaS, and workloads that
#   a HorizontalPodAutoscaler or a ScaledObject in their namespace scales; functions of Fission are scaled by the former. What
#   scales a workload may be applied after it, which is why this only warns unless the configuration says otherwise. A
#   ScaledObject itself is judged wherever its pods run: some kinds have no replicas that could be scaled.
# related_resources:
# - https://keda.sh/docs/latest/reference/scaledobject-spec/#maxreplicacount
# - https://keda.sh/docs/latest/reference/scaledjob-spec/#maxreplicacount
# - https://knative.dev/docs/serving/autoscaling/scale-bounds/
# - https://docs.openfaas.com/architecture/autoscaling/
# custom:
#   help: set an upper bound that you are ready to pay for
#   sets: [burst, finops]
#   match:
#     kinds: [Pod, keda.sh/ScaledObject]
#   action: warn
#   onError: warn
#   inventory:
#   - {group: autoscaling, version: v2, kind: HorizontalPodAutoscaler}
#   - {group: keda.sh, version: v1alpha1, kind: ScaledObject}
#   parameters:
#     # The most pods that a workload may be scaled to; of a ScaledJob, the most jobs times the pods of each.
#     maxReplicas: 50
package loadline.bounded_scaling

import rego.v1

import data.lib.loadline.inventory
import data.lib.loadline.pods

deny contains {"msg": msg} if {
	some scaler in scalers
	scaler.most > input.parameters.maxReplicas
	msg := sprintf("%s may run %v pods of it at a time%s%s; at most %v are wanted: set %s", [
		scaler.who,
		scaler.most,
		because(scaler),
		price(scaler.most),
		input.parameters.maxReplicas,
		scaler.setting,
	])
}

deny contains {"msg": msg} if {
	some scaler in scalers
	scaler.most == null
	msg := sprintf("%s may run any number of pods of it at a time: set %s", [scaler.who, scaler.setting])
}

# Nobody has written how many; the default counts.
because(scaler) := ", as nothing else is said" if {
	scaler.is_default
} else := ""

# What the dearest profile takes for so many pods.
price(number) := text if {
	is_object(input.cost)
	prices := [[hourly, cost.currency, profile] |
		some profile, cost in input.cost
		hourly := amount(cost.perHour)
	]
	count(prices) > 0
	[hourly, currency, profile] := max(prices)
	text := sprintf(", about %v %v an hour on `%s`", [round(hourly * number * 100) / 100, currency, profile])
} else := ""

amount(value) := value if is_number(value)

amount(value) := to_number(value) if is_string(value)

# What scales the object under review: how far, null where there is no bound, and where that is set.
scalers contains {"who": "KEDA", "most": most * parallel, "is_default": is_default, "setting": "`maxReplicaCount`"} if {
	input.review.kind.group == "keda.sh"
	input.review.kind.kind == "ScaledJob"
	spec := input.review.object.spec
	[most, is_default] := most_of_keda(spec)
	parallel := number_or(object.get(spec, ["jobTargetRef", "parallelism"], null), 1)
}

scalers contains {"who": "KEDA", "most": most, "is_default": is_default, "setting": setting} if {
	some name, scaled in inventory.beside("keda.sh/v1alpha1", "ScaledObject")
	is_target(scaled.spec.scaleTargetRef)
	[most, is_default] := most_of_keda(scaled.spec)
	setting := sprintf("`maxReplicaCount` of the ScaledObject `%s`", [name])
}

scalers contains {"who": "the HorizontalPodAutoscaler", "most": most, "is_default": false, "setting": setting} if {
	some name, scaler in inventory.beside("autoscaling/v2", "HorizontalPodAutoscaler")
	is_target(scaler.spec.scaleTargetRef)
	not is_of_keda(scaler)
	most := scaler.spec.maxReplicas
	setting := sprintf("`maxReplicas` of the HorizontalPodAutoscaler `%s`", [name])
}

scalers contains {"who": "Knative", "most": most, "is_default": false, "setting": "`autoscaling.knative.dev/max-scale`"} if {
	input.review.kind.group == "serving.knative.dev"
	input.review.kind.kind in {"Configuration", "Revision", "Service"}
	not is_owned
	most := most_of_knative
}

# A Deployment as OpenFaaS makes it for a function. Its own default is low.
scalers contains {"who": "OpenFaaS", "most": most, "is_default": false, "setting": "`com.openfaas.scale.max`"} if {
	inventory.labels.faas_function
	input.review.kind.kind == "Deployment"
	most := whole(inventory.labels["com.openfaas.scale.max"])
}

most_of_keda(spec) := [spec.maxReplicaCount, false] if {
	is_number(spec.maxReplicaCount)
} else := [100, true]

# No annotation and `0` mean the same to Knative.
most_of_knative := number if {
	some key in ["autoscaling.knative.dev/max-scale", "autoscaling.knative.dev/maxScale"]
	number := whole(input.pod.metadata.annotations[key])
	number > 0
} else := null

whole(text) := to_number(text) if regex.match(`^[0-9]{1,9}$`, text)

number_or(value, _) := value if is_number(value)

number_or(value, otherwise) := otherwise if not is_number(value)

is_target(reference) if {
	reference.name == input.review.object.metadata.name
	pods.or_else(reference, "kind", "Deployment") == input.review.kind.kind
}

# The ScaledObject that it was made for is judged.
is_of_keda(scaler) if {
	some owner in pods.list_of(scaler.metadata.ownerReferences)
	owner.kind == "ScaledObject"
}

# Whoever made the object is judged.
is_owned if {
	some owner in pods.list_of(input.review.object.metadata.ownerReferences)
	owner.controller == true
}

# Kinds without replicas.
unscalable := {"CronJob", "DaemonSet", "Job", "Pod"}

deny contains {"msg": msg, "field": "spec.scaleTargetRef.kind", "help": help} if {
	input.review.kind.group == "keda.sh"
	input.review.kind.kind == "ScaledObject"
	kind := input.review.object.spec.scaleTargetRef.kind
	kind in unscalable
	msg := sprintf("KEDA cannot scale a %s, which has no number of replicas", [kind])
	help := help_for(kind)
}

help_for(kind) := "use a ScaledJob" if {
	kind in {"CronJob", "Job"}
} else := "scale a Deployment or a StatefulSet"
