//! Gatekeeper's templates, with the kinds and the parameters of their constraints.

use super::*;

#[test]
fn templates_are_read_with_the_kinds_that_their_constraints_are_about() {
    const POD: &[(&str, &str)] = &[("", "Pod")];
    const DEPLOYMENT: &[(&str, &str)] = &[("apps", "Deployment")];
    for (body, kinds, expected) in [
        (
            "input.review.object.spec.contaners[_]",
            POD,
            "`Pod` has no field `contaners` in `input.review.object.spec`; did you mean `containers`?",
        ),
        (
            "input.review.object.spec.containers[_].image",
            DEPLOYMENT,
            "`Deployment` has no field `containers` in `input.review.object.spec`; it is in the template of the pods: `input.review.object.spec.template.spec.containers`",
        ),
        (
            "input.review.oldObject.spec.replica",
            &[("apps", "Deployment"), ("apps", "StatefulSet")],
            "`Deployment` and `StatefulSet` have no field `replica` in `input.review.oldObject.spec`; did you mean `replicas`?",
        ),
        (
            "input.review.object.spec.jobTemplate.spec.template.spec.volumes[_].secert",
            &[("batch", "CronJob")],
            "no field `secert` in `input.review.object.spec.jobTemplate.spec.template.spec.volumes[_]`; did you mean `secret`?",
        ),
        (
            "input.review.object.spec.rules[_].hosts",
            &[("extensions", "Ingress"), ("networking.k8s.io", "Ingress")],
            "`Ingress` has no field `hosts` in `input.review.object.spec.rules[_]`; did you mean `host`?",
        ),
        (
            "input.review.object.spec.type.name",
            &[("", "Service")],
            "`input.review.object.spec.type` is a text and has no members; compare it as it is",
        ),
        (
            "input.review.object.spec[x][_].imge",
            POD,
            "`Pod` has no field `imge` in `input.review.object.spec[_][_]`; did you mean `image`?",
        ),
        // Whatever the kind, an object has metadata.
        (
            "input.review.object.metadata.lables.app",
            &[("example.com", "Boat")],
            "no object has a field `lables` in `input.review.object.metadata`; did you mean `labels`?",
        ),
        (
            "input.review.object.metadata.label.app",
            &[],
            "no object has a field `label` in `input.review.object.metadata`; did you mean `labels`?",
        ),
        // No constraint, and a slip of the hand.
        (
            "input.review.object.spec.contaners[_]",
            &[],
            "no kind of Kubernetes has a field `contaners` in `input.review.object.spec`; did you mean `containers`?",
        ),
        (
            "input.review.object.spec.containers.image",
            &[("*", "*")],
            "`input.review.object.spec.containers` is a list and has no member `image`; look at its elements",
        ),
        (
            "input.review.namespaceObject.metadata.lables",
            &[],
            "no object has a field `lables` in `input.review.namespaceObject.metadata`",
        ),
        (
            "input.parameters.lables[_]",
            POD,
            "the template has no parameter `lables`; did you mean `labels`?",
        ),
        (
            "input.parameters.labels[_].kee",
            POD,
            "by its schema `input.parameters.labels[_]` has no member `kee`; did you mean `key`?",
        ),
        (
            "input.parameters.labels.key",
            POD,
            "`input.parameters.labels` is a list and has no member `key`; look at its elements",
        ),
    ] {
        let found = in_template(body, kinds);
        assert!(found.len() == 1 && found[0].contains(expected), "{body}: {found:#?}");
        assert!(found[0].starts_with("2:27 unknown-input"), "{body}: {found:?}");
    }
}

#[test]
fn templates_for_several_kinds_and_unknown_kinds_are_not_disturbed() {
    const DEPLOYMENT: &[(&str, &str)] = &[("apps", "Deployment")];
    for (body, kinds) in [
        ("input.review.object.spec.template.spec.containers[_].image", DEPLOYMENT),
        // The same is read where such an object has it.
        (
            "c := [input.review.object.spec.containers, input.review.object.spec.template.spec.containers][_]; c[_].image",
            DEPLOYMENT,
        ),
        ("input.review.kind.kind == \"Pod\"; input.review.object.spec.containers[_]", DEPLOYMENT),
        ("input.review.object.spec.hosts[_]; input.review.object.spec.templateRef", &[]),
        ("input.review.object.spec.contaners", &[("example.com", "Boat")]),
        ("input.review.object.rules[_].verbs[_]; input.review.object.data.x", &[]),
        ("input.review.object.metadata.labels.lables; input.review.object.data.lables", &[]),
        ("input.review.object.data.anything.at", &[("", "Secret"), ("example.com", "Boat")]),
        ("input.review.object.spec[x][_].image; input.review.object[x].nodeName", &[("", "Pod")]),
        ("input.parameters.free.x.y; input.parameters.limits.cpu; input.parameters[x]", &[]),
        // Groups and kinds are named apart.
        (
            "input.review.object.spec.template.spec.containers",
            &[("", "Deployment"), ("apps", "Deployment")],
        ),
        ("input.review.object.spec.rules[_].backend.serviceName", &[("", "Pod")][..0]),
    ] {
        assert_eq!(in_template(body, kinds), Vec::<String>::new(), "{body}");
    }
}

#[test]
fn parameters_that_nobody_reads_are_told_also_where_they_are_handed_on() {
    let schema = serde_json::json!({"type": "object", "properties": {
        "label": {"type": "string"}, "help": {"type": "string"},
    }});
    let template = |other_code: &str| Template {
        schema: Some(schema.clone()),
        other_code: other_code.to_owned(),
        ..Template::default()
    };
    let unread = |body: &str, other_code: &str| {
        let text = format!("package k\n{body}\n");
        told(
            &[Module { origin: "t", text: &text }],
            Dialect::GatekeeperV0,
            Some(&template(other_code)),
        )
    };
    let whole = "violation[{\"msg\": msg}] { msg := sprintf(\"%v\", [input.parameters]) }";
    for (body, other_code, expected) in [
        ("violation[{\"msg\": \"x\"}] { input.parameters.label }", "", &["help"][..]),
        ("violation[{\"msg\": \"x\"}] { input.parameters.label }", "params.help", &[]),
        (
            "f(p, d) = m { m := object.get(p, \"label\", d) }\nviolation[{\"msg\": msg}] { p := input.parameters; msg := f(p, \"x\") }",
            "",
            &["help"],
        ),
        (
            "parameters = input.parameters\nviolation[{\"msg\": msg}] { msg := parameters.help; object.get(object.get(input, \"parameters\", {}), \"label\", 1) }",
            "",
            &[],
        ),
        (whole, "", &[]),
        (
            "violation[{\"msg\": msg}] { p := input.parameters; msg := sprintf(\"%v\", [p]) }",
            "",
            &[],
        ),
        (
            "f(p) = m { m := sprintf(\"%v\", [p]) }\nviolation[{\"msg\": msg}] { msg := f(input.parameters) }",
            "",
            &[],
        ),
        ("violation[{\"msg\": msg}] { msg := input.parameters[_] }", "", &[]),
    ] {
        let found = unread(body, other_code);
        let names: Vec<&str> =
            found.iter().map(|line| line.split('`').nth(1).unwrap_or_default()).collect();
        assert_eq!(names, expected, "{body}: {found:#?}");
    }
}

#[test]
fn templates_know_their_own_input() {
    let text =
        "package k\nviolation[{\"msg\": \"x\"}] { input.pod.spec; input.review.object.spec.x }\n";
    let found = all(&[Module { origin: "t", text }], Dialect::GatekeeperV0);
    assert!(found.len() == 1 && found[0].contains("`input` has no member `pod`"), "{found:?}");
}
