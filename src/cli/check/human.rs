//! The answer of `check` for people.

use std::fmt::Write as _;

use super::Run;
use super::cost;
use super::judge::{Judged, Outcome};
use super::object::{Found, Subject};
use crate::admission::verdict::{Mode, Verdict};
use crate::cli::render::{BOLD, DIM, GREEN, RED, Renderer, YELLOW, clean, count, paint};
use crate::compat::UNVERIFIED;
use crate::diagnostic::Severity;
use crate::placement::Standing;

/// Writes what there is to say of one object; nothing of one that no virtual node concerns.
pub fn object(
    out: &mut String,
    renderer: Renderer,
    run: &Run<'_>,
    found: &Found,
    subject: &Subject,
    judged: &Judged,
) {
    let pipeline = run.pipeline;
    let verdict = judged.counts();
    let is_regular = verdict.placement.standing == Standing::Regular;
    // Of a workload, what is changed in itself; the rest is said of its pods.
    let own = Some(&judged.verdict).filter(|own| judged.pods.is_some() && !own.patch.is_empty());
    if verdict.diagnostics.is_empty() && is_regular && verdict.changes.is_empty() && own.is_none() {
        return;
    }
    renderer.diagnostics(out, subject.origin(found), &verdict.diagnostics);
    let place = match subject.mark(found) {
        Some(mark) => format!("{}:{}", found.text.name, mark.line),
        None => found.text.name.clone(),
    };
    let _ = writeln!(
        out,
        "{}: {} {}",
        paint(BOLD, clean(&subject.title())),
        conclusion(judged),
        paint(DIM, format_args!("({})", clean(&place))),
    );
    if subject.has_pods() {
        renderer.heading(out, &verdict.placement);
        for (name, left, used) in judged.left_behind(pipeline, subject) {
            if !left.is_empty() && verdict.placement.standing == Standing::Bound {
                let reach = if left.len() == 1 { "reaches" } else { "reach" };
                let text = format!(
                    "{} of {} that it uses never {reach} what stands behind `{name}`",
                    left.len(),
                    count(used, "feature"),
                );
                out.push_str("  ");
                renderer.folded(out, 4, &text);
            }
        }
    }
    if run.with_cost {
        cost::write(out, renderer, &cost::lines(pipeline, subject, judged));
    }
    if !verdict.patch.is_empty() {
        let object = match &subject.pods {
            Some(pods) => Some(pods.pod.clone()),
            None => subject.raw(),
        };
        renderer.changes(out, &object.unwrap_or_default(), verdict);
    }
    if let Some(own) = own {
        let _ = writeln!(out, "  in the {} itself", clean(&subject.kind));
        renderer.changes(out, &subject.raw().unwrap_or_default(), own);
    }
    out.push('\n');
}

/// How it ends, in words.
fn conclusion(judged: &Judged) -> String {
    let verdict = judged.counts();
    let is_of_pods = judged.pods.is_some() && judged.verdict.allowed;
    let would = if is_of_pods { "its pods would be " } else { "" };
    let warnings = verdict.count(Severity::Warn) + verdict.count(Severity::Deny);
    let mut words = match judged.outcome() {
        Outcome::Denied => format!("{would}{}", paint(RED, "refused")),
        Outcome::Warned => {
            format!(
                "{would}{}",
                paint(YELLOW, format_args!("admitted with {}", count(warnings, "warning")))
            )
        }
        Outcome::Clean => format!("{would}{}", paint(GREEN, "admitted")),
    };
    match verdict.mode {
        Mode::Enforce => {}
        mode => {
            let _ = write!(words, ", as the mode is `{}`", mode.as_str());
        }
    }
    words
}

/// Writes one row a profile: how the object fares there, and the first reason.
pub fn profiles(
    out: &mut String,
    renderer: Renderer,
    run: &Run<'_>,
    found: &Found,
    subject: &Subject,
    judged: &[Judged],
) {
    let place = subject.mark(found).map_or_else(String::new, |mark| format!(":{}", mark.line));
    let _ = writeln!(
        out,
        "{} {}",
        paint(BOLD, clean(&subject.title())),
        paint(DIM, format_args!("({}{place})", clean(&found.text.name))),
    );
    let names = judged.iter().filter_map(|judged| judged.profile.as_deref());
    let width = names.map(|name| name.chars().count()).max().unwrap_or_default();
    for judged in judged {
        let (word, style) = match judged.outcome() {
            Outcome::Denied => ("denied", RED),
            Outcome::Warned => ("warned", YELLOW),
            Outcome::Clean => ("clean", GREEN),
        };
        let name = judged.profile.as_deref().unwrap_or_default();
        let _ = write!(out, "  {name:width$}  {}", paint(style, word));
        if let Some(reason) = reason(judged.counts()) {
            let _ = write!(out, "{:1$}  {reason}", "", "denied".len() - word.len());
        }
        out.push('\n');
    }
    if run.with_cost {
        for judged in judged {
            let mut lines = cost::lines(run.pipeline, subject, judged);
            lines.retain(cost::Line::is_known);
            cost::write(out, renderer, &lines);
        }
    }
    out.push('\n');
}

/// The first of the worst findings, and how many more there are as bad. One that names a fact goes before one that says
/// that nobody knows.
fn reason(verdict: &Verdict) -> Option<String> {
    let worst = verdict.diagnostics.first().filter(|first| first.severity != Severity::Note)?;
    let mut as_bad = verdict.diagnostics.iter().filter(|one| one.severity == worst.severity);
    let first = as_bad.find(|one| one.code != UNVERIFIED).unwrap_or(worst);
    let more = verdict.count(worst.severity) - 1;
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    Some(clean(&format!("[{}] {}{more}", first.code, first.what)))
}

/// Writes the line at the end.
pub fn summary(run: &Run<'_>, problems: usize) -> String {
    let mut out = format!(
        "{}: {} denied, {} warned, {} clean",
        count(run.judged.len(), "object"),
        run.count(Outcome::Denied),
        run.count(Outcome::Warned),
        run.count(Outcome::Clean),
    );
    let skipped: usize = run.skipped.values().sum();
    if skipped > 0 {
        let _ = write!(out, "; {skipped} skipped");
    }
    if problems > 0 {
        let _ = write!(out, "; {problems} not read");
    }
    out.push('\n');
    if skipped > 0 {
        let were = if skipped == 1 { "was" } else { "were" };
        let kinds: Vec<String> =
            run.skipped.iter().map(|(kind, number)| format!("{number} {}", clean(kind))).collect();
        let _ = writeln!(
            out,
            "{} of other kinds {were} skipped: {}",
            count(skipped, "object"),
            kinds.join(", ")
        );
    }
    if run.with_cost {
        out.push_str(&cost::total(&run.costs()));
    }
    for (exemption, uses) in run.exemptions() {
        let name = clean(&exemption.name);
        if exemption.has_ended(run.today) {
            let (owner, until) = (clean(exemption.owner()), exemption.until());
            let _ = writeln!(
                out,
                "exemption `{name}` of {owner} ended on {until}; remove it or renew it"
            );
        } else if uses == 0 {
            let _ = writeln!(out, "exemption `{name}` concerned nothing here");
        }
    }
    if run.nodes > 0 {
        let _ = writeln!(
            out,
            "placement was predicted on the {} among the inputs",
            count(run.nodes, "node")
        );
    }
    out
}
