use regorus::Engine;
use regorus::languages::rego::compiler::Compiler;
use serde_json::json;

use super::call::{Unable, here, native};
use super::*;
use crate::governance::value::from_json;

#[track_caller]
fn call(name: &str, arguments: serde_json::Value) -> Result<Value, String> {
    let arguments: Vec<Value> = arguments.as_array().unwrap().iter().map(from_json).collect();
    call_with(name, &arguments).map_err(|unable| unable.to_string())
}

#[track_caller]
fn call_with(name: &str, arguments: &[Value]) -> Result<Value, Unable> {
    super::call(lookup(name).unwrap(), arguments)
}

#[track_caller]
fn gives(name: &str, arguments: serde_json::Value, expected: serde_json::Value) {
    assert_eq!(call(name, arguments), Ok(from_json(&expected)), "{name}");
}

#[track_caller]
fn fails(name: &str, arguments: serde_json::Value, part: &str) {
    let reason = call(name, arguments).unwrap_err();
    assert!(reason.contains(part), "{name}: {reason}");
}

#[test]
fn the_table_is_sorted_and_the_engine_knows_every_guarded_name() {
    assert!(TABLE.is_sorted_by(|left, right| left.name < right.name));
    for builtin in TABLE.iter().filter(|one| matches!(one.calling, Calling::Guarded(_))) {
        assert!(builtin.native.is_some_and(|native| native.is_some()), "{}", builtin.name);
    }
}

#[test]
fn the_engine_knows_every_direct_name_with_that_many_arguments() {
    for builtin in TABLE.iter().filter(|one| matches!(one.calling, Calling::Direct)) {
        let arguments: Vec<String> = (0..builtin.arity).map(|n| format!("input[{n}]")).collect();
        let mut engine = Engine::new();
        let text = format!("package a\nr := {}({})\n", builtin.name, arguments.join(", "));
        engine.add_policy("a".to_owned(), text).unwrap();
        let policy = engine.compile_with_entrypoint(&"data.a.r".into()).unwrap();
        let program = Compiler::compile_from_policy(&policy, &["data.a.r"]).unwrap();
        assert_eq!(
            program.builtin_info_table[0].num_args as usize, builtin.arity,
            "{}",
            builtin.name
        );
    }
}

#[test]
fn ordinary_calls_give_what_the_engine_gives() {
    gives(
        "sprintf",
        json!(["%s has %d of %v", ["a", 2, {"b": [1]}]]),
        json!("a has 2 of {\"b\": [1]}"),
    );
    gives("sprintf", json!(["100%% of %05d", [7]]), json!("100% of 00007"));
    gives("concat", json!([", ", ["a", "b"]]), json!("a, b"));
    gives("replace", json!(["a.b.c", ".", "-"]), json!("a-b-c"));
    gives("strings.replace_n", json!([{"a": "b", "b": "c"}, "ab"]), json!("bc"));
    gives("regex.replace", json!(["abc", "b", "<$0>"]), json!("a<b>c"));
    gives("array.concat", json!([[1], [2]]), json!([1, 2]));
    gives("numbers.range", json!([3, 1]), json!([3, 2, 1]));
    gives("numbers.range_step", json!([0, 10, 5]), json!([0, 5, 10]));
    gives("json.marshal", json!([{"a": 1}]), json!("{\"a\":1}"));
    gives("json.unmarshal", json!(["{\"a\": 1}"]), json!({"a": 1}));
    gives("yaml.unmarshal", json!(["a: [1, yes]"]), json!({"a": [1, true]}));
    gives("bits.lsh", json!([1, 10]), json!(1024));
    gives("product", json!([[2, 3, 4]]), json!(24));
    gives("units.parse", json!(["100m"]), json!(0.1));
    gives("units.parse_bytes", json!(["1Ki"]), json!(1024));
    gives("to_number", json!(["1e3"]), json!(1000));
    gives("trim", json!(["--a--", "-"]), json!("a"));
    gives("indexof", json!(["abc", "c"]), json!(2));
    gives("strings.count", json!(["banana", "an"]), json!(2));
    gives("sort", json!([[3, 1, 2]]), json!([1, 2, 3]));
    gives("walk", json!([[1]]), json!([[[], [1]], [[0], 1]]));
}

#[test]
fn calls_that_would_end_the_process_fail() {
    let long = "a".repeat(20_000);
    fails("numbers.range", json!([0, 400_000_000]), "elements");
    fails("numbers.range", json!([0, 1e300]), "too large");
    fails("numbers.range", json!([i64::MIN, i64::MAX]), "elements");
    fails("numbers.range_step", json!([0, 4_000_000_000_u32, 2]), "elements");
    fails("numbers.range_step", json!([0, 10, 0]), "positive");
    fails("sprintf", json!(["%2000000000d", [1]]), "width");
    fails("sprintf", json!(["%.2000000000f", [1]]), "width");
    fails("sprintf", json!(["%%%02000000000d", [1]]), "width");
    fails("net.cidr_expand", json!(["10.0.0.0/8"]), "65536");
    fails("net.cidr_expand", json!(["2001:db8::/64"]), "65536");
    fails("bits.lsh", json!([1, 4_000_000_000_u32]), "shift");
    fails("replace", json!([long, "a", long]), "larger");
    fails("replace", json!([long, "", long]), "larger");
    fails("strings.replace_n", json!([{"a": long, "b": "c"}, long]), "larger");
    fails("regex.replace", json!([long, "a", long]), "larger");
    fails("concat", json!([long, vec![""; 1000]]), "larger");
    fails("product", json!([vec![10; 1000]]), "factors");
    fails("trim", json!([long.repeat(10), long.repeat(10)]), "too long");
    fails("units.parse", json!(["1e1999999999"]), "too large");
    fails("units.parse", json!(["1e01999999999"]), "too large");
    fails("units.parse_bytes", json!(["1E1999999999Ki"]), "too large");
    fails("to_number", json!([long]), "too large");
}

// The expectations are what OPA 1.17 gives.
#[test]
fn texts_are_handled_as_in_opa() {
    gives("glob.match", json!(["*.com", [], "a.com"]), json!(true));
    gives("glob.match", json!(["*.com", [], "a.b.com"]), json!(false));
    gives("glob.match", json!(["*.com", null, "a.b.com"]), json!(true));
    fails("glob.match", json!(["*", ["ab"], "a"]), "one character");
    gives("semver.compare", json!(["v1.2.3", "1.2.4"]), json!(-1));
    gives("semver.is_valid", json!([1]), json!(false));
    fails("indexof", json!(["abc", ""]), "empty");
    gives("indexof", json!(["éa", "a"]), json!(1));
    gives("strings.count", json!(["abc", ""]), json!(4));
    gives("strings.replace_n", json!([{"": "-", "a": "x"}, "ab"]), json!("-x-b-"));
    gives("upper", json!(["straße ᾳ é"]), json!("STRAßE ᾼ É"));
    gives("lower", json!(["ΑΣ İ"]), json!("ασ i"));
    fails("to_number", json!([" 1"]), "no number");
    gives("to_number", json!(["+.5"]), json!(0.5));
    gives("to_number", json!(["007"]), json!(7));
    gives("to_number", json!([true]), json!(1));
}

// The expectations are what OPA 1.17 gives.
#[test]
fn parts_of_objects_are_found_by_paths() {
    let object = json!({"a": {"b": 1, "c/d": [1, {"e": 2}, 3]}, "f": 4});
    gives("json.filter", json!([object, ["/a/c~1d/1/e"]]), json!({"a": {"c/d": [{"e": 2}]}}));
    gives("json.filter", json!([object, [["f"], "a/b", "x"]]), json!({"a": {"b": 1}, "f": 4}));
    gives("json.filter", json!([object, ["f/x"]]), json!({"f": 4}));
    gives("json.filter", json!([object, []]), json!({}));
    gives(
        "json.remove",
        json!([object, ["a/b", "/a/c~1d/0", "f/x"]]),
        json!({"a": {"c/d": [{"e": 2}, 3]}, "f": 4}),
    );
    fails("json.remove", json!([object, "a"]), "paths");
    fails("json.filter", json!([object, ["a/".repeat(2000)]]), "steps");
    gives("object.subset", json!([object, {"a": {"c/d": [3]}}]), json!(true));
    gives("object.subset", json!([object, {"a": {"c/d": [1, 3]}}]), json!(false));
    gives("object.subset", json!([[1], []]), json!(true));
    fails("object.subset", json!([1, 1]), "kind");
    fails("substring", json!(["abc", 1.5, 1]), "integers");
    assert_eq!(format::term(&call("bits.lsh", json!([-8, 62])).unwrap()), "-36893488147419103232");
    fails("bits.lsh", json!([1, -1]), "negative");
}

#[test]
fn networks_are_read_as_in_opa() {
    assert_eq!(
        call("net.cidr_expand", json!(["10.0.0.7/31"])).unwrap().to_string(),
        r#"["10.0.0.6","10.0.0.7"]"#
    );
    assert!(call("net.cidr_expand", json!(["10.0.0.7/31"])).unwrap().as_set().is_ok());
    gives("net.cidr_contains", json!(["10.0.0.0/8", "::ffff:10.1.2.3"]), json!(true));
    gives("net.cidr_overlap", json!(["10.0.0.0/8", "10.1.2.3"]), json!(true));
    gives("net.cidr_is_valid", json!([1]), json!(false));
    fails("net.cidr_contains_matches", json!(["10.1.2.3", "10.1.2.3"]), "no network");
}

// The expectations are what OPA 1.17 gives.
#[test]
fn json_is_written_as_go_writes_it() {
    let written = |value: &Value| call_with("json.marshal", std::slice::from_ref(value)).unwrap();
    gives(
        "json.marshal",
        json!([{"b": "<&>\u{2028}\u{7f}\u{1}\t\"\\", "a": [1, 0.5, null]}]),
        json!(
            r#"{"a":[1,0.5,null],"b":"\u003c\u0026\u003e\u2028"#.to_owned()
                + "\u{7f}"
                + r#"\u0001\t\"\\"}"#
        ),
    );
    let mut object = Value::new_object();
    let members = object.as_object_mut().unwrap();
    members.insert(Value::from(10), Value::from(1));
    members.insert(Value::from(9), Value::from(2));
    members.insert(Value::from(vec![Value::from("a")]), Value::new_set());
    assert_eq!(written(&object), Value::from(r#"{"10":1,"9":2,"[\"a\"]":[]}"#));
    gives(
        "json.marshal_with_options",
        json!([{"a": [1, {}], "b": []}, {"indent": " ", "prefix": ">"}]),
        json!(">{\n> \"a\": [\n>  1,\n>  {}\n> ],\n> \"b\": []\n>}"),
    );
    gives("json.marshal_with_options", json!([[1], {"pretty": true}]), json!("[\n\t1\n]"));
    gives(
        "json.marshal_with_options",
        json!([[1], {"pretty": false, "indent": " "}]),
        json!("[1]"),
    );
    fails("json.marshal_with_options", json!([[1], {"x": true}]), "unknown");
}

#[test]
fn the_documentation_names_every_refused_function_and_the_reason() {
    let text = include_str!("../../../docs/policies.md");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    for builtin in TABLE {
        let Calling::Refused(reason) = builtin.calling else {
            continue;
        };
        let mut names = vec![format!("`{}`", builtin.name)];
        for (at, c) in builtin.name.char_indices().filter(|(_, c)| matches!(c, '.' | '_')) {
            names.push(format!("`{}{c}*`", &builtin.name[..at]));
        }
        let is_told =
            |row: &&str| row.contains(reason) && names.iter().any(|one| row.contains(one));
        assert!(rows.iter().any(|row| is_told(&row)), "{}: {reason}", builtin.name);
    }
}

#[test]
fn operators_have_names() {
    gives("plus", json!([1, 2.5]), json!(3.5));
    gives("minus", json!([3, 1]), json!(2));
    gives("mul", json!([3, 2]), json!(6));
    gives("div", json!([7, 2]), json!(3.5));
    gives("rem", json!([7, 2]), json!(1));
    fails("div", json!([7, 0]), "zero");
    fails("rem", json!([7.5, 2]), "integers");
    fails("plus", json!(["a", 2]), "numbers");
    let [left, right] = [[1, 2], [2, 3]].map(|all| {
        Value::from(all.map(Value::from).into_iter().collect::<std::collections::BTreeSet<_>>())
    });
    for (name, expected) in [("minus", "[1]"), ("and", "[2]"), ("or", "[1,2,3]")] {
        let given = call_with(name, &[left.clone(), right.clone()]).unwrap();
        assert_eq!(given.to_string(), expected, "{name}");
    }
}

#[test]
fn a_number_hidden_in_a_text_stays_a_text() {
    let hidden = r#"{"$serde_json::private::Number": "1e1999999999"}"#;
    gives(
        "json.unmarshal",
        json!([hidden]),
        json!({"$serde_json::private::Number": "1e1999999999"}),
    );
    gives(
        "yaml.unmarshal",
        json!([hidden]),
        json!({"$serde_json::private::Number": "1e1999999999"}),
    );
}

#[test]
fn a_value_that_is_huge_when_written_out_is_not_written_out() {
    let mut value = Value::from("x");
    for _ in 0..60 {
        value = Value::from(vec![value.clone(), value]);
    }
    for name in ["json.marshal", "yaml.marshal", "walk", "sort"] {
        assert!(call_with(name, std::slice::from_ref(&value)).is_err(), "{name}");
    }
    let arguments = [Value::from("%v"), Value::from(vec![value])];
    assert!(call_with("sprintf", &arguments).is_err());
}

#[test]
fn what_the_function_itself_refuses_is_told_in_one_line() {
    let reason = call("json.unmarshal", json!(["{"])).unwrap_err();
    assert!(reason.contains("`json.unmarshal`") && !reason.contains('\n'), "{reason}");
    let reason = call("sprintf", json!(["%d", ["a"]])).map(|value| value.to_string());
    assert!(reason.is_ok_and(|text| !text.contains('\n')));
    let reason = call("numbers.range", json!(["a", 1])).unwrap_err();
    assert!(reason.contains("numbers.range") && !reason.contains('\n'), "{reason}");
}

#[test]
fn what_is_computed_here_is_what_the_engine_computes() {
    let texts = ["", "a", "--a-b--", "éa.é", "aaa", "0.0"];
    let mut cases: Vec<(&str, serde_json::Value)> = Vec::new();
    for text in texts {
        for other in ["", "-", "a", "é.", "0."] {
            cases.extend(
                ["trim", "trim_left", "trim_right"].map(|name| (name, json!([text, other]))),
            );
            cases.push(("replace", json!([text, other, "<>"])));
            cases.push(("concat", json!([other, [text, "x", text]])));
        }
    }
    cases.push(("concat", json!([",", []])));
    cases.push(("array.concat", json!([[1, "a"], []])));
    cases.push(("array.concat", json!([[], [{"b": null}, [2]]])));
    for (name, arguments) in cases {
        let arguments: Vec<Value> = arguments.as_array().unwrap().iter().map(from_json).collect();
        assert_eq!(
            here(name, &arguments),
            native(lookup(name).unwrap(), &arguments).ok(),
            "{name} {arguments:?}"
        );
    }
    let set = Value::from(std::collections::BTreeSet::from([Value::from("b"), Value::from("a")]));
    assert_eq!(here("concat", &[Value::from("-"), set]), Some(Value::from("a-b")));
    assert_eq!(here("concat", &[Value::from("-"), from_json(&json!([1]))]), None);
}

#[test]
fn what_the_engine_has_not_is_ours() {
    gives("any", json!([[false, true]]), json!(true));
    gives("all", json!([[]]), json!(true));
    gives("all", json!([[true, 1]]), json!(false));
    gives("cast_array", json!([[1]]), json!([1]));
    fails("cast_string", json!([1]), "a string expected, not a number");
    gives("gte", json!([2, 1]), json!(true));
    gives("array.flatten", json!([[1, [2, [3]]]]), json!([1, 2, [3]]));
    gives("net.cidr_intersects", json!(["10.0.0.0/8", "10.1.0.0/16"]), json!(true));
    gives("net.cidr_intersects", json!(["10.0.0.0/8", "::/0"]), json!(false));
    gives(
        "json.patch",
        json!([{"a": 1}, [{"op": "add", "path": "/b", "value": 2}]]),
        json!({"a": 1, "b": 2}),
    );
    gives(
        "crypto.sha256",
        json!(["abc"]),
        json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    );
    // RFC 4231, test case 2.
    gives(
        "crypto.hmac.sha256",
        json!(["what do ya want for nothing?", "Jefe"]),
        json!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    );
    let pairs =
        call("net.cidr_contains_matches", json!(["1.1.1.0/24", {"a": "1.1.1.7", "b": "2.2.2.2"}]));
    assert_eq!(pairs.unwrap().to_string(), r#"[["1.1.1.0/24","a"]]"#);
}

#[test]
fn yaml_whose_aliases_blow_up_is_too_much() {
    let mut text = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (one, below) in "bcdefgh".chars().zip("abcdefg".chars()) {
        text.push_str(&format!("{one}: &{one} [{}]\n", vec![format!("*{below}"); 9].join(",")));
    }
    for name in ["yaml.unmarshal", "yaml.is_valid"] {
        let outcome = call_with(name, &[Value::from(text.as_str())]);
        assert!(
            matches!(&outcome, Err(Unable::TooMuch(reason)) if reason.contains("aliases")),
            "{outcome:?}"
        );
    }
    gives(
        "yaml.unmarshal",
        json!(["a: &a [1, 2]\nb: [*a, *a]"]),
        json!({"a": [1, 2], "b": [[1, 2], [1, 2]]}),
    );
    gives("yaml.is_valid", json!(["a: ["]), json!(false));
}

#[test]
fn objects_are_merged_as_the_engine_merges_them() {
    for objects in [
        json!([[]]),
        json!([[{"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 3}, "d": []}]]),
        json!([[{"a": {"b": {"c": 1}}}, {"a": {"b": 2}}, {"a": {"b": {"d": 1}}}]]),
    ] {
        let arguments: Vec<Value> = objects.as_array().unwrap().iter().map(from_json).collect();
        let union = lookup("object.union_n").unwrap();
        assert_eq!(call_with("object.union_n", &arguments).ok(), native(union, &arguments).ok());
    }
    fails("object.union_n", json!([[{}, 1]]), "array of objects");
    let many: Vec<_> = (0..5000).map(|n| json!({"a": {n.to_string(): 1}})).collect();
    let union = call("object.union_n", json!([many])).unwrap();
    assert_eq!(union[&Value::from("a")].as_object().unwrap().len(), 5000);
}

#[test]
fn many_large_results_are_too_much_together() {
    begin();
    let range = [Value::from(1), Value::from(100_000)];
    let calls = || (0..60).find_map(|_| call_with("numbers.range", &range).err());
    assert!(matches!(calls(), Some(Unable::TooMuch(reason)) if reason.contains("evaluation")));
    begin();
    assert!(call_with("numbers.range", &range).is_ok());
}
