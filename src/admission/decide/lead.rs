//! What leads a pod to the nodes of the profile that it is sent to, and to no others.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Decision;
use crate::diagnostic::codes::UNMARKED_NODES;
use crate::diagnostic::{Diagnostic, Severity};
use crate::mutation::Editor;
use crate::node::{HOST_NAME, NodeFact};
use crate::placement::filter;
use crate::pod::Requirement;
use crate::profile::Profile;

impl Decision<'_> {
    /// The labels to select the profile's nodes by: those that the profile names, as far as one of today's nodes has them.
    /// Where it lacks some, others by which the profile knows its nodes are added.
    pub(super) fn labels_of<'p>(
        &self,
        profile: &'p Profile,
        nodes: &[&NodeFact],
    ) -> Cow<'p, BTreeMap<String, String>> {
        let named = &profile.inject.node_selector;
        let is_meant = |node: &NodeFact| match &self.pod.node_name {
            Some(name) => *name == node.name,
            None => filter::selects(self.pod, node),
        };
        let best = |best, next| if count(named, next) > count(named, best) { next } else { best };
        let meant = nodes.iter().copied().filter(|node| is_meant(node)).reduce(best);
        match meant.or_else(|| nodes.iter().copied().reduce(best)) {
            Some(node) if named.is_empty() || count(named, node) < named.len() => {
                let own = named.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                let carried = own
                    .chain(profile.marks())
                    .filter(|(key, value)| node.label(key) == Some(value));
                Cow::Owned(carried.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
            }
            _ => Cow::Borrowed(named),
        }
    }

    /// Sees to it that the pod, which selects nodes by `labels` and has what else `profile` injects, goes to one of `nodes` and
    /// nowhere else: its own tolerations may open the nodes of other profiles to it, and where the nodes lack labels it may fit
    /// on any node. Gives what there is to say where that cannot be.
    pub(super) fn lead(
        &self,
        profile: &Profile,
        labels: &BTreeMap<String, String>,
        nodes: &[&NodeFact],
        editor: &mut Editor,
    ) -> Option<Diagnostic> {
        let cluster = self.facts.cluster()?;
        if self.pod.node_name.is_some() || profile.has_own_scheduler() {
            return None;
        }
        for other in self.pipeline.profiles.iter().filter(|other| other.id != profile.id) {
            let mut nodes = cluster.of_profile(&other.name);
            if nodes.any(|node| filter::admits(&editor.pod, node)) {
                let why = format!("it would fit on nodes of `{}`, too", other.name);
                editor.keep_off(&self.keep_off(other, &[profile]), &why);
            }
        }
        // All labels that a profile names together are no regular node's.
        let named = &profile.inject.node_selector;
        let is_lacking = named.is_empty() || labels != named;
        let admits = |node: &NodeFact| filter::admits(&editor.pod, node);
        if nodes.is_empty()
            || !is_lacking
            || !cluster.regular().chain([NodeFact::plain()]).any(admits)
        {
            return None;
        }
        let name = &profile.name;
        let values: Vec<String> = nodes
            .iter()
            .filter(|node| filter::admits(&editor.pod, node))
            .filter_map(|node| node.label(HOST_NAME))
            .map(str::to_owned)
            .collect();
        if !values.is_empty() {
            let names =
                Requirement { key: HOST_NAME.to_owned(), operator: "In".to_owned(), values };
            let why = format!("the labels of `{name}`'s nodes do not lead there alone");
            editor.require(&[names], &why);
            return None;
        }
        let marks = profile.marks().filter(|(key, _)| named.is_empty() || named.contains_key(*key));
        let labels: Vec<String> =
            marks.take(named.len().max(1)).map(|(key, value)| format!("{key}={value}")).collect();
        Some(
            Diagnostic::new(
                Severity::Warn,
                UNMARKED_NODES,
                format!("the nodes of `{name}` have no label that others do not have"),
            )
            .on(name.clone())
            .because("nothing can lead the pod there, and the scheduler may put it on another node")
            .help(format!("label those nodes `{}`", labels.join("`, `"))),
        )
    }
}

/// How many of the labels a node has.
fn count(labels: &BTreeMap<String, String>, node: &NodeFact) -> usize {
    labels.iter().filter(|(key, value)| node.label(key) == Some(value)).count()
}
