//! What a walk meets at the end of a path, and how it compares with what a locator asks for: [`Met`] and [`Scalar`].

/// A value that a field is compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
}

/// A value as it comes from the reader.
#[derive(Clone, Copy, Debug)]
pub enum Met<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A number that is no whole number, or a very large one.
    OtherNumber(f64),
    /// A string.
    Text(&'a str),
    /// An object or a list.
    Whole,
}

impl Met<'_> {
    /// Whether it is that very value.
    pub(crate) fn is(self, wanted: &Scalar) -> bool {
        match (wanted, self) {
            (Scalar::Bool(wanted), Met::Bool(met)) => *wanted == met,
            (Scalar::Number(wanted), Met::Number(met)) => *wanted == met,
            (Scalar::Text(wanted), Met::Text(met)) => wanted == met,
            _ => false,
        }
    }
}
