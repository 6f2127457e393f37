//! A mutator's change of one object.

use serde_json::{Map, Value};

use super::location::Node;

/// A condition on what is there before anything is changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
pub(super) enum Condition {
    /// The path must lead to something.
    MustExist,
    /// It must not.
    MustNotExist,
}

/// How a value is changed; nothing where it stays as it is.
pub(super) type Setter<'s> = dyn Fn(Option<&Value>) -> Result<Option<Value>, String> + 's;

/// A walk to the places that a location names.
pub(super) struct Walk<'w> {
    pub(super) nodes: &'w [Node],
    /// Conditions, each on the path of that many nodes.
    pub(super) tests: &'w [(usize, Condition)],
    pub(super) set: &'w Setter<'w>,
}

impl Walk<'_> {
    /// Changes an object. Gives whether something has changed; fails where something on the way is of another type.
    pub(super) fn change(&self, object: &mut Value) -> Result<bool, String> {
        self.step(object, 0)
    }

    fn may_go_on(&self, depth: usize, exists: bool) -> bool {
        let wanted = if exists { Condition::MustNotExist } else { Condition::MustExist };
        !self.tests.iter().any(|(length, condition)| *length == depth + 1 && *condition == wanted)
    }

    /// What stands where nothing stood: a list where elements follow, an object otherwise.
    fn fresh(&self, depth: usize) -> Value {
        match self.nodes.get(depth) {
            Some(Node::Element { .. }) => Value::Array(Vec::new()),
            _ => Value::Object(Map::new()),
        }
    }

    fn step(&self, here: &mut Value, depth: usize) -> Result<bool, String> {
        let is_last = depth + 1 == self.nodes.len();
        match self.nodes.get(depth) {
            None => Ok(false),
            Some(Node::Field(name)) => {
                let Some(members) = here.as_object_mut() else {
                    return Err(format!("`{name}` is looked for in something that is no object"));
                };
                let old = members.get_mut(name);
                if !self.may_go_on(depth, old.is_some()) {
                    return Ok(false);
                }
                if is_last {
                    let new = (self.set)(old.as_deref())?;
                    let has_changed = new.is_some();
                    members.extend(new.map(|new| (name.clone(), new)));
                    return Ok(has_changed);
                }
                if let Some(old) = old {
                    return self.step(old, depth + 1);
                }
                let mut fresh = self.fresh(depth + 1);
                let has_changed = self.step(&mut fresh, depth + 1)?;
                if has_changed {
                    members.insert(name.clone(), fresh);
                }
                Ok(has_changed)
            }
            Some(Node::Element { key, value }) => {
                let Some(elements) = here.as_array_mut() else {
                    return Err(format!(
                        "elements with `{key}` are looked for in something that is no list"
                    ));
                };
                let mut found = false;
                let mut has_changed = false;
                for element in elements.iter_mut() {
                    let Some(members) = element.as_object() else {
                        return Err(format!("an element that should have `{key}` is no object"));
                    };
                    let is_meant = match (members.get(key), value) {
                        (Some(_), None) => true,
                        (own, Some(_)) => own == value.as_ref(),
                        (None, None) => false,
                    };
                    if !is_meant {
                        continue;
                    }
                    found = true;
                    if !self.may_go_on(depth, true) {
                        continue;
                    }
                    if is_last {
                        if let Some(new) = (self.set)(Some(element))? {
                            *element = new;
                            has_changed = true;
                        }
                    } else {
                        has_changed |= self.step(element, depth + 1)?;
                        if value.is_some() && element.get(key) != value.as_ref() {
                            return Err(format!(
                                "`{key}` tells elements apart and cannot be changed"
                            ));
                        }
                    }
                }
                // A star never makes an element.
                let (false, Some(value)) = (found, value) else {
                    return Ok(has_changed);
                };
                if !self.may_go_on(depth, false) {
                    return Ok(false);
                }
                let mut fresh = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
                let is_new = if is_last {
                    match (self.set)(None)? {
                        Some(new) => {
                            fresh = new;
                            true
                        }
                        None => false,
                    }
                } else {
                    self.step(&mut fresh, depth + 1)?
                };
                if is_new {
                    elements.push(fresh);
                }
                Ok(is_new)
            }
        }
    }
}

/// The operations of a JSON Patch that make one value of another, object by object; a list that differs by more than new
/// elements at its end is replaced.
pub(super) fn difference(before: &Value, after: &Value, path: &str, operations: &mut Vec<Value>) {
    let escaped = |key: &str| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
    let operation = |op: &str, path: String, value: &Value| serde_json::json!({ "op": op, "path": path, "value": value });
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                operations.push(serde_json::json!({ "op": "remove", "path": escaped(key) }));
            }
            for (key, value) in new {
                match old.get(key) {
                    Some(before) => difference(before, value, &escaped(key), operations),
                    None => operations.push(operation("add", escaped(key), value)),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() <= new.len() => {
            for (index, value) in new.iter().enumerate() {
                match old.get(index) {
                    Some(before) => {
                        difference(before, value, &format!("{path}/{index}"), operations);
                    }
                    None => operations.push(operation("add", format!("{path}/-"), value)),
                }
            }
        }
        _ if before == after => {}
        _ => operations.push(operation("replace", path.to_owned(), after)),
    }
}
