//! The matrix as Markdown: a table for a page of one's own, or the page that stands in `docs/`.

use std::fmt::Write as _;

use super::Matrix;
use crate::admission::Pipeline;
use crate::catalogue::{Class, Feature};
use crate::cli::knowledge::{Cell, Knowledge, cell};
use crate::cli::profile::markdown::{NOTICE, capitalised, escaped};
use crate::profile::{Method, Support};

/// A sign that reads without colour, and the word for it.
const fn sign(cell: &Cell<'_>, feature: &Feature) -> (&'static str, &'static str) {
    match cell.entry.support {
        Support::Supported => ("✓", "supported"),
        Support::Partial => ("◐", "partial"),
        Support::Ignored if feature.is_control() => ("**!**", "**ignored**"),
        Support::Ignored => ("○", "ignored"),
        Support::Unsupported => ("✕", "unsupported"),
        Support::Unverified => ("?", "unverified"),
    }
}

/// One table with words.
pub fn table(matrix: &Matrix<'_>) -> String {
    let mut out = String::from("| feature | class |");
    for profile in &matrix.profiles {
        let _ = write!(out, " {} |", profile.name);
    }
    out.push_str("\n|---|---|");
    out.push_str(&"---|".repeat(matrix.profiles.len()));
    out.push('\n');
    for (id, feature) in &matrix.features {
        let title = escaped(&feature.title);
        let _ = write!(out, "| `{}`: {title} | {} |", feature.name, feature.class);
        for profile in &matrix.profiles {
            let (_, word) = sign(&cell(profile, *id, feature), feature);
            let _ = write!(out, " {word} |");
        }
        out.push('\n');
    }
    out.push_str("\nIn bold: ignored, and a control is lost with it.\n");
    out
}

const HEAD: &str = "\
# Can I use this on virtual nodes?

What each kind of virtual node does with each thing a pod can ask for. The pages of the profiles have the reasons and
sources; `loadline explain FEATURE` has them on the terminal, and `loadline matrix -o html` writes a page to search in.

| Sign | Meaning |
|---|---|
| ✓ | supported |
| ◐ | partial: under a condition, or differently |
| ○ | ignored: dropped without an error |
| **!** | ignored, and a control is lost with it |
| ✕ | unsupported: refused, stuck or a crash |
| ? | unverified: nobody has looked |
| • behind a sign | seen when the code was run on such a pod; without it, the source or the documents were read |
| in brackets | the profile has no entry for the feature; this holds for all such features |

## Profiles

Entries: features that the profile speaks of. Verified: known, with source and day. Executed: the code of the
provider, or of the core that it is built on, was run on such a pod.

| Profile | What it is | Status | Entries | Verified | Executed |
|---|---|---|--:|--:|--:|
";

/// The page of the documentation.
pub fn page(pipeline: &Pipeline, matrix: &Matrix<'_>) -> String {
    let mut out = format!("{NOTICE}\n\n{HEAD}");
    for profile in &matrix.profiles {
        let known = Knowledge::of(pipeline, profile);
        let _ = writeln!(
            out,
            "| [{0}](profiles/{0}.md) | {1} | {2} | {3} | {4} % | {5} % |",
            profile.name,
            escaped(&profile.title),
            escaped(&profile.status),
            known.entries,
            known.percent(known.verified),
            known.percent(known.executed),
        );
    }
    let mut class: Option<Class> = None;
    for (id, feature) in &matrix.features {
        if class != Some(feature.class) {
            class = Some(feature.class);
            let title = capitalised(feature.class.as_str());
            let _ = write!(out, "\n## {title}\n\n| Feature |");
            for profile in &matrix.profiles {
                let _ = write!(out, " [{0}](profiles/{0}.md) |", profile.name);
            }
            out.push_str("\n|---|");
            out.push_str(&":-:|".repeat(matrix.profiles.len()));
            out.push('\n');
        }
        let title = escaped(&feature.title);
        let _ = write!(out, "| {title}<br>`{}` |", feature.name);
        for profile in &matrix.profiles {
            let cell = cell(profile, *id, feature);
            let (sign, _) = sign(&cell, feature);
            let how = cell.entry.verified.as_ref().map(|verified| verified.how);
            let seen = if how == Some(Method::Executed) { "•" } else { "" };
            let _ = if cell.listed {
                write!(out, " {sign}{seen} |")
            } else {
                write!(out, " ({sign}) |")
            };
        }
        out.push('\n');
    }
    out
}
