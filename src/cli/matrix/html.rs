//! The matrix as one page for a browser, with everything it needs inside.
//!
//! The page is a template with three holes: its style, its script and the data. It loads nothing, and says so to the browser
//! in a content security policy. Facts are written once each: a cell is the number of one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::Matrix;
use crate::admission::Pipeline;
use crate::catalogue::{Class, Feature};
use crate::cli::knowledge::{Knowledge, cell};
use crate::cli::profile::show::placement;
use crate::cli::render::yaml::to_yaml;
use crate::pod::FeatureId;
use crate::profile::{Effect, Entry, Support, Verified};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The classes in the order in which people ask.
const CLASSES: [Class; 8] = [
    Class::Storage,
    Class::Security,
    Class::Network,
    Class::Lifecycle,
    Class::Resources,
    Class::Identity,
    Class::Scheduling,
    Class::Observability,
];

#[derive(Serialize)]
struct Data<'a> {
    version: &'static str,
    bundle: &'a str,
    classes: Vec<Class>,
    profiles: Vec<Column<'a>>,
    features: Vec<Row<'a>>,
    entries: Vec<Fact<'a>>,
}

#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    title: &'a str,
    status: &'a str,
    revision: &'a str,
    knowledge: Knowledge,
    placement: Vec<(&'static str, String)>,
    instead: Option<&'a str>,
    unlisted: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    class: Class,
    title: &'a str,
    doc: &'a str,
    lost: Option<&'a str>,
    control: bool,
    at: &'a [String],
    cells: Vec<usize>,
}

#[derive(Serialize)]
struct Fact<'a> {
    support: Support,
    listed: bool,
    effect: Option<Effect>,
    sentence: Option<&'static str>,
    reason: &'a str,
    consequence: Option<&'a str>,
    help: Option<&'a str>,
    source: Vec<&'a str>,
    verified: Option<&'a Verified>,
    from: Option<&'a str>,
}

/// The facts of the page, each with a number.
#[derive(Default)]
struct Facts<'a> {
    facts: Vec<Fact<'a>>,
    numbers: BTreeMap<String, usize>,
}

impl<'a> Facts<'a> {
    /// The number of a fact; equal facts have the same one.
    fn number(&mut self, entry: &'a Entry, listed: bool) -> serde_json::Result<usize> {
        let fact = Fact {
            support: entry.support,
            listed,
            effect: entry.effect,
            sentence: entry.effect.map(Effect::sentence),
            reason: &entry.reason,
            consequence: entry.consequence.as_deref(),
            help: entry.help.as_deref(),
            source: entry.source.split(", ").filter(|source| !source.is_empty()).collect(),
            verified: entry.verified.as_ref(),
            from: entry.from.as_deref(),
        };
        let next = self.facts.len();
        let number = *self.numbers.entry(serde_json::to_string(&fact)?).or_insert(next);
        if number == next {
            self.facts.push(fact);
        }
        Ok(number)
    }
}

/// The page. Fails only where the data cannot be written as JSON, which would be a mistake of ours.
pub fn page(pipeline: &Pipeline, matrix: &Matrix<'_>) -> serde_json::Result<String> {
    let mut facts = Facts::default();
    let mut features = Vec::with_capacity(matrix.features.len());
    // What a field asks for comes first, the largest family leading: that is what people look for. Within a family, the
    // order of the catalogue holds, which puts the plain thing before its settings.
    let mut ordered = matrix.features.clone();
    ordered.sort_by_key(|(id, feature)| {
        let is_kin = |other: &&(FeatureId, &Feature)| {
            other.1.class == feature.class && other.1.family() == feature.family()
        };
        let kin = matrix.features.iter().filter(is_kin).count();
        (feature.is_behaviour(), Reverse(kin), feature.family(), *id)
    });
    for (id, feature) in &ordered {
        let mut cells = Vec::with_capacity(matrix.profiles.len());
        for profile in &matrix.profiles {
            let cell = cell(profile, *id, feature);
            cells.push(facts.number(cell.entry, cell.listed)?);
        }
        features.push(Row {
            name: &feature.name,
            class: feature.class,
            title: &feature.title,
            doc: &feature.doc,
            lost: feature.lost.as_deref(),
            control: feature.is_control(),
            at: &feature.locators,
            cells,
        });
    }
    let mut profiles = Vec::with_capacity(matrix.profiles.len());
    for profile in &matrix.profiles {
        let parts = placement(profile).into_iter();
        profiles.push(Column {
            name: &profile.name,
            title: &profile.title,
            status: &profile.status,
            revision: &profile.revision,
            knowledge: Knowledge::of(pipeline, profile),
            placement: parts.map(|(title, value)| (title, to_yaml(&value))).collect(),
            instead: profile.network_policy.instead.as_deref(),
            unlisted: facts.number(&profile.unlisted, false)?,
        });
    }
    let data = Data {
        version: env!("CARGO_PKG_VERSION"),
        bundle: &pipeline.digest,
        classes: CLASSES
            .into_iter()
            .filter(|class| features.iter().any(|row| row.class == *class))
            .collect(),
        profiles,
        features,
        entries: facts.facts,
    };
    Ok(filled(&serde_json::to_string(&data)?))
}

/// Puts style, script and data into the page.
fn filled(data: &str) -> String {
    // No text may end the element that it stands in.
    let data = data.replace('<', "\\u003c");
    let mut out = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + data.len());
    let mut rest = PAGE;
    for (hole, content) in
        [("/*{{style}}*/", STYLE), ("/*{{data}}*/", &data), ("/*{{script}}*/", SCRIPT)]
    {
        let (before, after) = rest.split_once(hole).unwrap_or((rest, ""));
        out.push_str(before);
        out.push_str(content.trim_end());
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_part_and_its_data_cannot_end_the_script() {
        let page = filled(r#"{"a":"</script><b>"}"#);
        assert!(page.ends_with("</html>\n"), "{page}");
        assert!(!page.contains("{{"), "a hole was left");
        assert!(page.contains(r#"{"a":"\u003c/script>\u003cb>"}"#), "{page}");
    }

    #[test]
    fn the_page_loads_nothing() {
        for text in [PAGE, STYLE, SCRIPT] {
            for word in ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "<link"] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
