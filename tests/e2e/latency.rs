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

#[path = "../bench/templates.rs"]
mod templates_data;

/// How often each pod is created, and how often before that without counting.
const ROUNDS: (u32, u32) = (400, 50);

/// More than this much over the comparison is a fault and not noise, in microseconds. What is aimed at is 500 for a
/// pod headed for a virtual node and 0 for another; a busy machine and a debug build blur that.
const SLACK: i64 = 10_000;

/// The value of every variable of the measured pods; it must not appear in a log.
pub(crate) const ENV_VALUE: &str = "a value of usual length";

const NONE: &str = "latency-none";
const ALLOW: &str = "latency-allow";
const ANNOTATE: &str = "latency-annotate";
const LOADLINE: &str = "latency-loadline";
/// The policy in `policies/` names this namespace.
const GOVERNED: &str = "latency-governed";
/// The constraints of twenty templates name this namespace.
const TEMPLATES: &str = "latency-templates";

/// The namespaces, and which webhooks see their pods.
const SIDES: [(&str, &str); 6] = [
    (NONE, "no webhook"),
    (ALLOW, "two webhooks that only allow"),
    (ANNOTATE, "the same, one adds an annotation"),
    (LOADLINE, "Loadline's two webhooks"),
    (GOVERNED, "the same, with a Rego policy"),
    (TEMPLATES, "the same, with twenty templates"),
];

/// Makes a pod of a typical one and the digest of the bundle that judges it.
type Make = fn(Value, &str) -> Value;

/// The pods, and what they are.
const KINDS: [(&str, &str, Make); 5] = [
    ("headed", "a pod headed for a virtual node", |pod, _| bound_to_aci(pod)),
    ("marked", "the same, with the marker already on it, so that nothing is patched", marked),
    (
        "small",
        "a pod with one container that only names its image, headed for a virtual node",
        small,
    ),
    (
        "usual",
        "a pod of 2.3 KB with its defaults, as half of all real ones at most have, headed for one",
        usual,
    ),
    ("elsewhere", "a pod that cannot reach one", |pod, _| pod),
];

/// Creates the same pods with no webhook, with two that do next to nothing, and with Loadline's two.
pub(crate) fn measure(loadline: &Loadline<'_>) {
    let cluster = loadline.cluster;
    for (name, _) in SIDES {
        let mode = if [LOADLINE, GOVERNED, TEMPLATES].contains(&name) { "enforce" } else { "off" };
        cluster.namespace(name, json!({"loadline.dev/mode": mode}), json!({}));
    }
    let _allow = start_allow(cluster);
    let digest = put_templates(loadline);
    let mut cells = Vec::new();
    for (kind, _, make) in KINDS {
        for (namespace, _) in SIDES {
            let name = format!("{kind} {namespace}");
            cells.push(
                json!({"name": name, "namespace": namespace, "pod": make(typical(namespace), &digest)}),
            );
        }
    }
    let size = cells[0]["pod"].to_string().len();
    let file = cluster.path("cells.json");
    fs::write(&file, Value::from(cells).to_string()).unwrap();
    let report = run(cluster, &text(&file));

    let build = if cfg!(debug_assertions) { "a DEBUG build" } else { "a release build" };
    let rounds = ROUNDS.0;
    println!("  creating a pod of {size} bytes by dry run, {rounds} rounds, {build} of Loadline");
    println!("  {:<36}{:>10}{:>10}{:>10}", "microseconds", "minimum", "median", "90 %");
    for (kind, title, _) in KINDS {
        println!("  {title}");
        for (namespace, webhooks) in SIDES {
            let [minimum, median, p90] = ["minimum", "median", "p90"]
                .map(|what| microseconds(&report, kind, namespace, what));
            println!("    {webhooks:<34}{minimum:>10}{median:>10}{p90:>10}");
        }
    }
    let median = |kind: &str, namespace: &str| microseconds(&report, kind, namespace, "median");
    let headed = median("headed", LOADLINE) - median("headed", ALLOW);
    let changed = median("headed", LOADLINE) - median("headed", ANNOTATE);
    let elsewhere = median("elsewhere", LOADLINE) - median("elsewhere", NONE);
    println!("  headed for a virtual node: {headed:+} us over webhooks that only allow");
    println!("                             {changed:+} us over one of them adding an annotation");
    let marked = median("marked", LOADLINE) - median("marked", ALLOW);
    println!("  already marked:            {marked:+} us over webhooks that only allow");
    let small = median("small", LOADLINE) - median("small", ALLOW);
    let small_changed = median("small", LOADLINE) - median("small", ANNOTATE);
    println!("  small:                     {small:+} us over webhooks that only allow");
    println!(
        "                             {small_changed:+} us over one of them adding an annotation"
    );
    let usual = median("usual", LOADLINE) - median("usual", ALLOW);
    println!("  usual:                     {usual:+} us over webhooks that only allow");
    println!("  cannot reach one:          {elsewhere:+} us over no webhook");
    let governed = median("marked", TEMPLATES) - median("marked", ALLOW);
    println!(
        "  twenty templates:          {governed:+} us over webhooks that only allow, already marked; {}",
        templates_data::origin()
    );
    if let Some(megabytes) = loadline.resident_megabytes() {
        println!("  resident memory of `loadline serve`: {megabytes} MB");
    }
    assert!(headed < SLACK && elsewhere < SLACK, "{headed} us, {elsewhere} us");
}

/// Gives Loadline twenty templates with constraints on one namespace, and waits until they are in force; gives the digest
/// of the bundle then. They come after the installation: its conditions would let all pods through for them.
fn put_templates(loadline: &Loadline<'_>) -> String {
    let before = loadline.digest();
    let folder = loadline.policies.join("templates");
    fs::create_dir(&folder).unwrap();
    for (name, text) in templates_data::twenty(&format!(", namespaces: [{TEMPLATES}]")) {
        fs::write(folder.join(name), text).unwrap();
    }
    let mut digest = String::new();
    eventually("the templates to be in force", PATIENCE, || {
        digest = loadline.digest();
        if digest == before {
            Err("the old policies are still in force".to_owned())
        } else {
            Ok(())
        }
    });
    digest
}

fn microseconds(report: &Value, kind: &str, namespace: &str, what: &str) -> i64 {
    let name = format!("{kind} {namespace}");
    let mut cells = report["cells"].as_array().unwrap().iter();
    cells.find(|cell| cell["name"] == name).unwrap()[what].as_i64().unwrap()
}

/// Headed for a virtual node, and as short as pods are.
fn small(pod: Value, _digest: &str) -> Value {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut pod = bound_to_aci(crate::scenarios::pod(namespace, "measured"));
    // The webhook that adds an annotation needs a place for it.
    pod["metadata"]["annotations"] = json!({"example.com/note": "said about this pod"});
    pod
}

/// Headed for a virtual node, and as long as the median of 274 pods that were recorded in clusters: 2.3 KB as the API server
/// completes them.
fn usual(pod: Value, digest: &str) -> Value {
    let mut usual = small(pod, digest);
    usual["metadata"]["labels"] = json!({"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "web-1", "tier": "front"});
    let container = &mut usual["spec"]["containers"][0];
    container["env"] =
        (0..6).map(|n| json!({"name": format!("SETTING_{n:02}"), "value": ENV_VALUE})).collect();
    container["ports"] = json!([{"name": "http", "containerPort": 8080}]);
    container["readinessProbe"] =
        json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10});
    container["resources"] = json!({
        "requests": {"cpu": "500m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"},
    });
    container["volumeMounts"] = json!([{"name": "scratch", "mountPath": "/scratch"}]);
    usual["spec"]["volumes"] = json!([{"name": "scratch", "emptyDir": {}}]);
    usual
}

/// Headed for a virtual node, and judged before: nothing is left to patch.
fn marked(pod: Value, digest: &str) -> Value {
    let mut pod = bound_to_aci(pod);
    pod["metadata"]["annotations"]["loadline.dev/admitted"] = json!(digest);
    pod
}

/// A pod as teams write them: two containers with probes, variables, mounts, and some annotations.
fn typical(namespace: &str) -> Value {
    let mut pod = pod(namespace, "measured");
    let variables: Vec<_> =
        (0..24).map(|n| json!({"name": format!("SETTING_{n:02}"), "value": ENV_VALUE})).collect();
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10});
    pod["metadata"]["annotations"] =
        (0..12).map(|n| (format!("example.com/note-{n}"), json!("said about this pod"))).collect();
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

/// Serves the webhooks that do next to nothing, and registers them for the namespaces that measure them.
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
    let bundle = BASE64_STANDARD.encode(fs::read(&authority.file).unwrap());
    for (kind, path, namespace) in [
        ("MutatingWebhookConfiguration", "allow", ALLOW),
        ("MutatingWebhookConfiguration", "annotate", ANNOTATE),
        ("ValidatingWebhookConfiguration", "allow", ALLOW),
        ("ValidatingWebhookConfiguration", "allow", ANNOTATE),
    ] {
        let webhook = json!({
            "name": format!("{path}.{namespace}.loadline.dev"),
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/{path}"), "caBundle": bundle},
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"],
                "operations": ["CREATE"], "resources": ["pods"],
            }],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
        });
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": namespace},
            "webhooks": [webhook],
        });
        cluster.apply(configuration).accepted();
    }
    let file = cluster.path("probe.json");
    fs::write(&file, typical(ANNOTATE).to_string()).unwrap();
    eventually("the API server to know these webhooks", PATIENCE, || {
        let arguments = ["create", "--dry-run=server", "-o=json", "-f", &text(&file)];
        let answer = cluster.kubectl(&arguments);
        if answer.ok && answer.stdout.contains("e2e.loadline.dev/seen") {
            Ok(())
        } else {
            Err(format!("{}{}", answer.stdout, answer.stderr))
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
            .args(["--rounds", &ROUNDS.0.to_string(), "--warmup", &ROUNDS.1.to_string()])
            .stdout(File::create(&printed).unwrap()),
        Duration::from_mins(5),
    )
    .unwrap();
    assert!(status.success(), "measuring: {status}");
    serde_json::from_slice(&fs::read(&printed).unwrap()).unwrap()
}
