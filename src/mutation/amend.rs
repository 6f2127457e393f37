//! Operations that policies ask for, made to fit the raw object: [`amend`].

use json_patch::jsonptr::Pointer;
use json_patch::{AddOperation, PatchOperation};
use serde_json::{Value, json};

/// What a pod's identity and state are; no policy has business there.
const FIXED: [&str; 8] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/generateName",
    "/metadata/namespace",
    "/metadata/uid",
    "/metadata/ownerReferences",
    "/status",
];

/// Applies operations, RFC 6902 as JSON, to an object. Gives those that changed it, in order; none when all that they ask for
/// is true already.
///
/// What an `add` needs around it and is not there is made: labels where there are none, a list for an element. The result has
/// operations for that too, so any client can apply it.
///
/// Fails, in a phrase, on what is no operation, does not apply or touches what is fixed; the object is left as it was then.
pub fn amend(object: &mut Value, wanted: &[Value]) -> Result<Vec<PatchOperation>, String> {
    let mut amended = object.clone();
    let mut operations = Vec::new();
    for one in wanted {
        let operation: PatchOperation = serde_json::from_value(one.clone())
            .map_err(|error| format!("`{one}` is no JSON Patch operation: {error}"))?;
        for path in paths(&operation) {
            let is_fixed = FIXED.iter().any(|fixed| {
                path.strip_prefix(fixed)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    || fixed
                        .strip_prefix(path)
                        .is_some_and(|rest| rest.starts_with('/') || path.is_empty())
                        && !matches!(operation, PatchOperation::Test(_))
            });
            if is_fixed {
                return Err(format!("`{path}` is not for policies to change"));
            }
        }
        if let PatchOperation::Add(add) = &operation {
            for parent in missing_parents(&amended, &add.path) {
                apply(&mut amended, &parent)?;
                operations.push(parent);
            }
        }
        apply(&mut amended, &operation)?;
        operations.push(operation);
    }
    if amended == *object {
        return Ok(Vec::new());
    }
    *object = amended;
    Ok(operations)
}

fn apply(object: &mut Value, operation: &PatchOperation) -> Result<(), String> {
    json_patch::patch(object, std::slice::from_ref(operation)).map_err(|error| {
        let kind = error.kind.to_string();
        let path = paths(operation).last().unwrap_or_default().to_owned();
        format!("an operation on `{path}` does not apply: {kind}")
    })
}

fn paths(operation: &PatchOperation) -> impl DoubleEndedIterator<Item = &str> {
    let (from, path) = match operation {
        PatchOperation::Add(one) => (None, &one.path),
        PatchOperation::Remove(one) => (None, &one.path),
        PatchOperation::Replace(one) => (None, &one.path),
        PatchOperation::Test(one) => (None, &one.path),
        PatchOperation::Move(one) => (Some(&one.from), &one.path),
        PatchOperation::Copy(one) => (None, &one.path),
    };
    from.into_iter().chain(std::iter::once(path)).map(|pointer| pointer.as_str())
}

/// The operations that make what is missing on the way to a place.
fn missing_parents(object: &Value, place: &Pointer) -> Vec<PatchOperation> {
    let mut made = Vec::new();
    let mut is_missing = false;
    let mut parent = place;
    let mut parents = Vec::new();
    while let Some((above, token)) = parent.split_back() {
        parents.push((above, token));
        parent = above;
    }
    for (above, token) in parents.into_iter().rev() {
        if above.is_root() {
            continue;
        }
        // Below something that is made there is nothing yet.
        is_missing = is_missing || above.resolve(object).is_err();
        if is_missing {
            let value = if token.encoded() == "-" { json!([]) } else { json!({}) };
            made.push(PatchOperation::Add(AddOperation { path: above.to_buf(), value }));
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "c"}]}})
    }

    #[test]
    fn what_an_addition_needs_around_it_is_made() {
        let mut object = pod();
        let wanted = [
            json!({"op": "add", "path": "/metadata/labels/team~1name", "value": "blue"}),
            json!({"op": "add", "path": "/spec/tolerations/-", "value": {"key": "a"}}),
            json!({"op": "add", "path": "/spec/securityContext/seccompProfile/type", "value": "RuntimeDefault"}),
        ];
        let patch = amend(&mut object, &wanted).unwrap();
        let mut by_any_client = pod();
        json_patch::patch(&mut by_any_client, &patch).unwrap();
        assert_eq!(by_any_client, object);
        assert_eq!(object["metadata"]["labels"]["team/name"], "blue");
        assert_eq!(object["spec"]["tolerations"], json!([{"key": "a"}]));
        assert_eq!(
            object["spec"]["securityContext"],
            json!({"seccompProfile": {"type": "RuntimeDefault"}})
        );
    }

    #[test]
    fn what_is_true_already_is_no_change() {
        let mut object = pod();
        let wanted = [json!({"op": "add", "path": "/spec/containers/0/name", "value": "c"})];
        assert_eq!(amend(&mut object, &wanted), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_done_is_told_and_changes_nothing() {
        let good = json!({"op": "add", "path": "/metadata/labels/a", "value": "b"});
        for (bad, part) in [
            (
                json!({"op": "replace", "path": "/spec/nodeName", "value": "n"}),
                "`/spec/nodeName` does not apply",
            ),
            (json!({"op": "add", "path": "/metadata/name", "value": "q"}), "not for policies"),
            (json!({"op": "remove", "path": "/metadata"}), "`/metadata` is not for policies"),
            (json!({"op": "replace", "path": "", "value": {}}), "not for policies"),
            (
                json!({"op": "move", "from": "/status/phase", "path": "/metadata/labels/x"}),
                "`/status/phase` is not",
            ),
            (json!({"op": "set", "path": "/spec/x"}), "no JSON Patch operation"),
            (json!({"path": "/spec/x"}), "no JSON Patch operation"),
            (json!("label it"), "no JSON Patch operation"),
        ] {
            let mut object = pod();
            let error = amend(&mut object, &[good.clone(), bad]).unwrap_err();
            assert!(error.contains(part), "{error}");
            assert_eq!(object, pod());
        }
    }
}
