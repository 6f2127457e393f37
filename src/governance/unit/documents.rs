//! Documents that rules make together: [`documents`].

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::governance::rule_path;
use crate::governance::syntax::{Gives, Syntax};
use crate::governance::value::from_json;

/// Empty objects in the place of all documents that rules with references as heads make: `q` of `q.a := 1`, and of
/// `q[x].y := 1`. In OPA they are there whether or not such a rule holds; the engine only has them where one does, and would
/// take `count(q) == 0` for undefined.
///
/// Not for the rules that are asked themselves: what the engine has as data it does not work out.
pub(super) fn documents(modules: &[Syntax], entries: &[String]) -> regorus::Value {
    let mut paths: BTreeSet<Vec<&str>> = BTreeSet::new();
    for module in modules {
        for rule in &module.rules {
            let path: Vec<&str> =
                module.package.iter().chain(&rule.path).map(String::as_str).collect();
            let is_deep = matches!(rule.gives, Gives::Nested(..));
            let ends = module.package.len() + 1..path.len() + usize::from(is_deep);
            paths.extend(ends.filter_map(|end| path.get(..end)).map(<[&str]>::to_vec));
        }
    }
    let mut root = Json::Object(Map::new());
    for path in paths {
        let owned: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        if !entries.contains(&rule_path(&owned)) {
            insert(&mut root, &path);
        }
    }
    from_json(&root)
}

fn insert(root: &mut Json, path: &[&str]) {
    let mut here = root;
    for part in path {
        let Json::Object(members) = here else {
            return;
        };
        here = members.entry(*part).or_insert_with(|| Json::Object(Map::new()));
    }
}
