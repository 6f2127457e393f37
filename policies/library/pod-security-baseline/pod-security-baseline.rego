# METADATA
# title: the pod meets the Pod Security Standard `baseline`
# description: >-
#   No known way to more rights: no namespaces, folders or ports of the host, no privileged containers, no capabilities beyond the
#   default ones, and AppArmor, SELinux, seccomp, /proc and sysctls as a runtime sets them. The controls are those of the
#   version of Kubernetes that the parameter names, for all pods, whether they go to a virtual node or not.
# related_resources:
# - https://kubernetes.io/docs/concepts/security/pod-security-standards/
# custom:
#   help: change the field as the standard asks, or give the namespace to a team that may run such pods
#   sets: [baseline]
#   match:
#     kinds: [Pod]
#     placement: any
#   action: deny
#   onError: deny
#   parameters:
#     # The version of Kubernetes whose controls are meant: `latest`, or `v1.0` and later.
#     version: latest
package loadline.pod_security_baseline

import rego.v1

import data.lib.loadline.pod_security

deny contains {"msg": finding.msg, "field": finding.field, "details": {"control": finding.control}} if {
	some finding in pod_security.baseline
}

# A version that does not exist must not mean that nothing is asked.
deny contains mistake if some mistake in pod_security.mistakes
