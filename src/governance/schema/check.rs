//! Values held against a [`Schema`].

use serde_json::Value;

use super::{Additional, Bound, Kind, Range, Schema};
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::path::FieldPath;

impl Schema {
    /// Adds what breaks the schema.
    pub(super) fn check(&self, value: &Value, place: &FieldPath, broken: &mut Vec<Mistake>) {
        if value.is_null() && self.is_nullable {
            return;
        }
        let mut tell = |message: String| {
            broken.push(Mistake { place: place.clone(), message: format!("`{place}` {message}") });
        };
        if self.int_or_string && !(value.is_string() || Kind::Integer.holds(value)) {
            return tell(format!("must be a whole number or a string, not {}", described(value)));
        }
        if let Some(kind) = self.kind.filter(|kind| !kind.holds(value)) {
            return tell(format!("must be {}, not {}", kind.described(), described(value)));
        }
        if let Some(allowed) = self.one_of_values.as_ref().filter(|all| !all.contains(value)) {
            let words: Vec<String> = allowed.iter().map(plain).collect();
            let given = plain(value);
            let hint = suggest::help(&given, words.iter().map(String::as_str));
            tell(format!("cannot be `{given}`; {hint}"));
        }
        match value {
            Value::String(text) => {
                if let Some(problem) =
                    self.length.problem(text.chars().count(), "character", "characters")
                {
                    tell(problem);
                }
                if let Some(pattern) = self.pattern.as_ref().filter(|one| !one.is_match(text)) {
                    tell(format!("is `{text}`, which does not match `{pattern}`"));
                }
            }
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                if let Some(problem) = self.bounds(number) {
                    tell(problem);
                }
            }
            Value::Array(elements) => {
                if let Some(problem) = self.count.problem(elements.len(), "element", "elements") {
                    tell(problem);
                }
                let twice = elements
                    .iter()
                    .enumerate()
                    .find(|(index, one)| elements.iter().take(*index).any(|other| other == *one));
                if let Some((_, twice)) = twice.filter(|_| self.is_unique) {
                    tell(format!("holds `{}` twice", plain(twice)));
                }
                if let Some(items) = &self.items {
                    for (index, element) in elements.iter().enumerate() {
                        items.check(element, &place.clone().index(index), broken);
                    }
                }
            }
            Value::Object(members) => {
                if let Some(problem) = self.members.problem(members.len(), "member", "members") {
                    tell(problem);
                }
                for name in self.required.iter().filter(|name| !members.contains_key(*name)) {
                    tell(format!("lacks `{name}`, which is required"));
                }
                for (name, member) in members {
                    let place = place.clone().key(name);
                    match (self.properties.get(name), &self.additional) {
                        (Some(property), _) => property.check(member, &place, broken),
                        (None, Additional::Like(schema)) => schema.check(member, &place, broken),
                        (None, Additional::Allowed(false)) => {
                            broken.push(self.unknown(name, place));
                        }
                        (None, Additional::Allowed(true) | Additional::Unsaid) => {}
                    }
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
        self.combine(value, place, broken);
    }

    fn combine(&self, value: &Value, place: &FieldPath, broken: &mut Vec<Mistake>) {
        for schema in &self.all_of {
            schema.check(value, place, broken);
        }
        let fits = |schema: &&Self| {
            let mut broken = Vec::new();
            schema.check(value, place, &mut broken);
            broken.is_empty()
        };
        let mut tell = |message: &str| {
            broken.push(Mistake { place: place.clone(), message: format!("`{place}` {message}") });
        };
        if !self.any_of.is_empty() && !self.any_of.iter().any(|schema| fits(&schema)) {
            tell("fits none of the schemas under `anyOf`");
        }
        if !self.exactly_one_of.is_empty() {
            match self.exactly_one_of.iter().filter(fits).count() {
                1 => {}
                0 => tell("fits none of the schemas under `oneOf`"),
                _ => tell("fits more than one of the schemas under `oneOf`"),
            }
        }
        if self.not.as_deref().is_some_and(|schema| fits(&schema)) {
            tell("fits the schema under `not`");
        }
    }

    fn bounds(&self, number: f64) -> Option<String> {
        let within = |bound: &Bound, is_beyond: bool| {
            is_beyond || (bound.is_exclusive && (number - bound.value).abs() < f64::EPSILON)
        };
        if let Some(bound) = &self.minimum
            && within(bound, number < bound.value)
        {
            let word = if bound.is_exclusive { "more than" } else { "at least" };
            return Some(format!("must be {word} {}, not {number}", bound.value));
        }
        if let Some(bound) = &self.maximum
            && within(bound, number > bound.value)
        {
            let word = if bound.is_exclusive { "less than" } else { "at most" };
            return Some(format!("must be {word} {}, not {number}", bound.value));
        }
        let step = self.multiple_of?;
        ((number / step).fract().abs() > f64::EPSILON)
            .then(|| format!("must be a multiple of {step}, not {number}"))
    }

    /// Adds the members that the schema does not know.
    pub(super) fn find_unknown(
        &self,
        value: &Value,
        place: &FieldPath,
        unknown: &mut Vec<Mistake>,
    ) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let place = place.clone().key(name);
                    match (self.properties.get(name), &self.additional) {
                        (Some(property), _) => property.find_unknown(member, &place, unknown),
                        (None, Additional::Like(schema)) => {
                            schema.find_unknown(member, &place, unknown);
                        }
                        // Told already, as what breaks the schema.
                        (None, Additional::Allowed(_)) => {}
                        (None, Additional::Unsaid) if self.keeps_unknown => {}
                        (None, Additional::Unsaid) => unknown.push(self.unknown(name, place)),
                    }
                }
            }
            Value::Array(elements) => {
                if let Some(items) = &self.items {
                    for (index, element) in elements.iter().enumerate() {
                        items.find_unknown(element, &place.clone().index(index), unknown);
                    }
                }
            }
            _ => {}
        }
    }

    fn unknown(&self, name: &str, place: FieldPath) -> Mistake {
        let hint = if self.properties.is_empty() {
            "there are none".to_owned()
        } else {
            suggest::help(name, self.properties.keys().map(String::as_str))
        };
        Mistake { place, message: format!("there is no parameter `{name}`; {hint}") }
    }
}

impl Range {
    fn problem(self, count: usize, one: &str, many: &str) -> Option<String> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let noun = |number: u64| if number == 1 { one } else { many };
        if let Some(least) = self.least.filter(|least| count < *least) {
            return Some(format!("must have at least {least} {}, not {count}", noun(least)));
        }
        let most = self.most.filter(|most| count > *most)?;
        Some(format!("must have at most {most} {}, not {count}", noun(most)))
    }
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Number(_) if Kind::Integer.holds(value) => Kind::Integer.described(),
        Value::Number(_) => Kind::Number.described(),
        Value::Bool(_) => Kind::Boolean.described(),
        Value::String(_) => Kind::String.described(),
        Value::Array(_) => Kind::Array.described(),
        Value::Object(_) => Kind::Object.described(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
