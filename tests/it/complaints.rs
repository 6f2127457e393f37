//! The pods of people who lost a day to a virtual node, in our own words: each gets a diagnostic that would have saved it.
//!
//! One case for each published report. A case names the report, the pod as it met the cluster, and what Loadline says: the
//! code, the field, the profile, and words of the reason. The cluster has one node of the profile and one regular node.

use loadline::admission::verdict::Verdict;
use loadline::admission::{Pipeline, Stage};
use loadline::diagnostic::{Diagnostic, Severity};
use loadline::facts::{Cluster, Facts};
use loadline::node::NodeFact;
use serde_json::{Value, json};

use crate::reviews::{decide, decide_at, pod};

/// A cluster with the node of that profile, as the profile describes it.
fn cluster(pipeline: &Pipeline, profile: &str) -> Facts {
    let node = pipeline.profile_named(profile).unwrap().node.clone().unwrap();
    let nodes = [node, NodeFact::plain().clone()];
    Facts::of_cluster(Cluster::new(nodes, &pipeline.profiles), [].into())
}

/// A spec that leads to the virtual node of AKS, as its documentation has it.
fn on_aci(mut spec: Value) -> Value {
    spec["nodeSelector"] = json!({"kubernetes.io/role": "agent", "beta.kubernetes.io/os": "linux", "type": "virtual-kubelet"});
    spec["tolerations"] = json!([{"key": "virtual-kubelet.io/provider", "operator": "Exists"}, {"key": "azure.com/aci", "effect": "NoSchedule"}]);
    pod(json!({}), spec)
}

/// A pod that AWS's own webhook has given to Fargate.
fn on_fargate(mut spec: Value) -> Value {
    spec["schedulerName"] = json!("fargate-scheduler");
    pod(json!({"labels": {"eks.amazonaws.com/fargate-profile": "default"}}), spec)
}

fn one_container(extra: Value) -> Value {
    let mut container = json!({"name": "c", "image": "registry.example.com/a:1"});
    container.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({ "containers": [container] })
}

fn one_volume(volume: Value) -> Value {
    let mut spec = one_container(json!({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}));
    let mut one = json!({"name": "v"});
    one.as_object_mut().unwrap().extend(volume.as_object().unwrap().clone());
    spec["volumes"] = json!([one]);
    spec
}

#[track_caller]
fn found<'v>(verdict: &'v Verdict, code: &str) -> &'v Diagnostic {
    verdict
        .diagnostics
        .iter()
        .find(|one| one.code == code)
        .unwrap_or_else(|| panic!("no {code} in {:#?}", verdict.diagnostics))
}

/// One report.
struct Complaint {
    /// Where it was made.
    report: &'static str,
    profile: &'static str,
    pod: Value,
    /// What is said of it: code, field, words of the reason.
    said: &'static [(&'static str, &'static str, &'static str)],
}

fn aci() -> Vec<Complaint> {
    let complaint =
        |report, spec, said| Complaint { report, profile: "azure-aci", pod: on_aci(spec), said };
    vec![
        complaint(
            "https://github.com/virtual-kubelet/azure-aci/issues/566",
            one_container(json!({"startupProbe": {"httpGet": {"path": "/", "port": 80}}})),
            &[("probe.startup", "spec.containers[0].startupProbe.httpGet", "refuses")],
        ),
        complaint(
            "https://github.com/MicrosoftDocs/azure-docs/issues/54443",
            one_volume(json!({"persistentVolumeClaim": {"claimName": "share"}})),
            &[(
                "volume.persistent-volume-claim",
                "spec.volumes[0].persistentVolumeClaim",
                "claims",
            )],
        ),
        complaint(
            "https://github.com/MicrosoftDocs/azure-docs/issues/84855",
            one_volume(json!({"persistentVolumeClaim": {"claimName": "files", "readOnly": true}})),
            &[(
                "volume.persistent-volume-claim",
                "spec.volumes[0].persistentVolumeClaim",
                "claims",
            )],
        ),
        complaint(
            "https://github.com/kubeflow/website/issues/1958",
            one_volume(
                json!({"downwardAPI": {"items": [{"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}}]}}),
            ),
            &[("volume.downward-api", "spec.volumes[0].downwardAPI", "volume")],
        ),
        complaint(
            "https://github.com/virtual-kubelet/azure-aci/issues/51",
            {
                // Argo gives its pods a volume of this name, and a sidecar reads it.
                let mut spec = one_volume(
                    json!({"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}}),
                );
                spec["volumes"].as_array_mut().unwrap().push(json!({"name": "projected", "projected": {"sources": [
                    {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                ]}}));
                spec
            },
            &[
                ("volume.downward-api", "spec.volumes[0].downwardAPI", "the provider refuses"),
                (
                    "volume.projected.downward-api",
                    "spec.volumes[1].projected.sources[0].downwardAPI.items[0].fieldRef.fieldPath",
                    "the files are missing",
                ),
            ],
        ),
        complaint(
            "https://github.com/Azure/secrets-store-csi-driver-provider-azure/issues/369",
            {
                let mut spec = one_volume(json!({"hostPath": {"path": "/var/lib/kubelet/pods"}}));
                spec["containers"][0]["args"] = json!(["--port=8989"]);
                spec
            },
            &[
                ("container.args-without-command", "spec.containers[0]", "entry point"),
                ("volume.host-path", "spec.volumes[0].hostPath", ""),
            ],
        ),
        complaint(
            "https://github.com/virtual-kubelet/azure-aci/issues/148",
            one_container(
                json!({"env": [{"name": "SERVING_POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}]}),
            ),
            &[(
                "env.field-ref.status.pod-ip",
                "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath",
                "stays Pending",
            )],
        ),
        complaint(
            "https://github.com/MicrosoftDocs/azure-docs/issues/29780",
            one_container(
                json!({"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}}}),
            ),
            &[(
                "resources.limit-above-group-request",
                "spec.containers[0].resources.limits.cpu",
                "does not start",
            )],
        ),
        // A mesh injects an init container that changes the routes of the pod.
        complaint(
            "https://github.com/Azure/AKS/issues/1155",
            {
                let mut spec = one_container(json!({}));
                spec["initContainers"] = json!([{"name": "istio-init", "image": "registry.example.com/proxy:1",
                    "resources": {"requests": {"cpu": "10m"}}, "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]);
                spec
            },
            &[
                ("init-container.resources", "spec.initContainers[0].resources.requests", ""),
                (
                    "security.capabilities.add",
                    "spec.initContainers[0].securityContext.capabilities.add",
                    "",
                ),
            ],
        ),
    ]
}

/// What Fargate takes of no pod.
const DRIVER: &[(&str, &str, &str)] = &[
    ("host.network", "spec.hostNetwork", "never schedules the pod"),
    (
        "security.privileged",
        "spec.containers[0].securityContext.privileged",
        "never schedules the pod",
    ),
    ("host.port", "spec.containers[0].ports[0].hostPort", "never schedules the pod"),
];

/// What Fargate takes of no pod.
const MESH: &[(&str, &str, &str)] = &[(
    "security.capabilities.add",
    "spec.initContainers[0].securityContext.capabilities.add",
    "never schedules the pod",
)];

fn fargate() -> Vec<Complaint> {
    let complaint = |report, spec, said| Complaint {
        report,
        profile: "eks-fargate",
        pod: on_fargate(spec),
        said,
    };
    let driver = || {
        let mut spec = one_container(json!({
            "securityContext": {"privileged": true}, "ports": [{"containerPort": 9909, "hostPort": 9909}],
        }));
        spec["hostNetwork"] = json!(true);
        spec
    };
    let mesh = |name: &str| {
        let mut spec = one_container(json!({}));
        spec["initContainers"] = json!([{"name": name, "image": "registry.example.com/proxy:1",
            "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}, "runAsUser": 0}}]);
        spec
    };
    vec![
        complaint("https://github.com/aws/containers-roadmap/issues/1517", driver(), DRIVER),
        complaint(
            "https://github.com/kubernetes-sigs/aws-efs-csi-driver/issues/589",
            driver(),
            DRIVER,
        ),
        complaint(
            "https://github.com/kubernetes-sigs/aws-efs-csi-driver/issues/1329",
            one_container(json!({"securityContext": {"privileged": true}})),
            &DRIVER[1..2],
        ),
        complaint(
            "https://github.com/kubernetes/ingress-nginx/issues/4888",
            one_container(
                json!({"securityContext": {"allowPrivilegeEscalation": true, "runAsUser": 101}}),
            ),
            &[(
                "security.allow-privilege-escalation",
                "spec.containers[0].securityContext.allowPrivilegeEscalation",
                "never schedules the pod",
            )],
        ),
        complaint(
            "https://github.com/freegroup/kube-s3/issues/14",
            {
                let mut spec = one_volume(json!({"hostPath": {"path": "/mnt/data-s3-fs"}}));
                spec["containers"][0]["securityContext"] = json!({"privileged": true});
                spec
            },
            &[
                ("volume.host-path", "spec.volumes[0].hostPath", "never schedules the pod"),
                (
                    "security.privileged",
                    "spec.containers[0].securityContext.privileged",
                    "never schedules the pod",
                ),
            ],
        ),
        complaint("https://github.com/aws/containers-roadmap/issues/682", mesh("istio-init"), MESH),
        complaint("https://github.com/kumahq/kuma/issues/2920", mesh("kuma-init"), MESH),
        complaint("https://github.com/istio/istio/issues/26154", mesh("istio-init"), MESH),
    ]
}

#[test]
fn each_complaint_gets_a_reason_and_help_before_the_pod_is_scheduled() {
    let pipeline = Pipeline::built_in().unwrap();
    let mut failures = Vec::new();
    for Complaint { report, profile, pod, said } in aci().into_iter().chain(fargate()) {
        let verdict = decide(&pipeline, &cluster(&pipeline, profile), &pod);
        if verdict.allowed {
            failures.push(format!("{report}: admitted"));
        }
        for (code, field, words) in said {
            let Some(one) = verdict.diagnostics.iter().find(|one| one.code == *code) else {
                let codes: Vec<&str> = verdict.diagnostics.iter().map(|one| &*one.code).collect();
                failures.push(format!("{report}: no {code} among {codes:?}"));
                continue;
            };
            let why = one.why.as_deref().unwrap_or_default();
            let places: Vec<String> = one.places.iter().map(ToString::to_string).collect();
            let is_there = places.iter().any(|place| place == field);
            if one.profiles != [profile] || !is_there || !why.contains(words) || one.help.is_none()
            {
                failures.push(format!(
                    "{report}: {code} on {:?} at {places:?}, because {why}; help: {:?}",
                    one.profiles, one.help
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// <https://github.com/Azure/AKS/issues/1720>: the selector is there, the toleration is not.
#[test]
fn a_pod_that_names_a_virtual_node_and_lacks_the_toleration_is_told_which() {
    let pipeline = Pipeline::built_in().unwrap();
    let object = pod(json!({}), json!({"nodeSelector": {"type": "virtual-kubelet"}}));
    let verdict = decide(&pipeline, &cluster(&pipeline, "azure-aci"), &object);
    let one = found(&verdict, "missing-toleration");
    assert!(verdict.allowed && verdict.patch.is_empty(), "a taint is there on purpose");
    assert_eq!(
        (one.severity, one.profiles.as_slice()),
        (Severity::Warn, ["azure-aci".to_owned()].as_slice())
    );
    assert_eq!(
        one.what,
        "no toleration for the taint `virtual-kubelet.io/provider=azure:NoSchedule`"
    );
    assert!(one.why.as_ref().unwrap().contains("stays Pending"));
    assert!(one.help.as_ref().unwrap().contains("`loadline.dev/profile: azure-aci`"));
    // Without a cluster it is less sure which, and says so once.
    let verdict = decide(&pipeline, &Facts::default(), &object);
    assert_eq!(verdict.diagnostics.len(), 1);
    assert!(
        found(&verdict, "missing-toleration")
            .what
            .contains("`virtual-kubelet.io/provider`, or one of")
    );
}

/// <https://github.com/MicrosoftDocs/azure-docs/issues/54315>: the taint has another key since an upgrade.
#[test]
fn a_pod_that_tolerates_the_taint_of_another_version_is_told_so() {
    let pipeline = Pipeline::built_in().unwrap();
    let old = json!([{"key": "azure.com/aci", "effect": "NoSchedule"}]);
    let object =
        pod(json!({}), json!({"nodeSelector": {"type": "virtual-kubelet"}, "tolerations": old}));
    let verdict = decide(&pipeline, &cluster(&pipeline, "azure-aci"), &object);
    let one = found(&verdict, "missing-toleration");
    assert_eq!(one.places[0].to_string(), "spec.tolerations");
    assert!(
        one.why
            .as_ref()
            .unwrap()
            .contains("it tolerates `azure.com/aci`, which is not the taint of such a node")
    );
    // With the profile asked for instead, the taint of today is tolerated.
    let asking =
        pod(json!({"labels": {"loadline.dev/profile": "azure-aci"}}), json!({"tolerations": old}));
    let verdict = decide(&pipeline, &cluster(&pipeline, "azure-aci"), &asking);
    assert!(verdict.diagnostics.iter().all(|one| one.code != "missing-toleration"));
    assert!(
        verdict
            .changes
            .iter()
            .any(|change| format!("{change:?}").contains("virtual-kubelet.io/provider"))
    );
}

#[test]
fn a_pod_that_names_other_nodes_or_may_run_elsewhere_is_not_told_of_tolerations() {
    let pipeline = Pipeline::built_in().unwrap();
    for spec in [
        json!({}),
        json!({"nodeSelector": {"pool": "gpu"}}),
        json!({"nodeSelector": {"kubernetes.io/os": "linux"}}),
        json!({"nodeName": "virtual-node-aci-linux"}),
        json!({"nodeSelector": {"type": "virtual-kubelet"}, "tolerations": [{"operator": "Exists"}]}),
    ] {
        for facts in [Facts::default(), cluster(&pipeline, "azure-aci")] {
            let verdict = decide(&pipeline, &facts, &pod(json!({}), spec.clone()));
            let mut codes = verdict.diagnostics.iter().map(|one| &*one.code);
            assert!(codes.all(|code| code != "missing-toleration"), "{spec}");
        }
    }
    // The webhook that mutates leaves it to the one that validates, so that it is said once.
    let object = pod(json!({}), json!({"nodeSelector": {"type": "virtual-kubelet"}}));
    let verdict = decide_at(&pipeline, &Facts::default(), &object, Stage::Mutate);
    assert!(verdict.diagnostics.is_empty());
}

/// <https://github.com/tigera/operator/issues/1048>: an agent that tolerates everything comes to every node.
#[test]
fn a_daemon_set_that_tolerates_everything_is_kept_off() {
    let pipeline = Pipeline::built_in().unwrap();
    for profile in ["azure-aci", "eks-fargate"] {
        let facts = cluster(&pipeline, profile);
        let owner = json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "calico-node", "uid": "1", "controller": true}]);
        let spec = json!({"tolerations": [{"operator": "Exists", "effect": "NoSchedule"}], "hostNetwork": true});
        let verdict =
            decide(&pipeline, &facts, &pod(json!({"ownerReferences": owner}), spec.clone()));
        let one = found(&verdict, "workload.daemon-set");
        assert!(verdict.allowed && one.severity == Severity::Warn);
        assert!(one.why.is_some() && one.help.is_some(), "{one:?}");
        assert!(
            verdict.changes.iter().any(|change| format!("{change:?}").contains("NotIn")),
            "{:?}",
            verdict.changes
        );
        // The author hears of it when the DaemonSet is applied.
        let set = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "calico-node", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}},
                "spec": pod(json!({}), spec)["spec"]}}});
        found(&decide(&pipeline, &facts, &set), "workload.daemon-set");
    }
}

/// <https://github.com/virtual-kubelet/virtual-kubelet/issues/166>: what cannot run should fail before it is scheduled, and
/// only where that is so.
#[test]
fn the_same_pod_fails_before_it_is_scheduled_on_one_kind_of_node_and_runs_on_another() {
    let pipeline = Pipeline::built_in().unwrap();
    let spec = one_volume(json!({"persistentVolumeClaim": {"claimName": "data"}}));
    let asking =
        |profile: &str| pod(json!({"labels": {"loadline.dev/profile": profile}}), spec.clone());
    let refused = decide(&pipeline, &Facts::default(), &asking("azure-aci"));
    assert!(!refused.allowed && found(&refused, "volume.persistent-volume-claim").help.is_some());
    let admitted = decide(&pipeline, &Facts::default(), &asking("liqo"));
    assert!(admitted.allowed, "{:#?}", admitted.diagnostics);
    // A pod that may run on a regular node is sent there instead of being refused.
    let tolerant = json!({"tolerations": [{"operator": "Exists"}]});
    let mut spread = pod(json!({}), spec.clone());
    spread["spec"]["tolerations"] = tolerant["tolerations"].clone();
    let verdict = decide(&pipeline, &cluster(&pipeline, "azure-aci"), &spread);
    assert!(verdict.allowed && !verdict.patch.is_empty());
}

/// No single mark means "virtual node": where no cluster is known, every mark that real manifests use must count.
#[test]
fn a_pod_is_headed_where_its_marks_lead() {
    let pipeline = Pipeline::built_in().unwrap();
    let tolerating = |key: &str| json!([{"key": key, "operator": "Exists"}]);
    let all = json!([{"operator": "Exists"}]);
    let by_host = |name: &str, tolerations: &Value| json!({"nodeSelector": {"kubernetes.io/hostname": name}, "tolerations": tolerations});
    let elected = pod(json!({"annotations": {"multicluster.admiralty.io/elect": ""}}), json!({}));
    let scheduled = |spec: Value| pod(json!({}), spec);
    for (object, expected) in [
        // Admiralty's own documentation leaves the value empty.
        (elected, "admiralty"),
        (scheduled(by_host("virtual-node-aci-linux", &all)), "azure-aci"),
        (scheduled(by_host("virtual-node-aci-linux-2", &all)), "azure-aci"),
        (
            scheduled(by_host(
                "virtual-kubelet-aci-linux",
                &tolerating("virtual-kubelet.io/provider"),
            )),
            "azure-aci",
        ),
        // A taint of an earlier version.
        (
            scheduled(
                json!({"nodeSelector": {"type": "virtual-kubelet"}, "tolerations": tolerating("azure.com/aci")}),
            ),
            "azure-aci",
        ),
        (
            scheduled(
                json!({"nodeSelector": {"type": "virtual-kubelet", "beta.kubernetes.io/os": "windows"},
            "tolerations": tolerating("virtual-kubelet.io/provider")}),
            ),
            "azure-aci",
        ),
        // A node whose name can be anything, known by a taint of its own.
        (
            scheduled(by_host("my-node", &tolerating("virtual-node.interlink/no-schedule"))),
            "interlink",
        ),
        // A node name that tells nothing beside labels that do.
        (
            scheduled(json!({"nodeName": "any", "nodeSelector": {"liqo.io/type": "virtual-node"},
            "tolerations": tolerating("virtual-node.liqo.io/not-allowed")})),
            "liqo",
        ),
    ] {
        let verdict = decide(&pipeline, &Facts::default(), &object);
        let profiles: Vec<&str> =
            verdict.placement.profiles.iter().map(|one| &*one.profile).collect();
        assert_eq!(profiles, [expected], "{object}");
        assert_eq!(verdict.placement.standing, loadline::placement::Standing::Bound, "{object}");
    }
    // Neither a name nor a toleration alone leads anywhere.
    for spec in [
        json!({"nodeName": "any", "tolerations": all}),
        by_host("my-node", &all),
        by_host("my-node", &tolerating("virtual-kubelet.io/provider")),
    ] {
        let verdict = decide(&pipeline, &Facts::default(), &scheduled(spec.clone()));
        assert!(verdict.placement.profiles.is_empty(), "{spec}");
    }
}
