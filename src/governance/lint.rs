//! What a policy's author should look at: [`lint`].
//!
//! What keeps a module from being loaded is an error. Everything else is a warning: reads of fields that there are not, tests
//! that mean something else than they seem to, and what the reader of a finding will miss.

mod contract;
mod kinds;
mod objects;
mod parameters;
mod patterns;
mod reads;
mod resolve;
mod results;
mod things;
mod uses;
mod words;

use std::collections::BTreeSet;

use contract::Contract;
use objects::Objects;
use parameters::Parameters;
use reads::{Doubt, Scope, Seen};
use things::Facts;

use super::analysis::{Analysis, DataRead};
use super::eval::{self, Dialect};
use super::metadata::{Metadata, PlacementMatch};
use super::mode::Prints;
use super::syntax::Syntax;
use super::unit::{Parsed, untabbed};
use super::{Module, Policy};
use crate::catalogue::Catalogue;
use crate::diagnostic::{Severity, suggest};
use crate::document::Mark;

/// How often the rules are walked over to learn what they stand for: how deep calls are followed.
const MOST_WALKS: usize = 6;

/// Something to look at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Finding {
    /// Number of the module.
    pub module: usize,
    /// Where, when known.
    pub mark: Option<Mark>,
    /// Whether the policy can be loaded in spite of it.
    pub severity: Severity,
    /// A word for the kind of finding.
    pub code: &'static str,
    /// What is the matter.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The parameter that it is about, which may be declared outside of the module.
    pub parameter: Option<String>,
}

impl Finding {
    fn warn(
        module: usize,
        mark: Mark,
        code: &'static str,
        message: String,
        help: impl Into<String>,
    ) -> Self {
        let help = Some(help.into());
        let (mark, severity) = (Some(mark), Severity::Warn);
        Self { module, mark, severity, code, message, help, parameter: None }
    }
}

/// What is known of a policy besides its text.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The features of pods.
    pub catalogue: &'a Catalogue,
    /// The names of the profiles; none where they are not known.
    pub profiles: &'a [String],
    /// Its metadata, where they do not stand in its text.
    pub declared: Option<&'a Metadata>,
    /// What a template of Gatekeeper says of its constraints.
    pub template: Option<&'a Template>,
}

/// What is known of the constraints of a template.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// Group and kind of the objects that they are about, `*` for all; none where no constraint is known.
    pub kinds: Vec<(String, String)>,
    /// The schema of their parameters.
    pub schema: Option<serde_json::Value>,
    /// Whether they may have parameters that the schema does not name.
    pub is_loose: bool,
    /// What the template has of code that is no Rego.
    pub other_code: String,
}

/// Looks at a policy, the first of `modules`, together with the libraries that it may import; what is wrong with those is told
/// with their number.
pub fn lint(modules: &[Module<'_>], dialect: Dialect, about: &About<'_>) -> Vec<Finding> {
    let About { catalogue, profiles, declared, template } = *about;
    let mut findings = Vec::new();
    let parsed = match Parsed::new(modules, dialect.mode(Prints::Gathered)) {
        Ok(parsed) => parsed,
        Err(error) => return errors(modules, &error.message),
    };
    let compiled = match (modules, declared) {
        ([policy, libraries @ ..], None) if dialect.is_native() => {
            Policy::compile(*policy, libraries, None, None).map(drop)
        }
        ([policy, libraries @ ..], Some(metadata)) => {
            Policy::compile_as(None, metadata.clone(), *policy, libraries, None, None).map(drop)
        }
        _ => eval::Evaluator::new(modules, dialect, &[], false).map(drop),
    };
    if let Err(error) = compiled {
        findings.extend(errors(modules, &counted(modules, &error.message)));
    }
    let own = || modules.first().and_then(|module| Metadata::of_module(module.text).ok());
    let metadata = declared.cloned().or_else(own);
    if let (Some(module), Some(metadata), true) = (modules.first(), &metadata, dialect.is_native())
    {
        findings.extend(missing_metadata(module.text, metadata, declared.is_some()));
    }
    let declares_kinds = metadata.as_ref().is_some_and(|metadata| !metadata.inventory.is_empty());
    if dialect.is_native() && !declares_kinds {
        findings.extend(undeclared_inventory(&parsed.analysis, declared.is_some()));
    }
    let metadata = metadata.unwrap_or_default();
    let parameters = Parameters {
        own: metadata.parameters.as_ref().filter(|_| dialect.is_native()),
        schema: template
            .map_or(metadata.parameters_schema.as_ref(), |template| template.schema.as_ref()),
        is_loose: template.is_some_and(|template| template.is_loose),
        is_of_template: !dialect.is_native(),
    };
    let kinds = template.map(|template| template.kinds.as_slice()).unwrap_or_default();
    let objects = if dialect.is_native() {
        let text = modules.first().map(|module| module.text).unwrap_or_default();
        Objects::of_policy(&metadata.matches.kinds, text)
    } else if kinds.is_empty() {
        Objects::Any
    } else {
        Objects::named(kinds.iter().map(|(group, name)| (group.as_str(), name.as_str())))
    };
    let stored = metadata.inventory.iter().map(|synced| synced.kind.clone()).collect();
    let contract = Contract { catalogue, dialect, parameters, objects, profiles, stored };
    let seen = look(&parsed, &contract);
    findings.extend(seen.findings);
    if let Some(module) = parsed.syntax.first().filter(|_| !seen.reads_all_parameters) {
        let meant = |name: &str| format!("did you mean `{name}`?");
        let used = |name: &&str| {
            // What is spelt wrong where it is read was told already.
            let is_meant = |found: &Finding| {
                found.code == "unknown-input" && found.help.as_deref() == Some(&*meant(name))
            };
            findings.iter().any(is_meant)
                || seen.parameters.contains(*name)
                || template.is_some_and(|template| template.other_code.contains(*name))
        };
        let unread: Vec<&str> =
            parameters.names().into_iter().flatten().filter(|name| !used(name)).collect();
        findings.extend(unread.into_iter().map(|name| {
            let mark = mention(module, name);
            let message = format!("the parameter `{name}` is never read");
            let help = format!("read it as `input.parameters.{name}`, or remove it");
            let finding = Finding::warn(0, mark, "unused-parameter", message, help);
            Finding { parameter: Some(name.to_owned()), ..finding }
        }));
    }
    findings.extend(unused_rules(&parsed.analysis, &parsed.syntax, dialect));
    findings.sort();
    findings.dedup();
    findings
}

/// Walks over the policy and what it needs.
fn look(parsed: &Parsed, contract: &Contract<'_>) -> Seen {
    let needed = needed(&parsed.analysis, &parsed.syntax, contract.dialect);
    let rules: BTreeSet<Vec<String>> = parsed.analysis.rules.keys().cloned().collect();
    let mut facts = Facts::default();
    let walk = |facts: &Facts, is_last: bool| {
        let mut seen = Seen::default();
        for (number, module) in parsed.syntax.iter().enumerate() {
            let is_policy = number == 0;
            let is_needed =
                is_policy || needed.iter().any(|path| path.starts_with(&module.package));
            if !is_needed {
                continue;
            }
            // What a library reads of the parameters is for the policies that need it to say, and others may call it.
            let is_own = is_policy || !contract.dialect.is_native();
            let parameters = if is_policy { contract.parameters } else { Parameters::default() };
            let contract = Contract { parameters, ..contract.clone() };
            let knows_calls = is_own || !is_last;
            let scope = Scope {
                contract: &contract,
                facts,
                rules: &rules,
                number,
                module,
                is_policy,
                knows_calls,
            };
            reads::walk(scope, &mut seen);
        }
        seen
    };
    for _ in 0..MOST_WALKS {
        let next = std::mem::take(&mut walk(&facts, false).gathered).facts();
        if next == facts {
            break;
        }
        facts = next;
    }
    let mut seen = walk(&facts, true);
    let texts = || parsed.syntax.iter().map(|module| module.text.as_str());
    for Doubt { finding, kinds, names } in std::mem::take(&mut seen.doubts) {
        // Whoever reads the same elsewhere, or names such a kind, writes for several kinds of objects.
        let is_meant = names.iter().any(|name| seen.names.contains(name))
            || kinds.iter().any(|kind| texts().any(|text| text.contains(&format!("\"{kind}\""))));
        if !is_meant {
            seen.findings.push(finding);
        }
    }
    seen
}

/// A message of the engine with positions that count characters. Those of our own do.
fn counted(modules: &[Module<'_>], message: &str) -> String {
    if message.contains("takes arguments") {
        return message.to_owned();
    }
    modules
        .iter()
        .fold(message.to_owned(), |message, module| untabbed(module.origin, module.text, &message))
}

/// The lines of a message of the loader, each with its place.
fn errors(modules: &[Module<'_>], message: &str) -> Vec<Finding> {
    let finding = |line: &str| {
        let place = modules.iter().enumerate().find_map(|(number, module)| {
            let rest = line.strip_prefix(module.origin)?.strip_prefix(':')?;
            let mut parts = rest.splitn(3, ':');
            let mut next = || parts.next()?.trim().parse::<usize>().ok();
            let mark = next().zip(next()).map(|(line, column)| Mark { line, column });
            let message = match mark {
                Some(_) => parts.next().unwrap_or_default(),
                None => rest,
            };
            Some((number, mark, message.trim().to_owned()))
        });
        let (module, mark, message) = place.unwrap_or_else(|| (0, None, line.to_owned()));
        // So are modules refused that were written before version 1 of Rego.
        let is_old = message.contains("keyword is required before rule")
            || message.contains("keyword is required for partial set rules");
        let help = is_old.then(|| {
            "a module that is written as before version 1 of Rego says so: `regoVersion: v0`, below `custom` in its metadata or in `spec`"
                .to_owned()
        });
        Finding {
            module,
            mark,
            severity: Severity::Deny,
            code: "does-not-load",
            message,
            help,
            parameter: None,
        }
    };
    message.lines().map(finding).collect()
}

/// What whoever reads a finding of the policy will look for.
fn missing_metadata(text: &str, metadata: &Metadata, is_apart: bool) -> Vec<Finding> {
    let line = text.lines().position(|line| line.trim_start().starts_with("package "));
    let mark = Mark { line: line.unwrap_or_default() + 1, column: 1 };
    let says_match = !metadata.matches.kinds.is_empty() || !metadata.matches.namespaces.is_empty();
    let has_match =
        is_apart && (says_match || metadata.matches.placement != PlacementMatch::default());
    let has_match = has_match
        || text
            .lines()
            .take(line.unwrap_or_default())
            .any(|line| line.trim_start_matches(['#', ' ']).starts_with("match:"));
    let wanted = [
        (
            metadata.title.is_some(),
            "title",
            "one line: what the policy wants; it is shown with every finding",
        ),
        (metadata.description.is_some(), "description", "why, and what is meant by it"),
        (
            has_match,
            "custom.match",
            "which pods it is about; without it, all that may reach a virtual node",
        ),
    ];
    wanted
        .into_iter()
        .filter(|(is_there, ..)| !is_there)
        .map(|(_, key, what)| {
            let (key, place) = if is_apart {
                (key.trim_start_matches("custom."), "spec")
            } else {
                (key, "# METADATA")
            };
            let message = format!("the metadata have no `{key}`");
            Finding::warn(
                0,
                mark,
                "missing-metadata",
                message,
                format!("add it below `{place}`: {what}"),
            )
        })
        .collect()
}

/// The sets that are asked.
const fn entries(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Native | Dialect::NativeV0 => &["deny", "warn", "violation", "patch"],
        Dialect::GatekeeperV0 | Dialect::GatekeeperV1 => &["violation"],
    }
}

/// The rules that are asked, and all that they need; none where nothing is asked.
fn needed(analysis: &Analysis, modules: &[Syntax], dialect: Dialect) -> BTreeSet<Vec<String>> {
    let package = modules.first().map(|module| module.package.clone()).unwrap_or_default();
    let paths = entries(dialect)
        .iter()
        .map(|name| package.iter().cloned().chain([(*name).to_owned()]).collect::<Vec<_>>())
        .filter(|path| analysis.rules.contains_key(path));
    analysis.needed(paths)
}

/// Where the policy looks at an inventory in which it will find nothing.
fn undeclared_inventory(analysis: &Analysis, is_document: bool) -> Option<Finding> {
    let is_own = |read: &&DataRead| {
        read.module == 0 && read.path.first().is_some_and(|first| first == "inventory")
    };
    let read = analysis.data.iter().find(is_own)?;
    let message = "the policy reads `data.inventory` and declares no kinds, so that in a cluster it finds nothing there";
    let place = if is_document { "spec.inventory" } else { "custom.inventory" };
    let help =
        format!("name them under `{place}`: `- {{group: apps, version: v1, kind: Deployment}}`");
    Some(Finding::warn(0, read.mark, "undeclared-inventory", message.to_owned(), help))
}

/// Rules of the policy that nothing needs: most often a name that is spelt wrong.
fn unused_rules(analysis: &Analysis, modules: &[Syntax], dialect: Dialect) -> Vec<Finding> {
    let (entries, needed) = (entries(dialect), needed(analysis, modules, dialect));
    let Some(module) = modules.first().filter(|_| !needed.is_empty()) else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for rule in &module.rules {
        let full: Vec<String> = module.package.iter().chain(&rule.path).cloned().collect();
        // A rule that holds another one's name is needed by way of it.
        let is_needed =
            needed.iter().any(|need| need.starts_with(&full) || full.starts_with(need.as_slice()));
        if is_needed || !seen.insert(full.clone()) {
            continue;
        }
        let name = rule.path.join(".");
        let help = match suggest::nearest(&name, entries.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                format!("remove it; nothing is asked but {}, and what they need", sets(entries))
            }
        };
        let message = format!("nothing needs the rule `{name}`");
        findings.push(Finding::warn(0, module.mark(rule.start), "unused-rule", message, help));
    }
    findings
}

fn sets(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Where a parameter is declared: the first place above the package where its name stands as a key.
fn mention(module: &Syntax, name: &str) -> Mark {
    let above = module.text.lines().take_while(|line| !line.starts_with("package "));
    for (number, line) in above.enumerate() {
        if let Some(at) = line.find(&format!("{name}:")) {
            let column = line.get(..at).map_or(0, |before| before.chars().count()) + 1;
            return Mark { line: number + 1, column };
        }
    }
    Mark { line: 1, column: 1 }
}
