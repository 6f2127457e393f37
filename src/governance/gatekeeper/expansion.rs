//! `ExpansionTemplate`: what an object would make is judged with it. [`Expansions`].

use serde::Deserialize;
use serde_json::{Value, json};

use super::constraint::Action;
use super::matching::NamedKind;
use super::mutators::{Mutators, Target};
use super::subject::{Namespace, Source};
use crate::document::Mistake;
use crate::path::FieldPath;

/// The group of these documents.
pub const EXPANSION_GROUP: &str = "expansion.gatekeeper.sh";

/// How often what was made may make something itself.
const MAX_DEPTH: usize = 30;

/// A template of what objects of some kinds make.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// Name.
    pub name: String,
    spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    apply_to: Vec<Target>,
    template_source: String,
    #[serde(rename = "generatedGVK")]
    generated: Generates,
    #[serde(default)]
    enforcement_action: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generates {
    #[serde(default)]
    group: String,
    version: String,
    kind: String,
}

/// An object that another one would make.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The object.
    pub object: Value,
    /// The name of the template.
    pub template: String,
    /// What becomes of violations, whatever their constraints say.
    pub action: Option<Action>,
}

/// All expansion templates.
#[derive(Clone, Debug, Default)]
pub struct Expansions(Vec<Expansion>);

impl Expansion {
    /// Reads a template. Fails with what is wrong first.
    pub fn read(document: &Value) -> Result<Self, Mistake> {
        let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let spec: Spec =
            serde_path_to_error::deserialize(document.get("spec").unwrap_or(&Value::Null))
                .map_err(|error| {
                    let place = FieldPath::parse(&error.path().to_string());
                    Mistake {
                        place: FieldPath::keys("spec").join(place.unwrap_or_else(FieldPath::root)),
                        message: error.inner().to_string(),
                    }
                })?;
        for (place, is_empty) in [
            ("spec.applyTo", spec.apply_to.is_empty()),
            ("spec.templateSource", spec.template_source.is_empty()),
            ("spec.generatedGVK.kind", spec.generated.kind.is_empty()),
        ] {
            if is_empty {
                let message = format!("`{place}` must not be empty");
                return Err(Mistake { place: FieldPath::keys(place), message });
            }
        }
        Ok(Self { name: name.to_owned(), spec })
    }

    fn is_for(&self, group: &str, version: &str, kind: &str) -> bool {
        self.spec.apply_to.iter().any(|target| target.names(group, version, kind))
    }

    fn generate(&self, parent: &Value) -> Result<Generated, String> {
        let text =
            |pointer: &str| parent.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let name = text("/metadata/name");
        let Spec { template_source, generated, enforcement_action, .. } = &self.spec;
        let source = parent.pointer(&FieldPath::keys(template_source).to_pointer());
        let Some(Value::Object(members)) = source else {
            return Err(format!(
                "could not find source field {template_source:?} in resource {name}"
            ));
        };
        let mut members = members.clone();
        let api_version = if generated.group.is_empty() {
            generated.version.clone()
        } else {
            format!("{}/{}", generated.group, generated.version)
        };
        members.insert("apiVersion".to_owned(), json!(api_version));
        members.insert("kind".to_owned(), json!(generated.kind));
        let metadata = members.entry("metadata").or_insert_with(|| json!({}));
        if !metadata.is_object() {
            *metadata = json!({});
        }
        if let Some(metadata) = metadata.as_object_mut() {
            let own = format!("{name}-{}", generated.kind).to_lowercase();
            metadata.insert("name".to_owned(), json!(own));
            if !text("/metadata/namespace").is_empty() {
                metadata.insert("namespace".to_owned(), json!(text("/metadata/namespace")));
            }
            let owner = json!({
                "apiVersion": text("/apiVersion"), "kind": text("/kind"), "name": name, "uid": "",
            });
            let owners = metadata.entry("ownerReferences").or_insert_with(|| json!([]));
            if let Some(owners) = owners.as_array_mut().filter(|_| !name.is_empty()) {
                owners.push(owner);
            }
        }
        Ok(Generated {
            object: Value::Object(members),
            template: self.name.clone(),
            action: enforcement_action
                .as_deref()
                .filter(|word| !word.is_empty())
                .map(Action::parse),
        })
    }
}

impl Expansions {
    /// Puts templates together, in the order of their names.
    pub fn new(mut list: Vec<Expansion>) -> Self {
        list.sort_by(|left, right| left.name.cmp(&right.name));
        Self(list)
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| one.name.as_str())
    }

    /// Whether objects of that kind make others.
    pub fn are_for(&self, group: &str, kind: &str) -> bool {
        let names = |target: &Target| target.names_kind(group, kind);
        self.0.iter().any(|one| one.spec.apply_to.iter().any(names))
    }

    /// The kinds of objects that make others.
    pub fn kinds(&self) -> impl Iterator<Item = NamedKind> {
        let targets = self.0.iter().flat_map(|one| &one.spec.apply_to);
        targets.flat_map(|target| {
            target.groups.iter().flat_map(|group| {
                target
                    .kinds
                    .iter()
                    .map(|kind| NamedKind { group: group.clone(), kind: kind.clone() })
            })
        })
    }

    /// What an object makes, and what that makes, each as `mutators` make of it where they are for all operations. `namespace`
    /// is the object's.
    ///
    /// Fails in Gatekeeper's words where a template finds nothing in the object, where a mutator cannot do what it should, and
    /// where this has no end.
    pub fn expand(
        &self,
        object: &Value,
        mutators: &Mutators,
        namespace: Option<Namespace<'_>>,
    ) -> Result<Vec<Generated>, String> {
        let mut all = Vec::new();
        let change = |generated: &mut Generated| {
            let object = &mut generated.object;
            let mutated = mutators.settle(object, namespace, None, Source::Generated);
            match mutated {
                Ok(Some(mutated)) => *object = mutated.object,
                Ok(None) => {}
                Err(problem) => {
                    let name = object.pointer("/metadata/name").and_then(Value::as_str);
                    let name = name.unwrap_or_default();
                    return Err(format!("failed to mutate resultant resource {name}: {problem}"));
                }
            }
            Ok(())
        };
        self.add(object, 0, &change, &mut all)?;
        Ok(all)
    }

    fn add(
        &self,
        object: &Value,
        depth: usize,
        change: &dyn Fn(&mut Generated) -> Result<(), String>,
        all: &mut Vec<Generated>,
    ) -> Result<(), String> {
        if depth >= MAX_DEPTH {
            return Err(format!("maximum recursion depth of {MAX_DEPTH} reached"));
        }
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let api_version = text("apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        for expansion in self.0.iter().filter(|one| one.is_for(group, version, text("kind"))) {
            let mut generated = expansion.generate(object)?;
            change(&mut generated)?;
            self.add(&generated.object, depth + 1, change, all)?;
            all.push(generated);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expansion(kind: &str, generates: &str) -> Expansion {
        Expansion::read(&json!({"metadata": {"name": "e"}, "spec": {
            "applyTo": [{"groups": ["apps"], "versions": ["v1"], "kinds": [kind]}],
            "templateSource": "spec.template",
            "generatedGVK": {"group": "", "version": "v1", "kind": generates},
            "enforcementAction": "warn",
        }}))
        .unwrap()
    }

    #[test]
    fn what_an_object_makes_has_its_namespace_and_a_name_of_its_own() {
        let parent = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "Web", "namespace": "shop"},
            "spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}}}});
        let expansions = Expansions::new(vec![expansion("Deployment", "Pod")]);
        let all = expansions.expand(&parent, &Mutators::default(), None).unwrap();
        assert_eq!(all[0].object["metadata"]["name"], "web-pod");
        assert_eq!(all[0].object["metadata"]["namespace"], "shop");
        assert_eq!(all[0].object["metadata"]["labels"], json!({"a": "b"}));
        assert_eq!(all[0].object["metadata"]["ownerReferences"][0]["kind"], "Deployment");
        assert_eq!(all[0].object["kind"], "Pod");
        assert!(expansions.are_for("apps", "Deployment") && !expansions.are_for("", "Pod"));
        let of = |kind: &str| {
            let object = json!({"apiVersion": "apps/v1", "kind": kind});
            expansions.expand(&object, &Mutators::default(), None)
        };
        assert!(of("Job").unwrap().is_empty());
        let empty = of("Deployment");
        assert!(empty.unwrap_err().starts_with("could not find source field"));
    }
}
