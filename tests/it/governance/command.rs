//! `loadline policy` as its user runs it.

use std::process::Command;

use tempfile::TempDir;

/// Runs the program in a folder; gives exit status, output and errors.
fn run(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_loadline"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

const POLICY: &str = "package acme.owner\nimport rego.v1\n\ndeny contains \"no owner\" if not input.pod.metadata.labels.owner\n";

const TESTS: &str = "package acme.owner_test\nimport rego.v1\nimport data.acme.owner\n\n\
    test_without if count(owner.deny) == 1 with input as {\"pod\": {}}\n\n\
    test_with if {\n\tprint(\"looking at\", owner.deny)\n\tcount(owner.deny) == 0 with input as {\"pod\": {}}\n}\n\n\
    test_broken if 1 / 0 == 1\n";

/// Without the times, which differ.
fn timeless(text: &str) -> String {
    let line = |line: &str| line.rsplit_once(" (").map_or(line, |(line, _)| line).to_owned() + "\n";
    text.lines().map(line).collect()
}

#[test]
fn the_library_passes_its_own_tests() {
    let (status, out, errors) = run(&folder(&[]), &["policy", "test"]);
    assert_eq!((status, errors.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("PASS: ") && out.lines().count() == 1, "{out}");
}

#[test]
fn failing_tests_are_told_with_what_they_printed() {
    let folder = folder(&[("policies/owner.rego", POLICY), ("policies/owner_test.rego", TESTS)]);
    let (status, out, errors) = run(&folder, &["policy", "test", "policies"]);
    assert_eq!((status, errors.as_str()), (1, ""));
    assert_eq!(
        timeless(&out),
        "policies/owner_test.rego:\n\
         data.acme.owner_test.test_broken: ERROR\n  policies/owner_test.rego:12:18: divide by zero\n\
         data.acme.owner_test.test_with: FAIL\n  policies/owner_test.rego:7: the test is undefined, not true\n  \
         policies/owner_test.rego:8: looking at {\"no owner\"}\n".to_owned()
            + &"-".repeat(80)
            + "\nPASS: 1/3\nFAIL: 1/3\nERROR: 1/3\n"
    );
}

#[test]
fn a_filter_chooses_and_verbose_tells_all() {
    let folder = folder(&[("owner.rego", POLICY), ("owner_test.rego", TESTS)]);
    let (status, out, _) = run(
        &folder,
        &["policy", "test", "owner.rego", "owner_test.rego", "--run", "test_without", "-v"],
    );
    assert_eq!(status, 0);
    assert_eq!(
        timeless(&out),
        "owner_test.rego:\ndata.acme.owner_test.test_without: PASS\n".to_owned()
            + &"-".repeat(80)
            + "\nPASS: 1/1\n"
    );
}

#[test]
fn programs_get_json() {
    let folder = folder(&[("owner.rego", POLICY), ("owner_test.rego", TESTS)]);
    let (status, out, _) = run(&folder, &["policy", "test", ".", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status, 1);
    assert_eq!(
        (&report["passed"], &report["failed"], &report["errors"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(report["tests"][1]["name"], "data.acme.owner_test.test_with");
    assert_eq!(report["tests"][1]["line"], 7);
    assert_eq!(report["tests"][1]["outcome"], "fail");
}

#[test]
fn nothing_to_test_is_a_failure() {
    let folder = folder(&[("owner.rego", POLICY), ("notes.txt", "none")]);
    for (arguments, message) in [
        (vec!["policy", "test", "."], "error: no rule is named `test_*` in `.`\n"),
        (
            vec!["policy", "test", "--run", "nosuch"],
            "error: the name of no test matches `nosuch` in the library\n",
        ),
        (
            vec!["policy", "test", "missing"],
            "error: read file `missing`: No such file or directory (os error 2)\n",
        ),
    ] {
        let (status, out, errors) = run(&folder, &arguments);
        assert_eq!((status, out.as_str(), errors.as_str()), (2, "", message));
    }
    std::fs::remove_file(folder.path().join("owner.rego")).unwrap();
    assert_eq!(run(&folder, &["policy", "test", "."]).2, "error: no file ends in `.rego` in `.`\n");
}

#[test]
fn what_does_not_parse_is_told_with_file_line_and_column() {
    let folder =
        folder(&[("dir/owner.rego", "package acme.owner\nimport rego.v1\ndeny contains x if {\n")]);
    let (status, _, errors) = run(&folder, &["policy", "test", "dir"]);
    assert_eq!(status, 2);
    assert!(errors.starts_with("error: dir/owner.rego:4:1: "), "{errors}");
}

#[test]
fn the_library_is_listed_and_shown() {
    let folder = folder(&[]);
    let (status, out, _) = run(&folder, &["policy", "list"]);
    assert_eq!(status, 0);
    assert_eq!(out.lines().count(), loadline::bundle::library().count());
    assert!(
        out.starts_with("allowed-registries             images come from allowed registries\n")
    );
    assert!(out.contains("Standard `baseline` [baseline]\n"), "{out}");
    let (_, out, _) = run(&folder, &["policy", "list", "-o", "json"]);
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(list[0]["parameters"]["registries"][0], "registry.k8s.io");
    let (status, out, _) = run(&folder, &["policy", "show", "no-mutable-tags"]);
    assert_eq!(status, 0);
    assert_eq!(out, include_str!("../../../policies/library/no-mutable-tags/no-mutable-tags.rego"));
    let (status, out, _) = run(&folder, &["policy", "show", "no-mutable-tags", "--tests"]);
    assert!(status == 0 && out.starts_with("package loadline.no_mutable_tags_test\n"), "{out}");
    let (status, _, errors) = run(&folder, &["policy", "show", "no-mutable-tag"]);
    assert_eq!(
        (status, errors.as_str()),
        (2, "error: the library has no policy `no-mutable-tag`; did you mean `no-mutable-tags`?\n")
    );
}

#[test]
fn what_is_shown_can_be_copied_and_used() {
    let folder = folder(&[]);
    for (arguments, name) in [
        (vec!["policy", "show", "no-mutable-tags"], "a.rego"),
        (vec!["policy", "show", "no-mutable-tags", "--tests"], "a_test.rego"),
    ] {
        std::fs::write(folder.path().join(name), run(&folder, &arguments).1).unwrap();
    }
    let (status, out, _) = run(&folder, &["policy", "test", "."]);
    assert_eq!(status, 0, "{out}");
}
