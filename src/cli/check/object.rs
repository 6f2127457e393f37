//! The objects in the documents: what is judged, what is known of the cluster, and what is neither.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::input::{self, Part};
use super::{envelope, scope, template, typed};
use crate::admission::review::{self, ReviewError};
use crate::admission::{Object, Pipeline, Request};
use crate::bundle::Problem;
use crate::catalogue::Catalogue;
use crate::cli::render::excerpt::{Origin, Text};
use crate::date::Date;
use crate::document::{Document, Mark};
use crate::facts::NamespaceFact;
use crate::node::NodeFact;
use crate::path::FieldPath;
use crate::pod::{OWN_PREFIX, Taint, workload};

/// What a text holds.
#[derive(Debug, Default)]
pub struct Found {
    /// The text.
    pub text: Text,
    /// Its documents: where their fields stand, without the values.
    pub documents: Vec<Document>,
    /// What is judged, in the order of the text.
    pub subjects: Vec<Subject>,
    /// Nodes of the cluster.
    pub nodes: Vec<NodeFact>,
    /// Namespaces of the cluster, by name.
    pub namespaces: BTreeMap<String, NamespaceFact>,
    /// How many objects of other kinds there are, by kind.
    pub skipped: BTreeMap<String, usize>,
    /// All objects, where policies may look at them.
    pub objects: Vec<Value>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// An object that is judged.
#[derive(Debug)]
pub struct Subject {
    /// Number of its document.
    document: usize,
    /// Its place in the document.
    base: FieldPath,
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// The namespace it is judged in.
    pub namespace: String,
    /// Name, or what its name begins with; may be empty.
    pub name: String,
    /// The request that the webhooks would get.
    pub request: Request,
    /// For a workload: the request for one of its pods.
    pub pods: Option<template::Pods>,
}

impl Subject {
    /// Where the object stands.
    pub fn origin<'a>(&'a self, found: &'a Found) -> Option<Origin<'a>> {
        let document = found.documents.get(self.document)?;
        Some(Origin { text: &found.text, document, base: &self.base })
    }

    /// Whether it is a pod, or makes some.
    pub const fn has_pods(&self) -> bool {
        matches!(self.request.object, Object::Pod(_) | Object::Workload { .. })
    }

    /// Where the object begins.
    pub fn mark(&self, found: &Found) -> Option<Mark> {
        self.origin(found)?.mark(&FieldPath::root())
    }

    /// The object of the request, as the patch expects it.
    pub fn raw(&self) -> Option<Value> {
        let mut body: Value = serde_json::from_slice(&self.request.body).ok()?;
        body.pointer_mut("/request/object").map(Value::take)
    }

    /// How the object is called in messages.
    pub fn title(&self) -> String {
        let name = if self.name.is_empty() { "(without a name)" } else { &self.name };
        if self.namespace.is_empty() || self.kind == "Namespace" {
            return format!("{} `{name}`", self.kind);
        }
        format!("{} `{}/{name}`", self.kind, self.namespace)
    }
}

/// How plain objects become requests.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The features there are.
    pub catalogue: &'a Catalogue,
    /// What may be about objects of other kinds than those with pods.
    pub pipeline: &'a Pipeline,
    /// The namespace of objects that name none.
    pub namespace: &'a str,
    /// The day of the requests.
    pub today: Option<Date>,
    /// Whether objects are wanted that nothing is about, too.
    pub everything: bool,
}

impl Reader<'_> {
    /// Finds the objects in a text.
    pub fn find(&self, text: Text) -> Found {
        let mut found = Found::default();
        // The values of one document take the memory of those of the last.
        if !input::stream(&text, &mut |part| self.take(&mut found, &text, part)) {
            let (parts, problems) = input::parts(&text);
            found = Found { problems, ..Found::default() };
            for part in parts {
                self.take(&mut found, &text, part);
            }
        }
        found.text = text;
        found
    }

    /// Takes what is in a document, and of itself no more than where its fields stand.
    fn take(&self, found: &mut Found, text: &Text, mut part: Part) {
        self.sort(found, text, &part, FieldPath::root(), &part.document.value);
        part.document.value = Value::Null;
        found.documents.push(part.document);
    }

    /// Sorts an object into where it belongs; a list is taken apart.
    fn sort(&self, found: &mut Found, text: &Text, part: &Part, base: FieldPath, object: &Value) {
        let fail = |found: &mut Found, place: &FieldPath, message: String| {
            let mark = part.document.locate(&base.clone().join(place.clone()));
            found.problems.push(Problem { origin: text.name.clone(), mark, message });
        };
        let root = FieldPath::root();
        let Some(members) = object.as_object() else {
            return fail(
                found,
                &root,
                "a document must be an object with `apiVersion` and `kind`".to_owned(),
            );
        };
        let word = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (word("apiVersion"), word("kind"));
        if kind.is_empty() {
            return fail(found, &root, "the object has no `kind`".to_owned());
        }
        let items =
            members.get("items").and_then(Value::as_array).filter(|_| kind.ends_with("List"));
        if let Some(items) = items {
            for (index, item) in items.iter().enumerate() {
                let item = typed_item(item, api_version, kind.trim_end_matches("List"));
                self.sort(found, text, part, base.clone().key("items").index(index), &item);
            }
            return;
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let workload = workload(group, kind);
        let is_review = group == "admission.k8s.io" && kind == "AdmissionReview";
        let is_pod = (group, kind) == ("", "Pod");
        if !is_review && (self.everything || self.pipeline.looks_at(group, kind)) {
            found.objects.push(self.complete(object, group, kind).0.into_owned());
        }
        let is_of_cluster = match (group, kind) {
            ("", "Node") => {
                found.nodes.push(node(object));
                true
            }
            ("", "Namespace") => {
                let (name, namespace) = namespace(object);
                found.namespaces.insert(name, namespace);
                true
            }
            _ => false,
        };
        if !is_review
            && !is_pod
            && workload.is_none()
            && !self.everything
            && !self.pipeline.is_about(group, kind, "CREATE")
        {
            if !is_of_cluster {
                *found.skipped.entry(kind.to_owned()).or_default() += 1;
            }
            return;
        }
        if api_version.is_empty() {
            return fail(found, &root, format!("the {kind} has no `apiVersion`"));
        }
        let misfit = match workload {
            _ if is_review => Ok(()),
            Some(workload) => typed::workload(object, workload),
            None if is_pod => typed::pod(object),
            None => Ok(()),
        };
        if let Err(misfit) = misfit {
            return fail(
                found,
                &misfit.place,
                format!("the {kind} cannot be decoded: {}", misfit.message),
            );
        }
        let (body, base) = if is_review {
            let raw = part.raw.as_ref().filter(|_| base.segments().is_empty());
            let body = raw.map_or_else(|| object.to_string(), ToString::to_string);
            (body, base.clone().key("request").key("object"))
        } else {
            (self.review(object, group, version, kind), base.clone())
        };
        let request = match review::decode(Arc::from(body.into_bytes()), self.catalogue) {
            Ok(request) => Request { today: self.today, ..request },
            Err(error) => {
                return fail(
                    found,
                    &root,
                    format!("the {kind} cannot be decoded: {}", inner(&error)),
                );
            }
        };
        let reviewed = if is_review {
            object.pointer("/request/object").unwrap_or(&Value::Null)
        } else {
            object
        };
        let pods = match &request.object {
            Object::Workload { template, .. } => match self.pods(reviewed, &request, template) {
                Ok(pods) => Some(pods),
                Err(error) => {
                    return fail(
                        found,
                        &root,
                        format!("the pods of the {kind} cannot be decoded: {}", inner(&error)),
                    );
                }
            },
            Object::None | Object::Other | Object::Pod(_) => None,
        };
        let known = &request.kind;
        found.subjects.push(Subject {
            document: found.documents.len(),
            base,
            api_version: [known.group.as_str(), &known.version]
                .iter()
                .filter(|part| !part.is_empty())
                .copied()
                .collect::<Vec<_>>()
                .join("/"),
            kind: known.kind.clone(),
            namespace: request.namespace.clone(),
            name: name(reviewed)
                .filter(|_| request.name.is_empty())
                .unwrap_or_else(|| request.name.clone()),
            request,
            pods,
        });
    }

    /// The object as the API server has it before it asks: with its namespace in it. And that namespace.
    fn complete<'v>(&self, object: &'v Value, group: &str, kind: &str) -> (Cow<'v, Value>, String) {
        let own = object.get("metadata").and_then(|metadata| metadata.get("namespace"));
        match own.and_then(Value::as_str).filter(|own| !own.is_empty()) {
            Some(own) => (Cow::Borrowed(object), own.to_owned()),
            None if scope::is_namespaced(group, kind) => {
                let namespace = self.namespace.to_owned();
                let mut object = object.clone();
                if let Some(members) = object.as_object_mut() {
                    let metadata = members.entry("metadata").or_insert_with(|| json!({}));
                    if let Some(metadata) = metadata.as_object_mut() {
                        metadata.insert("namespace".to_owned(), json!(namespace));
                    }
                }
                (Cow::Owned(object), namespace)
            }
            // The API server says of a Namespace that it lies in itself.
            None if (group, kind) == ("", "Namespace") => {
                (Cow::Borrowed(object), name(object).unwrap_or_default())
            }
            None => (Cow::Borrowed(object), String::new()),
        }
    }

    /// The review that the API server would send for a new object.
    fn review(&self, object: &Value, group: &str, version: &str, kind: &str) -> String {
        let (mut object, namespace) = self.complete(object, group, kind);
        let template = workload(group, kind).map_or("", |workload| workload.template);
        let spec = FieldPath::keys(template).key("spec").to_pointer();
        if object.pointer(&spec).is_some_and(template::is_incomplete)
            && let Some(spec) = object.to_mut().pointer_mut(&spec)
        {
            template::complete(spec);
        }
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        envelope::review(&object.to_string(), name, &namespace, [group, version, kind])
    }

    fn pods(
        &self,
        workload: &Value,
        request: &Request,
        at: &'static str,
    ) -> Result<template::Pods, ReviewError> {
        let pods = template::Template::of(workload, at, &request.kind, &request.namespace);
        let body = self.review(&pods.pod, "", "v1", "Pod");
        let request = review::decode(Arc::from(body.into_bytes()), self.catalogue)?;
        Ok(pods.with(Request { today: self.today, ..request }))
    }
}

/// An error without the position that it names in a body which nobody has seen.
fn inner(error: &ReviewError) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// An item of a list, with the kind and version that typed lists say once for all.
fn typed_item<'v>(item: &'v Value, api_version: &str, kind: &str) -> Cow<'v, Value> {
    match item.as_object() {
        Some(members) if !kind.is_empty() && !members.contains_key("kind") => {
            let mut members = members.clone();
            members.insert("kind".to_owned(), json!(kind));
            members.insert("apiVersion".to_owned(), json!(api_version));
            Cow::Owned(Value::Object(members))
        }
        _ => Cow::Borrowed(item),
    }
}

fn name(object: &Value) -> Option<String> {
    let text = |key| object.pointer(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("/metadata/name")
        .map(str::to_owned)
        .or_else(|| Some(format!("{}*", text("/metadata/generateName")?)))
}

fn node(object: &Value) -> NodeFact {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let taints = object.pointer("/spec/taints").and_then(Value::as_array);
    NodeFact {
        name: name(object).unwrap_or_default(),
        labels: pairs(object, "/metadata/labels").collect(),
        taints: taints
            .into_iter()
            .flatten()
            .map(|taint| Taint {
                key: text(taint, "key"),
                value: text(taint, "value"),
                effect: text(taint, "effect"),
            })
            .collect(),
        kubelet_version: object
            .pointer("/status/nodeInfo/kubeletVersion")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    }
}

fn namespace(object: &Value) -> (String, NamespaceFact) {
    let fact = NamespaceFact {
        labels: pairs(object, "/metadata/labels").collect(),
        annotations: pairs(object, "/metadata/annotations")
            .filter(|(key, _)| key.starts_with(OWN_PREFIX))
            .collect(),
    };
    (name(object).unwrap_or_default(), fact)
}

fn pairs<'v>(object: &'v Value, pointer: &str) -> impl Iterator<Item = (String, String)> + use<'v> {
    let members = object.pointer(pointer).and_then(Value::as_object);
    members
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
}
