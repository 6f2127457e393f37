//! The command line answers as the server does, byte for byte: with the built-in data alone, and with every policy of the library.
//!
//! `LOADLINE_CORPUS=DIR cargo test --test it parity` compares every recorded review below `live/` as well.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use loadline::admission::Pipeline;
use loadline::bundle::{self, Sources};
use loadline::document::Document;
use loadline::facts::Facts;
use loadline::server::{self, Shared};
use serde_json::{Value, json};

use crate::reviews::{pod, review_of};
use crate::server::Server;

/// The review with the answer's patch applied to its object.
fn after(review: &Value, answer: &[u8]) -> Value {
    use base64::Engine as _;
    let answer: Value = serde_json::from_slice(answer).unwrap();
    let mut review = review.clone();
    if let Some(patch) = answer["response"]["patch"].as_str() {
        let patch = base64::engine::general_purpose::STANDARD.decode(patch).unwrap();
        let patch: Vec<json_patch::PatchOperation> = serde_json::from_slice(&patch).unwrap();
        json_patch::patch(&mut review["request"]["object"], &patch).unwrap();
    }
    review
}

/// Both webhooks' answers from the server, as `check -o review` prints them.
fn served(server: &Server, review: &[u8]) -> Vec<u8> {
    let mutated = server.post("/mutate?timeout=10s", review);
    assert_eq!(mutated.status, 200, "{}", String::from_utf8_lossy(&mutated.body));
    let value: Value = serde_json::from_slice(review).unwrap();
    let validated =
        server.post("/validate?timeout=10s", after(&value, &mutated.body).to_string().as_bytes());
    assert_eq!(validated.status, 200, "{}", String::from_utf8_lossy(&validated.body));
    [&mutated.body, &b"\n"[..], &validated.body, &b"\n"[..]].concat()
}

/// What `check -o review` prints of these files: two lines, an answer of each webhook, for each of them.
fn checked(files: &[PathBuf], arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
    command.args(["check", "-o", "review"]).args(arguments).env_remove("KUBECONFIG");
    for file in files {
        command.arg("-f").arg(file);
    }
    let output = command.output().unwrap();
    assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A configuration with every policy of the library on.
fn whole_library(folder: &Path) -> String {
    let names: Vec<Value> = bundle::library().map(|policy| json!({"name": policy.name})).collect();
    let config = json!({"apiVersion": "loadline.dev/v1alpha1", "kind": "LoadlineConfig", "spec": {"policies": names}});
    let path = folder.join("library.yaml");
    std::fs::write(&path, config.to_string()).unwrap();
    path.display().to_string()
}

/// Reviews of our own: pods that go different ways, and the samples of the library.
fn own_reviews() -> Vec<Value> {
    let tolerating =
        json!({"tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]});
    let claim = json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
        "tolerations": [{"operator": "Exists"}], "securityContext": {"runAsNonRoot": true}});
    let dear = json!({"containers": [{"name": "app", "image": "nginx:1.27",
        "resources": {"requests": {"cpu": "16", "memory": "112Gi"}}}]});
    // Above every budget and every size.
    let huge = json!({"containers": [{"name": "app", "image": "nginx:1.27",
        "resources": {"requests": {"cpu": "999", "memory": "2Ti"}}}]});
    let pods = [
        pod(json!({"annotations": {"loadline.dev/profile": "eks-fargate"}}), dear),
        pod(json!({"annotations": {"loadline.dev/profile": "eks-fargate"}}), huge),
        pod(json!({"annotations": {"loadline.dev/profile": "azure-aci"}}), claim.clone()),
        pod(json!({}), claim),
        pod(json!({}), tolerating),
        pod(json!({}), json!({})),
    ];
    let samples = bundle::library().flat_map(|policy| policy.samples().collect::<Vec<_>>());
    let documents = samples.flat_map(|(_, text)| Document::parse_all(text).unwrap());
    let objects =
        documents.map(|document| document.value).filter(|one| one["kind"] != "LoadlineConfig");
    pods.into_iter().chain(objects).map(|object| review_of(&object)).collect()
}

/// Compares the answers to these reviews; gives the policies that had something to say.
fn compare(files: &[PathBuf], server: &Server, arguments: &[&str]) -> Vec<&'static str> {
    let checked = String::from_utf8(checked(files, arguments)).unwrap();
    let lines: Vec<&str> = checked.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 2 * files.len(), "an answer of each webhook for each review");
    for (file, lines) in files.iter().zip(lines.chunks(2)) {
        let served = served(server, &std::fs::read(file).unwrap());
        assert_eq!(String::from_utf8_lossy(&served), lines.concat(), "{}", file.display());
    }
    let names = bundle::library().map(|policy| policy.name);
    names.filter(|name| checked.contains(&format!(":{name}"))).collect()
}

fn written(folder: &Path, reviews: &[Value]) -> Vec<PathBuf> {
    let write = |(number, review): (usize, &Value)| {
        let file = folder.join(format!("{number:03}.json"));
        std::fs::write(&file, review.to_string()).unwrap();
        file
    };
    reviews.iter().enumerate().map(write).collect()
}

#[test]
fn the_command_line_answers_byte_for_byte_as_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    compare(&written(folder.path(), &own_reviews()), &server, &[]);
}

#[test]
fn it_does_so_with_the_whole_library_on() {
    let folder = tempfile::tempdir().unwrap();
    let config = ["--config", &whole_library(folder.path())];
    let server = Server::start(folder.path(), &config);
    let said = compare(&written(folder.path(), &own_reviews()), &server, &config);
    let names: Vec<&str> = bundle::library().map(|policy| policy.name).collect();
    assert_eq!(said, names, "each policy says something, so that there is something to compare");
}

/// A server without a cluster puts up no fences and says so; the command line answers as the server of a cluster does.
#[test]
fn the_command_line_answers_for_fenced_pods_as_the_server_of_a_cluster() {
    let asking = |fence: &str, extra: Value| {
        let annotations = json!({"loadline.dev/profile": "azure-aci", "loadline.dev/fence": fence});
        let labels = json!({"loadline.dev/fenced": "open-egress"});
        pod(json!({"annotations": annotations, "labels": labels}), extra)
    };
    let pods = [
        asking("namespace", json!({})),
        asking("none", json!({})),
        asking("deny-all", json!({"nodeName": "virtual-node-aci-linux"})),
    ];
    let reviews = pods.map(|object| review_of(&object));
    let folder = tempfile::tempdir().unwrap();
    let files = written(folder.path(), &reviews);
    let checked = String::from_utf8(checked(&files, &[])).unwrap();
    let pipeline = Pipeline::compile(&Sources::default()).unwrap();
    // The facts of a cluster of which nothing is known yet.
    let router = server::router(Arc::new(Shared::new(pipeline, Facts::default())));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let served = runtime.block_on(async {
        let client = kube::Client::new(router, "default");
        let mut answers = Vec::new();
        for review in &reviews {
            let mutated = posted(&client, "/mutate", review).await;
            let validated = posted(&client, "/validate", &after(review, &mutated)).await;
            answers.extend([mutated, b"\n".to_vec(), validated, b"\n".to_vec()].concat());
        }
        String::from_utf8(answers).unwrap()
    });
    assert_eq!(served, checked);
    assert!(served.contains("fence-node-name") && served.contains("fenced-label"), "{served}");
}

/// The answer of a router, without a socket.
async fn posted(client: &kube::Client, path: &str, review: &Value) -> Vec<u8> {
    let request = axum::http::Request::post(format!("{path}?timeout=10s"))
        .header("content-type", "application/json")
        .body(kube::client::Body::from(review.to_string().into_bytes()))
        .unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect_bytes().await.unwrap().to_vec()
}

/// The same for every recorded review, where a folder of them is named.
#[test]
fn recorded_reviews_are_answered_byte_for_byte_as_the_server() {
    let Some(corpus) = std::env::var_os("LOADLINE_CORPUS") else {
        println!("LOADLINE_CORPUS names no corpus; only this project's own reviews were compared");
        return;
    };
    let mut files = Vec::new();
    for folder in std::fs::read_dir(Path::new(&corpus).join("live")).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() {
            let entries = std::fs::read_dir(&folder).unwrap();
            files.extend(entries.map(|file| file.unwrap().path()));
        }
    }
    files.sort();
    assert!(!files.is_empty(), "no review below live/");
    let folder = tempfile::tempdir().unwrap();
    let config = whole_library(folder.path());
    for arguments in [&[][..], &["--config", &config][..]] {
        let server = Server::start(folder.path(), arguments);
        let said = compare(&files, &server, arguments);
        println!(
            "{} reviews answered equally by both, {} policies spoke; {} KiB resident",
            files.len(),
            said.len(),
            server.resident_kib()
        );
    }
}
