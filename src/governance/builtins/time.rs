//! Functions of time that do as Go's do.
//!
//! The zone `Local` is UTC: an answer must not depend on where the process runs.

mod layout;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use regorus::Value;

use super::call::Unable;
use super::own::{failed, text, wrong};

/// A point in time, seen from somewhere, and how to write it.
struct Moment {
    time: DateTime<Tz>,
    layout: Option<String>,
}

impl Moment {
    /// Reads nanoseconds, `[nanoseconds, zone]` or `[nanoseconds, zone, layout]`.
    fn read(value: Option<&Value>) -> Result<Self, Unable> {
        let parts: Vec<&Value> = match value {
            Some(Value::Array(parts)) => parts.iter().collect(),
            other => other.into_iter().collect(),
        };
        let Some(Ok(nanoseconds)) = parts.first().map(|one| one.as_i64()) else {
            return wrong("nanoseconds, alone or with a zone,", value);
        };
        let text = |position: usize| match parts.get(position) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(&**text),
            other => wrong("a string", other.copied()),
        };
        let zone = match text(1)? {
            "" | "UTC" | "Local" => Tz::UTC,
            name => match name.parse() {
                Ok(zone) => zone,
                Err(_) => return failed(format!("there is no time zone `{name}`")),
            },
        };
        let layout = Some(text(2)?).filter(|layout| !layout.is_empty()).map(str::to_owned);
        Ok(Self { time: zone.timestamp_nanos(nanoseconds), layout })
    }
}

/// A list of whole numbers.
fn list(numbers: impl IntoIterator<Item = i64>) -> Value {
    Value::from(numbers.into_iter().map(Value::from).collect::<Vec<_>>())
}

pub(super) fn date(arguments: &[Value]) -> Result<Value, Unable> {
    let time = Moment::read(arguments.first())?.time;
    Ok(list([time.year().into(), time.month().into(), time.day().into()]))
}

pub(super) fn clock(arguments: &[Value]) -> Result<Value, Unable> {
    let time = Moment::read(arguments.first())?.time;
    Ok(list([time.hour().into(), time.minute().into(), time.second().into()]))
}

pub(super) fn weekday(arguments: &[Value]) -> Result<Value, Unable> {
    Moment::read(arguments.first()).map(|moment| Value::from(moment.time.format("%A").to_string()))
}

/// The years, months, days, hours, minutes and seconds between two points in time.
pub(super) fn diff(arguments: &[Value]) -> Result<Value, Unable> {
    let (first, second) =
        (Moment::read(arguments.first())?.time, Moment::read(arguments.get(1))?.time);
    let second = second.with_timezone(&first.timezone());
    let (from, to) = if first > second { (second, first) } else { (first, second) };
    let days = NaiveDate::from_ymd_opt(from.year(), from.month(), 1)
        .map_or(0, |first| first.num_days_in_month());
    let limits = [i64::MAX, 12, days.into(), 24, 60, 60];
    let parts = |time: DateTime<Tz>| -> [i64; 6] {
        [
            time.year().into(),
            time.month().into(),
            time.day().into(),
            time.hour().into(),
            time.minute().into(),
            time.second().into(),
        ]
    };
    let mut lent = 0;
    let mut between: Vec<i64> = parts(to)
        .iter()
        .zip(parts(from))
        .zip(limits)
        .rev()
        .map(|((to, from), limit)| {
            let between = to - from - lent;
            lent = i64::from(between < 0);
            if between < 0 { between + limit } else { between }
        })
        .collect();
    between.reverse();
    Ok(list(between))
}

/// Adds to a date; what is more than a month has goes on in the next.
pub(super) fn add_date(arguments: &[Value]) -> Result<Value, Unable> {
    let time = Moment::read(arguments.first())?.time;
    let number = |position: usize| match arguments.get(position).map(Value::as_i64) {
        Some(Ok(number)) => Ok(number),
        _ => wrong("an integer", arguments.get(position)),
    };
    let (years, months, days) = (number(1)?, number(2)?, number(3)?);
    let outside = || Unable::Failed("the time is outside of the range".to_owned());
    let sum = || {
        let months = i64::from(time.month0()).checked_add(months)?;
        let year = i64::from(time.year()).checked_add(years)?.checked_add(months.div_euclid(12))?;
        let month = u32::try_from(months.rem_euclid(12)).ok()? + 1;
        let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, 1)?;
        let days = i64::from(time.day0()).checked_add(days)?;
        let distance = Days::new(days.unsigned_abs());
        let date = if days < 0 {
            first.checked_sub_days(distance)
        } else {
            first.checked_add_days(distance)
        };
        let local = date?.and_time(time.time());
        instant(local, time.timezone())?.timestamp_nanos_opt()
    };
    sum().map(Value::from).ok_or_else(outside)
}

/// What a clock on the wall means. Where it means nothing or two things, what holds nearby is taken.
fn instant(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let before = |utc: &NaiveDateTime| {
        let seconds = zone.offset_from_utc_datetime(utc).fix().local_minus_utc();
        local.checked_sub_offset(chrono::FixedOffset::east_opt(seconds)?)
    };
    before(&before(&local)?).map(|utc| utc.and_utc())
}

/// The layouts that have names.
const LAYOUTS: [(&str, &str); 10] = [
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", "2006-01-02T15:04:05Z07:00"),
    ("RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
];

fn layout_of(name: &str) -> &str {
    LAYOUTS.iter().find(|(known, _)| *known == name).map_or(name, |(_, layout)| *layout)
}

/// Writes a time.
pub(super) fn format(arguments: &[Value]) -> Result<Value, Unable> {
    let moment = Moment::read(arguments.first())?;
    let layout = layout_of(moment.layout.as_deref().unwrap_or("RFC3339Nano"));
    Ok(Value::from(layout::write(&moment.time, layout)))
}

/// Reads a time by a layout.
pub(super) fn parse(arguments: &[Value]) -> Result<Value, Unable> {
    read(layout_of(text(arguments, 0)?), text(arguments, 1)?)
}

pub(super) fn parse_rfc3339(arguments: &[Value]) -> Result<Value, Unable> {
    read(layout_of("RFC3339"), text(arguments, 0)?)
}

fn read(layout: &str, value: &str) -> Result<Value, Unable> {
    let Some(time) = layout::read(layout, value) else {
        return failed(format!("`{value}` does not look like `{layout}`"));
    };
    match time.and_utc().timestamp_nanos_opt() {
        Some(nanoseconds) => Ok(Value::from(nanoseconds)),
        None => failed("the time is outside of the range"),
    }
}

/// Reads a duration; days, weeks and years are 24, 168 and 8760 hours.
pub(super) fn parse_duration(arguments: &[Value]) -> Result<Value, Unable> {
    let text = text(arguments, 0)?;
    duration(text)
        .map(Value::from)
        .ok_or_else(|| Unable::Failed(format!("`{text}` is no duration, or too long")))
}

/// How long a duration may be, in nanoseconds.
const LONGEST: u64 = 1 << 63;

fn duration(text: &str) -> Option<i64> {
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut sum = 0_u64;
    let mut is_empty = true;
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, after) = rest.split_at_checked(rest.find(|c| !is_number(c))?)?;
        let (unit, after) = after.split_at_checked(after.find(is_number).unwrap_or(after.len()))?;
        rest = after;
        is_empty = false;
        let nanoseconds = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => HOUR,
            "d" => 24 * HOUR,
            "w" => 168 * HOUR,
            "y" => 8760 * HOUR,
            _ => return None,
        };
        let part = of_unit(number, nanoseconds)?;
        sum = sum.checked_add(part).filter(|sum| *sum <= LONGEST)?;
    }
    if is_empty {
        return None;
    }
    if is_negative { 0_i64.checked_sub_unsigned(sum) } else { i64::try_from(sum).ok() }
}

const HOUR: u64 = 3_600_000_000_000;

/// So many of a unit, cut off below a nanosecond.
fn of_unit(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.contains('.') || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // More digits than these mean less than a nanosecond of the longest unit.
    let part = part.get(..part.len().min(18)).unwrap_or_default();
    let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part: u128 = if part.is_empty() { 0 } else { part.parse().ok()? };
    let part = u64::try_from(part.checked_mul(unit.into())? / scale).ok()?;
    whole.checked_mul(unit)?.checked_add(part).filter(|sum| *sum <= LONGEST)
}

// The expectations are what OPA 1.17 gives.
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::governance::value::from_json;

    #[track_caller]
    fn gives(
        function: fn(&[Value]) -> Result<Value, Unable>,
        arguments: serde_json::Value,
        expected: serde_json::Value,
    ) {
        let arguments: Vec<Value> = arguments.as_array().unwrap().iter().map(from_json).collect();
        assert_eq!(function(&arguments), Ok(from_json(&expected)));
    }

    #[track_caller]
    fn fails(function: fn(&[Value]) -> Result<Value, Unable>, arguments: serde_json::Value) {
        let arguments: Vec<Value> = arguments.as_array().unwrap().iter().map(from_json).collect();
        assert!(matches!(function(&arguments), Err(Unable::Failed(_))), "{arguments:?}");
    }

    const TIME: i64 = 1_700_000_000_123_000_000;

    #[test]
    fn times_are_written_by_layouts() {
        gives(format, json!([TIME]), json!("2023-11-14T22:13:20.123Z"));
        gives(format, json!([[TIME, "", "RFC822"]]), json!("14 Nov 23 22:13 UTC"));
        let layout = "2006-01-02 Mon 03:04:05.00 PM MST -07:00 _2 002 January";
        gives(
            format,
            json!([[TIME, "America/New_York", layout]]),
            json!("2023-11-14 Tue 05:13:20.12 PM EST -05:00 14 318 November"),
        );
        gives(format, json!([[TIME, "America/Sao_Paulo", "MST Z0700"]]), json!("-03 -0300"));
        gives(format, json!([[TIME, "Asia/Kolkata", "Z07 x"]]), json!("+05 x"));
        fails(format, json!([[TIME, "Nowhere"]]));
        fails(format, json!([1.5]));
    }

    #[test]
    fn times_are_read_by_layouts() {
        gives(
            parse,
            json!(["RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"]),
            json!(1_136_214_245_000_000_000_i64),
        );
        gives(
            parse,
            json!(["2006-01-02 3:04PM", "2024-02-29 1:00PM"]),
            json!(1_709_211_600_000_000_000_i64),
        );
        gives(parse, json!(["2006 002", "2024 060"]), json!(1_709_164_800_000_000_000_i64));
        gives(
            parse_rfc3339,
            json!(["2024-01-02T03:04:05.5+02:00"]),
            json!(1_704_157_445_500_000_000_i64),
        );
        fails(parse, json!(["2006-01-02", "2024-2-3"]));
        fails(parse, json!(["2006-01-02", "2023-02-29"]));
        fails(parse, json!(["2006-01-02", "2024-01-02 "]));
        for text in ["2024-01-02 03:04:05Z", "2024-01-02t03:04:05z", "2300-01-02T03:04:05Z"] {
            fails(parse_rfc3339, json!([text]));
        }
    }

    #[test]
    fn durations_may_have_days() {
        gives(parse_duration, json!(["1d"]), json!(86_400_000_000_000_i64));
        gives(parse_duration, json!(["-1.5w2h"]), json!(-914_400_000_000_000_i64));
        gives(parse_duration, json!(["1h2m3.5s"]), json!(3_723_500_000_000_i64));
        gives(parse_duration, json!(["0"]), json!(0));
        for text in ["", "5", "1x", ".", ".s", "1.2.3s", "300y", "1h 5m", "--1h"] {
            fails(parse_duration, json!([text]));
        }
    }

    #[test]
    fn dates_go_on_in_the_next_month() {
        // 31 January 2024 and a month.
        gives(
            add_date,
            json!([1_706_659_200_000_000_000_i64, 0, 1, 0]),
            json!(1_709_337_600_000_000_000_i64),
        );
        gives(
            add_date,
            json!([1_706_659_200_000_000_000_i64, 0, -14, 400]),
            json!(1_704_412_800_000_000_000_i64),
        );
        fails(add_date, json!([TIME, 400, 0, 0]));
        gives(diff, json!([[TIME, "Asia/Tokyo"], 0]), json!([53, 10, 13, 22, 13, 20]));
        gives(date, json!([[TIME, "Asia/Tokyo"]]), json!([2023, 11, 15]));
        gives(clock, json!([[TIME, "Asia/Kolkata"]]), json!([3, 43, 20]));
        gives(weekday, json!([TIME]), json!("Tuesday"));
    }
}
