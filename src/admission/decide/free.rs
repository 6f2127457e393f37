//! Pods that the scheduler places: they are kept off the virtual nodes that would fail them.

use super::{Course, Decision};
use crate::catalogue::DAEMON_SET;
use crate::compat::cite;
use crate::diagnostic::{Diagnostic, Severity};
use crate::mutation::Editor;
use crate::node::{HOST_NAME, NodeFact};
use crate::path::FieldPath;
use crate::placement::{Placement, Reach, Standing, filter};
use crate::pod::{NodeSelectorTerm, PodView, Requirement};
use crate::profile::{Profile, Support};

/// With more nodes than this a list of their names is no node affinity that people can read, where there is another way.
const MAX_NAMES: usize = 16;

impl Decision<'_> {
    /// A pod that goes where the scheduler puts it: it is kept off the virtual nodes that would fail it.
    pub(super) fn free(&self) -> Course {
        let profiles = &self.pipeline.profiles;
        let heading = Placement::predict(self.facts, profiles, self.pod, self.namespace_labels());
        let mut course = Course {
            costs: Vec::new(),
            editor: Editor::new(PodView::default()),
            placement: heading.clone(),
            heading,
            diagnostics: Vec::new(),
        };
        if course.heading.standing == Standing::Regular {
            course.diagnostics.extend(self.stranded().filter(|_| self.is_final()));
            if !course.diagnostics.is_empty() {
                course.editor = Editor::new(self.pod.clone());
            }
            return course;
        }
        course.editor = Editor::new(self.pod.clone());
        let daemon_set = self.daemon_set();
        let has_one_way =
            course.heading.standing == Standing::Bound && course.heading.reaches.len() == 1;
        if has_one_way && daemon_set.is_none() {
            // There is nothing else that it could be kept for.
            return course;
        }
        let judge = self.judge_with();
        let (unfit, fit): (Vec<Reach>, Vec<Reach>) =
            course.heading.reaches.iter().partition(|reach| {
                let profile = self.pipeline.profile(reach.profile);
                let is_stray =
                    daemon_set.is_some() && profile.daemon_sets.support != Support::Supported;
                is_stray || judge.refuses(profile, self.pod) || self.is_too_large(profile)
            });
        let has_other_water = course.heading.standing == Standing::Eligible || !fit.is_empty();
        if unfit.is_empty() || !(has_other_water || daemon_set.is_some()) {
            return course;
        }
        let mut editor = course.editor.clone();
        let fit: Vec<&Profile> =
            fit.iter().map(|reach| self.pipeline.profile(reach.profile)).collect();
        for reach in &unfit {
            let profile = self.pipeline.profile(reach.profile);
            let reason = match &daemon_set {
                Some(_) => format!("pods of a DaemonSet do not run on `{}`", profile.name),
                None => format!("`{}` would fail this pod, and it can run elsewhere", profile.name),
            };
            editor.keep_off(&self.keep_off(profile, &fit), &reason);
        }
        let placement =
            Placement::predict(self.facts, profiles, &editor.pod, self.namespace_labels());
        let leaves_none =
            placement.standing == Standing::Regular && course.heading.standing == Standing::Bound;
        if leaves_none && daemon_set.is_none() {
            // What keeps it off the one keeps it off the other too: nothing is gained.
            return course;
        }
        for reach in &unfit {
            let profile = self.pipeline.profile(reach.profile);
            let is_kept_off = !placement.includes(reach.profile);
            if let Some(place) =
                daemon_set.clone().filter(|_| profile.daemon_sets.support != Support::Supported)
            {
                course.diagnostics.push(stray(profile, place, is_kept_off));
            } else if is_kept_off {
                course.diagnostics.extend(judge.unfitness(profile, self.pod));
                course.diagnostics.extend(self.too_large(profile, Standing::Eligible));
            }
        }
        course.editor = editor;
        course.placement = placement;
        course
    }

    /// What keeps a pod off the nodes of `profile`: the profile's own expressions, and more where nodes of today escape them.
    ///
    /// Many kinds of virtual nodes carry no label of their own, only that of every virtual kubelet. Where the expressions would
    /// keep the pod off the nodes of a `fit` profile too, the names of the nodes stand in their place.
    pub(super) fn keep_off(&self, profile: &Profile, fit: &[&Profile]) -> Vec<Requirement> {
        let mut requirements = profile.keep_off.clone();
        let Some(cluster) = self.facts.cluster() else {
            return requirements;
        };
        // A fit profile without a node may get one.
        let mut bystanders: Vec<&NodeFact> = Vec::new();
        for profile in fit {
            let before = bystanders.len();
            bystanders.extend(cluster.of_profile(&profile.name));
            if bystanders.len() == before {
                bystanders.extend(&profile.node);
            }
        }
        let mut left: Vec<&NodeFact> = cluster.of_profile(&profile.name).collect();
        let term = NodeSelectorTerm {
            match_expressions: Some(requirements.clone()),
            ..NodeSelectorTerm::default()
        };
        // An empty term would match nothing, and an empty list of expressions keeps nothing off.
        let excludes =
            |node: &NodeFact| !profile.keep_off.is_empty() && !filter::matches_term(&term, node);
        if left.len() <= MAX_NAMES
            && left.iter().all(|node| node.label(HOST_NAME).is_some())
            && bystanders.iter().any(|node| excludes(node))
        {
            return but_for(&left).into_iter().collect();
        }
        left.retain(|node| !excludes(node));
        for (key, value) in profile.marks() {
            let has = |node: &NodeFact| node.label(key) == Some(value);
            let tells = left.iter().any(|node| has(node))
                && !cluster.regular().chain(bystanders.iter().copied()).any(has);
            if tells {
                left.retain(|node| !has(node));
                requirements.push(not_in(key, vec![value.to_owned()]));
            }
        }
        requirements.extend(but_for(&left));
        requirements
    }
}

/// All nodes but these, by name. Nothing where there are none.
fn but_for(nodes: &[&NodeFact]) -> Option<Requirement> {
    let names: Vec<String> =
        nodes.iter().filter_map(|node| node.label(HOST_NAME)).map(str::to_owned).collect();
    (!names.is_empty()).then(|| not_in(HOST_NAME, names))
}

fn not_in(key: &str, values: Vec<String>) -> Requirement {
    Requirement { key: key.to_owned(), operator: "NotIn".to_owned(), values }
}

fn stray(profile: &Profile, place: FieldPath, is_kept_off: bool) -> Diagnostic {
    let help = if is_kept_off {
        "add the same node affinity to the DaemonSet's template, so that it makes no pod for such nodes"
    } else {
        "give the nodes a label that others do not have, and exclude it in the DaemonSet's template: nothing that they carry keeps the pod off them"
    };
    Diagnostic::new(Severity::Warn, DAEMON_SET, "a DaemonSet's pod is not run")
        .on(profile.name.clone())
        .at(place)
        .because(profile.daemon_sets.reason.clone())
        .help(help)
        .source(cite(&profile.daemon_sets))
}
