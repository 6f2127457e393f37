//! Recorded permissions: "allow this code here", with an owner, a reason and an end: [`Exemption`].
//!
//! An exemption changes how grave a finding is, not where a pod may go: a virtual node that would fail a pod is still avoided
//! where there is another. What was exempted stays in the verdict, with the exemption's name.

use serde::Deserialize;

use crate::date::Date;
use crate::diagnostic::{Diagnostic, Exempted, Severity, suggest};
use crate::document::Mistake;
use crate::path::FieldPath;
use crate::pod::lookup;
use crate::selector::Selector;

/// A permission to do what a code forbids.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// Its name, unique in the bundle.
    pub name: String,
    spec: Spec,
}

/// What an exemption turns a finding into.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Leniency {
    /// A refusal becomes a warning.
    #[default]
    Warn,
    /// Whatever it is becomes a note.
    Skip,
}

/// An `Exemption` document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExemptionSource {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    /// Codes of diagnostics, which are also the names of features and policies; `security.*` is all that begin so.
    codes: Vec<String>,
    /// The profiles of which a finding may speak; all when nothing is said.
    #[serde(default)]
    profiles: Vec<String>,
    /// The namespaces where it holds; all when nothing is said.
    #[serde(default)]
    namespaces: Vec<String>,
    /// The pods for which it holds.
    #[serde(default)]
    selector: Selector,
    #[serde(default)]
    action: Leniency,
    owner: String,
    reason: String,
    /// The last day on which it holds, in UTC.
    until: Date,
}

impl ExemptionSource {
    /// Checks what the form alone cannot say. `codes` and `profiles` are the names that there are.
    ///
    /// Gives every mistake at once: names that are not known, an exemption for everything, one without an owner.
    pub fn build(self, codes: &[&str], profiles: &[&str]) -> Result<Exemption, Vec<Mistake>> {
        let spec = self.spec;
        let mut mistakes = Vec::new();
        let mut tell =
            |place: FieldPath, message: String| mistakes.push(Mistake { place, message });
        let place = |key: &str| FieldPath::keys("spec").key(key);
        for (key, text) in [("owner", &spec.owner), ("reason", &spec.reason)] {
            if text.trim().is_empty() {
                tell(
                    place(key),
                    format!(
                        "`{key}` is empty; whoever meets the exemption must know whom to ask and why it is there"
                    ),
                );
            }
        }
        if spec.codes.is_empty() {
            tell(place("codes"), "`codes` is empty, so nothing is exempted".to_owned());
        }
        if spec.namespaces.is_empty() && spec.selector.is_empty() {
            tell(FieldPath::keys("spec"), "an exemption is for some namespaces or some pods: give `namespaces` or `selector`; for a change that holds everywhere use `overrides` of a `LoadlineConfig`".to_owned());
        }
        let hint = |name: &str, known: &[&str]| {
            suggest::nearest(name, known.iter().copied())
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
        };
        for (number, code) in spec.codes.iter().enumerate() {
            if !codes.iter().any(|known| is_meant(code, known)) {
                let hint = hint(code, codes);
                tell(
                    place("codes").index(number),
                    format!("no feature, policy or code is called `{code}`{hint}"),
                );
            }
        }
        for (number, profile) in spec.profiles.iter().enumerate() {
            if !profiles.contains(&profile.as_str()) {
                let hint = hint(profile, profiles);
                tell(
                    place("profiles").index(number),
                    format!("there is no profile `{profile}`{hint}"),
                );
            }
        }
        for (inner, problem) in spec.selector.problems() {
            tell(place("selector").join(inner), problem);
        }
        if mistakes.is_empty() {
            Ok(Exemption { name: self.metadata.name, spec })
        } else {
            Err(mistakes)
        }
    }
}

/// Whether a code is meant by what the exemption says: itself, or all that begin so.
fn is_meant(written: &str, code: &str) -> bool {
    match written.strip_suffix('*') {
        Some(start) => !start.is_empty() && code.starts_with(start),
        None => written == code,
    }
}

/// The object whose findings are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// Its namespace.
    pub namespace: &'s str,
    /// The labels of the pod.
    pub labels: &'s [(String, String)],
    /// The day of the request; on an unknown day no exemption holds.
    pub today: Option<Date>,
}

impl Exemption {
    /// Whether its last day is over. On an unknown day every exemption has ended.
    pub fn has_ended(&self, today: Option<Date>) -> bool {
        today.is_none_or(|today| today > self.spec.until)
    }

    /// The last day on which it holds.
    pub const fn until(&self) -> Date {
        self.spec.until
    }

    /// Who answers for it.
    pub fn owner(&self) -> &str {
        &self.spec.owner
    }

    fn concerns(&self, subject: &Subject<'_>, finding: &Diagnostic) -> bool {
        let spec = &self.spec;
        spec.codes.iter().any(|code| is_meant(code, &finding.code))
            && (spec.profiles.is_empty()
                || finding.profiles.iter().all(|profile| spec.profiles.contains(profile)))
            && (spec.namespaces.is_empty()
                || spec.namespaces.iter().any(|namespace| namespace == subject.namespace))
            && spec.selector.selects(|key| lookup(subject.labels, key))
    }

    fn note(&self, has_ended: bool) -> Exempted {
        let Spec { owner, reason, until, .. } = &self.spec;
        Exempted {
            name: self.name.clone(),
            owner: owner.clone(),
            reason: reason.clone(),
            until: *until,
            has_ended,
        }
    }
}

/// Applies what holds of the exemptions to the findings on an object; the first one that concerns a finding counts.
///
/// Where only an exemption that has ended concerns it, the finding stays as grave as it is and says so: its author sees
/// why what passed until yesterday is refused today.
pub fn apply(exemptions: &[Exemption], subject: &Subject<'_>, findings: &mut [Diagnostic]) {
    for finding in findings {
        let concerned = || exemptions.iter().filter(|one| one.concerns(subject, finding));
        if let Some(one) = concerned().find(|one| !one.has_ended(subject.today)) {
            let note = one.note(false);
            finding.severity = match one.spec.action {
                Leniency::Warn => finding.severity.max(Severity::Warn),
                Leniency::Skip => Severity::Note,
            };
            finding.exemption = Some(note);
        } else if let Some(one) = concerned().next().filter(|_| finding.severity != Severity::Note)
        {
            finding.exemption = Some(one.note(true));
        }
    }
}
