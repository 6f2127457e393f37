//! Which objects mutators may change, and which of them there are: [`Scope`].

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Mutator, Mutators, OPERATIONS};
use crate::governance::gatekeeper::matching::NamedKind;

/// What the groups of Gatekeeper's own objects end with. They are never changed, and neither are ours.
const OWN_GROUPS: [&str; 2] = ["gatekeeper.sh", "loadline.dev"];

/// Which objects mutators may change. Gatekeeper changes all that it is sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Pods, when they are made.
    #[default]
    Pods,
    /// Objects of the kinds that mutators name in `applyTo`, or in `match.kinds` where they have no `applyTo`, when they are made
    /// and when they are changed.
    Named,
    /// The same, and what is for objects of every kind (`AssignMetadata` that names none).
    All,
}

impl Mutator {
    /// The kinds that it is for, with the operations at which; of stars where it is for all.
    fn kinds(&self) -> Vec<(NamedKind, Vec<&'static str>)> {
        if self.applies_to.is_empty() {
            let named = self.matches.named_kinds().into_iter();
            return named.map(|kind| (kind, OPERATIONS.to_vec())).collect();
        }
        let mut kinds = Vec::new();
        for target in &self.applies_to {
            let operations: Vec<&str> =
                OPERATIONS.into_iter().filter(|one| target.is_about(Some(one))).collect();
            for group in &target.groups {
                for kind in target.kinds.iter().filter(|kind| self.matches.may_match(group, kind)) {
                    let kind = NamedKind { group: group.clone(), kind: kind.clone() };
                    kinds.push((kind, operations.clone()));
                }
            }
        }
        kinds
    }

    /// Why it can change nothing in that scope, with what to do about it; nothing where it can.
    pub fn idle_in(&self, scope: Scope) -> Option<&'static str> {
        (!self.has_effect(scope)).then_some(match scope {
            Scope::Pods => "it is not for pods that are made, and only those are changed; `mutatorScope: named` in a `LoadlineConfig` has it change what it is for",
            Scope::Named => "it names no kind; `mutatorScope: all` in a `LoadlineConfig` has it change objects of every kind",
            Scope::All => "its `match` leaves out every kind that it is for",
        })
    }

    /// Whether it can change something in that scope.
    pub(super) fn has_effect(&self, scope: Scope) -> bool {
        self.kinds().iter().any(|(kind, operations)| match scope {
            Scope::Pods => kind.covers("", "Pod") && operations.contains(&"CREATE"),
            Scope::Named => kind.kind != "*",
            Scope::All => true,
        }) || (scope == Scope::Named && self.has_effect(Scope::Pods))
    }
}

impl NamedKind {
    /// Whether a kind is this one, or one of those that its stars stand for.
    fn covers(&self, group: &str, kind: &str) -> bool {
        [(&self.group, group), (&self.kind, kind)]
            .iter()
            .all(|(own, one)| *own == one || *own == "*")
    }
}

impl Mutators {
    /// The kinds of objects that may be changed besides pods that are made, with the operations at which.
    pub fn kinds(&self) -> BTreeMap<NamedKind, Vec<String>> {
        let mut all: BTreeMap<NamedKind, Vec<String>> = BTreeMap::new();
        if self.scope == Scope::Pods {
            return all;
        }
        for (kind, operations) in self.list.iter().flat_map(Mutator::kinds) {
            if kind.kind == "*" && self.scope == Scope::Named {
                continue;
            }
            let known = all.entry(kind).or_default();
            known.extend(operations.into_iter().map(str::to_owned));
            known.sort();
            known.dedup();
        }
        all
    }

    /// Whether one of them can change pods that are made.
    pub const fn are_for_pods(&self) -> bool {
        self.are_for_pods
    }

    /// Whether one of them may change objects of that kind at that operation.
    pub fn may_change(&self, group: &str, kind: &str, operation: &str) -> bool {
        if self.list.is_empty() || OWN_GROUPS.iter().any(|own| group.ends_with(own)) {
            return false;
        }
        if (group, kind, operation) == ("", "Pod", "CREATE") {
            return self.are_for_pods();
        }
        self.list.iter().any(|one| self.lets(one, group, kind, operation))
    }

    /// Whether the scope lets a mutator change objects of that kind at that operation.
    pub(super) fn lets(&self, one: &Mutator, group: &str, kind: &str, operation: &str) -> bool {
        // Pods that are made are for all of them.
        if (group, kind, operation) == ("", "Pod", "CREATE") {
            return true;
        }
        self.scope != Scope::Pods
            && one.kinds().iter().any(|(named, operations)| {
                named.covers(group, kind)
                    && operations.contains(&operation)
                    && (named.kind != "*" || self.scope == Scope::All)
            })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mutator(kind: &str, spec: serde_json::Value) -> Mutator {
        let document = json!({
            "apiVersion": "mutations.gatekeeper.sh/v1", "kind": kind, "metadata": {"name": kind.to_lowercase()}, "spec": spec,
        });
        Mutator::read(&document).unwrap_or_else(|mistake| panic!("{mistake:?}"))
    }

    fn assign(apply_to: serde_json::Value) -> Mutator {
        let parameters = json!({"assign": {"value": 1}});
        mutator(
            "Assign",
            json!({"applyTo": [apply_to], "location": "spec.x", "parameters": parameters}),
        )
    }

    fn label(matches: serde_json::Value) -> Mutator {
        let parameters = json!({"assign": {"value": "x"}});
        mutator(
            "AssignMetadata",
            json!({"match": matches, "location": "metadata.labels.x", "parameters": parameters}),
        )
    }

    fn mutators(scope: Scope, list: Vec<Mutator>) -> Mutators {
        Mutators { scope, ..Mutators::new(list).0 }
    }

    #[test]
    fn the_scope_says_what_may_be_changed() {
        let services = || {
            assign(
                json!({"groups": [""], "versions": ["v1"], "kinds": ["Service"], "operations": ["UPDATE"]}),
            )
        };
        let may = |scope, operation| {
            mutators(scope, vec![services()]).may_change("", "Service", operation)
        };
        assert!(!may(Scope::Pods, "UPDATE"));
        assert!(may(Scope::Named, "UPDATE") && !may(Scope::Named, "CREATE"));
        assert!(may(Scope::All, "UPDATE") && !may(Scope::All, "DELETE"));
        let everything = |scope, group, kind| {
            mutators(scope, vec![label(json!({}))]).may_change(group, kind, "CREATE")
        };
        assert!(everything(Scope::Pods, "", "Pod"));
        assert!(!everything(Scope::Named, "apps", "Deployment"));
        assert!(everything(Scope::All, "apps", "Deployment"));
        assert!(!everything(Scope::All, "templates.gatekeeper.sh", "ConstraintTemplate"));
        assert!(!everything(Scope::All, "loadline.dev", "Exemption"));
    }

    #[test]
    fn what_has_no_apply_to_names_its_kinds_in_the_match() {
        let ingresses = || {
            label(json!({"kinds": [{"apiGroups": ["networking.k8s.io"], "kinds": ["Ingress"]}]}))
        };
        let named = mutators(Scope::Named, vec![ingresses(), label(json!({}))]);
        let kinds: Vec<String> = named.kinds().into_keys().map(|kind| kind.kind).collect();
        assert_eq!(kinds, ["Ingress"]);
        assert!(mutators(Scope::Pods, vec![ingresses()]).kinds().is_empty());
        assert!(ingresses().has_effect(Scope::Named) && !ingresses().has_effect(Scope::Pods));
        let all = mutators(Scope::All, vec![label(json!({}))]);
        assert_eq!(all.kinds().into_keys().next().unwrap().kind, "*");
    }

    #[test]
    fn what_an_object_makes_has_no_operation() {
        let of = |operations: serde_json::Value| {
            let target = json!({"groups": [""], "versions": ["v1"], "kinds": ["Pod"], "operations": operations});
            assign(target).is_for("", "v1", "Pod", None)
        };
        assert!(of(json!([])) && of(json!(["*"])) && of(json!(["CREATE", "UPDATE"])));
        assert!(!of(json!(["CREATE"])));
    }
}
