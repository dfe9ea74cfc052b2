//! The errors of the product RAM: what does not exist, exists already, is in use, is too many, and
//! values that are not valid.
//!
//! Codes and first sentences are the vendor's public ones; what follows the first sentence says
//! what would be valid, because a caller should not have to look it up. Not here: denials, which
//! STS shares.
//!
//! Invariant: every code has one message and one status.

use std::borrow::Cow;

/// What RAM refuses a call with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RamError {
    /// 404: what the call names is not there.
    NotExist(NotExist),
    /// 409: what the call makes is there.
    AlreadyExists(AlreadyExists),
    /// 409: something hangs on what the call deletes.
    DeleteConflict(DeleteConflict),
    /// 409: there are as many as there may be.
    LimitExceeded {
        /// Of what.
        what: LimitExceeded,
        /// How many there may be.
        limit: usize,
    },
    /// 400: a policy or a trust policy cannot be read.
    MalformedPolicyDocument {
        /// Where and why.
        reason: Cow<'static, str>,
    },
    /// 400: a parameter is not valid.
    Parameter {
        /// Which one.
        name: Cow<'static, str>,
        /// In what respect.
        fault: ParameterFault,
        /// What is valid, as a sentence.
        valid: Cow<'static, str>,
    },
}

/// In what respect a parameter is not valid; the last part of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterFault {
    /// It has characters that it may not have.
    InvalidChars,
    /// It is too short or too long.
    Length,
    /// It does not have the form.
    Format,
    /// It is none of the values.
    Value,
}

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the codes say it")]
pub enum NotExist {
    User,
    Group,
    Role,
    Policy,
    PolicyVersion,
    UserAccessKey,
    UserGroup,
    UserPolicy,
    GroupPolicy,
    RolePolicy,
}

/// What is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the codes say it")]
pub enum AlreadyExists {
    User,
    Group,
    Role,
    Policy,
    UserGroup,
    UserPolicy,
    GroupPolicy,
    RolePolicy,
}

/// What cannot be deleted, and what hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the codes say it")]
pub enum DeleteConflict {
    UserGroup,
    UserAccessKey,
    UserPolicy,
    GroupUser,
    GroupPolicy,
    RolePolicy,
    PolicyUser,
    PolicyGroup,
    PolicyRole,
    PolicyVersion,
    PolicyVersionDefault,
}

/// What there are too many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the codes say it")]
pub enum LimitExceeded {
    User,
    Group,
    Role,
    Policy,
    PolicyVersion,
    UserAccessKey,
    UserGroup,
    UserPolicy,
    GroupPolicy,
    RolePolicy,
}

impl RamError {
    /// The wire code.
    #[must_use]
    pub fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NotExist(what) => what.code(),
            Self::AlreadyExists(what) => what.code(),
            Self::DeleteConflict(what) => what.code(),
            Self::LimitExceeded { what, .. } => what.code(),
            Self::MalformedPolicyDocument { .. } => "MalformedPolicyDocument",
            Self::Parameter { name, fault, .. } => {
                let suffix = match fault {
                    ParameterFault::InvalidChars => ".InvalidChars",
                    ParameterFault::Length => ".Length",
                    ParameterFault::Format => ".Format",
                    ParameterFault::Value => "",
                };
                return Cow::Owned(format!("InvalidParameter.{name}{suffix}"));
            }
        })
    }

    /// The HTTP status.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::NotExist(_) => 404,
            Self::AlreadyExists(_) | Self::DeleteConflict(_) | Self::LimitExceeded { .. } => 409,
            Self::MalformedPolicyDocument { .. } | Self::Parameter { .. } => 400,
        }
    }

    /// The wire message.
    #[must_use]
    pub fn message(&self) -> Cow<'_, str> {
        match self {
            Self::NotExist(what) => what.message().into(),
            Self::AlreadyExists(what) => what.message().into(),
            Self::DeleteConflict(what) => what.message().into(),
            Self::LimitExceeded { what, limit } => {
                format!("{} The limit is {limit}.", what.message()).into()
            }
            Self::MalformedPolicyDocument { reason } => Cow::Borrowed(reason),
            Self::Parameter { name, fault, valid } => match fault {
                ParameterFault::InvalidChars => {
                    format!("The parameter - \"{name}\" contains invalid chars. {valid}")
                }
                ParameterFault::Length => {
                    format!("The parameter - \"{name}\" beyond the length limit. {valid}")
                }
                ParameterFault::Format => {
                    format!("The format of the parameter - \"{name}\" is incorrect. {valid}")
                }
                ParameterFault::Value => {
                    format!("The parameter - \"{name}\" is incorrect. {valid}")
                }
            }
            .into(),
        }
    }
}

impl NotExist {
    /// The wire code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::User => "EntityNotExist.User",
            Self::Group => "EntityNotExist.Group",
            Self::Role => "EntityNotExist.Role",
            Self::Policy => "EntityNotExist.Policy",
            Self::PolicyVersion => "EntityNotExist.Policy.Version",
            Self::UserAccessKey => "EntityNotExist.User.AccessKey",
            Self::UserGroup => "EntityNotExist.User.Group",
            Self::UserPolicy => "EntityNotExist.User.Policy",
            Self::GroupPolicy => "EntityNotExist.Group.Policy",
            Self::RolePolicy => "EntityNotExist.Role.Policy",
        }
    }

    /// The wire message.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::User => "The user does not exist.",
            Self::Group => "The group does not exist.",
            Self::Role => "The role does not exist.",
            Self::Policy => "The policy does not exist.",
            Self::PolicyVersion => "The policy version does not exist.",
            Self::UserAccessKey => "The user access key does not exist.",
            Self::UserGroup => "The user has not joined the group.",
            Self::UserPolicy => "The indicate policy of the user does not exist.",
            Self::GroupPolicy => "The indicate policy attached to the group does not exist.",
            Self::RolePolicy => "The indicate policy attached to the role does not exist.",
        }
    }
}

impl AlreadyExists {
    /// The wire code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::User => "EntityAlreadyExists.User",
            Self::Group => "EntityAlreadyExists.Group",
            Self::Role => "EntityAlreadyExists.Role",
            Self::Policy => "EntityAlreadyExists.Policy",
            Self::UserGroup => "EntityAlreadyExists.User.Group",
            Self::UserPolicy => "EntityAlreadyExists.User.Policy",
            Self::GroupPolicy => "EntityAlreadyExists.Group.Policy",
            Self::RolePolicy => "EntityAlreadyExists.Role.Policy",
        }
    }

    /// The wire message.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::User => "The user does already EXIST.",
            Self::Group => "The group does already EXIST.",
            Self::Role => "The role does already EXIST.",
            Self::Policy => "The policy does already EXIST.",
            Self::UserGroup => "The user has already joined the group.",
            Self::UserPolicy => "The user has already been attached this policy.",
            Self::GroupPolicy => "The group has already been attached this policy.",
            Self::RolePolicy => "The role has already been attached this policy.",
        }
    }
}

impl DeleteConflict {
    /// The wire code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UserGroup => "DeleteConflict.User.Group",
            Self::UserAccessKey => "DeleteConflict.User.AccessKey",
            Self::UserPolicy => "DeleteConflict.User.Policy",
            Self::GroupUser => "DeleteConflict.Group.User",
            Self::GroupPolicy => "DeleteConflict.Group.Policy",
            Self::RolePolicy => "DeleteConflict.Role.Policy",
            Self::PolicyUser => "DeleteConflict.Policy.User",
            Self::PolicyGroup => "DeleteConflict.Policy.Group",
            Self::PolicyRole => "DeleteConflict.Policy.Role",
            Self::PolicyVersion => "DeleteConflict.Policy.Version",
            Self::PolicyVersionDefault => "DeleteConflict.Policy.Version.Default",
        }
    }

    /// The wire message.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::UserGroup => "The user CAN NOT be in any group while deleting the user.",
            Self::UserAccessKey => "The user CAN NOT has any access key while deleting the user.",
            Self::UserPolicy => "The user CAN NOT has any attached policy while deleting the user.",
            Self::GroupUser => "The group CAN NOT has any user member while deleting the group.",
            Self::GroupPolicy => {
                "The entity CAN NOT has any attached policy while deleting the group."
            }
            Self::RolePolicy => "The role CAN NOT has any attached policy while deleting the role.",
            Self::PolicyUser => {
                "The policy CAN NOT been attached to any user while deleting the policy."
            }
            Self::PolicyGroup => {
                "The policy CAN NOT been attached to any group while deleting the policy."
            }
            Self::PolicyRole => {
                "The policy CAN NOT been attached to any role while deleting the policy."
            }
            Self::PolicyVersion => "The policy CAN NOT has any version except the default version.",
            Self::PolicyVersionDefault => {
                "The default policy version CAN NOT been deleted directly."
            }
        }
    }
}

impl LimitExceeded {
    /// The wire code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::User => "LimitExceeded.User",
            Self::Group => "LimitExceeded.Group",
            Self::Role => "LimitExceeded.Role",
            Self::Policy => "LimitExceeded.Policy",
            Self::PolicyVersion => "LimitExceeded.Policy.Version",
            Self::UserAccessKey => "LimitExceeded.User.AccessKey",
            Self::UserGroup => "LimitExceeded.User.Group",
            Self::UserPolicy => "LimitExceeded.User.Policy",
            Self::GroupPolicy => "LimitExceeded.Group.Policy",
            Self::RolePolicy => "LimitExceeded.Role.Policy",
        }
    }

    /// The wire message.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::User => "The count of users beyond the current limits.",
            Self::Group => "The count of groups beyond the current limits.",
            Self::Role => "The count of roles beyond the current limits.",
            Self::Policy => "The count of policy beyond the current limits.",
            Self::PolicyVersion => "The count of policy version beyond the current limits.",
            Self::UserAccessKey => {
                "The access key count of the user access keys beyond the current limits."
            }
            Self::UserGroup => {
                "The count of groups the target user joined beyond the current limits."
            }
            Self::UserPolicy => {
                "The policy count of the user attached policies beyond the current limits."
            }
            Self::GroupPolicy => "The policy count of the group beyond the current limits.",
            Self::RolePolicy => {
                "The count of policies attached to the role beyond the current limits."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code that has no parameter's name in it.
    fn fixed() -> Vec<RamError> {
        use {AlreadyExists as A, DeleteConflict as D, LimitExceeded as L, NotExist as N};
        let not_exist = [
            N::User,
            N::Group,
            N::Role,
            N::Policy,
            N::PolicyVersion,
            N::UserAccessKey,
            N::UserGroup,
            N::UserPolicy,
            N::GroupPolicy,
            N::RolePolicy,
        ];
        let exists = [
            A::User,
            A::Group,
            A::Role,
            A::Policy,
            A::UserGroup,
            A::UserPolicy,
            A::GroupPolicy,
            A::RolePolicy,
        ];
        let conflicts = [
            D::UserGroup,
            D::UserAccessKey,
            D::UserPolicy,
            D::GroupUser,
            D::GroupPolicy,
            D::RolePolicy,
            D::PolicyUser,
            D::PolicyGroup,
            D::PolicyRole,
            D::PolicyVersion,
            D::PolicyVersionDefault,
        ];
        let limits = [
            L::User,
            L::Group,
            L::Role,
            L::Policy,
            L::PolicyVersion,
            L::UserAccessKey,
            L::UserGroup,
            L::UserPolicy,
            L::GroupPolicy,
            L::RolePolicy,
        ];
        let limits = limits.map(|what| RamError::LimitExceeded { what, limit: 2 });
        not_exist
            .map(RamError::NotExist)
            .into_iter()
            .chain(exists.map(RamError::AlreadyExists))
            .chain(conflicts.map(RamError::DeleteConflict))
            .chain(limits)
            .collect()
    }

    #[test]
    fn a_code_has_one_meaning_and_the_status_of_its_kind() {
        let all = fixed();
        let codes: std::collections::BTreeSet<_> = all.iter().map(RamError::code).collect();
        assert_eq!(codes.len(), all.len());
        for error in all {
            let code = error.code();
            let status = if code.starts_with("EntityNotExist.") {
                404
            } else {
                409
            };
            assert_eq!(error.http_status(), status, "{code}");
            assert!(error.message().ends_with('.'), "{code}");
        }
    }

    #[test]
    fn a_limit_says_how_many_and_a_parameter_says_what_is_valid() {
        let limit = RamError::LimitExceeded {
            what: LimitExceeded::UserAccessKey,
            limit: 2,
        };
        assert_eq!(
            limit.message(),
            "The access key count of the user access keys beyond the current limits. The limit is 2."
        );
        let parameter = |fault| RamError::Parameter {
            name: "UserName".into(),
            fault,
            valid: "It has 1 to 64 characters.".into(),
        };
        let text = |error: RamError| format!("{} {}", error.code(), error.message());
        assert_eq!(
            text(parameter(ParameterFault::Length)),
            "InvalidParameter.UserName.Length The parameter - \"UserName\" beyond the length limit. It has 1 to 64 characters."
        );
        assert_eq!(
            text(parameter(ParameterFault::Value)),
            "InvalidParameter.UserName The parameter - \"UserName\" is incorrect. It has 1 to 64 characters."
        );
    }
}
