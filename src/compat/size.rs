//! Pods that are larger than anything a kind of virtual node sells.

use super::{Judge, cited};
use crate::diagnostic::{Diagnostic, Severity};
use crate::placement::Standing;
use crate::pod::PodView;
use crate::profile::{Profile, Support};

/// Code of the diagnostic on a pod that no size holds.
const TOO_LARGE: &str = "size-too-large";

/// The feature whose overrides hold for sizes, too: to it, such a pod is one that is not supported.
const FEATURE: &str = "resources.requests";

impl Judge<'_> {
    /// How bad it is that no size of `profile` holds the pod; nothing where one does, or no sizes are known.
    pub(super) fn excess(&self, profile: &Profile, standing: Standing) -> Option<Severity> {
        let (size, demand) = (profile.size.as_ref()?, self.demand?);
        if size.fit(demand).is_some() {
            return None;
        }
        let changed = self.catalogue.by_name(FEATURE).and_then(|id| {
            let feature = self.catalogue.feature(id);
            self.overrides.severity(profile, feature, Support::Unsupported, self.namespace)
        });
        match changed {
            Some(changed) => changed.at(standing),
            None if standing == Standing::Bound => Some(Severity::Deny),
            None => Some(Severity::Warn),
        }
    }

    /// Says that no size of `profile` holds the pod.
    pub(super) fn too_large(
        &self,
        profile: &Profile,
        pod: &PodView,
        standing: Standing,
    ) -> Option<Diagnostic> {
        let severity = self.excess(profile, standing)?;
        let (size, demand) = (profile.size.as_ref()?, self.demand?);
        let largest = size.grid.last()?;
        let mut why = format!("the largest size is {largest}");
        if size.components.memory > 0 || size.components.cpu > 0 {
            why += &format!(", of which the virtual node itself takes {}", size.components);
        }
        let mut diagnostic =
            Diagnostic::new(severity, TOO_LARGE, format!("no size holds {demand}"))
                .on(profile.name.clone())
                .because(why)
                .help("ask for less, split the pod, or send it elsewhere")
                .source(cited(&size.source, &size.verified));
        diagnostic.places = pod
            .uses
            .iter()
            .filter(|one| is_size(&self.catalogue.feature(one.feature).name))
            .map(|one| self.catalogue.path(self.root, &one.place))
            .collect();
        diagnostic.places.sort();
        Some(diagnostic)
    }

    /// Whether the pod says anything about its size.
    pub fn has_size(&self, pod: &PodView) -> bool {
        pod.uses.iter().any(|one| is_size(&self.catalogue.feature(one.feature).name))
    }
}

fn is_size(feature: &str) -> bool {
    matches!(feature, "resources.requests" | "resources.limits")
}
