# METADATA
# title: No pod may carry the annotation of the end-to-end tests
# description: Stands for any rule of a security team; it concerns no pod but the one that is meant to break it.
# custom:
#   match:
#     namespaces: [governed, latency-governed]
#   help: remove the annotation
package e2e.forbidden

import rego.v1

deny contains {
	"msg": sprintf("pod carries the forbidden annotation with value %v", [value]),
	"field": "metadata.annotations['e2e.loadline.dev/forbidden']",
} if {
	value := input.pod.metadata.annotations["e2e.loadline.dev/forbidden"]
}
