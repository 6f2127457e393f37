//! A node as far as it matters: [`NodeFact`].

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::pod::{Taint, lookup};

/// The label that says a node's name.
pub const HOST_NAME: &str = "kubernetes.io/hostname";

/// A Node, trimmed to what the scheduler's filters and a profile's recognition read.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeFact {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: Vec<(String, String)>,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// `status.nodeInfo.kubeletVersion`.
    pub kubelet_version: String,
}

impl NodeFact {
    /// The regular node that any cluster could have: Linux on amd64, no taints, no label of its own.
    pub fn plain() -> &'static Self {
        static PLAIN: LazyLock<NodeFact> = LazyLock::new(|| NodeFact {
            name: "regular".into(),
            labels: [
                ("kubernetes.io/os", "linux"),
                ("kubernetes.io/arch", "amd64"),
                ("beta.kubernetes.io/os", "linux"),
                ("beta.kubernetes.io/arch", "amd64"),
                ("kubernetes.io/hostname", "regular"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
            ..NodeFact::default()
        });
        &PLAIN
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        lookup(&self.labels, key)
    }
}
