//! Entries tied to the features that they are about: a profile's own, and those of its bases.

use std::collections::BTreeMap;

use super::{Entry, Profile, Support};
use crate::catalogue::Catalogue;
use crate::pod::FeatureId;

impl Profile {
    /// Ties entries to features. Each stands in one of the profile's own entries only; of what was handed down, the first
    /// counts. Used by [`source`](super::source) alone.
    pub(super) fn tie(
        &mut self,
        catalogue: &Catalogue,
        own: Vec<(Vec<FeatureId>, Entry)>,
        handed: Vec<(Vec<FeatureId>, Entry)>,
        left_behind: &[FeatureId],
    ) {
        self.by_feature = vec![None; catalogue.len()];
        self.in_base = vec![None; catalogue.len()];
        let first_of_base = own.len();
        for (number, (features, entry)) in (0_u16..).zip(own.into_iter().chain(handed)) {
            let is_of_base = usize::from(number) >= first_of_base;
            for feature in features {
                if let Some(slot) = self.by_feature.get_mut(feature.index()) {
                    slot.get_or_insert(number);
                }
                if let Some(slot) = self.in_base.get_mut(feature.index()).filter(|_| is_of_base) {
                    slot.get_or_insert(number);
                }
            }
            self.entries.push(entry);
        }
        self.leave_behind(left_behind);
        // What `unlisted` says is said of fields; a property of a field that nobody mentions changes nothing.
        self.is_property = catalogue.features().map(|(_, feature)| feature.is_property).collect();
        self.unmentioned = Some(Entry {
            support: Support::Supported,
            effect: None,
            reason: "nothing that was read sets it apart from the field itself".to_owned(),
            consequence: None,
            help: None,
            mild: false,
            left_behind: false,
            source: self.unlisted.source.clone(),
            verified: self.unlisted.verified.clone(),
            from: None,
        });
    }

    /// Marks the entries of these features as left behind, and leaves other features of the same entries alone.
    fn leave_behind(&mut self, features: &[FeatureId]) {
        let mut marked: BTreeMap<u16, u16> = BTreeMap::new();
        for feature in features {
            let Some(Some(number)) = self.by_feature.get(feature.index()).copied() else {
                continue;
            };
            let Some(entry) = self.entries.get(usize::from(number)) else {
                continue;
            };
            let entry = Entry { left_behind: true, ..entry.clone() };
            let next = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
            let twin = *marked.entry(number).or_insert(next);
            if twin == next {
                self.entries.push(entry);
            }
            if let Some(slot) = self.by_feature.get_mut(feature.index()) {
                *slot = Some(twin);
            }
        }
    }
}
