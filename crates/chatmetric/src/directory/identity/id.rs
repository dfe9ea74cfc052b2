//! Ids of users, groups and roles.
//!
//! Invariant: an id is 18 decimal digits.

use std::fmt;
use std::sync::Arc;

/// The id of a user, group or role: 18 decimal digits, the same for life, given
/// to nobody else before or after. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityId(Arc<str>);

impl IdentityId {
    /// Digits of an id.
    pub const DIGITS: usize = 18;

    /// Parses an id; `None` for anything but 18 decimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == Self::DIGITS && text.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| Self(text.into()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityId({})", self.0)
    }
}
