//! What policies add to a decision: the library's three on a 10 KB pod, and policies that do not match.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a benchmark that cannot go on should stop with a message"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use loadline::admission::{Pipeline, Request, review};
use loadline::bundle::{Sources, Text};
use loadline::facts::Facts;

#[path = "review.rs"]
mod review_data;

/// What makes the pod of the benchmarks pass.
fn settings(policy: &str) -> &'static str {
    match policy {
        "allowed-registries" => {
            "\n    parameters: {registries: [registry.k8s.io, registry.example]}\n"
        }
        _ => "\n",
    }
}

/// A pipeline with these policies of the library.
fn library(names: &[&str]) -> Pipeline {
    let policies: String =
        names.iter().fold(String::new(), |all, name| all + "  - name: " + name + settings(name));
    let spec =
        if names.is_empty() { "{}".to_owned() } else { format!("\n  policies:\n{policies}") };
    let text = format!("apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {spec}\n");
    let config = Some(Text { origin: "loadline.yaml".to_owned(), text });
    Pipeline::compile(&Sources { config, ..Sources::default() }).expect("the library compiles")
}

/// A pipeline with a policy that costs nothing but its input.
fn saying_nothing() -> Pipeline {
    let text = "package bench.silent\nimport rego.v1\ndeny contains \"no\" if input.absent\n";
    let policies = vec![Text { origin: "silent.rego".to_owned(), text: text.to_owned() }];
    Pipeline::compile(&Sources { policies, ..Sources::default() }).expect("it compiles")
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
    Pipeline::compile(&Sources { policies, ..Sources::default() }).expect("they compile")
}

/// Rules of ten Gatekeeper templates as people write them, and parameters that the pod of the benchmarks meets.
const TEMPLATES: [(&str, &str); 10] = [
    (
        "violation[{\"msg\": msg}] { p := {l | input.review.object.metadata.labels[l]}; r := {l | l := input.parameters.labels[_].key}; m := r - p; count(m) > 0; msg := sprintf(\"missing %v\", [m]) }",
        "labels: [{key: app}]",
    ),
    (
        "violation[{\"msg\": msg}] { c := all[_]; not strings.any_prefix_match(c.image, input.parameters.repos); msg := sprintf(\"image %v\", [c.image]) }",
        "repos: [registry.k8s.io/, registry.example/, docker.io/, ghcr.io/]",
    ),
    (
        "violation[{\"msg\": msg}] { c := all[_]; t := [b | x := input.parameters.tags[_]; b := endswith(c.image, concat(\":\", [\"\", x]))]; count([1 | t[_] == true]) > 0; msg := sprintf(\"tag of %v\", [c.image]) }",
        "tags: [latest, dev]",
    ),
    (
        "violation[{\"msg\": msg}] { c := all[_]; c.securityContext.privileged; msg := sprintf(\"privileged %v\", [c.name]) }",
        "{}",
    ),
    (
        "violation[{\"msg\": msg}] { c := all[_]; has(c); msg := sprintf(\"capabilities of %v\", [c.name]) }\n          has(c) { a := {x | x := input.parameters.allowed[_]}; n := {x | x := c.securityContext.capabilities.add[_]}; count(n - a) > 0 }",
        "allowed: [NET_BIND_SERVICE]",
    ),
    (
        "violation[{\"msg\": msg}] { v := {f | input.review.object.spec.volumes[_][f]; f != \"name\"}; n := v - {x | x := input.parameters.volumes[_]}; count(n) > 0; msg := sprintf(\"volumes %v\", [n]) }",
        "volumes: [configMap, secret, emptyDir, projected, downwardAPI, hostPath, persistentVolumeClaim, csi, ephemeral]",
    ),
    (
        "violation[{\"msg\": msg}] { c := input.review.object.spec.containers[_]; p := input.parameters.probes[_]; c[p].nothing; msg := sprintf(\"probe %v of %v\", [p, c.name]) }",
        "probes: [readinessProbe, livenessProbe]",
    ),
    (
        "violation[{\"msg\": msg}] { c := input.review.object.spec.containers[_]; k := input.parameters.resources[_]; m := size(c.resources.limits[k]); m > input.parameters.max; msg := sprintf(\"%v of %v\", [k, c.name]) }\n          size(x) = y { is_number(x); y := x }\n          size(x) = y { not is_number(x); endswith(x, \"Mi\"); y := to_number(replace(x, \"Mi\", \"\")) * 1048576 }\n          size(x) = y { not is_number(x); endswith(x, \"Gi\"); y := to_number(replace(x, \"Gi\", \"\")) * 1073741824 }\n          size(x) = y { not is_number(x); regex.match(\"^[0-9]+m$\", x); y := to_number(replace(x, \"m\", \"\")) / 1000 }",
        "resources: [cpu, memory]\n    max: 100000000000",
    ),
    (
        "violation[{\"msg\": msg}] { input.review.object.spec[k]; k == input.parameters.fields[_]; msg := sprintf(\"%v is not allowed\", [k]) }",
        "fields: [hostPID, hostIPC]",
    ),
    (
        "violation[{\"msg\": msg}] { not exempt; c := all[_]; escalates(c); msg := sprintf(\"%v may escalate\", [c.name]) }\n          exempt { input.review.operation == \"UPDATE\" }\n          escalates(c) { c.securityContext.allowPrivilegeEscalation == true }",
        "{}",
    ),
];

/// A pipeline with twenty templates and a constraint of each.
fn templates() -> Pipeline {
    let document = |number: usize| {
        let (rules, parameters) = TEMPLATES[number % TEMPLATES.len()];
        let text = format!(
            "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata: {{name: bench{number}}}\nspec:\n  \
            crd: {{spec: {{names: {{kind: Bench{number}}}, validation: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}}}\n  \
            targets:\n    - target: admission.k8s.gatekeeper.sh\n      rego: |\n          package bench{number}\n          \
            all[c] {{ c := input.review.object.spec.containers[_] }}\n          all[c] {{ c := input.review.object.spec.initContainers[_] }}\n          {rules}\n\
            ---\napiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Bench{number}\nmetadata: {{name: bench{number}}}\nspec:\n  \
            match: {{kinds: [{{apiGroups: [''], kinds: [Pod]}}]}}\n  parameters:\n    {parameters}\n"
        );
        Text { origin: format!("{number}.yaml"), text }
    };
    let policies = (0..20).map(document).collect();
    Pipeline::compile(&Sources { policies, ..Sources::default() })
        .unwrap_or_else(|error| panic!("{error}"))
}

fn request(pipeline: &Pipeline, body: &Arc<[u8]>) -> Request {
    review::decode(Arc::clone(body), &pipeline.catalogue).expect("a review of our own")
}

fn govern(criterion: &mut Criterion) {
    let facts = Facts::default();
    let body = review_data::headed();
    println!("review: {} bytes", body.len());
    let all = ["allowed-registries", "no-mutable-tags", "requests-and-limits"];
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
            bencher.iter(|| pipeline.decide(&facts, black_box(&request)));
        });
    };
    bench("decide without policies", library(&[]));
    bench("decide with a policy that says nothing", saying_nothing());
    bench("decide with the library's three policies", library(&all));
    for name in all {
        bench(&format!("decide with {name}"), library(&[name]));
    }
    bench("decide with 20 Gatekeeper templates", templates());
    bench("decide with 1000 policies that do not match", elsewhere(1000));
    criterion.bench_function(
        "compile the library's three policies and the built-in data",
        |bencher| {
            bencher.iter(|| library(black_box(&all)));
        },
    );
}

criterion_group!(benches, govern);
criterion_main!(benches);
