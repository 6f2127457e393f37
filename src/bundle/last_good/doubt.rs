//! New versions that can be used and may not be meant: [`Doubt`].
//!
//! Most programs empty a file before they write it, and a file system can fill up in between. What is seen then is often a
//! text without any mistake: an empty one, or the first of its documents. It would take policies out of force that nobody
//! wanted to go.

use std::collections::BTreeSet;

use crate::admission::Pipeline;
use crate::bundle::gatekeeper::{self, Located};
use crate::bundle::governance::{is_chart, is_module};
use crate::bundle::library::package;
use crate::bundle::{POLICY_KIND, Sources, Text, is_library, is_test};
use crate::document::Document;

/// A new version of a text that may not be what its author means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Doubt {
    /// The new version.
    pub text: Text,
    /// What is odd about it.
    pub problem: String,
    /// Whether it can be meant after all if it stays as it is.
    pub passes: bool,
}

/// What a text of a bundle is, which decides how it is read.
#[derive(Clone, Copy)]
enum Kind {
    /// Rego.
    Module,
    /// Documents among policies.
    Documents,
    /// Documents of ours alone.
    Own,
}

impl Sources {
    fn all(&self) -> impl Iterator<Item = (Kind, &Text)> {
        let policies = self
            .policies
            .iter()
            .map(|text| (if is_module(text) { Kind::Module } else { Kind::Documents }, text));
        let own = self.profiles.iter().chain(&self.exemptions).chain(&self.config);
        policies.chain(own.map(|text| (Kind::Own, text)))
    }

    /// The objects in all texts that are not as they are in `other`.
    fn objects_unlike(&self, other: &Self) -> BTreeSet<String> {
        let changed = self.all().filter(|(_, text)| !other.all().any(|(_, known)| known == *text));
        changed.filter_map(|(kind, text)| objects(kind, text)).flatten().collect()
    }

    fn objects(&self) -> BTreeSet<String> {
        self.all().filter_map(|(kind, text)| objects(kind, text)).flatten().collect()
    }

    /// The new versions that lack objects which the versions in `last_good` have, as far as no other text has them now; and
    /// those that are but the beginning of the version in `last_good`, or end within a line where that one does not. What cannot be
    /// read is not among them: that is found when it is compiled.
    pub fn doubts(&self, last_good: &Self) -> Vec<Doubt> {
        let mut all = None;
        let mut doubts = Vec::new();
        for (kind, text) in self.all() {
            let known = last_good.all().find(|(_, known)| known.origin == text.origin);
            let Some((_, known)) = known.filter(|(_, known)| *known != text) else {
                continue;
            };
            let (Some(new), Some(old)) = (objects(kind, text), objects(kind, known)) else {
                continue;
            };
            let all = &*all.get_or_insert_with(|| self.objects());
            let gone: Vec<&str> =
                old.iter().filter(|one| !all.contains(*one)).map(String::as_str).collect();
            let begins = text.text.trim_end();
            let ends_in_a_line = known.text.ends_with('\n') && !text.text.ends_with('\n');
            let is_cut = !new.is_empty()
                && known.text.trim_end() != begins
                && (known.text.starts_with(begins) || ends_in_a_line);
            let (problem, passes) = if !gone.is_empty() && new.is_empty() {
                let gone = gone.join(", ");
                (
                    format!("nothing is left in it of {gone}; delete the file if that is meant"),
                    false,
                )
            } else if !gone.is_empty() {
                (
                    format!(
                        "{} gone from it; that counts once it has stayed so for a while, as somebody may still be writing",
                        are(&gone)
                    ),
                    true,
                )
            } else if is_cut {
                ("its end is missing; that counts once it has stayed so for a while, as somebody may still be writing".to_owned(), true)
            } else {
                continue;
            };
            doubts.push(Doubt { text: text.clone(), problem, passes });
        }
        doubts
    }
}

/// What was in force and is not any more: in what was written, and in what came of it.
pub fn gone(old: (&Sources, &Pipeline), new: (&Sources, &Pipeline)) -> BTreeSet<String> {
    let mut gone = old.0.objects_unlike(new.0);
    if !gone.is_empty() {
        let written = new.0.objects();
        gone.retain(|one| !written.contains(one));
    }
    let in_force = in_force(new.1);
    gone.extend(self::in_force(old.1).into_iter().filter(|one| !in_force.contains(one)));
    gone
}

/// Everything that decides, by name.
fn in_force(pipeline: &Pipeline) -> BTreeSet<String> {
    let policies = pipeline.policies.iter().map(|one| named("policy", &one.name));
    let constraints = pipeline.constraints.iter().map(|one| named(&one.template.kind, &one.name));
    let expansions =
        pipeline.constraints.expansions.names().map(|name| named("ExpansionTemplate", name));
    let mutators = pipeline.mutators.iter().map(|one| named(&one.kind, &one.name));
    let profiles = pipeline.profiles.iter().map(|one| named("VirtualNodeProfile", &one.name));
    let exemptions = pipeline.exemptions.iter().map(|one| named("Exemption", &one.name));
    let all = policies.chain(constraints).chain(expansions).chain(mutators);
    all.chain(profiles).chain(exemptions).collect()
}

/// The objects in a text that count for something; nothing where it cannot be read.
fn objects(kind: Kind, text: &Text) -> Option<BTreeSet<String>> {
    if matches!(kind, Kind::Module) {
        if is_test(&text.origin) {
            return Some(BTreeSet::new());
        }
        let package = package(&text.text)?;
        let name = package.rsplit('.').next().unwrap_or(package).replace('_', "-");
        let is_library = is_library(&text.text);
        let object = if is_library { named("library", package) } else { named("policy", &name) };
        return Some(BTreeSet::from([object]));
    }
    let documents = match Document::parse_all(&text.text) {
        Ok(documents) => documents,
        Err(_) if matches!(kind, Kind::Documents) && is_chart(text) => Vec::new(),
        Err(_) => return None,
    };
    let objects = documents.into_iter().flat_map(|document| Located::of(text, document).objects());
    Some(objects.filter_map(|object| name_of(kind, &object)).collect())
}

/// What an object is called, if it has any effect where it stands.
fn name_of(at: Kind, object: &Located<'_>) -> Option<String> {
    let (kind, name) = (object.kind(), object.name());
    match (at, object.group()) {
        (Kind::Own, "loadline.dev") => Some(named(kind, name)),
        // An object without a name is the beginning of one.
        (Kind::Documents, _) if name.is_empty() => None,
        (Kind::Documents, "loadline.dev") if kind == POLICY_KIND => Some(named("policy", name)),
        (Kind::Documents, group) if gatekeeper::has_effect(group, kind) => Some(named(kind, name)),
        _ => None,
    }
}

fn named(kind: &str, name: &str) -> String {
    if name.is_empty() { kind.to_owned() } else { format!("{kind} `{name}`") }
}

fn are(names: &[&str]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}
