# METADATA
# title: every pod names its owner
# description: >-
#   Whoever finds a pod in trouble must be able to ask somebody. A label says whom.
# custom:
#   help: set the label to the name of your team
#   match:
#     placement: any
#   action: deny
#   parameters:
#     # The label that names the owner.
#     label: owner
package acme.policy_name

import rego.v1

deny contains {"msg": msg, "field": "metadata.labels"} if {
	label := input.parameters.label
	not has_label(label)
	msg := sprintf("the pod has no label `%s`", [label])
}

has_label(label) if input.pod.metadata.labels[label] != ""
