//! What the results of a policy say to programs: [`Room`] for it.

use regorus::Value as Rego;
use serde_json::Value;

use super::value::{fits, to_json};

/// How many bytes the details of one result may have when written out.
pub(super) const MAX_DETAILS: usize = 1 << 20;

/// How many bytes the details of all results may have together.
const MAX_ALL: usize = MAX_DETAILS << 4;

/// Room for details. Values share their parts, and may be huge when written out.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_ALL)
    }
}

impl Room {
    /// The details as JSON; nothing where there is no room for them.
    pub(super) fn take(&mut self, details: &Rego) -> Option<Value> {
        let room = self.0.min(MAX_DETAILS);
        let left = fits(details, room)?;
        self.0 -= room - left;
        Some(to_json(details))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_details_have_less_room_than_each_of_them() {
        let mut room = Room::default();
        let large = Rego::from("x".repeat(MAX_DETAILS - 8));
        let taken = (0..20).filter(|_| room.take(&large).is_some()).count();
        assert_eq!(taken, 16);
        assert_eq!(Room::default().take(&Rego::from("x".repeat(MAX_DETAILS))), None);
    }
}
