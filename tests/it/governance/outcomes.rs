//! What comes of each outcome of an evaluation.

use loadline::diagnostic::Diagnostic;
use loadline::diagnostic::Severity::{Deny, Note, Warn};
use serde_json::{Value, json};

use super::{
    compile, decide, decide_review, headed, only, pod, policy, review_of, said, with_policy,
};

const DENY: &str = "deny contains {\"msg\": \"no\", \"field\": \"spec.containers[0].image\", \"help\": \"do\"} if input.pod";

/// What a policy that fails says, after its name.
#[track_caller]
fn fails(rules: &str, expected: &str) {
    let verdict = decide(&with_policy("", rules), &pod(json!({})));
    let (severity, code, message) = only(&verdict);
    assert_eq!((severity, code), (Deny, "policy-error"), "{message}");
    assert_eq!(message, format!("policy `example` could not be evaluated: {expected}"));
    assert!(!verdict.allowed);
}

#[test]
fn deny_refuses_and_says_what_where_why_and_how_to_help() {
    let verdict = decide(&with_policy("", DENY), &pod(json!({})));
    let diagnostic = said(&verdict)[0];
    assert!(!verdict.allowed);
    assert_eq!(only(&verdict), (Deny, "example", "no"));
    assert_eq!(diagnostic.place().unwrap().to_string(), "spec.containers[0].image");
    assert_eq!(diagnostic.why.as_deref(), Some("policy `example`: the test's policy"));
    assert_eq!(diagnostic.help.as_deref(), Some("do"));
}

#[test]
fn a_policy_with_nothing_to_say_allows() {
    let verdict = decide(
        &with_policy("", "deny contains \"no\" if input.pod.spec.nodeName"),
        &pod(json!({})),
    );
    assert!(verdict.allowed && said(&verdict).is_empty());
}

#[test]
fn warn_allows_and_tells() {
    let verdict =
        decide(&with_policy("", "warn contains \"careful\" if input.pod"), &pod(json!({})));
    assert!(verdict.allowed);
    assert_eq!(only(&verdict), (Warn, "example", "careful"));
}

#[test]
fn the_action_of_the_metadata_softens_deny() {
    for (action, severity) in [("warn", Warn), ("audit", Note)] {
        let verdict = decide(&with_policy(&format!("action: {action}"), DENY), &pod(json!({})));
        assert!(verdict.allowed);
        assert_eq!(only(&verdict).0, severity);
    }
}

#[test]
fn the_configuration_overrides_action_and_parameters() {
    let text = policy(
        "action: audit\nparameters: {word: own}",
        "deny contains sprintf(\"the word is %s\", [input.parameters.word]) if input.pod",
    );
    let of = |setting: &str| {
        let config = format!("  policies:\n  - {{name: example{setting}}}\n");
        let pipeline = compile(&[("example.rego", &text)], Some(&config)).unwrap();
        let verdict = decide(&pipeline, &pod(json!({})));
        let (severity, _, message) = only(&verdict);
        (severity, message.to_owned())
    };
    assert_eq!(of(""), (Note, "the word is own".to_owned()));
    assert_eq!(of(", action: deny"), (Deny, "the word is own".to_owned()));
    assert_eq!(
        of(", action: warn, parameters: {word: theirs}"),
        (Warn, "the word is theirs".to_owned())
    );
}

#[test]
fn a_policy_of_the_library_is_off_until_it_is_named() {
    let object = headed(json!({}));
    let codes = |config: Option<&str>| {
        let verdict = decide(&compile(&[], config).unwrap(), &object);
        verdict.diagnostics.iter().map(|one| one.code.to_string()).collect::<Vec<_>>()
    };
    assert!(!codes(None).contains(&"allowed-registries".to_owned()));
    let config =
        "  policies:\n  - name: allowed-registries\n    parameters: {registries: [quay.io]}\n";
    assert!(codes(Some(config)).contains(&"allowed-registries".to_owned()));
    let error = compile(&[], Some("  policies:\n  - name: allowed-registry\n")).unwrap_err();
    assert!(error.to_string().contains("did you mean `allowed-registries`?"), "{error}");
}

#[test]
fn a_rule_that_is_undefined_is_an_error_of_the_policy() {
    fails("deny := {\"no\"} if input.absent", "`data.test.example.deny` is undefined");
}

#[test]
fn a_rule_that_is_no_set_is_an_error_of_the_policy() {
    let message = |kind: &str| {
        format!(
            "`data.test.example.deny` is {kind}, not a set; write it as `deny contains ... if {{ ... }}`"
        )
    };
    fails("default deny := false\ndeny := true if input.absent", &message("a boolean"));
    fails("deny := [\"no\"]", &message("an array"));
    fails("deny := {\"a\": \"no\"}", &message("an object"));
    fails("deny[x] := \"no\" if some x in [\"a\"]", &message("an object"));
    fails("deny := null", &message("null"));
}

#[test]
fn a_result_of_another_form_is_an_error_of_the_policy() {
    fails("deny contains 1", "a result is a number, not an object with `msg`");
    fails(
        "deny contains {\"message\": \"no\"}",
        "a result has the member `message`; known are `msg`, `field`, `help` and `details`",
    );
    fails("deny contains {\"field\": \"spec\"}", "a result has no `msg`");
    fails("deny contains {\"msg\": 1}", "`msg` of a result is a number, not a string");
    fails(
        "deny contains {\"msg\": \"no\", \"field\": [\"spec\"]}",
        "`field` of a result is an array, not a string",
    );
}

#[test]
fn results_that_differ_in_their_details_are_two() {
    let rules = "deny contains {\"msg\": \"no\", \"details\": {\"of\": {c.name}}} if some c in input.pod.spec.containers";
    let containers = json!({"spec": {"containers": [{"name": "b"}, {"name": "a"}]}});
    let verdict = decide(&with_policy("", rules), &pod(containers));
    let details = |one: &Diagnostic| json!(one.details);
    let details: Vec<_> = verdict.diagnostics.iter().map(details).collect();
    assert_eq!(details, [json!({"of": ["a"]}), json!({"of": ["b"]})]);
}

#[test]
fn good_results_are_told_beside_a_bad_one() {
    let verdict =
        decide(&with_policy("", "deny contains \"no\"\ndeny contains 1"), &pod(json!({})));
    let codes: Vec<&str> = said(&verdict).iter().map(|one| &*one.code).collect();
    assert_eq!(codes, ["example", "policy-error"]);
}

#[test]
fn a_field_that_cannot_be_read_is_told_as_it_is() {
    let verdict = decide(
        &with_policy("", "deny contains {\"msg\": \"no\", \"field\": \"labels..a\"}"),
        &pod(json!({})),
    );
    assert_eq!(only(&verdict), (Deny, "example", "no (field `labels..a`)"));
}

#[test]
fn an_error_is_an_error_of_the_policy_with_its_position() {
    fails(
        "deny contains \"no\" if units.parse(input.pod.metadata.name) > 1",
        "example.rego:9:34: `units.parse`: `web` has no amount",
    );
    fails(
        "deny contains \"no\" if f(input.pod.kind) == 1\nf(x) := 1 if x\nf(x) := 2 if x",
        "example.rego:9:24: functions must not produce multiple outputs for same inputs",
    );
    fails(
        "deny contains x if x := 1 / (count(input.pod.spec.containers) - 1)",
        "example.rego:9:27: divide by zero",
    );
}

#[test]
fn on_error_says_what_a_failing_policy_means() {
    let verdict =
        decide(&with_policy("onError: warn", "deny contains x if x := 1 / 0"), &pod(json!({})));
    assert!(verdict.allowed);
    assert_eq!(only(&verdict).0, Warn);
}

#[test]
fn a_failing_policy_leaves_the_others_alone() {
    let broken = policy("onError: warn", "deny contains x if x := 1 / 0")
        .replace("test.example", "test.broken");
    let pipeline = compile(&[("a.rego", &broken), ("b.rego", &policy("", DENY))], None).unwrap();
    let verdict = decide(&pipeline, &pod(json!({})));
    let told: Vec<(_, &str)> =
        said(&verdict).iter().map(|one| (one.severity, &*one.code)).collect();
    assert_eq!(told, [(Deny, "example"), (Warn, "policy-error")]);
    assert!(said(&verdict)[1].what.contains("`broken`"));
}

#[test]
fn what_prints_says_nothing_and_decides_as_without() {
    let verdict = decide(
        &with_policy("", "deny contains \"no\" if {\n  print(\"pod\", input.pod)\n  input.pod\n}"),
        &pod(json!({})),
    );
    assert_eq!(only(&verdict), (Deny, "example", "no"));
}

#[test]
fn messages_stay_on_one_line() {
    let verdict = decide(&with_policy("", "deny contains \"a\\n  b\\tc\""), &pod(json!({})));
    assert_eq!(only(&verdict).2, "a b c");
}

#[test]
fn the_governed_object_is_the_one_after_mutation() {
    let rules = "deny contains \"not tolerated\" if not tolerated(input.pod)\n\
        deny contains \"not tolerated in the review\" if not tolerated(input.review.object)\n\
        tolerated(pod) if some one in pod.spec.tolerations\n\
        warn contains sprintf(\"%s %v\", [input.placement.standing, input.placement.profiles]) if input.version == \"loadline.dev/v1\"";
    let verdict = decide(&with_policy("", rules), &headed(json!({})));
    assert_eq!(only(&verdict), (Warn, "example", "bound [\"azure-aci\"]"));
    assert!(!verdict.patch.is_empty());
}

#[test]
fn a_workload_is_governed_as_its_pods_and_only_warned() {
    let kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": pod(json!({}))},
    });
    let verdict = decide_review(&with_policy("", DENY), &review_of(&kind, "CREATE", &deployment));
    assert!(verdict.allowed);
    assert_eq!(only(&verdict), (Warn, "example", "no"));
    assert_eq!(
        said(&verdict)[0].place().unwrap().to_string(),
        "spec.template.spec.containers[0].image"
    );
}

#[test]
fn features_come_with_the_support_of_each_profile_within_reach() {
    let rules = "warn contains sprintf(\"%s: %s\", [feature.name, feature.support[\"azure-aci\"]]) if {\n\
        some feature in input.features\n  feature.name == \"security.fs-group\"\n}";
    let verdict = decide(
        &with_policy("", rules),
        &headed(json!({"spec": {"securityContext": {"fsGroup": 1}}})),
    );
    assert!(only(&verdict).2.starts_with("security.fs-group: "), "{verdict:?}");
}

/// What a policy on images says of an update.
fn said_of_update(old: &str, new: &str) -> Vec<String> {
    let rules = "deny contains sprintf(\"image %s\", [container.image]) if {\n\
        some container in input.pod.spec.containers\n  contains(container.image, \"evil\")\n}\n\
        deny contains \"broken\" if 1 / count([1 | some one in input.pod.spec.containers; one.image != \"broken\"]) == 0";
    let image =
        |image: &str| pod(json!({"spec": {"containers": [{"name": "web", "image": image}]}}));
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let mut review = review_of(&kind, "UPDATE", &image(new));
    review["request"]["oldObject"] = image(old);
    let verdict = decide_review(&with_policy("", rules), &review);
    assert_eq!(verdict.allowed, said(&verdict).is_empty());
    said(&verdict).iter().map(|one| one.what.clone()).collect()
}

#[test]
fn an_update_is_refused_for_what_it_makes_worse_and_only_for_that() {
    assert_eq!(said_of_update("good", "evil/a"), ["image evil/a"]);
    assert_eq!(said_of_update("evil/a", "evil/b"), ["image evil/b"]);
    assert_eq!(said_of_update("evil/a", "evil/a"), Vec::<String>::new());
    assert_eq!(said_of_update("evil/a", "good"), Vec::<String>::new());
}

#[test]
fn an_update_is_held_to_details_too() {
    let rules = "deny contains {\"msg\": \"no\", \"details\": c.name} if some c in input.pod.spec.containers";
    let of = |names: &[&str]| {
        let containers = names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
        pod(json!({"spec": {"containers": containers}}))
    };
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let mut review = review_of(&kind, "UPDATE", &of(&["a", "b"]));
    let said_after = |review: &Value| json!(said(&decide_review(&with_policy("", rules), review)));
    review["request"]["oldObject"] = of(&["b"]);
    assert_eq!(said_after(&review)[0]["details"], "a");
    assert_eq!(said_after(&review)[1], Value::Null);
    review["request"]["oldObject"] = of(&["b", "a"]);
    assert_eq!(said_after(&review), json!([]));
}

#[test]
fn a_policy_that_failed_before_an_update_too_still_fails() {
    assert!(said_of_update("broken", "broken")[0].contains("divide by zero"));
}

#[test]
fn policies_import_functions_of_libraries() {
    let library = "package lib.words\n\nimport rego.v1\n\nshout(word) := upper(word)\n";
    let rules = "deny contains words.shout(\"no\") if input.pod";
    let text =
        policy("", rules).replace("import rego.v1", "import rego.v1\n\nimport data.lib.words");
    let modules = [("lib/words.rego", library), ("example.rego", text.as_str())];
    let verdict = decide(&compile(&modules, None).unwrap(), &pod(json!({})));
    assert_eq!(only(&verdict), (Deny, "example", "NO"));
    let alone = compile(&[("example.rego", &text)], None).unwrap_err().to_string();
    assert_eq!(alone, "example.rego:11:15: there is no function `data.lib.words.shout`");
}
