//! Policies in files, for those who write them: modules of Rego, and the Rego inside Gatekeeper's templates, each with the
//! way back to where it stands in the file.

mod documents;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::bundle::{self, Declared, Text};
use crate::cli::bundle::read_all;
use crate::document::Mark;
use crate::governance::Module;
use crate::governance::coverage::Lines;
use crate::governance::eval::Dialect;
use crate::governance::lint::Template;
use crate::governance::metadata::Metadata;
use documents::templates;
pub use documents::{Constraint, add_constraints};

/// The endings of the files that may hold policies.
const ENDINGS: [&str; 3] = ["rego", "yaml", "yml"];

/// A module and where it comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// What the engine calls it: the file's name, and a number behind `#` where a file holds several.
    pub origin: String,
    /// The file.
    pub file: String,
    /// The text.
    pub text: String,
    /// What stands before the text in its file: whole lines, and columns of each line.
    pub offset: (usize, usize),
    /// How it is read.
    pub dialect: Dialect,
}

impl Source {
    /// The module.
    pub fn module(&self) -> Module<'_> {
        Module { origin: &self.origin, text: &self.text }
    }

    /// A position in the text as one in the file.
    pub fn place(&self, mark: Mark) -> Mark {
        Mark { line: mark.line + self.offset.0, column: mark.column + self.offset.1 }
    }
}

/// A policy and the modules that it may import.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The policy first, then its libraries.
    pub sources: Vec<Source>,
    /// What its document says of it, where it stands in one.
    pub declared: Option<Declared>,
    /// The kind of its constraints and what is known of them, of a template.
    pub template: Option<(String, Template)>,
    /// The constraints of the template that stand in the same files and folders.
    pub constraints: Vec<Constraint>,
    /// Where its document declares parameters.
    pub parameters: BTreeMap<String, Mark>,
}

impl Loaded {
    /// The policy itself.
    #[expect(clippy::indexing_slicing, reason = "a policy is loaded with its own source first")]
    pub fn policy(&self) -> &Source {
        &self.sources[0]
    }

    /// All modules, the policy first.
    pub fn modules(&self) -> Vec<Module<'_>> {
        self.sources.iter().map(Source::module).collect()
    }

    /// Adds what the policy imports of the built-in library, as is done when pods are judged.
    fn share(&mut self) {
        let shared = bundle::library::shared_with(&self.policy().text, &self.modules());
        self.sources.extend(shared.into_iter().map(|module| Source {
            origin: module.origin.to_owned(),
            file: module.origin.to_owned(),
            text: module.text.to_owned(),
            offset: (0, 0),
            dialect: Dialect::Native,
        }));
    }

    /// What the policy says of itself; nothing where it says nothing that can be read.
    pub fn metadata(&self) -> Metadata {
        match &self.declared {
            Some(declared) => declared.metadata.clone(),
            None => Metadata::of_module(&self.policy().text).unwrap_or_default(),
        }
    }

    /// The parameters in force: those given, or else its own.
    ///
    /// Fails where its metadata cannot be read and where the parameters do not fit its schema.
    pub fn parameters(&self, given: Option<Value>) -> anyhow::Result<Value> {
        let file = &self.policy().file;
        if self.declared.is_none() && !self.is_gatekeeper() {
            Metadata::of_module(&self.policy().text)
                .map_err(|message| anyhow::anyhow!("{file}:{message}"))?;
        }
        self.metadata().complete(given).map_err(|message| anyhow::anyhow!("{file}: {message}"))
    }

    /// The parameters that a constraint gives, with the defaults of its template.
    ///
    /// Fails where they do not fit the template's schema.
    pub fn parameters_of(&self, constraint: &Constraint) -> anyhow::Result<Value> {
        let schema = self.template.as_ref().filter(|(_, template)| !template.is_loose);
        let metadata = Metadata {
            parameters_schema: schema.and_then(|(_, template)| template.schema.clone()),
            ..Metadata::default()
        };
        let given = Some(constraint.parameters.clone()).filter(|given| !given.is_null());
        metadata.complete(given).map_err(|message| {
            anyhow::anyhow!("{}: constraint `{}`: {message}", self.policy().file, constraint.name)
        })
    }

    /// Whether it is a template of Gatekeeper.
    pub fn is_gatekeeper(&self) -> bool {
        !self.policy().dialect.is_native()
    }

    /// Whether it is about objects that are no pods.
    pub fn is_about_others(&self) -> bool {
        let kinds = self.metadata().matches.kinds;
        !kinds.is_empty() && kinds.iter().all(|kind| !matches!(kind.as_str(), "Pod" | "*"))
    }

    /// How the policy is called: as its document says, or else by the last part of its package, as people write it.
    pub fn name(&self) -> String {
        if let Some(declared) = &self.declared {
            return declared.name.clone();
        }
        let text = &self.policy().text;
        let package = text.lines().find_map(|line| line.strip_prefix("package "));
        let package = package.and_then(|package| package.split_whitespace().next());
        package.and_then(|package| package.rsplit('.').next()).unwrap_or_default().replace('_', "-")
    }
}

/// What some files and folders hold.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The policies, in the order of the files.
    pub policies: Vec<Loaded>,
    /// The modules that hold tests.
    pub tests: Vec<Source>,
    /// The modules that policies import.
    pub libraries: Vec<Source>,
    /// The files and names of templates that have no Rego.
    pub without_rego: Vec<(String, String)>,
    /// All files with their texts.
    pub texts: Vec<Text>,
}

impl Files {
    /// Why there is no policy in the files that were named.
    pub fn no_policy(&self, paths: &[PathBuf]) -> anyhow::Error {
        if let Some((file, name)) = self.without_rego.first() {
            return anyhow::anyhow!(
                "`{file}`: the template `{name}` has no Rego, and CEL is not supported"
            );
        }
        let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        anyhow::anyhow!("there is no policy in {}", paths.join(", "))
    }
}

/// Reads files and folders. Documents of YAML that are no templates are left to others.
///
/// Fails where a file cannot be read, and where one that holds a template is no YAML.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Files> {
    let mut texts = Vec::new();
    // A file that two of the paths name is one file.
    let mut seen = BTreeSet::new();
    for path in paths {
        let new = read_all(path, &ENDINGS)?.into_iter();
        texts.extend(new.filter(|text| seen.insert(text.origin.clone())));
    }
    sort(texts)
}

/// Sorts texts into what they are.
pub fn sort(texts: Vec<Text>) -> anyhow::Result<Files> {
    let mut files = Files::default();
    let mut policies = Vec::new();
    for text in &texts {
        if !text.origin.ends_with(".rego") {
            files.policies.extend(templates(text, &mut files.without_rego)?);
            continue;
        }
        let source = Source {
            origin: text.origin.clone(),
            file: text.origin.clone(),
            text: text.text.clone(),
            offset: (0, 0),
            dialect: native(Metadata::of_module(&text.text).is_ok_and(|known| known.is_old_rego)),
        };
        if bundle::is_test(&text.origin) {
            files.tests.push(source);
        } else if bundle::is_library(&text.text) {
            files.libraries.push(source);
        } else {
            policies.push(source);
        }
    }
    for policy in policies {
        let sources = std::iter::once(policy).chain(files.libraries.iter().cloned()).collect();
        files.policies.push(Loaded {
            sources,
            declared: None,
            template: None,
            constraints: Vec::new(),
            parameters: BTreeMap::new(),
        });
    }
    for loaded in files.policies.iter_mut().filter(|loaded| !loaded.is_gatekeeper()) {
        loaded.share();
    }
    files.texts = texts;
    Ok(files)
}

const fn native(is_old: bool) -> Dialect {
    if is_old { Dialect::NativeV0 } else { Dialect::Native }
}

/// Puts positions in the texts of templates into positions in their files: `t.yaml#0:3:1` becomes `t.yaml:17:9`.
pub fn placed(sources: &[Source], message: &str) -> String {
    let mut placed = message.to_owned();
    // The longest origins first: `a#1` begins `a#10`.
    let mut sources: Vec<&Source> =
        sources.iter().filter(|source| source.origin != source.file).collect();
    sources.sort_by_key(|source| std::cmp::Reverse(source.origin.len()));
    for source in sources {
        let head = format!("{}:", source.origin);
        let mut parts = placed.split(&head);
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (line, rest) = number(part);
            let (column, rest) = match rest.strip_prefix(':').map(number) {
                Some((Some(column), rest)) => (Some(column), rest),
                _ => (None, rest),
            };
            text.push_str(&source.file);
            text.push(':');
            match line {
                Some(line) => {
                    let mark = source.place(Mark { line, column: column.unwrap_or(1) });
                    text.push_str(&mark.line.to_string());
                    if column.is_some() {
                        text.push_str(&format!(":{}", mark.column));
                    }
                    text.push_str(rest);
                }
                None => text.push_str(part),
            }
        }
        placed = text;
    }
    placed
}

/// The covered lines of a module as lines of its file.
pub fn of_file(files: &Files, origin: String, lines: Lines) -> (String, Lines) {
    let mut sources = files.policies.iter().flat_map(|loaded| &loaded.sources);
    let Some(source) = sources.find(|source| source.origin == origin) else {
        return (origin, lines);
    };
    let moved = |lines: &BTreeSet<usize>| lines.iter().map(|line| line + source.offset.0).collect();
    let lines = Lines { covered: moved(&lines.covered), missed: moved(&lines.missed) };
    let name = if source.offset == (0, 0) { origin } else { source.origin.replace('#', " #") };
    (name, lines)
}

fn number(text: &str) -> (Option<usize>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (digits.parse().ok(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
# A comment.
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8sowner}
spec:
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |

      package k8sowner

      violation[{\"msg\": \"x\"}] { true }
    libs:
    - |
        package lib.a
        x := 1
";

    #[test]
    fn positions_in_templates_are_positions_in_their_files() {
        let text = Text { origin: "t.yaml".to_owned(), text: TEMPLATE.to_owned() };
        let files = sort(vec![text]).unwrap();
        let loaded = &files.policies[0];
        assert_eq!((loaded.name().as_str(), loaded.sources.len()), ("k8sowner", 2));
        for (source, word) in loaded.sources.iter().zip(["violation", "x := 1"]) {
            let line = source.text.lines().position(|line| line.starts_with(word)).unwrap() + 1;
            let mark = source.place(Mark { line, column: 1 });
            let shown = TEMPLATE.lines().nth(mark.line - 1).unwrap();
            assert!(shown.get(mark.column - 1..).unwrap().starts_with(word), "{mark}: {shown}");
        }
        assert_eq!(
            placed(&loaded.sources, "t.yaml#0:4:1: a; t.yaml#1:2: b, t.yaml:1:1"),
            "t.yaml:12:7: a; t.yaml:16: b, t.yaml:1:1"
        );
    }

    #[test]
    fn documents_of_others_are_left_alone() {
        let text =
            |origin: &str, text: &str| Text { origin: origin.to_owned(), text: text.to_owned() };
        let files = sort(vec![
            text("a.yaml", "kind: Pod\n"),
            text("b.yaml", "{{ not yaml"),
            text("c.rego", "package c\n"),
            text("c_test.rego", "package c_test\n"),
            text("lib.rego", "package lib.x\n"),
        ])
        .unwrap();
        assert_eq!(files.policies.len(), 1);
        assert_eq!(files.policies[0].sources.len(), 2);
        assert_eq!((files.tests.len(), files.libraries.len()), (1, 1));
    }
}
