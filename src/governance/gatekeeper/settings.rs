//! Gatekeeper's own settings, as far as they mean something here: `Config` and `SyncSet`.

use serde::Deserialize;

use super::Synced;
use super::matching::Wildcard;

/// A `SyncSet`: objects that templates want to know.
#[derive(Debug, Deserialize)]
pub struct SyncSet {
    /// What it says.
    pub spec: SyncSpec,
}

/// The body of a `SyncSet`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncSpec {
    /// The kinds.
    #[serde(default)]
    pub gvks: Vec<Synced>,
}

/// A `Config`.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// What it says.
    #[serde(default)]
    pub spec: ConfigSpec,
}

/// The body of a `Config`. What concerns traces and readiness is Gatekeeper's own business.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConfigSpec {
    /// Objects that templates want to know.
    pub sync: Sync,
    r#match: Vec<Excluded>,
}

/// Objects that templates want to know.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sync {
    /// The kinds.
    pub sync_only: Vec<Synced>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Excluded {
    excluded_namespaces: Vec<Wildcard>,
    processes: Vec<String>,
}

impl Config {
    /// The namespaces whose objects the webhook leaves alone.
    pub fn left_out(self) -> Vec<Wildcard> {
        self.spec
            .r#match
            .into_iter()
            .filter(|one| one.processes.iter().any(|name| name == "*" || name == "webhook"))
            .flat_map(|one| one.excluded_namespaces)
            .collect()
    }
}
