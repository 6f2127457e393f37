//! New versions of a bundle's texts, taken as far as they can be used.

mod doubt;

pub use doubt::{Doubt, gone};

use super::{BundleError, Sources, Text};
use crate::admission::Pipeline;

/// A bundle made of new texts, and of the last good version of each text that is broken.
#[derive(Debug)]
pub struct Mended {
    /// What decides from now on.
    pub pipeline: Pipeline,
    /// The texts it was made of: the last good version of each.
    pub sources: Sources,
    /// The texts whose new version cannot be used.
    pub held: Vec<Held>,
}

/// A text whose new version cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Held {
    /// Which text.
    pub origin: String,
    /// What is wrong with its new version, with file, line and column where they are known.
    pub problem: String,
    /// Whether an earlier version is in force in its place; a text that never was good is left out.
    pub has_last_good: bool,
    /// Whether it is taken as it is if only it stays so for a while.
    pub waits: bool,
}

impl Mended {
    /// Compiles `wanted`; a text of it that is broken or among `doubts` is held back, and its version in `last_good` stays in
    /// force.
    ///
    /// Fails where that does not help, as when a text that is good by itself no longer fits the others. Then all of the last
    /// good bundle should stay in force.
    pub fn compile(
        wanted: &Sources,
        last_good: &Sources,
        doubts: &[Doubt],
    ) -> Result<Self, BundleError> {
        let mut sources = wanted.clone();
        let mut held: Vec<Held> = Vec::new();
        // What is doubtful may be broken besides, which says more.
        let broken = match doubts {
            [] => Vec::new(),
            _ => Self::mend(sources.clone(), last_good, Vec::new())
                .map_or_else(|_| Vec::new(), |mended| mended.held),
        };
        for doubt in doubts {
            let origin = doubt.text.origin.clone();
            if let Some(has_last_good) = sources.hold_back(&origin, last_good) {
                let problem = format!("{origin}: {}", doubt.problem);
                let known = broken.iter().find(|one| one.origin == origin).cloned();
                let doubtful = Held { origin, problem, has_last_good, waits: doubt.passes };
                held.push(known.unwrap_or(doubtful));
            }
        }
        Self::mend(sources, last_good, held)
    }

    fn mend(
        mut sources: Sources,
        last_good: &Sources,
        mut held: Vec<Held>,
    ) -> Result<Self, BundleError> {
        loop {
            let error = match Pipeline::compile(&sources) {
                Ok(pipeline) => return Ok(Self { pipeline, sources, held }),
                Err(error) => error,
            };
            let known = held.len();
            for problem in &error.0 {
                if held.iter().any(|one| one.origin == problem.origin) {
                    continue;
                }
                if let Some(has_last_good) = sources.hold_back(&problem.origin, last_good) {
                    let (origin, problem) = (problem.origin.clone(), problem.to_string());
                    held.push(Held { origin, problem, has_last_good, waits: false });
                }
            }
            if held.len() == known {
                return Err(error);
            }
        }
    }
}

impl Sources {
    /// Puts the last good version of a text in its place, or takes it out where there is none. Gives which of the two was
    /// done, and nothing where no text has this origin or its version is the last good one already.
    fn hold_back(&mut self, origin: &str, last_good: &Self) -> Option<bool> {
        let here = |text: &Option<Text>| text.as_ref().is_some_and(|text| text.origin == origin);
        if here(&self.config) {
            if self.config == last_good.config {
                return None;
            }
            self.config.clone_from(&last_good.config);
            return Some(self.config.is_some());
        }
        [
            (&mut self.profiles, &last_good.profiles),
            (&mut self.policies, &last_good.policies),
            (&mut self.exemptions, &last_good.exemptions),
        ]
        .into_iter()
        .find_map(|(texts, good)| {
            let position = texts.iter().position(|text| text.origin == origin)?;
            match good.iter().find(|text| text.origin == origin) {
                Some(good) if texts.get(position) == Some(good) => None,
                Some(good) => {
                    texts.splice(position..=position, [good.clone()]);
                    Some(true)
                }
                None => {
                    texts.remove(position);
                    Some(false)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
