//! Mutators as they are written.

use serde::Deserialize;
use serde_json::Value;

use super::apply::Condition;
use super::image::Image;
use super::location::{Location, Node};
use super::value::Change;
use super::{MUTATION_GROUP, Mutator, Target};
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::governance::gatekeeper::matching::Match;
use crate::path::FieldPath;

/// The kinds of mutators, with their versions.
const KINDS: [(&str, &[&str]); 4] = [
    ("Assign", &["v1", "v1beta1", "v1alpha1"]),
    ("AssignMetadata", &["v1", "v1beta1", "v1alpha1"]),
    ("ModifySet", &["v1", "v1beta1", "v1alpha1"]),
    ("AssignImage", &["v1alpha1"]),
];

/// The places that metadata may be set in.
const SECTIONS: [&str; 2] = ["labels", "annotations"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    apply_to: Vec<Target>,
    #[serde(default)]
    r#match: Match,
    location: String,
    parameters: Parameters,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Parameters {
    path_tests: Vec<PathTest>,
    assign: Option<Assigned>,
    operation: Option<Operation>,
    values: Option<Values>,
    assign_domain: Option<String>,
    assign_path: Option<String>,
    assign_tag: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PathTest {
    sub_path: String,
    condition: Condition,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Assigned {
    value: Option<Value>,
    from_metadata: Option<FromMetadata>,
    external_data: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FromMetadata {
    field: Own,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Own {
    Name,
    Namespace,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    #[default]
    Merge,
    Prune,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Values {
    from_list: Vec<Value>,
}

impl Mutator {
    /// Reads a mutator. Fails with what is wrong first.
    pub fn read(document: &Value) -> Result<Self, Mistake> {
        let mistake =
            |place: &str, message: String| Mistake { place: FieldPath::keys(place), message };
        let text =
            |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let kind = text("/kind");
        let Some((_, versions)) = KINDS.into_iter().find(|(known, _)| *known == kind) else {
            let hint = suggest::help(kind, KINDS.map(|(known, _)| known));
            return Err(mistake("kind", format!("there is no mutator `{kind}`; {hint}")));
        };
        let version = text("/apiVersion").strip_prefix(MUTATION_GROUP).unwrap_or_default();
        if !versions.contains(&version.trim_start_matches('/')) {
            let message = format!(
                "{kind} is of version {}, not `{}`",
                versions.join(", "),
                text("/apiVersion")
            );
            return Err(mistake("apiVersion", message));
        }
        let spec: Spec =
            serde_path_to_error::deserialize(document.get("spec").unwrap_or(&Value::Null))
                .map_err(|error| {
                    let place =
                        FieldPath::parse(&error.path().to_string()).unwrap_or_else(FieldPath::root);
                    Mistake {
                        place: FieldPath::keys("spec").join(place),
                        message: error.inner().to_string(),
                    }
                })?;
        if let Some((place, message)) = spec.r#match.problems().into_iter().next() {
            return Err(Mistake { place: FieldPath::keys("spec.match").join(place), message });
        }
        if (kind == "AssignMetadata") != spec.apply_to.is_empty() {
            let message = if spec.apply_to.is_empty() {
                "`applyTo` must name the kinds that the mutator is for"
            } else {
                "AssignMetadata is for all kinds and takes no `applyTo`"
            };
            return Err(mistake("spec.applyTo", message.to_owned()));
        }
        let location = Location::parse(&spec.location).map_err(|problem| {
            mistake("spec.location", format!("`{}`: {problem}", spec.location))
        })?;
        let change = change(kind, &location, &spec.parameters)
            .map_err(|(place, message)| mistake(place, message))?;
        let tests = tests(&location, &spec.parameters.path_tests)
            .map_err(|message| mistake("spec.parameters.pathTests", message))?;
        Ok(Self {
            kind: kind.to_owned(),
            name: text("/metadata/name").to_owned(),
            applies_to: spec.apply_to,
            matches: spec.r#match,
            location,
            tests,
            change,
        })
    }
}

/// What is to be done, and whether it may be done at that location.
fn change(
    kind: &str,
    location: &Location,
    parameters: &Parameters,
) -> Result<Change, (&'static str, String)> {
    let at_location = |message: &str| Err(("spec.location", message.to_owned()));
    let at_parameters = |message: &str| Err(("spec.parameters", message.to_owned()));
    let last = location.0.last();
    if let Some(Node::Element { value: None, .. }) = last {
        return at_location("the location ends with a star, which names no single element");
    }
    if kind != "AssignMetadata"
        && matches!(location.0.first(), Some(Node::Field(first)) if first == "metadata")
    {
        let message =
            format!("{kind} cannot change metadata; AssignMetadata sets labels and annotations");
        return at_location(&message);
    }
    match kind {
        "AssignMetadata" => {
            let is_metadata = matches!(
                location.0.as_slice(),
                [Node::Field(first), Node::Field(section), Node::Field(_)]
                    if first == "metadata" && SECTIONS.contains(&section.as_str())
            );
            if !is_metadata {
                return at_location(
                    "AssignMetadata sets one label or annotation: `metadata.labels.KEY` or `metadata.annotations.KEY`",
                );
            }
            match assigned(parameters)? {
                Change::Assign(Value::String(text)) => Ok(Change::AssignOnce(text)),
                Change::Assign(_) => at_parameters("a label or annotation is a string"),
                other => Ok(other),
            }
        }
        "Assign" => {
            let change = assigned(parameters)?;
            if let (Some(Node::Element { key, value: Some(value) }), Change::Assign(new)) =
                (last, &change)
                && new.get(key) != Some(value)
            {
                return at_parameters(
                    "the value must be an object with the key that the location ends with",
                );
            }
            Ok(change)
        }
        "ModifySet" => {
            if let Some(Node::Element { .. }) = last {
                return at_location("the location of a set is a list, not one of its elements");
            }
            let Some(values) = &parameters.values else {
                return at_parameters("`values.fromList` is missing");
            };
            Ok(match parameters.operation.unwrap_or_default() {
                Operation::Merge => Change::Merge(values.from_list.clone()),
                Operation::Prune => Change::Prune(values.from_list.clone()),
            })
        }
        _ => {
            let Parameters { assign_domain, assign_path, assign_tag, .. } = parameters;
            Image::read(assign_domain.as_deref(), assign_path.as_deref(), assign_tag.as_deref())
                .map(Change::Image)
        }
    }
}

fn assigned(parameters: &Parameters) -> Result<Change, (&'static str, String)> {
    let place = "spec.parameters.assign";
    let fail = |message: &str| Err((place, message.to_owned()));
    match &parameters.assign {
        Some(Assigned { external_data: Some(_), .. }) => fail("not supported: external data"),
        Some(Assigned { value: Some(value), from_metadata: None, .. }) => {
            Ok(Change::Assign(value.clone()))
        }
        Some(Assigned { value: None, from_metadata: Some(from), .. }) => Ok(match from.field {
            Own::Name => Change::AssignName,
            Own::Namespace => Change::AssignNamespace,
        }),
        _ => fail("exactly one of `value` and `fromMetadata` must be given"),
    }
}

/// The conditions by the lengths of their paths.
fn tests(location: &Location, written: &[PathTest]) -> Result<Vec<(usize, Condition)>, String> {
    let mut tests: Vec<(usize, Condition)> = Vec::new();
    for PathTest { sub_path, condition } in written {
        let path =
            Location::parse(sub_path).map_err(|problem| format!("`{sub_path}`: {problem}"))?;
        if !location.0.starts_with(&path.0) {
            return Err(format!("`{sub_path}` is no beginning of the location"));
        }
        let length = path.0.len();
        let contradicts = tests.iter().any(|(other, known)| match (known, condition) {
            (Condition::MustExist, Condition::MustNotExist) => length <= *other,
            (Condition::MustNotExist, Condition::MustExist) => *other <= length,
            _ => false,
        });
        if contradicts {
            return Err(format!("the test of `{sub_path}` contradicts another one"));
        }
        tests.push((length, *condition));
    }
    Ok(tests)
}
