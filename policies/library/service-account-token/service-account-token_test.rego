package loadline.service_account_token_test

import rego.v1

import data.loadline.service_account_token

fields(spec) := {result.field | some result in findings(spec, "shop")}

findings(spec, namespace) := results if {
	results := service_account_token.deny with input as {
		"pod": {"spec": spec},
		"review": {"namespace": namespace},
		"parameters": {"serviceAccounts": ["shop/operator", "system/*"]},
	}
}

test_pod_without_a_token_is_allowed if fields({"automountServiceAccountToken": false}) == set()

test_pod_that_does_not_say_is_denied if {
	every spec in [{}, {"automountServiceAccountToken": true}, {"automountServiceAccountToken": null}] {
		fields(spec) == {"spec.automountServiceAccountToken"}
	}
}

test_named_service_account_may_have_a_token if {
	fields({"serviceAccountName": "operator"}) == set()
	fields({"serviceAccountName": "other"}) == {"spec.automountServiceAccountToken"}
	findings({"serviceAccountName": "other"}, "system") == set()
	count(findings({"serviceAccountName": "operator"}, "elsewhere")) == 1
}

with_token(token) := {
	"automountServiceAccountToken": false,
	"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "projected": {"sources": [{"secret": {}}, {"serviceAccountToken": token}]}}],
}

test_token_asked_for_by_hand_is_denied if {
	every token in [{"path": "token"}, {"path": "token", "audience": ""}] {
		fields(with_token(token)) == {"spec.volumes[1].projected.sources[1].serviceAccountToken"}
	}
	fields(object.union(with_token({"path": "token"}), {"serviceAccountName": "operator"})) == set()
}

test_token_for_somebody_else_is_allowed if {
	fields(with_token(null)) == set()
	fields(with_token({"path": "token", "audience": "sts.example.com"})) == set()
}

test_missing_switch_is_told_once if {
	fields(object.union(with_token({"path": "token"}), {"automountServiceAccountToken": true})) == {"spec.automountServiceAccountToken"}
}

test_message_names_the_service_account if {
	{result.msg | some result in findings({}, "shop")} == {"every container gets a token of the service account `default`"}
}
