package loadline.fission_functions_test

import rego.v1

import data.loadline.fission_functions

pod(executor, names) := {
	"metadata": {"labels": {"executorType": executor}},
	"spec": {"containers": [{"name": name} | some name in names]},
}

generic := pod("poolmgr", ["python", "fetcher"])

feature(name, support) := {"name": name, "fields": ["spec.x"], "support": support}

results("deny", pod, features) := found if {
	found := fission_functions.deny with input as {"pod": pod, "features": features}
}

results("warn", pod, features) := found if {
	found := fission_functions.warn with input as {"pod": pod, "features": features}
}

severe := [
	"container.several", "network.container-port", "volume.empty-dir", "identity.service-account-token", "volume.projected.service-account-token",
	"volume.downward-api", "security.fs-group", "env.secret-key-ref",
]

mild := ["lifecycle.pre-stop", "lifecycle.pre-stop.sleep", "lifecycle.termination-grace-period", "probe.readiness.http-get"]

test_what_a_function_needs_must_be_supported if {
	every name in severe {
		every support in ["ignored", "unsupported"] {
			features := [feature(name, {"nomad": support, "liqo": "supported"})]
			{result.field | some result in results("deny", generic, features)} == {"spec.x"}
			results("warn", generic, features) == set()
		}
		results("deny", generic, [feature(name, {"nomad": "supported", "liqo": "partial"})]) == set()
	}
}

test_what_costs_some_calls_is_warned_about if {
	every name in mild {
		features := [feature(name, {"nomad": "ignored"})]
		{result.field | some result in results("warn", generic, features)} == {"spec.x"}
		results("deny", generic, features) == set()
	}
}

test_other_features_do_not_matter if {
	every rule in ["deny", "warn"] {
		results(rule, generic, [feature("dns.config", {"nomad": "ignored"})]) == set()
	}
}

test_profile_and_consequence_are_named if {
	{result.msg | some result in results("deny", generic, [feature("volume.empty-dir", {"nomad": "ignored"})])} == {"the code would not get from the fetcher to the function, because `nomad` does not support `volume.empty-dir`"}
}

test_pods_without_a_fetcher_are_not_meant if {
	every other in [pod("container", ["fetcher"]), pod("poolmgr", ["python"]), {"spec": {"containers": [{"name": "fetcher"}]}}, {}] {
		every rule in ["deny", "warn"] {
			results(rule, other, [feature("volume.empty-dir", {"nomad": "ignored"}), feature("lifecycle.pre-stop", {"nomad": "ignored"})]) == set()
		}
	}
	count(results("deny", pod("newdeploy", ["fetcher", "python"]), [feature("volume.empty-dir", {"nomad": "ignored"})])) == 1
}

pool(kind, executor, replicas) := {result.msg | some result in found} if {
	found := fission_functions.warn with input as {
		"review": {"kind": {"kind": kind}, "object": {"spec": {"replicas": replicas}}},
		"pod": pod(executor, ["python", "fetcher"]),
		"features": [],
		"parameters": {"maxWaiting": 3},
	}
}

test_large_pool_is_warned_about if {
	pool("Deployment", "poolmgr", 4) == {"4 pods of the pool are paid for whether or not a function is called; at most 3 are wanted"}
	pool("Deployment", "poolmgr", 3) == set()
	pool("Deployment", "newdeploy", 4) == set()
	pool("ReplicaSet", "poolmgr", 4) == set()
}
