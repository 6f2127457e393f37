//! "did you mean": the nearest of the names that would have been right.

/// The candidate nearest to `word`, if one is near enough to be what was meant.
///
/// Near enough: at most one edit for every three characters, counting a swap of neighbours as one.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Whether `word` is surely `candidate` with a slip of the hand: one edit in a word of five letters or more, two from nine on.
/// A word that the other begins with, as a plural, may be one of its own.
pub fn is_slip(word: &str, candidate: &str) -> bool {
    let allowed = match word.chars().count() {
        0..5 => return false,
        5..9 => 1,
        _ => 2,
    };
    !word.starts_with(candidate)
        && !candidate.starts_with(word)
        && (1..=allowed).contains(&distance(word, candidate))
}

/// A sentence for a help text: ``did you mean `x`?``, or the list of what there is.
pub fn help<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(candidate) = nearest(word, candidates.clone()) {
        format!("did you mean `{candidate}`?")
    } else {
        let all: Vec<&str> = candidates.into_iter().collect();
        format!("use one of: {}", all.join(", "))
    }
}

/// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let at =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&above, column + 1) + 1)
                .min(at(&current, column) + 1)
                .min(at(&above, column) + usize::from(from != to));
            let swapped = row > 0
                && column > 0
                && left.get(row - 1) == Some(to)
                && right.get(column - 1) == Some(from);
            if swapped {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [&str; 3] = ["azure-aci", "eks-fargate", "liqo"];

    #[test]
    fn finds_what_was_meant() {
        assert_eq!(nearest("azure-acl", PROFILES), Some("azure-aci"));
        assert_eq!(nearest("fargate-eks", PROFILES), None);
        assert_eq!(nearest("lqio", PROFILES), Some("liqo"));
    }

    #[test]
    fn a_slip_is_no_other_word() {
        for (word, candidate, expected) in [
            ("contaners", "containers", true),
            ("lables", "labels", true),
            ("hosts", "host", false),
            ("templateRef", "template", false),
            ("port", "sort", false),
            ("volumes", "volumes", false),
            ("serviceRef", "serviceName", false),
        ] {
            assert_eq!(is_slip(word, candidate), expected, "{word} {candidate}");
        }
    }

    #[test]
    fn lists_what_there_is_when_nothing_is_near() {
        assert_eq!(help("nomad", PROFILES), "use one of: azure-aci, eks-fargate, liqo");
    }
}
