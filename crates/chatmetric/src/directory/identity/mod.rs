//! Identities of an account (users, groups, roles, policies, AccessKeys): what
//! is known of them, how they are changed one by one, and who changed them.
//!
//! A change is a closure over an [`IdentityChange`]: it works on a copy of the
//! directory and is written as one transaction with its entry of the audit log.
//! Not here: wire names and error codes (`api/`), documents (`merge`).
//!
//! Invariant: an id of a user, group or role is given once and never again, so
//! whoever is deleted and made again under the same name is somebody else.

mod change;
mod error;
mod groups;
mod id;
mod info;
mod key_use;
mod keys;
mod policies;
mod reads;
mod records;
mod roles;
mod text;
mod times;
mod users;
mod write;

use std::net::IpAddr;

use chatmetric_rpc::credential::{AccessKeyId, AccountId};

pub use change::IdentityChange;
pub use error::{ChangeIdentitiesError, IdentityError, IdentityField, IdentityKind};
pub use id::IdentityId;
pub use info::{
    AccessKeyInfo, AttachedPolicyInfo, GroupInfo, LastUse, MemberInfo, NewUser, PolicyEntities,
    PolicyHolder, PolicyInfo, PolicyVersionInfo, RoleChanges, RoleInfo, UserChanges, UserInfo,
    VersionRotation,
};

pub(super) use id::{IdFor, IdentityIds};
pub use key_use::FLUSH_INTERVAL_MS as KEY_USE_FLUSH_INTERVAL_MS;
pub(super) use key_use::KeyUses;
pub(super) use records::Identities;
pub(super) use text::check_text;
pub(super) use times::{Lived, Times};

/// Who changes the directory: for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account that the actor belongs to; `None` for the operator of the
    /// installation.
    pub account: Option<AccountId>,
    /// `root`, `user/<name>`, `assumed-role/<role>/<session>`, `console/<name>`,
    /// `apply` or `first-start`.
    pub name: String,
    /// Where the call came from.
    pub source_ip: Option<IpAddr>,
    /// The call's request id.
    pub request_id: Option<String>,
    /// The AccessKey that signed the call.
    pub access_key_id: Option<AccessKeyId>,
}

/// What an account is told of whoever operates the installation, in the place of a name.
pub(crate) const OPERATOR: &str = "operator";

impl Actor {
    /// The operator of the installation, by a command.
    #[must_use]
    pub fn operator(name: &str) -> Self {
        Self {
            account: None,
            name: name.to_owned(),
            source_ip: None,
            request_id: None,
            access_key_id: None,
        }
    }
}
