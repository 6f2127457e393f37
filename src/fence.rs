//! The network fences that a namespace or profile can ask for: [`Fence`].
//!
//! A fence is a NetworkPolicy that a controller applies before a fenced pod may be scheduled. The pod carries a label that
//! the policy selects, and a scheduling gate that the controller lifts once the policy is in place.

use serde_json::{Value, json};

/// Key of the label or annotation, on a pod or its namespace, that asks for a fence by name.
pub const FENCE_KEY: &str = "loadline.dev/fence";

/// Label of a fenced pod; its value is the fence's name.
pub const FENCED_LABEL: &str = "loadline.dev/fenced";

/// Scheduling gate of a pod whose fence is not yet in place.
pub const FENCE_GATE: &str = "loadline.dev/network-policy";

/// Field manager of everything the controller applies.
pub const FIELD_MANAGER: &str = "loadline";

/// A fence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fence {
    /// Nothing in or out but name resolution.
    DenyAll,
    /// In and out within the namespace only, and name resolution.
    Namespace,
    /// In from the namespace only, out to anywhere but the cloud's metadata address.
    OpenEgress,
}

impl Fence {
    /// Every fence, the strictest first.
    pub const ALL: [Self; 3] = [Self::DenyAll, Self::Namespace, Self::OpenEgress];

    /// The name people write.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DenyAll => "deny-all",
            Self::Namespace => "namespace",
            Self::OpenEgress => "open-egress",
        }
    }

    /// The fence of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fence| fence.as_str() == name)
    }

    /// The stricter of two fences; any is stricter than none.
    ///
    /// Fences are nested: whatever one of them lets through, every laxer one does, too.
    pub fn strictest(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        // From strict to lax, as they stand in `ALL`.
        Self::ALL.into_iter().find(|fence| [one, other].contains(&Some(*fence)))
    }

    /// Name of the NetworkPolicy.
    pub fn policy_name(self) -> String {
        format!("loadline-fence-{}", self.as_str())
    }

    /// The NetworkPolicy for a namespace, complete but for its owner.
    pub fn policy(self, namespace: &str) -> Value {
        let anywhere_in_namespace = json!([{ "podSelector": {} }]);
        // Both ports: resolvers listen on 53 inside the cluster, node-local ones on 53 too; TCP carries long answers.
        let dns = json!({ "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": 53 }] });
        let ingress = match self {
            Self::DenyAll => json!([]),
            Self::Namespace | Self::OpenEgress => json!([{ "from": anywhere_in_namespace }]),
        };
        let egress = match self {
            Self::DenyAll => json!([dns]),
            Self::Namespace => json!([dns, { "to": anywhere_in_namespace }]),
            // Clouds hand out the node's credentials at this address.
            Self::OpenEgress => json!([{ "to": [
                { "ipBlock": { "cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"] } },
                { "ipBlock": { "cidr": "::/0", "except": ["fd00:ec2::254/128"] } },
            ] }, dns]),
        };
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {
                "name": self.policy_name(),
                "namespace": namespace,
                "labels": { "app.kubernetes.io/managed-by": "loadline" },
            },
            "spec": {
                "podSelector": { "matchLabels": { FENCED_LABEL: self.as_str() } },
                "policyTypes": ["Ingress", "Egress"],
                "ingress": ingress,
                "egress": egress,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for fence in Fence::ALL {
            assert_eq!(Fence::parse(fence.as_str()), Some(fence));
        }
    }

    #[test]
    fn the_stricter_of_two_fences_is_found_in_either_order() {
        let all = [Some(Fence::DenyAll), Some(Fence::Namespace), Some(Fence::OpenEgress), None];
        for (position, strict) in all.into_iter().enumerate() {
            for lax in all.into_iter().skip(position) {
                assert_eq!(Fence::strictest(strict, lax), strict);
                assert_eq!(Fence::strictest(lax, strict), strict);
            }
        }
    }

    #[test]
    fn a_policy_selects_the_pods_labelled_with_its_fence() {
        let policy = Fence::Namespace.policy("shop");
        assert_eq!(
            policy["spec"]["podSelector"]["matchLabels"]["loadline.dev/fenced"],
            "namespace"
        );
        assert_eq!(policy["metadata"]["namespace"], "shop");
    }
}
