//! `loadline profile`: what it says and how it ends.

use serde_json::Value;

use crate::support::CliTest;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: crew}
spec:
  securityContext: {runAsNonRoot: true}
  hostname: anchor
  containers: [{name: a, image: a}]
";

const NODE: &str = "
apiVersion: v1
kind: Node
metadata: {name: raft-7, labels: {boat: raft, kubernetes.io/os: linux}}
spec: {taints: [{key: boat, value: raft, effect: NoSchedule}]}
";

#[test]
fn the_list_counts_what_is_known() {
    let test = CliTest::new();
    test.run(&["profile", "list"]).check(0, &["dinghy ", "A small boat", "azure-aci "], &[]);
    let said = test.run(&["profile", "list", "-o", "json"]);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let profiles = list["profiles"].as_array().unwrap();
    let dinghy = profiles.iter().find(|one| one["name"] == "dinghy").unwrap();
    // Three features, DaemonSets and NetworkPolicy; none of them has a day.
    assert_eq!((&dinghy["entries"], &dinghy["verified"]), (&5.into(), &0.into()));
    let names = test.run(&["profile", "list", "-o", "name"]).stdout;
    assert_eq!(names.lines().count(), profiles.len());
}

#[test]
fn a_profile_is_shown_with_reasons_and_an_unknown_one_with_a_suggestion() {
    let test = CliTest::new();
    test.run(&["profile", "show", "dinghy"]).check(
        0,
        &[
            "a pod gets there with",
            "ignored: the virtual node drops it without an error (a control is lost in silence: pods are refused)\n    \
             security.run-as-non-root\n    why    nobody asks who sails\n    source made up\n",
            "stay ashore",
        ],
        &[],
    );
    test.run(&["profile", "show", "dingy"]).check(2, &[], &["did you mean `dinghy`?"]);
}

#[test]
fn a_move_is_told_by_what_the_pods_ask_for() {
    let test = CliTest::new().file("pod.yaml", POD);
    let said = test.run(&["profile", "diff", "liqo", "dinghy", "-f", "pod.yaml"]);
    said.check(
        1,
        &[
            "Pod `default/crew`",
            "-> denied",
            "security.run-as-non-root: ",
            "-> ignored (a control is lost in silence)",
            "nobody asks who sails",
            "+   boat: dinghy",
        ],
        &[],
    );
    assert!(!said.stdout.contains("volume.persistent-volume-claim"), "{}", said.stdout);
    test.run(&["profile", "diff", "dinghy", "dinghy"]).check(
        0,
        &["no feature fares differently"],
        &[],
    );
    let test = test.file("broken.yaml", "kind: [");
    test.run(&["profile", "diff", "liqo", "dinghy", "-f", "pod.yaml", "-f", "broken.yaml"]).check(
        2,
        &["Pod `default/crew`"],
        &["broken.yaml:1:"],
    );
}

#[test]
fn mistakes_are_shown_in_their_lines() {
    let test = CliTest::new();
    test.run(&["profile", "lint", "profiles"]).check(
        1,
        &[
            "profiles/dinghy.yaml:17:7: `unsupported` without `verified`",
            "17 |     - {features: [volume.persis",
        ],
        &[],
    );
    test.run(&["profile", "lint", "nowhere.yaml"]).check(2, &[], &["nowhere.yaml"]);
}

#[test]
fn a_new_profile_passes_lint() {
    let test = CliTest::new();
    let said = test.run_with(&["profile", "new", "--from", "-"], NODE);
    said.check(0, &["name: raft\n", "boat: raft"], &[]);
    let test = test.file("raft.yaml", &said.stdout);
    test.run(&["profile", "lint", "--strict", "raft.yaml"]).check(
        0,
        &["1 profile in 1 file: 0 errors, 0 warnings"],
        &[],
    );
    test.run_with(&["profile", "new", "--from", "-"], POD).check(2, &[], &["holds 0 Node objects"]);
}
