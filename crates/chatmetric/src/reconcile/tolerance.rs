//! How far two counts may be apart: a number of messages, or a share of the larger one.
//!
//! Invariant: no floating point; a share is kept in millionths.

use std::fmt;
use std::str::FromStr;

/// Digits behind the point of a share in percent.
const DECIMALS_MAX: usize = 4;
/// One percent.
const PERCENT_PPM: u32 = 10_000;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// So many messages.
    Messages(u64),
    /// So many millionths of the larger count.
    Share {
        /// Millionths.
        ppm: u32,
    },
}

/// A text is not a tolerance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a tolerance: use a count of messages (`5`) or a share of at most 100 % with \
     at most {DECIMALS_MAX} decimals (`0.5%`)"
)]
pub struct ToleranceError {
    text: String,
}

impl Tolerance {
    /// Both sides are the same.
    pub const EXACT: Self = Self::Messages(0);

    /// Whether two counts are close enough.
    #[must_use]
    pub fn allows(self, one: u64, other: u64) -> bool {
        let apart = one.abs_diff(other);
        match self {
            Self::Messages(most) => apart <= most,
            Self::Share { ppm } => {
                let most = u128::from(ppm) * u128::from(one.max(other));
                u128::from(apart) * 1_000_000 <= most
            }
        }
    }
}

impl FromStr for Tolerance {
    type Err = ToleranceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let parsed = match trimmed.strip_suffix('%') {
            None => digits(trimmed).map(Self::Messages),
            Some(share) => share_ppm(share.trim_end()).map(|ppm| Self::Share { ppm }),
        };
        parsed.ok_or_else(|| ToleranceError {
            text: text.to_owned(),
        })
    }
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn share_ppm(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || part.len() > DECIMALS_MAX {
        return None;
    }
    let whole = u32::try_from(digits(whole)?).ok()?;
    let part = u32::try_from(digits(&format!("{part:0<DECIMALS_MAX$}"))?).ok()?;
    let ppm = whole.checked_mul(PERCENT_PPM)?.checked_add(part)?;
    (ppm <= 100 * PERCENT_PPM).then_some(ppm)
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages(most) => write!(f, "{most}"),
            Self::Share { ppm } => {
                let (whole, part) = (ppm / PERCENT_PPM, ppm % PERCENT_PPM);
                let part = format!("{part:0DECIMALS_MAX$}");
                match part.trim_end_matches('0') {
                    "" => write!(f, "{whole}%"),
                    part => write!(f, "{whole}.{part}%"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_read_and_shown() {
        for (text, tolerance, shown) in [
            ("0", Tolerance::EXACT, "0"),
            ("25", Tolerance::Messages(25), "25"),
            ("0.5%", Tolerance::Share { ppm: 5_000 }, "0.5%"),
            (" 2 % ", Tolerance::Share { ppm: 20_000 }, "2%"),
            ("0.0001%", Tolerance::Share { ppm: 1 }, "0.0001%"),
            ("100%", Tolerance::Share { ppm: 1_000_000 }, "100%"),
        ] {
            let parsed = text.parse::<Tolerance>();
            assert_eq!(parsed, Ok(tolerance), "{text}");
            assert_eq!(tolerance.to_string(), shown);
        }
        for text in [
            "",
            "%",
            "-1",
            "+1",
            "0.5",
            "1e3",
            "100.1%",
            ".5%",
            "5.%",
            "0.00001%",
            "1%%",
            "½%",
            "99999999999999999999",
            "99999999999%",
        ] {
            assert!(text.parse::<Tolerance>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_of_the_larger_count() {
        let half_percent = Tolerance::Share { ppm: 5_000 };
        assert!(half_percent.allows(1_000, 995));
        assert!(half_percent.allows(995, 1_000));
        assert!(!half_percent.allows(1_000, 994));
        assert!(!half_percent.allows(1, 0));
        assert!(half_percent.allows(0, 0));
        assert!(half_percent.allows(u64::MAX, u64::MAX - 1));
        assert!(Tolerance::Messages(5).allows(0, 5));
        assert!(!Tolerance::Messages(5).allows(0, 6));
        assert!(!Tolerance::EXACT.allows(7, 8));
    }
}
