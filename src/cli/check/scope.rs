//! Which kinds of objects lie in namespaces, and what the API server calls their resources.

/// The kinds of Kubernetes' own that belong to the cluster, by group.
const OF_CLUSTER: &[(&str, &[&str])] = &[
    ("", &["ComponentStatus", "Namespace", "Node", "PersistentVolume"]),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("authentication.k8s.io", &["SelfSubjectReview", "TokenReview"]),
    (
        "authorization.k8s.io",
        &["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
    ),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", &["IPAddress", "IngressClass", "ServiceCIDR"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"]),
    ("resource.k8s.io", &["DeviceClass", "ResourceSlice"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    (
        "storage.k8s.io",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
    ),
];

/// Kubernetes' own groups without a dot.
const PLAIN_GROUPS: [&str; 5] = ["", "apps", "autoscaling", "batch", "policy"];

/// Whether objects of that kind lie in a namespace, as far as that is known: what others define belongs to the cluster unless it
/// names one, and workloads are known by their pods.
pub fn is_namespaced(group: &str, kind: &str) -> bool {
    let is_known = PLAIN_GROUPS.contains(&group) || group.ends_with(".k8s.io");
    let is_of_cluster =
        OF_CLUSTER.iter().any(|(one, kinds)| *one == group && kinds.contains(&kind));
    (is_known && !is_of_cluster) || crate::pod::workload(group, kind).is_some()
}

/// The resource of a kind: its plural in lower case, formed by rule.
pub fn resource(kind: &str) -> String {
    let word = kind.to_lowercase();
    match word.as_str() {
        "endpoints" | "*" => word,
        _ if word.ends_with('s') || word.ends_with('x') || word.ends_with("ch") => word + "es",
        _ => match word.strip_suffix('y') {
            Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
            _ => word + "s",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_where_they_live() {
        for (group, kind, expected) in [
            ("", "Service", true),
            ("", "Node", false),
            ("rbac.authorization.k8s.io", "ClusterRole", false),
            ("rbac.authorization.k8s.io", "RoleBinding", true),
            ("argoproj.io", "Rollout", true),
            ("example.com", "Thing", false),
        ] {
            assert_eq!(is_namespaced(group, kind), expected, "{group} {kind}");
        }
    }

    #[test]
    fn resources_are_plurals() {
        for (kind, plural) in [
            ("Pod", "pods"),
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("Endpoints", "endpoints"),
            ("Gateway", "gateways"),
            ("StorageClass", "storageclasses"),
        ] {
            assert_eq!(resource(kind), plural);
        }
    }
}
