//! Pods by the ids of the recordings, and places by the paths that these write.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use loadline::document::Document;
use loadline::path::{FieldPath, Segment};
use serde_json::{Value, json};

/// The pods of the corpus, each file read once.
pub struct Corpus {
    pub root: PathBuf,
    pub files: RefCell<BTreeMap<String, Vec<Value>>>,
}

impl Corpus {
    /// The pod of an id: `file#document#path of the pod spec`, perhaps with `+claims`.
    pub fn pod(&self, id: &str) -> Option<Value> {
        let mut parts = id.split('#');
        let (file, number, path) = (parts.next()?, parts.next()?, parts.next()?);
        let mut files = self.files.borrow_mut();
        let documents = files.entry(file.to_owned()).or_insert_with(|| {
            let text = fs::read_to_string(self.root.join(file)).unwrap_or_default();
            if let Ok(value) = serde_json::from_str(&text) {
                return vec![value];
            }
            documents(file, &text)
        });
        let document = documents.get(number.parse::<usize>().ok()?)?;
        let (path, has_claims) = match path.strip_suffix("+claims") {
            Some(path) => (path, true),
            None => (path, false),
        };
        let parent = FieldPath::parse(path)?.parent();
        let mut pod = document.pointer(&parent.to_pointer())?.clone();
        let own = pod.as_object_mut()?;
        own.retain(|key, _| key == "metadata" || key == "spec");
        if has_claims {
            let workload = parent.parent().parent().key("spec").key("volumeClaimTemplates");
            let volumes = document
                .pointer(&workload.to_pointer())?
                .as_array()?
                .iter()
                .map(|claim| {
                    let name = claim["metadata"]["name"].as_str().unwrap_or_default();
                    json!({"name": name, "persistentVolumeClaim": {"claimName": format!("{name}-x-0")}})
                });
            let spec = pod["spec"].as_object_mut()?;
            let own = spec.entry("volumes").or_insert_with(|| json!([]));
            if own.is_null() {
                *own = json!([]);
            }
            let names: BTreeSet<String> =
                volumes.clone().map(|volume| volume["name"].to_string()).collect();
            let list = own.as_array_mut()?;
            list.retain(|volume| !names.contains(&volume["name"].to_string()));
            list.extend(volumes);
        }
        Some(pod)
    }
}

/// The documents of a YAML file, empty ones too: ids count them.
fn documents(file: &str, text: &str) -> Vec<Value> {
    let mut chunks = vec![String::new()];
    for line in text.lines() {
        if line == "---" || line.starts_with("--- ") {
            chunks.push(String::new());
        } else if let Some(chunk) = chunks.last_mut() {
            chunk.push_str(line);
            chunk.push('\n');
        }
    }
    // What stands before the first mark is a document only if there is something.
    let is_blank = |line: &str| line.trim().is_empty() || line.starts_with(['#', '%']);
    if chunks.len() > 1 && chunks[0].lines().all(is_blank) {
        chunks.remove(0);
    }
    chunks
        .iter()
        .map(|chunk| match Document::parse_all(chunk) {
            Ok(documents) => documents.into_iter().next().map_or(Value::Null, |one| one.value),
            Err(error) => {
                println!("unread: {file}: {error}");
                Value::Null
            }
        })
        .collect()
}

/// Every place in `pod` that a collapsed path means: `a[].b`, or `a[].fieldRef:metadata.name` for the references to it.
pub fn places(pod: &Value, collapsed: &str) -> Vec<FieldPath> {
    let (path, reference) = match collapsed.split_once("ieldRef:") {
        Some((head, field)) => (format!("{head}ieldRef"), Some(field)),
        None => (collapsed.to_owned(), None),
    };
    let mut found = vec![(FieldPath::root(), pod)];
    let mut rest = path.as_str();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[]") {
            found = found
                .into_iter()
                .flat_map(|(path, value)| {
                    let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    elements
                        .iter()
                        .enumerate()
                        .map(|(index, element)| (path.clone().index(index), element))
                        .collect::<Vec<_>>()
                })
                .collect();
            rest = after;
            continue;
        }
        let (key, after) = if let Some(quoted) = rest.strip_prefix("['") {
            quoted.split_once("']").unwrap()
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            plain.split_at(plain.find(['.', '[']).unwrap_or(plain.len()))
        };
        found = found
            .into_iter()
            .filter_map(|(path, value)| Some((path.key(key), value.get(key)?)))
            .collect();
        rest = after;
    }
    found
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .filter(|(_, value)| reference.is_none_or(|field| value["fieldPath"] == field))
        .map(|(path, _)| match reference {
            Some(_) => path.key("fieldPath"),
            None => path,
        })
        .collect()
}

/// As the recordings write a place.
pub fn collapse(path: &FieldPath) -> String {
    path.segments().iter().fold(String::new(), |mut text, segment| {
        match segment {
            Segment::Index(_) => text.push_str("[]"),
            Segment::Key(key) if key.contains(['.', '/']) => {
                let _ = write!(text, "['{key}']");
            }
            Segment::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
        text
    })
}
