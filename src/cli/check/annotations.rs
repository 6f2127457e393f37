//! The answers of `check` for CI servers: `-o github` and `-o junit`.

use super::finding::{self, Finding};
use super::judge::Judged;
use super::object::{Found, Subject};
use super::{FailOn, Run};
use crate::bundle::Problem;
use crate::cli::render::github::{Place, annotate};
use crate::cli::render::junit::{self, Case, Outcome, Suite};
use crate::cli::render::profiles;
use crate::diagnostic::Severity;

/// What could not be read, in the words of a CI server.
const UNREADABLE: &str = "cannot be read";

/// Writes an annotation for every finding but notes, which nobody is to be disturbed with, and for what could not be read.
pub fn github(run: &Run<'_>, problems: &[Problem]) -> String {
    let mut out = String::new();
    for finding in finding::all(run) {
        let diagnostic = finding.diagnostic;
        if diagnostic.severity == Severity::Note {
            continue;
        }
        let place = Place { file: &finding.found.text.name, mark: finding.mark() };
        let title = format!("{}: {}", diagnostic.code, finding.subject.title());
        let mut message = profiles::headline(diagnostic);
        let details = finding.details();
        if !details.is_empty() {
            message = format!("{message}\n{details}");
        }
        annotate(&mut out, diagnostic.severity, place, &title, &message);
    }
    for problem in problems {
        let place = Place { file: &problem.origin, mark: problem.mark };
        annotate(&mut out, Severity::Deny, place, UNREADABLE, &problem.message);
    }
    out
}

/// Writes a suite for each file and a case for each object, or for each object and profile that is asked about. A case fails
/// as the exit status does.
pub fn junit(run: &Run<'_>, problems: &[Problem], fail_on: FailOn) -> String {
    let mut suites: Vec<Suite> = Vec::new();
    for ((found, subject), judged) in &run.judged {
        let cases = judged.iter().map(|judged| case(found, subject, judged, fail_on));
        suite(&mut suites, &found.text.name).cases.extend(cases);
    }
    for problem in problems {
        let place = problem.mark.map_or_else(String::new, |mark| format!(":{mark}"));
        let text = format!("{}{place}: {}", problem.origin, problem.message);
        suite(&mut suites, &problem.origin).cases.push(Case {
            name: UNREADABLE.to_owned(),
            class: problem.origin.clone(),
            line: problem.mark.map(|mark| mark.line),
            duration: None,
            outcome: Outcome::Error { message: problem.message.clone(), text },
            output: String::new(),
        });
    }
    junit::report("loadline check", &suites)
}

/// The suite of a file.
fn suite<'s>(suites: &'s mut Vec<Suite>, name: &str) -> &'s mut Suite {
    let position = suites.iter().position(|suite| suite.name == name).unwrap_or(suites.len());
    if position == suites.len() {
        suites.push(Suite { name: name.to_owned(), cases: Vec::new() });
    }
    #[expect(clippy::indexing_slicing, reason = "the suite was pushed if it was not there")]
    &mut suites[position]
}

fn case(found: &Found, subject: &Subject, judged: &Judged, fail_on: FailOn) -> Case {
    let (bad, other): (Vec<Finding<'_>>, Vec<Finding<'_>>) = finding::of(found, subject, judged)
        .partition(|finding| fail_on.is_finding(finding.diagnostic.severity));
    let text = |findings: &[Finding<'_>]| {
        findings.iter().map(|one| paragraph(one)).collect::<Vec<_>>().join("\n\n")
    };
    let outcome = match bad.first() {
        Some(first) if judged.outcome().is_finding(fail_on) => Outcome::Failure {
            kind: first.diagnostic.code.to_string(),
            message: profiles::headline(first.diagnostic),
            text: text(&bad),
        },
        _ => Outcome::Pass,
    };
    let profile = judged.profile.as_ref().map(|name| format!(" on `{name}`")).unwrap_or_default();
    // What fails the case is told by its failure; where it does not fail, all is said here.
    let rest = if outcome == Outcome::Pass { [bad, other].concat() } else { other };
    Case {
        name: format!("{}{profile}", subject.title()),
        class: format!("{}.{}", subject.api_version, subject.kind),
        line: subject.mark(found).map(|mark| mark.line),
        duration: None,
        outcome,
        output: text(&rest),
    }
}

fn paragraph(finding: &Finding<'_>) -> String {
    let diagnostic = finding.diagnostic;
    let place = finding.mark().map_or_else(String::new, |mark| format!(":{mark}"));
    let head = format!(
        "{}{place}: {}[{}]: {}",
        finding.found.text.name,
        diagnostic.severity.as_str(),
        diagnostic.code,
        profiles::headline(diagnostic)
    );
    let details = finding.details();
    if details.is_empty() { head } else { format!("{head}\n{details}") }
}
