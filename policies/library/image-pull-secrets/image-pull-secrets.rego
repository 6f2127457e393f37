# METADATA
# title: private images come with credentials that the virtual node reads
# description: >-
#   A regular node may log in to a private registry by itself, through its cloud identity or a file on its disk. A virtual node
#   has no disk and often no such identity: it knows only the `imagePullSecrets` of the pod, and without them the pod waits for
#   its image for ever. Registries that everybody may read need none. The API server adds those of the service account before
#   the pod is judged; on the command line they are not seen.
# related_resources:
# - https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/
# custom:
#   help: name a Secret of type kubernetes.io/dockerconfigjson under `imagePullSecrets`, or add the registry to `publicRegistries`
#   sets: [burst]
#   match:
#     kinds: [Pod]
#   action: warn
#   onError: warn
#   parameters:
#     # Profiles that pull with the credentials of the pod alone.
#     profiles:
#     - alibaba-eci-oss
#     - azure-aci
#     - elotl-kip
#     - virtual-kubelet
#     # Registries, or folders in them, that need no credentials. Entries are compared by whole path segments.
#     publicRegistries:
#     - docker.io
#     - gcr.io
#     - ghcr.io
#     - mcr.microsoft.com
#     - public.ecr.aws
#     - quay.io
#     - registry.k8s.io
package loadline.image_pull_secrets

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": "spec.imagePullSecrets"} if {
	not has_credentials
	needy := [profile | some profile in input.placement.profiles; profile in input.parameters.profiles]
	private := [image | some image in pods.images; not is_public(image.reference)]
	msg := sprintf("no `imagePullSecrets` for `%s`, and `%s` has no other credentials", [private[0].reference, needy[0]])
}

has_credentials if {
	some secret in pods.list_of(input.pod.spec.imagePullSecrets)
	is_string(secret.name)
	secret.name != ""
}

# Docker's rule: a first segment with a dot or a colon is a host, and so is `localhost`; all others are Docker Hub's.
full(reference) := reference if {
	host := split(reference, "/")[0]
	contains(reference, "/")
	is_host(host)
} else := sprintf("docker.io/%s", [reference])

is_host(host) if contains(host, ".")

is_host(host) if contains(host, ":")

is_host(host) if host == "localhost"

is_public(reference) if {
	some entry in input.parameters.publicRegistries
	startswith(full(reference), sprintf("%s/", [trim_suffix(entry, "/")]))
}
