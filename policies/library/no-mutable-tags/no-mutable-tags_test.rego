package loadline.no_mutable_tags_test

import rego.v1

import data.loadline.no_mutable_tags

# The fields that are denied, of a pod whose containers run these images.
denied(images) := {result.field | some result in findings({"spec": {"containers": [container |
	some position, image in images
	container := {"name": sprintf("c%d", [position]), "image": image}
]}})}

findings(pod) := results if {
	parameters := {"tags": ["latest", "main", "edge"]}
	results := no_mutable_tags.deny with input as {"pod": pod, "parameters": parameters}
}

test_versions_are_allowed if {
	denied(["nginx:1.27.3", "registry.example.com/team/app:v2", "app:latest-2024"]) == set()
}

test_moving_tags_are_denied if {
	images := ["nginx:latest", "registry.example.com/team/app:main", "app:edge", "app:Latest", "localhost:5000/app:latest"]
	count(denied(images)) == count(images)
}

test_missing_tag_is_latest if {
	images := ["nginx", "registry.example.com/team/app", "localhost:5000/app"]
	count(denied(images)) == count(images)
}

test_missing_tag_is_allowed_where_latest_is if {
	input_of_pod := {"pod": {"spec": {"containers": [{"name": "a", "image": "nginx"}]}}, "parameters": {"tags": ["main"]}}
	no_mutable_tags.deny == set() with input as input_of_pod
}

test_port_is_no_tag if denied(["localhost:5000/app:1"]) == set()

test_digest_is_allowed_whatever_the_tag if {
	denied(["nginx@sha256:0123", "nginx:latest@sha256:0123", "localhost:5000/app@sha256:0123"]) == set()
}

test_every_image_of_a_pod_is_judged if {
	results := findings({"spec": {
		"containers": [{"name": "a", "image": "a:1"}],
		"initContainers": [{"name": "b", "image": "b:latest"}],
		"ephemeralContainers": [{"name": "c", "image": "c"}],
		"volumes": [
			{"name": "config", "configMap": {"name": "x"}},
			{"name": "model", "image": {"reference": "d:main"}},
		],
	}})
	{result.field | some result in results} == {
		"spec.initContainers[0].image",
		"spec.ephemeralContainers[0].image",
		"spec.volumes[1].image.reference",
	}
}

test_messages_name_user_tag_and_image if {
	results := findings({"spec": {"containers": [{"name": "a", "image": "a:main"}, {"name": "b", "image": "b"}]}})
	{result.msg | some result in results} == {
		"container `a` uses the tag `main`, which moves: `a:main`",
		"container `b` uses an image without a tag, which means `latest`: `b`",
	}
}

test_container_without_image_is_denied if {
	results := findings({"spec": {"containers": [{"name": "a"}]}})
	{result.msg | some result in results} == {"container `a` names no image, so its tag cannot be judged"}
}

test_pod_without_containers_is_allowed if findings({"spec": {}}) == set()

test_null_is_as_good_as_missing if {
	spec := {"containers": [{"name": null, "image": null}], "initContainers": null, "volumes": null}
	results := findings({"spec": spec})
	{result.field | some result in results} == {"spec.containers[0].image"}
}
