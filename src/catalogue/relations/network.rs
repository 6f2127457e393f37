//! Ports.

use super::{Fact, Met, Pattern, Relation};

/// A port given by its name instead of its number.
pub(super) const PORT_NAME: Pattern = Pattern {
    name: "port-name",
    doc: "is a name and no number",
    holds: |met| matches!(met, Met::Text(text) if text.parse::<u16>().is_err()),
};

/// Two containers that listen at one port: in a pod the second fails to bind, and where every container has an address of
/// its own it works, so the same pod behaves in two ways.
pub(super) const SAME_PORT: Relation = Relation {
    name: "same-port",
    doc: "another container has the same number",
    roles: &["port"],
    keep: |_, met| match met {
        Met::Number(port) => Some(port),
        _ => None,
    },
    found: |facts: &[Fact]| {
        (0..facts.len())
            .filter(|&late| {
                facts.get(late).is_some_and(|one| {
                    facts
                        .iter()
                        .take(late)
                        .any(|other| other.value == one.value && other.element() != one.element())
                })
            })
            .collect()
    },
};

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    #[test]
    fn the_later_container_is_shown() {
        let facts = [fact(0, 80, 0), fact(0, 8080, 0), fact(0, 80, 1)];
        assert_eq!((SAME_PORT.found)(&facts), [2]);
    }

    #[test]
    fn one_container_may_name_a_port_for_two_protocols() {
        assert_eq!((SAME_PORT.found)(&[fact(0, 53, 0), fact(0, 53, 0)]), [0; 0]);
    }

    #[test]
    fn names_are_told_from_numbers() {
        for (met, named) in
            [(Met::Text("http"), true), (Met::Text("8080"), false), (Met::Number(8080), false)]
        {
            assert_eq!((PORT_NAME.holds)(met), named, "{met:?}");
        }
    }
}
