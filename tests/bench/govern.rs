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
#[path = "templates.rs"]
mod templates_data;

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

/// A pipeline with twenty templates and a constraint of each.
fn templates() -> Pipeline {
    let policies = templates_data::twenty("");
    println!("templates: {}", templates_data::origin());
    let text = |(origin, text)| Text { origin, text };
    let policies = policies.into_iter().map(text).collect();
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
