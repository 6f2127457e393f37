//! Texts to a validated, compiled configuration: catalogue, profiles, policies and settings as one [`Pipeline`].
//!
//! All mistakes are reported at once. The built-in data is embedded in the binary; files given by the user add to it, and a
//! profile of the same name takes the built-in one's place.

pub mod gatekeeper;
mod governance;
pub mod last_good;
mod policy;
pub mod library;
mod read;
mod settings;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::admission::Pipeline;
use crate::admission::verdict::Mode;
use crate::catalogue::Catalogue;
use crate::catalogue::source::CatalogueSource;
use crate::compat::{Override, Overrides};
use crate::diagnostic::codes::CODES;
use crate::diagnostic::suggest;
use crate::document::{Document, Mistake};
use crate::exemption::{Exemption, ExemptionSource};
use crate::governance::gatekeeper::Constraints;
use crate::governance::gatekeeper::constraint::Constraint;
use crate::governance::gatekeeper::mutators::Scope;
use crate::governance::{Action, Policy};
use crate::path::FieldPath;
use crate::profile::base::Bases;
use crate::profile::prices::PricesSource;
use crate::profile::source::{BaseSource, ProfileSource};
use crate::profile::{Profile, ProfileId};
use governance::{constraints, policies};
use library::SetSetting;
use read::{documents, read};

pub use library::{LibraryPolicy, is_library, is_test, library, library_modules};
pub use policy::{Declared, KIND as POLICY_KIND, declared};
pub use read::{BundleError, Problem};

/// Everything under `policies/`, by path.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The kind of documents with cases for `loadline policy test`, which lie beside policies and are not read with them.
pub const CASES_KIND: &str = "PolicyCases";

/// The version of every document of ours.
pub const API_VERSION: &str = "loadline.dev/v1alpha1";

/// A text and where it comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// A file name, for messages.
    pub origin: String,
    /// The content.
    pub text: String,
}

/// What a bundle is made of, besides the built-in data.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sources {
    /// `VirtualNodeProfile` and `FeatureCatalogue` documents.
    pub profiles: Vec<Text>,
    /// Rego modules, and YAML with Gatekeeper's templates, constraints and settings.
    pub policies: Vec<Text>,
    /// `Exemption` documents.
    pub exemptions: Vec<Text>,
    /// A `LoadlineConfig` document.
    pub config: Option<Text>,
    /// Sets of policies that are on besides those that the configuration names.
    pub sets: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConfigSource {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "metadata", default)]
    _metadata: serde_json::Value,
    #[serde(default)]
    spec: ConfigSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct ConfigSpec {
    /// How namespaces that do not say are treated.
    mode: Mode,
    /// The kinds of virtual nodes that there are here, by name; all when nothing is said.
    profiles: Vec<String>,
    /// Changes to the severity table.
    overrides: Vec<Override>,
    /// Policies of the built-in library, and settings of any policy.
    policies: Vec<PolicySetting>,
    /// Groups of policies of the built-in library.
    policy_sets: Vec<SetSetting>,
    /// Which objects Gatekeeper's mutators may change.
    mutator_scope: Scope,
    /// What the user pays, by profile; list prices of other regions and days elsewhere.
    prices: BTreeMap<String, PricesSource>,
}

/// Turns a policy of the library on, or sets how any policy is run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PolicySetting {
    name: String,
    /// `false` leaves a policy out that one of the sets would bring.
    enabled: Option<bool>,
    action: Option<Action>,
    parameters: Option<serde_json::Value>,
}

impl PolicySetting {
    fn on(name: &str) -> Self {
        Self { name: name.to_owned(), enabled: None, action: None, parameters: None }
    }

    fn is_on(&self) -> bool {
        self.enabled != Some(false)
    }
}

impl Pipeline {
    /// The built-in data and nothing else.
    pub fn built_in() -> Result<Self, BundleError> {
        Self::compile(&Sources::default())
    }

    /// Compiles a bundle.
    pub fn compile(sources: &Sources) -> Result<Self, BundleError> {
        let mut problems = Vec::new();
        let embedded = |folder: &'static str| {
            EMBEDDED.iter().filter(move |(origin, _)| origin.starts_with(folder)).map(
                |(origin, text)| Text { origin: (*origin).to_owned(), text: (*text).to_owned() },
            )
        };
        let mut catalogues: Vec<CatalogueSource> = Vec::new();
        let mut catalogue_documents: Vec<(String, Document)> = Vec::new();
        let mut profiles: BTreeMap<String, Written<ProfileSource>> = BTreeMap::new();
        let mut bases: BTreeMap<String, Written<BaseSource>> = BTreeMap::new();
        let texts = embedded("policies/catalogue/")
            .chain(embedded("policies/bases/"))
            .chain(embedded("policies/profiles/"))
            .chain(sources.profiles.clone());
        for text in texts {
            for document in documents(&text, &mut problems) {
                match document.value.get("kind").and_then(serde_json::Value::as_str) {
                    Some("FeatureCatalogue") => {
                        if let Some(catalogue) = read(&text.origin, &document, &mut problems) {
                            catalogues.push(catalogue);
                            catalogue_documents.push((text.origin.clone(), document));
                        }
                    }
                    Some("VirtualNodeProfile") => {
                        let source = read::<ProfileSource>(&text.origin, &document, &mut problems);
                        if let Some(source) = source {
                            let origin = text.origin.clone();
                            let name = source.name().to_owned();
                            profiles.insert(name, Written { origin, document, source });
                        }
                    }
                    Some("VirtualNodeBase") => {
                        let source = read::<BaseSource>(&text.origin, &document, &mut problems);
                        if let Some(source) = source {
                            let origin = text.origin.clone();
                            let name = source.name().to_owned();
                            bases.insert(name, Written { origin, document, source });
                        }
                    }
                    kind => {
                        let kind = kind.unwrap_or_default();
                        let message = format!(
                            "kind `{kind}` is not read here; use `VirtualNodeProfile`, `VirtualNodeBase` or `FeatureCatalogue`"
                        );
                        let mistake = Mistake { place: FieldPath::keys("kind"), message };
                        problems.push(Problem::of(&text.origin, &document, mistake));
                    }
                }
            }
        }
        let catalogue = match Catalogue::build(&catalogues) {
            Ok(catalogue) => catalogue,
            Err(mistakes) => {
                // Profiles cannot be read against a broken catalogue: every feature they name would look unknown.
                problems.extend(mistakes.into_iter().map(|(number, mistake)| {
                    match number.and_then(|number| catalogue_documents.get(number)) {
                        Some((origin, document)) => Problem::of(origin, document, mistake),
                        None => Problem {
                            origin: "policies/catalogue".to_owned(),
                            mark: None,
                            message: mistake.message,
                        },
                    }
                }));
                return Err(BundleError(problems));
            }
        };
        let config = sources
            .config
            .as_ref()
            .map_or_else(ConfigSpec::default, |text| config(text, &mut problems));
        // A profile that nobody chose can still be a base.
        let handed = Bases::of(
            profiles.values().map(|written| &written.source),
            bases.values().map(|written| &written.source),
        );
        for (name, Written { origin, document, source }) in &bases {
            if profiles.contains_key(name) {
                let place = FieldPath::keys("metadata.name");
                let message =
                    format!("a profile is called `{name}` too; give the base another name");
                problems.push(Problem::of(origin, document, Mistake { place, message }));
            }
            problems.extend(source.check(&catalogue, &handed).into_iter().map(|mistake| {
                let message = format!("base `{name}`: {}", mistake.message);
                Problem::of(origin, document, Mistake { message, ..mistake })
            }));
        }
        let known_profiles: Vec<String> = profiles.keys().cloned().collect();
        choose(&config.profiles, &mut profiles, sources, &mut problems);
        let mut profiles = build_profiles(profiles, &catalogue, &handed, &mut problems);
        let disabled: Vec<String> = known_profiles
            .iter()
            .filter(|name| !profiles.iter().any(|profile| profile.name == **name))
            .cloned()
            .collect();
        settings::set_prices(
            &mut profiles,
            &disabled,
            config.prices.clone(),
            sources,
            &mut problems,
        );
        settings::check(&config.overrides, &known_profiles, &catalogue, sources, &mut problems);
        let mut notices = Vec::new();
        let mut written = Vec::new();
        let (constraints, mutators) =
            constraints(sources, &mut written, config.mutator_scope, &mut problems, &mut notices);
        let policies = policies(sources, &written, &known_profiles, &config, &mut problems);
        let governing = (policies.as_slice(), &constraints);
        let exemptions = exemptions(sources, &catalogue, &known_profiles, governing, &mut problems);
        if !problems.is_empty() {
            return Err(BundleError(problems));
        }
        Ok(Self {
            catalogue,
            profiles,
            disabled,
            overrides: Overrides(config.overrides),
            policies,
            constraints,
            mutators,
            notices: notices.iter().map(ToString::to_string).collect(),
            exemptions,
            mode: config.mode,
            digest: digest(sources),
        })
    }
}

/// A document as it is written, and where.
struct Written<T> {
    origin: String,
    document: Document,
    source: T,
}

/// Keeps the profiles that the configuration names, if it names any.
fn choose(
    wanted: &[String],
    profiles: &mut BTreeMap<String, Written<ProfileSource>>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) {
    for name in wanted.iter().filter(|name| !profiles.contains_key(*name)) {
        problems.push(Problem {
            origin: sources.config.as_ref().map_or_else(String::new, |text| text.origin.clone()),
            mark: None,
            message: format!(
                "no profile `{name}`: {}",
                suggest::help(name, profiles.keys().map(String::as_str))
            ),
        });
    }
    if !wanted.is_empty() {
        profiles.retain(|name, _| wanted.contains(name));
    }
}

fn build_profiles(
    sources: BTreeMap<String, Written<ProfileSource>>,
    catalogue: &Catalogue,
    bases: &Bases,
    problems: &mut Vec<Problem>,
) -> Vec<Profile> {
    let mut profiles = Vec::with_capacity(sources.len());
    for (number, (name, written)) in (0_u16..).zip(sources) {
        let Written { origin, document, source } = written;
        match source.build(ProfileId(number), catalogue, bases) {
            Ok(profile) => profiles.push(profile),
            Err(mistakes) => problems.extend(mistakes.into_iter().map(|mistake| {
                let message = format!("profile `{name}`: {}", mistake.message);
                Problem::of(&origin, &document, Mistake { message, ..mistake })
            })),
        }
    }
    profiles
}

fn config(text: &Text, problems: &mut Vec<Problem>) -> ConfigSpec {
    let mut documents = documents(text, problems).into_iter();
    let Some(document) = documents.next() else {
        return ConfigSpec::default();
    };
    let kind = document.value.get("kind").and_then(serde_json::Value::as_str);
    if kind != Some("LoadlineConfig") || documents.next().is_some() {
        problems.push(Problem {
            origin: text.origin.clone(),
            mark: document.locate(&FieldPath::keys("kind")),
            message: "a configuration is one document of kind `LoadlineConfig`".to_owned(),
        });
        return ConfigSpec::default();
    }
    read::<ConfigSource>(&text.origin, &document, problems)
        .map(|source| source.spec)
        .unwrap_or_default()
}

fn exemptions(
    sources: &Sources,
    catalogue: &Catalogue,
    profiles: &[String],
    (policies, constraints): (&[Policy], &Constraints),
    problems: &mut Vec<Problem>,
) -> Vec<Exemption> {
    // What is off today may be on tomorrow: the library's policies are known even where none is on.
    let constraints: Vec<String> = constraints.iter().map(Constraint::title).collect();
    let codes: Vec<&str> = catalogue
        .names()
        .chain(CODES.iter().map(|code| code.name))
        .chain(policies.iter().map(|policy| policy.name.as_str()))
        .chain(library().map(|policy| policy.name))
        .chain(constraints.iter().map(String::as_str))
        .collect();
    let profiles: Vec<&str> = profiles.iter().map(String::as_str).collect();
    let mut exemptions: Vec<Exemption> = Vec::new();
    for text in &sources.exemptions {
        for document in documents(text, problems) {
            let mut tell = |mistake| problems.push(Problem::of(&text.origin, &document, mistake));
            let kind = document.value.get("kind").and_then(serde_json::Value::as_str);
            if kind != Some("Exemption") {
                let kind = kind.unwrap_or_default();
                let message = format!("kind `{kind}` is not read here; use `Exemption`");
                tell(Mistake { place: FieldPath::keys("kind"), message });
                continue;
            }
            let Some(source) = read::<ExemptionSource>(&text.origin, &document, problems) else {
                continue;
            };
            let mut tell = |mistake| problems.push(Problem::of(&text.origin, &document, mistake));
            match source.build(&codes, &profiles) {
                Ok(exemption) if exemptions.iter().any(|known| known.name == exemption.name) => {
                    let message =
                        format!("an exemption named `{}` is there already", exemption.name);
                    tell(Mistake { place: FieldPath::keys("metadata.name"), message });
                }
                Ok(exemption) => exemptions.push(exemption),
                Err(mistakes) => mistakes.into_iter().for_each(tell),
            }
        }
    }
    exemptions.sort_by(|left, right| left.name.cmp(&right.name));
    exemptions
}

/// A short name for everything that went in: the same texts give the same digest.
fn digest(sources: &Sources) -> String {
    let mut hash = Sha256::new();
    let user = sources
        .profiles
        .iter()
        .chain(&sources.policies)
        .chain(&sources.exemptions)
        .chain(&sources.config);
    let texts =
        EMBEDDED.iter().copied().chain(user.map(|text| (text.origin.as_str(), text.text.as_str())));
    for (_, text) in texts {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    for set in &sources.sets {
        hash.update(set);
    }
    hash.update(env!("CARGO_PKG_VERSION"));
    let mut digest = String::from("sha256:");
    for byte in hash.finalize().iter().take(8) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
