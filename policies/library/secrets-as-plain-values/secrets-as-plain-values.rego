# METADATA
# title: secrets are no variables where these are kept as plain text
# description: >-
#   Most virtual nodes are fed by Virtual Kubelet's core, which turns a variable from a Secret into its text before the provider
#   sees it. The text then lies in the provider's API, in its portal and in its logs, for whoever may read the container group or
#   task. On the profiles named, and on those that are known to support such variables only partly, a Secret is better mounted
#   as a volume.
# related_resources:
# - https://kubernetes.io/docs/concepts/configuration/secret/
# custom:
#   help: mount the Secret as a volume, or fetch it when the container starts
#   sets: [burst, restricted]
#   match:
#     kinds: [Pod]
#   action: deny
#   onError: deny
#   parameters:
#     # Profiles whose variables are plain text: those that Virtual Kubelet's core feeds.
#     profiles:
#     - alibaba-eci-oss
#     - aws-fargate-ecs
#     - azure-aci
#     - azure-batch
#     - huawei-cci-oss
#     - nomad
#     - openstack-zun
#     - saladcloud
#     - stackpath
#     - virtual-kubelet
package loadline.secrets_as_plain_values

import rego.v1

deny contains {"msg": msg, "field": field} if {
	some feature in input.features
	feature.name in names
	some profile, support in feature.support
	is_plain(profile, support)
	some field in feature.fields
	msg := sprintf("`%s` keeps this Secret as plain text", [profile])
}

names := {"env.secret-key-ref", "env.secret-key-ref.optional", "env.from-secret", "env.from-secret.optional"}

is_plain(profile, _) if profile in input.parameters.profiles

is_plain(_, support) if support == "partial"
