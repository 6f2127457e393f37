package loadline.virtual_node_service_accounts_test

import rego.v1

import data.loadline.virtual_node_service_accounts

messages(spec, accounts) := {result.msg | some result in results} if {
	results := virtual_node_service_accounts.deny with input as {
		"pod": {"spec": spec},
		"review": {"namespace": "shop"},
		"parameters": {"serviceAccounts": accounts},
	}
}

test_named_service_account_is_allowed if {
	every accounts in [["shop/web"], ["x/y", "*/web"], ["shop/*"]] {
		messages({"serviceAccountName": "web"}, accounts) == set()
	}
	messages({}, ["shop/default"]) == set()
}

test_other_service_account_is_denied if {
	every accounts in [[], ["shop/other"], ["other/web"], ["web"]] {
		messages({"serviceAccountName": "web"}, accounts) == {"the service account `shop/web` may not run pods on virtual nodes"}
	}
	messages({}, ["shop/web"]) == {"the service account `shop/default` may not run pods on virtual nodes"}
}
