//! `loadline matrix`, `loadline explain` and `loadline completion`.

use std::process::Stdio;

use loadline::diagnostic::codes::CODES;
use serde_json::Value;

use crate::reviews::pipeline;
use crate::support::{CliTest, snapshot};

#[test]
fn words_fill_the_table_where_there_is_room() {
    let arguments = [
        "matrix",
        "--profile",
        "dinghy",
        "--feature",
        "volume.persistent-volume-claim",
        "--feature",
        "security.run-as-non-root",
        "--feature",
        "network.hostname",
    ];
    snapshot("matrix_of_words", &CliTest::new().run(&arguments).snapshot());
}

#[test]
fn the_whole_matrix_fits_and_can_be_read_without_colours() {
    let said = CliTest::new().run(&["matrix"]);
    said.check(
        0,
        &["+ supported   ~ partly   i ignored   ! ignored, and a control is lost with it"],
        &[],
    );
    assert!(said.stdout.lines().all(|line| line.chars().count() <= 120), "{}", said.stdout);
    let pipeline = pipeline();
    for profile in &pipeline.profiles {
        assert!(said.stdout.contains(&profile.title), "{}", profile.name);
    }
    for name in pipeline.catalogue.names() {
        assert!(said.stdout.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
    }
}

#[test]
fn markdown_has_a_row_a_feature() {
    let said = CliTest::new().run(&[
        "matrix",
        "-o",
        "markdown",
        "--profile",
        "dinghy",
        "--feature",
        "security.run-as-non-root",
    ]);
    said.check(
        0,
        &["| feature | class | dinghy |", "| `security.run-as-non-root`: ", "| **ignored** |"],
        &[],
    );
}

#[test]
fn json_has_reason_and_source_of_each_cell() {
    let said = CliTest::new().run(&["matrix", "-o", "json", "--class", "storage"]);
    said.check(0, &[], &[]);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let rows = report["features"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["class"] == "storage"));
    let claim = rows.iter().find(|row| row["name"] == "volume.persistent-volume-claim").unwrap();
    let cell = &claim["support"]["dinghy"];
    assert_eq!(cell["support"], "unsupported");
    assert_eq!(cell["effect"], "create-error");
    assert_eq!(cell["reason"], "the hold is too small");
    assert_eq!(cell["source"], "made up");
    assert_eq!(cell["listed"], true);
    assert_eq!(
        claim["support"].as_object().unwrap().len(),
        report["profiles"].as_array().unwrap().len()
    );
}

#[test]
fn what_the_matrix_does_not_have_is_named_with_the_nearest() {
    let test = CliTest::new();
    test.run(&["matrix", "--profile", "dingy"]).check(2, &[], &["did you mean `dinghy`?"]);
    test.run(&["matrix", "--feature", "volume.hostpath"]).check(
        2,
        &[],
        &["did you mean `volume.host-path`?"],
    );
    test.run(&["matrix", "--class", "securty"]).check(2, &[], &["security"]);
    test.run(&["matrix", "--class", "network", "--feature", "volume"]).check(
        2,
        &[],
        &["no feature is both"],
    );
}

#[test]
fn a_feature_is_explained_with_every_profile() {
    let said = CliTest::new().run(&["explain", "volume.persistent-volume-claim"]);
    let parts = [
        "volume.persistent-volume-claim: PersistentVolumeClaim volume",
        "field: spec.volumes[].persistentVolumeClaim",
        "  dinghy: the virtual node refuses the pod after it was scheduled\n    why: the hold is too small\n    help: leave it ashore\n    source: made up\n",
    ];
    said.check(0, &parts, &[]);
    for profile in &pipeline().profiles {
        assert!(said.stdout.contains(&format!("\n  {}", profile.name)), "{}", profile.name);
    }
}

#[test]
fn what_stands_in_sections_of_a_profile_is_explained_as_a_feature() {
    let test = CliTest::new();
    test.run(&["explain", "workload.daemon-set"]).check(0, &["why: there is no room"], &[]);
    test.run(&["explain", "behaviour.network-policy"]).check(
        0,
        &["why: there is no wall around a dinghy"],
        &[],
    );
}

#[test]
fn every_general_code_is_explained() {
    let test = CliTest::new();
    for code in CODES {
        test.run(&["explain", code.name]).check(0, &[code.what, "why: ", "help: "], &[]);
    }
    let used = [
        loadline::compat::UNVERIFIED,
        loadline::compat::UNKNOWN_FIELD,
        loadline::governance::POLICY_ERROR,
    ];
    for code in used {
        assert!(CODES.iter().any(|known| known.name == code), "{code} has no explanation");
    }
}

#[test]
fn policies_are_explained_by_their_metadata() {
    let policy = "# METADATA\n# title: boats have names\n# custom:\n#   help: name it\npackage loadline.named_boats\ndeny contains \"x\" if false\n";
    let test = CliTest::new().file("policies/named.rego", policy);
    let said = test.run(&["explain", "named-boats", "--policy", "policies"]);
    said.check(
        0,
        &["named-boats: boats have names (policy)", "help: name it", "pods are refused"],
        &[],
    );
}

#[test]
fn without_a_name_everything_is_listed() {
    let said = CliTest::new().run(&["explain"]);
    said.check(0, &["codes\n", "features: security\n"], &[]);
    for name in pipeline().catalogue.names().chain(CODES.iter().map(|code| code.name)) {
        assert!(said.stdout.lines().any(|line| line.trim_start().starts_with(name)), "{name}");
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let test = CliTest::new();
    test.run(&["explain", "policy-eror"]).check(
        2,
        &[],
        &["error: nothing is called `policy-eror`: did you mean `policy-error`?"],
    );
    test.run(&["explain", "zzz"]).check(2, &[], &["`loadline explain` lists what there is"]);
}

#[test]
fn a_reader_that_has_seen_enough_of_a_completion_script_is_no_failure() {
    let test = CliTest::new();
    let mut command = test.command(&["completion", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{}: {complaint}", output.status);
}
