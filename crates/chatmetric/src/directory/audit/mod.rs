//! The audit log: who changed what in the directory, when, and from what to what.
//!
//! Written in the transaction of the change, so there is no change without its
//! entry and no entry without its change; only looks at what is sealed have entries of
//! their own. Nothing is ever taken out of it or
//! altered: the database refuses both. An entry takes about 300 bytes on disk and
//! at most two values of [`AUDIT_VALUE_BYTES_MAX`].
//!
//! Invariant: no secret is in it; that a secret became another one is.

mod describe;
mod rows;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub(super) use describe::{Described, apply_entries, bound_entries, differences, family_entry};
pub(super) use rows::{What, append, append_one, page};

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;

use super::Directory;
use super::error::DirectoryError;
use super::identity::Actor;

/// Longest text of what was before, and of what is after, in bytes. A longer one
/// is replaced by its length and its hash.
pub const AUDIT_VALUE_BYTES_MAX: usize = 64 * 1024;
/// Most entries of one page.
pub const AUDIT_PAGE_ENTRIES_MAX: usize = 100;
/// Most numbers in one entry; a longer list takes several entries.
pub const AUDIT_ENTRY_NUMBERS_MAX: usize = 1_000;

/// Which entries, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of one account only.
    pub account: Option<AccountId>,
    /// Older than this entry: the last one of the page before.
    pub before_id: Option<i64>,
    /// How many, up to [`AUDIT_PAGE_ENTRIES_MAX`].
    pub limit: usize,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number; later entries have higher ones.
    pub id: i64,
    /// When, in ms since the epoch.
    pub at_ms: i64,
    /// The account that was changed.
    pub account: Option<AccountId>,
    /// Who did it.
    pub actor: Actor,
    /// What was done: the name of an operation, `apply` or `first-start`.
    pub action: String,
    /// What it was done to, as in `user/alice`.
    pub target: String,
    /// What was there before and is different or gone now: a JSON object.
    pub before: Option<String>,
    /// What is there now: a JSON object.
    pub after: Option<String>,
}

/// An entry that is to be written.
#[derive(Debug)]
pub(super) struct NewEntry {
    pub(super) account: AccountId,
    pub(super) action: &'static str,
    pub(super) target: String,
    pub(super) before: Option<Map<String, Value>>,
    pub(super) after: Option<Map<String, Value>>,
}

impl Directory {
    /// Notes that somebody looked at something that was closed: an entry of its own,
    /// durable before it is shown.
    ///
    /// # Errors
    /// What SQLite says; then it must not be shown.
    pub fn note_look(
        &self,
        actor: &Actor,
        now: EpochMs,
        account: &AccountId,
        action: &'static str,
        target: &str,
    ) -> Result<(), DirectoryError> {
        let database = DirectoryError::database("write the audit log of");
        let entry = NewEntry {
            account: account.clone(),
            action,
            target: target.to_owned(),
            before: None,
            after: None,
        };
        let writer = self.write_newest()?;
        let transaction = writer.connection.begin().map_err(database)?;
        append(&transaction, actor, now, vec![entry])?;
        transaction.commit(database)
    }
}

/// The text that is stored: JSON of bounded length.
fn bounded(value: Map<String, Value>) -> String {
    let text = Value::Object(value).to_string();
    if text.len() <= AUDIT_VALUE_BYTES_MAX {
        return text;
    }
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    json!({"left_out_bytes": text.len(), "sha256": hash}).to_string()
}

#[cfg(test)]
mod tests {
    //! The bound on one value.

    use super::*;

    #[test]
    fn a_value_that_is_too_long_is_replaced_by_its_hash() {
        let of = |bytes: usize| {
            let empty = bounded(Map::from_iter([("a".to_owned(), json!(""))]));
            let text = "x".repeat(bytes - empty.len());
            bounded(Map::from_iter([("a".to_owned(), json!(text))]))
        };
        assert_eq!(of(AUDIT_VALUE_BYTES_MAX).len(), AUDIT_VALUE_BYTES_MAX);
        let replaced = of(AUDIT_VALUE_BYTES_MAX + 1);
        assert!(
            replaced.starts_with(r#"{"left_out_bytes":65537,"sha256":""#),
            "{replaced}"
        );
    }
}
