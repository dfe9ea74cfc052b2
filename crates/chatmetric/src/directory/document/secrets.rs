//! Where secrets come from that a document only refers to: the environment and
//! files of the process that reads it.
//!
//! A server that is sent a document must not look into its own environment or
//! files for the sender: the sender gathers first and sends what it found along.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Document, Faults, Format};
use crate::directory::limits::SECRET_FILE_BYTES_MAX;

/// Resolves the references of a document to secrets.
pub trait DocumentSecrets {
    /// The value of an environment variable (`secret_env`).
    ///
    /// # Errors
    /// Why there is none, for people.
    fn env(&self, name: &str) -> Result<String, String>;

    /// The content of a file (`secret_file`) without the line end.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn file(&self, path: &str) -> Result<String, String>;
}

/// Refuses every reference.
#[derive(Debug, Clone, Copy, Default)]
pub struct InlineOnly;

impl DocumentSecrets for InlineOnly {
    fn env(&self, _name: &str) -> Result<String, String> {
        Err("secrets from the environment are not available here".to_owned())
    }

    fn file(&self, _path: &str) -> Result<String, String> {
        Err("secrets from files are not available here".to_owned())
    }
}

/// This process's environment and files.
#[derive(Debug, Clone, Default)]
pub struct SystemSecrets {
    /// What a relative `secret_file` is relative to: the document's folder.
    pub base: PathBuf,
}

impl DocumentSecrets for SystemSecrets {
    fn env(&self, name: &str) -> Result<String, String> {
        match std::env::var(name) {
            Ok(value) => Ok(value),
            Err(std::env::VarError::NotPresent) => {
                Err(format!("the environment variable `{name}` is not set"))
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(format!("the environment variable `{name}` is not UTF-8"))
            }
        }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let full = self.base.join(path);
        let shown = full.display();
        let mut text = String::new();
        std::fs::File::open(&full)
            .and_then(|file| {
                file.take(SECRET_FILE_BYTES_MAX + 1)
                    .read_to_string(&mut text)
            })
            .map_err(|error| format!("cannot read the secret file `{shown}`: {error}"))?;
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > SECRET_FILE_BYTES_MAX {
            return Err(format!(
                "the secret file `{shown}` is longer than {SECRET_FILE_BYTES_MAX} bytes"
            ));
        }
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
    }
}

/// The answers to all references of one document, to be sent along with its
/// text. Holds secrets in the clear: send it over the control socket only.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatheredSecrets {
    env: BTreeMap<String, Result<String, String>>,
    file: BTreeMap<String, Result<String, String>>,
}

impl GatheredSecrets {
    /// Asks `source` for everything that the document refers to. Faults of the
    /// document are returned as [`Document::parse`] would.
    ///
    /// # Errors
    /// All faults that the text shows.
    pub fn gather(
        text: &str,
        format: Format,
        source: &dyn DocumentSecrets,
    ) -> Result<Self, Faults> {
        let recorder = Recorder {
            source,
            gathered: RefCell::default(),
        };
        Document::parse(text, format, &recorder)?;
        Ok(recorder.gathered.into_inner())
    }
}

impl std::fmt::Debug for GatheredSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "GatheredSecrets(redacted, {} in all)",
            self.env.len() + self.file.len()
        )
    }
}

impl DocumentSecrets for GatheredSecrets {
    fn env(&self, name: &str) -> Result<String, String> {
        self.env
            .get(name)
            .cloned()
            .unwrap_or_else(|| InlineOnly.env(name))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        self.file
            .get(path)
            .cloned()
            .unwrap_or_else(|| InlineOnly.file(path))
    }
}

struct Recorder<'a> {
    source: &'a dyn DocumentSecrets,
    gathered: RefCell<GatheredSecrets>,
}

impl DocumentSecrets for Recorder<'_> {
    fn env(&self, name: &str) -> Result<String, String> {
        let mut gathered = self.gathered.borrow_mut();
        gathered
            .env
            .entry(name.to_owned())
            .or_insert_with(|| self.source.env(name))
            .clone()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let mut gathered = self.gathered.borrow_mut();
        gathered
            .file
            .entry(path.to_owned())
            .or_insert_with(|| self.source.file(path))
            .clone()
    }
}
