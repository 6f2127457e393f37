//! AdmissionReview bytes to a [`Request`](super::Request), and a [`Verdict`](super::verdict::Verdict) back to bytes. The only wire code.
//!
//! Contract: `admission.k8s.io/v1`. Reading is one pass without a tree: the pod inside is walked by the catalogue's
//! automaton as the JSON reader comes to it.

mod decode;
mod encode;

use std::time::Duration;

pub use decode::{CLAIMS, decode};
pub use encode::encode;

/// The only version there is.
pub const API_VERSION: &str = "admission.k8s.io/v1";

/// How much time policies get when the request does not say.
pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(8);

/// Why bytes are no review that can be answered.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The bytes are no UTF-8.
    #[error("the body is not UTF-8: byte {0} does not belong to a character")]
    Encoding(usize),
    /// The bytes are no JSON, or no JSON of this form.
    #[error("the body is no AdmissionReview: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Another API version.
    #[error("the API version is `{0}`; only `admission.k8s.io/v1` is answered")]
    Version(String),
    /// Another kind.
    #[error("the kind is `{0}`, not `AdmissionReview`")]
    Kind(String),
    /// No request inside.
    #[error("the review has no `request`")]
    NoRequest,
    /// No uid inside.
    #[error("the request has no `uid`, so no answer could be told from another")]
    NoUid,
    /// No kind inside.
    #[error(
        "the request has no `request.kind.kind`, so its object cannot be read; the API server always sends group, version and kind, \
         as in `\"kind\": {{\"group\": \"\", \"version\": \"v1\", \"kind\": \"Pod\"}}`"
    )]
    NoKind,
    /// No operation inside.
    #[error(
        "the request has no `request.operation`, so it cannot be told what is to be done; the API server always sends one: set it to \
         `CREATE`, `UPDATE`, `DELETE` or `CONNECT`"
    )]
    NoOperation,
    /// An operation that there is not.
    #[error(
        "the operation is `{0}`; set `request.operation` to `CREATE`, `UPDATE`, `DELETE` or `CONNECT`"
    )]
    UnknownOperation(String),
    /// An operation that needs an object came without one.
    #[error("the {0} request has no `object`")]
    NoObject(String),
}
