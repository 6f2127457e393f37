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
//! | `cost` | an estimate, null where the profile has no prices |

use regorus::Value;

use crate::path::{FieldPath, Segment};

/// Version of the contract.
pub const VERSION: &str = "loadline.dev/v1";

/// The input without the parameters: built once a review and shared by all policies.
#[derive(Clone, Debug)]
pub struct Input(Value);

impl Input {
    /// Converts the document once. `pod` says where in `review.object` the pod stands, which is not converted again but
    /// shared.
    pub fn new(document: &serde_json::Value, pod: &FieldPath) -> Self {
        let mut input = super::value::from_json(document);
        let mut here = &input["review"]["object"];
        for segment in pod.segments() {
            if let Segment::Key(key) = segment {
                here = &here[&**key];
            }
        }
        let pod = if *here == Value::Undefined { Value::Null } else { here.clone() };
        if let Ok(members) = input.as_object_mut() {
            members.insert(Value::from("pod"), pod);
        }
        Self(input)
    }

    /// The input of one policy. Only the top level is copied; everything below is shared.
    pub fn with_parameters(&self, parameters: &Value) -> Value {
        let mut input = self.0.clone();
        if let Ok(members) = input.as_object_mut() {
            members.insert(Value::from("parameters"), parameters.clone());
        }
        input
    }
}
