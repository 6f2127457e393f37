//! The same finding on several profiles, told once.
//!
//! A pod that tolerates everything can land on every kind of virtual node; one message for each would bury what matters.

use crate::admission::verdict::HeadingReason;
use crate::diagnostic::Diagnostic;

/// Picks a text of a diagnostic.
type TextOf = fn(&Diagnostic) -> Option<&String>;

/// How many different texts of a kind are told; `explain` knows all of them.
const MAX_TEXTS: usize = 4;

/// Diagnostics that differ only in the profile they speak of.
#[derive(Debug)]
pub struct Group<'a> {
    /// The one that stands for all.
    pub first: &'a Diagnostic,
    /// All of them, the first included.
    pub all: Vec<&'a Diagnostic>,
}

impl<'a> Group<'a> {
    /// Groups findings; the order of the first ones is kept.
    pub fn of(diagnostics: &'a [Diagnostic]) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for diagnostic in diagnostics {
            let same = groups.iter_mut().find(|group| {
                group.first.profile.is_some()
                    && diagnostic.profile.is_some()
                    && group.first.severity == diagnostic.severity
                    && group.first.code == diagnostic.code
                    && group.first.places == diagnostic.places
                    && stem(group.first) == stem(diagnostic)
            });
            match same {
                Some(group) => group.all.push(diagnostic),
                None => groups.push(Self {
                    first: diagnostic,
                    all: vec![diagnostic],
                }),
            }
        }
        groups
    }

    /// What is the matter, with the names of all profiles in place of the first one's.
    pub fn what(&self) -> String {
        let (before, after) = stem(self.first);
        match (self.all.as_slice(), after) {
            ([_], _) | (_, None) => self.first.what.clone(),
            (all, Some(after)) => {
                let profiles: Vec<&str> = all
                    .iter()
                    .filter_map(|one| one.profile.as_deref())
                    .collect();
                format!("{before}{}{after}", names(&profiles))
            }
        }
    }

    /// Why, help and source as pairs of key and text; with several profiles each reason names those it holds for.
    pub fn remarks(&self) -> Vec<(String, String)> {
        let mut remarks = Vec::new();
        let kinds: [(&str, TextOf); 3] = [
            ("why", |one| one.why.as_ref()),
            ("help", |one| one.help.as_ref()),
            ("source", |one| one.source.as_ref()),
        ];
        for (kind, text_of) in kinds {
            let mut texts: Vec<(&str, Vec<&str>)> = Vec::new();
            for one in &self.all {
                let Some(text) = text_of(one) else { continue };
                let profile = one.profile.as_deref().unwrap_or_default();
                match texts.iter_mut().find(|(known, _)| known == text) {
                    Some((_, profiles)) => profiles.push(profile),
                    None => texts.push((text, vec![profile])),
                }
            }
            let holds_for_all = texts.len() == 1
                && texts
                    .iter()
                    .all(|(_, profiles)| profiles.len() == self.all.len());
            let more = texts.len().saturating_sub(MAX_TEXTS);
            if kind == "source" && texts.len() > 1 {
                remarks.push((
                    kind.to_owned(),
                    format!("see `loadline explain {}`", self.first.code),
                ));
                continue;
            }
            for (text, profiles) in texts.into_iter().take(MAX_TEXTS) {
                let key = if holds_for_all {
                    kind.to_owned()
                } else {
                    format!("{kind} on {}", profiles.join(", "))
                };
                remarks.push((key, text.to_owned()));
            }
            if more > 0 {
                remarks.push((
                    kind.to_owned(),
                    format!("{more} more, see `loadline explain {}`", self.first.code),
                ));
            }
        }
        remarks
    }
}

/// The text of a diagnostic around the name of its profile.
fn stem(diagnostic: &Diagnostic) -> (&str, Option<&str>) {
    let what = diagnostic.what.as_str();
    let name = diagnostic
        .profile
        .as_deref()
        .map(|profile| format!("`{profile}`"));
    match name.and_then(|name| what.split_once(&name)) {
        Some((before, after)) => (before, Some(after)),
        None => (what, None),
    }
}

/// Names in backticks, as a list in a sentence.
pub fn names(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [others @ .., last] => format!("`{}` and `{last}`", others.join("`, `")),
    }
}

/// The profiles within reach, those with the same reason together.
pub fn by_reason(profiles: &[HeadingReason]) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for HeadingReason { profile, reason } in profiles {
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, profiles)) => profiles.push(profile),
            None => reasons.push((reason, vec![profile])),
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::path::FieldPath;

    fn finding(profile: &'static str, why: &str) -> Diagnostic {
        Diagnostic::new(
            Severity::Warn,
            "volume.host-path",
            format!("hostPath volume: ignored by `{profile}`"),
        )
        .on(profile)
        .at(FieldPath::keys("spec.volumes"))
        .because(why)
    }

    #[test]
    fn findings_that_differ_in_the_profile_are_told_once() {
        let findings = [finding("a", "x"), finding("b", "y"), finding("c", "x")];
        let groups = Group::of(&findings);
        let [group] = groups.as_slice() else {
            panic!("{groups:?}")
        };
        assert_eq!(group.what(), "hostPath volume: ignored by `a`, `b` and `c`");
        let expected = [("why on a, c", "x"), ("why on b", "y")]
            .map(|(key, text)| (key.to_owned(), text.to_owned()));
        assert_eq!(group.remarks(), expected);
    }

    #[test]
    fn one_reason_for_all_needs_no_names() {
        let findings = [finding("a", "x"), finding("b", "x")];
        let [group] = &Group::of(&findings)[..] else {
            panic!()
        };
        assert_eq!(group.remarks(), [("why".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn findings_at_different_places_stay_apart() {
        let mut other = finding("b", "x");
        other.places = vec![FieldPath::keys("spec.other")];
        assert_eq!(Group::of(&[finding("a", "x"), other]).len(), 2);
    }
}
