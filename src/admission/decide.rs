//! The stages in order, on one screen: placement, compatibility, mutation, governance, verdict.

mod amend;
mod constrain;
mod fence;
mod free;
mod govern;
mod lead;
mod preview;
mod ratchet;
mod sent;
mod size;
mod stranded;

use std::cell::OnceCell;

pub use preview::Preview;

use super::review::CLAIMS;
use super::verdict::{Heading, HeadingReason, MARKER, MODE_KEY, Mode, Verdict};
use super::{Object, Pipeline, Request, Stage};
use crate::compat::Judge;
use crate::cost::Cost;
use crate::diagnostic::{Diagnostic, Severity};
use crate::exemption;
use crate::facts::{Facts, NamespaceFact};
use crate::governance::Budget;
use crate::governance::input::Review;
use crate::mutation::Editor;
use crate::path::FieldPath;
use crate::placement::{Placement, Standing};
use crate::pod::PodView;

impl Pipeline {
    /// Decides on a request.
    pub fn decide(&self, facts: &Facts, request: &Request) -> Verdict {
        if amend::concerns(self, request) {
            amend::decide(self, facts, request)
        } else if amend::other::concerns(self, request) {
            amend::other::decide(self, facts, request)
        } else {
            self.decide_as_sent(facts, request)
        }
    }

    /// Decides on the object as it was sent, whatever policies would like to change in it.
    fn decide_as_sent(&self, facts: &Facts, request: &Request) -> Verdict {
        self.decide_with(facts, request, &Shared::default())
    }

    fn decide_with(&self, facts: &Facts, request: &Request, shared: &Shared) -> Verdict {
        let mut verdict = match Decision::new(self, facts, request, shared) {
            Some(decision) => decision.decide(),
            None => Verdict::pass(self.mode_of(facts, request), &self.digest),
        };
        let namespace = facts.namespace(&request.namespace);
        self.constrain(facts, request, namespace, shared, &mut verdict);
        verdict.conclude()
    }

    /// How the namespace of a request is treated.
    fn mode_of(&self, facts: &Facts, request: &Request) -> Mode {
        facts
            .namespace(&request.namespace)
            .and_then(|namespace| namespace.setting(MODE_KEY))
            .and_then(Mode::parse)
            .unwrap_or(self.mode)
    }
}

/// What the policies of one request share: made when the first of them asks for it.
#[derive(Debug, Default)]
struct Shared {
    /// The review as it will be stored.
    review: OnceCell<Review>,
    budget: OnceCell<Budget>,
}

impl Shared {
    /// Those of one of several decisions on a request, which have its time in common.
    fn within(budget: Budget) -> Self {
        Self { review: OnceCell::new(), budget: OnceCell::from(budget) }
    }

    fn budget(&self, request: &Request) -> Budget {
        *self.budget.get_or_init(|| Budget::of(request.time_limit))
    }
}

struct Decision<'a> {
    pipeline: &'a Pipeline,
    facts: &'a Facts,
    request: &'a Request,
    namespace: Option<&'a NamespaceFact>,
    mode: Mode,
    pod: &'a PodView,
    root: FieldPath,
    shared: &'a Shared,
}

/// Where the pod is headed after the first edits, and what was found on the way.
struct Course {
    editor: Editor,
    /// Where it was headed when it came in.
    heading: Placement,
    /// Where it is headed now.
    placement: Placement,
    diagnostics: Vec<Diagnostic>,
    /// What it comes to there, once that is settled.
    costs: Vec<Cost>,
}

impl<'a> Decision<'a> {
    /// Nothing where there is nothing to decide.
    fn new(
        pipeline: &'a Pipeline,
        facts: &'a Facts,
        request: &'a Request,
        shared: &'a Shared,
    ) -> Option<Self> {
        let mode = pipeline.mode_of(facts, request);
        let (pod, root) = match &request.object {
            Object::Pod(pod) => (pod, FieldPath::root()),
            Object::Workload { pod, template } => (pod, FieldPath::keys(template)),
            Object::None | Object::Other => return None,
        };
        // Deleting must always be possible, and so must the updates on the way there (finalizers).
        if mode == Mode::Off
            || (pod.is_being_deleted && matches!(request.object, Object::Pod(_)))
            || !matches!(request.operation.as_str(), "CREATE" | "UPDATE")
        {
            return None;
        }
        let namespace = facts.namespace(&request.namespace);
        Some(Self { pipeline, facts, request, namespace, mode, pod, root, shared })
    }
}

impl Decision<'_> {
    fn decide(&self) -> Verdict {
        let mut course = match self.asked() {
            Ok(None) => self.free(),
            Ok(Some((profile, reason))) => self.sent(profile, reason),
            Err(diagnostic) => {
                let mut verdict = Verdict::pass(self.mode, &self.pipeline.digest);
                verdict.diagnostics.push(*diagnostic);
                return self.soften(verdict);
            }
        };
        if course.heading.standing == Standing::Regular && course.diagnostics.is_empty() {
            return self.regular();
        }
        if self.is_final() {
            self.judge(&mut course);
        }
        self.finish(&mut course);
        if self.is_final() {
            let diagnostics = self.govern(&course.placement, &course.editor);
            course.diagnostics.extend(diagnostics);
        }
        let verdict = Verdict {
            allowed: true,
            mode: self.mode,
            placement: self.describe(&course.heading),
            diagnostics: course.diagnostics,
            costs: course.costs,
            changes: course.editor.changes,
            patch: course.editor.patch,
            bundle: self.pipeline.digest.clone(),
        };
        self.soften(verdict)
    }

    /// The edits that come last: the fence, and the mark of who judged the pod.
    fn finish(&self, course: &mut Course) {
        self.fence(course);
        if course.heading.standing != Standing::Regular {
            course.editor.annotate(
                MARKER,
                &self.pipeline.digest,
                "shows which bundle judged the pod",
            );
        }
    }

    /// A pod that no virtual node concerns: governed where a policy says so, never touched.
    fn regular(&self) -> Verdict {
        let mut verdict = Verdict::pass(self.mode, &self.pipeline.digest);
        if self.is_final() {
            verdict.diagnostics =
                self.govern(&Placement::regular(), &Editor::new(self.pod.clone()));
        }
        self.soften(verdict)
    }

    /// Whether the object is as it will be stored, so that judging it is of use.
    fn is_final(&self) -> bool {
        self.request.stage != Stage::Mutate
    }

    fn judge_with(&self) -> Judge<'_> {
        Judge {
            catalogue: &self.pipeline.catalogue,
            overrides: &self.pipeline.overrides,
            namespace: &self.request.namespace,
            root: &self.root,
        }
    }

    /// Judges the pod on every profile that is still within reach.
    fn judge(&self, course: &mut Course) {
        let judge = self.judge_with();
        let reaches = &course.placement.reaches;
        let refusing = reaches
            .iter()
            .filter(|reach| {
                let profile = self.pipeline.profile(reach.profile);
                judge.refuses(profile, self.pod) || self.is_too_large(profile)
            })
            .count();
        // Denied only where nothing else is left: one profile that takes the pod is enough, and then those that would
        // not are told more mildly.
        let is_settled = refusing == 0 || refusing == reaches.len();
        let standing = if course.placement.standing == Standing::Bound && is_settled {
            Standing::Bound
        } else {
            Standing::Eligible
        };
        for reach in reaches {
            let profile = self.pipeline.profile(reach.profile);
            course.diagnostics.extend(judge.judge(profile, self.pod, standing));
            course.diagnostics.extend(self.too_large(profile, standing));
        }
        course.costs = self.costs(&course.placement);
        // Where a pod may go to several, what it comes to is not yet known.
        if let ([reach], [cost], Standing::Bound) =
            (reaches.as_slice(), course.costs.as_slice(), course.placement.standing)
        {
            course.diagnostics.extend(self.rounded(cost, self.pipeline.profile(reach.profile)));
        }
        if !reaches.is_empty() {
            course.diagnostics.extend(judge.unknown_fields(self.pod, course.placement.standing));
        }
    }

    /// Takes back what does not fit the request: nothing is refused at a workload, nothing is changed on an update, and
    /// an update that makes nothing worse passes.
    fn soften(&self, mut verdict: Verdict) -> Verdict {
        if !self.pipeline.exemptions.is_empty() {
            let subject = exemption::Subject {
                namespace: &self.request.namespace,
                labels: self.pod.labels.as_deref().unwrap_or_default(),
                today: self.request.today,
            };
            exemption::apply(&self.pipeline.exemptions, &subject, &mut verdict.diagnostics);
        }
        let is_pod = matches!(self.request.object, Object::Pod(_));
        if !is_pod {
            for diagnostic in &mut verdict.diagnostics {
                diagnostic.severity = diagnostic.severity.max(Severity::Warn);
                // What no field of the template shows comes of the claims beside it.
                for place in diagnostic.places.iter_mut().filter(|place| **place == self.root) {
                    *place = self.root.parent().key(CLAIMS).index(0);
                }
            }
        }
        if !is_pod || self.request.operation != "CREATE" {
            verdict.changes.clear();
            verdict.patch.clear();
        }
        self.drop_missing_fence(&mut verdict.diagnostics);
        self.drop_old(&mut verdict.diagnostics);
        verdict
    }

    /// Where the pod says that a DaemonSet owns it, or the root of a DaemonSet's template.
    fn daemon_set(&self) -> Option<FieldPath> {
        if self.request.kind.kind == "DaemonSet" && self.request.kind.group == "apps" {
            return Some(FieldPath::keys("kind"));
        }
        let id = self.pipeline.catalogue.daemon_set()?;
        let one = self.pod.uses.iter().find(|one| one.feature == id)?;
        Some(self.pipeline.catalogue.path(&self.root, &one.place))
    }

    /// Where one of Loadline's settings stands: on the pod, or else on its namespace.
    fn own_field(&self, key: &str) -> FieldPath {
        let section =
            if self.pod.label(key).is_some() { "metadata.labels" } else { "metadata.annotations" };
        self.root.clone().join(FieldPath::keys(section)).key(key)
    }

    fn describe(&self, placement: &Placement) -> Heading {
        Heading {
            standing: placement.standing,
            profiles: placement
                .reaches
                .iter()
                .map(|reach| HeadingReason {
                    profile: self.pipeline.profile(reach.profile).name.clone(),
                    reason: reach.reason.to_string(),
                })
                .collect(),
        }
    }
}
