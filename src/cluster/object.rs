//! Kubernetes objects, read no further than Loadline looks.
//!
//! What is dropped is dropped while the JSON is read: a Node of twenty kilobytes (images, addresses, managed fields) never
//! stands in memory as a whole. The typed objects of `k8s-openapi` would be read in full and trimmed afterwards.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Namespace as FullNamespace, Node as FullNode, Pod as FullPod};
use k8s_openapi::api::networking::v1::NetworkPolicy as FullNetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::facts::NamespaceFact;
use crate::node::NodeFact;
use crate::pod::{OWN_PREFIX, SchedulingGate, Taint};

/// A Node: its metadata, its taints and the version of its kubelet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    #[serde(deserialize_with = "trimmed")]
    metadata: ObjectMeta,
    spec: NodeSpec,
    status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NodeSpec {
    taints: Vec<NodeTaint>,
}

/// A Taint as the API writes it; `timeAdded` is passed over.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NodeTaint {
    key: String,
    value: String,
    effect: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NodeStatus {
    node_info: NodeInfo,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NodeInfo {
    kubelet_version: String,
}

impl Node {
    /// The node's name and what is known of it.
    pub(crate) fn into_fact(self) -> (String, NodeFact) {
        let name = self.metadata.name.unwrap_or_default();
        let taints = self.spec.taints.into_iter();
        let fact = NodeFact {
            name: name.clone(),
            labels: self.metadata.labels.unwrap_or_default().into_iter().collect(),
            taints: taints
                .map(|NodeTaint { key, value, effect }| Taint { key, value, effect })
                .collect(),
            kubelet_version: self.status.node_info.kubelet_version,
        };
        (name, fact)
    }
}

/// A Namespace: its metadata. That is all that is asked of the API server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Namespace {
    #[serde(deserialize_with = "trimmed")]
    metadata: ObjectMeta,
}

impl Namespace {
    /// The namespace's name and what is known of it.
    pub(crate) fn into_fact(self) -> (String, NamespaceFact) {
        let fact = NamespaceFact {
            labels: self.metadata.labels.unwrap_or_default(),
            annotations: self.metadata.annotations.unwrap_or_default(),
        };
        (self.metadata.name.unwrap_or_default(), fact)
    }
}

/// A Pod: its metadata and its scheduling gates.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Pod {
    #[serde(deserialize_with = "trimmed")]
    metadata: ObjectMeta,
    spec: PodSpec,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    scheduling_gates: Vec<SchedulingGate>,
}

impl Pod {
    /// The scheduling gates, in order.
    pub(crate) fn gates(&self) -> &[SchedulingGate] {
        &self.spec.scheduling_gates
    }
}

/// A `NetworkPolicy`: its metadata and, unread, its specification.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct NetworkPolicy {
    #[serde(deserialize_with = "trimmed")]
    metadata: ObjectMeta,
    /// `spec`.
    pub(crate) spec: Value,
}

/// How much of an object the API server sends.
trait Extent {
    const METADATA_ONLY: bool;
}

macro_rules! kinds {
    ($($own:ty, $full:ty, metadata only: $metadata_only:literal;)+) => { $(
        impl Extent for $own {
            const METADATA_ONLY: bool = $metadata_only;
        }

        impl Resource for $own {
            type DynamicType = ();
            type Scope = <$full as Resource>::Scope;

            fn kind((): &()) -> Cow<'_, str> {
                <$full as Resource>::kind(&())
            }

            fn group((): &()) -> Cow<'_, str> {
                <$full as Resource>::group(&())
            }

            fn version((): &()) -> Cow<'_, str> {
                <$full as Resource>::version(&())
            }

            fn plural((): &()) -> Cow<'_, str> {
                <$full as Resource>::plural(&())
            }

            fn metadata_api() -> bool {
                <Self as Extent>::METADATA_ONLY
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    )+ };
}

kinds! {
    Node, FullNode, metadata only: false;
    Namespace, FullNamespace, metadata only: true;
    Pod, FullPod, metadata only: false;
    NetworkPolicy, FullNetworkPolicy, metadata only: false;
}

/// Reads of `metadata` what the watches and we need; of the annotations, our own.
fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Kept {
        annotations: OwnAnnotations,
        deletion_timestamp: Option<Time>,
        labels: Option<BTreeMap<String, String>>,
        name: Option<String>,
        namespace: Option<String>,
        resource_version: Option<String>,
        uid: Option<String>,
    }
    let kept = Kept::deserialize(deserializer)?;
    Ok(ObjectMeta {
        annotations: Some(kept.annotations.0).filter(|annotations| !annotations.is_empty()),
        deletion_timestamp: kept.deletion_timestamp,
        labels: kept.labels,
        name: kept.name,
        namespace: kept.namespace,
        resource_version: kept.resource_version,
        uid: kept.uid,
        ..ObjectMeta::default()
    })
}

/// The annotations under [`OWN_PREFIX`].
#[derive(Default)]
struct OwnAnnotations(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for OwnAnnotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(OwnAnnotationsVisitor)
    }
}

struct OwnAnnotationsVisitor;

impl<'de> Visitor<'de> for OwnAnnotationsVisitor {
    type Value = OwnAnnotations;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("annotations")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(OwnAnnotations::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(OwnAnnotations::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut own = BTreeMap::new();
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key.starts_with(OWN_PREFIX) {
                own.insert(key.into_owned(), map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(OwnAnnotations(own))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_keeps_labels_taints_and_version() {
        let node: Node = serde_json::from_value(json!({
            "metadata": {
                "name": "virtual", "uid": "u", "resourceVersion": "7",
                "labels": {"type": "virtual-kubelet"},
                "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
                "managedFields": [{"manager": "vk", "fieldsV1": {"f:metadata": {}}}],
            },
            "spec": {
                "podCIDR": "10.0.0.0/24",
                "taints": [{"key": "k", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z"}],
            },
            "status": {"nodeInfo": {"kubeletVersion": "v1.37.2", "osImage": "x"}, "images": [{"names": ["a"]}]},
        }))
        .unwrap();
        assert_eq!(node.meta().resource_version.as_deref(), Some("7"));
        assert_eq!(node.meta().managed_fields, None);
        let (name, fact) = node.into_fact();
        assert_eq!((name.as_str(), fact.name.as_str()), ("virtual", "virtual"));
        assert_eq!(fact.labels, [("type".to_owned(), "virtual-kubelet".to_owned())]);
        assert_eq!(
            fact.taints[0],
            Taint { key: "k".into(), value: String::new(), effect: "NoSchedule".into() }
        );
        assert_eq!(fact.kubelet_version, "v1.37.2");
    }

    #[test]
    fn a_namespace_keeps_labels_and_our_own_annotations() {
        let namespace: Namespace = serde_json::from_value(json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "shop", "labels": {"a": "b"}, "annotations": {"loadline.dev/profile": "nomad", "x": "y"}},
        }))
        .unwrap();
        let (name, fact) = namespace.into_fact();
        assert_eq!(name, "shop");
        assert_eq!(fact.setting("a"), Some("b"));
        assert_eq!(fact.setting("loadline.dev/profile"), Some("nomad"));
        assert_eq!(fact.annotations.len(), 1);
    }

    #[test]
    fn null_and_missing_parts_are_read_as_nothing() {
        for text in ["{}", r#"{"metadata": {"annotations": null, "labels": null}, "status": {}}"#] {
            let (_, fact) = serde_json::from_str::<Node>(text).unwrap().into_fact();
            assert_eq!(fact, NodeFact::default());
        }
    }

    #[test]
    fn only_metadata_is_asked_for_where_that_is_enough() {
        assert_eq!(
            [
                Node::metadata_api(),
                Namespace::metadata_api(),
                Pod::metadata_api(),
                NetworkPolicy::metadata_api()
            ],
            [false, true, false, false]
        );
        assert_eq!(
            NetworkPolicy::url_path(&(), Some("shop")),
            "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
        );
    }
}
