//! The fence of a pod that is headed for a virtual node: which one it gets, and what would let it out.
//!
//! Who may weaken whom: a namespace, or else a profile, says what its pods get at least; a pod may ask for a stricter fence
//! and never for a weaker one, as whoever writes the pod is whom the fence is against. Fences are ordered, see
//! [`Fence::strictest`].
//!
//! The label of fenced pods is Loadline's own word, and the controller goes by it. Where a pod is to be fenced, the label is
//! set, whatever stood there. Where no fence is asked for, a pod that has it is refused, and it is not taken off: its author
//! copied it from a pod that was fenced and may rely on the fence, and a pod that starts without is what nobody would notice.
//! To leave it would be worse: policies add up, so the one that it calls for can open what others in the namespace close.

use super::{Course, Decision};
use crate::admission::verdict::Mode;
use crate::admission::{Object, Stage};
use crate::compat::cite;
use crate::diagnostic::codes::{
    FENCE_MISSING, FENCE_NODE_NAME, FENCE_NOT_PUT_UP, FENCE_WEAKER, FENCED_LABEL_SET,
};
use crate::diagnostic::{Diagnostic, Severity, suggest};
use crate::fence::{FENCE_GATE, FENCE_KEY, FENCED_LABEL, Fence};
use crate::path::FieldPath;
use crate::profile::{Profile, Support};

/// The name for no fence at all.
const NO_FENCE: &str = "none";

impl Decision<'_> {
    /// Fences a pod that is headed for a virtual node, where its namespace, a profile or the pod itself wants that.
    pub(super) fn fence(&self, course: &mut Course) {
        let reaches = &course.placement.reaches;
        let reached: Vec<&Profile> =
            reaches.iter().map(|reach| self.pipeline.profile(reach.profile)).collect();
        if reached.is_empty() {
            return;
        }
        let fence = match self.fence_of(&reached, &mut course.diagnostics) {
            Ok(Some(fence)) => fence,
            Ok(None) => {
                course.diagnostics.extend(self.unasked_label());
                return;
            }
            Err(unknown) => {
                course.diagnostics.push(*unknown);
                return;
            }
        };
        let has_controller = self.facts.has_controller();
        if !has_controller {
            course.diagnostics.push(
                Diagnostic::new(
                    Severity::Warn,
                    FENCE_NOT_PUT_UP,
                    format!("the fence `{}` is not put up", fence.as_str()),
                )
                .because("this server follows no cluster, so nobody applies its network policy")
                .help("run `loadline serve` in the cluster, or with `--kubeconfig`"),
            );
        }
        if self.is_final() {
            let unenforced = reached
                .iter()
                .filter(|profile| profile.network_policy.entry.support != Support::Supported)
                .map(|profile| unenforced(profile, fence));
            course.diagnostics.extend(unenforced);
        }
        let is_new = self.request.operation == "CREATE" && self.request.old_pod.is_none();
        if let Some(node) = self.pod.node_name.as_ref().filter(|_| is_new && has_controller) {
            course.diagnostics.push(self.named_node(node, fence));
        }
        // A pod that is placed already cannot be held back: the API server refuses gates beside a node name.
        let is_gated = is_new && has_controller && self.pod.node_name.is_none();
        course.diagnostics.extend(self.label_of(fence, is_gated));
        let reason = format!("the fence `{}` is asked for with `{FENCE_KEY}`", fence.as_str());
        course.editor.set_label(FENCED_LABEL, fence.as_str(), &reason);
        if is_gated {
            course.editor.gate(FENCE_GATE, &reason);
        }
    }

    /// The fence that the pod gets: what its namespace or else the profiles ask for, or what the pod asks for where that is
    /// stricter. Tells of a pod that asks for less.
    ///
    /// Fails where somebody asks for a fence that there is not.
    fn fence_of(
        &self,
        reached: &[&Profile],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<Option<Fence>, Box<Diagnostic>> {
        let unknown = |name: &str, place: Option<FieldPath>| {
            let what = format!("there is no fence `{name}`");
            let mut diagnostic = Diagnostic::new(Severity::Deny, "unknown-fence", what)
                .because("a pod that should be fenced must not run without its fence")
                .help(suggest::help(name, Fence::ALL.map(Fence::as_str)));
            diagnostic.places.extend(place);
            Box::new(diagnostic)
        };
        let own_place = || self.own_field(FENCE_KEY);
        let own = match self.pod.own_setting(FENCE_KEY) {
            None => None,
            Some(name) => Some(named(name).map_err(|name| unknown(name, Some(own_place())))?),
        };
        let asked = self.namespace.and_then(|one| one.setting(FENCE_KEY));
        let (names, who) = match asked {
            Some(name) => (vec![name], "namespace"),
            None => (reached.iter().filter_map(|one| one.fence.as_deref()).collect(), "profile"),
        };
        let mut at_least = None;
        for name in names {
            let fence = named(name).map_err(|name| unknown(name, None))?;
            at_least = Fence::strictest(at_least, fence);
        }
        let fence = Fence::strictest(at_least, own.flatten());
        if let (Some(own), Some(fence)) = (own, fence)
            && own != Some(fence)
        {
            let (asked, stands) = (own.map_or(NO_FENCE, Fence::as_str), fence.as_str());
            diagnostics.push(
                Diagnostic::new(
                    Severity::Warn,
                    FENCE_WEAKER,
                    format!(
                        "the pod asks for the fence `{asked}` and gets the stricter `{stands}`"
                    ),
                )
                .at(own_place())
                .because(format!("its {who} asks for that, and a pod may only ask for more"))
                .help(format!("remove `{FENCE_KEY}` from the pod, or change it on the {who}")),
            );
        }
        Ok(fence)
    }

    /// What is wrong with a label of fenced pods on a pod for which nobody asks for a fence.
    fn unasked_label(&self) -> Option<Diagnostic> {
        let value = self.pod.label(FENCED_LABEL)?;
        // One that waits at our gate, too, gets what the label says, as if it had asked. So it is with a pod whose namespace
        // asks for a fence of which this replica has not heard yet, and the one that was asked first has.
        if self.has_gate() && Fence::parse(value).is_some() {
            return None;
        }
        let what = format!("the pod says `{FENCED_LABEL}: {value}`, but no fence is asked for");
        Some(
            Diagnostic::new(Severity::Deny, FENCED_LABEL_SET, what)
                .at(self.label_field())
                .because("Loadline sets this label itself, and policies select pods by it")
                .help(format!("remove the label, or ask for a fence with `{FENCE_KEY}`")),
        )
    }

    /// What there is to say of the label before it is set, and where it should have been set before.
    fn label_of(&self, fence: Fence, is_gated: bool) -> Option<Diagnostic> {
        let label = self.pod.label(FENCED_LABEL);
        let is_right = label == Some(fence.as_str());
        let is_pod = matches!(self.request.object, Object::Pod(_));
        if is_pod && (self.request.stage == Stage::Validate || self.request.operation != "CREATE") {
            // In an audit nothing is changed, so it is not missing.
            let is_missing = !is_right || (is_gated && !self.has_gate());
            return (is_missing && self.mode != Mode::Audit).then(|| {
                let what = format!("the pod comes without its fence `{}`", fence.as_str());
                let mut diagnostic = Diagnostic::new(Severity::Deny, FENCE_MISSING, what)
                    .because("the mutating webhook was not asked, or somebody changed the label or the gate after it")
                    .help("try again; if that does not help, look at the mutating webhooks of the cluster");
                diagnostic.places.extend(label.map(|_| self.label_field()));
                diagnostic
            });
        }
        let value = label.filter(|_| !is_right)?;
        let what = format!(
            "the label `{FENCED_LABEL}` says `{value}`, and is set to `{}`",
            fence.as_str()
        );
        Some(
            Diagnostic::new(Severity::Warn, FENCED_LABEL_SET, what)
                .at(self.label_field())
                .because("Loadline sets this label itself, to the fence that the pod gets")
                .help(format!("remove the label; `{FENCE_KEY}` is the one that asks for a fence")),
        )
    }

    /// Drops the finding that a new pod has no fence where it is refused anyhow: a refusal has no patch, so the pod comes to
    /// validation as it was sent, and the fence that is missing is not what its author has to put right.
    ///
    /// To be asked once exemptions are applied: what is exempt refuses nothing.
    pub(super) fn drop_missing_fence(&self, diagnostics: &mut Vec<Diagnostic>) {
        let refuses =
            |one: &Diagnostic| one.severity == Severity::Deny && one.code != FENCE_MISSING;
        if self.mode == Mode::Enforce
            && self.request.operation == "CREATE"
            && diagnostics.iter().any(refuses)
        {
            diagnostics.retain(|one| one.code != FENCE_MISSING);
        }
    }

    /// What is wrong with a pod that cannot be held back.
    ///
    /// Mirror pods are no exception: a virtual node has no static pods that they could mirror, and anybody can write their
    /// annotation.
    fn named_node(&self, node: &str, fence: Fence) -> Diagnostic {
        let what = format!(
            "the pod names its node `{node}`, so it cannot wait for its fence `{}`",
            fence.as_str()
        );
        Diagnostic::new(Severity::Deny, FENCE_NODE_NAME, what)
            .at(self.field("spec.nodeName"))
            .because("a pod that names its node starts at once, before its network policy is there")
            .help("remove `nodeName` and leave the node to the scheduler: a required node affinity or a node selector leads it there")
    }

    fn has_gate(&self) -> bool {
        let gates = self.pod.scheduling_gates.as_deref().unwrap_or_default();
        gates.iter().any(|gate| gate.name == FENCE_GATE)
    }

    fn label_field(&self) -> FieldPath {
        self.field("metadata.labels").key(FENCED_LABEL)
    }
}

/// Reads the name of a fence, or of none; gives it back where it is neither.
fn named(name: &str) -> Result<Option<Fence>, &str> {
    match Fence::parse(name) {
        None if name != NO_FENCE => Err(name),
        fence => Ok(fence),
    }
}

fn unenforced(profile: &Profile, fence: Fence) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(
        Severity::Warn,
        "network-policy-not-enforced",
        format!("the fence `{}` has no effect", fence.as_str()),
    )
    .on(profile.name.clone())
    .because(profile.network_policy.entry.reason.clone())
    .source(cite(&profile.network_policy.entry));
    diagnostic.help.clone_from(&profile.network_policy.instead);
    diagnostic
}
