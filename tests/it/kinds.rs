//! The kinds of objects that Kubernetes has, with their fields, as `loadline policy lint` knows them.
//!
//! Read from the sources of `k8s-openapi`, all its versions laid over each other, and kept as
//! `src/governance/lint/kubernetes.txt`. After an update of the crate:
//!
//! ```text
//! LOADLINE_BLESS=1 cargo test --test it kinds
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::fields::{Reader, sources, versions};

/// Groups whose objects are questions to the API server, or its own affair.
const LEFT_OUT: [&str; 3] = ["apiserverinternal", "authentication", "authorization"];

/// Fields of versions that are no longer served, which policies still look for.
const FORMER: [(&str, &str, &str); 8] = [
    ("autoscaling.ResourceMetricSource", "targetAverageUtilization", "n"),
    ("autoscaling.ResourceMetricSource", "targetAverageValue", "q"),
    ("core.ServiceSpec", "ipFamily", ""),
    ("core.ServiceSpec", "topologyKeys", "[]"),
    ("meta.ObjectMeta", "clusterName", ""),
    ("networking.IngressBackend", "serviceName", ""),
    ("networking.IngressBackend", "servicePort", "q"),
    ("networking.IngressSpec", "backend", "IngressBackend"),
];

#[derive(Default)]
struct Known {
    /// The fields of each type, with the word for what they hold.
    types: BTreeMap<String, BTreeMap<String, String>>,
    /// Group and kind of the types that are objects.
    kinds: BTreeMap<String, String>,
    /// The types of the version at hand that were read.
    seen: BTreeSet<String>,
}

/// `core.PodSpec` for `crate::api::core::v1::PodSpec`: all versions of a group are one.
fn short(path: &str) -> String {
    let parts: Vec<&str> = path.split("::").collect();
    let group = match parts.as_slice() {
        ["crate", "api", group, ..] => group,
        ["crate", "apimachinery", "pkg", "apis", "meta", ..] => "meta",
        _ => panic!("`{path}` is in no group that is known"),
    };
    format!("{group}.{}", parts.last().unwrap())
}

impl Known {
    /// The word for what a field of that Rust type holds, in a type of that group.
    fn word(&mut self, reader: &mut Reader, group: &str, kind: &str) -> String {
        let inside = |prefix: &str| kind.strip_prefix(prefix)?.strip_suffix('>');
        if let Some(inner) = inside("Option<") {
            return self.word(reader, group, inner);
        }
        if let Some(inner) = inside("std::vec::Vec<") {
            return format!("[]{}", self.word(reader, group, inner));
        }
        if let Some(inner) = inside("std::collections::BTreeMap<std::string::String, ") {
            return format!("{{}}{}", self.word(reader, group, inner));
        }
        let last = kind.rsplit("::").next().unwrap();
        match last {
            "bool" => "b".to_owned(),
            "i32" | "i64" | "f64" => "n".to_owned(),
            "String" | "Time" | "MicroTime" | "ByteString" => String::new(),
            "Quantity" | "IntOrString" => "q".to_owned(),
            "FieldsV1" | "RawExtension" | "Value" => "*".to_owned(),
            _ => {
                let name = short(kind);
                self.add(reader, kind);
                name.strip_prefix(&format!("{group}.")).unwrap_or(&name).to_owned()
            }
        }
    }

    fn add(&mut self, reader: &mut Reader, path: &str) {
        if !self.seen.insert(path.to_owned()) {
            return;
        }
        let name = short(path);
        let (group, _) = name.split_once('.').unwrap();
        // Some have no fields.
        self.types.entry(name.clone()).or_default();
        for (field, kind) in reader.fields(path) {
            let word = self.word(reader, group, &kind);
            let fields = self.types.get_mut(&name).unwrap();
            let known = fields.entry(field).or_insert_with(|| word.clone());
            if *known != word {
                // Versions differ.
                "*".clone_into(known);
            }
        }
    }

    /// Adds the kinds of a version that have a name and labels.
    fn read(&mut self, root: PathBuf) {
        self.seen.clear();
        let mut reader = Reader::new(root.clone());
        for file in files(&root.join("api")) {
            let text = fs::read_to_string(&file).unwrap();
            let group = text.lines().find_map(|line| {
                line.trim().strip_prefix("const GROUP: &'static str = \"")?.strip_suffix("\";")
            });
            let Some((group, _)) = group.zip(text.find("meta::v1::ObjectMeta,\n")) else {
                continue;
            };
            let kind = text.lines().find_map(|line| line.strip_prefix("pub struct "));
            let kind = kind.and_then(|rest| rest.strip_suffix(" {")).unwrap();
            let modules = file.parent().unwrap().strip_prefix(&root).unwrap();
            let modules: Vec<&str> = modules.iter().map(|part| part.to_str().unwrap()).collect();
            if LEFT_OUT.contains(&modules[1]) {
                continue;
            }
            let path = format!("crate::{}::{kind}", modules.join("::"));
            self.add(&mut reader, &path);
            let name = if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") };
            self.kinds.insert(short(&path), name);
        }
    }
}

/// The files of a folder and of those in it, in order.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

/// The list as the crate's sources say.
fn read() -> String {
    let sources = sources();
    let mut known = Known::default();
    for version in versions(&sources) {
        known.read(sources.join(version));
    }
    for (name, field, word) in FORMER {
        known
            .types
            .get_mut(name)
            .unwrap()
            .entry(field.to_owned())
            .or_insert_with(|| word.to_owned());
    }
    for name in known.kinds.keys() {
        let fields = known.types.get_mut(name).unwrap();
        fields.extend(["apiVersion", "kind"].map(|field| (field.to_owned(), String::new())));
    }
    let mut text = String::from(
        "# The types of Kubernetes with their fields, in all versions that k8s-openapi has, laid over each other.\n\
         # A line is `group.Type`, `=group/Kind` where it is a kind of object, and its fields. What one holds stands behind\n\
         # its colon: nothing for a text, `b`, `n`, `q` (number or text), `*` (anything), another type; `[]` is a list and\n\
         # `{}` a map of what follows. Written by tests/it/kinds.rs; see there how to make it anew.\n",
    );
    for (name, fields) in &known.types {
        text += name;
        if let Some(kind) = known.kinds.get(name) {
            let _ = write!(text, "={kind}");
        }
        for (field, word) in fields {
            let colon = if word.is_empty() { "" } else { ":" };
            let _ = write!(text, " {field}{colon}{word}");
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_kept_list_of_kinds_is_that_of_the_crate() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/governance/lint/kubernetes.txt");
    let read = read();
    if std::env::var_os("LOADLINE_BLESS").is_some() {
        fs::write(&file, &read).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == read,
        "{} is out of date; run this test with LOADLINE_BLESS=1",
        file.display()
    );
}
