//! Policies that would end the process, block it or fill its memory. That the tests come to their end is half of the proof.

use std::time::{Duration, Instant};

use loadline::admission::verdict::Verdict;
use loadline::admission::{Stage, review};
use loadline::diagnostic::Severity::Deny;
use loadline::facts::Facts;
use serde_json::json;

use crate::reviews::lines;

use super::{compile, decide, only, pod, policy, said, with_policy};

/// How long an answer may take here: the limit of one policy, and much more for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(10);

#[track_caller]
fn refused_at_load(rules: &str, part: &str) {
    let start = Instant::now();
    let error = compile(&[("example.rego", &policy("", rules))], None).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
    assert!(error.starts_with("example.rego:"), "{error}");
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[track_caller]
fn fails(rules: &str, part: &str) {
    let pipeline = with_policy("", rules);
    let start = Instant::now();
    let verdict = decide(&pipeline, &pod(json!({})));
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    let (severity, code, message) = only(&verdict);
    assert_eq!((severity, code), (Deny, "policy-error"), "{message}");
    assert!(message.contains(part), "{message}");
}

#[test]
fn recursion_is_refused_when_the_policy_is_loaded() {
    refused_at_load(
        "deny contains f(1)\nf(x) := f(x)",
        "rule `data.test.example.f` is recursive: data.test.example.f -> data.test.example.f",
    );
    refused_at_load(
        "deny contains a\na := b\nb := a",
        "data.test.example.a -> data.test.example.b -> data.test.example.a",
    );
    refused_at_load("deny contains x if some x in deny", "recursive");
    refused_at_load("deny contains 1 if data.test[input.pod.kind]", "recursive");
}

#[test]
fn texts_that_the_parser_could_not_cope_with_are_refused() {
    refused_at_load(&format!("deny contains {}1{}", "[".repeat(31), "]".repeat(31)), "nest");
    refused_at_load(&format!("deny contains {}1{}", "{".repeat(500), "}".repeat(500)), "nest");
    refused_at_load(&format!("deny contains x if x := 1{}", "\n+ 1".repeat(50_000)), "steps");
    refused_at_load(&format!("deny contains x if x := a{}", "\n.a".repeat(50_000)), "steps");
    refused_at_load(&format!("deny contains x if {}", "not ".repeat(50_000)), "");
    refused_at_load("deny contains 1e1999999999", "exponent");
    refused_at_load(&"# a comment\n".repeat(50_000), "bytes");
}

#[test]
fn rules_that_would_need_too_much_stack_are_refused() {
    let calls = lines(3000, |n| format!("f{}(x) := f{n}(x)\n", n + 1));
    refused_at_load(&format!("deny contains f3000(1)\nf0(x) := x\n{calls}"), "");
}

#[test]
fn functions_that_reach_out_are_refused() {
    for call in [
        "http.send({})",
        "time.now_ns()",
        "rand.intn(\"a\", 2)",
        "opa.runtime()",
        "net.lookup_ip_addr(\"a\")",
    ] {
        refused_at_load(&format!("deny contains x if x := {call}"), "cannot be used");
    }
}

#[test]
fn endless_work_ends_with_the_time() {
    let many = "numbers.range(1, 99999)";
    fails(
        &format!(
            "deny contains 1 if count([1 | some i in {many}; some j in {many}; i * j == 0]) > 0"
        ),
        "took longer",
    );
    fails(
        &format!("deny contains 1 if every i in {many} {{ every j in {many} {{ i + j > 0 }} }}"),
        "took longer",
    );
    fails(
        &format!(
            "deny contains 1 if count({{[i, j] | some i in {many}; some j in {many}; i < 2}}) == 0"
        ),
        "took longer",
    );
    fails(
        &format!(
            "deny contains 1 if count([1 | some i in {many}; regex.match(\"(a|ab)*c\", text)]) > 0\ntext := concat(\"\", [\"ab\" | some i in {many}])"
        ),
        "took longer",
    );
    fails(
        &format!(
            "deny contains 1 if count([1 | some i in {many}; replace(text, \"a\", \"b\") == \"\"]) > 0\ntext := concat(\"\", [\"ab\" | some i in {many}])"
        ),
        "took longer",
    );
}

/// What never ends, by that name, and what then becomes of it.
fn endless(name: &str, rule: &str, custom: &str) -> String {
    let many = "numbers.range(1, 99999)";
    let body = format!("count([1 | some i in {many}; some j in {many}; i * j == 0]) > 0");
    policy(custom, &format!("{rule} contains 1 if {body}"))
        .replace("test.example", &format!("test.{name}"))
}

/// What is decided within that time about a pod.
#[track_caller]
fn decide_within(limit: Duration, modules: &[(&str, String)], stage: Stage) -> Verdict {
    let modules: Vec<(&str, &str)> =
        modules.iter().map(|(origin, text)| (*origin, text.as_str())).collect();
    let pipeline = compile(&modules, None).unwrap();
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let bytes = super::review_of(&kind, "CREATE", &pod(json!({}))).to_string().into_bytes();
    let mut request = review::decode(bytes.into(), &pipeline.catalogue).unwrap();
    request.time_limit = limit;
    request.stage = stage;
    let start = Instant::now();
    let verdict = pipeline.decide(&Facts::default(), &request);
    assert!(start.elapsed() < limit + PATIENCE, "{:?}", start.elapsed());
    verdict
}

#[test]
fn the_time_of_a_review_is_shared_by_its_policies() {
    let modules: Vec<(&str, String)> = (0..20)
        .map(|number| ("example.rego", endless(&format!("example_{number}"), "deny", "")))
        .collect();
    let verdict = decide_within(Duration::from_millis(400), &modules, Stage::Whole);
    assert_eq!(said(&verdict).len(), 20);
    assert!(!verdict.allowed);
}

/// A template and a constraint that are violated by every pod.
const OBJECTING: &str = "\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: objecting}
spec:
  crd: {spec: {names: {kind: Objecting}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package objecting
      violation[{\"msg\": \"the constraint objects\"}] { input.review.object.kind == \"Pod\" }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Objecting
metadata: {name: all}
";

#[test]
fn policies_that_never_end_leave_time_to_the_others() {
    let objecting = |name: &str| {
        policy("", "deny contains \"it objects\" if input.pod.kind == \"Pod\"")
            .replace("test.example", &format!("test.{name}"))
    };
    let mut modules: Vec<(&str, String)> = (0..12)
        .map(|number| {
            let name = format!("m{number}");
            ("endless.rego", endless(&name, "deny", "action: audit\nonError: warn"))
        })
        .collect();
    modules.extend(["a", "m5z", "z"].map(|name| ("objecting.rego", objecting(name))));
    modules.push(("objecting.yaml", OBJECTING.to_owned()));
    let expected = [
        ("Objecting/all", "the constraint objects"),
        ("a", "it objects"),
        ("m5z", "it objects"),
        ("z", "it objects"),
    ];
    // A machine may stand still for a part of a second, of which a short time leaves less.
    let mut said = Vec::new();
    for limit in [1, 3, 5].map(Duration::from_secs) {
        let verdict = decide_within(limit, &modules, Stage::Whole);
        let late = verdict.diagnostics.iter().filter(|one| one.code == "policy-error").count();
        said = verdict.diagnostics;
        let denied = said.iter().filter(|one| one.severity == Deny);
        if late == 12 && denied.map(|one| (&*one.code, one.what.as_str())).eq(expected) {
            return;
        }
    }
    panic!("{said:?}");
}

#[test]
fn patches_that_never_end_leave_time_to_the_others() {
    let mut modules: Vec<(&str, String)> = (0..12)
        .map(|number| ("endless.rego", endless(&format!("m{number}"), "patch", "onError: warn")))
        .collect();
    let label = "patch contains {\"op\": \"add\", \"path\": \"/metadata/labels/a\", \"value\": \"b\"} if not input.pod.metadata.labels.a";
    modules.push(("z.rego", policy("", label).replace("test.example", "test.z")));
    modules.push(("objecting.yaml", OBJECTING.to_owned()));
    for stage in [Stage::Mutate, Stage::Validate, Stage::Whole] {
        let mut said = Vec::new();
        let is_met = [1, 3, 5].map(Duration::from_secs).into_iter().any(|limit| {
            said = decide_within(limit, &modules, stage).diagnostics;
            let late = said.iter().filter(|one| one.what.contains("took longer")).count();
            let objects = said.iter().any(|one| one.what == "the constraint objects");
            late == 12
                && !said.iter().any(|one| one.what.contains("no time"))
                && objects == (stage != Stage::Mutate)
        });
        assert!(is_met, "{stage:?}: {said:?}");
    }
}

#[test]
fn built_ins_that_would_take_all_memory_fail() {
    fails("deny contains 1 if count(numbers.range(1, 900000000)) > 0", "`numbers.range`");
    fails("deny contains sprintf(\"%2000000000d\", [1])", "`sprintf`");
    fails("deny contains 1 if net.cidr_expand(\"10.0.0.0/6\")", "`net.cidr_expand`");
    fails("deny contains 1 if bits.lsh(1, 4000000000) > 0", "`bits.lsh`");
    fails("deny contains 1 if units.parse(\"1e1999999999\") > 0", "`units.parse`");
    fails(
        "deny contains 1 if json.unmarshal(\"{\\\"$serde_json::private::Number\\\": \\\"1e1999999999\\\"}\") > 0",
        "",
    );
    let doubled = lines(40, |n| format!("t{} := concat(\"\", [t{n}, t{n}])\n", n + 1));
    fails(&format!("deny contains t40\nt0 := \"0123456789\"\n{doubled}"), "`concat`");
    let squared = lines(8, |n| format!("t{} := replace(t{n}, \"0\", t{n})\n", n + 1));
    fails(&format!("deny contains t8\nt0 := \"00000000\"\n{squared}"), "`replace`");
    let doubled = lines(40, |n| format!("t{} := array.concat(t{n}, t{n})\n", n + 1));
    fails(
        &format!("deny contains \"x\" if count(t40) > 1\nt0 := [1]\n{doubled}"),
        "`array.concat`",
    );
    let nested = lines(60, |n| format!("t{} := [t{n}, t{n}]\n", n + 1));
    for use_of_it in ["json.marshal(t60)", "sprintf(\"%v\", [t60])", "yaml.marshal(t60)"] {
        fails(&format!("deny contains {use_of_it}\nt0 := [1]\n{nested}"), "larger than");
    }
    fails(
        &format!("deny contains \"x\" if {{ walk(t60, [p, v]); v == 2 }}\nt0 := [1]\n{nested}"),
        "`walk`",
    );
}

#[test]
fn results_that_are_huge_when_written_out_are_not_written_out() {
    let nested = lines(60, |n| format!("t{} := [t{n}, t{n}]\n", n + 1));
    let pipeline = with_policy(
        "",
        &format!("deny contains {{\"msg\": \"no\", \"details\": t60}}\nt0 := [1]\n{nested}"),
    );
    assert_eq!(only(&decide(&pipeline, &pod(json!({})))), (Deny, "example", "no"));
    let pipeline = with_policy("", &format!("deny contains t60\nt0 := [1]\n{nested}"));
    assert!(only(&decide(&pipeline, &pod(json!({})))).2.contains("an array"));
}

#[test]
fn pods_that_hide_numbers_in_their_annotations_do_no_harm() {
    let object =
        pod(json!({"metadata": {"annotations": {"$serde_json::private::Number": "1e1999999999"}}}));
    let rules = "deny contains sprintf(\"%v\", [input.pod.metadata.annotations])";
    let verdict = decide(&with_policy("", rules), &object);
    assert_eq!(only(&verdict).2, "{\"$serde_json::private::Number\": \"1e1999999999\"}");
}

#[test]
fn deep_rules_run_and_deep_pods_are_read() {
    let calls = lines(60, |n| format!("f{}(x) := [f{n}(x)][0]\n", n + 1));
    let pipeline = with_policy("", &format!("deny contains f60(\"deep\")\nf0(x) := x\n{calls}"));
    assert_eq!(only(&decide(&pipeline, &pod(json!({})))).2, "deep");
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!({ "a": deep });
    }
    let pipeline = with_policy(
        "",
        "deny contains \"walked\" if { walk(input.pod, [path, 1]); count(path) > 100 }",
    );
    assert_eq!(only(&decide(&pipeline, &pod(json!({"spec": {"unknown": deep}})))).2, "walked");
}
