//! End to end: Loadline's own binary in front of a real Kubernetes control plane.
//!
//! Everything runs on loopback from programs that [`programs`] builds out of public Go modules; [`cluster`] starts
//! them and ends them. One test walks the whole road in order, because what the cluster has seen before matters:
//! first without Loadline, then with it, then with it stopped. Each step is a function of its own, reported by name;
//! a step that fails does not keep the later ones from running.
//!
//! Only what nothing cheaper can show belongs here.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: what goes wrong ends it, and its report goes to standard output"
)]

mod certificates;
mod cluster;
mod latency;
mod loadline;
mod process;
mod programs;
mod scenarios;

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::time::Instant;

use crate::cluster::Cluster;
use crate::loadline::Loadline;
use crate::programs::Programs;

#[test]
fn pods_are_judged_placed_fenced_and_governed_on_a_real_control_plane() {
    set_hook(Box::new(report_failure));
    let cluster = Cluster::start(Programs::provide());
    let mut steps = Steps::default();

    println!("\nwithout Loadline");
    let before = scenarios::Before::new(&cluster);
    for (name, step) in scenarios::WITHOUT {
        steps.run(name, || step(&before));
    }

    println!("\nwith Loadline");
    let mut loadline = Loadline::install(&cluster);
    for (name, step) in scenarios::WITH {
        steps.run(name, || step(&before, &loadline));
    }

    println!("\nlatency");
    steps.run("what_the_webhooks_cost_is_measured", || {
        latency::measure(&loadline);
    });

    println!("\nwith Loadline stopped");
    for (name, step) in scenarios::STOPPED {
        steps.run(name, || step(&mut loadline));
    }
    steps.finish();
}

/// What failed and where, in the order of the report; a backtrace would tell only of this harness.
fn report_failure(info: &PanicHookInfo<'_>) {
    let at = info.location().map(ToString::to_string).unwrap_or_default();
    let message = info.payload_as_str().unwrap_or("panicked");
    println!("          failed at {at}:\n{}", scenarios::indent(message));
}

/// How each step went.
#[derive(Default)]
struct Steps {
    passed: usize,
    failed: Vec<String>,
}

impl Steps {
    fn run(&mut self, name: &str, step: impl FnOnce()) {
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(step));
        let spent = start.elapsed();
        let name = name.replace('_', " ");
        if result.is_ok() {
            self.passed += 1;
            println!("  ok      {name} ({spent:.1?})");
        } else {
            println!("  FAILED  {name} ({spent:.1?})");
            self.failed.push(name);
        }
    }

    fn finish(self) {
        println!("\n{} steps passed, {} failed", self.passed, self.failed.len());
        assert!(self.failed.is_empty(), "failed: {}", self.failed.join(", "));
    }
}
