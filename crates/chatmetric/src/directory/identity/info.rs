//! What is told of identities: plain data for answers, lists and the console.
//!
//! Times are ms since the epoch; 0 is a time before the directory kept times.
//! No secret is in any of these.

use chatmetric_rpc::credential::{AccessKeyId, KeyStatus};

use super::id::IdentityId;
use super::times::Lived;
use crate::directory::state::{GroupState, PolicyState, RoleState, UserState};

/// A RAM user. Groups, policies and keys are asked for apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// The id, the same for life.
    pub id: IdentityId,
    /// The name, unique in the account.
    pub name: String,
    /// A name for people.
    pub display_name: String,
    /// A telephone number.
    pub mobile_phone: String,
    /// An address.
    pub email: String,
    /// Comments.
    pub comments: String,
    /// Whether the user may sign in to the console.
    pub console: bool,
    /// When it was made.
    pub created_ms: i64,
    /// When one of these was changed last.
    pub updated_ms: i64,
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// The id, the same for life.
    pub id: IdentityId,
    /// The name, unique in the account.
    pub name: String,
    /// Comments.
    pub comments: String,
    /// When it was made.
    pub created_ms: i64,
    /// When one of these was changed last.
    pub updated_ms: i64,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleInfo {
    /// The id, the same for life.
    pub id: IdentityId,
    /// The name, unique in the account.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who may assume it, as it was written.
    pub trust_policy: String,
    /// Longest session, in seconds.
    pub max_session_seconds: u32,
    /// When it was made.
    pub created_ms: i64,
    /// When one of these was changed last.
    pub updated_ms: i64,
}

/// A custom policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInfo {
    /// The name, unique in the account.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The version in effect.
    pub default_version: u32,
    /// When it was made.
    pub created_ms: i64,
    /// When it, its versions or its default was changed last.
    pub updated_ms: i64,
    /// To how many users, groups and roles it is attached.
    pub attachment_count: u32,
}

/// A version of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersionInfo {
    /// Its number, from 1; not given again within the policy.
    pub version: u32,
    /// The text, as it was written.
    pub document: String,
    /// Whether it is the one in effect.
    pub is_default: bool,
    /// When it was made.
    pub created_ms: i64,
}

/// An AccessKey, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeyInfo {
    /// Its id.
    pub id: AccessKeyId,
    /// Active or not.
    pub status: KeyStatus,
    /// When it was made.
    pub created_ms: i64,
    /// When it was used last; `None` before the first time.
    pub last_used: Option<LastUse>,
}

/// The last use of an AccessKey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at_ms: i64,
    /// For which product, as in `cams`.
    pub product: String,
}

/// A policy that is attached to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedPolicyInfo {
    /// The policy.
    pub policy: PolicyInfo,
    /// When it was attached.
    pub attached_ms: i64,
}

/// A user in a group, or a group of a user; or who has a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo<T> {
    /// Who.
    pub who: T,
    /// When it joined, or when the policy was attached.
    pub since_ms: i64,
}

/// Who has a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyEntities {
    /// Users, not by way of groups.
    pub users: Vec<MemberInfo<UserInfo>>,
    /// Groups.
    pub groups: Vec<MemberInfo<GroupInfo>>,
    /// Roles.
    pub roles: Vec<MemberInfo<RoleInfo>>,
}

/// What a policy can be attached to, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyHolder {
    /// A user.
    User(String),
    /// A group.
    Group(String),
    /// A role.
    Role(String),
}

/// A user to make. Empty texts say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewUser {
    /// The name.
    pub name: String,
    /// A name for people.
    pub display_name: String,
    /// A telephone number.
    pub mobile_phone: String,
    /// An address.
    pub email: String,
    /// Comments.
    pub comments: String,
}

/// What becomes different in a user; `None` stays, an empty text is taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// Another name; id, keys, policies and groups stay.
    pub name: Option<String>,
    /// A name for people.
    pub display_name: Option<String>,
    /// A telephone number.
    pub mobile_phone: Option<String>,
    /// An address.
    pub email: Option<String>,
    /// Comments.
    pub comments: Option<String>,
    /// Whether the user may sign in to the console.
    pub console: Option<bool>,
}

/// What becomes different in a role; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleChanges {
    /// Who may assume it.
    pub trust_policy: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Longest session, in seconds.
    pub max_session_seconds: Option<u32>,
}

/// What happens when a policy has all the versions that it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionRotation {
    /// The new one is refused.
    Refuse,
    /// The oldest that is not the default goes.
    DeleteOldest,
}

impl UserInfo {
    pub(in crate::directory) fn of(name: &str, user: &UserState, lived: Lived) -> Self {
        Self {
            id: user.id.clone(),
            name: name.to_owned(),
            display_name: user.display_name.clone(),
            mobile_phone: user.mobile_phone.clone(),
            email: user.email.clone(),
            comments: user.comments.clone(),
            console: user.console,
            created_ms: lived.created_ms,
            updated_ms: lived.updated_ms,
        }
    }
}

impl GroupInfo {
    pub(in crate::directory) fn of(name: &str, group: &GroupState, lived: Lived) -> Self {
        Self {
            id: group.id.clone(),
            name: name.to_owned(),
            comments: group.comments.clone(),
            created_ms: lived.created_ms,
            updated_ms: lived.updated_ms,
        }
    }
}

impl RoleInfo {
    pub(in crate::directory) fn of(name: &str, role: &RoleState, lived: Lived) -> Self {
        Self {
            id: role.id.clone(),
            name: name.to_owned(),
            description: role.description.clone(),
            trust_policy: role.trust_policy.clone(),
            max_session_seconds: role.max_session_seconds,
            created_ms: lived.created_ms,
            updated_ms: lived.updated_ms,
        }
    }
}

impl PolicyInfo {
    pub(in crate::directory) fn of(
        name: &str,
        policy: &PolicyState,
        lived: Lived,
        attachment_count: u32,
    ) -> Self {
        Self {
            name: name.to_owned(),
            description: policy.description.clone(),
            default_version: policy.default_version,
            created_ms: lived.created_ms,
            updated_ms: lived.updated_ms,
            attachment_count,
        }
    }
}
