package loadline.secrets_as_plain_values_test

import rego.v1

import data.loadline.secrets_as_plain_values

messages(name, support) := {[result.field, result.msg] | some result in results} if {
	results := secrets_as_plain_values.deny with input as {
		"features": [{"name": name, "fields": ["spec.a"], "support": support}],
		"parameters": {"profiles": ["nomad"]},
	}
}

test_named_profile_keeps_plain_text if {
	every name in ["env.secret-key-ref", "env.secret-key-ref.optional", "env.from-secret", "env.from-secret.optional"] {
		messages(name, {"nomad": "supported", "liqo": "supported"}) == {["spec.a", "`nomad` keeps this Secret as plain text"]}
	}
}

test_partial_support_is_plain_text if {
	messages("env.from-secret", {"azure-batch": "partial"}) == {["spec.a", "`azure-batch` keeps this Secret as plain text"]}
}

test_secret_that_stays_one_is_allowed if {
	every support in ["supported", "unverified"] {
		messages("env.secret-key-ref", {"liqo": support}) == set()
	}
}

test_other_features_are_not_meant if {
	messages("env.config-map-key-ref", {"nomad": "partial"}) == set()
	messages("volume.secret", {"nomad": "partial"}) == set()
}
