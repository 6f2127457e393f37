//! What is known of the cluster: [`Facts`], an immutable snapshot.
//!
//! Facts are plain data: a snapshot can be written down next to a request and decided again elsewhere.

mod inventory;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use inventory::{Inventory, Key, Known};

use crate::node::NodeFact;
use crate::profile::Profile;

/// Labels and annotations of a Namespace.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct NamespaceFact {
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// The annotations under `loadline.dev/`.
    pub annotations: BTreeMap<String, String>,
}

impl NamespaceFact {
    /// The value of an annotation, or of the label of the same key.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).or_else(|| self.labels.get(key)).map(String::as_str)
    }
}

/// The nodes of a cluster, sorted into virtual and regular ones.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cluster {
    /// The nodes of each recognised profile, by its name.
    virtual_nodes: BTreeMap<String, Vec<NodeFact>>,
    /// All other nodes, one of each kind: nodes that no filter can tell apart stand here once.
    regular_nodes: Vec<NodeFact>,
}

impl Cluster {
    /// Sorts `nodes` with the help of `profiles`.
    pub fn new(nodes: impl IntoIterator<Item = NodeFact>, profiles: &[Profile]) -> Self {
        let mut cluster = Self::default();
        for node in nodes {
            match Profile::recognise(profiles, &node) {
                Some(profile) => {
                    cluster.virtual_nodes.entry(profile.name.clone()).or_default().push(node);
                }
                None => cluster.regular_nodes.push(node),
            }
        }
        cluster
            .virtual_nodes
            .values_mut()
            .for_each(|nodes| nodes.sort_by(|a, b| a.name.cmp(&b.name)));
        cluster.regular_nodes.sort_by(|a, b| a.name.cmp(&b.name));
        cluster
    }

    /// The nodes of a profile.
    pub fn of_profile(&self, name: &str) -> impl Iterator<Item = &NodeFact> {
        self.virtual_nodes.get(name).into_iter().flatten()
    }

    /// The nodes that no profile recognises.
    pub fn regular(&self) -> impl Iterator<Item = &NodeFact> {
        self.regular_nodes.iter()
    }

    /// How many virtual nodes each profile has here.
    pub fn virtual_node_counts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.virtual_nodes.iter().map(|(profile, nodes)| (profile.as_str(), nodes.len()))
    }
}

/// Everything that is known besides the request itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Facts {
    cluster: Option<Cluster>,
    namespaces: BTreeMap<String, NamespaceFact>,
    inventory: Inventory,
    /// The other way round than it is asked for, so that facts that say nothing are those of a cluster with Loadline in it.
    lacks_controller: bool,
}

impl Facts {
    /// Facts of a cluster whose nodes are known.
    pub fn of_cluster(cluster: Cluster, namespaces: BTreeMap<String, NamespaceFact>) -> Self {
        Self { cluster: Some(cluster), namespaces, ..Self::default() }
    }

    /// Facts without a cluster: the profiles alone say what virtual nodes look like.
    pub fn of_namespaces(namespaces: BTreeMap<String, NamespaceFact>) -> Self {
        Self { cluster: None, namespaces, ..Self::default() }
    }

    /// The same with the objects that policies may look at.
    #[must_use]
    pub fn with_inventory(mut self, inventory: Inventory) -> Self {
        self.inventory = inventory;
        self
    }

    /// The same for a server that follows no cluster: nobody applies the network policies of fences, nor lets go of the pods
    /// that wait for them.
    #[must_use]
    pub const fn without_controller(mut self) -> Self {
        self.lacks_controller = true;
        self
    }

    /// Whether a controller puts up fences and lets go of the pods that wait for them.
    pub const fn has_controller(&self) -> bool {
        !self.lacks_controller
    }

    /// The objects that policies may look at.
    pub const fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The cluster, when its nodes are known.
    pub const fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// What is known of a namespace.
    pub fn namespace(&self, name: &str) -> Option<&NamespaceFact> {
        self.namespaces.get(name)
    }
}
