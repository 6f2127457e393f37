//! Which lines of modules were evaluated: [`Coverage`].

use std::collections::{BTreeMap, BTreeSet};

/// The lines of modules that hold expressions, by whether any run came to them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Coverage {
    /// For each module, by its origin.
    pub modules: BTreeMap<String, Lines>,
}

/// The lines of one module, counted from one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lines {
    /// Those that some run came to.
    pub covered: BTreeSet<usize>,
    /// Those that none came to.
    pub missed: BTreeSet<usize>,
}

impl Lines {
    /// What is covered, in percent; all of nothing is all.
    pub fn percent(&self) -> f64 {
        percent(self.covered.len(), self.missed.len())
    }

    /// The lines that no run came to, neighbours together: `12`, `14-16`.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps: Vec<(usize, usize)> = Vec::new();
        for line in &self.missed {
            match gaps.last_mut() {
                Some((_, last)) if *last + 1 == *line => *last = *line,
                _ => gaps.push((*line, *line)),
            }
        }
        let gap = |(first, last): (usize, usize)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        gaps.into_iter().map(gap).collect()
    }
}

impl Coverage {
    /// Takes in what another run came to.
    pub(super) fn add(&mut self, report: &regorus::coverage::Report) {
        let number = |line: &u32| usize::try_from(*line).unwrap_or_default();
        for file in &report.files {
            let lines = self.modules.entry(file.path.clone()).or_default();
            lines.covered.extend(file.covered.iter().map(number));
            lines.missed.extend(file.not_covered.iter().map(number));
            lines.missed.retain(|line| !lines.covered.contains(line));
        }
    }

    /// Takes in what other runs came to.
    pub fn merge(&mut self, other: Self) {
        for (origin, other) in other.modules {
            let lines = self.modules.entry(origin).or_default();
            lines.covered.extend(other.covered);
            lines.missed.extend(other.missed);
            lines.missed.retain(|line| !lines.covered.contains(line));
        }
    }

    /// What is covered of all modules, in percent.
    pub fn percent(&self) -> f64 {
        let lines = self.modules.values();
        let (covered, missed) = lines.fold((0, 0), |(covered, missed), lines| {
            (covered + lines.covered.len(), missed + lines.missed.len())
        });
        percent(covered, missed)
    }
}

fn percent(covered: usize, missed: usize) -> f64 {
    let count = |lines: usize| f64::from(u32::try_from(lines).unwrap_or(u32::MAX));
    if missed == 0 { 100.0 } else { 100.0 * count(covered) / count(covered + missed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(covered: &[usize], missed: &[usize]) -> Coverage {
        let lines = Lines {
            covered: covered.iter().copied().collect(),
            missed: missed.iter().copied().collect(),
        };
        Coverage { modules: BTreeMap::from([("a.rego".to_owned(), lines)]) }
    }

    #[test]
    fn a_line_is_covered_once_any_run_came_to_it() {
        let mut all = lines(&[1, 2], &[3, 4, 5, 7]);
        all.merge(lines(&[4], &[1, 2, 3, 5, 7]));
        assert_eq!(all, lines(&[1, 2, 4], &[3, 5, 7]));
        assert!((all.percent() - 50.0).abs() < f64::EPSILON);
        assert_eq!(lines(&[], &[3, 4, 5, 7]).modules["a.rego"].gaps(), ["3-5", "7"]);
        assert!((Coverage::default().percent() - 100.0).abs() < f64::EPSILON);
    }
}
