//! The built-in functions that policies may call, and what keeps each from ending the process: [`lookup`], [`call()`].
//!
//! The engine's time limit is not consulted inside a built-in, and memory that cannot be had aborts the process, which no
//! `catch_unwind` stops. So the arguments of functions whose result or cost can be far larger are looked at before they are
//! called. Functions that would make an answer depend on something else than the request are refused when a policy is
//! loaded; there are none that reach the network.

mod arithmetic;
mod call;
mod cidr;
mod encodings;
pub(super) mod fault;
mod format;
mod glob;
mod guards;
mod hashes;
mod json;
mod own;
mod paths;
pub(super) mod re2;
mod semver;
mod sprintf;
pub(super) mod table;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod units;

use std::sync::LazyLock;

use regorus::Value;
use regorus::unstable::BuiltinFcn;

pub(super) use call::{Unable, call, plain};
pub(super) use format::quoted;
use table::TABLE;

/// A built-in function.
#[derive(Debug)]
pub(super) struct Builtin {
    /// Its name as written: `array.concat`.
    pub name: &'static str,
    /// How many arguments it takes, without the one that may receive its result.
    pub arity: usize,
    /// How it is called.
    pub calling: Calling,
    /// The engine's own.
    native: Option<&'static LazyLock<Option<BuiltinFcn>>>,
    /// What the virtual machine calls in lenient and in strict evaluations, if it may be called at all.
    pub machine: Option<[BuiltinFcn; 2]>,
}

/// How a built-in is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Calling {
    /// As it is.
    Direct,
    /// After a look at its arguments.
    Guarded(Guard),
    /// By a function of ours, since the engine has none.
    Own(own::Own),
    /// Not at all, for a reason.
    Refused(&'static str),
}

/// Looks at the arguments; fails with the reason why the call would be too much.
type Guard = fn(&[Value]) -> Result<(), String>;

/// The built-in of that name.
pub(super) fn lookup(name: &str) -> Option<&'static Builtin> {
    TABLE
        .binary_search_by(|builtin| builtin.name.cmp(name))
        .ok()
        .and_then(|position| TABLE.get(position).copied())
}

/// Forgets what an evaluation before left behind. Every evaluation begins with it.
pub(super) fn begin() {
    fault::take();
    guards::count_anew();
}

/// The names of all built-ins that can be called.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE
        .iter()
        .filter(|one| !matches!(one.calling, Calling::Refused(_)))
        .map(|builtin| builtin.name)
}

/// The built-ins that the interpreter calls by way of [`call()`].
pub(super) fn extensions() -> impl Iterator<Item = &'static Builtin> {
    let is_ours = |calling| matches!(calling, Calling::Guarded(_) | Calling::Own(_));
    TABLE.iter().copied().filter(move |builtin| is_ours(builtin.calling))
}
