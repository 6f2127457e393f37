//! The catalogue as it is written: `FeatureCatalogue` documents.

use serde::Deserialize;

use super::automaton::Builder;
use super::locator::Test;
use super::{Catalogue, Class, Feature, locator};
use crate::document::Mistake;
use crate::path::FieldPath;
use crate::pod::FeatureId;

/// One `FeatureCatalogue` document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CatalogueSource {
    /// Version of the format.
    pub api_version: String,
    /// `FeatureCatalogue`.
    pub kind: String,
    /// What pods can ask for.
    #[serde(default)]
    features: Vec<FeatureSource>,
    /// How virtual nodes differ without being asked.
    #[serde(default)]
    behaviours: Vec<FeatureSource>,
    /// What means nothing.
    #[serde(default)]
    neutral: Vec<NeutralSource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureSource {
    name: String,
    class: Class,
    #[serde(default)]
    relaxes: bool,
    #[serde(default)]
    quiet: bool,
    #[serde(default)]
    property: bool,
    title: String,
    doc: String,
    lost: Option<String>,
    #[serde(default)]
    at: OneOrMany<locator::Source>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NeutralSource {
    at: OneOrMany<String>,
    /// For readers of the data.
    #[serde(rename = "reason")]
    _reason: String,
}

/// One value, or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany<T> {
    /// A list.
    Many(Vec<T>),
    /// One.
    One(T),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> OneOrMany<T> {
    /// As a slice.
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::Many(many) => many,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

impl Catalogue {
    /// Compiles documents into one catalogue.
    ///
    /// Gives every mistake at once, with the number of its document: names that stand twice, locators that cannot be read,
    /// features without one. What concerns all documents together has no number.
    pub fn build(sources: &[CatalogueSource]) -> Result<Self, Vec<(Option<usize>, Mistake)>> {
        let mut mistakes = Vec::new();
        let mut catalogue = Self::empty();
        let mut builder = Builder::new();
        for (document, source) in sources.iter().enumerate() {
            let mut tell = |section: &str, index: usize, message: String| {
                let place = FieldPath::keys(section).index(index);
                mistakes.push((Some(document), Mistake { place, message }));
            };
            let sections =
                [("features", &source.features, true), ("behaviours", &source.behaviours, false)];
            for (section, features, is_asked) in sections {
                for (index, feature) in features.iter().enumerate() {
                    if let Err(problem) = catalogue.add(&mut builder, feature, is_asked) {
                        tell(section, index, format!("feature `{}`: {problem}", feature.name));
                    }
                }
            }
            for (index, neutral) in source.neutral.iter().enumerate() {
                for path in neutral.at.as_slice() {
                    let added = locator::parse_paths(path).and_then(|paths| {
                        paths.iter().try_for_each(|path| builder.add_neutral(path))
                    });
                    if let Err(problem) = added {
                        tell("neutral", index, format!("neutral entry: {problem}"));
                    }
                }
            }
        }
        match builder.build() {
            Ok(automaton) if mistakes.is_empty() => Ok(Self {
                daemon_set: catalogue.by_name(super::DAEMON_SET),
                automaton,
                ..catalogue
            }),
            Ok(_) => Err(mistakes),
            Err(message) => {
                let place = FieldPath::root();
                mistakes.push((None, Mistake { place, message }));
                Err(mistakes)
            }
        }
    }

    fn add(
        &mut self,
        builder: &mut Builder,
        source: &FeatureSource,
        is_asked: bool,
    ) -> Result<(), String> {
        let id = FeatureId(
            u16::try_from(self.features.len())
                .map_err(|_| "more than 65,535 features".to_owned())?,
        );
        if self.by_name.contains_key(&source.name) {
            return Err("the name stands twice".to_owned());
        }
        let locators = source.at.as_slice();
        if locators.is_empty() == is_asked {
            return Err(if is_asked {
                "a feature needs `at`; what no field asks for belongs under `behaviours`".to_owned()
            } else {
                "a behaviour has no `at`; what a field asks for belongs under `features`".to_owned()
            });
        }
        let mut is_property = is_asked;
        for locator in locators {
            let locator = locator.parse()?;
            is_property &= matches!(locator.test, Test::Matches(_) | Test::Part { .. });
            builder.add(id, locator, source.quiet)?;
        }
        self.by_name.insert(source.name.clone(), id);
        self.features.push(Feature {
            name: source.name.clone(),
            class: source.class,
            relaxes: source.relaxes,
            quiet: source.quiet,
            is_property: source.property || is_property,
            title: source.title.clone(),
            doc: source.doc.clone(),
            lost: source.lost.clone(),
            locators: locators.iter().map(locator::Source::describe).collect(),
        });
        Ok(())
    }
}
