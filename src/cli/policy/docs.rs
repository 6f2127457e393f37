//! `loadline policy docs`: a page about policies, from what they say of themselves.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::load;
use crate::bundle;
use crate::bundle::library::SETS;
use crate::cli::ExitStatus;
use crate::cli::bundle::read_all;
use crate::governance::Action;
use crate::governance::metadata::{Metadata, PlacementMatch};

/// Arguments of `loadline policy docs`.
#[derive(Args, Debug)]
pub struct DocsArgs {
    /// Folders or files of policies; the built-in library when none is given
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Prints the page. Fails where a file cannot be read, and where there is no policy.
pub fn run(arguments: &DocsArgs) -> anyhow::Result<ExitStatus> {
    let page = if arguments.paths.is_empty() {
        library_page()?
    } else {
        let entries = of_files(&arguments.paths)?;
        if entries.is_empty() {
            bail!("there is no policy in Rego here");
        }
        format!("# Policies\n\n{}{}", table(&entries), sections(&entries))
    };
    anstream::stdout().lock().write_all(page.as_bytes())?;
    Ok(ExitStatus::Clean)
}

/// What the page says of one policy.
struct Entry {
    name: String,
    metadata: Metadata,
    /// The parameters as they are written, with their comments.
    parameters: String,
    /// File names and texts.
    samples: Vec<(String, String)>,
}

/// The page about the built-in library.
///
/// Fails where the metadata of a policy cannot be read.
pub fn library_page() -> anyhow::Result<String> {
    let mut entries = Vec::new();
    for policy in bundle::library() {
        entries.push(Entry {
            name: policy.name.to_owned(),
            metadata: policy.metadata().map_err(anyhow::Error::msg)?,
            parameters: parameters(policy.text),
            samples: policy
                .samples()
                .map(|(file, text)| (file.to_owned(), text.to_owned()))
                .collect(),
        });
    }
    let mut page = String::from(
        "# The library of policies\n\n<!-- Generated from policies/library by `make docs-data`. -->\n\n\
         Every policy is off until a `LoadlineConfig` names it under `policies`, or one of its sets under `policySets` (or \
         `--set`). [Writing policies](policies.md) tells how parameters are set.\n\n| set | what it is for | policies |\n|---|---|---|\n",
    );
    for set in SETS {
        let members: Vec<String> = entries
            .iter()
            .filter(|entry| entry.metadata.sets.iter().any(|name| name == set.name))
            .map(|entry| link(&entry.name))
            .collect();
        let _ = writeln!(page, "| `{}` | {} | {} |", set.name, set.purpose, members.join(", "));
    }
    page.push('\n');
    page.push_str(&table(&entries));
    page.push_str(&sections(&entries));
    Ok(page)
}

fn of_files(paths: &[PathBuf]) -> anyhow::Result<Vec<Entry>> {
    let files = load::read(paths)?;
    let mut entries = Vec::new();
    for loaded in files.policies.iter().filter(|loaded| loaded.policy().file.ends_with(".rego")) {
        let source = loaded.policy();
        let metadata = Metadata::of_module(&source.text)
            .map_err(|message| anyhow::anyhow!("{}:{message}", source.file))?;
        let folder = Path::new(&source.file).with_file_name("samples");
        let texts = if folder.is_dir() {
            read_all(&folder, &["yaml", "yml"]).context("read the samples")?
        } else {
            Vec::new()
        };
        let file = |origin: &str| {
            Path::new(origin)
                .file_name()
                .map_or_else(String::new, |name| name.display().to_string())
        };
        entries.push(Entry {
            name: loaded.name(),
            metadata,
            parameters: parameters(&source.text),
            samples: texts.into_iter().map(|text| (file(&text.origin), text.text)).collect(),
        });
    }
    Ok(entries)
}

fn link(name: &str) -> String {
    format!("[{name}](#{name})")
}

/// A line that stands in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn table(entries: &[Entry]) -> String {
    let mut table = String::from("| policy | what it wants | action | pods |\n|---|---|---|---|\n");
    for Entry { name, metadata, .. } in entries {
        let title = cell(metadata.title.as_deref().unwrap_or_default());
        let action = action(metadata);
        let _ = writeln!(table, "| {} | {title} | {action} | {} |", link(name), pods(metadata));
    }
    table
}

fn action(metadata: &Metadata) -> &'static str {
    match metadata.action.unwrap_or_default() {
        Action::Audit => "audit",
        Action::Deny => "deny",
        Action::Warn => "warn",
    }
}

/// Which pods a policy is about, in words.
fn pods(metadata: &Metadata) -> String {
    let placement = match metadata.matches.placement {
        PlacementMatch::Any => "all",
        PlacementMatch::Eligible => "those that may run on virtual or regular nodes",
        PlacementMatch::Reachable => "those that may reach a virtual node",
        PlacementMatch::Regular => "those that cannot reach a virtual node",
        PlacementMatch::Virtual => "those that can run on virtual nodes only",
    };
    let mut words = placement.to_owned();
    for (what, names) in [
        ("profiles", &metadata.matches.profiles),
        ("namespaces", &metadata.matches.namespaces),
        ("not in namespaces", &metadata.matches.excluded_namespaces),
        ("operations", &metadata.matches.operations),
    ] {
        if !names.is_empty() {
            let _ = write!(words, "; {what} {}", names.join(", "));
        }
    }
    words
}

fn sections(entries: &[Entry]) -> String {
    let mut page = String::new();
    for Entry { name, metadata, parameters, samples } in entries {
        let _ = write!(page, "\n## {name}\n");
        let help = metadata.help.as_ref().map(|help| format!("*Help*: {help}."));
        for text in metadata.description.iter().chain(&help) {
            let _ = write!(page, "\n{}\n", text.trim_end());
        }
        if !metadata.sets.is_empty() {
            let _ = write!(page, "\n*Sets*: {}.\n", metadata.sets.join(", "));
        }
        for link in &metadata.links {
            let _ = write!(page, "\n*Read on*: <{link}>\n");
        }
        for (title, text) in std::iter::once(("Parameters, with their defaults", parameters))
            .chain(samples.iter().map(|(file, text)| (file.as_str(), text)))
        {
            if !text.is_empty() {
                let title =
                    if title.contains(' ') { title.to_owned() } else { format!("`{title}`") };
                let _ = write!(page, "\n{title}:\n\n```yaml\n{}\n```\n", text.trim_end());
            }
        }
    }
    page
}

/// The parameters in the metadata as they are written: their comments say what they mean.
fn parameters(text: &str) -> String {
    let mut lines = text.lines().skip_while(|line| line.trim_end() != "#   parameters:").skip(1);
    let mut found = String::new();
    for line in lines.by_ref().map_while(|line| line.strip_prefix("#     ")) {
        found.push_str(line);
        found.push('\n');
    }
    found
}
