//! The binary: hands over to [`loadline::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    loadline::cli::run()
}
