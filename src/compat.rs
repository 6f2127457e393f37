//! What a profile cannot do for a pod: features used against support, as diagnostics.
//!
//! The table is design's: what is refused or weakens a control denies a pod that can run nowhere else, and keeps a pod that
//! can off that virtual node. Every cell can be overridden ([`Overrides`]).

use serde::Deserialize;

use crate::catalogue::{Catalogue, Class, Feature};
use crate::diagnostic::{Diagnostic, Severity};
use crate::path::FieldPath;
use crate::placement::Standing;
use crate::pod::{FeatureId, PodView, Use};
use crate::profile::{Effect, Entry, Method, Profile, Support, Verified};

/// Code of the diagnostic on features that nobody has verified on a profile.
pub const UNVERIFIED: &str = "unverified-features";

/// Code of the diagnostic on fields that no catalogue entry knows.
pub const UNKNOWN_FIELD: &str = "unknown-field";

/// The feature whose overrides hold for the sizes of pods, too.
const REQUESTS: &str = "resources.requests";

/// What to do about a finding, where the table's answer does not suit.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Override {
    /// Only for this profile.
    pub profile: Option<String>,
    /// Only for this feature.
    pub feature: Option<String>,
    /// Only for features of this class.
    pub class: Option<Class>,
    /// Only in this namespace.
    pub namespace: Option<String>,
    /// Only for this level of support. Without it, what is supported is left alone unless the feature is named: a class or a
    /// profile is made stricter about what does not work there.
    pub support: Option<Support>,
    /// What the finding becomes.
    pub severity: OverrideSeverity,
}

/// A severity, or none at all.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum OverrideSeverity {
    /// The object is refused.
    Deny,
    /// The object is admitted and its author is told.
    Warn,
    /// Recorded only.
    Note,
    /// Not reported.
    Off,
}

impl OverrideSeverity {
    /// What it comes to: nothing is refused that can run elsewhere.
    fn at(self, standing: Standing) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Deny if standing == Standing::Bound => Some(Severity::Deny),
            Self::Deny | Self::Warn => Some(Severity::Warn),
            Self::Note => Some(Severity::Note),
        }
    }
}

/// All overrides; the last one that fits a finding decides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides(pub Vec<Override>);

impl Overrides {
    fn severity(
        &self,
        profile: &Profile,
        feature: &Feature,
        support: Support,
        namespace: &str,
    ) -> Option<OverrideSeverity> {
        self.0
            .iter()
            .rev()
            .find(|one| {
                one.profile.as_ref().is_none_or(|wanted| *wanted == profile.name)
                    && one.feature.as_ref().is_none_or(|wanted| *wanted == feature.name)
                    && one.class.is_none_or(|wanted| wanted == feature.class)
                    && one.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
                    && one.support.map_or_else(
                        || support != Support::Supported || one.feature.is_some(),
                        |wanted| wanted == support,
                    )
            })
            .map(|one| one.severity)
    }
}

/// The circumstances of a judgement.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The features there are.
    pub catalogue: &'a Catalogue,
    /// The cells that were changed.
    pub overrides: &'a Overrides,
    /// The pod's namespace, empty when there is none.
    pub namespace: &'a str,
    /// Where the pod stands in its object.
    pub root: &'a FieldPath,
}

impl Judge<'_> {
    /// Whether `profile` refuses `pod` or weakens one of its controls: what denies a pod that is bound to it.
    pub fn refuses(&self, profile: &Profile, pod: &PodView) -> bool {
        // A feature that many elements of a list use comes up in a row; once is enough.
        pod.uses
            .chunk_by(|left, right| left.feature == right.feature)
            .filter_map(<[Use]>::first)
            .any(|one| {
                self.cell(profile, one, Standing::Bound)
                    .is_some_and(|(_, _, severity)| severity == Severity::Deny)
            })
    }

    /// What makes `profile` unfit for `pod`, for a pod that is kept off it: told, but refusing nothing.
    pub fn unfitness(&self, profile: &Profile, pod: &PodView) -> Vec<Diagnostic> {
        let mut diagnostics = self.judge(profile, pod, Standing::Bound);
        diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Deny);
        for diagnostic in &mut diagnostics {
            diagnostic.severity = Severity::Warn;
        }
        diagnostics
    }

    /// Everything there is to say of `pod` on `profile`, given how firmly it is headed there.
    pub fn judge(&self, profile: &Profile, pod: &PodView, standing: Standing) -> Vec<Diagnostic> {
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        let mut told: Vec<FeatureId> = Vec::new();
        let mut unverified: Vec<&Use> = Vec::new();
        for one in &pod.uses {
            if told.contains(&one.feature) {
                continue;
            }
            let Some((feature, entry, severity)) = self.cell(profile, one, standing) else {
                continue;
            };
            told.push(one.feature);
            if entry.support == Support::Unverified {
                unverified.push(one);
                continue;
            }
            let mut diagnostic = describe(profile, feature, entry, severity);
            diagnostic.places = pod
                .uses
                .iter()
                .filter(|other| other.feature == one.feature)
                .map(|other| self.catalogue.path(self.root, &other.place))
                .collect();
            // Answers must not depend on the order of keys in the object.
            diagnostic.places.sort();
            diagnostics.push(diagnostic);
        }
        diagnostics.extend(self.unverified(profile, standing, &unverified));
        diagnostics
    }

    /// One note on each field that no entry knows, the same for every profile.
    pub fn unknown_fields(&self, pod: &PodView, standing: Standing) -> Vec<Diagnostic> {
        pod.unknown_fields
            .iter()
            .map(|unknown| {
                Diagnostic::new(mild(standing), UNKNOWN_FIELD, format!("no catalogue entry knows the field `{}`", unknown.key))
                    .at(self.catalogue.unknown_path(self.root, unknown))
                    .because("it may be newer than this version of Loadline, or a spelling mistake; what virtual nodes do with it is not known")
                    .help("check the spelling, or update Loadline")
            })
            .collect()
    }

    /// How bad it is that no size of `profile` holds a pod: as bad as requests that are not supported, overrides of those
    /// included. Nothing where that is not to be told.
    pub fn too_large(&self, profile: &Profile, standing: Standing) -> Option<Severity> {
        let changed = self.catalogue.by_name(REQUESTS).and_then(|id| {
            let feature = self.catalogue.feature(id);
            self.overrides.severity(profile, feature, Support::Unsupported, self.namespace)
        });
        match changed {
            Some(changed) => changed.at(standing),
            None if standing == Standing::Bound => Some(Severity::Deny),
            None => Some(Severity::Warn),
        }
    }

    /// How bad it is that `profile` bills a pod as another size than it asks for: a note, or a warning where the pod is
    /// cut down, or what an override of requests that are partly supported says. Nothing where that is not to be told.
    pub fn rounded(&self, profile: &Profile, is_cut: bool) -> Option<Severity> {
        let changed = self.catalogue.by_name(REQUESTS).and_then(|id| {
            let feature = self.catalogue.feature(id);
            self.overrides.severity(profile, feature, Support::Partial, self.namespace)
        });
        // Never a refusal: the pod runs.
        let usual = if is_cut { Severity::Warn } else { Severity::Note };
        changed.map_or(Some(usual), |changed| changed.at(Standing::Eligible))
    }

    fn cell<'p>(
        &self,
        profile: &'p Profile,
        one: &Use,
        standing: Standing,
    ) -> Option<(&Feature, &'p Entry, Severity)> {
        if self.catalogue.daemon_set() == Some(one.feature) {
            return None;
        }
        let feature = self.catalogue.feature(one.feature);
        let entry = profile.entry(one.feature);
        let severity =
            match self.overrides.severity(profile, feature, entry.support, self.namespace) {
                Some(changed) => changed.at(standing)?,
                None => by_table(entry, feature, standing)?,
            };
        Some((feature, entry, severity))
    }

    fn unverified(
        &self,
        profile: &Profile,
        standing: Standing,
        uses: &[&Use],
    ) -> Option<Diagnostic> {
        let mut uses = uses.to_vec();
        uses.sort_by_key(|one| one.feature);
        let names: Vec<&str> =
            uses.iter().map(|one| self.catalogue.feature(one.feature).name.as_str()).collect();
        let count = match names.len() {
            0 => return None,
            1 => "1 feature".to_owned(),
            many => format!("{many} features"),
        };
        let shown = names.get(..names.len().min(5)).unwrap_or_default().join("`, `");
        let more = if names.len() > 5 { " and others" } else { "" };
        let mut diagnostic = Diagnostic::new(
            mild(standing),
            UNVERIFIED,
            format!("{count} of this pod not verified: `{shown}`{more}"),
        )
        .on(profile.name.clone())
        .because("nobody has yet shown what this kind of virtual node does with them")
        .help("try the pod there before you rely on it");
        diagnostic.places =
            uses.iter().map(|one| self.catalogue.path(self.root, &one.place)).collect();
        Some(diagnostic)
    }
}

/// What is worth a line but never a refusal.
const fn mild(standing: Standing) -> Severity {
    match standing {
        Standing::Bound => Severity::Warn,
        Standing::Eligible | Standing::Regular => Severity::Note,
    }
}

fn by_table(entry: &Entry, feature: &Feature, standing: Standing) -> Option<Severity> {
    let grave = if standing == Standing::Bound { Severity::Deny } else { Severity::Warn };
    let light = if entry.mild { Severity::Note } else { Severity::Warn };
    match entry.support {
        Support::Supported => None,
        Support::Unsupported => Some(grave),
        Support::Ignored if feature.is_control() => Some(grave),
        Support::Ignored | Support::Partial => Some(light),
        Support::Unverified => Some(mild(standing)),
    }
}

/// Puts an entry into words.
fn describe(profile: &Profile, feature: &Feature, entry: &Entry, severity: Severity) -> Diagnostic {
    let title = &feature.title;
    let what = match entry.support {
        Support::Supported | Support::Unverified => title.clone(),
        Support::Partial => format!("{title}: only partly supported"),
        Support::Ignored => format!("{title}: ignored"),
        Support::Unsupported => format!("{title}: not supported"),
    };
    let mut diagnostic = Diagnostic::new(severity, feature.name.clone(), what)
        .on(profile.name.clone())
        .because(why(entry, feature))
        .source(cite(entry));
    diagnostic.help.clone_from(&entry.help);
    diagnostic
}

/// What a profile's entry means for a pod that uses the feature: the reason, and what would have happened.
///
/// Of a control that is lost, the general consequence is told beside the profile's own: that a container "runs as its image
/// says" tells only those who know their images.
pub fn why(entry: &Entry, feature: &Feature) -> String {
    let mut why = entry.why();
    let is_silent = match entry.support {
        Support::Ignored => true,
        Support::Unsupported => {
            matches!(entry.effect, Some(Effect::SilentDrop | Effect::SilentChange))
        }
        Support::Partial | Support::Supported | Support::Unverified => false,
    };
    match (&entry.consequence, feature.lost.as_deref().filter(|_| is_silent)) {
        (None, Some(lost)) => {
            why.push_str(", so ");
            why.push_str(lost);
        }
        (Some(consequence), Some(lost)) if feature.is_control() && consequence != lost => {
            why.push_str(": ");
            why.push_str(lost);
        }
        (Some(_), _) => {}
        (None, None) => {
            let is_telling = match entry.support {
                Support::Ignored | Support::Unsupported => entry.effect.is_some(),
                Support::Partial => {
                    matches!(entry.effect, Some(Effect::SilentDrop | Effect::SilentChange))
                }
                Support::Supported | Support::Unverified => false,
            };
            if let Some(effect) = entry.effect.filter(|_| is_telling) {
                why.push_str("; the virtual node ");
                why.push_str(effect.sentence());
            }
        }
    }
    why
}

/// The features of a pod that never reach what stands behind a virtual node, in the order of the catalogue, and how many
/// the pod uses in all.
///
/// Some are lost, and told as findings; others have done their work in this cluster by then, such as a node selector.
pub fn left_behind(profile: &Profile, pod: &PodView) -> (Vec<FeatureId>, usize) {
    let mut used: Vec<FeatureId> = pod.uses.iter().map(|one| one.feature).collect();
    used.sort_unstable();
    used.dedup();
    let count = used.len();
    used.retain(|feature| profile.entry(*feature).is_dropped());
    (used, count)
}

/// What an entry has to say beside its support, each under its word: why, help, source, and the base it is from.
pub fn remarks(entry: &Entry) -> Vec<(&'static str, String)> {
    let source = (!entry.source.is_empty()).then(|| cite(entry));
    let told = [
        ("why", Some(entry.why())),
        ("help", entry.help.clone()),
        ("source", source),
        ("from", entry.from.as_ref().map(|base| format!("the base `{base}`"))),
    ];
    told.into_iter().filter_map(|(key, text)| Some((key, text?))).collect()
}

/// An entry's source, with how and when it was verified.
pub fn cite(entry: &Entry) -> String {
    match &entry.verified {
        None => entry.source.clone(),
        Some(verified) => cite_verified(&entry.source, verified),
    }
}

/// Where a fact comes from, and how and when it was verified.
pub fn cite_verified(source: &str, verified: &Verified) -> String {
    let how = match verified.how {
        Method::Documented => "documented",
        Method::Executed => "executed",
        Method::Source => "read",
    };
    format!("{source} ({how}, {})", verified.date)
}
