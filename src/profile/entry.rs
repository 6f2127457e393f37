//! A fact: what becomes of a feature, what one sees of it, and how we know.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a profile does with a feature.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Support {
    /// Works as on a kubelet.
    Supported,
    /// Works under a condition, or with a changed meaning.
    Partial,
    /// Dropped without an error.
    Ignored,
    /// Refused, stuck or a crash.
    Unsupported,
    /// Nobody has looked, or what was seen proves nothing.
    Unverified,
}

impl Support {
    /// Every level.
    pub const ALL: [Self; 5] =
        [Self::Supported, Self::Partial, Self::Ignored, Self::Unsupported, Self::Unverified];

    /// The word used in the data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Partial => "partial",
            Self::Ignored => "ignored",
            Self::Unsupported => "unsupported",
            Self::Unverified => "unverified",
        }
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one sees when a feature is not supported.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Refused at admission by the provider's own webhook.
    AdmissionDeny,
    /// Passed on; the backend decides.
    BackendDefined,
    /// The provider panics.
    Crash,
    /// The provider refuses the pod after it was scheduled.
    CreateError,
    /// The call reports success and does nothing.
    NoOpSuccess,
    /// A call such as exec or logs returns an error.
    RuntimeError,
    /// Refused by the provider's scheduler, with an event.
    SchedulerDeny,
    /// Replaced or rounded without an error.
    SilentChange,
    /// Dropped without an error.
    SilentDrop,
    /// The pod stays Pending without a status or an event.
    SilentStall,
    /// Not known.
    Unverified,
    /// Takes effect.
    Works,
}

impl Effect {
    /// What becomes of the pod, to be read after the provider's name.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::AdmissionDeny => "refuses it at admission",
            Self::BackendDefined => "leaves it to the backend",
            Self::Crash => "crashes on it",
            Self::CreateError => "refuses the pod after it was scheduled",
            Self::NoOpSuccess => "reports success and does nothing",
            Self::RuntimeError => "answers the call with an error",
            Self::SchedulerDeny => "never schedules the pod",
            Self::SilentChange => "changes it without an error",
            Self::SilentDrop => "drops it without an error",
            Self::SilentStall => "leaves the pod Pending with no event",
            Self::Unverified => "has not been seen to do it",
            Self::Works => "does it",
        }
    }
}

/// How a fact came to be known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The provider's documentation says so.
    Documented,
    /// The provider's own code was run on such a pod.
    Executed,
    /// The provider's source was read.
    Source,
}

/// How and when a fact was verified.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// How.
    pub how: Method,
    /// The day, as `YYYY-MM-DD`.
    pub date: String,
}

/// What a profile does with a feature, and how we know.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// How well it works.
    pub support: Support,
    /// What one sees when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The fact, as a phrase after "because".
    pub reason: String,
    /// What follows, as a phrase after "so".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
    /// What to do instead, imperative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Whether nearly every pod has the field and hardly any notices the difference: noted instead of warned about.
    pub mild: bool,
    /// Whether what is sent to the backend lacks it: it has done its work in this cluster by then, or is lost although the
    /// feature as a whole works or is refused later.
    pub left_behind: bool,
    /// File and line, or address; several are joined by a comma.
    pub source: String,
    /// How and when it was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// The base that it was taken over from; none where the profile says it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl Entry {
    /// The fact and what follows from it, in one phrase.
    pub fn why(&self) -> String {
        match &self.consequence {
            Some(consequence) => format!("{}, so {consequence}", self.reason),
            None => self.reason.clone(),
        }
    }

    /// Whether the backend never hears of it, and no error says so.
    pub fn is_dropped(&self) -> bool {
        self.left_behind
            || self.support == Support::Ignored
            || (self.support == Support::Unsupported
                && matches!(self.effect, Some(Effect::SilentDrop | Effect::SilentChange)))
    }
}
