//! Facts that stand once: what a profile takes over from the base that it extends.
//!
//! A base is another profile, or a `VirtualNodeBase` document, which is facts and nothing else: no node is ever recognised
//! as one. A base can extend another. Of a feature that both speak of, the nearer word counts; what sets kinds of nodes
//! apart (how they are recognised, what a pod needs, what holds for everything that is not listed) is never taken over.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{AccessSource, BaseSource, ProfileSource, SupportSource};
use super::{Access, Entry};
use crate::catalogue::Catalogue;
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::path::FieldPath;
use crate::pod::FeatureId;

/// What can be extended, by name.
#[derive(Debug, Default)]
pub struct Bases(BTreeMap<String, Base>);

#[derive(Debug)]
struct Base {
    extends: Option<String>,
    access: AccessSource,
    support: Vec<SupportSource>,
}

/// What a profile takes over, the nearest base first.
#[derive(Debug, Default)]
pub(super) struct Inheritance {
    /// Facts with the features they are about; of a feature that stands twice, the first counts.
    pub entries: Vec<(Vec<FeatureId>, Entry)>,
    /// Facts about the streaming calls.
    pub access: Access,
}

impl Bases {
    /// Everything that these documents hold. A profile and a base of one name are told apart by nobody: the base counts.
    pub fn of<'s>(
        profiles: impl IntoIterator<Item = &'s ProfileSource>,
        bases: impl IntoIterator<Item = &'s BaseSource>,
    ) -> Self {
        let profiles = profiles.into_iter().map(|one| {
            let (extends, access, support) = one.facts();
            (one.name(), extends, access, support)
        });
        let bases = bases.into_iter().map(|one| {
            let (extends, access, support) = one.facts();
            (one.name(), extends, access, support)
        });
        Self(
            profiles
                .chain(bases)
                .map(|(name, extends, access, support)| {
                    let base = Base {
                        extends: extends.map(str::to_owned),
                        access: access.clone(),
                        support: support.to_vec(),
                    };
                    (name.to_owned(), base)
                })
                .collect(),
        )
    }

    /// The bases of the document `name`, which extends `first`, the nearest one first.
    ///
    /// Fails where there is no base of that name, and where `name` would be its own base. What is wrong with a base further
    /// on is told where that base stands, not here.
    fn chain(&self, name: &str, first: Option<&str>) -> Result<Vec<(&str, &Base)>, String> {
        let mut chain: Vec<(&str, &Base)> = Vec::new();
        let mut next = first;
        while let Some(wanted) = next {
            if wanted == name {
                let through: Vec<String> =
                    chain.iter().map(|(base, _)| format!("`{base}` extends ")).collect();
                return Err(format!(
                    "`{name}` extends {}`{name}`: nothing can be its own base; give it another name or another base",
                    through.concat()
                ));
            }
            let Some((known, base)) = self.0.get_key_value(wanted) else {
                return if chain.is_empty() {
                    let names = self.0.keys().map(String::as_str).filter(|known| *known != name);
                    Err(format!("there is no base `{wanted}`: {}", suggest::help(wanted, names)))
                } else {
                    Ok(chain)
                };
            };
            if chain.iter().any(|(before, _)| before == known) {
                return Ok(chain);
            }
            chain.push((known, base));
            next = base.extends.as_deref();
        }
        Ok(chain)
    }

    /// What the document `name` takes over. Features that the catalogue does not know are told where the base stands.
    pub(super) fn inheritance(
        &self,
        name: &str,
        extends: Option<&str>,
        catalogue: &Catalogue,
    ) -> Result<Inheritance, Mistake> {
        let chain = self
            .chain(name, extends)
            .map_err(|message| Mistake { place: FieldPath::keys("spec.extends"), message })?;
        let mut handed = Inheritance::default();
        for (base, facts) in chain {
            let from = |entry: Entry| Entry { from: Some(base.to_owned()), ..entry };
            for source in &facts.support {
                let features = source.features.iter().filter_map(|name| catalogue.by_name(name));
                handed.entries.push((features.collect(), from(source.clone().into())));
            }
            let further = Access::from(facts.access.clone());
            handed.access = std::mem::take(&mut handed.access).or(Access {
                exec: further.exec.map(from),
                attach: further.attach.map(from),
                logs: further.logs.map(from),
                port_forward: further.port_forward.map(from),
            });
        }
        Ok(handed)
    }
}

impl Access {
    /// These facts, and the others where these say nothing.
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            exec: self.exec.or(others.exec),
            attach: self.attach.or(others.attach),
            logs: self.logs.or(others.logs),
            port_forward: self.port_forward.or(others.port_forward),
        }
    }
}

impl BaseSource {
    /// Every mistake: features that the catalogue does not know or that stand twice, a base that is not there.
    pub fn check(&self, catalogue: &Catalogue, bases: &Bases) -> Vec<Mistake> {
        let (extends, _, support) = self.facts();
        let mut mistakes = Vec::new();
        if let Err(mistake) = bases.inheritance(self.name(), extends, catalogue) {
            mistakes.push(mistake);
        }
        resolve(support, catalogue, &mut mistakes);
        mistakes
    }
}

/// Facts with the features that they are about, in their order; mistakes are added to those there are.
pub(super) fn resolve(
    support: &[SupportSource],
    catalogue: &Catalogue,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(Vec<FeatureId>, Entry)> {
    let mut told = BTreeSet::new();
    support
        .iter()
        .enumerate()
        .map(|(number, source)| {
            let place = FieldPath::keys("spec.support").index(number).key("features");
            let features = names(&source.features, &place, catalogue, &mut told, mistakes);
            (features, source.clone().into())
        })
        .collect()
}

/// The features of a list of names at `place`, each of which may stand only once.
pub(super) fn names(
    names: &[String],
    place: &FieldPath,
    catalogue: &Catalogue,
    told: &mut BTreeSet<FeatureId>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<FeatureId> {
    let mut features = Vec::with_capacity(names.len());
    for (position, name) in names.iter().enumerate() {
        let message = match catalogue.by_name(name) {
            Some(feature) if told.insert(feature) => {
                features.push(feature);
                continue;
            }
            Some(_) => format!("`{name}` is listed twice"),
            None => {
                let near = suggest::nearest(name, catalogue.names());
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                format!("unknown feature `{name}`{hint}")
            }
        };
        mistakes.push(Mistake { place: place.clone().index(position), message });
    }
    features
}
