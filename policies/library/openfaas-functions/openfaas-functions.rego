# METADATA
# title: functions of OpenFaaS work on the virtual node
# description: >-
#   The gateway of OpenFaaS sends a call to any pod of the function that counts as ready, and each pod finds its secrets in files.
#   Where a virtual node does not run the readiness probe, calls come before the function listens, and each time it is scaled up
#   some fail; where it has no volumes of secrets, the function does not find them; where it opens no port, no call arrives. A
#   function whose root is read-only writes to an emptyDir at `/tmp`.
# related_resources:
# - https://docs.openfaas.com/reference/workloads/
# - https://docs.openfaas.com/reference/secrets/
# custom:
#   help: keep the function on regular nodes, by `constraints` or a profile of OpenFaaS, or choose a virtual node that supports this
#   sets: [burst]
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: warn
package loadline.openfaas_functions

import rego.v1

import data.lib.loadline.inventory
import data.lib.loadline.pods

# OpenFaaS labels the pods of a function with its name.
is_function if inventory.labels.faas_function

# What becomes of the function without a feature, by its name.
needs := {
	"network.container-port": "no call would reach the function",
	"volume.projected.secret": "the function would not find its secrets",
	"volume.secret": "the function would not find its secrets",
	"volume.empty-dir": "the function would have no place for files of its own",
	"probe.readiness.http-get": "calls would come before the function listens",
	"probe.readiness.exec": "calls would come before the function listens",
	"probe.readiness.tcp-socket": "calls would come before the function listens",
}

# Some calls fail then, not all.
mild := {"probe.readiness.exec", "probe.readiness.http-get", "probe.readiness.tcp-socket"}

deny contains {"msg": message(loss), "field": loss.field} if {
	is_function
	some loss in pods.lost
	needs[loss.feature]
	not loss.feature in mild
}

warn contains {"msg": message(loss), "field": loss.field} if {
	is_function
	some loss in pods.lost
	loss.feature in mild
}

message(loss) := sprintf("%s, because `%s` does not support `%s`", [needs[loss.feature], loss.profile, loss.feature])
