package lib.loadline.pods_test

import rego.v1

import data.lib.loadline.pods

test_containers_of_every_list_are_found if {
	found := [[pods.at(entry, "image"), pods.who(entry)] | some entry in pods.containers] with input.pod as {"spec": {
		"containers": [{"name": "a"}, {}],
		"initContainers": [{"name": "b"}],
		"ephemeralContainers": null,
	}}
	found == [
		["spec.initContainers[0].image", "container `b`"],
		["spec.containers[0].image", "container `a`"],
		["spec.containers[1].image", "container `1`"],
	]
}

test_null_is_as_good_as_missing if {
	spec := {
		"containers": [{"name": null, "image": null}],
		"initContainers": null,
		"volumes": [{"name": null, "image": {"reference": null}}],
	}
	images := pods.images with input.pod as {"spec": spec}
	images == [
		{"user": "container `0`", "reference": "", "field": "spec.containers[0].image"},
		{"user": "volume `0`", "reference": "", "field": "spec.volumes[0].image.reference"},
	]
	every nothing in [null, {}, {"spec": null}, {"spec": {"containers": null, "volumes": null}}] {
		pods.images == [] with input.pod as nothing
	}
}

test_images_of_containers_and_volumes_are_found if {
	found := pods.images with input.pod as {"spec": {
		"containers": [{"name": "a", "image": "x:1"}, {"name": "b"}],
		"volumes": [{"name": "c", "emptyDir": {}}, {"name": "d", "image": {"reference": "y:2"}}, {"name": "e", "image": null}],
	}}
	found == [
		{"user": "container `a`", "reference": "x:1", "field": "spec.containers[0].image"},
		{"user": "container `b`", "reference": "", "field": "spec.containers[1].image"},
		{"user": "volume `d`", "reference": "y:2", "field": "spec.volumes[1].image.reference"},
	]
}

account(spec) := name if name := pods.service_account with input.pod as {"spec": spec}

test_service_account_has_two_names_and_a_default if {
	account({"serviceAccountName": "a", "serviceAccount": "b"}) == "a"
	account({"serviceAccount": "b"}) == "b"
	every nothing in ["", null] {
		account({"serviceAccountName": nothing, "serviceAccount": "b"}) == "b"
		account({"serviceAccount": nothing}) == "default"
	}
	account({}) == "default"
}

test_star_means_any if {
	every entry in ["shop/web", "*/web", "shop/*", "*/*"] {
		pods.is_meant(entry, "shop", "web")
	}
	every entry in ["shop/we", "sho/web", "web", "*", "shop/web/x", "sh*/web", ""] {
		not pods.is_meant(entry, "shop", "web")
	}
}

test_features_are_lost_where_a_profile_drops_or_refuses_them if {
	features := [
		{"name": "a", "fields": ["spec.a[0]", "spec.a[1]"], "support": {"x": "ignored", "y": "unsupported", "z": "partial"}},
		{"name": "b", "fields": ["spec.b"], "support": {"x": "supported", "y": "unverified"}},
	]
	found := pods.lost with input.features as features
	found == {
		{"feature": "a", "profile": "x", "field": "spec.a[0]"},
		{"feature": "a", "profile": "y", "field": "spec.a[0]"},
	}
	every nothing in [null, []] {
		pods.lost == set() with input.features as nothing
	}
}
