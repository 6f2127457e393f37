//! Policies as `AdmissionPolicy` documents, about objects of every kind.

use crate::support::{CliTest, Said};

const POLICY: &str = "
apiVersion: loadline.dev/v1alpha1
kind: AdmissionPolicy
metadata: {name: known-hosts}
spec:
  title: hosts are known
  help: choose another host
  match:
    kinds: [networking.k8s.io/Ingress]
    labelSelector: {matchExpressions: [{key: legacy, operator: DoesNotExist}]}
  parameters: {allowed: [a.example]}
  parametersSchema:
    type: object
    properties:
      allowed: {type: array, items: {type: string}}
      strict: {type: boolean, default: true}
  libs:
  - |
    package lib.hosts
    known(host, hosts) if host in hosts
  rego: |
    package anything

    import data.lib.hosts

    violation contains {\"msg\": msg, \"field\": sprintf(\"spec.rules[%d].host\", [i])} if {
      input.parameters.strict
      some i, rule in input.review.object.spec.rules
      not hosts.known(rule.host, input.parameters.allowed)
      msg := sprintf(\"nobody knows `%s`\", [rule.host])
    }

    warn contains {\"msg\": msg} if {
      some other in data.inventory.namespace[_][\"networking.k8s.io/v1\"].Ingress
      other.metadata.name != input.review.object.metadata.name
      msg := sprintf(\"there is `%s`, too\", [other.metadata.name])
    }
";

const OBJECTS: &str = "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: mine}
spec:
  rules:
  - host: a.example
  - host: b.example
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: theirs, labels: {legacy: yes-it-is}}
spec: {rules: [{host: c.example}]}
";

fn check(policy: &str) -> Said {
    CliTest::new()
        .file("policy/p.yaml", policy)
        .file("o.yaml", OBJECTS)
        .run(&["check", "--policy", "policy", "-f", "o.yaml"])
}

#[test]
fn a_policy_in_a_document_judges_the_kind_that_it_names() {
    check(POLICY).check(
        1,
        &[
            "error[known-hosts]: nobody knows `b.example`",
            "o.yaml:7:5  spec.rules[1].host",
            "= help: choose another host",
            "warning[known-hosts]: there is `theirs`, too",
            "2 objects: 1 denied, 0 warned, 1 clean",
        ],
        &[],
    );
}

#[test]
fn mistakes_in_a_document_are_told_where_they_stand() {
    let says = |from: &str, to: &str, parts: &[&str]| {
        assert!(POLICY.contains(from), "{from}");
        let said = check(&POLICY.replacen(from, to, 1));
        assert_eq!(said.status, 2, "{}", said.snapshot());
        for part in parts {
            assert!(said.stderr.contains(part), "no `{part}` in\n{}", said.snapshot());
        }
    };
    says(
        "help: choose",
        "hlep: choose",
        &["p.yaml:7:3: `spec.hlep`: the key `hlep` is not known here; did you mean `help`?"],
    );
    says(
        "{allowed: [a.example]}",
        "{alowed: []}",
        &["there is no parameter `alowed`; did you mean `allowed`?"],
    );
    says(
        "hosts.known(",
        "hosts.knwon(",
        &["p.yaml:29:11: there is no function `data.lib.hosts.knwon`"],
    );
    says(
        "kinds: [networking.k8s.io/Ingress]",
        "kinds: [ingresses]",
        &["p.yaml:9:13: `ingresses` never matches"],
    );
    says(
        "kinds: [networking.k8s.io/Ingress]",
        "profiles: [dingy]",
        &[
            "p.yaml:9:5: policy `known-hosts`: its match names a profile `dingy`, which there is not; did you mean `dinghy`?",
        ],
    );
    says(
        "name: known-hosts",
        "name: Known_Hosts",
        &["p.yaml:4:12: `Known_Hosts` cannot be the name of a policy"],
    );
}

#[test]
fn a_module_may_be_written_in_old_rego_and_speak_through_violation() {
    let module = "# METADATA\n# custom:\n#   regoVersion: v0\n#   match: {placement: any, labelSelector: {matchLabels: {app: web}}}\n\
        package example.old_words\n\nviolation[{\"msg\": \"old\"}] { input.pod.spec.hostNetwork }\n";
    let pod = |name: &str, app: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {app}}}}}\nspec: {{hostNetwork: true, containers: []}}\n---\n"
        )
    };
    CliTest::new()
        .file("policy/p.rego", module)
        .file("o.yaml", pod("a", "web") + &pod("b", "db"))
        .run(&["check", "--policy", "policy", "-f", "o.yaml"])
        .check(1, &["error[old-words]: old", "2 objects: 1 denied, 0 warned, 1 clean"], &[]);
}

#[test]
fn install_sends_the_kinds_that_policies_name_and_every_pod_where_one_is_about_all() {
    let test = CliTest::new().file("policy/p.yaml", POLICY);
    let said = test.run(&["install", "--policy", "policy", "--image", "loadline:1"]);
    assert_eq!(said.status, 0, "{}", said.snapshot());
    assert!(said.stdout.contains("name: constraints.loadline.dev"), "{}", said.stdout);
    assert!(said.stdout.contains("- ingresses"), "{}", said.stdout);
}
