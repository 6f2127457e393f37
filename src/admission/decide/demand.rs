//! What the pod under review asks for, read from the review when a size hangs on it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Decision;
use crate::admission::Object;
use crate::cost::demand;
use crate::profile::size::Amount;

/// As much of a review as sizes hang on.
#[derive(Deserialize)]
struct SizeEnvelope<'b> {
    #[serde(borrow)]
    request: SizedRequest<'b>,
}

#[derive(Deserialize)]
struct SizedRequest<'b> {
    #[serde(borrow)]
    object: &'b RawValue,
}

/// As much of a pod as its size hangs on: a tree of the whole would cost several times as much.
#[derive(Deserialize, Serialize)]
struct Slice {
    spec: SpecSlice,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpecSlice {
    containers: Option<Vec<ContainerSlice>>,
    init_containers: Option<Vec<ContainerSlice>>,
    resources: Option<serde_json::Value>,
    overhead: Option<serde_json::Value>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerSlice {
    resources: Option<serde_json::Value>,
    restart_policy: Option<String>,
}

impl Decision<'_> {
    /// What the pod asks for.
    pub(super) fn demand(&self) -> Option<Amount> {
        let read = || -> Option<Amount> {
            let SizeEnvelope { request } = serde_json::from_slice(&self.request.body).ok()?;
            if let Object::Pod(_) = &self.request.object {
                let pod: Slice = serde_json::from_str(request.object.get()).ok()?;
                return Some(demand(&serde_json::to_value(pod).ok()?));
            }
            let object: serde_json::Value = serde_json::from_str(request.object.get()).ok()?;
            object.pointer(&self.root.to_pointer()).map(demand)
        };
        *self.demand.get_or_init(read)
    }
}
