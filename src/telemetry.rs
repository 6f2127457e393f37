//! Logs and metrics: how they are set up, and the names of all metrics.
//!
//! Labels come from closed sets (codes, profiles, verdicts), never from the names of users' objects.

mod labels;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use crate::admission::verdict::Verdict;
use crate::governance::gatekeeper::{LeftOut, Unsupported};
use crate::governance::journal::{Quarantined, quarantined};
use labels::{
    BundleLabels, ExemptionLabels, FailureLabels, FenceLabels, FindingLabels, ProfileLabels,
    ReloadLabels, RequestLabels, WebhookLabels,
};

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Starts logging to standard error. `filter` is a level or a list of `target=level`.
///
/// Fails where the filter cannot be read, or where logging was started before.
pub fn init(
    format: LogFormat,
    filter: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::builder().parse(filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
        LogFormat::Text => builder.try_init(),
    }
}

/// Seconds, dense where a decision should be.
const DURATION_BUCKETS: [f64; 12] =
    [0.000_02, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.25, 1.0, 10.0];

/// Why a request got no verdict, or a loop had to try again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The bytes are no review.
    BadReview,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// No content type that can be read.
    ContentType,
    /// The body did not arrive whole, or too late.
    Incomplete,
    /// A panic, caught.
    Internal,
    /// The decision took longer than the API server waits.
    Late,
    /// Too much at once.
    Overload,
}

impl Failure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::BadReview => "bad-review",
            Self::BodyTooLarge => "body-too-large",
            Self::ContentType => "content-type",
            Self::Incomplete => "incomplete",
            Self::Internal => "internal",
            Self::Late => "late",
            Self::Overload => "overload",
        }
    }
}

/// All metrics. Cheap to clone: clones share the numbers.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<WebhookLabels, Histogram, fn() -> Histogram>,
    findings: Family<FindingLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    loop_errors: Family<FailureLabels, Counter>,
    fences: Family<FenceLabels, Counter>,
    /// Reviews being answered.
    pub in_flight: Gauge,
    /// When the certificate ends, in seconds since 1970.
    pub certificate_expiry: Gauge<i64, AtomicI64>,
    /// How often a certificate was taken from changed files.
    pub certificate_reloads: Counter<u64, AtomicU64>,
    /// Nodes of each recognised profile.
    virtual_nodes: Family<ProfileLabels, Gauge>,
    inventory: Gauge,
    bundles: Family<BundleLabels, Gauge>,
    bundle_reloads: Family<ReloadLabels, Counter>,
    bundle_held: Gauge,
    held_files: Family<[(&'static str, String); 1], Gauge>,
    templates_left_out: Family<[(&'static str, &'static str); 1], Gauge>,
    exemptions: Family<ExemptionLabels, Counter>,
    quarantined: Gauge,
    quarantine_refusals: Family<[(&'static str, &'static str); 1], Counter>,
}

fn durations() -> Histogram {
    Histogram::new(DURATION_BUCKETS)
}

impl Metrics {
    /// Registers everything. `bundle` is the digest that decides, and `left_out` the templates that do not.
    pub fn new(bundle: &str, left_out: &[LeftOut]) -> Self {
        let mut registry = Registry::with_prefix("loadline");
        let requests = Family::default();
        let durations = Family::new_with_constructor(durations as fn() -> Histogram);
        let findings = Family::default();
        let failures = Family::default();
        let loop_errors = Family::default();
        let fences = Family::default();
        let in_flight = Gauge::default();
        let certificate_expiry = Gauge::default();
        let certificate_reloads = Counter::default();
        let virtual_nodes = Family::default();
        let inventory = Gauge::default();
        registry.register(
            "inventory_objects",
            "Objects of the cluster that policies may look at",
            inventory.clone(),
        );
        registry.register("admission_requests", "Reviews answered", requests.clone());
        registry.register(
            "admission_duration_seconds",
            "Time from the body to the answer",
            durations.clone(),
        );
        registry.register("findings", "Diagnostics given", findings.clone());
        registry.register("failures", "Requests that got no verdict", failures.clone());
        registry.register("fences", "What the fence controller did", fences.clone());
        registry.register(
            "loop_errors",
            "Errors of watches and controllers, all retried",
            loop_errors.clone(),
        );
        registry.register("in_flight_requests", "Reviews being answered", in_flight.clone());
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When the certificate in use ends",
            certificate_expiry.clone(),
        );
        registry.register(
            "certificate_reloads",
            "Certificates taken from changed files",
            certificate_reloads.clone(),
        );
        registry.register("virtual_nodes", "Nodes recognised, by profile", virtual_nodes.clone());
        let exemptions = Family::default();
        registry.register(
            "exemptions",
            "Diagnostics that an exemption concerned, by whether it still held",
            exemptions.clone(),
        );
        let bundles = Family::default();
        let bundle_reloads = Family::default();
        let bundle_held = Gauge::default();
        // By hand what an `Info` is, which cannot change.
        registry.register("bundle_info", "What decides", bundles.clone());
        registry.register(
            "bundle_reloads",
            "Changes of the bundle's files, by whether all of them could be used",
            bundle_reloads.clone(),
        );
        registry.register(
            "bundle_held",
            "Changed files that cannot be used; what they were is in force",
            bundle_held.clone(),
        );
        let held_files = Family::default();
        registry.register("bundle_held_file", "Each of them, by its name", held_files.clone());
        let templates_left_out = Family::default();
        registry.register(
            "templates_left_out",
            "Templates of Gatekeeper that cannot be run, by what they need",
            templates_left_out.clone(),
        );
        let quarantined = Gauge::default();
        let quarantine_refusals = Family::default();
        registry.register(
            "quarantined_policies",
            "Policies that are not evaluated, because two processes ended while they were",
            quarantined.clone(),
        );
        registry.register(
            "quarantine_refusals",
            "Evaluations that were refused, by where the policy in quarantine stands",
            quarantine_refusals.clone(),
        );
        let metrics = Self {
            registry: Arc::new(registry),
            requests,
            durations,
            findings,
            failures,
            loop_errors,
            fences,
            in_flight,
            certificate_expiry,
            certificate_reloads,
            virtual_nodes,
            inventory,
            bundles,
            exemptions,
            bundle_reloads,
            bundle_held,
            held_files,
            templates_left_out,
            quarantined,
            quarantine_refusals,
        };
        metrics.bundle_in_force(bundle, left_out);
        metrics
    }

    /// Sets which bundle decides, and how many of its templates are left out, by what they need.
    pub fn bundle_in_force(&self, digest: &str, left_out: &[LeftOut]) {
        for needs in Unsupported::ALL {
            let count = left_out.iter().filter(|one| one.needs == needs).count();
            let gauge = self.templates_left_out.get_or_create(&[("needs", needs.as_str())]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.bundles.clear();
        let (digest, version) = (digest.to_owned(), env!("CARGO_PKG_VERSION"));
        self.bundles.get_or_create(&BundleLabels { digest, version }).set(1);
    }

    /// Counts a change of the bundle's files, and sets which of them are not in force; or whether all of them are not.
    pub fn bundle_reloaded<'f>(&self, held: impl Iterator<Item = &'f str>, is_refused: bool) {
        self.held_files.clear();
        let mut count = i64::from(is_refused);
        for file in held {
            count += 1;
            self.held_files.get_or_create(&[("file", file.to_owned())]).set(1);
        }
        let outcome = if count == 0 { "taken" } else { "held" };
        self.bundle_reloads.get_or_create(&ReloadLabels { outcome }).inc();
        self.bundle_held.set(count);
    }

    /// Counts an answered review.
    pub fn answered(
        &self,
        webhook: &'static str,
        operation: &str,
        dry_run: bool,
        verdict: &Verdict,
        seconds: f64,
    ) {
        let decision =
            match (verdict.allowed, verdict.diagnostics.is_empty(), verdict.patch.is_empty()) {
                (false, ..) => "denied",
                (true, _, false) => "changed",
                (true, false, true) => "warned",
                (true, true, true) => "allowed",
            };
        self.requests
            .get_or_create(&RequestLabels {
                webhook,
                operation: known_operation(operation),
                decision,
                placement: verdict.placement.standing.as_str(),
                dry_run: if dry_run { "true" } else { "false" },
            })
            .inc();
        self.durations.get_or_create(&WebhookLabels { webhook }).observe(seconds);
        for diagnostic in &verdict.diagnostics {
            if let Some(exempted) = &diagnostic.exemption {
                let outcome = if exempted.has_ended { "ended" } else { "applied" };
                let exemption = exempted.name.clone();
                self.exemptions.get_or_create(&ExemptionLabels { exemption, outcome }).inc();
            }
            for profile in diagnostic
                .profiles
                .iter()
                .map(String::as_str)
                .chain(diagnostic.profiles.is_empty().then_some(""))
            {
                let labels = FindingLabels {
                    code: diagnostic.code.to_string(),
                    profile: profile.to_owned(),
                    severity: diagnostic.severity.as_str(),
                };
                self.findings.get_or_create(&labels).inc();
            }
        }
    }

    /// Counts a request that got no verdict.
    pub fn failed(&self, failure: Failure) {
        self.failures.get_or_create(&FailureLabels { reason: failure.as_str() }).inc();
    }

    /// Counts an error of a loop, which will try again.
    pub fn loop_failed(&self, reason: &'static str) {
        self.loop_errors.get_or_create(&FailureLabels { reason }).inc();
    }

    /// Counts what the fence controller did.
    pub fn fence(&self, outcome: &'static str) {
        self.fences.get_or_create(&FenceLabels { outcome }).inc();
    }

    /// Sets how many nodes of each profile there are.
    pub fn count_nodes<'a>(&self, counts: impl Iterator<Item = (&'a str, usize)>) {
        self.virtual_nodes.clear();
        for (profile, count) in counts {
            let labels = ProfileLabels { profile: profile.to_owned() };
            self.virtual_nodes.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Sets how many objects policies may look at.
    pub fn count_inventory(&self, objects: usize) {
        self.inventory.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// Takes over what the journal of evaluations has counted, which knows nothing of metrics.
    fn count_quarantined(&self) {
        let mut policies = 0;
        for Quarantined { origin, refused } in quarantined() {
            policies += 1;
            let counter = self.quarantine_refusals.get_or_create(&[("origin", origin)]);
            counter.inner().store(refused, Ordering::Relaxed);
        }
        self.quarantined.set(policies);
    }

    /// The exposition text, OpenMetrics 1.0.
    pub fn encode(&self) -> String {
        self.count_quarantined();
        let mut text = String::new();
        // Writing to a string cannot fail, and our own encoders refuse nothing.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// Operations come from outside; a label takes only known ones.
fn known_operation(operation: &str) -> &'static str {
    match operation {
        "CONNECT" => "CONNECT",
        "CREATE" => "CREATE",
        "DELETE" => "DELETE",
        "UPDATE" => "UPDATE",
        _ => "other",
    }
}
