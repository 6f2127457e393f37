//! `ConstraintTemplate` documents: [`TemplateSource`] as written, [`Template`] as compiled.

use std::collections::BTreeSet;

use regorus::Value as Rego;
use serde_json::Value;

use crate::diagnostic::suggest;
use crate::document::Mistake;
use crate::governance::deadline::Deadline;
use crate::governance::details::{MAX_DETAILS, Room};
use crate::governance::given::Given;
use crate::governance::mode::{Language, Mode};
use crate::governance::schema::Schema;
use crate::governance::unit::{Parsed, Unit};
use crate::governance::value::kind_of;
use crate::governance::{Module, PolicyError, rule_path};
use crate::path::FieldPath;

/// The group of templates.
pub const TEMPLATE_GROUP: &str = "templates.gatekeeper.sh";

/// The versions of templates that there are, and whether their schemas are loose unless they say otherwise.
const VERSIONS: [(&str, bool); 3] = [("v1", false), ("v1beta1", true), ("v1alpha1", true)];

/// The only target that there is.
const TARGET: &str = "admission.k8s.gatekeeper.sh";

/// The rule that templates speak through.
const ENTRY_POINT: &str = "violation";

/// The operations that a template can name.
const OPERATIONS: [&str; 5] = ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"];

/// A template as it is written.
#[derive(Clone, Debug)]
pub struct TemplateSource {
    /// The kind of its constraints.
    pub kind: String,
    /// What it says of itself, on one line.
    pub description: Option<String>,
    /// The operations it is about; all when there are none.
    pub operations: Vec<String>,
    /// The schema of the parameters; without one a constraint can have none.
    pub schema: Option<Schema>,
    /// Its Rego, if it has any.
    pub rego: Option<RegoSource>,
    /// Whether it has code in CEL.
    pub has_cel: bool,
}

/// The Rego of a template.
#[derive(Clone, Debug)]
pub struct RegoSource {
    /// The module with the rule `violation`.
    pub module: Text,
    /// The modules it may import.
    pub libraries: Vec<Text>,
    /// Whether all of it is written in Rego v1.
    pub is_v1: bool,
}

/// A text, and where it stands in its document.
#[derive(Clone, Debug)]
pub struct Text {
    /// The text.
    pub text: String,
    /// The field that holds it.
    pub place: FieldPath,
}

impl TemplateSource {
    /// Reads a template. Fails with every mistake that can be seen without parsing its Rego.
    pub fn read(document: &Value) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let mut tell = |place: &str, message: String| {
            mistakes.push(Mistake { place: FieldPath::keys(place), message });
        };
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let version =
            text("/apiVersion").and_then(|text| text.split_once('/')).map(|(_, version)| version);
        let known = VERSIONS.into_iter().find(|(name, _)| Some(*name) == version);
        if known.is_none() {
            tell(
                "apiVersion",
                format!(
                    "a ConstraintTemplate is of version v1, v1beta1 or v1alpha1, not `{}`",
                    version.unwrap_or_default()
                ),
            );
        }
        let kind = text("/spec/crd/spec/names/kind").unwrap_or_default().to_owned();
        let name = text("/metadata/name").unwrap_or_default();
        if kind.is_empty() {
            tell(
                "spec.crd.spec.names.kind",
                "the template names no kind for its constraints".to_owned(),
            );
        } else if name != kind.to_lowercase() {
            tell(
                "metadata.name",
                format!(
                    "the template is called `{name}`; it must be `{}`, the lower-case form of its kind `{kind}`",
                    kind.to_lowercase()
                ),
            );
        }
        let targets = document.pointer("/spec/targets").and_then(Value::as_array);
        let target = match targets.map(Vec::as_slice) {
            Some([one]) => Some(one),
            Some([_, _, ..]) => {
                tell("spec.targets", "a template can have one target only".to_owned());
                None
            }
            Some([]) | None => {
                tell("spec.targets", "the template has no target".to_owned());
                None
            }
        };
        let target_name =
            target.map(|target| target.get("target").and_then(Value::as_str).unwrap_or_default());
        if let Some(name) = target_name.filter(|name| *name != TARGET) {
            tell("spec.targets[0].target", format!("there is no target `{name}`; use `{TARGET}`"));
        }
        let operations: Vec<String> = target
            .and_then(|target| target.get("operations")?.as_array())
            .into_iter()
            .flatten()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect();
        for word in operations.iter().filter(|word| !OPERATIONS.contains(&word.as_str())) {
            let hint = suggest::help(word, OPERATIONS);
            tell("spec.targets[0].operations", format!("there is no operation `{word}`; {hint}"));
        }
        let (rego, has_cel) = target.map_or((None, false), |target| code(target, &mut tell));
        if target.is_some() && rego.is_none() && !has_cel {
            tell(
                "spec.targets[0]",
                "the template has no code: neither `rego` nor `code`".to_owned(),
            );
        }
        let validation = document.pointer("/spec/crd/spec/validation");
        let is_loose = validation
            .and_then(|validation| validation.get("legacySchema")?.as_bool())
            .unwrap_or_else(|| known.is_some_and(|(_, is_loose)| is_loose));
        let place = FieldPath::keys("spec.crd.spec.validation.openAPIV3Schema");
        let written =
            validation.and_then(|one| one.get("openAPIV3Schema")).filter(|one| !one.is_null());
        let schema = match written.map(|value| Schema::read(value, &place)).transpose() {
            Ok(schema) if is_loose => Some(schema.unwrap_or_default().keeping_unknown()),
            Ok(schema) => schema,
            Err(wrong) => {
                mistakes.extend(wrong);
                None
            }
        };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let description = text("/metadata/annotations/description")
            .and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()))
            .map(str::to_owned);
        Ok(Self { kind, description, operations, schema, rego, has_cel })
    }

    /// Compiles the Rego. Gives nothing where there is none, as the template is written in CEL only.
    ///
    /// `text` gives the text of a module as it is to be parsed, with its lines where they stand in the file.
    pub fn compile(
        self,
        origin: &str,
        text: impl Fn(&Text) -> String,
    ) -> Result<Option<Template>, PolicyError> {
        let Some(rego) = &self.rego else {
            return Ok(None);
        };
        let texts: Vec<String> =
            std::iter::once(&rego.module).chain(&rego.libraries).map(text).collect();
        let modules: Vec<Module<'_>> = texts.iter().map(|text| Module { origin, text }).collect();
        let language = if rego.is_v1 { Language::V1 } else { Language::V0 };
        let parsed = Parsed::new(&modules, Mode::gatekeeper(language))?;
        let packages: Vec<&[String]> = parsed.packages.iter().map(Vec::as_slice).collect();
        let own = packages.first().copied().unwrap_or_default();
        let libraries = packages.get(1..).unwrap_or_default();
        if let Some(stray) = libraries
            .iter()
            .find(|package| package.first().is_none_or(|first| first != "lib") || package.len() < 2)
        {
            return Err(PolicyError {
                message: format!(
                    "{origin}: the package `{}` of a library does not lie below `lib`",
                    stray.join(".")
                ),
            });
        }
        parsed.analysis.check_data(["inventory", "lib"]).map_err(|finding| PolicyError {
            message: format!("{origin}:{}: {}", finding.mark, finding.message),
        })?;
        let path: Vec<String> =
            own.iter().cloned().chain(std::iter::once(ENTRY_POINT.to_owned())).collect();
        match parsed.analysis.rules.get(&path) {
            Some(rule) if !rule.is_function => {}
            Some(_) => {
                return Err(PolicyError {
                    message: format!(
                        "{origin}: `{ENTRY_POINT}` takes arguments, so nobody would call it"
                    ),
                });
            }
            None => {
                return Err(PolicyError {
                    message: format!(
                        "{origin}: the module declares no rule `{ENTRY_POINT}`, so it would never say anything"
                    ),
                });
            }
        }
        let reads_inventory = parsed.analysis.reads_data("inventory");
        let entry = rule_path(&path);
        let unit = parsed.compile(std::slice::from_ref(&entry))?;
        Ok(Some(Template {
            kind: self.kind,
            description: self.description,
            operations: self.operations,
            schema: self.schema,
            reads_inventory,
            entry,
            unit,
        }))
    }
}

/// Finds the code of a target. Of two engines the Rego is used, and of two places for it the older one, `rego`.
fn code(target: &Value, tell: &mut impl FnMut(&str, String)) -> (Option<RegoSource>, bool) {
    let mut has_cel = false;
    let mut found = None;
    let entries = target.get("code").and_then(Value::as_array);
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        let base = FieldPath::keys("spec.targets").index(0).key("code").index(index);
        match entry.get("engine").and_then(Value::as_str).unwrap_or_default() {
            "Rego" => {
                let source = entry.get("source").unwrap_or(&Value::Null);
                let version = source.get("version").and_then(Value::as_str).unwrap_or_default();
                if !matches!(version, "" | "v0" | "v1") {
                    tell(
                        &base.to_string(),
                        format!("there is no version `{version}` of Rego; use `v0` or `v1`"),
                    );
                }
                found = found.or_else(|| rego(source, base.key("source"), version == "v1"));
            }
            "K8sNativeValidation" => has_cel = true,
            other => {
                let hint = suggest::help(other, ["Rego", "K8sNativeValidation"]);
                tell(&base.to_string(), format!("there is no engine `{other}`; {hint}"));
            }
        }
    }
    let base = FieldPath::keys("spec.targets").index(0);
    (rego(target, base, false).or(found), has_cel)
}

fn rego(source: &Value, base: FieldPath, is_v1: bool) -> Option<RegoSource> {
    let text = source.get("rego")?.as_str().filter(|text| !text.trim().is_empty())?;
    let libraries = source.get("libs").and_then(Value::as_array);
    let place = base.clone().key("libs");
    Some(RegoSource {
        module: Text { text: text.to_owned(), place: base.key("rego") },
        libraries: libraries
            .into_iter()
            .flatten()
            .enumerate()
            .filter_map(|(index, library)| {
                Some(Text { text: library.as_str()?.to_owned(), place: place.clone().index(index) })
            })
            .collect(),
        is_v1,
    })
}

/// A template, ready to be run.
#[derive(Debug)]
pub struct Template {
    /// The kind of its constraints.
    pub kind: String,
    /// What it says of itself, on one line.
    pub description: Option<String>,
    /// Whether its Rego looks at `data.inventory`.
    pub reads_inventory: bool,
    pub(super) schema: Option<Schema>,
    operations: Vec<String>,
    entry: String,
    unit: Unit,
}

/// One element of `violation`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// `msg`.
    pub message: String,
    /// `details`, an empty object where there are none.
    pub details: Value,
}

impl Template {
    /// Whether the template is about that operation; it is about a review that names none, too.
    ///
    /// What is deleted is let go unless the template names deletions: Gatekeeper's webhook does not hear of them by itself.
    pub fn is_about(&self, operation: &str) -> bool {
        match self.operations.as_slice() {
            [] => operation != "DELETE",
            named => operation.is_empty() || named.iter().any(|one| one == operation || one == "*"),
        }
    }

    /// The operations it names, none when it is about all.
    pub fn operations(&self) -> &[String] {
        &self.operations
    }

    /// Whether it surely ends when its time is up.
    pub(super) const fn keeps_time(&self) -> bool {
        self.unit.keeps_time()
    }

    /// What the template says of an input.
    ///
    /// Fails with the engine's text, and where what it says is of another form than it must be.
    pub(super) fn run(
        &self,
        given: Given<'_>,
        data: Option<&Rego>,
        deadline: Deadline,
    ) -> Result<Vec<Said>, String> {
        if deadline.has_passed() {
            return Err("there was no time left for it".to_owned());
        }
        let value = self.unit.run(&self.entry, Some(given), data, deadline).0;
        match value.map_err(|failure| failure.to_string())? {
            Rego::Set(results) => {
                let (mut said, mut seen, mut room) = (Vec::new(), BTreeSet::new(), Room::default());
                for result in results.iter() {
                    let one = read(result, &mut room)?;
                    if seen.insert((one.message.clone(), one.details.to_string())) {
                        said.push(one);
                    }
                }
                Ok(said)
            }
            other => Err(format!("`{ENTRY_POINT}` is {}, not a set", kind_of(&other))),
        }
    }
}

fn read(result: &Rego, room: &mut Room) -> Result<Said, String> {
    let Rego::Object(members) = result else {
        return Err(format!("a result is {}, not an object with `msg`", kind_of(result)));
    };
    match members.get(&Rego::from("msg")) {
        Some(Rego::String(message)) => {
            let details = match members.get(&Rego::from("details")) {
                None => serde_json::json!({}),
                Some(details) => room.take(details).ok_or_else(|| {
                    format!("the `details` of a result have more than {MAX_DETAILS} bytes, or those of all results many more")
                })?,
            };
            Ok(Said { message: message.to_string(), details })
        }
        Some(other) => Err(format!("`msg` of a result is {}, not a string", kind_of(other))),
        None => Err("a result has no `msg`".to_owned()),
    }
}
