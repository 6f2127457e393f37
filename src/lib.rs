//! Loadline: what may be loaded on each kind of virtual node, checked before the pod leaves port.
//!
//! # The road
//!
//! ```text
//! bytes ─ review ─▶ Request ─ pod ─▶ PodView ─ placement(facts) ─▶ Placement
//!       ─ compat(profile, features used) ─▶ Diagnostics
//!       ─ mutation ─▶ Changes ─▶ edited object + JSON Patch
//!       ─ governance(policies, edited object) ─▶ Diagnostics
//!       ─ verdict(mode, exemptions) ─▶ Verdict ─ review ─▶ bytes
//! ```
//!
//! [`admission::Pipeline::decide`] is the only decider. The HTTPS server, `check` and `demo` all call it.
//!
//! # Floors
//!
//! The modules below stand in the order of the architecture; a module imports only from floors below its own, and the
//! stages of floor 1 are blind to each other. A test keeps this (`tests/it/floors.rs`). Floors 0 to 2 are pure: no files,
//! sockets, clocks or tasks; they compile without the cargo feature `runtime`.
//!
//! # Invariants
//!
//! 1. `decide` is total and deterministic; one exception is named at [`admission`].
//! 2. Only [`admission::review`] knows the AdmissionReview, only [`governance`] knows regorus, only [`catalogue::walk`]
//!    reads a pod, only [`mutation`] makes patches, only `cluster` builds a client.
//! 3. Objects are edited as raw JSON. A typed round trip would lose fields that it does not know.
//! 4. Deciding twice changes nothing: with the patch applied, the second patch is empty.
//! 5. A pod that no virtual node concerns is never touched.
//! 6. A policy that errs is never an allow in silence.

//! # How Rego runs
//!
//! A module's text is changed where the engine reads it otherwise than OPA does (`governance::rewrite`), analysed and, where that
//! finds recursion, unbounded values or functions that are not allowed, refused (`governance::analysis`). Three things can run it,
//! each a refuge of the one before. Programs made by chance and OPA's own cases hold them against each other:
//!
//! 1. A program of our own (`governance::plan`): a tree with slots for variables, on values that lie in an arena and are read
//!    straight from the review's text. It is some seven times as fast as the next, and does all of Rego that policies of pods are
//!    written in, but neither `data.inventory` nor `with`. It gives a value or gives up: a rule that disagrees with itself, a
//!    number beyond a machine word, a function that fails where that matters all go to the engine, which knows what to say.
//! 2. The engine's virtual machine, whose program is changed so that it hides nothing (`governance::machine`); not for modules
//!    in which the analysis finds what it would get wrong in silence.
//! 3. The engine's interpreter, where the machine would not do the same; it also prints, covers and explains.
//!
//! The server lets a program decide on the thread that serves the connection, and everything else on a thread of its own
//! (`server::deciding`).
//!
//! Functions whose cost is unbounded look at their arguments first (`governance::builtins`).
//!
//! The last line of defence is a journal ([`governance::journal`]), not a worker process: a worker needs two copies of each
//! review and of each answer, some ten times what an evaluation takes, and everybody would pay; a note costs two system
//! calls an evaluation, and only who asks for it (`serve --state-dir`) pays. The price is that the first two deaths take the
//! requests under way with them, which the API server's failure policy answers.

// Floor 0: vocabulary.
pub mod path;
pub mod date;
pub mod document;
pub mod quantity;
pub mod diagnostic;
pub mod demand;
pub mod pod;
pub mod selector;
pub mod node;
pub mod catalogue;
pub mod profile;
pub mod cost;
pub mod facts;
pub mod placement;
pub mod fence;
pub mod change;

// Floor 1: stages, blind to each other.
pub mod compat;
pub mod exemption;
pub mod governance;
pub mod mutation;

// Floor 2: pipeline.
pub mod admission;
pub mod bundle;
pub mod suite;

// Floor 3: runtime.
#[cfg(feature = "runtime")]
pub mod telemetry;
#[cfg(feature = "runtime")]
pub mod server;
#[cfg(feature = "runtime")]
pub mod cluster;
#[cfg(feature = "runtime")]
pub mod controllers;

// Floor 4: entry.
#[cfg(feature = "runtime")]
pub mod cli;
