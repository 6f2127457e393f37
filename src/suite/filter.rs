//! Which tests and cases are run: [`Filter`].

use regex::Regex;

/// What `--run` says.
#[derive(Clone, Debug, Default)]
pub enum Filter {
    /// Everything.
    #[default]
    All,
    /// A test or a case whose name matches.
    Either(Regex),
    /// Cases whose name matches the second, in tests whose name matches the first.
    Both(Regex, Regex),
}

impl Filter {
    /// Reads a filter: a regular expression for the names of tests and cases, or two with `//` between them.
    ///
    /// Fails in a phrase.
    pub fn parse(text: &str) -> Result<Self, String> {
        let regex = |text: &str| {
            Regex::new(text).map_err(|error| {
                let last = error.to_string();
                let reason = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("`{text}` is no regular expression: {reason}")
            })
        };
        let parts: Vec<&str> = text.split("//").collect();
        match parts.as_slice() {
            [""] => Ok(Self::All),
            [one] => Ok(Self::Either(regex(one)?)),
            [test, case] => Ok(Self::Both(regex(test)?, regex(case)?)),
            _ => Err(format!("`{text}` has more than one `//`")),
        }
    }

    /// Whether a test with cases of these names is run.
    pub fn takes_test<'n>(&self, test: &str, mut cases: impl Iterator<Item = &'n str>) -> bool {
        match self {
            Self::All => true,
            Self::Either(one) => one.is_match(test) || cases.any(|case| one.is_match(case)),
            Self::Both(one, _) => one.is_match(test),
        }
    }

    /// Whether a case of a test is run.
    pub fn takes_case(&self, test: &str, case: &str) -> bool {
        match self {
            Self::All => true,
            Self::Either(one) => one.is_match(test) || one.is_match(case),
            Self::Both(one, other) => one.is_match(test) && other.is_match(case),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_tests_and_cases_by_parts_of_their_names() {
        let takes = |filter: &str| {
            let filter = Filter::parse(filter).unwrap();
            [("labels", "good"), ("labels", "bad"), ("probes", "good")].map(|(test, case)| {
                filter.takes_test(test, [case].into_iter()) && filter.takes_case(test, case)
            })
        };
        assert_eq!(takes(""), [true, true, true]);
        assert_eq!(takes("labels"), [true, true, false]);
        assert_eq!(takes("^good$"), [true, false, true]);
        assert_eq!(takes("labels//bad"), [false, true, false]);
        assert_eq!(takes("//good"), [true, false, true]);
        assert_eq!(takes("probes//"), [false, false, true]);
        assert!(Filter::parse("a//b//c").unwrap_err().contains("more than one"));
        assert!(Filter::parse("(").unwrap_err().contains("no regular expression"));
    }
}
