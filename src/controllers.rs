//! The loops that change the cluster: for now one, [`network_policy`].
//!
//! A loop is a pure plan with a thin run below it: the plan says what to do about what was observed, and can be tested
//! without a cluster. A loop that ends is an error, and the program should end with it.
//!
//! # No lease
//!
//! Every replica runs every loop, and none asks who leads. That is possible because every action says what should be, not
//! what to change: two replicas that apply the same network policy with the same field manager change nothing the second
//! time, and lifting a gate begins with a test that fails once it is lifted. A lease would add a way to fail (a leader that
//! is stuck while pods wait at their gates) and save a request or two for each pod.

pub mod network_policy;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// When what went wrong may be tried again.
#[derive(Clone, Debug)]
pub struct Retries<K>(BTreeMap<K, Retry>);

#[derive(Clone, Copy, Debug)]
struct Retry {
    failures: u32,
    not_before: Instant,
}

impl<K> Default for Retries<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Retries<K> {
    /// The time before which `key` must not be tried, if that is still to come.
    pub fn blocked_until(&self, key: &K, now: Instant) -> Option<Instant> {
        self.0.get(key).map(|retry| retry.not_before).filter(|not_before| *not_before > now)
    }

    /// Notes a failure: the pause before the next try is twice as long as the last one.
    pub fn failed(&mut self, key: K, now: Instant) {
        let retry = self.0.entry(key).or_insert(Retry { failures: 0, not_before: now });
        let pause = FIRST_PAUSE.saturating_mul(1 << retry.failures.min(16)).min(LONGEST_PAUSE);
        retry.failures += 1;
        retry.not_before = now + pause;
    }

    /// Notes a success. With a `rest`, the same is not done again before it is over.
    pub fn succeeded(&mut self, key: K, rest: Option<Duration>, now: Instant) {
        match rest {
            Some(rest) => drop(self.0.insert(key, Retry { failures: 0, not_before: now + rest })),
            None => drop(self.0.remove(&key)),
        }
    }

    /// Forgets the keys that nobody asks about any more.
    pub fn retain(&mut self, is_wanted: impl Fn(&K) -> bool) {
        self.0.retain(|key, _| is_wanted(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end_with_a_success() {
        let mut retries = Retries::default();
        let now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..40 {
            retries.failed("a", now);
            pauses.push(retries.blocked_until(&"a", now).unwrap() - now);
        }
        assert_eq!(&pauses[..3], [500, 1000, 2000].map(Duration::from_millis));
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        assert_eq!(retries.blocked_until(&"a", now + LONGEST_PAUSE), None);
        assert_eq!(retries.blocked_until(&"b", now), None);
        retries.succeeded("a", None, now);
        assert_eq!(retries.blocked_until(&"a", now), None);
        retries.succeeded("a", Some(FIRST_PAUSE), now);
        assert_eq!(retries.blocked_until(&"a", now), Some(now + FIRST_PAUSE));
    }
}
