//! Parts of a module's text that are put in front of a statement once more: [`Marks`].

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use crate::governance::shape::Scanner;
use crate::governance::syntax::{kind_of, list, range_of};

/// A name for a wildcard, by where it stands.
pub(super) fn name_of_wildcard(position: usize) -> String {
    format!("loadline_any_{position}")
}

/// What must be known of a part of a text that is put in front of it once more.
#[derive(Default)]
pub(super) struct Marks {
    /// The wildcards, but for those of comprehensions.
    pub(super) wildcards: BTreeSet<usize>,
    /// Where statements end that others follow.
    ends: BTreeSet<usize>,
}

impl Marks {
    /// A part of the text on one line: without comments, which would swallow what follows, and with signs where lines divide
    /// statements.
    pub(super) fn copied(&self, text: &str, range: Range<usize>) -> String {
        let text = text.get(range.clone()).unwrap_or_default();
        let mut copy = String::with_capacity(text.len());
        let mut scanner = Scanner::new(text);
        let mut done = 0;
        while let Some((start, _)) = scanner.next() {
            let end = scanner.position();
            let word = text.get(start..end).unwrap_or_default();
            let ends = self.ends.range(range.start + done..=range.start + start).next().is_some();
            if ends && done > 0 && word != ";" {
                copy.push(';');
            }
            let between = text.get(done..start).unwrap_or_default();
            copy.push_str(if between.contains(['\n', '#']) { " " } else { between });
            let at = range.start + start;
            if self.wildcards.contains(&at) {
                copy.push_str(&name_of_wildcard(at));
            } else {
                copy.push_str(word);
            }
            done = end;
        }
        copy
    }

    pub(super) fn find(&mut self, node: &Value) {
        match (node, kind_of(node)) {
            (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", content))) => self.ends(content),
            (_, Some(("Var", content))) => {
                if content.get("value").and_then(Value::as_str) == Some("_") {
                    self.wildcards.extend(range_of(content).map(|range| range.start));
                }
            }
            (Value::Array(nodes), _) => nodes.iter().for_each(|node| self.find(node)),
            (Value::Object(members), _) => members.values().for_each(|node| self.find(node)),
            _ => {}
        }
    }

    fn ends(&mut self, node: &Value) {
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| self.ends(node)),
            Value::Object(members) => {
                let statements: Vec<&Value> = list(node, "stmts").collect();
                if let Some((_, first)) = statements.split_last() {
                    self.ends.extend(first.iter().filter_map(|one| Some(range_of(one)?.end)));
                }
                members.values().for_each(|node| self.ends(node));
            }
            _ => {}
        }
    }
}
