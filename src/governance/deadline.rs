//! How long policies may take: [`Deadline`], and [`Budget`] for those that share the time of a review.
//!
//! The only clock below floor 3. A limit per policy can live inside the engine, but what one policy leaves to the next
//! cannot, and a bounded built-in runs outside the engine, whose own timer then stands still. What the clock says never
//! reaches a policy: it decides only between an answer and a policy error.

use std::time::{Duration, Instant};

use super::POLICY_TIME_LIMIT;

/// A point in time after which nothing is evaluated any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// The deadline that lies `limit` ahead; a limit beyond what the clock can count never ends.
    pub(super) fn after(limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit))
    }

    /// What is left, zero once it has passed.
    pub(super) fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }

    /// Whether it has passed.
    pub(super) fn has_passed(self) -> bool {
        self.left().is_zero()
    }
}

/// The time of a review, which all that is evaluated for it shares.
///
/// Half of it anybody may use who comes first: most need microseconds, and a process that stands still for a while is no fault
/// of the policy that was under way. The other half is for those that wait, in equal shares, so that what never ends takes
/// nothing away from those behind it.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    end: Option<Instant>,
    kept: Duration,
    later: usize,
}

impl Budget {
    /// One that ends with that limit; a limit beyond what the clock can count never ends.
    pub fn of(limit: Duration) -> Self {
        Self { end: Instant::now().checked_add(limit), kept: limit / 2, later: 0 }
    }

    /// The same where `count` more are evaluated afterwards.
    #[must_use]
    pub const fn before(self, count: usize) -> Self {
        Self { later: self.later.saturating_add(count), ..self }
    }

    /// The time of one with `waiting` behind it, and those of [`before`](Self::before) behind them: never more than
    /// [`POLICY_TIME_LIMIT`].
    pub(super) fn share(self, waiting: usize) -> Deadline {
        let now = Instant::now();
        let left = self.end.map_or(Duration::MAX, |end| end.saturating_duration_since(now));
        let free = left.saturating_sub(self.kept);
        let limit = if free >= POLICY_TIME_LIMIT {
            POLICY_TIME_LIMIT
        } else {
            let sharing = waiting.saturating_add(self.later).saturating_add(1);
            let share = left / u32::try_from(sharing).unwrap_or(u32::MAX);
            share.max(free).min(POLICY_TIME_LIMIT)
        };
        Deadline(now.checked_add(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What those get who all use up what they get.
    fn taken(limit: Duration, count: usize) -> Vec<Duration> {
        let now = Instant::now();
        let mut left = limit;
        let share = |waiting| {
            let budget = Budget { end: now.checked_add(left), kept: limit / 2, later: 0 };
            let taken = budget.share(waiting).left();
            left = left.saturating_sub(taken);
            taken
        };
        (0..count).rev().map(share).collect()
    }

    #[test]
    fn those_that_never_end_leave_something_to_everybody() {
        for limit in [100, 900, 9000].map(Duration::from_millis) {
            for count in [1, 2, 13, 200] {
                let taken = taken(limit, count);
                let fair = (limit / u32::try_from(count).unwrap() / 2).min(POLICY_TIME_LIMIT);
                // The clock goes on here.
                let least = fair.saturating_sub(Duration::from_millis(20)).mul_f64(0.8);
                assert!(taken.iter().all(|one| *one >= least), "{limit:?}: {taken:?}");
                assert!(taken.iter().all(|one| *one <= POLICY_TIME_LIMIT), "{taken:?}");
                assert!(taken.iter().sum::<Duration>() <= limit, "{limit:?}: {taken:?}");
            }
        }
    }

    #[test]
    fn one_may_take_long_where_there_is_time() {
        let budget = Budget::of(Duration::from_secs(10));
        assert!(budget.share(1000).left() > POLICY_TIME_LIMIT / 2);
        assert!(budget.before(1000).share(0).left() > POLICY_TIME_LIMIT / 2);
    }

    #[test]
    fn those_that_come_later_are_waiting_too() {
        let budget = Budget::of(POLICY_TIME_LIMIT);
        let late = Budget { kept: POLICY_TIME_LIMIT, ..budget };
        assert!(late.before(99).share(0).left() <= POLICY_TIME_LIMIT / 100);
        assert!(late.share(0).left() > POLICY_TIME_LIMIT / 4);
    }

    #[test]
    fn a_limit_beyond_the_clock_does_not_panic() {
        assert!(Deadline::after(Duration::MAX).left() > Duration::from_secs(1));
        assert!(!Budget::of(Duration::MAX).before(usize::MAX).share(usize::MAX).has_passed());
    }
}
