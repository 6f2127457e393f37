//! The matrix as a table.

use std::fmt::Write as _;

use anstyle::Style;

use super::Matrix;
use crate::catalogue::{Class, Feature};
use crate::cli::knowledge::cell;
use crate::cli::render::{BOLD, DIM, GREEN, RED, YELLOW, paint};
use crate::pod::FeatureId;
use crate::profile::{Profile, Support};

/// A column of words is at least as wide as the longest of them.
const WORD: usize = 11;

/// Columns are named by one letter each where their names do not fit.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// How a cell looks.
#[derive(Clone, Copy, Debug)]
struct Look {
    symbol: char,
    word: &'static str,
    style: Style,
}

const SUPPORTED: Look = Look { symbol: '+', word: "supported", style: GREEN };
const PARTIAL: Look = Look { symbol: '~', word: "partial", style: YELLOW };
const IGNORED: Look = Look { symbol: 'i', word: "ignored", style: YELLOW };
const LOST: Look = Look { symbol: '!', word: "ignored !", style: RED };
const UNSUPPORTED: Look = Look { symbol: 'x', word: "unsupported", style: RED };
const UNVERIFIED: Look = Look { symbol: '?', word: "unverified", style: DIM };

fn look(profile: &Profile, id: FeatureId, feature: &Feature) -> Look {
    match cell(profile, id, feature).entry.support {
        Support::Supported => SUPPORTED,
        Support::Partial => PARTIAL,
        Support::Ignored if feature.is_control() => LOST,
        Support::Ignored => IGNORED,
        Support::Unsupported => UNSUPPORTED,
        Support::Unverified => UNVERIFIED,
    }
}

/// A table that fits the width: words where there is room for them, and symbols with a legend where not.
pub fn human(matrix: &Matrix<'_>, width: usize) -> String {
    let longest = matrix
        .features
        .iter()
        .map(|(_, feature)| feature.name.chars().count())
        .max()
        .unwrap_or_default();
    let column = |profile: &Profile| profile.name.chars().count().max(WORD) + 2;
    let full: usize = matrix.profiles.iter().map(|profile| column(profile)).sum();
    let mut out = String::new();
    if longest + full <= width {
        let mut head = format!("{:longest$}", "");
        for profile in &matrix.profiles {
            let _ = write!(head, "  {:1$}", profile.name, column(profile) - 2);
        }
        let _ = writeln!(out, "{}", paint(BOLD, head.trim_end()));
        rows(&mut out, matrix, |out, id, feature| {
            let _ = write!(out, "{:longest$}", feature.name);
            let mut gap = 2;
            for profile in &matrix.profiles {
                let look = look(profile, id, feature);
                let _ = write!(out, "{:gap$}{}", "", paint(look.style, look.word));
                gap = column(profile) - look.word.len();
            }
        });
        legend(&mut out, false);
        return out;
    }
    // Symbols, in as many tables as it takes.
    let name_width = longest.min((width / 2).max(24));
    let fitting = (width.saturating_sub(name_width) / 2).clamp(1, LETTERS.len());
    for profiles in matrix.profiles.chunks(fitting) {
        for (letter, profile) in LETTERS.chars().zip(profiles) {
            let _ = writeln!(
                out,
                "{}  {} {}",
                paint(BOLD, letter),
                profile.name,
                paint(DIM, &profile.title)
            );
        }
        let mut head = format!("\n{:name_width$}", "");
        for (letter, _) in LETTERS.chars().zip(profiles) {
            let _ = write!(head, " {letter}");
        }
        let _ = writeln!(out, "{}", paint(BOLD, head));
        rows(&mut out, matrix, |out, id, feature| {
            let _ = write!(out, "{:name_width$}", shortened(&feature.name, name_width));
            for profile in profiles {
                let look = look(profile, id, feature);
                let _ = write!(out, " {}", paint(look.style, look.symbol));
            }
        });
        out.push('\n');
    }
    legend(&mut out, true);
    out
}

/// Writes the rows, with a line above each class.
fn rows(out: &mut String, matrix: &Matrix<'_>, row: impl Fn(&mut String, FeatureId, &Feature)) {
    let mut class: Option<Class> = None;
    for (id, feature) in &matrix.features {
        if class != Some(feature.class) {
            class = Some(feature.class);
            let _ = writeln!(out, "{}", paint(BOLD, feature.class));
        }
        row(out, *id, feature);
        out.push('\n');
    }
}

fn legend(out: &mut String, has_symbols: bool) {
    if has_symbols {
        let meaning = [
            (SUPPORTED, "supported"),
            (PARTIAL, "partly"),
            (IGNORED, "ignored"),
            (LOST, "ignored, and a control is lost with it"),
            (UNSUPPORTED, "not supported"),
            (UNVERIFIED, "not verified"),
        ];
        let all =
            meaning.map(|(look, words)| format!("{} {words}", paint(look.style, look.symbol)));
        let _ = writeln!(out, "{}", all.join("   "));
    } else {
        let _ = writeln!(out, "{}: a control is lost in silence", paint(LOST.style, LOST.word));
    }
    out.push_str("`loadline explain FEATURE` has reason and source of each cell\n");
}

/// A name that fits, with its end: names of one family differ there.
fn shortened(name: &str, width: usize) -> String {
    let length = name.chars().count();
    if length <= width {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(length + 1 - width).collect();
    format!("…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shortened("volume.host-path", 20), "volume.host-path");
        assert_eq!(shortened("volume.host-path", 10), "…host-path");
    }
}
