//! Pods that name a virtual node and do not tolerate its taint: nobody refuses them, and nothing runs them.

use std::collections::BTreeSet;

use super::Decision;
use crate::diagnostic::codes::MISSING_TOLERATION;
use crate::diagnostic::{Diagnostic, Severity};
use crate::node::NodeFact;
use crate::placement::{DEFAULT_TAINT, filter, may_run_on_regular, own_nodes};
use crate::pod::Taint;

impl Decision<'_> {
    /// What there is to say of a pod whose selector or affinity leads to virtual nodes alone, while their taints keep it off.
    ///
    /// To be asked of a pod that no virtual node is open to. Taints hold pods back on purpose, so that nothing is added here.
    pub(super) fn stranded(&self) -> Option<Diagnostic> {
        let pod = self.pod;
        let is_choosy = pod.node_selector.as_ref().is_some_and(|selector| !selector.is_empty())
            || pod.affinity.required.is_some();
        if !is_choosy || pod.node_name.is_some() || self.daemon_set().is_some() {
            return None;
        }
        // Tolerations aside, whose nodes does it name? Those of a regular node are none of our business.
        let tolerant = pod.tolerating_everything();
        if may_run_on_regular(self.facts, &tolerant) {
            return None;
        }
        let mut names: Vec<&str> = Vec::new();
        let mut taints: Vec<&Taint> = Vec::new();
        for profile in &self.pipeline.profiles {
            let nodes = own_nodes(self.facts, profile);
            let mut nodes = nodes.into_iter().filter(|node| filter::selects(pod, node));
            let Some(node): Option<&NodeFact> = nodes.next() else { continue };
            names.push(&profile.name);
            let missing = filter::repelling(&node.taints).filter(|taint| {
                !pod.tolerations().iter().any(|toleration| filter::tolerates(toleration, taint))
            });
            for taint in missing {
                // The default of Virtual Kubelet's core comes first: most providers keep it.
                if taint.key == DEFAULT_TAINT {
                    taints.insert(0, taint);
                } else {
                    taints.push(taint);
                }
            }
        }
        let first = taints.first()?;
        let keys: BTreeSet<&str> = taints.iter().map(|taint| taint.key.as_str()).collect();
        let what = match (names.as_slice(), keys.len()) {
            ([_], 1) => format!("no toleration for the taint `{}`", spelt(first)),
            (_, 1) => format!("no toleration for the taint `{}` of virtual nodes", first.key),
            (_, many) => format!(
                "no toleration for the taint of virtual nodes: `{}`, or one of {} others",
                first.key,
                many - 1
            ),
        };
        let own: Vec<String> = pod
            .tolerations()
            .iter()
            .filter(|one| !one.key.is_empty() && !filter::is_passing(&one.key))
            .map(|one| format!("`{}`", one.key))
            .collect();
        let drift = if own.is_empty() {
            String::new()
        } else {
            format!("; it tolerates {}, which is not the taint of such a node", own.join(", "))
        };
        let mut diagnostic = Diagnostic::new(Severity::Warn, MISSING_TOLERATION, what)
        .at(self.field("spec.tolerations"))
        .because(format!(
            "its node selector or affinity leads to virtual nodes alone, and their taint keeps it off{drift}, so it stays Pending"
        ))
        .help(match names.as_slice() {
            [name] => format!(
                "tolerate `{}` with operator `Exists`, or label the pod `loadline.dev/profile: {name}`, which adds what it needs; a webhook of the provider may add it too",
                first.key
            ),
            _ => format!(
                "tolerate `{}` with operator `Exists`, or name the profile with the label `loadline.dev/profile`, which adds what the pod needs; a webhook of the provider may add it too",
                first.key
            ),
        });
        // Many kinds of virtual nodes share a label; to list them all helps nobody.
        if let [name] = names.as_slice() {
            diagnostic = diagnostic.on(*name);
        }
        Some(diagnostic)
    }
}

/// A taint as `kubectl describe node` shows it.
fn spelt(taint: &Taint) -> String {
    let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
    format!("{}{value}:{}", taint.key, taint.effect)
}
