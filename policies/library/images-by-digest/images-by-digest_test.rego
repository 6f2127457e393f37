package loadline.images_by_digest_test

import rego.v1

import data.loadline.images_by_digest

sha256 := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

findings(spec) := results if results := images_by_digest.deny with input as {"pod": {"spec": spec}}

of_image(image) := findings({"containers": [{"name": "a", "image": image}]})

test_digest_is_allowed_with_and_without_a_tag if {
	of_image(sprintf("app@sha256:%s", [sha256])) == set()
	of_image(sprintf("localhost:5000/team/app:1.2@sha256:%s", [sha256])) == set()
	of_image(sprintf("app@sha512:%s%s", [sha256, sha256])) == set()
}

test_what_is_no_digest_is_denied if {
	every image in ["app", "app:1.2", "", "app@", "app@sha256", "app@sha256:0123", "app@md5:0123", sprintf("app@a@sha256:%s", [sha256]), sprintf("app@sha256:%s@a", [sha256])] {
		count(of_image(image)) == 1
	}
}

test_every_image_is_judged if {
	results := findings({"initContainers": [{"name": "a", "image": "a:1"}], "volumes": [{"name": "b", "image": {"reference": "b:1"}}]})
	{[result.field, result.msg] | some result in results} == {
		["spec.initContainers[0].image", "container `a` names its image without a digest: `a:1`"],
		["spec.volumes[0].image.reference", "volume `b` names its image without a digest: `b:1`"],
	}
}
