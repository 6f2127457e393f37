//! The set `patch`: operations that a policy asks for.
//!
//! An element is one JSON Patch operation, or an array of them that belong together in this order. Paths are JSON pointers
//! into the pod. What they do to the object is not known here.

use regorus::Value;

use super::deadline::Budget;
use super::given::{Given, with_arena};
use super::input::Input;
use super::value::{fits, kind_of, to_json};
use super::{Action, Policy, one_line};
use crate::diagnostic::Diagnostic;

/// How large the operations of one policy may be, in bytes of JSON.
const MAX_PATCH: usize = 256 * 1024;

impl Policy {
    /// Whether it can ask for changes. One whose action is not `deny` is being tried out, and changes nothing.
    pub const fn patches(&self) -> bool {
        self.patch.is_some() && matches!(self.action, Action::Deny)
    }

    /// The operations that it asks for: groups in the order of the set, each in the order that its author wrote. So many
    /// policies wait behind it.
    ///
    /// Fails with a policy error, to be judged by the policy's `onError`.
    pub fn patch(
        &self,
        input: &Input,
        budget: Budget,
        waiting: usize,
    ) -> Result<Vec<serde_json::Value>, Box<Diagnostic>> {
        let Some(name) = self.patch.as_ref().filter(|_| self.patches()) else {
            return Ok(Vec::new());
        };
        let deadline = budget.share(waiting);
        if deadline.has_passed() {
            return Err(Box::new(self.failed("there was no time left for it")));
        }
        let engine = || input.with_parameters(&self.parameters);
        let value = with_arena(|arena| {
            let tree = self.parameters.as_parameters(input.tree(arena), arena);
            let given = Given { tree, engine: &engine };
            self.unit.run(name, Some(given), None, deadline).0
        });
        let value =
            value.map_err(|failure| Box::new(self.failed(&one_line(&failure.to_string()))))?;
        let Value::Set(elements) = &value else {
            let problem = format!(
                "`{name}` is {}, not a set; write it as `patch contains ... if {{ ... }}`",
                kind_of(&value)
            );
            return Err(Box::new(self.failed(&problem)));
        };
        if fits(&value, MAX_PATCH).is_none() {
            return Err(Box::new(
                self.failed(&format!("`{name}` is larger than {MAX_PATCH} bytes")),
            ));
        }
        let mut operations = Vec::new();
        for element in elements.iter() {
            match element {
                Value::Array(group) => operations.extend(group.iter().map(to_json)),
                one => operations.push(to_json(one)),
            }
        }
        Ok(operations)
    }

    /// A policy error because of what `patch` asks for.
    pub fn unfit_patch(&self, problem: &str) -> Diagnostic {
        self.failed(&format!("its `patch` cannot be used: {}", one_line(problem)))
    }
}
