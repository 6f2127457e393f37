//! `loadline policy bench`: how long policies take, and how much memory they fill.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::load;
use super::objects::{self, Objects};
use super::show::Output;
use crate::cli::ExitStatus;
use crate::cli::bundle::BundleArgs;
use crate::cli::render::{BOLD, DIM, RED, clean, count, paint};
use crate::governance::eval::Evaluator;
use crate::governance::input::Input;

const EXAMPLES: &str = "Examples:
  loadline policy bench policies/ -f pods/
  loadline policy bench policies/ -f pods/ --seconds 5 -o json

Each policy is asked about every object, again and again, as it is when pods are judged; making its input is not counted. \
Run the release build on a machine that does nothing else.";

/// Arguments of `loadline policy bench`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Policies: files and folders
    #[arg(value_name = "POLICY", required = true)]
    policies: Vec<PathBuf>,
    /// Objects: a file or a folder; may be given more than once
    #[arg(short, long = "filename", value_name = "FILE|DIR", required = true)]
    filename: Vec<PathBuf>,
    /// Objects that the policies may look at besides (`data.inventory`): a file or a folder; may be given more than once
    #[arg(long, value_name = "FILE|DIR")]
    inventory: Vec<PathBuf>,
    /// How long each policy is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    seconds: f64,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "human")]
    output: Output,
}

/// What one policy took.
struct Measured {
    name: String,
    /// How often it was asked, and how long that took.
    reviews: usize,
    total: Duration,
    half: Duration,
    most: Duration,
    /// By how many bytes the process grew meanwhile, where that can be known.
    memory: Option<u64>,
    failures: usize,
}

/// Measures and prints.
pub fn run(arguments: &BenchArgs) -> anyhow::Result<ExitStatus> {
    let limit = Duration::try_from_secs_f64(arguments.seconds)
        .map_err(|error| anyhow::anyhow!("`--seconds {}`: {error}", arguments.seconds))?;
    let mut files = load::read(&arguments.policies)?;
    load::add_constraints(&mut files);
    if files.policies.is_empty() {
        return Err(files.no_policy(&arguments.policies));
    }
    let pipeline = BundleArgs::default().pipeline()?;
    let objects = Objects::read(&pipeline, &arguments.filename, &arguments.inventory, "default")?;
    let mut measured = Vec::new();
    for loaded in &files.policies {
        let failed = |message: &str| anyhow::anyhow!("{}", load::placed(&loaded.sources, message));
        let inputs: Vec<Input> = objects
            .subjects()
            .flat_map(|(_, subject)| objects::requests(loaded, subject))
            .filter_map(|request| objects.preview(&pipeline, request, None).ok())
            .map(|preview| preview.input)
            .collect();
        if inputs.is_empty() {
            bail!("policy `{}` is about none of the objects", loaded.name());
        }
        let evaluator = Evaluator::new(&loaded.modules(), loaded.policy().dialect, &[], false)
            .map_err(|error| failed(&error.message))?;
        let name = loaded.name();
        if loaded.constraints.is_empty() {
            let own = loaded.parameters(None)?;
            measured.push(measure(name, &evaluator, &inputs, &own, limit));
            continue;
        }
        for constraint in &loaded.constraints {
            let name = format!("{name}/{}", constraint.name);
            let own = loaded.parameters_of(constraint)?;
            measured.push(measure(name, &evaluator, &inputs, &own, limit));
        }
    }
    let mut out = anstream::stdout().lock();
    match arguments.output {
        Output::Human => print(&mut out, &measured, objects.subjects().count())?,
        Output::Json => {
            let all: Vec<Value> = measured.iter().map(Measured::json).collect();
            serde_json::to_writer_pretty(
                &mut out,
                &json!({ "objects": objects.subjects().count(), "policies": all }),
            )?;
            writeln!(out)?;
        }
    }
    let has_failed = measured.iter().any(|one| one.failures > 0);
    Ok(if has_failed { ExitStatus::Findings } else { ExitStatus::Clean })
}

fn measure(
    name: String,
    evaluator: &Evaluator,
    inputs: &[Input],
    parameters: &Value,
    limit: Duration,
) -> Measured {
    // The first round fills caches, and shows what cannot be evaluated.
    let before = resident();
    let failures = inputs.iter().filter(|input| evaluator.time(input, parameters).is_err()).count();
    let mut times = Vec::new();
    let start = Instant::now();
    while times.is_empty() || start.elapsed() < limit {
        times.extend(
            inputs.iter().map(|input| evaluator.time(input, parameters).unwrap_or_default()),
        );
    }
    let memory = before.zip(resident()).map(|(before, after)| after.saturating_sub(before));
    let total = times.iter().sum();
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let (half, most) = (at(50), at(99));
    Measured { name, reviews: times.len(), total, half, most, memory, failures }
}

impl Measured {
    fn per_second(&self) -> f64 {
        let reviews = f64::from(u32::try_from(self.reviews).unwrap_or(u32::MAX));
        reviews / self.total.as_secs_f64().max(f64::EPSILON)
    }

    fn json(&self) -> Value {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        json!({
            "policy": self.name,
            "reviews": self.reviews,
            "p50Ns": nanos(self.half),
            "p99Ns": nanos(self.most),
            "reviewsPerSecond": self.per_second(),
            "memoryBytes": self.memory,
            "failures": self.failures,
        })
    }
}

fn print(
    out: &mut impl std::io::Write,
    measured: &[Measured],
    objects: usize,
) -> anyhow::Result<()> {
    let names = measured.iter().map(|one| one.name.chars().count());
    let width = names.max().unwrap_or_default().max("policy".len());
    let heads = format!(
        "{:width$} {:>10} {:>10} {:>12} {:>10}",
        "policy", "p50", "p99", "reviews/s", "memory"
    );
    writeln!(out, "{}", paint(BOLD, heads))?;
    for one in measured {
        let memory =
            one.memory.map_or_else(|| "?".to_owned(), |bytes| format!("{} KiB", bytes / 1024));
        write!(
            out,
            "{:width$} {:>10} {:>10} {:>12.0} {memory:>10}",
            clean(&one.name),
            format!("{:.1?}", one.half),
            format!("{:.1?}", one.most),
            one.per_second(),
        )?;
        if one.failures > 0 {
            let text = format!(
                "could not be evaluated for {} of {}",
                one.failures,
                count(objects, "object")
            );
            write!(out, "  {}", paint(RED, text))?;
        }
        writeln!(out)?;
    }
    let sum: Duration = measured.iter().map(|one| one.half).sum();
    writeln!(
        out,
        "{}",
        paint(
            DIM,
            format_args!("{}; all policies together {sum:.1?} at p50", count(objects, "object"))
        )
    )?;
    if cfg!(debug_assertions) {
        anstream::eprintln!(
            "note: this is a debug build; what it measures says nothing about a release build"
        );
    }
    Ok(())
}

/// How much memory the process holds, where the system says so.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
