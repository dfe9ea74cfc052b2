//! What a backup says of itself: `manifest.json`, proven by `manifest.sha256`.
//!
//! It is read as something that a stranger may have written: in bounded memory, and
//! every path in it must be one that this program gives. Invariant: a manifest that was
//! read names no file outside the directory of backups, and no file twice.

use super::{BackupError, FILES_MAX, FORMAT};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::path::Path;

/// The file of a manifest.
pub(super) const MANIFEST_FILE: &str = "manifest.json";
/// The file that proves it, as `sha256sum -c` reads it.
pub(super) const MANIFEST_SUM_FILE: &str = "manifest.sha256";
/// The part of a backup that is the directory of accounts.
pub(super) const DIRECTORY_PART: &str = "directory";
/// What comes before the name of a part of the store.
pub(super) const STORE_PREFIX: &str = "store/";
/// Where runs are, for all backups.
pub(super) const RUNS_DIR: &str = "runs";
/// How the names of runs end.
pub(super) const RUN_SUFFIX: &str = ".run";
/// Where backups are, each in a directory of its name.
pub(super) const BACKUPS_DIR: &str = "backups";
/// Longest name of a backup or of a file, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// All of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// [`FORMAT`]
    pub(super) format: u32,
    /// The version of the program that made it.
    pub(super) program: String,
    /// The name of the backup; later ones are greater.
    pub(super) id: String,
    /// Whose it is.
    pub(super) instance: String,
    /// When it was made, RFC 3339.
    pub(super) created_at: String,
    /// The same in ms.
    pub(super) created_ms: i64,
    /// The public name of the master key that opens its secrets.
    pub(super) master_key_id: String,
    /// The format of the store's parts.
    pub(super) store_format: u32,
    /// For each shard of the store, the place in its journal up to which it goes.
    pub(super) positions: Vec<u64>,
    /// Its files.
    pub(super) files: Vec<FileEntry>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    /// Where it is below the directory of backups.
    pub(super) path: String,
    /// What it is: [`DIRECTORY_PART`], or [`STORE_PREFIX`] with the name of a part.
    pub(super) part: String,
    /// Its length.
    pub(super) bytes: u64,
    /// Its SHA-256, 64 hexadecimal digits.
    pub(super) sha256: String,
}

/// What is read first of a manifest of any version.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

impl Manifest {
    /// The bytes of both files.
    ///
    /// # Errors
    /// Of the serializer alone.
    pub(super) fn to_files(&self) -> Result<(Vec<u8>, String), serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let sum = format!("{}  {MANIFEST_FILE}\n", sha256(&text));
        Ok((text, sum))
    }

    /// Reads both files; `path` is the name of the first in errors.
    pub(super) fn from_files(
        path: &Path,
        id: &str,
        text: &[u8],
        sum: &[u8],
    ) -> Result<Self, BackupError> {
        let damaged = |what: &str| BackupError::damaged(path, what);
        if sum != format!("{}  {MANIFEST_FILE}\n", sha256(text)).as_bytes() {
            return Err(damaged(&format!("is not what `{MANIFEST_SUM_FILE}` says")));
        }
        let any: AnyFormat =
            serde_json::from_slice(text).map_err(|_| damaged("is not a manifest"))?;
        if any.format > FORMAT {
            return Err(BackupError::Newer {
                file: path.to_owned(),
                found: any.format,
                supported: FORMAT,
            });
        }
        let manifest: Self = serde_json::from_slice(text)
            .map_err(|error| damaged(&format!("is no manifest: {error}")))?;
        if manifest.id != id {
            return Err(damaged(&format!("is of the backup `{}`", manifest.id)));
        }
        manifest.check(path)?;
        Ok(manifest)
    }

    fn check(&self, path: &Path) -> Result<(), BackupError> {
        if self.files.len() > FILES_MAX {
            return Err(BackupError::TooMany {
                path: path.to_owned(),
                what: "files",
                max: FILES_MAX,
            });
        }
        let mut seen = HashSet::new();
        for file in &self.files {
            if !is_file_path(&file.path, &self.id) {
                let what = format!(
                    "names the file `{}`, which no backup has",
                    file.path.escape_debug()
                );
                return Err(BackupError::damaged(path, what));
            }
            if !seen.insert(&file.path) || !seen.insert(&file.part) {
                let what = format!("names `{}` twice", file.path);
                return Err(BackupError::damaged(path, what));
            }
        }
        for part in [DIRECTORY_PART, "store/catalog"] {
            if !self.files.iter().any(|file| file.part == part) {
                let what = format!("names no file for `{part}`");
                return Err(BackupError::damaged(path, what));
            }
        }
        Ok(())
    }

    /// Bytes of all files together.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Whether a backup, or a file, may have this name: one that is no path, hidden or odd.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with(['.', '-'])
}

/// Whether a file of the backup `id` may be there: among the runs, or its own.
fn is_file_path(path: &str, id: &str) -> bool {
    let pieces: Vec<&str> = path.split('/').collect();
    match pieces.as_slice() {
        [RUNS_DIR, name] => is_name(name),
        [BACKUPS_DIR, of, name] => *of == id && is_name(name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let file = |path: &str, part: &str| FileEntry {
            path: path.to_owned(),
            part: part.to_owned(),
            bytes: 7,
            sha256: sha256(b"x"),
        };
        Manifest {
            format: FORMAT,
            program: "0.1.0".to_owned(),
            id: "000001-x".to_owned(),
            instance: "aa".to_owned(),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            created_ms: 1,
            master_key_id: "bb".to_owned(),
            store_format: 1,
            positions: vec![1],
            files: vec![
                file("backups/000001-x/directory.sqlite", "directory"),
                file("backups/000001-x/catalog", "store/catalog"),
                file("runs/1-2.run", "store/runs/0000000000000001.run"),
            ],
        }
    }

    fn read(manifest: &Manifest) -> Result<Manifest, BackupError> {
        let (text, sum) = manifest.to_files().expect("written");
        Manifest::from_files(Path::new("m"), "000001-x", &text, sum.as_bytes())
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(read(&manifest()).expect("read"), manifest());
        assert_eq!(manifest().bytes(), 21);
    }

    #[test]
    fn each_flipped_bit_and_each_cut_is_found() {
        let (text, sum) = manifest().to_files().expect("written");
        let sum = sum.as_bytes();
        let from = |text: &[u8], sum: &[u8]| {
            Manifest::from_files(Path::new("m"), "000001-x", text, sum).is_ok()
        };
        for at in 0..text.len() {
            let mut flipped = text.clone();
            flipped[at] ^= 1;
            assert!(!from(&flipped, sum), "byte {at}");
            assert!(!from(&text[..at], sum), "cut at {at}");
        }
        for at in 0..sum.len() {
            let mut flipped = sum.to_vec();
            flipped[at] ^= 1;
            assert!(!from(&text, &flipped), "byte {at} of the sum");
        }
        assert!(from(&text, sum));
    }

    #[test]
    fn no_file_is_outside_or_of_another_backup() {
        for path in [
            "../x",
            "/etc/passwd",
            "runs/../x",
            "runs/..",
            "runs/a/b",
            "runs/",
            "runs",
            "",
            "runs/.hidden",
            "runs/a b",
            "runs/a\0b",
            "backups/000002-x/catalog2",
            "backups/000001-x/../catalog",
            "lock",
        ] {
            let mut manifest = manifest();
            manifest.files[2].path = path.to_owned();
            let error = read(&manifest).expect_err(path).to_string();
            assert!(error.contains("which no backup has"), "{path}: {error}");
        }
        let mut twice = manifest();
        twice.files[2].path = twice.files[1].path.clone();
        assert!(
            read(&twice)
                .expect_err("twice")
                .to_string()
                .contains("twice")
        );
        let mut twice = manifest();
        twice.files[2].part = twice.files[1].part.clone();
        assert!(
            read(&twice)
                .expect_err("twice")
                .to_string()
                .contains("twice")
        );
    }

    #[test]
    fn a_newer_format_is_named_before_anything_else_is_read() {
        let text = b"{\"format\":2,\"unknown\":true}";
        let sum = format!("{}  {MANIFEST_FILE}\n", sha256(text));
        let read = Manifest::from_files(Path::new("m"), "000001-x", text, sum.as_bytes());
        assert!(matches!(read, Err(BackupError::Newer { found: 2, .. })));
    }

    #[test]
    fn too_many_files_are_refused() {
        let mut many = manifest();
        let file = many.files[2].clone();
        for number in 0..FILES_MAX {
            many.files.push(FileEntry {
                path: format!("runs/{number}"),
                part: format!("store/{number}"),
                ..file.clone()
            });
        }
        assert!(matches!(read(&many), Err(BackupError::TooMany { .. })));
        many.files.truncate(FILES_MAX);
        assert!(read(&many).is_ok());
    }
}
