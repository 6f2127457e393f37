//! Whether the server is ready, and with `?verbose` what it decides with.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Shared, today};
use crate::governance::journal::{Quarantined, quarantined};

/// The answer to `/readyz`.
pub(super) async fn ready(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    // A file that cannot be used is no reason to send requests elsewhere: the last good bundle decides.
    let checks = [
        ("bundle", true),
        ("facts", !shared.awaits_facts.load(Ordering::Relaxed)),
        ("inventory", !shared.awaits_inventory.load(Ordering::Relaxed)),
        ("not-stopping", !shared.is_stopping.load(Ordering::Relaxed)),
    ];
    let is_ready = checks.iter().all(|(_, holds)| *holds);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let is_verbose = request
        .uri()
        .query()
        .is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let mut text = String::new();
    for (name, holds) in checks.iter().filter(|(_, holds)| is_verbose || !holds) {
        text.push_str(if *holds { "[+]" } else { "[-]" });
        text.push_str(name);
        text.push('\n');
        if is_verbose && *name == "facts" && !shared.facts.load().has_controller() {
            text.push_str("    no cluster is followed, so nobody puts up fences\n");
        }
        if is_verbose && *name == "bundle" {
            let _ = writeln!(text, "    {}", shared.pipeline.load().digest);
            for line in shared.bundle.load().lines() {
                let _ = writeln!(text, "    {line}");
            }
            for Quarantined { origin, refused } in quarantined() {
                let reason = "two processes ended while it was evaluated";
                let _ = writeln!(
                    text,
                    "    policy of {origin} is in quarantine: {reason}; {refused} evaluations refused since the start"
                );
            }
            for one in &shared.pipeline.load().constraints.left_out {
                let (name, needs) = (&one.template, one.needs.as_str());
                let _ = writeln!(
                    text,
                    "    template `{name}` is left out, with its constraints: not supported: {needs}"
                );
            }
            let today = today();
            for one in shared.pipeline.load().exemptions.iter().filter(|one| one.has_ended(today)) {
                let _ = writeln!(
                    text,
                    "    exemption `{}` of {} ended on {}",
                    one.name,
                    one.owner(),
                    one.until()
                );
            }
        }
    }
    text.push_str(if is_ready { "ok\n" } else { "not ready\n" });
    (status, text).into_response()
}
