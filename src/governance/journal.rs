//! The last line of defence against policies that end the process: [`install`].
//!
//! Analysis, limits and guards keep policies from taking the stack and the memory (see [`super`]); this is for what they
//! do not see. Whoever runs policies for a cluster can have it noted on a lasting medium which of them is being evaluated. A
//! process that finds such a note at its start has a predecessor that ended in the middle of it, and may put that policy into
//! quarantine: it is not evaluated, which is a policy error like any other and judged by its `onError`.
//!
//! A worker process for policies would do the same without a second start, but costs two copies of each review and of each
//! answer, some ten times what an evaluation takes. A note costs about a microsecond, and only who asks for it pays.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

/// What a policy is recognised by in the next process: its text, so that a mended one is another one.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The fingerprint of texts that are used together.
    pub(super) fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut hash = Sha256::new();
        for text in texts {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        }
        let mut own = [0; 16];
        own.iter_mut().zip(hash.finalize()).for_each(|(own, byte)| *own = byte);
        Self(own)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where it is noted what is being evaluated.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Notes that an evaluation begins; gives what [`Journal::end`] needs, or nothing where it could not be noted.
    fn begin(&self, policy: Fingerprint, origin: &str) -> Option<usize>;

    /// Notes that an evaluation has ended, in whatever way.
    fn end(&self, place: usize);
}

#[derive(Debug)]
struct Watch {
    journal: Box<dyn Journal>,
    quarantine: BTreeMap<Fingerprint, Inmate>,
}

#[derive(Debug)]
struct Inmate {
    origin: String,
    refused: AtomicU64,
}

/// A policy in quarantine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quarantined {
    /// Where its text stood when it was put there.
    pub origin: &'static str,
    /// How many evaluations were refused so far. None were where the policy was mended or taken away since: it is then of another
    /// text, and free.
    pub refused: u64,
}

/// The one thing of the process that evaluations know. It is set before the first and never changes.
static WATCH: OnceLock<Watch> = OnceLock::new();

/// Has all evaluations of this process noted, and none made of what is in quarantine (with the origin of each). Only the
/// first call has an effect; gives whether this was it.
pub fn install(journal: Box<dyn Journal>, quarantine: BTreeMap<Fingerprint, String>) -> bool {
    let inmate = |origin| Inmate { origin, refused: AtomicU64::new(0) };
    let quarantine =
        quarantine.into_iter().map(|(policy, origin)| (policy, inmate(origin))).collect();
    WATCH.set(Watch { journal, quarantine }).is_ok()
}

/// What is in quarantine.
pub fn quarantined() -> impl Iterator<Item = Quarantined> {
    let inmates = WATCH.get().into_iter().flat_map(|watch| watch.quarantine.values());
    inmates.map(|Inmate { origin, refused }| Quarantined {
        origin,
        refused: refused.load(Ordering::Relaxed),
    })
}

/// Runs an evaluation, noted where that was asked for; nothing where the policy is in quarantine.
pub(super) fn noted<T>(
    policy: Fingerprint,
    origin: &str,
    evaluate: impl FnOnce() -> T,
) -> Option<T> {
    let Some(Watch { journal, quarantine }) = WATCH.get() else {
        return Some(evaluate());
    };
    if let Some(inmate) = quarantine.get(&policy) {
        inmate.refused.fetch_add(1, Ordering::Relaxed);
        return None;
    }
    let place = journal.begin(policy, origin);
    // A panic is caught further in; what is not ends the process, and the note stays.
    let value = evaluate();
    if let Some(place) = place {
        journal.end(place);
    }
    Some(value)
}
