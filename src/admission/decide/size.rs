//! Pods that are larger than any size that a kind of virtual node has, or billed as another size than they ask for.

use std::fmt::Write as _;

use super::Decision;
use crate::compat::cite_verified;
use crate::cost::{self, Cost};
use crate::demand::Amount;
use crate::diagnostic::codes::{SIZE_ROUNDED, SIZE_TOO_LARGE};
use crate::diagnostic::{Diagnostic, Severity};
use crate::path::FieldPath;
use crate::placement::{Placement, Standing};
use crate::profile::Profile;
use crate::profile::size::{Above, Size};

impl Decision<'_> {
    /// What an hour of the pod comes to on each profile within reach of which sizes or prices are known.
    pub(super) fn costs(&self, placement: &Placement) -> Vec<Cost> {
        placement
            .reaches
            .iter()
            .map(|reach| self.pipeline.profile(reach.profile))
            .filter_map(|profile| Cost::of(profile, &self.pod.demand))
            .collect()
    }

    /// Whether no size of the profile holds the pod, and it is to be refused for that.
    pub(super) fn is_too_large(&self, profile: &Profile) -> bool {
        self.exceeded(profile).is_some()
            && self.judge_with().too_large(profile, Standing::Bound) == Some(Severity::Deny)
    }

    /// What there is to say of a pod that no size of the profile holds.
    pub(super) fn too_large(&self, profile: &Profile, standing: Standing) -> Option<Diagnostic> {
        let size = self.exceeded(profile)?;
        let own = if size.components == Amount::default() {
            String::new()
        } else {
            format!(", of which the node takes {} for itself", size.components)
        };
        let severity = self.judge_with().too_large(profile, standing)?;
        let what =
            format!("the pod asks for {}, more than the largest size", self.pod.demand.asked());
        Some(
            self.of_size(severity, SIZE_TOO_LARGE, what, profile, size)
                .because(format!("the largest size there is {}{own}", size.most))
                .help("ask for less, or send the pod to another kind of virtual node"),
        )
    }

    /// What there is to say of a pod that is billed as another size than it asks for. A note, as that can hardly be helped,
    /// unless it is cut down.
    pub(super) fn rounded(&self, cost: &Cost, profile: &Profile) -> Option<Diagnostic> {
        let size = profile.size.as_ref()?;
        let asked = cost.estimate.asked;
        let billed = cost.estimate.billed.filter(|billed| *billed != asked)?;
        let is_cut =
            size.above == Above::Cut && (billed.cpu < asked.cpu || billed.memory < asked.memory);
        let severity = self.judge_with().rounded(profile, is_cut)?;
        let what = if is_cut {
            format!("the pod asks for {asked} and gets {billed} only")
        } else {
            format!("the pod asks for {asked} and is billed as {billed}")
        };
        let mut why = format!("a pod gets {}", size.words);
        if let Some((prices, hourly)) = cost.prices.as_ref().zip(cost.estimate.hourly) {
            let _ = write!(
                why,
                "; about {} an hour by the list prices of {}, {}",
                cost::money(hourly, &prices.currency),
                prices.region,
                prices.verified.date
            );
        }
        Some(self.of_size(severity, SIZE_ROUNDED, what, profile, size).because(why))
    }

    fn of_size(
        &self,
        severity: Severity,
        code: &'static str,
        what: String,
        profile: &Profile,
        size: &Size,
    ) -> Diagnostic {
        Diagnostic::new(severity, code, what)
            .on(profile.name.clone())
            .at(self.root.clone().join(FieldPath::keys("spec.containers")))
            .source(cite_verified(&size.source, &size.verified))
    }

    /// The sizes of the profile, if it has any and none holds the pod.
    fn exceeded<'p>(&self, profile: &'p Profile) -> Option<&'p Size> {
        profile.size.as_ref().filter(|size| self.pod.demand.fit(size).is_none())
    }
}
