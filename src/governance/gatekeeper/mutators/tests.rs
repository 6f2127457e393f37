use serde_json::{Value, json};

use super::*;

fn mutator(kind: &str, name: &str, location: &str, parameters: Value) -> Mutator {
    let version = if kind == "AssignImage" { "v1alpha1" } else { "v1" };
    let mut spec = json!({ "location": location, "parameters": parameters });
    if kind != "AssignMetadata" {
        spec["applyTo"] = json!([{"groups": [""], "versions": ["v1"], "kinds": ["Pod"]}]);
    }
    let document = json!({
        "apiVersion": format!("{MUTATION_GROUP}/{version}"), "kind": kind, "metadata": {"name": name}, "spec": spec,
    });
    Mutator::read(&document).unwrap_or_else(|mistake| panic!("{mistake:?}"))
}

fn assign(location: &str, value: Value) -> Mutator {
    mutator("Assign", "a", location, json!({"assign": {"value": value}}))
}

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
}

fn settle(mutators: Vec<Mutator>, object: &Value) -> Result<Option<Mutated>, String> {
    Mutators::new(mutators).0.settle(object, None, Some("CREATE"), Source::Original)
}

#[track_caller]
fn makes(mutator: Mutator, before: Value, after: Value) {
    let before = pod(before);
    let mutated = settle(vec![mutator.clone()], &before).unwrap();
    let now = mutated.as_ref().map_or(&before, |mutated| &mutated.object);
    assert_eq!(now["spec"], after);
    // Deciding twice changes nothing.
    assert_eq!(settle(vec![mutator], now).unwrap(), None);
    if let Some(mutated) = mutated {
        let patch: json_patch::Patch =
            serde_json::from_value(Value::Array(mutated.operations)).unwrap();
        let mut patched = before;
        json_patch::patch(&mut patched, &patch).unwrap();
        assert_eq!(patched, mutated.object);
    }
}

#[test]
fn what_is_missing_on_the_way_is_made() {
    makes(
        assign("spec.dnsConfig.options", json!([1])),
        json!({}),
        json!({"dnsConfig": {"options": [1]}}),
    );
    makes(
        assign("spec.containers[name: side].image", json!("a")),
        json!({"containers": [{"name": "main"}]}),
        json!({"containers": [{"name": "main"}, {"name": "side", "image": "a"}]}),
    );
    makes(assign("spec.containers[name: *].image", json!("a")), json!({}), json!({}));
    makes(
        assign("spec.containers[name: *].tty", json!(true)),
        json!({"containers": [{"name": "a"}, {"name": "b", "tty": false}]}),
        json!({"containers": [{"name": "a", "tty": true}, {"name": "b", "tty": true}]}),
    );
}

#[test]
fn keys_are_compared_with_their_types() {
    makes(
        assign("spec.ports[port: 80].name", json!("http")),
        json!({"ports": [{"port": "80"}, {"port": 80}]}),
        json!({"ports": [{"port": "80"}, {"port": 80, "name": "http"}]}),
    );
}

#[test]
fn another_type_on_the_way_is_an_error() {
    for spec in
        [json!({"containers": null}), json!({"containers": {}}), json!({"containers": ["a"]})]
    {
        let error = settle(vec![assign("spec.containers[name: a].image", json!("x"))], &pod(spec))
            .unwrap_err();
        assert!(error.starts_with("`Assign/a`: "), "{error}");
    }
    let key = settle(
        vec![assign("spec.containers[name: a].name", json!("b"))],
        &pod(json!({"containers": [{"name": "a"}]})),
    );
    assert!(key.unwrap_err().contains("cannot be changed"));
}

#[test]
fn tests_of_paths_stop_in_silence() {
    let with = |location: &str, sub_path: &str, condition: &str| {
        let tests = json!([{"subPath": sub_path, "condition": condition}]);
        mutator("Assign", "a", location, json!({"assign": {"value": true}, "pathTests": tests}))
    };
    makes(
        with("spec.securityContext.runAsNonRoot", "spec.securityContext", "MustExist"),
        json!({}),
        json!({}),
    );
    makes(
        with(
            "spec.securityContext.runAsNonRoot",
            "spec.securityContext.runAsNonRoot",
            "MustNotExist",
        ),
        json!({"securityContext": {"runAsNonRoot": false}}),
        json!({"securityContext": {"runAsNonRoot": false}}),
    );
    makes(
        with("spec.containers[name: side].tty", "spec.containers[name: side]", "MustExist"),
        json!({"containers": [{"name": "main"}]}),
        json!({"containers": [{"name": "main"}]}),
    );
}

#[test]
fn metadata_is_set_once_and_never_replaced() {
    let label = |name: &str| {
        mutator(
            "AssignMetadata",
            name,
            "metadata.labels.\"acme.example/owner\"",
            json!({"assign": {"fromMetadata": {"field": "namespace"}}}),
        )
    };
    let mutated = settle(vec![label("a")], &pod(json!({}))).unwrap().unwrap();
    assert_eq!(mutated.object["metadata"]["labels"], json!({"acme.example/owner": "shop"}));
    let once = mutator(
        "AssignMetadata",
        "b",
        "metadata.labels.tier",
        json!({"assign": {"value": "gold"}}),
    );
    let mut has = pod(json!({}));
    has["metadata"]["labels"] = json!({"tier": "iron"});
    assert_eq!(settle(vec![once], &has).unwrap(), None);
}

#[test]
fn mutators_build_on_each_other_until_they_rest() {
    let first = mutator(
        "Assign",
        "z",
        "spec.a",
        json!({"assign": {"value": {"b": 1}}, "pathTests": [{"subPath": "spec.a", "condition": "MustNotExist"}]}),
    );
    let second = mutator(
        "Assign",
        "a",
        "spec.a.c",
        json!({"assign": {"value": 2}, "pathTests": [{"subPath": "spec.a", "condition": "MustExist"}]}),
    );
    let mutated = settle(vec![first, second], &pod(json!({}))).unwrap().unwrap();
    assert_eq!(mutated.object["spec"], json!({"a": {"b": 1, "c": 2}}));
    assert_eq!(mutated.by, ["Assign/z", "Assign/a"]);
}

#[test]
fn the_last_of_two_with_different_values_wins() {
    let set = |name: &str, value: &str| {
        mutator("Assign", name, "spec.hostname", json!({"assign": {"value": value}}))
    };
    let list = || vec![set("b", "late"), set("a", "early")];
    let mutated = settle(list(), &pod(json!({}))).unwrap().unwrap();
    assert_eq!(mutated.object["spec"], json!({"hostname": "late"}));
    assert_eq!(settle(list(), &mutated.object).unwrap(), None);
}

#[test]
fn mutators_that_never_rest_are_an_error() {
    let turn = |name: &str, from: &str, to: &str| {
        let mut mutator = mutator("Assign", name, "kind", json!({"assign": {"value": to}}));
        mutator.applies_to[0].kinds = vec![from.to_owned()];
        mutator
    };
    // A round makes a Pod of a Job, and the next a Job of the Pod.
    let round = vec![turn("a", "Pod", "Node"), turn("b", "Job", "Pod"), turn("c", "Node", "Job")];
    let mutators = Mutators::new(round).0;
    let error = mutators.settle(&pod(json!({})), None, None, Source::Original).unwrap_err();
    let part = "never come to rest: `Assign/a`, `Assign/c`, `Assign/b`";
    assert!(error.contains(part), "{error}");
}

#[test]
fn two_that_take_one_place_for_different_things_are_both_left_out() {
    let (rest, idle) = Mutators::new(vec![
        mutator("Assign", "list", "spec.a[name: x].b", json!({"assign": {"value": 1}})),
        mutator("Assign", "object", "spec.a.b", json!({"assign": {"value": 1}})),
        mutator("Assign", "other", "spec.c", json!({"assign": {"value": 1}})),
    ]);
    assert_eq!(idle, ["Assign/list", "Assign/object"]);
    assert_eq!(rest.list.iter().map(Mutator::title).collect::<Vec<_>>(), ["Assign/other"]);
}

#[test]
fn what_could_never_work_is_refused() {
    let refused = |kind: &str, location: &str, parameters: Value| {
        let mut spec = json!({ "location": location, "parameters": parameters });
        if kind != "AssignMetadata" {
            spec["applyTo"] = json!([{"groups": [""], "versions": ["v1"], "kinds": ["Pod"]}]);
        }
        let version = if kind == "AssignImage" { "v1alpha1" } else { "v1" };
        let document = json!({"apiVersion": format!("{MUTATION_GROUP}/{version}"), "kind": kind, "metadata": {"name": "a"}, "spec": spec});
        Mutator::read(&document).unwrap_err().message
    };
    let value = json!({"assign": {"value": "x"}});
    for (kind, location, parameters, part) in [
        ("Assgn", "spec.a", value.clone(), "did you mean `Assign`?"),
        ("Assign", "metadata.labels.a", value.clone(), "cannot change metadata"),
        ("Assign", "spec.a[b: *]", value.clone(), "ends with a star"),
        ("Assign", "spec.a[b: c]", value.clone(), "object with the key"),
        ("Assign", "spec.a", json!({"assign": {}}), "exactly one of"),
        (
            "Assign",
            "spec.a",
            json!({"assign": {"externalData": {}}}),
            "not supported: external data",
        ),
        ("AssignMetadata", "metadata.name", value.clone(), "one label or annotation"),
        (
            "ModifySet",
            "spec.a[b: c]",
            json!({"values": {"fromList": []}}),
            "not one of its elements",
        ),
        ("ModifySet", "spec.a", json!({}), "`values.fromList` is missing"),
        ("AssignImage", "spec.a", json!({}), "must be given"),
        ("AssignImage", "spec.a", json!({"assignTag": "1"}), "neither a tag"),
        ("AssignImage", "metadata.labels.a", json!({"assignTag": ":1"}), "cannot change metadata"),
        (
            "ModifySet",
            "metadata.finalizers",
            json!({"values": {"fromList": []}}),
            "cannot change metadata",
        ),
        ("AssignImage", "spec.a", json!({"assignPath": "r.example/a"}), "looks like a domain"),
        (
            "Assign",
            "spec.a.b",
            json!({"assign": {"value": 1}, "pathTests": [{"subPath": "spec.c", "condition": "MustExist"}]}),
            "no beginning of the location",
        ),
        (
            "Assign",
            "spec.a.b",
            json!({"assign": {"value": 1}, "pathTests": [{"subPath": "spec.a", "condition": "MustNotExist"}, {"subPath": "spec.a.b", "condition": "MustExist"}]}),
            "contradicts",
        ),
    ] {
        let message = refused(kind, location, parameters);
        assert!(message.contains(part), "{kind} {location}: {message}");
    }
}
