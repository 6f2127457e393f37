//! What there is to read in `input`: [`Contract`].

use super::super::eval::Dialect;
use super::kinds::Held;
use super::objects::{Objects, Shown};
use super::parameters::Parameters;
use crate::catalogue::Catalogue;
use crate::diagnostic::suggest;

/// What a policy may read.
#[derive(Clone, Debug)]
pub(super) struct Contract<'a> {
    pub catalogue: &'a Catalogue,
    pub dialect: Dialect,
    /// The parameters that the policy declares.
    pub parameters: Parameters<'a>,
    /// The objects that it is about.
    pub objects: Objects,
    /// The kinds of virtual nodes; none where they are not known.
    pub profiles: &'a [String],
    /// The kinds that the policy finds in `data.inventory`; none where they are not known.
    pub stored: Vec<String>,
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
    /// The object under review, or what it was before.
    Reviewed,
    /// Its namespace.
    Namespace,
    /// The policy's parameters.
    Parameters,
    /// An object with such a member for each kind of virtual node.
    Profiles(&'static Self),
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
    ("object", Part::Reviewed),
    ("oldObject", Part::Reviewed),
    ("dryRun", Part::Any),
    ("options", Part::Any),
    ("namespaceObject", Part::Namespace),
    ("_unstable", Part::Object(&[("namespace", Part::Namespace)])),
]);

const SIZE: Part = Part::Object(&[("cpu", Part::Any), ("memory", Part::Any)]);

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
            ("support", Part::Profiles(&Part::Any)),
        ])),
    ),
    (
        "cost",
        Part::Profiles(&Part::Object(&[
            ("asked", SIZE),
            ("billed", SIZE),
            ("perHour", Part::Any),
            ("currency", Part::Any),
            ("region", Part::Any),
            ("date", Part::Any),
            ("source", Part::Any),
        ])),
    ),
]);

const GATEKEEPER: Part = Part::Object(&[("review", REVIEW), ("parameters", Part::Parameters)]);

/// What Knative's templates of pods have beside the fields of pods.
const OF_KNATIVE: [&str; 4] =
    ["containerConcurrency", "idleTimeoutSeconds", "responseStartTimeoutSeconds", "timeoutSeconds"];

/// A step into the input: a name, or one that only an evaluation knows.
pub(super) type Way = Vec<Option<String>>;

/// The first step of ways that lead into the inventory and not into the input.
pub(super) const STORED: &str = "data.inventory";

/// A way that leads to something that is never there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Miss {
    /// The number of the step that leads nowhere.
    pub position: usize,
    /// What is the matter.
    pub message: String,
    /// What helps.
    pub help: String,
    /// The kinds, among those that the policy is not about, whose objects have it.
    pub elsewhere: Vec<&'static str>,
}

impl Miss {
    fn new(position: usize, message: String, help: impl Into<String>) -> Self {
        Self { position, message, help: help.into(), elsewhere: Vec::new() }
    }
}

/// What helps where a list is asked for a member.
pub(super) const ELEMENTS: &str = "look at its elements: `some one in ...`";

impl Contract<'_> {
    /// Where a member that `input` does not have stands, for those who expect it there.
    fn meant(&self, name: &str) -> Option<String> {
        let Part::Object(review) = &REVIEW else { return None };
        let pod = if self.dialect.is_native() { "input.pod" } else { "input.review.object" };
        match name {
            "request" => Some("input.review".to_owned()),
            "apiVersion" | "metadata" | "spec" | "status" => Some(format!("{pod}.{name}")),
            _ => review
                .iter()
                .any(|(known, _)| *known == name)
                .then(|| format!("input.review.{name}")),
        }
    }

    /// What is wrong with the way, if it leads to something that is never there.
    pub(super) fn miss(&self, way: &Way) -> Option<Miss> {
        if way.first().is_some_and(|step| step.as_deref() == Some(STORED)) {
            return self.stored_miss(way);
        }
        let mut here = match self.dialect {
            Dialect::Native | Dialect::NativeV0 => &NATIVE,
            Dialect::GatekeeperV0 | Dialect::GatekeeperV1 => &GATEKEEPER,
        };
        for (position, step) in way.iter().enumerate() {
            let around = || shown(way.get(..position).unwrap_or_default());
            let rest = way.get(position..).unwrap_or_default();
            here = match (here, step) {
                (Part::Any, _) | (Part::Object(_), None) => return None,
                (Part::Object(members), Some(name)) => {
                    let Some((_, next)) = members.iter().find(|(known, _)| known == name) else {
                        let known = || members.iter().map(|(known, _)| *known);
                        let help = match self.meant(name).filter(|_| position == 0) {
                            Some(meant) if suggest::nearest(name, known()).is_none() => {
                                format!("did you mean `{meant}`?")
                            }
                            _ => suggest::help(name, known()),
                        };
                        let message = format!("`{}` has no member `{name}`", around());
                        return Some(Miss::new(position, message, help));
                    };
                    next
                }
                (Part::List(next) | Part::Profiles(next), None) => next,
                (Part::Profiles(next), Some(name)) => {
                    let is_known = self.profiles.is_empty() || self.profiles.contains(name);
                    if !is_known {
                        let help = suggest::help(name, self.profiles.iter().map(String::as_str));
                        let message = format!("there is no profile `{name}` for `{}`", around());
                        return Some(Miss::new(position, message, help));
                    }
                    next
                }
                (Part::List(_), Some(name)) => {
                    let message = format!("`{}` is a list and has no member `{name}`", around());
                    return Some(Miss::new(position, message, ELEMENTS));
                }
                (Part::Parameters, _) => {
                    let (at, message, help) = self.parameters.miss(&around(), rest)?;
                    return Some(Miss::new(position + at, message, help));
                }
                (Part::Pod, _) => {
                    if let Some(why) = self.objects.no_pod() {
                        let message = format!("`{}` is null: {why}", around());
                        return Some(Miss::new(position, message, "look at `input.review.object`"));
                    }
                    let steps: Vec<Option<&str>> = rest.iter().map(Option::as_deref).collect();
                    let found = Objects::pods().miss(&steps)?;
                    // A catalogue may know fields that are newer.
                    let known = steps.get(..=found.at).unwrap_or_default();
                    let is_of_platform =
                        matches!(known, [Some("spec"), Some(name)] if OF_KNATIVE.contains(name));
                    return (!is_of_platform && !self.catalogue.has_way(known))
                        .then(|| found.shown(way, position, &Shown::Pods));
                }
                (Part::Reviewed, _) => {
                    let steps: Vec<Option<&str>> = rest.iter().map(Option::as_deref).collect();
                    let found = self.objects.miss(&steps)?;
                    return Some(found.shown(way, position, &Shown::Objects(&self.objects)));
                }
                (Part::Namespace, _) => {
                    let steps: Vec<Option<&str>> = rest.iter().map(Option::as_deref).collect();
                    let namespaces = Objects::namespaces();
                    let found = namespaces.miss(&steps)?;
                    return Some(found.shown(way, position, &Shown::Objects(&namespaces)));
                }
            };
        }
        None
    }
}

/// How a way leads to an object of the inventory.
struct Stored {
    /// The number of the step that names the kind.
    kind_at: usize,
    /// Its kind and what is known of it.
    kind: String,
    objects: Objects,
}

impl Contract<'_> {
    /// The object of the inventory that a way leads to.
    fn stored(way: &Way) -> Option<Stored> {
        let kind_at = if way.get(1)?.as_deref()? == "cluster" { 3 } else { 4 };
        let kind = way.get(kind_at)?.clone()?;
        let version = way.get(kind_at - 1)?.as_deref();
        let group =
            version.map_or("*", |version| version.split_once('/').map_or("", |both| both.0));
        let objects = Objects::named([(group, kind.as_str())]);
        Some(Stored { kind_at, kind, objects })
    }

    fn stored_miss(&self, way: &Way) -> Option<Miss> {
        let place = way.get(1)?.as_deref()?;
        let places = ["cluster", "namespace"];
        if !places.contains(&place) {
            let message = format!("`{STORED}` has no member `{place}`");
            return Some(Miss::new(1, message, suggest::help(place, places)));
        }
        let Stored { kind_at, kind, objects } = Self::stored(way)?;
        if !self.stored.is_empty() && !self.stored.contains(&kind) {
            let message = format!(
                "the policy does not declare that it wants to find any `{kind}` in `{STORED}`"
            );
            let near = suggest::nearest(&kind, self.stored.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name the kind under `inventory`".to_owned(),
            };
            return Some(Miss::new(kind_at, message, help));
        }
        let base = kind_at + 2;
        let steps: Vec<Option<&str>> = way.get(base..)?.iter().map(Option::as_deref).collect();
        let found = objects.miss(&steps)?;
        let miss = found.shown(way, base, &Shown::Objects(&objects));
        Some(Miss { elsewhere: Vec::new(), ..miss })
    }

    /// What stands at the end of a way into an object, see [`Objects::held`].
    pub(super) fn held(&self, way: &Way) -> Option<Vec<(String, Held)>> {
        let steps: Vec<Option<&str>> = way.iter().map(Option::as_deref).collect();
        match steps.as_slice() {
            [Some("pod"), rest @ ..] if self.dialect.is_native() => Objects::pods().held(rest),
            [Some("review"), Some("object" | "oldObject"), rest @ ..] => self.objects.held(rest),
            [Some("review"), Some("namespaceObject"), rest @ ..] => {
                Objects::namespaces().held(rest)
            }
            [Some(STORED), ..] => {
                let Stored { kind_at, objects, .. } = Self::stored(way)?;
                objects.held(steps.get(kind_at + 2..)?)
            }
            _ => None,
        }
    }
}

/// `input.pod.spec.containers[_]`.
pub(super) fn shown(way: &[Option<String>]) -> String {
    let (root, steps) = match way {
        [Some(first), steps @ ..] if first == STORED => (STORED, steps),
        steps => ("input", steps),
    };
    steps.iter().fold(root.to_owned(), |shown, step| match step {
        Some(name) if name.contains(['/', '.']) => format!("{shown}[\"{name}\"]"),
        Some(name) => format!("{shown}.{name}"),
        None => shown + "[_]",
    })
}
