//! Profiles that extend others: facts that stand once.

use loadline::admission::Pipeline;
use loadline::bundle::{Sources, Text};
use loadline::profile::{Entry, Support};

fn text(origin: &str, text: &str) -> Text {
    Text { origin: origin.into(), text: text.into() }
}

fn profile(name: &str, extends: &str, support: &str) -> String {
    format!(
        "apiVersion: loadline.dev/v1alpha1
kind: VirtualNodeProfile
metadata: {{name: {name}}}
spec:
  title: Mine
  status: new
  revision: mine@1
  extends: {extends}
  daemonSets: {{support: unverified, reason: nobody tried}}
  networkPolicy: {{support: unverified, reason: nobody tried}}
  unlisted: {{support: unverified, reason: nobody tried}}
  {support}
"
    )
}

fn compiled(files: &[(&str, &str)]) -> Result<Pipeline, String> {
    let profiles = files.iter().map(|(origin, content)| text(origin, content)).collect();
    Pipeline::compile(&Sources { profiles, ..Sources::default() })
        .map_err(|error| error.to_string())
}

fn entry<'p>(pipeline: &'p Pipeline, profile: &str, feature: &str) -> &'p Entry {
    let id = pipeline.catalogue.by_name(feature).unwrap();
    pipeline.profile_named(profile).unwrap().entry(id)
}

#[test]
fn the_facts_of_a_base_stand_once_and_a_word_of_its_own_goes_first() {
    let pipeline = Pipeline::built_in().unwrap();
    let pod_ip = entry(&pipeline, "nomad", "env.field-ref.status.pod-ip");
    assert_eq!(pod_ip.from.as_deref(), Some("virtual-kubelet"));
    // Through two bases, and under the name of the one where it stands.
    let overhead = entry(&pipeline, "nomad", "scheduling.overhead");
    assert_eq!(overhead.from.as_deref(), Some("control-plane"));
    assert!(overhead.left_behind, "the profile says so of a fact that is not its own");
    let command = entry(&pipeline, "nomad", "container.command");
    assert_eq!((command.support, &command.from), (Support::Partial, &None));
    // The other clusters that Liqo talks to have kubelets, which know an address of the pod.
    assert_eq!(entry(&pipeline, "liqo", "env.field-ref.status.pod-ip").support, Support::Partial);
}

#[test]
fn a_users_profile_extends_a_built_in_one() {
    let mine = profile(
        "mine",
        "azure-aci",
        "support: [{features: [volume.empty-dir], support: unsupported, reason: no room, source: mine@1:a}]",
    );
    let pipeline = compiled(&[("mine.yaml", &mine)]).unwrap();
    assert_eq!(entry(&pipeline, "mine", "volume.empty-dir").support, Support::Unsupported);
    let inherited = entry(&pipeline, "mine", "security.run-as-non-root");
    assert_eq!(
        inherited.support,
        entry(&pipeline, "azure-aci", "security.run-as-non-root").support
    );
    assert_eq!(inherited.from.as_deref(), Some("azure-aci"));
    // How the base reads what it does not list is its own affair.
    assert_eq!(entry(&pipeline, "mine", "behaviour.ipv6").reason, "nobody tried");
    assert_eq!(
        pipeline.profile_named("mine").unwrap().access.exec.as_ref().unwrap().from.as_deref(),
        Some("azure-aci")
    );
}

#[test]
fn a_users_base_changes_the_built_in_profiles_that_extend_it() {
    let core = profile(
        "virtual-kubelet",
        "my-facts",
        "support: [{features: [env.field-ref.status.pod-ip], support: supported, reason: mended, source: mine@1:a}]",
    );
    let facts = "apiVersion: loadline.dev/v1alpha1
kind: VirtualNodeBase
metadata: {name: my-facts}
spec:
  title: Facts
  support: [{features: [scheduling.overhead], support: ignored, reason: lost, source: mine@1:a}]
";
    let pipeline = compiled(&[("core.yaml", &core), ("facts.yaml", facts)]).unwrap();
    assert_eq!(
        entry(&pipeline, "nomad", "env.field-ref.status.pod-ip").support,
        Support::Supported
    );
    assert_eq!(entry(&pipeline, "nomad", "scheduling.overhead").support, Support::Ignored);
}

#[test]
fn a_base_counts_although_nobody_chose_it() {
    let config =
        "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {profiles: [nomad]}\n";
    let sources = Sources { config: Some(text("config.yaml", config)), ..Sources::default() };
    let pipeline = Pipeline::compile(&sources).unwrap();
    assert_eq!(pipeline.profiles.len(), 1);
    assert_eq!(entry(&pipeline, "nomad", "env.resource-field-ref").support, Support::Ignored);
}

#[test]
fn mistakes_of_a_base_are_told_where_it_stands() {
    let facts = "apiVersion: loadline.dev/v1alpha1
kind: VirtualNodeBase
metadata: {name: nomad}
spec:
  title: Facts
  extends: contrl-plane
  support: [{features: [scheduling.overhed], support: ignored, reason: lost}]
";
    let problems = compiled(&[("facts.yaml", facts)]).unwrap_err();
    assert_eq!(
        problems,
        "facts.yaml:3:12: a profile is called `nomad` too; give the base another name\n\
         facts.yaml:6:3: base `nomad`: there is no base `contrl-plane`: did you mean `control-plane`?\n\
         facts.yaml:7:25: base `nomad`: unknown feature `scheduling.overhed`; did you mean `scheduling.overhead`?"
    );
}
