//! `loadline explain`: what a code or a feature means, and how we know.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::bail;
use clap::Args;

use super::ExitStatus;
use super::bundle::BundleArgs;
use super::knowledge::{Cell, cell};
use super::render::{BOLD, DIM, GREEN, RED, Renderer, YELLOW, paint};
use crate::admission::Pipeline;
use crate::bundle::library;
use crate::catalogue::{Class, Feature};
use crate::compat::remarks;
use crate::diagnostic::codes::{self, CODES, Code};
use crate::diagnostic::suggest;
use crate::governance::metadata::{Metadata, OnError};
use crate::pod::FeatureId;
use crate::profile::{Entry, Profile, Support};

/// What to explain.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A code in brackets from a message, a feature or a policy; without it, all of them are listed
    #[arg(value_name = "CODE|FEATURE")]
    pub code: Option<String>,
    /// Whose features, profiles and policies are explained.
    #[command(flatten)]
    pub bundle: BundleArgs,
}

/// Prints the explanation, or the list of everything that can be explained.
pub fn run(arguments: &ExplainArgs) -> anyhow::Result<ExitStatus> {
    let pipeline = arguments.bundle.pipeline()?;
    let policies = policies(&pipeline);
    let page = Page { renderer: Renderer::for_stdout() };
    let text = match arguments.code.as_deref() {
        None => page.list(&pipeline, &policies),
        Some(name) => {
            let feature = pipeline.catalogue.by_name(name);
            let policy = policies.iter().find(|(known, _)| known == name);
            match (feature, codes::code(name), policy) {
                (Some(id), ..) => page.feature(&pipeline, id),
                (_, Some(code), _) => page.code(code),
                (.., Some((name, metadata))) => page.policy(name, metadata),
                (None, None, None) => bail!("{}", unknown(name, &pipeline, &policies)),
            }
        }
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(ExitStatus::Clean)
}

/// The policies in force and those of the library, by name.
fn policies(pipeline: &Pipeline) -> Vec<(String, Metadata)> {
    let mut policies: Vec<(String, Metadata)> = pipeline
        .policies
        .iter()
        .map(|policy| (policy.name.clone(), policy.metadata.clone()))
        .collect();
    for policy in library() {
        if policies.iter().all(|(name, _)| name != policy.name) {
            // What is embedded was tested; a block that cannot be read would only lose its words here.
            policies.push((
                policy.name.to_owned(),
                Metadata::of_module(policy.text).unwrap_or_default(),
            ));
        }
    }
    policies.sort_by(|(left, _), (right, _)| left.cmp(right));
    policies
}

fn unknown(name: &str, pipeline: &Pipeline, policies: &[(String, Metadata)]) -> String {
    let names = pipeline
        .catalogue
        .names()
        .chain(CODES.iter().map(|code| code.name))
        .chain(policies.iter().map(|(name, _)| name.as_str()));
    match suggest::nearest(name, names) {
        Some(near) => format!("nothing is called `{name}`: did you mean `{near}`?"),
        None => format!("nothing is called `{name}`: `loadline explain` lists what there is"),
    }
}

/// What one sees first: what hurts most.
const ORDER: [Support; 5] = [
    Support::Unsupported,
    Support::Ignored,
    Support::Partial,
    Support::Unverified,
    Support::Supported,
];

struct Page {
    renderer: Renderer,
}

impl Page {
    /// Writes a paragraph, indented and folded.
    fn paragraph(&self, out: &mut String, indent: usize, text: &str) {
        let _ = write!(out, "{:indent$}", "");
        self.renderer.folded(out, indent, text);
    }

    /// Writes a line such as `why: ...`.
    fn line(&self, out: &mut String, indent: usize, key: &str, text: &str) {
        let _ = write!(out, "{:indent$}{} ", "", paint(BOLD, format_args!("{key}:")));
        self.renderer.folded(out, indent + 2, text);
    }

    fn code(&self, code: &Code) -> String {
        let mut out = format!("{}: {}\n\n", paint(BOLD, code.name), code.title);
        self.paragraph(&mut out, 0, code.what);
        out.push('\n');
        self.line(&mut out, 0, "why", code.why);
        self.line(&mut out, 0, "help", code.help);
        out
    }

    fn policy(&self, name: &str, metadata: &Metadata) -> String {
        let title = metadata.title.as_deref().unwrap_or("a policy without a title");
        let mut out = format!("{}: {title} {}\n", paint(BOLD, name), paint(DIM, "(policy)"));
        if let Some(description) = &metadata.description {
            out.push('\n');
            self.paragraph(&mut out, 0, description.trim());
        }
        out.push('\n');
        if let Some(help) = &metadata.help {
            self.line(&mut out, 0, "help", help);
        }
        let on_error = match metadata.on_error {
            OnError::Deny => "pods are refused",
            OnError::Warn => "pods are admitted with a warning",
        };
        self.line(&mut out, 0, "when it fails itself", on_error);
        if let Some(parameters) = &metadata.parameters {
            self.line(&mut out, 0, "parameters", &parameters.to_string());
        }
        for link in &metadata.links {
            self.line(&mut out, 0, "see", link);
        }
        out
    }

    fn feature(&self, pipeline: &Pipeline, id: FeatureId) -> String {
        let feature = pipeline.catalogue.feature(id);
        let mut out = format!("{}: {}\n\n", paint(BOLD, &feature.name), feature.title);
        self.paragraph(&mut out, 0, &feature.doc);
        out.push('\n');
        self.line(&mut out, 0, "class", &class(feature));
        for locator in &feature.locators {
            self.line(&mut out, 0, "field", locator);
        }
        if let Some(lost) = &feature.lost {
            self.line(&mut out, 0, "where it is dropped", lost);
        }
        for support in ORDER {
            let cells: Vec<(&Profile, Cell<'_>)> = pipeline
                .profiles
                .iter()
                .map(|profile| (profile, cell(profile, id, feature)))
                .filter(|(_, cell)| cell.entry.support == support)
                .collect();
            if cells.is_empty() {
                continue;
            }
            let style = match support {
                Support::Supported => GREEN,
                Support::Unsupported => RED,
                Support::Ignored | Support::Partial | Support::Unverified => YELLOW,
            };
            let _ = writeln!(out, "\n{}", paint(style, format_args!("{support}:")));
            // What many profiles have from one base is said once.
            let mut groups: Vec<(Vec<&str>, Cell<'_>)> = Vec::new();
            for (profile, cell) in cells {
                match groups.iter_mut().find(|(_, known)| is_same_fact(known, &cell)) {
                    Some((names, _)) => names.push(&profile.name),
                    None => groups.push((vec![&profile.name], cell)),
                }
            }
            for (names, cell) in groups {
                self.cell(&mut out, &names, cell);
            }
        }
        out
    }

    fn cell(&self, out: &mut String, profiles: &[&str], cell: Cell<'_>) {
        let entry = cell.entry;
        let mut head = paint(BOLD, format_args!("{}", profiles.join(", ")));
        match entry.effect {
            Some(effect) if entry.support != Support::Supported => {
                let _ = write!(head, ": the virtual node {}", effect.sentence());
            }
            _ => {}
        }
        if !cell.listed {
            let _ = write!(
                head,
                " {}",
                paint(DIM, "(the profile does not list it; what holds for all such features)")
            );
        }
        out.push_str("  ");
        self.renderer.folded(out, 4, &head);
        for (key, text) in remarks(entry) {
            self.line(out, 4, key, &text);
        }
    }

    fn list(&self, pipeline: &Pipeline, policies: &[(String, Metadata)]) -> String {
        let features: Vec<&Feature> =
            pipeline.catalogue.features().map(|(_, feature)| feature).collect();
        let width =
            features.iter().map(|feature| feature.name.chars().count()).max().unwrap_or_default();
        let mut out = String::new();
        let mut section = |title: &str, rows: Vec<(&str, &str)>| {
            if rows.is_empty() {
                return;
            }
            let _ = writeln!(out, "{}", paint(BOLD, title));
            for (name, title) in rows {
                let _ = write!(out, "  {name:width$}  ");
                self.renderer.folded(&mut out, width + 4, title);
            }
            out.push('\n');
        };
        section("codes", CODES.iter().map(|code| (code.name, code.title)).collect());
        let title = |metadata: &'_ Metadata| metadata.title.clone().unwrap_or_default();
        let titles: Vec<String> = policies.iter().map(|(_, metadata)| title(metadata)).collect();
        let names = policies.iter().map(|(name, _)| name.as_str());
        section("policies", names.zip(titles.iter().map(String::as_str)).collect());
        for class in Class::ALL {
            let rows = features.iter().filter(|feature| feature.class == class);
            let mut rows: Vec<(&str, &str)> =
                rows.map(|feature| (feature.name.as_str(), feature.title.as_str())).collect();
            rows.sort_unstable();
            section(&format!("features: {class}"), rows);
        }
        out
    }
}

/// Whether two cells say the same, be it that one has it from the other. That one profile passes the field on and another
/// does not is no other fact.
fn is_same_fact(one: &Cell<'_>, other: &Cell<'_>) -> bool {
    let plain = |cell: &Cell<'_>| Entry { left_behind: false, from: None, ..cell.entry.clone() };
    one.listed == other.listed && plain(one) == plain(other)
}

/// The class of a feature, with what it means for a pod that is bound to a virtual node which ignores the feature.
fn class(feature: &Feature) -> String {
    if feature.is_behaviour() {
        format!("{} (a way in which virtual nodes differ; no field asks for it)", feature.class)
    } else if feature.is_control() {
        format!(
            "{} (a control: a pod is refused rather than run where it is ignored)",
            feature.class
        )
    } else {
        feature.class.to_string()
    }
}
