# METADATA
# title: jobs that burst to virtual nodes come to an end
# description: >-
#   A job that hangs on a virtual node is paid for until somebody notices, and one that fails is tried again in a new pod, which
#   is billed anew. KEDA makes such jobs by the hundred. Jobs, the templates of CronJobs and of KEDA's ScaledJobs, and pods that
#   run to an end must say how long they may take; jobs also how often they are tried. Where a profile within reach ignores the
#   deadline of the pod, only that of the job counts. KEDA also keeps the last hundred jobs that succeeded and the last hundred
#   that failed, unless it is told otherwise: their pods stay where they were, and count against the quota of many a virtual node.
# related_resources:
# - https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup
# - https://keda.sh/docs/latest/concepts/scaling-jobs/
# custom:
#   help: set `activeDeadlineSeconds` and `backoffLimit` in the spec of the job
#   sets: [burst, finops]
#   match:
#     kinds: [Pod]
#   action: warn
#   onError: warn
#   parameters:
#     # The longest that a job may be allowed to take, in seconds.
#     maxSeconds: 86400
#     # How often it may be tried again.
#     maxRetries: 3
#     # How many jobs that have ended well, and how many that have failed, a ScaledJob may keep.
#     maxKept: 20
package loadline.bounded_jobs

import rego.v1

# The spec of the job that is under review, whoever makes the job.
job := input.review.object.spec if {
	input.review.kind.kind == "Job"
} else := input.review.object.spec.jobTemplate.spec if {
	input.review.kind.kind == "CronJob"
} else := input.review.object.spec.jobTargetRef if {
	input.review.kind.kind == "ScaledJob"
}

deny contains {"msg": "the job has no deadline: set `activeDeadlineSeconds`"} if {
	job
	not job_has_deadline
	not pod_has_deadline
}

deny contains {"msg": msg} if {
	seconds := job.activeDeadlineSeconds
	seconds > input.parameters.maxSeconds
	msg := sprintf("the job may take %v seconds; at most %v are wanted", [seconds, input.parameters.maxSeconds])
}

# Kubernetes tries six times again where nothing is said.
deny contains {"msg": msg} if {
	retries := number(object.get(job, "backoffLimit", 6), 6)
	retries > input.parameters.maxRetries
	msg := sprintf("the job may be tried again %v times; at most %v are wanted: set `backoffLimit`", [retries, input.parameters.maxRetries])
}

# How many KEDA keeps where nothing is said.
kept_by_keda := 100

deny contains {"msg": msg} if {
	input.review.kind.kind == "ScaledJob"
	some limit, outcome in {"successfulJobsHistoryLimit": "succeeded", "failedJobsHistoryLimit": "failed"}
	kept := number(object.get(input.review.object.spec, limit, kept_by_keda), kept_by_keda)
	kept > input.parameters.maxKept
	msg := sprintf("the last %v jobs that %s are kept, with their pods; at most %v are wanted: set `%s`", [
		kept,
		outcome,
		input.parameters.maxKept,
		limit,
	])
}

job_has_deadline if is_number(job.activeDeadlineSeconds)

pod_has_deadline if is_number(input.pod.spec.activeDeadlineSeconds)

number(value, _) := value if is_number(value)

number(value, otherwise) := otherwise if value == null

# A pod that runs to an end and belongs to no job.
deny contains {"msg": "the pod runs to an end but has no deadline", "field": "spec.activeDeadlineSeconds"} if {
	input.review.kind.kind == "Pod"
	input.pod.spec.restartPolicy in {"Never", "OnFailure"}
	not pod_has_deadline
	not has_owner
}

# Whoever made the pod is judged by its own template.
has_owner if {
	some owner in input.pod.metadata.ownerReferences
	owner.controller == true
}

deny contains {"msg": msg, "field": feature.fields[0]} if {
	some feature in input.features
	feature.name == "lifecycle.active-deadline"
	some profile, support in feature.support
	support in {"ignored", "unsupported"}
	not job_has_deadline
	msg := sprintf("`%s` does not keep the deadline of a pod; set that of the job", [profile])
}
