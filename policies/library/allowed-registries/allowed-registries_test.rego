package loadline.allowed_registries_test

import rego.v1

import data.loadline.allowed_registries

# The fields that are denied, of a pod whose containers run these images.
denied(images, registries) := {result.field | some result in findings(pod(images), registries)}

findings(pod, registries) := results if {
	results := allowed_registries.deny with input as {"pod": pod, "parameters": {"registries": registries}}
}

pod(images) := {"spec": {"containers": [container |
	some position, image in images
	container := {"name": sprintf("c%d", [position]), "image": image}
]}}

test_listed_registry_is_allowed if {
	denied(["registry.k8s.io/pause:3.10", "registry.k8s.io/a/b/c@sha256:0123"], ["registry.k8s.io"]) == set()
}

test_other_registry_is_denied if {
	denied(["registry.k8s.io/pause:3.10", "quay.io/team/app:1"], ["registry.k8s.io"]) == {"spec.containers[1].image"}
}

test_folder_is_matched_by_whole_segments if {
	registries := ["registry.example.com/team"]
	allowed := ["registry.example.com/team/app", "registry.example.com/team/a/b:1", "registry.example.com/team:1"]
	denied(allowed, registries) == set()
	wrong := ["registry.example.com/teams/app", "registry.example.com/app", "registry.example.com/x/team/app"]
	count(denied(wrong, registries)) == count(wrong)
}

test_host_is_matched_as_a_whole if {
	wrong := [
		"registry.example.com.evil/team/app",
		"xregistry.example.com/team/app",
		"registry.example.co/m/team/app",
		"evil/registry.example.com/team/app",
		"registry.example.com:5000/team/app",
		"app:registry.example.com/team/app",
	]
	count(denied(wrong, ["registry.example.com"])) == count(wrong)
}

test_port_belongs_to_the_host if {
	denied(["localhost:5000/app", "localhost:5000/team/app:1.2"], ["localhost:5000"]) == set()
	denied(["localhost:5001/app"], ["localhost:5000"]) == {"spec.containers[0].image"}
	denied(["localhost/app:5000"], ["localhost"]) == set()
}

test_first_segment_with_a_port_and_localhost_are_hosts if {
	denied(["registry:5000/team/app"], ["registry:5000"]) == set()
	count(denied(["registry:5000/team/app", "localhost/app"], ["docker.io"])) == 2
}

test_docker_hub_has_one_name if {
	hub := ["nginx", "nginx:1.27", "docker.io/nginx", "docker.io/library/nginx", "index.docker.io/library/nginx", "nginx@sha256:0123"]
	denied(hub, ["docker.io"]) == set()
	denied(hub, ["docker.io/library"]) == set()
	denied(hub, ["index.docker.io/library/"]) == set()
	count(denied(hub, ["docker.io/team"])) == count(hub)
}

test_user_of_docker_hub_is_not_its_library if {
	denied(["team/app:1"], ["docker.io/team"]) == set()
	denied(["team/app:1"], ["team"]) == set()
	denied(["team/app:1"], ["docker.io/library"]) == {"spec.containers[0].image"}
}

test_star_stands_for_labels_of_the_host if {
	registries := ["*.dkr.ecr.eu-west-1.amazonaws.com/prod"]
	denied(["123456789012.dkr.ecr.eu-west-1.amazonaws.com/prod/app:1"], registries) == set()
	wrong := [
		"dkr.ecr.eu-west-1.amazonaws.com/prod/app:1",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/test/app:1",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil/prod/app:1",
	]
	count(denied(wrong, registries)) == count(wrong)
}

test_case_of_the_host_does_not_matter if {
	denied(["Registry.Example.com/app"], ["registry.example.com"]) == set()
	denied(["registry.example.com/app"], ["Registry.Example.COM"]) == set()
}

test_empty_list_allows_nothing if {
	denied(["nginx", "registry.k8s.io/pause"], []) == {"spec.containers[0].image", "spec.containers[1].image"}
	denied(["nginx", "registry.k8s.io/pause"], [""]) == {"spec.containers[0].image", "spec.containers[1].image"}
}

test_every_image_of_a_pod_is_judged if {
	results := findings(
		{"spec": {
			"containers": [{"name": "a", "image": "registry.k8s.io/a"}],
			"initContainers": [{"name": "b", "image": "quay.io/b"}],
			"ephemeralContainers": [{"name": "c", "image": "quay.io/c"}],
			"volumes": [
				{"name": "config", "configMap": {"name": "x"}},
				{"name": "model", "image": {"reference": "quay.io/d:1", "pullPolicy": "Always"}},
			],
		}},
		["registry.k8s.io"],
	)
	{result.field | some result in results} == {
		"spec.initContainers[0].image",
		"spec.ephemeralContainers[0].image",
		"spec.volumes[1].image.reference",
	}
}

test_message_names_user_registry_and_image if {
	results := findings(pod(["quay.io/team/app:1"]), ["registry.k8s.io"])
	{result.msg | some result in results} == {"container `c0` uses an image of `quay.io/team`, which is not an allowed registry: `quay.io/team/app:1`"}
}

test_container_without_image_is_denied if {
	results := findings({"spec": {"containers": [{"name": "a"}]}}, ["quay.io"])
	{result.msg | some result in results} == {"container `a` names no image, so its registry cannot be judged"}
}

test_pod_without_containers_is_allowed if findings({"spec": {}}, []) == set()

test_null_is_as_good_as_missing if {
	spec := {"containers": [{"name": null, "image": null}], "initContainers": null, "volumes": null}
	results := findings({"spec": spec}, ["docker.io"])
	{result.field | some result in results} == {"spec.containers[0].image"}
}
