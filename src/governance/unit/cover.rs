//! Runs that look at lines.

use std::time::Duration;

use regorus::Value;

use super::super::coverage::Coverage;
use super::{BYTES_PER_LEVEL, Failure, Lenient, Unit, guarded, timer};

/// How long a run may take that looks at lines.
const COVERAGE_TIME_LIMIT: Duration = Duration::from_secs(5);

impl Unit {
    /// Runs a rule once more, to see to which lines it comes.
    pub(in crate::governance) fn cover(
        &self,
        rule: &str,
        input: Option<&Value>,
        data: Option<&Value>,
        coverage: &mut Coverage,
    ) {
        let stack =
            BYTES_PER_LEVEL.saturating_mul(usize::try_from(self.depth).unwrap_or(usize::MAX));
        let stack = stack.max(1 << 20);
        let lenient = self.lenient.as_ref().and_then(Lenient::get);
        let mut engine = lenient.unwrap_or(&self.engine).clone();
        engine.set_enable_coverage(true);
        engine.set_execution_timer_config(timer(COVERAGE_TIME_LIMIT));
        if let Some(input) = input {
            engine.set_input(input.clone());
        }
        if let Some(data) = data {
            // What it comes to without them is better than nothing.
            let _ = engine.add_data(data.clone());
        }
        let report = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(stack);
            let run = thread.spawn_scoped(scope, move || {
                // What it comes to is another's concern.
                let _ = guarded(|| {
                    engine.eval_rule(rule.to_owned()).map_err(|_| Failure::Error(String::new()))
                });
                engine.get_coverage_report().ok()
            });
            run.ok()?.join().ok().flatten()
        });
        if let Some(report) = report {
            coverage.add(&report);
        }
    }
}
