//! A profile as a page of the documentation.

use std::fmt::Write as _;

use super::group::{Group, groups};
use super::show::placement;
use crate::admission::Pipeline;
use crate::catalogue::Class;
use crate::cli::knowledge::Knowledge;
use crate::cli::render::yaml::to_yaml;
use crate::profile::{Method, Profile, Support};

/// Line that every generated page begins with.
pub const NOTICE: &str =
    "<!-- Generated from policies/ by `make docs-data`. Edit the data, not this page. -->";

/// The page of one profile.
pub fn page(pipeline: &Pipeline, profile: &Profile) -> String {
    let known = Knowledge::of(pipeline, profile);
    let mut out = format!("{NOTICE}\n\n# {}\n\n", escaped(&profile.title));
    let _ = writeln!(
        out,
        "Profile `{}`, status: {}. Read: `{}`.\n",
        profile.name, profile.status, profile.revision
    );
    let _ = writeln!(
        out,
        "{} of {} features have an entry; {} % of these are verified, {} % by running the code.{} \
         Anything else is read as **{}**: {}.\n",
        known.entries,
        pipeline.catalogue.len(),
        known.percent(known.verified),
        known.percent(known.executed),
        profile.extends.as_ref().map_or_else(String::new, |base| format!(
            " {} are taken over from its base `{base}`.",
            known.inherited
        )),
        profile.unlisted.support,
        escaped(&profile.unlisted.reason),
    );
    out.push_str("[All profiles side by side](../matrix.md)\n");
    let parts = placement(profile);
    if !parts.is_empty() {
        out.push_str("\n## Nodes and pods\n");
        for (title, value) in parts {
            let _ = writeln!(out, "\n{}:\n\n```yaml\n{}```", capitalised(title), to_yaml(&value));
        }
    }
    if let Some(instead) = &profile.network_policy.instead {
        let _ = writeln!(out, "\nInstead of NetworkPolicy: {}.", escaped(instead));
    }
    for class in Class::ALL {
        let groups = groups(pipeline, profile, class);
        if groups.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n## {}\n", capitalised(class.as_str()));
        out.push_str("| Support | Features | What happens | How we know |\n|---|---|---|---|\n");
        for group in &groups {
            row(&mut out, group);
        }
    }
    out
}

fn row(out: &mut String, group: &Group<'_>) {
    let entry = group.entry;
    let names: Vec<String> =
        group.features.iter().map(|feature| format!("`{}`", feature.name)).collect();
    let names = names.join("<br>");
    if !group.listed {
        let _ = writeln!(out, "| {} (not listed) | {names} | | |", entry.support);
        return;
    }
    let support = if group.loses_control() {
        "**ignored, a control is lost**".to_owned()
    } else {
        entry.support.to_string()
    };
    let mut what = escaped(&entry.reason);
    if let Some(consequence) = &entry.consequence {
        let _ = write!(what, ", so {}", escaped(consequence));
    }
    match entry.effect {
        Some(effect) if entry.support != Support::Supported => {
            let _ = write!(what, "; the virtual node {}", effect.sentence());
        }
        _ => {}
    }
    if let Some(help) = &entry.help {
        let _ = write!(what, "; *instead: {}*", escaped(help));
    }
    let sources: Vec<String> = entry
        .source
        .split(", ")
        .filter(|source| !source.is_empty())
        .map(|source| {
            if source.starts_with("https://") {
                format!("<{source}>")
            } else {
                format!("`{source}`")
            }
        })
        .collect();
    let mut how = sources.join("<br>");
    if let Some(verified) = &entry.verified {
        let word = match verified.how {
            Method::Documented => "documented",
            Method::Executed => "executed",
            Method::Source => "source read",
        };
        let _ = write!(how, "<br>{word}, {}", verified.date);
    }
    if let Some(base) = &entry.from {
        let _ = write!(how, "<br>from `{base}`");
    }
    let _ = writeln!(out, "| {support} | {names} | {what} | {how} |");
}

/// Text that a table cell can hold, and that no reader takes for markup.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '<' | '>' | '*' | '_' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text with its first letter large.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
