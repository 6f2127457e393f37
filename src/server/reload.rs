//! A bundle that follows its files: looked at again and again, compiled aside, swapped whole.
//!
//! The files are read, not watched: a change is one of their content, however it came about (an editor that renames, the
//! swap of symbolic links by which mounted `ConfigMaps` change, a file system that tells nobody).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use crate::admission::Pipeline;
use crate::bundle::last_good::{Doubt, Held, Mended, gone};
use crate::bundle::{BundleError, Sources, Text};

/// How often to look at the files.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// How long a text that may not be meant as it is must stay so to count.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the files of a bundle. Fails with words for people where one cannot be read.
pub type ReadSources = dyn Fn() -> Result<Sources, String> + Send + Sync;

/// What became of the newest version of the files.
#[derive(Debug, Default)]
pub struct Standing {
    /// Texts whose new version cannot be used.
    pub held: Vec<Held>,
    /// Why all of the last good bundle is in force instead of what the files say, in words.
    pub refused: Option<String>,
}

impl Standing {
    /// What is not in force, one line each.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let held = self.held.iter().map(|held| {
            let instead = if held.has_last_good {
                "its last good version is in force"
            } else {
                "it is left out"
            };
            format!("{instead}: {}", held.problem)
        });
        let refused = self
            .refused
            .iter()
            .map(|problem| format!("the last good bundle is in force: {problem}"));
        held.chain(refused).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// A text that may not be meant as it is.
struct Waiting {
    text: Text,
    since: Instant,
    /// Whether it has been taken for what is meant.
    is_over: bool,
}

impl Waiting {
    fn is_due(&self) -> bool {
        self.since.elapsed() >= PATIENCE
    }
}

/// Compiles what the files say, and gives what is doubtful about it. Texts in `settled` are meant as they are.
fn compile(
    wanted: &Sources,
    last_good: &Sources,
    settled: &[Text],
) -> (Vec<Doubt>, Result<Mended, BundleError>) {
    let doubts = wanted.doubts(last_good);
    let is_held = |doubt: &&Doubt| !doubt.passes || !settled.contains(&doubt.text);
    let held: Vec<Doubt> = doubts.iter().filter(is_held).cloned().collect();
    let mended = Mended::compile(wanted, last_good, &held);
    (doubts, mended)
}

/// Keeps the pipeline as the files say. Never returns.
///
/// What is broken is kept from coming into force (see [`Mended`]), logged once, counted, and shown by `/readyz?verbose`; and
/// so is for a while what may not be meant (see [`Doubt`]). The server goes on in any case.
pub async fn follow(shared: Arc<Shared>, read: Arc<ReadSources>, started_with: Sources) {
    let mut last_good = Arc::new(started_with);
    // What was seen last, whether it could be used or not: a mistake is told once and not every time.
    let mut seen: Result<Sources, String> = Ok(Sources::clone(&last_good));
    let mut waiting: Vec<Waiting> = Vec::new();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let reader = Arc::clone(&read);
        let Ok(now) = tokio::task::spawn_blocking(move || read_whole(&*reader)).await else {
            shared.metrics.loop_failed("bundle");
            continue;
        };
        let is_due = waiting.iter().any(|one| one.is_due() && !one.is_over);
        let is_same = now == seen;
        if is_same && !is_due {
            continue;
        }
        seen = now;
        for one in &mut waiting {
            one.is_over |= one.is_due();
        }
        let standing = match &seen {
            Err(problem) => Err(problem.clone()),
            Ok(wanted) => {
                let (wanted, good) = (wanted.clone(), Arc::clone(&last_good));
                let settled = waiting.iter().filter(|one| one.is_over);
                let settled: Vec<Text> = settled.map(|one| one.text.clone()).collect();
                let compiling =
                    tokio::task::spawn_blocking(move || compile(&wanted, &good, &settled));
                compiling.await.map_err(|error| error.to_string()).and_then(|(doubts, mended)| {
                    waiting = still_waiting(&waiting, doubts);
                    mended.map_err(|error| error.to_string())
                })
            }
        };
        let standing = match standing {
            Ok(Mended { pipeline, sources, held }) => {
                swap(&shared, pipeline, (&last_good, &sources));
                last_good = Arc::new(sources);
                Standing { held, refused: None }
            }
            Err(problem) => Standing { held: Vec::new(), refused: Some(problem) },
        };
        if is_same && standing.lines().eq(shared.bundle.load().lines()) {
            continue;
        }
        let waits = standing.held.iter().map(|held| held.waits).chain([false]);
        for (line, waits) in standing.lines().zip(waits) {
            if waits {
                tracing::warn!(problem = line, "a changed file of the bundle is not used yet");
            } else {
                tracing::error!(problem = line, "a changed file of the bundle cannot be used");
            }
        }
        let held = standing.held.iter().map(|held| held.origin.as_str());
        shared.metrics.bundle_reloaded(held, standing.refused.is_some());
        shared.bundle.store(Arc::new(standing));
    }
}

/// The doubtful texts, each with the time when it was first seen as it is.
fn still_waiting(waiting: &[Waiting], doubts: Vec<Doubt>) -> Vec<Waiting> {
    let one = |Doubt { text, .. }| {
        let known = waiting.iter().find(|one| one.text == text);
        let (since, is_over) =
            known.map_or_else(|| (Instant::now(), false), |one| (one.since, one.is_over));
        Waiting { text, since, is_over }
    };
    doubts.into_iter().filter(|doubt| doubt.passes).map(one).collect()
}

/// Puts a pipeline in force if it is another one, and says what that comes to. `sources` are those of both.
fn swap(shared: &Shared, pipeline: Pipeline, (old, new): (&Sources, &Sources)) {
    let before = shared.pipeline.load_full();
    shared.metrics.bundle_in_force(&pipeline.digest, &pipeline.constraints.left_out);
    if pipeline.digest == before.digest {
        return;
    }
    tracing::info!(
        bundle = pipeline.digest,
        policies = pipeline.policies.len(),
        constraints = pipeline.constraints.iter().count(),
        profiles = pipeline.profiles.len(),
        "a new bundle is in force"
    );
    for object in gone((old, &before), (new, &pipeline)) {
        tracing::warn!(object, "no longer in force");
    }
    for notice in &pipeline.notices {
        tracing::warn!(notice, "the bundle holds something odd");
    }
    shared.pipeline.store(Arc::new(pipeline));
}

/// Reads the files until two readings agree, so that no bundle is made of halves of two versions.
fn read_whole(read: &ReadSources) -> Result<Sources, String> {
    const ATTEMPTS: usize = 5;
    let mut last = read();
    for _ in 0..ATTEMPTS {
        let again = read();
        if again == last {
            break;
        }
        last = again;
    }
    last
}
