//! The schemas of parameters: `OpenAPI` v3 as the API server understands it in the schema of a custom resource.
//!
//! What is read here is the structural part (types, properties, items, bounds, patterns, defaults, Kubernetes' own marks) and the
//! combinators beside it. A schema is compiled once; values are held against it when a constraint or a policy is loaded.

mod check;
mod source;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use crate::document::Mistake;
use crate::path::FieldPath;

/// A schema, ready to be used.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a mark of its own in the schema that is read"
)]
#[derive(Clone, Debug, Default)]
pub struct Schema {
    kind: Option<Kind>,
    is_nullable: bool,
    int_or_string: bool,
    keeps_unknown: bool,
    properties: BTreeMap<String, Self>,
    required: Vec<String>,
    additional: Additional,
    items: Option<Box<Self>>,
    one_of_values: Option<Vec<Value>>,
    pattern: Option<Regex>,
    minimum: Option<Bound>,
    maximum: Option<Bound>,
    multiple_of: Option<f64>,
    length: Range,
    count: Range,
    members: Range,
    is_unique: bool,
    default: Option<Value>,
    all_of: Vec<Self>,
    any_of: Vec<Self>,
    exactly_one_of: Vec<Self>,
    not: Option<Box<Self>>,
}

/// The types of JSON, as schemas name them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
}

/// What is said of the members of an object that `properties` does not name.
#[derive(Clone, Debug, Default)]
enum Additional {
    /// Nothing.
    #[default]
    Unsaid,
    /// They may be anything, or must not be there.
    Allowed(bool),
    /// They have this schema.
    Like(Box<Schema>),
}

/// A bound of a number, and whether the bound itself is within.
#[derive(Clone, Copy, Debug)]
struct Bound {
    value: f64,
    is_exclusive: bool,
}

/// How many characters, elements or members there may be.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    least: Option<u64>,
    most: Option<u64>,
}

/// What a value has against a schema.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Misfits {
    /// What breaks the schema.
    pub broken: Vec<Mistake>,
    /// Members that the schema does not know: the API server would drop them or refuse the object.
    pub unknown: Vec<Mistake>,
}

impl Misfits {
    /// All of them, as one list.
    pub fn into_mistakes(self) -> Vec<Mistake> {
        self.broken.into_iter().chain(self.unknown).collect()
    }

    /// Whether the value fits.
    pub const fn is_empty(&self) -> bool {
        self.broken.is_empty() && self.unknown.is_empty()
    }
}

impl Schema {
    /// Reads a schema. `place` says where it stands, for messages.
    ///
    /// Fails with every mistake: a type that there is not, a pattern that does not parse, bounds that are no numbers, a default
    /// that does not fit.
    pub fn read(value: &Value, place: &FieldPath) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let schema = source::schema(value, place, &mut mistakes);
        if mistakes.is_empty() { Ok(schema) } else { Err(mistakes) }
    }

    /// The same schema, which also takes members that it does not know, at every level.
    #[must_use]
    pub fn keeping_unknown(mut self) -> Self {
        self.keeps_unknown |= matches!(self.kind, None | Some(Kind::Object));
        for property in self.properties.values_mut() {
            *property = std::mem::take(property).keeping_unknown();
        }
        self.items = self.items.map(|items| Box::new(items.keeping_unknown()));
        if let Additional::Like(schema) = self.additional {
            self.additional = Additional::Like(Box::new(schema.keeping_unknown()));
        }
        self
    }

    /// What `value`, which stands at `place`, has against this schema.
    pub fn misfits(&self, value: &Value, place: &FieldPath) -> Misfits {
        let mut misfits = Misfits::default();
        self.check(value, place, &mut misfits.broken);
        self.find_unknown(value, place, &mut misfits.unknown);
        misfits
    }

    /// Writes the defaults where nothing stands, as the API server does: from the outside in, and never into what is not there.
    pub fn complete(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, property) in &self.properties {
                    if let Some(default) = &property.default {
                        let is_null = members.get(name).is_some_and(Value::is_null);
                        if !members.contains_key(name) || (is_null && !property.is_nullable) {
                            members.insert(name.clone(), default.clone());
                        }
                    }
                    if let Some(member) = members.get_mut(name) {
                        property.complete(member);
                    }
                }
                if let Additional::Like(schema) = &self.additional {
                    for (name, member) in members.iter_mut() {
                        if !self.properties.contains_key(name) {
                            schema.complete(member);
                        }
                    }
                }
            }
            Value::Array(elements) => {
                if let Some(items) = &self.items {
                    for element in elements.iter_mut() {
                        items.complete(element);
                    }
                }
            }
            _ => {}
        }
    }

    /// The default of the whole value.
    pub const fn default_value(&self) -> Option<&Value> {
        self.default.as_ref()
    }
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Array, Self::Boolean, Self::Integer, Self::Number, Self::Object, Self::String];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        }
    }

    /// With its article, in the words of people who write YAML.
    const fn described(self) -> &'static str {
        match self {
            Self::Array => "a list",
            Self::Boolean => "a boolean",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::String => "a string",
        }
    }

    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Array => value.is_array(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => {
                value.is_i64()
                    || value.is_u64()
                    || value.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            Self::Number => value.is_number(),
            Self::Object => value.is_object(),
            Self::String => value.is_string(),
        }
    }
}

#[cfg(test)]
mod tests;
