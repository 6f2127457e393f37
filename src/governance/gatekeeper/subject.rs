//! What constraints are matched against: the objects of a review, as far as a match looks at them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer};

/// The objects of a review and what is known around them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The object as it is wanted; at a deletion the one that is deleted.
    pub object: Option<&'a Metadata>,
    /// The object as it was.
    pub old_object: Option<&'a Metadata>,
    /// The namespace of the object, when there is one and the Namespace itself is known.
    pub namespace: Option<Namespace<'a>>,
    /// Where the object comes from.
    pub source: Option<Source>,
}

/// A namespace that objects lie in, and that is known.
#[derive(Clone, Copy, Debug)]
pub struct Namespace<'a> {
    /// Name.
    pub name: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
}

/// Where an object comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// Either, in a match.
    All,
    /// Somebody sent it.
    Original,
    /// It was worked out from another one, as the pod from a Deployment.
    Generated,
}

impl Source {
    /// Every word for one.
    pub const ALL: [&'static str; 3] = ["All", "Original", "Generated"];

    /// The source of that name.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "All" => Some(Self::All),
            "Original" => Some(Self::Original),
            "Generated" => Some(Self::Generated),
            _ => None,
        }
    }
}

/// An object, as far as a match looks at it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// `apiVersion`.
    #[serde(deserialize_with = "text")]
    pub api_version: String,
    /// `kind`.
    #[serde(deserialize_with = "text")]
    pub kind: String,
    /// `metadata`.
    pub metadata: ObjectMeta,
}

/// The part of an object's metadata that a match looks at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectMeta {
    /// Name.
    #[serde(deserialize_with = "text")]
    pub name: String,
    /// What the name will begin with, where the API server makes it.
    #[serde(deserialize_with = "text")]
    pub generate_name: String,
    /// Namespace, empty when there is none.
    #[serde(deserialize_with = "text")]
    pub namespace: String,
    /// When somebody asked for its deletion.
    pub deletion_timestamp: Option<serde::de::IgnoredAny>,
    labels: serde_json::Value,
    #[serde(skip)]
    read: OnceLock<BTreeMap<String, String>>,
}

impl Metadata {
    /// Reads the metadata of an object from its text, and nothing else of it.
    pub fn read(object: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(object)
    }

    /// Reads the metadata of an object.
    pub fn of(object: &serde_json::Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(object)
    }

    /// Group and kind.
    pub fn group_and_kind(&self) -> (&str, &str) {
        let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
        (group, &self.kind)
    }

    pub(super) fn is_namespace(&self) -> bool {
        self.group_and_kind() == ("", "Namespace")
    }

    /// Its labels; none at all where one of them is no text, as Gatekeeper has it.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        self.metadata.read.get_or_init(|| {
            serde_json::from_value(self.metadata.labels.clone()).unwrap_or_default()
        })
    }
}

/// A text; empty where something else stands, as the clients of Kubernetes read it.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        _ => Ok(String::new()),
    }
}
