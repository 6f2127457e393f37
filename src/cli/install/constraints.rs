//! What constraints and policies add to the webhooks: they may be about objects of every kind.
//!
//! Pods are sent already where they can reach a virtual node. Where a constraint is about pods, or a policy about those that stay
//! on regular nodes, the second entry for pods, which
//! is for those that say nothing of virtual nodes in namespaces that ask for one, is opened to all namespaces: then every pod is
//! sent, and still none of them twice. All other kinds get an entry of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::admission::Pipeline;
use crate::cli::check::scope;
use crate::governance::Policy;
use crate::governance::gatekeeper::Synced;
use crate::governance::gatekeeper::matching::NamedKind;
use crate::governance::metadata::{Match, PlacementMatch};

/// The name of the entry for kinds that constraints are about.
const NAME: &str = "constraints.loadline.dev";

/// The name of the entry for kinds that mutators change.
const MUTATORS: &str = "mutators.loadline.dev";

/// The entries for pods: those that can reach a virtual node, and those that say nothing of it.
const PODS: [&str; 2] = ["pods.loadline.dev", "asked.pods.loadline.dev"];

/// Adds what the mutators need to a configuration of mutating webhooks, and what the constraints and policies need to one of
/// validating webhooks.
pub(super) fn add(configuration: &mut Value, pipeline: &Pipeline) {
    if configuration["kind"] == "MutatingWebhookConfiguration" {
        if pipeline.mutators.are_for_pods() {
            open_to_all(configuration);
        }
        add_entry(configuration, MUTATORS, rules(pipeline.mutators.kinds()));
    }
    if configuration["kind"] != "ValidatingWebhookConfiguration" {
        return;
    }
    let mut named = pipeline.constraints.named_kinds();
    for (group, kind, operations) in pipeline.policies.iter().flat_map(kinds_of) {
        let wanted = named.entry(NamedKind { group, kind }).or_default();
        wanted.extend(operations);
        wanted.sort();
        wanted.dedup();
    }
    let is_about_all = |policy: &Policy| {
        let matches = &policy.metadata.matches;
        let is_wide = matches!(matches.placement, PlacementMatch::Any | PlacementMatch::Regular);
        let names_pods = matches.kinds.is_empty()
            || matches.kinds.iter().any(|kind| kind == "Pod" || kind == "*");
        is_wide && names_pods
    };
    let is_about_pods = pipeline.policies.iter().any(is_about_all)
        || named.keys().any(|one| {
            matches!(one.group.as_str(), "" | "*") && matches!(one.kind.as_str(), "Pod" | "*")
        });
    if is_about_pods {
        open_to_all(configuration);
    }
    add_entry(configuration, NAME, rules(named));
}

/// Adds an entry with these rules, if there are any, made after the first entry for pods.
fn add_entry(configuration: &mut Value, name: &str, rules: Vec<Value>) {
    let Some(webhooks) = configuration.get_mut("webhooks").and_then(Value::as_array_mut) else {
        return;
    };
    let model = webhooks.iter().find(|webhook| webhook["name"] == PODS[0]).cloned();
    let Some(mut webhook) = model.filter(|_| !rules.is_empty()) else {
        return;
    };
    // At a deletion there is no object.
    let staying =
        "object == null || !has(object.metadata) || !has(object.metadata.deletionTimestamp)";
    // Where a star stands for pods, too: the entries for pods are open to all then.
    let other = "request.operation != \"CREATE\" || request.resource.group != \"\" || request.resource.resource != \"pods\"";
    let conditions = json!([
        { "name": "is-not-being-deleted", "expression": staying },
        { "name": "is-no-new-pod", "expression": other },
    ]);
    if let Some(members) = webhook.as_object_mut() {
        for (key, value) in
            [("name", json!(name)), ("rules", json!(rules)), ("matchConditions", conditions)]
        {
            members.insert(key.to_owned(), value);
        }
    }
    webhooks.push(webhook);
}

/// Opens the second entry for pods to all namespaces.
fn open_to_all(configuration: &mut Value) {
    let Some(webhooks) = configuration.get_mut("webhooks").and_then(Value::as_array_mut) else {
        return;
    };
    let first = webhooks.iter().find(|webhook| webhook["name"] == PODS[0]);
    let selector = first.map(|webhook| webhook["namespaceSelector"].clone());
    let second = webhooks.iter_mut().find(|webhook| webhook["name"] == PODS[1]);
    if let (Some(selector), Some(second)) = (selector, second)
        && let Some(members) = second.as_object_mut()
    {
        members.insert("namespaceSelector".to_owned(), selector);
    }
}

/// The kinds that a policy names besides pods, with the operations it wants to hear of.
fn kinds_of(policy: &Policy) -> impl Iterator<Item = (String, String, Vec<String>)> {
    let Match { kinds, operations, .. } = &policy.metadata.matches;
    let all = ["CREATE", "UPDATE"];
    let is_any = operations.is_empty() || operations.iter().any(|operation| operation == "*");
    let wanted: Vec<String> = all
        .into_iter()
        .filter(|one| is_any || operations.iter().any(|operation| operation == one))
        .map(str::to_owned)
        .collect();
    kinds.iter().filter(|kind| !matches!(kind.as_str(), "Pod" | "*")).map(move |kind| {
        let (group, kind) = kind.split_once('/').unwrap_or(("*", kind));
        (group.to_owned(), kind.to_owned(), wanted.clone())
    })
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
