# METADATA
# title: containers have probes, and of a kind that the node runs
# description: >-
#   A pod without a readiness probe gets traffic before it can answer. A probe that a virtual node drops in silence is no
#   better: the pod counts as ready, and is never restarted. Containers of pods that run until they are deleted must have the
#   probes that the parameters name, and no probe may be of a kind that a profile within reach ignores or refuses.
# related_resources:
# - https://kubernetes.io/docs/concepts/workloads/pods/probes/
# custom:
#   help: use a probe that the virtual node runs; `loadline matrix --feature probe` lists them
#   sets: [burst]
#   match:
#     kinds: [Pod]
#   action: warn
#   onError: warn
#   parameters:
#     probes: [readinessProbe]
#     # Names of containers that need none, such as those that another webhook injects.
#     exemptContainers: []
package loadline.probes

import rego.v1

import data.lib.loadline.pods

deny contains {"msg": msg, "field": pods.at(entry, probe)} if {
	runs_on
	some entry in pods.containers
	entry.list == "containers"
	not is_exempt(entry.container)
	some probe in input.parameters.probes
	not has(entry.container, probe)
	msg := sprintf("%s has no %s probe", [pods.who(entry), trim_suffix(probe, "Probe")])
}

is_exempt(container) if container.name in input.parameters.exemptContainers

has(container, probe) if is_object(container[probe])

# Pods that come to an end by themselves have nothing to probe for.
runs_on if object.get(input.pod.spec, "restartPolicy", "Always") in {"Always", null}

deny contains {"msg": msg, "field": field} if {
	some feature in input.features
	startswith(feature.name, "probe.")
	some profile, support in feature.support
	said := {"ignored": "never runs", "unsupported": "does not accept"}[support]
	some field in feature.fields
	msg := sprintf("`%s` %s this probe (`%s`)", [profile, said, feature.name])
}
