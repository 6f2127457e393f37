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
    /// Every size, ascending by CPU and then by memory; none where any size between two can be had.
    pub grid: Vec<Amount>,
    /// The smallest size.
    pub least: Amount,
    /// The largest size; of CPU and of memory each where there is no grid.
    pub most: Amount,
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
        if self.grid.is_empty() {
            let size =
                Amount { cpu: cpu.max(self.least.cpu), memory: memory.max(self.least.memory) };
            let is_there = size.cpu <= self.most.cpu && size.memory <= self.most.memory;
            return is_there.then_some(size);
        }
        self.grid.iter().copied().find(|size| size.cpu >= cpu && size.memory >= memory)
    }
}

/// `size` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SizeSource {
    #[serde(default)]
    grid: Vec<Row>,
    /// Without a grid: any size between these two.
    least: Option<Whole>,
    most: Option<Whole>,
    #[serde(default)]
    components: AmountSource,
    #[serde(default)]
    unset: AmountSource,
    source: OneOrMany<String>,
    verified: Verified,
}

/// Both amounts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    cpu: String,
    memory: String,
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
        let mut whole = |amount: &Whole, key: &str| {
            let place = root.clone().key(key);
            Amount {
                cpu: read(&amount.cpu, 1000, place.clone().key("cpu")),
                memory: read(&amount.memory, 1, place.key("memory")),
            }
        };
        let bounds = match (&self.least, &self.most) {
            (Some(least), Some(most)) if self.grid.is_empty() => {
                Some((whole(least, "least"), whole(most, "most")))
            }
            _ => None,
        };
        let is_one_form = bounds.is_some()
            || (!self.grid.is_empty() && self.least.is_none() && self.most.is_none());
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
        if !is_one_form {
            let message = "sizes are a `grid`, or `least` and `most`".to_owned();
            problems.push(Mistake { place: root.clone(), message });
        }
        if !is_ascending {
            let message = "sizes must ascend, by CPU and then by memory".to_owned();
            problems.push(Mistake { place: root.key("grid"), message });
        }
        let (least, most) = bounds.unwrap_or_else(|| {
            let end = |size: Option<&Amount>| size.copied().unwrap_or_default();
            (end(grid.first()), end(grid.last()))
        });
        let source = self.source.as_slice().join(", ");
        if source.is_empty() {
            let message = "sizes need a `source`".to_owned();
            problems.push(Mistake { place: FieldPath::keys("spec.size"), message });
        }
        Size { grid, least, most, components, unset, source, verified: self.verified }
    }
}
