//! Amounts of CPU and memory.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::quantity::ratio;

/// An amount of CPU in thousandths and of memory in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Amount {
    /// Thousandths of a vCPU.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
}

impl Amount {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with(other, i64::saturating_add)
    }

    /// What `how` makes of the CPU of both, and of the memory of both.
    #[must_use]
    pub fn with(self, other: Self, how: impl Fn(i64, i64) -> i64) -> Self {
        Self { cpu: how(self.cpu, other.cpu), memory: how(self.memory, other.memory) }
    }
}

impl Serialize for Amount {
    /// In vCPU and bytes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Amount", 2)?;
        members.serialize_field("cpu", &ratio(self.cpu.into(), 1000))?;
        members.serialize_field("memory", &self.memory)?;
        members.end()
    }
}

impl fmt::Display for Amount {
    /// In words: `1.1 vCPU and 4 GiB`. What is nothing is left out, unless both are. Memory in hundredths of a GB is told so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = Decimal { above: self.cpu.into(), below: 1000 };
        let is_decimal = self.memory % 10_000_000 == 0 && self.memory % (1 << 20) != 0;
        let (below, unit) = if is_decimal { (1_000_000_000, "GB") } else { (1 << 30, "GiB") };
        let memory = Decimal { above: self.memory.into(), below };
        match (self.cpu, self.memory) {
            (0, 0) => f.write_str("no CPU or memory"),
            (0, _) => write!(f, "{memory} {unit}"),
            (_, 0) => write!(f, "{cpu} vCPU"),
            _ => write!(f, "{cpu} vCPU and {memory} {unit}"),
        }
    }
}

/// A quotient with up to three digits behind the point. What is there is never told as nothing.
struct Decimal {
    above: i128,
    below: i128,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = self.below / 2;
        let nearest = self.above.saturating_mul(1000).saturating_add(half).checked_div(self.below);
        let thousandths = nearest.unwrap_or_default().max(1);
        let (whole, part) = (thousandths / 1000, thousandths % 1000);
        match part {
            0 => write!(f, "{whole}"),
            _ if part % 100 == 0 => write!(f, "{whole}.{}", part / 100),
            _ if part % 10 == 0 => write!(f, "{whole}.{:02}", part / 10),
            _ => write!(f, "{whole}.{part:03}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_put_into_words() {
        for (cpu, memory, expected) in [
            (1100, 4 << 30, "1.1 vCPU and 4 GiB"),
            (250, 512 << 20, "0.25 vCPU and 0.5 GiB"),
            (125, 0, "0.125 vCPU"),
            (0, 1_500_000_000, "1.5 GB"),
            (0, 1, "0.001 GiB"),
            (0, 250_000_000, "0.25 GB"),
            (0, 214_748_365, "0.2 GiB"),
            (0, 0, "no CPU or memory"),
        ] {
            assert_eq!(Amount { cpu, memory }.to_string(), expected);
        }
    }
}
