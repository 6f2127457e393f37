//! Twenty Gatekeeper templates with a constraint each: what people enforce on pods.
//!
//! `LOADLINE_GATEKEEPER_LIBRARY` names a folder with Gatekeeper's library, whose own are taken then; otherwise they are ten of
//! our own, twice, that do what those do.

#![allow(
    unreachable_pub,
    reason = "the tests and the benchmarks that include this file are crates of their own"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The templates of Gatekeeper's library that are taken, and which of their samples holds the constraint.
const LIBRARY: [&str; 20] = [
    "general/allowedrepos",
    "general/containerlimits",
    "general/containerrequests",
    "general/containerresourceratios",
    "general/containerresources",
    "general/disallowedtags",
    "general/imagedigests",
    "general/requiredlabels",
    "general/requiredprobes",
    "general/ephemeralstoragelimit",
    "general/automount-serviceaccount-token",
    "general/disallowedrepos",
    "pod-security-policy/allow-privilege-escalation",
    "pod-security-policy/capabilities",
    "pod-security-policy/privileged-containers",
    "pod-security-policy/host-namespaces",
    "pod-security-policy/host-filesystem",
    "pod-security-policy/seccompv2",
    "pod-security-policy/read-only-root-filesystem",
    "pod-security-policy/volumes",
];

/// Rules of ten Gatekeeper templates as people write them, and parameters that the pod of the benchmarks meets.
const TEMPLATES: [(&str, &str); 10] = [
    (
        "violation[{\"msg\": msg}] { p := {l | input.review.object.metadata.labels[l]}; r := {l | l := input.parameters.labels[_].key}; m := r - p; count(m) > 0; msg := sprintf(\"missing %v\", [m]) }",
        "labels: [{key: app}]",
    ),
    (
        "violation[{\"msg\": msg}] { c := all[_]; not strings.any_prefix_match(c.image, input.parameters.repos); msg := sprintf(\"image %v\", [c.image]) }",
        "repos: [registry.k8s.io/, registry.example/, registry.example.com/, docker.io/, ghcr.io/]",
    ),
    (
        "violation[{\"msg\": msg}] { c := all[_]; t := [b | x := input.parameters.tags[_]; b := endswith(c.image, concat(\":\", [\"\", x]))]; count([1 | t[_] == true]) > 0; msg := sprintf(\"tag of %v\", [c.image]) }",
        "tags: [latest, dev]",
    ),
    (
        "violation[{\"msg\": msg}] { c := all[_]; c.securityContext.privileged; msg := sprintf(\"privileged %v\", [c.name]) }",
        "{}",
    ),
    (
        "violation[{\"msg\": msg}] { c := all[_]; has(c); msg := sprintf(\"capabilities of %v\", [c.name]) }\n          has(c) { a := {x | x := input.parameters.allowed[_]}; n := {x | x := c.securityContext.capabilities.add[_]}; count(n - a) > 0 }",
        "allowed: [NET_BIND_SERVICE]",
    ),
    (
        "violation[{\"msg\": msg}] { v := {f | input.review.object.spec.volumes[_][f]; f != \"name\"}; n := v - {x | x := input.parameters.volumes[_]}; count(n) > 0; msg := sprintf(\"volumes %v\", [n]) }",
        "volumes: [configMap, secret, emptyDir, projected, downwardAPI, hostPath, persistentVolumeClaim, csi, ephemeral]",
    ),
    (
        "violation[{\"msg\": msg}] { c := input.review.object.spec.containers[_]; p := input.parameters.probes[_]; c[p].nothing; msg := sprintf(\"probe %v of %v\", [p, c.name]) }",
        "probes: [readinessProbe, livenessProbe]",
    ),
    (
        "violation[{\"msg\": msg}] { c := input.review.object.spec.containers[_]; k := input.parameters.resources[_]; m := size(c.resources.limits[k]); m > input.parameters.max; msg := sprintf(\"%v of %v\", [k, c.name]) }\n          size(x) = y { is_number(x); y := x }\n          size(x) = y { not is_number(x); endswith(x, \"Mi\"); y := to_number(replace(x, \"Mi\", \"\")) * 1048576 }\n          size(x) = y { not is_number(x); endswith(x, \"Gi\"); y := to_number(replace(x, \"Gi\", \"\")) * 1073741824 }\n          size(x) = y { not is_number(x); regex.match(\"^[0-9]+m$\", x); y := to_number(replace(x, \"m\", \"\")) / 1000 }",
        "resources: [cpu, memory]\n    max: 100000000000",
    ),
    (
        "violation[{\"msg\": msg}] { input.review.object.spec[k]; k == input.parameters.fields[_]; msg := sprintf(\"%v is not allowed\", [k]) }",
        "fields: [hostPID, hostIPC]",
    ),
    (
        "violation[{\"msg\": msg}] { not exempt; c := all[_]; escalates(c); msg := sprintf(\"%v may escalate\", [c.name]) }\n          exempt { input.review.operation == \"UPDATE\" }\n          escalates(c) { c.securityContext.allowPrivilegeEscalation == true }",
        "{}",
    ),
];

fn folder() -> Option<PathBuf> {
    std::env::var_os("LOADLINE_GATEKEEPER_LIBRARY").map(|folder| Path::new(&folder).join("library"))
}

/// Where the templates come from.
pub fn origin() -> &'static str {
    if folder().is_some() { "those of Gatekeeper's library" } else { "our own" }
}

/// The documents, each with a name for its file. `matches` is put into each constraint's match, in flow style.
pub fn twenty(matches: &str) -> Vec<(String, String)> {
    let matches = format!("{{kinds: [{{apiGroups: [''], kinds: [Pod]}}]{matches}}}");
    match folder() {
        Some(folder) => LIBRARY
            .iter()
            .map(|name| {
                (
                    format!("{}.yaml", name.replace('/', "-")),
                    of_library(&folder.join(name), &matches),
                )
            })
            .collect(),
        None => (0..20).map(|number| own(number, &matches)).collect(),
    }
}

/// A template of the library, with the constraint of its first sample about the pods that are measured.
fn of_library(folder: &Path, matches: &str) -> String {
    let template = fs::read_to_string(folder.join("template.yaml")).expect("a template");
    let samples = fs::read_dir(folder.join("samples")).expect("samples");
    let mut constraints: Vec<PathBuf> =
        samples.filter_map(|one| Some(one.ok()?.path().join("constraint.yaml"))).collect();
    constraints.retain(|file| file.is_file());
    constraints.sort();
    let constraint = fs::read_to_string(&constraints[0]).expect("a constraint");
    let mut kept = Vec::new();
    let mut skipped = false;
    for line in constraint.lines() {
        if line == "  match:" {
            skipped = true;
            kept.push(format!("  match: {matches}\n  enforcementAction: warn"));
        } else if line.trim_start().starts_with("enforcementAction:") {
            // Said above.
        } else if !skipped || !(line.starts_with("   ") || line.starts_with("  -")) {
            skipped = false;
            kept.push(line.to_owned());
        }
    }
    format!("{template}\n---\n{}\n", kept.join("\n"))
}

fn own(number: usize, matches: &str) -> (String, String) {
    let (rules, parameters) = TEMPLATES[number % TEMPLATES.len()];
    let text = format!(
        "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata: {{name: bench{number}}}\nspec:\n  \
        crd: {{spec: {{names: {{kind: Bench{number}}}, validation: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}}}\n  \
        targets:\n    - target: admission.k8s.gatekeeper.sh\n      rego: |\n          package bench{number}\n          \
        all[c] {{ c := input.review.object.spec.containers[_] }}\n          all[c] {{ c := input.review.object.spec.initContainers[_] }}\n          {rules}\n\
        ---\napiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Bench{number}\nmetadata: {{name: bench{number}}}\nspec:\n  \
        match: {matches}\n  enforcementAction: warn\n  parameters:\n    {parameters}\n"
    );
    (format!("bench-{number}.yaml"), text)
}
