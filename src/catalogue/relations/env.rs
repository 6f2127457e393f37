//! Environment variables.

use super::{Met, Pattern};

/// Names that Kubernetes takes since 1.30 and that providers which keep to identifiers of C refuse.
pub(super) const LOOSE_NAME: Pattern = Pattern {
    name: "no-c-identifier",
    doc: "is no identifier as in C: letters, digits and underscores, not beginning with a digit",
    holds: |met| matches!(met, Met::Text(name) if !is_identifier(name)),
};

/// Asked of every variable of every pod, so it looks at each byte once and branches on none of them.
fn is_identifier(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_plain = bytes
        .iter()
        .fold(true, |so_far, byte| so_far & byte.is_ascii_alphanumeric() || (*byte == b'_'));
    is_plain && bytes.first().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_told_from_other_names() {
        for (name, loose) in [
            ("SHELL", false),
            ("_x9", false),
            ("spring.profile", true),
            ("with-dash", true),
            ("9lives", true),
            ("größe", true),
            ("", true),
        ] {
            assert_eq!((LOOSE_NAME.holds)(Met::Text(name)), loose, "{name}");
        }
        assert!(!(LOOSE_NAME.holds)(Met::Number(1)));
    }
}
