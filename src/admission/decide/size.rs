//! Pods that are larger than any size that a kind of virtual node has.

use super::Decision;
use crate::compat::cite_verified;
use crate::cost;
use crate::diagnostic::codes::SIZE_TOO_LARGE;
use crate::diagnostic::{Diagnostic, Severity};
use crate::path::FieldPath;
use crate::placement::Standing;
use crate::profile::Profile;
use crate::profile::size::{Amount, Size};

impl Decision<'_> {
    /// Whether no size of the profile holds the pod, and it is to be refused for that.
    pub(super) fn is_too_large(&self, profile: &Profile) -> bool {
        self.sized(profile).is_some_and(|(size, asked)| size.fit(asked).is_none())
            && self.judge_with().too_large(profile, Standing::Bound) == Some(Severity::Deny)
    }

    /// What there is to say of a pod that no size of the profile holds.
    pub(super) fn too_large(&self, profile: &Profile, standing: Standing) -> Option<Diagnostic> {
        let (size, asked) =
            self.sized(profile).filter(|(size, asked)| size.fit(*asked).is_none())?;
        let own = if size.components == Amount::default() {
            String::new()
        } else {
            format!(", of which the node takes {} for itself", cost::words(size.components))
        };
        let severity = self.judge_with().too_large(profile, standing)?;
        let what = format!("the pod asks for {}, more than the largest size", cost::words(asked));
        Some(
            Diagnostic::new(severity, SIZE_TOO_LARGE, what)
                .on(profile.name.clone())
                .at(self.root.clone().join(FieldPath::keys("spec.containers")))
                .because(format!("the largest size there is {}{own}", cost::words(size.most)))
                .help("ask for less, or send the pod to another kind of virtual node")
                .source(cite_verified(&size.source, &size.verified)),
        )
    }

    /// The sizes of the profile, if it has any, and what the pod asks for.
    fn sized<'p>(&self, profile: &'p Profile) -> Option<(&'p Size, Amount)> {
        let size = profile.size.as_ref()?;
        Some((size, self.demand()?))
    }
}
