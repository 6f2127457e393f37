//! Where the engine reads Rego otherwise than OPA does, the text is changed before it is run: [`before_parsing`],
//! [`guards`].
//!
//! Lines stay where they are, and [`Rewritten`] knows how far the rest of a line has moved.

mod negation;
mod statements;
mod walks;

use std::collections::BTreeSet;
use std::ops::Range;

use super::mode::Language;
use super::shape::{Lines, Scanner, Token};
use crate::document::Mark;

pub(super) use negation::needed;
pub(super) use statements::guards;
use walks::walks;

/// A change of a module's text: what is replaced, in bytes, and by what. None of them has line breaks.
pub(super) type Edit = (Range<usize>, String);

/// A module's text after changes.
#[derive(Debug)]
pub(super) struct Rewritten {
    /// The text.
    pub text: String,
    /// For each change, where it stands now, how many characters it has, and how many were there before.
    moved: Vec<(Mark, usize, usize)>,
}

impl Rewritten {
    /// Changes a text.
    pub(super) fn new(text: &str, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|(range, _)| range.start);
        let (mut new, mut starts, mut done) = (String::with_capacity(text.len()), Vec::new(), 0);
        for (range, inserted) in edits {
            new.push_str(text.get(done..range.start).unwrap_or_default());
            let removed = text.get(range.clone()).map_or(0, |old| old.chars().count());
            starts.push((new.len(), inserted.chars().count(), removed));
            new.push_str(&inserted);
            done = range.end;
        }
        new.push_str(text.get(done..).unwrap_or_default());
        let lines = Lines::of(&new);
        let moved = starts
            .into_iter()
            .map(|(start, inserted, removed)| (lines.mark(&new, start), inserted, removed))
            .collect();
        Self { text: new, moved }
    }

    /// Where something at this mark stood before.
    pub(super) fn original(&self, mark: Mark) -> Mark {
        let before = self.moved.iter().filter(|(start, ..)| start.line == mark.line);
        let column = before.fold(mark.column, |column, (start, inserted, removed)| {
            // What lies inside of what was put in stands where that begins.
            let inside = mark.column.saturating_sub(start.column).min(*inserted);
            let whole = inside == *inserted && mark.column > start.column;
            column - inside + if whole { *removed } else { 0 }
        });
        Mark { line: mark.line, column: column.max(1) }
    }
}

/// What must be put into a text before the engine's parser reads it.
///
/// - A bracket on a new line begins a new statement; the engine takes it for a call of what ends the line above.
/// - `re_match` is an old name of `regex.match`.
/// - `a.default` is `a["default"]`: the engine takes no keyword for the name of a field.
/// - In old Rego, an import may stand twice; the engine takes the second one for another that hides the first.
/// - In old Rego, a body may follow another one of the same rule: `f(x) { ... } { ... }` stands for two rules.
pub(super) fn before_parsing(text: &str, language: Language) -> Vec<Edit> {
    let mut reader = Reader { text, language, ..Reader::default() };
    let mut scanner = Scanner::new(text);
    while let Some((start, token)) = scanner.next() {
        reader.step(start, scanner.position(), token);
    }
    reader.end_import();
    if !reader.has_own_match {
        let renamed = reader.matches.into_iter().map(|range| (range, "regex.match".to_owned()));
        reader.edits.extend(renamed);
    }
    reader.edits
}

/// What the text between two brackets of the outermost level is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Outermost {
    /// The body of a rule.
    Body,
    /// A part of a head, or a value.
    #[default]
    Other,
}

#[derive(Default)]
struct Reader<'t> {
    text: &'t str,
    language: Language,
    edits: Vec<Edit>,
    /// Where `re_match` is called.
    matches: Vec<Range<usize>>,
    /// Whether a rule has that name.
    has_own_match: bool,
    /// The token before this one: whether a value or a bracket ends with it, and where it ends.
    operand: bool,
    end: usize,
    word: &'t str,
    /// Where the last token begins if it is a dot right behind a value.
    dot: Option<usize>,
    /// The first word of the line.
    first_word: &'t str,
    depth: usize,
    outermost: Outermost,
    /// Where the rule begins that is being read, and where its first body does.
    rule: usize,
    body: Option<usize>,
    /// Whether a body has just ended.
    after_body: bool,
    /// The import that is being read, and those that were.
    import: Option<Range<usize>>,
    imports: BTreeSet<String>,
}

impl<'t> Reader<'t> {
    fn step(&mut self, start: usize, end: usize, token: Token<'t>) {
        let word = self.text.get(start..end).unwrap_or_default();
        let between = self.text.get(self.end..start).unwrap_or_default();
        let on_new_line = between.contains('\n');
        let is_operand = matches!(token, Token::Operand | Token::Number(_));
        if word == "(" && on_new_line && self.operand && self.depth > 0 {
            self.edits.push((self.end..self.end, ";".to_owned()));
        }
        if word == "re_match" && self.word != "." {
            let begins = on_new_line || self.after_body || self.end == 0;
            self.has_own_match |= self.depth == 0 && begins;
            self.matches.push(start..end);
        }
        if self.depth == 0 {
            self.outside(start, word, on_new_line, is_operand);
        }
        if on_new_line || self.end == 0 {
            self.end_import();
            self.first_word = word;
        }
        match &mut self.import {
            Some(import) => import.end = end,
            None if word == "import" && self.first_word == word && self.depth == 0 => {
                self.import = Some(start..end);
            }
            None => {}
        }
        let is_path = matches!(self.first_word, "import" | "package");
        if let Some(dot) = self.dot.filter(|_| !is_path && between.is_empty() && is_reserved(word))
        {
            self.edits.push((dot..end, format!("[\"{word}\"]")));
        }
        self.dot = (word == "." && between.is_empty() && self.operand).then_some(start);
        match token {
            Token::Open { .. } => self.depth += 1,
            Token::Close => {
                self.depth = self.depth.saturating_sub(1);
                self.after_body = self.depth == 0 && self.outermost == Outermost::Body;
            }
            _ => {}
        }
        self.operand = token == Token::Close || (is_operand && !is_keyword(word));
        self.end = end;
        self.word = word;
    }

    fn end_import(&mut self) {
        let Some(import) = self.import.take().filter(|_| self.language == Language::V0) else {
            return;
        };
        let text = self.text.get(import.clone()).unwrap_or_default();
        if !self.imports.insert(text.split_whitespace().collect::<Vec<_>>().join(" ")) {
            self.edits.push((import, String::new()));
        }
    }

    /// A token that stands in no bracket.
    fn outside(&mut self, start: usize, word: &str, on_new_line: bool, is_operand: bool) {
        if word == "{" {
            // After a sign a value begins, otherwise a body.
            let is_body = self.operand || matches!(self.word, "if" | "else");
            self.outermost = if is_body { Outermost::Body } else { Outermost::Other };
            if is_body {
                let first = *self.body.get_or_insert(start);
                if self.after_body && self.language == Language::V0 {
                    let head = self.text.get(self.rule..first).unwrap_or_default();
                    let head: Vec<&str> = head.lines().map(uncommented).collect();
                    self.edits.push((start..start, format!("{} ", head.join(" ").trim())));
                }
            }
        } else {
            if matches!(word, "[" | "(") {
                self.outermost = Outermost::Other;
            }
            let begins =
                is_operand && (self.after_body && word != "else" || on_new_line && self.operand);
            if begins || self.end == 0 {
                self.rule = start;
                self.body = None;
            }
        }
        self.after_body = false;
    }
}

/// A line without the comment at its end. A sign in a text that looks like one makes a head that the parser refuses.
fn uncommented(line: &str) -> &str {
    line.split_once(" #").map_or(line, |(line, _)| line)
}

/// Whether the engine takes a word for something else than the name of a field.
fn is_reserved(word: &str) -> bool {
    is_keyword(word) && word != "contains" || matches!(word, "true" | "false" | "null")
}

/// Whether a word never ends a value.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "as" | "contains"
            | "default"
            | "else"
            | "every"
            | "if"
            | "import"
            | "in"
            | "not"
            | "package"
            | "some"
            | "with"
    )
}

#[cfg(test)]
mod tests;
