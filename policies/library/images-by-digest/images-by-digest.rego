# METADATA
# title: images are named by a digest
# description: >-
#   A tag can be moved to another image, by mistake or by whoever takes over the registry; a digest cannot. Every image that a
#   pod pulls (containers, init containers, ephemeral containers and image volumes) must carry one.
# related_resources:
# - https://kubernetes.io/docs/concepts/containers/images/#image-names
# custom:
#   help: name the digest, as in `app:1.2.3@sha256:...`; the registry tells it when the image is pushed
#   sets: [restricted]
#   match:
#     kinds: [Pod]
#     placement: any
#   action: deny
#   onError: deny
package loadline.images_by_digest

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": image.field} if {
	some image in pods.images
	not has_digest(image.reference)
	msg := sprintf("%s names its image without a digest: `%s`", [image.user, image.reference])
}

has_digest(reference) if {
	parts := split(reference, "@")
	count(parts) == 2
	algorithm_and_hash := split(parts[1], ":")
	count(algorithm_and_hash[1]) == lengths[algorithm_and_hash[0]]
}

# How many letters a hash has.
lengths := {"sha256": 64, "sha512": 128}
