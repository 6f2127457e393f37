//! `loadline policy new`: a policy to begin with, its tests and a sample. All of it works at once.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use crate::cli::ExitStatus;

const POLICY: &str = include_str!("new/policy.rego");
const TESTS: &str = include_str!("new/policy_test.rego");
const CASES: &str = include_str!("new/policy_cases.yaml");
const SAMPLE: &str = include_str!("new/sample.yaml");

/// What stands in the templates where the policy's name belongs, in kebab-case and in snake-case.
const NAMES: [&str; 2] = ["policy-name", "policy_name"];

/// Arguments of `loadline policy new`.
#[derive(Args, Debug)]
pub struct NewArgs {
    /// Name of the policy, in kebab-case; it stands in front of every finding
    name: String,
    /// Where to put it: in a folder of its name in this folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// First part of the package: the name of your organisation
    #[arg(long, value_name = "NAME", default_value = "acme")]
    package: String,
}

/// Writes the files. Nothing that is there is overwritten.
pub fn run(arguments: &NewArgs) -> anyhow::Result<ExitStatus> {
    let NewArgs { name, dir, package } = arguments;
    let is_word = |text: &str, extra: char| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == extra)
    };
    ensure!(
        is_word(name, '-') && !name.ends_with('-'),
        "`{name}` is no name for a policy: use small letters, digits and `-`, as in `team-label`"
    );
    ensure!(
        is_word(package, '_') && package != "lib",
        "`{package}` cannot begin a package: use small letters, digits and `_`; below `lib` are libraries"
    );
    let folder = dir.join(name);
    if folder.exists() {
        bail!("`{}` is there already", folder.display());
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("make folder `{}`", folder.display()))?;
    let mut out = anstream::stdout().lock();
    for (ending, text) in
        [(".rego", POLICY), ("_test.rego", TESTS), ("_cases.yaml", CASES), ("_sample.yaml", SAMPLE)]
    {
        let [kebab, snake] = NAMES;
        let text = text
            .replace(kebab, name)
            .replace(snake, &name.replace('-', "_"))
            .replace("acme", package);
        let path = folder.join(format!("{name}{ending}"));
        std::fs::write(&path, text).with_context(|| format!("write file `{}`", path.display()))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    let folder = folder.display();
    writeln!(
        out,
        "\nnext:\n  loadline policy test {folder}\n  loadline policy lint {folder}\n  \
         loadline check --policy {folder} -f {folder}/{name}_sample.yaml"
    )?;
    Ok(ExitStatus::Clean)
}
