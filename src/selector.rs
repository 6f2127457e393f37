//! Label selectors, as Kubernetes writes them: [`Selector`].

use std::collections::BTreeMap;

use serde::Deserialize;

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

    /// What makes the selector useless: a list of values where none may be, or none where there must be one, each with the
    /// number of its expression. The API server refuses such selectors.
    pub fn problems(&self) -> impl Iterator<Item = (usize, String)> {
        self.match_expressions.iter().flatten().enumerate().filter_map(|(number, one)| {
            let is_empty = one.values.as_ref().is_none_or(Vec::is_empty);
            match one.operator {
                Operator::In | Operator::NotIn if is_empty => {
                    Some((number, format!("the expression on `{}` needs `values`", one.key)))
                }
                Operator::Exists | Operator::DoesNotExist if !is_empty => {
                    Some((number, format!("the expression on `{}` takes no `values`", one.key)))
                }
                _ => None,
            }
        })
    }

    /// The first of its problems.
    pub fn problem(&self) -> Option<String> {
        self.problems().next().map(|(_, problem)| problem)
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
        let problem = |value| serde_json::from_value::<Selector>(value).unwrap().problem();
        let with = |operator: &str, values: &[&str]| {
            problem(
                json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]}),
            )
        };
        assert!(with("In", &[]).unwrap().contains("needs `values`"));
        assert!(with("Exists", &["x"]).unwrap().contains("takes no `values`"));
        assert_eq!(with("In", &["x"]), None);
    }
}
