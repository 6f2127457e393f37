use serde_json::{Value, json};

use super::Schema;
use crate::path::FieldPath;

fn schema(value: Value) -> Schema {
    Schema::read(&value, &FieldPath::root()).unwrap()
}

#[track_caller]
fn says(schema_value: Value, value: Value, expected: &[&str]) {
    let misfits = schema(schema_value).misfits(&value, &FieldPath::keys("spec.parameters"));
    let messages: Vec<String> =
        misfits.into_mistakes().into_iter().map(|mistake| mistake.message).collect();
    assert_eq!(messages, expected);
}

#[test]
fn types_are_checked_down_to_the_elements() {
    let list = json!({"type": "object", "properties": {"labels": {"type": "array", "items": {"type": "string"}}}});
    says(list.clone(), json!({"labels": ["a"]}), &[]);
    says(
        list.clone(),
        json!({"labels": "a"}),
        &["`spec.parameters.labels` must be a list, not a string"],
    );
    says(
        list,
        json!({"labels": ["a", 1]}),
        &["`spec.parameters.labels[1]` must be a string, not a whole number"],
    );
    says(
        json!({"type": "integer"}),
        json!(1.5),
        &["`spec.parameters` must be a whole number, not a number"],
    );
    says(json!({"type": "number"}), json!(1), &[]);
    says(json!({"type": "string", "nullable": true}), json!(null), &[]);
    says(json!({"x-kubernetes-int-or-string": true}), json!("50%"), &[]);
    says(
        json!({"x-kubernetes-int-or-string": true}),
        json!(true),
        &["`spec.parameters` must be a whole number or a string, not a boolean"],
    );
}

#[test]
fn a_member_that_the_schema_does_not_know_is_named() {
    let known = json!({"type": "object", "properties": {"labels": {"type": "array"}}});
    says(
        known.clone(),
        json!({"lables": []}),
        &["there is no parameter `lables`; did you mean `labels`?"],
    );
    let misfits = schema(known.clone()).misfits(&json!({"lables": []}), &FieldPath::root());
    assert!(misfits.broken.is_empty() && misfits.unknown.len() == 1);
    assert!(
        schema(known).keeping_unknown().misfits(&json!({"x": 1}), &FieldPath::root()).is_empty()
    );
    says(
        json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        json!({"a": 1, "b": "x"}),
        &["`spec.parameters.b` must be a whole number, not a string"],
    );
    says(
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        json!({"a": 1}),
        &[],
    );
}

#[test]
fn bounds_words_and_patterns_are_checked() {
    says(
        json!({"enum": ["Always", "Never"]}),
        json!("Nevr"),
        &["`spec.parameters` cannot be `Nevr`; did you mean `Never`?"],
    );
    says(
        json!({"minimum": 1, "exclusiveMinimum": true}),
        json!(1),
        &["`spec.parameters` must be more than 1, not 1"],
    );
    says(json!({"maximum": 3}), json!(4), &["`spec.parameters` must be at most 3, not 4"]);
    says(json!({"multipleOf": 5}), json!(7), &["`spec.parameters` must be a multiple of 5, not 7"]);
    says(
        json!({"minItems": 1}),
        json!([]),
        &["`spec.parameters` must have at least 1 element, not 0"],
    );
    says(
        json!({"maxLength": 2}),
        json!("éàü"),
        &["`spec.parameters` must have at most 2 characters, not 3"],
    );
    says(
        json!({"pattern": "^a+$"}),
        json!("b"),
        &["`spec.parameters` is `b`, which does not match `^a+$`"],
    );
    says(json!({"uniqueItems": true}), json!([1, 2, 1]), &["`spec.parameters` holds `1` twice"]);
    says(
        json!({"required": ["a"]}),
        json!({}),
        &["`spec.parameters` lacks `a`, which is required"],
    );
}

#[test]
fn combinators_hold_as_their_names_say() {
    let one_of = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let keeping = |value: Value| {
        schema(one_of.clone()).keeping_unknown().misfits(&value, &FieldPath::root()).broken.len()
    };
    assert_eq!(
        [keeping(json!({"a": 1})), keeping(json!({})), keeping(json!({"a": 1, "b": 1}))],
        [0, 1, 1]
    );
    says(
        json!({"not": {"type": "string"}}),
        json!("x"),
        &["`spec.parameters` fits the schema under `not`"],
    );
    says(
        json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        json!([]),
        &["`spec.parameters` fits none of the schemas under `anyOf`"],
    );
}

#[test]
fn defaults_are_written_from_the_outside_in() {
    let schema = schema(json!({
        "type": "object",
        "properties": {
            "strict": {"type": "boolean", "default": true},
            "probe": {"type": "object", "properties": {"port": {"type": "integer", "default": 80}}},
            "rules": {"type": "array", "items": {"type": "object", "properties": {"min": {"type": "integer", "default": 1}}}},
        },
    }));
    let mut value = json!({"rules": [{}, {"min": 3}], "strict": null});
    schema.complete(&mut value);
    assert_eq!(value, json!({"strict": true, "rules": [{"min": 1}, {"min": 3}]}));
}

#[test]
fn a_schema_that_is_none_is_refused_with_its_place() {
    let mistakes = Schema::read(
        &json!({"properties": {"a": {"type": "strng"}, "b": {"pattern": "("}, "c": {"type": "string", "default": 1}}}),
        &FieldPath::root(),
    )
    .unwrap_err();
    let told: Vec<(String, &str)> =
        mistakes.iter().map(|one| (one.place.to_string(), one.message.as_str())).collect();
    assert_eq!(
        told[0],
        ("properties.a.type".to_owned(), "there is no type `strng`; did you mean `string`?")
    );
    assert!(told[1].1.contains("is no regular expression: unclosed group"), "{told:?}");
    assert!(told[2].1.starts_with("the default does not fit"), "{told:?}");
}
