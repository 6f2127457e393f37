package lib.loadline.inventory_test

import rego.v1

import data.lib.loadline.inventory

test_objects_beside_are_those_of_the_same_namespace if {
	known := {"shop": {"v1": {"Service": {"a": {"x": 1}}}}, "bank": {"v1": {"Service": {"b": {}}}}}
	found := inventory.beside("v1", "Service") with data.inventory.namespace as known with input.review.namespace as "shop"
	found == {"a": {"x": 1}}
}

test_objects_that_nobody_knows_are_none if {
	inventory.beside("v1", "Service") == {} with input.review.namespace as "shop"
	inventory.beside("v1", "Service") == {} with data.inventory as {"cluster": {}, "namespace": {"shop": {}}} with input.review.namespace as "shop"
}

of(selector) if inventory.selects(selector, {"app": "web", "tier": "front"})

expression(key, operator, values) := {"matchExpressions": [{"key": key, "operator": operator, "values": values}]}

test_empty_selector_selects_everything if {
	of({})
	of({"matchLabels": {}, "matchExpressions": []})
	of({"matchLabels": null, "matchExpressions": null})
	inventory.selects({}, {})
}

test_all_labels_must_match if {
	of({"matchLabels": {"app": "web"}})
	of({"matchLabels": {"app": "web", "tier": "front"}})
	not of({"matchLabels": {"app": "web", "tier": "back"}})
	not of({"matchLabels": {"zone": "a"}})
}

test_all_expressions_must_match if {
	of(expression("app", "In", ["web", "api"]))
	not of(expression("app", "In", ["api"]))
	not of(expression("zone", "In", ["a"]))
	of(expression("app", "NotIn", ["api"]))
	of(expression("zone", "NotIn", ["a"]))
	not of(expression("app", "NotIn", ["web"]))
	of(expression("app", "Exists", []))
	not of(expression("zone", "Exists", []))
	of(expression("zone", "DoesNotExist", []))
	not of(expression("app", "DoesNotExist", []))
	not of(expression("app", "Unheard", []))
	not of({"matchExpressions": [{"key": "app", "operator": "Exists"}, {"key": "app", "operator": "DoesNotExist"}]})
}

test_labels_and_expressions_must_both_match if {
	not of({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]})
	not of({"matchLabels": {"app": "api"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]})
}

test_pod_may_have_no_labels if {
	every pod in [null, {}, {"metadata": null}, {"metadata": {}}, {"metadata": {"labels": null}}] {
		inventory.labels == {} with input.pod as pod
	}
	inventory.labels == {"a": "b"} with input.pod as {"metadata": {"labels": {"a": "b"}}}
}
