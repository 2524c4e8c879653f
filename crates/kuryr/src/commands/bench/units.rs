//! Times, sizes and rates as people write them.

use std::time::Duration;

/// A number and what follows it.
fn parts(text: &str) -> Result<(u64, &str), String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number = digits.parse().map_err(|e| format!("{digits:?}: {e}"))?;
    Ok((number, &text[digits.len()..]))
}

/// `500ms`, `90s`, `10m`, `1h`; a number alone is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = parts(text)?;
    let seconds = match unit {
        "ms" => return Ok(Duration::from_millis(number)),
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(format!("{unit:?} is not one of ms, s, m, h")),
    };
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

/// `64`, `16k`.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = parts(text)?;
    let times = match unit {
        "" | "b" | "B" => 1,
        "k" | "K" | "KiB" => 1024,
        _ => return Err(format!("{unit:?} is not one of B, k (1,024)")),
    };
    usize::try_from(number.saturating_mul(times)).map_err(|e| e.to_string())
}

/// `500m`, `2g`: bits a second.
pub(super) fn bits(text: &str) -> Result<u64, String> {
    let (number, unit) = parts(text)?;
    let times = match unit {
        "" => 1,
        "k" | "K" => 1_000,
        "m" | "M" => 1_000_000,
        "g" | "G" => 1_000_000_000,
        _ => return Err(format!("{unit:?} is not one of k, m, g")),
    };
    Ok(number.saturating_mul(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_people_write_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(bytes("16k"), Ok(16_384));
        assert_eq!(bits("2g"), Ok(2_000_000_000));
        for wrong in ["", "k", "-1", "1x"] {
            assert!(duration(wrong).is_err() && bytes(wrong).is_err() && bits(wrong).is_err());
        }
    }
}
