//! The reviews that the API server would send for objects in files, as text.

use std::fmt::Write as _;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::scope;
use crate::admission::review::API_VERSION;

/// The review for a new object, whose text is put in as it is: a tree of the whole would have to be made and written again.
/// `kind` is its group, version and kind.
pub fn review(object: &str, name: &str, namespace: &str, kind: [&str; 3]) -> String {
    let [group, version, kind] = kind;
    let resource = scope::resource(kind);
    let resource = json!({ "group": group, "version": version, "resource": resource }).to_string();
    let kind = json!({ "group": group, "version": version, "kind": kind }).to_string();
    let (name, namespace) = (json!(name), json!(namespace));
    let mut body = String::with_capacity(object.len() + 1024);
    let _ = write!(
        body,
        r#"{{"apiVersion":"{API_VERSION}","kind":"AdmissionReview","request":{{"dryRun":true,"kind":{kind},"name":{name},"namespace":{namespace},"object":"#
    );
    body.push_str(object);
    let uid = uid(object);
    let _ = write!(
        body,
        r#","oldObject":null,"operation":"CREATE","options":{{"apiVersion":"meta.k8s.io/v1","kind":"CreateOptions"}},"requestKind":{kind},"requestResource":{resource},"resource":{resource},"uid":"{uid}","userInfo":{{}}}}}}"#
    );
    body
}

/// A uid made of a text: the same text gets the same one, so that answers can be compared.
pub fn uid(object: &str) -> String {
    let hash = Sha256::digest(object);
    let mut uid = String::with_capacity(36);
    for (position, byte) in hash.iter().take(16).enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            uid.push('-');
        }
        let _ = write!(uid, "{byte:02x}");
    }
    uid
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_review_says_what_is_asked() {
        let object = json!({"metadata": {"name": "a\"b"}, "spec": {}});
        let kind = ["batch", "v1", "Job"];
        let review: Value =
            serde_json::from_str(&review(&object.to_string(), "a\"b", "shop", kind)).unwrap();
        let request = &review["request"];
        assert_eq!(review["apiVersion"], API_VERSION);
        assert_eq!(request["object"], object);
        assert_eq!(request["kind"], json!({"group": "batch", "version": "v1", "kind": "Job"}));
        assert_eq!(request["requestKind"], request["kind"]);
        assert_eq!(request["resource"]["resource"], "jobs");
        assert_eq!(request["requestResource"], request["resource"]);
        assert_eq!([&request["name"], &request["namespace"]], ["a\"b", "shop"]);
    }

    #[test]
    fn a_uid_depends_on_the_object_alone() {
        let one = uid("{}");
        assert_eq!(one, uid("{}"));
        assert_ne!(one, uid("[]"));
        assert_eq!(one.len(), 36);
    }
}
