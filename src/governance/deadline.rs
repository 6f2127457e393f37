//! How long policies may take: [`Deadline`].
//!
//! The only clock below floor 3. A limit per policy can live inside the engine, but what one policy leaves to the next
//! cannot, and a bounded built-in runs outside the engine, whose own timer then stands still. What the clock says never
//! reaches a policy: it decides only between an answer and a policy error.

use std::time::{Duration, Instant};

/// A point in time after which nothing is evaluated any more.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// The deadline that lies `limit` ahead; a limit beyond what the clock can count never ends.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit))
    }

    /// This deadline, or the one that lies `limit` ahead if that comes first.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        let near = Self::after(limit);
        match (self.0, near.0) {
            (Some(far), Some(end)) if end < far => near,
            (None, _) => near,
            _ => self,
        }
    }

    /// What is left, zero once it has passed.
    pub fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.left().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_of_two_deadlines_counts() {
        let far = Deadline::after(Duration::from_mins(1));
        assert!(far.within(Duration::ZERO).has_passed());
        assert!(Deadline::after(Duration::ZERO).within(Duration::from_mins(1)).has_passed());
        assert!(far.within(Duration::from_mins(2)).left() <= Duration::from_mins(1));
    }

    #[test]
    fn a_limit_beyond_the_clock_does_not_panic() {
        assert!(Deadline::after(Duration::MAX).left() > Duration::from_secs(1));
    }
}
