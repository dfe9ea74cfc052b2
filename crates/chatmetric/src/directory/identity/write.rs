//! How changes of identities, uses of keys and the audit log reach the disk.

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccessKeyId, AccountId};

use super::Actor;
use super::change::IdentityChange;
use super::error::ChangeIdentitiesError;
use super::id::IdentityIds;
use crate::directory::audit::{self, AuditEntry, AuditFilter};
use crate::directory::diff;
use crate::directory::error::DirectoryError;
use crate::directory::{Directory, Writer, rows};

impl Directory {
    /// Changes identities of one account: one transaction with its entries of the
    /// audit log, durable and in the next [`Directory::snapshot`] when it returns.
    /// Changes come one after the other; each sees all before it. Blocks on the
    /// disk. What changes nothing writes nothing.
    ///
    /// # Errors
    /// What the change refuses; then, and when the directory fails, nothing was
    /// changed.
    pub fn change_identities<T>(
        &self,
        account: &AccountId,
        actor: &Actor,
        now: EpochMs,
        change: impl FnOnce(&mut IdentityChange<'_>) -> Result<T, ChangeIdentitiesError>,
    ) -> Result<T, ChangeIdentitiesError> {
        let mut writer = self.write_newest()?;
        let Writer {
            connection,
            master_key,
            ..
        } = &mut *writer;
        let (old, times) = rows::load_timed(connection, master_key)?;
        if !old.accounts.contains_key(account) {
            return Err(unknown(account).into());
        }
        let ids = IdentityIds::new(connection, self.entropy.as_ref());
        let mut working = IdentityChange::new(old.clone(), account, ids, &times, now);
        let result = change(&mut working)?;
        let (new, entries) = working.into_parts();
        let changes = diff::diff(&old, &new);
        if !changes.is_empty() {
            let write = rows::Write {
                actor,
                master_key,
                entropy: self.entropy.as_ref(),
                now,
            };
            let snapshot = rows::write_changes(connection, &write, &new, &changes, entries)?;
            self.publish(snapshot);
        }
        Ok(result)
    }

    /// Notes that a key signed a call that was verified. Cheap; written by
    /// [`Directory::keep_key_uses`].
    pub fn note_key_use(&self, key: &AccessKeyId, product: &str, now: EpochMs) {
        self.key_uses.note(key, product, now);
    }

    /// Writes the last uses of keys that are due, or all (`everything`, at the
    /// end). Blocks on the disk.
    ///
    /// # Errors
    /// What SQLite says; the next call tries again.
    pub fn keep_key_uses(&self, now: EpochMs, everything: bool) -> Result<(), DirectoryError> {
        let due = self.key_uses.due(now, everything);
        if due.is_empty() {
            return Ok(());
        }
        self.again(|| rows::write_key_uses(&self.write_newest()?.connection, &due))?;
        self.key_uses.written(&due, now);
        let snapshot = self.snapshot();
        self.key_uses.retain(|id| snapshot.access_key(id).is_some());
        Ok(())
    }

    /// Entries of the audit log, the newest first, at most
    /// [`audit::AUDIT_PAGE_ENTRIES_MAX`].
    ///
    /// # Errors
    /// What SQLite says.
    pub fn audit_log(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DirectoryError> {
        audit::page(&self.write().connection, filter)
    }
}

fn unknown(account: &AccountId) -> DirectoryError {
    DirectoryError::UnknownAccount {
        account: account.clone(),
    }
}
