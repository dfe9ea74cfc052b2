//! Ids of users, groups and roles, and where new ones come from.
//!
//! Invariant: an id is 18 decimal digits, and one that was ever given in this
//! installation is not given again.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use rusqlite::Connection;

use crate::directory::error::DirectoryError;
use crate::directory::generate;
use crate::entropy::Entropy;

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

/// What an id is for: its first digit, so that people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::directory) enum IdFor {
    User,
    Group,
    Role,
}

/// Gives new ids within one change of the directory.
pub(in crate::directory) struct IdentityIds<'a> {
    connection: &'a Connection,
    entropy: &'a dyn Entropy,
    /// Given in this change, so not in the database yet.
    given: HashSet<IdentityId>,
}

impl<'a> IdentityIds<'a> {
    pub(in crate::directory) fn new(connection: &'a Connection, entropy: &'a dyn Entropy) -> Self {
        Self {
            connection,
            entropy,
            given: HashSet::new(),
        }
    }

    pub(in crate::directory) fn entropy(&self) -> &'a dyn Entropy {
        self.entropy
    }

    /// An id that nobody has or had.
    pub(in crate::directory) fn next(&mut self, of: IdFor) -> Result<IdentityId, DirectoryError> {
        let first = match of {
            IdFor::User => '2',
            IdFor::Group => '3',
            IdFor::Role => '4',
        };
        loop {
            let id = generate::digits_after(self.entropy, first, IdentityId::DIGITS);
            let id = IdentityId(id.into());
            if !self.is_known(&id)? && self.given.insert(id.clone()) {
                return Ok(id);
            }
        }
    }

    fn is_known(&self, id: &IdentityId) -> Result<bool, DirectoryError> {
        self.connection
            .prepare_cached("SELECT 1 FROM identity_ids WHERE id = ?1")
            .and_then(|mut statement| statement.exists([id.as_str()]))
            .map_err(DirectoryError::database("read"))
    }
}
