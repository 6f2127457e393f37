use serde_json::{Value, json};

use super::super::subject::{Namespace, Source, Subject};
use super::*;

fn object(value: Value) -> Metadata {
    Metadata::read(&value.to_string()).unwrap()
}

fn pod(name: &str, namespace: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": "web"}}})
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"env": "prod"}}})
}

fn matched(clause: Value, object_value: Value) -> Result<bool, String> {
    let matches: Match = serde_json::from_value(clause).unwrap();
    let object = object(object_value);
    matches.matches(&Subject {
        object: Some(&object),
        source: Some(Source::Original),
        ..Subject::default()
    })
}

#[track_caller]
fn holds(clause: Value, object: Value, expected: bool) {
    assert_eq!(matched(clause, object), Ok(expected));
}

#[test]
fn kinds_are_alternatives_of_groups_and_kinds_without_versions() {
    let deployment =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}});
    holds(json!({}), pod("a", "x"), true);
    holds(json!({"kinds": []}), pod("a", "x"), true);
    holds(json!({"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}), pod("a", "x"), true);
    holds(json!({"kinds": [{"apiGroups": ["apps"], "kinds": ["Pod"]}]}), pod("a", "x"), false);
    holds(json!({"kinds": [{"apiGroups": ["*"], "kinds": ["*"]}]}), deployment.clone(), true);
    holds(json!({"kinds": [{"kinds": ["Deployment"]}]}), deployment.clone(), true);
    holds(json!({"kinds": [{"apiGroups": ["apps"]}]}), deployment.clone(), true);
    let two = json!({"kinds": [{"apiGroups": [""], "kinds": ["Service"]}, {"apiGroups": ["apps"], "kinds": ["Deployment"]}]});
    holds(two, deployment, true);
}

#[test]
fn a_namespace_counts_as_cluster_scoped_and_other_words_restrict_nothing() {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    for (scope, of_pod, of_namespace, of_node) in [
        ("Cluster", false, true, true),
        ("Namespaced", true, false, false),
        ("*", true, true, true),
        ("cluster", true, true, true),
    ] {
        let clause = json!({ "scope": scope });
        holds(clause.clone(), pod("a", "x"), of_pod);
        holds(clause.clone(), namespace("x"), of_namespace);
        holds(clause, node.clone(), of_node);
    }
}

#[test]
fn namespaces_are_compared_by_name_and_never_shut_out_the_cluster() {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    for key in ["namespaces", "excludedNamespaces"] {
        let is_wanted = key == "namespaces";
        holds(json!({ key: ["kube-*"] }), pod("a", "kube-system"), is_wanted);
        holds(json!({ key: ["kube-*"] }), pod("a", "default"), !is_wanted);
        holds(json!({ key: ["kube-*"] }), namespace("kube-system"), is_wanted);
        holds(json!({ key: ["kube-*"] }), node.clone(), true);
        holds(json!({ key: [] }), pod("a", "default"), true);
    }
}

#[test]
fn the_name_of_the_namespace_that_is_known_goes_before_the_objects_own() {
    let matches: Match = serde_json::from_value(json!({"namespaces": ["real"]})).unwrap();
    let object = object(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}));
    let labels = BTreeMap::new();
    let namespace = Some(Namespace { name: "real", labels: &labels });
    let subject = Subject { object: Some(&object), namespace, ..Subject::default() };
    assert_eq!(matches.matches(&subject), Ok(true));
}

#[test]
fn stars_stand_for_text_at_the_ends_only() {
    for (pattern, candidate, expected) in [
        ("*", "anything", true),
        ("*", "", true),
        ("**", "x", true),
        ("a*", "ab", true),
        ("a*", "ba", false),
        ("*a", "ba", true),
        ("*a*", "bab", true),
        ("*a*", "b", false),
        ("a*c", "abc", false),
        ("a*c", "a*c", true),
        ("ab", "abc", false),
    ] {
        assert_eq!(
            Wildcard(pattern.to_owned()).matches(candidate),
            expected,
            "{pattern} {candidate}"
        );
    }
}

#[test]
fn a_name_that_is_yet_to_be_made_matches_by_its_beginning_only() {
    let generated =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"}});
    for (pattern, expected) in
        [("web-*", true), ("*eb*", true), ("web-", false), ("*-", false), ("*", true), ("", true)]
    {
        holds(json!({ "name": pattern }), generated.clone(), expected);
    }
    holds(json!({"name": "a"}), pod("a", "x"), true);
}

#[test]
fn labels_are_the_objects_own() {
    holds(json!({"labelSelector": {"matchLabels": {"app": "web"}}}), pod("a", "x"), true);
    holds(json!({"labelSelector": {"matchLabels": {"app": "db"}}}), pod("a", "x"), false);
    holds(json!({"labelSelector": {}}), pod("a", "x"), true);
    let odd =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"app": "web", "n": 1}}});
    holds(json!({"labelSelector": {"matchLabels": {"app": "web"}}}), odd, false);
}

#[test]
fn a_namespace_selector_needs_the_namespace_of_what_lies_in_one() {
    let selector = json!({"namespaceSelector": {"matchLabels": {"env": "prod"}}});
    holds(
        selector.clone(),
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}),
        true,
    );
    holds(selector.clone(), namespace("x"), true);
    let error = matched(selector.clone(), pod("a", "x")).unwrap_err();
    assert_eq!(
        error,
        "unable to match constraints: error matching the requested object: a :failed to run Match criteria: \
         namespace selector for namespace-scoped object but missing Namespace"
    );
    // A clause before it that does not hold ends the match before the error.
    let not_here =
        json!({"namespaces": ["y"], "namespaceSelector": {"matchLabels": {"env": "prod"}}});
    holds(not_here, pod("a", "x"), false);
    let matches: Match = serde_json::from_value(selector).unwrap();
    let object = object(pod("a", "x"));
    for (value, expected) in [("prod", true), ("dev", false)] {
        let labels = [("env".to_owned(), value.to_owned())].into();
        let namespace = Some(Namespace { name: "x", labels: &labels });
        let subject = Subject { object: Some(&object), namespace, ..Subject::default() };
        assert_eq!(matches.matches(&subject), Ok(expected));
    }
}

#[test]
fn a_source_that_nobody_knows_is_an_error() {
    let object = object(pod("a", "x"));
    let of = |clause: &str, source| {
        let matches: Match = serde_json::from_value(json!({ "source": clause })).unwrap();
        matches.matches(&Subject { object: Some(&object), source, ..Subject::default() })
    };
    assert_eq!(of("", None), Ok(true));
    assert_eq!(of("All", None), Ok(true));
    assert_eq!(of("Original", Some(Source::Original)), Ok(true));
    assert_eq!(of("Generated", Some(Source::Original)), Ok(false));
    assert!(
        of("Generated", None).unwrap_err().ends_with("source field not specified for resource a")
    );
    assert!(
        of("generated", Some(Source::Original))
            .unwrap_err()
            .ends_with("invalid source field \"generated\"")
    );
}

#[test]
fn either_of_the_two_objects_may_match_and_none_at_all_is_an_error() {
    let matches: Match =
        serde_json::from_value(json!({"labelSelector": {"matchLabels": {"app": "web"}}})).unwrap();
    let bare = object(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}));
    let labelled = object(pod("a", "x"));
    let subject = |old| Subject { object: Some(&bare), old_object: old, ..Subject::default() };
    assert_eq!(matches.matches(&subject(None)), Ok(false));
    assert_eq!(matches.matches(&subject(Some(&labelled))), Ok(true));
    let error = matches.matches(&Subject::default()).unwrap_err();
    assert!(error.ends_with("neither object nor old object are defined"), "{error}");
}
