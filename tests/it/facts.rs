//! Every fact that was found out about a provider is in its profile, or is listed here with the reason why it reads
//! otherwise.

use std::collections::{BTreeMap, BTreeSet};

use loadline::cli::knowledge::cell;
use loadline::profile::Support;

use super::truth::Data;

/// How many facts there are of each provider, so that none goes missing unseen.
const COUNTS: [(&str, usize); 24] = [
    ("admiralty", 68),
    ("alibaba-acs", 2),
    ("alibaba-eci-managed", 18),
    ("alibaba-eci-oss", 106),
    ("aws-fargate-ecs", 105),
    ("aws-virtual-kubelet-ec2", 8),
    ("azure-aci", 108),
    ("azure-batch", 106),
    ("azure-virtual-nodes-v2", 22),
    ("eks-fargate", 19),
    ("elotl-kip", 104),
    ("huawei-cci-bursting", 27),
    ("huawei-cci-oss", 5),
    ("interlink", 33),
    ("liqo", 135),
    ("nomad", 110),
    ("oci-oke-virtual-nodes", 17),
    ("openstack-zun", 106),
    ("saladcloud", 108),
    ("stackpath", 106),
    ("systemk", 104),
    ("tencent-super-node", 7),
    ("tensile-kube", 17),
    ("virtual-kubelet", 39),
];

const README: &str =
    "the README calls it unsupported; the code was run and drops it without an error";

/// Where a profile differs on purpose: profile (`*` for several), feature, why.
const OTHERWISE: &[(&str, &str, &str)] = &[
    (
        "*",
        "volume.projected",
        "the volume itself asks for nothing; each of its sources has an entry",
    ),
    ("*", "volume.csi", "the one driver that works is a feature of its own, and this is any other"),
    (
        "azure-aci",
        "init-container.present",
        "what init containers must not have are features of their own",
    ),
    ("*", "probe.liveness.http-get", "host, headers and TLS are features of their own"),
    ("*", "probe.readiness.http-get", "host, headers and TLS are features of their own"),
    ("*", "container.args", "arguments without a command are a feature of their own"),
    ("azure-aci", "env.value", "an empty value is a feature of its own"),
    ("huawei-cci-bursting", "probe.startup", "a TCP probe is a feature of its own"),
    (
        "oci-oke-virtual-nodes",
        "security.no-privilege-escalation",
        "the other value is a feature of its own",
    ),
    (
        "aws-virtual-kubelet-ec2",
        "workload.no-annotations",
        "the API server adds annotations before the provider sees the pod",
    ),
    ("elotl-kip", "env.loose-name", "the feature is only those names that are refused"),
    ("elotl-kip", "security.fs-group", README),
    ("elotl-kip", "security.run-as-non-root", README),
    ("elotl-kip", "host.share-process-namespace", README),
    ("elotl-kip", "ephemeral-container.present", README),
    ("elotl-kip", "lifecycle.post-start", README),
    ("elotl-kip", "lifecycle.pre-stop", README),
    ("elotl-kip", "lifecycle.termination-grace-period", README),
    ("elotl-kip", "lifecycle.active-deadline", README),
    ("elotl-kip", "lifecycle.readiness-gates", README),
    ("nomad", "resources.limits", "bytes taken for megabytes leave no limit that works"),
    ("nomad", "workload.namespace", "references are still resolved in it"),
    ("openstack-zun", "(container-name)", "a container's name asks for nothing"),
    ("saladcloud", "container.several", "the first container runs, and the feature is the others"),
    ("tensile-kube", "scheduling.tolerations", "they do their work, in this cluster or the other"),
    ("admiralty", "scheduling.tolerations", "they do their work, in this cluster or the other"),
    ("liqo", "scheduling.tolerations", "they do their work, in this cluster or the other"),
    ("liqo", "scheduling.gates", "the pod is held back in this cluster, before anything is copied"),
    (
        "liqo",
        "volume.empty-dir",
        "the code was run: it is copied as it is, and a directory of another node is as empty",
    ),
    ("liqo", "volume.empty-dir.medium", "the code was run: it is copied as it is"),
    ("liqo", "volume.empty-dir.size-limit", "the code was run: it is copied as it is"),
    (
        "admiralty",
        "scheduling.scheduler-name",
        "it is replaced without an error, which is not a refusal",
    ),
    (
        "eks-fargate",
        "security.capabilities.drop",
        "added capabilities are a feature of their own; what becomes of dropped ones nobody has shown",
    ),
    (
        "tencent-super-node",
        "behaviour.placement-filter",
        "the behaviour is that unsuitable pods are kept away, which is so",
    ),
];

/// The place in [`OTHERWISE`] of the reason why a profile differs.
fn why_otherwise(profile: &str, feature: &str) -> Option<usize> {
    OTHERWISE
        .iter()
        .position(|(whose, what, _)| (*whose == "*" || *whose == profile) && *what == feature)
}

#[test]
fn every_fact_is_in_its_profile_or_says_why_not() {
    let data = Data::load();
    let text = include_str!("../data/provider-facts.txt");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut agreed = 0;
    let mut otherwise = 0;
    let mut given = BTreeSet::new();
    let mut open = Vec::new();
    let mut profile = data.profile("nomad");
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            profile = data.profile(name);
            continue;
        }
        let (level, name) = line.split_once(' ').unwrap();
        *counts.entry(&profile.name).or_default() += 1;
        let is_so = match (name, data.catalogue.by_name(name)) {
            // What holds for everything else is `unlisted`, which every profile must have; how far it goes is in words.
            ("*", _) => !profile.unlisted.reason.is_empty(),
            (_, Some(id)) => {
                let support = cell(profile, id, data.catalogue.feature(id)).entry.support;
                assert!(Support::ALL.iter().any(|one| one.as_str() == level), "{line}");
                support.as_str() == level
            }
            (_, None) => false,
        };
        match (is_so, why_otherwise(&profile.name, name)) {
            (true, _) => agreed += 1,
            (false, Some(reason)) => {
                otherwise += 1;
                given.insert(reason);
            }
            (false, None) => open.push(format!("{}: {line}", profile.name)),
        }
    }
    println!("{agreed} facts as found, {otherwise} otherwise and why");
    assert!(open.is_empty(), "{open:#?}");
    let stale: Vec<_> =
        (0..OTHERWISE.len()).filter(|at| !given.contains(at)).map(|at| OTHERWISE[at]).collect();
    assert!(stale.is_empty(), "no longer needed: {stale:#?}");
    assert_eq!(counts, COUNTS.into_iter().collect());
    assert!(otherwise * 25 < agreed, "a profile that differs is the exception");
}
