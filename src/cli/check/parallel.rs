//! Work spread over all cores, with the results in the order of the work.

use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Work that is done sooner needs no word about how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the word is renewed.
const TICK: Duration = Duration::from_millis(100);

/// Does `work` to each item. Work that takes long tells how far it is, when a terminal reads standard error.
pub fn map<T: Sync, R: Send>(items: &[T], noun: &str, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers =
        std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(items.len());
    if items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    // Each worker keeps its results until the end: handing over each would wake this thread as often.
    let run = || {
        let mut done: Vec<(usize, R)> = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break done };
            done.push((index, work(item)));
        }
    };
    let mut done: Vec<(usize, R)> = Vec::with_capacity(items.len());
    let caller = std::thread::current();
    std::thread::scope(|scope| {
        let spawn = |_| {
            let (caller, run) = (&caller, &run);
            scope.spawn(move || {
                let done = run();
                caller.unpark();
                done
            })
        };
        let workers: Vec<_> = (0..workers).map(spawn).collect();
        let mut progress = Progress::new(noun, items.len());
        while progress.is_watched && workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::park_timeout(TICK);
            progress.tell(next.load(Ordering::Relaxed).min(items.len()));
        }
        for worker in workers {
            match worker.join() {
                Ok(results) => done.extend(results),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        progress.clear();
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

struct Progress<'a> {
    noun: &'a str,
    total: usize,
    started: Instant,
    told: Option<Instant>,
    is_watched: bool,
}

impl<'a> Progress<'a> {
    fn new(noun: &'a str, total: usize) -> Self {
        Self {
            noun,
            total,
            started: Instant::now(),
            told: None,
            is_watched: std::io::stderr().is_terminal(),
        }
    }

    fn tell(&mut self, done: usize) {
        let now = Instant::now();
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= TICK);
        if self.is_watched && is_due && now.duration_since(self.started) >= PATIENCE {
            self.told = Some(now);
            anstream::eprint!("\r{} of {} {}", done, self.total, self.noun);
        }
    }

    fn clear(&self) {
        if self.told.is_some() {
            anstream::eprint!("\r{:60}\r", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = map(&items, "numbers", |number| number * 2);
        assert_eq!(doubled, items.iter().map(|number| number * 2).collect::<Vec<_>>());
    }

    #[test]
    fn no_work_is_no_result() {
        assert!(map(&[] as &[u8], "numbers", |number| *number).is_empty());
    }
}
