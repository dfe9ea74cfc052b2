//! The directory as one tree of values: what a document is merged into, what is
//! compared, written and exported.
//!
//! It has no numeric keys (the database gives those) and no history (only the
//! current numbers); equality of two states means that there is nothing to write.

use std::collections::{BTreeMap, BTreeSet};

use chatmetric_core::PhoneNumber;
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus, SecretKey};
use subtle::ConstantTimeEq;

use super::identity::IdentityId;
use super::limits::VERSIONS_PER_POLICY_MAX;
use super::model::{CustSpaceId, UnknownNumbers};

/// All accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<AccountId, AccountState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountState {
    pub(super) name: String,
    pub(super) subscribed: bool,
    pub(super) calls_per_second: Option<u32>,
    pub(super) keys: BTreeMap<AccessKeyId, KeyState>,
    pub(super) spaces: BTreeMap<CustSpaceId, SpaceState>,
    pub(super) policies: BTreeMap<String, PolicyState>,
    pub(super) users: BTreeMap<String, UserState>,
    pub(super) groups: BTreeMap<String, GroupState>,
    pub(super) roles: BTreeMap<String, RoleState>,
    pub(super) grants: BTreeMap<GrantId, GrantState>,
    pub(super) webhooks: BTreeMap<String, WebhookState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyState {
    pub(super) secret: Secret,
    pub(super) status: KeyStatus,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpaceState {
    pub(super) is_default: bool,
    pub(super) time_zone: String,
    pub(super) unknown_numbers: UnknownNumbers,
    pub(super) numbers_max: u32,
    pub(super) numbers: BTreeSet<PhoneNumber>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UserState {
    pub(super) id: IdentityId,
    pub(super) display_name: String,
    pub(super) mobile_phone: String,
    pub(super) email: String,
    pub(super) comments: String,
    pub(super) console: bool,
    pub(super) policies: BTreeSet<String>,
    pub(super) keys: BTreeMap<AccessKeyId, KeyState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupState {
    pub(super) id: IdentityId,
    pub(super) comments: String,
    pub(super) users: BTreeSet<String>,
    pub(super) policies: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoleState {
    pub(super) id: IdentityId,
    pub(super) description: String,
    pub(super) trust_policy: String,
    pub(super) policies: BTreeSet<String>,
    pub(super) max_session_seconds: u32,
}

/// A policy with its versions. The default is one of them, and no version has a
/// number above the last one that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PolicyState {
    pub(super) description: String,
    pub(super) default_version: u32,
    pub(super) last_version: u32,
    pub(super) versions: BTreeMap<u32, String>,
}

/// A grant is named by its code and by who may present it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GrantId {
    pub(super) code: String,
    pub(super) account: AccountId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GrantState {
    /// RAM user names, or `*` for everyone.
    pub(super) users: BTreeSet<String>,
    pub(super) spaces: BTreeSet<CustSpaceId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebhookState {
    pub(super) space: Option<CustSpaceId>,
    pub(super) secrets: WebhookSecrets,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WebhookSecrets {
    Whatsapp {
        app_secrets: Vec<Secret>,
        verify_token: Option<Secret>,
    },
    Cams {
        token: Secret,
    },
    Events {
        token: Secret,
    },
}

impl WebhookSecrets {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Whatsapp { .. } => "whatsapp",
            Self::Cams { .. } => "cams",
            Self::Events { .. } => "events",
        }
    }
}

/// A secret that can be compared, in constant time, and is never shown.
#[derive(Debug, Clone)]
pub(super) struct Secret(pub(super) SecretKey);

impl Secret {
    pub(super) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(SecretKey::new(bytes))
    }

    pub(super) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Documents hold text only, so every secret is UTF-8.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(self.expose()).unwrap_or_default()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for Secret {}

/// Who holds an AccessKey.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owner {
    pub(super) account: AccountId,
    /// `None` for the account itself.
    pub(super) user: Option<String>,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.user {
            Some(user) => write!(f, "user {user} of account {}", self.account),
            None => write!(f, "account {}", self.account),
        }
    }
}

impl AccountState {
    /// An account with nothing but a name.
    pub(super) fn named(name: String) -> Self {
        Self {
            name,
            subscribed: true,
            calls_per_second: None,
            keys: BTreeMap::new(),
            spaces: BTreeMap::new(),
            policies: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            grants: BTreeMap::new(),
            webhooks: BTreeMap::new(),
        }
    }

    /// Rule 7 of the operation: an account for which no space is declared has
    /// one with the account's id.
    pub(super) fn make_default_space(&mut self, id: &AccountId) {
        if let (true, Ok(id)) = (self.spaces.is_empty(), CustSpaceId::parse(id.as_str())) {
            self.spaces.insert(
                id,
                SpaceState {
                    is_default: true,
                    ..SpaceState::plain()
                },
            );
        }
    }

    /// The keys of the account itself or of one of its users.
    pub(super) fn keys_of(&self, user: Option<&str>) -> Option<&BTreeMap<AccessKeyId, KeyState>> {
        match user {
            None => Some(&self.keys),
            Some(name) => self.users.get(name).map(|user| &user.keys),
        }
    }
}

impl UserState {
    pub(super) fn new(id: IdentityId) -> Self {
        Self {
            id,
            display_name: String::new(),
            mobile_phone: String::new(),
            email: String::new(),
            comments: String::new(),
            console: false,
            policies: BTreeSet::new(),
            keys: BTreeMap::new(),
        }
    }
}

impl GroupState {
    pub(super) fn new(id: IdentityId) -> Self {
        Self {
            id,
            comments: String::new(),
            users: BTreeSet::new(),
            policies: BTreeSet::new(),
        }
    }
}

impl PolicyState {
    /// A policy with its first version.
    pub(super) fn new(description: String, document: String) -> Self {
        Self {
            description,
            default_version: 1,
            last_version: 1,
            versions: BTreeMap::from([(1, document)]),
        }
    }

    /// The text in effect.
    pub(super) fn document(&self) -> &str {
        self.versions
            .get(&self.default_version)
            .map_or("", String::as_str)
    }

    /// Adds a version and gives its number.
    pub(super) fn add_version(&mut self, document: String, set_as_default: bool) -> u32 {
        self.last_version = self.last_version.saturating_add(1);
        self.versions.insert(self.last_version, document);
        if set_as_default {
            self.default_version = self.last_version;
        }
        self.last_version
    }

    pub(super) fn is_full(&self) -> bool {
        self.versions.len() >= VERSIONS_PER_POLICY_MAX
    }

    /// Makes room for one version more: the oldest ones go that are not the default.
    pub(super) fn make_room(&mut self) {
        while self.is_full() {
            let default = self.default_version;
            let oldest = self.versions.keys().find(|version| **version != default);
            let Some(oldest) = oldest.copied() else {
                return;
            };
            self.versions.remove(&oldest);
        }
    }
}

impl SpaceState {
    /// A space as it is when nothing is said about it.
    pub(super) fn plain() -> Self {
        Self {
            is_default: false,
            time_zone: "UTC".to_owned(),
            unknown_numbers: UnknownNumbers::Auto,
            numbers_max: super::limits::NUMBERS_MAX_DEFAULT,
            numbers: BTreeSet::new(),
        }
    }
}
