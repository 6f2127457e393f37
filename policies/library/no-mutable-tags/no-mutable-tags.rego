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

deny contains {"msg": msg, "field": field(image)} if {
	some image in images
	not contains(image.reference, "@")
	tag := tag_of(image.reference)
	lower(tag) in input.parameters.tags
	msg := sprintf("%s uses the tag `%s`, which moves: `%s`", [user(image), tag, image.reference])
}

# No tag means `latest`; whoever allows that one allows this too.
deny contains {"msg": msg, "field": field(image)} if {
	some image in images
	image.reference != ""
	not contains(image.reference, "@")
	not tag_of(image.reference)
	"latest" in input.parameters.tags
	msg := sprintf("%s uses an image without a tag, which means `latest`: `%s`", [user(image), image.reference])
}

deny contains {"msg": msg, "field": field(image)} if {
	some image in images
	image.reference == ""
	msg := sprintf("%s names no image, so its tag cannot be judged", [user(image)])
}

# Every image that is pulled for the pod.
images contains {
	"list": list,
	"position": position,
	"name": object.get(container, "name", position),
	"reference": object.get(container, "image", ""),
} if {
	some list in ["containers", "initContainers", "ephemeralContainers"]
	some position, container in input.pod.spec[list]
}

images contains {
	"list": "volumes",
	"position": position,
	"name": object.get(volume, "name", position),
	"reference": object.get(volume.image, "reference", ""),
} if {
	some position, volume in input.pod.spec.volumes
	volume.image
}

# Who uses an image, in words.
user(image) := sprintf("volume `%v`", [image.name]) if {
	image.list == "volumes"
} else := sprintf("container `%v`", [image.name])

# The field that names it.
field(image) := sprintf("spec.volumes[%d].image.reference", [image.position]) if {
	image.list == "volumes"
} else := sprintf("spec.%s[%d].image", [image.list, image.position])

# What follows the colon of the last segment; a colon further up belongs to a port.
tag_of(reference) := split(name, ":")[1] if {
	parts := split(reference, "/")
	name := parts[count(parts) - 1]
}
