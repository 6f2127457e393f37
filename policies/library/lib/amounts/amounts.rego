# Quantities and what pods ask for, as policies of the library reckon with them.
package lib.loadline.amounts

import rego.v1

import data.lib.loadline.pods

# A quantity as a number: cores, or bytes. Nothing for what is none, and for millionths.
number(quantity) := quantity if is_number(quantity)

number(quantity) := units.parse(quantity) if {
	is_string(quantity)
	regex.match(`^[+]?([0-9]+([.][0-9]+)?|[.][0-9]+)([eE][+-]?[0-9]{1,2}|m|[kMGTPE]|[KMGTPE]i)?$`, quantity)
}

# A number of cores or bytes, for people.
shown("cpu", number) := sprintf("%v vCPU", [number])

shown("memory", number) := sprintf("%v GiB of memory", [round((number * 100) / 1073741824) / 100])

# What a container, or the pod as a whole, asks for. The API server fills a request that is left out from the limit.
asked(holder, resource) := value if {
	value := number(holder.resources.requests[resource])
} else := value if {
	value := number(holder.resources.limits[resource])
} else := 0

# What a pod asks for while it runs: its containers and sidecars together, or what is said for the pod as a whole, and its
# overhead. Init containers that end are left out.
running(pod, resource) := together(pod.spec, resource) + overhead(pod.spec, resource)

together(spec, resource) := whole if {
	whole := asked(spec, resource)
	whole > 0
} else := sum([asked(container, resource) | some container in pods.list_of(spec.containers)]) + sidecars(spec, resource)

sidecars(spec, resource) := sum([asked(container, resource) |
	some container in pods.list_of(spec.initContainers)
	container.restartPolicy == "Always"
])

overhead(spec, resource) := number(spec.overhead[resource]) if {
	spec.overhead[resource]
} else := 0
