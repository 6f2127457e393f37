use serde_json::json;

use super::*;
use crate::governance::value::from_json;

#[track_caller]
fn gives(name: &str, arguments: serde_json::Value, expected: serde_json::Value) {
    let arguments: Vec<Value> = arguments.as_array().unwrap().iter().map(from_json).collect();
    assert_eq!(call(name, &arguments), Ok(from_json(&expected)), "{name} {arguments:?}");
}

// Here and below the expectations are what Go's package `regexp` gives, which is what OPA calls.
#[test]
fn patterns_mean_what_they_mean_in_opa() {
    for (pattern, text, expected) in [
        (r"^[\w-.]+$", "a-b.c", true),
        (r"[\w-/]", "/", true),
        (r"{{.*}}", "{{a}}", true),
        (r"${", "${", false),
        (r"^a{,2}$", "a{,2}", true),
        (r"^a{01}$", "a{01}", true),
        (r"\Qa.b\E", "axb", false),
        (r"\Qa.b\E+$", "a.bbb", true),
        (r"^\101$", "A", true),
        (r"\07", "\u{7}", true),
        (r"^\x{e9}$", "é", true),
        (r"^\w$", "é", false),
        (r"^\d$", "１", false),
        (r"^\s$", "\u{a0}", false),
        (r"^\s$", "\u{b}", false),
        (r"a\b", "aé", true),
        (r"a\B", "ab", true),
        (r"^.$", "é", true),
        (r"[a&&b]", "&", true),
        (r"[a~~b]", "~", true),
        (r"^[[a]]$", "[]", true),
        (r"\<", "<", true),
        (r"\_", "_", true),
        (r"^[^a]$", "\n", true),
        (r".", "\n", false),
        (r"(?s).", "\n", true),
        (r"a$", "a\n", false),
        (r"(?m)^b$", "a\nb", true),
        (r"(?i)k", "\u{212a}", true),
        (r"(?i)^\w$", "\u{212a}", true),
        (r"^(?i)k(?-i)k$", "KK", false),
        (r"(?U)^a+?$", "aa", true),
        (r"[]a]", "]", true),
        (r"[[:^alpha:]]", "1", true),
        (r"\p{Greek}", "λ", true),
        (r"(?<n>a)", "a", true),
        (r"a*(?i)*", "a", true),
        (r"\x{D800}", "a", false),
        (r"^[^\x{0}-\x{10FFFF}]", "a", false),
        // What is large when compiled.
        (r"^[\w.-]{1,253}$", "abc", true),
        (r"^[^/]{1,128}/[^/]{1,128}$", "a/b", true),
        (r"^\p{L}{1,30}$", "é", true),
        (r"^.{0,512}$", "é", true),
        (r"^.{0,1000}$", "é", true),
        (r"(?i)^[a-z]{1,253}$", "aB", true),
        (r"^((a{0,10}){10}){10}$", "aa", true),
    ] {
        assert_eq!(is_match(pattern, text), Ok(expected), "{pattern} {text:?}");
    }
}

#[test]
fn what_re2_refuses_fails_as_in_opa() {
    for pattern in [
        "a**",
        "a++",
        "x{1001}",
        "(a{100}){100}",
        "x{2,1}",
        "(?x)a",
        "(?=a)",
        r"\Z",
        r"\C",
        r"\e",
        r"\1",
        r"\8",
        "[",
        "[]",
        "[b-a]",
        r"[a-\d]",
        "[a--b]",
        "[[:foo:]]",
        "(",
        ")",
        "*",
        "a|*",
        "(?P<a-b>x)",
        "(?P<n",
        r"\p{sc=Greek}",
        r"\p{Alphabetic}",
        r"\p{",
        r"\x{110000}",
        r"\x4",
        r"\u0041",
        "(?R)",
        "(?i-)",
        r"[\b]",
        r"a\",
    ] {
        let outcome = is_match(pattern, "a");
        assert!(matches!(outcome, Err(Unable::Failed(_))), "{pattern}: {outcome:?}");
        gives("regex.is_valid", json!([pattern]), json!(false));
        assert!(mistake(pattern).is_some());
    }
}

#[test]
fn what_is_too_much_for_us_is_no_failure_that_a_template_may_hide() {
    let is_too_much = |outcome: Result<bool, Unable>| {
        assert!(matches!(outcome, Err(Unable::TooMuch(_))), "{outcome:?}");
    };
    is_too_much(is_match(r"(\pL{30}\pN{30}){30}", "a"));
    is_too_much(is_match(&"(".repeat(10_000), "a"));
    is_too_much(is_match(&"a".repeat(100_000), "a"));
    is_too_much(is_match(r"a\B", "é"));
    is_too_much(is_match(r"^.{0,1000}$", &"a".repeat(100_000)));
    guards::count_anew();
    is_too_much(
        (0..5000).find_map(|n| is_match(&format!("a{n}"), "a").err()).map_or(Ok(true), Err),
    );
    guards::count_anew();
}

#[test]
fn results_are_those_of_opa() {
    gives("regex.split", json!(["", "abc"]), json!(["a", "b", "c"]));
    gives("regex.split", json!(["a*", "baaac"]), json!(["b", "c"]));
    gives("regex.split", json!(["[,;]", ",a;"]), json!(["", "a", ""]));
    gives("regex.split", json!(["a", ""]), json!([""]));
    gives("regex.find_n", json!(["a*", "baaac", -1]), json!(["", "aaa", ""]));
    gives("regex.find_n", json!(["a.", "abacad", 2]), json!(["ab", "ac"]));
    gives(
        "regex.find_all_string_submatch_n",
        json!(["a(b)?", "ab a", -1]),
        json!([["ab", "b"], ["a", ""]]),
    );
    gives("regex.replace", json!(["foo bar", r"(\w+) (\w+)", "$2 $1"]), json!("bar foo"));
    gives(
        "regex.replace",
        json!(["foo", "(?P<x>o)", "<$x|$$|$1x|${1}x|${a-b}|$>"]),
        json!("f<o|$||ox|${a-b}|$><o|$||ox|${a-b}|$>"),
    );
    gives("regex.replace", json!(["abc", "x*", "-"]), json!("-a-b-c-"));
    gives(
        "regex.template_match",
        json!(["urn:foo:{.*}", "urn:foo:bar:baz", "{", "}"]),
        json!(true),
    );
    gives("regex.template_match", json!(["a.<[0-9]{2}>", "ab12", "<", ">"]), json!(false));
    assert!(call("regex.template_match", &["a}", "a", "{", "}"].map(Value::from)).is_err());
    assert!(call("regex.match", &[Value::from("a"), Value::from(1)]).is_err());
}
