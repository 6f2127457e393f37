//! The difference, for people.

use std::fmt::Write as _;

use serde_json::json;

use super::{Change, Moved, Turn};
use crate::cli::profile::placement::{SIZES, sizes};
use crate::cli::render::yaml::to_yaml;
use crate::cli::render::{BOLD, DIM, GREEN, RED, Renderer, YELLOW, clean, paint};
use crate::compat::why;
use crate::cost::Cost;
use crate::profile::{Profile, Support};

/// The whole answer.
pub(super) fn answer(
    renderer: Renderer,
    [from, to]: [&Profile; 2],
    changes: &[Change<'_>],
    moved: Option<&Vec<Moved>>,
) -> String {
    let mut out = format!(
        "from {} ({})\nto   {} ({})\n",
        paint(BOLD, &from.name),
        from.title,
        paint(BOLD, &to.name),
        to.title
    );
    if let Some(moved) = moved {
        out.push('\n');
        let width = moved.iter().map(|one| one.object.chars().count()).max().unwrap_or_default();
        for one in moved {
            let word = |word: &'static str| match word {
                "denied" => paint(RED, word),
                "warned" => paint(YELLOW, word),
                word => paint(GREEN, word),
            };
            let _ = writeln!(
                out,
                "{:width$}  {} -> {}  {}",
                clean(&one.object),
                word(one.from),
                word(one.to),
                paint(DIM, shortened(&one.changed)),
            );
            if one.cost_from.is_some() || one.cost_to.is_some() {
                let known = |cost: &Option<Cost>| {
                    cost.as_ref().map_or_else(|| "not known".to_owned(), Cost::price)
                };
                let text = format!("{} -> {}", known(&one.cost_from), known(&one.cost_to));
                let _ = writeln!(out, "{:width$}  {}", "", paint(DIM, text));
            }
        }
    }
    for turn in Turn::ALL {
        let turned: Vec<&Change<'_>> = changes.iter().filter(|one| one.turn == turn).collect();
        if turned.is_empty() {
            continue;
        }
        let (title, style) = match turn {
            Turn::Worse => ("gets worse", RED),
            Turn::Unsure => ("was known, and is not", YELLOW),
            Turn::Learnt => ("was not known, and is", BOLD),
            Turn::Better => ("gets better", GREEN),
        };
        let _ = writeln!(out, "\n{}", paint(style, format_args!("{title} ({})", turned.len())));
        for change in turned {
            change.write(&mut out, renderer, turn);
        }
    }
    if changes.is_empty() {
        out.push_str("\nno feature fares differently\n");
    }
    write_sizes(&mut out, renderer, [from, to]);
    if from.inject != to.inject {
        let _ = writeln!(out, "\n{}", paint(BOLD, "what gets a pod there"));
        let (before, after) = (to_yaml(&json!(from.inject)), to_yaml(&json!(to.inject)));
        for (sign, style, text) in [('-', RED, before), ('+', GREEN, after)] {
            for line in text.lines().filter(|line| !line.ends_with("{}") && !line.ends_with("[]")) {
                let _ = writeln!(out, "  {}", paint(style, format_args!("{sign} {line}")));
            }
        }
    }
    out
}

/// Sizes and prices, where they differ.
fn write_sizes(out: &mut String, renderer: Renderer, profiles: [&Profile; 2]) {
    let [from, to] = profiles.map(sizes);
    for key in SIZES {
        let text = |parts: &[(&str, String)]| {
            parts.iter().find(|(known, _)| *known == key).map(|(_, text)| text.clone())
        };
        let (before, after) = (text(&from), text(&to));
        if before == after {
            continue;
        }
        let _ = writeln!(out, "\n{}", paint(BOLD, key));
        for (sign, style, text) in [('-', RED, before), ('+', GREEN, after)] {
            let _ = write!(out, "  {} ", paint(style, sign));
            renderer.folded(out, 4, text.as_deref().unwrap_or("not known"));
        }
    }
}

impl Change<'_> {
    fn write(&self, out: &mut String, renderer: Renderer, turn: Turn) {
        let lost = if self.known.is_control() && self.to.entry.support == Support::Ignored {
            paint(RED, " (a control is lost in silence)")
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "  {}: {} -> {}{lost}  {}",
            paint(BOLD, self.feature),
            self.from.entry.support,
            self.to.entry.support,
            paint(DIM, &self.known.title),
        );
        // The reason that the reader can act on: what is lost, or what was in the way.
        let (lead, entry) = match turn {
            Turn::Better if self.to.entry.support == Support::Supported => {
                ("before: ", self.from.entry)
            }
            Turn::Worse | Turn::Learnt | Turn::Better => ("", self.to.entry),
            Turn::Unsure => return,
        };
        out.push_str("      ");
        renderer.folded(out, 6, &format!("{lead}{}", why(entry, self.known)));
        if let (Some(help), "") = (&entry.help, lead) {
            out.push_str("      help: ");
            renderer.folded(out, 12, help);
        }
    }
}

/// The first names of a list, and how many more there are.
fn shortened(names: &[String]) -> String {
    match names {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        few => few.join(", "),
    }
}
