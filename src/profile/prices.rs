//! What a kind of virtual node costs, at one place on one day.

use serde::{Deserialize, Serialize, Serializer};

use super::Verified;
use crate::catalogue::source::OneOrMany;
use crate::date::Date;
use crate::document::Mistake;
use crate::path::FieldPath;
use crate::quantity::{ratio, scaled};

/// How many parts the unit of a currency has here.
pub const NANO: i128 = 1_000_000_000;

/// List prices. They are those of one region, on the day on which they were verified.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prices {
    /// ISO 4217.
    pub currency: String,
    /// The provider's name of the region.
    pub region: String,
    /// An hour of a vCPU, in thousand-millionths of the currency.
    #[serde(serialize_with = "in_units")]
    pub vcpu_hour: i64,
    /// An hour of a GiB of memory, in the same.
    #[serde(serialize_with = "in_units")]
    pub gib_hour: i64,
    /// The least that is charged for, in seconds.
    pub minimum_seconds: u32,
    /// Where the facts are from; several are joined by a comma.
    pub source: String,
    /// How and when they were verified.
    pub verified: Verified,
}

/// A price in the currency itself.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn in_units<S: Serializer>(nano: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    ratio((*nano).into(), NANO).serialize(serializer)
}

/// `prices` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PricesSource {
    currency: String,
    region: String,
    vcpu_hour: String,
    gib_hour: String,
    #[serde(default)]
    minimum_seconds: u32,
    source: OneOrMany<String>,
    verified: Verified,
}

impl PricesSource {
    /// Reads the amounts. Gives every mistake with its place, `root` being that of the prices.
    pub fn build(self, root: &FieldPath, problems: &mut Vec<Mistake>) -> Prices {
        let is_code =
            self.currency.len() == 3 && self.currency.bytes().all(|c| c.is_ascii_uppercase());
        if !is_code {
            problems.push(Mistake {
                place: root.clone().key("currency"),
                message: format!("`{}` is no currency; write it as `USD`", self.currency),
            });
        }
        for (key, is_missing) in [
            ("source", self.source.as_slice().is_empty()),
            ("verified", Date::parse(&self.verified.date).is_none()),
        ] {
            if is_missing {
                let message = "prices need a source and the day (YYYY-MM-DD) on which they held";
                problems
                    .push(Mistake { place: root.clone().key(key), message: message.to_owned() });
            }
        }
        let mut read = |text: &str, key: &str| {
            scaled(text, NANO).unwrap_or_else(|| {
                let message = format!("`{text}` is no price; write it as `0.04048`");
                problems.push(Mistake { place: root.clone().key(key), message });
                0
            })
        };
        Prices {
            vcpu_hour: read(&self.vcpu_hour, "vcpuHour"),
            gib_hour: read(&self.gib_hour, "gibHour"),
            currency: self.currency,
            region: self.region,
            minimum_seconds: self.minimum_seconds,
            source: self.source.as_slice().join(", "),
            verified: self.verified,
        }
    }
}
