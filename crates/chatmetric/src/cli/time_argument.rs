//! Times on the command line: RFC 3339, `YYYY-MM-DD`, milliseconds since the
//! epoch, or relative to now (`-30d`, `-6h`, `now`).
//!
//! Parsed without a clock; resolved against one moment and zone, so that
//! `--start` and `--end` of one command agree about "now".

use chatmetric_core::{EpochMs, Zone};
use jiff::Timestamp;
use jiff::civil::Date;
use std::str::FromStr;

/// Milliseconds of the units of relative times.
const UNITS: [(char, i64); 5] = [
    ('s', 1000),
    ('m', 60_000),
    ('h', 3_600_000),
    ('d', 86_400_000),
    ('w', 7 * 86_400_000),
];

/// A time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeArgument {
    /// A moment.
    At(EpochMs),
    /// The first instant of a day.
    Day(Date),
    /// Before (negative) or after now, in ms.
    Relative(i64),
}

impl TimeArgument {
    pub(crate) fn resolve(self, now: EpochMs, zone: &Zone) -> Result<EpochMs, String> {
        let out_of_range = || "the time is not between 1970 and 9998".to_owned();
        match self {
            Self::At(time) => Ok(time),
            Self::Day(date) => {
                EpochMs::checked(zone.first_instant(date).0).ok_or_else(out_of_range)
            }
            Self::Relative(ms) => now
                .0
                .checked_add(ms)
                .and_then(EpochMs::checked)
                .ok_or_else(out_of_range),
        }
    }
}

impl FromStr for TimeArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") {
            return Ok(Self::Relative(0));
        }
        if let Some(relative) = relative(text) {
            return Ok(relative);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let ms = text.parse().ok().and_then(EpochMs::checked);
            return ms.map(Self::At).ok_or_else(|| {
                format!("`{text}` ms is after the year 9998; times are milliseconds")
            });
        }
        if text.len() == 10
            && let Ok(date) = text.parse::<Date>()
        {
            return Ok(Self::Day(date));
        }
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return EpochMs::checked(timestamp.as_millisecond())
                .map(Self::At)
                .ok_or_else(|| format!("`{text}` is not between 1970 and 9998"));
        }
        Err(format!(
            "`{text}` is not a time: use RFC 3339 (`2026-01-31T08:00:00+08:00`), a day \
             (`2026-01-31`), milliseconds since the epoch, or a time relative to now (`-30d`, \
             `-6h`, `now`)"
        ))
    }
}

/// `-30d`, `+1h`, `now-30d`; the sign is what tells it from other forms.
fn relative(text: &str) -> Option<TimeArgument> {
    let text = text.strip_prefix("now").unwrap_or(text);
    let (sign, rest) = match text.chars().next()? {
        '-' => (-1, text.get(1..)?),
        '+' => (1, text.get(1..)?),
        _ => return None,
    };
    let unit = rest.chars().next_back()?;
    let (_, unit_ms) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
    let digits = rest.get(..rest.len() - 1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: i64 = digits.parse().ok()?;
    Some(TimeArgument::Relative(
        amount.checked_mul(*unit_ms)?.checked_mul(sign)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMs = EpochMs(1_767_225_600_000);

    fn resolve(text: &str) -> Result<i64, String> {
        text.parse::<TimeArgument>()?
            .resolve(NOW, &Zone::utc())
            .map(|time| time.0)
    }

    #[test]
    fn every_form_is_read() {
        for (text, ms) in [
            ("now", NOW.0),
            ("-30d", NOW.0 - 30 * 86_400_000),
            ("now-6h", NOW.0 - 6 * 3_600_000),
            ("+1m", NOW.0 + 60_000),
            ("-2w", NOW.0 - 14 * 86_400_000),
            ("-0s", NOW.0),
            ("1767225600000", 1_767_225_600_000),
            ("0", 0),
            ("2026-01-01", 1_767_225_600_000),
            ("2026-01-01T00:00:00Z", 1_767_225_600_000),
            ("2026-01-01T08:00:00.250+08:00", 1_767_225_600_250),
        ] {
            assert_eq!(resolve(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn a_day_begins_with_its_zone() {
        let zone = Zone::parse("Asia/Singapore").expect("a zone");
        let day: TimeArgument = "2026-01-01".parse().expect("a day");
        assert_eq!(day.resolve(NOW, &zone), Ok(EpochMs(1_767_196_800_000)));
    }

    #[test]
    fn anything_else_is_refused_without_a_panic() {
        for text in [
            "",
            "-",
            "-d",
            "30d",
            "-3.5h",
            "-30y",
            "yesterday",
            "2026-02-30",
            "2026-1-1",
            "99999999999999999999",
            "-99999999999999999999d",
            "-9223372036854775807w",
            "é",
            "-é",
            "1969-12-31",
            "2026-01-01T00:00:00",
            "-5000w",
        ] {
            assert!(resolve(text).is_err(), "{text}");
        }
    }
}
