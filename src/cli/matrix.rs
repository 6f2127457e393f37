//! `loadline matrix`: features against profiles.

pub mod html;
pub mod markdown;
pub mod table;

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::ensure;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::ExitStatus;
use super::bundle::BundleArgs;
use super::knowledge::{Cell, cell};
use super::render::terminal_width;
use crate::admission::Pipeline;
use crate::catalogue::{Class, Feature};
use crate::diagnostic::suggest;
use crate::pod::FeatureId;
use crate::profile::{Profile, matches_glob};

/// The version of the JSON form.
const VERSION: &str = "loadline.dev/matrix/v1";

/// Lines are this long where no terminal says better.
const DEFAULT_WIDTH: usize = 120;

/// Which part of the matrix to print, and how.
#[derive(Args, Debug)]
pub struct MatrixArgs {
    /// Only this profile; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub profile: Vec<String>,
    /// Only features of this class; may be given more than once
    #[arg(long, value_name = "CLASS", value_parser = PossibleValuesParser::new(Class::ALL.map(Class::as_str)))]
    pub class: Vec<String>,
    /// Only this feature: a name, the first words of one (`volume`), or a pattern with `*`; may be given more than once
    #[arg(long, value_name = "PATTERN")]
    pub feature: Vec<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// What is compared.
    #[command(flatten)]
    pub bundle: BundleArgs,
}

impl MatrixArgs {
    /// Whether nothing is left out.
    const fn is_everything(&self) -> bool {
        self.profile.is_empty() && self.class.is_empty() && self.feature.is_empty()
    }
}

/// Forms of the matrix.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// A table for the terminal
    #[default]
    Human,
    /// A table for a page; without any filter, the page itself
    Markdown,
    /// Every cell with reason, effect and source
    Json,
    /// One page for a browser, with search, filters and every reason; needs no network
    Html,
}

/// The part of the matrix that was asked for.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// The columns.
    pub profiles: Vec<&'a Profile>,
    /// The rows, by class and then by name.
    pub features: Vec<(FeatureId, &'a Feature)>,
}

impl<'a> Matrix<'a> {
    /// All of it.
    pub fn whole(pipeline: &'a Pipeline) -> Self {
        let mut features: Vec<(FeatureId, &Feature)> = pipeline.catalogue.features().collect();
        features.sort_by_key(|(_, feature)| (feature.class, &feature.name));
        Self { profiles: pipeline.profiles.iter().collect(), features }
    }

    /// Picks rows and columns. Fails where a name names nothing.
    fn pick(pipeline: &'a Pipeline, arguments: &MatrixArgs) -> anyhow::Result<Self> {
        let names = || pipeline.profiles.iter().map(|profile| profile.name.as_str());
        for name in &arguments.profile {
            ensure!(
                pipeline.profile_named(name).is_some(),
                "there is no profile `{name}`: {}",
                suggest::help(name, names())
            );
        }
        let catalogue = &pipeline.catalogue;
        for pattern in &arguments.feature {
            let near = suggest::nearest(pattern, catalogue.names());
            let hint = near.map_or_else(
                || "`loadline explain` lists all".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            ensure!(
                catalogue.names().any(|name| is_meant(pattern, name)),
                "no feature is called `{pattern}`: {hint}"
            );
        }
        let mut matrix = Self::whole(pipeline);
        matrix.features.retain(|(_, feature)| {
            let class = feature.class.as_str();
            let is_of_class =
                arguments.class.is_empty() || arguments.class.iter().any(|one| one == class);
            let is_named = arguments.feature.is_empty()
                || arguments.feature.iter().any(|pattern| is_meant(pattern, &feature.name));
            is_of_class && is_named
        });
        ensure!(!matrix.features.is_empty(), "no feature is both of that class and of that name");
        matrix.profiles.retain(|profile| {
            arguments.profile.is_empty() || arguments.profile.contains(&profile.name)
        });
        Ok(matrix)
    }
}

/// Whether a pattern of the user means a feature.
fn is_meant(pattern: &str, name: &str) -> bool {
    matches_glob(pattern, name)
        || name.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('.'))
}

/// Prints the matrix.
pub fn run(arguments: &MatrixArgs) -> anyhow::Result<ExitStatus> {
    let pipeline = arguments.bundle.pipeline()?;
    let matrix = Matrix::pick(&pipeline, arguments)?;
    let text = match arguments.output {
        Output::Human => table::human(&matrix, terminal_width().unwrap_or(DEFAULT_WIDTH)),
        Output::Markdown if arguments.is_everything() => markdown::page(&pipeline, &matrix),
        Output::Markdown => markdown::table(&matrix),
        Output::Html => html::page(&pipeline, &matrix)?,
        Output::Json => serde_json::to_string_pretty(&report(&pipeline, &matrix))? + "\n",
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(ExitStatus::Clean)
}

#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    bundle: &'a str,
    profiles: Vec<Column<'a>>,
    features: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    title: &'a str,
    status: &'a str,
    revision: &'a str,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    class: Class,
    title: &'a str,
    doc: &'a str,
    /// Whether a pod is less contained when it is ignored.
    control: bool,
    locators: &'a [String],
    support: BTreeMap<&'a str, Cell<'a>>,
}

fn report<'a>(pipeline: &'a Pipeline, matrix: &Matrix<'a>) -> Report<'a> {
    let columns = matrix.profiles.iter().map(|profile| Column {
        name: &profile.name,
        title: &profile.title,
        status: &profile.status,
        revision: &profile.revision,
    });
    let rows = matrix.features.iter().map(|(id, feature)| Row {
        name: &feature.name,
        class: feature.class,
        title: &feature.title,
        doc: &feature.doc,
        control: feature.is_control(),
        locators: &feature.locators,
        support: matrix
            .profiles
            .iter()
            .map(|profile| (profile.name.as_str(), cell(profile, *id, feature)))
            .collect(),
    });
    Report {
        version: VERSION,
        bundle: &pipeline.digest,
        profiles: columns.collect(),
        features: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_names_first_words_and_globs() {
        for (pattern, name, expected) in [
            ("volume", "volume.host-path", true),
            ("volume.host-path", "volume.host-path", true),
            ("vol", "volume.host-path", false),
            ("*host*", "volume.host-path", true),
            ("volume.host", "volume.host-path", false),
        ] {
            assert_eq!(is_meant(pattern, name), expected, "{pattern} {name}");
        }
    }
}
