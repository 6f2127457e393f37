//! Label selectors, as Kubernetes writes them: [`Selector`].

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::path::FieldPath;

/// A selector on labels. One without clauses selects everything.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Selector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Requirement>>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
struct Requirement {
    key: String,
    operator: Operator,
    #[serde(default)]
    values: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Whether there is no clause, so that everything is selected.
    pub fn is_empty(&self) -> bool {
        self.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && self.match_expressions.as_ref().is_none_or(Vec::is_empty)
    }

    /// What the API server would refuse the selector for, each with its place in it: a key or a value that no label can have, a
    /// list of values where none may be, or none where there must be one.
    pub fn problems(&self) -> Vec<(FieldPath, String)> {
        let mut problems = Vec::new();
        for (key, value) in self.match_labels.iter().flatten() {
            let place = FieldPath::keys("matchLabels").key(key);
            let problem = problem_of_key(key).or_else(|| problem_of_value(value));
            problems.extend(problem.map(|problem| (place, problem)));
        }
        for (number, one) in self.match_expressions.iter().flatten().enumerate() {
            let place = FieldPath::keys("matchExpressions").index(number);
            if let Some(problem) = problem_of_key(&one.key) {
                problems.push((place.clone().key("key"), problem));
            }
            for (position, value) in one.values.iter().flatten().enumerate() {
                let place = || place.clone().key("values").index(position);
                problems.extend(problem_of_value(value).map(|problem| (place(), problem)));
            }
            let is_empty = one.values.as_ref().is_none_or(Vec::is_empty);
            match one.operator {
                Operator::In | Operator::NotIn if is_empty => {
                    problems
                        .push((place, format!("the expression on `{}` needs `values`", one.key)));
                }
                Operator::Exists | Operator::DoesNotExist if !is_empty => {
                    problems.push((
                        place,
                        format!("the expression on `{}` takes no `values`", one.key),
                    ));
                }
                _ => {}
            }
        }
        problems
    }

    /// Whether labels are selected. `label` gives the value of one.
    pub fn selects<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        let by_label =
            self.match_labels.iter().flatten().all(|(key, value)| label(key) == Some(value));
        by_label
            && self.match_expressions.iter().flatten().all(|one| {
                let value = label(&one.key);
                let is_listed =
                    value.is_some_and(|value| one.values.iter().flatten().any(|one| one == value));
                match one.operator {
                    Operator::In => is_listed,
                    Operator::NotIn => !is_listed,
                    Operator::Exists => value.is_some(),
                    Operator::DoesNotExist => value.is_none(),
                }
            })
    }
}

/// How long the name in a key, or a value, may be.
const MAX_NAME: usize = 63;

/// How long the prefix of a key may be.
const MAX_PREFIX: usize = 253;

/// Why no label can have that key: an optional domain and a slash, then a name.
fn problem_of_key(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|prefix| !is_domain(prefix)) {
        return Some(format!(
            "`{key}` is no key of a label: before the slash stands a domain in lower case, of at most {MAX_PREFIX} characters"
        ));
    }
    (!is_name(name)).then(|| {
        format!(
            "`{key}` is no key of a label: its name has 1 to {MAX_NAME} letters, digits, `-`, `_` and `.`, a letter or digit at both ends"
        )
    })
}

/// Why no label can have that value.
fn problem_of_value(value: &str) -> Option<String> {
    (!value.is_empty() && !is_name(value)).then(|| {
        format!(
            "`{value}` is no value of a label: it has at most {MAX_NAME} letters, digits, `-`, `_` and `.`, a letter or digit at both ends"
        )
    })
}

fn is_name(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= MAX_NAME
        && text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|c| is_end(c) || matches!(c, '-' | '_' | '.'))
}

fn is_domain(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(is_end)
            && label.ends_with(is_end)
            && label.chars().all(|c| is_end(c) || c == '-')
    };
    text.len() <= MAX_PREFIX && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_operator_means_what_kubernetes_means() {
        let labels: BTreeMap<String, String> = [("env".to_owned(), "prod".to_owned())].into();
        let selects = |selector: serde_json::Value| {
            serde_json::from_value::<Selector>(selector)
                .unwrap()
                .selects(|key| labels.get(key).map(String::as_str))
        };
        let one = |key: &str, operator: &str, values: &[&str]| {
            selects(
                json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}),
            )
        };
        assert!(selects(json!({})));
        assert!(selects(json!({"matchLabels": {"env": "prod"}})));
        assert!(!selects(json!({"matchLabels": {"env": "dev"}})));
        assert!(one("env", "In", &["prod"]) && !one("env", "In", &["dev"]));
        assert!(!one("env", "NotIn", &["prod"]) && one("tier", "NotIn", &["prod"]));
        assert!(one("env", "Exists", &[]) && !one("tier", "Exists", &[]));
        assert!(!one("env", "DoesNotExist", &[]) && one("tier", "DoesNotExist", &[]));
    }

    #[test]
    fn a_selector_that_the_api_server_would_refuse_has_a_problem() {
        let problems = |value| serde_json::from_value::<Selector>(value).unwrap().problems();
        let with = |key: &str, operator: &str, values: &[&str]| {
            let one = json!({"key": key, "operator": operator, "values": values});
            let found = problems(json!({ "matchExpressions": [one] })).into_iter();
            found
                .map(|(place, problem)| format!("{place}: {problem}"))
                .collect::<Vec<_>>()
                .join("; ")
        };
        assert!(with("a", "In", &[]).ends_with("needs `values`"));
        assert!(with("a", "Exists", &["x"]).ends_with("takes no `values`"));
        assert!(
            with("a", "NotIn", &["x", "-y"]).starts_with("matchExpressions[0].values[1]: `-y`")
        );
        assert!(with("a b", "Exists", &[]).starts_with("matchExpressions[0].key: `a b`"));
        assert_eq!(with("a", "In", &["x", ""]), "");
        let (long, longest) = ("a".repeat(64), "a".repeat(63));
        for key in ["", "-a", "x/y/z", "X.y/z", "/z", "x/", "a..b/z", "_", "ä", &long] {
            assert_eq!(problems(json!({ "matchLabels": {key: "b"} })).len(), 1, "{key}");
        }
        for value in ["b c", "-", ".x", &long] {
            let found = problems(json!({ "matchLabels": {"a.b": value} }));
            assert_eq!(found[0].0.to_string(), "matchLabels['a.b']");
        }
        for key in ["a", "A_b.c-d", "x.y-z/A", &longest, "0"] {
            assert_eq!(problems(json!({ "matchLabels": {key: "", "b": "X_y.z-0"} })), []);
        }
    }
}
