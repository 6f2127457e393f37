//! What a mutator puts where its location leads: [`Change`].

use serde_json::Value;

use super::image::Image;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
