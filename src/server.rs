//! The webhook server: routes, limits, guards.
//!
//! Handlers turn bytes into bytes through [`Pipeline::decide`] and do nothing else. Whatever goes wrong on our side is
//! answered with a status that is not 2xx, so that the API server's failure policy decides.

mod deciding;
pub mod journal;
pub mod listen;
mod ready;
pub mod reload;
pub mod tls;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use k8s_openapi::jiff;
use tokio::sync::Semaphore;

use crate::admission::review;
use crate::admission::verdict::Verdict;
use crate::admission::{Pipeline, Request as Admission, Stage};
use crate::date::Date;
use crate::facts::Facts;
use crate::telemetry::{Failure, Metrics};
use ready::ready;

/// The largest body that is read. A review holds the object twice on an update, and the API server takes 3 MiB objects.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// How many bytes of bodies are held at once, in KiB. What comes on top waits.
const BODY_BUDGET_KIB: u32 = 32 * 1024;

/// How long a body may take to arrive, and how long it may wait for its place in the budget.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The share of the API server's timeout that is left for everything but policies: the network, the queue, the answer.
const MARGIN: f64 = 0.15;

/// What all requests share.
#[derive(Debug)]
pub struct Shared {
    /// What decides; swapped whole.
    pub pipeline: ArcSwap<Pipeline>,
    /// What is known of the cluster; swapped whole.
    pub facts: ArcSwap<Facts>,
    /// Numbers.
    pub metrics: Metrics,
    /// Whether the cluster's facts are awaited and have not come.
    pub awaits_facts: AtomicBool,
    /// Whether the objects that policies look at are awaited and have not come.
    pub awaits_inventory: AtomicBool,
    /// Whether the server is on its way down.
    pub is_stopping: AtomicBool,
    /// Whether the pipeline is what its files say.
    pub bundle: ArcSwap<reload::Standing>,
    bodies: Semaphore,
    seats: deciding::Seats,
}

impl Shared {
    /// Starts with a pipeline and facts.
    pub fn new(pipeline: Pipeline, facts: Facts) -> Self {
        let metrics = Metrics::new(&pipeline.digest, &pipeline.constraints.left_out);
        Self {
            pipeline: ArcSwap::from_pointee(pipeline),
            facts: ArcSwap::from_pointee(facts),
            metrics,
            awaits_facts: AtomicBool::new(false),
            awaits_inventory: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            bundle: ArcSwap::from_pointee(reload::Standing::default()),
            bodies: Semaphore::new(BODY_BUDGET_KIB as usize),
            seats: deciding::Seats::default(),
        }
    }
}

/// Which day it is, in UTC.
pub fn today() -> Option<Date> {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).ok();
    Date::new(u16::try_from(now.year()).ok()?, part(now.month())?, part(now.day())?)
}

/// The routes of the webhook port.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/mutate", post(mutate))
        .route("/validate", post(validate))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(shared)
}

/// The routes of the metrics port.
pub fn metrics_router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(shared)
}

async fn mutate(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    handle(&shared, Stage::Mutate, request).await
}

async fn validate(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    handle(&shared, Stage::Validate, request).await
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let content_type =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], shared.metrics.encode()).into_response()
}

/// A request that gets no verdict: status and words.
struct Refusal {
    status: StatusCode,
    failure: Failure,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, failure: Failure, message: impl Into<String>) -> Self {
        Self { status, failure, message: message.into() }
    }
}

async fn handle(shared: &Shared, stage: Stage, request: Request) -> Response {
    shared.metrics.in_flight.inc();
    let outcome = answer(shared, stage, request).await;
    shared.metrics.in_flight.dec();
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    match outcome {
        Ok(body) => (json, body).into_response(),
        Err(refusal) => {
            shared.metrics.failed(refusal.failure);
            tracing::warn!(
                status = refusal.status.as_u16(),
                error = refusal.message,
                "request without a verdict"
            );
            let body = serde_json::json!({ "error": refusal.message }).to_string();
            (refusal.status, json, body).into_response()
        }
    }
}

async fn answer(shared: &Shared, stage: Stage, request: Request) -> Result<Vec<u8>, Refusal> {
    check_content_type(&request)?;
    let time_limit = request
        .uri()
        .query()
        .and_then(timeout)
        .map_or(review::DEFAULT_TIME_LIMIT, |timeout| timeout.mul_f64(1.0 - MARGIN));
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length: Option<usize> =
        length.and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok());
    let too_large = || {
        let message = format!("the body is larger than {MAX_BODY} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Failure::BodyTooLarge, message)
    };
    let expected = length.unwrap_or(MAX_BODY);
    if expected > MAX_BODY {
        return Err(too_large());
    }
    let kib =
        u32::try_from(expected.div_ceil(1024)).unwrap_or(BODY_BUDGET_KIB).min(BODY_BUDGET_KIB);
    let _place = tokio::time::timeout(BODY_TIMEOUT, shared.bodies.acquire_many(kib))
        .await
        .map_err(|_| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Failure::Overload,
                "too many large reviews at once; try again",
            )
        })?;
    let body =
        tokio::time::timeout(BODY_TIMEOUT, Limited::new(request.into_body(), MAX_BODY).collect());
    let body: Bytes = match body.await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(error)) => {
            let message = format!("the body did not arrive whole: {error}");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, Failure::Incomplete, message));
        }
        Err(_) => {
            let message = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
            return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, Failure::Incomplete, message));
        }
    };
    let started = Instant::now();
    let (admission, verdict, answer) = deciding::decide(shared, stage, time_limit, body).await?;
    record(shared, stage, &admission, &verdict, started.elapsed());
    Ok(answer)
}

fn record(
    shared: &Shared,
    stage: Stage,
    request: &Admission,
    verdict: &Verdict,
    elapsed: Duration,
) {
    let webhook = match stage {
        Stage::Mutate => "mutate",
        Stage::Validate => "validate",
        Stage::Whole => "whole",
    };
    shared.metrics.answered(
        webhook,
        &request.operation,
        request.dry_run,
        verdict,
        elapsed.as_secs_f64(),
    );
    if !tracing::enabled!(tracing::Level::INFO) {
        return;
    }
    let mut codes = String::new();
    for diagnostic in &verdict.diagnostics {
        if !codes.is_empty() {
            codes.push(',');
        }
        codes.push_str(&diagnostic.code);
    }
    tracing::info!(
        webhook,
        uid = request.uid,
        namespace = request.namespace,
        name = request.name,
        kind = request.kind.kind,
        operation = request.operation,
        dry_run = request.dry_run,
        placement = verdict.placement.standing.as_str(),
        allowed = verdict.allowed,
        mode = verdict.mode.as_str(),
        codes,
        patch_operations = verdict.patch.len(),
        bundle = verdict.bundle,
        microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        "review"
    );
}

fn check_content_type(request: &Request<Body>) -> Result<(), Refusal> {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = format!("the content type is `{essence}`; only `application/json` is read");
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Failure::ContentType, message))
}

/// The API server's `timeout` parameter.
fn timeout(query: &str) -> Option<Duration> {
    query.split('&').find_map(|part| part.strip_prefix("timeout=")).and_then(go_duration)
}

/// Reads a duration as Go writes it: `10s`, `1m30s`, `500ms`, `1.5s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at_checked(number_end)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end)?;
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = after;
    }
    Duration::try_from_secs_f64(total).ok().filter(|duration| !duration.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, expected) in [
            ("10s", Some(10_000)),
            ("1m30s", Some(90_000)),
            ("500ms", Some(500)),
            ("1.5s", Some(1500)),
            ("0s", None),
            ("10", None),
            ("s", None),
            ("10x", None),
            ("", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(go_duration(text), expected.map(Duration::from_millis), "{text}");
        }
        assert_eq!(timeout("a=b&timeout=3s"), Some(Duration::from_secs(3)));
    }
}
