//! What Gatekeeper's constraints add to the webhooks: they are about objects of every kind.
//!
//! Pods are sent already where they can reach a virtual node. Where a constraint is about pods, the second entry for pods, which
//! is for those that say nothing of virtual nodes in namespaces that ask for one, is opened to all namespaces: then every pod is
//! sent, and still none of them twice. All other kinds get an entry of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cli::check::scope;
use crate::governance::gatekeeper::matching::NamedKind;
use crate::governance::gatekeeper::{Constraints, Synced};

/// The name of the entry for kinds that constraints are about.
const NAME: &str = "constraints.loadline.dev";

/// The entries for pods: those that can reach a virtual node, and those that say nothing of it.
const PODS: [&str; 2] = ["pods.loadline.dev", "asked.pods.loadline.dev"];

/// Adds what the constraints need to a configuration of validating webhooks; leaves any other alone.
pub(super) fn add(configuration: &mut Value, constraints: &Constraints) {
    if constraints.is_empty() || configuration["kind"] != "ValidatingWebhookConfiguration" {
        return;
    }
    let named = constraints.named_kinds();
    let Some(webhooks) = configuration.get_mut("webhooks").and_then(Value::as_array_mut) else {
        return;
    };
    let named_so = |name: &'static str| move |webhook: &&Value| webhook["name"] == name;
    let Some(model) = webhooks.iter().find(named_so(PODS[0])).cloned() else {
        return;
    };
    let is_about_pods = named.keys().any(|one| {
        matches!(one.group.as_str(), "" | "*") && matches!(one.kind.as_str(), "Pod" | "*")
    });
    if is_about_pods
        && let Some(others) = webhooks.iter_mut().find(|webhook| webhook["name"] == PODS[1])
    {
        others["namespaceSelector"] = model["namespaceSelector"].clone();
    }
    let rules = rules(named);
    if rules.is_empty() {
        return;
    }
    let mut webhook = model;
    webhook["name"] = json!(NAME);
    webhook["rules"] = json!(rules);
    // At a deletion there is no object.
    let staying =
        "object == null || !has(object.metadata) || !has(object.metadata.deletionTimestamp)";
    webhook["matchConditions"] = json!([{ "name": "is-not-being-deleted", "expression": staying }]);
    webhooks.push(webhook);
}

/// Lets the server read the objects that policies look at.
pub(super) fn let_read(documents: &mut [Value], synced: &[Synced]) {
    let role = documents.iter_mut().find(|document| document["kind"] == "ClusterRole");
    let Some(rules) = role.and_then(|role| role.get_mut("rules")).and_then(Value::as_array_mut)
    else {
        return;
    };
    let mut resources: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for Synced { group, kind, .. } in synced {
        resources.entry(group).or_default().insert(scope::resource(kind));
    }
    rules.extend(resources.into_iter().map(|(group, resources)| {
        json!({ "apiGroups": [group], "resources": resources, "verbs": ["get", "list", "watch"] })
    }));
}

/// One rule for each group of API and set of operations.
fn rules(named: BTreeMap<NamedKind, Vec<String>>) -> Vec<Value> {
    let mut merged: BTreeMap<(String, Vec<String>), Vec<String>> = BTreeMap::new();
    for (NamedKind { group, kind }, mut operations) in named {
        if group.is_empty() && kind == "Pod" {
            // Their creation is sent by the entries for pods.
            operations.retain(|operation| operation != "CREATE");
        }
        if !operations.is_empty() {
            merged.entry((group, operations)).or_default().push(scope::resource(&kind));
        }
    }
    merged
        .into_iter()
        .map(|((group, operations), resources)| {
            json!({
                "apiGroups": [group],
                "apiVersions": ["*"],
                "resources": resources,
                "operations": operations,
                "scope": "*",
            })
        })
        .collect()
}
