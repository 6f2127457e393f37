//! `loadline policy list` and `loadline policy show`: what the built-in library holds.

use std::io::Write as _;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::bundle::{self, LibraryPolicy};
use crate::cli::ExitStatus;
use crate::diagnostic::suggest;

/// Arguments of `loadline policy list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value = "human")]
    output: Output,
}

/// Arguments of `loadline policy show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Name of the policy, as `loadline policy list` prints it
    name: String,
    /// Print its tests instead
    #[arg(long)]
    tests: bool,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// For people
    Human,
    /// For programs
    Json,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: &'static str,
    title: Option<String>,
    description: Option<String>,
    links: Vec<String>,
    sets: Vec<String>,
    parameters: Option<serde_json::Value>,
}

/// Lists the policies by name, with their titles.
pub fn list(arguments: &ListArgs) -> anyhow::Result<ExitStatus> {
    let policies: Vec<Listed> =
        bundle::library().map(listed).collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
    let mut out = anstream::stdout().lock();
    if arguments.output == Output::Json {
        serde_json::to_writer_pretty(&mut out, &policies)?;
        writeln!(out)?;
        return Ok(ExitStatus::Clean);
    }
    let width = policies.iter().map(|policy| policy.name.len()).max().unwrap_or_default();
    for Listed { name, title, sets, .. } in &policies {
        let title = title.as_deref().unwrap_or_default();
        let sets = if sets.is_empty() { String::new() } else { format!(" [{}]", sets.join(", ")) };
        writeln!(out, "{name:width$}  {title}{sets}")?;
    }
    Ok(ExitStatus::Clean)
}

fn listed(policy: LibraryPolicy) -> Result<Listed, String> {
    let metadata = policy.metadata()?;
    Ok(Listed {
        name: policy.name,
        title: metadata.title,
        description: metadata.description,
        links: metadata.links,
        sets: metadata.sets,
        parameters: metadata.parameters,
    })
}

/// Prints the Rego text of a policy.
pub fn show(arguments: &ShowArgs) -> anyhow::Result<ExitStatus> {
    let Some(policy) = bundle::library().find(|policy| policy.name == arguments.name) else {
        let names: Vec<&str> = bundle::library().map(|policy| policy.name).collect();
        bail!(
            "the library has no policy `{}`; {}",
            arguments.name,
            suggest::help(&arguments.name, names)
        );
    };
    let mut text = policy.text;
    if arguments.tests {
        let origin = policy.origin.replace(".rego", "_test.rego");
        let Some(tests) = bundle::library_modules().find(|module| module.origin == origin) else {
            bail!("the policy `{}` has no tests", policy.name);
        };
        text = tests.text;
    }
    anstream::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitStatus::Clean)
}
