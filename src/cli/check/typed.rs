//! Whether an object is one that the API server would accept as its kind: decoded once into the Kubernetes type, and
//! thrown away.
//!
//! What is judged is the raw JSON; a typed round trip would lose what the types do not know.

use k8s_openapi::api::{apps, batch, core};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::path::FieldPath;
use crate::pod::WorkloadKind;

/// Decodes a pod. Fails with the field that does not fit.
pub fn pod(object: &Value) -> Result<(), Misfit> {
    decode::<core::v1::Pod>(object, FieldPath::root())
}

/// Decodes a workload; where its type is not one of Kubernetes' own, the pod template in it.
pub fn workload(object: &Value, workload: &WorkloadKind) -> Result<(), Misfit> {
    let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    match (version, workload.kind) {
        ("apps/v1", "DaemonSet") => decode::<apps::v1::DaemonSet>(object, FieldPath::root()),
        ("apps/v1", "Deployment") => decode::<apps::v1::Deployment>(object, FieldPath::root()),
        ("apps/v1", "ReplicaSet") => decode::<apps::v1::ReplicaSet>(object, FieldPath::root()),
        ("apps/v1", "StatefulSet") => decode::<apps::v1::StatefulSet>(object, FieldPath::root()),
        ("batch/v1", "CronJob") => decode::<batch::v1::CronJob>(object, FieldPath::root()),
        ("batch/v1", "Job") => decode::<batch::v1::Job>(object, FieldPath::root()),
        ("v1", "PodTemplate") => decode::<core::v1::PodTemplate>(object, FieldPath::root()),
        ("v1", "ReplicationController") => {
            decode::<core::v1::ReplicationController>(object, FieldPath::root())
        }
        _ => {
            let root = FieldPath::keys(workload.template);
            match object.pointer(&root.to_pointer()) {
                Some(template) => decode::<core::v1::PodTemplateSpec>(template, root),
                None => Ok(()),
            }
        }
    }
}

/// Why an object is not of its kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Misfit {
    /// The field.
    pub place: FieldPath,
    /// What is wrong, with the field's name.
    pub message: String,
}

fn decode<T: DeserializeOwned>(object: &Value, root: FieldPath) -> Result<(), Misfit> {
    // Keeping count of the path costs, and is of use to one object in a thousand.
    if T::deserialize(object).is_ok() {
        return Ok(());
    }
    match serde_path_to_error::deserialize::<_, T>(object) {
        Ok(_) => Ok(()),
        Err(error) => {
            let place = FieldPath::parse(&error.path().to_string()).unwrap_or_default();
            let place = root.join(place);
            let message = match place.segments() {
                [] => plain(&error.inner().to_string()),
                _ => format!("`{place}`: {}", plain(&error.inner().to_string())),
            };
            Err(Misfit { place, message })
        }
    }
}

/// Puts serde's words into plain ones: no Rust type names.
fn plain(message: &str) -> String {
    let Some(("invalid type", rest)) = message.split_once(": ") else {
        return message.to_owned();
    };
    let Some((found, wanted)) = rest.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    let wanted = match wanted {
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "i32" | "i64" | "u32" | "u64" => "a whole number".to_owned(),
        struct_name if struct_name.starts_with(char::is_uppercase) => {
            format!("a {struct_name} object")
        }
        other => other.to_owned(),
    };
    let found = match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "null" | "unit value" => "null".to_owned(),
        other => other.replace('"', "`"),
    };
    format!("must be {wanted}, not {found}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misfit_names_its_field_in_plain_words() {
        let bad = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "args": [1]}]}});
        let misfit = pod(&bad).unwrap_err();
        assert_eq!(
            misfit.message,
            "`spec.containers[0].args[0]`: must be a string, not integer `1`"
        );
    }

    #[test]
    fn other_versions_of_a_kind_are_decoded_by_their_template() {
        let known = crate::pod::workload("batch", "CronJob").unwrap();
        let template = |image| {
            json!({"apiVersion": "batch/v1beta1", "kind": "CronJob",
                "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}}}})
        };
        assert_eq!(workload(&template(json!("a")), known), Ok(()));
        let place = workload(&template(json!({})), known).unwrap_err().place.to_string();
        assert_eq!(place, "spec.jobTemplate.spec.template.spec.containers[0].image");
    }
}
