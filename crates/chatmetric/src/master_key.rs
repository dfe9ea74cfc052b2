//! The master key: loads or makes it, seals and opens secrets.
//!
//! It lives outside the data directory, so that a copy of the data alone gives
//! nothing away. Not here: which secrets exist (the directory knows).
//!
//! Invariant: a sealed secret opens only under the same key, for the same
//! kind, tenant and record; everything else is an error and never other bytes.

mod messages;
mod retired;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::entropy::Entropy;

pub use messages::{MESSAGE_OVERHEAD_BYTES, MessageSealer};

/// Bytes of a master key.
pub const MASTER_KEY_BYTES: usize = 32;

/// Longest key file that is read; a key in base64 has 44 characters.
pub const MASTER_KEY_FILE_BYTES_MAX: u64 = 4096;

/// Bytes of a [`KeyId`].
pub const KEY_ID_BYTES: usize = 16;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// First byte of a sealed secret: the format below.
const ENVELOPE_VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;

/// Bytes that sealing adds to a secret.
pub const SEAL_OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// Why a master key could not be loaded or made.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file could not be read.
    #[error("cannot read the master key file `{}`", path.display())]
    Read {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Group or others may read or write the file.
    #[error(
        "the master key file `{}` has mode {mode:04o} and must be 0600 or stricter (chmod 600 it)",
        path.display()
    )]
    Mode {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a regular file (a directory, a device).
    #[error("the master key file `{}` is not a regular file", path.display())]
    NotAFile {
        /// The key file.
        path: PathBuf,
    },
    /// Not base64 of exactly [`MASTER_KEY_BYTES`] bytes. The content is not shown.
    #[error("the master key file `{}` does not hold {MASTER_KEY_BYTES} bytes in base64", path.display())]
    Format {
        /// The key file.
        path: PathBuf,
    },
    /// The data directory is there, its key is not: a new key could open nothing.
    #[error(
        "the data directory `{}` has no master key: `{}` does not exist and no other file was named",
        data_dir.display(), path.display()
    )]
    Missing {
        /// The data directory.
        data_dir: PathBuf,
        /// Where the key was looked for.
        path: PathBuf,
    },
    /// A new key file could not be written durably.
    #[error("cannot create the master key file `{}`", path.display())]
    Create {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The data directory's name gives no place beside it (for example `/`).
    #[error("the data directory `{}` has no name to put a key file beside it", data_dir.display())]
    NoName {
        /// The data directory.
        data_dir: PathBuf,
    },
}

/// Why a sealed secret did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too short, or of an unknown format version.
    #[error("a sealed secret has an unknown format")]
    Format,
    /// Sealed under another master key.
    #[error("a sealed secret belongs to another master key")]
    OtherKey,
    /// Changed, or taken from another kind, tenant or record.
    #[error("a sealed secret was changed or moved")]
    Tampered,
    /// The cipher refused the input (longer than AES-GCM allows).
    #[error("a secret could not be sealed")]
    Cipher,
}

/// What kind of record a secret belongs to; part of what is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// The secret of an AccessKey; the record is its id.
    AccessKeySecret,
    /// An app secret of a WhatsApp webhook; the record is `webhook id/place`.
    WebhookAppSecret,
    /// The verify token of a WhatsApp webhook; the record is its id.
    WebhookVerifyToken,
    /// The token of a CAMS or events webhook; the record is its id.
    WebhookToken,
    /// The installation's fingerprint key.
    FingerprintKey,
    /// A webhook body that was signed and could not be read.
    QuarantinedBody,
    /// A security token of the STS; the tenant is the role's account.
    SessionToken,
    /// What is known of a denial; the tenant is the caller's account.
    DiagnosticMessage,
    /// A master key that another took the place of; the record is its id.
    RetiredMasterKey,
    /// A change of the directory of a cluster; the record is its revision.
    DirectoryChange,
    /// The directory of a cluster as it was; the record is its revision.
    DirectoryPicture,
}

impl RecordKind {
    const fn label(self) -> &'static str {
        match self {
            Self::AccessKeySecret => "access_key_secret",
            Self::WebhookAppSecret => "webhook_app_secret",
            Self::WebhookVerifyToken => "webhook_verify_token",
            Self::WebhookToken => "webhook_token",
            Self::FingerprintKey => "fingerprint_key",
            Self::QuarantinedBody => "quarantined_body",
            Self::SessionToken => "session_token",
            Self::DiagnosticMessage => "diagnostic_message",
            Self::RetiredMasterKey => "retired_master_key",
            Self::DirectoryChange => "directory_change",
            Self::DirectoryPicture => "directory_picture",
        }
    }
}

/// Where a secret belongs: it opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// What it is.
    pub kind: RecordKind,
    /// The account id, or empty for what belongs to the installation.
    pub tenant: &'a str,
    /// The record within the tenant, for example the AccessKey id.
    pub record: &'a str,
}

/// The public name of a master key: tells two keys apart and gives nothing away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl KeyId {
    /// The id's bytes, as they are stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The master key of an installation. Zeroed when dropped, never shown.
pub struct MasterKey {
    id: KeyId,
    seal: Zeroizing<[u8; MASTER_KEY_BYTES]>,
    root: Zeroizing<[u8; MASTER_KEY_BYTES]>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey(redacted, id {})", self.id)
    }
}

/// A master key and where it came from.
#[derive(Debug)]
pub struct LoadedKey {
    /// The key.
    pub key: MasterKey,
    /// The file that holds it.
    pub path: PathBuf,
    /// Whether this call made the file; the operator is told so.
    pub created: bool,
}

impl MasterKey {
    /// The key made of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; MASTER_KEY_BYTES]) -> Self {
        let root = Zeroizing::new(bytes);
        let mut id = [0_u8; KEY_ID_BYTES];
        let named = derive(&root, b"chatmetric master key id 1");
        id.iter_mut()
            .zip(named.iter())
            .for_each(|(to, from)| *to = *from);
        Self {
            id: KeyId(id),
            seal: derive(&root, b"chatmetric seal 1"),
            root,
        }
    }

    /// A new random key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0_u8; MASTER_KEY_BYTES]);
        entropy.fill(bytes.as_mut());
        Self::from_bytes(*bytes)
    }

    /// The key in a file: base64 of 32 bytes, white space around it is ignored.
    ///
    /// # Errors
    /// [`MasterKeyError`] when the file cannot be read, is open to others or
    /// does not hold a key.
    pub fn load(path: &Path) -> Result<Self, MasterKeyError> {
        let read = |source| MasterKeyError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(read)?;
        let metadata = file.metadata().map_err(read)?;
        if !metadata.is_file() {
            return Err(MasterKeyError::NotAFile {
                path: path.to_owned(),
            });
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o177 != 0 {
            return Err(MasterKeyError::Mode {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(Vec::new());
        file.take(MASTER_KEY_FILE_BYTES_MAX)
            .read_to_end(&mut text)
            .map_err(read)?;
        let format = || MasterKeyError::Format {
            path: path.to_owned(),
        };
        let decoded = Zeroizing::new(BASE64.decode(text.trim_ascii()).map_err(|_| format())?);
        let bytes: [u8; MASTER_KEY_BYTES] = decoded.as_slice().try_into().map_err(|_| format())?;
        Ok(Self::from_bytes(bytes))
    }

    /// Writes the key to a new file with mode 0600, durably.
    ///
    /// # Errors
    /// [`MasterKeyError::Create`], also when the file exists.
    pub fn write_new(&self, path: &Path) -> Result<(), MasterKeyError> {
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            let mut text = Zeroizing::new(BASE64.encode(self.root.as_slice()));
            text.push('\n');
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            sync_parent(path)
        };
        write().map_err(|source| MasterKeyError::Create {
            path: path.to_owned(),
            source,
        })
    }

    /// The key of a data directory: the `configured` file, which must exist, or
    /// else `<data-dir>.key` beside the directory. Where neither exists and the
    /// directory holds nothing yet, that file is made.
    ///
    /// # Errors
    /// [`MasterKeyError`]; [`MasterKeyError::Missing`] when there is data and no key.
    pub fn for_data_dir(
        data_dir: &Path,
        configured: Option<&Path>,
        entropy: &dyn Entropy,
    ) -> Result<LoadedKey, MasterKeyError> {
        if let Some(path) = configured {
            let key = Self::load(path)?;
            return Ok(LoadedKey {
                key,
                path: path.to_owned(),
                created: false,
            });
        }
        let path = key_path_beside(data_dir)?;
        match Self::load(&path) {
            Ok(key) => {
                return Ok(LoadedKey {
                    key,
                    path,
                    created: false,
                });
            }
            Err(MasterKeyError::Read { source, .. })
                if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if holds_something(data_dir) {
            return Err(MasterKeyError::Missing {
                data_dir: data_dir.to_owned(),
                path,
            });
        }
        let key = Self::generate(entropy);
        key.write_new(&path)?;
        Ok(LoadedKey {
            key,
            path,
            created: true,
        })
    }

    /// The key's public name.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Seals a secret for one place. The nonce is random, so at most 2³²
    /// secrets should be sealed under one key.
    ///
    /// # Errors
    /// [`SealError::Cipher`] for more bytes than AES-GCM takes (64 GiB).
    pub fn seal(
        &self,
        context: SealContext<'_>,
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let payload = Payload {
            msg: plaintext,
            aad: &associated(ENVELOPE_VERSION, &self.id, context),
        };
        let ciphertext = self
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealError::Cipher)?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + ciphertext.len());
        sealed.push(ENVELOPE_VERSION);
        sealed.extend_from_slice(&self.id.0);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what [`MasterKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`SealError`]: another key, another place, changed bytes.
    pub fn open(
        &self,
        context: SealContext<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (&version, rest) = sealed.split_first().ok_or(SealError::Format)?;
        let (key_id, rest) = rest
            .split_first_chunk::<KEY_ID_BYTES>()
            .ok_or(SealError::Format)?;
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealError::Format)?;
        if version != ENVELOPE_VERSION || ciphertext.len() < TAG_BYTES {
            return Err(SealError::Format);
        }
        if *key_id != self.id.0 {
            return Err(SealError::OtherKey);
        }
        let payload = Payload {
            msg: ciphertext,
            aad: &associated(ENVELOPE_VERSION, &self.id, context),
        };
        self.cipher()
            .decrypt(&Nonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Tampered)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.seal))
    }
}

/// Version, key id, kind, tenant and record, each with its length, so that no
/// two places have the same bytes.
fn associated(version: u8, id: &KeyId, context: SealContext<'_>) -> Vec<u8> {
    let mut bytes = vec![version];
    for part in [
        id.0.as_slice(),
        context.kind.label().as_bytes(),
        context.tenant.as_bytes(),
        context.record.as_bytes(),
    ] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// `<data-dir>.key` beside the data directory, whatever way its path is written.
///
/// # Errors
/// [`MasterKeyError::NoName`] for a directory without a name, such as `/`.
pub fn key_path_beside(data_dir: &Path) -> Result<PathBuf, MasterKeyError> {
    let named = if data_dir.file_name().is_some() {
        data_dir.to_owned()
    } else {
        data_dir
            .canonicalize()
            .unwrap_or_else(|_| data_dir.to_owned())
    };
    let mut name = named
        .file_name()
        .ok_or_else(|| MasterKeyError::NoName {
            data_dir: data_dir.to_owned(),
        })?
        .to_owned();
    name.push(".key");
    Ok(named.with_file_name(name))
}

fn derive(root: &[u8; MASTER_KEY_BYTES], label: &[u8]) -> Zeroizing<[u8; MASTER_KEY_BYTES]> {
    // HMAC pads a short key with zeros to the block; doing it here leaves no error case.
    let mut block = Zeroizing::new([0_u8; 64]);
    block
        .iter_mut()
        .zip(root)
        .for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new(&(*block).into());
    mac.update(label);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Whether a data directory holds more than the marks of a starting process.
fn holds_something(data_dir: &Path) -> bool {
    // A directory that cannot be listed may hold data, so no new key is made for it.
    match std::fs::read_dir(data_dir) {
        Ok(entries) => entries.map_while(Result::ok).any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy().to_lowercase();
            !(name == "lock"
                || name == "lost+found"
                || name.ends_with(".lock")
                || name.ends_with(".pid")
                || name.ends_with(".sock"))
        }),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    const PLACE: SealContext<'static> = SealContext {
        kind: RecordKind::AccessKeySecret,
        tenant: "100",
        record: "LTAIx",
    };

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_bytes([byte; MASTER_KEY_BYTES])
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let entropy = SeededEntropy::new(1);
        let sealed = key(1).seal(PLACE, b"hush", &entropy).expect("seals");
        assert_eq!(sealed.len(), 4 + SEAL_OVERHEAD_BYTES);
        assert_eq!(
            key(1).open(PLACE, &sealed).expect("opens").as_slice(),
            b"hush"
        );
        assert_eq!(key(2).open(PLACE, &sealed), Err(SealError::OtherKey));
        let others = [
            SealContext {
                kind: RecordKind::WebhookToken,
                ..PLACE
            },
            SealContext {
                tenant: "101",
                ..PLACE
            },
            SealContext {
                record: "LTAIy",
                ..PLACE
            },
            // The same bytes, cut elsewhere.
            SealContext {
                tenant: "100L",
                record: "TAIx",
                ..PLACE
            },
        ];
        for other in others {
            assert_eq!(
                key(1).open(other, &sealed),
                Err(SealError::Tampered),
                "{other:?}"
            );
        }
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let sealed = key(1)
            .seal(PLACE, b"hush", &SeededEntropy::new(1))
            .expect("seals");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(key(1).open(PLACE, &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(
                key(1).open(PLACE, &sealed[..length]).is_err(),
                "cut to {length}"
            );
        }
        let longer = [sealed.as_slice(), &[0]].concat();
        assert_eq!(key(1).open(PLACE, &longer), Err(SealError::Tampered));
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let entropy = SeededEntropy::new(1);
        let seal = || key(1).seal(PLACE, b"hush", &entropy).expect("seals");
        assert_ne!(seal(), seal());
    }

    #[test]
    fn the_id_tells_keys_apart_and_nothing_is_shown() {
        assert_ne!(key(1).id(), key(2).id());
        assert_eq!(key(1).id(), key(1).id());
        let shown = format!("{:?}", key(0xab));
        assert!(
            shown.contains("redacted") && !shown.to_lowercase().contains("abab"),
            "{shown}"
        );
    }

    #[test]
    fn a_key_file_goes_round() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("k");
        key(9).write_new(&path).expect("writes");
        assert_eq!(MasterKey::load(&path).expect("loads").id(), key(9).id());
        let folder_error = MasterKey::load(folder.path()).expect_err("a folder");
        assert!(
            matches!(folder_error, MasterKeyError::NotAFile { .. }),
            "{folder_error:?}"
        );
    }

    #[test]
    fn only_data_makes_a_missing_key_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("data");
        std::fs::create_dir(&data_dir).expect("makes");
        std::fs::write(data_dir.join("lock"), "1").expect("writes");
        let load = || MasterKey::for_data_dir(&data_dir, None, &SeededEntropy::new(1));
        let made = load().expect("a lock is no data");
        std::fs::remove_file(&made.path).expect("removes");
        std::fs::create_dir(data_dir.join("journal")).expect("makes");
        assert!(matches!(load(), Err(MasterKeyError::Missing { .. })));
    }
}
