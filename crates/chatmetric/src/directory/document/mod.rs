//! The directory document: text in, a checked tree of what it names out.
//!
//! TOML and JSON give the same tree (`tree`), which is read field by field
//! (`read`) so that all faults are found in one pass, each with line, column and
//! the path of its field. What only the directory can tell (references, ids that
//! others have) is judged by `merge`, with the same places.
//!
//! Invariant: a [`Document`] holds no fault that its text alone can show. What a
//! document does not name is `None`: absent is not empty.

mod doubles;
mod fault;
mod fields;
mod read;
mod read_identities;
mod secrets;
mod tree;

use std::collections::BTreeSet;

use chatmetric_core::PhoneNumber;
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus};

use super::model::{CustSpaceId, UnknownNumbers};
use super::state::Secret;

pub(super) use fault::FaultList;
pub use fault::{Fault, Faults, Place};
pub use secrets::{DocumentSecrets, GatheredSecrets, InlineOnly, SystemSecrets};

/// Longest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// TOML, as in the manual.
    Toml,
    /// JSON with the same names.
    Json,
}

impl Format {
    /// JSON for `.json`, else TOML.
    #[must_use]
    pub fn of_path(path: &std::path::Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            Some(_) | None => Self::Toml,
        }
    }
}

/// A document that was read. It may name a part of the directory only.
#[derive(Debug)]
pub struct Document {
    pub(super) accounts: Vec<AccountPart>,
    pub(super) place: Place,
}

impl Document {
    /// Reads a document. `secrets` resolves `secret_env` and `secret_file`.
    ///
    /// # Errors
    /// All faults that the text shows, in the order of their places.
    pub fn parse(
        text: &str,
        format: Format,
        secrets: &dyn DocumentSecrets,
    ) -> Result<Self, Faults> {
        read::document(text, format, secrets)
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// A list that the document gives; entries keep their places.
pub(super) type List<T> = Option<Vec<At<T>>>;

#[derive(Debug)]
pub(super) struct AccountPart {
    pub(super) id: At<AccountId>,
    pub(super) name: Option<String>,
    pub(super) subscribed: Option<bool>,
    pub(super) calls_per_second: Option<u32>,
    pub(super) keys: Vec<KeyPart>,
    pub(super) spaces: Vec<SpacePart>,
    pub(super) policies: Vec<PolicyPart>,
    pub(super) users: Vec<UserPart>,
    pub(super) groups: Vec<GroupPart>,
    pub(super) roles: Vec<RolePart>,
    pub(super) grants: Vec<GrantPart>,
    pub(super) webhooks: Vec<WebhookPart>,
}

#[derive(Debug)]
pub(super) struct KeyPart {
    pub(super) id: Option<At<AccessKeyId>>,
    pub(super) secret: Option<Secret>,
    pub(super) status: Option<KeyStatus>,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct SpacePart {
    pub(super) id: At<CustSpaceId>,
    pub(super) is_default: Option<At<bool>>,
    pub(super) time_zone: Option<String>,
    pub(super) unknown_numbers: Option<UnknownNumbers>,
    pub(super) numbers_max: Option<u32>,
    pub(super) numbers: List<PhoneNumber>,
}

#[derive(Debug)]
pub(super) struct PolicyPart {
    pub(super) name: At<String>,
    pub(super) description: Option<String>,
    pub(super) document: Option<String>,
}

#[derive(Debug)]
pub(super) struct UserPart {
    pub(super) name: At<String>,
    pub(super) display_name: Option<String>,
    pub(super) mobile_phone: Option<String>,
    pub(super) email: Option<String>,
    pub(super) comments: Option<String>,
    pub(super) console: Option<bool>,
    pub(super) policies: List<String>,
    pub(super) keys: Vec<KeyPart>,
}

#[derive(Debug)]
pub(super) struct GroupPart {
    pub(super) name: At<String>,
    pub(super) comments: Option<String>,
    pub(super) users: List<String>,
    pub(super) policies: List<String>,
}

#[derive(Debug)]
pub(super) struct RolePart {
    pub(super) name: At<String>,
    pub(super) description: Option<String>,
    pub(super) trust_policy: Option<String>,
    pub(super) policies: List<String>,
    pub(super) max_session_seconds: Option<u32>,
}

#[derive(Debug)]
pub(super) struct GrantPart {
    pub(super) code: At<String>,
    pub(super) account: At<AccountId>,
    pub(super) users: List<String>,
    pub(super) spaces: List<CustSpaceId>,
}

#[derive(Debug)]
pub(super) struct WebhookPart {
    pub(super) id: At<String>,
    pub(super) kind: Option<WebhookWord>,
    pub(super) space: Option<At<CustSpaceId>>,
    pub(super) app_secrets: Option<Vec<Secret>>,
    pub(super) verify_token: Option<At<Secret>>,
    pub(super) token: Option<At<Secret>>,
    /// The place of `app_secrets`, which is a list.
    pub(super) app_secrets_place: Option<Place>,
}

/// The kinds of webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebhookWord {
    Whatsapp,
    Cams,
    Events,
}

impl WebhookWord {
    pub(super) const ALL: [Self; 3] = [Self::Whatsapp, Self::Cams, Self::Events];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Cams => "cams",
            Self::Events => "events",
        }
    }
}

/// The values of a list as a set.
pub(super) fn set_of<T: Ord + Clone>(list: &[At<T>]) -> BTreeSet<T> {
    list.iter().map(|entry| entry.value.clone()).collect()
}
