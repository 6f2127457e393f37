//! The kinds of objects that Kubernetes has, with their fields: [`Kinds`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The types, see there for the form. A test writes it from what the Kubernetes client knows.
const TEXT: &str = include_str!("kubernetes.txt");

static KINDS: LazyLock<Kinds> = LazyLock::new(|| Kinds::read(TEXT));

/// The fields of a type, with the words for what they hold.
type Fields = BTreeMap<&'static str, &'static str>;

/// All types and kinds.
#[derive(Debug)]
pub(super) struct Kinds {
    types: BTreeMap<&'static str, Fields>,
    kinds: Vec<Kind>,
}

/// A kind of object.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Kind {
    /// Its group, empty for the core.
    pub group: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its type.
    of: &'static str,
}

/// What a place in an object holds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Held {
    /// The group of types that the word is read in.
    group: &'static str,
    /// The word: a type behind the marks of lists and maps.
    word: &'static str,
}

/// What one step into a place leads to.
#[derive(Debug)]
pub(super) enum Next {
    /// To another place.
    To(Held),
    /// To any of these: the step picks any member of an object.
    ToAny(Vec<Held>),
    /// To whatever is there.
    Open,
    /// Nowhere: the place is a list, and the step a name.
    OfList,
    /// Nowhere: the place holds a single value, described here.
    OfValue(&'static str),
    /// Nowhere: there is no such field.
    NoField,
}

impl Kinds {
    /// Those of Kubernetes.
    pub(super) fn get() -> &'static Self {
        &KINDS
    }

    fn read(text: &'static str) -> Self {
        let mut kinds = Self { types: BTreeMap::new(), kinds: Vec::new() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let head = words.next().unwrap_or_default();
            let (of, kind) = head.split_once('=').unwrap_or((head, ""));
            if !kind.is_empty() {
                let (group, name) = kind.split_once('/').unwrap_or(("", kind));
                kinds.kinds.push(Kind { group, name, of });
            }
            let fields = words.map(|word| word.split_once(':').unwrap_or((word, "")));
            kinds.types.insert(of, fields.collect());
        }
        kinds
    }

    /// The kinds that a group (`*` for all) and a name (`*` for all) mean.
    pub(super) fn named(&self, group: &str, name: &str) -> Vec<&Kind> {
        // `extensions` is where kinds lay that have groups of their own today.
        let is_any = matches!(group, "*" | "extensions");
        self.all()
            .filter(|kind| (is_any || kind.group == group) && (name == "*" || kind.name == name))
            .collect()
    }

    /// All kinds.
    pub(super) fn all(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter()
    }

    /// Where one step into a place leads; a step without a name picks any element or member.
    pub(super) fn step(&self, from: Held, step: Option<&str>) -> Next {
        let inside = |mark| Some(Held { word: from.word.strip_prefix(mark)?, ..from });
        if let Some(element) = inside("[]") {
            return if step.is_none() { Next::To(element) } else { Next::OfList };
        }
        if let Some(member) = inside("{}") {
            return Next::To(member);
        }
        match (from.word, step) {
            ("*", _) => Next::Open,
            ("", _) => Next::OfValue("a text"),
            ("b", _) => Next::OfValue("true or false"),
            ("n", _) => Next::OfValue("a number"),
            ("q", _) => Next::OfValue("a number or a text"),
            (_, step) => {
                let Some((group, fields)) = self.fields(from) else { return Next::Open };
                let held = |word: &&'static str| Held { group, word };
                match step {
                    None => Next::ToAny(fields.values().map(held).collect()),
                    Some(name) => {
                        fields.get(name).map_or(Next::NoField, |word| Next::To(held(word)))
                    }
                }
            }
        }
    }

    /// The names of the fields at a place.
    pub(super) fn names(&self, at: Held) -> impl Iterator<Item = &'static str> {
        self.fields(at).into_iter().flat_map(|(_, fields)| fields.keys().copied())
    }

    /// The fields of the type at a place, and the group that they are read in.
    fn fields(&self, at: Held) -> Option<(&'static str, &Fields)> {
        if let Some((group, _)) = at.word.split_once('.') {
            return Some((group, self.types.get(at.word)?));
        }
        Some((at.group, self.types.get(at.type_name().as_str())?))
    }
}

impl Kind {
    /// Its objects.
    pub(super) fn object(&self) -> Held {
        Held { group: "", word: self.of }
    }
}

impl Held {
    /// The fields of pods.
    pub(super) const POD_SPEC: Self = Self { group: "", word: "core.PodSpec" };

    /// The full name of the type at the place.
    pub(super) fn type_name(self) -> String {
        if self.word.contains('.') {
            self.word.to_owned()
        } else {
            format!("{}.{}", self.group, self.word)
        }
    }

    /// Whether the place is a list.
    pub(super) fn is_list(self) -> bool {
        self.word.starts_with("[]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What there is at the end of a way into objects of that kind.
    fn at(group: &str, name: &str, way: &[Option<&str>]) -> String {
        let kinds = Kinds::get();
        let mut here = kinds.named(group, name)[0].object();
        for step in way {
            match kinds.step(here, *step) {
                Next::To(next) => here = next,
                other => return format!("{other:?}"),
            }
        }
        here.word.to_owned()
    }

    #[test]
    fn ways_lead_through_lists_maps_and_types_of_other_groups() {
        let template = [Some("spec"), Some("template"), Some("spec"), Some("containers")];
        assert_eq!(at("apps", "Deployment", &template), "[]Container");
        let stdin = [&template[..], &[None, Some("stdin")]].concat();
        assert_eq!(at("apps", "Deployment", &stdin), "b");
        assert_eq!(at("", "Pod", &[Some("metadata"), Some("labels"), Some("x")]), "");
        assert_eq!(at("", "Pod", &[Some("spec"), Some("x")]), "NoField");
        assert!(at("", "Pod", &[Some("spec"), None]).starts_with("ToAny"));
        assert_eq!(at("", "Pod", &template[..1]), "PodSpec");
        assert_eq!(at("extensions", "Ingress", &[Some("spec"), Some("backend")]), "IngressBackend");
        assert_eq!(at("", "Pod", &[Some("kind"), Some("x")]), "OfValue(\"a text\")");
    }

    #[test]
    fn every_word_means_something() {
        let kinds = Kinds::get();
        for (name, fields) in &kinds.types {
            for (field, word) in fields {
                let at = Held { group: name.split_once('.').unwrap().0, word };
                let plain = word.trim_start_matches("[]").trim_start_matches("{}");
                let at = Held { word: plain.trim_start_matches("[]"), ..at };
                assert!(
                    matches!(at.word, "" | "*" | "b" | "n" | "q") || kinds.fields(at).is_some(),
                    "{name}.{field}: {word}"
                );
            }
        }
        let names: Vec<&str> = kinds.named("*", "Pod").iter().map(|kind| kind.name).collect();
        assert_eq!(names, ["Pod"]);
        assert!(kinds.types.contains_key(Held::POD_SPEC.word));
    }
}
