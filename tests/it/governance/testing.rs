//! `loadline policy test` with cases, coverage and `--watch`, as its user runs it.

use serde_json::Value;

use super::workbench::{POLICY, test};
use crate::support::CliTest;

const TESTS: &str = "\
package acme.owner_test

import rego.v1

import data.acme.owner

test_pod_with_owner_is_allowed if {
\tcount(owner.deny) == 0 with input as {\"pod\": {\"metadata\": {\"labels\": {\"o\": \"x\"}}}, \"parameters\": {\"label\": \"o\"}}
}
";

const CASES: &str = "\
apiVersion: loadline.dev/v1alpha1
kind: PolicyCases
policy: owner
cases:
- name: a workload without owner
  file: ../pod.yaml
  expect:
    deny:
    - {msg: no label `owner`, field: metadata.labels}
- name: another label
  parameters: {label: app}
  file: ../pod.yaml
- name: wrong on purpose
  object: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: b}]}}
  expect: {deny: [no label `team`], warn: 1}
";

#[test]
fn cases_are_tests_too() {
    let test = test().file("owner/owner_test.rego", TESTS).file("owner/owner_cases.yaml", CASES);
    let said = test.run(&["policy", "test", "owner"]);
    said.check(
        1,
        &[
            "owner.wrong on purpose: FAIL",
            "owner/owner_cases.yaml:13: `deny` has no element with `no label `team``",
            "`deny` also says: the pod has no label `owner`",
            "`warn` has 0 elements, not 1",
            "PASS: 3/4\nFAIL: 1/4\n",
        ],
        &[],
    );
    test.run(&["policy", "test", "owner", "--run", "^owner\\.(a workload|another)"]).check(
        0,
        &["PASS: 2/2"],
        &[],
    );
    let said = test.run(&["policy", "test", "owner", "-o", "junit"]);
    said.check(
        1,
        &[
            "<testsuite name=\"owner/owner_cases.yaml\" tests=\"3\" failures=\"1\"",
            "classname=\"data.acme.owner_test\"",
        ],
        &[],
    );
}

#[test]
fn mistakes_in_cases_are_told_with_their_place() {
    for (wrong, right, message) in [
        (
            "policy: owner",
            "policy: ownr",
            "owner_cases.yaml:3:1: there is no policy `ownr` in the files; did you mean `owner`?",
        ),
        ("expect: {deny", "expects: {deny", "owner_cases.yaml:15:3: unknown field `expects`"),
        ("kind: PolicyCases", "kind: Cases", "owner_cases.yaml:1:1: cases begin with"),
    ] {
        test()
            .file("owner/owner_cases.yaml", CASES.replace(wrong, right))
            .run(&["policy", "test", "owner"])
            .check(2, &[], &[message]);
    }
}

#[test]
fn lines_that_no_test_comes_to_are_named() {
    let test = test().file("owner/owner_test.rego", TESTS);
    test.run(&["policy", "test", "owner", "--coverage"]).check(
        0,
        &["PASS: 1/1", "owner/owner.rego: 60.0% of lines covered, but not 11, 15"],
        &[],
    );
    test.run(&["policy", "test", "owner", "--threshold", "90"]).check(
        1,
        &["coverage is too low: 60.0% of lines"],
        &[],
    );
    let test = test.file("owner/owner_cases.yaml", CASES.split("- name: another").next().unwrap());
    test.run(&["policy", "test", "owner", "--threshold", "100"]).check(
        0,
        &["100.0% of lines covered"],
        &[],
    );
    let said = test.run(&["policy", "test", "owner", "--coverage", "-o", "json"]);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["coverage"]["files"][0]["missed"], Value::Array(Vec::new()));
}

#[test]
fn tests_run_again_when_a_link_to_their_folder_is_swapped() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let test = CliTest::new()
        .file("one/owner.rego", POLICY)
        .file("one/owner_test.rego", TESTS)
        .file("two/owner.rego", POLICY.replace("not input.pod", "input.pod"))
        .file("two/owner_test.rego", TESTS);
    let link = test.folder().join("policies");
    std::os::unix::fs::symlink("one", &link).unwrap();
    let mut child = test
        .command(&["policy", "test", "policies", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut until = |wanted: &str| lines.by_ref().find(|line| line.starts_with(wanted)).is_some();
    assert!(until("PASS: 1/1") && until("waiting"));
    std::os::unix::fs::symlink("two", test.folder().join("new")).unwrap();
    std::fs::rename(test.folder().join("new"), &link).unwrap();
    assert!(until("FAIL: 1/1"));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A policy that looks at what there is besides.
const BESIDE: &str = "\
# METADATA
# title: a Service selects the pod
# custom:
#   match: {placement: any}
#   inventory: [{group: \"\", version: v1, kind: Service}]
package acme.served

import rego.v1

deny contains {\"msg\": \"no Service selects the pod\"} if {
\tcount(services) == 0
}

services := {name |
\tsome name, service in data.inventory.namespace[input.review.namespace][\"v1\"].Service
\tinput.pod.metadata.labels.app == service.spec.selector.app
}
";

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\nspec: {selector: {app: web}}\n";

const WEB: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec: {containers: [{name: web, image: registry.example.com/web:1}]}\n";

#[test]
fn policies_are_tried_on_an_inventory() {
    let test = CliTest::new()
        .file("served/served.rego", BESIDE)
        .file("pod.yaml", WEB)
        .file("cluster/service.yaml", SERVICE)
        .file("both.yaml", format!("{WEB}---\n{SERVICE}"));
    let eval = |arguments: &[&str]| {
        test.run(&[&["policy", "eval", "served/served.rego", "--explain"], arguments].concat())
    };
    eval(&["-f", "pod.yaml"]).check(0, &["deny: 1 result", "no Service selects the pod"], &[]);
    let known = ["-f", "pod.yaml", "--inventory", "cluster"];
    eval(&known).check(0, &["deny: 0 results", "did not hold at served/served.rego:11:2"], &[]);
    // As with `check`, what is given together is known together.
    eval(&["-f", "both.yaml"]).check(0, &["deny: 0 results"], &[]);
    eval(&["-f", "pod.yaml", "--inventory", "nowhere"]).check(2, &[], &["nowhere"]);
    let bench = ["policy", "bench", "served", "-f", "pod.yaml", "--seconds", "0.01"];
    let bench = [bench.as_slice(), &["--inventory", "cluster", "-o", "json"]].concat();
    test.run(&bench).check(0, &["\"failures\": 0"], &[]);
}

#[test]
fn cases_have_an_inventory() {
    let cases = "\
apiVersion: loadline.dev/v1alpha1
kind: PolicyCases
cases:
- name: nothing is there
  file: ../pod.yaml
  expect: {deny: 1}
- name: a file is there
  file: ../pod.yaml
  inventory: [../cluster/service.yaml]
- name: an object is there
  file: ../pod.yaml
  inventory:
  - {apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: {selector: {app: web}}}
- name: another object is there
  file: ../pod.yaml
  inventory:
  - {apiVersion: v1, kind: Service, metadata: {name: api, namespace: default}, spec: {selector: {app: api}}}
  expect: {deny: 1}
";
    let test = CliTest::new()
        .file("served/served.rego", BESIDE)
        .file("pod.yaml", WEB)
        .file("cluster/service.yaml", SERVICE)
        .file("served/served_cases.yaml", cases);
    let arguments = ["policy", "test", "served", "--coverage"];
    test.run(&arguments).check(0, &["PASS: 4/4", "served.rego: 100.0% of lines covered"], &[]);
    // What stands above the cases is known to all of them.
    let for_all = cases.replace("cases:\n", "inventory: [../cluster]\ncases:\n");
    let test = test.file("served/served_cases.yaml", for_all);
    test.run(&arguments).check(1, &["PASS: 2/4", "`deny` has 0 elements, not 1"], &[]);
    let wrong = cases.replace("../cluster/service.yaml", "../clster");
    let test = test.file("served/served_cases.yaml", wrong);
    test.run(&arguments).check(1, &["served.a file is there: ERROR", "clster"], &[]);
}
