//! The texts of modules on their way to the engine: [`Source`].

use crate::document::Mark;
use crate::governance::Module;
use crate::governance::mode::Language;
use crate::governance::rewrite::{self, Rewritten};
use crate::governance::syntax::Syntax;

/// A module's text as the engine reads it.
#[derive(Debug)]
pub(super) struct Source {
    /// Where the module comes from.
    pub(super) origin: String,
    /// What it is written in.
    pub(super) language: Language,
    /// What is parsed first.
    first: Rewritten,
    /// What is run, where that is something else.
    second: Option<Rewritten>,
}

impl Source {
    /// `language` is that of modules whose metadata names none.
    pub(super) fn new(module: Module<'_>, language: Language) -> Self {
        let language = Language::named_in(module.text).unwrap_or(language);
        let first = Rewritten::new(module.text, rewrite::before_parsing(module.text, language));
        Self { origin: module.origin.to_owned(), language, first, second: None }
    }

    /// Takes what the first parse has shown into account.
    pub(super) fn finish(
        self,
        module: &Syntax,
        prints: &[std::ops::Range<usize>],
        is_silent: bool,
    ) -> Self {
        let guards = rewrite::guards(module);
        let is_silent = is_silent && !prints.is_empty();
        let second = (is_silent || !guards.is_empty()).then(|| {
            if is_silent {
                Rewritten::new(&silence(&self.first.text, prints), guards)
            } else {
                Rewritten::new(&self.first.text, guards)
            }
        });
        Self { second, ..self }
    }

    /// Origin, text and language for the first parse.
    pub(super) fn first(&self) -> (&str, &str, Language) {
        (&self.origin, &self.first.text, self.language)
    }

    /// Origin, text and language of what is run.
    pub(super) fn second(&self) -> (&str, &str, Language) {
        let text = self.second.as_ref().map_or(&self.first.text, |second| &second.text);
        (&self.origin, text, self.language)
    }

    /// Whether what was parsed first is run.
    pub(super) const fn is_finished(&self) -> bool {
        self.second.is_none()
    }

    /// Where something stands in the module that stands here in what is run, or in what was parsed first.
    pub(super) fn original(&self, mark: Mark) -> Mark {
        let mark = self.second.as_ref().map_or(mark, |second| second.original(mark));
        self.first.original(mark)
    }
}

/// A message that begins with a place in what is run, with the place in the module instead.
pub(super) fn relocate(sources: &[Source], message: String) -> String {
    let place = |source: &Source| -> Option<String> {
        let rest = message.strip_prefix(&source.origin)?.strip_prefix(':')?;
        let mut parts = rest.splitn(3, ':');
        let line = parts.next()?.parse().ok()?;
        let column = parts.next()?.parse().ok()?;
        let mark = source.original(Mark { line, column });
        Some(format!("{}:{mark}:{}", source.origin, parts.next()?))
    };
    sources.iter().find_map(place).unwrap_or(message)
}

/// The text with `true` where `print` is called, and everything else where it was.
pub(super) fn silence(text: &str, calls: &[std::ops::Range<usize>]) -> String {
    let mut silent = text.to_owned();
    for call in calls {
        let Some(old) = text.get(call.clone()) else {
            continue;
        };
        // `print` is longer than `true`, and both stand on the first line.
        let blank: String =
            old.chars().skip("true".len()).map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        let padding = " ".repeat(old.len().saturating_sub("true".len() + blank.len()));
        silent.replace_range(call.clone(), &format!("true{blank}{padding}"));
    }
    silent
}
