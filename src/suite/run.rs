//! Suites to results.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::filter::Filter;
use super::source::{Case, Suite, Test};
use super::{CaseResult, Clock, Files, SuiteResult, TestResult};
use crate::bundle::Text;
use crate::bundle::gatekeeper::{self, Located};
use crate::document::Document;
use crate::facts::Inventory;
use crate::governance::Budget;
use crate::governance::gatekeeper::constraint::Point;
use crate::governance::gatekeeper::expansion::{Expansion, Expansions};
use crate::governance::gatekeeper::mutators::Mutators;
use crate::governance::gatekeeper::request;
use crate::governance::gatekeeper::subject::{Metadata, Namespace, Source, Subject};
use crate::governance::gatekeeper::{Constraints, Reviewed};
use crate::governance::input::Review;

/// How long the templates of one case may take.
const CASE_TIME_LIMIT: Duration = Duration::from_secs(5);

/// Runs a suite.
pub fn run(suite: &Suite, filter: &Filter, files: &Files<'_>, clock: &Clock<'_>) -> SuiteResult {
    if suite.skip {
        return SuiteResult { is_skipped: true, ..SuiteResult::default() };
    }
    let start = clock();
    let tests =
        suite.tests.iter().map(|test| Runner { files, clock, filter, test }.run()).collect();
    SuiteResult { is_skipped: false, tests, duration: clock().saturating_sub(start) }
}

struct Runner<'r> {
    files: &'r Files<'r>,
    clock: &'r Clock<'r>,
    filter: &'r Filter,
    test: &'r Test,
}

impl Runner<'_> {
    fn run(&self) -> TestResult {
        let test = self.test;
        let name = test.name.clone();
        let cases = test.cases.iter().map(|case| case.name.as_str());
        if test.skip || !self.filter.takes_test(&name, cases) {
            return TestResult { name, is_skipped: true, ..TestResult::default() };
        }
        let start = (self.clock)();
        let (error, cases) = match (self.constraints(), test.invalid) {
            (Ok(constraints), false) => {
                let cases = test.cases.iter().map(|case| self.case(&constraints, case)).collect();
                (None, cases)
            }
            (Ok(_), true) => {
                let error = "the constraint fits the schema of its template, and should not";
                (Some(error.to_owned()), Vec::new())
            }
            (Err(failure), true) if failure.breaks_schema => (None, Vec::new()),
            (Err(failure), _) => (Some(failure.message), Vec::new()),
        };
        TestResult {
            name,
            is_skipped: false,
            error,
            cases,
            duration: (self.clock)().saturating_sub(start),
        }
    }

    fn constraints(&self) -> Result<Constraints, Failure> {
        let test = self.test;
        let mut expansions = Vec::new();
        if !test.expansion.is_empty() {
            let text = self.file("expansion", &test.expansion)?;
            for document in documents(&text).map_err(Failure::plain)? {
                expansions.push(Expansion::read(&document).map_err(|mistake| {
                    Failure::plain(format!("{}: {}", text.origin, mistake.message))
                })?);
            }
        }
        let text = self.file("template", &test.template)?;
        let located = one(&text, "template")?;
        let (kind, template) = gatekeeper::template(&located)
            .map_err(|problems| Failure { breaks_schema: false, message: joined(&problems) })?;
        let template = Arc::new(template.map_err(|needs| {
            let needs = needs.as_str();
            Failure::plain(format!("not supported: {needs}; the template of `{kind}` needs it"))
        })?);
        let text = self.file("constraint", &test.constraint)?;
        let located = one(&text, "constraint")?;
        let constraint = gatekeeper::constraint(&located, &template, &mut Vec::new()).map_err(
            |(breaks_schema, problems)| Failure { breaks_schema, message: joined(&problems) },
        )?;
        let mut constraints = Constraints::new(vec![constraint], Vec::new());
        constraints.expansions = Expansions::new(expansions);
        Ok(constraints)
    }

    fn file(&self, what: &str, path: &str) -> Result<Text, Failure> {
        if path.is_empty() {
            return Err(Failure::plain(format!("the test names no {what}")));
        }
        (self.files)(path).map_err(Failure::plain)
    }

    fn case(&self, constraints: &Constraints, case: &Case) -> CaseResult {
        let name = case.name.clone();
        if case.skip || !self.filter.takes_case(&self.test.name, &name) {
            return CaseResult { name, is_skipped: true, ..CaseResult::default() };
        }
        let start = (self.clock)();
        let error = self.check(constraints, case).err();
        CaseResult {
            name,
            is_skipped: false,
            error,
            duration: (self.clock)().saturating_sub(start),
        }
    }

    fn check(&self, constraints: &Constraints, case: &Case) -> Result<(), String> {
        if case.object.is_empty() {
            return Err("the case names no object".to_owned());
        }
        if case.assertions.is_empty() {
            return Err("the case asserts nothing; write `assertions: [{violations: no}]` where nothing is to be found".to_owned());
        }
        let objects = documents(&(self.files)(&case.object)?)?;
        let [object] = objects.as_slice() else {
            return Err(format!(
                "`{}` holds {} objects; a case is about one",
                case.object,
                objects.len()
            ));
        };
        let mut known = Vec::new();
        for path in &case.inventory {
            known.extend(documents(&(self.files)(path)?)?);
        }
        let inventory: Inventory = known.into_iter().collect();
        let messages = messages(constraints, object, &inventory)?;
        case.assertions.iter().try_for_each(|assertion| assertion.check(&messages))
    }
}

/// What the constraints say of an object, or of an AdmissionReview.
fn messages(
    constraints: &Constraints,
    object: &Value,
    inventory: &Inventory,
) -> Result<Vec<String>, String> {
    let plain = object;
    let is_review = object.get("kind").is_some_and(|kind| kind == "AdmissionReview")
        && object
            .get("apiVersion")
            .and_then(Value::as_str)
            .is_some_and(|version| version.starts_with("admission.k8s.io/"));
    let request = if is_review { request::of_review(object)? } else { request::of_object(object) };
    let text = |pointer: &str| request.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let metadata = |key: &str| {
        let object = request.get(key).filter(|object| !object.is_null())?;
        Metadata::of(object).ok()
    };
    let old_object = metadata("oldObject");
    let object = match text("/operation") {
        "DELETE" => metadata("oldObject"),
        _ => metadata("object"),
    };
    let name = text("/namespace");
    let namespace = inventory.namespace(name).filter(|_| !name.is_empty());
    let labels: BTreeMap<String, String> = namespace
        .and_then(|namespace| {
            serde_json::from_value(namespace.pointer("/metadata/labels")?.clone()).ok()
        })
        .unwrap_or_default();
    let subject = Subject {
        object: object.as_ref(),
        old_object: old_object.as_ref(),
        namespace: namespace.map(|_| Namespace { name, labels: &labels }),
        source: Some(Source::Original),
    };
    let reviewed = Reviewed { point: Point::Suite, operation: text("/operation"), subject };
    let budget = Budget::of(CASE_TIME_LIMIT);
    // Gatekeeper's runner hands no Namespace to the templates.
    let seen = || Ok(Review::from(request.clone()).for_templates(None));
    let mut violations = constraints.review(&reviewed, seen, inventory, budget);
    if !is_review {
        // Suites have no mutators.
        let none = Mutators::default();
        let generated = constraints.review_generated(&reviewed, plain, &none, inventory, budget)?;
        violations.extend(generated);
    }
    Ok(violations.into_iter().map(|violation| violation.message).collect())
}

/// Why a test cannot be run.
struct Failure {
    message: String,
    breaks_schema: bool,
}

impl Failure {
    const fn plain(message: String) -> Self {
        Self { message, breaks_schema: false }
    }
}

fn joined(problems: &[crate::bundle::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn parse(text: &Text) -> Result<Vec<Document>, String> {
    Document::parse_all(&text.text).map_err(|error| match error.mark {
        Some(mark) => format!("{}:{mark}: {}", text.origin, error.message),
        None => format!("{}: {}", text.origin, error.message),
    })
}

fn documents(text: &Text) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> = parse(text)?.into_iter().map(|document| document.value).collect();
    if documents.is_empty() {
        return Err(format!("{}: there is no object in it", text.origin));
    }
    Ok(documents)
}

fn one<'t>(text: &'t Text, what: &str) -> Result<Located<'t>, Failure> {
    let mut documents = parse(text).map_err(Failure::plain)?.into_iter();
    let first = documents.next();
    first
        .map(|document| Located::of(text, document))
        .ok_or_else(|| Failure::plain(format!("{}: there is no {what} in it", text.origin)))
}
