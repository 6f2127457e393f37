//! `data.inventory`: the objects of the cluster that policies may look at. [`Data`].

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::Value;

use super::value::from_json;
use crate::facts::{Inventory, Known};

/// What policies see besides their input: `{"inventory": {"cluster": ..., "namespace": ...}}`.
#[derive(Debug)]
pub struct Data(Value);

impl Data {
    /// The document of an inventory: made once for each snapshot, and each object once for as long as it stays the same.
    pub fn of(inventory: &Inventory) -> Arc<Self> {
        inventory.made(|| Self::new(inventory))
    }

    fn new(inventory: &Inventory) -> Self {
        let text = |text: &str| Value::from(text);
        let mut cluster: Kinds = BTreeMap::new();
        let mut namespaces: BTreeMap<Value, Kinds> = BTreeMap::new();
        for (key, known) in inventory.iter() {
            let kinds = if key.namespace.is_empty() {
                &mut cluster
            } else {
                namespaces.entry(text(&key.namespace)).or_default()
            };
            let names = kinds
                .entry(text(&key.api_version))
                .or_default()
                .entry(text(&key.kind))
                .or_default();
            names.insert(text(&key.name), Self::of_object(known));
        }
        let namespaces: BTreeMap<Value, Value> =
            namespaces.into_iter().map(|(name, kinds)| (name, of_kinds(kinds))).collect();
        let inventory: BTreeMap<Value, Value> =
            [(text("cluster"), of_kinds(cluster)), (text("namespace"), Value::from(namespaces))]
                .into();
        let data: BTreeMap<Value, Value> = [(text("inventory"), Value::from(inventory))].into();
        Self(Value::from(data))
    }

    fn of_object(known: &Known) -> Value {
        let Object(value) = &*known.made(|| Object(from_json(&known.object)));
        value.clone()
    }

    pub(super) const fn value(&self) -> &Value {
        &self.0
    }
}

/// One object, as policies see it.
struct Object(Value);

/// Objects by version, kind and name.
type Kinds = BTreeMap<Value, BTreeMap<Value, BTreeMap<Value, Value>>>;

fn of_kinds(kinds: Kinds) -> Value {
    let inner = |names: BTreeMap<Value, Value>| Value::from(names);
    let middle = |kinds: BTreeMap<Value, BTreeMap<Value, Value>>| {
        Value::from(
            kinds.into_iter().map(|(kind, names)| (kind, inner(names))).collect::<BTreeMap<_, _>>(),
        )
    };
    Value::from(
        kinds
            .into_iter()
            .map(|(version, kinds)| (version, middle(kinds)))
            .collect::<BTreeMap<_, _>>(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_lie_where_gatekeeper_puts_them() {
        let objects = [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "a"}}),
        ];
        let inventory: Inventory = objects.into_iter().collect();
        let data = Data::of(&inventory);
        let at = &data.value()["inventory"];
        assert_eq!(at["cluster"]["v1"]["Namespace"]["a"]["kind"], Value::from("Namespace"));
        assert_eq!(
            at["namespace"]["a"]["apps/v1"]["Deployment"]["d"]["kind"],
            Value::from("Deployment")
        );
        assert!(Arc::ptr_eq(&data, &Data::of(&inventory)), "made once");
    }
}
