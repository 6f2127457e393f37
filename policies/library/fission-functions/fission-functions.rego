# METADATA
# title: functions of Fission find their code on the virtual node
# description: >-
#   Fission starts pods before there is a function for them. When one is called, Fission calls a container `fetcher` in such a pod
#   by the pod's address; this gets the code with the token of its service account and leaves it in a directory that both
#   containers share. Where a virtual node drops a part of that, the pod runs and every call of the function fails. Pods that wait
#   in a pool are paid for as well, busy or not. Pods of functions that are made of an image alone (`executorType: container`)
#   have no fetcher and are not meant.
# related_resources:
# - https://fission.io/docs/architecture/executor/
# - https://fission.io/docs/usage/function/environments/
# custom:
#   help: keep the environment on regular nodes, or make the function of an image with the executor `container`
#   sets: [burst]
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: warn
#   parameters:
#     # The most pods that an environment may keep waiting (`poolsize`).
#     maxWaiting: 3
package loadline.fission_functions

import rego.v1

import data.lib.loadline.inventory
import data.lib.loadline.pods

is_of_fission if {
	inventory.labels.executorType in {"newdeploy", "poolmgr"}
	some entry in pods.containers
	entry.container.name == "fetcher"
}

# What becomes of the function without a feature, by its name.
needs := {
	"container.several": "the fetcher could not run beside the function",
	"network.container-port": "Fission could not reach the fetcher",
	"volume.empty-dir": "the code would not get from the fetcher to the function",
	"identity.service-account-token": "the fetcher could not ask the API server for the code",
	"volume.projected.service-account-token": "the fetcher could not ask the API server for the code",
	"volume.downward-api": "the fetcher would not know the namespace it is in",
	"security.fs-group": "the fetcher could not write the code, unless its image runs as root",
	"probe.readiness.http-get": "functions would be called before the fetcher listens",
	"env.secret-key-ref": "Fission and the fetcher could not prove to each other who they are",
	"lifecycle.pre-stop": "calls under way would be cut off",
	"lifecycle.pre-stop.sleep": "calls under way would be cut off",
	"lifecycle.termination-grace-period": "calls under way would be cut off",
}

# These cost calls at the end of a pod; the others cost all of them.
mild := {"lifecycle.pre-stop", "lifecycle.pre-stop.sleep", "lifecycle.termination-grace-period", "probe.readiness.http-get"}

deny contains {"msg": message(loss), "field": loss.field} if {
	is_of_fission
	some loss in pods.lost
	needs[loss.feature]
	not loss.feature in mild
}

warn contains {"msg": message(loss), "field": loss.field} if {
	is_of_fission
	some loss in pods.lost
	loss.feature in mild
}

message(loss) := sprintf("%s, because `%s` does not support `%s`", [needs[loss.feature], loss.profile, loss.feature])

warn contains {"msg": msg, "help": "lower `poolsize` of the environment"} if {
	inventory.labels.executorType == "poolmgr"
	input.review.kind.kind == "Deployment"
	replicas := input.review.object.spec.replicas
	replicas > input.parameters.maxWaiting
	msg := sprintf("%v pods of the pool are paid for whether or not a function is called; at most %v are wanted", [
		replicas,
		input.parameters.maxWaiting,
	])
}
