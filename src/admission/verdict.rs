//! The answer: [`Verdict`].

use json_patch::PatchOperation;
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::cost::Cost;
use crate::diagnostic::{Diagnostic, Severity};
use crate::placement::Standing;

/// Key of the annotation on every pod that was judged; its value is the bundle's digest.
pub const MARKER: &str = "loadline.dev/admitted";

/// Key of the label on a namespace that says how it is treated.
pub const MODE_KEY: &str = "loadline.dev/mode";

/// How a namespace is treated.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Findings are recorded; nothing is refused, changed or told.
    Audit,
    /// Findings of severity deny refuse the object.
    #[default]
    Enforce,
    /// Nothing is looked at.
    Off,
    /// Nothing is refused; the author is told.
    Warn,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Audit, Self::Enforce, Self::Off, Self::Warn];

    /// The word people write.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Enforce => "enforce",
            Self::Off => "off",
            Self::Warn => "warn",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// Where the pod is headed, in words.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Heading {
    /// How firmly.
    pub standing: Standing,
    /// The profiles within reach, with the reason for each.
    pub profiles: Vec<HeadingReason>,
}

/// A profile within reach, and why.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct HeadingReason {
    /// Name of the profile.
    pub profile: String,
    /// Why it is within reach.
    pub reason: String,
}

/// The answer to a request.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whether the object is admitted.
    pub allowed: bool,
    /// How its namespace is treated.
    pub mode: Mode,
    /// Where the pod was headed when it came in.
    pub placement: Heading,
    /// What there is to say, worst first.
    pub diagnostics: Vec<Diagnostic>,
    /// What an hour of the pod comes to on each profile that it may go to, where sizes or prices of that are known: an
    /// estimate. Worked out when the object is final.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<Cost>,
    /// What is changed, and why.
    pub changes: Vec<Change>,
    /// The same as operations on the raw object.
    pub patch: Vec<PatchOperation>,
    /// Digest of the bundle that decided.
    pub bundle: String,
}

impl Verdict {
    /// An object that concerns no virtual node.
    pub fn pass(mode: Mode, bundle: &str) -> Self {
        Self {
            allowed: true,
            mode,
            placement: Heading { standing: Standing::Regular, profiles: Vec::new() },
            diagnostics: Vec::new(),
            costs: Vec::new(),
            changes: Vec::new(),
            patch: Vec::new(),
            bundle: bundle.to_owned(),
        }
    }

    /// Draws the conclusion: sorts, applies the mode, and says whether the object is admitted.
    #[must_use]
    pub fn conclude(mut self) -> Self {
        self.merge();
        match self.mode {
            Mode::Enforce => {}
            Mode::Warn => {
                for diagnostic in &mut self.diagnostics {
                    diagnostic.severity = diagnostic.severity.max(Severity::Warn);
                }
                self.merge();
            }
            Mode::Audit | Mode::Off => {
                self.changes.clear();
                self.patch.clear();
            }
        }
        self.allowed = self.mode != Mode::Enforce
            || self.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Deny);
        if !self.allowed {
            // A patch beside a refusal would be thrown away by the API server.
            self.patch.clear();
        }
        self
    }

    /// Sorts the diagnostics, worst first, and says once what is true of several profiles.
    fn merge(&mut self) {
        self.diagnostics.sort();
        let mut merged: Vec<Diagnostic> = Vec::with_capacity(self.diagnostics.len());
        for diagnostic in self.diagnostics.drain(..) {
            let other = match merged.last_mut() {
                Some(last) => last.absorb(diagnostic),
                None => Some(diagnostic),
            };
            merged.extend(other);
        }
        merged.dedup();
        self.diagnostics = merged;
    }

    /// How many diagnostics there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}
