//! The set `patch`: what policies change, and what becomes of those that cannot be granted it.

use loadline::admission::{Pipeline, Stage};
use loadline::facts::Facts;
use serde_json::{Value, json};

use crate::reviews::{decide, decide_at, patched, pipeline_with, pod};

const LABEL: &str = r#"# METADATA
# title: every pod has an owner
# custom: {match: {placement: any}}
package test.owner

import rego.v1

patch contains {"op": "add", "path": "/metadata/labels/owner", "value": "nobody"} if {
	not input.pod.metadata.labels.owner
}
"#;

fn with(modules: &[(&str, &str)]) -> Pipeline {
    pipeline_with(modules, None).unwrap()
}

fn rego(name: &str, custom: &str, rules: &str) -> String {
    format!("# METADATA\n# custom: {custom}\npackage test.{name}\n\nimport rego.v1\n\n{rules}\n")
}

fn facts() -> Facts {
    Facts::default()
}

fn codes(verdict: &loadline::admission::verdict::Verdict) -> Vec<String> {
    verdict.diagnostics.iter().map(|one| format!("{}: {}", one.code, one.what)).collect()
}

#[test]
fn a_policy_changes_a_pod_once() {
    let pipeline = with(&[("owner.rego", LABEL)]);
    let object = pod(json!({}), json!({}));
    for stage in [Stage::Mutate, Stage::Whole] {
        let verdict = decide_at(&pipeline, &facts(), &object, stage);
        assert!(verdict.allowed && verdict.diagnostics.is_empty(), "{:?}", codes(&verdict));
        let [change] = verdict.changes.as_slice() else { panic!("{:?}", verdict.changes) };
        assert_eq!(change.edit.to_string(), "change /metadata/labels, /metadata/labels/owner");
        assert_eq!(change.reason, "policy `owner`: every pod has an owner");
        let after = patched(&object, &verdict);
        assert_eq!(after["metadata"]["labels"], json!({"owner": "nobody"}));
        assert!(decide_at(&pipeline, &facts(), &after, stage).patch.is_empty());
        assert!(decide_at(&pipeline, &facts(), &after, Stage::Validate).diagnostics.is_empty());
    }
}

#[test]
fn what_policies_change_is_what_is_judged_and_may_lead_a_pod_elsewhere() {
    let send = rego(
        "send",
        "{match: {placement: any}}",
        r#"patch contains {"op": "add", "path": "/metadata/annotations/loadline.dev~1profile", "value": "dinghy"} if {
	not input.pod.metadata.annotations["loadline.dev/profile"]
}"#,
    );
    let look = rego(
        "look",
        "{match: {placement: virtual}}",
        r#"deny contains {"msg": msg} if msg := sprintf("%v goes to %v", [input.pod.metadata.labels.owner, input.placement.profiles])"#,
    );
    let pipeline = with(&[("send.rego", &send), ("look.rego", &look), ("owner.rego", LABEL)]);
    let object = pod(json!({}), json!({}));
    let verdict = decide(&pipeline, &facts(), &object);
    assert!(!verdict.allowed);
    assert_eq!(codes(&verdict), [r#"look: nobody goes to ["dinghy"]"#]);
    let after = patched(&object, &decide_at(&pipeline, &facts(), &object, Stage::Mutate));
    assert!(after["metadata"]["annotations"]["loadline.dev/admitted"].is_string(), "{after}");
    assert!(after["spec"]["tolerations"].is_array(), "{after}");
    assert!(decide_at(&pipeline, &facts(), &after, Stage::Mutate).patch.is_empty());
}

#[test]
fn a_policy_that_never_comes_to_rest_fails_and_changes_nothing() {
    let append = |on_error: &str| {
        rego(
            "append",
            &format!("{{match: {{placement: any}}, onError: {on_error}}}"),
            r#"patch contains {"op": "add", "path": "/spec/tolerations/-", "value": {"key": "a", "operator": "Exists"}}"#,
        )
    };
    let object = pod(json!({"labels": {"owner": "x"}}), json!({}));
    let pipeline = with(&[("append.rego", &append("deny")), ("owner.rego", LABEL)]);
    let verdict = decide(&pipeline, &facts(), &object);
    assert!(!verdict.allowed && verdict.patch.is_empty());
    let codes = codes(&verdict);
    assert!(codes.iter().all(|one| one.starts_with("policy-error: policy `append`")), "{codes:?}");
    // The webhook that patches refuses nothing; the other one does, as the pod is not as the policy wants it.
    assert!(decide_at(&pipeline, &facts(), &object, Stage::Mutate).patch.is_empty());
    assert!(!decide_at(&pipeline, &facts(), &object, Stage::Validate).allowed);
    let lenient = with(&[("append.rego", &append("warn"))]);
    assert!(decide(&lenient, &facts(), &object).allowed);
}

#[test]
fn a_wish_that_was_undone_is_no_consent() {
    let pipeline = with(&[("owner.rego", LABEL)]);
    let verdict = decide_at(&pipeline, &facts(), &pod(json!({}), json!({})), Stage::Validate);
    assert!(!verdict.allowed, "{:?}", codes(&verdict));
    assert!(codes(&verdict)[0].contains("something has undone"), "{:?}", codes(&verdict));
}

#[test]
fn what_a_policy_may_not_have_is_refused_by_name() {
    for (rule, part) in [
        (
            r#"{"op": "replace", "path": "/metadata/name", "value": "x"}"#,
            "not for policies to change",
        ),
        (r#"{"op": "replace", "path": "/spec/absent/deep", "value": 1}"#, "does not apply"),
        (r#"{"op": "put", "path": "/spec/x"}"#, "no JSON Patch operation"),
        (r#""label it""#, "no JSON Patch operation"),
        ("1 / input.zero", "undefined"),
    ] {
        let module = rego("odd", "{match: {placement: any}}", &format!("patch contains {rule}"));
        let pipeline = with(&[("odd.rego", &module)]);
        let verdict = decide(&pipeline, &facts(), &pod(json!({}), json!({})));
        if part == "undefined" {
            // A rule body that does not hold asks for nothing.
            assert!(verdict.allowed, "{:?}", codes(&verdict));
            continue;
        }
        assert!(!verdict.allowed && codes(&verdict)[0].contains(part), "{:?}", codes(&verdict));
    }
    let no_set = rego("odd", "{match: {placement: any}}", r#"patch := {"op": "add"}"#);
    let verdict = decide(&with(&[("odd.rego", &no_set)]), &facts(), &pod(json!({}), json!({})));
    assert!(codes(&verdict)[0].contains("not a set"), "{:?}", codes(&verdict));
}

#[test]
fn operations_that_belong_together_keep_their_order() {
    let module = rego(
        "ordered",
        "{match: {placement: any}}",
        r#"patch contains [
	{"op": "add", "path": "/metadata/labels/b", "value": "1"},
	{"op": "copy", "from": "/metadata/labels/b", "path": "/metadata/labels/a"},
] if not input.pod.metadata.labels.a"#,
    );
    let object = pod(json!({}), json!({}));
    let verdict = decide(&with(&[("ordered.rego", &module)]), &facts(), &object);
    assert_eq!(patched(&object, &verdict)["metadata"]["labels"], json!({"a": "1", "b": "1"}));
}

#[test]
fn nothing_is_changed_but_pods_and_nothing_while_a_policy_is_tried_out() {
    let audited =
        LABEL.replace("{match: {placement: any}}", "{match: {placement: any}, action: audit}");
    let pipeline = with(&[("owner.rego", &audited)]);
    assert!(decide(&pipeline, &facts(), &pod(json!({}), json!({}))).patch.is_empty());
    let deployment: Value = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "a:1"}]}}}});
    let verdict = decide(&with(&[("owner.rego", LABEL)]), &facts(), &deployment);
    assert!(verdict.patch.is_empty() && verdict.allowed, "{:?}", codes(&verdict));
}
