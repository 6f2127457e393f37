package loadline.bounded_scaling_test

import rego.v1

import data.loadline.bounded_scaling

review(group, kind, object) := {"kind": {"group": group, "kind": kind}, "namespace": "shop", "object": object}

of(review, pod, cost, known) := {result.msg | some result in results} if {
	results := bounded_scaling.deny with input as {"review": review, "pod": pod, "cost": cost, "parameters": {"maxReplicas": 50}}
		with data.inventory.namespace.shop as known
}

job(spec) := of(review("keda.sh", "ScaledJob", {"spec": spec}), {}, null, {})

test_scaled_job_has_a_bound if {
	job({"maxReplicaCount": 50}) == set()
	every spec in [{"maxReplicaCount": 25, "jobTargetRef": {"parallelism": 2}}, {"maxReplicaCount": 50, "jobTargetRef": {"parallelism": null}}] {
		job(spec) == set()
	}
	job({"maxReplicaCount": 51}) == {"KEDA may run 51 pods of it at a time; at most 50 are wanted: set `maxReplicaCount`"}
	job({"maxReplicaCount": 26, "jobTargetRef": {"parallelism": 2}}) == {"KEDA may run 52 pods of it at a time; at most 50 are wanted: set `maxReplicaCount`"}
}

test_default_of_keda_counts if {
	every spec in [{}, {"maxReplicaCount": null}] {
		job(spec) == {"KEDA may run 100 pods of it at a time, as nothing else is said; at most 50 are wanted: set `maxReplicaCount`"}
	}
}

test_price_is_told_where_it_is_known if {
	cost := {"a": {"perHour": 0.1, "currency": "USD"}, "b": {"perHour": "0.25", "currency": "USD"}, "c": {}, "d": {"perHour": null, "currency": null}}
	of(review("keda.sh", "ScaledJob", {"spec": {"maxReplicaCount": 60}}), {}, cost, {}) == {"KEDA may run 60 pods of it at a time, about 15 USD an hour on `b`; at most 50 are wanted: set `maxReplicaCount`"}
	of(review("keda.sh", "ScaledJob", {"spec": {"maxReplicaCount": 60}}), {}, {"c": {"perHour": null}}, {}) == {"KEDA may run 60 pods of it at a time; at most 50 are wanted: set `maxReplicaCount`"}
}

test_other_kinds_of_that_name_are_not_meant if {
	of(review("x.dev", "ScaledJob", {"spec": {}}), {}, null, {}) == set()
	of(review("", "Service", {"spec": {}}), {}, null, {}) == set()
	of(review("serving.knative.dev", "Route", {"spec": {}}), {}, null, {}) == set()
}

knative(annotations) := of(review("serving.knative.dev", "Service", {"spec": {}}), {"metadata": {"annotations": annotations}}, null, {})

test_service_of_knative_has_a_bound if {
	every key in ["autoscaling.knative.dev/max-scale", "autoscaling.knative.dev/maxScale"] {
		knative({key: "50"}) == set()
		knative({key: "51"}) == {"Knative may run 51 pods of it at a time; at most 50 are wanted: set `autoscaling.knative.dev/max-scale`"}
		every value in ["0", "many"] {
			knative({key: value}) == {"Knative may run any number of pods of it at a time: set `autoscaling.knative.dev/max-scale`"}
		}
	}
	every annotations in [{}, null] {
		knative(annotations) == {"Knative may run any number of pods of it at a time: set `autoscaling.knative.dev/max-scale`"}
	}
}

test_revision_is_judged_where_nobody_owns_it if {
	revision := {"metadata": {"ownerReferences": [{"kind": "Configuration", "controller": true}]}}
	of(review("serving.knative.dev", "Revision", revision), {}, null, {}) == set()
	every kind in ["Configuration", "Revision"] {
		count(of(review("serving.knative.dev", kind, {}), {}, null, {})) == 1
	}
	free := {"metadata": {"ownerReferences": [{"kind": "Configuration", "controller": false}]}}
	count(of(review("serving.knative.dev", "Revision", free), {}, null, {})) == 1
}

function(kind, labels) := of(review("apps", kind, {"metadata": {"name": "f"}}), {"metadata": {"labels": labels}}, null, {})

test_function_of_openfaas_has_a_bound if {
	function("Deployment", {"faas_function": "f", "com.openfaas.scale.max": "51"}) == {"OpenFaaS may run 51 pods of it at a time; at most 50 are wanted: set `com.openfaas.scale.max`"}
	function("Deployment", {"faas_function": "f", "com.openfaas.scale.max": "50"}) == set()
	function("Deployment", {"faas_function": "f"}) == set()
	function("Deployment", {"com.openfaas.scale.max": "51"}) == set()
	function("Pod", {"faas_function": "f", "com.openfaas.scale.max": "51"}) == set()
}

scaled(spec) := {"keda.sh/v1alpha1": {"ScaledObject": {"s": {"spec": spec}}}}

deployment(kind, known) := of(review("apps", kind, {"metadata": {"name": "web"}}), {}, null, known)

test_what_a_scaled_object_scales_has_a_bound if {
	deployment("Deployment", scaled({"scaleTargetRef": {"name": "web"}})) == {"KEDA may run 100 pods of it at a time, as nothing else is said; at most 50 are wanted: set `maxReplicaCount` of the ScaledObject `s`"}
	deployment("Deployment", scaled({"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 50})) == set()
	deployment("Deployment", scaled({"scaleTargetRef": {"name": "api"}})) == set()
	deployment("StatefulSet", scaled({"scaleTargetRef": {"name": "web"}})) == set()
	count(deployment("StatefulSet", scaled({"scaleTargetRef": {"name": "web", "kind": "StatefulSet"}}))) == 1
}

autoscaler(most, owners) := {"autoscaling/v2": {"HorizontalPodAutoscaler": {"h": {
	"metadata": {"ownerReferences": owners},
	"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": most},
}}}}

test_what_an_autoscaler_scales_has_a_bound if {
	deployment("Deployment", autoscaler(51, null)) == {"the HorizontalPodAutoscaler may run 51 pods of it at a time; at most 50 are wanted: set `maxReplicas` of the HorizontalPodAutoscaler `h`"}
	deployment("Deployment", autoscaler(50, null)) == set()
}

test_autoscaler_of_another_object_does_not_count if {
	deployment("StatefulSet", autoscaler(51, null)) == set()
	deployment("Deployment", autoscaler(51, [{"kind": "ScaledObject"}])) == set()
	count(deployment("Deployment", autoscaler(51, [{"kind": "Other"}]))) == 1
}

target(group, kind, reference) := results if {
	results := bounded_scaling.deny with input as {
		"review": review(group, kind, {"spec": {"scaleTargetRef": reference}}),
		"parameters": {"maxReplicas": 50},
	}
}

test_target_must_have_replicas if {
	target("keda.sh", "ScaledObject", {"kind": "DaemonSet", "name": "x"}) == {{
		"msg": "KEDA cannot scale a DaemonSet, which has no number of replicas",
		"field": "spec.scaleTargetRef.kind",
		"help": "scale a Deployment or a StatefulSet",
	}}
	every kind in ["CronJob", "Job"] {
		{result.help | some result in target("keda.sh", "ScaledObject", {"kind": kind})} == {"use a ScaledJob"}
	}
	count(target("keda.sh", "ScaledObject", {"kind": "Pod"})) == 1
}

test_target_with_replicas_is_allowed if {
	every reference in [{"name": "x"}, {"kind": "StatefulSet"}, null] {
		target("keda.sh", "ScaledObject", reference) == set()
	}
	target("x.dev", "ScaledObject", {"kind": "Job"}) == set()
	target("keda.sh", "Other", {"kind": "Job"}) == set()
}
