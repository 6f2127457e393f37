//! Sizes as they are written.

use serde::Deserialize;

use super::{Above, Container, Counts, Round, Size, Step};
use crate::catalogue::source::OneOrMany;
use crate::demand::Amount;
use crate::document::Mistake;
use crate::path::FieldPath;
use crate::profile::Verified;
use crate::quantity::scaled;

/// `size` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::profile) struct SizeSource {
    #[serde(default)]
    grid: Vec<Row>,
    /// Without a grid: any size between these two; of what is left out there is no bound.
    least: Option<AmountSource>,
    most: Option<AmountSource>,
    #[serde(default)]
    counts: Counts,
    #[serde(default)]
    container: ContainerSource,
    #[serde(default)]
    per_container: bool,
    #[serde(default)]
    components: AmountSource,
    #[serde(default)]
    unset: AmountSource,
    #[serde(default)]
    step: AmountSource,
    #[serde(default)]
    round: Round,
    memory_per_cpu: Option<Range>,
    #[serde(default)]
    above: Above,
    source: OneOrMany<String>,
    verified: Verified,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ContainerSource {
    unset: AmountSource,
    least: AmountSource,
    step: AmountSource,
    round: Round,
}

/// Two amounts of memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    least: String,
    most: String,
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

/// Reads amounts and remembers what it could not read.
struct Reader<'p> {
    problems: &'p mut Vec<Mistake>,
}

impl Reader<'_> {
    fn tell(&mut self, place: FieldPath, message: impl Into<String>) {
        self.problems.push(Mistake { place, message: message.into() });
    }

    fn read(&mut self, text: &str, unit: i128, place: FieldPath) -> i64 {
        scaled(text, unit).filter(|amount| *amount > 0).unwrap_or_else(|| {
            self.tell(place, format!("`{text}` is no amount; write it as `500m` or `2Gi`"));
            1
        })
    }

    fn amount(&mut self, source: &AmountSource, place: &FieldPath) -> Amount {
        let mut part = |text: &Option<String>, unit, key| {
            text.as_ref().map_or(0, |text| self.read(text, unit, place.clone().key(key)))
        };
        Amount { cpu: part(&source.cpu, 1000, "cpu"), memory: part(&source.memory, 1, "memory") }
    }

    /// The sizes of a row.
    fn row(&mut self, row: &Row, place: &FieldPath) -> Vec<Amount> {
        let given = [&row.from, &row.to, &row.step].into_iter().flatten().count();
        if !(given == 3 || given == 0 && !row.memory.is_empty()) {
            self.tell(place.clone(), "a row needs `memory`, or `from`, `to` and `step`");
        }
        let cpu = self.read(&row.cpu, 1000, place.clone().key("cpu"));
        let mut sizes = Vec::new();
        for (position, memory) in row.memory.iter().enumerate() {
            let place = place.clone().key("memory").index(position);
            sizes.push(Amount { cpu, memory: self.read(memory, 1, place) });
        }
        if let (Some(from), Some(to), Some(step)) = (&row.from, &row.to, &row.step) {
            let mut memory = self.read(from, 1, place.clone().key("from"));
            let to = self.read(to, 1, place.clone().key("to"));
            let step = self.read(step, 1, place.clone().key("step"));
            let mut left = MOST;
            while memory <= to && left > 0 {
                sizes.push(Amount { cpu, memory });
                memory = memory.saturating_add(step);
                left -= 1;
            }
            if memory <= to {
                let message = format!("a row has more than {MOST} sizes; is `step` right?");
                self.tell(place.clone(), message);
            }
        }
        sizes
    }
}

impl SizeSource {
    /// Reads the amounts. Gives every mistake with its place.
    pub(in crate::profile) fn build(self, problems: &mut Vec<Mistake>) -> Size {
        let root = FieldPath::keys("spec.size");
        let at = |keys: &str| root.clone().join(FieldPath::keys(keys));
        let mut reader = Reader { problems };
        let mut amount = |source: &AmountSource, keys: &str| reader.amount(source, &at(keys));
        let container = Container {
            unset: amount(&self.container.unset, "container.unset"),
            least: amount(&self.container.least, "container.least"),
            step: Step {
                amount: amount(&self.container.step, "container.step"),
                round: self.container.round,
            },
        };
        let components = amount(&self.components, "components");
        let unset = amount(&self.unset, "unset");
        let step = Step { amount: amount(&self.step, "step"), round: self.round };
        let bounds = [(&self.least, "least"), (&self.most, "most")]
            .map(|(bound, key)| bound.as_ref().map(|bound| amount(bound, key)));
        let ratio = self.memory_per_cpu.as_ref().map(|range| {
            let least = reader.read(&range.least, 1, at("memoryPerCpu.least"));
            let most = reader.read(&range.most, 1, at("memoryPerCpu.most"));
            if least > most {
                reader.tell(at("memoryPerCpu"), "`least` must not be above `most`");
            }
            (least, most)
        });
        let mut grid = Vec::new();
        for (number, row) in self.grid.iter().enumerate() {
            grid.extend(reader.row(row, &at("grid").index(number)));
        }
        let order = |size: &Amount| (size.cpu, size.memory);
        let is_ascending = grid.windows(2).all(|pair| match pair {
            [left, right] => order(left) < order(right),
            _ => true,
        });
        // Either a grid, or something that tells what can be had without one.
        let is_bounded = bounds != [None, None];
        if is_bounded != self.grid.is_empty() {
            reader.tell(root.clone(), "sizes are a `grid`, or `least` and `most`");
        }
        if !is_ascending {
            reader.tell(at("grid"), "sizes must ascend, by CPU and then by memory");
        }
        let source = self.source.as_slice().join(", ");
        if source.is_empty() {
            reader.tell(root.clone(), "sizes need a `source`");
        }
        let [least, most] = bounds;
        let mut size = Size {
            least: least.or_else(|| grid.first().copied()).unwrap_or_default(),
            most: most.or_else(|| grid.last().copied()).unwrap_or_default(),
            grid,
            counts: self.counts,
            container,
            per_container: self.per_container,
            components,
            unset,
            step,
            ratio,
            above: self.above,
            source,
            verified: self.verified,
            words: String::new(),
        };
        size.words = size.told();
        size
    }
}
