mod random;

use std::time::Duration;

use serde_json::json;

use super::*;
use bumpalo::Bump;

use crate::governance::Module;
use crate::governance::given::Given;
use crate::governance::mode::Mode;
use crate::governance::plan::{self, Stop};
use crate::governance::unit::{Parsed, Unit};
use crate::governance::value::from_json;

fn unit(rules: &str, errors: Errors) -> Unit {
    let text = format!("package t\nimport rego.v1\n{rules}\n");
    let mode = Mode { errors, ..Mode::NATIVE };
    let parsed = Parsed::new(&[Module { origin: "t.rego", text: &text }], mode).unwrap();
    parsed.compile(&["data.t.r".to_owned()]).unwrap()
}

/// What a rule comes to on the machine and in the interpreter, which must be the same.
#[track_caller]
fn both(rules: &str, errors: Errors) -> Result<Value, Failure> {
    let unit = unit(rules, errors);
    let input = from_json(&json!({
        "xs": [1, 2, 3], "same": [{"v": 1}, {"v": 1}], "text": "abc", "map": {"a": 1, "b": 2}, "no": false, "none": null,
    }));
    let deadline = Deadline::after(Duration::from_secs(10));
    let interpreted = unit.interpret("data.t.r", Some(&input), None, deadline).0;
    let machine = unit.machine().unwrap_or_else(|| panic!("no program for {rules}"));
    let value = machine.run("data.t.r", Some(&input), None, deadline);
    match (&value, &interpreted) {
        (Err(Failure::Error(_)), Err(Failure::Error(_))) => {}
        // The lenient interpreter errs where OPA has it that arithmetic is undefined.
        (Ok(_), Err(Failure::Error(message)))
            if errors == Errors::Lenient
                && (message.contains("expects") || message.contains("modulo")) => {}
        _ => assert_eq!(value, interpreted, "{rules}"),
    }
    planned(&unit, &input, &value, errors, rules);
    value
}

/// A program of our own comes to the same, or gives up where the machine errs.
#[track_caller]
fn planned(
    unit: &Unit,
    input: &Value,
    expected: &Result<Value, Failure>,
    errors: Errors,
    rules: &str,
) {
    let program = unit.program.as_ref().unwrap_or_else(|halt| panic!("{halt:?}: {rules}"));
    let arena = Bump::new();
    let tree = plan::Value::of_engine(&arena, input).unwrap();
    let deadline = Deadline::after(Duration::from_secs(10));
    match (program.run("data.t.r", tree, &arena, errors, deadline), expected) {
        (Ok(value), Ok(expected)) => assert_eq!(value, *expected, "{rules}"),
        (Err(Stop::GiveUp), Err(Failure::Error(_))) => {}
        other => panic!("{other:?}: {rules}"),
    }
}

#[track_caller]
fn gives(rules: &str, expected: &str) {
    assert_eq!(both(rules, Errors::Strict).unwrap().to_string(), expected, "{rules}");
    assert_eq!(both(rules, Errors::Lenient).unwrap().to_string(), expected, "{rules}");
}

/// Rules that err whoever runs them.
#[track_caller]
fn errs(rules: &str) {
    for errors in [Errors::Strict, Errors::Lenient] {
        let value = both(rules, errors);
        assert!(matches!(value, Err(Failure::Error(_))), "{rules}: {value:?}");
    }
}

#[test]
fn the_machine_agrees_with_the_interpreter() {
    gives("r contains x if some x in input.xs", "[1,2,3]");
    gives("r contains x if { some y in input.xs; y > 1; x := y * 10 + 1 - 0 }", "[21,31]");
    gives("r := x if { x := count(input.xs) }", "3");
    gives("r := x if { x := input.absent }", "\"<undefined>\"");
    gives("default r := 7\nr := 8 if input.absent", "7");
    gives("r := f(1)\nf(x) := \"one\" if x == 1\nf(x) := \"two\" if x == 2", "\"one\"");
    gives("r := f([1, {\"k\": 2}])\nf([a, {\"k\": b}]) := a + b", "3");
    gives("r := f(2)\nf(1) := 10\nf(2) := 20", "20");
    gives("r := x if { x := 1; input.absent } else := 2 if input.xs else := 3", "2");
    gives(
        "r := f(2)\nf(x) := 1 if { input.xs[_] == x + 5 } else := 4 if { input.xs[_] == x }",
        "4",
    );
    gives("r contains x if x := [y | some y in input.xs; not y == 2]", "[[1,3]]");
    gives("r contains x if x := {y.v | some y in input.same}", "[[1]]");
    gives("r if not input.no", "true");
    gives("r if not input.none", "\"<undefined>\"");
    gives("r if input.none == null", "true");
    gives("r if not input.xs[5]", "true");
    gives("r if input.xs[_] == 3", "true");
    gives("r contains [k, v] if some k, v in input.map", "[[\"a\",1],[\"b\",2]]");
    gives("r contains [i, j] if { input.xs[i] == input.xs[j]; i != 0 }", "[[1,1],[2,2]]");
    gives("r contains x if { some x in input.xs; x in {2, 3} }", "[2,3]");
    gives(
        "r contains x if { x := {1, 2} | {3} }\nr contains x if x := {1, 2} & {2}\nr contains x if x := {1, 2} - {2}",
        "[[1],[1,2,3],[2]]",
    );
    gives("r if \"a\" > 1", "true");
    gives("r contains x if data.t.p[x]\np contains 1\np contains 2 if input.xs", "[1,2]");
    gives("r := data.t.a.b\na.b := 1", "1");
    gives(
        "r := sprintf(\"%v %s\", [input.map, input.text])",
        "\"{\\\"a\\\": 1, \\\"b\\\": 2} abc\"",
    );
    gives("r := 7 % 3 / 2", "0.5");
    gives("r := concat(\",\", [x | some y in input.xs; x := format_int(y, 10)])", "\"1,2,3\"");
}

#[test]
fn what_is_undefined_does_not_hold() {
    for body in [
        "x := f(2)",
        "x := f(2); true",
        "x := f(2); not x",
        "x := [1, f(2)]",
        "x := {\"k\": f(2)}",
        "x := {f(2)}",
        "[x, y] := [1, f(2)]",
        "x := p",
        "x := p; not x",
        "x := input.map.c",
        "x := input.map.c; not x",
        "_ := f(2)",
        "_ = f(2)",
        "f(2) == 1",
        "g(f(2))",
        "g(input.absent) == 5",
        "x := g(input.absent)",
        "x := g(p)",
        "some x in f(2)",
        "x := 1 + f(2)",
        "x := concat(\"\", [p])",
    ] {
        let rules = format!(
            "r contains 1 if {{ {body} }}\nf(x) := 1 if x == 1\np := 1 if input.absent\ng(_) := 5"
        );
        gives(&rules, "[]");
        gives(&rules.replace("contains 1", ":= 1"), "\"<undefined>\"");
    }
    gives("r := [y | some x in [1, 2]; y := f(x)]\nf(x) := 1 if x == 1", "[1]");
    gives("r := [f(x) | some x in [1, 2]]\nf(x) := 1 if x == 1", "[1]");
    gives("r := [5 | some x in [1, 2]; y := f(x)]\nf(x) := 1 if x == 1", "[5]");
    gives("r := [x.a | some x in [{\"a\": 1}, {}]]", "[1]");
    gives("r := [[x.a] | some x in [{\"a\": 1}, {}]]", "[[1]]");
    gives("r := f(1)\nf(_) := x if { x := input.absent } else := 2", "2");
}

#[test]
fn rules_may_agree_with_each_other() {
    gives("r := f(1)\nf(x) := y if { y := x * 2 }\nf(x) := y if { y := x + 1 }", "2");
    gives("r := p\np := x if { some one in input.same; x := one.v }", "1");
    gives("r := p\np := 1 if input.xs\np := count([0]) if input.text", "1");
    gives(
        "r contains f(x) if some x in input.xs\nf(x) := y if y := x\nf(x) := y if { x == 2; y := 2 }",
        "[1,2,3]",
    );
    gives("r := f(f(1))\nf(x) := y if y := x + 1\nf(x) := y if { x == 100; y := 5 }", "3");
    gives(
        "r contains [f(x), f(y)] if { some x in input.xs; some y in [1, 2] }\nf(x) := y if y := x\nf(x) := y if { x == 1; y := 1 }",
        "[[1,1],[1,2],[2,1],[2,2],[3,1],[3,2]]",
    );
}

#[test]
fn rules_that_disagree_are_an_error_wherever_they_are_asked() {
    let disagree =
        "f(x) := y if { y := x }\nf(x) := y if { y := x + 1 }\np := x if { some x in input.xs }";
    for body in [
        "r contains 1 if f(1)",
        "r contains 1 if f(1) == 1",
        "r contains 1 if not f(1)",
        "r contains x if x := [y | some z in input.xs; y := f(z)]",
        "r contains 1 if g(1)\ng(x) if f(x) > 0",
        "r contains 1 if not g(1)\ng(x) if not f(x)",
        "r contains p",
        "r contains 1 if not p",
        "r := x if { x := p } else := 1",
        "r contains 1 if { input.xs; h(1) }\nh(x) := p if x",
    ] {
        errs(&format!("{body}\n{disagree}"));
    }
    errs("r := 1 if input.xs\nr := 2 if input.text");
    errs("r := x if some x in input.xs");
    errs("r := f([1, 2])\nf([x, _]) := x\nf([_, y]) := y");
    errs("r := f(1)\nf(x) := y if { some y in input.xs; y > x }");
    errs("r := f(1)\nf(x) := 1 if x == 2 else := y if some y in input.xs");
}

#[test]
fn a_function_that_fails_is_an_error_to_strict_units_and_undefined_to_lenient_ones() {
    for (rules, lenient) in [
        ("r contains 1 if to_number(input.text) == 1", "[]"),
        ("r contains 1 if not to_number(input.text)", "[1]"),
        ("r contains x if { some y in input.xs; x := 6 / (y - 2) }", "[-6,6]"),
        ("r contains x if { some y in [1, \"a\", 3]; x := y + 1 }", "[2,4]"),
        ("r contains x if { some y in [1, \"a\", 3]; x := y - 1 }", "[0,2]"),
        ("r contains x if { some y in [{1}, 2]; x := y | {3} }", "[[1,3]]"),
        ("r contains 1 if f(input.text)\nf(x) if startswith(x, 1)", "[]"),
        ("r contains 1 if not f(input.text)\nf(x) if startswith(x, 1)", "[1]"),
        ("r contains x if x := [y | some z in [\"1\", \"x\"]; y := to_number(z)]", "[[1]]"),
        ("r contains 5.5 % 2", "[]"),
        ("r contains 1 if regex.match(\"(\", input.text)", "[]"),
    ] {
        let strict = both(rules, Errors::Strict);
        assert!(matches!(strict, Err(Failure::Error(_))), "{rules}: {strict:?}");
        assert_eq!(both(rules, Errors::Lenient).unwrap().to_string(), lenient, "{rules}");
    }
}

#[test]
fn what_would_be_too_much_is_an_error_to_all() {
    errs("r contains 1 if numbers.range(0, 900000000)");
    errs("r contains 1 if not numbers.range(0, 900000000)");
    errs("r contains 1 if not f(1)\nf(x) if sprintf(\"%2000000000d\", [x])");
}

#[test]
fn what_the_machine_could_hide_is_left_to_the_interpreter() {
    for rules in [
        "r := {k: v | some v in input.xs; k := \"a\"}",
        "r[k] := v if some k, v in input.map",
        "r contains p if walk(input, [p, 2])",
        "r if f(1) with f as 5\nf(x) := x",
        "r := any([true])",
        "r if every x in input.xs { input.map[x] }",
        "r := [[y | y := x] | some x in input.xs]",
        "r contains x if { some x in [1, 2]; count([y | y := x; y > 1]) == 0 }",
        "r := f(3)\ndefault f(_) := 0\nf(x) := 1 if x == 1",
    ] {
        assert!(unit(rules, Errors::Lenient).machine().is_none(), "{rules}");
    }
}

#[test]
fn an_error_names_the_rule_and_its_place() {
    let unit = unit("r contains f(1)\n\nf(x) := y if { y := x }\nf(x) := 2", Errors::Lenient);
    let deadline = Deadline::after(Duration::from_secs(10));
    assert_eq!(
        unit.run("data.t.r", None, None, deadline).0,
        Err(Failure::Error(
            "t.rego:5:11: function `data.t.f` must not produce multiple outputs".to_owned()
        ))
    );
}

#[test]
fn the_time_limit_ends_programs() {
    let many = "numbers.range(1, 90000)";
    let rules = format!("r := count([1 | some i in {many}; some j in {many}; i * j == 0])");
    let unit = unit(&rules, Errors::Lenient);
    let start = std::time::Instant::now();
    let deadline = Deadline::after(Duration::from_millis(50));
    let value = unit.run("data.t.r", None, None, deadline).0;
    assert!(matches!(value, Err(Failure::Time(_))), "{value:?}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

/// Rules that the machine must leave to the others, whose program and interpreter come to this.
#[track_caller]
fn gives_without(rules: &str, expected: &str) {
    for errors in [Errors::Strict, Errors::Lenient] {
        let unit = unit(rules, errors);
        assert!(unit.machine().is_none(), "{rules}");
        let input = from_json(&json!({"xs": [1, 2, 3], "map": {"a": 1}}));
        let deadline = Deadline::after(Duration::from_secs(10));
        let value = unit.interpret("data.t.r", Some(&input), None, deadline).0;
        assert_eq!(value.as_ref().map(Value::to_string).as_deref(), Ok(expected), "{rules}");
        // What lies above rules is the interpreter's.
        if unit.program.is_ok() {
            planned(&unit, &input, &value, errors, rules);
        }
    }
}

#[test]
fn heads_that_are_references_make_documents() {
    let some = "if some x in input.xs";
    let none = "if some x in input.absent";
    let errors = "e[x] contains y if { some x in input.xs; some y in input.xs; x < y }";
    gives_without(&format!("r := e\n{errors}"), "{\"1\":[2,3],\"2\":[3]}");
    gives_without(&format!("r contains [k, v] if some k, v in e\n{errors}"), "[[1,[2,3]],[2,[3]]]");
    gives_without(&format!("r contains v if some v in e[_]\n{errors}"), "[2,3]");
    gives_without(&format!("r if not e[3]\n{errors}"), "true");
    gives_without(
        &format!("r := q\nq[x].y := 1 {some}"),
        "{\"1\":{\"y\":1},\"2\":{\"y\":1},\"3\":{\"y\":1}}",
    );
    gives_without(
        "r := q\nq[x].y := 1 if x := 4\nq[x].z[y] contains 2 if { x := 4; y := 5 }",
        "{\"4\":{\"y\":1,\"z\":{\"5\":[2]}}}",
    );
    gives_without(
        "r := q\nq[x] := 1 if x := 4\nq[x].z := 2 if x := 5",
        "{\"4\":1,\"5\":{\"z\":2}}",
    );
    gives_without(
        &format!("r := q\nq[1] contains 2 {none}\nq[3] contains 4 {some}"),
        "{\"1\":[],\"3\":[4]}",
    );
    gives_without("r := q.a\nq.a[x] contains 1 if x := 3\nq.b := 2", "{\"3\":[1]}");
    gives_without("r := q\nq.c := 1\nq.d := 2", "{\"c\":1,\"d\":2}");
    gives_without(
        "r contains [k, v] if some k, v in q\nq.c := 1\nq.d contains 2",
        "[[\"c\",1],[\"d\",[2]]]",
    );
    // The machine has its comprehensions empty.
    gives_without("default r := [x | x := input.xs[_]]\nr := 1 if input.absent", "[1,2,3]");
    // There is a document, whether it is empty or not.
    gives_without(&format!("r := count(q)\nq[x] contains 1 {none}"), "0");
    gives_without(&format!("r := count(q)\nq[x].y := 1 {none}"), "0");
    gives_without(&format!("r := q\nq.a := x {none}\nq.b[x] := x {none}"), "{\"b\":{}}");
}

#[test]
fn the_last_argument_may_take_the_result() {
    gives("r contains x if count(input.xs, x)", "[3]");
    gives("r contains x if { x := \"a\"; not upper(\"a\", x) }", "[\"a\"]");
    gives("r contains x if upper(\"a\", x)", "[\"A\"]");
    gives("r contains 1 if trim_left(\"ab\", \"a\", \"b\")", "[1]");
    gives_without("r contains x if f(1, x)\nf(x) := x + 1", "[2]");
    gives_without(
        "r contains y if { every x in [1] { x == 1 }; crypto.sha256(\"\", x); y := count(x) }",
        "[64]",
    );
}

#[test]
fn walk_has_one_value_after_another_wherever_it_stands() {
    for (rules, expected) in [
        ("r contains path if { [path, value] := walk(input.map); value == 1 }", "[[\"a\"]]"),
        ("r contains path if [path, 1] = walk(input.map)", "[[\"a\"]]"),
        ("r contains path if walk(input.map) = [path, 1]", "[[\"a\"]]"),
        ("r contains path if walk(input.map, [path, 1])", "[[\"a\"]]"),
        ("r contains pair[1] if pair := walk(input.map)", "[1,{\"a\":1}]"),
        ("r := {path: value | [path, value] := walk([5])}", "{\"[]\":[5],\"[0]\":5}"),
        ("r if { not has(7); has(1) }\nhas(x) if { [_, x] = walk(input.map) }", "true"),
    ] {
        gives_without(rules, expected);
    }
    gives_without("r contains count(walk(input.map))", "[2]");
}

#[test]
fn what_every_binds_is_bound_in_negations_too() {
    for (every, holds) in [
        ("every x in input.xs { not input.map[x] == 3 }", true),
        ("every k, x in input.xs { not input.map[k]; not input.map[x].a }", true),
        ("every x in input.xs { [y | y := 1; not input.map[ x ]] == [1] }", true),
        ("every x in input.xs { every y in [4] { not input.map[x] == input.map[y] } }", true),
        ("every x in input.xs { not s[x] }\ns contains 5", true),
        ("every x in input.xs { not s[x] }\ns contains 3", false),
        ("every k in [\"a\"] { not input.map[k] == 1 }", false),
    ] {
        gives_without(&format!("r contains 1 if {every}"), if holds { "[1]" } else { "[]" });
    }
}

#[test]
fn contradictions_inside_of_documents_are_errors() {
    for rules in [
        "r := q\nq[x].a := y if { some x in input.xs; some y in input.xs }",
        "r := q\nq[x].a := 1 if x := 3\nq[x].a := 2 if x := 3",
        "r := q\nq[x] := {\"a\": 1} if x := 3\nq[x].b := 1 if x := 3",
        "r := q\nq[x] contains 1 if x := 3\nq[x].a contains 1 if x := 3",
        "r := q\nq[x] contains 1 if x := 3\nq[x] := 1 if x := 3",
    ] {
        for errors in [Errors::Strict, Errors::Lenient] {
            let unit = unit(rules, errors);
            let input = from_json(&json!({"xs": [1, 2, 3]}));
            let deadline = Deadline::after(Duration::from_secs(10));
            let value = unit
                .run("data.t.r", Some(Given::to_engine(&|| Ok(input.clone()))), None, deadline)
                .0;
            assert!(matches!(value, Err(Failure::Error(_))), "{rules}: {value:?}");
            planned(&unit, &input, &value, errors, rules);
        }
    }
}

#[test]
fn patterns_are_the_same_whatever_runs_them() {
    for (call, holds) in [
        (r#"regex.match(`^[\w-.]+$`, "a-b.c")"#, true),
        (r#"regex.match(`^\w+$`, "naïve")"#, false),
        (r"regex.match(`^[\w.-]{1,253}$`, input.text)", true),
        (r#"regex.replace("a", `[\w-/]`, "$0$0") == "aa""#, true),
        (r#"regex.split("", input.text) == ["a", "b", "c"]"#, true),
        (r#"regex.find_n(`{,1}`, "{,1}", -1) == ["{,1}"]"#, true),
        (r#"regex.find_all_string_submatch_n(`\d`, "１", -1) == []"#, true),
        (r#"regex.is_valid("a**")"#, false),
        (r#"regex.template_match("x{[a&&b]}", "x&", "{", "}")"#, true),
    ] {
        for errors in [Errors::Strict, Errors::Lenient] {
            let value = both(&format!("r contains 1 if {call}"), errors).unwrap();
            assert_eq!(value.to_string(), if holds { "[1]" } else { "[]" }, "{call}");
        }
    }
    // What RE2 refuses is undefined in templates, as in OPA. What is too much for us is not.
    let call = r#"r contains 1 if not regex.match("a**", "a")"#;
    assert_eq!(both(call, Errors::Lenient).unwrap().to_string(), "[1]");
    both(call, Errors::Strict).unwrap_err();
    for errors in [Errors::Strict, Errors::Lenient] {
        both(r#"r contains 1 if regex.match(`a\B`, "é")"#, errors).unwrap_err();
        both(r#"r contains 1 if not regex.match(`(\pL{30}\pN{30}){30}`, "a")"#, errors)
            .unwrap_err();
    }
}
