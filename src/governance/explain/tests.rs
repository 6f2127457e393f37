use serde_json::json;

use super::super::input::Review;
use super::*;
use crate::path::FieldPath;

fn lines(text: &str, object: serde_json::Value) -> Vec<String> {
    let review = Review::from(json!({ "object": object }));
    let input = Input::new(review, &FieldPath::root(), json!({}), json!([]), json!(null));
    let text = format!("package a\nimport rego.v1\n{text}");
    let traces = explain(
        &[Module { origin: "a.rego", text: &text }],
        Dialect::Native,
        &[],
        &input,
        &json!({}),
    )
    .unwrap();
    traces
        .into_iter()
        .map(|trace| {
            let call = trace.call.map(|call| format!(" <{call}>")).unwrap_or_default();
            let outcome = match trace.outcome {
                Outcome::Held { times, values } => format!("held {times}: {}", values.join(" | ")),
                Outcome::Failed { mark, expression, values, looks } => {
                    let looks: Vec<String> = std::iter::once(values.join(" | "))
                        .chain(looks.iter().map(|look| format!("as {look}")))
                        .collect();
                    format!("failed {mark} `{expression}`: {}", looks.join(" "))
                }
                Outcome::Erred { mark, expression, message } => {
                    format!("erred {mark} `{expression}`: {message}")
                }
                Outcome::NotAsked(why) => why.to_owned(),
                Outcome::Unknown(why) => format!("unknown: {why}"),
            };
            format!("{}:{}{call} {outcome}", trace.rule, trace.mark.line)
        })
        .collect()
}

#[test]
fn the_first_expression_that_fails_is_named_with_the_values_before_it() {
    let text = "deny contains msg if {\n\tsome i, c in input.pod.containers\n\tc.privileged\n\tc.image == \"x\"\n\tmsg := sprintf(\"%d\", [i])\n}\n";
    let pods = |containers| lines(text, json!({ "containers": containers }));
    assert_eq!(
        pods(json!([{"image": "x", "privileged": true}])),
        ["deny:3 held 1: c = {\"image\":\"x\",\"privileged\":true}, i = 0, msg = \"0\""]
    );
    assert_eq!(
        pods(json!([{"image": "y", "privileged": true}])),
        [
            "deny:3 failed 6:2 `c.image == \"x\"`: c = {\"image\":\"y\",\"privileged\":true}, i = 0 as `c.image` is \"y\""
        ]
    );
    assert_eq!(
        pods(json!([{"image": "x"}])),
        [
            "deny:3 failed 5:2 `c.privileged`: c = {\"image\":\"x\"}, i = 0 as `c.privileged` is undefined"
        ]
    );
    assert_eq!(
        pods(json!([])),
        ["deny:3 failed 4:2 `some i, c in input.pod.containers`:  as `input.pod.containers` is []"]
    );
}

#[test]
fn functions_are_explained_call_by_call() {
    let text = "deny contains c.image if { some c in input.pod; not is_fine(c.image, \"p\") }\n\
        is_fine(image, _) if startswith(image, \"a/\")\n\
        is_fine(image, \"p\") if { image == \"b\" } else if { image == \"c\"; image != \"d\" }\nunused(x) if x\n";
    assert_eq!(
        lines(text, json!([{"image": "a/1"}, {"image": "c"}])),
        [
            "deny:3 failed 3:49 `not is_fine(c.image, \"p\")`: c = {\"image\":\"a/1\"} | c = {\"image\":\"c\"}",
            "is_fine(image, _):4 <\"a/1\", null> held 1: ",
            "is_fine(image, _):4 <\"c\", null> failed 4:22 `startswith(image, \"a/\")`: ",
            "is_fine(image, \"p\"):5 <\"a/1\", \"p\"> failed 5:26 `image == \"b\"`: ",
            "is_fine(image, \"p\"):5 <\"c\", \"p\"> failed 5:26 `image == \"b\"`: ",
            "is_fine(image, \"p\"):5 <\"a/1\", \"p\"> failed 5:51 `image == \"c\"`: ",
            "is_fine(image, \"p\"):5 <\"c\", \"p\"> held 1: ",
        ]
    );
}

#[test]
fn variables_without_a_declaration_have_values_too_and_errors_are_told() {
    let text = "deny contains \"x\" if {\n\tn := input.pod.n\n\tn > 3\n}\n\
        warn contains \"y\" if {\n\tsome i\n\tinput.pod.list[i] == 1\n\t1 / input.pod.zero == 1\n}\n";
    assert_eq!(
        lines(text, json!({"n": 2, "list": [0, 1], "zero": 0})),
        [
            "deny:3 failed 5:2 `n > 3`: n = 2",
            "warn:7 erred 10:2 `1 / input.pod.zero == 1`: divide by zero",
        ]
    );
}

#[test]
fn an_else_is_not_asked_where_a_definition_before_it_held() {
    let text = "deny contains level if level != \"\"\nlevel := \"high\" if {\n\tinput.pod.a\n} else := \"low\" if {\n\tinput.pod.b\n}\n";
    assert_eq!(
        lines(text, json!({"a": true})),
        ["deny:3 held 1: ", "level:4 held 1: ", "level:6 a definition before it held",]
    );
}

#[test]
fn what_an_expression_refers_to_is_told() {
    let pod =
        json!({"metadata": {"labels": {"a/b": "c"}}, "spec": {"containers": [{"image": "x"}]}});
    let of = |body: &str| {
        let text = format!("deny contains 1 if {{ {body} }}\n");
        let line = lines(&text, pod.clone()).remove(0);
        line.split_once("`: ").unwrap().1.to_owned()
    };
    for (body, expected) in [
        ("input.pod.spec.containrs[0].image", " as `input.pod.spec.containrs` is undefined"),
        (
            "input.pod.metadata.labels[\"a/b\"] == \"d\"",
            " as `input.pod.metadata.labels[\"a/b\"]` is \"c\"",
        ),
        ("input.pod.spec.containers[1].image", " as `input.pod.spec.containers[1]` is undefined"),
        // What is missing comes first, and no more than three are told.
        (
            "input.pod.metadata.labels[\"a/b\"] == input.pod.x",
            " as `input.pod.x` is undefined as `input.pod.metadata.labels[\"a/b\"]` is \"c\"",
        ),
        (
            "c := input.pod.spec.containers[0]; startswith(c.imag, \"x\")",
            "c = {\"image\":\"x\"} as `c.imag` is undefined",
        ),
        // A variable with several values, and what belongs to a comprehension.
        ("some i in [1, 2]; i == 3", "i = 1 | i = 2"),
        ("count([1 | input.pod.x]) > 0", ""),
    ] {
        assert_eq!(of(body), expected, "{body}");
    }
    let text = "deny contains 1 if f(input.pod.spec)\nf(spec) if spec.hostNetwork\n";
    let found = lines(text, pod.clone());
    assert!(
        found.iter().any(|line| line.ends_with("as `spec.hostNetwork` is undefined")),
        "{found:?}"
    );
}
