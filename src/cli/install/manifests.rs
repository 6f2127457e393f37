//! The manifests of `deploy/`, filled in: the one source of what `install` prints.
//!
//! The files are read as documents and edited as such. Text is exchanged only inside of strings that stand for something
//! else (`${namespace}`), so that no value can break the form.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::conditions::{self, Signs};
use super::constraints;
use crate::admission::Pipeline;
use crate::bundle::{Sources, Text};
use crate::document::Document;
use crate::pod::Requirement;

static ACCESS: &str = include_str!("../../../deploy/manifests/access.yaml");
static CERTIFICATES: &str = include_str!("../../../deploy/manifests/certificates.yaml");
static SERVER: &str = include_str!("../../../deploy/manifests/server.yaml");
static WEBHOOKS: &str = include_str!("../../../deploy/manifests/webhooks.yaml");

/// How many bytes of profiles, policies and configuration a config map can hold, with room for the rest of the object.
const BUNDLE_LIMIT: usize = 1_000_000;

/// Where the config map with the bundle is mounted.
const BUNDLE_FOLDER: &str = "/etc/loadline/bundle";

/// What is to be installed.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Where Loadline and its service account live.
    pub(super) namespace: String,
    /// Namespaces that are never looked at.
    pub(super) excluded: Vec<String>,
    /// `Ignore` or `Fail`.
    pub(super) failure_policy: &'static str,
    /// Seconds.
    pub(super) timeout: u8,
    /// Whether every pod is sent, whatever it says.
    pub(super) match_all: bool,
    /// Certificates that the API server trusts; none when cert-manager sees to that.
    pub(super) authority: Option<String>,
    /// How the API server reaches Loadline.
    pub(super) address: Address,
}

/// How the API server reaches Loadline.
#[derive(Clone, Debug)]
pub(super) enum Address {
    /// By a Service: Loadline runs in the cluster.
    Service { image: String, replicas: u16 },
    /// By a URL: Loadline runs elsewhere.
    Url { url: String, with_access: bool },
}

/// Makes the documents, in the order in which they should be applied.
pub(super) fn render(
    settings: &Settings,
    pipeline: &Pipeline,
    sources: &Sources,
) -> anyhow::Result<Vec<Value>> {
    let markers = markers(settings, pipeline);
    let read = |text: &str| documents(text, &markers);
    let access = || {
        let mut documents = read(ACCESS)?;
        constraints::let_read(&mut documents, &pipeline.synced());
        anyhow::Ok(documents)
    };
    let mut all = Vec::new();
    match &settings.address {
        Address::Service { .. } => {
            all.extend(access()?);
            if settings.authority.is_none() {
                all.extend(read(CERTIFICATES)?);
            }
            let mut server = read(SERVER)?;
            keep_affinity_true(&mut server);
            all.extend(bundle(&settings.namespace, sources, &mut server)?);
            all.extend(server);
        }
        Address::Url { with_access: true, .. } => all.extend(access()?),
        Address::Url { .. } => {}
    }
    for mut configuration in read(WEBHOOKS)? {
        constraints::add(&mut configuration, pipeline);
        address(&mut configuration, settings)?;
        all.push(configuration);
    }
    Ok(all)
}

fn markers(settings: &Settings, pipeline: &Pipeline) -> BTreeMap<&'static str, Value> {
    let signs = Signs::of(pipeline);
    let (pod, workload) = (signs.pod(), signs.workload());
    let mut excluded = vec!["kube-system".to_owned(), settings.namespace.clone()];
    excluded.extend(settings.excluded.iter().cloned());
    excluded.sort();
    excluded.dedup();
    let mut markers = BTreeMap::from([
        ("namespace", json!(settings.namespace)),
        ("excluded-namespaces", json!(excluded)),
        ("failure-policy", json!(settings.failure_policy)),
        ("timeout", json!(settings.timeout)),
        ("pod-reaches-not", json!(conditions::not(&pod))),
        ("pod-reaches", json!(pod)),
        ("workload-reaches-not", json!(conditions::not(&workload))),
        ("workload-reaches", json!(workload)),
        ("bundle", json!(pipeline.digest)),
        ("off-virtual-nodes", off_virtual_nodes(pipeline)),
    ]);
    if let Address::Service { image, replicas } = &settings.address {
        markers.extend([("image", json!(image)), ("replicas", json!(replicas))]);
    }
    markers
}

/// Node affinity expressions that keep Loadline itself off every virtual node: the API server may not reach it there.
fn off_virtual_nodes(pipeline: &Pipeline) -> Value {
    let mut merged: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for requirement in pipeline.profiles.iter().flat_map(|profile| &profile.keep_off) {
        let values = merged.entry((&requirement.key, &requirement.operator)).or_default();
        values.extend(requirement.values.iter().map(String::as_str));
        values.sort_unstable();
        values.dedup();
    }
    let requirements = merged.into_iter().map(|((key, operator), values)| Requirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: values.into_iter().map(ToOwned::to_owned).collect(),
    });
    requirements.map(|requirement| json!(requirement)).collect()
}

/// A term without expressions is true for no node, where it should be true for all.
fn keep_affinity_true(server: &mut [Value]) {
    const TERM: &str = "/spec/template/spec/affinity/nodeAffinity/\
        requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions/0";
    for document in server {
        if document.pointer(TERM).is_none()
            && let Some(affinity) = document.pointer_mut("/spec/template/spec/affinity")
            && let Some(members) = affinity.as_object_mut()
        {
            members.remove("nodeAffinity");
        }
    }
}

fn documents(text: &str, markers: &BTreeMap<&str, Value>) -> anyhow::Result<Vec<Value>> {
    let documents = Document::parse_all(text).context("read the manifests of `deploy/`")?;
    let mut values: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
    values.iter_mut().try_for_each(|value| fill(value, markers))?;
    Ok(values)
}

/// Exchanges every `${name}`: a string that is nothing else becomes the value, in other strings it becomes its text.
fn fill(value: &mut Value, markers: &BTreeMap<&str, Value>) -> anyhow::Result<()> {
    match value {
        Value::Object(members) => members.values_mut().try_for_each(|member| fill(member, markers)),
        Value::Array(elements) => {
            elements.iter_mut().try_for_each(|element| fill(element, markers))
        }
        Value::String(text) => {
            while let Some((before, rest)) = text.split_once("${") {
                let Some((name, after)) = rest.split_once('}') else {
                    bail!("`{text}` has no end")
                };
                let Some(wanted) = markers.get(name) else {
                    bail!("nothing is known for `${{{name}}}`")
                };
                if before.is_empty() && after.is_empty() {
                    *value = wanted.clone();
                    return Ok(());
                }
                *text = format!("{before}{}{after}", wanted.as_str().unwrap_or_default());
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Says in a webhook configuration how Loadline is reached and trusted, and leaves out what `--match-all` does not need.
fn address(configuration: &mut Value, settings: &Settings) -> anyhow::Result<()> {
    if settings.authority.is_none() {
        let source = format!("{}/loadline", settings.namespace);
        let annotations = json!({ "cert-manager.io/inject-ca-from": source });
        insert(configuration, "/metadata", "annotations", annotations);
    }
    let Some(webhooks) = configuration.get_mut("webhooks").and_then(Value::as_array_mut) else {
        bail!("a webhook configuration of `deploy/` has no webhooks");
    };
    if settings.match_all {
        webhooks.retain(|webhook| {
            !webhook["name"].as_str().is_some_and(|name| name.starts_with("asked."))
        });
    }
    for webhook in webhooks {
        if let Address::Url { url, .. } = &settings.address {
            let path = webhook.pointer("/clientConfig/service/path");
            let path = path.and_then(Value::as_str).unwrap_or_default();
            let client = json!({ "url": format!("{url}{path}") });
            insert(webhook, "", "clientConfig", client);
        }
        if let Some(authority) = &settings.authority {
            let bundle = base64::engine::general_purpose::STANDARD.encode(authority);
            insert(webhook, "/clientConfig", "caBundle", json!(bundle));
        }
        if settings.match_all
            && let Some(conditions) =
                webhook.get_mut("matchConditions").and_then(Value::as_array_mut)
        {
            conditions.retain(|condition| condition["name"] != "reaches-a-virtual-node");
        }
    }
    Ok(())
}

/// A config map with the user's own files, mounted into the server, which is told to read them.
fn bundle(
    namespace: &str,
    sources: &Sources,
    server: &mut [Value],
) -> anyhow::Result<Option<Value>> {
    let groups = [
        ("profiles", sources.profiles.as_slice()),
        ("policy", sources.policies.as_slice()),
        ("exemptions", sources.exemptions.as_slice()),
        ("config", sources.config.as_slice()),
    ];
    let mut data = Map::new();
    let mut items = Vec::new();
    let mut arguments = Vec::new();
    for (group, texts) in groups {
        let mut path = group.to_owned();
        for (number, text) in texts.iter().enumerate() {
            // The number keeps the order, and files of the same name apart.
            let name = format!("{number:03}-{}", file_name(text));
            let key = format!("{group}-{name}");
            path = format!("{group}/{name}");
            items.push(json!({ "key": key, "path": path }));
            data.insert(key, json!(text.text));
        }
        if !texts.is_empty() {
            let place = if group == "config" { path.as_str() } else { group };
            arguments.push(json!(format!("--{group}={BUNDLE_FOLDER}/{place}")));
        }
    }
    if data.is_empty() {
        return Ok(None);
    }
    let size: usize = data.values().filter_map(Value::as_str).map(str::len).sum();
    if size > BUNDLE_LIMIT {
        bail!(
            "profiles, policies and configuration have {size} bytes, and a ConfigMap holds {BUNDLE_LIMIT}; build them into the image"
        );
    }
    let deployment = server.iter_mut().find(|document| document["kind"] == "Deployment");
    let Some(pod) = deployment.and_then(|deployment| deployment.pointer_mut("/spec/template/spec"))
    else {
        bail!("there is no Deployment in `deploy/`");
    };
    push(
        pod,
        "/volumes",
        [json!({ "name": "bundle", "configMap": { "name": "loadline-bundle", "items": items } })],
    );
    push(
        pod,
        "/containers/0/volumeMounts",
        [json!({ "name": "bundle", "mountPath": BUNDLE_FOLDER, "readOnly": true })],
    );
    push(pod, "/containers/0/args", arguments);
    Ok(Some(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "loadline-bundle",
            "namespace": namespace,
            "labels": { "app.kubernetes.io/name": "loadline" },
        },
        "data": data,
    })))
}

fn insert(object: &mut Value, place: &str, key: &str, value: Value) {
    if let Some(Value::Object(members)) = object.pointer_mut(place) {
        members.insert(key.to_owned(), value);
    }
}

fn push(object: &mut Value, list: &str, values: impl IntoIterator<Item = Value>) {
    if let Some(Value::Array(elements)) = object.pointer_mut(list) {
        elements.extend(values);
    }
}

/// The last part of a text's origin, in characters that keys of a config map may have.
fn file_name(text: &Text) -> String {
    let name = text.origin.rsplit(['/', '\\']).next().unwrap_or_default();
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_filled_in_as_values_and_as_text() {
        let markers =
            BTreeMap::from([("a", json!("x")), ("n", json!(2)), ("l", json!(["p", "q"]))]);
        let mut value = json!({"one": "${a}", "in": "pre-${a}.${a}-post", "number": "${n}", "list": ["${l}"], "plain": "$"});
        fill(&mut value, &markers).unwrap();
        assert_eq!(
            value,
            json!({"one": "x", "in": "pre-x.x-post", "number": 2, "list": [["p", "q"]], "plain": "$"})
        );
        assert!(fill(&mut json!(["${b}"]), &markers).is_err());
        assert!(fill(&mut json!("${a"), &markers).is_err());
    }
}
