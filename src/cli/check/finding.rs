//! What was found as a list of findings, each with its place in the user's file: what the forms for programs are made of.

use super::Run;
use super::judge::Judged;
use super::object::{Found, Subject};
use crate::cli::render::profiles;
use crate::diagnostic::Diagnostic;
use crate::document::Mark;

/// One diagnostic on one object.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// The text that holds the object.
    pub found: &'a Found,
    /// The object.
    pub subject: &'a Subject,
    /// The verdict it belongs to.
    pub judged: &'a Judged,
    /// What is said.
    pub diagnostic: &'a Diagnostic,
}

/// The findings in the order of the inputs, worst first for each object; notes too.
pub fn all<'a>(run: &'a Run<'_>) -> impl Iterator<Item = Finding<'a>> {
    run.judged.iter().flat_map(|((found, subject), judged)| {
        judged.iter().flat_map(move |judged| of(found, subject, judged))
    })
}

/// The findings of one verdict.
pub fn of<'a>(
    found: &'a Found,
    subject: &'a Subject,
    judged: &'a Judged,
) -> impl Iterator<Item = Finding<'a>> {
    let findings = judged.counts().diagnostics.iter();
    findings.map(move |diagnostic| Finding { found, subject, judged, diagnostic })
}

impl Finding<'_> {
    /// Where each of its fields stands; one that is not there, where the nearest one around it does. A finding without a
    /// field stands where its object begins.
    pub fn marks(&self) -> Vec<Mark> {
        let origin = self.subject.origin(self.found);
        let marks = self.diagnostic.places.iter().filter_map(|place| origin?.mark(place));
        let mut marks: Vec<Mark> = marks.collect();
        if marks.is_empty() {
            marks.extend(self.mark());
        }
        marks
    }

    /// Where it stands first.
    pub fn mark(&self) -> Option<Mark> {
        let origin = self.subject.origin(self.found);
        let place = self.diagnostic.place();
        place.and_then(|place| origin?.mark(place)).or_else(|| self.subject.mark(self.found))
    }

    /// What is the matter with which object, in one line.
    pub fn headline(&self) -> String {
        format!("{}: {}", self.subject.title(), profiles::headline(self.diagnostic))
    }

    /// The fields and the remarks, one a line.
    pub fn details(&self) -> String {
        let fields = self.diagnostic.places.iter().map(|place| format!("field: {place}"));
        let remarks = profiles::remarks(self.diagnostic)
            .into_iter()
            .map(|(key, text)| format!("{key}: {text}"));
        fields.chain(remarks).collect::<Vec<_>>().join("\n")
    }
}
