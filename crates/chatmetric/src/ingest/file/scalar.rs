//! Values of a line: times in seconds, milliseconds or RFC 3339, and JSON values
//! that may be a string or a number.

use super::RawTime;
use chatmetric_core::EpochMs;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Reads a time: seconds or milliseconds as webhooks have them, or RFC 3339.
pub(super) fn time(text: &str) -> Result<EpochMs, String> {
    if let Some(time) = crate::ingest::whatsapp::read_time(text) {
        return Ok(time);
    }
    let timestamp = text.parse::<jiff::Timestamp>().ok();
    timestamp
        .and_then(|timestamp| EpochMs::checked(timestamp.as_millisecond()))
        .ok_or_else(|| NO_TIME.to_owned())
}

/// What is said of a time that cannot be read.
pub(super) const NO_TIME: &str =
    "`timestamp` is neither seconds or milliseconds since 1970 nor RFC 3339 with an offset";

/// Whole numbers below it are exact as JSON numbers with a fraction or an exponent.
const EXACT_BELOW: f64 = 1e15;

/// A JSON string or number. Everything else is refused without repeating it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Whole(i64),
}

impl Scalar<'_> {
    /// As text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Whole(value) => Cow::Owned(value.to_string()),
        }
    }

    /// As a time.
    pub(super) fn time(&self) -> RawTime<'_> {
        match self {
            Self::Text(text) => RawTime::Text(text),
            Self::Whole(value) => RawTime::Whole(*value),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        let whole = i64::try_from(value);
        Ok(whole.map_or_else(|_| Scalar::Text(value.to_string().into()), Scalar::Whole))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        // `15550100101.0` is a column of pandas; a fraction, or more than is exact, would
        // give the digits of another number.
        if value.fract() == 0.0 && value.abs() < EXACT_BELOW {
            Ok(Scalar::Text(value.to_string().into()))
        } else {
            Err(E::custom(
                "expected a whole number of up to 15 digits, or a string",
            ))
        }
    }

    fn visit_bool<E: de::Error>(self, _value: bool) -> Result<Self::Value, E> {
        Err(E::custom("expected a string or a number, found a boolean"))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Err(E::custom("expected a string or a number, found null"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_milliseconds_and_rfc_3339_are_told_apart() {
        for (text, ms) in [
            ("1767225590", 1_767_225_590_000),
            ("1767225590123", 1_767_225_590_123),
            ("99999999999", 99_999_999_999_000),
            ("100000000000", 100_000_000_000),
            ("0", 0),
            ("1767225590.75", 1_767_225_590_000),
            ("2025-12-31T23:59:50Z", 1_767_225_590_000),
            ("2026-01-01T07:59:50.5+08:00", 1_767_225_590_500),
        ] {
            assert_eq!(time(text), Ok(EpochMs(ms)), "{text}");
        }
        for text in [
            "",
            "-1",
            "1.",
            ".5",
            "x",
            "2026-01-01",
            "99999999999999999999",
            "253370764800000",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
