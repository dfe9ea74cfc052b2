//! What the watch remembers over a restart: values with names, bounded in size.

use rusqlite::params;

use super::DATABASE;
use crate::directory::Directory;
use crate::directory::error::DirectoryError;

/// Longest value, in bytes.
const VALUE_BYTES_MAX: usize = 16 * 1024;

impl Directory {
    /// What the watch remembers under these names.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn watch_memory(&self) -> Result<Vec<(String, Vec<u8>)>, DirectoryError> {
        let writer = self.write();
        let mut statement = writer
            .connection
            .prepare_cached("SELECT name, value FROM watch_memory")
            .map_err(DATABASE)?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(DATABASE)?;
        rows.collect::<rusqlite::Result<_>>().map_err(DATABASE)
    }

    /// Remembers these values, and no others whose names begin with `prefix`.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn keep_watch_memory(
        &self,
        prefix: &str,
        values: &[(String, Vec<u8>)],
    ) -> Result<(), DirectoryError> {
        let writer = self.write();
        let transaction = writer.connection.begin().map_err(DATABASE)?;
        transaction
            .execute(
                "DELETE FROM watch_memory WHERE substr(name, 1, length(?1)) = ?1",
                [prefix],
            )
            .map_err(DATABASE)?;
        let mut statement = transaction
            .prepare_cached("INSERT OR REPLACE INTO watch_memory (name, value) VALUES (?1, ?2)")
            .map_err(DATABASE)?;
        for (name, value) in values {
            if value.len() <= VALUE_BYTES_MAX {
                statement.execute(params![name, value]).map_err(DATABASE)?;
            }
        }
        drop(statement);
        transaction.commit(DATABASE)
    }
}
