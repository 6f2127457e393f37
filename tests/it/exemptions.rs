//! Exemptions: honoured the same way by the webhook and the command line, and reported when they are of no use.

use serde_json::{Value, json};

use super::reviews::{pod, review_of};
use super::server::Server;
use super::support::CliTest;

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: shop
  labels: {app: old}
  annotations: {loadline.dev/profile: azure-aci}
spec:
  securityContext: {runAsNonRoot: true}
  containers:
  - {name: c, image: registry.example.com/a:1}
";

fn exemption(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: loadline.dev/v1alpha1\nkind: Exemption\nmetadata: {{name: {name}}}\nspec:\n  \
         owner: payments\n  reason: the image is rebuilt in spring\n{rest}"
    )
}

fn test(rest: &str) -> CliTest {
    CliTest::new().file("pod.yaml", POD).file("exemptions/a.yaml", exemption("old-shop", rest))
}

const CHECK: [&str; 5] = ["check", "-f", "pod.yaml", "--exemptions", "exemptions"];

fn denied(rest: &str) -> bool {
    match test(rest).run(&CHECK).status {
        0 => false,
        1 => true,
        _ => panic!("{}", test(rest).run(&CHECK).snapshot()),
    }
}

#[test]
fn what_is_exempted_is_a_warning_that_says_so() {
    let holds =
        test("  codes: [security.run-as-non-root]\n  namespaces: [shop]\n  until: 2999-12-31\n");
    let said = holds.run(&CHECK);
    said.check(
        0,
        &[
            "warning[security.run-as-non-root]",
            "exemption: exempt until 2999-12-31 by `old-shop` of payments: the image is rebuilt in spring",
        ],
        &[],
    );
    assert!(!said.stdout.contains("concerned nothing"), "{}", said.snapshot());
    let report: Value =
        serde_json::from_str(&holds.run(&[&CHECK[..], &["-o", "json"]].concat()).stdout).unwrap();
    assert_eq!(
        report["exemptions"],
        json!([{"name": "old-shop", "owner": "payments", "until": "2999-12-31", "hasEnded": false, "uses": 1}])
    );
    let skipped = test(
        "  codes: ['security.*']\n  action: skip\n  namespaces: [shop]\n  until: 2999-12-31\n",
    );
    skipped.run(&CHECK).check(0, &["note[security.run-as-non-root]"], &[]);
}

#[test]
fn one_that_has_ended_exempts_nothing_and_is_told() {
    let ended =
        test("  codes: [security.run-as-non-root]\n  namespaces: [shop]\n  until: 2020-01-31\n");
    ended.run(&CHECK).check(
        1,
        &[
            "error[security.run-as-non-root]",
            "its exemption `old-shop` of payments ended on 2020-01-31",
            "exemption `old-shop` of payments ended on 2020-01-31; remove it or renew it",
        ],
        &[],
    );
}

#[test]
fn it_holds_only_for_what_it_names() {
    let with = |rest: &str| denied(&format!("{rest}  until: 2999-12-31\n"));
    let code = "  codes: [security.run-as-non-root]\n";
    assert!(!with(&format!("{code}  selector: {{matchLabels: {{app: old}}}}\n")));
    assert!(with(&format!("{code}  selector: {{matchLabels: {{app: new}}}}\n")));
    assert!(with(&format!("{code}  namespaces: [elsewhere]\n")));
    assert!(with("  codes: [security.fs-group]\n  namespaces: [shop]\n"));
    assert!(!with(&format!("{code}  namespaces: [shop]\n  profiles: [azure-aci]\n")));
    assert!(with(&format!("{code}  namespaces: [shop]\n  profiles: [nomad]\n")));
    let expression = |words: &str| {
        with(&format!("{code}  selector: {{matchExpressions: [{{key: app, {words}}}]}}\n"))
    };
    assert!(!expression("operator: In, values: [old, older]"));
    assert!(expression("operator: NotIn, values: [old, older]"));
    assert!(!expression("operator: Exists"));
    assert!(expression("operator: DoesNotExist"));
}

#[test]
fn one_that_concerns_nothing_is_told() {
    let test = test("  codes: [volume.host-path]\n  namespaces: [shop]\n  until: 2999-12-31\n");
    test.run(&CHECK).check(1, &["exemption `old-shop` concerned nothing here"], &[]);
}

#[test]
fn mistakes_are_told_all_at_once_with_their_lines() {
    let test =
        test("  codes: [security.run-as-nonroot]\n  profiles: [azure-acl]\n  until: 2999-12-31\n");
    test.run(&CHECK).check(
        2,
        &[],
        &[
            "a.yaml:7:11: no feature, policy or code is called `security.run-as-nonroot`; did you mean `security.run-as-non-root`?",
            "a.yaml:8:14: there is no profile `azure-acl`; did you mean `azure-aci`?",
            "give `namespaces` or `selector`",
        ],
    );
    let endless = "  codes: [security.fs-group]\n  namespaces: [shop]\n";
    self::test(endless).run(&CHECK).check(2, &[], &["missing", "`until`"]);
    let never = format!("{endless}  until: 2027-02-29\n");
    self::test(&never).run(&CHECK).check(2, &[], &["`2027-02-29` is no day of the calendar"]);
}

#[test]
fn the_server_honours_it_in_the_same_way() {
    let files =
        test("  codes: [security.run-as-non-root]\n  namespaces: [shop]\n  until: 2999-12-31\n");
    let headed = json!({"annotations": {"loadline.dev/profile": "azure-aci"}});
    let review =
        review_of(&pod(headed, json!({"securityContext": {"runAsNonRoot": true}}))).to_string();
    let folder = tempfile::tempdir().unwrap();
    let exemptions = files.folder().join("exemptions");
    let server = Server::start(folder.path(), &["--exemptions", exemptions.to_str().unwrap()]);
    let answer = server.post("/validate", review.as_bytes()).json();
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    let warnings = answer["response"]["warnings"].to_string();
    assert!(warnings.contains(", exempt until 2999-12-31 by `old-shop`"), "{warnings}");
    let without = Server::start(folder.path(), &[]);
    assert_eq!(without.post("/validate", review.as_bytes()).json()["response"]["allowed"], false);
}

#[test]
fn a_constraint_is_exempted_by_its_kind_and_name() {
    let template = "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata: {name: never}\nspec:\n  \
        crd: {spec: {names: {kind: Never}}}\n  targets:\n  - target: admission.k8s.gatekeeper.sh\n    rego: |\n      \
        package never\n      violation[{\"msg\": \"no\"}] { true }\n---\n\
        apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Never\nmetadata: {name: at-all}\n";
    let denied = |code: &str| {
        let rest = format!("  codes: [{code}]\n  namespaces: [shop]\n  until: 2999-12-31\n");
        test(&rest)
            .file("policies/never.yaml", template)
            .file("pod.yaml", POD.replace("securityContext: {runAsNonRoot: true}", "hostname: p"))
            .run(&[&CHECK[..], &["--policy", "policies"]].concat())
    };
    denied("Never/at-all").check(0, &["warning[Never/at-all]: no", "exempt until"], &[]);
    denied("Never/*").check(0, &["warning[Never/at-all]: no"], &[]);
    denied("security.fs-group").check(1, &["error[Never/at-all]: no"], &[]);
    denied("Never/at-al").check(2, &[], &["did you mean `Never/at-all`?"]);
}
