//! What a policy says of itself: the `# METADATA` block above its package.
//!
//! The keys are OPA's (title, description, related_resources, custom); under `custom` stand Loadline's own.

use serde::Deserialize;

use crate::catalogue::source::OneOrMany;
use crate::document::Document;
use crate::placement::Standing;

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
    /// What a failure of the policy itself means.
    pub on_error: OnError,
}

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
    /// Kinds of objects, by name; a workload's pods are matched as `Pod`.
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
    parameters: Option<serde_json::Value>,
    on_error: OnError,
    /// Free words for catalogues of policies.
    #[serde(rename = "tags")]
    _tags: OneOrMany<String>,
}

impl Metadata {
    /// Reads the block that stands directly above `package`; a module without one has the defaults.
    ///
    /// Fails with the line where the block is not the YAML it should be.
    pub fn of_module(text: &str) -> Result<Self, String> {
        let Some((first_line, block)) = block(text) else {
            return Ok(Self::default());
        };
        let at = |line: usize, message: &str| format!("{}: metadata: {message}", first_line + line);
        let documents = Document::parse_all(&block).map_err(|error| {
            at(
                error.mark.map_or(0, |mark| mark.line.saturating_sub(1)),
                &error.message,
            )
        })?;
        let Some(document) = documents.into_iter().next() else {
            return Ok(Self::default());
        };
        let source: Source =
            serde_path_to_error::deserialize(&document.value).map_err(|error| {
                let place = crate::path::FieldPath::parse(&error.path().to_string());
                let line = place
                    .and_then(|place| document.locate(&place))
                    .map_or(0, |mark| mark.line.saturating_sub(1));
                at(line, &format!("`{}`: {}", error.path(), error.inner()))
            })?;
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
            action: source.custom.action,
            parameters: source.custom.parameters,
            on_error: source.custom.on_error,
        })
    }

    /// The first address to read on.
    pub fn link(&self) -> Option<String> {
        self.links.first().cloned()
    }
}

/// The text of the block above `package`, without comment signs, and the number of its first line.
fn block(text: &str) -> Option<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let package = lines
        .iter()
        .position(|line| line.trim_start().starts_with("package "))?;
    let above = lines.get(..package)?;
    let start = above
        .iter()
        .rposition(|line| line.trim_end() == "# METADATA")?;
    let body = above.get(start + 1..)?;
    body.iter().all(|line| line.starts_with('#')).then(|| {
        let block: String = body
            .iter()
            .map(|line| {
                line.strip_prefix("# ")
                    .unwrap_or_else(|| line.trim_start_matches('#'))
            })
            .fold(String::new(), |mut block, line| {
                block.push_str(line);
                block.push('\n');
                block
            });
        (start + 2, block)
    })
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
        assert!(
            message.starts_with("4: metadata") || message.starts_with("3: metadata"),
            "{message}"
        );
        assert!(message.contains("macth"), "{message}");
    }

    #[test]
    fn a_module_without_metadata_has_the_defaults() {
        assert!(Metadata::of_module("package a\n").unwrap().title.is_none());
    }
}
