mod opa;

use std::time::Duration;

use bumpalo::Bump;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use serde_json::json;

use super::*;
use crate::governance::analysis::tests::lines;
use crate::governance::plan;
use crate::governance::value::from_json;

fn unit(text: &str) -> Unit {
    let module = Module { origin: "a.rego", text };
    Parsed::new(&[module], Mode::NATIVE).unwrap().compile(&["data.a.r".to_owned()]).unwrap()
}

/// Runs a rule as policies are run: by its program first.
fn asked(
    unit: &Unit,
    rule: &str,
    input: &Value,
    data: Option<&Value>,
    limit: Duration,
) -> (Result<Value, Failure>, Vec<String>) {
    let arena = Bump::new();
    let engine = || Ok(input.clone());
    let given = Given { tree: plan::Value::of_engine(&arena, input), engine: &engine };
    unit.run(rule, Some(given), data, Deadline::after(limit))
}

fn run_within(text: &str, limit: Duration) -> Result<Value, Failure> {
    let input = from_json(&json!({"xs": [1, 2, 3], "text": "abc"}));
    let unit = unit(&format!("package a\nimport rego.v1\n{text}\n"));
    asked(&unit, "data.a.r", &input, None, limit).0
}

fn run(text: &str) -> Result<Value, Failure> {
    run_within(text, Duration::from_secs(5))
}

#[track_caller]
fn errs(text: &str, expected: &str) {
    assert_eq!(run(text), Err(Failure::Error(expected.to_owned())));
}

#[test]
fn values_come_back() {
    assert_eq!(run("r contains x + 1 if some x in input.xs").unwrap().to_string(), "[2,3,4]");
    assert_eq!(run("r := sprintf(\"%s!\", [input.text])").unwrap(), Value::from("abc!"));
    assert_eq!(run("r := x if sprintf(\"%d\", [1], x)").unwrap(), Value::from("1"));
    assert_eq!(run("r contains p if walk(input.xs, [p, 2])").unwrap().to_string(), "[[1]]");
}

#[test]
fn what_is_called_in_a_negation_is_worked_out_before() {
    let prelude = "lists := [[1], [1, 2]]\nf(x) := count(x)\ng(x) := x if x.y";
    for (rule, expected) in [
        ("r if not count(lists[_]) == 1", "true"),
        ("r if not count(lists[_]) > 0", "<undefined>"),
        ("r contains i if not f(lists[i]) == 1", "[1]"),
        ("r contains i if not f(lists[i]) == f(lists[0])", "[1]"),
        ("r if { not concat(\"#\", [sprintf(\"%v\", [lists[_]]), \"\"]) == \"[1]#\" }", "true"),
        ("r if not f([x |\n  some x in lists[_] # all\n  x > 1\n]) == 1", "<undefined>"),
        ("r if not f([x |\n  some x in lists[_]\n  x > 0\n]) == 1", "true"),
        ("r if not f(g([x |\n  x := lists[_]\n  x\n])) == 1", "<undefined>"),
        ("r contains i if { some i in [0, 1]; not f(lists[i]) == 1 }", "[1]"),
        ("r if not max([v | [_, v] := walk([7]); is_number(v)]) == 3", "true"),
        ("r if not f([x | some x in lists; not f(x) == 1]) == 0", "true"),
        ("r if not f([x |\n  some x in lists\n  not g(x)\n]) == 1", "true"),
    ] {
        let unit = unit(&format!("package a\nimport rego.v1\n{rule}\n{prelude}\n"));
        let input = from_json(&json!({}));
        let deadline = || Deadline::after(Duration::from_secs(5));
        let text = |value: Result<Value, Failure>| value.unwrap().to_string().replace('"', "");
        let value = asked(&unit, "data.a.r", &input, None, Duration::from_secs(5)).0;
        assert_eq!(text(value), expected, "{rule}");
        let value = unit.interpret("data.a.r", Some(&input), None, deadline()).0;
        assert_eq!(text(value), expected, "{rule}");
        if let Some(machine) = unit.machine() {
            let value = machine.run("data.a.r", Some(&input), None, deadline());
            assert_eq!(text(value), expected, "{rule}");
        }
    }
}

#[test]
fn walks_have_many_values() {
    for rule in [
        "r contains p if [p, 2] := walk(input.xs)",
        "r contains p if { x := walk(input.xs); x = [p, 2] }",
        "r contains x[0] if { some x in [walk(input.xs)]; x[1] == 2 }",
        "r := {p | [p, v] := walk(input.xs); v == 2}",
        "r contains p if { some n, p in walk(input.xs); n == 0; p == [1] }",
        "r := [p | p := walk(input.xs)[_]; p == [1]]",
        "r contains p if { [_, v] := walk([[5], input.xs][i]); v == 2; i == 1; p := [1] }",
        "r := [p] if { f(input.xs); p := [1] }\nf(x) if walk(x)[1] == 2",
    ] {
        let unit = unit(&format!("package a\nimport rego.v1\n{rule}\n"));
        let input = from_json(&json!({"xs": [1, 2, 3]}));
        let deadline = || Deadline::after(Duration::from_secs(5));
        let value = asked(&unit, "data.a.r", &input, None, Duration::from_secs(5)).0;
        assert_eq!(value.unwrap().to_string(), "[[1]]", "{rule}");
        let value = unit.interpret("data.a.r", Some(&input), None, deadline()).0;
        assert_eq!(value.unwrap().to_string(), "[[1]]", "{rule}");
        if let Some(machine) = unit.machine() {
            let value = machine.run("data.a.r", Some(&input), None, deadline());
            assert_eq!(value.unwrap().to_string(), "[[1]]", "{rule}");
        }
    }
    assert_eq!(run("r if false").unwrap(), Value::Undefined);
}

#[test]
fn what_errs_is_never_taken_for_what_does_not_hold() {
    errs(
        "r contains 1 if units.parse(input.text) > 1",
        "a.rego:3:28: `units.parse`: `abc` has no amount",
    );
    errs(
        "r contains 1 if not startswith(input.text, 1)",
        "a.rego:3:44: `startswith` expects string argument. Got `1` instead",
    );
    errs(
        "r contains 1 if f(1) == 1\nf(x) := 1 if x == 1\nf(x) := 2 if x == 1",
        "a.rego:3:18: functions must not produce multiple outputs for same inputs",
    );
    errs(
        "r contains 1 if p == 1\np := 1 if input.xs\np := 2 if input.text",
        "a.rego:5:1: rule conflicts with rule at a.rego:4:1",
    );
    errs(
        "r contains x if x := [y | some z in input.xs; y := z / (z - 2)]",
        "a.rego:3:54: divide by zero",
    );
    errs(
        "r contains 1 if every x in input.xs { numbers.range(0, x * 1000000) }",
        "a.rego:3:52: `numbers.range`: the result would have more than 100000 elements",
    );
}

/// Why programs are changed before they run. When this fails, the engine's virtual machine has learnt to tell.
#[test]
fn the_virtual_machine_still_takes_errors_for_what_does_not_hold() {
    for rules in [
        "r contains 1 if units.parse(\"x\") > 1",
        "r contains 1 if f(1) == 1\nf(x) := 1 if x == 1\nf(x) := 2 if x == 1",
    ] {
        let mut engine = Engine::new();
        engine
            .add_policy("a.rego".to_owned(), format!("package a\nimport rego.v1\n{rules}\n"))
            .unwrap();
        let policy = engine.compile_with_entrypoint(&"data.a.r".into()).unwrap();
        let program = Compiler::compile_from_policy(&policy, &["data.a.r"]).unwrap();
        let mut vm = RegoVM::new();
        vm.load_program(program);
        vm.set_strict_builtin_errors(true);
        assert_eq!(vm.execute_entry_point_by_index(0).unwrap(), Value::new_set());
        assert!(engine.eval_rule("data.a.r".to_owned()).is_err());
    }
}

#[test]
fn the_time_limit_holds_in_comprehensions_and_between_built_ins() {
    let limit = Duration::from_millis(30);
    for text in [
        "r := count([1 | some i in numbers.range(1, 30000); some j in numbers.range(1, 30000); i == j * j])",
        "r := count([1 | some i in numbers.range(1, 90000); indexof(s, \"b\") == 1])\ns := concat(\"\", [\"a\" | some i in numbers.range(1, 90000)])",
        "r := count([1 | some i in numbers.range(1, 90000); regex.match(\"(a|b)*c\", s)])\ns := concat(\"\", [\"a\" | some i in numbers.range(1, 90000)])",
    ] {
        let start = std::time::Instant::now();
        assert_eq!(
            run_within(text, limit).map_err(|failure| matches!(failure, Failure::Time(_))),
            Err(true),
            "{text}"
        );
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[test]
fn a_panic_is_confined() {
    let failure = guarded::<()>(|| panic!("as a built-in could"));
    assert_eq!(failure, Err(Failure::Panic));
}

#[test]
fn prints_are_dropped_for_requests_and_kept_for_tests() {
    let text = "package a\nimport rego.v1\nr if {\n\tprint(\"é\",\n\t\tinput.xs)\n\tinput.xs\n}\n";
    let module = Module { origin: "a.rego", text };
    let input = from_json(&json!({"xs": [1]}));
    let run = |mode| {
        let unit = Parsed::new(&[module], mode).unwrap().compile(&["data.a.r".to_owned()]).unwrap();
        asked(&unit, "data.a.r", &input, None, Duration::from_secs(5))
    };
    assert_eq!(run(Mode::NATIVE), (Ok(Value::Bool(true)), Vec::new()));
    assert_eq!(
        run(Mode { prints: Prints::Gathered, ..Mode::NATIVE }),
        (Ok(Value::Bool(true)), vec!["a.rego:4: é [1]".to_owned()])
    );
}

#[test]
fn silence_keeps_every_position() {
    let text = "r if { print(\"é\",\n  1); x }";
    let call = 7..text.find(')').unwrap() + 1;
    let silent = source::silence(text, std::slice::from_ref(&call));
    assert_eq!(silent.len(), text.len());
    assert_eq!(silent.find("; x }"), text.find("; x }"));
    assert!(silent.starts_with("r if { true ") && silent.matches('\n').count() == 1, "{silent}");
}

#[test]
fn mistakes_come_with_file_line_and_column() {
    let message = |text: &str| {
        let module = Module { origin: "dir/a.rego", text };
        let parsed = Parsed::new(&[module], Mode::NATIVE);
        parsed.and_then(|parsed| parsed.compile(&["data.a.r".to_owned()])).unwrap_err().message
    };
    assert_eq!(
        message("package a\nr := [1,\n"),
        "dir/a.rego:3:1: expecting `]` while parsing array"
    );
    assert_eq!(
        message("package a\nr if {\n  x > 1\n}\n"),
        "dir/a.rego:3:3: `x` is unsafe: nothing gives it a value"
    );
    assert_eq!(
        message("package a\nr := 1e1999999999"),
        "dir/a.rego:2:6: the exponent of `1e1999999999` is too large"
    );
}

#[test]
fn deep_rules_run_on_a_stack_of_their_own() {
    let count = 100;
    let calls = lines(count, |n| format!("f{}(x) := f{n}([x])[0]\n", n + 1));
    let value = run(&format!("f0(x) := x\n{calls}r := f{count}(input.text)"));
    assert_eq!(value, Ok(Value::from("abc")));
    let loops = "some x in [1]\n".repeat(300);
    assert_eq!(
        run(&format!("r if {{\n{}}}", loops.replace("x in", "_ in"))),
        Ok(Value::Bool(true))
    );
}

#[test]
fn what_needs_too_much_stack_is_refused() {
    let calls = lines(3000, |n| format!("f{}(x) := f{n}(x)\n", n + 1));
    let text = format!("package a\nimport rego.v1\nf0(x) := x\n{calls}r := f3000(1)\n");
    let module = Module { origin: "a.rego", text: &text };
    let error = Parsed::new(&[module], Mode::NATIVE)
        .unwrap()
        .compile(&["data.a.r".to_owned()])
        .unwrap_err();
    assert!(error.message.contains("levels"), "{error}");
}

fn template(text: &str, language: Language) -> Unit {
    let module = Module { origin: "t.rego", text };
    let parsed = Parsed::new(&[module], Mode::gatekeeper(language)).unwrap();
    parsed.compile(&["data.t.violation".to_owned()]).unwrap()
}

fn violations(text: &str, language: Language) -> Result<String, Failure> {
    let input = from_json(&json!({"xs": [1, 2, 3], "text": "abc"}));
    let data = from_json(&json!({"inventory": {"cluster": {"v1": {}}}}));
    let unit = template(text, language);
    asked(&unit, "data.t.violation", &input, Some(&data), Duration::from_secs(5))
        .0
        .map(|value| value.to_string())
}

#[test]
fn templates_may_be_written_in_both_versions() {
    let old = "package t\nviolation[{\"msg\": msg}] { input.xs[_] == 2; msg := \"two\" }\n";
    let new = "package t\nviolation contains {\"msg\": \"two\"} if some x in input.xs\n";
    assert_eq!(violations(old, Language::V0).unwrap(), "[{\"msg\":\"two\"}]");
    assert_eq!(violations(new, Language::V1).unwrap(), "[{\"msg\":\"two\"}]");
    let module = Module { origin: "t.rego", text: old };
    Parsed::new(&[module], Mode::gatekeeper(Language::V1)).unwrap_err();
}

#[test]
fn templates_see_the_data_that_they_are_given() {
    let text = "package t\nviolation[{\"msg\": msg}] { data.inventory.cluster[msg] }\n";
    assert_eq!(violations(text, Language::V0).unwrap(), "[{\"msg\":\"v1\"}]");
}

#[test]
fn a_built_in_that_fails_in_a_template_is_undefined() {
    let text = "package t\nviolation[{\"msg\": \"a\"}] { to_number(input.text) > 1 }\nviolation[{\"msg\": \"b\"}] { not to_number(input.text) }\n";
    assert_eq!(violations(text, Language::V0).unwrap(), "[{\"msg\":\"b\"}]");
}

#[test]
fn rules_whose_names_have_variables_in_them_are_left_to_the_interpreter() {
    let unit = unit(
        "package a\nimport rego.v1\nerrors[name] contains \"late\" if some name in input.names\nr contains name if {\nsome name, all in errors\n\"late\" in all\n}\n",
    );
    let input = from_json(&json!({"names": ["x", "y"]}));
    let (value, _) = asked(&unit, "data.a.r", &input, None, Duration::from_secs(5));
    assert_eq!(value.unwrap().as_set().unwrap().len(), 2);
    assert!(unit.machine().is_none());
}
