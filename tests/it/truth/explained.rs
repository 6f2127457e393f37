//! Differences from the recordings that stay, and why.

/// Differences that stay, with the reason: the provider or `*`, the field, and why we are right to differ.
const EXPLAINED: [(&str, &str, &str); 15] = [
    (
        "*",
        "spec.enableServiceLinks",
        "true brings variables about the Services of the namespace, and in a namespace without any it changes nothing: vk-core@7b1385b:internal/podutils/env.go:161-203",
    ),
    (
        "nomad",
        "metadata.namespace",
        "references and Service variables are resolved in it, which only shows where a pod has any: vk-core@7b1385b:internal/podutils/env.go:161-203, nomad@7f23093:helpers.go:112-113",
    ),
    (
        "*",
        "spec.containers[].env[].valueFrom.secretKeyRef.optional",
        "counts where the Secret is missing, and the recordings had every Secret: vk-core@7b1385b:internal/podutils/env.go:206-322",
    ),
    (
        "*",
        "spec.containers[].env[].valueFrom.configMapKeyRef.optional",
        "counts where the ConfigMap is missing, and the recordings had every ConfigMap: vk-core@7b1385b:internal/podutils/env.go:206-322",
    ),
    (
        "*",
        "spec.containers[].envFrom[].secretRef.optional",
        "counts where the Secret is missing, and the recordings had every Secret: vk-core@7b1385b:internal/podutils/env.go:95-123",
    ),
    (
        "*",
        "spec.containers[].envFrom[].configMapRef.optional",
        "counts where the ConfigMap is missing, and the recordings had every ConfigMap: vk-core@7b1385b:internal/podutils/env.go:95-123",
    ),
    (
        "azure-aci",
        "spec.volumes[].secret.optional",
        "counts where the Secret is missing, and the recordings had every Secret: azure-aci@382bbaa:pkg/provider/aci_volumes.go:128-179",
    ),
    (
        "azure-aci",
        "spec.volumes[].configMap.optional",
        "counts where the ConfigMap is missing, and the recordings had every ConfigMap: azure-aci@382bbaa:pkg/provider/aci_volumes.go:128-179",
    ),
    (
        "azure-aci",
        "spec.containers[].ports[].name",
        "is never sent, but a probe may find its port by it: azure-aci@382bbaa:pkg/provider/aci.go:1324-1384",
    ),
    (
        "azure-aci",
        "spec.volumes[].name",
        "a volume all of whose projected sources list no keys is not sent: azure-aci@382bbaa:pkg/provider/aci_volumes.go:221-270",
    ),
    (
        "*",
        "spec.serviceAccountName",
        "is not sent, but a variable may show it: vk-core@7b1385b:internal/podutils/env.go:374-391, liqo@557c199:pkg/virtualKubelet/forge/pods.go:494-502",
    ),
    (
        "*",
        "spec.containers[].env[].name",
        "the recordings had taken out the refused text or reference and left a bare name: vk-core@7b1385b:internal/podutils/env.go:374-391",
    ),
    (
        "nomad",
        "spec.initContainers[].env[].valueFrom.",
        "init containers are dropped, but the core resolves their variables first and a wrong key stops the pod: vk-core@7b1385b:node/pod.go:60-115",
    ),
    (
        "*",
        "spec.containers[].resources.requests['nvidia.com/gpu']",
        "only the limit is read, to which Kubernetes makes the request equal: azure-aci@382bbaa:pkg/provider/aci.go:1199-1238, kip@739ad20:pkg/server/convert.go:668-725, azure-batch@13966f8:batch.go:383-392",
    ),
    (
        "azure-batch",
        "spec.initContainers[].env[].valueFrom.",
        "the core resolves the variables of init containers before anything is converted: vk-core@7b1385b:node/pod.go:60-115",
    ),
];

/// Why we differ from the recordings on a field, where that is known.
pub fn explanation(provider: &str, field: &str) -> Option<&'static str> {
    EXPLAINED
        .iter()
        .find(|(name, prefix, _)| (*name == "*" || *name == provider) && field.starts_with(prefix))
        .map(|(.., why)| *why)
}
