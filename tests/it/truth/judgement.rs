//! What a profile says of one pod, field by field.

use loadline::catalogue::DAEMON_SET;
use loadline::path::{FieldPath, Segment};
use loadline::pod::FeatureId;
use loadline::profile::{Effect, Profile, Support};
use serde_json::Value;

use super::data::Data;

/// What becomes of a pod, as far as the conversion shows.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    Accepted,
    Refused,
    Stalled,
}

/// What a profile says of one pod.
pub struct Judgement<'d> {
    data: &'d Data,
    profile: &'d Profile,
    /// Whether the provider passes over the pod because a `DaemonSet` owns it.
    is_passed_over: bool,
    /// Each feature found, and where.
    pub uses: Vec<(FeatureId, FieldPath)>,
}

impl<'d> Judgement<'d> {
    pub fn of(data: &'d Data, profile: &'d Profile, pod: &Value) -> Result<Self, String> {
        let view = data.catalogue.read(pod).map_err(|error| error.to_string())?;
        let (daemons, uses): (Vec<_>, Vec<_>) = view
            .uses
            .iter()
            .map(|one| {
                let path = data.catalogue.path(&FieldPath::root(), &one.place);
                (one.feature, path)
            })
            .partition(|(feature, _)| data.catalogue.feature(*feature).name == DAEMON_SET);
        Ok(Self {
            data,
            profile,
            is_passed_over: !daemons.is_empty() && profile.daemon_sets.support == Support::Ignored,
            uses,
        })
    }

    /// What stops the pod, with the places.
    pub fn blockers(&self) -> impl Iterator<Item = (Outcome, FeatureId, &FieldPath)> {
        self.uses.iter().filter_map(|(feature, path)| {
            let entry = self.profile.entry(*feature);
            let outcome = match (entry.support, entry.effect) {
                (Support::Unsupported, Some(Effect::CreateError | Effect::Crash)) => {
                    Outcome::Refused
                }
                (Support::Unsupported, Some(Effect::SilentStall)) => Outcome::Stalled,
                _ => return None,
            };
            Some((outcome, *feature, path))
        })
    }

    /// The core resolves variables before a provider is asked, so a stall comes first.
    pub fn outcome(&self) -> Outcome {
        self.blockers().map(|(outcome, ..)| outcome).max().unwrap_or(Outcome::Accepted)
    }

    /// What becomes of a field.
    pub fn fate(&self, pod: &Value, field: &FieldPath) -> Fate {
        let catalogue = &self.data.catalogue;
        if self.is_passed_over {
            // All that matters of such a pod is who owns it.
            let is_owner = field.to_string().starts_with("metadata.ownerReferences");
            return if is_owner { Fate::Kept } else { Fate::Told };
        }
        let dropped = |feature: FeatureId| self.profile.entry(feature).is_dropped();
        let keeper = catalogue.keeper(pod, field);
        for (feature, path) in &self.uses {
            let is_kept = keeper.as_ref().is_some_and(|keeper| {
                keeper.features.contains(feature)
                    && field.segments()[..keeper.depth].starts_with(path.segments())
            });
            // The place of a feature of any key of a map is the map: it says nothing about the other keys.
            let of_any_key =
                catalogue.feature(*feature).locators.iter().any(|locator| locator.contains(".*"));
            let is_above = field.segments().starts_with(path.segments()) && !of_any_key;
            if (is_kept || is_above) && dropped(*feature) {
                let entry = self.profile.entry(*feature);
                return if entry.support == Support::Supported { Fate::Untold } else { Fate::Told };
            }
        }
        let untold = match keeper {
            // An empty object asks for nothing; it goes where all that could stand in it goes.
            None => {
                let below = catalogue.below(field);
                !below.is_empty() && below.into_iter().all(dropped)
            }
            Some(keeper) if keeper.features.is_empty() => self.is_alone(pod, field),
            Some(keeper) => {
                let meant =
                    if keeper.holding.is_empty() { keeper.features } else { keeper.holding };
                meant.into_iter().all(dropped) || self.is_idle_mount(pod, field)
            }
        };
        if untold { Fate::Untold } else { Fate::Kept }
    }

    /// Whether a name names nothing: every other field of its object is dropped.
    fn is_alone(&self, pod: &Value, field: &FieldPath) -> bool {
        let (Some(Segment::Key(key)), parent) = (field.segments().last(), field.parent()) else {
            return false;
        };
        let Some(Value::Object(object)) = pod.pointer(&parent.to_pointer()) else {
            return false;
        };
        let mut siblings = Vec::new();
        for (other, value) in object.iter().filter(|(other, _)| *other != &**key) {
            leaves(value, parent.clone().key(other), &mut siblings);
        }
        &**key == "name"
            && parent.segments().len() > 1
            && !siblings.is_empty()
            && siblings.iter().all(|sibling| self.fate(pod, sibling).is_ignored())
    }

    /// Whether the field belongs to a mount of a volume that is ignored.
    fn is_idle_mount(&self, pod: &Value, field: &FieldPath) -> bool {
        let mount = field.parent();
        let is_mount = matches!(mount.parent().segments().last(), Some(Segment::Key(key)) if &**key == "volumeMounts");
        let Some(name) =
            pod.pointer(&mount.to_pointer()).filter(|_| is_mount).map(|mount| &mount["name"])
        else {
            return false;
        };
        let volumes = pod["spec"]["volumes"].as_array();
        let Some(index) =
            volumes.and_then(|volumes| volumes.iter().position(|one| one["name"] == *name))
        else {
            return false;
        };
        let volume = FieldPath::keys("spec.volumes").index(index);
        let steps = volume.segments().len();
        self.uses.iter().any(|(feature, path)| {
            path.segments().starts_with(volume.segments())
                && (path.segments().len() <= steps + 1 || path.to_string().ends_with(".csi.driver"))
                && self.profile.entry(*feature).support == Support::Ignored
        })
    }
}

/// The places of all that stands in a value.
fn leaves(value: &Value, path: FieldPath, found: &mut Vec<FieldPath>) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                leaves(value, path.clone().key(key), found);
            }
        }
        Value::Array(list) if list.first().is_some_and(Value::is_object) => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, path.clone().index(index), found);
            }
        }
        _ => found.push(path),
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// Dropped, and a diagnostic says so.
    Told,
    /// Dropped, but nobody is told: it asks for nothing beyond the default, or has done its work in this cluster by then.
    Untold,
    Kept,
}

impl Fate {
    pub fn is_ignored(self) -> bool {
        self != Self::Kept
    }
}
