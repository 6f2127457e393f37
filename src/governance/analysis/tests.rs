mod safety;

use super::*;
use crate::governance::Module;
use crate::governance::mode::Mode;
use crate::governance::unit::Parsed;

/// A text of so many lines, made of their numbers.
pub(in crate::governance) fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |text, number| text + &line(number))
}

fn parse(texts: &[&str]) -> Result<Analysis, String> {
    let origins = ["a.rego", "b.rego", "c.rego"];
    let modules: Vec<Module<'_>> =
        origins.iter().zip(texts).map(|(origin, text)| Module { origin, text }).collect();
    Parsed::new(&modules, Mode::NATIVE).map(|parsed| parsed.analysis).map_err(|error| error.message)
}

#[track_caller]
fn accepted(rules: &str) -> Analysis {
    parse(&[&format!("package p\nimport rego.v1\n{rules}\n")]).unwrap()
}

#[track_caller]
fn refused(rules: &str, expected: &str) {
    let message = parse(&[&format!("package p\nimport rego.v1\n{rules}\n")]).unwrap_err();
    assert_eq!(message, expected);
}

#[test]
fn recursion_is_refused_as_opa_refuses_it() {
    refused("f(x) := f(x)", "a.rego:3:1: rule `data.p.f` is recursive: data.p.f -> data.p.f");
    refused(
        "a if b\nb if c\nc if not a",
        "a.rego:3:1: rule `data.p.a` is recursive: data.p.a -> data.p.b -> data.p.c -> data.p.a",
    );
    refused(
        "s contains x if some x in s",
        "a.rego:3:1: rule `data.p.s` is recursive: data.p.s -> data.p.s",
    );
    refused(
        "deny contains 1 if g(1)\ng(x) if h(x)\nh(x) if g(x)",
        "a.rego:4:1: rule `data.p.g` is recursive: data.p.g -> data.p.h -> data.p.g",
    );
    refused(
        "a := 1 if data.p.b\nb := [x | x := data.p.a]",
        "a.rego:3:1: rule `data.p.a` is recursive: data.p.a -> data.p.b -> data.p.a",
    );
    refused(
        "a if data.p[input.x]",
        "a.rego:3:1: rule `data.p.a` is recursive: data.p.a -> data.p.a",
    );
    refused(
        "a if every x in [1] { x == a }",
        "a.rego:3:1: rule `data.p.a` is recursive: data.p.a -> data.p.a",
    );
    refused(
        "a if input.x\nelse if a",
        "a.rego:3:1: rule `data.p.a` is recursive: data.p.a -> data.p.a",
    );
    refused(
        "f(x) := y if { y := count(x) with count as f }",
        "a.rego:3:1: rule `data.p.f` is recursive: data.p.f -> data.p.f",
    );
    refused(
        "m[k] := 1 if k := m.x",
        "a.rego:3:1: rule `data.p.m` is recursive: data.p.m -> data.p.m",
    );
    refused(
        "default f(x) := 1\nf(x) := f(1) if x",
        "a.rego:3:1: rule `data.p.f` is recursive: data.p.f -> data.p.f",
    );
}

#[test]
fn recursion_over_modules_is_found_too() {
    let first = "package p\nimport rego.v1\nimport data.lib.q as other\na if other.b";
    let second = "package lib.q\nimport rego.v1\nb if data.p.a";
    assert_eq!(
        parse(&[first, second]).unwrap_err(),
        "b.rego:3:1: rule `data.lib.q.b` is recursive: data.lib.q.b -> data.p.a -> data.lib.q.b"
    );
}

#[test]
fn names_that_hide_a_rule_are_no_recursion() {
    accepted("name(x) := name if name := x.name");
    accepted("f(f) := f");
    accepted("a if some a in input.xs");
    accepted("a if { some a; input.xs[a] }");
    accepted("a := [a | some a in input.xs]");
    accepted("a := {k: a | some k, a in input.xs}");
    accepted("a if every a, b in input.xs { a == b }");
    accepted("x := y if [x, {\"k\": y}] := input.pair");
    accepted("a if input.a.a");
    accepted("a if b.a\nb := {\"a\": 1}");
}

#[test]
fn functions_that_are_not_there_are_found_before_they_are_called() {
    refused(
        "a if cuont(input) > 1",
        "a.rego:3:6: there is no function `cuont`; did you mean `count`?",
    );
    refused("a if lib.f(input)", "a.rego:3:6: there is no function `lib.f`");
    refused(
        "a if {\n  true\n  b := startswith(input.x)\n}",
        "a.rego:5:8: `startswith` takes 2 arguments, not 1",
    );
    refused(
        "a if x := __builtin_host_await(1, \"sprintf\")",
        "a.rego:3:11: there is no function `__builtin_host_await`",
    );
    accepted("a if count(input.x, n)");
}

#[test]
fn calls_have_as_many_arguments_as_the_function() {
    let f = |rule: &str| format!("{rule}\nf(x) := x\ndefault g(_, _) := 1\nv := 1");
    let wrong = |rule: &str, expected: &str| refused(&f(rule), expected);
    wrong("a if f(1, 2, 3)", "a.rego:3:6: `f` takes 1 argument, not 3");
    wrong("a if not f()", "a.rego:3:10: `f` takes 1 argument, not 0");
    wrong("a if {\n  data.p.g(1)\n}", "a.rego:4:3: `data.p.g` takes 2 arguments, not 1");
    let more = "; only a call that is a statement of its own may have one more, for its result";
    wrong("a := f(1, 1)", &format!("a.rego:3:6: `f` takes 1 argument, not 2{more}"));
    wrong("a if f(f(1, 1))", &format!("a.rego:3:8: `f` takes 1 argument, not 2{more}"));
    wrong("a if 1 == count([], 1)", &format!("a.rego:3:11: `count` takes 1 argument, not 2{more}"));
    wrong("a if v(1)", "a.rego:3:6: `v` is no function");
    wrong("a if f", "a.rego:3:6: `f` is a function, which is called and has no value");
    wrong("a := [f]", "a.rego:3:7: `f` is a function, which is called and has no value");
    for rule in [
        "a if f(1, 1)",
        "a if not f(1, 1)",
        "a := [x | f(1, x)]",
        "a if every x in [1] { f(x, x) }",
        "a if f(1, 1) with input as {}",
        "a := z()\nz() := 1",
        "a := z\nz() := 1",
        "a if count([1]) == 1 with count as f",
        "a if some f in [1]",
    ] {
        accepted(&f(rule));
    }
}

#[test]
fn functions_that_depend_on_more_than_the_request_are_refused() {
    for (call, part) in [
        ("time.now_ns()", "reads the clock"),
        ("rand.intn(\"a\", 5)", "something else each time"),
        ("uuid.rfc4122(\"a\")", "something else each time"),
        ("opa.runtime()", "environment"),
        ("http.send({\"url\": \"http://x\"})", "network"),
        ("net.lookup_ip_addr(\"x\")", "network"),
        ("graph.reachable_paths({}, [1])", "doubles"),
    ] {
        let message =
            parse(&[&format!("package p\nimport rego.v1\na if x := {call}\n")]).unwrap_err();
        assert!(message.starts_with("a.rego:3:11: ") && message.contains(part), "{message}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let message = parse(&["package p\na := f(1)\nb := g(1)\nc := c\n"]).unwrap_err();
    assert_eq!(message.lines().count(), 3, "{message}");
}

#[test]
fn numbers_and_values_that_could_grow_without_end_are_refused() {
    let squares = lines(40, |n| format!("a{} := a{n} * a{n}\n", n + 1));
    let message = parse(&[&format!("package p\na0 := input.x\n{squares}")]).unwrap_err();
    assert!(
        message.starts_with("a.rego:19:1: numbers are multiplied more than 16 times"),
        "{message}"
    );
    let calls = "f0(x) := x * x\nf1(x) := f0(f0(f0(f0(x))))\nf2(x) := f1(f1(f1(f1(f1(x)))))\n";
    assert!(parse(&[&format!("package p\n{calls}")]).unwrap_err().contains("multiplied"));
    let nested = "f0(x) := [[[[[x]]]]]\nf1(x) := f0(f0(f0(f0(f0(f0(x))))))\nf2(x) := f1(f1(f1(f1(f1(f1(x))))))\nf3(x) := f2(f2(f2(f2(f2(f2(x))))))\n";
    assert!(parse(&[&format!("package p\n{nested}")]).unwrap_err().contains("into each other"));
    accepted(
        "f(x) := x * 1024 if x > 1\nf(x) := x * 2 if x < 1\na := [f(1), f(2), f(3), f(4), f(5)]",
    );
}

#[test]
fn a_thousand_rules_in_a_row_are_no_trouble() {
    let rules = lines(1000, |n| format!("a{} := a{n}\n", n + 1));
    let analysis = parse(&[&format!("package p\na0 := 1\n{rules}")]).unwrap();
    assert!(analysis.depth > 1000);
}

/// What the rule `a` may look at: features, costs.
fn reads_of(analysis: &Analysis) -> (bool, bool) {
    analysis.reads_of(std::iter::once(vec!["p".to_owned(), "a".to_owned()]))
}

#[test]
fn whether_features_are_read_is_known() {
    for (rule, reads) in [
        ("a if input.pod\nb if input.features", false),
        ("a if b\nb if c(1)\nc(x) if input.features[x]", true),
        ("a if input.pod.spec.features", false),
        ("a if input[\"pod\"]", false),
        ("a if some one in input.features", true),
        ("a if input[\"features\"]", true),
        ("a if input[x] == 1", true),
        ("a := count(input)", true),
        ("a := json.marshal({\"all\": input})", true),
        ("a if x := input", true),
    ] {
        assert_eq!(reads_of(&accepted(rule)).0, reads, "{rule}");
    }
    for (import, reads) in [("input.features", true), ("input as x", true), ("input.pod", false)] {
        let text = format!("package p\nimport {import}\na := 1\n");
        assert_eq!(reads_of(&parse(&[&text]).unwrap()).0, reads, "{import}");
    }
}

#[test]
fn what_a_pod_costs_is_worked_out_for_those_who_may_read_it() {
    for (rule, reads) in [
        ("a if input.pod.cost", false),
        ("a if input.features", false),
        ("a if some profile in input.cost", true),
        ("a if input[x] == 1", true),
        ("a := count(input)", true),
    ] {
        assert_eq!(reads_of(&accepted(rule)).1, reads, "{rule}");
    }
    for (import, reads) in [("input.cost", true), ("input as x", true), ("input.pod", false)] {
        let text = format!("package p\nimport {import}\na := 1\n");
        assert_eq!(reads_of(&parse(&[&text]).unwrap()).1, reads, "{import}");
    }
}

#[test]
fn heads_that_contradict_each_other_are_refused_as_opa_refuses_them() {
    for (rules, expected) in [
        (
            "p contains 1\np := 2",
            "a.rego:4:1: `data.p.p` is a single value here, and a set where it is defined first",
        ),
        (
            "p[x] := 1 if x := 2\np contains 1",
            "a.rego:4:1: `data.p.p` is a set here, and an object with keys where it is defined first",
        ),
        (
            "f(x) := x\nf := 1",
            "a.rego:4:1: `data.p.f` is a single value here, and a function of 1 argument where it is defined first",
        ),
        ("default p := 1\ndefault p := 2", "a.rego:4:1: `data.p.p` has a default already"),
        (
            "a := 1\ndefault p := [a]",
            "a.rego:4:1: the default of `data.p.p` must be a constant: it can be neither computed nor looked up",
        ),
        (
            "q contains 1\nq.b := 1",
            "a.rego:4:1: `data.p.q.b` lies inside of `data.p.q`, which is a set",
        ),
    ] {
        refused(rules, expected);
    }
    accepted(
        "default p := [1, {\"a\": {-1}}]\np := 2 if input.x\ndefault f(_) := 1\nf(x) := 2 if x == 3",
    );
    accepted("q.a := 1\nq.b contains 2\nq.c[x] := 3 if x := 1\nq.c[x].d := 4 if x := 2");
}

#[test]
fn what_opa_would_put_together_is_refused_where_the_engine_would_forget_a_part() {
    let message =
        parse(&["package p\nimport rego.v1\nq[x].y := 1 if x := \"k\"\nq.k.z := 2"]).unwrap_err();
    assert!(
        message.starts_with("a.rego:4:1: not supported: `data.p.q.k.z` inside of `data.p.q`"),
        "{message}"
    );
}

#[test]
fn a_keyword_that_changes_what_not_means_is_refused_where_it_is_imported() {
    let text = "package a\nimport rego.v1\nimport future.keywords.not\nr if not input.a";
    let error = parse(&[text]).unwrap_err();
    assert!(error.contains(":3:1: not supported: `import future.keywords.not`"), "{error}");
}

#[test]
fn lines_may_be_as_long_as_generated_lists_are() {
    accepted(&format!("allowed := {{{}}}", "\"registry.example\", ".repeat(1000)));
}
