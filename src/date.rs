//! Days of the calendar: [`Date`]. Nothing here reads a clock; whoever has one says which day it is.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day, in UTC. Ordered by time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day of a year, a month (1 to 12) and a day of the month; nothing where the calendar has no such day.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let length = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => 0,
        };
        if day >= 1 && day <= length { Some(Self { year, month, day }) } else { None }
    }

    /// Reads `YYYY-MM-DD`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let has_form = text.bytes().enumerate().all(|(position, byte)| match position {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if text.len() != "YYYY-MM-DD".len() || !has_form {
            return None;
        }
        let part = |from: usize, to: usize| text.get(from..to)?.parse().ok();
        Self::new(part(0, 4)?, u8::try_from(part(5, 7)?).ok()?, u8::try_from(part(8, 10)?).ok()?)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no day of the calendar; write it as `2027-01-31`"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_ordered_and_written() {
        let read = |text| Date::parse(text);
        assert_eq!(read("2028-02-29").unwrap().to_string(), "2028-02-29");
        assert!(read("2026-12-31").unwrap() < read("2027-01-01").unwrap());
        let wrong = [
            "2026-02-29",
            "2100-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-1-1",
            "2026-01-01T00:00:00Z",
            "+026-01-01",
            "26-01-2001",
            "",
            "2026-01-0é",
        ];
        for text in wrong {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
