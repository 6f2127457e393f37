//! A decision from the bytes of a review to the bytes of the answer.

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
use loadline::admission::{Pipeline, review};
use loadline::bundle::{Sources, Text};
use loadline::facts::Facts;
use serde_json::Value;

#[path = "review.rs"]
mod review_data;

fn answer(pipeline: &Pipeline, facts: &Facts, body: &Arc<[u8]>) -> Vec<u8> {
    let request =
        review::decode(Arc::clone(body), &pipeline.catalogue).expect("a review of our own");
    let verdict = pipeline.decide(facts, &request);
    review::encode(&request.uid, request.stage, &verdict)
}

/// The same catalogue with only the profiles that the project's brief names.
fn few_profiles() -> Pipeline {
    let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\n\
                  spec: {profiles: [azure-aci, azure-batch, eks-fargate, elotl-kip, nomad, liqo]}\n";
    let config = Text { origin: "few.yaml".to_owned(), text: config.to_owned() };
    Pipeline::compile(&Sources { config: Some(config), ..Sources::default() })
        .expect("six of the built-in profiles compile")
}

fn decide(criterion: &mut Criterion) {
    let pipeline = Pipeline::built_in().expect("the built-in data compiles");
    let facts = Facts::default();
    let regular = review_data::regular();
    let headed = review_data::headed();
    println!(
        "review: {} bytes; profiles: {}; features: {}",
        headed.len(),
        pipeline.profiles.len(),
        pipeline.catalogue.len()
    );
    criterion.bench_function("headed for a virtual node", |bencher| {
        bencher.iter(|| answer(&pipeline, &facts, black_box(&headed)));
    });
    criterion.bench_function("cannot reach a virtual node", |bencher| {
        bencher.iter(|| answer(&pipeline, &facts, black_box(&regular)));
    });
    // What a provider more costs: the same pod, headed for one profile that both know, and with none in reach.
    let few = few_profiles();
    for (name, pipeline) in [(few.profiles.len(), &few), (pipeline.profiles.len(), &pipeline)] {
        criterion.bench_function(
            &format!("headed for a virtual node, {name} profiles"),
            |bencher| {
                bencher.iter(|| answer(pipeline, &facts, black_box(&headed)));
            },
        );
        criterion.bench_function(
            &format!("cannot reach a virtual node, {name} profiles"),
            |bencher| {
                bencher.iter(|| answer(pipeline, &facts, black_box(&regular)));
            },
        );
    }
    let floor = |body: &Arc<[u8]>| serde_json::from_slice::<serde::de::IgnoredAny>(body);
    criterion.bench_function("only scanning the JSON", |bencher| {
        bencher.iter(|| floor(black_box(&headed)));
    });
    criterion.bench_function("a tree of the JSON", |bencher| {
        bencher.iter(|| serde_json::from_slice::<Value>(black_box(&headed)));
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
