//! Arguments, dispatch and [`ExitStatus`]. One file per verb: `FooArgs` and `run`.

pub mod bundle;
pub mod check;
pub mod demo;
pub mod explain;
pub mod install;
pub mod knowledge;
pub mod matrix;
pub mod policy;
pub mod profile;
pub mod render;
pub mod serve;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// What the process says when it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExitStatus {
    /// 0: nothing to complain about; warnings are allowed.
    Clean,
    /// 1: at least one object was denied, or a test failed.
    Findings,
    /// 2: the job could not be done.
    Failure,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Clean => 0,
            ExitStatus::Findings => 1,
            ExitStatus::Failure => 2,
        })
    }
}

/// Admission control for pods headed for virtual nodes.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

const AFTER_HELP: &str = "Exit status: 0 clean, 1 findings, 2 the job could not be done.\n\
    Colours follow the terminal and NO_COLOR.";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what the webhooks would say of objects in files
    Check(Box<check::CheckArgs>),
    Demo(demo::DemoArgs),
    /// Explain a code of a message, a feature or a policy
    Explain(explain::ExplainArgs),
    /// Compare what kinds of virtual nodes do with each feature
    Matrix(matrix::MatrixArgs),
    /// List, show, compare, lint and begin profiles of virtual nodes
    Profile(profile::ProfileArgs),
    Serve(serve::ServeArgs),
    Install(install::InstallArgs),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write and test policies
    Policy(policy::PolicyArgs),
}

/// Runs the command line, and gives its exit status.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; clap knows where to print and which status to give.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = match arguments.verb {
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::Matrix(arguments) => matrix::run(&arguments),
        Verb::Profile(arguments) => profile::run(&arguments),
        Verb::Serve(args) => serve::run(args),
        Verb::Completion { shell } => {
            // What it writes to must not fail, and a pipe does where its reader has seen enough.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "loadline", &mut script);
            let written = std::io::stdout().write_all(&script);
            written.map(|()| ExitStatus::Clean).map_err(anyhow::Error::from)
        }
        Verb::Install(args) => install::run(&args),
        Verb::Policy(arguments) => policy::run(arguments),
    };
    match outcome {
        Ok(status) => status.into(),
        Err(error) => {
            let error: anyhow::Error = error;
            if is_broken_pipe(&error) {
                return ExitStatus::Clean.into();
            }
            anstream::eprintln!("error: {error:#}");
            ExitStatus::Failure.into()
        }
    }
}

/// Whether the reader of our output has gone away, which is its right.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
