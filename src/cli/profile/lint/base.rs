//! What a profile says against what its base says: a word that repeats the base is in the way of the next correction there,
//! and a word that contradicts it needs evidence of its own.

use serde_json::Value;

use super::Notes;
use crate::catalogue::Catalogue;
use crate::path::FieldPath;
use crate::profile::{Entry, Method, Profile, Support};

/// Looks at every feature that the profile and its base both speak of.
pub(super) fn look_at(
    notes: &mut Notes,
    document: &Value,
    catalogue: &Catalogue,
    profile: &Profile,
) {
    let support = document.pointer("/spec/support").and_then(Value::as_array);
    for (number, entry) in support.into_iter().flatten().enumerate() {
        let features = entry.get("features").and_then(Value::as_array);
        for (position, name) in features.into_iter().flatten().enumerate() {
            let Some(name) = name.as_str() else { continue };
            let Some(feature) = catalogue.by_name(name) else { continue };
            let (Some(own), Some(base)) = (profile.listed(feature), profile.in_base(feature))
            else {
                continue;
            };
            let place = FieldPath::keys("spec.support").index(number);
            let place = place.key("features").index(position);
            compare(notes, &place, name, own, base);
        }
    }
}

fn compare(notes: &mut Notes, place: &FieldPath, name: &str, own: &Entry, base: &Entry) {
    let of = base.from.as_deref().unwrap_or_default();
    if says_the_same(own, base) {
        let mark = if own.left_behind && !base.left_behind {
            "take it out, and list the feature under `spec.leftBehind`"
        } else {
            "take it out"
        };
        notes.warning(place.clone(), format!("`{name}` repeats what the base `{of}` says; {mark}"));
        return;
    }
    if rank(own.support) <= rank(base.support) || base.support == Support::Unverified {
        return;
    }
    // Better than the base, whose code runs first: that takes a reason and a source which are not the base's.
    let is_of_own =
        own.source.split(", ").any(|one| !base.source.split(", ").any(|other| one == other));
    let is_evident = !own.source.is_empty() && is_of_own && own.reason != base.reason;
    if !is_evident {
        notes.error(
            place.clone(),
            format!(
                "`{name}` is `{}` here and `{}` in the base `{of}`, because {}; give the reason and the source that show the difference",
                own.support, base.support, base.reason
            ),
        );
    } else if how(base) == Some(Method::Executed) && how(own) == Some(Method::Documented) {
        notes.warning(
            place.clone(),
            format!(
                "`{name}` is `{}` here by a document alone, and was seen to be `{}` when the code of the base `{of}` was run",
                own.support, base.support
            ),
        );
    }
}

fn says_the_same(own: &Entry, base: &Entry) -> bool {
    (own.support, own.effect, own.mild) == (base.support, base.effect, base.mild)
        && own.reason == base.reason
        && own.consequence == base.consequence
        && own.help == base.help
}

fn how(entry: &Entry) -> Option<Method> {
    entry.verified.as_ref().map(|verified| verified.how)
}

/// How well a feature fares; nothing is claimed of one that nobody has verified.
const fn rank(support: Support) -> u8 {
    match support {
        Support::Unverified => 0,
        Support::Unsupported => 1,
        Support::Ignored => 2,
        Support::Partial => 3,
        Support::Supported => 4,
    }
}
