package loadline.bounded_jobs_test

import rego.v1

import data.loadline.bounded_jobs

messages(kind, spec, pod) := of_features(kind, spec, pod, [])

of_features(kind, spec, pod, features) := {result.msg | some result in results} if {
	results := bounded_jobs.deny with input as {
		"review": {"kind": {"kind": kind}, "object": {"spec": spec}},
		"pod": pod,
		"features": features,
		"parameters": {"maxSeconds": 3600, "maxRetries": 3, "maxKept": 20},
	}
}

no_deadline := "the job has no deadline: set `activeDeadlineSeconds`"

bounded := {"activeDeadlineSeconds": 600, "backoffLimit": 1}

scaled(job) := {"jobTargetRef": job, "successfulJobsHistoryLimit": 20, "failedJobsHistoryLimit": 20}

test_bounded_job_is_allowed_whoever_makes_it if {
	messages("Job", bounded, {}) == set()
	messages("CronJob", {"jobTemplate": {"spec": bounded}}, {}) == set()
	messages("ScaledJob", scaled(bounded), {}) == set()
}

test_job_without_a_deadline_is_denied if {
	messages("Job", {"backoffLimit": 0}, {}) == {no_deadline}
	messages("CronJob", {"jobTemplate": {"spec": {"backoffLimit": 0}}}, {}) == {no_deadline}
	messages("ScaledJob", scaled({"backoffLimit": 0, "activeDeadlineSeconds": null}), {}) == {no_deadline}
}

test_scaled_job_keeps_few_jobs if {
	every key, word in {"successfulJobsHistoryLimit": "succeeded", "failedJobsHistoryLimit": "failed"} {
		messages("ScaledJob", object.union(scaled(bounded), {key: 21}), {}) == {sprintf("the last 21 jobs that %s are kept, with their pods; at most 20 are wanted: set `%s`", [word, key])}
		every spec in [object.remove(scaled(bounded), [key]), object.union(scaled(bounded), {key: null})] {
			messages("ScaledJob", spec, {}) == {sprintf("the last 100 jobs that %s are kept, with their pods; at most 20 are wanted: set `%s`", [word, key])}
		}
	}
}

test_deadline_of_the_pod_is_one if messages("Job", {"backoffLimit": 0}, {"spec": {"activeDeadlineSeconds": 60}}) == set()

test_long_deadline_is_denied if {
	messages("Job", {"activeDeadlineSeconds": 3601, "backoffLimit": 1}, {}) == {"the job may take 3601 seconds; at most 3600 are wanted"}
	messages("Job", {"activeDeadlineSeconds": 3600, "backoffLimit": 1}, {}) == set()
}

test_many_retries_are_denied if {
	messages("Job", object.union(bounded, {"backoffLimit": 4}), {}) == {"the job may be tried again 4 times; at most 3 are wanted: set `backoffLimit`"}
	messages("Job", object.union(bounded, {"backoffLimit": 3}), {}) == set()
	every spec in [{"activeDeadlineSeconds": 60}, {"activeDeadlineSeconds": 60, "backoffLimit": null}] {
		messages("Job", spec, {}) == {"the job may be tried again 6 times; at most 3 are wanted: set `backoffLimit`"}
	}
}

test_other_workloads_are_not_meant if {
	every spec in [{"template": {}}, {"jobTemplate": {"spec": {}}}, {"jobTargetRef": {}}] {
		messages("Other", spec, {}) == set()
	}
}

test_pod_that_runs_to_an_end_has_a_deadline if {
	every policy in ["Never", "OnFailure"] {
		messages("Pod", {}, {"spec": {"restartPolicy": policy}}) == {"the pod runs to an end but has no deadline"}
		messages("Pod", {}, {"spec": {"restartPolicy": policy, "activeDeadlineSeconds": 60}}) == set()
		messages("Job", bounded, {"spec": {"restartPolicy": policy}}) == set()
	}
	messages("Pod", {}, {"spec": {"restartPolicy": "Always"}}) == set()
}

test_pod_of_a_job_is_judged_by_its_job if {
	messages("Pod", {}, owned(true)) == set()
	count(messages("Pod", {}, owned(false))) == 1
}

owned(controller) := {"metadata": {"ownerReferences": [{"kind": "Job", "controller": controller}]}, "spec": {"restartPolicy": "Never"}}

deadline(support) := [{"name": "lifecycle.active-deadline", "fields": ["spec.activeDeadlineSeconds"], "support": {"azure-aci": support}}]

test_deadline_that_the_profile_drops_is_none if {
	pod := {"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 60}}
	message := {"`azure-aci` does not keep the deadline of a pod; set that of the job"}
	every support in ["ignored", "unsupported"] {
		of_features("Job", {"backoffLimit": 0}, pod, deadline(support)) == message
		of_features("Pod", {}, pod, deadline(support)) == message
		of_features("Job", bounded, pod, deadline(support)) == set()
	}
	of_features("Pod", {}, pod, deadline("supported")) == set()
	other := [object.union(deadline("ignored")[0], {"name": "dns.config"})]
	of_features("Pod", {}, pod, other) == set()
}
