//! Identities that counting needs: the business phone number and the numeric
//! keys of spaces and accounts.
//!
//! Not here: the strings that callers know (CustSpaceId, account ids); the
//! directory maps those to keys that are never given out twice, so that a
//! space that was removed and made again does not inherit foreign history.

use std::fmt;

/// Most digits that a phone number may have. E.164 allows 15; short codes and
/// test numbers of providers stay below this too.
pub const PHONE_NUMBER_DIGITS_MAX: usize = 20;

/// A business phone number: its digits only, 1 to [`PHONE_NUMBER_DIGITS_MAX`].
///
/// Ordered bytewise by its digits, as rows of an answer are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PhoneNumber {
    length: u8,
    digits: [u8; PHONE_NUMBER_DIGITS_MAX],
}

/// Why a text is not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneNumberError {
    /// Nothing that is a digit.
    #[error("a phone number needs at least one digit")]
    NoDigits,
    /// More than [`PHONE_NUMBER_DIGITS_MAX`] digits.
    #[error("a phone number has at most {PHONE_NUMBER_DIGITS_MAX} digits")]
    TooLong,
}

impl PhoneNumber {
    /// Reads a number as people and providers write it: everything that is not
    /// an ASCII digit is dropped, so `+1 555-010 0101` is `15550100101`.
    ///
    /// # Errors
    /// [`PhoneNumberError`] when there is no digit or there are too many.
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        let mut digits = [0_u8; PHONE_NUMBER_DIGITS_MAX];
        let mut length: u8 = 0;
        for byte in text.bytes().filter(u8::is_ascii_digit) {
            let place = digits
                .get_mut(usize::from(length))
                .ok_or(PhoneNumberError::TooLong)?;
            *place = byte;
            length += 1;
        }
        if length == 0 {
            return Err(PhoneNumberError::NoDigits);
        }
        Ok(Self { length, digits })
    }

    /// The digits, for example `15550100101`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The digits as ASCII bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.digits
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

impl Ord for PhoneNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for PhoneNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.as_str())
    }
}

impl std::str::FromStr for PhoneNumber {
    type Err = PhoneNumberError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The installation's own number for a customer space. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceKey(pub u32);

/// The installation's own number for an account. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_count() {
        for text in [
            "15550100101",
            "+1 555-010 0101",
            "(1) 555.010.0101",
            "\u{202a}+1\u{a0}5550100101",
        ] {
            assert_eq!(
                PhoneNumber::parse(text).map(|n| n.to_string()),
                Ok("15550100101".into())
            );
        }
    }

    #[test]
    fn a_number_needs_a_digit_and_has_a_limit() {
        assert_eq!(PhoneNumber::parse("+"), Err(PhoneNumberError::NoDigits));
        assert_eq!(PhoneNumber::parse("٣٤"), Err(PhoneNumberError::NoDigits));
        assert!(PhoneNumber::parse(&"1".repeat(PHONE_NUMBER_DIGITS_MAX)).is_ok());
        assert_eq!(
            PhoneNumber::parse(&"1".repeat(PHONE_NUMBER_DIGITS_MAX + 1)),
            Err(PhoneNumberError::TooLong)
        );
    }

    #[test]
    fn order_is_bytewise_not_numeric() {
        let mut numbers =
            ["9", "10", "0010", "1"].map(|text| PhoneNumber::parse(text).expect("digits"));
        numbers.sort();
        assert_eq!(numbers.map(|n| n.to_string()), ["0010", "1", "10", "9"]);
    }
}
