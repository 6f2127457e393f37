//! `check`, `matrix`, `explain` and `profile`, run as their user runs them: output and exit status together.

mod check;
mod profile;
mod reference;
mod reports;
