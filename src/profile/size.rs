//! The sizes in which a kind of virtual node sells pods, and how it comes to them.

pub(super) mod source;
mod words;

use serde::{Deserialize, Serialize};

use super::Verified;
use crate::demand::{Amount, Ask, Told};

/// The sizes that there are, and what becomes of a pod before it gets one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Every size, ascending by CPU and then by memory; none where any size between two can be had. A pod gets the first
    /// that holds it.
    pub grid: Vec<Amount>,
    /// The smallest size.
    pub least: Amount,
    /// The largest size; of CPU and of memory each where there is no grid, and then of what is nothing there is no largest.
    pub most: Amount,
    /// Which number of a container counts where it has two.
    pub counts: Counts,
    /// What becomes of a container before all are added up.
    pub container: Container,
    /// Whether each container gets a size of its own.
    pub per_container: bool,
    /// What the virtual node needs for itself, added to what the pod asks for.
    pub components: Amount,
    /// What a pod counts for that asks for nothing at all.
    pub unset: Amount,
    /// What sizes are whole multiples of.
    pub step: Step,
    /// The least and the most memory for each vCPU, in bytes; too little of either is filled up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<(i64, i64)>,
    /// What becomes of a pod that is larger than the largest size.
    pub above: Above,
    /// Where the facts are from; several are joined by a comma.
    pub source: String,
    /// How and when they were verified.
    pub verified: Verified,
    /// All of it in words.
    pub words: String,
}

/// Which number of a container counts where it has two.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Counts {
    /// The request, and the limit where there is none, as the API server fills in.
    #[default]
    Requests,
    /// The limit, and the request where there is none.
    Limits,
    /// The larger of the two.
    Larger,
}

/// What becomes of a pod that is larger than the largest size.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Above {
    /// It does not run.
    #[default]
    Refused,
    /// It gets the largest size.
    Cut,
}

/// Amounts of which there are only whole multiples; nothing of what comes in any amount.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Step {
    /// The distance between two.
    pub amount: Amount,
    /// Which of the two neighbours it becomes.
    pub round: Round,
}

/// A direction.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Round {
    /// To the larger neighbour.
    #[default]
    Up,
    /// To the smaller one.
    Down,
}

/// What becomes of a container before all are added up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Container {
    /// What it counts for where it says nothing, of CPU and of memory each.
    pub unset: Amount,
    /// The least that it counts for where it says something.
    pub least: Amount,
    /// What it is rounded to.
    pub step: Step,
}

impl Told {
    /// What counts of it; nothing where nothing was said.
    fn counted(self, counts: Counts) -> Option<i64> {
        let Self { request, limit } = self;
        match counts {
            Counts::Requests => request.or(limit),
            Counts::Limits => limit.or(request),
            Counts::Larger => request.max(limit),
        }
    }
}

impl Ask {
    /// What counts of it.
    pub fn counted(self, counts: Counts) -> Amount {
        Amount {
            cpu: self.cpu.counted(counts).unwrap_or_default(),
            memory: self.memory.counted(counts).unwrap_or_default(),
        }
    }
}

impl Step {
    fn apply(self, amount: Amount) -> Amount {
        amount.with(self.amount, |amount, step| {
            if step <= 0 {
                return amount;
            }
            let over = amount.rem_euclid(step);
            match self.round {
                Round::Up if over > 0 => amount.saturating_add(step - over),
                Round::Up | Round::Down => amount - over,
            }
        })
    }
}

impl Size {
    /// What a container counts for.
    pub fn share(&self, ask: Ask) -> Amount {
        let Container { unset, least, step } = self.container;
        let fitted = step.apply(ask.counted(self.counts)).with(least, i64::max);
        let said = |told: Told| told.counted(self.counts).is_some();
        Amount {
            cpu: if said(ask.cpu) { fitted.cpu } else { unset.cpu },
            memory: if said(ask.memory) { fitted.memory } else { unset.memory },
        }
    }

    /// The size for such a sum; nothing where none is large enough.
    pub fn fit(&self, sum: Amount) -> Option<Amount> {
        let sum = if sum == Amount::default() { self.unset } else { sum };
        let mut wanted = self.step.apply(sum.plus(self.components)).with(self.least, i64::max);
        if let Some((least, most)) = self.ratio {
            wanted = self.step.apply(balanced(wanted, least, most));
        }
        if self.above == Above::Cut {
            wanted = wanted.with(self.most(), i64::min);
        }
        if self.grid.is_empty() {
            let is_within = |amount: i64, most: i64| most == 0 || amount <= most;
            let is_there =
                is_within(wanted.cpu, self.most.cpu) && is_within(wanted.memory, self.most.memory);
            return is_there.then_some(wanted);
        }
        let holds = |size: &Amount| size.cpu >= wanted.cpu && size.memory >= wanted.memory;
        self.grid.iter().copied().find(holds)
    }

    /// The most CPU and the most memory there are.
    fn most(&self) -> Amount {
        self.grid.iter().fold(self.most, |most, size| most.with(*size, i64::max))
    }
}

/// With the less of the two filled up until there is enough memory for each vCPU, and enough CPU for the memory.
fn balanced(amount: Amount, least: i64, most: i64) -> Amount {
    let divided = |above: i128, below: i64| {
        crate::quantity::up(above, below.into()).and_then(|up| i64::try_from(up).ok())
    };
    let for_cpu = divided(i128::from(amount.cpu) * i128::from(least), 1000);
    let for_memory = divided(i128::from(amount.memory) * 1000, most);
    Amount {
        cpu: amount.cpu.max(for_memory.unwrap_or_default()),
        memory: amount.memory.max(for_cpu.unwrap_or_default()),
    }
}
