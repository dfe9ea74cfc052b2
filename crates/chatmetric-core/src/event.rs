//! Events: which statuses exist and which message an event speaks of.
//!
//! A message is identified by a keyed 128-bit hash of (channel, number,
//! provider message id). The raw id holds the customer's phone number in clear,
//! so it is hashed once at the edge and never stored. The source of an event and
//! the space of its number are deliberately no part of the identity.

use crate::ids::PhoneNumber;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::fmt;
use std::hash::Hasher;

/// The channel of an event that does not name one.
pub const DEFAULT_CHANNEL: &str = "whatsapp";

/// What happened to a message, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageStatus {
    /// Left the provider's servers.
    Sent,
    /// Reached the recipient's device.
    Delivered,
    /// Was read, or its voice note played.
    Read,
    /// Could not be sent or delivered.
    Failed,
}

impl MessageStatus {
    /// All statuses, in the order of their bits.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Delivered, Self::Read, Self::Failed];

    /// Reads a provider's word, whatever its case. `None` for words that are
    /// not counted (`accepted`, `deleted`, `warning`, …).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        const WORDS: [(&str, MessageStatus); 5] = [
            ("sent", MessageStatus::Sent),
            ("delivered", MessageStatus::Delivered),
            ("read", MessageStatus::Read),
            ("played", MessageStatus::Read),
            ("failed", MessageStatus::Failed),
        ];
        WORDS
            .iter()
            .find(|(known, _)| word.eq_ignore_ascii_case(known))
            .map(|(_, status)| *status)
    }

    /// The word that we write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }

    /// This status as one bit of a record's `reported` set.
    #[must_use]
    pub const fn bit(self) -> u8 {
        match self {
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::Read => 4,
            Self::Failed => 8,
        }
    }
}

/// The identity of a message: 128 bits, not reversible without the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u128);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:032x})", self.0)
    }
}

/// The secret key of an installation's fingerprints: 16 random bytes, made once.
#[derive(Clone)]
pub struct FingerprintKey([u8; 16]);

impl FingerprintKey {
    /// Wraps 16 secret bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The identity of the message `message_id` of `number` on `channel`
    /// (lower case).
    #[must_use]
    pub fn fingerprint(
        &self,
        channel: &str,
        number: &PhoneNumber,
        message_id: &str,
    ) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        // Lengths first: no two different triples may give the same bytes.
        hasher.write_u8(u8::try_from(channel.len()).unwrap_or(u8::MAX));
        hasher.write(channel.as_bytes());
        hasher.write_u8(u8::try_from(number.as_bytes().len()).unwrap_or(u8::MAX));
        hasher.write(number.as_bytes());
        hasher.write(message_id.as_bytes());
        Fingerprint(hasher.finish128().as_u128())
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("digits")
    }

    #[test]
    fn words_are_read_whatever_their_case() {
        assert_eq!(MessageStatus::from_word("Sent"), Some(MessageStatus::Sent));
        assert_eq!(
            MessageStatus::from_word("PLAYED"),
            Some(MessageStatus::Read)
        );
        assert_eq!(MessageStatus::from_word("deleted"), None);
        assert_eq!(MessageStatus::from_word(""), None);
        for status in MessageStatus::ALL {
            assert_eq!(MessageStatus::from_word(status.as_str()), Some(status));
        }
    }

    #[test]
    fn identity_is_channel_number_and_message() {
        let key = FingerprintKey::new([7; 16]);
        let base = key.fingerprint("whatsapp", &number("1555"), "wamid.A");
        assert_eq!(
            base,
            key.fingerprint("whatsapp", &number("+1 555"), "wamid.A")
        );
        assert_ne!(base, key.fingerprint("viber", &number("1555"), "wamid.A"));
        assert_ne!(
            base,
            key.fingerprint("whatsapp", &number("1556"), "wamid.A")
        );
        assert_ne!(
            base,
            key.fingerprint("whatsapp", &number("1555"), "wamid.B")
        );
        // The digit must not be able to wander from the number to the id.
        assert_ne!(
            key.fingerprint("whatsapp", &number("1555"), "1x"),
            key.fingerprint("whatsapp", &number("15551"), "x")
        );
        assert_ne!(
            base,
            FingerprintKey::new([8; 16]).fingerprint("whatsapp", &number("1555"), "wamid.A")
        );
    }

    #[test]
    fn debug_output_hides_the_key() {
        assert_eq!(
            format!("{:?}", FingerprintKey::new([7; 16])),
            "FingerprintKey(redacted)"
        );
    }
}
