//! The sizes in which a kind of virtual node sells pods.

use serde::Deserialize;

use super::Verified;
use crate::catalogue::source::OneOrMany;
use crate::document::Mistake;
use crate::path::FieldPath;
use crate::quantity::scaled;

/// An amount of CPU in thousandths and of memory in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Amount {
    /// Thousandths of a vCPU.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
}

/// The sizes that there are. A pod gets the first, in their order, that holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Size {
    /// Every size, ascending by CPU and then by memory.
    pub grid: Vec<Amount>,
    /// What the virtual node needs for itself, added to what the pod asks for.
    pub components: Amount,
    /// What a pod counts for that asks for nothing at all.
    pub unset: Amount,
    /// Where the facts are from; several are joined by a comma.
    pub source: String,
    /// How and when they were verified.
    pub verified: Verified,
}

impl Size {
    /// The size that a pod of this demand gets; nothing where none is large enough.
    pub fn fit(&self, demand: Amount) -> Option<Amount> {
        let demand = if demand == Amount::default() { self.unset } else { demand };
        let cpu = demand.cpu.saturating_add(self.components.cpu);
        let memory = demand.memory.saturating_add(self.components.memory);
        self.grid.iter().copied().find(|size| size.cpu >= cpu && size.memory >= memory)
    }
}

/// `size` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SizeSource {
    grid: Vec<Row>,
    #[serde(default)]
    components: AmountSource,
    #[serde(default)]
    unset: AmountSource,
    source: OneOrMany<String>,
    verified: Verified,
}

/// The amounts of memory that can be had with an amount of CPU.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    cpu: String,
    /// Single amounts.
    #[serde(default)]
    memory: Vec<String>,
    /// Amounts at equal distance.
    from: Option<String>,
    to: Option<String>,
    step: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AmountSource {
    cpu: Option<String>,
    memory: Option<String>,
}

/// How many sizes a row may have: a step that is too small is a slip.
const MOST: usize = 1024;

impl SizeSource {
    /// Reads the amounts. Gives every mistake with its place.
    pub(super) fn build(self, problems: &mut Vec<Mistake>) -> Size {
        let root = FieldPath::keys("spec.size");
        let mut read = |text: &str, unit: i128, place: FieldPath| {
            scaled(text, unit).filter(|amount| *amount > 0).unwrap_or_else(|| {
                let message = format!("`{text}` is no amount; write it as `500m` or `2Gi`");
                problems.push(Mistake { place, message });
                1
            })
        };
        let mut amount = |source: &AmountSource, place: FieldPath| {
            let mut part = |text: &Option<String>, unit, key| {
                text.as_ref().map_or(0, |text| read(text, unit, place.clone().key(key)))
            };
            Amount {
                cpu: part(&source.cpu, 1000, "cpu"),
                memory: part(&source.memory, 1, "memory"),
            }
        };
        let components = amount(&self.components, root.clone().key("components"));
        let unset = amount(&self.unset, root.clone().key("unset"));
        let mut grid = Vec::new();
        let mut slips = Vec::new();
        for (number, row) in self.grid.iter().enumerate() {
            let place = root.clone().key("grid").index(number);
            let given = [&row.from, &row.to, &row.step].into_iter().flatten().count();
            if !(given == 3 || given == 0 && !row.memory.is_empty()) {
                let message = "a row needs `memory`, or `from`, `to` and `step`".to_owned();
                slips.push(Mistake { place: place.clone(), message });
            }
            let cpu = read(&row.cpu, 1000, place.clone().key("cpu"));
            for (position, memory) in row.memory.iter().enumerate() {
                let place = place.clone().key("memory").index(position);
                grid.push(Amount { cpu, memory: read(memory, 1, place) });
            }
            if let (Some(from), Some(to), Some(step)) = (&row.from, &row.to, &row.step) {
                let mut memory = read(from, 1, place.clone().key("from"));
                let to = read(to, 1, place.clone().key("to"));
                let step = read(step, 1, place.clone().key("step"));
                let mut left = MOST;
                while memory <= to && left > 0 {
                    grid.push(Amount { cpu, memory });
                    memory = memory.saturating_add(step);
                    left -= 1;
                }
                if memory <= to {
                    let message = format!("a row has more than {MOST} sizes; is `step` right?");
                    slips.push(Mistake { place: place.clone(), message });
                }
            }
        }
        problems.append(&mut slips);
        let order = |size: &Amount| (size.cpu, size.memory);
        let is_ascending = grid.windows(2).all(|pair| match pair {
            [left, right] => order(left) < order(right),
            _ => true,
        });
        if grid.is_empty() || !is_ascending {
            problems.push(Mistake {
                place: root.key("grid"),
                message: "sizes must be there and ascend, by CPU and then by memory".to_owned(),
            });
        }
        let source = self.source.as_slice().join(", ");
        if source.is_empty() {
            let message = "sizes need a `source`".to_owned();
            problems.push(Mistake { place: FieldPath::keys("spec.size"), message });
        }
        Size { grid, components, unset, source, verified: self.verified }
    }
}
