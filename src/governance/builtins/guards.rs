//! What the arguments of a built-in must look like for the call to stay within bounds. What is wrong in another way is left
//! for the function itself to tell.

use std::cell::Cell;

use regorus::Value;

use crate::governance::value::fits;

/// How many bytes a value that a built-in makes may have when written out.
pub(super) const MAX_RESULT: usize = 1 << 20;

/// How many elements a list that a built-in makes may have.
const MAX_ELEMENTS: usize = 100_000;

/// How many steps a search that compares every position of one text with all of another may take.
pub(super) const MAX_STEPS: usize = 1 << 28;

/// How many digits the numbers that are multiplied may have together.
const MAX_FACTORS: usize = 256;

/// How long a text may be that is read as a number.
const MAX_NUMBER: usize = 64;

/// How many parts the results of all calls in one evaluation may have together: of the order of 100 MiB.
const MAX_MADE: usize = 4_000_000;

/// How many bytes of a text count as one part.
const BYTES_PER_PART: usize = 32;

thread_local! {
    /// The parts that were made in the evaluation under way.
    static MADE: Cell<usize> = const { Cell::new(0) };
}

/// Begins to count anew.
pub(super) fn count_anew() {
    MADE.set(0);
}

/// Counts what a call made. Fails when the evaluation has made too much.
pub(super) fn count(value: &Value) -> Result<(), String> {
    let parts = match value {
        Value::String(text) => text.len() / BYTES_PER_PART,
        other => length(Some(other)),
    };
    count_parts(parts)
}

/// Counts parts, or what takes as much.
pub(super) fn count_parts(parts: usize) -> Result<(), String> {
    let made = MADE.get().saturating_add(parts);
    MADE.set(made);
    if made > MAX_MADE {
        return Err(format!("more than {MAX_MADE} elements made in one evaluation"));
    }
    Ok(())
}

pub(super) fn too_large() -> String {
    format!("the result would be larger than {} KiB", MAX_RESULT / 1024)
}

/// For results that grow with the size of what goes in, written out.
pub(super) fn written_out(arguments: &[Value]) -> Result<(), String> {
    arguments
        .iter()
        .try_fold(MAX_RESULT, |room, one| fits(one, room))
        .map(|_| ())
        .ok_or_else(too_large)
}

fn text(arguments: &[Value], position: usize) -> &str {
    match arguments.get(position) {
        Some(Value::String(text)) => text,
        // The function itself says what is wrong.
        _ => "",
    }
}

fn integer(arguments: &[Value], position: usize) -> Option<i64> {
    arguments.get(position)?.as_i64().ok()
}

fn length(value: Option<&Value>) -> usize {
    match value {
        Some(Value::Array(elements)) => elements.len(),
        Some(Value::Set(elements)) => elements.len(),
        Some(Value::Object(members)) => members.len(),
        _ => 0,
    }
}

fn elements(count: u64) -> Result<(), String> {
    if count > MAX_ELEMENTS as u64 {
        return Err(format!("the result would have more than {MAX_ELEMENTS} elements"));
    }
    Ok(())
}

pub(super) fn concat(arguments: &[Value]) -> Result<(), String> {
    written_out(arguments)?;
    let delimiters = text(arguments, 0).len().saturating_mul(length(arguments.get(1)));
    if delimiters > MAX_RESULT { Err(too_large()) } else { Ok(()) }
}

pub(super) fn replace(arguments: &[Value]) -> Result<(), String> {
    replacing(text(arguments, 0), text(arguments, 1), text(arguments, 2))
}

pub(super) fn replacing(text: &str, old: &str, new: &str) -> Result<(), String> {
    if text.len() > MAX_RESULT {
        return Err(too_large());
    }
    let count = if old.is_empty() { text.len() + 1 } else { text.matches(old).count() };
    if text.len() + count.saturating_mul(new.len()) > MAX_RESULT {
        Err(too_large())
    } else {
        Ok(())
    }
}

pub(super) fn range(arguments: &[Value]) -> Result<(), String> {
    match (integer(arguments, 0), integer(arguments, 1)) {
        (Some(from), Some(to)) => elements(from.abs_diff(to).saturating_add(1)),
        _ => machine_numbers(arguments),
    }
}

pub(super) fn range_step(arguments: &[Value]) -> Result<(), String> {
    match (integer(arguments, 0), integer(arguments, 1), integer(arguments, 2)) {
        (Some(from), Some(to), Some(step)) if step > 0 => {
            elements(from.abs_diff(to) / step.unsigned_abs() + 1)
        }
        // The function itself refuses the step.
        (Some(_), Some(_), Some(_)) => Ok(()),
        _ => machine_numbers(arguments),
    }
}

/// What is no integer is for the function itself to refuse; an integer that fits no machine word would be too much for it.
fn machine_numbers(arguments: &[Value]) -> Result<(), String> {
    let is_huge =
        |one: &Value| one.as_f64().is_ok_and(|value| value.abs() >= 9e15) || is_beyond_floats(one);
    let are_numbers = arguments.iter().all(|one| matches!(one, Value::Number(_)));
    if are_numbers && arguments.iter().any(is_huge) {
        Err("a number is too large".to_owned())
    } else {
        Ok(())
    }
}

fn is_beyond_floats(value: &Value) -> bool {
    matches!(value, Value::Number(_)) && value.as_f64().is_err() && value.as_i64().is_err()
}

pub(super) fn array_concat(arguments: &[Value]) -> Result<(), String> {
    elements((length(arguments.first()) + length(arguments.get(1))) as u64)
}

pub(super) fn product(arguments: &[Value]) -> Result<(), String> {
    if length(arguments.first()) > MAX_FACTORS {
        return Err(format!("more than {MAX_FACTORS} factors"));
    }
    written_out(arguments)
}

/// For searches that look at all of the second text at each position of the first.
pub(super) fn search(arguments: &[Value]) -> Result<(), String> {
    if text(arguments, 0).len().saturating_mul(text(arguments, 1).len()) > MAX_STEPS {
        return Err("the texts are too long to be searched".to_owned());
    }
    Ok(())
}

/// For texts that are read as numbers: `1e2000000000` is short and yet takes a gigabyte.
pub(super) fn number_text(arguments: &[Value]) -> Result<(), String> {
    let text = text(arguments, 0);
    let exponent = text.split_once(['e', 'E']).map_or("", |(_, exponent)| exponent);
    let digits = exponent.trim_start_matches(['+', '-', '0']);
    let is_large = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()) > 3;
    if text.len() > MAX_NUMBER || is_large {
        Err("the number is too large".to_owned())
    } else {
        Ok(())
    }
}
