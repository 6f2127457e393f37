# METADATA
# title: the pod meets the Pod Security Standard `restricted`
# description: >-
#   Everything that `baseline` asks, and what hardens a pod: no root, no way to become root, no capabilities, a seccomp profile,
#   and volumes of the harmless kinds only. The controls are those of the version of Kubernetes that the parameter names, for all
#   pods, whether they go to a virtual node or not.
# related_resources:
# - https://kubernetes.io/docs/concepts/security/pod-security-standards/
# custom:
#   help: change the field as the standard asks, or give the namespace to a team that may run such pods
#   sets: [restricted]
#   match:
#     kinds: [Pod]
#     placement: any
#   action: deny
#   onError: deny
#   parameters:
#     # The version of Kubernetes whose controls are meant: `latest`, or `v1.0` and later.
#     version: latest
package loadline.pod_security_restricted

import rego.v1

import data.lib.loadline.pod_security

deny contains {"msg": finding.msg, "field": finding.field, "details": {"control": finding.control}} if {
	some finding in pod_security.all_restricted
}

# A version that does not exist must not mean that nothing is asked.
deny contains mistake if some mistake in pod_security.mistakes
