//! The grammar of locators: where in a pod to look, and for what.
//!
//! ```text
//! spec.containers[].env[].valueFrom.fieldRef.fieldPath
//! spec.{containers,initContainers}[].resources.limits['nvidia.com/gpu']
//! spec.containers[].resources.limits.*
//! ```

use serde::Deserialize;
use serde_json::Value;

use super::relations::{self, Pattern, Relation};
use super::value::Scalar;
use crate::diagnostic::suggest;

/// One step from an object or list to something inside it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// The member of this name.
    Key(String),
    /// Any member that no other locator names.
    AnyKey,
    /// Any element of a list.
    Element,
}

/// What has to hold at the end of the path.
#[derive(Clone, Debug)]
pub enum Test {
    /// Something is there: not null, not an empty string or list.
    There,
    /// The value is one of these.
    OneOf(Vec<Scalar>),
    /// Something is there and it is none of these.
    NoneOf(Vec<Scalar>),
    /// The value answers to a pattern.
    Matches(&'static Pattern),
    /// The value plays a part in a relation, which is asked after the walk.
    Part {
        /// The relation.
        relation: &'static Relation,
        /// The part, by its position.
        role: u8,
    },
    /// The object has all members of the first list and none of the second.
    Members {
        /// Must be there.
        has: Vec<String>,
        /// Must not be there.
        lacks: Vec<String>,
    },
}

/// A locator as it stands in the catalogue: a path, or a path with one test.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// Only a path.
    Path(String),
    /// A path and its test.
    Tested(Tested),
}

/// A path with one test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tested {
    path: String,
    equals: Option<Value>,
    one_of: Option<Vec<Value>>,
    not: Option<Vec<Value>>,
    matches: Option<String>,
    relation: Option<String>,
    r#as: Option<String>,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
}

/// A parsed locator: one path for every combination of alternatives.
#[derive(Clone, Debug)]
pub struct Locator {
    /// The paths.
    pub paths: Vec<Vec<Step>>,
    /// What must hold at their ends.
    pub test: Test,
}

impl Source {
    /// The path as written.
    pub fn path(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Tested(tested) => &tested.path,
        }
    }

    /// Parses path and test; the error says what is wrong in words for the data's author.
    pub fn parse(&self) -> Result<Locator, String> {
        let test = match self {
            Self::Path(_) => Test::There,
            Self::Tested(tested) => tested.test()?,
        };
        let paths = parse_paths(self.path())?;
        Ok(Locator { paths, test })
    }

    /// As people read it: the path and, in words, the test.
    pub fn describe(&self) -> String {
        let path = self.path();
        let list = |values: &[Value]| values.iter().map(plain).collect::<Vec<_>>().join(", ");
        match self {
            Self::Path(_) => path.to_owned(),
            Self::Tested(tested) => {
                if let Some(value) = &tested.equals {
                    format!("{path} is {}", plain(value))
                } else if let Some(values) = &tested.one_of {
                    format!("{path} is one of {}", list(values))
                } else if let Some(values) = &tested.not {
                    format!("{path} is not {}", list(values))
                } else if let Some(pattern) = tested.matches.as_deref().and_then(relations::pattern)
                {
                    format!("{path} {}", pattern.doc)
                } else if let Some(relation) =
                    tested.relation.as_deref().and_then(relations::relation)
                {
                    format!("{path} where {}", relation.doc)
                } else {
                    let mut parts = Vec::new();
                    if !tested.has.is_empty() {
                        parts.push(format!("with {}", tested.has.join(", ")));
                    }
                    if !tested.lacks.is_empty() {
                        parts.push(format!("without {}", tested.lacks.join(", ")));
                    }
                    format!("{path} {}", parts.join(" and "))
                }
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Tested {
    fn test(&self) -> Result<Test, String> {
        let members = !self.has.is_empty() || !self.lacks.is_empty();
        let given = [
            self.equals.is_some(),
            self.one_of.is_some(),
            self.not.is_some(),
            self.matches.is_some(),
            self.relation.is_some(),
            members,
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err(format!(
                "`{}` needs exactly one test: `equals`, `one-of`, `not`, `matches`, `relation`, or `has` and `lacks`",
                self.path
            ));
        }
        let scalars = |values: &[Value]| values.iter().map(scalar).collect::<Result<Vec<_>, _>>();
        Ok(if let Some(value) = &self.equals {
            Test::OneOf(vec![scalar(value)?])
        } else if let Some(values) = &self.one_of {
            Test::OneOf(scalars(values)?)
        } else if let Some(values) = &self.not {
            Test::NoneOf(scalars(values)?)
        } else if let Some(name) = &self.matches {
            let names = relations::PATTERNS.iter().map(|pattern| pattern.name);
            Test::Matches(relations::pattern(name).ok_or_else(|| unknown("pattern", name, names))?)
        } else if let Some(name) = &self.relation {
            let names = relations::RELATIONS.iter().map(|relation| relation.name);
            let relation =
                relations::relation(name).ok_or_else(|| unknown("relation", name, names))?;
            let role = match &self.r#as {
                None => Some(0),
                Some(role) => relation.roles.iter().position(|known| known == role),
            };
            let role = role.and_then(|role| u8::try_from(role).ok()).ok_or_else(|| {
                format!(
                    "relation `{name}` has no part `{}`; it has `{}`",
                    self.r#as.as_deref().unwrap_or_default(),
                    relation.roles.join("`, `")
                )
            })?;
            Test::Part { relation, role }
        } else {
            Test::Members { has: self.has.clone(), lacks: self.lacks.clone() }
        })
    }
}

fn unknown(what: &str, name: &str, names: impl Iterator<Item = &'static str> + Clone) -> String {
    match suggest::nearest(name, names) {
        Some(near) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{name}`"),
    }
}

fn scalar(value: &Value) -> Result<Scalar, String> {
    match value {
        Value::Bool(value) => Ok(Scalar::Bool(*value)),
        Value::String(value) => Ok(Scalar::Text(value.clone())),
        Value::Number(number) => number.as_i64().map(Scalar::Number).ok_or_else(|| {
            format!("`{number}` is no whole number; fields are compared with whole numbers only")
        }),
        other => Err(format!(
            "`{other}` cannot be compared with; use a string, a whole number, true or false"
        )),
    }
}

/// Parses a path, multiplying out its alternatives.
pub fn parse_paths(text: &str) -> Result<Vec<Vec<Step>>, String> {
    let mut paths: Vec<Vec<Step>> = vec![Vec::new()];
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[]") {
            for path in &mut paths {
                path.push(Step::Element);
            }
            rest = after;
        } else if let Some(quoted) = rest.strip_prefix("['") {
            let (key, after) = quoted
                .split_once("']")
                .ok_or_else(|| format!("`{text}`: `['` without its `']`"))?;
            for path in &mut paths {
                path.push(Step::Key(key.to_owned()));
            }
            rest = after;
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            if let Some(group) = plain.strip_prefix('{') {
                let (keys, after) = group
                    .split_once('}')
                    .ok_or_else(|| format!("`{text}`: `{{` without its `}}`"))?;
                paths = keys
                    .split(',')
                    .flat_map(|key| {
                        paths.iter().map(move |path| {
                            let mut path = path.clone();
                            path.push(Step::Key(key.trim().to_owned()));
                            path
                        })
                    })
                    .collect();
                rest = after;
            } else {
                let end = plain.find(['.', '[']).unwrap_or(plain.len());
                let (key, after) = plain.split_at_checked(end).unwrap_or((plain, ""));
                if key.is_empty() {
                    return Err(format!("`{text}`: an empty key"));
                }
                let step = if key == "*" { Step::AnyKey } else { Step::Key(key.to_owned()) };
                for path in &mut paths {
                    path.push(step.clone());
                }
                rest = after;
            }
        }
    }
    match paths.first().and_then(|path| path.first()) {
        Some(Step::Key(root)) if root == "spec" || root == "metadata" => Ok(paths),
        _ => Err(format!("`{text}`: a locator starts with `spec` or `metadata`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.into())
    }

    #[test]
    fn alternatives_multiply() {
        let paths =
            parse_paths("spec.{containers,initContainers}[].limits['nvidia.com/gpu']").unwrap();
        let tail = |name| {
            vec![key("spec"), key(name), Step::Element, key("limits"), key("nvidia.com/gpu")]
        };
        assert_eq!(paths, [tail("containers"), tail("initContainers")]);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (text, part) in [
            ("status.phase", "starts with"),
            ("spec..x", "empty key"),
            ("spec.{a,b", "without its `}`"),
            ("spec['a", "without its `']`"),
            ("", "starts with"),
        ] {
            let message = parse_paths(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    fn tested(source: Value) -> Result<Locator, String> {
        serde_json::from_value::<Source>(source).unwrap().parse()
    }

    #[test]
    fn patterns_and_relations_are_found_by_name() {
        let locator = tested(serde_json::json!({"path": "spec.a", "matches": "no-c-identifier"}));
        assert!(matches!(locator.unwrap().test, Test::Matches(_)));
        let locator = tested(
            serde_json::json!({"path": "spec.a", "relation": "cpu-request-beside-limit", "as": "request"}),
        );
        assert!(matches!(locator.unwrap().test, Test::Part { role: 1, .. }));
    }

    #[test]
    fn unknown_patterns_relations_and_roles_are_said() {
        for (source, part) in [
            (
                serde_json::json!({"path": "spec.a", "matches": "port-nam"}),
                "did you mean `port-name`",
            ),
            (
                serde_json::json!({"path": "spec.a", "relation": "same-prt"}),
                "did you mean `same-port`",
            ),
            (
                serde_json::json!({"path": "spec.a", "relation": "same-port", "as": "anchor"}),
                "no part `anchor`",
            ),
            (serde_json::json!({"path": "spec.a", "as": "port"}), "exactly one test"),
        ] {
            let message = tested(source).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_locator_has_exactly_one_test() {
        let source: Source =
            serde_json::from_value(serde_json::json!({"path": "spec.a", "equals": 1, "not": [2]}))
                .unwrap();
        assert!(source.parse().unwrap_err().contains("exactly one test"));
    }
}
