package loadline.image_pull_secrets_test

import rego.v1

import data.loadline.image_pull_secrets

messages(spec, profiles) := {result.msg | some result in results} if {
	results := image_pull_secrets.deny with input as {
		"pod": {"spec": spec},
		"placement": {"profiles": profiles},
		"parameters": {"profiles": ["azure-aci"], "publicRegistries": ["docker.io", "registry.example.com/public/"]},
	}
}

of_image(image) := messages({"containers": [{"name": "a", "image": image}]}, ["liqo", "azure-aci"])

test_private_image_without_credentials_is_denied if {
	of_image("registry.example.com/team/app:1") == {"no `imagePullSecrets` for `registry.example.com/team/app:1`, and `azure-aci` has no other credentials"}
	every image in ["localhost/app", "localhost:5000/app", "registry.example.com/publicity/app", "docker.io.evil.com/app"] {
		count(of_image(image)) == 1
	}
}

test_public_image_is_allowed if {
	every image in ["nginx", "team/app:1", "docker.io/library/nginx", "registry.example.com/public/app:1", "app:1.2"] {
		of_image(image) == set()
	}
}

private := [{"name": "a", "image": "registry.example.com/team/app:1"}]

test_credentials_are_enough if {
	messages({"imagePullSecrets": [{"name": "registry"}], "containers": private}, ["azure-aci"]) == set()
	every secrets in [[], null, [{}], [{"name": ""}], [{"name": null}]] {
		count(messages({"imagePullSecrets": secrets, "containers": private}, ["azure-aci"])) == 1
	}
}

test_profile_with_credentials_of_its_own_is_allowed if messages({"containers": private}, ["liqo"]) == set()

test_images_of_all_kinds_are_judged if {
	count(messages({"initContainers": private}, ["azure-aci"])) == 1
	count(messages({"volumes": [{"name": "a", "image": {"reference": "registry.example.com/team/app:1"}}]}, ["azure-aci"])) == 1
}
