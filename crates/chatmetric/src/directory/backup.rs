//! What a backup needs of the directory: a copy, its names, and a look at a copy.
//!
//! Not here: where copies go. Invariant: while [`Directory::backup_with`] runs nothing
//! changes the directory, so what is taken meanwhile from elsewhere refers only to what
//! the copy knows.

use super::error::DirectoryError;
use super::{Directory, schema};
use crate::master_key::KeyId;
use std::path::Path;

impl Directory {
    /// Writes a consistent copy to a new file (mode 0600), synced. The copy's
    /// secrets are sealed with the same master key.
    ///
    /// # Errors
    /// What SQLite or the file system says, also when `destination` exists.
    pub fn backup_to(&self, destination: &Path) -> Result<(), DirectoryError> {
        self.backup_with(destination, || Ok(()))
    }

    /// As [`Directory::backup_to`]; first calls `cut`, with the directory held. An event
    /// reaches the store after the directory knew its space, so a cut of the store that
    /// is taken here names no space that the copy does not have; and no space can go
    /// between the two.
    ///
    /// # Errors
    /// What `cut` said, or as [`Directory::backup_to`].
    pub fn backup_with<T, E: From<DirectoryError>>(
        &self,
        destination: &Path,
        cut: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let writer = self.write();
        let cut = cut()?;
        schema::backup(&writer.connection, destination)?;
        Ok(cut)
    }

    /// The public name of the master key that seals the secrets here.
    #[must_use]
    pub fn master_key_id(&self) -> KeyId {
        self.write().master_key.id()
    }

    /// The public name of the installation, made of its fingerprint key, which never
    /// changes and goes with every backup: 32 hexadecimal digits.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// Reads all of a copy, as SQLite does to find damage, without changing it.
    ///
    /// # Errors
    /// [`DirectoryError::Damaged`] with what is wrong; [`DirectoryError::NotADirectory`],
    /// [`DirectoryError::NewerSchema`].
    pub fn check_copy(path: &Path) -> Result<(), DirectoryError> {
        schema::check_copy(path)
    }
}
