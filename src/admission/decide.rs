//! The stages in order, on one screen: placement, compatibility, mutation, governance, verdict.

use serde_json::json;

use super::verdict::{Heading, HeadingReason, MARKER, MODE_KEY, Mode, Verdict};
use super::{Object, Pipeline, Request, Stage};
use crate::catalogue::DAEMON_SET;
use crate::compat::{Judge, cite};
use crate::diagnostic::{Diagnostic, Severity, suggest};
use crate::facts::{Facts, NamespaceFact};
use crate::fence::{FENCE_GATE, FENCE_KEY, FENCED_LABEL, Fence};
use crate::governance::{self, Subject, input};
use crate::mutation::{self, Editor};
use crate::path::FieldPath;
use crate::placement::{NO_PROFILE, Placement, Reach, Reason, Standing};
use crate::pod::{PodView, Use};
use crate::profile::{PROFILE_KEY, Profile, Support};

impl Pipeline {
    /// Decides on a request.
    pub fn decide(&self, facts: &Facts, request: &Request) -> Verdict {
        let namespace = facts.namespace(&request.namespace);
        let mode = namespace
            .and_then(|namespace| namespace.setting(MODE_KEY))
            .and_then(Mode::parse)
            .unwrap_or(self.mode);
        let pass = || Verdict::pass(mode, &self.digest);
        let (pod, root) = match &request.object {
            Object::Pod(pod) => (pod, FieldPath::root()),
            Object::Workload { pod, template } => (pod, FieldPath::keys(template)),
            Object::None | Object::Other => return pass(),
        };
        // Deleting must always be possible, and so must the updates on the way there (finalizers).
        if mode == Mode::Off
            || pod.is_being_deleted
            || !matches!(request.operation.as_str(), "CREATE" | "UPDATE")
        {
            return pass();
        }
        Decision {
            pipeline: self,
            facts,
            request,
            namespace,
            mode,
            pod,
            root,
        }
        .decide()
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
}

/// Where the pod is headed after the first edits, and what was found on the way.
struct Course {
    editor: Editor,
    /// Where it was headed when it came in.
    heading: Placement,
    /// Where it is headed now.
    placement: Placement,
    diagnostics: Vec<Diagnostic>,
}

impl Decision<'_> {
    fn decide(&self) -> Verdict {
        let mut course = match self.asked() {
            Ok(None) => self.free(),
            Ok(Some((profile, reason))) => self.sent(profile, reason),
            Err(diagnostic) => {
                let mut verdict = Verdict::pass(self.mode, &self.pipeline.digest);
                verdict.diagnostics.push(diagnostic);
                return self.soften(verdict).conclude();
            }
        };
        if course.heading.standing == Standing::Regular && course.diagnostics.is_empty() {
            return self.regular();
        }
        if self.is_final() {
            self.judge(&mut course);
        }
        self.fence(&mut course);
        if course.heading.standing != Standing::Regular {
            course.editor.annotate(
                MARKER,
                &self.pipeline.digest,
                "shows which bundle judged the pod",
            );
        }
        if self.is_final() {
            let diagnostics = self.govern(&course.placement, &course.editor);
            course.diagnostics.extend(diagnostics);
        }
        let verdict = Verdict {
            allowed: true,
            mode: self.mode,
            placement: self.describe(&course.heading),
            diagnostics: course.diagnostics,
            changes: course.editor.changes,
            patch: course.editor.patch,
            bundle: self.pipeline.digest.clone(),
        };
        self.soften(verdict).conclude()
    }

    /// A pod that no virtual node concerns: governed where a policy says so, never touched.
    fn regular(&self) -> Verdict {
        let mut verdict = Verdict::pass(self.mode, &self.pipeline.digest);
        if self.is_final() {
            verdict.diagnostics =
                self.govern(&Placement::regular(), &Editor::new(self.pod.clone()));
        }
        self.soften(verdict).conclude()
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

    /// The profile that somebody asks for.
    fn asked(&self) -> Result<Option<(&Profile, Reason)>, Diagnostic> {
        let asked = self
            .request
            .asked_profile
            .as_deref()
            .map(|name| (name, Reason::AskedByCaller))
            .or_else(|| {
                self.pod
                    .own_setting(PROFILE_KEY)
                    .map(|name| (name, Reason::AskedByPod))
            })
            .or_else(|| {
                // A namespace speaks for the pods that the scheduler places; not for those that are placed already, nor
                // for those that belong to a node.
                let may = self.pod.node_name.is_none() && self.daemon_set().is_none();
                self.namespace
                    .filter(|_| may)?
                    .setting(PROFILE_KEY)
                    .map(|name| (name, Reason::AskedByNamespace))
            });
        let Some((name, reason)) = asked.filter(|(name, _)| *name != NO_PROFILE) else {
            return Ok(None);
        };
        let profiles = &self.pipeline.profiles;
        match self.pipeline.profile_named(name) {
            Some(profile) => Ok(Some((profile, reason))),
            None => Err(Diagnostic::new(
                Severity::Deny,
                "unknown-profile",
                format!("there is no profile `{name}`"),
            )
            .at(self.own_field(PROFILE_KEY))
            .because(format!("{reason}, but no profile has that name"))
            .help(suggest::help(
                name,
                profiles.iter().map(|profile| profile.name.as_str()),
            ))),
        }
    }

    /// A pod that was sent to a profile: it gets what that profile needs.
    fn sent(&self, profile: &Profile, reason: Reason) -> Course {
        let mut editor = Editor::new(self.pod.clone());
        let mut diagnostics = Vec::new();
        let why = format!("{reason}: `{}`", profile.name);
        editor.tolerate(&profile.inject.tolerations, &why);
        let conflicts = editor.select(&profile.inject.node_selector, &why);
        editor.label(&profile.inject.labels, &why);
        for conflict in conflicts {
            let place = self
                .root
                .clone()
                .join(FieldPath::keys("spec.nodeSelector"))
                .key(&conflict.key);
            diagnostics.push(
                Self::contradiction(
                    reason,
                    format!(
                        "the node selector wants `{}: {}`, which nodes of `{}` do not have",
                        conflict.key, conflict.has, profile.name
                    ),
                )
                .at(place)
                .help(format!("remove it, or set it to `{}`", conflict.needs)),
            );
        }
        let nodes: Vec<_> = self
            .facts
            .cluster()
            .into_iter()
            .flat_map(|cluster| cluster.of_profile(&profile.name))
            .collect();
        let open = |editor: &Editor| match (&editor.pod.node_name, nodes.as_slice()) {
            (Some(name), []) => profile.has_node_named(name),
            (Some(name), nodes) => nodes.iter().any(|node| node.name == *name),
            (None, []) => profile
                .node
                .as_ref()
                .is_none_or(|node| crate::placement::filter::admits(&editor.pod, node)),
            (None, nodes) => nodes
                .iter()
                .any(|node| crate::placement::filter::admits(&editor.pod, node)),
        };
        if diagnostics.is_empty() && !profile.claims(self.pod) && !open(&editor) {
            // Taints change between versions of a provider; what the nodes carry today is what counts.
            if let Some(node) = nodes.first() {
                let tolerations: Vec<_> = crate::placement::filter::repelling(&node.taints)
                    .map(tolerating)
                    .collect();
                editor.tolerate(
                    &tolerations,
                    &format!("the nodes of `{}` carry this taint today", profile.name),
                );
            }
            if !open(&editor) {
                diagnostics.push(
                    Self::contradiction(
                        reason,
                        format!(
                            "the pod's own scheduling constraints exclude every node of `{}`",
                            profile.name
                        ),
                    )
                    .at(self
                        .root
                        .clone()
                        .join(FieldPath::keys(if self.pod.node_name.is_some() {
                            "spec.nodeName"
                        } else {
                            "spec.affinity"
                        })))
                    .help("remove the constraint, or the request for the profile"),
                );
            }
        }
        if let (Some(_), []) = (self.facts.cluster(), nodes.as_slice())
            && profile.claims.is_empty()
        {
            diagnostics.push(
                Diagnostic::new(
                    Severity::Warn,
                    "no-such-node",
                    format!("the cluster has no node of `{}` now", profile.name),
                )
                .because("the pod will wait until one registers"),
            );
        }
        let placement = Placement::asked(profile.id, reason);
        Course {
            editor,
            heading: placement.clone(),
            placement,
            diagnostics,
        }
    }

    fn contradiction(reason: Reason, what: String) -> Diagnostic {
        Diagnostic::new(Severity::Deny, "placement-contradiction", what).because(format!(
            "{reason}, and what the user wrote is never replaced"
        ))
    }

    /// A pod that goes where the scheduler puts it: it is kept off the virtual nodes that would fail it.
    fn free(&self) -> Course {
        let profiles = &self.pipeline.profiles;
        let heading = Placement::predict(self.facts, profiles, self.pod);
        let mut course = Course {
            editor: Editor::new(PodView::default()),
            placement: heading.clone(),
            heading,
            diagnostics: Vec::new(),
        };
        if course.heading.standing == Standing::Regular {
            return course;
        }
        course.editor = Editor::new(self.pod.clone());
        let judge = self.judge_with();
        let daemon_set = self.daemon_set();
        let (unfit, fit): (Vec<Reach>, Vec<Reach>) =
            course.heading.reaches.iter().partition(|reach| {
                let profile = self.pipeline.profile(reach.profile);
                let is_stray =
                    daemon_set.is_some() && profile.daemon_sets.support != Support::Supported;
                is_stray || judge.refuses(profile, self.pod)
            });
        let has_other_water = course.heading.standing == Standing::Eligible || !fit.is_empty();
        if unfit.is_empty() || !(has_other_water || daemon_set.is_some()) {
            return course;
        }
        let mut editor = course.editor.clone();
        for reach in &unfit {
            let profile = self.pipeline.profile(reach.profile);
            let reason = match &daemon_set {
                Some(_) => format!("pods of a DaemonSet do not run on `{}`", profile.name),
                None => format!(
                    "`{}` would fail this pod, and it can run elsewhere",
                    profile.name
                ),
            };
            editor.keep_off(&profile.keep_off, &reason);
        }
        let placement = Placement::predict(self.facts, profiles, &editor.pod);
        let leaves_none =
            placement.standing == Standing::Regular && course.heading.standing == Standing::Bound;
        if leaves_none && daemon_set.is_none() {
            // What keeps it off the one keeps it off the other too: nothing is gained.
            return course;
        }
        let kept_off = unfit
            .iter()
            .filter(|reach| !placement.includes(reach.profile));
        for reach in kept_off {
            let profile = self.pipeline.profile(reach.profile);
            if let Some(place) = daemon_set
                .clone()
                .filter(|_| profile.daemon_sets.support != Support::Supported)
            {
                course.diagnostics.push(self.stray(profile, place));
            } else {
                course
                    .diagnostics
                    .extend(judge.unfitness(profile, self.pod));
            }
        }
        course.editor = editor;
        course.placement = placement;
        course
    }

    /// Judges the pod on every profile that is still within reach.
    fn judge(&self, course: &mut Course) {
        let judge = self.judge_with();
        let reaches = &course.placement.reaches;
        let refusing = reaches
            .iter()
            .filter(|reach| judge.refuses(self.pipeline.profile(reach.profile), self.pod))
            .count();
        // Denied only where nothing else is left: one profile that takes the pod is enough.
        let standing = if course.placement.standing == Standing::Bound && refusing == reaches.len()
        {
            Standing::Bound
        } else {
            Standing::Eligible
        };
        for reach in reaches {
            let profile = self.pipeline.profile(reach.profile);
            let standing = if course.placement.standing == Standing::Bound && refusing == 0 {
                Standing::Bound
            } else {
                standing
            };
            course
                .diagnostics
                .extend(judge.judge(profile, self.pod, standing));
        }
        if !reaches.is_empty() {
            course
                .diagnostics
                .extend(judge.unknown_fields(self.pod, course.placement.standing));
        }
    }

    /// Fences a pod that is headed for a virtual node, where its namespace or a profile wants that.
    fn fence(&self, course: &mut Course) {
        let reached = || {
            course
                .placement
                .reaches
                .iter()
                .map(|reach| self.pipeline.profile(reach.profile))
        };
        if reached().next().is_none() {
            return;
        }
        let by_profile = || reached().find_map(|profile| profile.fence.as_deref());
        let wanted = self
            .pod
            .own_setting(FENCE_KEY)
            .or_else(|| {
                self.namespace
                    .and_then(|namespace| namespace.setting(FENCE_KEY))
            })
            .or_else(by_profile);
        let Some(name) = wanted.filter(|name| *name != "none") else {
            return;
        };
        let Some(fence) = Fence::parse(name) else {
            course.diagnostics.push(
                Diagnostic::new(
                    Severity::Deny,
                    "unknown-fence",
                    format!("there is no fence `{name}`"),
                )
                .at(self.own_field(FENCE_KEY))
                .because("a pod that should be fenced must not run without its fence")
                .help(suggest::help(name, Fence::ALL.map(Fence::as_str))),
            );
            return;
        };
        let unenforced: Vec<Diagnostic> = reached()
            .filter(|profile| {
                profile.network_policy.entry.support != Support::Supported && self.is_final()
            })
            .map(|profile| unenforced(profile, fence))
            .collect();
        course.diagnostics.extend(unenforced);
        let reason = format!(
            "the fence `{}` is asked for with `{FENCE_KEY}`",
            fence.as_str()
        );
        let label = [(FENCED_LABEL.to_owned(), fence.as_str().to_owned())];
        course
            .editor
            .label(label.iter().map(|(key, value)| (key, value)), &reason);
        // A pod that is placed already cannot be held back: the API server refuses gates beside a node name.
        if self.pod.node_name.is_none() && self.request.operation == "CREATE" && self.is_unfenced()
        {
            course.editor.gate(FENCE_GATE, &reason);
        }
    }

    /// Whether this is the pod's first admission: afterwards the controller may have lifted the gate.
    fn is_unfenced(&self) -> bool {
        self.request.old_pod.is_none()
    }

    /// Evaluates the policies that concern the pod, on the object as it will be.
    fn govern(&self, placement: &Placement, editor: &Editor) -> Vec<Diagnostic> {
        let profiles: Vec<&str> = placement
            .reaches
            .iter()
            .map(|reach| self.pipeline.profile(reach.profile).name.as_str())
            .collect();
        let subject = Subject {
            // A workload is governed as the pods that it makes.
            kind: "Pod",
            operation: &self.request.operation,
            namespace: &self.request.namespace,
            standing: placement.standing,
            profiles: &profiles,
        };
        let mut concerned = self
            .pipeline
            .policies
            .iter()
            .filter(|policy| policy.concerns(&subject))
            .peekable();
        if concerned.peek().is_none() {
            return Vec::new();
        }
        let input = match self.input(placement, editor, &profiles) {
            Ok(input) => input::Input::new(&input),
            Err(problem) => {
                return vec![Diagnostic::new(
                    Severity::Deny,
                    governance::POLICY_ERROR,
                    format!("the input of the policies could not be built: {problem}"),
                )];
            }
        };
        governance::evaluate(concerned, &input, self.request.time_limit)
            .into_iter()
            .map(|mut diagnostic| {
                // Policies speak of the pod; the user's object may hold it further down.
                for place in &mut diagnostic.places {
                    *place = self.root.clone().join(std::mem::take(place));
                }
                diagnostic
            })
            .collect()
    }

    /// The document of design section 7; see [`input`].
    fn input(
        &self,
        placement: &Placement,
        editor: &Editor,
        profiles: &[&str],
    ) -> Result<serde_json::Value, String> {
        let mut envelope: serde_json::Value =
            serde_json::from_slice(&self.request.body).map_err(|error| error.to_string())?;
        let mut review = envelope
            .get_mut("request")
            .map(serde_json::Value::take)
            .unwrap_or_default();
        if let Some(object) = review.get_mut("object")
            && matches!(self.request.object, Object::Pod(_))
        {
            mutation::apply(&editor.patch, object).map_err(|error| error.to_string())?;
        }
        let pod = review
            .get("object")
            .and_then(|object| object.pointer(&self.root.to_pointer()))
            .cloned();
        let features: Vec<serde_json::Value> = self.features(placement).collect();
        Ok(json!({
            "version": input::VERSION,
            "review": review,
            "pod": pod,
            "placement": { "standing": placement.standing.as_str(), "profiles": profiles },
            "features": features,
            "cost": null,
        }))
    }

    fn features(&self, placement: &Placement) -> impl Iterator<Item = serde_json::Value> {
        let catalogue = &self.pipeline.catalogue;
        let mut uses: Vec<&Use> = self.pod.uses.iter().collect();
        uses.sort_by_key(|one| one.feature);
        let groups: Vec<Vec<&Use>> = uses
            .chunk_by(|left, right| left.feature == right.feature)
            .map(<[&Use]>::to_vec)
            .collect();
        groups.into_iter().filter_map(move |group| {
            let feature = group.first()?.feature;
            let fields: Vec<String> =
                group.iter().map(|one| catalogue.path(&FieldPath::root(), &one.place).to_string()).collect();
            let support: serde_json::Map<String, serde_json::Value> = placement
                .reaches
                .iter()
                .map(|reach| self.pipeline.profile(reach.profile))
                .map(|profile| (profile.name.clone(), json!(profile.entry(feature).support)))
                .collect();
            let known = catalogue.feature(feature);
            Some(json!({ "name": known.name, "class": known.class, "fields": fields, "support": support }))
        })
    }

    /// Takes back what does not fit the request: nothing is refused at a workload, nothing is changed on an update, and
    /// an update that makes nothing worse passes.
    fn soften(&self, mut verdict: Verdict) -> Verdict {
        let is_pod = matches!(self.request.object, Object::Pod(_));
        if !is_pod {
            for diagnostic in &mut verdict.diagnostics {
                diagnostic.severity = diagnostic.severity.max(Severity::Warn);
            }
        }
        if !is_pod || self.request.operation != "CREATE" {
            verdict.changes.clear();
            verdict.patch.clear();
        }
        if let Some(old) = self
            .request
            .old_pod
            .as_ref()
            .filter(|_| !verdict.diagnostics.is_empty())
        {
            let before = self.findings_of(old);
            verdict.diagnostics.retain(|diagnostic| {
                !before.iter().any(|known| {
                    known.code == diagnostic.code
                        && diagnostic
                            .profiles
                            .iter()
                            .all(|profile| known.profiles.contains(profile))
                })
            });
        }
        verdict
    }

    /// What there was to say of the object before the update.
    fn findings_of(&self, old: &PodView) -> Vec<Diagnostic> {
        let pod = Box::new(old.clone());
        let object = match &self.request.object {
            Object::Workload { template, .. } => Object::Workload { template, pod },
            Object::None | Object::Other | Object::Pod(_) => Object::Pod(pod),
        };
        let request = Request {
            old_pod: None,
            object,
            ..self.request.clone()
        };
        self.pipeline.decide(self.facts, &request).diagnostics
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

    fn stray(&self, profile: &Profile, place: FieldPath) -> Diagnostic {
        Diagnostic::new(
            Severity::Warn,
            DAEMON_SET,
            "a DaemonSet's pod is not run",
        )
        .on(profile.name.clone())
        .at(place)
        .because(profile.daemon_sets.reason.clone())
        .help("add the same node affinity to the DaemonSet's template, so that it makes no pod for such nodes")
        .source(cite(&profile.daemon_sets))
    }

    /// Where one of Loadline's settings stands: on the pod, or else on its namespace.
    fn own_field(&self, key: &str) -> FieldPath {
        let section = if self.pod.label(key).is_some() {
            "metadata.labels"
        } else {
            "metadata.annotations"
        };
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

fn tolerating(taint: &crate::pod::Taint) -> crate::pod::Toleration {
    crate::pod::Toleration {
        key: taint.key.clone(),
        operator: "Equal".to_owned(),
        value: taint.value.clone(),
        effect: taint.effect.clone(),
        toleration_seconds: None,
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
