//! Which policies are asked.

use loadline::admission::Pipeline;
use serde_json::{Value, json};

use super::{compile, decide, decide_review, headed, pod, review_of, said};

/// Speaks whenever it is asked.
fn asked(clause: &str) -> Pipeline {
    let text = format!(
        "# METADATA\n# custom:\n#   match: {{{clause}}}\npackage test.example\nimport rego.v1\ndeny contains \"asked\"\n"
    );
    compile(&[("example.rego", &text)], None).unwrap()
}

#[track_caller]
fn check(clause: &str, pod: &Value, expected: bool) {
    assert_eq!(!said(&decide(&asked(clause), pod)).is_empty(), expected, "{clause}");
}

#[test]
fn policies_are_about_pods_that_may_reach_a_virtual_node_unless_they_say_otherwise() {
    let (regular, headed) =
        (pod(json!({"spec": {"nodeSelector": {"disk": "ssd"}}})), headed(json!({})));
    for (clause, is_asked_of_regular, is_asked_of_headed) in [
        ("", false, true),
        ("placement: reachable", false, true),
        ("placement: virtual", false, true),
        ("placement: eligible", false, false),
        ("placement: regular", true, false),
        ("placement: any", true, true),
    ] {
        check(clause, &regular, is_asked_of_regular);
        check(clause, &headed, is_asked_of_headed);
    }
}

#[test]
fn namespaces_profiles_and_kinds_narrow_it_down() {
    let pod = headed(json!({}));
    check(
        "kinds: [Pod], namespaces: [shop], profiles: [azure-aci], operations: [CREATE]",
        &pod,
        true,
    );
    check("namespaces: [other]", &pod, false);
    check("excludedNamespaces: [shop]", &pod, false);
    check("profiles: [liqo]", &pod, false);
    check("operations: [UPDATE]", &pod, false);
}

#[test]
fn a_policy_that_does_not_match_is_not_evaluated() {
    let text = "# METADATA\n# custom:\n#   match: {namespaces: [other], placement: any}\npackage test.example\n\
        import rego.v1\ndeny contains x if x := 1 / 0\n";
    let pipeline = compile(&[("example.rego", text)], None).unwrap();
    assert!(said(&decide(&pipeline, &pod(json!({})))).is_empty());
}

#[test]
fn what_is_deleted_is_always_let_go() {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let verdict =
        decide_review(&asked("placement: any"), &review_of(&kind, "DELETE", &Value::Null));
    assert!(verdict.allowed && verdict.diagnostics.is_empty());
}

#[test]
fn a_match_that_could_never_match_is_refused_with_its_position() {
    let text = "# METADATA\n# custom:\n#   match: {kinds: [Pods]}\npackage test.example\nimport rego.v1\ndeny contains \"x\"\n";
    let error = compile(&[("dir/example.rego", text)], None).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "dir/example.rego:3:21: metadata: `custom.match.kinds[0]`: `Pods` never matches; did you mean `Pod`?"
        ),
        "{error}"
    );
}
