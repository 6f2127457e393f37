//! What there is to read in `input`: [`Contract`].

use serde_json::Value;

use super::super::eval::Dialect;
use crate::catalogue::Catalogue;
use crate::diagnostic::suggest;

/// What a policy may read.
#[derive(Clone, Copy)]
pub(super) struct Contract<'a> {
    pub catalogue: &'a Catalogue,
    pub dialect: Dialect,
    /// The parameters that the policy declares, if it declares any.
    pub parameters: Option<&'a Value>,
}

/// A part of the input that is made here.
enum Part {
    /// An object with these members.
    Object(&'static [(&'static str, Self)]),
    /// A list of such.
    List(&'static Self),
    /// Anything.
    Any,
    /// The pod.
    Pod,
    /// The policy's parameters.
    Parameters,
}

const KIND: Part =
    Part::Object(&[("group", Part::Any), ("version", Part::Any), ("kind", Part::Any)]);

const RESOURCE: Part =
    Part::Object(&[("group", Part::Any), ("version", Part::Any), ("resource", Part::Any)]);

const REVIEW: Part = Part::Object(&[
    ("uid", Part::Any),
    ("kind", KIND),
    ("resource", RESOURCE),
    ("subResource", Part::Any),
    ("requestKind", KIND),
    ("requestResource", RESOURCE),
    ("requestSubResource", Part::Any),
    ("name", Part::Any),
    ("namespace", Part::Any),
    ("operation", Part::Any),
    (
        "userInfo",
        Part::Object(&[
            ("username", Part::Any),
            ("uid", Part::Any),
            ("groups", Part::Any),
            ("extra", Part::Any),
        ]),
    ),
    ("object", Part::Any),
    ("oldObject", Part::Any),
    ("dryRun", Part::Any),
    ("options", Part::Any),
    ("namespaceObject", Part::Any),
    ("_unstable", Part::Any),
]);

const NATIVE: Part = Part::Object(&[
    ("version", Part::Any),
    ("review", REVIEW),
    ("parameters", Part::Parameters),
    ("pod", Part::Pod),
    ("placement", Part::Object(&[("standing", Part::Any), ("profiles", Part::Any)])),
    (
        "features",
        Part::List(&Part::Object(&[
            ("name", Part::Any),
            ("class", Part::Any),
            ("fields", Part::Any),
            ("support", Part::Any),
        ])),
    ),
    ("cost", Part::Any),
]);

const GATEKEEPER: Part = Part::Object(&[("review", REVIEW), ("parameters", Part::Parameters)]);

/// A step into the input: a name, or one that only an evaluation knows.
pub(super) type Way = Vec<Option<String>>;

impl Contract<'_> {
    /// What is wrong with the way, if it leads to something that is never there: which step, what, and what helps.
    pub(super) fn miss(&self, way: &Way) -> Option<(usize, String, String)> {
        let mut here = match self.dialect {
            Dialect::Native | Dialect::NativeV0 => &NATIVE,
            Dialect::GatekeeperV0 | Dialect::GatekeeperV1 => &GATEKEEPER,
        };
        for (position, step) in way.iter().enumerate() {
            let around = || shown(way.get(..position).unwrap_or_default());
            match (here, step) {
                (Part::Any, _) | (Part::Object(_), None) => return None,
                (Part::Object(members), Some(name)) => {
                    let Some((_, next)) = members.iter().find(|(known, _)| known == name) else {
                        let help = suggest::help(name, members.iter().map(|(known, _)| *known));
                        let message = format!("`{}` has no member `{name}`", around());
                        return Some((position, message, help));
                    };
                    here = next;
                }
                (Part::List(next), None) => here = next,
                (Part::List(_), Some(name)) => {
                    let message = format!("`{}` is a list and has no member `{name}`", around());
                    return Some((
                        position,
                        message,
                        "look at its elements: `some one in ...`".to_owned(),
                    ));
                }
                (Part::Parameters, step) => {
                    let members = self.parameters?.as_object()?;
                    let name = step.as_ref()?;
                    if members.contains_key(name) {
                        return None;
                    }
                    let help = if members.is_empty() {
                        "declare it below `custom.parameters`".to_owned()
                    } else {
                        suggest::help(name, members.keys().map(String::as_str))
                    };
                    return Some((position, format!("the policy has no parameter `{name}`"), help));
                }
                (Part::Pod, _) => {
                    let rest: Vec<Option<&str>> =
                        way.iter().skip(position).map(Option::as_deref).collect();
                    return self.pod_miss(way, position, &rest);
                }
            }
        }
        None
    }

    fn pod_miss(
        &self,
        way: &Way,
        base: usize,
        rest: &[Option<&str>],
    ) -> Option<(usize, String, String)> {
        let (position, is_list, known) = self.catalogue.miss(rest)?;
        let name = rest.get(position).copied().flatten().unwrap_or_default();
        let around = shown(way.get(..base + position).unwrap_or_default());
        if is_list {
            let message = format!("`{around}` is a list and has no member `{name}`");
            return Some((
                base + position,
                message,
                "look at its elements: `some one in ...`".to_owned(),
            ));
        }
        let help = match suggest::nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.len() > 12 => {
                "`loadline explain` lists the features with their fields".to_owned()
            }
            None => suggest::help(name, known.iter().copied()),
        };
        Some((base + position, format!("pods have no field `{name}` in `{around}`"), help))
    }
}

/// `input.pod.spec.containers[_]`.
pub(super) fn shown(way: &[Option<String>]) -> String {
    way.iter().fold("input".to_owned(), |shown, step| match step {
        Some(name) => format!("{shown}.{name}"),
        None => shown + "[_]",
    })
}
