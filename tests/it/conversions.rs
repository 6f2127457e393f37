//! What becomes of small pods of our own on the virtual nodes, one for each class of behaviour.
//!
//! The same ground as [`super::truth`], without recordings: a change of data or locators that loses a class shows here.

use loadline::path::FieldPath;
use loadline::profile::Support;
use serde_json::{Value, json};

use super::truth::{Data, Fate, Judgement, Outcome};

use Outcome::{Accepted, Refused, Stalled};

/// A pod with one container, or with what `spec` says.
fn pod(spec: Value) -> Value {
    let mut pod = json!({"metadata": {"name": "ferry"}, "spec": {"containers": [
        {"name": "deck", "image": "harbour.example/ferry:3", "command": ["sail"]},
    ]}});
    pod["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    pod
}

/// A pod whose container has more fields.
fn container(extra: Value) -> Value {
    let mut pod = pod(json!({}));
    pod["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    pod
}

/// A pod with one volume, mounted.
fn volume(source: Value) -> Value {
    let mut pod = container(json!({"volumeMounts": [{"name": "hold", "mountPath": "/hold"}]}));
    let mut volume = json!({"name": "hold"});
    volume.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    pod["spec"]["volumes"] = json!([volume]);
    pod
}

struct Bench(Data);

impl Bench {
    fn judge(&self, profile: &str, pod: &Value) -> Judgement<'_> {
        Judgement::of(&self.0, self.0.profile(profile), pod).unwrap()
    }

    fn outcomes(&self, pod: &Value, expected: &[(&str, Outcome)]) {
        for (profile, outcome) in expected {
            assert_eq!(self.judge(profile, pod).outcome(), *outcome, "{profile}: {pod}");
        }
    }

    fn fates(&self, pod: &Value, field: &str, expected: &[(&str, Fate)]) {
        let field = FieldPath::parse(field).unwrap();
        assert!(pod.pointer(&field.to_pointer()).is_some(), "{field} is not in {pod}");
        for (profile, fate) in expected {
            assert_eq!(self.judge(profile, pod).fate(pod, &field), *fate, "{profile}: {field}");
        }
    }

    /// What the profile does with the feature, if the pod has it.
    fn support(&self, profile: &str, pod: &Value, feature: &str) -> Option<Support> {
        let id = self.0.catalogue.by_name(feature).unwrap();
        let view = self.0.catalogue.read(pod).unwrap();
        view.uses
            .iter()
            .any(|one| one.feature == id)
            .then(|| self.0.profile(profile).entry(id).support)
    }
}

fn bench() -> Bench {
    Bench(Data::load())
}

#[test]
fn a_variable_that_the_core_cannot_resolve_stalls_the_pod() {
    let address =
        json!([{"name": "BERTH", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]);
    let everywhere = [
        ("azure-aci", Stalled),
        ("nomad", Stalled),
        ("elotl-kip", Stalled),
        ("azure-batch", Stalled),
        ("liqo", Accepted),
    ];
    bench().outcomes(&container(json!({"env": address})), &everywhere);
    // Also where the provider would never run the init container that asks.
    let init = pod(
        json!({"initContainers": [{"name": "tug", "image": "t:1", "command": ["pull"], "env": address}]}),
    );
    bench().outcomes(&init, &everywhere);
}

#[test]
fn a_stall_comes_before_a_refusal() {
    let mut both = volume(json!({"persistentVolumeClaim": {"claimName": "cargo"}}));
    bench().outcomes(&both, &[("azure-aci", Refused)]);
    both["spec"]["containers"][0]["env"] =
        json!([{"name": "BERTH", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]);
    bench().outcomes(&both, &[("azure-aci", Stalled)]);
}

#[test]
fn a_claim_is_refused_replaced_dropped_or_kept() {
    let bench = bench();
    let pod = volume(json!({"persistentVolumeClaim": {"claimName": "cargo"}}));
    bench.outcomes(
        &pod,
        &[("azure-aci", Refused), ("elotl-kip", Accepted), ("nomad", Accepted), ("liqo", Accepted)],
    );
    let claim = "spec.volumes[0].persistentVolumeClaim.claimName";
    bench.fates(
        &pod,
        claim,
        &[
            ("elotl-kip", Fate::Told),
            ("nomad", Fate::Told),
            ("azure-batch", Fate::Told),
            ("liqo", Fate::Kept),
        ],
    );
    // What replaces the claim is mounted; what is dropped takes its mount along.
    bench.fates(
        &pod,
        "spec.containers[0].volumeMounts[0].mountPath",
        &[("elotl-kip", Fate::Kept), ("azure-batch", Fate::Untold), ("nomad", Fate::Untold)],
    );
}

#[test]
fn a_volume_without_a_source_is_an_empty_directory() {
    let bench = bench();
    let pod = volume(json!({}));
    assert_eq!(bench.support("azure-aci", &pod, "volume.empty-dir"), Some(Support::Supported));
    assert_eq!(
        bench.support(
            "azure-aci",
            &volume(json!({"secret": {"secretName": "key"}})),
            "volume.empty-dir"
        ),
        None
    );
    bench.outcomes(&pod, &[("azure-aci", Accepted), ("azure-batch", Accepted)]);
    bench.fates(
        &pod,
        "spec.containers[0].volumeMounts[0].mountPath",
        &[("azure-batch", Fate::Kept)],
    );
}

#[test]
fn projected_sources_lose_each_its_own_part() {
    let bench = bench();
    let pod = volume(json!({"projected": {"sources": [
        {"serviceAccountToken": {"path": "pass", "audience": "customs", "expirationSeconds": 900}},
        {"configMap": {"name": "charts", "items": [{"key": "north", "path": "north.map"}]}},
        {"secret": {"name": "seal"}},
    ]}}));
    let source = "spec.volumes[0].projected.sources";
    for (field, aci, kip) in [
        ("[0].serviceAccountToken.audience", Fate::Told, Fate::Told),
        ("[0].serviceAccountToken.path", Fate::Untold, Fate::Told),
        ("[1].configMap.items[0].key", Fate::Kept, Fate::Kept),
        ("[1].configMap.items[0].path", Fate::Untold, Fate::Kept),
        // Without a list of keys the source brings no file.
        ("[2].secret.name", Fate::Told, Fate::Kept),
    ] {
        let field = format!("{source}{field}");
        bench.fates(
            &pod,
            &field,
            &[
                ("azure-aci", aci),
                ("elotl-kip", kip),
                ("liqo", if field.ends_with("audience") { Fate::Told } else { Fate::Kept }),
            ],
        );
    }
}

#[test]
fn arguments_alone_are_refused_where_a_group_has_one_command_line() {
    let mut pod = container(json!({"args": ["--slow"]}));
    bench().outcomes(&pod, &[("azure-aci", Accepted)]);
    pod["spec"]["containers"][0].as_object_mut().unwrap().remove("command");
    bench().outcomes(&pod, &[("azure-aci", Refused), ("nomad", Accepted), ("elotl-kip", Accepted)]);
}

#[test]
fn probes_are_refused_dropped_or_kept_with_their_timing() {
    let bench = bench();
    let probed = |probe: Value| container(json!({"livenessProbe": probe}));
    let socket = probed(json!({"tcpSocket": {"port": 7}, "periodSeconds": 5}));
    bench.outcomes(&socket, &[("azure-aci", Refused), ("nomad", Accepted)]);
    let period = "spec.containers[0].livenessProbe.periodSeconds";
    bench.fates(&socket, period, &[("nomad", Fate::Untold), ("elotl-kip", Fate::Kept)]);
    let grpc = probed(json!({"grpc": {"port": 7}, "periodSeconds": 5}));
    bench.fates(&grpc, "spec.containers[0].livenessProbe.grpc.port", &[("elotl-kip", Fate::Told)]);
    bench.fates(&grpc, period, &[("elotl-kip", Fate::Kept)]);
    let startup = container(json!({"startupProbe": {"exec": {"command": ["true"]}}}));
    bench.outcomes(&startup, &[("azure-aci", Refused), ("elotl-kip", Accepted)]);
    let headers =
        probed(json!({"httpGet": {"port": 80, "httpHeaders": [{"name": "Flag", "value": "red"}]}}));
    bench.fates(
        &headers,
        "spec.containers[0].livenessProbe.httpGet.httpHeaders[0].value",
        &[("azure-aci", Fate::Told)],
    );
    bench.fates(
        &headers,
        "spec.containers[0].livenessProbe.httpGet.port",
        &[("azure-aci", Fate::Kept)],
    );
}

#[test]
fn hooks_are_refused_but_a_pause_is_overlooked() {
    let hook = |hook: Value| container(json!({"lifecycle": {"preStop": hook}}));
    let bench = bench();
    bench.outcomes(
        &hook(json!({"exec": {"command": ["moor"]}})),
        &[("azure-aci", Refused), ("elotl-kip", Accepted)],
    );
    let pause = hook(json!({"sleep": {"seconds": 9}}));
    bench.outcomes(&pause, &[("azure-aci", Accepted)]);
    bench.fates(
        &pause,
        "spec.containers[0].lifecycle.preStop.sleep.seconds",
        &[("azure-aci", Fate::Told), ("liqo", Fate::Kept)],
    );
}

#[test]
fn init_containers_are_refused_for_what_they_hold_or_dropped_whole() {
    let bench = bench();
    let init = |extra: Value| {
        let mut tug = json!({"name": "tug", "image": "t:1", "command": ["pull"]});
        tug.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        pod(json!({"initContainers": [tug]}))
    };
    bench.outcomes(&init(json!({})), &[("azure-aci", Accepted), ("nomad", Accepted)]);
    for extra in [
        json!({"ports": [{"containerPort": 9}]}),
        json!({"resources": {"requests": {"cpu": "1"}}}),
        json!({"livenessProbe": {"exec": {"command": ["true"]}}}),
    ] {
        bench.outcomes(&init(extra), &[("azure-aci", Refused), ("azure-batch", Accepted)]);
    }
    bench.fates(
        &init(json!({})),
        "spec.initContainers[0].image",
        &[("nomad", Fate::Told), ("azure-batch", Fate::Kept)],
    );
}

#[test]
fn names_of_variables_that_are_no_identifiers_are_refused_by_kip() {
    let named = |name: &str| container(json!({"env": [{"name": name, "value": "x"}]}));
    bench().outcomes(&named("HARBOUR_MASTER"), &[("elotl-kip", Accepted)]);
    for name in ["harbour.master", "harbour-master", "2nd"] {
        bench().outcomes(
            &named(name),
            &[("elotl-kip", Refused), ("azure-aci", Accepted), ("liqo", Accepted)],
        );
    }
}

#[test]
fn an_empty_variable_vanishes_with_its_name() {
    let pod = container(json!({"env": [{"name": "FOG", "value": ""}]}));
    bench().fates(
        &pod,
        "spec.containers[0].env[0].name",
        &[
            ("azure-aci", Fate::Told),
            ("nomad", Fate::Told),
            ("elotl-kip", Fate::Told),
            ("liqo", Fate::Kept),
        ],
    );
}

#[test]
fn the_name_of_a_variable_goes_where_its_source_goes() {
    let pod = container(
        json!({"env": [{"name": "DRAUGHT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}]}),
    );
    let name = "spec.containers[0].env[0].name";
    bench().fates(&pod, name, &[("azure-aci", Fate::Untold), ("liqo", Fate::Kept)]);
}

#[test]
fn security_contexts_are_dropped_and_told() {
    let pod = container(
        json!({"securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}, "privileged": false}}),
    );
    let context = "spec.containers[0].securityContext";
    bench().fates(
        &pod,
        &format!("{context}.runAsUser"),
        &[("azure-aci", Fate::Told), ("elotl-kip", Fate::Kept)],
    );
    bench().fates(
        &pod,
        &format!("{context}.capabilities.drop"),
        &[("nomad", Fate::Told), ("elotl-kip", Fate::Kept)],
    );
    // It asks for what is so anyway.
    bench().fates(
        &pod,
        &format!("{context}.privileged"),
        &[("azure-aci", Fate::Untold), ("liqo", Fate::Kept)],
    );
}

#[test]
fn what_holds_a_default_is_dropped_without_a_word() {
    let pod = container(
        json!({"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent"}),
    );
    for field in ["terminationMessagePath", "imagePullPolicy"] {
        bench().fates(
            &pod,
            &format!("spec.containers[0].{field}"),
            &[("azure-aci", Fate::Untold), ("liqo", Fate::Kept)],
        );
    }
}

#[test]
fn what_has_done_its_work_here_is_left_behind() {
    let pod = pod(json!({
        "nodeSelector": {"type": "virtual-kubelet"}, "priority": 5, "serviceAccountName": "mate",
        "tolerations": [{"operator": "Exists"}],
    }));
    let bench = bench();
    for field in ["spec.nodeSelector", "spec.priority", "spec.serviceAccountName"] {
        bench.fates(&pod, field, &[("azure-aci", Fate::Untold), ("elotl-kip", Fate::Untold)]);
    }
    bench.fates(&pod, "spec.nodeSelector", &[("liqo", Fate::Told)]);
    bench.fates(
        &pod,
        "spec.tolerations[0].operator",
        &[("nomad", Fate::Untold), ("liqo", Fate::Kept)],
    );
}

#[test]
fn a_request_counts_unless_there_is_a_limit() {
    let sized = |resources: Value| container(json!({"resources": resources}));
    let request = "spec.containers[0].resources.requests.memory";
    let alone = sized(json!({"requests": {"memory": "1Gi"}}));
    let beside = sized(json!({"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}));
    bench().fates(
        &alone,
        request,
        &[("elotl-kip", Fate::Kept), ("nomad", Fate::Told), ("azure-aci", Fate::Kept)],
    );
    bench().fates(&beside, request, &[("elotl-kip", Fate::Told), ("azure-aci", Fate::Kept)]);
}

#[test]
fn what_only_the_backend_refuses_is_accepted_and_still_unsupported() {
    let bench = bench();
    let limited = container(json!({"resources": {"limits": {"memory": "1Gi"}}}));
    bench.outcomes(&limited, &[("nomad", Accepted)]);
    assert_eq!(bench.support("nomad", &limited, "resources.limits"), Some(Support::Unsupported));
    let mut claiming = container(json!({"resources": {"claims": [{"name": "crane"}]}}));
    claiming["spec"]["resourceClaims"] = json!([{"name": "crane", "resourceClaimName": "crane-7"}]);
    bench.outcomes(&claiming, &[("liqo", Accepted)]);
    bench.fates(&claiming, "spec.resourceClaims[0].resourceClaimName", &[("liqo", Fate::Told)]);
    bench.fates(
        &claiming,
        "spec.containers[0].resources.claims[0].name",
        &[("liqo", Fate::Kept), ("nomad", Fate::Untold)],
    );
}

#[test]
fn graphics_processors_depend_on_their_maker() {
    let maker = |key: &str| container(json!({"resources": {"limits": {key: "1"}}}));
    bench()
        .outcomes(&maker("nvidia.com/gpu"), &[("azure-aci", Refused), ("azure-batch", Accepted)]);
    bench().outcomes(&maker("amd.com/gpu"), &[("azure-aci", Accepted)]);
}

#[test]
fn a_pod_of_a_daemon_set_is_passed_over_whole() {
    let mut pod = container(json!({}));
    pod["metadata"]["ownerReferences"] = json!([{"kind": "DaemonSet", "name": "gulls"}]);
    let bench = bench();
    bench.outcomes(&pod, &[("nomad", Accepted)]);
    bench.fates(
        &pod,
        "spec.containers[0].image",
        &[("nomad", Fate::Told), ("azure-aci", Fate::Kept)],
    );
    bench.fates(
        &pod,
        "metadata.ownerReferences",
        &[("nomad", Fate::Kept), ("azure-aci", Fate::Untold)],
    );
}

#[test]
fn relations_between_containers_are_seen() {
    let bench = bench();
    let two = pod(json!({"containers": [
        {"name": "deck", "image": "f:3", "ports": [{"containerPort": 80}], "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "2"}}},
        {"name": "hull", "image": "f:3", "ports": [{"containerPort": 80}], "resources": {"requests": {"cpu": "1"}}},
    ]}));
    assert_eq!(bench.support("saladcloud", &two, "container.several"), Some(Support::Ignored));
    // A property that a profile does not mention goes with its field.
    assert_eq!(bench.support("azure-aci", &two, "container.several"), Some(Support::Supported));
    assert_eq!(bench.support("azure-aci", &two, "network.same-port"), Some(Support::Supported));
    assert_eq!(
        bench.support("azure-aci", &two, "resources.limit-above-group-request"),
        Some(Support::Unsupported)
    );
    let one = container(json!({"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}}));
    for feature in ["container.several", "network.same-port", "resources.limit-above-group-request"]
    {
        assert_eq!(bench.support("azure-aci", &one, feature), None, "{feature}");
    }
}

#[test]
fn members_of_maps_are_seen() {
    let bench = bench();
    let on = |os: &str| pod(json!({"nodeSelector": {"kubernetes.io/os": os}}));
    assert!(bench.support("azure-aci", &on("windows"), "pod.os.windows").is_some());
    assert_eq!(
        bench.support("interlink", &on("linux"), "scheduling.node-selector.linux"),
        Some(Support::Unsupported)
    );
    let mut labelled = pod(json!({}));
    labelled["metadata"]["labels"] = json!({"azure.workload.identity/use": "true"});
    assert_eq!(
        bench.support("azure-aci", &labelled, "identity.azure-workload-identity"),
        Some(Support::Ignored)
    );
}
