//! Every field of a pod in every Kubernetes version that `k8s-openapi` offers.
//!
//! The crate compiles one version into a build and has its schemas behind a feature with a heavy dependency, so neither
//! shows all versions at once. Its sources do: each version's types stand there as plain structs with the wire name of each
//! field. They are read here and kept as `tests/data/kubernetes-fields.txt`, so that a change of the crate shows as a
//! change of that file. After an update of the crate:
//!
//! ```text
//! LOADLINE_BLESS=1 cargo test --test it fields
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands at the end of a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Boolean,
    Number,
    Text,
    /// A map of texts or quantities, or a type of the API machinery that is looked at as a whole.
    Whole,
}

impl Kind {
    const WORDS: [(Self, &'static str); 4] = [
        (Self::Boolean, "boolean"),
        (Self::Number, "number"),
        (Self::Text, "text"),
        (Self::Whole, "whole"),
    ];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).unwrap().1
    }
}

/// A field of a pod: `spec.containers[].image`, `spec.nodeSelector.*`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    pub path: String,
    pub kind: Kind,
    /// The versions that have it.
    pub versions: Vec<String>,
}

/// The list as it is kept.
pub fn kept() -> Vec<Field> {
    fs::read_to_string(file())
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.split(' ');
            let path = columns.next().unwrap().to_owned();
            let word = columns.next().unwrap();
            let kind = Kind::WORDS.iter().find(|(_, known)| *known == word).unwrap().0;
            let versions = columns.map(str::to_owned).collect();
            Field { path, kind, versions }
        })
        .collect()
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kubernetes-fields.txt")
}

/// Where the sources of `k8s-openapi` lie, as cargo says.
pub fn sources() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "k8s-openapi")
        .unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().join("src")
}

/// The versions whose types there are.
pub fn versions(sources: &Path) -> Vec<String> {
    let mut versions: Vec<String> = fs::read_dir(sources)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("v1_"))
        .collect();
    versions.sort();
    versions
}

/// Types of the API machinery that are one value on the wire, or that say nothing about pods alone.
const WHOLE: [&str; 2] = ["FieldsV1", "LabelSelector"];

/// Reads the types of one version.
pub struct Reader {
    root: PathBuf,
    /// The fields of a type, by module path.
    types: BTreeMap<String, Vec<(String, String)>>,
}

impl Reader {
    /// A reader of the types below a folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root, types: BTreeMap::new() }
    }

    /// The wire names and Rust types of a struct, or nothing for what is none.
    pub fn fields(&mut self, name: &str) -> Vec<(String, String)> {
        if let Some(known) = self.types.get(name) {
            return known.clone();
        }
        let mut modules: Vec<&str> = name.trim_start_matches("crate::").split("::").collect();
        let own = modules.pop().unwrap();
        let folder = modules.iter().fold(self.root.clone(), |path, one| path.join(one));
        let wanted = format!("{}.rs", own.to_lowercase());
        let text = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_name().unwrap().to_str().unwrap().replace('_', "") == wanted)
            .unwrap_or_else(|| panic!("no source of {name}"));
        let text = fs::read_to_string(text).unwrap();
        // `"image" => Field::Key_image,`
        let keys: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| {
                let (wire, rust) = line.trim().split_once(" => Field::Key_")?;
                Some((rust.trim_end_matches(','), wire.trim_matches('"')))
            })
            .collect();
        // `    pub image: Option<std::string::String>,` inside of `pub struct Container {`
        let fields: Vec<(String, String)> = text
            .lines()
            .skip_while(|line| *line != format!("pub struct {own} {{"))
            .take_while(|line| *line != "}")
            .filter_map(|line| {
                let (field, kind) = line.trim().strip_prefix("pub ")?.split_once(": ")?;
                let wire = keys.get(field.trim_start_matches("r#"))?;
                Some(((*wire).to_owned(), kind.trim_end_matches(',').to_owned()))
            })
            .collect();
        self.types.insert(name.to_owned(), fields.clone());
        fields
    }

    fn walk(&mut self, kind: &str, path: &str, found: &mut Vec<(String, Kind)>) {
        let inside = |prefix: &str| kind.strip_prefix(prefix)?.strip_suffix('>');
        if let Some(inner) = inside("Option<") {
            self.walk(inner, path, found);
            return;
        }
        if let Some(inner) = inside("std::vec::Vec<") {
            self.walk(inner, &format!("{path}[]"), found);
            return;
        }
        if let Some(inner) = inside("std::collections::BTreeMap<std::string::String, ") {
            self.walk(inner, &format!("{path}.*"), found);
            return;
        }
        let scalar = match kind {
            "bool" => Some(Kind::Boolean),
            "i32" | "i64" | "f64" => Some(Kind::Number),
            "std::string::String" => Some(Kind::Text),
            _ if kind.ends_with("::Quantity") || kind.ends_with("::IntOrString") => {
                Some(Kind::Text)
            }
            _ if kind.ends_with("::Time") || kind.ends_with("ByteString") => Some(Kind::Text),
            _ if WHOLE.iter().any(|whole| kind.ends_with(whole)) => Some(Kind::Whole),
            _ => None,
        };
        if let Some(scalar) = scalar {
            found.push((path.to_owned(), scalar));
            return;
        }
        let fields = self.fields(kind);
        assert!(!fields.is_empty(), "`{kind}` at `{path}` could not be read");
        for (name, kind) in fields {
            self.walk(&kind, &format!("{path}.{name}"), found);
        }
    }
}

/// The list as the crate's sources say.
fn read() -> Vec<Field> {
    let sources = sources();
    let versions = versions(&sources);
    let mut all: BTreeMap<String, Field> = BTreeMap::new();
    for version in &versions {
        let mut reader = Reader::new(sources.join(version));
        let mut found = Vec::new();
        reader.walk("crate::api::core::v1::PodSpec", "spec", &mut found);
        reader.walk("crate::apimachinery::pkg::apis::meta::v1::ObjectMeta", "metadata", &mut found);
        for (path, kind) in found {
            let field = all.entry(path.clone()).or_insert_with(|| Field {
                path,
                kind,
                versions: Vec::new(),
            });
            field.versions.push(version.clone());
        }
    }
    all.into_values().collect()
}

fn write(fields: &[Field]) -> String {
    let mut text = String::from(
        "# Every field of a pod's metadata and spec: path, kind, and the Kubernetes versions that have it.\n\
         # Read from the sources of k8s-openapi by tests/it/fields.rs; see there how to make it anew.\n",
    );
    for field in fields {
        let _ = writeln!(text, "{} {} {}", field.path, field.kind.word(), field.versions.join(" "));
    }
    text
}

#[test]
fn the_kept_list_of_fields_is_that_of_the_crate() {
    let fields = read();
    if std::env::var_os("LOADLINE_BLESS").is_some() {
        fs::create_dir_all(file().parent().unwrap()).unwrap();
        fs::write(file(), write(&fields)).unwrap();
    }
    assert!(
        kept() == fields,
        "{} is out of date; run this test with LOADLINE_BLESS=1",
        file().display()
    );
}
