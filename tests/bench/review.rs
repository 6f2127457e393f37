//! The reviews that the benchmarks decide on: pods of about 10 KB with what real pods carry.

use std::sync::Arc;

use serde_json::{Value, json};

/// A pod that can run on a virtual node only.
pub(crate) fn headed() -> Arc<[u8]> {
    review(json!({
        "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}],
        "nodeSelector": {"kubernetes.azure.com/managed": "false", "type": "virtual-kubelet"},
    }))
}

/// A pod that cannot reach a virtual node.
#[allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each benchmark compiles this file for itself, and one of them needs only one review"
)]
pub(crate) fn regular() -> Arc<[u8]> {
    review(json!({
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ],
        "nodeSelector": {"disk": "ssd"},
    }))
}

/// A review of about 10 KB: three containers with what real pods carry.
fn review(spec: Value) -> Arc<[u8]> {
    let env: Vec<Value> = (0..25).map(|n| json!({"name": format!("VARIABLE_{n}"), "value": format!("a value of some length, number {n}")})).collect();
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example/team/{name}:1.2.3"), "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/app"], "args": ["--port=8080", "--verbose"], "env": env,
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3},
            "volumeMounts": [
                {"name": "config", "mountPath": "/etc/app"},
                {"name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true},
            ],
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        })
    };
    let mut pod = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "generateName": "shop-5d8f7c-", "namespace": "shop", "labels": {"app": "shop", "pod-template-hash": "5d8f7c"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-5d8f7c", "uid": "0d1", "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {
            "containers": [container("web"), container("worker"), container("proxy")],
            "volumes": [
                {"name": "config", "configMap": {"name": "shop", "defaultMode": 420}},
                {"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
                ]}},
            ],
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default", "serviceAccount": "default", "securityContext": {},
            "schedulerName": "default-scheduler", "priority": 0, "enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority",
        },
    });
    if let (Some(own), Value::Object(extra)) = (pod["spec"].as_object_mut(), spec) {
        own.extend(extra);
    }
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let resource = json!({"group": "", "version": "v1", "resource": "pods"});
    let review = json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
            "namespace": "shop", "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "uid": "1", "groups": ["system:serviceaccounts", "system:authenticated"]},
            "object": pod, "oldObject": null, "dryRun": false, "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    });
    // As the API server writes it: the kind before the objects.
    let text = reorder(&review);
    Arc::from(text.into_bytes())
}

/// The keys of the request in the API server's order; `serde_json` would sort them.
fn reorder(review: &Value) -> String {
    let request = &review["request"];
    let keys = [
        "uid",
        "kind",
        "resource",
        "requestKind",
        "requestResource",
        "namespace",
        "operation",
        "userInfo",
        "object",
        "oldObject",
        "dryRun",
        "options",
    ];
    let members: Vec<String> =
        keys.iter().map(|key| format!("\"{key}\":{}", request[key])).collect();
    format!(
        "{{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{{{}}}}}",
        members.join(",")
    )
}
