//! Constraints: a template with parameters, a match and what becomes of violations. [`Constraint`].

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::matching::Match;
use super::template::Template;
use crate::diagnostic::{Severity, suggest};
use crate::document::Mistake;
use crate::governance::given::Json;
use crate::governance::schema::Misfits;
use crate::path::FieldPath;

/// The group of constraints.
pub const CONSTRAINT_GROUP: &str = "constraints.gatekeeper.sh";

/// The longest name that a constraint can have.
const MAX_NAME: usize = 63;

/// The keys that a constraint can have.
const KEYS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// The keys under `spec`.
const SPEC_KEYS: [&str; 4] =
    ["enforcementAction", "match", "parameters", "scopedEnforcementActions"];

/// The actions that are known.
const ACTIONS: [&str; 4] = ["deny", "dryrun", "scoped", "warn"];

/// The places in which constraints are enforced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Point {
    /// The admission webhook, and whatever says what it would say.
    Webhook,
    /// Suites of tests.
    Suite,
}

impl Point {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "validation.gatekeeper.sh",
            Self::Suite => "gator.gatekeeper.sh",
        }
    }
}

/// What becomes of violations at a point. Ordered gravest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// They count with this severity.
    Severity(Severity),
    /// They are found and not enforced: the word for the action is none that is known.
    Unknown,
}

/// A constraint, ready to be used.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// Name.
    pub name: String,
    /// Its template.
    pub template: Arc<Template>,
    /// What it is about; everything when it does not say.
    pub matches: Option<Match>,
    pub(super) parameters: Json,
    enforcement: Enforcement,
}

#[derive(Clone, Debug)]
enum Enforcement {
    Plain(String),
    Scoped(Vec<Scoped>),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Scoped {
    action: String,
    enforcement_points: Vec<EnforcementPoint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EnforcementPoint {
    name: String,
}

/// Why a constraint was not loaded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Refusal {
    /// What is wrong.
    pub mistakes: Vec<Mistake>,
    /// Whether it is the schema of the template that is not met, as a suite may expect.
    pub breaks_schema: bool,
}

impl Constraint {
    /// Reads a constraint of a template. Parameters get their defaults.
    ///
    /// Fails with every mistake, so that the author hears of all in one go. `notes` takes what is allowed but surely not meant.
    pub fn read(
        document: &Value,
        template: &Arc<Template>,
        notes: &mut Vec<Mistake>,
    ) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let mut tell = |place: FieldPath, message: String| {
            refusal.mistakes.push(Mistake { place, message });
        };
        let text =
            |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let version = text("/apiVersion").strip_prefix(CONSTRAINT_GROUP).unwrap_or_default();
        if !matches!(version, "/v1beta1" | "/v1alpha1") {
            tell(
                FieldPath::keys("apiVersion"),
                format!(
                    "a constraint is of `{CONSTRAINT_GROUP}/v1beta1` or `/v1alpha1`, not `{}`",
                    text("/apiVersion")
                ),
            );
        }
        let kind = text("/kind");
        if kind != template.kind {
            tell(
                FieldPath::keys("kind"),
                format!("the constraint is of kind `{kind}`, the template of `{}`", template.kind),
            );
        }
        let name = text("/metadata/name");
        if let Some(problem) = problem_of_name(name) {
            tell(FieldPath::keys("metadata.name"), problem);
        }
        let empty = json!({});
        let spec = document.get("spec").unwrap_or(&empty);
        for (object, base, known) in [
            (document, FieldPath::root(), KEYS.as_slice()),
            (spec, FieldPath::keys("spec"), SPEC_KEYS.as_slice()),
        ] {
            let Some(members) = object.as_object() else {
                tell(base, "must be an object".to_owned());
                continue;
            };
            for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
                let hint = suggest::help(key, known.iter().copied());
                tell(base.clone().key(key), format!("the key `{key}` is not known here; {hint}"));
            }
        }
        let matches = spec.get("match").filter(|value| !value.is_null()).map(|value| {
            serde_path_to_error::deserialize::<_, Match>(value).map_err(|error| {
                let place =
                    FieldPath::parse(&error.path().to_string()).unwrap_or_else(FieldPath::root);
                (FieldPath::keys("spec.match").join(place), error.inner().to_string())
            })
        });
        let matches = match matches.transpose() {
            Ok(matches) => matches,
            Err((place, message)) => {
                tell(place, message);
                None
            }
        };
        for (place, problem) in matches.iter().flat_map(Match::problems) {
            tell(FieldPath::keys("spec.match").join(place), problem);
        }
        if let Some(scope) = matches.as_ref().and_then(Match::idle_scope) {
            let hint = suggest::help(scope, ["Cluster", "Namespaced", "*"]);
            notes.push(Mistake {
                place: FieldPath::keys("spec.match.scope"),
                message: format!(
                    "the scope `{scope}` restricts nothing, as there is no such scope; {hint}"
                ),
            });
        }
        let enforcement = match Enforcement::read(spec, notes) {
            Ok(enforcement) => enforcement,
            Err(mistake) => {
                tell(mistake.place, mistake.message);
                Enforcement::Plain("deny".to_owned())
            }
        };
        let (parameters, misfits) = parameters(spec, template);
        refusal.breaks_schema = !misfits.broken.is_empty();
        refusal.mistakes.extend(misfits.into_mistakes());
        if !refusal.mistakes.is_empty() {
            return Err(refusal);
        }
        Ok(Self {
            name: name.to_owned(),
            template: Arc::clone(template),
            matches,
            parameters: Json::from(parameters),
            enforcement,
        })
    }

    /// `Kind/name`: what it is called in messages, and the code of its diagnostics.
    pub fn title(&self) -> String {
        format!("{}/{}", self.template.kind, self.name)
    }

    /// What becomes of violations at that point; nothing where the constraint is not enforced there at all.
    ///
    /// Of several actions for one point the gravest counts.
    pub fn action(&self, point: Point) -> Option<Action> {
        match &self.enforcement {
            Enforcement::Plain(word) => Some(Action::parse(word)),
            Enforcement::Scoped(scoped) => scoped
                .iter()
                .filter(|one| {
                    one.enforcement_points
                        .iter()
                        .any(|name| name.name == "*" || name.name == point.as_str())
                })
                .map(|one| Action::parse(&one.action))
                .min(),
        }
    }
}

impl Action {
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "deny" => Self::Severity(Severity::Deny),
            "warn" => Self::Severity(Severity::Warn),
            "dryrun" => Self::Severity(Severity::Note),
            _ => Self::Unknown,
        }
    }
}

impl Enforcement {
    fn read(spec: &Value, notes: &mut Vec<Mistake>) -> Result<Self, Mistake> {
        let place = || FieldPath::keys("spec.enforcementAction");
        let word = match spec.get("enforcementAction") {
            None | Some(Value::Null) => "deny",
            Some(Value::String(word)) => word,
            Some(_) => {
                return Err(Mistake {
                    place: place(),
                    message: "`enforcementAction` must be a word".to_owned(),
                });
            }
        };
        let mut doubt = |place: FieldPath, word: &str| {
            let hint = suggest::help(word, ACTIONS);
            let message =
                format!("the action `{word}` is not known, so nothing is enforced; {hint}");
            notes.push(Mistake { place, message });
        };
        if word != "scoped" {
            if !ACTIONS.contains(&word) {
                doubt(place(), word);
            }
            return Ok(Self::Plain(word.to_owned()));
        }
        let place = FieldPath::keys("spec.scopedEnforcementActions");
        let Some(value) = spec.get("scopedEnforcementActions").filter(|value| !value.is_null())
        else {
            return Err(Mistake {
                place,
                message: "the action `scoped` needs `scopedEnforcementActions`".to_owned(),
            });
        };
        let scoped: Vec<Scoped> = serde_json::from_value(value.clone())
            .map_err(|error| Mistake { place: place.clone(), message: error.to_string() })?;
        for (index, one) in scoped.iter().enumerate() {
            if Action::parse(&one.action) == Action::Unknown {
                doubt(place.clone().index(index).key("action"), &one.action);
            }
        }
        Ok(Self::Scoped(scoped))
    }
}

/// The parameters with their defaults, and what they have against the template's schema.
fn parameters(spec: &Value, template: &Template) -> (Value, Misfits) {
    let place = FieldPath::keys("spec.parameters");
    let given = spec.get("parameters").filter(|value| !value.is_null());
    let Some(schema) = &template.schema else {
        let unknown = given.map(|_| Mistake {
            place,
            message: format!(
                "`{}` takes no parameters: its template has no schema for them",
                template.kind
            ),
        });
        let misfits = Misfits { broken: Vec::new(), unknown: unknown.into_iter().collect() };
        return (json!({}), misfits);
    };
    let Some(given) = given.or_else(|| schema.default_value()) else {
        return (json!({}), Misfits::default());
    };
    let misfits = schema.misfits(given, &place);
    let mut parameters = given.clone();
    schema.complete(&mut parameters);
    (parameters, misfits)
}

/// What keeps a text from being the name of an object of the cluster.
fn problem_of_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the constraint has no name".to_owned());
    }
    if name.len() > MAX_NAME {
        return Some(format!(
            "the name of a constraint has at most {MAX_NAME} characters, not {}",
            name.len()
        ));
    }
    let is_plain = name.split('.').all(|part| {
        let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.bytes().all(|c| is_word(c) || c == b'-')
            && part.bytes().next().is_some_and(is_word)
            && part.bytes().last().is_some_and(is_word)
    });
    (!is_plain).then(|| {
        format!("`{name}` cannot be a name: lower-case letters, digits, `-` and `.` only, beginning and ending with a letter or digit")
    })
}
