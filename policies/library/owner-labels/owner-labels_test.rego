package loadline.owner_labels_test

import rego.v1

import data.loadline.owner_labels

findings(metadata, values) := {[result.field, result.msg] | some result in results} if {
	results := owner_labels.deny with input as {
		"pod": {"metadata": metadata},
		"parameters": {"labels": ["owner", "example.com/cost-centre"], "values": values},
	}
}

good := {"owner": "payments", "example.com/cost-centre": "4711"}

test_labelled_pod_is_allowed if findings({"labels": good}, {}) == set()

test_missing_label_is_denied if {
	every metadata in [{}, {"labels": null}, {"labels": {"other": "x"}}, {"labels": {"owner": "", "example.com/cost-centre": null}}] {
		findings(metadata, {}) == {
			["metadata.labels['owner']", "the pod has no label `owner`"],
			["metadata.labels['example.com/cost-centre']", "the pod has no label `example.com/cost-centre`"],
		}
	}
}

test_value_must_be_one_of_those_named if {
	findings({"labels": good}, {"owner": ["payments", "search"]}) == set()
	findings({"labels": good}, {"owner": ["search", "web"]}) == {["metadata.labels['owner']", "the label `owner` is `payments`, not one of: search, web"]}
}

test_values_of_a_label_that_need_not_be_there if findings({"labels": good}, {"tier": ["a"]}) == set()
