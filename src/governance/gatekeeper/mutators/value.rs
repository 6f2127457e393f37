//! What a mutator puts where its location leads: [`Change`].

use serde_json::Value;

/// A change of one value.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// This value, whatever was there.
    Assign(Value),
    /// The object's own name.
    AssignName,
    /// The object's own namespace.
    AssignNamespace,
    /// This text, where nothing was.
    AssignOnce(String),
    /// These elements are there.
    Merge(Vec<Value>),
    /// These elements are not there.
    Prune(Vec<Value>),
    /// Parts of the name of an image.
    Image(Image),
}

/// Parts of the name of an image; what is not said stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pub(super) domain: Option<String>,
    pub(super) path: Option<String>,
    pub(super) tag: Option<String>,
}

impl Change {
    /// The new value; nothing where it is the old one.
    pub(super) fn of(
        &self,
        old: Option<&Value>,
        name: &str,
        namespace: &str,
    ) -> Result<Option<Value>, String> {
        let new = match self {
            Self::Assign(value) => value.clone(),
            Self::AssignName => Value::from(name),
            Self::AssignNamespace => Value::from(namespace),
            Self::AssignOnce(_) if old.is_some() => return Ok(None),
            Self::AssignOnce(text) => Value::from(text.as_str()),
            Self::Merge(wanted) => {
                let mut elements = elements(old)?;
                for one in wanted {
                    if !elements.contains(one) {
                        elements.push(one.clone());
                    }
                }
                Value::Array(elements)
            }
            Self::Prune(unwanted) => {
                if old.is_none() {
                    return Ok(None);
                }
                let mut elements = elements(old)?;
                elements.retain(|one| !unwanted.contains(one));
                Value::Array(elements)
            }
            Self::Image(image) => match old {
                None => Value::from(image.of("")),
                Some(Value::String(old)) => Value::from(image.of(old)),
                Some(_) => return Err("the name of an image is no text".to_owned()),
            },
        };
        Ok((old != Some(&new)).then_some(new))
    }
}

fn elements(old: Option<&Value>) -> Result<Vec<Value>, String> {
    match old {
        None => Ok(Vec::new()),
        Some(Value::Array(elements)) => Ok(elements.clone()),
        Some(_) => Err("what should be a list is none".to_owned()),
    }
}

impl Image {
    fn of(&self, old: &str) -> String {
        let (domain, rest) = match old.split_once('/') {
            Some((first, rest)) if is_domain(first) => (Some(first), rest),
            _ => (None, old),
        };
        let cut = rest.find('@').or_else(|| rest.rfind(':')).unwrap_or(rest.len());
        let (path, tag) = rest.split_at(cut);
        let mut image = String::new();
        if let Some(domain) = self.domain.as_deref().or(domain) {
            image.push_str(domain);
            image.push('/');
        }
        image.push_str(self.path.as_deref().unwrap_or(path));
        image.push_str(self.tag.as_deref().unwrap_or(tag));
        image
    }
}

/// Whether the first part of an image's name is a host.
pub(super) fn is_domain(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_of_an_image_change_and_the_others_stay() {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        for (domain, path, tag, old, new) in [
            ("r.example", "", "", "nginx:1", "r.example/nginx:1"),
            ("r.example", "", "", "docker.io/library/nginx", "r.example/library/nginx"),
            ("", "", ":2", "localhost:5000/a/b:1", "localhost:5000/a/b:2"),
            ("", "", "@sha256:ab", "a/b:1", "a/b@sha256:ab"),
            ("", "c", "", "r.example/a/b@sha256:ab", "r.example/c@sha256:ab"),
            ("r.example", "a", ":1", "", "r.example/a:1"),
        ] {
            let image = Image { domain: part(domain), path: part(path), tag: part(tag) };
            assert_eq!(image.of(old), new);
        }
    }

    #[test]
    fn sets_grow_and_shrink_in_their_order() {
        let of = |change: Change, old: Option<Value>| change.of(old.as_ref(), "", "").unwrap();
        let merge = || Change::Merge(vec![json!("b"), json!({"c": 1})]);
        assert_eq!(of(merge(), Some(json!(["a", "b"]))), Some(json!(["a", "b", {"c": 1}])));
        assert_eq!(of(merge(), Some(json!(["b", {"c": 1}]))), None);
        assert_eq!(of(merge(), None), Some(json!(["b", {"c": 1}])));
        let prune = || Change::Prune(vec![json!("b")]);
        assert_eq!(of(prune(), Some(json!(["a", "b", "c"]))), Some(json!(["a", "c"])));
        assert_eq!(of(prune(), None), None);
        assert!(merge().of(Some(&json!("x")), "", "").is_err());
    }
}
