//! What the directory knows, as the server reads it: accounts, users, keys,
//! spaces, bindings of numbers, webhooks and grants.
//!
//! Plain data, parsed once and immutable; secrets are in redacted types. Not
//! here: how it is looked up (`snapshot`), stored (`rows`) or changed (`merge`).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chatmetric_core::{AccountKey, EpochMs, SpaceKey, Zone};
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus, SecretKey};
use chatmetric_rpc::ram::Policy;
use chatmetric_rpc::ram::trust::TrustPolicy;

use super::identity::IdentityId;

/// A CustSpaceId: 1 to 64 letters, digits, `.`, `_` or `-`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustSpaceId(Arc<str>);

/// A text is not a CustSpaceId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a CustSpaceId is 1 to {} letters, digits, `.`, `_` or `-`",
    CustSpaceId::BYTES_MAX
)]
pub struct CustSpaceIdError;

impl CustSpaceId {
    /// Longest id in bytes.
    pub const BYTES_MAX: usize = 64;

    /// Parses a CustSpaceId.
    ///
    /// # Errors
    /// [`CustSpaceIdError`] for an empty, long or oddly spelt one.
    pub fn parse(text: &str) -> Result<Self, CustSpaceIdError> {
        let valid = (1..=Self::BYTES_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(CustSpaceIdError)
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CustSpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CustSpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustSpaceId({})", self.0)
    }
}

impl std::borrow::Borrow<str> for CustSpaceId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The installation's own number for it, never given out twice.
    pub key: AccountKey,
    /// Its Alibaba Cloud account id.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
    /// Whether it subscribed to the product; without it, calls are answered
    /// with `Product.Unsubscript`.
    pub subscribed: bool,
    /// Calls a second of `GetChatappPhoneNumberMetric`, when not the server's setting.
    pub calls_per_second: Option<u32>,
}

/// What becomes of events of a number that no space owns, at a webhook with a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownNumbers {
    /// The number is bound to the space on first sight.
    Auto,
    /// The event is kept until somebody claims the number.
    Hold,
}

impl UnknownNumbers {
    /// The word of the directory document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Hold => "hold",
        }
    }

    /// The policy of a word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Auto, Self::Hold]
            .into_iter()
            .find(|policy| policy.as_str() == text)
    }
}

/// A customer space without its numbers, which change more often than it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// The installation's own number for it, never given out twice.
    pub key: SpaceKey,
    /// Its CustSpaceId.
    pub id: CustSpaceId,
    /// The account that owns it.
    pub account: Arc<Account>,
    /// Whether it answers calls of its account that name no space.
    pub is_default: bool,
    /// The zone whose civil days are the DAILY buckets.
    pub zone: Zone,
    /// What becomes of unknown numbers.
    pub unknown_numbers: UnknownNumbers,
    /// Most current numbers that `auto` binds; a document may list more.
    pub numbers_max: u32,
}

/// One stretch of time in which a number belonged to a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The space.
    pub space: SpaceKey,
    /// When it was bound.
    pub from: EpochMs,
    /// When it left; `None` while it is bound.
    pub to: Option<EpochMs>,
}

/// A RAM user.
#[derive(Debug, Clone)]
pub struct User {
    /// The id, the same for life.
    pub id: IdentityId,
    /// The name, unique in the account.
    pub name: String,
    /// Whether the user may sign in to the console.
    pub console: bool,
    /// The policies in effect: the user's own and those of the user's groups,
    /// by name, each once.
    pub policies: Vec<NamedPolicy>,
}

/// A policy that was parsed when the directory was loaded.
#[derive(Debug, Clone)]
pub struct NamedPolicy {
    /// Its name, unique in the account.
    pub name: String,
    /// What it says.
    pub policy: Arc<Policy>,
}

/// Who holds an AccessKey.
#[derive(Debug, Clone)]
pub enum Principal {
    /// The account itself: policies do not limit it.
    Owner,
    /// A RAM user: only what the policies allow.
    User(Arc<User>),
    /// A session of a role. No stored key has one.
    Session(Arc<RoleSession>),
}

impl Principal {
    /// The name within the account, for logs and for ARNs: `root`, `user/<name>`
    /// or `assumed-role/<role>/<session>`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Owner => "root".to_owned(),
            Self::User(user) => format!("user/{}", user.name),
            Self::Session(session) => {
                format!("assumed-role/{}/{}", session.role.name, session.name)
            }
        }
    }

    /// The role session, if it is one.
    #[must_use]
    pub fn session(&self) -> Option<&RoleSession> {
        match self {
            Self::Owner | Self::User(_) => None,
            Self::Session(session) => Some(session),
        }
    }
}

/// A role that somebody assumed, as it is while a call is judged.
#[derive(Debug, Clone)]
pub struct RoleSession {
    /// The role, with the policies that it has now.
    pub role: Arc<Role>,
    /// RoleSessionName.
    pub name: String,
    /// The session policy: it limits what the role may do.
    pub policy: Option<Policy>,
    /// The ARN of who assumed the role.
    pub assumed_by: String,
    /// SourceIdentity.
    pub source_identity: Option<String>,
    /// The first moment at which the session is over.
    pub expires: EpochMs,
}

impl RoleSession {
    /// As denials name it: `<role>:<session>`.
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{}:{}", self.role.name, self.name)
    }
}

/// An AccessKey.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Its id.
    pub id: AccessKeyId,
    /// Its secret.
    pub secret: SecretKey,
    /// Active or not.
    pub status: KeyStatus,
    /// The account.
    pub account: Arc<Account>,
    /// The holder.
    pub principal: Principal,
}

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// The id, the same for life.
    pub id: IdentityId,
    /// The name, unique in the account.
    pub name: String,
    /// Who may assume it, as it was written.
    pub trust_policy: String,
    /// Who may assume it. Nobody, when the text is of a time in which it was not
    /// understood and is not valid.
    pub trust: Arc<TrustPolicy>,
    /// What the role may do.
    pub policies: Vec<NamedPolicy>,
    /// Longest session, in seconds.
    pub max_session_seconds: u32,
}

/// What a webhook takes, with the secrets that guard it.
#[derive(Debug, Clone)]
pub enum WebhookKind {
    /// Meta's WhatsApp webhooks.
    Whatsapp {
        /// One or two secrets; any of them may sign (rotation).
        app_secrets: Vec<SecretKey>,
        /// Answers Meta's handshake; without it every handshake is refused.
        verify_token: Option<SecretKey>,
    },
    /// CAMS receipts; the token is in the path.
    Cams {
        /// The path's last part.
        token: SecretKey,
    },
    /// CloudEvents and NDJSON.
    Events {
        /// The bearer token.
        token: SecretKey,
    },
}

impl WebhookKind {
    /// The word of the directory document.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Whatsapp { .. } => "whatsapp",
            Self::Cams { .. } => "cams",
            Self::Events { .. } => "events",
        }
    }
}

/// A webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its id, in the URL; unique in the installation.
    pub id: String,
    /// The account.
    pub account: Arc<Account>,
    /// The space that its events go to; without it, the space of the account
    /// that owns the number.
    pub space: Option<Arc<Space>>,
    /// What it takes.
    pub kind: WebhookKind,
}

/// Leave of an ISV account for another account to query some of its spaces.
#[derive(Debug, Clone)]
pub struct IsvGrant {
    /// The IsvCode.
    pub code: String,
    /// The ISV account.
    pub isv: Arc<Account>,
    /// Who may present the code.
    pub account: AccountId,
    /// Which users of that account.
    pub users: GrantUsers,
    /// Which spaces of the ISV.
    pub spaces: BTreeSet<SpaceKey>,
}

/// Which principals of an account may use a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantUsers {
    /// All, the owner and sessions of roles included.
    Everyone,
    /// These RAM users and nobody else, neither the owner nor sessions of roles.
    Named(BTreeSet<String>),
}

impl IsvGrant {
    /// Whether a caller may present this code.
    #[must_use]
    pub fn admits(&self, account: &AccountId, principal: &Principal) -> bool {
        self.account == *account
            && match (&self.users, principal) {
                (
                    GrantUsers::Everyone,
                    Principal::Owner | Principal::User(_) | Principal::Session(_),
                ) => true,
                // Whatever a session is called, it is no user.
                (GrantUsers::Named(_), Principal::Owner | Principal::Session(_)) => false,
                (GrantUsers::Named(names), Principal::User(user)) => names.contains(&user.name),
            }
    }
}

/// What became of a number that should be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindOutcome {
    /// It is bound now, durably.
    Bound,
    /// It was bound to this space before.
    AlreadyBound,
    /// Another space has it.
    BoundElsewhere {
        /// The account of that space.
        account: AccountKey,
        /// That space.
        space: SpaceKey,
    },
    /// The space has its most current numbers.
    Full {
        /// Its [`Space::numbers_max`].
        numbers_max: u32,
    },
}

impl BindOutcome {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::AlreadyBound => "alreadyBound",
            Self::BoundElsewhere { .. } => "boundElsewhere",
            Self::Full { .. } => "full",
        }
    }
}
