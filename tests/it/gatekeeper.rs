//! Gatekeeper's policies as their authors run them: suites, `check`, and the webhooks' answers.

mod check;
mod hostile;
mod install;
mod mutators;
mod suites;

use crate::support::CliTest;

/// Runs the program; gives its status and what it said.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let said = CliTest::new().run(arguments);
    (said.status, said.stdout, said.stderr)
}
