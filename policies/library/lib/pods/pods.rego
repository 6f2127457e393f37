# What policies of the library ask about pods again and again.
package lib.loadline.pods

import rego.v1

# In a file a list may be left empty, which is null.
list_of(value) := value if is_array(value)

# Every container, with where it stands. An array: sets would have to compare whole containers.
containers := [entry |
	some list in ["initContainers", "containers", "ephemeralContainers"]
	some position, container in list_of(input.pod.spec[list])
	entry := {"list": list, "position": position, "container": container}
]

# A member, or something else where it is missing or null.
or_else(holder, key, otherwise) := value if {
	value := holder[key]
	value != null
} else := otherwise

# Where a field of a container is, as a path in the pod.
at(entry, name) := sprintf("spec.%s[%d].%s", [entry.list, entry.position, name])

# A container in words.
who(entry) := sprintf("container `%v`", [or_else(entry.container, "name", entry.position)])

# Every image that is pulled for the pod: for a container or for a volume.
images := array.concat(container_images, [image |
	some position, volume in list_of(input.pod.spec.volumes)
	is_object(volume.image)
	image := {
		"user": sprintf("volume `%v`", [or_else(volume, "name", position)]),
		"reference": or_else(volume.image, "reference", ""),
		"field": sprintf("spec.volumes[%d].image.reference", [position]),
	}
])

container_images := [image |
	some entry in containers
	image := {
		"user": who(entry),
		"reference": or_else(entry.container, "image", ""),
		"field": at(entry, "image"),
	}
]

# The service account that the pod runs as.
service_account := name if {
	name := input.pod.spec.serviceAccountName
	name != ""
	name != null
} else := name if {
	name := input.pod.spec.serviceAccount
	name != ""
	name != null
} else := "default"

# Whether `namespace/name` is meant by an entry: both parts as they are, or `*` for any.
is_meant(entry, namespace, name) if {
	parts := split(entry, "/")
	count(parts) == 2
	parts[0] in {"*", namespace}
	parts[1] in {"*", name}
}

# Every feature of the pod that a profile within reach drops or refuses, once for each such profile.
lost contains {"feature": feature.name, "profile": profile, "field": feature.fields[0]} if {
	some feature in list_of(input.features)
	some profile, support in feature.support
	support in {"ignored", "unsupported"}
}
