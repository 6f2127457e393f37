//! The shape of a module's text, looked at before any parser: what is too deep or too long is refused with its position.
//!
//! The engine's parser tries a literal as a comprehension before it reads it as what it is, at every level, so its time
//! doubles with each; and it, its compiler and the destructors of its trees recurse along chains of operators. Twenty lines
//! of brackets would cost minutes, and a long sum the process. The limits are far beyond what people write.

use crate::document::Mark;

/// How long a module may be, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// How deep brackets may nest.
const MAX_DEPTH: usize = 24;

/// How long a chain of operators and steps may be, counted through all brackets that are open.
const MAX_CHAIN: usize = 128;

/// How many tokens the parser may have to read, each counted as often as it is read again.
const MAX_WORK: u64 = 1 << 23;

/// How many digits the exponent of a number may have.
const MAX_EXPONENT_DIGITS: usize = 3;

const TEMPLATE: &str = "not supported: a string with expressions in it (`$\"...\"`); use `sprintf`, which all versions of OPA understand";

/// Fails with the position and the reason where the text is not fit for the parser.
pub(super) fn check(text: &str) -> Result<(), (Mark, String)> {
    if text.len() > MAX_BYTES {
        let reason = format!("the module has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err((Mark { line: 1, column: 1 }, reason));
    }
    let mut shape = Shape::default();
    let mut scanner = Scanner::new(text);
    while let Some((start, token)) = scanner.next() {
        let rest = text.get(start..).unwrap_or_default();
        let is_template = rest.starts_with("$\"") || rest.starts_with("$`");
        if let Err(reason) = if is_template { Err(TEMPLATE.to_owned()) } else { shape.step(token) }
        {
            return Err((Lines::of(text).mark(text, start), reason));
        }
    }
    Ok(())
}

/// Where the lines of a text begin.
#[derive(Debug)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(
            std::iter::once(0)
                .chain(text.match_indices('\n').map(|(position, _)| position + 1))
                .collect(),
        )
    }

    /// The line and column of a byte of that text.
    pub(super) fn mark(&self, text: &str, position: usize) -> Mark {
        let line = self.0.partition_point(|start| *start <= position);
        let start =
            line.checked_sub(1).and_then(|above| self.0.get(above)).copied().unwrap_or_default();
        let before = text.get(start..text.floor_char_boundary(position)).unwrap_or_default();
        Mark { line, column: before.chars().count() + 1 }
    }
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Token<'t> {
    /// A name, a keyword, a string.
    Operand,
    /// A number, as written.
    Number(&'t str),
    /// Something that continues a chain.
    Operator,
    /// Something that ends it.
    Separator,
    /// `(`, or a bracket that the parser reads more than once.
    Open {
        /// Whether it is read more than once.
        is_literal: bool,
    },
    /// A bracket that ends what another one began.
    Close,
}

/// One open bracket, or the text outside all of them.
#[derive(Default)]
struct Level {
    /// How long the chain is that is being read here.
    chain: usize,
    /// Whether an operand was just read: another one begins something new.
    after_operand: bool,
    is_literal: bool,
}

#[derive(Default)]
struct Shape {
    outer: Vec<Level>,
    here: Level,
    /// The chains of all outer levels together.
    chains: usize,
    literals: u32,
    work: u64,
}

impl Shape {
    fn step(&mut self, token: Token<'_>) -> Result<(), String> {
        self.work = self.work.saturating_add(1 << self.literals.min(40));
        if self.work > MAX_WORK {
            return Err(
                "literals nest too deep, too often; move the inner ones to rules of their own"
                    .to_owned(),
            );
        }
        match token {
            Token::Operand => self.operand(),
            Token::Number(number) => {
                let exponent = number.split_once(['e', 'E']).map_or("", |(_, exponent)| exponent);
                if exponent.trim_start_matches(['+', '-', '0']).len() > MAX_EXPONENT_DIGITS {
                    return Err(format!("the exponent of `{number}` is too large"));
                }
                self.operand();
            }
            Token::Operator => {
                self.here.chain += 1;
                self.here.after_operand = false;
            }
            Token::Separator => {
                self.here.chain = 0;
                self.here.after_operand = false;
            }
            Token::Open { is_literal } => {
                self.here.chain += 1;
                self.chains += self.here.chain;
                self.literals += u32::from(is_literal);
                self.outer.push(std::mem::take(&mut self.here));
                self.here.is_literal = is_literal;
                if self.outer.len() > MAX_DEPTH {
                    return Err(format!("brackets nest deeper than {MAX_DEPTH} levels"));
                }
            }
            Token::Close => {
                self.literals -= u32::from(self.here.is_literal);
                // A bracket too many is for the parser to tell.
                self.here = self.outer.pop().unwrap_or_default();
                self.chains -= self.here.chain.min(self.chains);
                self.here.after_operand = true;
            }
        }
        if self.chains + self.here.chain > MAX_CHAIN {
            return Err(format!("an expression has more than {MAX_CHAIN} steps; name its parts"));
        }
        Ok(())
    }

    fn operand(&mut self) {
        if self.here.after_operand {
            self.here.chain = 0;
        }
        self.here.after_operand = true;
    }
}

/// Reads a text token by token.
pub(super) struct Scanner<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Scanner<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, position: 0 }
    }

    /// Where the last token ends.
    pub(super) const fn position(&self) -> usize {
        self.position
    }

    /// The next token and where it begins. Text that is no Rego gives some tokens or other, and an error of the parser.
    pub(super) fn next(&mut self) -> Option<(usize, Token<'t>)> {
        loop {
            let rest = self.text.get(self.position..)?;
            let first = rest.chars().next()?;
            if first == '#' {
                self.position += rest.find('\n').unwrap_or(rest.len());
            } else if first.is_whitespace() {
                self.position += first.len_utf8();
            } else {
                let start = self.position;
                let (length, token) = Self::token(rest, first);
                self.position += length;
                return Some((start, token));
            }
        }
    }

    fn token(rest: &'t str, first: char) -> (usize, Token<'t>) {
        let run = |belongs: fn(char) -> bool| rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        match first {
            '"' => (string(rest), Token::Operand),
            '`' => (
                rest.get(1..).and_then(|inner| inner.find('`')).map_or(rest.len(), |end| end + 2),
                Token::Operand,
            ),
            '(' => (1, Token::Open { is_literal: false }),
            '[' | '{' => (1, Token::Open { is_literal: true }),
            ')' | ']' | '}' => (1, Token::Close),
            ',' | ';' => (1, Token::Separator),
            '0'..='9' => {
                let end = number(rest);
                (end, rest.get(..end).map_or(Token::Operand, Token::Number))
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = run(|c| c.is_alphanumeric() || c == '_');
                // Both stand between operands, or before one, without a sign.
                let is_operator = matches!(rest.get(..end), Some("in" | "not"));
                (end, if is_operator { Token::Operator } else { Token::Operand })
            }
            c => (c.len_utf8(), Token::Operator),
        }
    }
}

/// The length of the string in quotes that `rest` begins with.
fn string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (position, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            // A string that does not close ends with its line, so that the rest is still looked at.
            '"' | '\n' => return position + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of the number that `rest` begins with, its exponent included.
fn number(rest: &str) -> usize {
    let mut previous = ' ';
    for (position, c) in rest.char_indices() {
        let is_sign_of_exponent = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E');
        if !(c.is_alphanumeric() || c == '.' || is_sign_of_exponent) {
            return position;
        }
        previous = c;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, line: usize, part: &str) {
        let (mark, reason) = check(text).unwrap_err();
        assert_eq!(mark.line, line, "{reason}");
        assert!(reason.contains(part), "{reason}");
    }

    #[test]
    fn what_people_write_passes() {
        check(include_str!("../../policies/library/allowed-registries/allowed-registries.rego"))
            .unwrap();
        let affinity = "r := {\"review\": {\"object\": {\"spec\": {\"template\": {\"spec\": {\"affinity\": {\"nodeAffinity\": \
            {\"required\": {\"nodeSelectorTerms\": [{\"matchExpressions\": [{\"key\": \"a\", \"values\": [\"b\"]}]}]}}}}}}}}}\n";
        check(&affinity.repeat(20)).unwrap();
        check(&"allowed if input.a.b.c[_].d == data.x.y[input.z]\n".repeat(2000)).unwrap();
        check(&"x contains 1 if { a := 1; b := a + 1\n c := b * 2\n c > 3 }\n".repeat(2000))
            .unwrap();
        check("message := \"((((((((((((((((((((((((((((((((((\" # ((((((((((((((((((((((((((((((((((\n").unwrap();
        check("pattern := `[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[`\nlimit := 1e300\n").unwrap();
    }

    #[test]
    fn deep_brackets_are_refused_where_they_become_too_deep() {
        refused(&format!("package a\nr := {}1{}\n", "[".repeat(30), "]".repeat(30)), 2, "nest");
        refused(
            &format!("package a\n\nr := {}1{}\n", "(".repeat(30), ")".repeat(30)),
            3,
            "deeper than 24",
        );
    }

    #[test]
    fn many_deep_literals_are_refused() {
        let one = format!("r := {}1{}\n", "[".repeat(16), "]".repeat(16));
        refused(&one.repeat(200), 33, "too often");
    }

    #[test]
    fn long_chains_are_refused_also_over_lines() {
        refused(&format!("package a\nr := 1{}", "+\n1".repeat(200)), 128, "steps");
        refused(&format!("package a\nr := a{}", ".b".repeat(200)), 2, "steps");
        refused(&format!("package a\nr := a{}", "[0]".repeat(200)), 2, "steps");
        refused(&format!("package a\nr if 1{}", " in 1".repeat(200)), 2, "steps");
        refused(&format!("package a\nr := {}1", "-".repeat(200)), 2, "steps");
    }

    #[test]
    fn a_number_that_would_take_gigabytes_is_refused() {
        refused("package a\nr := 1e1999999999\n", 2, "exponent");
        refused("package a\nr := 1.5E+0001000\n", 2, "exponent");
    }

    #[test]
    fn texts_with_expressions_in_them_are_refused_by_their_name() {
        refused("package a\nr := $\"a {input.b}\"\n", 2, "use `sprintf`");
        refused("package a\nr := $`a {input.b}`\n", 2, "use `sprintf`");
        check("r := \"$`\" # $\"\n").unwrap();
    }

    #[test]
    fn a_module_that_is_too_long_is_refused() {
        refused(&"#\n".repeat(MAX_BYTES), 1, "bytes");
    }
}
