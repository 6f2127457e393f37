//! `loadline profile lint`: mistakes in files of profiles and features, each with its line.
//!
//! The files go through the loader that `serve` uses, as if given with `--profiles`. What the loader lets pass and a careful
//! author would not is looked for here: facts without a source or a day, facts that repeat the base or contradict it without
//! evidence, and placement that does not lead to the node.

mod base;
mod facts;
mod trial;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::admission::Pipeline;
use crate::bundle::{BundleError, Problem, Sources, Text as SourceText};
use crate::cli::ExitStatus;
use crate::cli::check::input;
use crate::cli::render::excerpt::{self, Text};
use crate::cli::render::{GREEN, RED, Renderer, YELLOW, clean, count, paint};
use crate::document::{Document, Mark, Mistake};
use crate::path::FieldPath;

/// What to lint.
#[derive(Args, Debug)]
pub struct LintArgs {
    /// Files, folders (their .yaml, .yml and .json files) or `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Warnings make the exit status 1 too
    #[arg(long)]
    pub strict: bool,
}

/// A mistake, and whether it is only a warning.
#[derive(Debug)]
struct Finding {
    problem: Problem,
    is_warning: bool,
}

/// Looks for mistakes and prints them.
pub fn run(arguments: &LintArgs) -> anyhow::Result<ExitStatus> {
    let files = input::all_files(&arguments.files, true)?;
    let texts: Vec<Text> = files
        .iter()
        .map(|file| input::read(file, "<stdin>").map_err(|one| anyhow::anyhow!("{one}")))
        .collect::<Result<_, _>>()?;
    let (profiles, mut findings) = lint(&texts);
    let at = |mark: Option<Mark>| mark.map_or((0, 0), |mark| (mark.line, mark.column));
    findings.sort_by_key(|one| (one.problem.origin.clone(), at(one.problem.mark)));
    let width = Renderer::for_stdout().width;
    let mut out = String::new();
    for finding in &findings {
        write(&mut out, finding, &texts, width);
    }
    let warnings = findings.iter().filter(|one| one.is_warning).count();
    let errors = findings.len() - warnings;
    let head = format!(
        "{} in {}: {}, {}\n",
        count(profiles, "profile"),
        count(texts.len(), "file"),
        count(errors, "error"),
        count(warnings, "warning"),
    );
    let style = match (errors, warnings) {
        (0, 0) => GREEN,
        (0, _) => YELLOW,
        _ => RED,
    };
    out.push_str(&paint(style, head));
    anstream::stdout().write_all(out.as_bytes())?;
    let is_clean = errors == 0 && (warnings == 0 || !arguments.strict);
    Ok(if is_clean { ExitStatus::Clean } else { ExitStatus::Findings })
}

fn write(out: &mut String, finding: &Finding, texts: &[Text], width: Option<usize>) {
    let problem = &finding.problem;
    let (word, style) = if finding.is_warning { ("warning", YELLOW) } else { ("error", RED) };
    let place = problem.mark.map_or_else(
        || clean(&problem.origin),
        |mark| format!("{}:{mark}", clean(&problem.origin)),
    );
    let message = clean(&problem.message);
    let _ = writeln!(out, "{}: {place}: {message}", paint(style, word));
    let text = texts.iter().find(|text| text.name == problem.origin);
    if let (Some(text), Some(mark)) = (text, problem.mark) {
        excerpt::write(out, text, mark, width);
    }
    out.push('\n');
}

/// Every mistake in the texts, and how many profiles there are in them.
fn lint(texts: &[Text]) -> (usize, Vec<Finding>) {
    let mut found = Vec::new();
    let sources = Sources {
        profiles: texts
            .iter()
            .map(|text| SourceText { origin: text.name.clone(), text: text.text.clone() })
            .collect(),
        ..Sources::default()
    };
    let compiled = Pipeline::compile(&sources);
    let pipeline = match compiled {
        Ok(pipeline) => Some(pipeline),
        Err(BundleError(problems)) => {
            found
                .extend(problems.into_iter().map(|problem| Finding { problem, is_warning: false }));
            None
        }
    };
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for text in texts {
        // What cannot be read at all was told by the loader.
        let documents = Document::parse_all(&text.text);
        if documents.as_ref().is_ok_and(Vec::is_empty) {
            let message = "there is nothing in this file".to_owned();
            let problem = Problem { origin: text.name.clone(), mark: None, message };
            found.push(Finding { problem, is_warning: false });
        }
        for document in documents.unwrap_or_default() {
            let kind = document.value.get("kind").and_then(Value::as_str);
            if !matches!(kind, Some("VirtualNodeProfile" | "VirtualNodeBase")) {
                continue;
            }
            let mut notes = Notes::default();
            for (place, entry) in facts::entries(&document.value) {
                facts::look_at(&mut notes, &document.value, &place, entry);
            }
            let name = document.value.pointer("/metadata/name");
            if let Some(name) =
                name.and_then(Value::as_str).filter(|_| kind == Some("VirtualNodeProfile"))
            {
                if let Some(other) = names.insert(name.to_owned(), &text.name) {
                    let place = FieldPath::keys("metadata.name");
                    notes.error(
                        place,
                        format!("`{other}` has a profile `{name}` too; only one is used"),
                    );
                }
                if let Some(pipeline) = &pipeline
                    && let Some(profile) = pipeline.profile_named(name)
                {
                    trial::try_out(&mut notes, &pipeline.profiles, profile);
                    base::look_at(&mut notes, &document.value, &pipeline.catalogue, profile);
                }
            }
            found.extend(notes.0.into_iter().map(|(mistake, is_warning)| Finding {
                problem: Problem::of(&text.name, &document, mistake),
                is_warning,
            }));
        }
    }
    (names.len(), found)
}

/// Mistakes, and whether each is only a warning.
#[derive(Default)]
struct Notes(Vec<(Mistake, bool)>);

impl Notes {
    fn error(&mut self, place: FieldPath, message: String) {
        self.0.push((Mistake { place, message }, false));
    }

    fn warning(&mut self, place: FieldPath, message: impl Into<String>) {
        let message = message.into();
        self.0.push((Mistake { place, message }, true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\
apiVersion: loadline.dev/v1alpha1
kind: VirtualNodeProfile
metadata: {name: mine}
spec:
  title: Mine
  status: new
  revision: mine@2
  recognise: [{labels: {mine: yes-it-is}}]
  node: {name: mine-0, labels: {mine: yes-it-is}, taints: [{key: mine, effect: NoSchedule}]}
  inject: {nodeSelector: {mine: yes-it-is}, tolerations: [{key: mine, operator: Exists}]}
  keepOff: [{key: mine, operator: DoesNotExist}]
  daemonSets: {support: unverified, reason: nobody tried}
  networkPolicy: {support: unverified, reason: nobody tried}
  unlisted: {support: unverified, reason: nobody tried}
  support:
";

    #[track_caller]
    fn check(tail: &str, expected: &[&str]) {
        check_text(&format!("{HEAD}{tail}"), expected);
    }

    #[track_caller]
    fn check_text(text: &str, expected: &[&str]) {
        let (_, found) = lint(&[Text::new("x".to_owned(), text.to_owned())]);
        let found: Vec<String> = found.iter().map(|one| one.problem.to_string()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_careful_profile_is_clean() {
        check(
            "    - {features: [volume.empty-dir], support: supported, reason: it works, source: mine@2:a.go:1, verified: {how: source, date: 2026-02-28}}\n",
            &[],
        );
    }

    #[test]
    fn an_empty_file_does_not_pass() {
        check_text("# nothing yet\n---\n", &["x: there is nothing in this file"]);
    }

    #[test]
    fn the_built_in_profiles_have_no_mistake() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies");
        let files = input::all_files(&[root.join("profiles"), root.join("bases")], false).unwrap();
        let texts: Vec<Text> = files.iter().map(|one| input::read(one, "").unwrap()).collect();
        let (profiles, found) = lint(&texts);
        // The documents of two managed services do not say how their nodes look.
        let told: Vec<String> = found.iter().map(|one| one.problem.to_string()).collect();
        let mistakes: Vec<&String> =
            told.iter().filter(|one| !one.contains("without `node`")).collect();
        assert_eq!(mistakes, Vec::<&String>::new());
        assert_eq!(profiles + 1, texts.len());
    }

    #[test]
    fn every_broken_entry_is_told_with_its_line() {
        check(
            "    - features: [volume.emty-dir]\n      support: unverified\n      reason: nobody tried\n    \
             - features: []\n      suport: ignored\n      reason: x\n    - support: maybe\n",
            &[
                "x:20:7: `spec.support[1].suport`: the key `suport` is not known here; did you mean `support`?",
                "x:19:7: `spec.support[1]`: `support` is missing",
                "x:22:7: `spec.support[2].support`: the word `maybe` is not known here; use one of: supported, partial, ignored, unsupported, unverified",
                "x:16:18: profile `mine`: unknown feature `volume.emty-dir`; did you mean `volume.empty-dir`?",
                "x:19:7: the entry names no feature",
            ],
        );
    }

    #[test]
    fn facts_need_a_source_and_a_day() {
        check(
            "    - {features: [volume.empty-dir], support: ignored, reason: lost, effect: works}\n    \
             - {features: [volume.host-path], support: ignored, reason: lost., source: mine@1:a.go, verified: {how: source, date: 2026-02-30}}\n",
            &[
                "x:16:7: `ignored` without a `source`: name the file and line, or the page, that shows it",
                "x:16:7: `ignored` without `verified`: say how it was seen, and on which day",
                "x:16:70: the effect `works` does not go with `ignored`",
                "x:17:116: \"2026-02-30\" is no day; write it as `2026-09-01`",
                "x:17:56: a reason is a phrase to be read after \"because\": no full stop",
                "x:17:71: `mine@1:a.go` is not of the revision that the profile names, `mine@2`",
            ],
        );
    }

    #[test]
    fn a_word_against_the_base_needs_evidence_of_its_own() {
        let base = "vk-core@7b1385b:internal/podutils/env.go:393-396";
        let head = HEAD
            .replace("  revision: mine@2\n", "  revision: mine@2\n  extends: virtual-kubelet\n");
        let entry = |support: &str, reason: &str, source: &str, how: &str| {
            format!(
                "{head}    - {{features: [env.resource-field-ref], support: {support}, reason: {reason}, source: {source}, \
                 verified: {{how: {how}, date: 2026-02-28}}}}\n"
            )
        };
        let reason = "the provider reads it itself";
        check_text(&entry("supported", reason, "mine@2:env.go:1", "source"), &[]);
        // Worse than the base is no claim that needs more than its source.
        check_text(&entry("unsupported", reason, "mine@2:env.go:1", "source"), &[]);
        check_text(
            &entry("supported", reason, base, "source"),
            &[
                "x:17:19: `env.resource-field-ref` is `supported` here and `ignored` in the base `virtual-kubelet`, because \
               Virtual Kubelet's core returns nothing, and no error, for container resources; give the reason and the source that show the difference",
            ],
        );
        check_text(
            &entry("supported", reason, "https://example.com", "documented"),
            &[
                "x:17:19: `env.resource-field-ref` is `supported` here by a document alone, and was seen to be `ignored` when \
               the code of the base `virtual-kubelet` was run",
            ],
        );
    }

    #[test]
    fn what_the_base_says_is_not_said_again() {
        let head =
            HEAD.replace("  revision: mine@2\n", "  revision: mine@2\n  extends: control-plane\n");
        check_text(
            &format!(
                "{head}    - {{features: [scheduling.overhead], support: partial, effect: silent-drop, leftBehind: true, \
                 reason: the scheduler counts it and nothing behind the virtual node adds it, source: x, verified: {{how: source, date: 2026-02-28}}}}\n"
            ),
            &[
                "x:17:19: `scheduling.overhead` repeats what the base `control-plane` says; take it out, and list the feature under `spec.leftBehind`",
            ],
        );
    }

    #[test]
    fn a_base_must_be_there_and_must_not_be_the_profile_itself() {
        let extending = |name: &str| {
            let head = HEAD.replace("  support:\n", "  support: []\n");
            head.replace(
                "  revision: mine@2\n",
                &format!("  revision: mine@2\n  extends: {name}\n"),
            )
        };
        check_text(
            &extending("virtual-kublet"),
            &[
                "x:8:3: profile `mine`: there is no base `virtual-kublet`: did you mean `virtual-kubelet`?",
            ],
        );
        check_text(
            &extending("mine"),
            &[
                "x:8:3: profile `mine`: `mine` extends `mine`: nothing can be its own base; give it another name or another base",
            ],
        );
        // A built-in profile extends the user's, which extends it in turn: both are told.
        let text = extending("nomad").replace("{name: mine}", "{name: virtual-kubelet}");
        let (_, found) = lint(&[Text::new("x".to_owned(), text)]);
        let found: Vec<String> = found.iter().map(|one| one.problem.to_string()).collect();
        let part = "`nomad` extends `virtual-kubelet` extends `nomad`";
        assert!(found.iter().any(|one| one.contains(part)), "{found:#?}");
    }

    #[test]
    fn placement_is_tried_on_the_node() {
        let text = HEAD
            .replace("tolerations: [{key: mine, operator: Exists}]", "tolerations: []")
            .replace("operator: DoesNotExist", "operator: Exists")
            .replace(
                "recognise: [{labels: {mine: yes-it-is}}]",
                "recognise: [{labels: {mine: other}}]",
            )
            .replace("  support:\n", "  support: []\n");
        check_text(
            &text,
            &[
                "x:8:3: the profile's own `node` matches none of these",
                "x:10:3: a pod with these still does not get to the profile's `node`: a taint is not tolerated",
                "x:11:3: these expressions do not exclude the profile's own `node`",
            ],
        );
    }
}
