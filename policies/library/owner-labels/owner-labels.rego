# METADATA
# title: pods say who owns them and who pays
# description: >-
#   What runs on a virtual node is billed by the pod. Labels are what a bill can be split by, and what tells whom to ask when
#   a pod is in the way. Every label that the parameters name must be there, and must say something.
# related_resources:
# - https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
# custom:
#   help: set the label on the pod, or on the template of the workload that makes it
#   sets: [finops]
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: deny
#   parameters:
#     labels: [owner, cost-centre]
#     # Values that a label may have, by the name of the label; a label that is not named here may say anything.
#     values: {}
package loadline.owner_labels

import rego.v1

deny contains {"msg": msg, "field": field(label)} if {
	some label in input.parameters.labels
	value_of(label) == ""
	msg := sprintf("the pod has no label `%s`", [label])
}

deny contains {"msg": msg, "field": field(label)} if {
	some label, allowed in input.parameters.values
	value := value_of(label)
	value != ""
	not value in allowed
	msg := sprintf("the label `%s` is `%v`, not one of: %s", [label, value, concat(", ", allowed)])
}

value_of(label) := value if {
	value := input.pod.metadata.labels[label]
	value != null
} else := ""

# People look for it where the other labels are; a path to what is not there leads to them.
field(label) := sprintf("metadata.labels['%s']", [label])
