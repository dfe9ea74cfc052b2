//! From what the directory refuses a change with to RAM's codes.
//!
//! The directory speaks of kinds; RAM has a code for each pair of kinds, and names
//! the parameter of the operation. Invariant: every refusal has a code; a pair that
//! no operation can meet is an internal error and is logged.

use crate::directory::{ChangeIdentitiesError, IdentityError, IdentityField, IdentityKind};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{
    AlreadyExists, DeleteConflict, LimitExceeded, NotExist, ParameterFault, RamError,
};

/// What an operation is about, for the words of its refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    noun: Noun,
    /// Whether parameters are called `New…`.
    updates: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noun {
    User,
    Group,
    Role,
    Policy,
}

impl About {
    pub(super) const USER: Self = Self::of(Noun::User);
    pub(super) const GROUP: Self = Self::of(Noun::Group);
    pub(super) const ROLE: Self = Self::of(Noun::Role);
    pub(super) const POLICY: Self = Self::of(Noun::Policy);

    const fn of(noun: Noun) -> Self {
        Self {
            noun,
            updates: false,
        }
    }

    /// The same for an operation whose parameters are called `New…`.
    pub(super) const fn updated(self) -> Self {
        Self {
            updates: true,
            ..self
        }
    }
}

/// The error that a caller is told.
pub(super) fn refusal(error: ChangeIdentitiesError, about: About) -> ApiError {
    match error {
        ChangeIdentitiesError::Identity(error) => told(&error, about).unwrap_or_else(|| {
            tracing::error!(%error, "a refusal has no code");
            ApiError::InternalError
        }),
        ChangeIdentitiesError::Directory(error) if error.is_passing() => {
            tracing::warn!(%error, "identities could not be changed now");
            ApiError::ServiceUnavailable
        }
        ChangeIdentitiesError::Directory(error) => {
            let error = crate::cli::error_chain(&error);
            tracing::error!(error, "identities could not be changed");
            ApiError::InternalError
        }
    }
}

fn told(error: &IdentityError, about: About) -> Option<ApiError> {
    let error = match error {
        IdentityError::NotFound { kind, .. } => RamError::NotExist(not_exist(*kind, about.noun)?),
        IdentityError::Exists { kind, .. } => RamError::AlreadyExists(exists(*kind, about.noun)?),
        IdentityError::InUse { kind, by, .. } => RamError::DeleteConflict(conflict(*kind, *by)?),
        IdentityError::Limit { kind, limit } => RamError::LimitExceeded {
            what: limited(*kind, about.noun)?,
            limit: *limit,
        },
        IdentityError::Invalid { field, reason } => invalid(*field, reason, about),
    };
    Some(error.into())
}

/// A policy has no policies attached.
fn not_exist(kind: IdentityKind, noun: Noun) -> Option<NotExist> {
    Some(match kind {
        IdentityKind::User => NotExist::User,
        IdentityKind::Group => NotExist::Group,
        IdentityKind::Role => NotExist::Role,
        IdentityKind::Policy => NotExist::Policy,
        IdentityKind::PolicyVersion => NotExist::PolicyVersion,
        IdentityKind::AccessKey => NotExist::UserAccessKey,
        IdentityKind::Membership => NotExist::UserGroup,
        IdentityKind::Attachment => match noun {
            Noun::User => NotExist::UserPolicy,
            Noun::Group => NotExist::GroupPolicy,
            Noun::Role => NotExist::RolePolicy,
            Noun::Policy => return None,
        },
    })
}

/// Ids of keys and numbers of versions are made, so they cannot be there already.
fn exists(kind: IdentityKind, noun: Noun) -> Option<AlreadyExists> {
    Some(match kind {
        IdentityKind::User => AlreadyExists::User,
        IdentityKind::Group => AlreadyExists::Group,
        IdentityKind::Role => AlreadyExists::Role,
        IdentityKind::Policy => AlreadyExists::Policy,
        IdentityKind::Membership => AlreadyExists::UserGroup,
        IdentityKind::Attachment => match noun {
            Noun::User => AlreadyExists::UserPolicy,
            Noun::Group => AlreadyExists::GroupPolicy,
            Noun::Role => AlreadyExists::RolePolicy,
            Noun::Policy => return None,
        },
        IdentityKind::PolicyVersion | IdentityKind::AccessKey => return None,
    })
}

fn conflict(kind: IdentityKind, by: IdentityKind) -> Option<DeleteConflict> {
    use IdentityKind as K;
    Some(match (kind, by) {
        (K::User, K::Group | K::Membership) => DeleteConflict::UserGroup,
        (K::User, K::AccessKey) => DeleteConflict::UserAccessKey,
        (K::User, K::Policy | K::Attachment) => DeleteConflict::UserPolicy,
        (K::Group, K::User | K::Membership) => DeleteConflict::GroupUser,
        (K::Group, K::Policy | K::Attachment) => DeleteConflict::GroupPolicy,
        (K::Role, K::Policy | K::Attachment) => DeleteConflict::RolePolicy,
        (K::Policy, K::User) => DeleteConflict::PolicyUser,
        (K::Policy, K::Group) => DeleteConflict::PolicyGroup,
        (K::Policy, K::Role) => DeleteConflict::PolicyRole,
        (K::Policy, K::PolicyVersion) => DeleteConflict::PolicyVersion,
        (K::PolicyVersion, K::Policy) => DeleteConflict::PolicyVersionDefault,
        (K::User | K::Group | K::Role | K::Policy | K::PolicyVersion, _)
        | (K::AccessKey | K::Attachment | K::Membership, _) => return None,
    })
}

fn limited(kind: IdentityKind, noun: Noun) -> Option<LimitExceeded> {
    Some(match kind {
        IdentityKind::User => LimitExceeded::User,
        IdentityKind::Group => LimitExceeded::Group,
        IdentityKind::Role => LimitExceeded::Role,
        IdentityKind::Policy => LimitExceeded::Policy,
        IdentityKind::PolicyVersion => LimitExceeded::PolicyVersion,
        IdentityKind::AccessKey => LimitExceeded::UserAccessKey,
        IdentityKind::Membership => LimitExceeded::UserGroup,
        IdentityKind::Attachment => match noun {
            Noun::User => LimitExceeded::UserPolicy,
            Noun::Group => LimitExceeded::GroupPolicy,
            Noun::Role => LimitExceeded::RolePolicy,
            Noun::Policy => return None,
        },
    })
}

/// Lengths and characters of names were judged before; what the directory still
/// refuses is the form of a text, or a document.
fn invalid(field: IdentityField, reason: &str, about: About) -> RamError {
    let (name, fault) = match field {
        IdentityField::Document | IdentityField::TrustPolicy => {
            return RamError::MalformedPolicyDocument {
                reason: reason.to_owned().into(),
            };
        }
        IdentityField::Name => (name_parameter(about.noun), ParameterFault::InvalidChars),
        IdentityField::DisplayName => ("DisplayName", ParameterFault::InvalidChars),
        IdentityField::Comments => ("Comments", ParameterFault::InvalidChars),
        IdentityField::Description => ("Description", ParameterFault::InvalidChars),
        IdentityField::MobilePhone => ("MobilePhone", ParameterFault::Format),
        IdentityField::Email => ("Email", ParameterFault::Format),
        IdentityField::MaxSessionSeconds => ("MaxSessionDuration", ParameterFault::Value),
        IdentityField::Version => ("VersionId", ParameterFault::Format),
    };
    let prefix = if about.updates { "New" } else { "" };
    RamError::Parameter {
        name: format!("{prefix}{name}").into(),
        fault,
        valid: sentence(reason).into(),
    }
}

const fn name_parameter(noun: Noun) -> &'static str {
    match noun {
        Noun::User => "UserName",
        Noun::Group => "GroupName",
        Noun::Role => "RoleName",
        Noun::Policy => "PolicyName",
    }
}

/// The directory's reasons are parts of a line of a log; a caller reads sentences.
fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}
