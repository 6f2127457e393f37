//! Pods that somebody sends to a profile: what they ask for, what they get, and what stands in the way.

use std::collections::BTreeMap;

use super::{Course, Decision};
use crate::catalogue::DAEMON_SET;
use crate::compat::cite;
use crate::diagnostic::{Diagnostic, Severity};
use crate::facts::NamespaceFact;
use crate::mutation::Editor;
use crate::node::NodeFact;
use crate::path::FieldPath;
use crate::placement::filter::{self, Obstacle};
use crate::placement::{NO_PROFILE, Placement, Reason};
use crate::pod::{Taint, Toleration};
use crate::profile::{Hold, PROFILE_KEY, Profile, Support};

impl Decision<'_> {
    /// The namespace, where it speaks for the pod: for those that the scheduler places, not for those that are placed
    /// already, nor for those that belong to a node.
    fn speaking_namespace(&self) -> Option<&NamespaceFact> {
        let may = self.pod.node_name.is_none() && self.daemon_set().is_none();
        self.namespace.filter(|_| may)
    }

    /// The labels of the namespace, where it speaks for the pod.
    pub(super) fn namespace_labels(&self) -> Option<&BTreeMap<String, String>> {
        self.speaking_namespace().map(|namespace| &namespace.labels)
    }

    /// The profile that somebody asks for. Fails where there is none of that name, or the configuration leaves it out.
    pub(super) fn asked(&self) -> Result<Option<(&Profile, Reason)>, Box<Diagnostic>> {
        let asked = self
            .request
            .asked_profile
            .as_deref()
            .map(|name| (name, Reason::AskedByCaller))
            .or_else(|| self.pod.own_setting(PROFILE_KEY).map(|name| (name, Reason::AskedByPod)))
            .or_else(|| {
                self.speaking_namespace()?
                    .setting(PROFILE_KEY)
                    .map(|name| (name, Reason::AskedByNamespace))
            });
        let Some((name, reason)) = asked.filter(|(name, _)| *name != NO_PROFILE) else {
            return Ok(None);
        };
        if let Some(profile) = self.pipeline.profile_named(name) {
            return Ok(Some((profile, reason)));
        }
        let (what, help) = self.pipeline.no_profile(name, []);
        let why = if self.pipeline.disabled.iter().any(|known| known == name) {
            "`spec.profiles` of the configuration leaves it out"
        } else {
            "no profile has that name"
        };
        Err(Box::new(
            Diagnostic::new(Severity::Deny, "unknown-profile", what)
                .at(self.own_field(PROFILE_KEY))
                .because(format!("{reason}, but {why}"))
                .help(help),
        ))
    }

    /// A pod that was sent to a profile: it gets what that profile needs.
    pub(super) fn sent(&self, profile: &Profile, reason: Reason) -> Course {
        let mut editor = Editor::new(self.pod.clone());
        let why = format!("{reason}: `{}`", profile.name);
        editor.tolerate(&profile.inject.tolerations, &why);
        let nodes: Vec<&NodeFact> = self
            .facts
            .cluster()
            .into_iter()
            .flat_map(|cluster| cluster.of_profile(&profile.name))
            .collect();
        let labels = self.labels_of(profile, &nodes);
        let conflicts = editor.select(&*labels, &why);
        editor.label(&profile.inject.labels, &why);
        let mut diagnostics: Vec<Diagnostic> = conflicts
            .into_iter()
            .map(|conflict| {
                let (key, has, name) = (&conflict.key, &conflict.has, &profile.name);
                let what = format!(
                    "the node selector wants `{key}: {has}`, which nodes of `{name}` do not have"
                );
                contradiction(reason, what)
                    .at(self.field("spec.nodeSelector").key(key))
                    .help(format!("remove it, or set it to `{}`", conflict.needs))
            })
            .collect();
        if diagnostics.is_empty()
            && profile.claims(self.pod, self.namespace_labels()) != Some(Hold::Bound)
        {
            diagnostics.extend(self.obstacle(profile, reason, &nodes, &mut editor));
            if diagnostics.is_empty() {
                diagnostics.extend(self.lead(profile, &labels, &nodes, &mut editor));
            }
        }
        if reason == Reason::AskedByCaller {
            // The question is what the virtual node would do with the pod, not whether the pod would get there.
            diagnostics.clear();
        } else if let (Some(_), []) = (self.facts.cluster(), nodes.as_slice())
            && !profile.has_own_scheduler()
        {
            let what = format!("the cluster has no node of `{}` now", profile.name);
            diagnostics.push(
                Diagnostic::new(Severity::Warn, "no-such-node", what)
                    .because("the pod will wait until one registers"),
            );
        }
        if let Some(place) =
            self.daemon_set().filter(|_| profile.daemon_sets.support != Support::Supported)
        {
            diagnostics.push(
                Diagnostic::new(Severity::Deny, DAEMON_SET, "a DaemonSet's pod is not run")
                    .on(profile.name.clone())
                    .at(place)
                    .because(profile.daemon_sets.reason.clone())
                    .help("run it as a sidecar of the pods that need it, or leave such nodes out")
                    .source(cite(&profile.daemon_sets)),
            );
        }
        let placement = Placement::asked(profile.id, reason);
        let heading = placement.clone();
        Course { editor, heading, placement, diagnostics, costs: Vec::new() }
    }

    /// What the user wrote that keeps the pod off every node of the profile.
    fn obstacle(
        &self,
        profile: &Profile,
        reason: Reason,
        nodes: &[&NodeFact],
        editor: &mut Editor,
    ) -> Option<Diagnostic> {
        let name = &profile.name;
        if let Some(wanted) = &self.pod.node_name {
            let is_there = if nodes.is_empty() {
                profile.has_node_named(wanted)
            } else {
                nodes.iter().any(|node| node.name == *wanted)
            };
            let what = format!("`{wanted}` is no node of `{name}`");
            return (!is_there).then(|| {
                contradiction(reason, what)
                    .at(self.field("spec.nodeName"))
                    .help("remove the node name, or the request for the profile")
            });
        }
        // Without a cluster the profile says what its node looks like; one that says nothing excludes nothing.
        let candidates: Vec<&NodeFact> =
            if nodes.is_empty() { profile.node.iter().collect() } else { nodes.to_vec() };
        let selected = candidates.iter().find(|node| filter::selects(&editor.pod, node));
        let first = selected.or_else(|| candidates.first())?;
        let is_open =
            |editor: &Editor| candidates.iter().any(|node| filter::admits(&editor.pod, node));
        if is_open(editor) {
            return None;
        }
        // Taints change between versions of a provider; what the nodes carry today is what counts.
        if !nodes.is_empty() {
            let tolerations: Vec<Toleration> =
                filter::repelling(&first.taints).map(tolerating).collect();
            editor.tolerate(&tolerations, &format!("the nodes of `{name}` carry this taint today"));
        }
        let obstacle = filter::obstacle(&editor.pod, first).filter(|_| !is_open(editor))?;
        let (what, place) = match obstacle {
            Obstacle::Affinity => (
                format!("the required node affinity excludes every node of `{name}`"),
                self.field(
                    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
                ),
            ),
            Obstacle::Selector(key) => (
                format!(
                    "the node selector asks for a label `{key}` that no node of `{name}` has so"
                ),
                self.field("spec.nodeSelector").key(&key),
            ),
            Obstacle::Taint(taint) => (
                format!(
                    "nodes of `{name}` carry the taint `{}={}:{}`, which the pod does not tolerate",
                    taint.key, taint.value, taint.effect
                ),
                self.field("spec.tolerations"),
            ),
        };
        Some(
            contradiction(reason, what)
                .at(place)
                .help("remove the constraint, or the request for the profile"),
        )
    }

    /// A field of the pod, in the user's object.
    pub(super) fn field(&self, keys: &str) -> FieldPath {
        self.root.clone().join(FieldPath::keys(keys))
    }
}

fn contradiction(reason: Reason, what: String) -> Diagnostic {
    Diagnostic::new(Severity::Deny, "placement-contradiction", what)
        .because(format!("{reason}, and what the user wrote is never replaced"))
}

fn tolerating(taint: &Taint) -> Toleration {
    Toleration {
        key: taint.key.clone(),
        operator: "Equal".to_owned(),
        value: taint.value.clone(),
        effect: taint.effect.clone(),
        toleration_seconds: None,
    }
}
