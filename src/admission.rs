//! The pipeline: [`Pipeline::decide`] is the only decider.
//!
//! It is pure: no I/O, no globals, and the same pipeline, facts and request give the same answer, byte for byte. One
//! exception, named: the time limit of a Rego policy reads a clock inside the engine; hitting it is a policy error.

mod decide;
pub mod review;
pub mod verdict;

use std::sync::Arc;
use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::compat::Overrides;
use crate::date::Date;
use crate::diagnostic::suggest;
use crate::exemption::Exemption;
use crate::governance::Policy;
use crate::governance::gatekeeper::Constraints;
use crate::governance::gatekeeper::Synced;
use crate::governance::gatekeeper::mutators::Mutators;
use crate::pod::PodView;
use crate::profile::{Profile, ProfileId};
use verdict::Mode;

pub use decide::Preview;

/// An immutable, configured decider.
#[derive(Debug)]
pub struct Pipeline {
    /// All features.
    pub catalogue: Catalogue,
    /// All kinds of virtual nodes, in the order of their names.
    pub profiles: Vec<Profile>,
    /// Names of the profiles that there are and that the configuration leaves out.
    pub disabled: Vec<String>,
    /// Cells of the severity table that were changed.
    pub overrides: Overrides,
    /// Governance.
    pub policies: Vec<Policy>,
    /// Governance by Gatekeeper's policies.
    pub constraints: Constraints,
    /// Changes by Gatekeeper's mutators.
    pub mutators: Mutators,
    /// What is odd about the configuration without being wrong, with file, line and column.
    pub notices: Vec<String>,
    /// Recorded permissions.
    pub exemptions: Vec<Exemption>,
    /// How namespaces that do not say are treated.
    pub mode: Mode,
    /// One name for all of this, in every marker, log and report.
    pub digest: String,
}

impl Pipeline {
    /// The profile of an id that this pipeline gave out.
    pub fn profile(&self, id: ProfileId) -> &Profile {
        #[expect(
            clippy::indexing_slicing,
            reason = "ids are given out by the bundle that made this pipeline"
        )]
        &self.profiles[id.index()]
    }

    /// Whether there is anything that runs Rego.
    pub fn runs_policies(&self) -> bool {
        !self.policies.is_empty() || !self.constraints.is_empty()
    }

    /// Whether deciding on a request surely ends when its time is up.
    pub fn keeps_time(&self, request: &Request) -> bool {
        let kind = &request.kind;
        self.policies.iter().all(Policy::keeps_time)
            && self.constraints.keep_time(&kind.group, &kind.kind, &request.operation)
    }

    /// The kinds of objects that policies want to know, each once.
    pub fn synced(&self) -> Vec<Synced> {
        let mut kinds = self.constraints.synced.clone();
        kinds.extend(
            self.policies.iter().flat_map(|policy| policy.metadata.inventory.iter().cloned()),
        );
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// The profile of that name.
    pub fn profile_named(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// What to say of a name that is none of [`profiles`](Self::profiles), and what helps. `others` are names that would do
    /// beside theirs.
    pub fn no_profile<'a>(
        &'a self,
        name: &str,
        others: impl IntoIterator<Item = &'a str>,
    ) -> (String, String) {
        let mut names: Vec<&str> =
            self.profiles.iter().map(|profile| profile.name.as_str()).collect();
        names.extend(others);
        if self.disabled.iter().any(|known| known == name) {
            let what = format!("the profile `{name}` is not enabled");
            let help = format!(
                "add `{name}` to `spec.profiles` of the configuration, or use one of: {}",
                names.join(", ")
            );
            return (what, help);
        }
        (format!("there is no profile `{name}`"), suggest::help(name, names))
    }
}

/// Which of the two webhooks asks. Both are answered by the same decision.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stage {
    /// `/mutate`: placement, injection, keeping off. Governance waits for the final object.
    Mutate,
    /// `/validate`: compatibility and governance of the final object.
    Validate,
    /// Both in one, as on the command line.
    #[default]
    Whole,
}

/// Group, version and kind.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
}

/// The object under review, as far as it matters.
#[derive(Clone, Debug, Default)]
pub enum Object {
    /// None, as for DELETE.
    #[default]
    None,
    /// One that Loadline has nothing to say about.
    Other,
    /// A pod.
    Pod(Box<PodView>),
    /// A workload with a pod template.
    Workload {
        /// Where the template stands, in plain keys.
        template: &'static str,
        /// Its pod.
        pod: Box<PodView>,
    },
}

/// One object submitted: who, what, where.
#[derive(Clone, Debug)]
pub struct Request {
    /// Echoed in the answer.
    pub uid: String,
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`.
    pub operation: String,
    /// What kind the object is.
    pub kind: Kind,
    /// `pods`.
    pub resource: String,
    /// `ephemeralcontainers`, empty for the resource itself.
    pub sub_resource: String,
    /// Namespace, empty when there is none.
    pub namespace: String,
    /// Name, empty when the API server has not yet made one.
    pub name: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The object as it is wanted.
    pub object: Object,
    /// The pod as it was, for updates.
    pub old_pod: Option<Box<PodView>>,
    /// Which webhook asks.
    pub stage: Stage,
    /// A profile named by the caller, as `check --profile` does.
    pub asked_profile: Option<String>,
    /// How much time is left for policies.
    pub time_limit: Duration,
    /// The day on which it came in, in UTC; exemptions end.
    pub today: Option<Date>,
    /// The review as received; a tree is made of it only when a policy needs one.
    pub body: Arc<[u8]>,
}
