//! When the API server asks Loadline about an object: the expressions of `matchConditions`, made from the profiles.
//!
//! They keep away what cannot reach a virtual node, at the price of an expression that the API server evaluates itself.
//! They may let through too much, never too little, with two exceptions that need `--match-all`: nodes without taints are
//! open to every pod, and say nothing in it; and what a namespace says by an annotation, or by a label with which a profile
//! claims its pods, which the API server does not show here.
//!
//! The language is what Kubernetes 1.30 has: `has`, `in`, `exists` and string functions. Every field is guarded, because
//! an expression that fails refuses the object when the failure policy is `Fail`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::admission::Pipeline;
use crate::admission::verdict::MARKER;
use crate::fence::FENCE_KEY;
use crate::node::NodeFact;
use crate::path::{FieldPath, Segment};
use crate::placement::filter;
use crate::profile::{PROFILE_KEY, Profile};

/// The scheduler that every pod gets that names none.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// What the profiles say about how pods come to their nodes.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Keys of the labels by which nodes are known.
    node_keys: BTreeSet<String>,
    /// Their values.
    node_values: BTreeSet<String>,
    /// Keys of labels by which a profile claims pods.
    pod_labels: BTreeSet<String>,
    /// Keys of annotations by which a profile claims pods.
    pod_annotations: BTreeSet<String>,
}

impl Signs {
    /// Gathers the signs of all profiles.
    ///
    /// Labels that any node has, such as the operating system, tell nothing and are left out.
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let mut signs = Self::default();
        for profile in &pipeline.profiles {
            let written = as_written(profile);
            let recognised = written
                .iter()
                .filter_map(|one| one.get("labels").and_then(Value::as_object))
                .flatten();
            for (key, value) in recognised {
                signs.add(key, value.as_str());
            }
            for (key, value) in &profile.inject.node_selector {
                signs.add(key, Some(value));
            }
            for requirement in &profile.keep_off {
                signs.add(&requirement.key, None);
                requirement
                    .values
                    .iter()
                    .for_each(|value| signs.add(&requirement.key, Some(value)));
            }
            for claim in &profile.claims {
                signs.pod_labels.extend(claim.label_keys().map(ToOwned::to_owned));
            }
            let features = written
                .iter()
                .filter_map(|one| one.get("features").and_then(Value::as_array))
                .flatten()
                .filter_map(|name| pipeline.catalogue.by_name(name.as_str()?));
            for locator in features.flat_map(|id| &pipeline.catalogue.feature(id).locators) {
                signs.add_claim(locator);
            }
        }
        signs
    }

    fn add(&mut self, key: &str, value: Option<&str>) {
        // Ours can have any value, and is asked for by its key alone.
        if NodeFact::plain().label(key).is_none() && key != PROFILE_KEY {
            self.node_keys.insert(key.to_owned());
            self.node_values.extend(value.map(ToOwned::to_owned));
        }
    }

    /// Adds what a claim's feature looks for in the labels or annotations of a pod. One that looks elsewhere is of a pod that
    /// comes here by other signs, or not at all.
    fn add_claim(&mut self, locator: &str) {
        let path = locator.split_whitespace().next().and_then(FieldPath::parse);
        let path = path.as_ref().map(FieldPath::segments).unwrap_or_default();
        let [Segment::Key(metadata), Segment::Key(section), Segment::Key(key)] = path else {
            return;
        };
        match (&**metadata, &**section) {
            ("metadata", "annotations") => self.pod_annotations.insert(key.to_string()),
            ("metadata", "labels") => self.pod_labels.insert(key.to_string()),
            _ => false,
        };
    }

    /// True for a pod that can reach a virtual node by its own words.
    ///
    /// On updates the node's name tells nothing, as every running pod has one; there the marker tells that the pod was
    /// judged when it was created.
    pub(super) fn pod(&self) -> String {
        self.reaches("object", "has(object.spec.nodeName) && request.operation == 'CREATE'")
    }

    /// True for a workload whose pods can reach a virtual node by their own words.
    pub(super) fn workload(&self) -> String {
        let reaches = self.reaches("pod", "has(pod.spec.nodeName)").replace('\n', "\n  ");
        format!(
            "(!has(object.spec) ? []\n\
             : has(object.spec.jobTemplate) ? [object.spec.jobTemplate.spec.template]\n\
             : has(object.spec.jobTargetRef) ? [object.spec.jobTargetRef.template]\n\
             : has(object.spec.template) ? [object.spec.template] : []\n\
             ).exists(pod, has(pod.spec) && (\n  {reaches}\n))"
        )
    }

    fn reaches(&self, pod: &str, is_placed: &str) -> String {
        let labels = one_in(
            &format!("{pod}.metadata.labels"),
            [PROFILE_KEY, FENCE_KEY].into_iter().chain(self.pod_labels.iter().map(String::as_str)),
        );
        let annotations = one_in(
            &format!("{pod}.metadata.annotations"),
            [PROFILE_KEY, FENCE_KEY, MARKER]
                .into_iter()
                .chain(self.pod_annotations.iter().map(String::as_str)),
        );
        let keys = list(self.node_keys.iter().map(String::as_str));
        let values = list(self.node_values.iter().map(String::as_str));
        // The API server and the controller of daemon sets add tolerations for those to pods.
        let passing = list(filter::PASSING_TAINTS);
        let [default_scheduler, profile_key] = [DEFAULT_SCHEDULER, PROFILE_KEY].map(quote);
        let metadata =
            if pod == "object" { String::new() } else { format!("has({pod}.metadata) && ") };
        let required = format!(
            "{pod}.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
        );
        [
            is_placed.to_owned(),
            format!("has({pod}.spec.schedulerName) && !({pod}.spec.schedulerName in ['', {default_scheduler}])"),
            format!(
                "has({pod}.spec.tolerations) && {pod}.spec.tolerations.exists(t, \
                 !has(t.key) || !(t.key in {passing}))"
            ),
            format!("{metadata}has({pod}.metadata.labels) && ({labels})"),
            format!("{metadata}has({pod}.metadata.annotations) && ({annotations})"),
            format!(
                "has({pod}.spec.nodeSelector) && {pod}.spec.nodeSelector.exists(key, key == {profile_key}\n     \
                 || key in {keys}\n     && {pod}.spec.nodeSelector[key] in {values})"
            ),
            format!(
                "has({pod}.spec.affinity) && has({pod}.spec.affinity.nodeAffinity) && has({required})\n  \
                 && {required}.nodeSelectorTerms.exists(term,\n     \
                 has(term.matchExpressions) && term.matchExpressions.exists(e, e.key == {profile_key}\n     \
                 || e.key in {keys}\n     && (e.operator == 'Exists' || e.operator == 'In' && has(e.values) && e.values.exists(value,\n     \
                 value in {values}))))"
            ),
        ]
        .join("\n|| ")
    }
}

/// True where `expression` is false.
pub(super) fn not(expression: &str) -> String {
    format!("!({expression})")
}

/// The profiles whose nodes let every pod in, so that no condition can tell which pods reach them.
pub(super) fn open_to_all(pipeline: &Pipeline) -> impl Iterator<Item = &Profile> {
    pipeline.profiles.iter().filter(|profile| {
        profile.node.as_ref().is_some_and(|node| filter::repelling(&node.taints).next().is_none())
    })
}

/// The parts of a profile's document that say how nodes are recognised and which pods are claimed.
fn as_written(profile: &Profile) -> Vec<Value> {
    let recognitions = profile.recognise.iter().map(serde_json::to_value);
    let claims = profile.claims.iter().map(serde_json::to_value);
    // Plain data with strings for keys is always written.
    recognitions.chain(claims).filter_map(Result::ok).collect()
}

fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(quote).collect();
    format!("[{}]", texts.join(", "))
}

/// True where one of the keys is in a map. Spelled out, as `exists` over a list of them takes the API server twice as long.
fn one_in<'a>(map: &str, keys: impl Iterator<Item = &'a str>) -> String {
    let keys: Vec<String> = keys.map(|key| format!("{} in {map}", quote(key))).collect();
    keys.join(" || ")
}

/// A string literal. Keys and values of labels hold nothing to escape, but a profile's author may write anything.
fn quote(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {}
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Sources, Text};

    #[test]
    fn a_profile_of_the_user_changes_the_conditions() {
        let profile = r"
apiVersion: loadline.dev/v1alpha1
kind: VirtualNodeProfile
metadata: {name: ours}
spec:
  title: Ours
  status: active
  revision: none
  recognise: [{labels: {example.com/kind: float, kubernetes.io/os: linux}}]
  node: {name: float-0, labels: {example.com/kind: float}}
  claims: [{podLabels: [example.com/float]}, {labels: {example.com/sail: [full]}}]
  inject: {nodeSelector: {example.com/pool: 'sea'}}
  keepOff: [{key: example.com/kind, operator: NotIn, values: [float]}]
  daemonSets: {support: supported, reason: r}
  networkPolicy: {support: supported, reason: r}
  unlisted: {support: supported, reason: r}
  support: []
";
        let profiles = vec![Text { origin: "ours.yaml".into(), text: profile.into() }];
        let pipeline = Pipeline::compile(&Sources { profiles, ..Sources::default() }).unwrap();
        let signs = Signs::of(&pipeline);
        for expression in [signs.pod(), signs.workload()] {
            for part in [
                "'example.com/kind'",
                "'float'",
                "'example.com/pool'",
                "'sea'",
                "'example.com/float'",
                "'example.com/sail'",
            ] {
                assert!(expression.contains(part), "{part} in {expression}");
            }
            assert!(
                !expression.contains("'kubernetes.io/os'"),
                "every node has that: {expression}"
            );
        }
        assert_eq!(
            open_to_all(&pipeline).map(|profile| profile.name.as_str()).collect::<Vec<_>>(),
            ["ours"]
        );
    }

    #[test]
    fn a_pod_that_is_claimed_by_an_annotation_comes_here() {
        let signs = Signs::of(&Pipeline::built_in().unwrap());
        for expression in [signs.pod(), signs.workload()] {
            assert!(expression.contains("'multicluster.admiralty.io/elect'"), "{expression}");
        }
    }

    #[test]
    fn a_toleration_counts_unless_it_is_for_a_passing_state() {
        let signs = Signs::of(&Pipeline::built_in().unwrap());
        for expression in [signs.pod(), signs.workload()] {
            let listed: Vec<&str> = expression
                .split("!(t.key in [")
                .nth(1)
                .and_then(|rest| rest.split_once("]))"))
                .map(|(list, _)| list.split(", ").map(|key| key.trim_matches('\'')).collect())
                .unwrap();
            assert_eq!(listed, filter::PASSING_TAINTS);
        }
    }

    #[test]
    fn no_built_in_node_is_open_to_all() {
        assert_eq!(open_to_all(&Pipeline::built_in().unwrap()).count(), 0);
    }

    #[test]
    fn quotes_do_not_end_a_literal() {
        assert_eq!(quote(r"a'b\c"), r"'a\'b\\c'");
    }
}
