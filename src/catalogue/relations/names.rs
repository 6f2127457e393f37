//! Names, and how many things there are.

use super::{Fact, Met, Pattern, Relation};

/// Names beyond what fits into a DNS label.
pub(super) const LONG: Pattern = Pattern {
    name: "longer-than-a-label",
    doc: "is longer than the 63 characters of a DNS label",
    holds: |met| matches!(met, Met::Text(name) if name.len() > 63),
};

/// A text of any length: an annotation counts by being there.
pub(super) const ANY_TEXT: Pattern = Pattern {
    name: "any-text",
    doc: "is there, even if it is empty",
    holds: |met| matches!(met, Met::Text(_)),
};

/// More than one of something: the second is the one to show.
pub(super) const SEVERAL: Relation = Relation {
    name: "several",
    doc: "another stands beside it",
    roles: &["one"],
    keep: |_, _| Some(0),
    found: |facts: &[Fact]| {
        if facts.len() > 1 { vec![1] } else { Vec::new() }
    },
};

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    #[test]
    fn the_second_is_shown() {
        assert_eq!((SEVERAL.found)(&[fact(0, 0, 0)]), [0; 0]);
        assert_eq!((SEVERAL.found)(&[fact(0, 0, 0), fact(0, 0, 1), fact(0, 0, 2)]), [1]);
    }

    #[test]
    fn a_label_has_63_characters() {
        assert!(!(LONG.holds)(Met::Text(&"n".repeat(63))));
        assert!((LONG.holds)(Met::Text(&"n".repeat(64))));
    }
}
