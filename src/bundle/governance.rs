//! The policies of a bundle: modules, documents, and what is switched on of the library.

use super::library::{LibraryPolicy, SetSetting, package};
use super::read::{Problem, documents};
use super::{
    CASES_KIND, ConfigSpec, PolicySetting, Sources, Text, gatekeeper, is_library, is_test, library,
    policy,
};
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::governance::gatekeeper::Constraints;
use crate::governance::gatekeeper::mutators::{Mutators, Scope};
use crate::governance::metadata::Metadata;
use crate::governance::{Action, Module, Policy};
use crate::path::FieldPath;

/// Whether a text of policies is a module, not documents.
pub(super) fn is_module(text: &Text) -> bool {
    ![".yaml", ".yml", ".json"].iter().any(|ending| text.origin.ends_with(ending))
}

/// Whether a text of documents that cannot be read is passed over: folders of policies hold charts, too. What is about
/// policies is not: who meant to write one must hear of it.
pub(super) fn is_chart(text: &Text) -> bool {
    text.text.contains("{{")
        && !["gatekeeper.sh/", "loadline.dev/"].iter().any(|group| text.text.contains(group))
}

/// What Gatekeeper's documents among the policies come to. Policies of our own are added to `policies`.
pub(super) fn constraints<'t>(
    sources: &'t Sources,
    policies: &mut Vec<gatekeeper::Located<'t>>,
    scope: Scope,
    problems: &mut Vec<Problem>,
    notices: &mut Vec<Problem>,
) -> (Constraints, Mutators) {
    let mut found = gatekeeper::Found::default();
    for text in sources.policies.iter().filter(|text| !is_module(text)) {
        // What does not speak of policies is read, too: it may be what is left of a text that did.
        let mut unread = Vec::new();
        let documents = documents(text, &mut unread);
        if is_chart(text) {
            for Problem { message, .. } in &mut unread {
                *message =
                    format!("passed over, as it looks like a template of a chart: {message}");
            }
            notices.append(&mut unread);
        }
        problems.append(&mut unread);
        for document in documents {
            for object in gatekeeper::Located::of(text, document).objects() {
                let Some(other) = found.sort(object, notices) else {
                    continue;
                };
                if policy::is_policy(&other) {
                    policies.push(other);
                } else if other.group() == "loadline.dev" && other.kind() != CASES_KIND {
                    let message = format!("the {} has no effect among policies", other.kind());
                    notices
                        .push(other.problem(Mistake { place: FieldPath::keys("kind"), message }));
                }
            }
        }
    }
    let mutators = found.mutators(scope, problems, notices);
    (found.build(problems, notices), mutators)
}

/// Compiles the policies: documents, modules and what is switched on of the library.
pub(super) fn policies(
    sources: &Sources,
    written: &[gatekeeper::Located<'_>],
    profiles: &[String],
    config: &ConfigSpec,
    problems: &mut Vec<Problem>,
) -> Vec<Policy> {
    let modules: Vec<Module<'_>> = sources
        .policies
        .iter()
        .filter(|text| is_module(text) && !is_test(&text.origin))
        .map(|text| Module { origin: &text.origin, text: &text.text })
        .collect();
    let (libraries, modules): (Vec<Module<'_>>, Vec<Module<'_>>) =
        modules.into_iter().partition(|module| is_library(module.text));
    let mut policies: Vec<Policy> = Vec::new();
    let mut settings: Vec<&PolicySetting> = config.policies.iter().collect();
    // What the user has put in the place of a policy of the library, or switched off.
    let mut settled: Vec<String> = Vec::new();
    for located in written {
        let name = policy::name(located);
        let setting = settings.iter().position(|setting| setting.name == name);
        let setting = setting.map(|position| settings.remove(position));
        settled.push(name.to_owned());
        if setting.is_some_and(|setting| !setting.is_on()) {
            continue;
        }
        let metadata = policy::declared(located.value()).ok().map(|declared| declared.metadata);
        if let Some(problem) = misfit(sources, config, setting, metadata.as_ref()) {
            problems.push(problem);
            continue;
        }
        let parameters = setting.and_then(|setting| setting.parameters.clone());
        let action = setting.and_then(|setting| setting.action);
        let Some(policy) = policy::build(located, parameters, action, problems) else {
            continue;
        };
        let mut tell = |place: &str, message: String| {
            problems.push(located.problem(Mistake { place: FieldPath::keys(place), message }));
        };
        for message in policy::unknown_profiles(&policy, profiles) {
            tell("spec.match.profiles", message);
        }
        if policies.iter().any(|known| known.name == policy.name) {
            tell("metadata.name", format!("a policy named `{}` is there already", policy.name));
        } else {
            policies.push(policy);
        }
    }
    let mut compile = |module: Module<'_>,
                       libraries: &[Module<'_>],
                       setting: Option<&PolicySetting>| {
        let metadata = Metadata::of_module(module.text).ok();
        if let Some(problem) = misfit(sources, config, setting, metadata.as_ref()) {
            return problems.push(problem);
        }
        let parameters = setting.and_then(|setting| setting.parameters.clone());
        let compiled = Policy::compile(
            module,
            libraries,
            parameters,
            setting.and_then(|setting| setting.action),
        );
        if let Ok(policy) = &compiled {
            let unknown = policy::unknown_profiles(policy, profiles);
            problems.extend(unknown.into_iter().map(|message| Problem {
                origin: module.origin.to_owned(),
                mark: None,
                message,
            }));
        }
        match compiled {
            Ok(policy) if policies.iter().any(|known| known.name == policy.name) => problems.push(Problem {
                origin: module.origin.to_owned(),
                mark: None,
                message: format!("a policy named `{}` is there already; the last part of the package is the name", policy.name),
            }),
            Ok(policy) => policies.push(policy),
            Err(error) => problems.push(Problem { origin: module.origin.to_owned(), mark: None, message: error.message }),
        }
    };
    for module in modules {
        let name = package_name(module.text);
        let setting = settings.iter().position(|setting| Some(&setting.name) == name.as_ref());
        let setting = setting.map(|position| settings.remove(position));
        settled.extend(name);
        if setting.is_none_or(PolicySetting::is_on) {
            let shared = library::shared_with(module.text, &libraries);
            let libraries: Vec<Module<'_>> = libraries.iter().copied().chain(shared).collect();
            compile(module, &libraries, setting);
        }
    }
    let mut unknown = Vec::new();
    let (sets, messages) = switched_on(sources, config);
    let mut wanted: Vec<(LibraryPolicy, PolicySetting)> = Vec::new();
    for setting in settings {
        match library().find(|policy| policy.name == setting.name) {
            Some(policy) => wanted.push((policy, setting.clone())),
            None => unknown.push(setting),
        }
    }
    for (policy, action) in sets {
        let of_name = |name: &str| name == policy.name;
        match wanted.iter_mut().find(|(known, _)| of_name(known.name)) {
            Some((_, setting)) => setting.action = setting.action.or(action),
            None if settled.iter().any(|name| of_name(name)) => {}
            None => {
                wanted.push((policy, PolicySetting { action, ..PolicySetting::on(policy.name) }));
            }
        }
    }
    for (policy, setting) in wanted.iter().filter(|(_, setting)| setting.is_on()) {
        let libraries = library::shared_with(policy.text, &[]);
        compile(Module { origin: policy.origin, text: policy.text }, &libraries, Some(setting));
    }
    problems.extend(messages.into_iter().map(|message| Problem {
        origin: sources.config.as_ref().map_or_else(String::new, |text| text.origin.clone()),
        mark: None,
        message,
    }));
    for setting in unknown {
        let help =
            suggest::help(&setting.name, library().map(|policy| policy.name).collect::<Vec<_>>());
        let message = format!("no policy `{}`: {help}", setting.name);
        problems.push(in_config(sources, config, &setting.name, "name", message));
    }
    policies.sort_by(|left, right| left.name.cmp(&right.name));
    policies
}

/// What is wrong with the parameters that the configuration gives a policy, if the policy itself is sound.
fn misfit(
    sources: &Sources,
    config: &ConfigSpec,
    setting: Option<&PolicySetting>,
    metadata: Option<&Metadata>,
) -> Option<Problem> {
    let (setting, metadata) = setting.zip(metadata)?;
    let given = setting.parameters.clone()?;
    let message = metadata.complete(Some(given)).err()?;
    metadata.complete(None).ok()?;
    let message = format!("policy `{}`: {message}", setting.name);
    Some(in_config(sources, config, &setting.name, "parameters", message))
}

/// A mistake in what the configuration says of a policy.
fn in_config(
    sources: &Sources,
    config: &ConfigSpec,
    policy: &str,
    key: &str,
    message: String,
) -> Problem {
    let Some(text) = &sources.config else {
        return Problem { origin: String::new(), mark: None, message };
    };
    let position = config.policies.iter().position(|setting| setting.name == policy);
    let place = FieldPath::keys("spec.policies").index(position.unwrap_or_default()).key(key);
    // It was read before, so it can be again.
    let mark = documents(text, &mut Vec::new()).first().and_then(|one| one.locate(&place));
    Problem { origin: text.origin.clone(), mark, message }
}

/// The policy's name by its package: the last part, in kebab-case.
fn package_name(text: &str) -> Option<String> {
    Some(package(text)?.rsplit('.').next()?.replace('_', "-"))
}

/// The policies of all sets that are on, with what becomes of what they deny; and what is wrong with the names of sets.
fn switched_on(
    sources: &Sources,
    config: &ConfigSpec,
) -> (Vec<(LibraryPolicy, Option<Action>)>, Vec<String>) {
    let asked = sources.sets.iter().cloned().map(SetSetting::Name);
    let mut policies = Vec::new();
    let mut messages = Vec::new();
    for set in config.policy_sets.iter().cloned().chain(asked) {
        match set.policies() {
            Ok(found) => policies.extend(found.into_iter().map(|policy| (policy, set.action()))),
            Err(message) => messages.push(message),
        }
    }
    (policies, messages)
}
