//! The answers of `loadline check` for programs: SARIF, `JUnit` and annotations.

use serde_json::Value;

use crate::support::{CliTest, Said};

/// Bound to the dinghy, which refuses its claim; the second object cannot be read.
const FILE: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: ferry
  namespace: harbour
  labels:
    loadline.dev/profile: dinghy
spec:
  containers:
  - name: engine
    image: registry.example.com/engine:2
  volumes:
  - name: hold
    persistentVolumeClaim:
      claimName: cargo
---
apiVersion: v1
kind: Pod
metadata: {name: gull}
spec: {containers: [{name: bird, image: registry.example.com/bird:1}]}
---
apiVersion: v1
kind: Pod
spec: {containers: [{name: 1}]}
";

fn check(output: &str) -> Said {
    CliTest::new().file("a b/pod.yaml", FILE).run(&["check", "-f", "a b/pod.yaml", "-o", output])
}

#[test]
fn sarif_has_rules_places_levels_and_lasting_fingerprints() {
    let log: Value = serde_json::from_str(&check("sarif").stdout).unwrap();
    let run = &log["runs"][0];
    assert_eq!(
        (&log["version"], &run["columnKind"]),
        (&"2.1.0".into(), &"unicodeCodePoints".into())
    );
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "volume.persistent-volume-claim");
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/pod.yaml");
    assert_eq!(
        (&place["region"]["startLine"], &place["region"]["startColumn"]),
        (&14.into(), &5.into())
    );
    let rule = &run["tool"]["driver"]["rules"]
        [usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
    assert_eq!(rule["id"], result["ruleId"]);
    assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
    let notice = &run["invocations"][0];
    assert_eq!(notice["executionSuccessful"], false);
    assert_eq!(notice["toolExecutionNotifications"].as_array().unwrap().len(), 1);

    // Lines above do not make a finding a new one; another object does.
    let fingerprint = |file: &str| {
        let said = CliTest::new().file("a b/pod.yaml", file).run(&[
            "check",
            "-f",
            "a b/pod.yaml",
            "-o",
            "sarif",
        ]);
        let log: Value = serde_json::from_str(&said.stdout).unwrap();
        log["runs"][0]["results"][0]["partialFingerprints"]["loadlineFinding/v1"].clone()
    };
    assert_eq!(fingerprint(&format!("# a\n# b\n{FILE}")), fingerprint(FILE));
    assert_ne!(fingerprint(&FILE.replace("name: ferry", "name: other")), fingerprint(FILE));
}

#[test]
fn a_clean_file_is_a_log_without_results() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: gull}\nspec: {containers: [{name: bird, image: a.example/b:1}]}\n";
    let said =
        CliTest::new().file("pod.yaml", pod).run(&["check", "-f", "pod.yaml", "-o", "sarif"]);
    assert_eq!(said.status, 0);
    let log: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(log["runs"][0]["results"], Value::Array(Vec::new()));
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn junit_has_a_suite_for_the_file_and_a_case_for_each_object() {
    let said = check("junit");
    assert_eq!(said.status, 2);
    for part in [
        "<testsuite name=\"a b/pod.yaml\" tests=\"3\" failures=\"1\" errors=\"1\">",
        "<testcase name=\"Pod `harbour/ferry`\" classname=\"v1.Pod\" file=\"a b/pod.yaml\" line=\"1\">",
        "<failure type=\"volume.persistent-volume-claim\"",
        "a b/pod.yaml:14:5: deny[volume.persistent-volume-claim]",
        "<testcase name=\"Pod `default/gull`\" classname=\"v1.Pod\" file=\"a b/pod.yaml\" line=\"17\"/>",
        "<testcase name=\"cannot be read\"",
    ] {
        assert!(said.stdout.contains(part), "no `{part}` in\n{}", said.stdout);
    }
}

#[test]
fn what_fails_a_case_is_what_fails_the_run() {
    let warned = FILE.split("  volumes:").next().unwrap().to_owned() + "  hostname: queen\n";
    let test = CliTest::new().file("pod.yaml", warned);
    let run = |fail_on| test.run(&["check", "-f", "pod.yaml", "-o", "junit", "--fail-on", fail_on]);
    let (mild, strict) = (run("deny"), run("warn"));
    assert_eq!((mild.status, strict.status), (0, 1));
    assert!(mild.stdout.contains("failures=\"0\""), "{}", mild.stdout);
    assert!(strict.stdout.contains("failures=\"1\""), "{}", strict.stdout);
}

#[test]
fn github_gets_one_command_a_finding() {
    let said = check("github");
    assert_eq!(said.status, 2);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert!(
        lines[0].starts_with(
            "::error file=a b/pod.yaml,line=14,col=5,title=volume.persistent-volume-claim%3A Pod `harbour/ferry`::"
        ),
        "{}",
        said.stdout
    );
    assert!(lines.iter().all(|line| line.starts_with("::")), "{}", said.stdout);
    assert!(lines.last().unwrap().contains("title=cannot be read::"), "{}", said.stdout);
}
