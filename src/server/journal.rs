//! The journal of evaluations in a file: [`open`].
//!
//! A file of places, one for each evaluation that is under way, each written and cleared with a system call of less than a
//! microsecond. That the system has it is enough: it outlives the process however that ends. Beside it lies a list of suspects.
//! What was under way when a process ended is one, and goes into quarantine the second time, because a process also ends for
//! reasons that are no policy's fault. A start after an end in peace clears those that were suspected once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::governance::journal::{Fingerprint, Journal};

/// How many bytes a place has: the fingerprint, and as much of the origin as fits.
const PLACE: usize = 128;

/// How many places there are. More evaluations at once go unnoted.
const PLACES: usize = 64;

/// How often a policy may be under way at the end of a process.
const SUSPICIONS: usize = 2;

/// Takes stock of what an earlier process has left in a folder, and begins a new journal there.
///
/// Gives the journal, and what is in quarantine with its origin.
pub fn open(folder: &Path) -> io::Result<(FileJournal, BTreeMap<Fingerprint, String>)> {
    std::fs::create_dir_all(folder)?;
    let (places, suspects) = (folder.join("evaluations"), folder.join("suspects"));
    let under_way = under_way(&read(&places)?);
    let mut known = parse(&String::from_utf8_lossy(&read(&suspects)?));
    if under_way.is_empty() {
        known.retain(|_, (count, _)| *count >= SUSPICIONS);
    }
    for (policy, origin) in under_way {
        known.entry(policy).or_insert((0, origin)).0 += 1;
    }
    let lines: Vec<String> = known
        .iter()
        .map(|(policy, (count, origin))| format!("{policy} {count} {origin}\n"))
        .collect();
    std::fs::write(&suspects, lines.concat())?;
    let file = File::options().read(true).write(true).create(true).truncate(true).open(places)?;
    file.set_len(u64::try_from(PLACE * PLACES).unwrap_or(u64::MAX))?;
    let quarantine = known
        .into_iter()
        .filter(|(_, (count, _))| *count >= SUSPICIONS)
        .map(|(policy, (_, origin))| (policy, origin))
        .collect();
    Ok((FileJournal { file, taken: AtomicU64::new(0) }, quarantine))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// What the places hold that were not cleared.
fn under_way(bytes: &[u8]) -> Vec<(Fingerprint, String)> {
    let one = |place: &[u8]| {
        let (policy, origin) = place.split_first_chunk::<16>()?;
        let origin = String::from_utf8_lossy(origin);
        let origin = origin.trim_end_matches('\0').replace(char::is_control, " ");
        policy.iter().any(|byte| *byte != 0).then_some((Fingerprint(*policy), origin))
    };
    bytes.chunks(PLACE).filter_map(one).collect()
}

/// The list of suspects: fingerprint, count and origin, one a line. A line that is something else is left out.
fn parse(text: &str) -> BTreeMap<Fingerprint, (usize, String)> {
    let line = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let number = u128::from_str_radix(parts.next()?, 16).ok()?;
        let count = parts.next()?.parse().ok()?;
        Some((Fingerprint(number.to_be_bytes()), (count, parts.next()?.to_owned())))
    };
    text.lines().filter_map(line).collect()
}

/// A journal in a file.
#[derive(Debug)]
pub struct FileJournal {
    file: File,
    /// One bit for each place.
    taken: AtomicU64,
}

impl FileJournal {
    fn write(&self, place: usize, bytes: &[u8]) -> io::Result<()> {
        let offset = u64::try_from(place.saturating_mul(PLACE)).unwrap_or(u64::MAX);
        self.file.write_all_at(bytes, offset)
    }

    /// A free place, taken without a lock.
    fn take(&self) -> Option<usize> {
        let mut taken = self.taken.load(Ordering::Relaxed);
        loop {
            let free = taken.trailing_ones();
            let bit = 1_u64.checked_shl(free)?;
            match self.taken.compare_exchange_weak(
                taken,
                taken | bit,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return usize::try_from(free).ok(),
                Err(now) => taken = now,
            }
        }
    }
}

impl Journal for FileJournal {
    fn begin(&self, policy: Fingerprint, origin: &str) -> Option<usize> {
        let place = self.take()?;
        let mut bytes = [0; PLACE];
        let text = policy.0.iter().copied().chain(origin.bytes());
        bytes.iter_mut().zip(text).for_each(|(byte, own)| *byte = own);
        // What cannot be noted is evaluated all the same.
        let _ = self.write(place, &bytes);
        Some(place)
    }

    fn end(&self, place: usize) {
        let _ = self.write(place, &[0; 16]);
        self.taken.fetch_and(
            !1_u64.checked_shl(u32::try_from(place).unwrap_or(0)).unwrap_or(0),
            Ordering::Release,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Fingerprint = Fingerprint([7; 16]);
    const OTHER: Fingerprint = Fingerprint([8; 16]);

    #[test]
    fn what_was_under_way_at_two_ends_goes_into_quarantine() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..2 {
            let (journal, quarantine) = open(folder.path()).unwrap();
            assert!(quarantine.is_empty(), "{round}: {quarantine:?}");
            let place = journal.begin(OTHER, "other.rego").unwrap();
            journal.begin(POLICY, "bad.rego").unwrap();
            journal.end(place);
        }
        let (_, quarantine) = open(folder.path()).unwrap();
        assert_eq!(quarantine, BTreeMap::from([(POLICY, "bad.rego".to_owned())]));
        // It stays there, whatever else happens.
        assert_eq!(open(folder.path()).unwrap().1.len(), 1);
    }

    #[test]
    fn an_end_in_peace_clears_a_suspicion() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).unwrap().0.begin(POLICY, "bad.rego").unwrap();
        drop(open(folder.path()).unwrap());
        drop(open(folder.path()).unwrap());
        open(folder.path()).unwrap().0.begin(POLICY, "bad.rego").unwrap();
        assert!(open(folder.path()).unwrap().1.is_empty());
    }

    #[test]
    fn there_are_as_many_places_as_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = open(folder.path()).unwrap();
        let places: Vec<usize> = (0..PLACES).map(|_| journal.begin(POLICY, "a").unwrap()).collect();
        assert_eq!(journal.begin(POLICY, "a"), None);
        for place in places {
            journal.end(place);
        }
        assert_eq!(journal.begin(POLICY, "a"), Some(0));
    }
}
