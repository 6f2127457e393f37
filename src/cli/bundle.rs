//! The arguments that name what a bundle is made of, shared by all verbs that decide.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::admission::Pipeline;
use crate::bundle::{Sources, Text};

/// What to decide with, besides the built-in data.
#[derive(Args, Clone, Debug, Default)]
pub struct BundleArgs {
    /// Folder of profiles and features that are added to the built-in ones; a profile of the same name replaces it
    #[arg(long, value_name = "DIR", env = "LOADLINE_PROFILES")]
    pub profiles: Option<PathBuf>,
    /// Folder or file of policies: Rego, and YAML with Gatekeeper's templates and constraints; may be given more than once
    #[arg(long, value_name = "DIR", env = "LOADLINE_POLICY", value_delimiter = ',')]
    pub policy: Vec<PathBuf>,
    /// Folder or file of `Exemption` documents; may be given more than once
    #[arg(long, value_name = "DIR", env = "LOADLINE_EXEMPTIONS", value_delimiter = ',')]
    pub exemptions: Vec<PathBuf>,
    /// Set of policies of the built-in library that is on: baseline, burst, finops, restricted; may be given more than once
    #[arg(long, value_name = "NAME", env = "LOADLINE_SET", value_delimiter = ',')]
    pub set: Vec<String>,
    /// A `LoadlineConfig` file: mode, changes to severities, policies of the library
    #[arg(long, value_name = "FILE", env = "LOADLINE_CONFIG")]
    pub config: Option<PathBuf>,
}

impl BundleArgs {
    /// Reads the files.
    pub fn sources(&self) -> anyhow::Result<Sources> {
        let mut sources = Sources::default();
        if let Some(folder) = &self.profiles {
            sources.profiles = read_all(folder, &["yaml", "yml"])?;
        }
        for path in &self.policy {
            sources.policies.extend(read_all(path, &["rego", "yaml", "yml", "json"])?);
        }
        for path in &self.exemptions {
            sources.exemptions.extend(read_all(path, &["yaml", "yml"])?);
        }
        sources.sets.clone_from(&self.set);
        if let Some(file) = &self.config {
            sources.config = Some(read(file)?);
        }
        Ok(sources)
    }

    /// Reads the files and compiles them.
    pub fn pipeline(&self) -> anyhow::Result<Pipeline> {
        let pipeline = Pipeline::compile(&self.sources()?)?;
        for notice in &pipeline.notices {
            anstream::eprintln!("warning: {notice}");
        }
        Ok(pipeline)
    }
}

/// Reads a file, or every file below a folder with one of the endings, in the order of their names.
///
/// Entries that begin with a dot are left out: mounted `ConfigMaps` keep their versions in such folders.
pub fn read_all(path: &Path, endings: &[&str]) -> anyhow::Result<Vec<Text>> {
    if !path.is_dir() {
        return Ok(vec![read(path)?]);
    }
    let mut entries = std::fs::read_dir(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("read folder `{}`", path.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut texts = Vec::new();
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let is_wanted =
            path.extension().is_some_and(|extension| endings.iter().any(|one| extension == *one));
        if path.is_dir() {
            texts.extend(read_all(&path, endings)?);
        } else if is_wanted {
            texts.push(read(&path)?);
        }
    }
    Ok(texts)
}

fn read(path: &Path) -> anyhow::Result<Text> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("read file `{}`", path.display()))?;
    Ok(Text { origin: path.display().to_string(), text })
}
