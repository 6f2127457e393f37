//! The built-in library: its policies, what they share, and the named sets that switch groups of them on.

use super::EMBEDDED;
use crate::diagnostic::suggest;
use crate::governance::metadata::Metadata;
use crate::governance::{Action, Module};
use serde::Deserialize;

/// Where the library lies.
const FOLDER: &str = "policies/library/";

/// A policy of the built-in library.
#[derive(Clone, Copy, Debug)]
pub struct LibraryPolicy {
    /// Name, as a configuration writes it.
    pub name: &'static str,
    /// The module.
    pub text: &'static str,
    /// Path of the module.
    pub origin: &'static str,
}

impl LibraryPolicy {
    /// What the policy says of itself.
    ///
    /// Fails with file, line and column where that cannot be read.
    pub fn metadata(&self) -> Result<Metadata, String> {
        Metadata::of_module(self.text).map_err(|message| format!("{}:{message}", self.origin))
    }

    /// Manifests that show what the policy is about, by file name: `allowed.yaml`, `denied.yaml`.
    pub fn samples(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let name = self.name;
        EMBEDDED.iter().filter_map(move |(origin, text)| {
            let file =
                origin.strip_prefix(FOLDER)?.strip_prefix(name)?.strip_prefix("/samples/")?;
            Some((file, *text))
        })
    }
}

/// A named group of policies of the library.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PolicySet {
    /// Name, as a configuration writes it.
    pub name: &'static str,
    /// What it is for, in one line.
    pub purpose: &'static str,
}

/// The sets. A policy says in its metadata to which of them it belongs.
pub const SETS: [PolicySet; 4] = [
    PolicySet { name: "baseline", purpose: "what no pod should do anywhere" },
    PolicySet { name: "burst", purpose: "what pods need to do well on virtual nodes" },
    PolicySet { name: "finops", purpose: "what keeps the bill small, and says whose it is" },
    PolicySet { name: "restricted", purpose: "hardened pods from known sources" },
];

/// Turns a set on: its name, or an object that also says what becomes of what its policies deny.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum SetSetting {
    Name(String),
    Full(FullSetSetting),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct FullSetSetting {
    name: String,
    action: Option<Action>,
}

impl SetSetting {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Full(FullSetSetting { name, .. }) => name,
        }
    }

    pub(super) const fn action(&self) -> Option<Action> {
        match self {
            Self::Name(_) => None,
            Self::Full(full) => full.action,
        }
    }

    /// The policies of the set. Fails with a message where there is no such set, or its policies cannot be read.
    pub(super) fn policies(&self) -> Result<Vec<LibraryPolicy>, String> {
        let name = self.name();
        if !SETS.iter().any(|set| set.name == name) {
            let help = suggest::help(name, SETS.iter().map(|set| set.name));
            return Err(format!("no policy set `{name}`: {help}"));
        }
        let mut policies = Vec::new();
        for policy in library() {
            if policy.metadata()?.sets.iter().any(|set| set == name) {
                policies.push(policy);
            }
        }
        Ok(policies)
    }
}

/// The policies of the built-in library: off until a configuration names them, or a set of them.
pub fn library() -> impl Iterator<Item = LibraryPolicy> {
    EMBEDDED.iter().filter_map(|(origin, text)| {
        let name = origin.strip_prefix(FOLDER)?.split('/').next()?;
        let is_policy = origin.ends_with(".rego") && !is_test(origin) && !is_library(text);
        is_policy.then_some(LibraryPolicy { name, text, origin })
    })
}

/// The built-in Rego, tests and shared modules included, by path.
pub fn library_modules() -> impl Iterator<Item = Module<'static>> {
    EMBEDDED
        .iter()
        .filter(|(origin, _)| origin.starts_with(FOLDER) && origin.ends_with(".rego"))
        .map(|(origin, text)| Module { origin, text })
}

/// The built-in modules that a module imports, and those that they import in turn, which `known` does not hold.
///
/// They are there for the policies of the user, too: a policy that was copied from the library works.
pub fn shared_with(text: &str, known: &[Module<'_>]) -> Vec<Module<'static>> {
    let libraries =
        || library_modules().filter(|module| is_library(module.text) && !is_test(module.origin));
    let mut shared: Vec<Module<'static>> = Vec::new();
    loop {
        let is_missing = |module: &Module<'static>| {
            let package = package(module.text).unwrap_or_default();
            let name = format!("data.{package}");
            let texts = shared.iter().chain(known).map(|one| one.text);
            texts.chain([text]).any(|text| text.contains(&name))
                && !shared.iter().chain(known).any(|one| self::package(one.text) == Some(package))
        };
        let Some(module) = libraries().find(is_missing) else {
            return shared;
        };
        shared.push(module);
    }
}

/// Whether a file holds tests of a policy, not a policy.
pub fn is_test(origin: &str) -> bool {
    origin.ends_with("_test.rego")
}

/// Whether a module is a library that policies import: its package lies below `lib`.
pub fn is_library(text: &str) -> bool {
    package(text).is_some_and(|package| package.starts_with("lib."))
}

/// The package of a module.
pub(super) fn package(text: &str) -> Option<&str> {
    let package = text.lines().find_map(|line| line.strip_prefix("package "))?;
    package.split_whitespace().next()
}
