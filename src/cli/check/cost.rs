//! `check --cost`: what the pods would cost, by list prices. Estimates, and called so.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::judge::Judged;
use super::object::Subject;
use crate::admission::Pipeline;
use crate::cli::render::{Renderer, clean, count};
use crate::cost::{self, Estimate};
use crate::profile::Profile;
use crate::profile::size::Amount;

/// What an object comes to on one profile.
#[derive(Debug)]
pub struct Line<'p> {
    profile: &'p Profile,
    asked: Amount,
    estimate: Option<Estimate>,
    /// How many pods the object makes at once.
    replicas: u32,
}

/// What an object comes to on each profile that it is headed for, or that was asked about.
pub fn lines<'p>(pipeline: &'p Pipeline, subject: &Subject, judged: &Judged) -> Vec<Line<'p>> {
    let object = subject.raw();
    let pod = match &subject.pods {
        Some(pods) => Some(pods.pod.clone()),
        None => object.clone(),
    };
    let Some(pod) = pod.and_then(|pod| serde_json::from_value(pod).ok()) else {
        return Vec::new();
    };
    let asked = cost::demand(&pod);
    let replicas = object.as_ref().map_or(1, replicas);
    let headed = judged.counts().placement.profiles.iter().map(|one| one.profile.as_str());
    let names: Vec<&str> = match &judged.profile {
        Some(name) => vec![name],
        None => headed.collect(),
    };
    names
        .into_iter()
        .filter_map(|name| pipeline.profile_named(name))
        .map(|profile| Line { profile, asked, estimate: cost::estimate(profile, asked), replicas })
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
        let hourly = self.estimate?.hourly?.checked_mul(i128::from(self.replicas))?;
        Some((hourly, &self.profile.prices.as_ref()?.currency))
    }

    /// Whether there is more to say than what the pod asks for.
    pub const fn is_known(&self) -> bool {
        self.estimate.is_some()
    }

    /// The line in words.
    fn words(&self) -> String {
        let Self { profile, asked, estimate, replicas } = self;
        let mut text = format!("on `{}` it asks for {}", profile.name, cost::words(*asked));
        match estimate {
            None => text.push_str("; neither sizes nor prices are known there"),
            Some(Estimate { billed: None, .. }) => text.push_str(", more than the largest size"),
            Some(Estimate { billed: Some(billed), .. }) => {
                if billed == asked {
                    text.push_str(", and that is billed");
                } else {
                    let _ = write!(text, " and is billed as {}", cost::words(*billed));
                }
                if *replicas != 1 {
                    let _ = write!(
                        text,
                        ", {}",
                        count(usize::try_from(*replicas).unwrap_or(usize::MAX), "time")
                    );
                }
                match (self.hourly(), &profile.prices) {
                    (Some((hourly, currency)), Some(prices)) => {
                        let _ = write!(text, ": about {} an hour", cost::money(hourly, currency));
                        if let Some(least) = cost::least(prices, hourly).filter(|least| *least > 0)
                        {
                            let _ =
                                write!(text, ", at least {} a run", cost::money(least, currency));
                        }
                        let _ = write!(
                            text,
                            " (list prices of {}, {})",
                            prices.region, prices.verified.date
                        );
                    }
                    _ => text.push_str("; prices are not known"),
                }
            }
        }
        text
    }

    /// The line for programs.
    pub fn report(&self) -> Value {
        let mut report = cost::report(self.profile, self.asked);
        if let Some(members) = report.as_object_mut() {
            members.insert("profile".to_owned(), json!(self.profile.name));
            members.insert("replicas".to_owned(), json!(self.replicas));
        }
        report
    }
}

/// Writes the lines of an object.
pub fn write(out: &mut String, renderer: Renderer, lines: &[Line<'_>]) {
    for line in lines {
        out.push_str("  ");
        renderer.folded(out, 4, &clean(&line.words()));
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
