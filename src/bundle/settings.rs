//! Settings of a `LoadlineConfig` held against the data that they speak of.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::documents;
use super::{Problem, Sources};
use crate::catalogue::Catalogue;
use crate::compat::Override;
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::path::FieldPath;
use crate::profile::Profile;
use crate::profile::prices::PricesSource;

/// Puts the user's own prices in the place of list prices. Those of a profile that is not enabled wait until it is.
pub(super) fn set_prices(
    profiles: &mut [Profile],
    disabled: &[String],
    prices: BTreeMap<String, PricesSource>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) {
    for (name, source) in prices {
        let mut mistakes = Vec::new();
        let place = FieldPath::keys("spec.prices").key(&name);
        let built = source.build(&place, &mut mistakes);
        if let Some(profile) = profiles.iter_mut().find(|profile| profile.name == name) {
            profile.prices = Some(Arc::new(built));
        } else if !disabled.contains(&name) {
            let names = profiles.iter().map(|profile| profile.name.as_str());
            let message = format!("there is no profile `{name}`: {}", suggest::help(&name, names));
            mistakes.push(Mistake { place, message });
        }
        problems.extend(mistakes.into_iter().map(|mistake| problem(sources, mistake)));
    }
}

/// Finds overrides that speak of a profile or a feature that there is not: they would change nothing, without a word.
pub(super) fn check(
    overrides: &[Override],
    profiles: &[String],
    catalogue: &Catalogue,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) {
    for (number, one) in overrides.iter().enumerate() {
        let place = |key: &str| FieldPath::keys("spec.overrides").index(number).key(key);
        if let Some(name) = one.profile.as_ref().filter(|name| !profiles.contains(name)) {
            let help = suggest::help(name, profiles.iter().map(String::as_str));
            let message = format!("there is no profile `{name}`: {help}");
            problems.push(problem(sources, Mistake { place: place("profile"), message }));
        }
        if let Some(name) = one.feature.as_ref().filter(|name| catalogue.by_name(name).is_none()) {
            let names: Vec<&str> =
                catalogue.features().map(|(_, feature)| feature.name.as_str()).collect();
            let help = suggest::help(name, names.iter().copied());
            let message = format!("unknown feature `{name}`: {help}");
            problems.push(problem(sources, Mistake { place: place("feature"), message }));
        }
    }
}

/// A mistake in the configuration, with its place there.
fn problem(sources: &Sources, Mistake { place, message }: Mistake) -> Problem {
    let message = format!("`{place}`: {message}");
    let Some(text) = &sources.config else {
        return Problem { origin: String::new(), mark: None, message };
    };
    // It was read before, so it can be again.
    let mark = documents(text, &mut Vec::new()).first().and_then(|one| one.locate(&place));
    Problem { origin: text.origin.clone(), mark, message }
}
