//! `check`, `matrix` and `explain`, run as their user runs them: output and exit status together.

mod check;
mod reference;
