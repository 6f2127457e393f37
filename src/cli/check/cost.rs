//! `check --cost`: what the pods would cost, by list prices. Estimates, and called so.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::judge::Judged;
use super::object::Subject;
use crate::admission::Pipeline;
use crate::cli::render::profiles::names;
use crate::cli::render::{Renderer, clean, count};
use crate::cost::{self, Cost, Estimate};

/// What an object comes to on one profile: what its verdict says, for all its pods.
#[derive(Debug)]
pub struct Line<'a> {
    profile: &'a str,
    /// Nothing where neither sizes nor prices are known.
    cost: Option<&'a Cost>,
    /// How many pods the object makes at once.
    replicas: u32,
}

/// What an object comes to on each profile that it is headed for. Where it may go, and what that comes to, was decided with
/// everything else.
pub fn lines<'a>(pipeline: &Pipeline, subject: &Subject, judged: &'a Judged) -> Vec<Line<'a>> {
    let verdict = judged.counts();
    let headed = verdict.placement.profiles.iter().map(|one| one.profile.as_str());
    let mut replicas = None;
    headed
        .filter_map(|profile| {
            let cost = verdict.costs.iter().find(|cost| cost.profile == profile);
            // What is kept off a virtual node costs nothing there.
            let is_unknown = || {
                pipeline
                    .profile_named(profile)
                    .is_some_and(|profile| profile.size.is_none() && profile.prices.is_none())
            };
            if cost.is_none() && !is_unknown() {
                return None;
            }
            let replicas =
                *replicas.get_or_insert_with(|| subject.raw().as_ref().map_or(1, self::replicas));
            Some(Line { profile, cost, replicas })
        })
        .collect()
}

/// How many pods a workload makes at once, as far as it says so itself.
fn replicas(object: &Value) -> u32 {
    [
        "/spec/replicas",
        "/spec/parallelism",
        "/spec/jobTemplate/spec/parallelism",
        "/spec/maxReplicaCount",
    ]
    .into_iter()
    .find_map(|place| object.pointer(place)?.as_u64())
    .and_then(|number| u32::try_from(number).ok())
    .unwrap_or(1)
}

impl Line<'_> {
    /// What an hour of all its pods costs, with the currency.
    fn hourly(&self) -> Option<(i128, &str)> {
        let (hourly, currency) = self.cost?.hourly()?;
        Some((hourly.checked_mul(i128::from(self.replicas))?, currency))
    }

    /// Whether anything is known.
    pub const fn is_known(&self) -> bool {
        self.cost.is_some()
    }

    /// What is known, in words.
    fn words(&self, cost: &Cost) -> String {
        let Self { profile, replicas, .. } = self;
        let Estimate { asked, billed, .. } = cost.estimate;
        let mut text = format!("on `{profile}` it asks for {asked}");
        let Some(billed) = billed else {
            text.push_str(", more than the largest size");
            return text;
        };
        if billed == asked {
            text.push_str(", and that is billed");
        } else {
            let _ = write!(text, " and is billed as {billed}");
        }
        if *replicas != 1 {
            let times = count(usize::try_from(*replicas).unwrap_or(usize::MAX), "time");
            let _ = write!(text, ", {times}");
        }
        let (Some((hourly, currency)), Some(prices)) = (self.hourly(), &cost.prices) else {
            text.push_str("; prices are not known");
            return text;
        };
        let _ = write!(text, ": about {} an hour", cost::money(hourly, currency));
        if let Some(least) = cost::least(prices, hourly).filter(|least| *least > 0) {
            let _ = write!(text, ", at least {} a run", cost::money(least, currency));
        }
        let _ = write!(text, " (list prices of {}, {})", prices.region, prices.verified.date);
        text
    }

    /// The line for programs.
    pub fn report(&self) -> Value {
        let mut report = json!(self.cost);
        if let Some(members) = report.as_object_mut() {
            members.insert("replicas".to_owned(), json!(self.replicas));
        } else {
            report = json!({ "profile": self.profile, "replicas": self.replicas });
        }
        report
    }
}

/// Writes the lines of an object.
pub fn write(out: &mut String, renderer: Renderer, lines: &[Line<'_>]) {
    let mut unknown = Vec::new();
    for line in lines {
        match line.cost {
            Some(cost) => {
                out.push_str("  ");
                renderer.folded(out, 4, &clean(&line.words(cost)));
            }
            None => unknown.push(line.profile),
        }
    }
    if !unknown.is_empty() {
        out.push_str("  ");
        let text = format!("on {} neither sizes nor prices are known", names(&unknown));
        renderer.folded(out, 4, &clean(&text));
    }
}

/// What everything comes to: the sum of those objects that are headed for one profile with prices.
pub fn total(all: &[Vec<Line<'_>>]) -> String {
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    let mut counted = 0;
    let headed = all.iter().filter(|lines| !lines.is_empty()).count();
    for lines in all {
        if let [line] = lines.as_slice()
            && let Some((hourly, currency)) = line.hourly()
        {
            *sums.entry(currency).or_default() += hourly;
            counted += 1;
        }
    }
    let mut out = String::new();
    // Of pods that were asked about everywhere there is no sum.
    if headed == 0 || all.iter().all(|lines| lines.len() != 1) {
        return out;
    }
    let sums: Vec<String> =
        sums.into_iter().map(|(currency, hourly)| cost::money(hourly, currency)).collect();
    if sums.is_empty() {
        out.push_str("cost: not known of anything here\n");
        return out;
    }
    let _ =
        write!(out, "cost: about {} an hour for {}", sums.join(" and "), count(counted, "object"));
    if headed > counted {
        let _ = write!(
            out,
            "; {} not counted, as its price is not known or it may go to several virtual nodes",
            headed - counted
        );
    }
    out.push_str("; an estimate by list prices\n");
    out
}
