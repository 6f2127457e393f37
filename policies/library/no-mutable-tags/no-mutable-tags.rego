# METADATA
# title: images are named by a digest or by a tag that stays
# description: >-
#   A tag such as `latest` means another image tomorrow: a pod that is restarted, or burst to a virtual node, may then run
#   something else than its siblings. An image without a tag is `latest`. A digest always says which image is meant, whatever
#   tag stands beside it.
# related_resources:
# - https://kubernetes.io/docs/concepts/containers/images/#image-names
# custom:
#   help: name a version, as in `app:1.2.3`, or a digest, as in `app@sha256:...`
#   sets: [baseline]
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: deny
#   parameters:
#     # Tags that move, in small letters.
#     tags: [latest, main, master, edge, nightly, dev, canary]
package loadline.no_mutable_tags

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": image.field} if {
	some image in pods.images
	not contains(image.reference, "@")
	tag := tag_of(image.reference)
	lower(tag) in input.parameters.tags
	msg := sprintf("%s uses the tag `%s`, which moves: `%s`", [image.user, tag, image.reference])
}

# No tag means `latest`; whoever allows that one allows this too.
deny contains {"msg": msg, "field": image.field} if {
	some image in pods.images
	image.reference != ""
	not contains(image.reference, "@")
	not tag_of(image.reference)
	"latest" in input.parameters.tags
	msg := sprintf("%s uses an image without a tag, which means `latest`: `%s`", [image.user, image.reference])
}

deny contains {"msg": msg, "field": image.field} if {
	some image in pods.images
	image.reference == ""
	msg := sprintf("%s names no image, so its tag cannot be judged", [image.user])
}

# What follows the colon of the last segment; a colon further up belongs to a port.
tag_of(reference) := split(name, ":")[1] if {
	parts := split(reference, "/")
	name := parts[count(parts) - 1]
}
