//! What programs do of their own. That they come to the same as the engine is tested beside its machine.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::governance::Module;
use crate::governance::mode::{Language, Mode};
use crate::governance::unit::{Parsed, Unit};

fn unit_in(language: Language, rules: &str) -> Unit {
    let header = if language == Language::V1 { "import rego.v1" } else { "" };
    let text = format!("package t\n{header}\n{rules}\n");
    let mode = Mode { language, ..Mode::NATIVE };
    let parsed = Parsed::new(&[Module { origin: "t.rego", text: &text }], mode).unwrap();
    parsed.compile(&["data.t.r".to_owned()]).unwrap()
}

fn run_within(rules: &str, errors: Errors, limit: Duration) -> Result<String, Stop> {
    let unit = unit_in(Language::V1, rules);
    let program = unit.program.as_ref().unwrap_or_else(|halt| panic!("{halt:?}: {rules}"));
    let json = json!({"xs": [1, 2, 3], "map": {"a": 1, "b": {"c": 2}}});
    let arena = Bump::new();
    let input = Value::of_json(&arena, &json).unwrap();
    let value = program.run("data.t.r", input, &arena, errors, Deadline::after(limit));
    value.map(|value| value.to_string())
}

fn run(rules: &str) -> Result<String, Stop> {
    run_within(rules, Errors::Strict, Duration::from_secs(10))
}

#[track_caller]
fn gives(rules: &str, expected: &str) {
    assert_eq!(run(rules).as_deref(), Ok(expected), "{rules}");
}

#[track_caller]
fn foreign(rules: &str, expected: &str) {
    match unit_in(Language::V1, rules).program {
        Err(Halt::Foreign(why)) => assert_eq!(why, expected, "{rules}"),
        other => panic!("{other:?}: {rules}"),
    }
}

#[test]
fn statements_wait_until_their_variables_are_bound() {
    gives("r contains y if { y = x + 1; x = input.xs[i]; i = 1 }", "[3]");
    gives("r contains x if { x = y; y = z; z = 4 }", "[4]");
    gives("r contains [x, y] if { [x, 2] = [1, y] }", "[[1,2]]");
    gives("r contains c if { {\"c\": c} = input.map.b }", "[2]");
    gives("r contains n if { n = count([y | y = input.xs[_]; y > least]); least = 1 }", "[2]");
    gives("r contains x if { some x in input.xs; not x in small }\nsmall := {1, 2}", "[3]");
}

#[test]
fn a_reference_has_as_many_values_as_there_are_ways_through_it() {
    gives("r contains input.xs[_]", "[1,2,3]");
    gives("r contains [k, v] if v := input.map[k]", "[[\"a\",1],[\"b\",{\"c\":2}]]");
    gives(
        "r contains p if data.t.s[p]\ns contains [1, x] if some x in input.xs",
        "[[1,1],[1,2],[1,3]]",
    );
    gives("r contains x if s[[1, x]]\ns contains [1, x] if some x in input.xs", "[1,2,3]");
    gives("r contains x if x := f(input.xs[_])\nf(x) := x * 2 if x > 1", "[4,6]");
    gives("r contains p if walk(input.map, [p, 2])", "[[\"b\",\"c\"]]");
    gives("r contains p if [p, 2] = walk(input.map)", "[[\"b\",\"c\"]]");
    gives("r contains walk(input.map.b)[1]", "[2,{\"c\":2}]");
    gives("r contains 1 if { some _, v in walk(input.map); v == 2 }", "[1]");
    gives("r := count([1 | walk(input.xs)])", "4");
    gives(
        "r[k] := v if { some k in [\"a\", \"b\"]; v := input.map[k] }",
        "{\"a\":1,\"b\":{\"c\":2}}",
    );
    gives(
        "r := q\nq[input.xs[i]].at contains i",
        "{\"1\":{\"at\":[0]},\"2\":{\"at\":[1]},\"3\":{\"at\":[2]}}",
    );
}

#[test]
fn old_rego_runs_as_well() {
    let rules = "r[x] { f(input.xs[_], x) }\nf(x) = y { x > 1; y = x } else = 0 { x == 1 }";
    let unit = unit_in(Language::V0, rules);
    let json = json!({"xs": [1, 2]});
    let arena = Bump::new();
    let input = Value::of_json(&arena, &json).unwrap();
    let deadline = Deadline::after(Duration::from_secs(10));
    let value = unit.program.unwrap().run("data.t.r", input, &arena, Errors::Lenient, deadline);
    assert_eq!(value.unwrap().to_string(), "[0,2]");
}

#[test]
fn what_only_the_engine_can_do_is_left_to_it() {
    foreign("r := x if { x := data.inventory.cluster }", "data that is no rule");
    foreign("r if f(1) with input as 2\nf(x) := x", "`with`");
    foreign("r := a\na.b := 1", "a document above rules");
    foreign("r := s\ns[1].y := 1", "a head with a key that is known");
}

#[test]
fn a_program_gives_up_where_the_engine_has_the_last_word() {
    for rules in [
        "r := f(1)\nf(x) := x\nf(x) := 2",
        "r := {k: v | some v in input.xs; k := 1}",
        "r[k] := v if { some v in input.xs; k := 1 }",
        "r := to_number(\"x\")",
        "r := 1 + \"a\"",
        "r := 9223372036854775807 + 1",
        "r := 1e300 if input.xs",
        "r := numbers.range(1, 90000000)",
    ] {
        assert_eq!(run(rules), Err(Stop::GiveUp), "{rules}");
    }
    gives("r := x if { some x in input.xs; x == 2 } else := 1e300", "2");
    let lenient = |rules| run_within(rules, Errors::Lenient, Duration::from_secs(10));
    assert_eq!(lenient("r := to_number(\"x\")").as_deref(), Ok("\"<undefined>\""));
    assert_eq!(lenient("r if not to_number(\"x\")").as_deref(), Ok("true"));
}

#[test]
fn time_memory_and_comparisons_are_bounded() {
    let many = "numbers.range(1, 9000)";
    let start = Instant::now();
    let rules = format!("r := count([1 | some i in {many}; some j in {many}; i * j == 0])");
    assert_eq!(run_within(&rules, Errors::Strict, Duration::from_millis(50)), Err(Stop::Time));
    let rules =
        format!("r := count({{[i, j, {many}, [i], [j]] | some i in {many}; some j in {many}}})");
    assert!(run(&rules).is_err());
    let doubled = |name: &str| {
        let level = |level| format!("{name}{level} := [{name}{0}, {name}{0}]", level - 1);
        let levels: Vec<String> = (1..60).map(level).collect();
        format!("{name}0 := [input.xs[0]]\n{}", levels.join("\n"))
    };
    let rules = format!("r if {{ {}\n{}\na59 == b59 }}", doubled("a"), doubled("b"));
    assert_eq!(run(&rules), Err(Stop::TooMuch));
    let rules = format!("r := a59 if {{ {} }}", doubled("a"));
    assert_eq!(run(&rules), Err(Stop::GiveUp));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn values_have_the_order_of_rego() {
    gives(
        "r := sort([{1}, {\"a\": 1}, [1], \"a\", 1.5, 1, true, null, {\"a\": 0, \"b\": 1}])",
        "[null,true,1,1.5,\"a\",[1],{\"a\":0,\"b\":1},{\"a\":1},[1]]",
    );
    gives("r := 7 / 2", "3.5");
    gives("r := [x | some x in {3, 1, 2}]", "[1,2,3]");
}

#[test]
fn json_that_only_the_engine_can_hold_is_left_to_it() {
    let arena = Bump::new();
    let read = |text: &str| {
        let raw: Box<serde_json::value::RawValue> = serde_json::from_str(text).unwrap();
        Value::read(&arena, &raw.clone())
            .map(|value| value.to_engine(&mut 1000).unwrap().to_string())
    };
    assert_eq!(
        read(r#"{"b": [1, -2, 1.5, "é\n"], "a": null}"#).as_deref(),
        Some(r#"{"a":null,"b":[1,-2,1.5,"é\n"]}"#)
    );
    for text in ["18446744073709551615", "1e300", r#"{"a": 1, "a": 2}"#] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn usual_functions_are_computed_here_and_others_by_the_engine() {
    gives(
        "r := sprintf(\"%v and %s, %d%%\", [{\"a\": [1, \"b\"]}, \"x\", 3])",
        "\"{\\\"a\\\": [1, \\\"b\\\"]} and x, 3%\"",
    );
    gives("r := sprintf(\"%5d|%v\", [1, 1.5])", "\"    1|1.5\"");
    gives(
        "r := [count(\"äb\"), count({1, 2}), max([1, 3]), min({2, 1}), sum([1, 2])]",
        "[2,2,3,1,3]",
    );
    gives("r := concat(\"-\", {\"b\", \"a\"})", "\"a-b\"");
    gives(
        "r := [split(\"a/b\", \"/\"), trim(\"xax\", \"x\"), trim_prefix(\"ab\", \"a\"), replace(\"aba\", \"a\", \"c\")]",
        "[[\"a\",\"b\"],\"a\",\"b\",\"cbc\"]",
    );
    gives(
        "r := [substring(\"abcd\", 1, 2), substring(\"abcd\", 2, -1), indexof(\"abc\", \"c\"), upper(\"aé\"), lower(\"AB\")]",
        "[\"bc\",\"cd\",2,\"AÉ\",\"ab\"]",
    );
    gives(
        "r := [to_number(\"-12\"), to_number(\"1.5\"), format_int(12, 10), format_int(12, 16)]",
        "[-12,1.5,\"12\",\"c\"]",
    );
    gives(
        "r := [regex.match(`^a+$`, \"aaa\"), regex.match(`^a+$`, \"ab\"), glob.match(\"a*\", [], \"ab\")]",
        "[true,false,true]",
    );
    gives(
        "r := [object.get({\"a\": 1}, \"b\", 2), object.get({\"a\": {\"b\": 3}}, [\"a\", \"b\"], 2), object.keys({\"k\": 1})]",
        "[2,3,[\"k\"]]",
    );
    gives(
        "r := [array.concat([1], [2]), array.slice([1, 2, 3], 1, 9), any([false, true]), all([true, 1]), type_name({1})]",
        "[[1,2],[2,3],true,false,\"set\"]",
    );
    gives("r := strings.any_prefix_match([\"abc\", \"x\"], {\"ab\"})", "true");
    gives(
        "r := [1 in [1], [2 in {\"a\": 2}, 2], {1, 2} & {2, 3}, {1} | {2}, {1, 2} - {2}]",
        "[true,[true,2],[2],[1,2],[1]]",
    );
}

#[test]
fn expressions_and_statements_stay_small() {
    assert!(size_of::<program::Expr>() <= 24);
    assert!(size_of::<program::Statement>() <= 56);
}
