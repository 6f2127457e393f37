//! What policies add to a decision: the library's three on a 10 KB pod, and policies that do not match.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark may stop, and talks to its reader"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use loadline::admission::{Pipeline, Request, review};
use loadline::bundle::{Sources, Text};
use loadline::facts::Facts;
use serde_json::{Value, json};

/// A pod of three containers that asks for a virtual node and breaks no policy, about 10 KB as a review.
fn body() -> Arc<[u8]> {
    let env: Vec<Value> = (0..32)
        .map(|n| json!({"name": format!("VARIABLE_{n}"), "value": format!("a value of some length, number {n}")}))
        .collect();
    let resources = json!({"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}});
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.k8s.io/team/{name}:1.2.3"), "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/app"], "args": ["--port=8080", "--verbose"], "env": env, "resources": resources,
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
        })
    };
    let pod = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": "shop", "namespace": "shop", "labels": {"app": "shop", "loadline.dev/profile": "azure-aci"}},
        "spec": {
            "containers": [container("web"), container("worker"), container("proxy")],
            "volumes": [{"name": "config", "configMap": {"name": "shop"}}],
            "serviceAccountName": "default", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
        },
    });
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let review = json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": kind,
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "shop", "operation": "CREATE", "object": pod,
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": ["system:authenticated"]},
        },
    });
    Arc::from(review.to_string().into_bytes())
}

/// A pipeline with these policies of the library.
fn library(names: &[&str]) -> Pipeline {
    let policies: String = names
        .iter()
        .fold(String::new(), |all, name| all + "  - name: " + name + "\n");
    let spec = if names.is_empty() {
        "{}".to_owned()
    } else {
        format!("\n  policies:\n{policies}")
    };
    let text = format!("apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {spec}\n");
    let config = Some(Text {
        origin: "loadline.yaml".to_owned(),
        text,
    });
    Pipeline::compile(&Sources {
        config,
        ..Sources::default()
    })
    .expect("the library compiles")
}

/// A pipeline with so many policies that are about another namespace.
fn elsewhere(count: usize) -> Pipeline {
    let policy = |number| Text {
        origin: format!("{number}.rego"),
        text: format!(
            "# METADATA\n# custom:\n#   match: {{namespaces: [other]}}\npackage bench.p{number}\nimport rego.v1\n\
            deny contains \"no\" if input.pod\n"
        ),
    };
    let policies = (0..count).map(policy).collect();
    Pipeline::compile(&Sources {
        policies,
        ..Sources::default()
    })
    .expect("they compile")
}

fn request(pipeline: &Pipeline, body: &Arc<[u8]>) -> Request {
    review::decode(Arc::clone(body), &pipeline.catalogue).expect("a review of our own")
}

fn govern(criterion: &mut Criterion) {
    let facts = Facts::default();
    let body = body();
    println!("review: {} bytes", body.len());
    let all = [
        "allowed-registries",
        "no-mutable-tags",
        "requests-and-limits",
    ];
    let mut bench = |name: &str, pipeline: Pipeline| {
        let request = request(&pipeline, &body);
        let verdict = pipeline.decide(&facts, &request);
        assert!(
            verdict
                .diagnostics
                .iter()
                .all(|one| !all.contains(&&*one.code) && one.code != "policy-error"),
            "{verdict:?}"
        );
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| pipeline.decide(&facts, black_box(&request)))
        });
    };
    bench("decide without policies", library(&[]));
    bench("decide with the library's three policies", library(&all));
    for name in all {
        bench(&format!("decide with {name}"), library(&[name]));
    }
    bench(
        "decide with 1000 policies that do not match",
        elsewhere(1000),
    );
    criterion.bench_function(
        "compile the library's three policies and the built-in data",
        |bencher| {
            bencher.iter(|| library(black_box(&all)));
        },
    );
}

criterion_group!(benches, govern);
criterion_main!(benches);
