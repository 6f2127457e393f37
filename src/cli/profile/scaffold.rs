//! `loadline profile new`: the beginning of a profile, from a Node.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::ExitStatus;
use crate::cli::bundle::BundleArgs;
use crate::cli::check::input;
use crate::cli::check::object::Reader;
use crate::cli::render::yaml::to_yaml;
use crate::cli::render::{YELLOW, paint};
use crate::node::NodeFact;
use crate::placement::filter;
use crate::pod::Taint;
use crate::profile::{PROFILE_KEY, Profile};

/// What to begin with.
#[derive(Args, Debug)]
pub struct NewArgs {
    /// A Node, as `kubectl get node NAME -o yaml` prints it; `-` for standard input
    #[arg(long, value_name = "NODE.yaml")]
    pub from: PathBuf,
    /// Name of the profile; without it, the node's name less its number
    #[arg(long)]
    pub name: Option<String>,
    /// The profiles that there are already.
    #[command(flatten)]
    pub bundle: BundleArgs,
}

/// Labels that any node can have: they say nothing of its kind.
const COMMON: [&str; 8] = [
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "kubernetes.io/role",
    "beta.kubernetes.io/",
    "topology.kubernetes.io/",
    "failure-domain.beta.kubernetes.io/",
    "node-role.kubernetes.io/",
];

/// Prints the scaffold.
pub fn run(arguments: &NewArgs) -> anyhow::Result<ExitStatus> {
    let pipeline = arguments.bundle.pipeline()?;
    let text = input::read(&arguments.from, "<stdin>").map_err(|one| anyhow::anyhow!("{one}"))?;
    let reader = Reader {
        catalogue: &pipeline.catalogue,
        pipeline: &pipeline,
        namespace: "default",
        today: crate::server::today(),
        everything: false,
    };
    let found = reader.find(text);
    if let Some(problem) = found.problems.first() {
        bail!("{problem}");
    }
    let [node] = found.nodes.as_slice() else {
        bail!(
            "`{}` holds {} Node objects; a profile begins with one",
            found.text.name,
            found.nodes.len()
        );
    };
    ensure!(!node.name.is_empty(), "the Node has no name");
    let name = arguments.name.clone().unwrap_or_else(|| kind_name(&node.name));
    let mut remarks = String::new();
    if let Some(known) = Profile::recognise(&pipeline.profiles, node) {
        let _ = writeln!(
            remarks,
            "{}: this node is recognised as `{}` ({}) already; `loadline profile show {1}` says what is known of it",
            paint(YELLOW, "note"),
            known.name,
            known.title,
        );
    }
    anstream::stderr().write_all(remarks.as_bytes())?;
    anstream::stdout().write_all(scaffold(&name, node).as_bytes())?;
    Ok(ExitStatus::Clean)
}

/// A name for the kind of node: without the number that tells one node from the next.
fn kind_name(name: &str) -> String {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
    if kind.is_empty() { name } else { kind }.to_owned()
}

/// Whether a label tells this kind of node from others.
fn is_telling(key: &str) -> bool {
    key != PROFILE_KEY
        && !COMMON.iter().any(|common| {
            if common.ends_with('/') { key.starts_with(common) } else { key == *common }
        })
}

/// Whether the node has a mark that the library Virtual Kubelet gives to its nodes.
fn is_virtual_kubelet(node: &NodeFact) -> bool {
    node.label("type") == Some("virtual-kubelet")
        || node.taints.iter().any(|taint| taint.key == "virtual-kubelet.io/provider")
}

/// A profile that knows how to find the node, and nothing yet of what works there.
///
/// It passes `loadline profile lint` unless the node carries no mark of its own.
fn scaffold(name: &str, node: &NodeFact) -> String {
    let telling: Vec<&(String, String)> =
        node.labels.iter().filter(|(key, _)| is_telling(key)).collect();
    // The label that many kinds of virtual nodes share comes last: on its own it would exclude them all.
    let own = telling.iter().find(|(key, _)| key != "type").or_else(|| telling.first());
    let labels: serde_json::Map<String, Value> =
        telling.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let all_labels: serde_json::Map<String, Value> =
        node.labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    // Taints that come and go with the node's health are no mark of its kind.
    let taints: Vec<_> =
        node.taints.iter().filter(|taint| !filter::is_passing(&taint.key)).collect();
    let tolerations: Vec<Value> = filter::repelling(&node.taints)
        .map(|taint| if taint.value.is_empty() { json!({"key": taint.key, "operator": "Exists", "effect": taint.effect}) } else { json!({"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}) })
        .collect();
    let mut recognition = serde_json::Map::new();
    if !labels.is_empty() {
        recognition.insert("labels".to_owned(), Value::Object(labels.clone()));
    }
    if !taints.is_empty() {
        let marks: Vec<Value> = taints
            .iter()
            .map(|one| json!(Taint { effect: String::new(), ..(*one).clone() }))
            .collect();
        recognition.insert("taints".to_owned(), json!(marks));
    }
    if recognition.is_empty() {
        recognition.insert("names".to_owned(), json!([format!("{}*", kind_name(&node.name))]));
    }
    let keep_off = own.map_or_else(
        || json!([{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [node.name]}]),
        |(key, value)| json!([{"key": key, "operator": "NotIn", "values": [value]}]),
    );

    let mut out = format!(
        "# TODO: what this kind of virtual node is, and which version of it was read.\n\
         apiVersion: loadline.dev/v1alpha1\n\
         kind: VirtualNodeProfile\n\
         metadata:\n  name: {}\n\
         spec:\n  title: {}  # TODO: what people call it\n  status: new\n  \
         revision: TODO  # the repository and commit, or the documents and their day\n  \
         extends: {}  # what it has in common with others; `virtual-kubelet` where it is built on that library\n",
        to_yaml(&json!(name)).trim_end(),
        to_yaml(&json!(name)).trim_end(),
        if is_virtual_kubelet(node) { "virtual-kubelet" } else { "control-plane" },
    );
    let mut section = |comment: &str, key: &str, value: Value| {
        for line in comment.lines() {
            let _ = writeln!(out, "  # {line}");
        }
        for line in to_yaml(&json!({ key: value })).lines() {
            let _ = writeln!(out, "  {line}");
        }
    };
    let mut recognise =
        "All parts of an entry must match. Leave only what every such node has and no other node."
            .to_owned();
    if !node.kubelet_version.is_empty() {
        let _ = write!(
            recognise,
            "\nThis one reports the kubelet version {}: `kubeletVersion` takes a pattern with `*`.",
            node.kubelet_version
        );
    }
    section(&recognise, "recognise", json!([recognition]));
    section(
        "The node as it registers; it stands in for the cluster where none is known.",
        "node",
        json!({
            "name": node.name,
            "labels": all_labels,
            "taints": taints,
        }),
    );
    section(
        "What a pod needs to get there.",
        "inject",
        json!({ "nodeSelector": labels, "tolerations": tolerations }),
    );
    section("What keeps a pod off: a label that only these nodes have.", "keepOff", keep_off);
    out.push_str(REST);
    out
}

/// What no Node can tell.
const REST: &str = "  \
  # unverified, until somebody has looked; then: support, effect, reason, source, verified.
  daemonSets:
    support: unverified
    reason: nobody has tried
  networkPolicy:
    support: unverified
    reason: nobody has tried
  # How to read a feature that is not listed: ignored where the provider copies only what it names, supported where it
  # hands the whole pod on.
  unlisted:
    support: unverified
    reason: nobody has looked
  # `loadline explain` lists the features. One entry for all features with one outcome and one reason:
  # - features: [volume.persistent-volume-claim]
  #   support: unsupported    # supported, partial, ignored, unsupported, unverified
  #   effect: create-error    # what one sees: silent-drop, silent-change, silent-stall, create-error, crash...
  #   reason: the provider knows no claims
  #   help: use a volume type that it knows
  #   source: project@commit:path/to/file.go:10-20
  #   verified: {how: source, date: 2026-09-01}    # executed, source or documented
  support: []
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Pipeline;
    use crate::bundle::{Sources, Text};

    #[test]
    fn a_scaffold_loads_and_recognises_its_node() {
        let node = NodeFact {
            name: "moon-vk-3".to_owned(),
            labels: [
                ("type", "virtual-kubelet"),
                ("kubernetes.io/hostname", "moon-vk-3"),
                ("kubernetes.io/os", "linux"),
                ("example.com/moon", "true"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
            taints: vec![
                Taint {
                    key: "example.com/moon".to_owned(),
                    value: String::new(),
                    effect: "NoSchedule".to_owned(),
                },
                Taint {
                    key: "node.kubernetes.io/not-ready".to_owned(),
                    value: String::new(),
                    effect: "NoExecute".to_owned(),
                },
            ],
            kubelet_version: "v1.31.0-moon-2".to_owned(),
        };
        let text = scaffold(&kind_name(&node.name), &node);
        let sources = Sources {
            profiles: vec![Text { origin: "new.yaml".to_owned(), text: text.clone() }],
            ..Sources::default()
        };
        let pipeline =
            Pipeline::compile(&sources).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let known = Profile::recognise(&pipeline.profiles, &node).unwrap();
        assert_eq!(known.name, "moon-vk");
        assert_eq!(known.keep_off[0].key, "example.com/moon", "{text}");
        assert_eq!(known.inject.tolerations.len(), 1, "{text}");
        assert!(!text.contains("not-ready"), "{text}");
    }
}
