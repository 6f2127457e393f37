# METADATA
# title: only pods that talk to the API server have a token for it
# description: >-
#   Unless a pod says otherwise, every container of it finds a token with which it can speak to the API server in the name of
#   its service account; so does whoever breaks into one. On virtual nodes the token leaves the cluster, too. Pods must switch it
#   off, except those of service accounts that the parameters name.
# related_resources:
# - https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#opt-out-of-api-credential-automounting
# custom:
#   help: set `automountServiceAccountToken` to false, or add the service account to the parameter `serviceAccounts`
#   sets: [restricted]
#   match:
#     kinds: [Pod]
#     placement: any
#   action: deny
#   onError: deny
#   parameters:
#     # Service accounts whose pods may have a token, as `namespace/name`; `*` stands for any namespace or any name.
#     serviceAccounts: ["kube-system/*"]
package loadline.service_account_token

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": "spec.automountServiceAccountToken"} if {
	not input.pod.spec.automountServiceAccountToken == false
	not may_have_token
	msg := sprintf("every container gets a token of the service account `%s`", [pods.service_account])
}

# A token can be asked for by hand as well.
deny contains {"msg": msg, "field": field} if {
	input.pod.spec.automountServiceAccountToken == false
	not may_have_token
	some position, volume in pods.list_of(input.pod.spec.volumes)
	some place, source in pods.list_of(volume.projected.sources)
	is_object(source.serviceAccountToken)
	is_for_api_server(source.serviceAccountToken)
	msg := sprintf("volume `%v` holds a token of the service account `%s`", [object.get(volume, "name", position), pods.service_account])
	field := sprintf("spec.volumes[%d].projected.sources[%d].serviceAccountToken", [position, place])
}

# A token for somebody else, such as a cloud, is of no use at the API server.
is_for_api_server(token) if object.get(token, "audience", "") in {"", null}

may_have_token if {
	some entry in input.parameters.serviceAccounts
	pods.is_meant(entry, object.get(input.review, "namespace", ""), pods.service_account)
}
