//! What the profiles say against what the providers' own code did, pod by pod and field by field.
//!
//! Runs over a folder of recorded conversions when `LOADLINE_TRUTH` names it and `LOADLINE_CORPUS` names the pods:
//!
//! ```text
//! LOADLINE_TRUTH=../truth LOADLINE_CORPUS=../corpus cargo test --test it truth -- --nocapture
//! ```
//!
//! The data is read from `policies/`, so that an edit of a profile needs no new build. `LOADLINE_TRUTH_SHOW=name` lists
//! the differences of one provider.
//!
//! # What is compared
//!
//! *Outcome*: accepted, refused (`create-error` or `crash`) or stalled (`silent-stall`) by the conversion. What happens
//! later, in the backend, was not recorded, and a feature that only the backend refuses counts as accepted.
//!
//! *Ignored fields*: a field counts as ignored when a dropped feature of the pod ([`Entry::is_dropped`]) stands at it or
//! above it, or, where its value is a default that reveals no feature, when the features that keep the field are dropped.
//! Two rules follow the shape of a pod: a name goes where everything goes that it names, and a mount goes with the volume
//! that it mounts. A pod is only told what differs from a default: the printed line says how many of the fields have a
//! diagnostic.
//!
//! [`Entry::is_dropped`]: loadline::profile::Entry::is_dropped

mod corpus;
mod data;
mod explained;
mod fargate;
mod judgement;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use loadline::profile::Profile;
use serde::Deserialize;
use serde_json::Value;

use corpus::{Corpus, collapse, places};
pub use data::Data;
use explained::explanation;
pub use judgement::{Fate, Judgement, Outcome};

/// The providers that were run: the file of the recording, and the profile.
const PROVIDERS: [(&str, &str); 5] = [
    ("azure-aci", "azure-aci"),
    ("nomad", "nomad"),
    ("kip", "elotl-kip"),
    ("liqo", "liqo"),
    ("azure-batch", "azure-batch"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: String,
    outcome: String,
    stage: Option<String>,
    error: Option<String>,
    #[serde(default)]
    blockers: Vec<Blocker>,
    #[serde(default)]
    ignored: Vec<String>,
    #[serde(default)]
    effective: Vec<String>,
    api_valid: Option<bool>,
}

#[derive(Deserialize)]
struct Blocker {
    path: String,
}

impl Record {
    fn outcome(&self) -> Outcome {
        match (self.outcome.as_str(), self.stage.as_deref()) {
            ("accepted", _) => Outcome::Accepted,
            (_, Some("core-env")) => Outcome::Stalled,
            _ => Outcome::Refused,
        }
    }
}

#[derive(Default)]
struct Tally {
    pods: usize,
    unread: usize,
    same_outcome: usize,
    found_blockers: usize,
    named_blockers: usize,
    told_blockers: usize,
    confirmed_blockers: usize,
    both: usize,
    untold: usize,
    only_ours: usize,
    only_theirs: usize,
    /// Field: how often only we, only they say that it is ignored.
    fields: BTreeMap<String, (usize, usize)>,
    notes: Vec<String>,
}

impl Tally {
    fn add(&mut self, data: &Data, profile: &Profile, record: &Record, pod: &Value) {
        let judgement = match Judgement::of(data, profile, pod) {
            Ok(judgement) => judgement,
            Err(error) => {
                self.notes.push(format!("{}: {error}", record.id));
                return;
            }
        };
        self.pods += 1;
        let (ours, theirs) = (judgement.outcome(), record.outcome());
        if ours == theirs {
            self.same_outcome += 1;
        } else {
            let because: BTreeSet<&str> = judgement
                .blockers()
                .map(|(_, feature, _)| data.catalogue.feature(feature).name.as_str())
                .collect();
            self.notes.push(format!(
                "{}: {theirs:?} ({}), but we say {ours:?} for {because:?}",
                record.id,
                record.error.as_deref().unwrap_or("no error"),
            ));
        }
        self.blockers(&judgement, record);
        self.fields(&judgement, record, pod);
    }

    fn blockers(&mut self, judgement: &Judgement<'_>, record: &Record) {
        if record.blockers.is_empty() {
            return;
        }
        let ours: BTreeSet<String> =
            judgement.blockers().map(|(.., path)| collapse(path)).collect();
        let theirs: BTreeSet<&str> = record
            .blockers
            .iter()
            .map(|one| one.path.split(':').next().unwrap_or_default())
            .collect();
        // The recordings take out the text of a variable whose name is refused.
        let variable = |path: &str| match path.split_once(".env[].") {
            Some((head, "name" | "value")) => {
                format!("{head}.env[]")
            }
            _ => path.to_owned(),
        };
        let meet = |left: &str, right: &str| {
            let (left, right) = (variable(left), variable(right));
            left.starts_with(&right) || right.starts_with(&left)
        };
        self.found_blockers += theirs.len();
        self.told_blockers += ours.len();
        for path in &theirs {
            if ours.iter().any(|own| meet(own, path)) {
                self.named_blockers += 1;
            } else {
                self.notes.push(format!("{}: blocker {path} not named", record.id));
            }
        }
        for path in &ours {
            if theirs.iter().any(|other| meet(other, path)) {
                self.confirmed_blockers += 1;
            } else {
                self.notes
                    .push(format!("{}: blocker {path} not found by them: {theirs:?}", record.id));
            }
        }
    }

    fn fields(&mut self, judgement: &Judgement<'_>, record: &Record, pod: &Value) {
        let theirs = record.ignored.iter().map(|field| (field, true));
        let fields = theirs.chain(record.effective.iter().map(|field| (field, false)));
        for (field, is_ignored) in fields {
            // What is left of an object after its blocker was taken out is nothing that the author wrote.
            if record.blockers.iter().any(|blocker| blocker.path.starts_with(&format!("{field}.")))
            {
                continue;
            }
            let places = places(pod, field);
            if places.is_empty() {
                self.notes.push(format!("{}: no field {field}", record.id));
                continue;
            }
            // A field of several containers is ignored when it is ignored in all of them.
            let fates: Vec<Fate> = places.iter().map(|place| judgement.fate(pod, place)).collect();
            let ours = fates.iter().all(|fate| fate.is_ignored());
            match (ours, is_ignored) {
                (true, true) => {
                    self.both += 1;
                    if !fates.contains(&Fate::Told) {
                        self.untold += 1;
                    }
                }
                (true, false) => {
                    self.only_ours += 1;
                    self.fields.entry(field.clone()).or_default().0 += 1;
                    self.notes.push(format!("{}: {field} works there; {fates:?}", record.id));
                }
                (false, true) => {
                    self.only_theirs += 1;
                    self.fields.entry(field.clone()).or_default().1 += 1;
                    self.notes.push(format!("{}: {field} is ignored there", record.id));
                }
                (false, false) => {}
            }
        }
    }

    fn share(part: usize, whole: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
        let share = if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        share
    }

    fn precision(&self) -> f64 {
        Self::share(self.both, self.both + self.only_ours)
    }

    fn recall(&self) -> f64 {
        Self::share(self.both, self.both + self.only_theirs)
    }

    fn outcome(&self) -> f64 {
        Self::share(self.same_outcome, self.pods)
    }

    fn print(&self, name: &str) {
        println!(
            "{name:12} outcome {} of {} ({:.2} %); blockers named {} of {} found, {} of {} named were found; \
             ignored fields: precision {:.2} % recall {:.2} % ({} agreed, {} of them told to the author, the rest being defaults, names, and what has done its work in this cluster; {} only ours, {} only theirs)",
            self.same_outcome,
            self.pods,
            self.outcome() * 100.0,
            self.named_blockers,
            self.found_blockers,
            self.confirmed_blockers,
            self.told_blockers,
            self.precision() * 100.0,
            self.recall() * 100.0,
            self.both,
            self.both - self.untold,
            self.only_ours,
            self.only_theirs,
        );
    }
}

#[test]
fn profiles_agree_with_the_providers_own_code() {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(truth), Some(corpus)) = (folder("LOADLINE_TRUTH"), folder("LOADLINE_CORPUS")) else {
        println!(
            "skipped: set LOADLINE_TRUTH and LOADLINE_CORPUS to compare with recorded conversions"
        );
        return;
    };
    let show = std::env::var("LOADLINE_TRUTH_SHOW").unwrap_or_default();
    let data = Data::load();
    let corpus = Corpus { root: corpus, files: RefCell::default() };
    let mut short = Vec::new();
    for (file, name) in PROVIDERS {
        let Ok(text) = fs::read_to_string(truth.join(format!("{file}.jsonl"))) else {
            println!("{name}: no recording");
            continue;
        };
        let profile = data.profile(name);
        let mut tally = Tally::default();
        for line in text.lines() {
            let record: Record = serde_json::from_str(line).unwrap();
            if record.api_valid == Some(false) || record.outcome == "undecoded" {
                continue;
            }
            match corpus.pod(&record.id) {
                Some(pod) => tally.add(&data, profile, &record, &pod),
                None => tally.unread += 1,
            }
        }
        tally.print(name);
        for (field, (ours, theirs)) in &tally.fields {
            let why = explanation(name, field).unwrap_or("NOT EXPLAINED");
            println!("    {field}: dropped only by us {ours}, only by them {theirs}; {why}");
        }
        if show == name {
            for note in &tally.notes {
                println!("    {note}");
            }
        }
        if tally.unread > 0 {
            println!("    {} pods of the recording could not be read", tally.unread);
        }
        if tally.outcome() < 0.995 || tally.precision() < 0.98 || tally.recall() < 0.98 {
            short.push(name);
        }
    }
    assert!(short.is_empty(), "below the goal: {short:?}");
}
