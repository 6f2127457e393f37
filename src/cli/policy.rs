//! `loadline policy`: the workbench for those who write policies.

pub mod bench;
pub mod docs;
pub mod eval;
pub mod lint;
pub mod load;
pub mod new;
pub mod objects;
pub mod show;
pub mod test;
pub mod verify;

use clap::{Args, Subcommand};

use super::ExitStatus;

/// Arguments of `loadline policy`.
#[derive(Args, Debug)]
pub struct PolicyArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Measure how long policies take
    Bench(bench::BenchArgs),
    /// Write a page about policies: what they want, parameters, sets, samples
    Docs(docs::DocsArgs),
    /// Evaluate a policy against objects in files, and explain the result
    Eval(eval::EvalArgs),
    /// Find mistakes in policies: what does not load, fields that there are not, tests that mean something else
    Lint(lint::LintArgs),
    /// List the policies of the built-in library
    List(show::ListArgs),
    /// Begin a policy, with its tests and a sample
    New(new::NewArgs),
    /// Print a policy of the built-in library, to be read or copied
    Show(show::ShowArgs),
    /// Run the rules named `test_*`
    Test(test::TestArgs),
    /// Run suites of tests for Gatekeeper's templates, as `gator verify` does
    Verify(verify::VerifyArgs),
}

/// Runs `loadline policy`.
pub fn run(arguments: PolicyArgs) -> anyhow::Result<ExitStatus> {
    match arguments.verb {
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Docs(arguments) => docs::run(&arguments),
        Verb::Eval(arguments) => eval::run(&arguments),
        Verb::Lint(arguments) => lint::run(&arguments),
        Verb::List(arguments) => show::list(&arguments),
        Verb::New(arguments) => new::run(&arguments),
        Verb::Show(arguments) => show::show(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Verify(arguments) => verify::run(&arguments),
    }
}
