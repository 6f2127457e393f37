//! Layouts of times as Go has them: the time `Mon Jan 2 15:04:05 MST 2006`, written as other times are to be.

mod read;

use chrono::{DateTime, Datelike, Offset, Timelike};
use chrono_tz::{OffsetName, Tz};

pub(super) use read::read;

/// A part of a layout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    LongMonth,
    Month,
    /// By number, perhaps with a zero before it.
    NumMonth {
        is_fixed: bool,
    },
    LongWeekday,
    Weekday,
    Day {
        is_fixed: bool,
    },
    /// With a space where it has one digit.
    UnderDay,
    YearDay {
        is_padded: bool,
    },
    Hour,
    Hour12 {
        is_fixed: bool,
    },
    Minute {
        is_fixed: bool,
    },
    Second {
        is_fixed: bool,
    },
    LongYear,
    Year,
    /// `PM`, or `pm`.
    Half {
        is_upper: bool,
    },
    Name,
    Offset(Form),
    /// So many digits of a second; without zeros at the end if they are written with nines.
    Fraction {
        digits: usize,
        is_trimmed: bool,
    },
}

/// How the distance from UTC is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Form {
    /// `Z` for UTC.
    has_z: bool,
    has_colons: bool,
    /// Hours, then minutes, then seconds.
    count: usize,
}

const NAMES: [(&str, Part); 17] = [
    ("January", Part::LongMonth),
    ("Monday", Part::LongWeekday),
    ("MST", Part::Name),
    ("2006", Part::LongYear),
    ("002", Part::YearDay { is_padded: true }),
    ("__2", Part::YearDay { is_padded: false }),
    ("_2", Part::UnderDay),
    ("01", Part::NumMonth { is_fixed: true }),
    ("02", Part::Day { is_fixed: true }),
    ("03", Part::Hour12 { is_fixed: true }),
    ("04", Part::Minute { is_fixed: true }),
    ("05", Part::Second { is_fixed: true }),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("PM", Part::Half { is_upper: true }),
    ("pm", Part::Half { is_upper: false }),
    ("1", Part::NumMonth { is_fixed: false }),
];

const DIGITS: [(&str, Part); 4] = [
    ("2", Part::Day { is_fixed: false }),
    ("3", Part::Hour12 { is_fixed: false }),
    ("4", Part::Minute { is_fixed: false }),
    ("5", Part::Second { is_fixed: false }),
];

const OFFSETS: [(&str, bool, usize); 5] = [
    ("070000", false, 3),
    ("07:00:00", true, 3),
    ("0700", false, 2),
    ("07:00", true, 2),
    ("07", false, 1),
];

/// The part that a layout begins with, and how many bytes it has there.
fn part(layout: &str) -> Option<(usize, Part)> {
    // `_2006` is a year behind a line.
    if layout.starts_with("_2006") {
        return None;
    }
    for (name, part) in [("Jan", Part::Month), ("Mon", Part::Weekday)] {
        let after = layout.strip_prefix(name);
        if after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_lowercase())) {
            return Some((name.len(), part));
        }
    }
    if let Some((name, part)) =
        NAMES.iter().chain(&DIGITS).find(|(name, _)| layout.starts_with(name))
    {
        return Some((name.len(), *part));
    }
    if let Some(after) = layout.strip_prefix(['-', 'Z']) {
        let has_z = layout.starts_with('Z');
        let found = OFFSETS.iter().find(|(form, ..)| after.starts_with(form));
        return found.map(|(form, has_colons, count)| {
            (form.len() + 1, Part::Offset(Form { has_z, has_colons: *has_colons, count: *count }))
        });
    }
    let after = layout.strip_prefix(['.', ','])?;
    let digit = after.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let rest = after.trim_start_matches(digit);
    let digits = after.len() - rest.len();
    let part = Part::Fraction { digits, is_trimmed: digit == '9' };
    (!rest.starts_with(|c: char| c.is_ascii_digit())).then_some((digits + 1, part))
}

/// What stands before the next part of a layout, the part as it is written there, and what follows.
fn next(layout: &str) -> (&str, Option<(&str, Part)>, &str) {
    for (at, _) in layout.char_indices() {
        let (before, rest) = layout.split_at_checked(at).unwrap_or((layout, ""));
        if let Some((length, part)) = part(rest) {
            let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            return (before, Some((text, part)), after);
        }
    }
    (layout, None, "")
}

/// Writes a time.
pub(super) fn write(time: &DateTime<Tz>, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    loop {
        let (before, found, after) = next(rest);
        out.push_str(before);
        let Some((text, part)) = found else {
            return out;
        };
        out.push_str(&written(time, text, part));
        rest = after;
    }
}

fn written(time: &DateTime<Tz>, text: &str, part: Part) -> String {
    let number = |number: u32, is_fixed: bool| {
        if is_fixed { format!("{number:02}") } else { number.to_string() }
    };
    let named = |form: &str| time.format(form).to_string();
    let half = if time.hour() < 12 { "AM" } else { "PM" };
    match part {
        Part::LongMonth => named("%B"),
        Part::Month => named("%b"),
        Part::LongWeekday => named("%A"),
        Part::Weekday => named("%a"),
        Part::NumMonth { is_fixed } => number(time.month(), is_fixed),
        Part::Day { is_fixed } => number(time.day(), is_fixed),
        Part::UnderDay => format!("{:2}", time.day()),
        Part::YearDay { is_padded: true } => format!("{:03}", time.ordinal()),
        Part::YearDay { is_padded: false } => format!("{:3}", time.ordinal()),
        Part::Hour => number(time.hour(), true),
        Part::Hour12 { is_fixed } => number(time.hour12().1, is_fixed),
        Part::Minute { is_fixed } => number(time.minute(), is_fixed),
        Part::Second { is_fixed } => number(time.second(), is_fixed),
        Part::LongYear => format!("{:04}", time.year()),
        Part::Year => format!("{:02}", time.year().rem_euclid(100)),
        Part::Half { is_upper: true } => half.to_owned(),
        Part::Half { is_upper: false } => half.to_lowercase(),
        Part::Name => match time.offset().abbreviation() {
            Some(name) => name.to_owned(),
            None => {
                let seconds = time.offset().fix().local_minus_utc();
                let count = if seconds % 3600 == 0 { 1 } else { 2 };
                offset(seconds, Form { has_z: false, has_colons: false, count })
            }
        },
        Part::Offset(form) => offset(time.offset().fix().local_minus_utc(), form),
        Part::Fraction { digits, is_trimmed } => {
            let all = format!("{:09}", time.nanosecond());
            let all = format!("{all:0<digits$}");
            let shown = all.get(..digits).unwrap_or(&all);
            let shown = if is_trimmed { shown.trim_end_matches('0') } else { shown };
            let point = if shown.is_empty() { "" } else { text.get(..1).unwrap_or_default() };
            format!("{point}{shown}")
        }
    }
}

fn offset(seconds: i32, form: Form) -> String {
    if form.has_z && seconds == 0 {
        return "Z".to_owned();
    }
    let size = seconds.unsigned_abs();
    let colon = if form.has_colons { ":" } else { "" };
    let parts = [size / 3600, size / 60 % 60, size % 60];
    let parts: Vec<String> = parts.iter().take(form.count).map(|one| format!("{one:02}")).collect();
    format!("{}{}", if seconds < 0 { '-' } else { '+' }, parts.join(colon))
}
