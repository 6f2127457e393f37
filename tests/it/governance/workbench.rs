//! `loadline policy eval`, `lint`, `new` and `bench`, as their user runs them.

use serde_json::Value;

use crate::support::CliTest;

pub(super) const POLICY: &str = "\
# METADATA
# title: every pod names its owner
# description: Somebody must be there to ask.
# custom:
#   parameters: {label: owner}
#   match: {placement: any}
package acme.owner

import rego.v1

deny contains {\"msg\": msg, \"field\": \"metadata.labels\"} if {
\tlabel := input.parameters.label
\tprint(\"looking for\", label)
\tnot input.pod.metadata.labels[label]
\tmsg := sprintf(\"the pod has no label `%s`\", [label])
}
";

pub(super) const POD: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: ferry, namespace: harbour}
spec:
  selector: {matchLabels: {app: ferry}}
  template:
    metadata:
      labels: {app: ferry}
    spec:
      containers:
      - {name: engine, image: registry.example.com/engine:2}
";

const TEMPLATE: &str = "\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8sowner}
spec:
  crd: {spec: {names: {kind: K8sOwner}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package k8sowner

      violation[{\"msg\": msg}] {
        c := input.review.object.spec.containers[i]
        c.image == \"x\"
        msg := c.name
      }
";

pub(super) fn test() -> CliTest {
    CliTest::new()
        .file("owner/owner.rego", POLICY)
        .file("pod.yaml", POD)
        .file("template.yaml", TEMPLATE)
}

/// Without the times, which differ.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        let is_time = |rest: &str| rest.ends_with("s)") && !rest.contains(' ');
        let cut = line.rsplit_once(" (").filter(|(_, rest)| is_time(rest));
        cut.map_or(line, |(line, _)| line).to_owned() + "\n"
    };
    text.lines().map(line).collect()
}

#[test]
fn a_policy_is_evaluated_with_what_it_printed_and_where_its_fields_stand() {
    let said = test().run(&["policy", "eval", "owner", "-f", "pod.yaml"]);
    said.check(0, &[], &[]);
    assert_eq!(
        timeless(&said.stdout),
        "policy `owner` on the pods of Deployment `harbour/ferry` (pod.yaml:1)\n  deny: 1 result\n    \
         - the pod has no label `owner`\n      field: metadata.labels (pod.yaml:8:7)\n    \
         printed owner/owner.rego:13: looking for owner\n\n"
    );
    let said = test().run(&[
        "policy",
        "eval",
        "owner",
        "-f",
        "pod.yaml",
        "--parameters",
        "{\"label\": \"app\"}",
    ]);
    said.check(0, &["deny: 0 results"], &[]);
}

#[test]
fn the_expression_that_failed_is_named_with_its_place_in_the_file() {
    let arguments = [
        "policy",
        "eval",
        "owner",
        "-f",
        "pod.yaml",
        "--explain",
        "--parameters",
        "{\"label\": \"app\"}",
    ];
    test().run(&arguments).check(
        0,
        &[
            "deny owner/owner.rego:11:1 did not hold at owner/owner.rego:14:2: not input.pod.metadata.labels[label]",
            "with label = \"app\"",
        ],
        &[],
    );
    let said = test().run(&[
        "policy",
        "eval",
        "template.yaml",
        "-f",
        "pod.yaml",
        "--explain",
        "-o",
        "json",
    ]);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let step = &report[1]["explanation"][0];
    assert_eq!((&step["file"], &step["line"]), (&"template.yaml".into(), &11.into()));
    assert_eq!(
        (&step["expression"], &step["outcome"]),
        (&"c.image == \"x\"".into(), &"failed".into())
    );
    assert_eq!((&step["expressionLine"], &step["expressionColumn"]), (&13.into(), &9.into()));
}

#[test]
fn what_eval_shows_is_what_check_decides_on() {
    let policy = POLICY.replace(
        "msg := sprintf(\"the pod has no label `%s`\", [label])",
        "msg := json.marshal(input)",
    );
    let test = CliTest::new().file("a.rego", policy).file("pod.yaml", POD);
    for profile in [None, Some("dinghy")] {
        let profile: Vec<&str> = profile.into_iter().flat_map(|name| ["--profile", name]).collect();
        let shown = test.run(
            &[&["policy", "eval", "a.rego", "-f", "pod.yaml", "--input"], profile.as_slice()]
                .concat(),
        );
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
        let check = ["check", "-f", "pod.yaml", "--policy", "a.rego", "-o", "json"];
        let checked = test.run(&[&check, profile.as_slice()].concat());
        let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
        let findings = checked["results"][0]["pods"]["diagnostics"].as_array().unwrap().iter();
        let what =
            findings.filter(|one| one["code"] == "owner").map(|one| &one["what"]).next().unwrap();
        let mut decided: Value = serde_json::from_str(what.as_str().unwrap()).unwrap();
        // The digests of two bundles differ, and features are worked out only where a policy reads them.
        let mut shown = shown;
        for input in [&mut shown, &mut decided] {
            let text = input.to_string();
            let mark = text.find("sha256:").map(|at| text.get(at..at + 23).unwrap().to_owned());
            let text = match mark {
                Some(mark) => text.replace(&mark, "…"),
                None => text,
            };
            *input = serde_json::from_str(&text).unwrap();
        }
        assert_eq!(shown, decided);
    }
}

#[test]
fn what_cannot_be_evaluated_is_told() {
    test().run(&["policy", "eval", "owner", "-f", "pod.yaml", "--rule", "dny"]).check(
        2,
        &[],
        &["the policy has no rule `dny`; did you mean `deny`?"],
    );
    test()
        .file("broken.yaml", TEMPLATE.replace("msg := c.name", "msg := nosuch(c)"))
        .run(&["policy", "eval", "broken.yaml", "-f", "pod.yaml"])
        .check(2, &[], &["broken.yaml:14:16: there is no function `nosuch`"]);
    test().run(&["policy", "eval", "pod.yaml", "-f", "pod.yaml"]).check(
        2,
        &[],
        &["no policy in `pod.yaml`"],
    );
}

#[test]
fn what_new_writes_passes_its_tests_and_has_no_mistakes() {
    let test = CliTest::new();
    test.run(&["policy", "new", "team-label", "--dir", "policies"]).check(
        0,
        &["wrote policies/team-label/team-label.rego", "loadline policy test policies/team-label"],
        &[],
    );
    test.run(&["policy", "test", "policies", "--threshold", "100"]).check(0, &["PASS: 4/4"], &[]);
    test.run(&["policy", "lint", "policies"]).check(
        0,
        &["1 policy: nothing to complain about"],
        &[],
    );
    let sample = "policies/team-label/team-label_sample.yaml";
    test.run(&["check", "--policy", "policies", "-f", sample]).check(
        1,
        &["error[team-label]: the pod has no label `owner`"],
        &[],
    );
    test.run(&["policy", "new", "team-label", "--dir", "policies"]).check(
        2,
        &[],
        &["`policies/team-label` is there already"],
    );
    for name in ["Team", "9x", "../x", "a_b", "a-"] {
        test.run(&["policy", "new", name]).check(2, &[], &["is no name for a policy"]);
    }
}

#[test]
fn mistakes_are_shown_where_they_stand_in_the_file() {
    let policy =
        POLICY.replace("input.pod.metadata.labels[label]", "input.pod.metadata.lables[label]");
    let template = TEMPLATE
        .replace("c.image == \"x\"", "contains(c.image, \"x\")")
        .replace("input.review.object", "input.reviw.object");
    let test = CliTest::new().file("a.rego", policy).file("t.yaml", template);
    let said = test.run(&["policy", "lint", "a.rego", "t.yaml"]);
    said.check(
        1,
        &[
            "warning[unknown-input]: pods have no field `lables` in `input.pod.metadata`\n  --> a.rego:14:6\n",
            "14 |  not input.pod.metadata.lables[label]\n   |      ^",
            "= help: did you mean `labels`?",
            "warning[unknown-input]: `input` has no member `reviw`\n  --> t.yaml:12:14\n",
            "2 policies: 0 errors, 2 warnings",
        ],
        &[],
    );
    let said = test.run(&["policy", "lint", "a.rego", "t.yaml", "-o", "json"]);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&report[0]["file"], &report[0]["line"], &report[0]["column"]),
        (&"a.rego".into(), &14.into(), &6.into())
    );
    test.run(&["policy", "lint", "t.yaml", "-o", "github"]).check(
        1,
        &["::warning file=t.yaml,line=12,col=14,title=unknown-input::`input` has no member `reviw`%0Ahelp: "],
        &[],
    );
    CliTest::new()
        .file("b.yaml", TEMPLATE.replace("c.image ==", "c.image ==="))
        .run(&["policy", "lint", "b.yaml"])
        .check(1, &["error[does-not-load]", " --> b.yaml:13:19\n"], &[]);
    test.run(&["policy", "lint", "none"]).check(2, &[], &["none"]);
}

#[test]
fn a_template_is_looked_at_with_the_constraints_beside_it() {
    let constraint = |kind: &str, match_: &str| {
        format!(
            "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {match_}\n"
        )
    };
    let of_deployments = "{match: {kinds: [{apiGroups: [\"\", apps], kinds: [Deployment]}]}}";
    let test = CliTest::new()
        .file("t/template.yaml", TEMPLATE)
        .file("t/constraint.yaml", constraint("K8sOwner", of_deployments));
    test.run(&["policy", "lint", "t"]).check(
        1,
        &[
            "warning[unknown-input]: `Deployment` has no field `containers` in `input.review.object.spec`\n  --> t/template.yaml:12:14\n",
            "help: it is in the template of the pods: `input.review.object.spec.template.spec.containers`",
        ],
        &[],
    );
    let declared = TEMPLATE.replace(
        "{names: {kind: K8sOwner}}",
        "{names: {kind: K8sOwner}, validation: {openAPIV3Schema: {type: object, properties: {\n    label: {type: string}}}}}",
    );
    CliTest::new().file("t.yaml", declared).run(&["policy", "lint", "t.yaml"]).check(
        1,
        &["warning[unused-parameter]: the parameter `label` is never read\n --> t.yaml:6:5\n"],
        &[],
    );
    for other in [
        constraint("K8sOther", of_deployments),
        constraint("K8sOwner", "{}"),
        constraint("K8sOwner", "{match: {kinds: [{apiGroups: [\"*\"], kinds: [Pod, Boat]}]}}"),
        "apiVersion: constraints.gatekeeper.sh/v1beta1\n{{".to_owned(),
    ] {
        let test = CliTest::new().file("t/template.yaml", TEMPLATE).file("t/c.yaml", other);
        test.run(&["policy", "lint", "t"]).check(0, &["nothing to complain about"], &[]);
    }
}

#[test]
fn templates_are_tried_with_the_parameters_of_the_constraints_beside_them() {
    let template = TEMPLATE.replace("c.image == \"x\"", "c.image == input.parameters.image").replace(
        "{names: {kind: K8sOwner}}",
        "{names: {kind: K8sOwner}, validation: {openAPIV3Schema: {type: object, properties: {image: {type: string, default: b}}}}}",
    );
    let constraint = |name: &str, spec: &str| {
        format!(
            "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: K8sOwner\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: one, image: a}, {name: two, image: b}]}\n";
    let test = CliTest::new()
        .file("t/template.yaml", &template)
        .file(
            "t/constraints.yaml",
            constraint(
                "gives-a",
                "{match: {kinds: [{apiGroups: [\"\"], kinds: [Pod]}]}, parameters: {image: a}}",
            ) + &constraint(
                "gives-none",
                "{match: {kinds: [{apiGroups: [apps], kinds: [\"*\"]}]}}",
            ),
        )
        .file("pod.yaml", pod);
    let said = test.run(&["policy", "eval", "t", "-f", "pod.yaml"]);
    said.check(
        0,
        &[
            "policy `k8sowner` with constraint `gives-a` on Pod `default/p` (pod.yaml:1)\n  violation: 1 result",
            "- one",
            "policy `k8sowner` with constraint `gives-none` on Pod `default/p` (pod.yaml:1)\n  note: in a cluster the constraint would not be asked about it: its `match` names other kinds than `Pod`\n  violation: 1 result",
            "- two",
        ],
        &[],
    );
    assert_eq!(said.stdout.matches("violation:").count(), 2, "{}", said.stdout);
    test.run(&["policy", "eval", "t", "-f", "pod.yaml", "--parameters", "{\"image\": \"c\"}"])
        .check(
            0,
            &["policy `k8sowner` on Pod `default/p` (pod.yaml:1)\n  violation: 0 results"],
            &[],
        );
    test.run(&["policy", "eval", "t/template.yaml", "-f", "pod.yaml"])
        .check(0, &["note: the template has no parameters here: give `--parameters`, or a folder with one of its constraints"], &[]);
    let said = test.run(&["policy", "bench", "t", "-f", "pod.yaml", "--seconds", "0"]).stdout;
    assert!(said.contains("k8sowner/gives-a ") && said.contains("k8sowner/gives-none "), "{said}");
    let wrong = constraint("a", "{parameters: {image: 1}}");
    test.file("t/constraints.yaml", wrong).run(&["policy", "eval", "t", "-f", "pod.yaml"]).check(
        2,
        &[],
        &["t/template.yaml: constraint `a`: "],
    );
}

#[test]
fn a_template_without_rego_is_told_of() {
    let cel = TEMPLATE.split("    rego:").next().unwrap().to_owned()
        + "    code: [{engine: K8sNativeValidation, source: {validations: [{expression: 'true'}]}}]\n";
    let test = CliTest::new().file("cel.yaml", &cel).file("pod.yaml", POD).file("a.rego", POLICY);
    let told = "`cel.yaml`: the template `k8sowner` has no Rego, and CEL is not supported";
    for verb in [&["lint", "cel.yaml"][..], &["eval", "cel.yaml", "-f", "pod.yaml"]] {
        test.run(&[&["policy"], verb].concat()).check(2, &[], &[told]);
    }
    let said = test.run(&["policy", "bench", "cel.yaml", "-f", "pod.yaml"]);
    assert!(said.stderr.contains(told), "{}", said.stderr);
    // What can be looked at is.
    test.run(&["policy", "lint", "cel.yaml", "a.rego"]).check(0, &["1 policy: nothing"], &[]);
}

#[test]
fn the_time_that_policies_take_is_measured() {
    let arguments = [
        "policy",
        "bench",
        "owner",
        "template.yaml",
        "-f",
        "pod.yaml",
        "--seconds",
        "0",
        "-o",
        "json",
    ];
    let said = test().run(&arguments);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["objects"], 1);
    let policies = report["policies"].as_array().unwrap();
    assert_eq!(
        policies.iter().map(|one| one["policy"].as_str().unwrap()).collect::<Vec<_>>(),
        ["k8sowner", "owner"]
    );
    for policy in policies {
        assert!(policy["p50Ns"].as_u64().unwrap() > 0 && policy["failures"] == 0, "{policy}");
        assert!(policy["p99Ns"].as_u64() >= policy["p50Ns"].as_u64(), "{policy}");
    }
}

const DOCUMENT: &str = "\
apiVersion: loadline.dev/v1alpha1
kind: AdmissionPolicy
metadata: {name: known-hosts}
spec:
  title: hosts are known
  match: {kinds: [networking.k8s.io/Ingress]}
  parametersSchema: {type: object, properties: {strict: {type: boolean, default: true}}}
  rego: |
    package any

    violation contains {\"msg\": msg, \"field\": sprintf(\"spec.rules[%d].host\", [i])} if {
      input.parameters.strict
      some i, rule in input.review.object.spec.rules
      rule.host != \"a.example\"
      msg := rule.hst
    }
";

const INGRESS: &str = "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: mine}
spec:
  rules:
  - host: b.example
---
apiVersion: v1
kind: Service
metadata: {name: other}
";

#[test]
fn policies_in_documents_and_about_other_kinds_are_at_home_here_too() {
    let test = CliTest::new().file("p.yaml", DOCUMENT).file("i.yaml", INGRESS);
    test.run(&["policy", "eval", "p.yaml", "-f", "i.yaml", "--explain"]).check(
        0,
        &[
            "policy `known-hosts` on Ingress `default/mine` (i.yaml:1)",
            "did not hold at p.yaml:15:7: msg := rule.hst",
        ],
        &[],
    );
    test.run(&["policy", "lint", "p.yaml"]).check(
        1,
        &[
            "the metadata have no `description`",
            "add it below `spec`",
            "`Ingress` has no field `hst` in `input.review.object.spec.rules[_]`\n  --> p.yaml:15:14\n",
            "1 policy: 0 errors, 3 warnings",
            "--> p.yaml:14:7",
        ],
        &[],
    );
    let test = test.file("p.yaml", DOCUMENT.replace("rule.hst", "rule.host"));
    test.run(&["policy", "eval", "p.yaml", "-f", "i.yaml"]).check(
        0,
        &["- b.example", "field: spec.rules[0].host (i.yaml:6:5)"],
        &[],
    );
    let test = test.file("p.yaml", DOCUMENT.replace("  title:", "  titel:"));
    test.run(&["policy", "lint", "p.yaml"]).check(2, &[], &["p.yaml:5:3: unknown field `titel`"]);
}

#[test]
fn a_template_sees_a_workload_and_its_pods() {
    let said = test().run(&["policy", "eval", "template.yaml", "-f", "pod.yaml"]);
    said.check(
        0,
        &["on Deployment `harbour/ferry`", "on the pods of Deployment `harbour/ferry`"],
        &[],
    );
}
