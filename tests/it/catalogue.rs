//! The built-in data: complete for every Kubernetes version, sourced, and consistent with itself.

use std::collections::{BTreeMap, BTreeSet};

use loadline::path::{FieldPath, Segment};
use loadline::placement::filter;
use loadline::pod::FeatureId;
use loadline::profile::{Entry, Profile};
use serde_json::{Map, Value, json};

use super::fields::{Field, Kind, kept};
use super::truth::Data;

/// A field's path with one element in each list and one key in each map.
fn place(field: &str) -> FieldPath {
    field.split('.').fold(FieldPath::root(), |path, part| {
        let key = part.trim_end_matches("[]");
        let path = path.key(if key == "*" { "example.com/key" } else { key });
        (0..(part.len() - key.len()) / 2).fold(path, |path, _| path.index(0))
    })
}

#[test]
fn every_field_of_every_kubernetes_version_is_covered() {
    let data = Data::load();
    let fields = kept();
    let versions: BTreeSet<&String> = fields.iter().flat_map(|field| &field.versions).collect();
    assert!(fields.len() > 500 && versions.len() > 3, "the list was read");
    let uncovered: Vec<&str> = fields
        .iter()
        .filter(|field| !data.catalogue.covers(&place(&field.path)))
        .map(|field| field.path.as_str())
        .collect();
    assert!(uncovered.is_empty(), "{} of {}: {uncovered:#?}", uncovered.len(), fields.len());
}

#[test]
fn a_field_that_no_version_has_is_not_covered() {
    let data = Data::load();
    for path in [
        "spec.sails",
        "spec.containers[].sails",
        "spec.initContainers[].sails",
        "spec.ephemeralContainers[].sails",
        "spec.initContainers[].volumeMounts[].sails",
        "spec.containers[].livenessProbe.sails",
        "spec.containers[].securityContext.sails",
        "spec.securityContext.sails",
        "spec.volumes[].sails",
        "metadata.sails",
    ] {
        let mut pod = json!({});
        set(&mut pod, place(path).segments(), json!("set"));
        let view = data.catalogue.read(&pod).unwrap();
        assert_eq!(view.unknown_fields.len(), 1, "{path}");
        let unknown = data.catalogue.unknown_path(&FieldPath::root(), &view.unknown_fields[0]);
        assert_eq!(unknown, place(path), "{path}");
    }
}

/// Puts a value at a path, making what is missing on the way.
fn set(value: &mut Value, path: &[Segment], leaf: Value) {
    match path {
        [] => *value = leaf,
        [Segment::Key(key), rest @ ..] => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            let member = value.as_object_mut().unwrap().entry(&**key);
            set(member.or_insert(Value::Null), rest, leaf);
        }
        [Segment::Index(_), rest @ ..] => {
            if !value.is_array() {
                *value = json!([null]);
            }
            set(&mut value[0], rest, leaf);
        }
    }
}

/// A pod with every field set.
fn full_pod(fields: &[Field], boolean: bool, number: i64, text: &str) -> Value {
    let mut pod = json!({});
    for field in fields {
        let leaf = match field.kind {
            Kind::Boolean => json!(boolean),
            Kind::Number => json!(number),
            Kind::Text => json!(text),
            Kind::Whole => json!({"matchLabels": {"key": "value"}}),
        };
        set(&mut pod, place(&field.path).segments(), leaf);
    }
    pod
}

#[test]
fn every_field_yields_its_feature_or_is_neutral() {
    let data = Data::load();
    let catalogue = &data.catalogue;
    let fields = kept();
    // Most features ask whether a field differs from its default; a few ask for one value.
    let texts = ["other", "TCP", "windows", "HTTPS", "DaemonSet"];
    let pods: Vec<Value> = texts
        .into_iter()
        .flat_map(|text| [(true, 7, text), (false, 0, text)])
        .map(|(boolean, number, text)| full_pod(&fields, boolean, number, text))
        .collect();
    let mut yielded: BTreeMap<&str, bool> = BTreeMap::new();
    for pod in &pods {
        let view = catalogue.read(pod).unwrap();
        assert!(view.unknown_fields.is_empty(), "{:?}", view.unknown_fields);
        let found: BTreeSet<FeatureId> = view.uses.iter().map(|one| one.feature).collect();
        for field in &fields {
            let path = place(&field.path);
            let keeper = catalogue.keeper(pod, &path);
            let is_neutral = keeper.as_ref().is_none_or(|keeper| {
                let mut features = keeper.features.iter();
                keeper.features.is_empty()
                    || features.any(|feature| catalogue.feature(*feature).quiet)
            });
            let is_found = keeper
                .is_some_and(|keeper| keeper.holding.iter().any(|feature| found.contains(feature)));
            *yielded.entry(&field.path).or_default() |= is_neutral || is_found;
        }
    }
    let silent: Vec<&str> =
        yielded.iter().filter(|(_, yields)| !**yields).map(|(path, _)| *path).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn every_entry_has_its_reason_source_and_date() {
    let data = Data::load();
    let mut missing = Vec::new();
    for profile in &data.profiles {
        let mut check = |what: &str, entry: &Entry| {
            let day = entry.verified.as_ref().map(|verified| verified.date.as_str());
            if entry.reason.is_empty()
                || entry.source.is_empty()
                || day.is_none_or(|day| day.len() != 10)
            {
                missing.push(format!("{}: {what}", profile.name));
            }
        };
        for (id, feature) in data.catalogue.features() {
            if let Some(entry) = profile.listed(id) {
                check(&feature.name, entry);
            }
        }
        check("daemonSets", &profile.daemon_sets);
        check("networkPolicy", &profile.network_policy.entry);
        check("unlisted", &profile.unlisted);
        let access = &profile.access;
        for entry in [&access.exec, &access.attach, &access.logs, &access.port_forward] {
            check("access", entry.as_ref().unwrap());
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A pod with these tolerations and node affinity expressions.
fn placed(data: &Data, spec: Value) -> loadline::pod::PodView {
    data.catalogue.read(&json!({"spec": spec})).unwrap()
}

#[test]
fn what_a_profile_injects_reaches_its_node() {
    let data = Data::load();
    for profile in &data.profiles {
        let Some(node) = &profile.node else { continue };
        let pod = placed(
            &data,
            json!({"tolerations": profile.inject.tolerations, "nodeSelector": profile.inject.node_selector}),
        );
        assert!(filter::admits(&pod, node), "{}", profile.name);
    }
}

#[test]
fn what_keeps_a_pod_off_excludes_the_node() {
    let data = Data::load();
    for profile in &data.profiles {
        let Some(node) = &profile.node else { continue };
        let tolerant = json!({"tolerations": [{"operator": "Exists"}]});
        assert!(filter::admits(&placed(&data, tolerant.clone()), node), "{}", profile.name);
        let mut kept_off = tolerant;
        kept_off["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
            json!({"nodeSelectorTerms": [{"matchExpressions": profile.keep_off}]});
        assert!(!filter::admits(&placed(&data, kept_off), node), "{}", profile.name);
    }
}

#[test]
fn every_node_is_recognised_as_its_own_profile_and_no_other() {
    let data = Data::load();
    // Among equals the earlier profile wins, so with the order turned round an equal one would show.
    let mut reversed: Vec<Profile> = data.profiles.clone();
    reversed.reverse();
    for profile in &data.profiles {
        let Some(node) = &profile.node else { continue };
        for order in [&data.profiles, &reversed] {
            let known = Profile::recognise(order, node).map(|known| known.name.as_str());
            assert_eq!(known, Some(profile.name.as_str()));
        }
    }
}
