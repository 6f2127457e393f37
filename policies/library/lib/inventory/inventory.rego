# What policies of the library ask about the other objects of the cluster.
package lib.loadline.inventory

import rego.v1

import data.lib.loadline.pods

# The objects of a kind in the namespace of the object under review, by name.
beside(version, kind) := objects if {
	objects := data.inventory.namespace[input.review.namespace][version][kind]
} else := {}

# Whether a label selector selects an object with these labels. An empty one selects everything.
selects(selector, labels) if {
	every key, value in pods.or_else(selector, "matchLabels", {}) {
		labels[key] == value
	}
	every requirement in pods.or_else(selector, "matchExpressions", []) {
		meets(requirement, labels)
	}
}

meets(requirement, labels) if {
	requirement.operator == "In"
	labels[requirement.key] in requirement.values
}

meets(requirement, labels) if {
	requirement.operator == "NotIn"
	not has_one_of(labels, requirement)
}

meets(requirement, labels) if {
	requirement.operator == "Exists"
	has(labels, requirement.key)
}

meets(requirement, labels) if {
	requirement.operator == "DoesNotExist"
	not has(labels, requirement.key)
}

has_one_of(labels, requirement) if labels[requirement.key] in requirement.values

has(labels, key) if object.get(labels, key, null) != null

# The labels of the pod.
labels := value if {
	value := input.pod.metadata.labels
	value != null
} else := {}
