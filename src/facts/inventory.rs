//! The objects of the cluster that policies may look at: [`Inventory`].

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// An immutable set of objects. A copy shares everything, and so does a changed one with what has not changed.
#[derive(Clone, Default)]
pub struct Inventory {
    objects: Arc<BTreeMap<Key, Arc<Known>>>,
    made: Made,
}

/// What an object is called.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// Namespace, empty for what belongs to the cluster.
    pub namespace: String,
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// An object.
#[derive(Debug)]
pub struct Known {
    /// As the API server holds it.
    pub object: Value,
    made: Made,
}

/// What somebody else makes of a value, once. This floor does not know what it is.
#[derive(Clone, Default)]
struct Made(Arc<OnceLock<Arc<dyn Any + Send + Sync>>>);

impl Made {
    fn get<T: Send + Sync + 'static>(&self, make: impl Fn() -> T) -> Arc<T> {
        let made = Arc::clone(self.0.get_or_init(|| Arc::new(make())));
        // One kind of thing is made of each, so the second way is never taken.
        made.downcast().unwrap_or_else(|_| Arc::new(make()))
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "made" } else { "not made" })
    }
}

impl Key {
    /// The key of an object. None where it lacks `apiVersion`, `kind` or a name.
    pub fn of(object: &Value) -> Option<Self> {
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            namespace: text("/metadata/namespace").unwrap_or_default(),
            api_version: text("/apiVersion")?,
            kind: text("/kind")?,
            name: text("/metadata/name")?,
        })
    }
}

impl Known {
    /// Gives what `make` makes of the object, which it is asked for once in the object's life.
    pub fn made<T: Send + Sync + 'static>(&self, make: impl Fn() -> T) -> Arc<T> {
        self.made.get(make)
    }
}

impl Inventory {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many objects are known.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// All objects.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Known)> {
        self.objects.iter().map(|(key, known)| (key, &**known))
    }

    /// An object.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key).map(|known| &known.object)
    }

    /// A Namespace.
    pub fn namespace(&self, name: &str) -> Option<&Value> {
        self.get(&Key {
            namespace: String::new(),
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            name: name.to_owned(),
        })
    }

    /// The same with some objects put in or replaced, and some taken out. What has not changed is shared.
    #[must_use]
    pub fn with(
        &self,
        objects: impl IntoIterator<Item = Value>,
        gone: impl IntoIterator<Item = Key>,
    ) -> Self {
        let mut map = (*self.objects).clone();
        for key in gone {
            map.remove(&key);
        }
        for object in objects {
            if let Some(key) = Key::of(&object) {
                map.insert(key, Arc::new(Known { object, made: Made::default() }));
            }
        }
        Self { objects: Arc::new(map), made: Made::default() }
    }

    /// Gives what `make` makes of the whole, which it is asked for once for each inventory.
    pub fn made<T: Send + Sync + 'static>(&self, make: impl Fn() -> T) -> Arc<T> {
        self.made.get(make)
    }
}

impl FromIterator<Value> for Inventory {
    /// Objects without `apiVersion`, `kind` or a name are left out; of two with the same key the last one stays.
    fn from_iter<I: IntoIterator<Item = Value>>(objects: I) -> Self {
        Self::default().with(objects, [])
    }
}

impl PartialEq for Inventory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.objects, &other.objects)
            || self
                .iter()
                .map(|(key, known)| (key, &known.object))
                .eq(other.iter().map(|(key, known)| (key, &known.object)))
    }
}

impl fmt::Debug for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inventory").field("objects", &self.len()).finish_non_exhaustive()
    }
}

impl Serialize for Inventory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(_, known)| &known.object))
    }
}

impl<'de> Deserialize<'de> for Inventory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Value>::deserialize(deserializer).map(|objects| objects.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, n: u8) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "a"}, "n": n})
    }

    #[test]
    fn what_does_not_change_is_made_once() {
        let first: Inventory = [pod("a", 1), pod("b", 1)].into_iter().collect();
        let made = |inventory: &Inventory, name: &str| {
            let key = Key::of(&pod(name, 0)).unwrap();
            inventory.objects.get(&key).unwrap().made(|| name.to_owned())
        };
        let (a, b) = (made(&first, "a"), made(&first, "b"));
        let second = first.with([pod("b", 2)], []);
        assert!(Arc::ptr_eq(&a, &made(&second, "a")));
        assert!(!Arc::ptr_eq(&b, &made(&second, "b")));
        assert_ne!(first, second);
        assert_eq!(second.with([], [Key::of(&pod("b", 0)).unwrap()]).len(), 1);
    }

    #[test]
    fn an_inventory_can_be_written_down_and_read_again() {
        let inventory: Inventory = [pod("a", 1), json!({"kind": "Nothing"})].into_iter().collect();
        let text = serde_json::to_string(&inventory).unwrap();
        assert_eq!(serde_json::from_str::<Inventory>(&text).unwrap(), inventory);
        assert_eq!(inventory.len(), 1);
    }
}
