//! The integration tests, in one binary so that they link once.
//!
//! Where does a new test go? Into the file beside the code if it needs no file, socket or process; here otherwise:
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that cannot go on should stop with a message"
)]

mod absent; // pods that lack what the API server always sends
mod bases; // profiles that extend others
mod catalogue; // the built-in data against the Kubernetes API and itself
mod cli; // check, matrix and explain, run as their user runs them
mod controllers; // watches and the fence controller against an API server made of a router
mod claims; // pods that ask for a virtual node with a mark of their own
mod complaints; // what users of virtual nodes reported, and what they are told now
mod conversions; // what becomes of small pods on the virtual nodes
mod corpus; // manifests of others, where LOADLINE_CORPUS names a folder of them
mod cost; // sizes and prices of the built-in profiles
mod decisions; // what decide() answers, through reviews; no sockets
mod deploy; // what `install` prints equals what the code serves
mod docs; // the generated pages under docs/ say what the data says
mod exemptions;
mod facts; // what was found out about providers, fact by fact
mod fences; // which fence a pod gets, and what would let it out
mod fields; // the fields of a pod, read from k8s-openapi
mod floors; // the architecture, read from the sources
mod gatekeeper; // Gatekeeper's templates, constraints and suites
mod governance; // policies from review to verdict
mod hostile; // hostile policies, all at once, in the real server
mod kinds; // the kinds that lint knows, read from k8s-openapi
mod library; // the built-in policies: samples, sets, agreement with Kubernetes
mod messages; // what would have happened, said for every fact
mod parity; // the command line and the server, byte for byte
mod placement; // where pods are headed, sent to and kept from, by the nodes that there are
mod properties; // what must hold for every pod: proptest
mod quarantine; // policies that end the process
mod reviews; // builders, no tests
mod reload;
mod server; // the real server over TLS on loopback
mod support; // the program in a folder of its own, no tests
mod truth; // profiles against what providers' own code did
