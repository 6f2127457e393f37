package loadline.openfaas_functions_test

import rego.v1

import data.loadline.openfaas_functions

function := {"metadata": {"labels": {"faas_function": "figlet"}}}

feature(name, support) := {"name": name, "fields": ["spec.x"], "support": support}

results("deny", pod, features) := found if {
	found := openfaas_functions.deny with input as {"pod": pod, "features": features}
}

results("warn", pod, features) := found if {
	found := openfaas_functions.warn with input as {"pod": pod, "features": features}
}

test_what_a_function_needs_must_be_supported if {
	every name in ["network.container-port", "volume.projected.secret", "volume.secret", "volume.empty-dir"] {
		every support in ["ignored", "unsupported"] {
			features := [feature(name, {"nomad": support, "liqo": "supported"})]
			{result.field | some result in results("deny", function, features)} == {"spec.x"}
			results("warn", function, features) == set()
		}
		results("deny", function, [feature(name, {"nomad": "supported", "liqo": "partial"})]) == set()
	}
}

test_what_costs_some_calls_is_warned_about if {
	every name in ["probe.readiness.exec", "probe.readiness.http-get", "probe.readiness.tcp-socket"] {
		features := [feature(name, {"nomad": "ignored"})]
		{result.msg | some result in results("warn", function, features)} == {sprintf("calls would come before the function listens, because `nomad` does not support `%s`", [name])}
		results("deny", function, features) == set()
	}
}

test_other_features_and_other_pods_do_not_matter if {
	every rule in ["deny", "warn"] {
		results(rule, function, [feature("dns.config", {"nomad": "ignored"})]) == set()
		every pod in [{}, {"metadata": {"labels": {"app": "figlet"}}}] {
			results(rule, pod, [feature("volume.secret", {"nomad": "ignored"}), feature("probe.readiness.exec", {"nomad": "ignored"})]) == set()
		}
	}
}
