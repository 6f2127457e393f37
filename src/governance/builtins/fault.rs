//! What ended an evaluation, kept aside where the engine would not tell: [`raise`], [`take`].
//!
//! The engine hides some errors: lenient evaluations take those of functions for undefined, and the virtual machine takes
//! nearly all for that. What must not be hidden is noted here, on the thread that evaluates, and asked for at the end.

use std::cell::RefCell;
use std::time::Duration;

use regorus::LimitError;

thread_local! {
    static FAULT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes what ends the evaluation, and gives the error that makes the virtual machine end it. The first one counts.
pub(in crate::governance) fn raise(reason: String) -> LimitError {
    FAULT.with_borrow_mut(|fault| {
        fault.get_or_insert(reason);
    });
    LimitError::TimeLimitExceeded { elapsed: Duration::ZERO, limit: Duration::ZERO }
}

/// What was noted since the last time.
pub(in crate::governance) fn take() -> Option<String> {
    FAULT.take()
}
