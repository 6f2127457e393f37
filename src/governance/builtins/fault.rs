//! What ended an evaluation, kept aside where the engine would not tell: [`raise`], [`take`].
//!
//! The engine hides some errors: lenient evaluations take those of functions for undefined, and the virtual machine takes
//! nearly all for that. What must not be hidden is noted here, on the thread that evaluates, and asked for at the end.

use std::cell::RefCell;
use std::time::Duration;

use regorus::LimitError;

/// What ended an evaluation.
#[derive(Debug)]
pub(in crate::governance) enum Fault {
    /// A rule, by its number in its program, gave two results.
    Dispute(usize),
    /// A function failed, or was not called.
    Reason(String),
}

thread_local! {
    static FAULT: RefCell<Option<Fault>> = const { RefCell::new(None) };
}

/// Notes what ends the evaluation, and gives the error that makes the virtual machine end it. The first one counts.
pub(in crate::governance) fn raise(fault: Fault) -> LimitError {
    FAULT.with_borrow_mut(|first| {
        first.get_or_insert(fault);
    });
    LimitError::TimeLimitExceeded { elapsed: Duration::ZERO, limit: Duration::ZERO }
}

/// What was noted since the last time.
pub(in crate::governance) fn take() -> Option<Fault> {
    FAULT.take()
}
