# METADATA
# title: pods of Knative revisions work on the virtual node
# description: >-
#   Knative puts a proxy into every pod of a revision: traffic comes in through it, and it counts the requests that scaling goes
#   by. It needs the pod's own address, an HTTP probe with a header, and a hook that waits for open requests. Where a virtual
#   node drops one of these, the revision never becomes ready, scales wrongly, or cuts requests off. A revision without a limit
#   of concurrent requests can be asked for as well: a pod on a virtual node is paid for by its size, busy or not.
# related_resources:
# - https://knative.dev/docs/serving/
# custom:
#   help: keep the revision on regular nodes, or choose a virtual node that supports this
#   sets: [burst]
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: warn
#   parameters:
#     # The most requests that a container may be asked to serve at a time; 0 asks for nothing.
#     maxConcurrency: 0
package loadline.knative_revisions

import rego.v1

import data.lib.loadline.pods

is_revision if input.pod.metadata.labels["serving.knative.dev/revision"]

proxies := [entry | some entry in pods.containers; entry.container.name == "queue-proxy"]

deny contains {"msg": "the pod of the revision has no container `queue-proxy`: it would get no traffic and not be scaled", "field": "spec.containers"} if {
	is_revision
	count(proxies) == 0
}

deny contains {"msg": "`queue-proxy` has no readiness probe: traffic would come before the container can serve it", "field": pods.at(entry, "readinessProbe")} if {
	is_revision
	some entry in proxies
	not has_readiness_probe(entry.container)
}

has_readiness_probe(container) if is_object(container.readinessProbe)

# What becomes of the revision without a feature, by its name.
needs := {
	"env.field-ref.status.pod-ip": "`queue-proxy` would not know the address under which it reports requests",
	"probe.readiness.http-get": "the revision would count as ready before it is",
	"probe.http-headers": "the proxy would not recognise the probe",
	"lifecycle.pre-stop": "open requests would be cut off when the revision scales in",
	"lifecycle.termination-grace-period": "open requests would be cut off when the revision scales in",
	"network.container-port": "no traffic would reach the proxy",
	"container.several": "the proxy could not run beside the container",
}

deny contains {"msg": msg, "field": feature.fields[0]} if {
	is_revision
	some feature in input.features
	consequence := needs[feature.name]
	some profile, support in feature.support
	support in {"ignored", "unsupported"}
	msg := sprintf("%s, because `%s` does not support `%s`", [consequence, profile, feature.name])
}

deny contains {"msg": msg, "field": pods.at(entry, "env")} if {
	is_revision
	input.parameters.maxConcurrency > 0
	some entry in proxies
	limit := concurrency(entry.container)
	not is_within(limit, input.parameters.maxConcurrency)
	msg := sprintf("the revision lets its containers serve %s requests at a time; at most %v are wanted", [words(limit), input.parameters.maxConcurrency])
}

# What Knative will write there, where the revision has yet to be made.
deny contains {"msg": msg, "field": "spec.containerConcurrency"} if {
	input.review.kind.group == "serving.knative.dev"
	input.parameters.maxConcurrency > 0
	limit := sprintf("%v", [pods.or_else(input.pod.spec, "containerConcurrency", 0)])
	not is_within(limit, input.parameters.maxConcurrency)
	msg := sprintf("the revision lets its containers serve %s requests at a time; at most %v are wanted", [words(limit), input.parameters.maxConcurrency])
}

concurrency(container) := value if {
	some variable in pods.list_of(container.env)
	variable.name == "CONTAINER_CONCURRENCY"
	value := variable.value
} else := "0"

# Knative writes 0 where there is no limit.
is_within(limit, most) if {
	regex.match("^[1-9][0-9]{0,8}$", limit)
	to_number(limit) <= most
}

words(limit) := "any number of" if {
	limit == "0"
} else := limit
