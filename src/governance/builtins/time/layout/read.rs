//! Times, read by a layout.

use chrono::{Datelike, Days, Duration, NaiveDate, NaiveDateTime};

use super::{Form, Part, next};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What was read so far.
#[derive(Default)]
struct Read {
    year: i32,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    is_after_noon: Option<bool>,
    /// How many seconds before UTC.
    offset: i64,
}

/// Reads a time. A zone that only has a name is taken for UTC.
pub(in super::super) fn read(layout: &str, value: &str) -> Option<NaiveDateTime> {
    let mut read = Read::default();
    let (mut layout, mut value) = (layout, value);
    loop {
        let (before, found, after) = next(layout);
        value = skip(value, before)?;
        layout = after;
        let Some((text, part)) = found else {
            return if value.is_empty() { read.time() } else { None };
        };
        value = read.part(part, text, value, layout)?;
    }
}

/// What follows a text; one space may be many.
fn skip<'v>(mut value: &'v str, text: &str) -> Option<&'v str> {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return None;
            }
            rest = rest.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
        } else {
            rest = rest.get(c.len_utf8()..)?;
            value = value.strip_prefix(c)?;
        }
    }
    Some(value)
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// A number of one or two digits, and what follows.
fn number(value: &str, is_fixed: bool) -> Option<(u32, &str)> {
    let digits = value.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if digits == 0 || (is_fixed && digits < 2) {
        return None;
    }
    let (number, rest) = value.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

/// Which of some names a text begins with, and what follows; small letters may be large.
fn name<'v>(value: &'v str, names: &[&str], length: usize) -> Option<(u32, &'v str)> {
    let found = (0..).zip(names).find_map(|(position, name)| {
        let name = name.get(..length.min(name.len()))?;
        let (own, rest) = value.split_at_checked(name.len())?;
        own.eq_ignore_ascii_case(name).then_some((position, rest))
    });
    found
}

/// The nanoseconds of `.5`.
fn fraction(text: &str) -> Option<u32> {
    let digits = text.strip_prefix(['.', ','])?;
    let digits = digits.get(..digits.len().min(9))?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    format!("{digits:0<9}").parse().ok().filter(|_| is_number)
}

/// How long a fraction is that a text begins with, if it begins with one.
fn length_of_fraction(value: &str) -> Option<usize> {
    let digits = value.strip_prefix(['.', ','])?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    (count > 0).then_some(count + 1)
}

impl Read {
    fn part<'v>(
        &mut self,
        part: Part,
        text: &str,
        value: &'v str,
        layout: &str,
    ) -> Option<&'v str> {
        let within =
            |(number, rest): (u32, &'v str), most: u32| (number <= most).then_some((number, rest));
        Some(match part {
            Part::Year => {
                let (year, rest) = number(value, true)?;
                self.year = i32::try_from(year).ok()? + if year >= 69 { 1900 } else { 2000 };
                rest
            }
            Part::LongYear => {
                let (year, rest) = value.split_at_checked(4)?;
                self.year =
                    year.bytes().all(|b| b.is_ascii_digit()).then(|| year.parse().ok())??;
                rest
            }
            Part::Month | Part::LongMonth => {
                let length = if part == Part::Month { 3 } else { usize::MAX };
                let (month, rest) = name(value, &MONTHS, length)?;
                self.month = Some(month + 1);
                rest
            }
            Part::NumMonth { is_fixed } => {
                let (month, rest) = within(number(value, is_fixed)?, 12)?;
                self.month = Some(month).filter(|month| *month > 0);
                self.month?;
                rest
            }
            Part::Weekday => name(value, &WEEKDAYS, 3)?.1,
            Part::LongWeekday => name(value, &WEEKDAYS, usize::MAX)?.1,
            Part::Day { .. } | Part::UnderDay => {
                let value =
                    value.strip_prefix(' ').filter(|_| part == Part::UnderDay).unwrap_or(value);
                let (day, rest) = number(value, part == Part::Day { is_fixed: true })?;
                self.day = Some(day);
                rest
            }
            Part::YearDay { is_padded } => {
                let spaces = value.bytes().take(2).take_while(|byte| *byte == b' ').count();
                let value = if is_padded { value } else { value.get(spaces..)? };
                let digits = value.bytes().take(3).take_while(u8::is_ascii_digit).count();
                if digits == 0 || (is_padded && digits < 3) {
                    return None;
                }
                let (day, rest) = value.split_at_checked(digits)?;
                self.day_of_year = Some(day.parse().ok()?);
                rest
            }
            Part::Hour => {
                let (hour, rest) = within(number(value, false)?, 23)?;
                self.hour = hour;
                rest
            }
            Part::Hour12 { is_fixed } => {
                let (hour, rest) = within(number(value, is_fixed)?, 12)?;
                self.hour = hour;
                rest
            }
            Part::Minute { is_fixed } => {
                let (minute, rest) = within(number(value, is_fixed)?, 59)?;
                self.minute = minute;
                rest
            }
            Part::Second { is_fixed } => {
                let (second, rest) = within(number(value, is_fixed)?, 59)?;
                self.second = second;
                // A fraction may stand there although the layout has none.
                let is_next = matches!(next(layout).1, Some((_, Part::Fraction { .. })));
                match length_of_fraction(rest).filter(|_| !is_next) {
                    Some(length) => {
                        self.nanosecond = fraction(rest.get(..length)?)?;
                        rest.get(length..)?
                    }
                    None => rest,
                }
            }
            Part::Fraction { is_trimmed: true, .. } => match length_of_fraction(value) {
                Some(length) => {
                    self.nanosecond = fraction(value.get(..length)?)?;
                    value.get(length..)?
                }
                None => value,
            },
            Part::Fraction { is_trimmed: false, .. } => {
                self.nanosecond = fraction(value.get(..text.len())?)?;
                value.get(text.len()..)?
            }
            Part::Half { is_upper } => {
                let (half, rest) = value.split_at_checked(2)?;
                let halves = if is_upper { ["AM", "PM"] } else { ["am", "pm"] };
                self.is_after_noon = Some(halves.iter().position(|one| *one == half)? == 1);
                rest
            }
            Part::Offset(form) => self.offset(form, value)?,
            Part::Name => Self::zone(value)?,
        })
    }

    fn offset<'v>(&mut self, form: Form, value: &'v str) -> Option<&'v str> {
        if let Some(rest) = value.strip_prefix('Z').filter(|_| form.has_z) {
            self.offset = 0;
            return Some(rest);
        }
        let mut rest = value.strip_prefix(['+', '-'])?;
        let mut seconds = 0;
        for (position, unit) in [3600, 60, 1].into_iter().take(form.count).enumerate() {
            if position > 0 && form.has_colons {
                rest = rest.strip_prefix(':')?;
            }
            let (part, after) = number(rest, true)?;
            // These are the limits of Go.
            if part > if position == 0 { 24 } else { 60 } {
                return None;
            }
            seconds += i64::from(part) * unit;
            rest = after;
        }
        self.offset = if value.starts_with('-') { -seconds } else { seconds };
        Some(rest)
    }

    /// What follows the name of a zone.
    fn zone(value: &str) -> Option<&str> {
        if let Some(rest) = value.strip_prefix("UTC") {
            return Some(rest);
        }
        if let Some(after) = value.strip_prefix("GMT") {
            // The distance becomes part of the name.
            return after.get(signed_hours(after).unwrap_or(0)..);
        }
        if value.starts_with(['+', '-']) {
            return value.get(signed_hours(value)?..);
        }
        if value.starts_with("ChST") || value.starts_with("MeST") {
            return value.get(4..);
        }
        let count = value.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
        let (name, rest) = value.split_at_checked(count)?;
        let is_zone = match count {
            3 => true,
            4 => name.ends_with('T') || name == "WITA",
            5 => name.ends_with('T'),
            _ => false,
        };
        is_zone.then_some(rest)
    }

    fn time(self) -> Option<NaiveDateTime> {
        let hour = match self.is_after_noon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let date = match self.day_of_year {
            Some(day) => {
                let first = NaiveDate::from_ymd_opt(self.year, 1, 1)?;
                let date = first.checked_add_days(Days::new(u64::from(day.checked_sub(1)?)))?;
                let agrees = self.month.is_none_or(|month| month == date.month())
                    && self.day.is_none_or(|day| day == date.day());
                Some(date).filter(|date| agrees && date.year() == self.year)?
            }
            None => {
                NaiveDate::from_ymd_opt(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1))?
            }
        };
        let time = date.and_hms_nano_opt(hour, self.minute, self.second, self.nanosecond)?;
        time.checked_sub_signed(Duration::seconds(self.offset))
    }
}

/// How long a sign with hours below 24 is.
fn signed_hours(value: &str) -> Option<usize> {
    let digits = value.strip_prefix(['+', '-']).filter(|digits| starts_with_digit(digits))?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let hours: u32 = digits.get(..count)?.parse().ok()?;
    (hours < 24).then_some(count + 1)
}
