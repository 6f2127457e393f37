//! `check --cost`: what the pods of each object are estimated to cost, by list prices.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::Run;
use super::human::raw;
use super::judge::Judged;
use super::object::Subject;
use crate::admission::Pipeline;
use crate::cli::render::count;
use crate::cost::{Estimate, decimal, demand, document, estimate, least, number};
use crate::mutation;
use crate::profile::Profile;

/// What an object is estimated to cost on a profile.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Name of the profile.
    pub profile: String,
    /// What one pod comes to.
    pub estimate: Estimate,
    /// How many pods there are of it; nothing where the cluster decides that.
    pub replicas: Option<u32>,
    /// For programs.
    pub document: Value,
}

impl Cost {
    /// What all of its pods cost in an hour, in thousand-millionths of the currency.
    pub fn hourly(&self) -> Option<i128> {
        self.estimate.hourly?.checked_mul(i128::from(self.replicas.unwrap_or(1)))
    }

    /// The estimate in a sentence.
    pub fn sentence(&self, pipeline: &Pipeline) -> String {
        let name = &self.profile;
        let Estimate { asked, billed, hourly } = self.estimate;
        let mut text = format!("estimate for `{name}`: {asked} asked for");
        let profile = pipeline.profile_named(name);
        match billed {
            None => {
                text += ", which is more than its largest size";
                return text;
            }
            Some(billed) if profile.is_some_and(|profile| profile.size.is_some()) => {
                let _ = write!(text, ", billed as {billed}");
            }
            Some(_) => text += ", and no sizes are known",
        }
        match (hourly, profile.and_then(|profile| profile.prices.as_ref())) {
            (Some(hourly), Some(prices)) => {
                let currency = &prices.currency;
                let _ = write!(text, "; {} {currency} an hour", decimal(hourly, 9));
                if let Some(least) = least(prices, hourly).filter(|least| *least > 0) {
                    let _ = write!(text, ", {} {currency} at least", decimal(least, 9));
                }
                match (self.replicas, self.hourly()) {
                    (None, _) => text += ", for each pod",
                    (Some(1), _) | (_, None) => {}
                    (Some(many), Some(all)) => {
                        let all = decimal(all, 9);
                        let _ = write!(text, "; {all} {currency} an hour for {many} pods");
                    }
                }
                let date = &prices.verified.date;
                let _ = write!(text, " (list prices of {date} in {})", prices.region);
            }
            _ => text += "; no prices are known",
        }
        text
    }

    /// The estimate in a few words, for a table.
    pub fn short(&self) -> String {
        let currency = self.document.get("currency").and_then(Value::as_str).unwrap_or_default();
        match (self.estimate.billed, self.hourly()) {
            (None, _) => "more than the largest size".to_owned(),
            (Some(billed), None) => format!("{billed}, no prices known"),
            (Some(billed), Some(all)) => {
                format!("{billed}, about {} {currency} an hour", decimal(all, 9))
            }
        }
    }
}

/// What an object costs on the profile that was asked about, or else on each that its pods are headed for.
pub fn costs(pipeline: &Pipeline, subject: &Subject, judged: &Judged) -> Vec<Cost> {
    if !subject.has_pods() {
        return Vec::new();
    }
    let verdict = judged.counts();
    let profiles: Vec<&Profile> = match &judged.profile {
        Some(name) => pipeline.profile_named(name).into_iter().collect(),
        None => {
            let headed = verdict.placement.profiles.iter();
            headed.filter_map(|one| pipeline.profile_named(&one.profile)).collect()
        }
    };
    if profiles.is_empty() {
        return Vec::new();
    }
    let object = raw(subject).unwrap_or_default();
    let replicas = replicas(&subject.kind, &object);
    let mut pod = subject.pods.as_ref().map_or(object, |pods| pods.pod.clone());
    // A patch that does not apply is told elsewhere; the pod as it was sent is then the best there is.
    let _ = mutation::apply(&verdict.patch, &mut pod);
    let asked = demand(&pod);
    let cost = |profile: &Profile| {
        let estimate = estimate(profile, asked);
        let mut document = document(profile, &estimate);
        if let Some(members) = document.as_object_mut() {
            members.insert("replicas".to_owned(), json!(replicas));
        }
        Cost { profile: profile.name.clone(), estimate, replicas, document }
    };
    profiles.into_iter().map(cost).collect()
}

/// How many pods an object makes at a time: nothing where that depends on the cluster.
fn replicas(kind: &str, object: &Value) -> Option<u32> {
    let pointer = match kind {
        "DaemonSet" => return None,
        "Job" | "ScaledJob" => "/spec/parallelism",
        "CronJob" => "/spec/jobTemplate/spec/parallelism",
        _ => "/spec/replicas",
    };
    let wanted = object.pointer(pointer).and_then(Value::as_u64);
    wanted.map_or(Some(1), |wanted| u32::try_from(wanted).ok())
}

/// What all objects cost together on a profile.
#[derive(Default)]
struct Total {
    hourly: i128,
    objects: usize,
    without: usize,
}

fn sums(run: &Run<'_>) -> BTreeMap<String, Total> {
    let mut sums: BTreeMap<String, Total> = BTreeMap::new();
    for cost in run.judged.iter().flat_map(|(_, judged)| judged).flat_map(|one| &one.costs) {
        let total = sums.entry(cost.profile.clone()).or_default();
        match cost.hourly() {
            Some(hourly) => {
                total.hourly = total.hourly.saturating_add(hourly);
                total.objects += 1;
            }
            None => total.without += 1,
        }
    }
    sums
}

/// Writes what all objects cost together, a line a profile whose prices are known.
pub fn totals(out: &mut String, run: &Run<'_>) {
    for (name, total) in sums(run) {
        let profile = run.pipeline.profile_named(&name);
        let Some(prices) = profile.and_then(|profile| profile.prices.as_ref()) else {
            continue;
        };
        let _ = write!(
            out,
            "estimated total on `{name}`: {} {} an hour for {} (list prices of {} in {}, from {}",
            decimal(total.hourly, 9),
            prices.currency,
            count(total.objects, "object"),
            prices.verified.date,
            prices.region,
            prices.source,
        );
        if total.without > 0 {
            let _ = write!(out, "; {} without a price", total.without);
        }
        out.push_str(")\n");
    }
}

/// The same for programs.
pub fn total_document(run: &Run<'_>) -> Map<String, Value> {
    let sums = sums(run).into_iter();
    sums.map(|(name, total)| {
        let prices = run.pipeline.profile_named(&name).and_then(|one| one.prices.as_ref());
        let value = json!({
            "perHour": prices.map(|_| number(total.hourly, 9)),
            "currency": prices.map(|prices| &prices.currency),
            "objects": total.objects,
            "withoutPrice": total.without,
        });
        (name, value)
    })
    .collect()
}
