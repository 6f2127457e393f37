//! EKS Fargate, of which there is no source to run, against the predictions in the corpus's index.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use loadline::catalogue::DAEMON_SET;
use loadline::profile::Support;

use super::corpus::Corpus;
use super::data::Data;
use super::judgement::Judgement;

/// Where we differ from the index, and who is right.
const FARGATE_EXPLAINED: &[(&str, &str, &str)] = &[
    (
        "only we",
        "security.capabilities.add",
        "the index does not look at it; the scheduler's events name it (frappe/helm issue 182)",
    ),
    (
        "only we",
        "host.ip",
        "the index only looks at hostPort; the scheduler's event speaks of HostIP or HostPort (aws-efs-csi-driver issue 589)",
    ),
    (
        "only we",
        "resources.claims",
        "the index does not look at it; devices need a driver, which comes as a DaemonSet (eks-docs@4d52b4d:latest/ug/nodes/fargate.adoc:42)",
    ),
    (
        "only we",
        "volume.",
        "the index lists volume types that exist in current clouds; the scheduler refuses every type that it does not know (kube-s3 issue 14, cert-manager website issue 324)",
    ),
    (
        "only we",
        "security.allow-privilege-escalation",
        "the index does not look at it; the scheduler's events name it (ingress-nginx issues 4888 and 9704)",
    ),
    (
        "only we",
        "resources.gpu",
        "the index looks for one vendor; there are no GPUs at all (eks-docs@4d52b4d:latest/ug/nodes/fargate.adoc:46)",
    ),
    (
        "only we",
        "pod.os.windows",
        "the index does not look at node selectors (eks-docs@4d52b4d:latest/ug/nodes/fargate.adoc:95-157)",
    ),
];

/// What the column `fargateBlockers` of the index calls a feature.
const FARGATE: [(&str, &str); 11] = [
    ("fargate:hostPath", "volume.host-path"),
    ("fargate:hostNetwork", "host.network"),
    ("fargate:privileged", "security.privileged"),
    ("fargate:hostPort", "host.port"),
    ("fargate:pvc-only-static-EFS", "volume.persistent-volume-claim"),
    ("fargate:hostPID", "host.pid"),
    ("fargate:hostIPC", "host.ipc"),
    ("fargate:gpu", "resources.gpu"),
    ("fargate:volume", "volume."),
    ("fargate:DaemonSet", DAEMON_SET),
    ("fargate:os.windows", "pod.os.windows"),
];

/// One line of a CSV file, whose quoted fields may hold commas.
fn columns(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => columns.push(String::new()),
            c => columns.last_mut().unwrap().push(c),
        }
    }
    columns
}

#[test]
fn fargate_agrees_with_the_index() {
    let Some(root) = std::env::var_os("LOADLINE_CORPUS").map(PathBuf::from) else {
        println!("skipped: set LOADLINE_CORPUS to compare with its index");
        return;
    };
    let text = fs::read_to_string(root.join("index.csv")).unwrap();
    let data = Data::load();
    let profile = data.profile("eks-fargate");
    let corpus = Corpus { root, files: RefCell::default() };
    let mut lines = text.lines();
    let header = columns(lines.next().unwrap());
    let column = |name: &str| header.iter().position(|one| one == name).unwrap();
    let (file, doc, path, blockers) =
        (column("file"), column("doc"), column("path"), column("fargateBlockers"));
    let (mut same, mut pods) = (0, 0);
    // What only they name, what only we name, and in how many pods.
    let mut differences: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for line in lines {
        let row = columns(line);
        let id = format!("{}#{}#{}", row[file], row[doc], row[path]);
        let pod = corpus.pod(&format!("{id}+claims")).or_else(|| corpus.pod(&id));
        let Some(pod) = pod else { continue };
        let Ok(judgement) = Judgement::of(&data, profile, &pod) else {
            continue;
        };
        pods += 1;
        let ours: BTreeSet<&str> = judgement
            .uses
            .iter()
            .filter(|(feature, _)| {
                let entry = profile.entry(*feature);
                entry.support == Support::Unsupported
                    // Claims pass when their volume is a static EFS one, which no pod shows.
                    || data.catalogue.feature(*feature).name == "volume.persistent-volume-claim"
            })
            .map(|(feature, _)| data.catalogue.feature(*feature).name.as_str())
            .collect();
        let theirs: BTreeSet<&str> = row[blockers]
            .split('|')
            .filter_map(|blocker| {
                let key = blocker.split(' ').next()?;
                FARGATE.iter().find(|(name, _)| *name == key).map(|(_, feature)| *feature)
            })
            // A DaemonSet is judged by the profile's own entry, not by a field.
            .filter(|feature| *feature != DAEMON_SET)
            .collect();
        let only_theirs: Vec<&str> = theirs
            .iter()
            .filter(|feature| !ours.iter().any(|own| own.starts_with(**feature)))
            .copied()
            .collect();
        let only_ours: Vec<&str> = ours
            .iter()
            .filter(|own| !theirs.iter().any(|feature| own.starts_with(feature)))
            .copied()
            .collect();
        if only_theirs.is_empty() && only_ours.is_empty() {
            same += 1;
        }
        for (side, names) in [("only the index", only_theirs), ("only we", only_ours)] {
            for name in names {
                *differences.entry((side, name.to_owned())).or_default() += 1;
            }
        }
    }
    println!("eks-fargate  the same blockers as the index in {same} of {pods} pods");
    let mut open = Vec::new();
    for ((side, name), count) in &differences {
        let why = FARGATE_EXPLAINED
            .iter()
            .find(|(where_, prefix, _)| where_ == side && name.starts_with(prefix))
            .map(|(.., why)| *why);
        println!("    {side}: {name} in {count}; {}", why.unwrap_or("NOT EXPLAINED"));
        open.extend(why.is_none().then_some(name));
    }
    assert!(open.is_empty(), "not explained: {open:?}");
}

/// The corpus holds Kubernetes' own objects with every field set, of several versions.
#[test]
fn objects_with_every_field_set_hold_no_unknown_field() {
    let Some(root) = std::env::var_os("LOADLINE_CORPUS").map(PathBuf::from) else {
        println!("skipped: set LOADLINE_CORPUS to read its full objects");
        return;
    };
    let text = fs::read_to_string(root.join("index.csv")).unwrap();
    let data = Data::load();
    let corpus = Corpus { root, files: RefCell::default() };
    let mut lines = text.lines();
    let header = columns(lines.next().unwrap());
    let column = |name: &str| header.iter().position(|one| one == name).unwrap();
    let (file, doc, path) = (column("file"), column("doc"), column("path"));
    let mut count = 0;
    for row in lines.map(columns) {
        if !row[file].starts_with("k8s/api/") {
            continue;
        }
        let id = format!("{}#{}#{}", row[file], row[doc], row[path]);
        let Some(view) = corpus.pod(&id).and_then(|pod| data.catalogue.read(&pod).ok()) else {
            continue;
        };
        count += 1;
        assert!(view.unknown_fields.is_empty(), "{id}: {:?}", view.unknown_fields);
    }
    println!("{count} objects with every field set, no unknown field");
}
