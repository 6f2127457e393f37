//! New versions of a bundle's texts, taken as far as they can be used.

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
}

impl Mended {
    /// Compiles `wanted`; a text of it that is broken is held back, and its version in `last_good` stays in force.
    ///
    /// Fails where that does not help, as when a text that is good by itself no longer fits the others. Then all of the last
    /// good bundle should stay in force.
    pub fn compile(wanted: &Sources, last_good: &Sources) -> Result<Self, BundleError> {
        let mut sources = wanted.clone();
        let mut held: Vec<Held> = Vec::new();
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
                    held.push(Held { origin, problem, has_last_good });
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
mod tests {
    use super::*;

    fn policy(name: &str, body: &str) -> Text {
        Text {
            origin: format!("policies/{name}.rego"),
            text: format!("package example.{name}\n\nimport rego.v1\n\n{body}\n"),
        }
    }

    fn good(name: &str, message: &str) -> Text {
        policy(name, &format!("deny contains {{\"msg\": \"{message}\"}} if input.pod.x"))
    }

    fn sources(policies: Vec<Text>) -> Sources {
        Sources { policies, ..Sources::default() }
    }

    #[test]
    fn a_policy_that_breaks_keeps_its_last_good_version_and_the_others_go_on() {
        let last_good = sources(vec![good("a", "old"), good("b", "old")]);
        let broken = policy("a", "deny contains {");
        let wanted = sources(vec![broken, good("b", "new"), good("c", "new")]);
        let mended = Mended::compile(&wanted, &last_good).unwrap();
        assert_eq!(
            mended.sources,
            sources(vec![good("a", "old"), good("b", "new"), good("c", "new")])
        );
        let [held] = mended.held.as_slice() else { panic!("{:?}", mended.held) };
        assert!(held.has_last_good && held.origin == "policies/a.rego", "{held:?}");
        assert!(held.problem.starts_with("policies/a.rego:6:1: "), "{held:?}");
    }

    #[test]
    fn a_policy_that_never_was_good_is_left_out_and_told() {
        let mended = Mended::compile(
            &sources(vec![good("a", "old"), policy("b", "deny = 1 {")]),
            &sources(vec![good("a", "old")]),
        )
        .unwrap();
        assert_eq!(mended.sources, sources(vec![good("a", "old")]));
        assert!(mended.held.iter().all(|held| !held.has_last_good) && mended.held.len() == 1);
    }

    #[test]
    fn a_configuration_that_breaks_keeps_its_last_good_version() {
        let config =
            |text: &str| Some(Text { origin: "config.yaml".to_owned(), text: text.to_owned() });
        let old = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {mode: warn}\n";
        let last_good = Sources { config: config(old), ..Sources::default() };
        let wanted = Sources { config: config("spec: ["), ..Sources::default() };
        let mended = Mended::compile(&wanted, &last_good).unwrap();
        assert_eq!(mended.sources, last_good);
        assert_eq!(mended.held.len(), 1);
    }

    #[test]
    fn texts_that_no_longer_fit_together_change_nothing() {
        let config = "apiVersion: loadline.dev/v1alpha1\nkind: LoadlineConfig\nspec: {policies: [{name: a, action: warn}]}\n";
        let config = Some(Text { origin: "config.yaml".to_owned(), text: config.to_owned() });
        let last_good = Sources { config, ..sources(vec![good("a", "old")]) };
        let wanted = Sources { policies: Vec::new(), ..last_good.clone() };
        let error = Mended::compile(&wanted, &last_good).unwrap_err();
        assert!(error.to_string().contains("no policy `a`"), "{error}");
    }
}
