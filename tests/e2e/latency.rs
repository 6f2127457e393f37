//! What the webhooks cost the person who creates a pod: a measurement, taken in one run with everything else equal.

use std::fs::{self, File};
use std::process::Command;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::cluster::{Cluster, PATIENCE, free_ports, text};
use crate::loadline::Loadline;
use crate::process::{self, Process, eventually};
use crate::scenarios::{bound_to_aci, pod};

/// How often each pod is created, and how often before that without counting.
const ROUNDS: (u32, u32) = (400, 50);

/// More than this much over the comparison is a fault and not noise, in microseconds. What is aimed at is 500 for a
/// pod headed for a virtual node and 0 for another; a busy machine and a debug build blur that.
const SLACK: i64 = 5_000;

/// The value of every variable of the measured pods; it must not appear in a log.
pub(crate) const ENV_VALUE: &str = "a value of usual length";

const NONE: &str = "latency-none";
const ALLOW: &str = "latency-allow";
const LOADLINE: &str = "latency-loadline";

/// Creates the same pods with no webhook, with two that only allow, and with Loadline's two.
pub(crate) fn measure(loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    for name in [NONE, ALLOW] {
        cluster.namespace(name, json!({"loadline.dev/mode": "off"}), json!({}));
    }
    cluster.namespace(LOADLINE, json!({}), json!({}));
    let _allow = start_allow(cluster);

    let mut cells = Vec::new();
    for (kind, make) in [
        ("headed", bound_to_aci as fn(Value) -> Value),
        ("elsewhere", |pod| pod),
    ] {
        for namespace in [NONE, ALLOW, LOADLINE] {
            let pod = make(typical(namespace));
            cells.push(
                json!({"name": format!("{kind} {namespace}"), "namespace": namespace, "pod": pod}),
            );
        }
    }
    let size = cells[0]["pod"].to_string().len();
    let file = cluster.path("cells.json");
    fs::write(&file, Value::from(cells).to_string()).unwrap();
    let report = run(cluster, &text(&file));

    let build = if cfg!(debug_assertions) {
        "a DEBUG build"
    } else {
        "a release build"
    };
    println!(
        "  creating a pod of {size} bytes by dry run, {} rounds, {build} of Loadline",
        ROUNDS.0
    );
    println!(
        "  {:<34}{:>10}{:>10}{:>10}",
        "microseconds", "minimum", "median", "90 %"
    );
    for kind in ["headed", "elsewhere"] {
        println!(
            "  a pod {}",
            if kind == "headed" {
                "headed for a virtual node"
            } else {
                "that cannot reach one"
            }
        );
        for (namespace, webhooks) in [
            (NONE, "no webhook"),
            (ALLOW, "two webhooks that only allow"),
            (LOADLINE, "Loadline's two webhooks"),
        ] {
            let [minimum, median, p90] = ["minimum", "median", "p90"]
                .map(|what| microseconds(&report, kind, namespace, what));
            println!("    {webhooks:<32}{minimum:>10}{median:>10}{p90:>10}");
        }
    }
    let median = |kind: &str, namespace: &str| microseconds(&report, kind, namespace, "median");
    let headed = median("headed", LOADLINE) - median("headed", ALLOW);
    let elsewhere = median("elsewhere", LOADLINE) - median("elsewhere", NONE);
    println!("  headed for a virtual node: Loadline's over those that only allow {headed:+} us");
    println!("  cannot reach a virtual node: Loadline's over no webhook {elsewhere:+} us");
    if let Some(megabytes) = loadline.resident_megabytes() {
        println!("  resident memory of `loadline serve`: {megabytes} MB");
    }
    assert!(
        headed < SLACK && elsewhere < SLACK,
        "{headed} us, {elsewhere} us"
    );
}

fn microseconds(report: &Value, kind: &str, namespace: &str, what: &str) -> i64 {
    let name = format!("{kind} {namespace}");
    let cell = report["cells"]
        .as_array()
        .unwrap()
        .iter()
        .find(|cell| cell["name"] == name);
    cell.unwrap()[what].as_i64().unwrap()
}

/// A pod as teams write them: two containers with probes, variables, mounts, and some annotations.
fn typical(namespace: &str) -> Value {
    let mut pod = pod(namespace, "measured");
    let variables: Vec<_> = (0..24)
        .map(|n| json!({"name": format!("SETTING_{n:02}"), "value": ENV_VALUE}))
        .collect();
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10});
    pod["metadata"]["annotations"] = (0..12)
        .map(|n| {
            (
                format!("example.com/note-{n}"),
                json!("said about this pod"),
            )
        })
        .collect();
    let mut first = pod["spec"]["containers"][0].clone();
    first["env"] = json!(variables);
    first["ports"] = json!([{"name": "http", "containerPort": 8080}]);
    first["livenessProbe"] = probe.clone();
    first["readinessProbe"] = probe;
    first["volumeMounts"] = json!([{"name": "scratch", "mountPath": "/scratch"}]);
    let mut second = first.clone();
    second["name"] = json!("proxy");
    second["ports"] = json!([{"name": "proxy", "containerPort": 8081}]);
    pod["spec"]["containers"] = json!([first, second]);
    pod["spec"]["volumes"] = json!([{"name": "scratch", "emptyDir": {}}]);
    pod
}

/// Serves the webhook that only allows, and registers it twice for one namespace.
fn start_allow(cluster: &Cluster) -> Process {
    let authority = Authority::new(&cluster.path(""), "allow-ca");
    let pair = authority.server("allow", &[]);
    let [port] = free_ports();
    let arguments = [
        "allow".to_owned(),
        format!("--listen=127.0.0.1:{port}"),
        format!("--cert={}", pair.certificate.display()),
        format!("--key={}", pair.key.display()),
    ];
    let process = Process::start("allow", &cluster.programs.latency, arguments, &cluster.logs);
    let ca = fs::read(&authority.file).unwrap();
    let webhook = |kind: &str, path: &str| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": "only-allow"},
            "webhooks": [{
                "name": format!("{path}.only-allow.loadline.dev"),
                "clientConfig": {"url": format!("https://127.0.0.1:{port}/{path}"), "caBundle": BASE64_STANDARD.encode(&ca)},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ALLOW}},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
            }],
        })
    };
    for (kind, path) in [
        ("MutatingWebhookConfiguration", "mutate"),
        ("ValidatingWebhookConfiguration", "validate"),
    ] {
        cluster.apply(webhook(kind, path)).accepted();
    }
    // The API server hears of the configurations a moment later.
    std::thread::sleep(Duration::from_secs(3));
    eventually("the webhook that only allows", PATIENCE, || {
        let wanted = pod(ALLOW, "probe");
        let file = cluster.path("probe.json");
        fs::write(&file, wanted.to_string()).unwrap();
        let answer = cluster.kubectl(&["create", "--dry-run=server", "-f", &text(&file)]);
        if answer.ok {
            Ok(())
        } else {
            Err(answer.stderr)
        }
    });
    process
}

fn run(cluster: &Cluster, cells: &str) -> Value {
    let printed = cluster.path("latency.json");
    let status = process::run(
        Command::new(&cluster.programs.latency)
            .args(["measure", "--server", &cluster.url, "--cells", cells])
            .arg("--ca")
            .arg(&cluster.authority.file)
            .arg("--cert")
            .arg(&cluster.admin.certificate)
            .arg("--key")
            .arg(&cluster.admin.key)
            .args([
                "--rounds",
                &ROUNDS.0.to_string(),
                "--warmup",
                &ROUNDS.1.to_string(),
            ])
            .stdout(File::create(&printed).unwrap()),
        Duration::from_mins(5),
    )
    .unwrap();
    assert!(status.success(), "measuring: {status}");
    serde_json::from_slice(&fs::read(&printed).unwrap()).unwrap()
}
