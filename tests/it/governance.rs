//! Policies in Rego, from the bytes of a review to the verdict: one file for each concern.

mod command;
mod documentation;
mod documents;
mod hostile;
mod lint;
mod matching;
mod outcomes;
mod patches;
mod testing;
mod tutorial;
mod workbench;

use std::fmt::Write as _;
use std::sync::Arc;

use loadline::admission::verdict::Verdict;
use loadline::admission::{Pipeline, review};
use loadline::bundle::{BundleError, Sources, Text};
use loadline::diagnostic::{Diagnostic, Severity};
use loadline::facts::Facts;
use serde_json::{Value, json};

/// Compiles policies, and a configuration if there is one.
fn compile(modules: &[(&str, &str)], config: Option<&str>) -> Result<Pipeline, BundleError> {
    let text = |(origin, text): &(&str, &str)| Text {
        origin: (*origin).to_owned(),
        text: (*text).to_owned(),
    };
    let sources = Sources {
        policies: modules.iter().map(text).collect(),
        config: config.map(|spec| Text {
            origin: "loadline.yaml".to_owned(),
            text: format!("apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n{spec}"),
        }),
        ..Sources::default()
    };
    Pipeline::compile(&sources)
}

/// A policy that looks at every pod, whatever its way: metadata, then rules.
fn policy(metadata: &str, rules: &str) -> String {
    let mut custom = String::from("#   match: {placement: any}\n");
    for line in metadata.lines() {
        let _ = writeln!(custom, "#   {line}");
    }
    format!(
        "# METADATA\n# title: the test's policy\n# custom:\n{custom}package test.example\n\nimport rego.v1\n\n{rules}\n"
    )
}

/// A pipeline with that policy alone.
#[track_caller]
fn with_policy(metadata: &str, rules: &str) -> Pipeline {
    compile(&[("example.rego", &policy(metadata, rules))], None).unwrap()
}

/// A pod that any node may run, with changes.
fn pod(changes: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{"name": "web", "image": "registry.example/web:1.2.3"}]},
    });
    json_patch::merge(&mut pod, &changes);
    pod
}

/// A pod that asks for a virtual node.
fn headed(changes: Value) -> Value {
    let mut pod = pod(json!({"metadata": {"labels": {"loadline.dev/profile": "azure-aci"}}}));
    json_patch::merge(&mut pod, &changes);
    pod
}

fn review_of(kind: &Value, operation: &str, object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0d1", "kind": kind, "resource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "web", "namespace": "shop", "operation": operation, "object": object,
        },
    })
}

fn decide_review(pipeline: &Pipeline, review: &Value) -> Verdict {
    let bytes: Arc<[u8]> = Arc::from(review.to_string().into_bytes());
    let request = review::decode(bytes, &pipeline.catalogue).unwrap();
    pipeline.decide(&Facts::default(), &request)
}

fn decide(pipeline: &Pipeline, pod: &Value) -> Verdict {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    decide_review(pipeline, &review_of(&kind, "CREATE", pod))
}

/// What the test's policy said, and what was said of it.
fn said(verdict: &Verdict) -> Vec<&Diagnostic> {
    let is_ours = |one: &&Diagnostic| matches!(&*one.code, "example" | "policy-error");
    verdict.diagnostics.iter().filter(is_ours).collect()
}

/// Severity, code and message of the one thing that was said.
#[track_caller]
fn only(verdict: &Verdict) -> (Severity, &str, &str) {
    let said = said(verdict);
    assert_eq!(said.len(), 1, "{said:?}");
    (said[0].severity, &said[0].code, &said[0].what)
}
