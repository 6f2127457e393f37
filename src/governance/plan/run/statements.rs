//! Statements and patterns.

use super::{Flow, Run, Stop, pairs};
use crate::governance::plan::program::{Each, Every, Expr, Pattern, Statement};
use crate::governance::plan::value::Value;

impl<'r> Run<'r> {
    /// Goes through all ways in which statements hold together; `then` says whether to go on.
    pub(super) fn block(
        &mut self,
        mut statements: &'r [Statement],
        then: &mut dyn FnMut(&mut Self) -> Flow,
    ) -> Flow {
        while let Some((statement, rest)) = statements.split_first() {
            let holds = match statement {
                Statement::Holds(value) => {
                    self.value(value)?.is_some_and(|value| !matches!(value, Value::Bool(false)))
                }
                Statement::Match(pattern, value) => match self.value(value)? {
                    Some(value) => self.matches(pattern, value)?,
                    None => false,
                },
                Statement::Not(block) => !self.holds(block)?,
                Statement::Every(every) => self.every(every)?,
                Statement::Each(each) => return self.each(each, rest, then),
            };
            if !holds {
                return Ok(true);
            }
            statements = rest;
        }
        then(self)
    }

    /// Whether there is a way in which statements hold together.
    pub(super) fn holds(&mut self, statements: &'r [Statement]) -> Result<bool, Stop> {
        let mut holds = false;
        self.block(statements, &mut |_| {
            holds = true;
            Ok(false)
        })?;
        Ok(holds)
    }

    fn each(
        &mut self,
        Each { source, key, value }: &'r Each,
        rest: &'r [Statement],
        then: &mut dyn FnMut(&mut Self) -> Flow,
    ) -> Flow {
        let Some(source) = self.value(source)? else {
            return Ok(true);
        };
        if let Pattern::Equal(key) = key {
            let Some(key) = self.value(key)? else {
                return Ok(true);
            };
            return match source.get(key) {
                Some(one) if self.matches(value, one)? => self.block(rest, then),
                _ => Ok(true),
            };
        }
        for (one_key, one) in pairs(source) {
            self.step()?;
            if self.matches(key, one_key)?
                && self.matches(value, one)?
                && !self.block(rest, then)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn every(&mut self, Every { source, key, value, block }: &'r Every) -> Result<bool, Stop> {
        let source = match self.value(source)? {
            Some(source @ (Value::Array(_) | Value::Set(_) | Value::Object(_))) => source,
            Some(_) => return Err(Stop::GiveUp),
            None => return Ok(false),
        };
        for (one_key, one) in pairs(source) {
            self.step()?;
            if let Some(key) = key {
                self.bind(*key, one_key);
            }
            self.bind(*value, one);
            if !self.holds(block)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Holds a value against a pattern, and gives the pattern's variables theirs.
    pub(super) fn matches(&mut self, pattern: &'r Pattern, value: Value<'r>) -> Result<bool, Stop> {
        match pattern {
            Pattern::Any => Ok(true),
            Pattern::Bind(slot) => {
                self.bind(*slot, value);
                Ok(true)
            }
            Pattern::Equal(Expr::Text(text)) => {
                Ok(matches!(value, Value::Text(value) if *value == **text))
            }
            Pattern::Equal(expected) => {
                Ok(self.value(expected)?.is_some_and(|expected| expected == value))
            }
            Pattern::Array(items) => {
                let elements = match value {
                    Value::Array(elements) if elements.len() == items.len() => elements,
                    _ => return Ok(false),
                };
                for (item, element) in items.iter().zip(elements) {
                    if !self.matches(item, *element)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Pattern::Object(members) => {
                if !matches!(value, Value::Object(have) if have.len() == members.len()) {
                    return Ok(false);
                }
                for (key, member) in members {
                    let Some(key) = self.value(key)? else {
                        return Ok(false);
                    };
                    match value.get(key) {
                        Some(value) if self.matches(member, value)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
        }
    }
}
