//! Several profiles in one message, named in full: the terminal has the room that a warning of the API server lacks.

use crate::admission::verdict::HeadingReason;
use crate::diagnostic::{Diagnostic, render};

/// What is the matter, and on which profiles.
pub fn headline(diagnostic: &Diagnostic) -> String {
    match diagnostic.profiles.as_slice() {
        [] => diagnostic.what.clone(),
        profiles => format!("{} on {}", diagnostic.what, names(profiles)),
    }
}

/// Why, help and source as pairs of key and text.
///
/// A diagnostic on several profiles knows the reason on the first one; `explain` knows all.
pub fn remarks(diagnostic: &Diagnostic) -> Vec<(String, String)> {
    let several = match diagnostic.profiles.as_slice() {
        [first, _, ..] => format!(" on {first}"),
        _ => String::new(),
    };
    let texts =
        [("why", &diagnostic.why), ("help", &diagnostic.help), ("source", &diagnostic.source)];
    let mut remarks: Vec<(String, String)> = texts
        .into_iter()
        .filter_map(|(key, text)| Some((format!("{key}{several}"), text.clone()?)))
        .collect();
    if let Some(exempted) = &diagnostic.exemption {
        remarks.push(("exemption".to_owned(), render::exemption(exempted)));
    }
    if !several.is_empty() {
        let text = format!("`loadline explain {}` has the reason on each", diagnostic.code);
        remarks.push(("more".to_owned(), text));
    }
    remarks
}

/// Names in backticks, as a list in a sentence.
pub fn names<T: AsRef<str>>(names: &[T]) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match all.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
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

    #[test]
    fn every_profile_is_named_and_the_reason_given_to_its_own() {
        let one = Diagnostic::new(Severity::Warn, "volume.host-path", "hostPath volume: ignored")
            .on("a")
            .because("nobody looks");
        assert_eq!(headline(&one), "hostPath volume: ignored on `a`");
        assert_eq!(remarks(&one), [("why".to_owned(), "nobody looks".to_owned())]);
        let three = one.on("b").on("c");
        assert_eq!(headline(&three), "hostPath volume: ignored on `a`, `b` and `c`");
        let keys: Vec<String> = remarks(&three).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["why on a", "more"]);
    }
}
