//! AdmissionRequests for objects that nobody has sent, and from reviews that somebody has written down.

use serde_json::{Map, Value, json};

/// The keys of an AdmissionRequest.
const KEYS: [&str; 15] = [
    "uid",
    "kind",
    "resource",
    "subResource",
    "requestKind",
    "requestResource",
    "requestSubResource",
    "name",
    "namespace",
    "operation",
    "userInfo",
    "object",
    "oldObject",
    "dryRun",
    "options",
];

/// The AdmissionRequest for an object that nobody has sent: without an operation, as in Gatekeeper's own tests.
pub fn of_object(object: &Value) -> Value {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (group, version) =
        text("/apiVersion").split_once('/').unwrap_or_else(|| ("", text("/apiVersion")));
    complete(json!({
        "kind": { "group": group, "version": version, "kind": text("/kind") },
        "name": text("/metadata/name"),
        "namespace": text("/metadata/namespace"),
        "object": object,
    }))
}

/// The AdmissionRequest of an AdmissionReview. Fails in a phrase where it has none, where it has a key that is not known, and
/// where there is nothing in it to look at.
pub fn of_review(review: &Value) -> Result<Value, String> {
    let request = review.get("request").filter(|request| !request.is_null());
    let Some(members) = request.and_then(Value::as_object) else {
        return Err("the AdmissionReview has no request".to_owned());
    };
    if let Some(key) = members.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let hint = crate::diagnostic::suggest::help(key, KEYS);
        return Err(format!("the AdmissionReview has a key `{key}` in its request; {hint}"));
    }
    let has = |key: &str| members.get(key).is_some_and(|value| !value.is_null());
    if !has("object") && !has("oldObject") {
        return Err("the AdmissionReview has neither an object nor an old one".to_owned());
    }
    for key in ["object", "oldObject"].into_iter().filter(|key| has(key)) {
        if members.get(key).and_then(|object| object.get("kind")?.as_str()).is_none() {
            return Err(format!("`{key}` of the AdmissionReview has no `kind`"));
        }
    }
    let is_deletion = members.get("operation").is_some_and(|operation| operation == "DELETE");
    if is_deletion && !has("oldObject") {
        return Err("oldObject cannot be nil for DELETE operations".to_owned());
    }
    Ok(complete(Value::Object(members.clone())))
}

/// Adds the members that are always there, and leaves out those that are not when they are empty.
fn complete(request: Value) -> Value {
    let Value::Object(mut members) = request else {
        return request;
    };
    let is_empty = |value: &Value| value.is_null() || value == &json!("");
    members.retain(|key, value| {
        !(is_empty(value)
            && matches!(key.as_str(), "name" | "namespace" | "subResource" | "dryRun"))
    });
    let defaults: Map<String, Value> = [
        ("uid", json!("")),
        ("kind", json!({"group": "", "version": "", "kind": ""})),
        ("resource", json!({"group": "", "version": "", "resource": ""})),
        ("operation", json!("")),
        ("userInfo", json!({})),
        ("object", Value::Null),
        ("oldObject", Value::Null),
        ("options", Value::Null),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    for (key, value) in defaults {
        members.entry(key).or_insert(value);
    }
    Value::Object(members)
}
