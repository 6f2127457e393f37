//! What is known: of a feature on a profile, a [`Cell`], and of a profile in all, its [`Knowledge`].

use serde::Serialize;

use crate::admission::Pipeline;
use crate::catalogue::{DAEMON_SET, Feature};
use crate::pod::FeatureId;
use crate::profile::{Entry, Method, Profile, Support};

/// What a profile does with a feature.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cell<'a> {
    /// The fact.
    #[serde(flatten)]
    pub entry: &'a Entry,
    /// Whether the profile speaks of this feature, or only of all that it does not list.
    pub listed: bool,
}

/// Looks a cell up: what a profile says of daemon sets, of network policies and of streaming calls
/// stands in sections of its own.
pub fn cell<'a>(profile: &'a Profile, id: FeatureId, feature: &Feature) -> Cell<'a> {
    let access = &profile.access;
    let section = match feature.name.as_str() {
        DAEMON_SET => Some(&profile.daemon_sets),
        "behaviour.network-policy" => Some(&profile.network_policy.entry),
        "behaviour.exec" => access.exec.as_ref(),
        "behaviour.attach" => access.attach.as_ref(),
        "behaviour.logs" => access.logs.as_ref(),
        "behaviour.port-forward" => access.port_forward.as_ref(),
        _ => None,
    };
    match section.or_else(|| profile.listed(id)) {
        Some(entry) => Cell { entry, listed: true },
        None => Cell { entry: profile.entry(id), listed: false },
    }
}

/// How much a profile says, and how well it knows.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Knowledge {
    /// Features that it speaks of.
    pub entries: usize,
    /// Those of them whose outcome is known, with a source and a day.
    pub verified: usize,
    /// Those of them where the code of the provider, or of its base, was run.
    pub executed: usize,
    /// Those of them that are taken over from a base.
    pub inherited: usize,
}

impl Knowledge {
    /// Counts.
    pub fn of(pipeline: &Pipeline, profile: &Profile) -> Self {
        let mut counts = Self::default();
        for (id, feature) in pipeline.catalogue.features() {
            let cell = cell(profile, id, feature);
            if !cell.listed {
                continue;
            }
            counts.entries += 1;
            counts.inherited += usize::from(cell.entry.from.is_some());
            let entry = cell.entry;
            if let Some(verified) = &entry.verified
                && entry.support != Support::Unverified
                && !entry.source.is_empty()
            {
                counts.verified += 1;
                counts.executed += usize::from(verified.how == Method::Executed);
            }
        }
        counts
    }

    /// A share of the entries in whole percent, rounded down: 100 means all of them.
    pub const fn percent(&self, part: usize) -> usize {
        match self.entries {
            0 => 0,
            entries => part * 100 / entries,
        }
    }
}
