//! The one time format of the protocol, `YYYY-MM-DDThh:mm:ssZ`, to and from seconds since the
//! epoch. No clock is read here.
//!
//! Invariant: exactly the 20 bytes of that shape are accepted (no fraction, no offset, no leap
//! second), because the real gateway refuses the rest with `InvalidTimeStamp.Format`.

use jiff::civil::DateTime;

/// Parses `YYYY-MM-DDThh:mm:ssZ`; the result is in seconds since the epoch.
#[must_use]
pub fn parse_utc_seconds(text: &str) -> Option<i64> {
    let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
        b'Z',
    ] = *bytes
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let narrow = |high, low| two(high, low).and_then(|n| i8::try_from(n).ok());
    let civil = DateTime::new(
        year,
        narrow(mo1, mo2)?,
        narrow(d1, d2)?,
        narrow(h1, h2)?,
        narrow(mi1, mi2)?,
        narrow(s1, s2)?,
        0,
    )
    .ok()?;
    Some(jiff::tz::Offset::UTC.to_timestamp(civil).ok()?.as_second())
}

/// Writes seconds since the epoch as `YYYY-MM-DDThh:mm:ssZ`; `None` outside the years 0 to 9999
/// (the last day of which jiff leaves out).
#[must_use]
pub fn format_utc_seconds(seconds: i64) -> Option<String> {
    let stamp = jiff::Timestamp::from_second(seconds).ok()?;
    let civil = jiff::tz::Offset::UTC.to_datetime(stamp);
    (civil.year() >= 0).then(|| {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second()
        )
    })
}

fn two(high: u8, low: u8) -> Option<i16> {
    let digit = |b: u8| b.is_ascii_digit().then(|| i16::from(b - b'0'));
    Some(digit(high)? * 10 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_format_and_nothing_else() {
        assert_eq!(
            parse_utc_seconds("2026-01-02T03:04:05Z"),
            Some(1_767_323_045)
        );
        assert_eq!(parse_utc_seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(
            parse_utc_seconds("2024-02-29T23:59:59Z"),
            Some(1_709_251_199)
        );
        for bad in [
            "",
            "2026-01-02T03:04:05.0Z",
            "2026-01-02T03:04:05",
            "2026-01-02 03:04:05Z",
            "2026-01-02t03:04:05z",
            "2026-01-02T03:04:05+00:00",
            "2026-13-02T03:04:05Z",
            "2026-02-29T03:04:05Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:60Z",
            "2026-1-02T03:04:005Z",
            "+026-01-02T03:04:05Z",
            " 2026-01-02T03:04:05Z",
        ] {
            assert_eq!(parse_utc_seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn formatting_is_the_inverse() {
        for seconds in [0, 1, 951_782_400, 1_767_323_045, 253_402_207_200] {
            let text = format_utc_seconds(seconds).unwrap();
            assert_eq!(parse_utc_seconds(&text), Some(seconds), "{text}");
        }
    }
}
