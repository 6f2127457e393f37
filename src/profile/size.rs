//! The sizes in which a kind of virtual node sells pods.

use std::fmt;

use serde::Deserialize;

use super::Verified;
use crate::catalogue::source::OneOrMany;
use crate::document::Mistake;
use crate::path::FieldPath;
use crate::quantity::{scaled, up};

/// An amount of CPU in thousandths and of memory in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Amount {
    /// Thousandths of a vCPU.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = |value: i64, unit: i64| {
            // Hundredths are enough to read; what is cut off is rounded up.
            let hundredths = i128::from(value) * 100;
            up(hundredths, i128::from(unit)).unwrap_or_default()
        };
        let text = |hundredths: i128| {
            let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let (cpu, memory) = (places(self.cpu, 1000), places(self.memory, 1 << 30));
        match (cpu, memory) {
            (0, 0) => f.write_str("nothing"),
            (cpu, 0) => write!(f, "{} vCPU", text(cpu)),
            (0, memory) => write!(f, "{} GiB", text(memory)),
            (cpu, memory) => write!(f, "{} vCPU and {} GiB", text(cpu), text(memory)),
        }
    }
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
const MOST: i64 = 1024;

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
        let mut incomplete = Vec::new();
        let mut endless = Vec::new();
        let mut grid = Vec::new();
        for (number, row) in self.grid.iter().enumerate() {
            let place = root.clone().key("grid").index(number);
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
                if to.saturating_sub(memory) / step.max(1) >= MOST {
                    endless.push(place.clone().key("step"));
                }
                while memory <= to && left > 0 {
                    grid.push(Amount { cpu, memory });
                    memory = memory.saturating_add(step);
                    left -= 1;
                }
            } else if row.from.is_some() || row.to.is_some() || row.step.is_some() {
                incomplete.push(place);
            } else if row.memory.is_empty() {
                incomplete.push(place.key("memory"));
            }
        }
        let order = |size: &Amount| (size.cpu, size.memory);
        let is_ascending = grid.windows(2).all(|pair| match pair {
            [left, right] => order(left) < order(right),
            _ => true,
        });
        if incomplete.is_empty() && (grid.is_empty() || !is_ascending) {
            problems.push(Mistake {
                place: root.clone().key("grid"),
                message: "sizes must be there and ascend, by CPU and then by memory".to_owned(),
            });
        }
        problems.extend(incomplete.into_iter().map(|place| Mistake {
            place,
            message: "a row has `memory`, or all of `from`, `to` and `step`".to_owned(),
        }));
        problems.extend(endless.into_iter().map(|place| Mistake {
            place,
            message: format!("the row would have more than {MOST} sizes; is the step too small?"),
        }));
        let source = self.source.as_slice().join(", ");
        if source.is_empty() {
            problems.push(Mistake {
                place: root.key("source"),
                message: "sizes need a source: name the page, or the file and line".to_owned(),
            });
        }
        Size { grid, components, unset, source, verified: self.verified }
    }
}
