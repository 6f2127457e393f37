//! A bundle that follows its files: looked at again and again, compiled aside, swapped whole.
//!
//! The files are read, not watched: a change is one of their content, however it came about (an editor that renames, the
//! swap of symbolic links by which mounted `ConfigMaps` change, a file system that tells nobody).

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::bundle::Sources;
use crate::bundle::last_good::{Held, Mended};

/// How often to look at the files.
pub const INTERVAL: Duration = Duration::from_secs(2);

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
    /// Whether what decides is what the files say.
    pub const fn is_current(&self) -> bool {
        self.held.is_empty() && self.refused.is_none()
    }

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

/// Keeps the pipeline as the files say. Never returns.
///
/// What is broken is kept from coming into force (see [`Mended`]), logged once, counted, and shown by `/readyz?verbose`.
/// The server goes on in any case.
pub async fn follow(shared: Arc<Shared>, read: Arc<ReadSources>, started_with: Sources) {
    let mut last_good = Arc::new(started_with);
    // What was seen last, whether it could be used or not: a mistake is told once and not every time.
    let mut seen: Result<Sources, String> = Ok(Sources::clone(&last_good));
    loop {
        tokio::time::sleep(INTERVAL).await;
        let reader = Arc::clone(&read);
        let Ok(now) = tokio::task::spawn_blocking(move || read_whole(&*reader)).await else {
            shared.metrics.loop_failed("bundle");
            continue;
        };
        if now == seen {
            continue;
        }
        seen = now;
        let standing = match &seen {
            Err(problem) => Err(problem.clone()),
            Ok(wanted) => {
                let (wanted, good) = (wanted.clone(), Arc::clone(&last_good));
                tokio::task::spawn_blocking(move || Mended::compile(&wanted, &good))
                    .await
                    .map_err(|error| error.to_string())
                    .and_then(|mended| mended.map_err(|error| error.to_string()))
            }
        };
        let standing = match standing {
            Ok(Mended { pipeline, sources, held }) => {
                let is_new = pipeline.digest != shared.pipeline.load().digest;
                let pipeline = Arc::new(pipeline);
                shared.metrics.bundle_in_force(&pipeline.digest, &pipeline.constraints.left_out);
                if is_new {
                    tracing::info!(
                        bundle = pipeline.digest,
                        policies = pipeline.policies.len(),
                        profiles = pipeline.profiles.len(),
                        "a new bundle is in force"
                    );
                    for notice in &pipeline.notices {
                        tracing::warn!(notice, "the bundle holds something odd");
                    }
                    shared.pipeline.store(pipeline);
                }
                last_good = Arc::new(sources);
                Standing { held, refused: None }
            }
            Err(problem) => Standing { held: Vec::new(), refused: Some(problem) },
        };
        for line in standing.lines() {
            tracing::error!(problem = line, "a changed file of the bundle cannot be used");
        }
        shared.metrics.bundle_reloaded(standing.is_current(), standing.lines().count());
        shared.bundle.store(Arc::new(standing));
    }
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
