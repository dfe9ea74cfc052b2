//! Where an export goes: stdout, or a file that has its name only when it is whole.
//!
//! Invariant: a file that was there is written over with `--force` alone, and then at
//! once; a command that fails leaves nothing.

use crate::cli::CliError;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Stdout, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// Where rows go.
pub(super) enum Destination {
    Stdout(BufWriter<Stdout>),
    File(Box<NewFile>),
}

/// A file that is being written under another name.
pub(super) struct NewFile {
    writer: BufWriter<NamedTempFile>,
    target: PathBuf,
    force: bool,
}

impl Destination {
    pub(super) fn stdout() -> Self {
        Self::Stdout(BufWriter::with_capacity(WRITE_BYTES, io::stdout()))
    }

    /// Begins a file; refuses what must not be written over.
    pub(super) fn create(target: &Path, force: bool) -> Result<Self, CliError> {
        let shown = target.display();
        match std::fs::symlink_metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(CliError::usage(format!(
                    "could not look at `{shown}`: {error}"
                )));
            }
            Ok(metadata) if metadata.is_dir() => {
                return Err(
                    CliError::usage(format!("`{shown}` is a directory")).hint("name a file in it")
                );
            }
            Ok(metadata) if !metadata.is_file() => {
                return Err(
                    CliError::usage(format!("`{shown}` is there and is not a plain file"))
                        .hint("write to `-` and send it there with `>`"),
                );
            }
            Ok(_) if !force => return Err(there(target)),
            Ok(_) => {}
        }
        let name = target
            .file_name()
            .ok_or_else(|| CliError::usage(format!("`{shown}` is not the name of a file")))?;
        let folder = folder_of(target);
        let prefix = format!(".{}.", name.to_string_lossy());
        let file = tempfile::Builder::new()
            .prefix(&prefix)
            // As any file that is made: less what the umask takes away.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(|error| {
                CliError::usage(format!(
                    "could not write into `{}`: {error}",
                    folder.display()
                ))
            })?;
        Ok(Self::File(Box::new(NewFile {
            writer: BufWriter::with_capacity(WRITE_BYTES, file),
            target: target.to_owned(),
            force,
        })))
    }

    /// Makes it durable and gives it its name.
    pub(super) fn finish(self) -> Result<(), CliError> {
        match self {
            Self::Stdout(mut stdout) => stdout.flush().map_err(|error| CliError::output(&error)),
            Self::File(file) => file.finish(),
        }
    }
}

impl NewFile {
    fn finish(self) -> Result<(), CliError> {
        let target = &self.target;
        let failed = |error: io::Error| {
            CliError::failed(format!("could not write `{}`: {error}", target.display()))
        };
        let file = self.writer.into_inner();
        let file = file.map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        let named = if self.force {
            file.persist(target)
        } else {
            file.persist_noclobber(target)
        };
        match named {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(there(target));
            }
            Err(error) => return Err(failed(error.error)),
        }
        let synced = File::open(folder_of(target)).and_then(|folder| folder.sync_all());
        synced.map_err(failed)
    }
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn there(target: &Path) -> CliError {
    CliError::usage(format!("`{}` is there already", target.display()))
        .hint("`--force` writes over it")
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.writer.flush(),
        }
    }
}
