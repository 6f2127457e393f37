//! Comparisons with a value that a place in the input never has.

use serde_json::Value;

use super::super::syntax::{kind_of, list, range_of};
use super::contract::{Contract, Way, shown};
use super::kinds::{Held, Kinds, Next};
use super::reads::{Walk, constant};
use super::things::Thing;
use crate::catalogue::Class;
use crate::diagnostic::suggest;
use crate::placement::Standing;
use crate::profile::Support;

/// Fields of Kubernetes' objects that take one of some words. There may be more of these one day, so only what is nearly one of
/// them is told.
const FIELDS: &[(&str, &[&str])] = &[
    ("apps.DeploymentStrategy.type", &["Recreate", "RollingUpdate"]),
    ("batch.CronJobSpec.concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    ("core.AppArmorProfile.type", &["Localhost", "RuntimeDefault", "Unconfined"]),
    ("core.Container.imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    ("core.Container.terminationMessagePolicy", &["FallbackToLogsOnError", "File"]),
    ("core.ContainerPort.protocol", &["SCTP", "TCP", "UDP"]),
    ("core.EphemeralContainer.imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    ("core.PersistentVolumeClaimSpec.volumeMode", &["Block", "Filesystem"]),
    ("core.PodOS.name", &["linux", "windows"]),
    ("core.PodSpec.dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ("core.PodSpec.preemptionPolicy", &["Never", "PreemptLowerPriority"]),
    ("core.PodSpec.restartPolicy", &["Always", "Never", "OnFailure"]),
    ("core.SeccompProfile.type", &["Localhost", "RuntimeDefault", "Unconfined"]),
    ("core.SecurityContext.procMount", &["Default", "Unmasked"]),
    ("core.ServicePort.protocol", &["SCTP", "TCP", "UDP"]),
    ("core.ServiceSpec.externalTrafficPolicy", &["Cluster", "Local"]),
    ("core.ServiceSpec.type", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]),
    ("core.Toleration.effect", &["NoExecute", "NoSchedule", "PreferNoSchedule"]),
    ("core.Toleration.operator", &["Equal", "Exists", "Gt", "Lt"]),
    ("core.VolumeMount.mountPropagation", &["Bidirectional", "HostToContainer", "None"]),
    ("networking.HTTPIngressPath.pathType", &["Exact", "ImplementationSpecific", "Prefix"]),
    ("rbac.RoleRef.kind", &["ClusterRole", "Role"]),
    ("rbac.Subject.kind", &["Group", "ServiceAccount", "User"]),
];

/// A value that stands in a policy.
enum Constant {
    Text(String),
    Bool(bool),
    Number,
}

/// Looks at an expression: `==`, `!=`, `=` and `in`.
pub(super) fn look(walk: &mut Walk<'_>, kind: &str, content: &Value) {
    let op = content.get("op").and_then(Value::as_str).unwrap_or_default();
    match (kind, op) {
        ("BoolExpr", "Eq" | "Ne") | ("AssignExpr", "Eq") => {
            let sides = [content.get("lhs"), content.get("rhs")];
            let [Some(left), Some(right)] = sides else { return };
            for (place, value) in [(left, right), (right, left)] {
                compare(walk, content, place, value);
            }
        }
        ("Membership", _) => {
            let sides = [content.get("value"), content.get("collection")];
            let [Some(value), Some(collection)] = sides else { return };
            if let Some(("Array" | "Set", items)) = kind_of(collection) {
                for item in list(items, "items") {
                    compare(walk, item, value, item);
                }
            } else if let Some(elements) = walk.elements(collection) {
                judge(walk, value, &elements, value);
            }
        }
        _ => {}
    }
}

fn compare(walk: &mut Walk<'_>, whole: &Value, place: &Value, value: &Value) {
    if let Some(things) = walk.things(place) {
        judge(walk, whole, &things, value);
    }
}

/// Judges the comparison of a value with all that a place may be.
fn judge(walk: &mut Walk<'_>, whole: &Value, places: &[Thing], value: &Value) {
    let Some(constant) = constant_of(value) else { return };
    let mut problem = None;
    for place in places {
        let Thing::At(way) = place else { return };
        let Some(found) = never(walk.scope.contract, way, &constant) else { return };
        problem = problem.or(Some(found));
    }
    let start = range_of(whole).map(|range| range.start);
    let start = start.or_else(|| Some(range_of(kind_of(whole)?.1)?.start));
    if let (Some((message, help)), Some(start)) = (problem, start) {
        walk.tell(start, "never-equal", message, &help);
    }
}

fn constant_of(node: &Value) -> Option<Constant> {
    if let Some(text) = constant(node) {
        return Some(Constant::Text(text));
    }
    match kind_of(node)? {
        ("Bool", content) => Some(Constant::Bool(content.get("value")?.as_bool()?)),
        ("Number", _) => Some(Constant::Number),
        _ => None,
    }
}

/// What is the matter and what helps, where the place never has the value.
fn never(contract: &Contract<'_>, way: &Way, value: &Constant) -> Option<(String, String)> {
    let place = shown(way);
    if let (Constant::Text(text), Some(words)) = (value, own_words(contract, way)) {
        if words.iter().any(|word| word == text) {
            return None;
        }
        let message = format!("`{place}` is never `{text}`");
        let is_other = place == "input.placement.standing" && text == "virtual";
        let help = if is_other {
            "did you mean `bound`? `virtual` is what `match.placement` calls it".to_owned()
        } else {
            near(text, &words)
        };
        return Some((message, help));
    }
    let places = contract.held(way)?;
    let mut problem = None;
    for (name, held) in places {
        let found = mismatch(&place, held, value).or_else(|| {
            let Constant::Text(text) = value else { return None };
            let (_, words) = FIELDS.iter().find(|(field, _)| *field == name)?;
            let is_near =
                |word: &&str| word.eq_ignore_ascii_case(text) || suggest::is_slip(text, word);
            let word = words.iter().copied().find(is_near).filter(|word| word != text)?;
            let is_word = words.contains(&text.as_str());
            (!is_word).then(|| {
                (format!("`{place}` is never `{text}`"), format!("did you mean `{word}`?"))
            })
        })?;
        problem = problem.or(Some(found));
    }
    problem
}

fn near(text: &str, words: &[String]) -> String {
    let words = || words.iter().map(String::as_str);
    match words().find(|word| word.eq_ignore_ascii_case(text)) {
        Some(word) => format!("did you mean `{word}`?"),
        None => match suggest::nearest(text, words()) {
            Some(word) => format!("did you mean `{word}`?"),
            None if words().count() > 12 => "`loadline explain` lists what there is".to_owned(),
            None => suggest::help(text, words()),
        },
    }
}

/// A value of another type than the field's.
fn mismatch(place: &str, held: Held, value: &Constant) -> Option<(String, String)> {
    let what = held.value()?;
    let help = match (what, value) {
        ("true or false", Constant::Text(text)) if text == "true" || text == "false" => {
            format!("write `{text}` without quotes")
        }
        ("a text", Constant::Bool(value)) => format!("write `\"{value}\"`: it is a text"),
        ("true or false" | "a number", Constant::Text(_))
        | ("a text" | "true or false", Constant::Number)
        | ("a number" | "a number or a text", Constant::Bool(_)) => {
            "compare it with what it can be".to_owned()
        }
        _ => return None,
    };
    let value = match value {
        Constant::Text(text) => format!("the text `\"{text}\"`"),
        Constant::Bool(value) => format!("`{value}`"),
        Constant::Number => "a number".to_owned(),
    };
    Some((format!("`{place}` is {what}, never {value}"), help))
}

/// The words that a place takes which Loadline fills, or the API server in a review.
fn own_words(contract: &Contract<'_>, way: &Way) -> Option<Vec<String>> {
    let steps: Vec<Option<&str>> = way.iter().map(Option::as_deref).collect();
    let is_native = contract.dialect.is_native();
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match steps.as_slice() {
        // A policy of ours is not asked about anything else.
        [Some("review"), Some("operation")] if is_native => Some(owned(&["CREATE", "UPDATE"])),
        // Nothing, where objects are audited.
        [Some("review"), Some("operation")] => {
            Some(owned(&["", "CREATE", "UPDATE", "DELETE", "CONNECT"]))
        }
        _ if !is_native => None,
        [Some("placement"), Some("standing")] => Some(owned(
            &[Standing::Bound, Standing::Eligible, Standing::Regular].map(Standing::as_str),
        )),
        [Some("placement"), Some("profiles"), None] => {
            (!contract.profiles.is_empty()).then(|| contract.profiles.to_vec())
        }
        [Some("features"), None, Some("class")] => Some(owned(&Class::ALL.map(Class::as_str))),
        [Some("features"), None, Some("name")] => {
            Some(contract.catalogue.names().map(str::to_owned).collect())
        }
        [Some("features"), None, Some("support"), _] => {
            Some(owned(&Support::ALL.map(Support::as_str)))
        }
        _ => None,
    }
}

impl Held {
    /// What the place holds, where that is a single value.
    fn value(self) -> Option<&'static str> {
        match Kinds::get().step(self, None) {
            Next::OfValue(what) => Some(what),
            _ => None,
        }
    }
}
