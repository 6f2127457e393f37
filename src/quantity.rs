//! Kubernetes quantities (`100m`, `1.5Gi`, `2e3`) and prices, read exactly: whole numbers throughout, rounded up as the API
//! server rounds them.

use serde_json::{Value, json};

/// A quantity in units of one `unit`th, rounded up: `scaled("0.25", 1000)` is 250. Nothing where the text is no quantity, is
/// negative, or is too large to count.
pub fn scaled(text: &str, unit: i128) -> Option<i64> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit() && byte != b'.');
    let (number, suffix) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.len() > 24 || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0'));
    let mantissa = digits
        .try_fold(0_i128, |sum, digit| (digit < 10).then_some(sum * 10 + i128::from(digit)))?;
    let (times, over) = factor(suffix)?;
    let below = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?.checked_mul(over)?;
    let above = mantissa.checked_mul(times)?.checked_mul(unit)?;
    // Most are whole, and dividing so wide a number takes longer than everything above.
    i64::try_from(if below == 1 { above } else { up(above, below)? }).ok()
}

/// A quotient rounded up; nothing where it is divided by nothing.
pub fn up(above: i128, below: i128) -> Option<i128> {
    above.checked_add(below.checked_sub(1)?)?.checked_div(below)
}

/// A quotient as a number of JSON: whole where it can be. For reports: only there, at the end, is anything less than exact.
pub fn ratio(above: i128, below: i128) -> Value {
    if above % below == 0 {
        return json!(i64::try_from(above / below).ok());
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 15 digits")]
    let quotient = above as f64 / below as f64;
    json!(quotient)
}

/// What a suffix multiplies by and divides by.
fn factor(suffix: &str) -> Option<(i128, i128)> {
    Some(match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1000),
        "k" => (1000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            let ten = 10_i128.checked_pow(power.unsigned_abs()).filter(|_| power.abs() <= 18)?;
            if power < 0 { (1, ten) } else { (ten, 1) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact_and_rounded_up() {
        for (text, unit, expected) in [
            ("250m", 1000, Some(250)),
            ("0.1", 1000, Some(100)),
            ("1u", 1000, Some(1)),
            ("1.5Gi", 1, Some(1_610_612_736)),
            ("1.1", 1, Some(2)),
            ("2e3", 1, Some(2000)),
            ("5e-1", 1000, Some(500)),
            ("0.04048", 1_000_000_000, Some(40_480_000)),
            ("-1", 1, None),
            ("1.2.3", 1, None),
            ("many", 1, None),
            ("", 1, None),
            ("9E", 1000, None),
        ] {
            assert_eq!(scaled(text, unit), expected, "{text}");
        }
    }
}
