//! Suites as they are written.

use regex::Regex;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::document::Document;

/// A suite of tests.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suite {
    /// Whether it is not to be run.
    #[serde(default)]
    pub skip: bool,
    /// Its tests.
    #[serde(default)]
    pub tests: Vec<Test>,
}

/// A test: a template with one constraint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Test {
    /// Name.
    pub name: String,
    /// File of the template.
    pub template: String,
    /// File of the constraint.
    pub constraint: String,
    /// File of templates that expand the object of a case into others.
    pub expansion: String,
    /// Whether the constraint must break the schema of the template.
    pub invalid: bool,
    /// Whether it is not to be run.
    pub skip: bool,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// A case: an object and what is to be said of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Case {
    /// Name.
    pub name: String,
    /// File of the object, or of an AdmissionReview.
    pub object: String,
    /// Files of the objects that are known besides.
    pub inventory: Vec<String>,
    /// What is to be true.
    pub assertions: Vec<Assertion>,
    /// Whether it is not to be run.
    pub skip: bool,
}

/// How many violations there must be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Assertion {
    /// `yes`, `no` or a number.
    pub violations: Wanted,
    /// A regular expression: only violations whose message it matches are counted.
    pub message: Option<String>,
}

/// A number of violations.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wanted {
    /// At least one.
    #[default]
    Some,
    /// So many.
    Exactly(u64),
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            // `yes` and `no` are words in one reader of YAML and booleans in another.
            Value::Null | Value::Bool(true) => Ok(Self::Some),
            Value::Bool(false) => Ok(Self::Exactly(0)),
            Value::String(word) if word == "yes" => Ok(Self::Some),
            Value::String(word) if word == "no" => Ok(Self::Exactly(0)),
            Value::Number(number) if number.is_u64() => {
                Ok(Self::Exactly(number.as_u64().unwrap_or_default()))
            }
            other => Err(serde::de::Error::custom(format_args!(
                "`violations` must be `yes`, `no` or a number that is not negative, not `{other}`"
            ))),
        }
    }
}

/// Whether a document is a suite.
pub fn is_suite(document: &Value) -> bool {
    let version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    version.split_once('/').is_some_and(|(group, _)| group == "test.gatekeeper.sh")
        && document.get("kind").is_some_and(|kind| kind == "Suite")
}

impl Suite {
    /// Reads a suite from a text; gives nothing where the text is something else.
    ///
    /// Fails in a phrase, with line and column.
    pub fn read(text: &str) -> Result<Option<Self>, String> {
        // Folders of suites hold all kinds of files; what is no YAML is no suite.
        if !text.contains("test.gatekeeper.sh/") {
            return Ok(None);
        }
        let documents = Document::parse_all(text).map_err(|error| match error.mark {
            Some(mark) => format!("{mark}: {}", error.message),
            None => error.message,
        })?;
        let Some(document) = documents.into_iter().find(|document| is_suite(&document.value))
        else {
            return Ok(None);
        };
        serde_path_to_error::deserialize::<_, Self>(&document.value).map(Some).map_err(|error| {
            let place = crate::path::FieldPath::parse(&error.path().to_string());
            let mark = place.and_then(|place| document.locate(&place));
            let mark = mark.map_or_else(String::new, |mark| format!("{mark}: "));
            format!("{mark}`{}`: {}", error.path(), error.inner())
        })
    }
}

impl Assertion {
    /// Holds messages of violations against the assertion. Fails in a phrase.
    pub fn check(&self, messages: &[String]) -> Result<(), String> {
        let pattern = self
            .message
            .as_deref()
            .map(Regex::new)
            .transpose()
            .map_err(|error| format!("the message is no regular expression: {error}"))?;
        let counted = |message: &&String| pattern.as_ref().is_none_or(|one| one.is_match(message));
        let count = messages.iter().filter(counted).count();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let wanted = match self.violations {
            Wanted::Some if count > 0 => return Ok(()),
            Wanted::Exactly(wanted) if count == wanted => return Ok(()),
            Wanted::Some => "at least 1".to_owned(),
            Wanted::Exactly(0) => "none".to_owned(),
            Wanted::Exactly(wanted) => format!("exactly {wanted}"),
        };
        let noun = if count == 1 { "violation" } else { "violations" };
        let like = self
            .message
            .as_ref()
            .map_or_else(String::new, |message| format!(" whose message matches `{message}`"));
        let said = if messages.is_empty() {
            "there was no message".to_owned()
        } else {
            format!("the messages were `{}`", messages.join("`, `"))
        };
        Err(format!("got {count} {noun}{like}, wanted {wanted}; {said}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_assertion_counts_what_its_message_matches() {
        let check = |assertion: Value, messages: &[&str]| {
            let messages: Vec<String> = messages.iter().map(|one| (*one).to_owned()).collect();
            serde_json::from_value::<Assertion>(assertion).unwrap().check(&messages)
        };
        assert_eq!(check(json!({}), &["a"]), Ok(()));
        assert!(check(json!({}), &[]).unwrap_err().contains("got 0 violations, wanted at least 1"));
        for no in [json!("no"), json!(false), json!(0)] {
            assert_eq!(check(json!({ "violations": no }), &[]), Ok(()));
            assert!(
                check(json!({ "violations": no }), &["a"]).unwrap_err().contains("wanted none")
            );
        }
        for yes in [json!("yes"), json!(true)] {
            assert_eq!(check(json!({ "violations": yes }), &["a"]), Ok(()));
        }
        assert_eq!(check(json!({"violations": 1, "message": "^b"}), &["ab", "bc"]), Ok(()));
        let error = check(json!({"violations": 2, "message": "z"}), &["ab"]).unwrap_err();
        assert_eq!(
            error,
            "got 0 violations whose message matches `z`, wanted exactly 2; the messages were `ab`"
        );
        assert!(serde_json::from_value::<Assertion>(json!({"violations": "maybe"})).is_err());
        assert!(serde_json::from_value::<Assertion>(json!({"violations": -1})).is_err());
    }

    #[test]
    fn what_is_no_suite_is_passed_over() {
        assert!(Suite::read("a: [1").unwrap().is_none());
        assert!(Suite::read("apiVersion: v1\nkind: Pod\n").unwrap().is_none());
        let suite = Suite::read(
            "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests: [{name: a}]\n",
        );
        assert_eq!(suite.unwrap().unwrap().tests[0].name, "a");
        let error = Suite::read(
            "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests: [{name: 1}]\n",
        );
        let error = error.unwrap_err();
        assert!(error.starts_with("3:10: `tests[0].name`"), "{error}");
    }
}
