//! What is told of an object that is changed, and of one on its way out.

use super::*;

#[test]
fn an_update_that_makes_nothing_worse_passes() {
    let pipeline = pipeline();
    let old = asking(claim());
    let mut worse = old.clone();
    worse["spec"]["securityContext"] = json!({"runAsNonRoot": true});
    for (object, allowed) in [(&old, true), (&worse, false)] {
        let mut review = review_of(object);
        review["request"]["operation"] = json!("UPDATE");
        review["request"]["oldObject"] = old.clone();
        let verdict = pipeline.decide(&Facts::default(), &request(&pipeline, &review));
        assert_eq!(verdict.allowed, allowed, "{:?}", verdict.diagnostics);
        assert!(verdict.patch.is_empty());
    }
}

fn updated(old: &Value, new: &Value) -> Vec<(String, Vec<String>)> {
    updated_with(TEST_PROFILE, old, new)
}

/// The findings on an update, as code and places.
fn updated_with(profile: &str, old: &Value, new: &Value) -> Vec<(String, Vec<String>)> {
    let profiles = vec![Text { origin: "dinghy.yaml".into(), text: profile.to_owned() }];
    let pipeline = Pipeline::compile(&Sources { profiles, ..Sources::default() }).unwrap();
    let mut review = review_of(new);
    review["request"]["operation"] = json!("UPDATE");
    review["request"]["oldObject"] = old.clone();
    let verdict = pipeline.decide(&Facts::default(), &request(&pipeline, &review));
    let places = |one: &Diagnostic| one.places.iter().map(ToString::to_string).collect();
    verdict.diagnostics.iter().map(|one| (one.code.to_string(), places(one))).collect()
}

#[test]
fn what_an_update_adds_is_told_though_the_object_had_the_like_elsewhere() {
    let root = |name: &str, is_strict: bool| json!({"name": name, "image": "i:1", "securityContext": {"runAsNonRoot": is_strict.then_some(true)}});
    let config = TEST_PROFILE.replace(
        "[security.run-as-non-root]",
        "[security.run-as-non-root, security.container.run-as-non-root]",
    );
    assert_ne!(config, TEST_PROFILE);
    let code = "security.container.run-as-non-root";
    let with = |containers: &[Value]| asking(json!({"ephemeralContainers": containers}));
    let (a, b) = (root("a", true), root("b", true));
    let place = |index: usize| {
        vec![format!("spec.ephemeralContainers[{index}].securityContext.runAsNonRoot")]
    };
    let old = with(std::slice::from_ref(&a));
    for (new, expected) in [
        // The same, then moved, then changed elsewhere.
        (old.clone(), None),
        (with(&[root("c", false), a.clone()]), None),
        // A second one, after the first and before it: the new one is named, and it alone.
        (with(&[a.clone(), b.clone()]), Some(place(1))),
        (with(&[b.clone(), a.clone()]), Some(place(0))),
        // Another one in its place.
        (with(&[b]), Some(place(0))),
        (with(&[root("a", false)]), None),
    ] {
        let told = updated_with(&config, &old, &new);
        let of_code = told.iter().find(|(told, _)| told == code).map(|(_, places)| places.clone());
        assert_eq!(of_code, expected, "{new}");
    }
}

#[test]
fn elements_without_a_name_are_counted_and_unknown_fields_told_by_their_place() {
    let with = |ports: &[Value], extra: Value| {
        let mut container = json!({"name": "c", "image": "i:1", "ports": ports});
        container.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        asking(json!({"containers": [container]}))
    };
    let [one, two] = [1, 2].map(|port| json!({"containerPort": port, "brandNew": port}));
    let old = with(std::slice::from_ref(&one), json!({}));
    let codes = |new: &Value| updated(&old, new).len();
    assert_eq!(codes(&old), 0);
    assert_eq!(codes(&with(&[json!({"containerPort": 3}), one.clone()], json!({}))), 0);
    assert_eq!(
        codes(&with(std::slice::from_ref(&one), json!({"brandNew": 1}))),
        1,
        "the same key elsewhere"
    );
    let told = updated(&old, &with(&[one, two], json!({})));
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn all_that_a_policy_said_before_is_no_news() {
    const POLICY: &str = "# METADATA\n# title: t\n# description: d\n# custom:\n#   severity: deny\npackage loadline.named\n\n\
        deny contains {\"msg\": sprintf(\"container %s\", [container.name]), \"field\": sprintf(\"spec.containers[%d]\", [i])} if {\n\
        \tsome i, container in input.pod.spec.containers\n}\n";
    let pipeline = pipeline_with(&[("named.rego", POLICY)], None).unwrap();
    let with = |names: &[&str]| {
        let containers: Vec<Value> =
            names.iter().map(|name| json!({"name": name, "image": "i:1"})).collect();
        asking(json!({"containers": containers}))
    };
    for (names, allowed) in
        [(&["a", "b"][..], true), (&["b", "a"], true), (&["a"], true), (&["a", "b", "c"], false)]
    {
        let mut review = review_of(&with(names));
        review["request"]["operation"] = json!("UPDATE");
        review["request"]["oldObject"] = with(&["a", "b"]);
        let verdict = pipeline.decide(&Facts::default(), &request(&pipeline, &review));
        assert_eq!(verdict.allowed, allowed, "{names:?}: {:?}", verdict.diagnostics);
        assert_eq!(verdict.diagnostics.len(), usize::from(!allowed));
    }
}

#[test]
fn objects_on_their_way_out_pass() {
    let pipeline = pipeline();
    let mut object = asking(claim());
    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert!(decide(&pipeline, &Facts::default(), &object).allowed);
    let mut review = review_of(&json!({}));
    review["request"]["operation"] = json!("DELETE");
    review["request"]["object"] = Value::Null;
    assert!(pipeline.decide(&Facts::default(), &request(&pipeline, &review)).allowed);
}
