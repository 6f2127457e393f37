//! What `loadline install` prints is what the code serves, and what `kubectl` can read.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use loadline::admission::Pipeline;
use loadline::admission::verdict::{MARKER, MODE_KEY};
use loadline::document::Document;
use loadline::fence::FENCE_KEY;
use loadline::node::NodeFact;
use loadline::placement::{NO_PROFILE, filter};
use loadline::pod::WORKLOADS;
use loadline::profile::PROFILE_KEY;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

fn install(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadline"))
        .arg("install")
        .args(arguments)
        .env_remove("LOADLINE_PROFILES")
        .env_remove("LOADLINE_POLICY")
        .env_remove("LOADLINE_CONFIG")
        .output()
        .unwrap()
}

#[track_caller]
fn printed(arguments: &[&str]) -> Vec<Value> {
    let output = install(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Document::parse_all(&text).unwrap().into_iter().map(|document| document.value).collect()
}

#[track_caller]
fn refused(arguments: &[&str], part: &str) {
    let output = install(arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty(), "nothing is printed that could be applied");
    assert!(message.contains(part), "`{part}` in {message}");
}

/// A certificate in a file, and its key in another.
fn authority(folder: &Path) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["ca".into()]).unwrap().self_signed(&key).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    (write("ca.crt", certificate.pem()), write("ca.key", key.serialize_pem()))
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let mut found = documents.iter().filter(|document| document["kind"] == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "two of {kind}");
    one
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list")).iter()
}

fn webhooks<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    list(&of_kind(documents, kind)["webhooks"]).collect()
}

const SERVICE: [&str; 2] = ["--image", "registry.example.com/loadline:1"];
const MUTATING: &str = "MutatingWebhookConfiguration";
const VALIDATING: &str = "ValidatingWebhookConfiguration";

#[test]
fn every_document_says_what_it_is_and_no_placeholder_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = authority(folder.path());
    let url = ["--url", "https://127.0.0.1:8443", "--ca-file", &ca];
    let (with_access, match_all) =
        ([&url[..], &["--rbac"]].concat(), [&url[..], &["--match-all"]].concat());
    let with_ca = [&SERVICE[..], &["--ca-file", &ca]].concat();
    for arguments in [&SERVICE[..], &with_ca, &url, &with_access, &match_all] {
        let documents = printed(arguments);
        for document in &documents {
            for part in ["/apiVersion", "/kind", "/metadata/name"] {
                assert!(
                    document.pointer(part).is_some_and(Value::is_string),
                    "{part} of {document}"
                );
            }
            assert!(!document.to_string().contains("${"), "{document}");
        }
        let json = printed(&[arguments, &["-o", "json"]].concat());
        assert_eq!(json[0]["items"], json!(documents), "JSON says the same");
    }
}

#[test]
fn each_mode_prints_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = authority(folder.path());
    let kinds = |arguments: &[&str]| -> Vec<String> {
        printed(arguments)
            .iter()
            .map(|document| document["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    let access = ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"];
    let server = ["Deployment", "Service", "PodDisruptionBudget"];
    let hooks = [MUTATING, VALIDATING];
    let certificates = ["Issuer", "Certificate", "Issuer", "Certificate"];
    assert_eq!(kinds(&SERVICE), [&access[..], &certificates, &server, &hooks].concat());
    assert_eq!(
        kinds(&[&SERVICE[..], &["--ca-file", &ca]].concat()),
        [&access[..], &server, &hooks].concat()
    );
    let url = ["--url", "https://127.0.0.1:1", "--ca-file", &ca];
    assert_eq!(kinds(&url), hooks);
    assert_eq!(kinds(&[&url[..], &["--rbac"]].concat()), [&access[..], &hooks].concat());
}

#[test]
fn settings_that_would_do_harm_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, key) = authority(folder.path());
    refused(
        &[&SERVICE[..], &["--failure-policy", "Fail", "--replicas", "1"]].concat(),
        "use --replicas 2 or more",
    );
    printed(&[&SERVICE[..], &["--failure-policy", "Ignore", "--replicas", "1"]].concat());
    printed(&[&SERVICE[..], &["--failure-policy", "fail"]].concat());
    refused(&["--url", "http://127.0.0.1:1", "--ca-file", &ca], "by https only");
    refused(&["--url", "https://a?b", "--ca-file", &ca], "no user, query or fragment");
    refused(&["--url", "https://127.0.0.1:1"], "--ca-file");
    refused(&["--url", "https://127.0.0.1:1", "--ca-file", &key], "private key");
    refused(
        &[&SERVICE[..], &["--namespace", "Loadline"]].concat(),
        "`Loadline` is no name of a namespace",
    );
    let unnamed = install(&[]);
    let note = String::from_utf8(unnamed.stderr).unwrap();
    assert!(unnamed.status.success() && note.contains("name yours with --image"), "{note}");
}

#[test]
fn the_server_is_reached_where_it_serves() {
    let documents = printed(&SERVICE);
    let deployment = of_kind(&documents, "Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let arguments: Vec<&str> = list(&container["args"]).filter_map(Value::as_str).collect();
    assert_eq!(arguments[0], "serve");
    assert!(arguments.contains(&"--listen=0.0.0.0:8443"), "{arguments:?}");
    let https = list(&container["ports"]).find(|port| port["name"] == "https").unwrap();
    assert_eq!(https["containerPort"], 8443);
    assert_eq!(
        container["readinessProbe"]["httpGet"],
        json!({"path": "/readyz", "port": "https", "scheme": "HTTPS"})
    );
    assert_eq!(
        container["livenessProbe"]["httpGet"],
        json!({"path": "/healthz", "port": "https", "scheme": "HTTPS"})
    );
    let service = &of_kind(&documents, "Service")["spec"];
    assert_eq!(service["selector"], deployment["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(service["ports"][0]["targetPort"], "https");
    for (kind, path) in [(MUTATING, "/mutate"), (VALIDATING, "/validate")] {
        for webhook in webhooks(&documents, kind) {
            let reached = &webhook["clientConfig"]["service"];
            assert_eq!(
                *reached,
                json!({"name": "loadline", "namespace": "loadline", "path": path, "port": 443})
            );
            assert_eq!(reached["port"], service["ports"][0]["port"]);
        }
    }
    // What it notes of its policies must outlive the process, and be writable while the root is not.
    let state = list(&container["volumeMounts"]).find(|mount| mount["name"] == "state").unwrap();
    assert!(arguments.contains(&&*format!("--state-dir={}", state["mountPath"].as_str().unwrap())));
    assert_eq!(state["readOnly"], json!(null));
    let volumes = &deployment["spec"]["template"]["spec"]["volumes"];
    assert!(list(volumes).any(|one| one["name"] == "state" && one["emptyDir"].is_object()));
    // The flags that the Deployment gives are flags that `serve` takes.
    let help =
        Command::new(env!("CARGO_BIN_EXE_loadline")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for argument in &arguments[1..] {
        let flag = argument.split('=').next().unwrap();
        assert!(help.contains(&format!("{flag} <")), "{flag}");
    }
}

#[test]
fn the_server_may_do_no_more_than_it_needs() {
    let documents = printed(&SERVICE);
    let rules = &of_kind(&documents, "ClusterRole")["rules"];
    let verbs = |resource: &str| {
        list(rules)
            .find(|rule| list(&rule["resources"]).any(|one| one == resource))
            .unwrap()["verbs"]
            .clone()
    };
    assert_eq!(verbs("nodes"), json!(["get", "list", "watch"]));
    assert_eq!(verbs("namespaces"), json!(["get", "list", "watch"]));
    assert_eq!(verbs("pods"), json!(["get", "list", "watch", "patch"]));
    assert_eq!(verbs("networkpolicies"), json!(["get", "list", "watch", "create", "patch"]));
    assert!(!rules.to_string().contains('*'), "{rules}");
    let spec = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(
        spec["containers"][0]["securityContext"],
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}})
    );
}

#[test]
fn the_server_may_read_what_policies_look_at() {
    let folder = tempfile::tempdir().unwrap();
    let synced = "apiVersion: syncset.gatekeeper.sh/v1alpha1\nkind: SyncSet\nmetadata: {name: s}\nspec:\n  gvks:\n  \
        - {group: policy, version: v1, kind: PodDisruptionBudget}\n  - {group: '', version: v1, kind: Service}\n";
    std::fs::write(folder.path().join("sync.yaml"), synced).unwrap();
    let folder = folder.path().to_str().unwrap();
    let documents = printed(&["--image", "example.com/loadline:1", "--policy", folder]);
    let rules = &of_kind(&documents, "ClusterRole")["rules"];
    for (group, resource) in [("policy", "poddisruptionbudgets"), ("", "services")] {
        let rule = json!({"apiGroups": [group], "resources": [resource], "verbs": ["get", "list", "watch"]});
        assert!(list(rules).any(|one| *one == rule), "{rules}");
    }
}

#[test]
fn webhooks_keep_the_contract() {
    let documents =
        printed(&[&SERVICE[..], &["--failure-policy", "Fail", "--timeout", "7"]].concat());
    for kind in [MUTATING, VALIDATING] {
        for webhook in webhooks(&documents, kind) {
            assert_eq!(webhook["admissionReviewVersions"], json!(["v1"]));
            assert_eq!(webhook["sideEffects"], "None");
            assert_eq!(webhook["matchPolicy"], "Equivalent");
            assert_eq!(webhook["timeoutSeconds"], 7);
            let reinvoked = if kind == MUTATING { json!("IfNeeded") } else { Value::Null };
            assert_eq!(webhook["reinvocationPolicy"], reinvoked);
            // Workloads are never refused, so a server that is away must not refuse them either.
            let is_of_pods = webhook["name"].as_str().unwrap().ends_with("pods.loadline.dev");
            assert_eq!(
                webhook["failurePolicy"],
                if is_of_pods { "Fail" } else { "Ignore" },
                "{}",
                webhook["name"]
            );
        }
    }
}

#[test]
fn rules_name_pods_and_workloads_that_are_read() {
    let documents = printed(&SERVICE);
    let mut rules = BTreeSet::new();
    for kind in [MUTATING, VALIDATING] {
        for webhook in webhooks(&documents, kind) {
            for rule in list(&webhook["rules"]) {
                assert_eq!(rule["scope"], "Namespaced");
                let operations: Vec<&str> =
                    list(&rule["operations"]).filter_map(Value::as_str).collect();
                for resource in list(&rule["resources"]) {
                    let group = rule["apiGroups"][0].as_str().unwrap();
                    rules.insert(format!(
                        "{kind} {group}/{} {}",
                        resource.as_str().unwrap(),
                        operations.join(",")
                    ));
                }
            }
        }
    }
    assert!(rules.remove(&format!("{MUTATING} /pods CREATE")));
    assert!(rules.remove(&format!("{VALIDATING} /pods CREATE")));
    assert!(rules.remove(&format!("{VALIDATING} /pods/ephemeralcontainers UPDATE")));
    assert!(rules.remove(&format!("{VALIDATING} /pods/resize UPDATE")));
    for workload in WORKLOADS {
        let resource = format!("{}s", workload.kind.to_lowercase());
        rules.remove(&format!("{VALIDATING} {}/{resource} CREATE,UPDATE", workload.group));
    }
    assert_eq!(rules, BTreeSet::new(), "nothing is asked for that nobody reads");
}

#[test]
fn no_object_passes_two_entries() {
    let documents = printed(&SERVICE);
    for kind in [MUTATING, VALIDATING] {
        let all = webhooks(&documents, kind);
        for webhook in &all {
            let name = webhook["name"].as_str().unwrap();
            let Some(general) = name.strip_prefix("asked.") else {
                continue;
            };
            let (at, general) =
                all.iter().enumerate().find(|(_, webhook)| webhook["name"] == general).unwrap();
            assert_eq!(webhook["rules"], general["rules"]);
            let last = |webhook: &Value| {
                list(&webhook["matchConditions"]).last().unwrap()["expression"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            };
            assert_eq!(last(webhook), format!("!({})", last(general)));
            let asked_at = all.iter().position(|one| one["name"] == name).unwrap();
            assert!(
                at < asked_at,
                "the asked entry adds tolerations that would make the general one match"
            );
            let asks = list(&webhook["namespaceSelector"]["matchExpressions"])
                .filter(|one| one["key"] == PROFILE_KEY);
            let asks: Vec<Value> = asks.cloned().collect();
            assert_eq!(
                asks,
                [
                    json!({"key": PROFILE_KEY, "operator": "Exists"}),
                    json!({"key": PROFILE_KEY, "operator": "NotIn", "values": [NO_PROFILE]}),
                ]
            );
        }
    }
}

#[test]
fn some_namespaces_are_never_looked_at() {
    let documents = printed(
        &[
            &SERVICE[..],
            &[
                "--namespace",
                "ours",
                "--exclude-namespace",
                "ci",
                "--exclude-namespace",
                "kube-system",
            ],
        ]
        .concat(),
    );
    for webhook in [MUTATING, VALIDATING].iter().flat_map(|kind| webhooks(&documents, kind)) {
        let expressions = &webhook["namespaceSelector"]["matchExpressions"];
        assert_eq!(
            expressions[0],
            json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["ci", "kube-system", "ours"]})
        );
        assert_eq!(
            expressions[1],
            json!({"key": MODE_KEY, "operator": "NotIn", "values": ["off"]})
        );
        assert_eq!(webhook["objectSelector"], Value::Null);
    }
}

#[test]
fn conditions_know_every_sign_of_the_profiles() {
    let documents = printed(&SERVICE);
    let pipeline = Pipeline::built_in().unwrap();
    let conditions = |name: &str| -> Vec<String> {
        let all = [MUTATING, VALIDATING].iter().flat_map(|kind| webhooks(&documents, kind));
        all.flat_map(|webhook| list(&webhook["matchConditions"]))
            .filter(|condition| condition["name"] == name)
            .map(|condition| condition["expression"].as_str().unwrap().to_owned())
            .collect()
    };
    for expression in conditions("reaches-a-virtual-node") {
        let says = |text: &str| {
            assert!(expression.contains(&format!("'{text}'")), "`{text}` in {expression}");
        };
        [PROFILE_KEY, FENCE_KEY, MARKER].into_iter().for_each(says);
        for profile in &pipeline.profiles {
            for (key, value) in &profile.inject.node_selector {
                // Every node has those, so they lead nowhere in particular; ours counts with any value.
                if NodeFact::plain().label(key).is_none() {
                    says(key);
                    assert!(
                        key == PROFILE_KEY || expression.contains(&format!("'{value}'")),
                        "{value}"
                    );
                }
            }
            profile.keep_off.iter().for_each(|requirement| says(&requirement.key));
            // Any toleration counts but those for passing states, and no profile's taint is taken for one of these.
            for taint in profile.node.iter().flat_map(|node| &node.taints) {
                assert!(!filter::is_passing(&taint.key), "{} of {}", taint.key, profile.name);
            }
        }
        says("eks.amazonaws.com/fargate-profile");
    }
    assert_eq!(conditions("is-not-being-deleted").len(), 6, "all of /validate");
    assert_eq!(conditions("has-no-owner").len(), 4, "all workloads");
}

#[test]
fn match_all_asks_about_everything() {
    let documents = printed(&[&SERVICE[..], &["--match-all"]].concat());
    for webhook in [MUTATING, VALIDATING].iter().flat_map(|kind| webhooks(&documents, kind)) {
        let name = webhook["name"].as_str().unwrap();
        assert!(!name.starts_with("asked."), "{name}");
        let conditions = list(&webhook["matchConditions"]);
        assert!(
            conditions.into_iter().all(|condition| condition["name"] != "reaches-a-virtual-node"),
            "{name}"
        );
    }
}

#[test]
fn trust_comes_from_the_file_or_from_cert_manager() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = authority(folder.path());
    let issued = printed(&SERVICE);
    for kind in [MUTATING, VALIDATING] {
        let configuration = of_kind(&issued, kind);
        assert_eq!(
            configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"],
            "loadline/loadline"
        );
        assert_eq!(configuration["webhooks"][0]["clientConfig"]["caBundle"], Value::Null);
    }
    let url = printed(&["--url", "https://10.0.0.1:8443/", "--ca-file", &ca]);
    for (kind, path) in [(MUTATING, "mutate"), (VALIDATING, "validate")] {
        let configuration = of_kind(&url, kind);
        assert_eq!(configuration["metadata"]["annotations"], Value::Null);
        for webhook in list(&configuration["webhooks"]) {
            let client = &webhook["clientConfig"];
            assert_eq!(client["url"], format!("https://10.0.0.1:8443/{path}"));
            assert_eq!(client["service"], Value::Null);
            assert!(
                client["caBundle"].as_str().is_some_and(|bundle| bundle.starts_with("LS0t")),
                "{client}"
            );
        }
    }
}

#[test]
fn the_users_own_files_go_into_the_cluster_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let policy = file(
        "policies/no cats.rego",
        "package loadline.cats\n\nimport rego.v1\n\ndeny contains {\"msg\": \"cat\"} if input.pod.cat\n",
    );
    let config = file(
        "config.yaml",
        "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {mode: warn}\n",
    );
    let documents = printed(&[&SERVICE[..], &["--policy", &policy, "--config", &config]].concat());
    let bundle = of_kind(&documents, "ConfigMap");
    let data = bundle["data"].as_object().unwrap();
    assert_eq!(
        data.keys().collect::<Vec<_>>(),
        ["config-000-config.yaml", "policy-000-no-cats.rego"]
    );
    assert_eq!(data["policy-000-no-cats.rego"], std::fs::read_to_string(&policy).unwrap());
    let deployment = of_kind(&documents, "Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    let arguments: Vec<&str> =
        list(&pod["containers"][0]["args"]).filter_map(Value::as_str).collect();
    assert!(arguments.contains(&"--policy=/etc/loadline/bundle/policy"), "{arguments:?}");
    assert!(
        arguments.contains(&"--config=/etc/loadline/bundle/config/000-config.yaml"),
        "{arguments:?}"
    );
    let items = list(&pod["volumes"])
        .find(|volume| volume["name"] == "bundle")
        .unwrap()["configMap"]["items"]
        .clone();
    assert!(list(&items).any(|item| *item
        == json!({"key": "policy-000-no-cats.rego", "path": "policy/000-no-cats.rego"})));
    let digest = |documents: &[Value]| {
        of_kind(documents, "Deployment")["spec"]["template"]["metadata"]["annotations"]["loadline.dev/bundle"].clone()
    };
    // A bundle whose profiles say nothing of how to keep off must not leave a term that holds for no node.
    let bare = file("bare/p.yaml", BARE);
    let chosen = file(
        "chosen.yaml",
        "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {profiles: [bare]}\n",
    );
    let folder = Path::new(&bare).parent().unwrap().to_str().unwrap();
    let arguments =
        [&SERVICE[..], &["--profiles", folder, "--config", &chosen, "--match-all"]].concat();
    let bare = printed(&arguments);
    let affinity = &of_kind(&bare, "Deployment")["spec"]["template"]["spec"]["affinity"];
    assert_eq!(affinity["nodeAffinity"], Value::Null);
    assert!(affinity["podAntiAffinity"].is_object());
    assert_ne!(digest(&documents), digest(&printed(&SERVICE)), "other files make other pods");
}

const BARE: &str = "
apiVersion: loadline.dev/v1alpha1
kind: VirtualNodeProfile
metadata: {name: bare}
spec:
  title: Bare
  status: active
  revision: none
  recognise: [{labels: {example.com/kind: float}}]
  daemonSets: {support: supported, reason: r}
  networkPolicy: {support: supported, reason: r}
  unlisted: {support: supported, reason: r}
  support: []
";
