//! What a policy says of itself: the `# METADATA` block above its package.
//!
//! The keys are OPA's (`title`, `description`, `related_resources`, `custom`); under `custom` stand Loadline's own.

mod parameters;

use serde::Deserialize;

use super::gatekeeper::Synced;
use crate::catalogue::source::OneOrMany;
use crate::diagnostic::suggest;
use crate::document::{Document, Mark};
use crate::path::FieldPath;
use crate::placement::Standing;
use crate::selector::Selector;

/// The metadata of a policy.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// One line: what the policy wants.
    pub title: Option<String>,
    /// More than a line.
    pub description: Option<String>,
    /// Addresses to read on.
    pub links: Vec<String>,
    /// What to do about a finding, where the policy's results do not say.
    pub help: Option<String>,
    /// What it applies to.
    pub matches: Match,
    /// What becomes of its `deny` results, unless the configuration says otherwise.
    pub action: Option<super::Action>,
    /// Its parameters, unless the configuration gives others.
    pub parameters: Option<serde_json::Value>,
    /// The schema of the parameters, if there is one.
    pub parameters_schema: Option<serde_json::Value>,
    /// What a failure of the policy itself means.
    pub on_error: OnError,
    /// Whether the module is written as before version 1 of Rego.
    pub is_old_rego: bool,
    /// Groups of policies that it belongs to, by name.
    pub sets: Vec<String>,
    /// The kinds of objects that it wants to find in `data.inventory`.
    pub inventory: Vec<Synced>,
}

/// The kinds of objects that are governed as pods: a workload is one that makes some. Any other kind is governed as it is.
const KINDS: &[&str] = &["Pod", "*"];

/// The operations that are governed: what is deleted must always be let go.
const OPERATIONS: &[&str] = &["CREATE", "UPDATE", "*"];

/// What a failing policy means for the pod.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The pod is refused.
    #[default]
    Deny,
    /// The pod is admitted with a warning.
    Warn,
}

/// What a policy applies to. Absent clauses hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Match {
    /// Kinds of objects, `Kind` or `group/Kind`. A workload's pods are matched as `Pod`; `*` is every object that is or makes pods.
    /// An object of any other kind that is named is governed as it is.
    pub kinds: Vec<String>,
    /// Operations.
    pub operations: Vec<String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// Namespaces that are left out.
    pub excluded_namespaces: Vec<String>,
    /// Where the pod is headed.
    pub placement: PlacementMatch,
    /// Profiles, one of which must be within reach.
    pub profiles: Vec<String>,
    /// Labels of the object.
    pub label_selector: Option<Selector>,
    /// Labels of its namespace. One that nobody knows counts as selected.
    pub namespace_selector: Option<Selector>,
}

/// Which placements a policy is about.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum PlacementMatch {
    /// Every pod that is judged.
    Any,
    /// Pods that may run on a virtual node or on a regular one.
    Eligible,
    /// Pods that cannot reach a virtual node.
    Regular,
    /// Pods that may reach a virtual node.
    #[default]
    Reachable,
    /// Pods that can run on virtual nodes only.
    Virtual,
}

impl Match {
    /// What could never match or be selected, with its place below `base`.
    pub(crate) fn problems(&self, base: &FieldPath) -> Vec<(FieldPath, String)> {
        let mut problems = Vec::new();
        let place = |key: &str, position: usize| base.clone().key(key).index(position);
        for (position, word) in self.kinds.iter().enumerate() {
            let kind = word.rsplit('/').next().unwrap_or_default();
            let is_kind = kind.starts_with(|c: char| c.is_ascii_uppercase())
                && kind.chars().all(|c| c.is_ascii_alphanumeric());
            if !is_kind && word != "*" {
                let hint = suggest::nearest(&kind.to_lowercase(), ["pod"]);
                let hint = hint.map_or(
                    "a kind is written like `Pod` or `apps/Deployment`",
                    |_| "did you mean `Pod`?",
                );
                problems
                    .push((place("kinds", position), format!("`{word}` never matches; {hint}")));
            } else if kind.ends_with('s') && KINDS.contains(&kind.trim_end_matches('s')) {
                problems.push((
                    place("kinds", position),
                    format!("`{word}` never matches; did you mean `Pod`?"),
                ));
            }
        }
        for (position, word) in self.operations.iter().enumerate() {
            if !OPERATIONS.contains(&word.as_str()) {
                let hint = suggest::help(word, OPERATIONS.iter().copied());
                problems.push((
                    place("operations", position),
                    format!("`{word}` never matches; {hint}"),
                ));
            }
        }
        for (key, selector) in [
            ("labelSelector", &self.label_selector),
            ("namespaceSelector", &self.namespace_selector),
        ] {
            for (place, problem) in selector.iter().flat_map(Selector::problems) {
                problems.push((base.clone().key(key).join(place), problem));
            }
        }
        problems
    }
}

impl PlacementMatch {
    /// Whether a pod of that standing is meant.
    pub const fn concerns(self, standing: Standing) -> bool {
        matches!(
            (self, standing),
            (Self::Any, _)
                | (Self::Eligible, Standing::Eligible)
                | (Self::Regular, Standing::Regular)
                | (Self::Virtual, Standing::Bound)
                | (Self::Reachable, Standing::Bound | Standing::Eligible)
        )
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    title: Option<String>,
    description: Option<String>,
    related_resources: Vec<OneOrLink>,
    custom: Custom,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrLink {
    Plain(String),
    Link { r#ref: String },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Custom {
    help: Option<String>,
    r#match: Match,
    action: Option<super::Action>,
    severity: Option<DeniedAs>,
    parameters: Option<serde_json::Value>,
    parameters_schema: Option<serde_json::Value>,
    rego_version: RegoVersion,
    on_error: OnError,
    sets: Vec<String>,
    inventory: Vec<Synced>,
    /// Free words for catalogues of policies.
    #[serde(rename = "tags")]
    _tags: OneOrMany<String>,
}

/// A version of Rego.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum RegoVersion {
    /// Bodies without `if`, sets without `contains`.
    V0,
    /// What OPA has understood since its version 1.
    #[default]
    V1,
}

/// How grave the findings of `deny` are: the same choice as `action`, in the words of a finding.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum DeniedAs {
    Deny,
    Note,
    Warn,
}

impl From<DeniedAs> for super::Action {
    fn from(severity: DeniedAs) -> Self {
        match severity {
            DeniedAs::Deny => Self::Deny,
            DeniedAs::Note => Self::Audit,
            DeniedAs::Warn => Self::Warn,
        }
    }
}

impl Metadata {
    /// Reads the block that stands above `package`; a module without one has the defaults.
    ///
    /// Fails with line and column where the block is not the YAML it should be.
    pub fn of_module(text: &str) -> Result<Self, String> {
        let Some((first_line, block)) = block(text) else {
            return Ok(Self::default());
        };
        let at = |mark: Option<Mark>, message: &str| {
            let (line, column) =
                mark.map_or((0, 1), |mark| (mark.line - 1, mark.column + "# ".len()));
            format!("{}:{column}: metadata: {message}", first_line + line)
        };
        let documents =
            Document::parse_all(&block).map_err(|error| at(error.mark, &error.message))?;
        let Some(document) = documents.into_iter().next() else {
            return Ok(Self::default());
        };
        let source: Source =
            serde_path_to_error::deserialize(&document.value).map_err(|error| {
                let place = FieldPath::parse(&error.path().to_string());
                at(
                    place.and_then(|place| document.locate(&place)),
                    &format!("`{}`: {}", error.path(), error.inner()),
                )
            })?;
        let base = FieldPath::keys("custom.match");
        if let Some((place, problem)) = source.custom.r#match.problems(&base).into_iter().next() {
            return Err(at(document.locate(&place), &format!("`{place}`: {problem}")));
        }
        Ok(Self {
            title: source.title,
            description: source.description,
            links: source
                .related_resources
                .into_iter()
                .map(|link| match link {
                    OneOrLink::Plain(link) | OneOrLink::Link { r#ref: link } => link,
                })
                .collect(),
            help: source.custom.help,
            matches: source.custom.r#match,
            action: source
                .custom
                .action
                .or_else(|| source.custom.severity.map(super::Action::from)),
            parameters: source.custom.parameters,
            parameters_schema: source.custom.parameters_schema,
            is_old_rego: source.custom.rego_version == RegoVersion::V0,
            on_error: source.custom.on_error,
            sets: source.custom.sets,
            inventory: source.custom.inventory,
        })
    }

    /// The first address to read on.
    pub fn link(&self) -> Option<String> {
        self.links.first().cloned()
    }
}

/// The text of the last block above `package`, without comment signs, and the number of its first line.
///
/// The block ends with its comment; what follows up to `package` may be anything.
fn block(text: &str) -> Option<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let package = lines.iter().position(|line| line.trim_start().starts_with("package "))?;
    let above = lines.get(..package)?;
    let start = above.iter().rposition(|line| line.trim_end() == "# METADATA")?;
    let mut block = String::new();
    for line in above.get(start + 1..)?.iter().take_while(|line| line.starts_with('#')) {
        block.push_str(line.strip_prefix("# ").unwrap_or_else(|| line.trim_start_matches('#')));
        block.push('\n');
    }
    Some((start + 2, block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_block_above_the_package() {
        let metadata = Metadata::of_module(
            "# METADATA\n# title: T\n# custom:\n#   match: {kinds: [Pod], placement: virtual}\n#   onError: warn\npackage a.b\n",
        )
        .unwrap();
        assert_eq!(metadata.title.as_deref(), Some("T"));
        assert_eq!(metadata.matches.kinds, ["Pod"]);
        assert_eq!(metadata.matches.placement, PlacementMatch::Virtual);
        assert_eq!(metadata.on_error, OnError::Warn);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let message =
            Metadata::of_module("# METADATA\n# title: T\n# custom:\n#   macth: {}\npackage a\n")
                .unwrap_err();
        assert!(message.starts_with("4:5: metadata"), "{message}");
        assert!(message.contains("macth"), "{message}");
    }

    #[test]
    fn a_match_that_could_never_match_is_refused() {
        let of = |words: &str| {
            Metadata::of_module(&format!(
                "# METADATA\n# custom:\n#   match:\n#     {words}\npackage a\n"
            ))
            .map(|_| ())
        };
        assert_eq!(
            of("operations: [CREATE, UPDTE]"),
            Err("4:28: metadata: `custom.match.operations[1]`: `UPDTE` never matches; did you mean `UPDATE`?".to_owned())
        );
        assert_eq!(of("kinds: [apps/Deployment, Service]"), Ok(()));
        assert!(of("kinds: [pods]").unwrap_err().contains("did you mean `Pod`?"));
        assert!(of("kinds: [Pods]").unwrap_err().contains("did you mean `Pod`?"));
        assert!(of("kinds: [deployment]").unwrap_err().contains("is written like"));
        assert!(
            of("labelSelector: {matchExpressions: [{key: a, operator: In}]}")
                .unwrap_err()
                .contains("needs `values`")
        );
        assert_eq!(of("operations: [CREATE, UPDATE, '*']"), Ok(()));
    }

    #[test]
    fn a_blank_line_or_another_comment_below_the_block_does_not_lose_it() {
        let text = "# METADATA\n# title: T\n\n# Something else: not YAML: at all\n\npackage a\n";
        assert_eq!(Metadata::of_module(text).unwrap().title.as_deref(), Some("T"));
    }

    #[test]
    fn severity_is_another_word_for_action_which_wins() {
        let action = |custom: &str| {
            let text = format!("# METADATA\n# custom: {{{custom}}}\npackage a\n");
            Metadata::of_module(&text).unwrap().action
        };
        assert_eq!(action("severity: warn"), Some(crate::governance::Action::Warn));
        assert_eq!(action("severity: note"), Some(crate::governance::Action::Audit));
        assert_eq!(action("severity: note, action: deny"), Some(crate::governance::Action::Deny));
    }

    #[test]
    fn the_kinds_that_it_wants_to_know_are_read() {
        let text = "# METADATA\n# custom:\n#   inventory: [{group: policy, version: v1, kind: PodDisruptionBudget}]\npackage a\n";
        let wanted = Metadata::of_module(text).unwrap().inventory;
        assert_eq!(wanted[0].kind, "PodDisruptionBudget");
        let without = text.replace("version: v1, ", "");
        assert!(Metadata::of_module(&without).unwrap_err().contains("version"));
    }

    #[test]
    fn a_module_without_metadata_has_the_defaults() {
        assert!(Metadata::of_module("package a\n").unwrap().title.is_none());
    }
}
