//! The labels of metrics.

use prometheus_client::encoding::EncodeLabelSet;

/// Labels of `loadline_admission_requests_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct RequestLabels {
    pub webhook: &'static str,
    pub operation: &'static str,
    pub decision: &'static str,
    pub placement: &'static str,
    pub dry_run: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct WebhookLabels {
    pub webhook: &'static str,
}

/// Labels of `loadline_findings_total`. Codes and profiles are those of the bundle.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct FindingLabels {
    pub code: String,
    pub profile: String,
    pub severity: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct FailureLabels {
    pub reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct ExemptionLabels {
    pub exemption: String,
    pub outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct BundleLabels {
    pub digest: String,
    pub version: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct ReloadLabels {
    pub outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct FenceLabels {
    pub outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct ProfileLabels {
    pub profile: String,
}
