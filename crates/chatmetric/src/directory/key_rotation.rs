//! Another master key: every secret is sealed again, in one transaction.
//!
//! Not here: the key files (the command moves them). Bodies in the quarantine are the
//! store's and stay as they are: their key is kept, sealed under the new one, until the
//! floor has passed the rotation and they are gone.
//!
//! Invariant: a directory is sealed under the old key or under the new one, whole.

use super::error::DirectoryError;
use super::shared::revision;
use super::{DIRECTORY_FILE, Directory, rows, schema};
use crate::entropy::Entropy;
use crate::master_key::{KEY_ID_BYTES, KeyId, MasterKey, RecordKind, SealContext};
use chatmetric_core::EpochMs;
use rusqlite::{Connection, Transaction};
use std::path::Path;

/// Most retired keys: of so many rotations within a horizon the oldest refuses the next.
pub const RETIRED_KEYS_MAX: usize = 16;

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRotation {
    /// The key that sealed until now.
    pub before: KeyId,
    /// The key that seals from now on.
    pub after: KeyId,
    /// Secrets that were sealed again.
    pub secrets: usize,
}

/// A secret of the directory: where it is, and what it belongs to.
struct Sealed {
    tenant: String,
    record: String,
    kind: RecordKind,
    bytes: Vec<u8>,
    place: Place,
}

enum Place {
    AccessKey {
        id: String,
    },
    Webhook {
        id: String,
        field: String,
        place: i64,
    },
}

fn failed(source: rusqlite::Error) -> DirectoryError {
    DirectoryError::Database {
        operation: "seal again the secrets of",
        source,
    }
}

impl Directory {
    /// Seals all secrets of the directory below `data_dir`, which nobody has open, under
    /// `new` in the place of `old`. On an error nothing has changed.
    ///
    /// # Errors
    /// [`DirectoryError::WrongMasterKey`] when `old` does not seal it;
    /// [`DirectoryError::Damaged`] when a secret does not open or too many keys were
    /// retired lately; what SQLite says.
    pub fn rotate_master_key(
        data_dir: &Path,
        old: &MasterKey,
        new: &MasterKey,
        entropy: &dyn Entropy,
        now: EpochMs,
    ) -> Result<KeyRotation, DirectoryError> {
        let path = data_dir.join(DIRECTORY_FILE);
        let mut connection = schema::open(data_dir, &path, old, entropy)?;
        let transaction = connection.transaction().map_err(failed)?;
        let again = Again {
            transaction: &transaction,
            old,
            new,
            entropy,
        };
        let secrets = again.secrets()?;
        again.installation()?;
        again.retire(now)?;
        // Whatever was left out opens under the new key no more, and nothing is changed.
        drop(rows::load_snapshot(&transaction, new)?);
        drop(schema::fingerprint_key(&transaction, new)?);
        transaction.commit().map_err(failed)?;
        Ok(KeyRotation {
            before: old.id(),
            after: new.id(),
            secrets,
        })
    }

    /// Whether the directory below `data_dir` is one of several nodes, which share its key.
    ///
    /// # Errors
    /// What reading it says.
    pub fn is_of_node(data_dir: &Path) -> Result<bool, DirectoryError> {
        let connection = schema::open_untouched(&data_dir.join(DIRECTORY_FILE))?;
        Ok(revision(&connection)? > 0)
    }

    /// Whether the directory below `data_dir` is sealed under this key.
    ///
    /// # Errors
    /// What reading it says.
    pub fn is_sealed_under(data_dir: &Path, key: &MasterKey) -> Result<bool, DirectoryError> {
        match schema::check(&data_dir.join(DIRECTORY_FILE), key) {
            Ok(()) => Ok(true),
            Err(DirectoryError::WrongMasterKey { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Forgets the keys that were retired before `floor`: what they sealed has aged out.
    /// Tells how many.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn forget_retired_keys(&self, floor: EpochMs) -> Result<usize, DirectoryError> {
        let mut writer = self.write();
        if writer.retired.is_empty() {
            return Ok(0);
        }
        let sql = "DELETE FROM retired_master_keys WHERE retired_ms < ?1";
        let forgotten = writer.connection.execute(sql, [floor.0]).map_err(failed)?;
        if forgotten > 0 {
            writer.retired = retired_keys(&writer.connection, &writer.master_key)?;
        }
        Ok(forgotten)
    }
}

/// The retired keys, opened.
pub(super) fn retired_keys(
    connection: &Connection,
    master_key: &MasterKey,
) -> Result<Vec<MasterKey>, DirectoryError> {
    let mut statement = connection
        .prepare("SELECT id, key FROM retired_master_keys")
        .map_err(DirectoryError::database("read"))?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(DirectoryError::database("read"))?;
    rows.map(|row| {
        let (id, sealed): ([u8; KEY_ID_BYTES], Vec<u8>) =
            row.map_err(DirectoryError::database("read"))?;
        master_key
            .open_retired(id, &sealed)
            .map_err(|source| DirectoryError::Secret {
                what: "a retired master key".to_owned(),
                source,
            })
    })
    .collect()
}

struct Again<'a> {
    transaction: &'a Transaction<'a>,
    old: &'a MasterKey,
    new: &'a MasterKey,
    entropy: &'a dyn Entropy,
}

impl Again<'_> {
    /// The secrets of access keys and webhooks; tells how many.
    fn secrets(&self) -> Result<usize, DirectoryError> {
        let mut all = self.access_keys()?;
        all.append(&mut self.webhooks()?);
        for secret in &all {
            let bytes = self.again(secret.kind, &secret.tenant, &secret.record, &secret.bytes)?;
            let changed = match &secret.place {
                Place::AccessKey { id } => self.transaction.execute(
                    "UPDATE access_keys SET secret = ?2 WHERE id = ?1",
                    (id, bytes),
                ),
                Place::Webhook { id, field, place } => self.transaction.execute(
                    "UPDATE webhook_secrets SET secret = ?4
                     WHERE webhook_id = ?1 AND field = ?2 AND place = ?3",
                    (id, field, place, bytes),
                ),
            };
            changed.map_err(failed)?;
        }
        Ok(all.len())
    }

    fn access_keys(&self) -> Result<Vec<Sealed>, DirectoryError> {
        let mut statement = self
            .transaction
            .prepare(
                "SELECT a.id, k.id, k.secret
                 FROM access_keys AS k JOIN accounts AS a USING (account_key)",
            )
            .map_err(failed)?;
        let rows = statement.query_map([], |row| {
            let id: String = row.get(1)?;
            Ok(Sealed {
                tenant: row.get(0)?,
                record: id.clone(),
                kind: RecordKind::AccessKeySecret,
                bytes: row.get(2)?,
                place: Place::AccessKey { id },
            })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }

    fn webhooks(&self) -> Result<Vec<Sealed>, DirectoryError> {
        type Row = (String, String, String, i64, Vec<u8>);
        let mut statement = self
            .transaction
            .prepare(
                "SELECT a.id, w.id, s.field, s.place, s.secret
                 FROM webhook_secrets AS s JOIN webhooks AS w ON w.id = s.webhook_id
                 JOIN accounts AS a USING (account_key)",
            )
            .map_err(failed)?;
        let rows = statement.query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        });
        let rows: Vec<Row> = rows.and_then(Iterator::collect).map_err(failed)?;
        rows.into_iter()
            .map(|(tenant, id, field, place, bytes)| {
                let (kind, record) = rows::webhook_secret_place(&id, &field, place)?;
                Ok(Sealed {
                    tenant,
                    record,
                    kind,
                    bytes,
                    place: Place::Webhook { id, field, place },
                })
            })
            .collect()
    }

    /// The installation's own key, and which key seals.
    fn installation(&self) -> Result<(), DirectoryError> {
        let key = schema::fingerprint_key(self.transaction, self.old)?;
        let sealed = self
            .new
            .seal(schema::FINGERPRINT_CONTEXT, key.as_slice(), self.entropy)
            .map_err(|source| DirectoryError::Secret {
                what: "the installation".to_owned(),
                source,
            })?;
        for (name, value) in [
            (schema::META_FINGERPRINT_KEY, sealed.as_slice()),
            (schema::META_KEY_ID, self.new.id().as_bytes().as_slice()),
        ] {
            self.transaction
                .execute("UPDATE meta SET value = ?2 WHERE name = ?1", (name, value))
                .map_err(failed)?;
        }
        Ok(())
    }

    /// Keeps the old key, and those that it kept, under the new one.
    fn retire(&self, now: EpochMs) -> Result<(), DirectoryError> {
        let before = retired_keys(self.transaction, self.old)?;
        if before.len() >= RETIRED_KEYS_MAX {
            return Err(DirectoryError::Damaged {
                what: format!(
                    "{RETIRED_KEYS_MAX} master keys were retired since the floor: bodies in \
                     the quarantine may need each"
                ),
            });
        }
        for key in &before {
            let sealed = self.retired(key)?;
            let sql = "UPDATE retired_master_keys SET key = ?2 WHERE id = ?1";
            let changed = self
                .transaction
                .execute(sql, (key.id().as_bytes().as_slice(), sealed));
            changed.map_err(failed)?;
        }
        let sql = "INSERT INTO retired_master_keys (id, key, retired_ms) VALUES (?1, ?2, ?3)
                   ON CONFLICT (id) DO UPDATE SET key = excluded.key, \
                   retired_ms = excluded.retired_ms";
        let sealed = self.retired(self.old)?;
        let id = self.old.id();
        let row = (id.as_bytes().as_slice(), sealed, now.0);
        self.transaction.execute(sql, row).map_err(failed)?;
        // A key that comes back seals again and is not retired.
        let sql = "DELETE FROM retired_master_keys WHERE id = ?1";
        let id = self.new.id();
        let row = [id.as_bytes().as_slice()];
        self.transaction.execute(sql, row).map_err(failed)?;
        Ok(())
    }

    fn retired(&self, key: &MasterKey) -> Result<Vec<u8>, DirectoryError> {
        self.new
            .seal_retired(key, self.entropy)
            .map_err(|source| DirectoryError::Secret {
                what: "a retired master key".to_owned(),
                source,
            })
    }

    fn again(
        &self,
        kind: RecordKind,
        tenant: &str,
        record: &str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, DirectoryError> {
        let context = SealContext {
            kind,
            tenant,
            record,
        };
        let refused = |source| DirectoryError::Secret {
            what: format!("`{record}` of account {tenant}"),
            source,
        };
        let opened = self.old.open(context, sealed).map_err(refused)?;
        self.new
            .seal(context, &opened, self.entropy)
            .map_err(refused)
    }
}
