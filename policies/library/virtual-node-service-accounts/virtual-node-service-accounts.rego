# METADATA
# title: only certain service accounts may go to virtual nodes
# description: >-
#   A virtual node runs pods outside the cluster's own machines: tokens, images and data go with them, and every pod is a line on
#   the bill. Which teams may use it is said here, by the service account that a pod runs as.
# related_resources:
# - https://kubernetes.io/docs/concepts/security/service-accounts/
# custom:
#   help: run the pod as one of the service accounts that may, or keep it on regular nodes
#   match:
#     kinds: [Pod]
#     placement: reachable
#   action: deny
#   onError: deny
#   parameters:
#     # Service accounts that may, as `namespace/name`; `*` stands for any namespace or any name. An empty list allows none.
#     serviceAccounts: []
package loadline.virtual_node_service_accounts

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": "spec.serviceAccountName"} if {
	not is_allowed
	msg := sprintf("the service account `%s/%s` may not run pods on virtual nodes", [namespace, pods.service_account])
}

namespace := object.get(input.review, "namespace", "")

is_allowed if {
	some entry in input.parameters.serviceAccounts
	pods.is_meant(entry, namespace, pods.service_account)
}
