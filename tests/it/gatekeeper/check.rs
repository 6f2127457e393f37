//! `check --policy` with templates and constraints.

use std::path::Path;

use tempfile::TempDir;

use super::run;

const TEMPLATE: &str = include_str!("../../gatekeeper/labels/template.yaml");

/// Three constraints of one template: refused, warned, only recorded.
const CONSTRAINTS: &str = "
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: WantsLabels
metadata: {name: pods-have-owners}
spec:
  match: {kinds: [{apiGroups: [''], kinds: [Pod]}]}
  parameters: {labels: [{key: owner}]}
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: WantsLabels
metadata: {name: services-have-tiers}
spec:
  enforcementAction: warn
  match: {kinds: [{apiGroups: [''], kinds: [Service]}]}
  parameters: {labels: [{key: tier}]}
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: WantsLabels
metadata: {name: namespaces-some-day}
spec:
  enforcementAction: dryrun
  match: {kinds: [{apiGroups: [''], kinds: [Namespace]}]}
  parameters: {labels: [{key: owner}, {key: tier}]}
";

const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: a, image: a}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  template: {metadata: {labels: {owner: ann}}, spec: {containers: [{name: a, image: a}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words, namespace: shop}
";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn check(folder: &Path, more: &[&str]) -> (i32, String, String) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (policy, objects) = (path("policy"), path("objects.yaml"));
    let arguments = ["check", "--policy", &policy, "-f", &objects];
    run(&[&arguments, more].concat())
}

#[test]
fn constraints_judge_objects_of_every_kind() {
    let folder = folder(&[
        ("policy/template.yaml", TEMPLATE),
        ("policy/constraints.yaml", CONSTRAINTS),
        ("objects.yaml", OBJECTS),
    ]);
    let (status, out, err) = check(folder.path(), &[]);
    assert_eq!(status, 1, "{out}{err}");
    for part in [
        "error[WantsLabels/pods-have-owners]: kind: Pod web has no good label <owner>",
        "warning[WantsLabels/services-have-tiers]: kind: Service web has no good label <tier>",
        "note[WantsLabels/namespaces-some-day]: kind: Namespace shop has no good label <owner>",
        "Service `shop/web`: admitted with 1 warning",
        "Namespace `shop`: admitted",
        "4 objects: 1 denied, 1 warned, 2 clean; 1 skipped",
    ] {
        assert!(out.contains(part), "`{part}` is not in\n{out}");
    }
}

#[test]
fn the_webhook_answers_in_gatekeepers_words() {
    let folder = folder(&[
        ("policy/template.yaml", TEMPLATE),
        ("policy/constraints.yaml", CONSTRAINTS),
        ("objects.yaml", OBJECTS),
    ]);
    let (_, out, _) = check(folder.path(), &["-o", "review"]);
    let answers: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let validated = |number: usize| &answers[number * 2 + 1]["response"];
    assert_eq!(
        validated(2)["status"]["message"],
        "[pods-have-owners] kind: Pod web has no good label <owner>"
    );
    assert_eq!(validated(2)["status"]["code"], 403);
    assert_eq!(
        validated(1)["warnings"][0],
        "[services-have-tiers] kind: Service web has no good label <tier>"
    );
    assert_eq!(validated(0)["allowed"], true);
    assert_eq!(validated(0).get("warnings"), None, "what is only recorded disturbs nobody");
}

#[test]
fn results_that_differ_in_their_details_are_two() {
    let rego = "\
      package wantslabels
      violation[{\"msg\": \"no\", \"details\": {\"container\": name}}] {
        name := input.review.object.spec.containers[_].name
      }
      violation[{\"msg\": \"no\", \"details\": {}}] { true }
      violation[{\"msg\": \"no\"}] { true }";
    let head = "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata: {name: wantslabels}\n\
                spec:\n  crd: {spec: {names: {kind: WantsLabels}}}\n  targets:\n\
                \x20 - target: admission.k8s.gatekeeper.sh\n    rego: |\n";
    let constraint =
        "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: WantsLabels\nmetadata: {name: a}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: b}, {name: a}]}\n";
    let folder = folder(&[
        ("policy/template.yaml", &format!("{head}      {rego}\n")),
        ("policy/constraint.yaml", constraint),
        ("objects.yaml", pod),
    ]);
    let (_, out, err) = check(folder.path(), &["-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).expect(&err);
    let found = report["results"][0]["verdict"]["diagnostics"].as_array().unwrap();
    let details: Vec<_> = found.iter().map(|one| one.get("details").cloned()).collect();
    let of = |name: &str| Some(serde_json::json!({ "container": name }));
    assert_eq!(details, [None, of("a"), of("b")], "{out}");
    let (_, out, _) = check(folder.path(), &[]);
    let told = [r#"= details: {"container":"a"}"#, r#"= details: {"container":"b"}"#];
    assert!(told.iter().all(|part| out.contains(part)), "{out}");
    let (_, out, _) = check(folder.path(), &["-o", "review"]);
    let last: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(last["response"]["status"]["message"], "[a] no\n[a] no\n[a] no");
    let (_, out, _) = check(folder.path(), &["-o", "sarif"]);
    let log: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["runs"][0]["results"][2]["properties"]["details"]["container"], "b");
}

#[test]
fn policies_see_the_inputs_and_what_is_given_besides() {
    let template = include_str!("../../gatekeeper/hosts/template.yaml");
    let constraint = include_str!("../../gatekeeper/hosts/constraint.yaml");
    let mine = include_str!("../../gatekeeper/hosts/mine.yaml");
    let theirs = include_str!("../../gatekeeper/hosts/theirs.yaml");
    let namespace = include_str!("../../gatekeeper/hosts/namespace.yaml");
    let folder = folder(&[
        ("policy/template.yaml", template),
        ("policy/constraint.yaml", constraint),
        ("objects.yaml", mine),
        ("known/theirs.yaml", theirs),
        ("known/namespace.yaml", namespace),
    ]);
    let (status, out, _) = check(folder.path(), &[]);
    assert_eq!(status, 1, "a namespace that nobody knows cannot be selected: {out}");
    assert!(out.contains("missing Namespace") && out.contains("give the Namespace, too"), "{out}");
    let known = folder.path().join("known").display().to_string();
    let (status, out, _) = check(folder.path(), &["--inventory", &known]);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("<a.example> is taken by bank/theirs"), "{out}");
    assert!(out.contains("1 object: 1 denied"), "what is only known is not judged: {out}");
    std::fs::remove_file(folder.path().join("known/theirs.yaml")).unwrap();
    let (status, out, _) = check(folder.path(), &["--inventory", &known]);
    assert_eq!(status, 0, "{out}");
}

#[test]
fn mistakes_stand_where_they_stand_in_the_file() {
    let broken = TEMPLATE.replace("not has(wanted)", "not hass(wanted)");
    let misspelt = CONSTRAINTS.replace("labels: [{key: tier}]", "lables: [{key: tier}]");
    let lost =
        "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: WantLabels\nmetadata: {name: a}\n";
    let says = |files: &[(&str, &str)], parts: &[&str]| {
        let all = [files, &[("objects.yaml", OBJECTS)]].concat();
        let folder = folder(&all);
        let (status, out, err) = check(folder.path(), &[]);
        assert_eq!(status, 2, "{out}{err}");
        for part in parts {
            assert!(err.contains(part), "`{part}` is not in\n{err}");
        }
    };
    says(
        &[("policy/template.yaml", &broken)],
        &["template.yaml:35:13: there is no function `hass`"],
    );
    says(
        &[("policy/template.yaml", TEMPLATE), ("policy/c.yaml", &misspelt)],
        &["c.yaml:15:16: there is no parameter `lables`; did you mean `labels`?", "lacks `labels`"],
    );
    says(
        &[("policy/template.yaml", TEMPLATE), ("policy/c.yaml", lost)],
        &[
            "c.yaml:2:1: there is no template for constraints of kind `WantLabels`; did you mean `WantsLabels`?",
        ],
    );
    let reaching = TEMPLATE.replace("value == wanted.among[_]", "value == data.secrets[_]");
    says(&[("policy/template.yaml", &reaching)], &["a template cannot look at `data.secrets`"]);
}

#[test]
fn templates_in_cel_are_told_of_and_left_out() {
    let cel = "
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: incel}
spec:
  crd: {spec: {names: {kind: InCel}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    code: [{engine: K8sNativeValidation, source: {validations: []}}]
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: InCel
metadata: {name: a}
";
    let folder = folder(&[("policy/cel.yaml", cel), ("objects.yaml", OBJECTS)]);
    let (status, _, err) = check(folder.path(), &[]);
    assert_eq!(status, 0, "{err}");
    assert!(
        err.contains("cel.yaml:7:3: not supported: CEL; the template `incel` is left out"),
        "{err}"
    );
}

const ASKING: &str = "
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: asksothers}
spec:
  crd: {spec: {names: {kind: AsksOthers}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package asksothers
      violation[{\"msg\": \"x\"}] {
        answer := external_data({\"provider\": \"p\", \"keys\": [\"k\"]})
        count(answer.errors) > 0
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: AsksOthers
metadata: {name: a}
";

#[test]
fn a_template_that_asks_a_provider_is_told_of_and_left_out() {
    let folder = folder(&[("policy/ask.yaml", ASKING), ("objects.yaml", OBJECTS)]);
    let (status, _, err) = check(folder.path(), &[]);
    assert_eq!(status, 0, "{err}");
    let part = "ask.yaml:7:3: not supported: external data; the template `asksothers` is left out, with its constraints";
    assert!(err.contains(part), "{err}");
    // Other mistakes are not hidden by that.
    let wrong = ASKING.replace("count(answer.errors)", "http.send({})");
    let folder = self::folder(&[("policy/ask.yaml", &wrong), ("objects.yaml", OBJECTS)]);
    let (status, _, err) = check(folder.path(), &[]);
    assert_eq!(status, 2, "{err}");
    assert!(err.contains("`http.send` cannot be used"), "{err}");
}

#[test]
fn what_a_workload_makes_is_judged_with_it_where_a_template_says_so() {
    let expansion = "apiVersion: expansion.gatekeeper.sh/v1beta1\nkind: ExpansionTemplate\nmetadata: {name: things}\nspec:\n  \
        applyTo: [{groups: [acme.example], versions: [v1], kinds: [Thing]}]\n  templateSource: spec.pod\n  \
        generatedGVK: {group: '', version: v1, kind: Pod}\n  enforcementAction: warn\n";
    let thing = "apiVersion: acme.example/v1\nkind: Thing\nmetadata: {name: one, namespace: shop}\nspec: {pod: {metadata: {labels: {a: b}}}}\n";
    let folder = folder(&[
        ("policy/template.yaml", TEMPLATE),
        ("policy/constraints.yaml", CONSTRAINTS),
        ("policy/expansion.yaml", expansion),
        ("objects.yaml", thing),
    ]);
    let (status, out, err) = check(folder.path(), &[]);
    assert_eq!(status, 0, "{out}{err}");
    let part = "warning[WantsLabels/pods-have-owners]: [Implied by things] kind: Pod one-pod has no good label <owner>";
    assert!(out.contains(part), "{out}{err}");
}
