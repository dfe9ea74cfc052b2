//! The directory's file: made, checked, opened and migrated.
//!
//! A database is recognised by its application id; its schema version is
//! SQLite's user version. Invariant: nothing in the data directory is changed
//! before the master key, the kind of file and the version are known to be right.

mod v1;
mod v2;
mod v3;
mod v4;
mod v5;
mod v6;
mod v7;
mod v8;

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::DirectoryError;
use crate::entropy::Entropy;
use crate::master_key::{MasterKey, RecordKind, SealContext};

/// `CMDR`, so that no other SQLite file is taken for a directory.
const APPLICATION_ID: i64 = 0x434d_4452;

/// How every SQLite file begins.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// What brings a directory from version `index` to `index + 1`.
const MIGRATIONS: [&str; 8] = [
    v1::SQL,
    v2::SQL,
    v3::SQL,
    v4::SQL,
    v5::SQL,
    v6::SQL,
    v7::SQL,
    v8::SQL,
];

pub(super) const META_KEY_ID: &str = "master_key_id";
pub(super) const META_FINGERPRINT_KEY: &str = "fingerprint_key";
/// The account that the first start made.
pub(super) const META_OPERATOR_ACCOUNT: &str = "operator_account";

/// Bytes of the fingerprint key.
const FINGERPRINT_KEY_BYTES: usize = 16;

pub(super) fn open(
    data_dir: &Path,
    path: &Path,
    master_key: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<Connection, DirectoryError> {
    let file = |operation| {
        let path = path.to_owned();
        move |source| DirectoryError::File {
            operation,
            path,
            source,
        }
    };
    let begins = match first_bytes(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(file("read")(error)),
    };
    // SQLite takes a short file of anything for an empty database.
    if !begins.is_empty() && begins != SQLITE_MAGIC {
        return Err(DirectoryError::NotADirectory {
            path: path.to_owned(),
        });
    }
    let exists = !begins.is_empty();
    if exists {
        check(path, master_key)?;
    } else {
        create_file(data_dir, path).map_err(file("create"))?;
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    configure(&connection).map_err(|error| in_use_or(path, "open", error))?;
    migrate(&mut connection, master_key, entropy)?;
    Ok(connection)
}

fn first_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = u64::try_from(SQLITE_MAGIC.len()).unwrap_or(0);
    File::open(path)?.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn create_file(data_dir: &Path, path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)?;
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => file.sync_all()?,
        // An empty file of a first start that was cut off.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    File::open(data_dir)?.sync_all()
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, DirectoryError> {
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(DirectoryError::database("open"))
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // Exclusive first: the index of the WAL is then kept in memory, and no other
    // process can change what the snapshot was read from.
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Removed secrets do not stay in free pages, sealed as they are.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))
}

/// Reads key id and version without changing a byte on disk.
pub(super) fn check(path: &Path, master_key: &MasterKey) -> Result<(), DirectoryError> {
    let connection = open_untouched(path)?;
    let read = |error| match error {
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::NotADatabase => {
            DirectoryError::NotADirectory {
                path: path.to_owned(),
            }
        }
        other => in_use_or(path, "read", other),
    };
    let application_id: i64 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(read)?;
    let tables: i64 = connection
        .query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(read)?;
    if application_id == 0 && tables == 0 {
        // Made by a first start that was cut off before its only transaction.
        return Ok(());
    }
    if application_id != APPLICATION_ID {
        return Err(DirectoryError::NotADirectory {
            path: path.to_owned(),
        });
    }
    let found = schema_version(&connection).map_err(read)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(DirectoryError::NewerSchema { found, known });
    }
    let expected: Vec<u8> = connection
        .query_one(
            "SELECT value FROM meta WHERE name = ?1",
            [META_KEY_ID],
            |row| row.get(0),
        )
        .map_err(read)?;
    if expected != master_key.id().as_bytes() {
        let expected = hex::encode(expected);
        return Err(DirectoryError::WrongMasterKey {
            expected,
            given: master_key.id(),
        });
    }
    Ok(())
}

/// A connection that leaves everything as it is. After a clean stop all is in
/// the main file, which is read as immutable. After a crash the WAL counts too:
/// it is read with its index in memory, and not written back on closing.
pub(super) fn open_untouched(path: &Path) -> Result<Connection, DirectoryError> {
    let wal = with_suffix(path, "-wal");
    let has_wal = std::fs::metadata(&wal).is_ok_and(|metadata| metadata.len() > 0);
    if !has_wal {
        let mut uri = String::from("file:");
        for byte in absolute(path).as_os_str().as_bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
                uri.push(char::from(*byte));
            } else {
                uri.push_str(&format!("%{byte:02X}"));
            }
        }
        uri.push_str("?mode=ro&immutable=1");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        return connect(Path::new(&uri), flags);
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let database = DirectoryError::database("read");
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(database)?;
    connection
        .pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))
        .map_err(database)?;
    Ok(connection)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: Vec<u8> = path.as_os_str().as_bytes().to_vec();
    name.extend_from_slice(suffix.as_bytes());
    PathBuf::from(OsString::from_vec(name))
}

fn in_use_or(path: &Path, operation: &'static str, error: rusqlite::Error) -> DirectoryError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DirectoryError::InUse {
            path: path.to_owned(),
        },
        Some(_) | None => DirectoryError::Database {
            operation,
            source: error,
        },
    }
}

fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// All missing migrations and, for a new directory, its own keys: one transaction.
fn migrate(
    connection: &mut Connection,
    master_key: &MasterKey,
    entropy: &dyn Entropy,
) -> Result<(), DirectoryError> {
    let database = DirectoryError::database("migrate");
    let found = schema_version(connection).map_err(database)?;
    let done = usize::try_from(found).unwrap_or(0);
    let missing = MIGRATIONS.get(done..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(database)?;
    for sql in missing {
        transaction.execute_batch(sql).map_err(database)?;
    }
    let is_new = transaction
        .query_one("SELECT 1 FROM meta WHERE name = ?1", [META_KEY_ID], |_| {
            Ok(())
        })
        .optional()
        .map_err(database)?
        .is_none();
    if is_new {
        let mut key = Zeroizing::new([0_u8; FINGERPRINT_KEY_BYTES]);
        entropy.fill(key.as_mut());
        let sealed = master_key
            .seal(FINGERPRINT_CONTEXT, key.as_ref(), entropy)
            .map_err(|source| DirectoryError::Secret {
                what: "the installation".to_owned(),
                source,
            })?;
        for (name, value) in [
            (META_KEY_ID, master_key.id().as_bytes().as_slice()),
            (META_FINGERPRINT_KEY, &sealed),
        ] {
            transaction
                .execute(
                    "INSERT INTO meta (name, value) VALUES (?1, ?2)",
                    (name, value),
                )
                .map_err(database)?;
        }
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(database)?;
    let version = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    transaction
        .pragma_update(None, "user_version", version)
        .map_err(database)?;
    transaction.commit().map_err(database)
}

pub(super) const FINGERPRINT_CONTEXT: SealContext<'static> = SealContext {
    kind: RecordKind::FingerprintKey,
    tenant: "",
    record: "",
};

/// The sealed fingerprint key, opened.
pub(super) fn fingerprint_key(
    connection: &Connection,
    master_key: &MasterKey,
) -> Result<Zeroizing<[u8; FINGERPRINT_KEY_BYTES]>, DirectoryError> {
    let sealed: Vec<u8> = connection
        .query_one(
            "SELECT value FROM meta WHERE name = ?1",
            [META_FINGERPRINT_KEY],
            |row| row.get(0),
        )
        .map_err(DirectoryError::database("read"))?;
    let what = || "the installation".to_owned();
    let opened = master_key
        .open(FINGERPRINT_CONTEXT, &sealed)
        .map_err(|source| DirectoryError::Secret {
            what: what(),
            source,
        })?;
    let bytes = opened
        .as_slice()
        .try_into()
        .map_err(|_| DirectoryError::Damaged {
            what: "the fingerprint key has another length".to_owned(),
        })?;
    Ok(Zeroizing::new(bytes))
}

/// What tells one installation from another, and gives nothing away.
pub(super) fn instance_id(
    connection: &Connection,
    master_key: &MasterKey,
) -> Result<String, DirectoryError> {
    let key = fingerprint_key(connection, master_key)?;
    let mut digest = Sha256::new_with_prefix(b"chatmetric instance 1");
    digest.update(key.as_slice());
    let digest = digest.finalize();
    Ok(hex::encode(digest.get(..16).unwrap_or_default()))
}

/// Kind, version and soundness of a copy that nobody has open.
pub(super) fn check_copy(path: &Path) -> Result<(), DirectoryError> {
    let not_ours = || DirectoryError::NotADirectory {
        path: path.to_owned(),
    };
    let connection = open_untouched(path)?;
    let read = DirectoryError::database("read");
    let application_id: i64 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|_| not_ours())?;
    if application_id != APPLICATION_ID {
        return Err(not_ours());
    }
    let found = schema_version(&connection).map_err(read)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(DirectoryError::NewerSchema { found, known });
    }
    let said: String = connection
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .map_err(read)?;
    if said == "ok" {
        return Ok(());
    }
    Err(DirectoryError::Damaged { what: said })
}

pub(super) fn backup(connection: &Connection, destination: &Path) -> Result<(), DirectoryError> {
    let file = |operation| {
        move |source| DirectoryError::File {
            operation,
            path: destination.to_owned(),
            source,
        }
    };
    // SQLite copies into a file that is empty, and keeps its mode.
    let copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(destination)
        .map_err(file("create"))?;
    let name = destination.to_str().ok_or_else(|| {
        file("name")(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path is not UTF-8",
        ))
    })?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => file("write")(io::ErrorKind::StorageFull.into()),
            Some(_) | None => DirectoryError::database("copy")(error),
        })?;
    copy.sync_all().map_err(file("sync"))?;
    let parent = destination
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = File::open(parent.unwrap_or(Path::new("."))).map_err(file("sync"))?;
    parent.sync_all().map_err(file("sync"))
}

#[cfg(test)]
mod tests;
