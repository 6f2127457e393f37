//! Where decisions are made: on the thread that serves the connection, or on one of their own.
//!
//! Rego may take as long as the API server waits, and the other connections of a thread must not wait for it. To hand a review
//! to another thread and back costs more than most decisions, though: some 0.1 ms each way where both had gone to sleep. So a
//! review is decided where it is if all that concerns it surely ends in time, nothing took long lately, and another thread
//! is left to serve.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::StatusCode;
use tokio::runtime::Handle;

use super::{MARGIN, Refusal, Shared, today};
use crate::admission::review::{self, ReviewError};
use crate::admission::verdict::Verdict;
use crate::admission::{Pipeline, Request, Stage};
use crate::facts::Facts;
use crate::telemetry::Failure;

/// What a decision comes to: the request, the verdict and the answer's bytes.
pub(super) type Decided = (Request, Verdict, Vec<u8>);

/// What took longer than this had better had a thread of its own. A hundred times what is usual: a busy machine must not count.
const LONG: Duration = Duration::from_millis(50);

/// How long nothing is decided on the threads of connections once something took long.
const WARY: Duration = Duration::from_mins(1);

/// The places for decisions on the threads that serve connections.
#[derive(Debug)]
pub(super) struct Seats {
    taken: AtomicUsize,
    start: Instant,
    /// Until when none is given away, in milliseconds since the start.
    wary_until: AtomicU64,
}

impl Default for Seats {
    fn default() -> Self {
        Self { taken: AtomicUsize::new(0), start: Instant::now(), wary_until: AtomicU64::new(0) }
    }
}

/// A place that is given back when it is dropped.
struct Seat<'s>(&'s Seats);

impl Seats {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A place, if one thread is left without.
    fn take(&self) -> Option<Seat<'_>> {
        let threads = Handle::current().metrics().num_workers();
        if self.now() < self.wary_until.load(Ordering::Relaxed) {
            return None;
        }
        let seat = Seat(self);
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        (taken + 1 < threads).then_some(seat)
    }

    /// Says how long a decision took.
    fn took(&self, time: Duration) {
        if time > LONG {
            let wary = u64::try_from(WARY.as_millis()).unwrap_or(u64::MAX);
            self.wary_until.store(self.now().saturating_add(wary), Ordering::Relaxed);
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads a review and decides on it.
pub(super) async fn decide(
    shared: &Shared,
    stage: Stage,
    time_limit: Duration,
    body: Bytes,
) -> Result<Decided, Refusal> {
    let pipeline = shared.pipeline.load_full();
    let request = guarded(|| {
        let mut request = review::decode(Arc::from(&*body), &pipeline.catalogue)?;
        request.stage = stage;
        request.time_limit = time_limit;
        if !pipeline.exemptions.is_empty() {
            request.today = today();
        }
        Ok(request)
    })?;
    if !pipeline.runs_policies() {
        return answered(&pipeline, &shared.facts.load(), request);
    }
    if pipeline.keeps_time(&request)
        && let Some(_seat) = shared.seats.take()
    {
        let start = Instant::now();
        let decided = answered(&pipeline, &shared.facts.load(), request);
        shared.seats.took(start.elapsed());
        return decided;
    }
    let facts = shared.facts.load_full();
    let decision = tokio::task::spawn_blocking(move || answered(&pipeline, &facts, request));
    // Policies share `time_limit`; what they leave over when they hit it is still put into words. There is an answer even where
    // a policy has found a way around the engine's clock.
    match tokio::time::timeout(time_limit.mul_f64(1.0 + MARGIN / 2.0), decision).await {
        Ok(Ok(decided)) => decided,
        Ok(Err(_)) | Err(_) => Err(Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            Failure::Late,
            "a policy could not be stopped in time; `loadline policy bench` finds out which",
        )),
    }
}

fn answered(pipeline: &Pipeline, facts: &Facts, request: Request) -> Result<Decided, Refusal> {
    guarded(|| {
        let verdict = pipeline.decide(facts, &request);
        let answer = review::encode(&request.uid, request.stage, &verdict);
        Ok((request, verdict, answer))
    })
}

/// Turns a panic into an error: the next request finds everything as it was, since nothing here is mutable.
fn guarded<T>(work: impl FnOnce() -> Result<T, ReviewError>) -> Result<T, Refusal> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, Failure::BadReview, error.to_string()))
        }
        Err(_) => Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Failure::Internal,
            "the decision ended in a panic; please report the review that caused it",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_is_left_to_serve_and_none_decides_after_something_took_long() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
        runtime.unwrap().block_on(async {
            let seats = Seats::default();
            let first = seats.take();
            assert!(first.is_some());
            assert!(seats.take().is_none());
            drop(first);
            seats.took(LONG / 2);
            assert!(seats.take().is_some());
            seats.took(LONG * 2);
            assert!(seats.take().is_none());
        });
    }
}
