//! The whole directory as one sealed piece, and how a node begins with it.
//!
//! Not here: where pictures are kept. Invariant: a picture is put in the place of the file
//! whole or not at all, readable to us alone.

use super::{context, database};
use crate::directory::error::DirectoryError;
use crate::directory::{ChangeLog, DIRECTORY_FILE, Directory, ProposeError};
use crate::master_key::{MasterKey, RecordKind, SealError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The file that becomes the directory, and the copy that becomes a picture.
const DRAFT: &str = "directory.picture";

/// What the first change says: which installation it is.
const BEGINS: &str = "chatmetric directory 1 ";

impl Directory {
    /// The directory as it is, sealed, and the number of the last change in it.
    ///
    /// # Errors
    /// What SQLite and the file system say.
    pub fn picture(&self) -> Result<(u64, Vec<u8>), DirectoryError> {
        let copy = self.path.with_file_name(DRAFT);
        let writer = self.lock();
        remove(&copy)?;
        crate::directory::schema::backup(&writer.connection, &copy)?;
        let revision = writer.connection.revision()?;
        let bytes = std::fs::read(&copy).map_err(|source| file("read", &copy, source))?;
        remove(&copy)?;
        // The first picture is made before the first change, which it becomes.
        let name = revision.max(1).to_string();
        let sealer = writer.master_key.message_sealer();
        let context = context(RecordKind::DirectoryPicture, &name);
        let sealed = sealer.seal(context, &bytes, self.entropy.as_ref());
        let sealed = sealed.map_err(secret)?;
        Ok((revision, sealed))
    }

    /// Random letters, for a name that nobody else takes.
    #[must_use]
    pub fn nonce(&self) -> String {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        hex::encode(bytes)
    }

    /// Makes the first change of a log: from now on this directory is its fold.
    ///
    /// # Errors
    /// [`ProposeError`]; then the directory is nobody else's.
    pub fn begin_sharing(&self, log: &dyn ChangeLog) -> Result<(), ProposeError> {
        let said = |error: DirectoryError| ProposeError::Unknown(crate::cli::error_chain(&error));
        let writer = self.lock();
        let sealer = writer.master_key.message_sealer();
        let text = format!("{BEGINS}{}", self.instance_id);
        let context = context(RecordKind::DirectoryChange, "1");
        let sealed = sealer.seal(context, text.as_bytes(), self.entropy.as_ref());
        log.propose(1, sealed.map_err(|source| said(secret(source)))?)?;
        database::keep_revision(&writer.connection, 1).map_err(said)
    }

    /// Notes what a picture that has no number inside begins with.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn begin_at(&self, revision: u64) -> Result<(), DirectoryError> {
        let writer = self.lock();
        if writer.connection.revision()? == 0 {
            database::keep_revision(&writer.connection, revision)?;
        }
        Ok(())
    }

    /// Whether a change of a log is sealed under this key.
    ///
    /// # Errors
    /// [`SealError::OtherKey`] when it is not.
    pub fn check_change(key: &MasterKey, revision: u64, sealed: &[u8]) -> Result<(), SealError> {
        let name = revision.to_string();
        let context = context(RecordKind::DirectoryChange, &name);
        key.message_sealer().open(context, sealed).map(drop)
    }

    /// Which installation the first change of a log says.
    #[must_use]
    pub fn instance_of(key: &MasterKey, revision: u64, sealed: &[u8]) -> Option<String> {
        let name = revision.to_string();
        let context = context(RecordKind::DirectoryChange, &name);
        let opened = key.message_sealer().open(context, sealed).ok()?;
        let text = std::str::from_utf8(&opened).ok()?;
        text.strip_prefix(BEGINS).map(str::to_owned)
    }

    /// Puts a picture in the place of the directory below `data_dir`, which nobody has
    /// open.
    ///
    /// # Errors
    /// A picture that does not open; what the file system says.
    pub fn place_picture(
        data_dir: &Path,
        key: &MasterKey,
        revision: u64,
        sealed: &[u8],
    ) -> Result<(), DirectoryError> {
        let name = revision.to_string();
        let context = context(RecordKind::DirectoryPicture, &name);
        let bytes = key.message_sealer().open(context, sealed).map_err(secret)?;
        let draft = data_dir.join(DRAFT);
        let path = data_dir.join(DIRECTORY_FILE);
        remove(&draft)?;
        let write = || -> io::Result<()> {
            let mut options = std::fs::OpenOptions::new();
            let mut made = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)?;
            made.write_all(&bytes)?;
            made.sync_all()
        };
        write().map_err(|source| file("write", &draft, source))?;
        // What is left of the old one would be taken for the new one's.
        for more in ["-wal", "-shm"] {
            remove(&data_dir.join(format!("{DIRECTORY_FILE}{more}")))?;
        }
        std::fs::rename(&draft, &path)
            .and_then(|()| std::fs::File::open(data_dir)?.sync_all())
            .map_err(|source| file("put into its place", &path, source))
    }
}

fn remove(path: &Path) -> Result<(), DirectoryError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file("remove", path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn file(operation: &'static str, path: &Path, source: io::Error) -> DirectoryError {
    DirectoryError::File {
        operation,
        path: path.to_owned(),
        source,
    }
}

fn secret(source: SealError) -> DirectoryError {
    DirectoryError::Secret {
        what: "the cluster's directory".to_owned(),
        source,
    }
}
