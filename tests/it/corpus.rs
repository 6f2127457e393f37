//! Manifests that nobody on this project wrote, where there is a folder of them: `LOADLINE_CORPUS=DIR cargo test corpus`.
//!
//! They are not part of the project. What must hold for any input is checked: no panic, no document lost in silence.

use std::path::Path;

use serde_json::Value;

use crate::support::CliTest;

#[test]
fn every_file_of_a_corpus_is_read() {
    let Some(folder) = std::env::var_os("LOADLINE_CORPUS") else {
        println!("skipped: LOADLINE_CORPUS names no folder");
        return;
    };
    let folder = std::fs::canonicalize(Path::new(&folder)).expect("LOADLINE_CORPUS is a folder");
    let test = CliTest::new();
    let folder = folder.to_str().unwrap();
    let said = test.run(&["check", "-R", "-f", folder, "-o", "json"]);
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).expect("the report is JSON");
    let errors = report["errors"].as_array().unwrap();
    let results = report["results"].as_array().unwrap();
    println!(
        "{} objects judged, {} documents not read, skipped kinds: {}",
        results.len(),
        errors.len(),
        report["skipped"].as_object().unwrap().len()
    );
    // Some are broken on purpose. Each is named with its file, and on standard error too.
    assert!(errors.len() >= 7, "{errors:#?}");
    assert_eq!(said.status, 2);
    for error in errors {
        let source = error["source"].as_str().unwrap();
        assert!(said.stderr.contains(source), "{source} is not on standard error");
    }
    assert!(results.len() > 1000, "{}", results.len());
    for result in results {
        assert!(
            result["source"].is_string() && result["verdict"]["allowed"].is_boolean(),
            "{result:#}"
        );
    }
    // Asked about one profile everything is judged; nothing may go wrong there either.
    for profile in ["azure-aci", "eks-fargate", "dinghy"] {
        let said = test.run(&["check", "-R", "-f", folder, "--profile", profile]);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        assert_eq!(said.status, 2);
    }
    let said = test.run(&["check", "-R", "-f", folder, "-o", "review"]);
    assert_eq!(said.stdout.lines().count(), 2 * results.len());
    for line in said.stdout.lines() {
        let answer: Value = serde_json::from_str(line).expect("each line is an answer");
        assert!(answer["response"]["uid"].is_string(), "{line}");
    }
}
