//! All features: what a pod can ask for, and how to see that it does.
//!
//! The catalogue is data (`policies/catalogue/*.yaml`, format in [`source`]). Its locators compile into one
//! [`automaton`], and [`walk`] runs a pod through it: one pass, straight from the JSON reader, with a cost that grows with
//! the pod and not with the number of features or profiles.

pub mod automaton;
pub mod keeper;
pub mod locator;
pub mod relations;
pub mod source;
pub mod value;
pub mod walk;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::FieldPath;
use crate::pod::{FeatureId, Place, UnknownField};
use automaton::Automaton;

/// What a feature is about. Decides how grave it is when a virtual node ignores it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Who the pod is: service accounts, tokens, users in the cloud.
    Identity,
    /// When containers start, stop, and with what.
    Lifecycle,
    /// Addresses, ports, names.
    Network,
    /// What people use to see into a pod.
    Observability,
    /// How much of a machine.
    Resources,
    /// Where and beside whom.
    Scheduling,
    /// What a process is kept from doing.
    Security,
    /// What outlives, or enters, a container's file system.
    Storage,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::Lifecycle,
        Self::Network,
        Self::Observability,
        Self::Resources,
        Self::Scheduling,
        Self::Security,
        Self::Storage,
    ];

    /// The word used in the catalogue.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Lifecycle => "lifecycle",
            Self::Network => "network",
            Self::Observability => "observability",
            Self::Resources => "resources",
            Self::Scheduling => "scheduling",
            Self::Security => "security",
            Self::Storage => "storage",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing a pod can ask for, or one way a virtual node can differ ([`Feature::is_behaviour`]).
#[derive(Clone, Debug)]
pub struct Feature {
    /// Dotted kebab-case name; its first word is the family.
    pub name: String,
    /// What it is about.
    pub class: Class,
    /// Whether the field asks for power instead of giving it up, so that losing it is no loss of a control.
    pub relaxes: bool,
    /// Whether it is never found in a pod: the field asks for nothing by itself (a name, a default), and only what becomes
    /// of it is known.
    pub quiet: bool,
    /// Whether it is a property of fields that belong to other features: said so by the data, or found by patterns and
    /// relations alone. Where a profile says nothing of it, it goes with those fields.
    pub is_property: bool,
    /// Noun phrase for table rows.
    pub title: String,
    /// What the pod asks for with it.
    pub doc: String,
    /// What follows where it is dropped without an error and the profile says nothing more exact, as a phrase after "so".
    pub lost: Option<String>,
    /// The locators as written, none for a behaviour.
    pub locators: Vec<String>,
}

impl Feature {
    /// Whether no field asks for it: exec, logs, `NetworkPolicy`.
    pub fn is_behaviour(&self) -> bool {
        self.locators.is_empty()
    }

    /// The part of the name before the first dot.
    pub fn family(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }

    /// Whether a pod is less contained than its author asked for when the feature is ignored.
    pub const fn is_control(&self) -> bool {
        matches!(self.class, Class::Security | Class::Identity) && !self.relaxes
    }
}

/// The feature of pods made by a DaemonSet, which a profile judges by its `daemonSets` entry.
pub const DAEMON_SET: &str = "workload.daemon-set";

/// All features, compiled.
#[derive(Debug)]
pub struct Catalogue {
    features: Vec<Feature>,
    by_name: BTreeMap<String, FeatureId>,
    automaton: Automaton,
    daemon_set: Option<FeatureId>,
}

impl Catalogue {
    /// A catalogue without features.
    pub fn empty() -> Self {
        Self {
            features: Vec::new(),
            by_name: BTreeMap::new(),
            automaton: Automaton::empty(),
            daemon_set: None,
        }
    }

    /// The features, in the order of their files.
    pub fn features(&self) -> impl Iterator<Item = (FeatureId, &Feature)> {
        (0_u16..).map(FeatureId).zip(&self.features)
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The feature of an id that this catalogue gave out.
    pub fn feature(&self, id: FeatureId) -> &Feature {
        #[expect(clippy::indexing_slicing, reason = "ids are given out by this catalogue alone")]
        &self.features[id.index()]
    }

    /// The feature of pods made by a DaemonSet.
    pub const fn daemon_set(&self) -> Option<FeatureId> {
        self.daemon_set
    }

    /// The feature of that name.
    pub fn by_name(&self, name: &str) -> Option<FeatureId> {
        self.by_name.get(name).copied()
    }

    /// Every name, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.by_name.keys().map(String::as_str)
    }

    /// Spells out a place, below `root` (the template's path for a workload).
    pub fn path(&self, root: &FieldPath, place: &Place) -> FieldPath {
        self.automaton.path(root.clone(), place)
    }

    /// Spells out where an unknown field stands.
    pub fn unknown_path(&self, root: &FieldPath, unknown: &UnknownField) -> FieldPath {
        self.path(root, &unknown.place).key(&unknown.key)
    }

    /// Whether features or neutral entries name a way into a pod. A step without a name picks any element or member.
    pub fn has_way(&self, way: &[Option<&str>]) -> bool {
        self.automaton.has_way(way)
    }

    /// Whether every place below `path` belongs to a feature or a neutral entry, and the path itself is known. For tests of
    /// completeness.
    pub fn covers(&self, path: &FieldPath) -> bool {
        self.automaton.covers(path)
    }

    /// The compiled locators.
    pub(crate) const fn automaton(&self) -> &Automaton {
        &self.automaton
    }
}
