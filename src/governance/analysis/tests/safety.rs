use super::*;

#[test]
fn what_nothing_gives_a_value_is_unsafe() {
    let unsafe_in = |rule: &str, expected: &str| {
        let text = format!("package p\nimport rego.v1\n{rule}\nf(x) := x");
        let message = parse(&[&text]).unwrap_err();
        let names: Vec<&str> = message
            .lines()
            .filter_map(|line| line.split_once(" is unsafe: nothing gives it a value"))
            .filter_map(|(before, _)| before.split('`').nth(1))
            .collect();
        assert_eq!(names.join(" "), expected, "{rule}: {message}");
    };
    for (rule, names) in [
        ("a if f(_)", "_"),
        ("a if { some x; x == 1 }", "x"),
        ("a if { some x; f(x) }", "x"),
        ("a := x", "x"),
        ("a contains x", "x"),
        ("a[x] := 1", "x"),
        ("a := [x | true]", "x"),
        ("a := {x: y | some x in input}", "y"),
        ("a if { y := [x | some x in input]; x == 1 }", "x"),
        ("a if every x in input { x == y }", "y"),
        ("a if { every x in input { x }; x == 1 }", "x"),
        ("a if x := y", "y"),
        ("a if [_] == [1]", "_"),
        ("a if y in input", "y"),
        ("a if input[f(_)]", "_"),
        ("a if { x := 1 } else := x if { true }", "x"),
    ] {
        unsafe_in(rule, names);
    }
    refused(
        "a if { label := input.x; lable == 1 }",
        "a.rego:3:26: `lable` is unsafe: nothing gives it a value; did you mean `label`?",
    );
    for rule in [
        "a := x if x := input",
        "a := x if x = input",
        "a := x if input = {\"k\": [x, _]}",
        "a := x if f(1, x)",
        "a := x if count([1], x)",
        "a contains x if input.s[[1, x]]",
        "a contains x if input[x]",
        "a contains input[x].y",
        "a contains [x, input[x]]",
        "a[x] := y if some x, y in input",
        "a := [x | input[x]]",
        "a := {x: y | y := input[x]}",
        "a := [y | some x in input; y := [z | z := x[_]]]",
        "a if every k, v in input { k == v }",
        "a if count(input) == 1 with count as f",
        "a := b\nb := 1",
        "a if { x > 1; x := 2 }",
        "a := 1 if input.b else := x if { x := 2 }",
        "g([x, {\"k\": y}]) := x + y",
        "a if { x = y; y = 1; x == 1 }",
    ] {
        accepted(&format!("{rule}\nf(x) := x"));
    }
}

#[test]
fn what_only_a_negation_names_is_unsafe() {
    let unsafe_in = |rule: &str, name: &str| {
        let message =
            parse(&[&format!("package p\nimport rego.v1\n{rule}\nf(x) := x")]).unwrap_err();
        let part = format!("`{name}` is unsafe: `not` gives no variable a value");
        assert!(message.contains(&part), "{rule}: {message}");
    };
    for (rule, name) in [
        ("a if not input.xs[_].y", "_"),
        ("a if not input.xs[i].y", "i"),
        ("a if { some i; not input.xs[i] }", "i"),
        ("a if not input.xs[_] == 1", "_"),
        ("a if not f(input.xs[_])", "_"),
        ("a if not f([input.xs[_]])", "_"),
        ("a if not f(1, _)", "_"),
        ("a if not input.xs[_] - 1", "_"),
        ("a if not 1 in input.xs[_]", "_"),
        ("a if not input.xs[input.ys[_]]", "_"),
        ("a if not input.xs[f(_)]", "_"),
        ("a if { y := {i | input.xs[i]}; not y[i] }", "i"),
        ("a := [1 | not input.xs[_]]", "_"),
        ("a := [i | not input.xs[i]]", "i"),
        ("a contains y if not input.xs[y]", "y"),
        ("a if every x in input.xs { not x[_] }", "_"),
        ("a if not f([1 | not input.xs[_]]) == 1", "_"),
        ("a if input.x\nelse := 2 if not input.xs[_]", "_"),
        ("g(x) if not x[_]", "_"),
    ] {
        unsafe_in(rule, name);
    }
    for rule in [
        "a if { input.xs[i]; not input.xs[i].y }",
        "a if { not input.xs[i].y; some i in [1] }",
        "a if { some i, _ in input.xs; not input.xs[i].y }",
        "a if not f(input.xs[_]) == 1",
        "a if not input.xs[f(input.ys[_].z)]",
        "a if not f(input.xs[i]) == input.ys[i]",
        "a if not f([1 | input.xs[_]])",
        "a if every i, x in input.xs { not x[i] }",
        "a := [i | some i in input.xs; not f(i)]",
        "a := {x: y | x := input.x; y := [i | some i in x; not x[i]]}",
        "g(i) if not input.xs[i]",
        "a if not input.xs[b]\nb := 1",
        "a if not data.p.b\nb := 1",
        "a[x] if { x := input.x; not x }",
        "a if { not input.y with input as {\"y\": i}; i := 1 }",
    ] {
        accepted(&format!("{rule}\nf(x) := x"));
    }
    refused(
        "a if not count(walk(input)) == 2",
        "a.rego:3:16: not supported: `walk` inside of a negation; give its value a name in a statement before",
    );
}
