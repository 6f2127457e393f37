use super::*;
use crate::document::Document;

fn policy(name: &str, body: &str) -> Text {
    Text {
        origin: format!("policies/{name}.rego"),
        text: format!("package example.{name}\n\nimport rego.v1\n\n{body}\n"),
    }
}

fn good(name: &str, message: &str) -> Text {
    policy(name, &format!("deny contains {{\"msg\": \"{message}\"}} if input.pod.x"))
}

fn sources(policies: Vec<Text>) -> Sources {
    Sources { policies, ..Sources::default() }
}

#[test]
fn a_policy_that_breaks_keeps_its_last_good_version_and_the_others_go_on() {
    let last_good = sources(vec![good("a", "old"), good("b", "old")]);
    let broken = policy("a", "deny contains {");
    let wanted = sources(vec![broken, good("b", "new"), good("c", "new")]);
    let mended = Mended::compile(&wanted, &last_good, &[]).unwrap();
    assert_eq!(mended.sources, sources(vec![good("a", "old"), good("b", "new"), good("c", "new")]));
    let [held] = mended.held.as_slice() else { panic!("{:?}", mended.held) };
    assert!(held.has_last_good && held.origin == "policies/a.rego", "{held:?}");
    assert!(held.problem.starts_with("policies/a.rego:6:1: "), "{held:?}");
}

#[test]
fn a_policy_that_never_was_good_is_left_out_and_told() {
    let mended = Mended::compile(
        &sources(vec![good("a", "old"), policy("b", "deny = 1 {")]),
        &sources(vec![good("a", "old")]),
        &[],
    )
    .unwrap();
    assert_eq!(mended.sources, sources(vec![good("a", "old")]));
    assert!(mended.held.iter().all(|held| !held.has_last_good) && mended.held.len() == 1);
}

#[test]
fn a_configuration_that_breaks_keeps_its_last_good_version() {
    let config =
        |text: &str| Some(Text { origin: "config.yaml".to_owned(), text: text.to_owned() });
    let old = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {mode: warn}\n";
    let last_good = Sources { config: config(old), ..Sources::default() };
    let wanted = Sources { config: config("spec: ["), ..Sources::default() };
    let mended = Mended::compile(&wanted, &last_good, &[]).unwrap();
    assert_eq!(mended.sources, last_good);
    assert_eq!(mended.held.len(), 1);
}

#[test]
fn texts_that_no_longer_fit_together_change_nothing() {
    let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {policies: [{name: a, action: warn}]}\n";
    let config = Some(Text { origin: "config.yaml".to_owned(), text: config.to_owned() });
    let last_good = Sources { config, ..sources(vec![good("a", "old")]) };
    let wanted = Sources { policies: Vec::new(), ..last_good.clone() };
    let error = Mended::compile(&wanted, &last_good, &[]).unwrap_err();
    assert!(error.to_string().contains("no policy `a`"), "{error}");
}

const TEMPLATE: &str = "\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: named}
spec:
  crd: {spec: {names: {kind: Named}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package named
      violation[{\"msg\": \"no\"}] { not input.review.object.metadata.labels.team }
";

const CONSTRAINT: &str = "\
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Named
metadata: {name: all}
spec:
  match: {kinds: [{apiGroups: [\"\"], kinds: [Pod]}]}
";

fn yaml(text: &str) -> Sources {
    sources(vec![Text { origin: "policies/t.yaml".to_owned(), text: text.to_owned() }])
}

fn after(wanted: &Sources, last_good: &Sources) -> Mended {
    Mended::compile(wanted, last_good, &wanted.doubts(last_good)).unwrap()
}

#[test]
fn no_beginning_of_a_file_takes_a_constraint_out_of_force() {
    let text = format!("{TEMPLATE}---\n{CONSTRAINT}");
    let last_good = yaml(&text);
    for end in 0..text.trim_end().len() {
        let cut = yaml(text.get(..end).unwrap());
        if cut.doubts(&last_good).is_empty() {
            // Then it is broken, which is found when it is compiled.
            Document::parse_all(&cut.policies[0].text).unwrap_err();
        }
        // Compiling takes its time.
        if end % 13 > 0 {
            continue;
        }
        let mended = after(&cut, &last_good);
        assert_eq!(mended.sources, last_good);
        let [held] = mended.held.as_slice() else { panic!("{cut:?}: {:?}", mended.held) };
        assert!(held.has_last_good && held.problem.starts_with("policies/t.yaml:"), "{held:?}");
    }
    let mended = after(&yaml(text.trim_end()), &last_good);
    assert_eq!(mended.held, []);
}

#[test]
fn what_is_lost_is_held_until_it_is_meant() {
    let last_good = yaml(&format!("{TEMPLATE}---\n{CONSTRAINT}"));
    // Nothing that is left of a file says that it is to go, whatever else stands in it.
    for text in ["", "a: [", "hello: world", "{{ if .Values.on }}\na: b\n{{ end }}\n"] {
        let mended = after(&yaml(text), &last_good);
        assert_eq!(mended.sources, last_good, "{text}");
        assert!(mended.held.iter().all(|held| !held.waits), "{:?}", mended.held);
    }
    let less = yaml(&TEMPLATE.replace("\"no\"", "\"never\""));
    let doubts = less.doubts(&last_good);
    let [doubt] = doubts.as_slice() else { panic!("{doubts:?}") };
    assert!(doubt.passes && doubt.problem.starts_with("Named `all` is gone"), "{doubt:?}");
    let meant = Mended::compile(&less, &last_good, &[]).unwrap();
    assert_eq!(meant.pipeline.constraints.iter().count(), 0);
    let before = Pipeline::compile(&last_good).unwrap();
    let gone = gone((&last_good, &before), (&less, &meant.pipeline));
    assert_eq!(gone.into_iter().collect::<Vec<_>>(), ["Named `all`"]);
}

#[test]
fn a_new_version_that_ends_within_a_line_is_held() {
    let last_good = yaml(&format!("{TEMPLATE}---\n{CONSTRAINT}"));
    let new = format!("{}---\n{CONSTRAINT}", TEMPLATE.replace("\"no\"", "\"never\""));
    assert_eq!(yaml(&new).doubts(&last_good), []);
    let mended = after(&yaml(new.split(" {kinds").next().unwrap()), &last_good);
    assert_eq!(mended.sources, last_good);
    assert!(mended.held.iter().all(|held| held.waits), "{:?}", mended.held);
    // What is broken besides says where.
    let mended = after(&yaml(TEMPLATE.split("\"no\"").next().unwrap()), &last_good);
    assert!(mended.held.iter().all(|held| !held.waits), "{:?}", mended.held);
    assert!(mended.held[0].problem.starts_with("policies/t.yaml:11:"), "{:?}", mended.held);
}

#[test]
fn what_moves_to_another_file_is_not_lost() {
    let last_good = yaml(&format!("{TEMPLATE}---\n{CONSTRAINT}"));
    let mut wanted = yaml("");
    let origin = "policies/u.yaml".to_owned();
    wanted.policies.push(Text { origin, text: format!("{CONSTRAINT}---\n{TEMPLATE}") });
    let mended = after(&wanted, &last_good);
    assert_eq!((mended.sources, mended.held), (wanted, Vec::new()));
}

#[test]
fn files_of_ours_are_held_when_they_are_emptied_or_cut() {
    let text = |name: &str, text: &str| Text { origin: name.to_owned(), text: text.to_owned() };
    let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec:\n  mode: warn\n";
    let exemption = "apiVersion: loadline.dev/v1alpha1\nkind: Exemption\nmetadata: {name: pier}\nspec:\n  codes: [volume.nfs]\n  namespaces: [pier]\n  owner: harbour\n  reason: later\n  until: 2999-01-01\n";
    let last_good = Sources {
        config: Some(text("config.yaml", config)),
        exemptions: vec![text("e.yaml", exemption)],
        ..sources(vec![good("a", "old"), text("a_test.rego", "package example.a_test\n")])
    };
    if let Err(error) = Pipeline::compile(&last_good) {
        panic!("{error}");
    }
    for (config, exemption, rego) in [
        ("", "", ""),
        ("\n", "# soon\n", "package example.a\n"),
        (
            "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\n",
            "apiVersion: v1\nkind: List\n",
            "package example.a\n\nimport rego.v1\n",
        ),
    ] {
        let wanted = Sources {
            config: Some(text("config.yaml", config)),
            exemptions: vec![text("e.yaml", exemption)],
            policies: vec![Text { text: rego.to_owned(), ..good("a", "old") }],
            ..Sources::default()
        };
        let mended = after(&wanted, &last_good);
        assert_eq!(mended.held.len(), 3, "{:?}", mended.held);
        assert_eq!(mended.sources.config, last_good.config);
        assert_eq!(mended.sources.exemptions, last_good.exemptions);
        assert_eq!(mended.sources.policies, [good("a", "old")]);
    }
}

#[test]
fn a_text_that_is_no_yaml_is_wrong_unless_it_is_a_chart_of_something_else() {
    let error = Pipeline::compile(&yaml("a: [")).unwrap_err().to_string();
    assert!(error.starts_with("policies/t.yaml:"), "{error}");
    let chart = "metadata:\n  name: {{ .Values.name }}\n";
    let pipeline = Pipeline::compile(&yaml(chart)).unwrap();
    assert!(pipeline.notices.iter().all(|one| one.starts_with("policies/t.yaml:2:")));
    assert_eq!(pipeline.notices.len(), 1);
    let ours = format!("apiVersion: loadline.dev/v1alpha1\n{chart}");
    Pipeline::compile(&yaml(&ours)).unwrap_err();
}
