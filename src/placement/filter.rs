//! The scheduler's NodeAffinity and TaintToleration filters.
//!
//! Sources: `k8s.io/component-helpers/scheduling/corev1/nodeaffinity` and `k8s.io/api/core/v1/toleration.go`, 1.37. An
//! invalid requirement makes its term match nothing, as there.

use crate::node::NodeFact;
use crate::pod::{NodeSelector, NodeSelectorTerm, PodView, Requirement, Taint, Toleration, lookup};

/// Keys of the taints that Kubernetes sets and lifts as a node's state changes. They say nothing of its kind, and other keys
/// under `node.kubernetes.io/`, such as that of an operating system, stay.
///
/// Sources: `k8s.io/api/core/v1/well_known_taints.go` and `k8s.io/cloud-provider/api/well_known_taints.go`, 1.37.
pub const PASSING_TAINTS: [&str; 10] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/network-unavailable",
    "node.kubernetes.io/out-of-service",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.cloudprovider.kubernetes.io/shutdown",
];

/// Whether the scheduler's filters let `pod` onto `node`.
pub fn admits(pod: &PodView, node: &NodeFact) -> bool {
    tolerates_all(pod.tolerations(), &node.taints) && selects(pod, node)
}

/// What keeps a pod off a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// The required node affinity.
    Affinity,
    /// An entry of the node selector, by key.
    Selector(String),
    /// A taint that is not tolerated.
    Taint(Taint),
}

/// The first thing that keeps `pod` off `node`, if the filters would.
pub fn obstacle(pod: &PodView, node: &NodeFact) -> Option<Obstacle> {
    let selector = pod.node_selector.as_deref().unwrap_or_default();
    let missed = selector.iter().find(|(key, value)| lookup(&node.labels, key) != Some(value));
    let taint = || {
        repelling(&node.taints)
            .find(|taint| !pod.tolerations().iter().any(|toleration| tolerates(toleration, taint)))
    };
    missed
        .map(|(key, _)| Obstacle::Selector(key.clone()))
        .or_else(|| taint().map(|taint| Obstacle::Taint(taint.clone())))
        .or_else(|| (!selects(pod, node)).then_some(Obstacle::Affinity))
}

/// Whether every taint that keeps pods away is tolerated. Passing states of a node are not counted: they come and go.
pub fn tolerates_all(tolerations: &[Toleration], taints: &[Taint]) -> bool {
    repelling(taints).all(|taint| tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// The taints that keep pods away for good.
pub fn repelling(taints: &[Taint]) -> impl Iterator<Item = &Taint> {
    taints.iter().filter(|taint| {
        matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute") && !is_passing(&taint.key)
    })
}

/// Whether the node selector and one of the required affinity terms hold.
pub fn selects(pod: &PodView, node: &NodeFact) -> bool {
    let selector = pod.node_selector.as_deref().unwrap_or_default();
    selector.iter().all(|(key, value)| lookup(&node.labels, key) == Some(value))
        && pod.affinity.required.as_ref().is_none_or(|required| matches_selector(required, node))
}

fn matches_selector(selector: &NodeSelector, node: &NodeFact) -> bool {
    selector.node_selector_terms.iter().any(|term| matches_term(term, node))
}

/// Whether all requirements of `term` hold; a term without any holds for no node.
pub fn matches_term(term: &NodeSelectorTerm, node: &NodeFact) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|requirement| matches_label(requirement, &node.labels))
        && fields.iter().all(|requirement| matches_field(requirement, &node.name))
}

fn matches_label(requirement: &Requirement, labels: &[(String, String)]) -> bool {
    let value = lookup(labels, &requirement.key);
    let values = &requirement.values;
    match requirement.operator.as_str() {
        "In" => {
            !values.is_empty() && value.is_some_and(|value| values.iter().any(|one| one == value))
        }
        "NotIn" => {
            !values.is_empty() && value.is_none_or(|value| values.iter().all(|one| one != value))
        }
        "Exists" => values.is_empty() && value.is_some(),
        "DoesNotExist" => values.is_empty() && value.is_none(),
        "Gt" => compare(value, values).is_some_and(|(have, bound)| have > bound),
        "Lt" => compare(value, values).is_some_and(|(have, bound)| have < bound),
        _ => false,
    }
}

/// The label's number and the requirement's, when there is exactly one bound and both are integers.
fn compare(value: Option<&str>, values: &[String]) -> Option<(i64, i64)> {
    let [bound] = values else { return None };
    Some((value?.parse().ok()?, bound.parse().ok()?))
}

/// Fields are selected by `metadata.name` alone, with exactly one value.
fn matches_field(requirement: &Requirement, name: &str) -> bool {
    let [value] = requirement.values.as_slice() else {
        return false;
    };
    match requirement.operator.as_str() {
        "In" => requirement.key == "metadata.name" && value == name,
        // A field that nodes do not have is empty, and so differs from the value.
        "NotIn" => {
            if requirement.key == "metadata.name" {
                value != name
            } else {
                !value.is_empty()
            }
        }
        _ => false,
    }
}

/// Whether `toleration` tolerates `taint`.
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.is_empty() || toleration.effect == taint.effect;
    let key = toleration.key.is_empty() || toleration.key == taint.key;
    effect
        && key
        && match toleration.operator.as_str() {
            "" | "Equal" => toleration.value == taint.value,
            "Exists" => true,
            // Numeric operators, Kubernetes 1.35 and newer: the taint's number against the toleration's.
            "Gt" => numbers(toleration, taint).is_some_and(|(bound, have)| have > bound),
            "Lt" => numbers(toleration, taint).is_some_and(|(bound, have)| have < bound),
            _ => false,
        }
}

fn numbers(toleration: &Toleration, taint: &Taint) -> Option<(i64, i64)> {
    Some((canonical_integer(&toleration.value)?, canonical_integer(&taint.value)?))
}

/// An integer as one writes it by hand: no plus sign, no leading zero, no minus zero.
fn canonical_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if text == "-0" || digits.starts_with('+') || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

/// Whether a taint of this key tells of a node's passing state.
pub fn is_passing(key: &str) -> bool {
    PASSING_TAINTS.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(key: &str, operator: &str, values: &[&str]) -> Requirement {
        let values = values.iter().map(ToString::to_string).collect();
        Requirement { key: key.into(), operator: operator.into(), values }
    }

    fn node() -> NodeFact {
        NodeFact {
            name: "virtual".into(),
            labels: vec![("type".into(), "virtual-kubelet".into()), ("cpu".into(), "8".into())],
            ..NodeFact::default()
        }
    }

    #[track_caller]
    fn check_label(operator: &str, key: &str, values: &[&str], expected: bool) {
        let term = NodeSelectorTerm {
            match_expressions: Some(vec![requirement(key, operator, values)]),
            match_fields: None,
        };
        assert_eq!(matches_term(&term, &node()), expected, "{key} {operator} {values:?}");
    }

    #[test]
    fn label_operators_match_as_in_the_scheduler() {
        check_label("In", "type", &["x", "virtual-kubelet"], true);
        check_label("In", "missing", &["x"], false);
        check_label("In", "type", &[], false);
        check_label("NotIn", "type", &["x"], true);
        check_label("NotIn", "missing", &["x"], true);
        check_label("NotIn", "type", &["virtual-kubelet"], false);
        check_label("Exists", "type", &[], true);
        check_label("Exists", "type", &["values are not allowed here"], false);
        check_label("DoesNotExist", "missing", &[], true);
        check_label("DoesNotExist", "type", &[], false);
        check_label("Gt", "cpu", &["7"], true);
        check_label("Gt", "cpu", &["8"], false);
        check_label("Lt", "cpu", &["9"], true);
        check_label("Lt", "cpu", &["9", "10"], false);
        check_label("Gt", "type", &["1"], false);
        check_label("like", "type", &["virtual-kubelet"], false);
    }

    #[test]
    fn fields_are_selected_by_name_with_one_value() {
        let term = |operator, values: &[&str]| NodeSelectorTerm {
            match_expressions: None,
            match_fields: Some(vec![requirement("metadata.name", operator, values)]),
        };
        assert!(matches_term(&term("In", &["virtual"]), &node()));
        assert!(!matches_term(&term("In", &["virtual", "other"]), &node()));
        assert!(!matches_term(&term("NotIn", &["virtual"]), &node()));
        assert!(matches_term(&term("NotIn", &["other"]), &node()));
        assert!(!matches_term(&term("Exists", &[]), &node()));
    }

    #[test]
    fn an_empty_term_and_an_empty_selector_match_nothing() {
        assert!(!matches_term(&NodeSelectorTerm::default(), &node()));
        assert!(!matches_selector(&NodeSelector::default(), &node()));
    }

    fn tolerating(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
        Toleration {
            key: key.into(),
            operator: operator.into(),
            value: value.into(),
            effect: effect.into(),
            toleration_seconds: None,
        }
    }

    #[test]
    fn tolerations_match_as_in_the_scheduler() {
        let taint = Taint { key: "k".into(), value: "v".into(), effect: "NoSchedule".into() };
        assert!(tolerates(&tolerating("k", "Equal", "v", "NoSchedule"), &taint));
        assert!(tolerates(&tolerating("k", "", "v", ""), &taint));
        assert!(tolerates(&tolerating("", "Exists", "", ""), &taint));
        assert!(tolerates(&tolerating("k", "Exists", "", ""), &taint));
        assert!(!tolerates(&tolerating("k", "Exists", "", "NoExecute"), &taint));
        assert!(!tolerates(&tolerating("k", "Equal", "w", ""), &taint));
        assert!(!tolerates(&tolerating("k", "Like", "v", ""), &taint));
    }

    #[test]
    fn numeric_tolerations_compare_canonical_integers() {
        let taint = |value: &str| Taint {
            key: "k".into(),
            value: value.into(),
            effect: "NoSchedule".into(),
        };
        assert!(tolerates(&tolerating("k", "Gt", "10", ""), &taint("11")));
        assert!(!tolerates(&tolerating("k", "Gt", "10", ""), &taint("10")));
        assert!(tolerates(&tolerating("k", "Lt", "10", ""), &taint("-9")));
        for odd in ["007", "+7", "-0", "7.0", "", "seven"] {
            assert!(!tolerates(&tolerating("k", "Lt", "10", ""), &taint(odd)), "{odd}");
        }
    }

    #[test]
    fn only_lasting_taints_that_keep_pods_away_count() {
        let taint = |key: &str, effect: &str| Taint {
            key: key.into(),
            value: String::new(),
            effect: effect.into(),
        };
        assert!(tolerates_all(
            &[],
            &[taint("k", "PreferNoSchedule"), taint("node.kubernetes.io/not-ready", "NoExecute")]
        ));
        assert!(!tolerates_all(&[], &[taint("k", "NoExecute")]));
        assert!(!tolerates_all(&[], &[taint("node.kubernetes.io/os", "NoSchedule")]));
    }
}
