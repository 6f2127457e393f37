//! One intended edit of a pod, with its reason: [`Change`].

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::pod::{Requirement, Toleration};

/// What a change does. Every edit is written so that making it twice is making it once.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Edit {
    /// Add tolerations that none of the pod's own covers.
    Tolerate(Vec<Toleration>),
    /// Add entries to the node selector.
    Select(BTreeMap<String, String>),
    /// Add expressions to every required node affinity term that keep a pod off nodes.
    KeepOff(Vec<Requirement>),
    /// Add expressions to every required node affinity term that lead a pod to nodes.
    Require(Vec<Requirement>),
    /// Add a scheduling gate.
    Gate(String),
    /// Set labels.
    Label(BTreeMap<String, String>),
    /// Set annotations.
    Annotate(BTreeMap<String, String>),
    /// What a policy asks for, at these JSON pointers.
    Amend(Vec<String>),
}

/// An edit and why it is made.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change {
    /// What is done.
    pub edit: Edit,
    /// Why, as a phrase.
    pub reason: String,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = |pairs: &BTreeMap<String, String>| {
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Tolerate(tolerations) => {
                let all: Vec<String> = tolerations
                    .iter()
                    .map(|one| match (one.operator.as_str(), one.value.as_str()) {
                        ("Exists", _) | (_, "") => format!("{}:{}", one.key, one.effect),
                        (_, value) => format!("{}={value}:{}", one.key, one.effect),
                    })
                    .collect();
                write!(f, "tolerate {}", all.join(", "))
            }
            Self::Select(labels) => write!(f, "select nodes with {}", pairs(labels)),
            Self::KeepOff(requirements) | Self::Require(requirements) => {
                let all: Vec<String> = requirements
                    .iter()
                    .map(|one| {
                        format!("{} {} {}", one.key, one.operator, one.values.join(","))
                            .trim_end()
                            .to_owned()
                    })
                    .collect();
                write!(f, "require nodes with {}", all.join(" and "))
            }
            Self::Gate(name) => write!(f, "hold back scheduling with the gate {name}"),
            Self::Label(labels) => write!(f, "label {}", pairs(labels)),
            Self::Annotate(annotations) => write!(f, "annotate {}", pairs(annotations)),
            Self::Amend(places) => write!(f, "change {}", places.join(", ")),
        }
    }
}
