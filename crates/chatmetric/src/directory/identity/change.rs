//! One change of one account's identities, worked on a copy of the directory.
//!
//! The operations are in `users`, `groups`, `keys`, `policies` and `roles`; each
//! judges everything first, then changes the copy and puts down its entry of the
//! audit log. Invariant: an operation that is refused has changed nothing.

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;
use serde_json::{Map, Value};

use super::error::{IdentityError, IdentityField, IdentityKind};
use super::id::IdentityIds;
use super::text::check_text;
use super::times::{Lived, Times};
use crate::directory::audit::{Described, NewEntry, differences};
use crate::directory::error::DirectoryError;
use crate::directory::state::{AccountState, State};

/// Changes the identities of one account, in `Directory::change_identities`.
pub struct IdentityChange<'a> {
    pub(super) state: State,
    pub(super) account_id: &'a AccountId,
    pub(super) ids: IdentityIds<'a>,
    pub(super) times: &'a Times,
    pub(super) now: EpochMs,
    entries: Vec<NewEntry>,
}

impl<'a> IdentityChange<'a> {
    pub(in crate::directory) fn new(
        state: State,
        account_id: &'a AccountId,
        ids: IdentityIds<'a>,
        times: &'a Times,
        now: EpochMs,
    ) -> Self {
        Self {
            state,
            account_id,
            ids,
            times,
            now,
            entries: Vec::new(),
        }
    }

    /// What became of the directory, and the entries for the audit log.
    pub(in crate::directory) fn into_parts(self) -> (State, Vec<NewEntry>) {
        (self.state, self.entries)
    }

    pub(super) fn account(&mut self) -> Result<&mut AccountState, DirectoryError> {
        let account = self.state.accounts.get_mut(self.account_id);
        account.ok_or_else(|| DirectoryError::UnknownAccount {
            account: self.account_id.clone(),
        })
    }

    /// Puts an entry down: what came, what went, or what became different.
    pub(super) fn record(
        &mut self,
        action: &'static str,
        target: String,
        before: Option<Map<String, Value>>,
        after: Option<Map<String, Value>>,
    ) {
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => {
                let (was, is) = differences(before, after);
                if is.is_empty() {
                    // Nothing became different, so nothing is written at all.
                    return;
                }
                (Some(was), Some(is))
            }
            one => one,
        };
        self.entries.push(NewEntry {
            account: self.account_id.clone(),
            action,
            target,
            before,
            after,
        });
    }

    /// The times of something that is made now.
    pub(super) fn born(&self) -> Lived {
        Lived {
            created_ms: self.now.0,
            updated_ms: self.now.0,
        }
    }

    /// The times of something that was there and is different now, or not.
    pub(super) fn touched(&self, lived: Lived, is_different: bool) -> Lived {
        if is_different {
            Lived {
                updated_ms: self.now.0,
                ..lived
            }
        } else {
            lived
        }
    }
}

impl std::fmt::Debug for IdentityChange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityChange")
            .field("account", &self.account_id)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

pub(super) fn not_found(kind: IdentityKind, name: impl ToString) -> IdentityError {
    IdentityError::NotFound {
        kind,
        name: name.to_string(),
    }
}

pub(super) fn exists(kind: IdentityKind, name: &str) -> IdentityError {
    IdentityError::Exists {
        kind,
        name: name.to_owned(),
    }
}

/// Refuses a deletion while something hangs on it.
pub(super) fn refuse_in_use(
    kind: IdentityKind,
    name: &str,
    by: IdentityKind,
    is_in_use: bool,
) -> Result<(), IdentityError> {
    if is_in_use {
        return Err(IdentityError::InUse {
            kind,
            name: name.to_owned(),
            by,
        });
    }
    Ok(())
}

/// Refuses one more than there may be.
pub(super) fn refuse_above(
    kind: IdentityKind,
    count: usize,
    limit: usize,
) -> Result<(), IdentityError> {
    if count >= limit {
        return Err(IdentityError::Limit { kind, limit });
    }
    Ok(())
}

pub(super) fn invalid(field: IdentityField) -> impl Fn(String) -> IdentityError {
    move |reason| IdentityError::Invalid { field, reason }
}

pub(super) fn valid_text(field: IdentityField, text: &str) -> Result<(), IdentityError> {
    check_text(field, text).map_err(invalid(field))
}

/// Takes a new value where there is one.
pub(super) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// A thing as JSON, with more that is not its own.
pub(super) fn with(thing: &impl Described, name: &str, value: Value) -> Map<String, Value> {
    let mut map = thing.describe();
    map.insert(name.to_owned(), value);
    map
}
