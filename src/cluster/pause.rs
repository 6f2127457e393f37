//! How long a watch that failed rests before it is begun anew: [`Pause`].

use std::time::Duration;

use kube::runtime::utils::Backoff;
use tokio::time::Instant;

/// The first pause; it doubles with each further failure.
const FIRST: Duration = Duration::from_millis(800);

/// The longest pause: how long after an outage a watch may still be waiting.
const LONGEST: Duration = Duration::from_secs(15);

/// A watch that has not failed for this long begins with the first pause again.
const CALM: Duration = Duration::from_mins(1);

/// Pauses that grow.
///
/// The pauses of `kube` never do: they begin again whenever the watch says anything, and it says that it begins before each
/// try. Here only time makes up for failures.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    failures: u32,
    /// When the last pause ended.
    ended: Option<Instant>,
}

impl Iterator for Pause {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self.ended.is_some_and(|ended| now > ended + CALM) {
            self.failures = 0;
        }
        let pause = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures += 1;
        self.ended = Some(now + pause);
        Some(pause)
    }
}

impl Backoff for Pause {
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_whatever_a_watch_says_between() {
        let mut pause = Pause::default();
        let mut pauses = Vec::new();
        for _ in 0..40 {
            pauses.extend(pause.next());
            pause.reset();
        }
        assert_eq!(&pauses[..3], [800, 1600, 3200].map(Duration::from_millis));
        assert_eq!(pauses.last(), Some(&LONGEST));
    }

    #[test]
    fn a_calm_minute_makes_up_for_failures() {
        let mut pause = Pause { failures: 9, ended: Instant::now().checked_sub(CALM + FIRST) };
        assert_eq!(pause.next(), Some(FIRST));
    }
}
