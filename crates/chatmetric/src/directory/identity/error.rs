//! What an identity change is refused with.
//!
//! Values, not words of a protocol: `api/` makes its codes of them by exhaustive
//! matches. A refusal never holds a secret.

use std::fmt;

use crate::directory::error::DirectoryError;

/// A kind of thing that a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// A RAM user.
    User,
    /// A group of users.
    Group,
    /// A role.
    Role,
    /// A custom policy.
    Policy,
    /// A version of a policy, named `v<number>`.
    PolicyVersion,
    /// An AccessKey.
    AccessKey,
    /// A policy that is attached to a user, group or role; named by the policy.
    Attachment,
    /// A user in a group; named by the group.
    Membership,
}

impl IdentityKind {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
            Self::Policy => "policy",
            Self::PolicyVersion => "policy version",
            Self::AccessKey => "access key",
            Self::Attachment => "attachment of a policy",
            Self::Membership => "membership in a group",
        }
    }
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field of what is made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityField {
    /// The name of a user, group, role or policy.
    Name,
    /// A user's name for people.
    DisplayName,
    /// A user's telephone number.
    MobilePhone,
    /// A user's address.
    Email,
    /// Comments on a user or a group.
    Comments,
    /// The description of a role or a policy.
    Description,
    /// A policy's document.
    Document,
    /// A role's trust policy.
    TrustPolicy,
    /// A role's longest session.
    MaxSessionSeconds,
    /// The number of a policy version.
    Version,
}

impl IdentityField {
    /// The word for people, as in the directory document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::DisplayName => "display_name",
            Self::MobilePhone => "mobile_phone",
            Self::Email => "email",
            Self::Comments => "comments",
            Self::Description => "description",
            Self::Document => "document",
            Self::TrustPolicy => "trust_policy",
            Self::MaxSessionSeconds => "max_session_seconds",
            Self::Version => "version",
        }
    }
}

impl fmt::Display for IdentityField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An identity change is refused; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// There is no such thing in the account.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// What.
        kind: IdentityKind,
        /// Its name, or the name that an attachment or membership goes by.
        name: String,
    },
    /// The account has one already.
    #[error("the {kind} `{name}` exists already")]
    Exists {
        /// What.
        kind: IdentityKind,
        /// Its name.
        name: String,
    },
    /// Others hang on what is to be deleted.
    #[error("the {kind} `{name}` is in use: it has a {by}")]
    InUse {
        /// What is to be deleted.
        kind: IdentityKind,
        /// Its name.
        name: String,
        /// What hangs on it. For the default version of a policy: `Policy`.
        by: IdentityKind,
    },
    /// There are as many as there may be.
    #[error("there may be at most {limit} of kind `{kind}`")]
    Limit {
        /// What.
        kind: IdentityKind,
        /// How many.
        limit: usize,
    },
    /// A value is not valid.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which value.
        field: IdentityField,
        /// What would be valid; for documents the path of the fault.
        reason: String,
    },
}

/// A change of identities failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeIdentitiesError {
    /// It is refused.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The directory failed.
    #[error("cannot change the identities of the account")]
    Directory(#[from] DirectoryError),
}
