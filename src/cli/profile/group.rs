//! What a profile says, by class and by support, with the features of one reason together.

use crate::admission::Pipeline;
use crate::catalogue::{Class, Feature};
use crate::cli::knowledge::cell;
use crate::profile::{Entry, Profile, Support};

/// What one sees first: what hurts most.
pub const ORDER: [Support; 5] = [
    Support::Unsupported,
    Support::Ignored,
    Support::Partial,
    Support::Unverified,
    Support::Supported,
];

/// Features with one outcome and one reason.
#[derive(Debug)]
pub struct Group<'a> {
    /// The fact.
    pub entry: &'a Entry,
    /// Whether the profile speaks of these features, or only of all that it does not list.
    pub listed: bool,
    /// The features, by name.
    pub features: Vec<&'a Feature>,
}

impl Group<'_> {
    /// Whether pods are less contained than their authors asked for, without a word.
    pub fn loses_control(&self) -> bool {
        self.features.iter().any(|feature| is_lost(self.entry, feature))
    }
}

/// Whether a control is dropped in silence.
fn is_lost(entry: &Entry, feature: &Feature) -> bool {
    entry.support == Support::Ignored && feature.is_control()
}

/// The groups of a class, by support in [`ORDER`], those that are not listed last.
pub fn groups<'a>(pipeline: &'a Pipeline, profile: &'a Profile, class: Class) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (id, feature) in pipeline.catalogue.features() {
        if feature.class != class {
            continue;
        }
        let cell = cell(profile, id, feature);
        // What is lost must not be lumped together with what is no loss, whatever reason they share.
        let is_lost = is_lost(cell.entry, feature);
        let known = groups.iter_mut().find(|group| {
            std::ptr::eq(group.entry, cell.entry) && group.loses_control() == is_lost
        });
        match known {
            Some(group) => group.features.push(feature),
            None => groups.push(Group {
                entry: cell.entry,
                listed: cell.listed,
                features: vec![feature],
            }),
        }
    }
    for group in &mut groups {
        group.features.sort_by(|left, right| left.name.cmp(&right.name));
    }
    groups.sort_by_key(|group| {
        let rank = ORDER.iter().position(|support| *support == group.entry.support);
        let first = group.features.first().map(|feature| feature.name.clone());
        (!group.listed, rank, !group.loses_control(), first)
    });
    groups
}
