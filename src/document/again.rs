//! YAML that is read a second time for where its values stand: [`Again`].

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::yaml::{Keeps, Loader, Node, Spanned};
use super::{Document, DocumentError, Places};

/// A YAML text with those lines before it, whose documents can be read again.
#[derive(Debug)]
pub(super) struct Again {
    whole: Arc<str>,
    range: Range<usize>,
    lines: usize,
    known: OnceLock<Vec<Spanned>>,
}

impl Again {
    /// A text of its own.
    pub(super) fn of(text: &str) -> Arc<Self> {
        Arc::new(Self::new(Arc::from(text), 0..text.len(), 0))
    }

    /// A part of a text.
    pub(super) const fn new(whole: Arc<str>, range: Range<usize>, lines: usize) -> Self {
        Self { whole, range, lines, known: OnceLock::new() }
    }

    /// Hands over its documents, but for those in which there is nothing.
    pub(super) fn load(
        self: Arc<Self>,
        loader: &mut Loader,
        sink: &mut dyn FnMut(Document),
    ) -> Result<(), DocumentError> {
        let mut number = 0;
        loader.load(self.text(), self.lines, &mut |node| {
            if !node.value.is_null() {
                let places =
                    Places::Yaml { text: Arc::clone(&self), number, begin: node.place.mark };
                number += 1;
                sink(Document { value: node.value, places });
            }
        })
    }

    fn text(&self) -> &str {
        self.whole.get(self.range.clone()).unwrap_or_default()
    }

    /// Where everything in a document stands.
    pub(super) fn places(&self, number: usize) -> Option<&Spanned> {
        let known = self.known.get_or_init(|| {
            let mut known = Vec::new();
            let mut sink = |node: Node| known.extend((!node.value.is_null()).then_some(node.place));
            // It was read before, so nothing is wrong with it.
            let _ = Loader::new(Keeps::Places).load(self.text(), self.lines, &mut sink);
            known
        });
        known.get(number)
    }
}
