package loadline.knative_revisions_test

import rego.v1

import data.loadline.knative_revisions

labels := {"serving.knative.dev/revision": "hello-00001"}

proxy := {"name": "queue-proxy", "readinessProbe": {"httpGet": {"port": 8012}}, "env": [{"name": "X", "value": "1"}, {"name": "CONTAINER_CONCURRENCY", "value": "20"}]}

containers := [{"name": "user-container"}, proxy]

findings(pod, features, most) := {[result.field, result.msg] | some result in results} if {
	results := knative_revisions.deny with input as {"pod": pod, "features": features, "parameters": {"maxConcurrency": most}}
}

fields(pod, features, most) := {finding[0] | some finding in findings(pod, features, most)}

revision(list) := {"metadata": {"labels": labels}, "spec": {"containers": list}}

feature(name, support) := {"name": name, "fields": ["spec.x"], "support": support}

test_revision_as_knative_makes_it_is_allowed if findings(revision(containers), [], 20) == set()

test_other_pods_are_not_meant if {
	every pod in [{}, {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "queue-proxy"}]}}] {
		findings(pod, [feature("lifecycle.pre-stop", {"a": "ignored"})], 1) == set()
	}
}

test_missing_proxy_is_denied if fields(revision([{"name": "user-container"}]), [], 0) == {"spec.containers"}

test_missing_probe_of_the_proxy_is_denied if {
	fields(revision([{"name": "user-container"}, {"name": "queue-proxy"}]), [], 0) == {"spec.containers[1].readinessProbe"}
}

test_what_the_proxy_needs_must_be_supported if {
	every name in [
		"env.field-ref.status.pod-ip", "probe.readiness.http-get", "probe.http-headers", "lifecycle.pre-stop",
		"lifecycle.termination-grace-period", "network.container-port", "container.several",
	] {
		every support in ["ignored", "unsupported"] {
			fields(revision(containers), [feature(name, {"nomad": support, "liqo": "supported"})], 0) == {"spec.x"}
		}
		fields(revision(containers), [feature(name, {"nomad": "supported", "liqo": "partial"})], 0) == set()
	}
	fields(revision(containers), [feature("dns.config", {"nomad": "ignored"})], 0) == set()
	findings(revision(containers), [feature("network.container-port", {"nomad": "ignored"})], 0) == {["spec.x", "no traffic would reach the proxy, because `nomad` does not support `network.container-port`"]}
}

with_concurrency(value) := revision([object.union(proxy, {"env": [{"name": "CONTAINER_CONCURRENCY", "value": value}]})])

test_concurrency_has_an_upper_bound if {
	every value in ["21", "0", "many", ""] {
		fields(with_concurrency(value), [], 20) == {"spec.containers[0].env"}
		fields(with_concurrency(value), [], 0) == set()
	}
	fields(with_concurrency("1"), [], 20) == set()
	fields(revision([object.union(proxy, {"env": [{"name": "X", "value": "1"}]})]), [], 20) == {"spec.containers[0].env"}
	fields(revision([object.remove(proxy, ["env"])]), [], 20) == {"spec.containers[0].env"}
	findings(with_concurrency("0"), [], 20) == {["spec.containers[0].env", "the revision lets its containers serve any number of requests at a time; at most 20 are wanted"]}
	findings(with_concurrency("21"), [], 20) == {["spec.containers[0].env", "the revision lets its containers serve 21 requests at a time; at most 20 are wanted"]}
}

of_service(group, spec, most) := {[result.field, result.msg] | some result in results} if {
	results := knative_revisions.deny with input as {
		"review": {"kind": {"group": group, "kind": "Service"}},
		"pod": {"spec": spec},
		"features": [],
		"parameters": {"maxConcurrency": most},
	}
}

test_concurrency_of_a_service_has_the_same_bound if {
	every spec in [{}, {"containerConcurrency": null}, {"containerConcurrency": 0}] {
		of_service("serving.knative.dev", spec, 20) == {["spec.containerConcurrency", "the revision lets its containers serve any number of requests at a time; at most 20 are wanted"]}
		of_service("serving.knative.dev", spec, 0) == set()
		of_service("", spec, 20) == set()
	}
	of_service("serving.knative.dev", {"containerConcurrency": 20}, 20) == set()
	of_service("serving.knative.dev", {"containerConcurrency": 21}, 20) == {["spec.containerConcurrency", "the revision lets its containers serve 21 requests at a time; at most 20 are wanted"]}
}
