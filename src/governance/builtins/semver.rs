//! Versions as OPA reads them, which is less strictly than the standard has it: [`Version`].

use std::cmp::Ordering;

/// A version of three numbers, perhaps before its release.
#[derive(Debug)]
pub(super) struct Version<'v> {
    numbers: [i64; 3],
    /// Empty for a release.
    before: &'v str,
}

impl<'v> Version<'v> {
    /// Reads `v1.2.3-alpha.1+build`.
    pub(super) fn read(text: &'v str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = text.split_once('+').unwrap_or((text, ""));
        let (text, before) = text.split_once('-').unwrap_or((text, ""));
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if [build, before].iter().any(|names| !names.is_empty() && !names.split('.').all(is_name)) {
            return None;
        }
        let mut parts = text.split('.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let numbers = [number()?, number()?, number()?];
        parts.next().is_none().then_some(Self { numbers, before })
    }

    /// Which comes first. What is built of a version does not matter.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.before, other.before) {
            (own, other) if own == other => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (own, other) => {
                let (mut own, mut other) = (own.split('.'), other.split('.'));
                loop {
                    match (own.next(), other.next()) {
                        (None, None) => return Ordering::Equal,
                        (None, Some(_)) => return Ordering::Less,
                        (Some(_), None) => return Ordering::Greater,
                        (Some(own), Some(other)) => match compare_parts(own, other) {
                            Ordering::Equal => {}
                            unequal => return unequal,
                        },
                    }
                }
            }
        })
    }
}

/// Numbers come before names.
fn compare_parts(own: &str, other: &str) -> Ordering {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number(own), is_number(other)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => own.cmp(other),
        (true, true) => {
            let (own, other) = (own.trim_start_matches('0'), other.trim_start_matches('0'));
            own.len().cmp(&other.len()).then_with(|| own.cmp(other))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        let sorted =
            ["1.2.3-1", "v1.2.3-2", "1.2.3-10", "1.2.3-a", "1.2.3-a.1", "v1.2.3", "1.10.0"];
        for pair in sorted.windows(2) {
            let [left, right] = [pair[0], pair[1]].map(|text| Version::read(text).unwrap());
            assert_eq!(left.compare(&right), Ordering::Less, "{pair:?}");
            assert_eq!(right.compare(&left), Ordering::Greater, "{pair:?}");
        }
        let same = ["1.2.3+a", "v01.2.3+b"].map(|text| Version::read(text).unwrap());
        assert_eq!(same[0].compare(&same[1]), Ordering::Equal);
    }

    #[test]
    fn what_is_no_version_is_not_read() {
        for text in
            ["", "1.2", "1.2.3.4", "1.2.x", "99999999999999999999.0.0", "1.2.3-a..b", "1.2.3+é"]
        {
            assert!(Version::read(text).is_none(), "{text}");
        }
    }
}
