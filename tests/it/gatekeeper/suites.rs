//! Suites in the format of `gator verify`: the project's own, and those of a library if a variable names its folder.

use std::path::Path;

use super::run;

/// The project's own suites hold the contract; each of them passes with Gatekeeper's own runner, too.
#[test]
fn the_suites_of_the_project_pass() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gatekeeper/...");
    let (status, out, err) = run(&["policy", "verify", folder]);
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.contains("45 of 45 cases passed in 7 suites"), "{out}");
}

#[test]
fn the_suites_of_a_library_pass() {
    let Some(folder) = std::env::var_os("LOADLINE_GATEKEEPER_LIBRARY") else {
        println!("LOADLINE_GATEKEEPER_LIBRARY names no folder; the project's own suites stand in");
        return;
    };
    let folder = Path::new(&folder).join("library/...");
    let (status, out, err) = run(&["policy", "verify", &folder.display().to_string()]);
    print!("{}", out.lines().last().unwrap_or_default());
    assert_eq!(status, 0, "{out}{err}");
}

#[test]
fn the_tests_of_a_library_pass() {
    let Some(folder) = std::env::var_os("LOADLINE_GATEKEEPER_LIBRARY") else {
        println!("LOADLINE_GATEKEEPER_LIBRARY names no folder; the project's own tests stand in");
        return;
    };
    for group in ["general", "pod-security-policy"] {
        for entry in std::fs::read_dir(Path::new(&folder).join("src").join(group)).unwrap() {
            let folder = entry.unwrap().path();
            if folder.join("src_test.rego").exists() {
                let folder = folder.display().to_string();
                let (status, out, err) = run(&["policy", "test", "--v0-compatible", &folder]);
                assert_eq!(status, 0, "{folder}: {out}{err}");
            }
        }
    }
}

#[test]
fn modules_of_before_opa_1_are_tested_as_such() {
    let policy = "package old\n\nviolation[{\"msg\": msg}] {\n  not input.owner\n  to_number(input.text) > 0\n  msg := \"no owner\"\n}\n";
    let test = "package old\n\ntest_owner { count(violation) == 0 with input as {\"owner\": 1} }\n\
        test_text { count(violation) == 0 with input as {\"text\": \"x\"} }\n";
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("old.rego", policy);
    write("old_test.rego", test);
    let path = folder.path().display().to_string();
    let (status, _, err) = run(&["policy", "test", &path]);
    assert_eq!(status, 2);
    assert!(err.contains("old.rego:3:") && err.contains("`regoVersion: v0`"), "{err}");
    let (status, out, _) = run(&["policy", "test", "--v0-compatible", &path]);
    assert_eq!((status, out.as_str()), (0, "PASS: 2/2\n"));
    // Each module may say so itself; functions that fail are errors then, as in policies of our own.
    let metadata = "# METADATA\n# custom:\n#   regoVersion: v0\n";
    write("old.rego", &format!("{metadata}{policy}"));
    write("old_test.rego", &format!("{metadata}{test}"));
    let (status, out, _) = run(&["policy", "test", &path]);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("PASS: 1/2") && out.contains("test_text: ERROR"), "{out}");
}

#[test]
fn a_suite_that_fails_says_what_it_got_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gatekeeper/labels"));
    for file in ["template.yaml", "constraint.yaml", "bad.yaml"] {
        std::fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    let suite = "kind: Suite\napiVersion: test.gatekeeper.sh/v1alpha1\ntests:\n\
        - {name: strict, template: template.yaml, constraint: constraint.yaml, cases: [\
        {name: wrong, object: bad.yaml, assertions: [{violations: 5, message: owner}]},\
        {name: silent, object: bad.yaml}]}\n\
        - {name: lost, template: nowhere.yaml, constraint: constraint.yaml}\n";
    let path = folder.path().join("suite.yaml");
    std::fs::write(&path, suite).unwrap();
    let path = path.display().to_string();
    let (status, out, _) = run(&["policy", "verify", &path]);
    assert_eq!(status, 1, "{out}");
    for part in [
        "--- FAIL: wrong",
        "got 1 violation whose message matches `owner`, wanted exactly 5",
        "the case asserts nothing",
        "nowhere.yaml: the file cannot be read",
        "0 of 2 cases passed in 1 suites; 1 test could not be run",
    ] {
        assert!(out.contains(part), "`{part}` is not in\n{out}");
    }
    let (status, out, _) = run(&["policy", "verify", &path, "--run", "strict//nothing", "-v"]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("=== SKIP  wrong") && out.contains("=== SKIP  lost"), "{out}");
    let (_, out, _) = run(&["policy", "verify", &path, "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report[0]["tests"][0]["cases"][0]["outcome"], "fail");
    assert_eq!(report[0]["tests"][1]["outcome"], "fail");
}

#[test]
fn a_folder_without_a_suite_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, err) = run(&["policy", "verify", &folder.path().display().to_string()]);
    assert_eq!(status, 2);
    assert!(err.contains("no suite in"), "{err}");
}
