//! Templates that would end the process, block it or fill its memory. That the tests come to their end is half of the proof.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadline::admission::{Pipeline, review};
use loadline::bundle::{BundleError, Sources, Text};
use loadline::facts::Facts;
use serde_json::json;

/// How long an answer may take here: the limit of one policy, and much more for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(10);

fn compile(rules: &str) -> Result<Pipeline, BundleError> {
    let document = |name: &str, rules: &str| {
        let rules = rules.lines().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "        {line}");
            text
        });
        format!(
            "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata: {{name: {}}}\nspec:\n  \
            crd: {{spec: {{names: {{kind: {name}}}}}}}\n  targets:\n    - target: admission.k8s.gatekeeper.sh\n      rego: |\n        \
            package t\n{rules}---\napiVersion: constraints.gatekeeper.sh/v1beta1\nkind: {name}\nmetadata: {{name: one}}\n",
            name.to_lowercase()
        )
    };
    let harmless =
        "violation[{\"msg\": \"the other one speaks\"}] { input.review.object.kind == \"Pod\" }";
    let text = document("Hostile", rules) + "---\n" + &document("Other", harmless);
    let policies = vec![Text { origin: "hostile.yaml".to_owned(), text }];
    Pipeline::compile(&Sources { policies, ..Sources::default() })
}

/// What is said of a pod.
fn said(pipeline: &Pipeline) -> Vec<String> {
    let body = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "web", "namespace": "shop", "operation": "CREATE",
            "object": {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
            },
        },
    });
    let bytes: Arc<[u8]> = Arc::from(body.to_string().into_bytes());
    let request = review::decode(bytes, &pipeline.catalogue).unwrap();
    let verdict = pipeline.decide(&Facts::default(), &request);
    assert!(!verdict.allowed);
    verdict.diagnostics.iter().map(|one| one.what.clone()).collect()
}

#[track_caller]
fn refused(rules: &str, part: &str) {
    let start = Instant::now();
    let error = compile(rules).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[track_caller]
fn fails(rules: &str, part: &str) {
    let pipeline = compile(rules).unwrap();
    let start = Instant::now();
    let said = said(&pipeline).join("\n");
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    assert!(said.contains(part), "{part} is not in\n{said}");
    assert!(said.contains("the other one speaks"), "{said}");
}

const V: &str = "violation[{\"msg\": \"no\"}]";
const MANY: &str = "numbers.range(1, 99999)";

/// A text of so many lines, made of their numbers.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |text, number| text + &line(number) + "\n")
}

#[test]
fn templates_that_could_not_be_run_are_refused() {
    refused(&format!("{V} {{ f(1) }}\nf(x) {{ f(x) }}"), "recursive");
    refused(&format!("{V} {{ a }}\na {{ b }}\nb {{ a }}"), "recursive");
    refused("violation[x] { violation[x] }", "recursive");
    refused(&format!("{V} {{ {}1{} }}", "[".repeat(31), "]".repeat(31)), "nest");
    refused(&format!("{V} {{ x := 1{} }}", " + 1".repeat(5000)), "steps");
    refused(&format!("{V} {{ http.send({{\"url\": \"http://x\"}}) }}"), "network");
    refused(&format!("{V} {{ io.jwt.decode(\"x\") }}"), "tokens");
    refused(
        &format!(
            "{V} {{ f3000(1) }}\nf0(x) = x {{ true }}\n{}",
            lines(3000, |n| format!("f{}(x) = f{n}(x) {{ true }}", n + 1))
        ),
        "",
    );
}

#[test]
fn templates_that_do_not_end_are_ended() {
    fails(&format!("{V} {{ i := {MANY}[_]; j := {MANY}[_]; i * j == 0 }}"), "took longer");
    fails(
        &format!("{V} {{ count([1 | i := {MANY}[_]; j := {MANY}[_]; i * j == 0]) > 0 }}"),
        "took longer",
    );
    fails(
        &format!("{V} {{ count({{[i, j] | i := {MANY}[_]; j := {MANY}[_]; i < 2}}) == 0 }}"),
        "took longer",
    );
    fails(&format!("{V} {{ not f({MANY}) }}\nf(x) {{ x[_] + x[_] + x[_] == 1 }}"), "took longer");
    fails(
        &format!(
            "{V} {{ t := concat(\"\", [\"ab\" | {MANY}[_]]); count([1 | {MANY}[_]; regex.match(\"(a|ab)*c\", t)]) > 0 }}"
        ),
        "took longer",
    );
    fails(
        &format!(
            "{V} {{ t := concat(\"\", [\"ab\" | {MANY}[_]]); count([1 | {MANY}[_]; replace(t, \"a\", \"b\") == \"\"]) > 0 }}"
        ),
        "took longer",
    );
}

#[test]
fn templates_that_take_all_memory_get_none() {
    // What fails in Gatekeeper is undefined there; what would be too much is an error everywhere, also when it is negated.
    fails(&format!("{V} {{ count(numbers.range(1, 900000000)) > 0 }}"), "`numbers.range`");
    fails(&format!("{V} {{ not numbers.range(1, 900000000) }}"), "`numbers.range`");
    fails("violation[{\"msg\": msg}] { msg := sprintf(\"%2000000000d\", [1]) }", "`sprintf`");
    fails(&format!("{V} {{ net.cidr_expand(\"10.0.0.0/6\") }}"), "`net.cidr_expand`");
    fails(&format!("{V} {{ bits.lsh(1, 4000000000) > 0 }}"), "`bits.lsh`");
    fails(
        &format!("{V} {{ not f(\"1e1999999999\") }}\nf(x) {{ units.parse(x) > 0 }}"),
        "`units.parse`",
    );
    let doubled = lines(40, |n| format!("t{} = concat(\"\", [t{n}, t{n}]) {{ true }}", n + 1));
    fails(
        &format!(
            "violation[{{\"msg\": t40}}] {{ true }}\nt0 = \"0123456789\" {{ true }}\n{doubled}"
        ),
        "`concat`",
    );
    let nested = lines(60, |n| format!("t{} = [t{n}, t{n}] {{ true }}", n + 1));
    for use_of_it in ["json.marshal(t60)", "sprintf(\"%v\", [t60])", "yaml.marshal(t60)"] {
        fails(
            &format!(
                "violation[{{\"msg\": msg}}] {{ msg := {use_of_it} }}\nt0 = [1] {{ true }}\n{nested}"
            ),
            "larger than",
        );
    }
    fails(
        &format!(
            "violation[{{\"msg\": \"no\", \"details\": t60}}] {{ true }}\nt0 = [1] {{ true }}\n{nested}"
        ),
        "`details`",
    );
}

#[test]
fn templates_that_disagree_with_themselves_are_told_so() {
    for rules in [
        "p = 1 { true }\np = 2 { true }",
        "p = x { x := [1, 2][_] }",
        "p = f(1) { true }\nf(x) = 1 { x }\nf(x) = 2 { x }",
        "p = y { not g(1); y := 1 }\ng(x) { f(x) == 7 }\nf(x) = 1 { x }\nf(x) = 2 { x }",
    ] {
        fails(&format!("{V} {{ p == 3 }}\n{rules}"), "multiple outputs");
        fails(&format!("{V} {{ not p }}\n{rules}"), "multiple outputs");
    }
    fails(
        &format!("{V} {{ p.a == 3 }}\np[k] = v {{ k := \"a\"; v := [1, 2][_] }}"),
        "multiple outputs",
    );
}

#[test]
fn templates_of_wrong_types_are_told_so() {
    fails("violation[{\"msg\": 1}] { true }", "not a string");
    fails("violation[1] { true }", "not an object");
    fails("violation = 5 { true }", "not a set");
    fails("violation[{\"other\": 1}] { true }", "no `msg`");
}

#[test]
fn templates_with_ten_thousand_results_are_answered() {
    let pipeline = compile(
        "violation[{\"msg\": msg}] { x := numbers.range(1, 10000)[_]; msg := format_int(x, 10) }",
    )
    .unwrap();
    let start = Instant::now();
    assert!(!said(&pipeline).is_empty());
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}
