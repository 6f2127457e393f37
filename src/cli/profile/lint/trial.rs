//! What a profile says of nodes and pods, tried on the node it describes: placement that does not lead there is a mistake.

use super::Notes;
use crate::path::FieldPath;
use crate::placement::filter;
use crate::pod::{Affinity, NodeSelector, NodeSelectorTerm, PodView};
use crate::profile::Profile;

/// Tries what the profile says of nodes and pods on the node it describes.
pub(super) fn try_out(notes: &mut Notes, profiles: &[Profile], profile: &Profile) {
    let spec = FieldPath::keys("spec");
    let Some(node) = &profile.node else {
        notes
            .warning(spec, "without `node`, nothing can be said of pods where no cluster is known");
        return;
    };
    match Profile::recognise(profiles, node) {
        Some(known) if known.name == profile.name => {}
        Some(other) => notes.error(
            spec.clone().key("recognise"),
            format!("the profile's own `node` is recognised as `{}`; add a part that only this profile has", other.name),
        ),
        None => notes.error(
            spec.clone().key("recognise"),
            "the profile's own `node` matches none of these".to_owned(),
        ),
    }
    let pod = PodView {
        tolerations: Some(profile.inject.tolerations.clone()),
        node_selector: Some(profile.inject.node_selector.clone().into_iter().collect()),
        ..PodView::default()
    };
    if !filter::admits(&pod, node) {
        let why = if filter::selects(&pod, node) {
            "a taint is not tolerated"
        } else {
            "the node selector does not match its labels"
        };
        notes.error(
            spec.clone().key("inject"),
            format!("a pod with these still does not get to the profile's `node`: {why}"),
        );
    }
    let term = NodeSelectorTerm {
        match_expressions: Some(profile.keep_off.clone()),
        ..NodeSelectorTerm::default()
    };
    let pod = PodView {
        affinity: Affinity {
            is_there: true,
            has_node_affinity: true,
            required: Some(NodeSelector { node_selector_terms: vec![term] }),
        },
        ..PodView::default()
    };
    if profile.keep_off.is_empty() {
        notes.warning(
            spec,
            "without `keepOff`, pods that do not fit cannot be kept off these nodes",
        );
    } else if filter::selects(&pod, node) {
        notes.error(
            spec.key("keepOff"),
            "these expressions do not exclude the profile's own `node`".to_owned(),
        );
    }
}
