//! What is found in policies by those who look at their text: `loadline::governance::lint`.

mod templates;

use loadline::admission::Pipeline;
use loadline::governance::Module;
use loadline::governance::eval::Dialect;
use loadline::governance::lint::{About, Finding, Template, lint};

const HEAD: &str = "# METADATA\n# title: t\n# description: d\n# custom:\n#   match: {placement: any}\n#   parameters: {label: owner}\npackage acme.a\nimport rego.v1\n";

fn findings(text: &str) -> Vec<String> {
    all(&[Module { origin: "a.rego", text }], Dialect::Native)
}

fn all(modules: &[Module<'_>], dialect: Dialect) -> Vec<String> {
    told(modules, dialect, None)
}

fn told(modules: &[Module<'_>], dialect: Dialect, template: Option<&Template>) -> Vec<String> {
    let pipeline = Pipeline::built_in().unwrap();
    let shown = |finding: Finding| {
        let mark = finding.mark.map_or_else(String::new, |mark| format!("{mark} "));
        let help = finding.help.unwrap_or_default();
        format!("{mark}{}: {}; {help}", finding.code, finding.message)
    };
    let profiles: Vec<String> =
        pipeline.profiles.iter().map(|profile| profile.name.clone()).collect();
    let about =
        About { catalogue: &pipeline.catalogue, profiles: &profiles, declared: None, template };
    lint(modules, dialect, &about).into_iter().map(shown).collect()
}

/// What is found in a policy with that body of `deny`, which stands on line 9.
fn in_body(body: &str) -> Vec<String> {
    let text = format!("{HEAD}deny contains \"x\" if {{ input.parameters.label; {body} }}\n");
    findings(&text)
        .into_iter()
        .map(|line| line.split("; ").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn an_inventory_without_kinds_is_told_of() {
    let read = "data.inventory.cluster[\"v1\"].Node.a";
    let told = in_body(read);
    assert_eq!(
        told,
        [
            "9:48 undeclared-inventory: the policy reads `data.inventory` and declares no kinds, so that in a cluster it finds nothing there"
        ]
    );
    let kinds = "#   inventory: [{group: \"\", version: v1, kind: Node}]\npackage";
    let text = format!("{HEAD}deny contains \"x\" if {{ input.parameters.label; {read} }}\n");
    assert_eq!(findings(&text.replacen("package", kinds, 1)), Vec::<String>::new());
    assert_eq!(in_body("input.pod"), Vec::<String>::new());
}

#[test]
fn reads_of_fields_that_there_are_not_are_told_with_what_may_be_meant() {
    for (read, expected) in [
        ("input.pods", "`input` has no member `pods`; did you mean `pod`?"),
        (
            "input.pod.spec.hostNetwrk",
            "pods have no field `hostNetwrk` in `input.pod.spec`; did you mean `hostNetwork`?",
        ),
        (
            "input.pod.spec.containers[_].imge",
            "pods have no field `imge` in `input.pod.spec.containers[_]`; did you mean `image`?",
        ),
        (
            "input.pod.spec.containers.image",
            "`input.pod.spec.containers` is a list and has no member `image`; look at its elements",
        ),
        (
            "input.placement.profile",
            "`input.placement` has no member `profile`; did you mean `profiles`?",
        ),
        (
            "input.features[_].suport",
            "`input.features[_]` has no member `suport`; did you mean `support`?",
        ),
        (
            "input.review.userinfo.username",
            "`input.review` has no member `userinfo`; did you mean `userInfo`?",
        ),
        ("input.parameters.lable", "the policy has no parameter `lable`; did you mean `label`?"),
        (
            "object.get(input.pod.spec, [\"dnsPolcy\"], \"\")",
            "pods have no field `dnsPolcy` in `input.pod.spec`; did you mean `dnsPolicy`?",
        ),
    ] {
        let text = format!("{HEAD}deny contains \"x\" if {{ input.parameters.label; {read} }}\n");
        let found = findings(&text);
        assert!(found.len() == 1 && found[0].contains(expected), "{read}: {found:?}");
        assert!(found[0].starts_with("9:48 unknown-input"), "{read}: {found:?}");
    }
}

#[test]
fn variables_stand_for_what_they_were_given() {
    let found = in_body(
        "spec := input.pod.spec; some c in spec.containers; c.imge; every v in spec.volumes { v.emptydir }; { p | p := c.prots[_] }",
    );
    let fields = ["imge", "emptydir", "prots"];
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(fields.iter().zip(&found).all(|(field, line)| line.contains(field)), "{found:?}");
}

#[test]
fn each_word_of_a_list_of_fields_is_a_field() {
    for body in [
        "some list in [\"containers\", \"initContianers\"]; some c in input.pod.spec[list]; c.image",
        "lists := [\"containers\", \"initContianers\"]; input.pod.spec[lists[_]][_].image",
        "{c | some list in [\"containers\", \"initContianers\"]; some c in input.pod.spec[list]}",
    ] {
        let found = in_body(body);
        assert!(found.len() == 1 && found[0].contains("no field `initContianers`"), "{found:#?}");
    }
    let helper = "has(\"containers\", input.pod.spec); has(\"labels\", input.pod.metadata) } has(key, of) if { of[key]";
    assert_eq!(in_body(helper), Vec::<String>::new());
}

#[test]
fn what_is_there_is_no_finding() {
    for body in [
        "input.pod.spec.automountServiceAccountToken == false } deny contains 1 if { not input.pod.spec.automountServiceAccountToken == false",
        "some c in input.pod.spec.containers; c.securityContext.capabilities.add[_] == \"ALL\"",
        "input.pod.metadata.labels[\"app.kubernetes.io/name\"]; input.pod.metadata.annotations.x",
        "some list in [\"containers\", \"initContainers\"]; some i, c in input.pod.spec[list]; c.resources.limits.cpu; i > 0",
        "some f in input.features; f.support[\"azure-aci\"] == \"ignored\"; f.fields[0]",
        "input.review.object.metadata.annotations.anything; input.review.kind.kind == \"Pod\"",
        "input.pod.spec.volumes[_].persistentVolumeClaim.claimName; input.pod.spec.containerConcurrency > 1",
        r#"regex.match(`^[\w-.]{1,253}$`, input.pod.metadata.name); regex.is_valid("a**")"#,
        "not input.pod.spec.hostNetwork; not input.pod.spec.containers[0].image",
        "some c in input.pod.spec.containers; not startswith(c.image, \"a.example/\")",
        "some c in input.pod.spec.containers; not contains(c.image, \"@\"); contains(c.image, \":latest\")",
        "input.pod.apiVersion; input.pod.status.phase; input.pod.metadata.ownerReferences[_].kind",
    ] {
        assert_eq!(in_body(body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn expressions_that_mean_something_else_are_told() {
    for (body, code) in [
        ("not input.pod.spec.containers[_].securityContext.privileged", "`_` is unsafe"),
        ("not input.pod.spec.containers[i].stdin", "`i` is unsafe"),
        ("input.pod.spec.containers[_].image != \"a\"", "differs-from-any"),
        ("input.pod.spec.hostNetwork == false", "undefined-if-missing"),
        (
            "some c in input.pod.spec.containers; c.securityContext.runAsNonRoot != true",
            "undefined-if-missing",
        ),
        (
            "some c in input.pod.spec.containers; contains(c.image, \"registry.k8s.io\")",
            "image-by-substring",
        ),
        (
            "some c in input.pod.spec.containers; startswith(c.image, \"registry.k8s.io\")",
            "image-by-substring",
        ),
        ("regex.match(sprintf(\"^%s$\", [input.pod.metadata.name]), \"x\")", "pattern-from-input"),
        (r#"regex.match("^[b-a]$", input.pod.metadata.name)"#, "unusable-pattern"),
        (r#"regex.replace(input.pod.metadata.name, "a**", "") == """#, "unusable-pattern"),
    ] {
        let found = in_body(body);
        assert!(found.len() == 1 && found[0].contains(code), "{body}: {found:?}");
    }
}

#[test]
fn what_a_reader_will_miss_is_told() {
    let found = findings(
        "package a\nimport rego.v1\ndenny contains \"x\" if true\ndeny contains \"y\" if true\n",
    );
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found[0].starts_with("1:1 missing-metadata: the metadata have no `custom.match`"),
        "{found:?}"
    );
    assert!(
        found[3]
            .starts_with("3:1 unused-rule: nothing needs the rule `denny`; did you mean `deny`?"),
        "{found:?}"
    );
    let found = findings(&format!("{HEAD}deny contains \"x\" if true\n"));
    assert!(found.len() == 1 && found[0].starts_with("6:18 unused-parameter"), "{found:?}");
}

#[test]
fn what_does_not_load_is_told_with_its_place() {
    let found = findings(&format!(
        "{HEAD}deny contains \"x\" if {{\n\tnosuch(1)\n\tf(2, 3)\n}}\nf(x) := f(x)\n"
    ));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("10:2 does-not-load: there is no function `nosuch`"), "{found:?}");
    let found = findings("package a\nimport rego.v1\ndeny contains x if {\n");
    assert!(found[0].starts_with("4:1 does-not-load"), "{found:?}");
    let found = findings(
        "package a\nimport rego.v1\ndeny contains \"x\" if {\n\tn > 3\n\tn := input.pod.n\n}\n",
    );
    assert!(
        found.contains(&"4:2 does-not-load: var `n` used before definition; ".to_owned()),
        "{found:?}"
    );
    let found = findings("package a\nx := 1\n");
    assert!(found.iter().any(|line| line.contains("so it would never say anything")), "{found:?}");
}

#[test]
fn a_library_is_looked_at_where_it_is_needed_and_reads_parameters_too() {
    let library = Module {
        origin: "lib.rego",
        text: "package lib.a\nimport rego.v1\nlabel := input.parameters.label\nother := input.parameters.other\nwrong := input.pods\n",
    };
    let policy =
        |body: &str| format!("{HEAD}import data.lib.a\ndeny contains \"x\" if {{ {body} }}\n");
    let found = |body: &str| {
        all(&[Module { origin: "a.rego", text: &policy(body) }, library], Dialect::Native)
    };
    assert_eq!(found("input.parameters.label"), Vec::<String>::new());
    let needed = found("a.label");
    assert!(needed.len() == 1 && needed[0].starts_with("5:10 unknown-input"), "{needed:?}");
}

/// What is found in a template whose rule has that body, which begins at 2:27, where its constraints are about those kinds.
fn in_template(body: &str, kinds: &[(&str, &str)]) -> Vec<String> {
    let text = format!("package k\nviolation[{{\"msg\": \"x\"}}] {{ {body} }}\n");
    let schema = serde_json::json!({"type": "object", "properties": {
        "labels": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "limits": {"type": "object", "additionalProperties": {"type": "string"}},
    }});
    let template = Template {
        kinds: kinds.iter().map(|(group, kind)| ((*group).into(), (*kind).into())).collect(),
        schema: Some(schema),
        // What is read of the parameters is another matter.
        other_code: "params.labels, params.free, params.limits".to_owned(),
        is_loose: false,
    };
    told(&[Module { origin: "t", text: &text }], Dialect::GatekeeperV0, Some(&template))
}

#[test]
fn a_policy_of_our_own_is_read_with_the_kinds_that_it_is_about() {
    let found = |kinds: &str, body: &str| {
        let head = HEAD.replace("match: {placement: any}", &format!("match: {{kinds: [{kinds}]}}"));
        findings(&format!("{head}deny contains \"x\" if {{ input.parameters.label; {body} }}\n"))
    };
    for (kinds, body, expected) in [
        (
            "Pod",
            "input.review.object.spec.contaners",
            "neither pods nor what makes them have a field `contaners` in `input.review.object.spec`; did you mean `containers`?",
        ),
        (
            "Service",
            "input.review.object.spec.prots",
            "`Service` has no field `prots` in `input.review.object.spec`; did you mean `ports`?",
        ),
        (
            "networking.k8s.io/Ingress",
            "input.pod.spec.containers",
            "`input.pod` is null: the policy is about `Ingress`, which is no pod and makes none; look at `input.review.object`",
        ),
    ] {
        let found = found(kinds, body);
        assert!(found.len() == 1 && found[0].contains(expected), "{body}: {found:#?}");
    }
    for (kinds, body) in [
        (
            "Pod",
            "input.review.object.spec.containers; input.review.object.spec.template.spec.containers",
        ),
        (
            "Pod",
            "input.review.object.kind == \"ScaledJob\"; input.review.object.spec.jobTargetRef.template",
        ),
        ("apps/Deployment", "input.pod.spec.containers; input.review.object.spec.replicas"),
        (
            "serving.knative.dev/Service",
            "input.pod.spec.containers; input.review.object.spec.template.spec.containerConcurrency",
        ),
    ] {
        assert_eq!(found(kinds, body), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn comparisons_with_what_is_never_there_are_told() {
    for (body, expected) in [
        (
            "input.placement.standing == \"virtual\"",
            "`input.placement.standing` is never `virtual`; did you mean `bound`? `virtual` is what `match.placement` calls it",
        ),
        ("\"Bound\" == input.placement.standing", "is never `Bound`; did you mean `bound`?"),
        ("input.review.operation == \"create\"", "is never `create`; did you mean `CREATE`?"),
        (
            "input.review.operation in {\"UPDATE\", \"DELETE\"}",
            "is never `DELETE`; use one of: CREATE, UPDATE",
        ),
        (
            "input.operation == \"create\"",
            "`input` has no member `operation`; did you mean `input.review.operation`?",
        ),
        ("input.request.object", "`input` has no member `request`; did you mean `input.review`?"),
        ("input.spec.containers", "`input` has no member `spec`; did you mean `input.pod.spec`?"),
        (
            "\"eks-fargte\" in input.placement.profiles",
            "is never `eks-fargte`; did you mean `eks-fargate`?",
        ),
        (
            "some f in input.features; f.class == \"securty\"",
            "is never `securty`; did you mean `security`?",
        ),
        (
            "some f in input.features; f.support[\"azure-aci\"] != \"ignore\"",
            "is never `ignore`; did you mean `ignored`?",
        ),
        (
            "some f in input.features; some p, s in f.support; s == \"unknown\"; p",
            "is never `unknown`; use one of: supported",
        ),
        (
            "some f in input.features; f.support[\"azure-aks\"]",
            "there is no profile `azure-aks` for `input.features[_].support`; did you mean `azure-aci`?",
        ),
        ("some f in input.features; f.name == \"volume.emptydir\"", "is never `volume.emptydir`; "),
        (
            "input.cost[\"azure-aci\"].perhour > 1",
            "`input.cost.azure-aci` has no member `perhour`; did you mean `perHour`?",
        ),
        (
            "input.pod.spec.restartPolicy == \"always\"",
            "`input.pod.spec.restartPolicy` is never `always`; did you mean `Always`?",
        ),
        (
            "input.pod.spec.hostNetwork == \"true\"",
            "is true or false, never the text `\"true\"`; write `true` without quotes",
        ),
        (
            "input.pod.metadata.annotations.x == true",
            "`input.pod.metadata.annotations.x` is a text, never `true`; write `\"true\"`: it is a text",
        ),
        (
            "some c in input.pod.spec.containers; c.ports[_].containerPort == \"80\"",
            "is a number, never the text `\"80\"`",
        ),
    ] {
        let text = format!("{HEAD}deny contains \"x\" if {{ input.parameters.label; {body} }}\n");
        let found = findings(&text);
        assert!(found.len() == 1 && found[0].contains(expected), "{body}: {found:#?}");
    }
    for body in [
        "input.placement.standing == \"bound\"; input.review.operation in {\"CREATE\", \"UPDATE\"}",
        "some f in input.features; f.support[\"azure-aci\"] in {\"ignored\"}; f.class == \"storage\"; f.name == \"volume.persistent-volume-claim\"",
        "input.pod.spec.restartPolicy == \"Sometimes\"; input.pod.spec.hostNetwork == true",
        "some c in input.pod.spec.containers; c.livenessProbe.httpGet.port == \"http\"; c.livenessProbe.httpGet.port == 80",
        "input.pod.metadata.annotations.x == \"true\"; input.pod.spec.containers[_].name == input.pod.metadata.name",
    ] {
        assert_eq!(in_body(body), Vec::<String>::new(), "{body}");
    }
    let operation = |word: &str| in_template(&format!("input.review.operation == \"{word}\""), &[]);
    assert_eq!(operation("DELETE"), Vec::<String>::new());
    let found = operation("Update");
    assert!(found.len() == 1 && found[0].starts_with("2:27 never-equal: "), "{found:?}");
}

#[test]
fn a_parameter_that_is_spelt_wrong_where_it_is_read_is_told_once() {
    let found = findings(&format!(
        "{HEAD}deny contains \"x\" if input.parameters.labell == input.pod.kind\n"
    ));
    assert!(found.len() == 1 && found[0].contains("did you mean `label`?"), "{found:?}");
}

#[test]
fn who_writes_as_before_version_1_is_told_how_to_say_so() {
    let found = findings("package a\ndeny[msg] { msg := \"x\" }\n");
    assert!(
        found[0].contains("`if` keyword is required") && found[0].contains("regoVersion: v0"),
        "{found:?}"
    );
}

#[test]
fn results_with_other_members_than_there_are_are_told() {
    let native = |text: &str| {
        findings(&format!(
            "{HEAD}label := input.parameters.label\n{text} if input.pod.metadata.labels[label]\n"
        ))
    };
    for (text, expected) in [
        (
            "deny contains {\"message\": \"x\"}",
            "10:17 unknown-result: a result has no member `message`; did you mean `msg`?",
        ),
        (
            "deny contains {\"msg\": \"x\", \"feild\": \"spec\"}",
            "10:29 unknown-result: a result has no member `feild`; did you mean `field`?",
        ),
        (
            "deny contains {\"help\": \"x\"}",
            "10:15 unknown-result: a result without `msg` is an error of the policy",
        ),
        (
            "deny contains {\"msg\": \"x\", \"field\": \"spec.contaners[0]\"}",
            "10:38 unknown-result: there is no field `contaners` on the way of `spec.contaners[0]`; did you mean `containers`?",
        ),
        (
            "deny contains {\"msg\": \"x\", \"field\": sprintf(\"spec.containers[%d].imge\", [0])}",
            "there is no field `imge` on the way of `spec.containers[0].imge`; did you mean `image`?",
        ),
        (
            "deny contains {\"msg\": \"x\", \"field\": \"spec[\"}",
            "`spec[` is no path of a field; write it like",
        ),
        (
            "patch contains {\"op\": \"ad\", \"path\": \"/spec/tolerations/-\", \"value\": 1}",
            "there is no operation `ad`; did you mean `add`?",
        ),
        (
            "patch contains [{\"op\": \"add\", \"path\": \"/spec/tolerations/-/keey\", \"value\": \"x\"}]",
            "there is no field `keey` on the way of `/spec/tolerations/-/keey`; did you mean `key`?",
        ),
        ("patch contains {\"op\": \"remove\", \"path\": \"spec\"}", "`spec` is no JSON pointer"),
        (
            "patch contains {\"op\": \"remove\", \"pth\": \"/spec\"}",
            "a result has no member `pth`; did you mean `path`?",
        ),
    ] {
        let found = native(text);
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:#?}");
    }
    let found = in_body(
        "x := {\"message\": \"y\"} } deny contains r if { r := {\"msg\": \"a\", \"hlep\": \"b\"}",
    );
    assert_eq!(found, ["9:112 unknown-result: a result has no member `hlep`"]);
    for text in [
        "deny contains {\"msg\": \"x\", \"field\": \"metadata.labels['a/b']\", \"help\": \"y\", \"details\": {\"z\": 1}}",
        "deny contains {\"msg\": \"x\", \"field\": sprintf(\"spec.%s[%d].image\", [\"containers\", 0])}",
        "deny contains {\"msg\": \"x\", \"field\": sprintf(\"%s.image\", [\"spec\"])}",
        "deny contains {\"msg\": \"x\", \"field\": \"spec.containerConcurrency\"}",
        "warn contains {label: \"x\", \"other\": 1}",
        "patch contains {\"op\": \"add\", \"path\": \"/metadata/annotations/a~1b\", \"value\": \"x\"}",
    ] {
        assert_eq!(native(text), Vec::<String>::new(), "{text}");
    }
    let template = |head: &str| {
        let text =
            format!("package k\nviolation[{head}] {{ input.review.object.metadata.labels.a }}\n");
        all(&[Module { origin: "t", text: &text }], Dialect::GatekeeperV0)
    };
    let found = template("{\"message\": \"x\"}");
    assert!(found.len() == 1 && found[0].starts_with("2:13 unknown-result"), "{found:?}");
    assert_eq!(template("{\"msg\": \"x\", \"more\": 1}"), Vec::<String>::new());
}

#[test]
fn what_is_not_in_the_data_is_told() {
    let head = HEAD.replace(
        "package",
        "#   inventory: [{group: policy, version: v1, kind: PodDisruptionBudget}, {group: '', version: v1, kind: Node}]\npackage",
    );
    let library =
        Module { origin: "lib.rego", text: "package lib.a\nimport rego.v1\nlabel := 1\n" };
    let found = |body: &str| {
        let text = format!(
            "{head}import data.lib.a\ndeny contains \"x\" if {{ input.parameters.label; {body} }}\n"
        );
        all(&[Module { origin: "a.rego", text: &text }, library], Dialect::Native)
    };
    for (body, expected) in [
        (
            "some p in data.inventory.namespace[_][\"policy/v1\"].PodDisruptionBudget; p.spec.selector.matchLables.a",
            "11:120 unknown-input: `PodDisruptionBudget` has no field `matchLables` in `data.inventory.namespace[_][\"policy/v1\"].PodDisruptionBudget[_].spec.selector`; did you mean `matchLabels`?",
        ),
        (
            "data.inventory.cluster[\"v1\"].Node[_].spec.unschedulable == \"true\"",
            "never-equal: `data.inventory.cluster.v1.Node[_].spec.unschedulable` is true or false, never the text `\"true\"`",
        ),
        (
            "data.inventory.cluster[\"v1\"].Namespace[_]",
            "unknown-input: the policy does not declare that it wants to find any `Namespace` in `data.inventory`; name the kind under `inventory`",
        ),
        (
            "data.inventory.namespaces[_]",
            "`data.inventory` has no member `namespaces`; did you mean `namespace`?",
        ),
        (
            "data.inventry.cluster",
            "unknown-data: there is nothing at `data.inventry.cluster`; did you mean `inventory` for `inventry`?",
        ),
        (
            "a.labell",
            "unknown-data: there is nothing at `data.lib.a.labell`; did you mean `label` for `labell`?",
        ),
        ("data.lib.b.x == 1", "unknown-data: there is nothing at `data.lib.b.x`; "),
    ] {
        let found = found(body);
        assert!(found.len() == 1 && found[0].contains(expected), "{body}: {found:#?}");
    }
    for body in [
        "data.inventory.cluster[\"v1\"].Node[_].spec.unschedulable == true",
        "data.inventory.namespace[_][x][y][_].anything; data.inventory.cluster[x].Node[_].metadata.name",
        "a.label == 1; data.lib.a.label == 1; data.lib[x].label == 1; data.acme.a.deny",
        "x := {\"label\": 1}; a := x; a.other",
    ] {
        let found = found(body);
        assert!(found.iter().all(|line| !line.contains("unknown-")), "{body}: {found:#?}");
    }
}
