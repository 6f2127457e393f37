//! How diagnostics look on one line: in a refusal, in a warning, in a cause. The only place that knows lengths.

use super::{Diagnostic, Exempted, Severity};

/// The API server cuts a warning that is longer, in bytes.
const MAX_WARNING: usize = 256;

/// The API server drops warnings once all of them together are longer, in bytes.
const MAX_WARNINGS: usize = 4096;

/// How many profiles are named on one line.
const MAX_PROFILES: usize = 3;

/// How many findings a refusal spells out; the rest is in its causes.
const MAX_SPELLED_OUT: usize = 3;

/// Everything in one sentence: ``[code] what on `a` (`field`): why; help``.
pub fn sentence(diagnostic: &Diagnostic) -> String {
    let mut sentence = short(diagnostic);
    if let Some(why) = &diagnostic.why {
        sentence.push_str(": ");
        sentence.push_str(why);
    }
    if let Some(help) = &diagnostic.help {
        sentence.push_str("; help: ");
        sentence.push_str(help);
    }
    if let Some(exempted) = diagnostic.exemption.as_ref().filter(|exempted| exempted.has_ended) {
        sentence.push_str("; ");
        sentence.push_str(&exemption(exempted));
    }
    sentence
}

/// What an exemption did, as a remark: ``exempt until 2027-01-31 by `name` of team: reason``.
pub fn exemption(exempted: &Exempted) -> String {
    let Exempted { name, owner, reason, until, has_ended } = exempted;
    if *has_ended {
        format!("its exemption `{name}` of {owner} ended on {until}")
    } else {
        format!("exempt until {until} by `{name}` of {owner}: {reason}")
    }
}

/// What, and on which virtual nodes: ``what on `a`, `b` and 2 more``.
pub fn headline(diagnostic: &Diagnostic) -> String {
    let mut headline = diagnostic.what.clone();
    for (position, profile) in diagnostic.profiles.iter().take(MAX_PROFILES).enumerate() {
        headline.push_str(if position == 0 { " on `" } else { ", `" });
        headline.push_str(profile);
        headline.push('`');
    }
    if diagnostic.profiles.len() > MAX_PROFILES {
        headline.push_str(&format!(" and {} more", diagnostic.profiles.len() - MAX_PROFILES));
    }
    headline
}

/// What and where: ``[code] what on `a` (`field` and 2 more)``.
fn short(diagnostic: &Diagnostic) -> String {
    let mut short = format!("[{}] {}", diagnostic.code, headline(diagnostic));
    if let Some(place) = diagnostic.place() {
        let more = diagnostic.places.len() - 1;
        short.push_str(" (`");
        short.push_str(&place.to_string());
        short.push('`');
        if more > 0 {
            short.push_str(&format!(" and {more} more"));
        }
        short.push(')');
    }
    if let Some(exempted) = diagnostic.exemption.as_ref().filter(|exempted| !exempted.has_ended) {
        short.push_str(&format!(", exempt until {} by `{}`", exempted.until, exempted.name));
    }
    short
}

/// The message of a refusal: the findings one after the other, the first ones in full.
///
/// What Gatekeeper's constraints say stands below, a line each, as Gatekeeper itself has it.
pub fn refusal<'d>(denials: impl Iterator<Item = &'d Diagnostic>) -> String {
    let (constraints, denials): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        denials.partition(|diagnostic| diagnostic.is_of_constraint());
    let spelled = denials.iter().take(MAX_SPELLED_OUT).map(|diagnostic| sentence(diagnostic));
    let mut message = spelled.collect::<Vec<_>>().join(" | ");
    let rest: Vec<&str> =
        denials.iter().skip(MAX_SPELLED_OUT).map(|diagnostic| diagnostic.code.as_ref()).collect();
    if !rest.is_empty() {
        message.push_str(&format!(" | and {} more: {}", rest.len(), rest.join(", ")));
    }
    let own = Some(clean(message)).filter(|message| !message.is_empty());
    own.into_iter().chain(constraints.into_iter().map(of_constraint)).collect::<Vec<_>>().join("\n")
}

/// A finding of a constraint in Gatekeeper's words: `[name] message`.
pub fn of_constraint(diagnostic: &Diagnostic) -> String {
    let name = diagnostic.code.split_once('/').map_or(&*diagnostic.code, |(_, name)| name);
    format!("[{name}] {}", diagnostic.what)
}

/// The warnings of an answer: one line each, within the API server's limits.
///
/// Of an object that is refused only the milder findings are told: the grave ones are in its status.
pub fn warnings(diagnostics: &[Diagnostic], is_allowed: bool) -> Vec<String> {
    let told = diagnostics.iter().filter(|diagnostic| match diagnostic.severity {
        Severity::Deny => is_allowed,
        Severity::Warn => true,
        Severity::Note => false,
    });
    let mut lines: Vec<String> = Vec::new();
    let mut total = 0;
    let count = told.clone().count();
    for (position, diagnostic) in told.enumerate() {
        let line = warning(diagnostic);
        // Room for the line that says how many were left out.
        if total + line.len() + 100 > MAX_WARNINGS {
            lines.push(format!(
                "loadline: {} more findings; see them all with `loadline check`",
                count - position
            ));
            break;
        }
        total += line.len();
        lines.push(line);
    }
    lines
}

/// One warning: what, where and, if there is room, why.
fn warning(diagnostic: &Diagnostic) -> String {
    if diagnostic.is_of_constraint() {
        return clean(cut(of_constraint(diagnostic), MAX_WARNING));
    }
    let short = format!("loadline: {}", short(diagnostic));
    let full = diagnostic
        .why
        .as_ref()
        .map(|why| format!("{short}: {why}"))
        .filter(|full| full.len() <= MAX_WARNING);
    clean(cut(full.unwrap_or(short), MAX_WARNING))
}

/// Cuts a text to a number of bytes, between characters, and shows that something is missing.
fn cut(mut text: String, length: usize) -> String {
    if text.len() > length {
        let end = text.floor_char_boundary(length.saturating_sub("…".len()));
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Replaces control characters: the API server drops a warning that has one.
fn clean(text: String) -> String {
    if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::FieldPath;

    fn finding(number: usize) -> Diagnostic {
        Diagnostic::new(
            Severity::Warn,
            "env.field-ref.status.pod-ip",
            format!("finding {number} with a text of some length"),
        )
        .at(FieldPath::keys("spec.containers").index(number).key("env"))
        .because("x".repeat(300))
    }

    #[test]
    fn warnings_stay_within_the_limits_of_the_api_server() {
        let diagnostics: Vec<Diagnostic> = (0..200).map(finding).collect();
        let warnings = warnings(&diagnostics, true);
        assert!(warnings.iter().all(|line| line.len() <= 256 && !line.contains(char::is_control)));
        assert!(warnings.iter().map(String::len).sum::<usize>() <= 4096);
        assert!(warnings.last().unwrap().contains("more findings"), "{:?}", warnings.last());
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut diagnostic = finding(0);
        diagnostic.what = format!("a\nb{}", "é".repeat(300));
        let line = &warnings(&[diagnostic], true)[0];
        assert!(line.len() <= 256 && line.ends_with('…') && line.contains("a b"), "{line}");
    }

    #[test]
    fn a_refusal_spells_out_the_first_findings_and_names_the_rest() {
        let diagnostics: Vec<Diagnostic> = (0..5).map(finding).collect();
        let message = refusal(diagnostics.iter());
        assert!(message.contains("finding 2") && !message.contains("finding 3"));
        assert!(
            message
                .ends_with("and 2 more: env.field-ref.status.pod-ip, env.field-ref.status.pod-ip"),
            "{message}"
        );
    }
}
