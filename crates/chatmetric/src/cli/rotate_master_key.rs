//! `chatmetric admin rotate-master-key`: another key seals the secrets of a data directory.
//!
//! Not here: what is sealed again (the directory knows). Invariant: at every moment a file
//! beside the data holds the key that opens it; a rotation that was cut off is finished by
//! the same command.

use super::data_dir::{DataDirError, DataDirLock, OpenMode, system_clock};
use super::session::explain_open;
use super::{CliError, Exit, InstanceArguments, Terminal};
use crate::directory::Directory;
use crate::entropy::SystemEntropy;
use crate::master_key::{MasterKey, key_path_beside};
use clap::Args;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Stop the server first. Every secret is sealed again under a new key, in one step. The new key\ntakes the place of the old file, which stays beside it as `FILE.retired-ID`: backups made before\nopen with it alone. Temporary credentials (STS) that were given out before end. With\n`--new-key-file` no file is moved: start the server with that file afterwards.\n\nExamples:\n  chatmetric admin rotate-master-key\n  chatmetric admin rotate-master-key --new-key-file /run/secrets/chatmetric-2027.key"
)]
pub(super) struct RotateMasterKeyArguments {
    /// A file with the new key (base64 of 32 bytes, mode 0600); made when it is not there
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
    #[command(flatten)]
    instance: InstanceArguments,
}

pub(super) fn run(
    arguments: &RotateMasterKeyArguments,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let data_dir = &arguments.instance.data_dir;
    let lock = DataDirLock::acquire(data_dir, OpenMode::Existing).map_err(|error| {
        let held = matches!(error, DataDirError::InUse { .. });
        let cli = explain_open(&error);
        if held {
            cli.hint("the key changes only while nothing uses it")
        } else {
            cli
        }
    })?;
    let usage = |error: &dyn std::error::Error| CliError::from_error(Exit::Usage, error);
    let old_path = match &arguments.instance.master_key_file {
        Some(path) => path.clone(),
        None => key_path_beside(data_dir).map_err(|error| usage(&error))?,
    };
    let old = MasterKey::load(&old_path).map_err(|error| usage(&error))?;
    if !Directory::exists(data_dir) {
        let none = format!("`{}` holds no directory to seal again", data_dir.display());
        return Err(CliError::usage(none));
    }
    // The other nodes would open nothing any more.
    let of_node = Directory::is_of_node(data_dir)
        .map_err(|error| explain_open(&DataDirError::Directory(error)))?;
    if of_node {
        let path = data_dir.clone();
        return Err(usage(&DataDirError::OfNode { path })
            .hint("the master key cannot be rotated while nodes share it"));
    }
    let new_path = arguments
        .new_key_file
        .clone()
        .unwrap_or_else(|| pending_path(&old_path));
    let new = load_or_make(&new_path)?;
    if new.id() == old.id() {
        return Err(CliError::usage(format!(
            "`{}` holds the key that seals already",
            new_path.display()
        )));
    }
    let failed = |error: &dyn std::error::Error| CliError::from_error(Exit::Failed, error);
    if Directory::is_sealed_under(data_dir, &new).map_err(|error| failed(&error))? {
        terminal.say("the secrets are sealed under the new key already");
    } else {
        let now = system_clock().now();
        let rotated = Directory::rotate_master_key(data_dir, &old, &new, &SystemEntropy, now)
            .map_err(|error| explain_open(&DataDirError::Directory(error)))?;
        terminal.say(&format!(
            "master key {} -> {}: {} secrets are sealed again",
            rotated.before, rotated.after, rotated.secrets
        ));
    }
    if arguments.new_key_file.is_some() {
        let path = new_path.display();
        terminal.say(&format!("start the server with `--master-key-file {path}`"));
    } else {
        let retired = put_in_place(&old, &old_path, &new_path).map_err(|error| {
            failed(&error).hint(format!(
                "the secrets are sealed under the key in `{}`: run the command again",
                new_path.display()
            ))
        })?;
        terminal.say(&format!(
            "the old key is `{}`: backups made before open with it alone",
            retired.display()
        ));
    }
    terminal.say("temporary credentials (STS) that were given out before have ended");
    drop(lock);
    Ok(())
}

/// Where a key waits until the secrets are sealed under it.
pub(super) fn pending_path(key_path: &Path) -> PathBuf {
    with_suffix(key_path, ".new")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn load_or_make(path: &Path) -> Result<MasterKey, CliError> {
    let usage = |error: &dyn std::error::Error| CliError::from_error(Exit::Usage, error);
    if path.exists() {
        return MasterKey::load(path).map_err(|error| usage(&error));
    }
    let key = MasterKey::generate(&SystemEntropy);
    key.write_new(path).map_err(|error| usage(&error))?;
    Ok(key)
}

/// The old key gets another name, then the new one its own: there is always one.
fn put_in_place(old: &MasterKey, old_path: &Path, new_path: &Path) -> io::Result<PathBuf> {
    let id = old.id().to_string();
    let short = id.get(..8).unwrap_or(&id);
    let retired = with_suffix(old_path, &format!(".retired-{short}"));
    match std::fs::hard_link(old_path, &retired) {
        Ok(()) => {}
        // Of a rotation that was cut off here.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    std::fs::rename(new_path, old_path)?;
    let parent = old_path.parent().filter(|parent| *parent != Path::new(""));
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(retired)
}
