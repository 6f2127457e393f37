//! What a pod asks for, and what that costs where it may go.

use serde::Deserialize;
use serde_json::Value;

use super::Decision;
use crate::cost::Cost;
use crate::cost::demand::{Demand, Pod};
use crate::path::Segment;
use crate::placement::Placement;

/// As much of a review as holds the object.
#[derive(Deserialize)]
struct Envelope<T> {
    request: Request<T>,
}

#[derive(Deserialize)]
struct Request<T> {
    object: T,
}

impl Decision<'_> {
    /// What the pod asks for, as it was sent: nothing that Loadline changes is about that. Nothing where it cannot be read.
    /// Read when somebody wants to know, and once.
    pub(super) fn demand(&self) -> Option<&Demand> {
        self.shared.demand.get_or_init(|| self.read_demand()).as_ref()
    }

    fn read_demand(&self) -> Option<Demand> {
        if self.root.segments().is_empty() {
            let review: Envelope<Pod> = serde_json::from_slice(&self.request.body).ok()?;
            return Some(Demand::from(&review.request.object));
        }
        let review: Envelope<Value> = serde_json::from_slice(&self.request.body).ok()?;
        let mut here = review.request.object;
        for segment in self.root.segments() {
            let Segment::Key(key) = segment else { return None };
            here = here.get_mut(&**key)?.take();
        }
        serde_json::from_value::<Pod>(here).ok().map(|pod| Demand::from(&pod))
    }

    /// What an hour of the pod comes to on each profile within reach of which sizes or prices are known.
    pub(super) fn costs(&self, placement: &Placement) -> Vec<Cost> {
        let mut known = placement
            .reaches
            .iter()
            .map(|reach| self.pipeline.profile(reach.profile))
            .filter(|profile| profile.size.is_some() || profile.prices.is_some())
            .peekable();
        if known.peek().is_none() {
            return Vec::new();
        }
        let Some(demand) = self.demand() else { return Vec::new() };
        known.filter_map(|profile| Cost::of(profile, demand)).collect()
    }
}
