//! Requests and limits.

use super::{Fact, Met, Relation};

const ROLES: &[&str] = &["limit", "request", "container"];
const LIMIT: u8 = 0;
const REQUEST: u8 = 1;
/// The name of a container, which says that it is there although nothing may be asked for it.
const CONTAINER: u8 = 2;

/// A container may use more CPU than all containers together ask for.
pub(super) const CPU_LIMIT_ABOVE_GROUP: Relation = Relation {
    name: "cpu-limit-above-group-request",
    doc: "a CPU limit is above the sum of all CPU requests",
    roles: ROLES,
    keep: amount,
    found: above,
};

/// A container may use more memory than all containers together ask for.
pub(super) const MEMORY_LIMIT_ABOVE_GROUP: Relation = Relation {
    name: "memory-limit-above-group-request",
    doc: "a memory limit is above the sum of all memory requests",
    roles: ROLES,
    keep: amount,
    found: above,
};

/// A container has both a request and a limit for CPU.
pub(super) const CPU_REQUEST_BESIDE_LIMIT: Relation = Relation {
    name: "cpu-request-beside-limit",
    doc: "one container has both a request and a limit for CPU",
    roles: ROLES,
    keep: |_, _| Some(0),
    found: beside,
};

/// A container has both a request and a limit for memory.
pub(super) const MEMORY_REQUEST_BESIDE_LIMIT: Relation = Relation {
    name: "memory-request-beside-limit",
    doc: "one container has both a request and a limit for memory",
    roles: ROLES,
    keep: |_, _| Some(0),
    found: beside,
};

/// The requests of containers that have a limit too.
fn beside(facts: &[Fact]) -> Vec<usize> {
    facts
        .iter()
        .enumerate()
        .filter(|(_, fact)| {
            fact.role == REQUEST
                && facts
                    .iter()
                    .any(|other| other.role == LIMIT && other.element() == fact.element())
        })
        .map(|(position, _)| position)
        .collect()
}

/// The limits above the sum of all requests. A container that only has a limit requests just that much, as the API server
/// fills in. Where a container asks for nothing, the virtual node fills in a request of its own, and nothing can be said.
fn above(facts: &[Fact]) -> Vec<usize> {
    let is_limit = |fact: &Fact| fact.role == LIMIT;
    let asks = |container: u32| {
        facts.iter().any(|fact| fact.role != CONTAINER && fact.element() == container)
    };
    if !facts.iter().all(|fact| asks(fact.element())) {
        return Vec::new();
    }
    let requests: i64 = facts
        .iter()
        .filter(|fact| {
            fact.role == REQUEST
                || is_limit(fact)
                    && !facts
                        .iter()
                        .any(|other| other.role == REQUEST && other.element() == fact.element())
        })
        .map(|fact| fact.value)
        .fold(0, i64::saturating_add);
    facts
        .iter()
        .enumerate()
        .filter(|(_, fact)| is_limit(fact) && fact.value > requests)
        .map(|(position, _)| position)
        .collect()
}

fn amount(role: u8, met: Met<'_>) -> Option<i64> {
    if role == CONTAINER { Some(0) } else { thousandths(met) }
}

/// A quantity in thousandths, rounded down; nothing for what is no quantity.
fn thousandths(met: Met<'_>) -> Option<i64> {
    match met {
        Met::Number(number) => number.checked_mul(1000),
        Met::Text(text) => quantity(text),
        Met::Bool(_) | Met::OtherNumber(_) | Met::Whole => None,
    }
}

/// What nearly every quantity looks like: a whole number with one of the usual suffixes.
fn plain(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at_checked(digits)?;
    let factor = match suffix {
        "m" => 1,
        "" => 1000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float-to-integer cast saturates, and such quantities are compared only"
)]
fn quantity(text: &str) -> Option<i64> {
    if let Some(plain) = plain(text) {
        return Some(plain);
    }
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            10.0_f64.powi(power)
        }
    };
    Some((number * factor * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    #[test]
    fn quantities_are_read() {
        for (text, expected) in [
            ("250m", Some(250)),
            ("1", Some(1000)),
            ("0.5", Some(500)),
            ("2Ki", Some(2_048_000)),
            ("1e3", Some(1_000_000)),
            ("1G", Some(1_000_000_000_000)),
            ("many", None),
            ("", None),
        ] {
            assert_eq!(quantity(text), expected, "{text}");
        }
    }

    #[test]
    fn a_limit_is_held_against_what_the_group_requests() {
        let (limit, request) = (LIMIT, REQUEST);
        // 2 CPU may be used where 1.5 are requested by both together.
        let facts = [fact(limit, 2000, 0), fact(request, 1000, 0), fact(request, 500, 1)];
        assert_eq!(above(&facts), [0]);
        let facts = [fact(limit, 2000, 0), fact(request, 1000, 0), fact(request, 1000, 1)];
        assert_eq!(above(&facts), [0; 0]);
    }

    #[test]
    fn a_request_is_beside_a_limit_of_its_own_container() {
        let (limit, request) = (LIMIT, REQUEST);
        let facts = [fact(limit, 0, 0), fact(request, 0, 1), fact(request, 0, 0)];
        assert_eq!(beside(&facts), [2]);
    }

    #[test]
    fn a_container_that_asks_for_nothing_leaves_the_sum_open() {
        let facts = [fact(CONTAINER, 0, 0), fact(LIMIT, 2000, 0), fact(REQUEST, 1000, 0)];
        assert_eq!(above(&facts), [1]);
        let open = [facts.as_slice(), &[fact(CONTAINER, 0, 1)]].concat();
        assert_eq!(above(&open), [0; 0]);
    }

    #[test]
    fn a_limit_alone_requests_itself() {
        assert_eq!(above(&[fact(LIMIT, 2000, 0)]), [0; 0]);
    }
}
