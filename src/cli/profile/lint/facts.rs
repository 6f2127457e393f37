//! Facts that the loader takes and a careful author would not: without a source, without a day, at odds with themselves.

use serde_json::Value;

use super::Notes;
use crate::path::FieldPath;

/// Everything in a profile that states a fact.
pub(super) fn entries(profile: &Value) -> Vec<(FieldPath, &Value)> {
    let spec = FieldPath::keys("spec");
    let mut entries = Vec::new();
    for key in ["daemonSets", "networkPolicy", "unlisted"] {
        let entry = profile.get("spec").and_then(|spec| spec.get(key));
        entries.extend(entry.map(|entry| (spec.clone().key(key), entry)));
    }
    let access = profile.pointer("/spec/access").and_then(Value::as_object);
    for (key, entry) in access.into_iter().flatten() {
        entries.push((spec.clone().key("access").key(key), entry));
    }
    let support = profile.pointer("/spec/support").and_then(Value::as_array);
    for (index, entry) in support.into_iter().flatten().enumerate() {
        entries.push((spec.clone().key("support").index(index), entry));
    }
    entries
}

/// Looks at one fact.
pub(super) fn look_at(notes: &mut Notes, profile: &Value, place: &FieldPath, entry: &Value) {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let support = text("support");
    if entry.get("features").is_some_and(|names| *names == Value::Array(Vec::new())) {
        notes.error(place.clone().key("features"), "the entry names no feature".to_owned());
    }
    // A word that is none of these has been told already.
    if matches!(support, "supported" | "partial" | "ignored" | "unsupported") {
        if sources(entry).is_empty() {
            notes.error(
                place.clone(),
                format!("`{support}` without a `source`: name the file and line, or the page, that shows it"),
            );
        }
        if entry.get("verified").is_none() {
            notes.error(
                place.clone(),
                format!("`{support}` without `verified`: say how it was seen, and on which day"),
            );
        }
    }
    if let Some(date) = entry.pointer("/verified/date")
        && !date.as_str().is_some_and(is_day)
    {
        notes.error(
            place.clone().key("verified").key("date"),
            format!("{date} is no day; write it as `2026-09-01`"),
        );
    }
    if text("reason").ends_with('.') {
        let place = place.clone().key("reason");
        notes.warning(place, "a reason is a phrase to be read after \"because\": no full stop");
    }
    let effect = text("effect");
    let contradicts = match (support, effect) {
        ("supported", effect) => {
            !matches!(effect, "" | "works" | "backend-defined" | "silent-change")
        }
        ("ignored" | "unsupported", effect) => effect == "works",
        _ => false,
    };
    if contradicts {
        notes.warning(
            place.clone().key("effect"),
            format!("the effect `{effect}` does not go with `{support}`"),
        );
    }
    let revision = profile.pointer("/spec/revision").and_then(Value::as_str);
    let revision = revision.and_then(|revision| revision.split_once('@'));
    for source in sources(entry) {
        let cited = source.split(':').next().and_then(|head| head.split_once('@'));
        if let (Some((project, read)), Some((cited_project, commit))) = (revision, cited)
            && project == cited_project
            && read != commit
        {
            notes.warning(
                place.clone().key("source"),
                format!(
                    "`{source}` is not of the revision that the profile names, `{project}@{read}`"
                ),
            );
        }
    }
}

fn sources(entry: &Value) -> Vec<&str> {
    let texts: Vec<&str> = match entry.get("source") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().filter(|text| !text.trim().is_empty()).collect()
}

/// Whether a text is a day such as `2026-09-01`.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|c| c.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_number)
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u16::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}
