//! What a pod asks for, and what that costs where it may go.

use serde::Deserialize;
use serde_json::Value;

use super::Decision;
use crate::cost;
use crate::path::Segment;
use crate::placement::Placement;
use crate::profile::Profile;
use crate::profile::size::Amount;

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
    pub(super) fn demand(&self) -> Option<Amount> {
        *self.shared.demand.get_or_init(|| self.read_demand())
    }

    fn read_demand(&self) -> Option<Amount> {
        if self.root.segments().is_empty() {
            let review: Envelope<cost::Pod> = serde_json::from_slice(&self.request.body).ok()?;
            return Some(cost::demand(&review.request.object));
        }
        let review: Envelope<Value> = serde_json::from_slice(&self.request.body).ok()?;
        let mut here = review.request.object;
        for segment in self.root.segments() {
            let Segment::Key(key) = segment else { return None };
            here = here.get_mut(&**key)?.take();
        }
        serde_json::from_value(here).ok().map(|pod| cost::demand(&pod))
    }

    /// What an hour of the pod comes to on each profile within reach of which sizes or prices are known; null where there is
    /// none.
    pub(super) fn costs(&self, placement: &Placement) -> Value {
        let profiles: Vec<&Profile> = placement
            .reaches
            .iter()
            .map(|reach| self.pipeline.profile(reach.profile))
            .filter(|profile| profile.size.is_some() || profile.prices.is_some())
            .collect();
        if profiles.is_empty() {
            return Value::Null;
        }
        let Some(asked) = self.demand() else { return Value::Null };
        profiles
            .into_iter()
            .map(|profile| (profile.name.clone(), cost::report(profile, asked)))
            .collect()
    }
}
