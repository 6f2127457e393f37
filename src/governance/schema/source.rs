//! A schema as it is written to a [`Schema`].

use regex::Regex;
use serde_json::{Map, Value};

use super::{Additional, Bound, Kind, Range, Schema};
use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::path::FieldPath;

/// How deep schemas may nest.
const MAX_DEPTH: usize = 64;

/// Reads a schema; what is wrong with it is added to `mistakes` and left out.
pub(super) fn schema(value: &Value, place: &FieldPath, mistakes: &mut Vec<Mistake>) -> Schema {
    let Some(members) = value.as_object() else {
        tell(mistakes, place, "a schema must be an object");
        return Schema::default();
    };
    if place.segments().len() > MAX_DEPTH {
        tell(mistakes, place, format!("the schema nests deeper than {MAX_DEPTH} levels"));
        return Schema::default();
    }
    let mut reader = Reader { members, place, mistakes };
    let schema = Schema {
        kind: reader.kind(),
        is_nullable: reader.flag("nullable"),
        int_or_string: reader.flag("x-kubernetes-int-or-string"),
        keeps_unknown: reader.flag("x-kubernetes-preserve-unknown-fields")
            || reader.flag("x-kubernetes-embedded-resource"),
        properties: reader
            .object("properties")
            .map(|(key, value, place)| (key.clone(), schema(value, &place, reader.mistakes)))
            .collect(),
        required: reader.texts("required"),
        additional: reader.additional(),
        items: reader.one("items"),
        one_of_values: reader.list("enum").map(<[Value]>::to_vec),
        pattern: reader.pattern(),
        minimum: reader.bound("minimum", "exclusiveMinimum"),
        maximum: reader.bound("maximum", "exclusiveMaximum"),
        multiple_of: reader.number("multipleOf").filter(|number| *number > 0.0),
        length: reader.range("minLength", "maxLength"),
        count: reader.range("minItems", "maxItems"),
        members: reader.range("minProperties", "maxProperties"),
        is_unique: reader.flag("uniqueItems"),
        default: members.get("default").cloned(),
        all_of: reader.many("allOf"),
        any_of: reader.many("anyOf"),
        exactly_one_of: reader.many("oneOf"),
        not: reader.one("not"),
    };
    if let Some(default) = &schema.default {
        let misfits = schema.misfits(default, &place.clone().key("default"));
        mistakes.extend(misfits.into_mistakes().into_iter().map(|mistake| Mistake {
            message: format!("the default does not fit its own schema: {}", mistake.message),
            ..mistake
        }));
    }
    schema
}

fn tell(mistakes: &mut Vec<Mistake>, place: &FieldPath, message: impl Into<String>) {
    mistakes.push(Mistake { place: place.clone(), message: message.into() });
}

struct Reader<'a> {
    members: &'a Map<String, Value>,
    place: &'a FieldPath,
    mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Reader<'a> {
    fn wrong(&mut self, key: &str, wanted: &str) {
        let place = self.place.clone().key(key);
        tell(self.mistakes, &place, format!("`{key}` must be {wanted}"));
    }

    fn kind(&mut self) -> Option<Kind> {
        let word = match self.members.get("type")? {
            // The old form of a schema writes nothing for "anything".
            Value::String(word) if word.is_empty() => return None,
            Value::String(word) => word,
            _ => {
                self.wrong("type", "a word");
                return None;
            }
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
        if kind.is_none() {
            let hint = suggest::help(word, Kind::ALL.map(Kind::as_str));
            let place = self.place.clone().key("type");
            tell(self.mistakes, &place, format!("there is no type `{word}`; {hint}"));
        }
        kind
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.members.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.wrong(key, "true or false");
                false
            }
        }
    }

    fn number(&mut self, key: &str) -> Option<f64> {
        let value = self.members.get(key).filter(|value| !value.is_null())?;
        let number = value.as_f64();
        if number.is_none() {
            self.wrong(key, "a number");
        }
        number
    }

    fn bound(&mut self, key: &str, exclusive: &str) -> Option<Bound> {
        let is_exclusive = self.flag(exclusive);
        self.number(key).map(|value| Bound { value, is_exclusive })
    }

    fn range(&mut self, least: &str, most: &str) -> Range {
        let mut read = |key: &str| {
            let value = self.members.get(key).filter(|value| !value.is_null())?;
            let count = value.as_u64();
            if count.is_none() {
                self.wrong(key, "a whole number that is not negative");
            }
            count
        };
        Range { least: read(least), most: read(most) }
    }

    fn list(&mut self, key: &str) -> Option<&'a [Value]> {
        match self.members.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Array(list)) => Some(list),
            Some(_) => {
                self.wrong(key, "a list");
                None
            }
        }
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let texts = self.list(key).into_iter().flatten();
        texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }

    fn object(&mut self, key: &str) -> std::vec::IntoIter<(&'a String, &'a Value, FieldPath)> {
        let members = match self.members.get(key) {
            Some(Value::Object(members)) => members.iter().collect(),
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                self.wrong(key, "an object");
                Vec::new()
            }
        };
        let place = self.place.clone().key(key);
        let members: Vec<_> = members
            .into_iter()
            .map(|(name, value)| (name, value, place.clone().key(name)))
            .collect();
        members.into_iter()
    }

    fn one(&mut self, key: &str) -> Option<Box<Schema>> {
        let value = self.members.get(key).filter(|value| !value.is_null())?;
        Some(Box::new(schema(value, &self.place.clone().key(key), self.mistakes)))
    }

    fn many(&mut self, key: &str) -> Vec<Schema> {
        let list = self.list(key).unwrap_or_default();
        let place = self.place.clone().key(key);
        list.iter()
            .enumerate()
            .map(|(index, value)| schema(value, &place.clone().index(index), self.mistakes))
            .collect()
    }

    fn additional(&mut self) -> Additional {
        match self.members.get("additionalProperties") {
            None | Some(Value::Null) => Additional::Unsaid,
            Some(Value::Bool(allowed)) => Additional::Allowed(*allowed),
            Some(_) => {
                self.one("additionalProperties").map_or(Additional::Unsaid, Additional::Like)
            }
        }
    }

    fn pattern(&mut self) -> Option<Regex> {
        let Value::String(text) = self.members.get("pattern")? else {
            self.wrong("pattern", "a string");
            return None;
        };
        match Regex::new(text) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let last = error.to_string();
                let reason = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let place = self.place.clone().key("pattern");
                tell(self.mistakes, &place, format!("`{text}` is no regular expression: {reason}"));
                None
            }
        }
    }
}
