//! Where something stands in an object: [`FieldPath`].
//!
//! Prints as people write it (`spec.containers[0].image`) and as an RFC 6901 pointer (`/spec/containers/0/image`).

use std::fmt;
use std::fmt::Write as _;

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Segment {
    /// A member of an object.
    Key(Box<str>),
    /// An element of a list, counted from zero.
    Index(usize),
}

/// A path from the root of an object to a field that may or may not be there.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// The root of the object.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of plain keys, as in `spec.tolerations`. Dots separate keys; nothing is quoted.
    pub fn keys(dotted: &str) -> Self {
        Self(
            dotted
                .split('.')
                .filter(|key| !key.is_empty())
                .map(|key| Segment::Key(key.into()))
                .collect(),
        )
    }

    /// This path, one key deeper.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Segment::Key(key.into()));
        self
    }

    /// This path, one list element deeper.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Segment::Index(index));
        self
    }

    /// `tail` seen from here.
    #[must_use]
    pub fn join(mut self, tail: Self) -> Self {
        self.0.extend(tail.0);
        self
    }

    /// The steps, outermost first.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The path without its last step; the root stays the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        let mut segments = self.0.clone();
        segments.pop();
        Self(segments)
    }

    /// The RFC 6901 pointer: `/spec/containers/0/image`, with `~` and `/` in keys escaped.
    pub fn to_pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in &self.0 {
            pointer.push('/');
            match segment {
                Segment::Index(index) => {
                    let _ = write!(pointer, "{index}");
                }
                Segment::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            }
        }
        pointer
    }

    /// Reads what [`fmt::Display`] prints: `spec.containers[0].ports`, `metadata.labels['a/b']`; a key in brackets may also
    /// stand in double quotes or in none.
    ///
    /// Gives `None` where brackets or quotes do not close, or a step is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let mut path = Self::root();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix("['") {
                let (key, after) = quoted.split_once("']")?;
                path = path.key(key);
                rest = after;
            } else if let Some(quoted) = rest.strip_prefix("[\"") {
                let (key, after) = quoted.split_once("\"]")?;
                path = path.key(key);
                rest = after;
            } else if let Some(bracket) = rest.strip_prefix('[') {
                let (inner, after) = bracket.split_once(']')?;
                path = match inner.parse() {
                    Ok(index) => path.index(index),
                    Err(_) if inner.is_empty() => return None,
                    Err(_) => path.key(inner),
                };
                rest = after;
            } else {
                let plain = rest.strip_prefix('.').unwrap_or(rest);
                let end = plain.find(['.', '[']).unwrap_or(plain.len());
                let (key, after) = plain.split_at_checked(end)?;
                if key.is_empty() {
                    return None;
                }
                path = path.key(key);
                rest = after;
            }
        }
        Some(path)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if is_plain(key) => {
                    if position > 0 {
                        f.write_char('.')?;
                    }
                    f.write_str(key)?;
                }
                Segment::Key(key) => write!(f, "['{key}']")?,
            }
        }
        Ok(())
    }
}

/// Whether `key` can stand in a dotted path without quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_as_people_write_it_and_as_a_pointer() {
        let path = FieldPath::keys("spec.containers")
            .index(1)
            .key("resources")
            .key("limits")
            .key("nvidia.com/gpu");
        assert_eq!(path.to_string(), "spec.containers[1].resources.limits['nvidia.com/gpu']");
        assert_eq!(path.to_pointer(), "/spec/containers/1/resources/limits/nvidia.com~1gpu");
    }

    #[test]
    fn refuses_what_does_not_close() {
        for broken in ["spec.containers[", "spec.containers[]", "labels['a", "a..b", "a."] {
            assert_eq!(FieldPath::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn keys_in_brackets_need_no_quotes() {
        for text in ["labels['a.b/c']", "labels[\"a.b/c\"]", "labels[a.b/c]"] {
            assert_eq!(
                FieldPath::parse(text),
                Some(FieldPath::keys("labels").key("a.b/c")),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn parse_reads_what_display_prints(steps in prop::collection::vec(
            prop_oneof![
                "[a-zA-Z0-9./~_-]{1,12}".prop_map(|key| Segment::Key(key.into())),
                (0_usize..1000).prop_map(Segment::Index),
            ], 0..6)) {
            let path = FieldPath(steps);
            prop_assert_eq!(FieldPath::parse(&path.to_string()), Some(path));
        }
    }
}
