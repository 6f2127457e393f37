//! `loadline profile show`: everything that is known of one kind of virtual node.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

use super::group::{Group, groups};
use super::{VERSION, markdown, named};
use crate::admission::Pipeline;
use crate::catalogue::Class;
use crate::cli::ExitStatus;
use crate::cli::bundle::BundleArgs;
use crate::cli::knowledge::{Cell, Knowledge, cell};
use crate::cli::render::yaml::to_yaml;
use crate::cli::render::{BOLD, DIM, GREEN, RED, Renderer, YELLOW, paint};
use crate::compat::{cite_verified, remarks};
use crate::cost;
use crate::profile::prices::Prices;
use crate::profile::size::Size;
use crate::profile::{Profile, Support};

/// What to show.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The profile
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Only features of this class; may be given more than once
    #[arg(long, value_name = "CLASS", value_parser = PossibleValuesParser::new(Class::ALL.map(Class::as_str)))]
    pub class: Vec<String>,
    /// Only features with this support; may be given more than once
    #[arg(long, value_name = "SUPPORT", value_parser = PossibleValuesParser::new(Support::ALL.map(Support::as_str)))]
    pub support: Vec<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ShowOutput,
    /// Whose profile.
    #[command(flatten)]
    pub bundle: BundleArgs,
}

impl ShowArgs {
    fn shows_class(&self, class: Class) -> bool {
        self.class.is_empty() || self.class.iter().any(|one| one == class.as_str())
    }

    fn shows_support(&self, support: Support) -> bool {
        self.support.is_empty() || self.support.iter().any(|one| one == support.as_str())
    }
}

/// Forms of the answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ShowOutput {
    /// For the terminal
    #[default]
    Human,
    /// One JSON object
    Json,
    /// A page
    Markdown,
}

/// Prints the profile.
pub fn run(arguments: &ShowArgs) -> anyhow::Result<ExitStatus> {
    let pipeline = arguments.bundle.pipeline()?;
    let profile = named(&pipeline, &arguments.name)?;
    let text = match arguments.output {
        ShowOutput::Human => {
            Page { renderer: Renderer::for_stdout() }.profile(&pipeline, profile, arguments)
        }
        ShowOutput::Json => {
            serde_json::to_string_pretty(&report(&pipeline, profile, arguments))? + "\n"
        }
        ShowOutput::Markdown => markdown::page(&pipeline, profile),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(ExitStatus::Clean)
}

/// How its nodes are recognised and reached, as it stands in the profile; what is empty is left out.
pub fn placement(profile: &Profile) -> Vec<(&'static str, Value)> {
    let mut parts = vec![
        ("recognised by any of", trimmed(json!(profile.recognise))),
        ("claims pods with", trimmed(json!(profile.claims))),
        ("a pod gets there with", trimmed(json!(profile.inject))),
        ("a pod is kept off with", trimmed(json!(profile.keep_off))),
    ];
    parts.extend(sizes(profile).into_iter().map(|(title, text)| (title, json!(text))));
    parts.retain(|(_, value)| !is_empty(value));
    parts
}

/// The titles of what there is to say of sizes and of prices.
pub const SIZES: [&str; 2] = ["a pod is billed as", "list prices"];

/// Sizes and prices in words, each under its title.
pub fn sizes(profile: &Profile) -> Vec<(&'static str, String)> {
    let [billed_as, list_prices] = SIZES;
    let mut parts = Vec::new();
    if let Some(size) = &profile.size {
        let text = format!("{}; {}", size.words, cite_verified(&size.source, &size.verified));
        parts.push((billed_as, text));
    }
    if let Some(prices) = &profile.prices {
        let price = |nano: i64| cost::price(nano, &prices.currency);
        let mut text = format!(
            "{} a vCPU and {} a GiB an hour in {}",
            price(prices.vcpu_hour),
            price(prices.gib_hour),
            prices.region
        );
        if prices.minimum_seconds > 0 {
            let _ = write!(text, ", for {} s at least", prices.minimum_seconds);
        }
        let _ = write!(text, "; {}", cite_verified(&prices.source, &prices.verified));
        parts.push((list_prices, text));
    }
    parts
}

/// A value without the members that say nothing.
fn trimmed(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, trimmed(value)))
            .filter(|(_, value)| !is_empty(value))
            .collect(),
        Value::Array(elements) => elements.into_iter().map(trimmed).collect(),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

struct Page {
    renderer: Renderer,
}

impl Page {
    /// Writes a line such as `why: ...`, folded.
    fn line(&self, out: &mut String, indent: usize, key: &str, text: &str) {
        let _ = write!(out, "{:indent$}{} ", "", paint(DIM, format_args!("{key:6}")));
        self.renderer.folded(out, indent + 7, text);
    }

    fn profile(&self, pipeline: &Pipeline, profile: &Profile, arguments: &ShowArgs) -> String {
        let known = Knowledge::of(pipeline, profile);
        let mut out = format!("{}: {}\n\n", paint(BOLD, &profile.name), profile.title);
        let _ = writeln!(out, "status    {}", profile.status);
        let _ = writeln!(out, "read      {}", profile.revision);
        if let Some(base) = &profile.extends {
            let _ = writeln!(
                out,
                "extends   {base}; {} of the entries below are from its base",
                known.inherited
            );
        }
        let _ = writeln!(
            out,
            "entries   {} of {} features; {}% verified, {}% by running the code",
            known.entries,
            pipeline.catalogue.len(),
            known.percent(known.verified),
            known.percent(known.executed),
        );
        if arguments.class.is_empty() && arguments.support.is_empty() {
            for (title, value) in placement(profile) {
                let _ = writeln!(out, "\n{}", paint(BOLD, title));
                for line in to_yaml(&value).lines() {
                    let _ = writeln!(out, "  {line}");
                }
            }
            if let Some(instead) = &profile.network_policy.instead {
                let _ = writeln!(out, "\n{}", paint(BOLD, "instead of NetworkPolicy"));
                out.push_str("  ");
                self.renderer.folded(&mut out, 2, instead);
            }
        }
        for class in Class::ALL {
            if !arguments.shows_class(class) {
                continue;
            }
            let groups = groups(pipeline, profile, class);
            let mut shown = groups
                .iter()
                .filter(|group| arguments.shows_support(group.entry.support))
                .peekable();
            if shown.peek().is_none() {
                continue;
            }
            let _ = writeln!(out, "\n{}", paint(BOLD, format_args!("== {} ==", class.as_str())));
            for group in shown {
                self.group(&mut out, group);
            }
        }
        out
    }

    fn group(&self, out: &mut String, group: &Group<'_>) {
        let entry = group.entry;
        let style = match entry.support {
            Support::Supported => GREEN,
            Support::Unsupported => RED,
            Support::Ignored if group.loses_control() => RED,
            Support::Ignored | Support::Partial => YELLOW,
            Support::Unverified => DIM,
        };
        let mut head = paint(style, entry.support.as_str());
        match entry.effect {
            Some(effect) if entry.support != Support::Supported => {
                let _ = write!(head, ": the virtual node {}", effect.sentence());
            }
            _ => {}
        }
        if group.loses_control() {
            let _ =
                write!(head, "{}", paint(RED, " (a control is lost in silence: pods are refused)"));
        }
        if !group.listed {
            let _ = write!(
                head,
                " {}",
                paint(DIM, "(not listed; what holds for everything that is not listed)")
            );
        }
        let _ = writeln!(out, "\n  {head}");
        let names: Vec<&str> = group.features.iter().map(|one| one.name.as_str()).collect();
        out.push_str("    ");
        self.renderer.folded(out, 4, &names.join(", "));
        if !group.listed {
            return;
        }
        for (key, text) in remarks(entry) {
            self.line(out, 4, key, &text);
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    bundle: &'a str,
    name: &'a str,
    title: &'a str,
    status: &'a str,
    revision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    extends: Option<&'a str>,
    #[serde(flatten)]
    knowledge: Knowledge,
    recognise: Value,
    claims: Value,
    inject: Value,
    #[serde(rename = "keepOff")]
    keep_off: Value,
    #[serde(rename = "networkPolicyInstead", skip_serializing_if = "Option::is_none")]
    instead: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<&'a Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prices: Option<&'a Prices>,
    unlisted: &'a crate::profile::Entry,
    features: BTreeMap<&'a str, Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    class: Class,
    #[serde(flatten)]
    cell: Cell<'a>,
}

fn report<'a>(pipeline: &'a Pipeline, profile: &'a Profile, arguments: &ShowArgs) -> Report<'a> {
    let rows = pipeline.catalogue.features().map(|(id, feature)| {
        let cell = cell(profile, id, feature);
        let class = feature.class;
        (feature.name.as_str(), Row { class, cell })
    });
    Report {
        version: VERSION,
        bundle: &pipeline.digest,
        name: &profile.name,
        title: &profile.title,
        status: &profile.status,
        revision: &profile.revision,
        extends: profile.extends.as_deref(),
        knowledge: Knowledge::of(pipeline, profile),
        recognise: trimmed(json!(profile.recognise)),
        claims: trimmed(json!(profile.claims)),
        inject: trimmed(json!(profile.inject)),
        keep_off: trimmed(json!(profile.keep_off)),
        instead: profile.network_policy.instead.as_deref(),
        size: profile.size.as_ref(),
        prices: profile.prices.as_deref(),
        unlisted: &profile.unlisted,
        features: rows
            .filter(|(_, row)| {
                arguments.shows_class(row.class) && arguments.shows_support(row.cell.entry.support)
            })
            .collect(),
    }
}
