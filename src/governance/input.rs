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

use bumpalo::Bump;
use regorus::Value;
use serde_json::value::RawValue;

use super::given::Json;
use super::inventory::Data;
use super::plan;
use crate::facts::Inventory;
use crate::path::{FieldPath, Segment};

/// Version of the contract.
pub const VERSION: &str = "loadline.dev/v1";

/// The AdmissionRequest as policies see it. Nothing is made of it before a policy asks.
#[derive(Clone, Debug)]
pub struct Review {
    request: Arc<Json>,
    /// The Namespace that templates see beside it; nothing where it is not for templates.
    namespace: Option<Arc<Json>>,
}

impl Review {
    /// The text of an AdmissionRequest.
    pub fn of_text(text: &RawValue) -> Self {
        Self { request: Arc::new(Json::of_text(text)), namespace: None }
    }

    /// Its object, where the review was not given as text.
    pub fn object(&self) -> Option<&serde_json::Value> {
        self.request.json()?.get("object")
    }

    /// The review as Gatekeeper's templates see it: with the whole Namespace beside it, null where there is none, and at a
    /// deletion with the object that is deleted as `object`.
    #[must_use]
    pub fn for_templates(self, namespace: Option<&serde_json::Value>) -> Self {
        let namespace = namespace.cloned().unwrap_or_default();
        Self { namespace: Some(Arc::new(Json::from(namespace))), ..self }
    }

    fn engine(&self) -> Result<Value, String> {
        let mut review = self.request.engine()?.clone();
        if let (Some(namespace), Ok(members)) = (&self.namespace, review.as_object_mut()) {
            members.insert(Value::from("namespaceObject"), namespace.engine()?.clone());
            let is_deletion =
                members.get(&Value::from("operation")) == Some(&Value::from("DELETE"));
            let old = members.get(&Value::from("oldObject")).cloned();
            if let Some(old) = old.filter(|_| is_deletion) {
                members.insert(Value::from("object"), old);
            }
        }
        Ok(review)
    }

    /// The same for programs; nothing where only the engine can hold it.
    pub(super) fn tree<'a>(&'a self, arena: &'a Bump) -> Option<plan::Value<'a>> {
        let review = self.request.tree(arena)?;
        let Some(namespace) = &self.namespace else {
            return Some(review);
        };
        let mut more = vec![("namespaceObject", namespace.tree(arena)?)];
        let operation = review.named("operation");
        if operation == Some(plan::Value::Text("DELETE")) {
            more.extend(review.named("oldObject").map(|old| ("object", old)));
        }
        review.with(arena, &more)
    }

    /// What a template sees: this review and the parameters of a constraint, nothing else.
    pub(super) fn with_parameters(&self, parameters: &Json) -> Result<Value, String> {
        let members = [("review", self.engine()?), ("parameters", parameters.engine()?.clone())];
        let members = members.into_iter().map(|(key, value)| (Value::from(key), value));
        Ok(Value::from(members.collect::<BTreeMap<_, _>>()))
    }
}

impl From<serde_json::Value> for Review {
    fn from(request: serde_json::Value) -> Self {
        Self { request: Arc::new(Json::from(request)), namespace: None }
    }
}

/// The input without the parameters, shared by all policies that see the review.
#[derive(Clone, Debug)]
pub struct Input {
    review: Review,
    pod: FieldPath,
    /// What is known besides: `placement`, `features` and `cost`.
    rest: Arc<Json>,
    data: Option<Arc<Data>>,
}

impl Input {
    /// Makes the document of a request. `pod` says where in its object the pod stands.
    pub fn new(
        review: Review,
        pod: &FieldPath,
        placement: serde_json::Value,
        features: serde_json::Value,
        cost: serde_json::Value,
    ) -> Self {
        let rest = serde_json::json!({
            "version": VERSION, "placement": placement, "features": features, "cost": cost,
        });
        Self { review, pod: pod.clone(), rest: Arc::new(Json::from(rest)), data: None }
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
        let document = self.with_parameters(&Json::from(parameters.clone()));
        document.ok().and_then(|input| serde_json::to_value(input).ok()).unwrap_or_default()
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        fn key(segment: &Segment) -> Option<&str> {
            match segment {
                Segment::Key(key) => Some(key),
                Segment::Index(_) => None,
            }
        }
        self.pod.segments().iter().filter_map(key)
    }

    /// The input of one policy. Only the top level is copied; everything below is shared.
    pub(super) fn with_parameters(&self, parameters: &Json) -> Result<Value, String> {
        let review = self.review.engine()?;
        let pod = self.keys().fold(&review["object"], |here, key| &here[key]);
        let pod = if *pod == Value::Undefined { Value::Null } else { pod.clone() };
        let mut input = self.rest.engine()?.clone();
        if let Ok(members) = input.as_object_mut() {
            members.insert(Value::from("parameters"), parameters.engine()?.clone());
            members.insert(Value::from("review"), review);
            members.insert(Value::from("pod"), pod);
        }
        Ok(input)
    }

    /// The document for programs, without parameters; nothing where only the engine can hold it.
    pub(super) fn tree<'a>(&'a self, arena: &'a Bump) -> Option<plan::Value<'a>> {
        let review = self.review.tree(arena)?;
        let pod = self.keys().try_fold(review.named("object")?, plan::Value::named);
        let pod = pod.unwrap_or(plan::Value::Null);
        self.rest.tree(arena)?.with(arena, &[("review", review), ("pod", pod)])
    }
}
