//! The document that policies see: `input`, version [`VERSION`].
//!
//! | key | what |
//! |---|---|
//! | `version` | [`VERSION`] |
//! | `review` | the AdmissionRequest, Gatekeeper's contract: `kind`, `operation`, `namespace`, `object`, ... |
//! | `parameters` | the policy's parameters |
//! | `pod` | the pod, or the pod template of a workload, as it will be after mutation |
//! | `placement` | `{"standing": "bound"/"eligible"/"regular", "profiles": [names]}` |
//! | `features` | `[{"name", "class", "fields": [paths], "support": {profile: level}}]` |
//! | `cost` | an estimate, `{profile: {"asked": {"cpu", "memory"}, "billed": the same or null, "perHour", "currency", "region",
//! "date"}}` in vCPU, bytes and units of the currency; the last four are null where the profile has no prices, the whole where none
//! within reach has sizes |

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::Value;

use super::inventory::Data;
use super::value::{Read, from_json};
use crate::facts::Inventory;
use crate::path::{FieldPath, Segment};

/// Version of the contract.
pub const VERSION: &str = "loadline.dev/v1";

/// The AdmissionRequest as policies see it.
#[derive(Clone, Debug)]
pub struct Review(Value);

impl Review {
    /// Reads the text of an AdmissionRequest. A tree that the engine does not need costs as much again.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(|Read(request)| Self(request))
    }
}

impl Review {
    /// The review as Gatekeeper's templates see it: with the whole Namespace beside it, null where there is none, and at a
    /// deletion with the object that is deleted as `object`.
    #[must_use]
    pub fn for_templates(mut self, namespace: Option<&serde_json::Value>) -> Self {
        if let Ok(members) = self.0.as_object_mut() {
            let namespace = namespace.map_or(Value::Null, from_json);
            members.insert(Value::from("namespaceObject"), namespace);
            let is_deletion =
                members.get(&Value::from("operation")) == Some(&Value::from("DELETE"));
            let old = members.get(&Value::from("oldObject")).cloned();
            if let Some(old) = old.filter(|_| is_deletion) {
                members.insert(Value::from("object"), old);
            }
        }
        self
    }

    /// What a template sees: this review and the parameters of a constraint, nothing else.
    pub(super) fn with_parameters(&self, parameters: &Value) -> Value {
        let members = [("review", self.0.clone()), ("parameters", parameters.clone())];
        let members = members.into_iter().map(|(key, value)| (Value::from(key), value));
        Value::from(members.collect::<BTreeMap<_, _>>())
    }
}

impl From<&serde_json::Value> for Review {
    fn from(request: &serde_json::Value) -> Self {
        Self(from_json(request))
    }
}

/// The input without the parameters: built once a review and shared by all policies.
#[derive(Clone, Debug)]
pub struct Input {
    document: Value,
    data: Option<Arc<Data>>,
}

impl Input {
    /// Makes the document of a request. `pod` says where in its object the pod stands; that is not converted again but
    /// shared.
    pub fn new(
        Review(review): Review,
        pod: &FieldPath,
        placement: &serde_json::Value,
        features: &serde_json::Value,
        cost: &serde_json::Value,
    ) -> Self {
        let mut here = &review["object"];
        for segment in pod.segments() {
            if let Segment::Key(key) = segment {
                here = &here[&**key];
            }
        }
        let pod = if *here == Value::Undefined { Value::Null } else { here.clone() };
        let members = [
            ("version", Value::from(VERSION)),
            ("review", review),
            ("parameters", Value::new_object()),
            ("pod", pod),
            ("placement", from_json(placement)),
            ("features", from_json(features)),
            ("cost", from_json(cost)),
        ];
        let members = members.into_iter().map(|(key, value)| (Value::from(key), value));
        Self { document: Value::from(members.collect::<BTreeMap<_, _>>()), data: None }
    }

    /// The same with what policies may look at besides.
    #[must_use]
    pub fn knowing(mut self, inventory: &Inventory) -> Self {
        self.data = Some(Data::of(inventory));
        self
    }

    /// What policies may look at besides.
    pub(super) fn data(&self) -> Option<&Value> {
        self.data.as_deref().map(Data::value)
    }

    /// The document, for a reader.
    pub fn to_json(&self, parameters: &serde_json::Value) -> serde_json::Value {
        serde_json::to_value(self.with_parameters(&from_json(parameters))).unwrap_or_default()
    }

    /// The input of one policy. Only the top level is copied; everything below is shared.
    pub(super) fn with_parameters(&self, parameters: &Value) -> Value {
        let mut input = self.document.clone();
        if let Ok(members) = input.as_object_mut() {
            members.insert(Value::from("parameters"), parameters.clone());
        }
        input
    }
}
