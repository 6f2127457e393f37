//! `loadline check`: what the webhooks would say of objects in files.
//!
//! Objects become the reviews that the API server would send, and go through the very same decision. A workload is judged
//! as its pods would be: the webhooks only warn about a workload and refuse its pods, but whoever checks a file wants to
//! know of the pods now.

pub mod annotations;
pub mod cost;
pub mod envelope;
pub mod finding;
pub mod human;
pub mod input;
pub mod json;
pub mod judge;
pub mod object;
pub mod parallel;
pub mod raw;
pub mod sarif;
pub mod scope;
pub mod template;
pub mod typed;

use std::collections::BTreeMap;
use std::io::Write;
use std::mem::forget;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ExitStatus;
use super::bundle::BundleArgs;
use super::render::Renderer;
use crate::admission::Pipeline;
use crate::bundle::Problem;
use crate::date::Date;
use crate::diagnostic::{Exempted, Severity};
use crate::exemption::Exemption;
use crate::facts::{Cluster, Facts};
use crate::server::today;
use judge::{Judged, Outcome};
use object::{Found, Reader, Subject};

/// Value of `--profile` that asks about every profile.
const EVERY_PROFILE: &str = "all";

/// What people type most.
const EXAMPLES: &str = "Examples:
  loadline check -f pod.yaml
  loadline check -R -f deploy/ --fail-on warn
  loadline check -f pod.yaml --profile azure-aci     would it run there?
  loadline check -f pod.yaml --profile all           where would it run?
  kubectl get nodes,namespaces -o yaml | loadline check -f - -f pod.yaml

A workload is judged by its pods. Namespaces and nodes among the inputs are taken for the cluster; \
without a node, each profile's own description of its node stands in. \
What cannot be read is told on standard error, and the rest is checked.

Exit status: 0 clean, 1 findings, 2 something could not be read.";

/// What to check, and how.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// A file, a folder (its .yaml, .yml and .json files) or `-` for standard input; may be given more than once
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", required = true)]
    pub filename: Vec<PathBuf>,
    /// Objects that policies may look at besides those that are checked: a file or a folder; may be given more than once
    #[arg(long, value_name = "FILE|DIR")]
    pub inventory: Vec<PathBuf>,
    /// Look into the folders of folders too, hidden ones left out
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// What standard input is called in messages
    #[arg(long, value_name = "NAME", default_value = "<stdin>")]
    pub stdin_filename: String,
    /// Namespace of objects that name none
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// Ask whether the pods would run on this profile, wherever they are headed; `all` asks for every profile
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Say what the pods would cost, by list prices: an estimate
    #[arg(long)]
    pub cost: bool,
    /// How to answer
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// What makes the exit status 1
    #[arg(long, value_enum, default_value_t)]
    pub fail_on: FailOn,
    /// What to decide with.
    #[command(flatten)]
    pub bundle: BundleArgs,
}

/// Forms of the answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Human,
    /// One JSON object with everything
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// XML of `JUnit`: a suite for each file, a case for each object
    Junit,
    /// Workflow commands of GitHub Actions, which become annotations on a pull request
    Github,
    /// What the webhooks answer, byte for byte: for each object a line from /mutate and one from /validate
    Review,
}

/// What counts as a finding.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum FailOn {
    /// An object, or its pods, would be refused; with `--profile all`: on every profile
    #[default]
    Deny,
    /// The same, or a warning
    Warn,
}

impl FailOn {
    /// Whether a diagnostic of that severity counts.
    pub const fn is_finding(self, severity: Severity) -> bool {
        match self {
            Self::Deny => matches!(severity, Severity::Deny),
            Self::Warn => matches!(severity, Severity::Deny | Severity::Warn),
        }
    }
}

/// Everything that was found and said.
#[derive(Debug)]
pub struct Run<'a> {
    /// What decided.
    pub pipeline: &'a Pipeline,
    /// Each object with its verdicts: one, or one a profile.
    pub judged: Vec<((&'a Found, &'a Subject), Vec<Judged>)>,
    /// How many objects of other kinds there are, by kind.
    pub skipped: BTreeMap<String, usize>,
    /// How many nodes are among the inputs.
    pub nodes: usize,
    /// The day of the run.
    pub today: Option<Date>,
    /// Whether costs are asked for.
    pub with_cost: bool,
}

impl Run<'_> {
    /// How many objects fare like this. Asked about several profiles, an object fares as on the best of them.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.judged
            .iter()
            .filter(|(_, judged)| judged.iter().map(Judged::outcome).max() == Some(outcome))
            .count()
    }

    /// What each object comes to.
    pub fn costs(&self) -> Vec<Vec<cost::Line<'_>>> {
        let mut all = Vec::with_capacity(self.judged.len());
        for ((_, subject), judged) in &self.judged {
            let lines = |one| cost::lines(self.pipeline, subject, one);
            all.push(judged.iter().flat_map(lines).collect());
        }
        all
    }

    /// The exemptions with how often each was applied here.
    pub fn exemptions(&self) -> impl Iterator<Item = (&Exemption, usize)> {
        self.pipeline.exemptions.iter().map(|exemption| {
            let verdicts = self.judged.iter().flat_map(|(_, judged)| judged).map(Judged::counts);
            let notes = verdicts
                .flat_map(|verdict| &verdict.diagnostics)
                .filter_map(|one| one.exemption.as_ref());
            let is_applied = |note: &&Exempted| note.name == exemption.name && !note.has_ended;
            (exemption, notes.filter(is_applied).count())
        })
    }
}

/// Checks, prints, and says what came of it.
pub fn run(arguments: &CheckArgs) -> anyhow::Result<ExitStatus> {
    let pipeline = arguments.bundle.pipeline()?;
    let profiles = asked(arguments, &pipeline)?;
    let (files, unreadable) = input::files(&arguments.filename, arguments.recursive);
    let reader = Reader {
        catalogue: &pipeline.catalogue,
        pipeline: &pipeline,
        namespace: &arguments.namespace,
        today: today(),
        everything: false,
    };
    let found = parallel::map(&files, "files read", |path| {
        input::read(path, &arguments.stdin_filename).map(|text| reader.find(text))
    });
    let mut problems: Vec<(Problem, Option<&Found>)> =
        unreadable.into_iter().map(|problem| (problem, None)).collect();
    let mut read: Vec<&Found> = Vec::new();
    for found in &found {
        match found {
            Ok(found) => {
                problems
                    .extend(found.problems.iter().map(|problem| (problem.clone(), Some(found))));
                read.push(found);
            }
            Err(problem) => problems.push((problem.clone(), None)),
        }
    }
    let known = inventory(&arguments.inventory, &arguments.stdin_filename, &reader)?;
    let facts = facts(&read, &known, &pipeline);
    let subjects: Vec<(&Found, &Subject)> = read
        .iter()
        .flat_map(|found| found.subjects.iter().map(move |subject| (*found, subject)))
        .collect();
    let judged = parallel::map(&subjects, "objects judged", |(_, subject)| {
        profiles
            .iter()
            .map(|profile| judge::judge(&pipeline, &facts, subject, *profile))
            .collect::<Vec<_>>()
    });
    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    for (kind, number) in read.iter().flat_map(|found| &found.skipped) {
        *skipped.entry(kind.clone()).or_default() += number;
    }
    let run = Run {
        pipeline: &pipeline,
        judged: subjects.into_iter().zip(judged).collect(),
        skipped,
        nodes: read.iter().map(|found| found.nodes.len()).sum(),
        today: reader.today,
        with_cost: arguments.cost,
    };
    print(arguments, &facts, &run, &mut problems)?;
    let is_finding = |outcome: Outcome| outcome.is_finding(arguments.fail_on);
    let outcomes = [Outcome::Denied, Outcome::Warned, Outcome::Clean];
    let status = if !problems.is_empty() {
        ExitStatus::Failure
    } else if outcomes.into_iter().any(|outcome| is_finding(outcome) && run.count(outcome) > 0) {
        ExitStatus::Findings
    } else {
        ExitStatus::Clean
    };
    // The process is about to end. To take all of this apart first would be a tenth of its work.
    forget(run);
    forget(facts);
    forget((found, known, pipeline));
    Ok(status)
}

/// The profiles that are asked about; one nothing when the objects go where they go.
fn asked<'a>(
    arguments: &'a CheckArgs,
    pipeline: &'a Pipeline,
) -> anyhow::Result<Vec<Option<&'a str>>> {
    let Some(name) = arguments.profile.as_deref() else {
        return Ok(vec![None]);
    };
    let names = pipeline.profiles.iter().map(|profile| profile.name.as_str());
    if name == EVERY_PROFILE {
        anyhow::ensure!(
            arguments.output != Output::Review,
            "`-o review` answers for one profile, not for `--profile all`"
        );
        return Ok(names.map(Some).collect());
    }
    if pipeline.profile_named(name).is_none() {
        let (what, help) = pipeline.no_profile(name, [EVERY_PROFILE]);
        anyhow::bail!("{what}: {help}");
    }
    Ok(vec![Some(name)])
}

/// What the inputs say of the cluster. It is known when there is a node among them.
///
/// Policies may look at all of the inputs, and at what is given besides. What is checked is what they see of an object that
/// stands in both.
fn facts(read: &[&Found], known: &[Found], pipeline: &Pipeline) -> Facts {
    let mut nodes = Vec::new();
    let mut namespaces = BTreeMap::new();
    for found in known {
        namespaces.extend(found.namespaces.clone());
    }
    for found in read {
        nodes.extend(found.nodes.iter().cloned());
        namespaces.extend(found.namespaces.clone());
    }
    let objects = known.iter().chain(read.iter().copied()).flat_map(|found| &found.objects);
    let inventory = objects.cloned().collect();
    let facts = if nodes.is_empty() {
        Facts::of_namespaces(namespaces)
    } else {
        Facts::of_cluster(Cluster::new(nodes, &pipeline.profiles), namespaces)
    };
    facts.with_inventory(inventory)
}

/// Reads the objects that are only to be known. One that cannot be read is an error: a policy that does not see what it asks
/// for lets pass what it should not.
pub(in crate::cli) fn inventory(
    paths: &[PathBuf],
    stdin_name: &str,
    reader: &Reader<'_>,
) -> anyhow::Result<Vec<Found>> {
    let files = input::all_files(paths, true)?;
    let mut all = Vec::new();
    for path in &files {
        let text = input::read(path, stdin_name).map_err(|problem| anyhow::anyhow!("{problem}"))?;
        let found = reader.find(text);
        if let Some(problem) = found.problems.first() {
            anyhow::bail!("{problem}");
        }
        all.push(found);
    }
    Ok(all)
}

/// Writes the answer to standard output and what could not be read to standard error.
fn print<'a>(
    arguments: &CheckArgs,
    facts: &Facts,
    run: &Run<'a>,
    problems: &mut Vec<(Problem, Option<&'a Found>)>,
) -> anyhow::Result<()> {
    let mut stdout: Box<dyn Write> = match arguments.output {
        Output::Human => Box::new(std::io::BufWriter::new(anstream::stdout().lock())),
        // For programs: not a byte is touched.
        Output::Json | Output::Review | Output::Sarif | Output::Junit | Output::Github => {
            Box::new(std::io::BufWriter::new(std::io::stdout().lock()))
        }
    };
    let renderer = Renderer::for_stdout();
    match arguments.output {
        Output::Human => {
            for ((found, subject), judged) in &run.judged {
                let mut out = String::new();
                match judged.as_slice() {
                    [one] => human::object(&mut out, renderer, run, found, subject, one),
                    many => human::profiles(&mut out, renderer, run, found, subject, many),
                }
                stdout.write_all(out.as_bytes())?;
            }
        }
        Output::Json | Output::Sarif | Output::Junit | Output::Github => {}
        Output::Review => {
            for ((found, subject), _) in &run.judged {
                match judge::answers(run.pipeline, facts, subject, arguments.profile.as_deref()) {
                    Ok(answers) => {
                        for answer in answers {
                            stdout.write_all(&answer)?;
                            stdout.write_all(b"\n")?;
                        }
                    }
                    Err(message) => {
                        let problem = Problem {
                            origin: found.text.name.clone(),
                            mark: subject.mark(found),
                            message,
                        };
                        problems.push((problem, Some(*found)));
                    }
                }
            }
        }
    }
    stdout.flush()?;
    let mut out = String::new();
    for (problem, found) in &*problems {
        renderer.problem(&mut out, problem, found.map(|found| &found.text));
    }
    anstream::stderr().write_all(out.as_bytes())?;
    let told: Vec<Problem> = problems.iter().map(|(problem, _)| problem.clone()).collect();
    let text = match arguments.output {
        Output::Human => human::summary(run, told.len()),
        Output::Json => json::report(run, &told)? + "\n",
        Output::Sarif => sarif::report(run, &told)? + "\n",
        Output::Junit => annotations::junit(run, &told, arguments.fail_on),
        Output::Github => annotations::github(run, &told),
        Output::Review => String::new(),
    };
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}
