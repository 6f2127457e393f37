use super::*;

fn rewritten(text: &str, language: Language) -> String {
    Rewritten::new(text, before_parsing(text, language)).text
}

#[test]
fn a_bracket_on_a_new_line_begins_a_statement() {
    let text = "package a\nr {\n  input.x\n  (1 + 2) > 2\n}\n";
    assert_eq!(rewritten(text, Language::V0), "package a\nr {\n  input.x;\n  (1 + 2) > 2\n}\n");
    for kept in ["r {\n  f(\n  (1))\n}", "r {\n x := \n (1)\n}", "r {\n not\n (1)\n}", "r if f(1)"]
    {
        assert_eq!(rewritten(kept, Language::V1), kept);
    }
}

#[test]
fn chained_bodies_become_rules() {
    for (text, expected) in [
        ("f(x) = y { y := 1 } { y := 2 }", "f(x) = y { y := 1 } f(x) = y { y := 2 }"),
        (
            "a = 1\nv[{\"m\": m}] {\n m := 1\n} {\n m := 2\n} {\n m := 3 }\nw { true }",
            "a = 1\nv[{\"m\": m}] {\n m := 1\n} v[{\"m\": m}] {\n m := 2\n} v[{\"m\": m}] {\n m := 3 }\nw { true }",
        ),
        ("p = {1} { true } { x }\nq { y }", "p = {1} { true } p = {1} { x }\nq { y }"),
        (
            "package a\nimport data.x\np { q } else = {} { r }\nq { r }",
            "package a\nimport data.x\np { q } else = {} { r }\nq { r }",
        ),
    ] {
        assert_eq!(rewritten(text, Language::V0), expected);
    }
}

#[test]
fn marks_are_moved_back() {
    let new = Rewritten::new("a\nbcd\n", vec![(2..2, "xyz".to_owned()), (4..4, "u".to_owned())]);
    assert_eq!(new.text, "a\nxyzbcud\n");
    for (column, original) in [(1, 1), (2, 1), (4, 1), (5, 2), (6, 3), (7, 3)] {
        assert_eq!(new.original(Mark { line: 2, column }).column, original, "{column}");
    }
    assert_eq!(new.original(Mark { line: 1, column: 9 }).column, 9);
}

#[test]
fn the_old_name_of_a_function_is_replaced() {
    let text = "r { re_match(\"a\", x); y }";
    assert_eq!(rewritten(text, Language::V0), "r { regex.match(\"a\", x); y }");
    let new = Rewritten::new(text, before_parsing(text, Language::V0));
    assert_eq!(new.original(Mark { line: 1, column: 26 }).column, 23);
    let own = "re_match(a, b) { a == b }\nr { re_match(1, 1) }";
    assert_eq!(rewritten(own, Language::V0), own);
}

#[test]
fn keywords_may_be_the_names_of_fields() {
    let text =
        "package a.default\nimport data.b.if\nr if { x.default; x.if[y.not].true; x.contains }";
    assert_eq!(
        rewritten(text, Language::V1),
        "package a.default\nimport data.b.if\nr if { x[\"default\"]; x[\"if\"][y[\"not\"]][\"true\"]; x.contains }"
    );
    for kept in
        ["r if { x.ifs }", "r if { \"x.if\" == `x.not` } # x.if", "a { x := [1]. } else = 2 { y }"]
    {
        assert_eq!(rewritten(kept, Language::V0), kept);
    }
}

#[test]
fn an_import_that_stands_twice_stands_once() {
    let text = "package a\nimport data.lib.x\nimport  data.lib.x # again\nimport data.lib.x as y\nr { x.import }\n";
    let once = text.replace("import  data.lib.x", "");
    assert_eq!(rewritten(text, Language::V0), once.replace("x.import", "x[\"import\"]"));
    assert!(rewritten(text, Language::V1).contains("import  data.lib.x"));
}
