//! The objects that a policy is about, and what they have: [`Objects`].

use std::collections::BTreeSet;

use super::contract::{ELEMENTS, Miss, Way, shown};
use super::kinds::{Held, Kind, Kinds, Next};
use crate::diagnostic::suggest;
use crate::pod::{self, WORKLOADS};

/// The objects that a policy is about.
#[derive(Clone, Debug)]
pub(super) enum Objects {
    /// Those of these kinds, all of which are known.
    Of(Vec<&'static Kind>),
    /// Those of any kind: what is said of one may be wrong, as there are kinds that are not known.
    Any,
    /// Also those of kinds that are not known.
    Foreign,
}

/// Who is said to lack a field.
pub(super) enum Shown<'a> {
    Pods,
    Objects(&'a Objects),
}

/// Where a way into objects ends before its last step.
#[derive(Debug)]
pub(super) struct Found {
    /// The number of the step that leads nowhere.
    pub at: usize,
    /// Why.
    fate: Fate,
    /// The fields that there are at that place.
    names: BTreeSet<&'static str>,
    /// Kinds, among those that are not meant, which have it.
    elsewhere: Vec<&'static str>,
    /// Where the same field stands in the pods that such an object makes.
    in_pods: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    NoField,
    OfList,
    OfValue(&'static str),
}

/// How far a way leads.
struct Reach {
    at: usize,
    fate: Fate,
    /// Whether it picked any field of an object on the way.
    picks_fields: bool,
    /// The places that the last good step leads to.
    places: Vec<(&'static Kind, Held)>,
}

impl Objects {
    /// Pods.
    pub(super) fn pods() -> Self {
        Self::Of(Kinds::get().named("", "Pod"))
    }

    /// Namespaces.
    pub(super) fn namespaces() -> Self {
        Self::Of(Kinds::get().named("", "Namespace"))
    }

    /// Those that `kinds` name: group and kind, `*` for all.
    pub(super) fn named<'k>(kinds: impl IntoIterator<Item = (&'k str, &'k str)>) -> Self {
        let mut known: Vec<&'static Kind> = Vec::new();
        let mut foreign: Vec<(&str, &str)> = Vec::new();
        for (group, name) in kinds {
            if name == "*" && group == "*" {
                return Self::Any;
            }
            let named = Kinds::get().named(group, name);
            if named.is_empty() {
                foreign.push((group, name));
            }
            for kind in named {
                if !known.contains(&kind) {
                    known.push(kind);
                }
            }
        }
        // Groups and kinds are often named apart, and not every kind lies in every group.
        foreign.retain(|(_, name)| *name == "*" || known.iter().all(|kind| kind.name != *name));
        if foreign.is_empty() && !known.is_empty() { Self::Of(known) } else { Self::Foreign }
    }

    /// Those that a policy of our own with such a `match.kinds` sees. A workload stands there for its pods.
    pub(super) fn of_policy(kinds: &[String], text: &str) -> Self {
        let is_of_pods = kinds.is_empty() || kinds.iter().any(|kind| kind == "*" || kind == "Pod");
        let split = |kind: &String| -> (String, String) {
            match kind.split_once('/') {
                Some((group, name)) => (group.to_owned(), name.to_owned()),
                None => ("*".to_owned(), kind.clone()),
            }
        };
        let mut named: Vec<(String, String)> =
            kinds.iter().filter(|kind| *kind != "*" && *kind != "Pod").map(split).collect();
        if is_of_pods {
            named.push((String::new(), "Pod".to_owned()));
            for workload in WORKLOADS {
                let is_known = !Kinds::get().named(workload.group, workload.kind).is_empty();
                // What makes pods besides Kubernetes' own kinds is meant where it is named.
                if is_known || text.contains(&format!("\"{}\"", workload.kind)) {
                    named.push((workload.group.to_owned(), workload.kind.to_owned()));
                }
            }
        }
        Self::named(named.iter().map(|(group, name)| (group.as_str(), name.as_str())))
    }

    /// Why there is no pod in the input, if there is none.
    pub(super) fn no_pod(&self) -> Option<String> {
        let Self::Of(kinds) = self else { return None };
        if kinds.iter().any(|kind| makes_pods(kind)) {
            return None;
        }
        Some(format!("the policy is about {}, which is no pod and makes none", listed(kinds)))
    }

    /// Where the way leads nowhere, if it does.
    pub(super) fn miss(&self, way: &[Option<&str>]) -> Option<Found> {
        let kinds = match self {
            Self::Of(kinds) => kinds.clone(),
            Self::Any => Kinds::get().all().collect(),
            Self::Foreign if way.first() == Some(&Some("metadata")) => {
                Kinds::get().named("", "Pod")
            }
            Self::Foreign => return None,
        };
        let Reach { at, fate, picks_fields, places } = reach(&kinds, way)?;
        let names: BTreeSet<&str> =
            places.iter().flat_map(|(_, held)| Kinds::get().names(*held)).collect();
        let name = way.get(at).copied().flatten().unwrap_or_default();
        if matches!(self, Self::Any) && way.first() != Some(&Some("metadata")) {
            let is_likely = match fate {
                Fate::NoField => names.iter().any(|known| suggest::is_slip(name, known)),
                Fate::OfList | Fate::OfValue(_) => {
                    places.iter().any(|(kind, _)| (kind.group, kind.name) == ("", "Pod"))
                }
            };
            if !is_likely {
                return None;
            }
        }
        let others: Vec<&'static Kind> =
            Kinds::get().all().filter(|kind| !picks_fields && !kinds.contains(kind)).collect();
        let known = way.get(..=at).unwrap_or_default();
        let elsewhere = others.into_iter().filter(|kind| reach(&[*kind], known).is_none());
        let is_of_pods = Kinds::get().names(Held::POD_SPEC).any(|field| field == name);
        let template = |(kind, _): &(&'static Kind, Held)| {
            Some(pod::workload(kind.group, kind.name)?.template)
        };
        Some(Found {
            at,
            fate,
            names,
            elsewhere: elsewhere.map(|kind| kind.name).collect(),
            in_pods: places
                .iter()
                .find_map(template)
                .filter(|_| is_of_pods && known.first() == Some(&Some("spec")) && at == 1),
        })
    }

    /// What stands at the end of the way, with the type and the name of the field; nothing where that is not sure.
    pub(super) fn held(&self, way: &[Option<&str>]) -> Option<Vec<(String, Held)>> {
        let kinds = match self {
            Self::Of(kinds) => kinds.clone(),
            Self::Any | Self::Foreign => {
                way.first().filter(|step| **step == Some("metadata"))?;
                Kinds::get().named("", "Pod")
            }
        };
        let (last, before) = way.split_last()?;
        let mut places: Vec<Held> = kinds.iter().map(|kind| kind.object()).collect();
        for step in before {
            let mut next = Vec::new();
            for held in places {
                match Kinds::get().step(held, *step) {
                    Next::To(to) => next.push(to),
                    Next::Open | Next::ToAny(_) => return None,
                    Next::NoField | Next::OfList | Next::OfValue(_) => {}
                }
            }
            places = next;
        }
        let mut found = Vec::new();
        for held in places {
            match Kinds::get().step(held, *last) {
                Next::To(to) => {
                    let name = format!("{}.{}", held.type_name(), last.unwrap_or("_"));
                    found.push((name, to));
                }
                Next::Open | Next::ToAny(_) => return None,
                Next::NoField | Next::OfList | Next::OfValue(_) => {}
            }
        }
        (!found.is_empty()).then_some(found)
    }
}

/// Where a way into objects of those kinds leads nowhere in all of them.
fn reach(kinds: &[&'static Kind], way: &[Option<&str>]) -> Option<Reach> {
    let mut places: Vec<(&Kind, Held)> = kinds.iter().map(|kind| (*kind, kind.object())).collect();
    let mut picks_fields = false;
    for (at, step) in way.iter().enumerate() {
        let mut next = Vec::new();
        let mut fate = None;
        for (kind, held) in &places {
            match Kinds::get().step(*held, *step) {
                Next::To(to) => next.push((*kind, to)),
                Next::ToAny(mut all) => {
                    picks_fields = true;
                    // `spec[field][_]` means the lists.
                    let is_picked = way.get(at + 1) == Some(&None);
                    if is_picked && all.iter().any(|to| to.is_list()) {
                        all.retain(|to| to.is_list());
                    }
                    next.extend(all.into_iter().map(|to| (*kind, to)));
                }
                Next::Open => return None,
                Next::NoField => fate = Some(Fate::NoField),
                Next::OfList => fate = fate.or(Some(Fate::OfList)),
                Next::OfValue(what) => fate = fate.or(Some(Fate::OfValue(what))),
            }
        }
        if next.is_empty() {
            return Some(Reach { at, fate: fate?, picks_fields, places });
        }
        next.sort_unstable();
        next.dedup();
        places = next;
    }
    None
}

impl Found {
    /// Whether the name was meant to be one that there is, or a list is taken for an object.
    pub(super) fn is_slip(&self, name: &str) -> bool {
        self.fate != Fate::NoField || suggest::nearest(name, self.names.iter().copied()).is_some()
    }

    /// What helps who wrote that name.
    pub(super) fn help(&self, name: &str) -> String {
        let names = self.names.iter().copied();
        match (self.fate, suggest::nearest(name, names.clone())) {
            (Fate::OfList, _) => ELEMENTS.to_owned(),
            (Fate::OfValue(_), _) => "compare it as it is".to_owned(),
            (_, Some(near)) => format!("did you mean `{near}`?"),
            (_, None) if self.names.len() > 24 => {
                "`kubectl explain` lists the fields that there are".to_owned()
            }
            (_, None) => suggest::help(name, names),
        }
    }

    /// As it is told: `base` is where the way comes to the objects.
    pub(super) fn shown(self, way: &Way, base: usize, who: &Shown<'_>) -> Miss {
        let position = base + self.at;
        let around = shown(way.get(..position).unwrap_or_default());
        let name = way.get(position).cloned().flatten().unwrap_or_else(|| "[_]".to_owned());
        let message = match self.fate {
            Fate::OfList => format!("`{around}` is a list and has no member `{name}`"),
            Fate::OfValue(what) => format!("`{around}` is {what} and has no members"),
            Fate::NoField => {
                let is_metadata = self.at > 0
                    && way.get(base).is_some_and(|step| step.as_deref() == Some("metadata"));
                let who = match who {
                    Shown::Pods => "pods have no field".to_owned(),
                    Shown::Objects(_) if is_metadata => "no object has a field".to_owned(),
                    Shown::Objects(Objects::Of(kinds)) if kinds.len() == 1 => {
                        format!("{} has no field", listed(kinds))
                    }
                    Shown::Objects(Objects::Of(kinds)) if kinds.len() <= 3 => {
                        format!("{} have no field", listed(kinds))
                    }
                    Shown::Objects(Objects::Of(kinds))
                        if kinds.iter().all(|kind| makes_pods(kind)) =>
                    {
                        "neither pods nor what makes them have a field".to_owned()
                    }
                    Shown::Objects(Objects::Of(_)) => {
                        "no kind that the policy is about has a field".to_owned()
                    }
                    Shown::Objects(_) => "no kind of Kubernetes has a field".to_owned(),
                };
                format!("{who} `{name}` in `{around}`")
            }
        };
        let help = match self.in_pods {
            Some(template) if self.fate == Fate::NoField => {
                let object = shown(way.get(..base).unwrap_or_default());
                format!("it is in the template of the pods: `{object}.{template}.spec.{name}`")
            }
            _ => self.help(&name),
        };
        Miss { position, message, help, elsewhere: self.elsewhere }
    }
}

/// Whether objects of that kind are pods or make some.
fn makes_pods(kind: &Kind) -> bool {
    (kind.group, kind.name) == ("", "Pod") || pod::workload(kind.group, kind.name).is_some()
}

/// `Pod, Deployment and Job`.
fn listed(kinds: &[&Kind]) -> String {
    let names: BTreeSet<String> = kinds.iter().map(|kind| format!("`{}`", kind.name)).collect();
    let names: Vec<String> = names.into_iter().collect();
    match names.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        names => names.concat(),
    }
}
