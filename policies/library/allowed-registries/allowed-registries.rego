# METADATA
# title: images come from allowed registries
# description: >-
#   Every image that a pod pulls (containers, init containers, ephemeral containers and image volumes) must come from one of
#   the registries listed. Entries are compared by whole path segments, so `registry.example.com/team` allows
#   `registry.example.com/team/app` but neither `registry.example.com/teams/app` nor `registry.example.com.evil/team/app`.
#   An image without a registry is one of Docker Hub, as it is for a kubelet: `nginx` is `docker.io/library/nginx`.
# related_resources:
# - https://kubernetes.io/docs/concepts/containers/images/#image-names
# custom:
#   help: use an image of an allowed registry, or add its registry to the policy's parameter `registries`
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: deny
#   parameters:
#     # Registries or folders in them, in full: `registry.k8s.io`, `docker.io/library`, `localhost:5000/team`. A host may
#     # begin with `*.`, which stands for one or more of its labels. An empty list allows nothing.
#     registries:
#     - registry.k8s.io
package loadline.allowed_registries

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": image.field} if {
	some image in pods.images
	image.reference != ""
	segments := segments_of(image.reference)
	not is_allowed(segments)
	place := concat("/", array.slice(segments, 0, count(segments) - 1))
	msg := sprintf("%s uses an image of `%s`, which is not an allowed registry: `%s`", [image.user, place, image.reference])
}

deny contains {"msg": msg, "field": image.field} if {
	some image in pods.images
	image.reference == ""
	msg := sprintf("%s names no image, so its registry cannot be judged", [image.user])
}

is_allowed(segments) if {
	some entry in allowed
	is_host(entry[0], segments[0])
	array.slice(segments, 1, count(entry)) == array.slice(entry, 1, count(entry))
}

is_host(pattern, host) if pattern == host

# `*.example.com` stands for `a.example.com` and `b.a.example.com`, not for `example.com`.
is_host(pattern, host) if {
	startswith(pattern, "*.")
	endswith(host, trim_prefix(pattern, "*"))
}

# The entries of the parameter, cut into segments.
allowed contains located(split(trim_suffix(entry, "/"), "/")) if {
	some entry in input.parameters.registries
}

# `registry.example.com:5000/team/app:1.2@sha256:...` is ["registry.example.com:5000", "team", "app"].
segments_of(reference) := official(located(array.concat(folders, [name]))) if {
	parts := split(split(reference, "@")[0], "/")
	folders := array.slice(parts, 0, count(parts) - 1)
	name := split(parts[count(parts) - 1], ":")[0]
}

# Puts the registry first where it is left out, and gives Docker Hub its one name.
located(parts) := array.concat([object.get(docker_hub, host, host)], array.slice(parts, 1, count(parts))) if {
	host := lower(parts[0])
	is_registry(host)
} else := array.concat(["docker.io"], parts)

docker_hub := {"index.docker.io": "docker.io", "registry-1.docker.io": "docker.io"}

# Docker's rule: a first segment with a dot or a colon is a host, and so is `localhost`.
is_registry(host) if contains(host, ".")

is_registry(host) if contains(host, ":")

is_registry(host) if host == "localhost"

# The images of Docker Hub that belong to no user stand below `library`.
official(segments) := ["docker.io", "library", segments[1]] if {
	segments[0] == "docker.io"
	count(segments) == 2
} else := segments
