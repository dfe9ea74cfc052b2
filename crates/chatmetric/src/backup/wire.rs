//! What is said when a backup goes to another machine: what is there already, and what the
//! backup is of.
//!
//! Not here: how it is put into a stream (`frames`). Invariant: a request is within its
//! limits before anything is done for it.

use super::BackupError;
use super::manifest::is_name;
use serde::{Deserialize, Serialize};

/// The version of the stream.
pub const WIRE_FORMAT: u32 = 1;
/// Most files of which a request says that they are there.
pub const HAVE_MAX: usize = 10_000;
/// Longest request, in bytes.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest name of what never changes, in bytes.
pub(super) const IDENTITY_BYTES_MAX: usize = 96;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What is there already, and need not be sent.
    pub have: Vec<Have>,
}

/// A file that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Have {
    /// The identity of the part.
    pub identity: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of the file when no backup vouches for it: the server compares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Request {
    /// Refuses what is beyond the limits: the field, and what would be valid.
    ///
    /// # Errors
    /// The field and the reason.
    pub fn check(&self) -> Result<(), (String, String)> {
        if self.have.len() > HAVE_MAX {
            let reason = format!("it has at most {HAVE_MAX} entries");
            return Err(("have".to_owned(), reason));
        }
        for (at, have) in self.have.iter().enumerate() {
            if !is_identity(&have.identity) {
                let reason = format!("it is 1 to {IDENTITY_BYTES_MAX} letters, digits and `-`");
                return Err((format!("have[{at}].identity"), reason));
            }
            if have.sha256.as_deref().is_some_and(|sum| !is_sum(sum)) {
                let reason = "it is a SHA-256 in 64 lower-case hexadecimal digits".to_owned();
                return Err((format!("have[{at}].sha256"), reason));
            }
        }
        Ok(())
    }
}

/// Whether something that never changes may have this name.
pub(super) fn is_identity(text: &str) -> bool {
    text.len() <= IDENTITY_BYTES_MAX && is_name(text) && !text.contains('.')
}

fn is_sum(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(is_hex)
}

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Whose it is.
    pub(super) instance: String,
    /// The public name of the master key that opens its secrets.
    pub(super) master_key_id: String,
    /// The format of the store's parts.
    pub(super) store_format: u32,
    /// For each shard of the store, the place in its journal up to which it goes.
    pub(super) positions: Vec<u64>,
    /// The parts of the store.
    pub(super) parts: Vec<PartOf>,
}

/// A part of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartOf {
    /// As the store names it.
    pub(super) name: String,
    /// What parts of the same bytes have in common, if they never change.
    pub(super) identity: Option<String>,
    /// How many bytes it has, where that is known.
    pub(super) bytes: Option<u64>,
}

/// The first item of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// [`WIRE_FORMAT`]
    pub(super) format: u32,
    /// What the backup is of.
    pub(super) state: State,
    /// The places of those parts that are not sent, in order.
    pub(super) left_out: Vec<usize>,
}

/// What is read first of a head of any version.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

impl Head {
    /// Reads the text of a head.
    pub(super) fn read(text: &[u8]) -> Result<Self, BackupError> {
        let any: AnyFormat =
            serde_json::from_slice(text).map_err(|_| strange("has a head that is none"))?;
        if any.format != WIRE_FORMAT {
            let what = format!(
                "has format {}, this program reads {WIRE_FORMAT}: use the program of the server",
                any.format
            );
            return Err(strange(what));
        }
        serde_json::from_slice(text)
            .map_err(|error| strange(format!("has a head that is none: {error}")))
    }
}

/// The stream is not one of ours.
pub(super) fn strange(what: impl Into<String>) -> BackupError {
    BackupError::StrangeStream { what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_limits() {
        let have = Have {
            identity: "1-2".to_owned(),
            bytes: 1,
            sha256: None,
        };
        let mut request = Request {
            have: vec![have.clone(); HAVE_MAX],
        };
        assert_eq!(request.check(), Ok(()));
        request.have.push(have.clone());
        assert_eq!(request.check().expect_err("many").0, "have");
        let long = "a".repeat(IDENTITY_BYTES_MAX + 1);
        for identity in ["", "../x", "a b", "a.b", "-a", &long] {
            let mut have = have.clone();
            have.identity = identity.to_owned();
            let request = Request { have: vec![have] };
            assert_eq!(request.check().expect_err("bad").0, "have[0].identity");
        }
        for sum in ["", "x", &"A".repeat(64), &"0".repeat(65)] {
            let mut have = have.clone();
            have.sha256 = Some(sum.to_owned());
            let request = Request { have: vec![have] };
            assert_eq!(request.check().expect_err("bad").0, "have[0].sha256");
        }
        // The longest request that is valid is taken.
        let longest = Have {
            identity: "a".repeat(IDENTITY_BYTES_MAX),
            bytes: u64::MAX,
            sha256: Some("0".repeat(64)),
        };
        let request = Request {
            have: vec![longest; HAVE_MAX],
        };
        assert_eq!(request.check(), Ok(()));
        assert!(serde_json::to_vec(&request).expect("written").len() <= REQUEST_BYTES_MAX);
    }
}
