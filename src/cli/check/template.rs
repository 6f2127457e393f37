//! The pods that a workload makes, made here as its controller would make them, so that they can be judged before they
//! exist.

use serde_json::{Map, Value, json};

use crate::admission::{Kind, Request};
use crate::path::{FieldPath, Segment};

/// A pod of a workload, with the way back from its fields to those of the workload.
#[derive(Debug)]
pub struct Template {
    /// The pod.
    pub pod: Value,
    way: Way,
}

/// The request for a pod of a workload.
#[derive(Debug)]
pub struct Pods {
    /// The request.
    pub request: Request,
    /// The pod in it.
    pub pod: Value,
    way: Way,
}

#[derive(Debug)]
struct Way {
    /// Where the template stands.
    root: FieldPath,
    /// How many volumes the template has; those after them are made of the workload's claims.
    volumes: usize,
}

impl Template {
    /// Makes a pod of a workload, whose pod template stands at `template`.
    pub fn of(workload: &Value, template: &str, kind: &Kind, namespace: &str) -> Self {
        let root = FieldPath::keys(template);
        let mut pod = workload.pointer(&root.to_pointer()).cloned().unwrap_or_default();
        let name = workload.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let mut volumes = 0;
        if let Some(members) = pod.as_object_mut() {
            // The template of a Knative Revision is the object itself: what belongs to the revision stays behind.
            members.retain(|key, _| matches!(key.as_str(), "metadata" | "spec"));
            members.insert("apiVersion".to_owned(), json!("v1"));
            members.insert("kind".to_owned(), json!("Pod"));
            // Controllers copy these and nothing else.
            let own = members.remove("metadata").unwrap_or_default();
            let copied = ["annotations", "finalizers", "labels"];
            let mut metadata: Map<String, Value> = copied
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), own.get(key)?.clone())))
                .collect();
            metadata.insert("generateName".to_owned(), json!(format!("{name}-")));
            metadata.insert("namespace".to_owned(), json!(namespace));
            if let Some(owner) = owner(kind, name) {
                metadata.insert("ownerReferences".to_owned(), json!([owner]));
            }
            members.insert("metadata".to_owned(), Value::Object(metadata));
            if let Some(spec) = members.get_mut("spec").and_then(Value::as_object_mut) {
                volumes = spec.get("volumes").and_then(Value::as_array).map_or(0, Vec::len);
                let claims = claims(workload, name);
                if !claims.is_empty() {
                    let own = spec.entry("volumes").or_insert_with(|| json!([]));
                    if own.is_null() {
                        *own = json!([]);
                    }
                    if let Some(own) = own.as_array_mut() {
                        own.extend(claims);
                    }
                }
            }
        }
        Self { pod, way: Way { root, volumes } }
    }

    /// Puts the request for the pod beside it.
    pub fn with(self, request: Request) -> Pods {
        Pods { request, pod: self.pod, way: self.way }
    }
}

impl Pods {
    /// Where a field of the pod stands in the workload.
    pub fn in_workload(&self, place: &FieldPath) -> FieldPath {
        let key = |segment: Option<&Segment>, wanted: &str| matches!(segment, Some(Segment::Key(key)) if **key == *wanted);
        let mut segments = place.segments().iter();
        let (first, second, third) = (segments.next(), segments.next(), segments.next());
        if key(first, "metadata") && key(second, "ownerReferences") {
            return FieldPath::keys("kind");
        }
        match third {
            Some(Segment::Index(index))
                if key(first, "spec") && key(second, "volumes") && *index >= self.way.volumes =>
            {
                FieldPath::keys("spec.volumeClaimTemplates").index(index - self.way.volumes)
            }
            _ => self.way.root.clone().join(place.clone()),
        }
    }
}

/// The owner that pods of a workload have: a controller between, where there is one.
fn owner(kind: &Kind, name: &str) -> Option<Value> {
    let (api_version, owner) = match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") | ("argoproj.io" | "serving.knative.dev", _) => {
            ("apps/v1", "ReplicaSet")
        }
        ("batch", "CronJob") | ("keda.sh", _) => ("batch/v1", "Job"),
        ("apps", other) => ("apps/v1", other),
        ("batch", other) => ("batch/v1", other),
        ("", "ReplicationController") => ("v1", "ReplicationController"),
        _ => return None,
    };
    Some(
        json!({ "apiVersion": api_version, "kind": owner, "name": name, "uid": "", "controller": true }),
    )
}

/// The volumes that a `StatefulSet` adds to its pods, one for each of its claims.
fn claims(workload: &Value, name: &str) -> Vec<Value> {
    let templates = workload.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    let names = templates
        .into_iter()
        .flatten()
        .map(|claim| claim.pointer("/metadata/name").and_then(Value::as_str));
    names
        .map(|claim| {
            let claim = claim.unwrap_or_default();
            json!({ "name": claim, "persistentVolumeClaim": { "claimName": format!("{claim}-{name}-0") } })
        })
        .collect()
}

/// Whether a pod spec has something to complete.
pub fn is_incomplete(spec: &Value) -> bool {
    let volumes = spec.get("volumes").and_then(Value::as_array);
    volumes.into_iter().flatten().filter_map(Value::as_object).any(has_no_source)
}

fn has_no_source(volume: &Map<String, Value>) -> bool {
    volume.iter().all(|(key, value)| key == "name" || value.is_null())
}

/// Completes a pod spec where the API server does so in a way that changes its meaning: a volume that names no source is an
/// `emptyDir`.
pub fn complete(spec: &mut Value) {
    let volumes = spec.get_mut("volumes").and_then(Value::as_array_mut);
    for volume in volumes.into_iter().flatten().filter_map(Value::as_object_mut) {
        if has_no_source(volume) {
            volume.insert("emptyDir".to_owned(), json!({}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(workload: &Value, group: &str, kind: &str, at: &str) -> Template {
        Template::of(
            workload,
            at,
            &Kind { group: group.into(), version: "v1".into(), kind: kind.into() },
            "shop",
        )
    }

    #[test]
    fn claims_of_a_stateful_set_become_volumes_of_its_pods() {
        let set = json!({"metadata": {"name": "db"}, "spec": {
            "template": {"spec": {"containers": [], "volumes": [{"name": "tmp"}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
        let template = template(&set, "apps", "StatefulSet", "spec.template");
        assert_eq!(
            template.pod["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"],
            "data-db-0"
        );
        assert_eq!(template.pod["metadata"]["ownerReferences"][0]["kind"], "StatefulSet");
    }

    #[test]
    fn a_template_that_says_it_is_being_deleted_makes_pods_all_the_same() {
        let set = json!({"metadata": {"name": "a"}, "spec": {"template": {"metadata":
            {"deletionTimestamp": "2026-01-01T00:00:00Z", "labels": {"a": "b"}}, "spec": {"containers": []}}}});
        let metadata = &template(&set, "apps", "ReplicaSet", "spec.template").pod["metadata"];
        assert_eq!(metadata["labels"]["a"], "b");
        assert_eq!(metadata.get("deletionTimestamp"), None);
    }

    #[test]
    fn a_volume_without_a_source_is_an_empty_dir() {
        let mut spec = json!({"volumes": [{"name": "a"}, {"name": "b", "hostPath": {"path": "/"}}, {"name": "c", "secret": null}]});
        complete(&mut spec);
        assert_eq!(spec["volumes"][0]["emptyDir"], json!({}));
        assert_eq!(spec["volumes"][1].get("emptyDir"), None);
        assert_eq!(spec["volumes"][2]["emptyDir"], json!({}));
    }
}
