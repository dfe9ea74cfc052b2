//! What a call of the operator is refused with: code, status and message of each.
//!
//! Invariant: the matches are exhaustive; a cause that is the instance's goes to the log
//! and not to the caller.

use crate::directory::{ChangeIdentitiesError, DirectoryError, ResourceError, ResourceField};
use crate::ingest::file::LoadError;
use crate::usage::UsageError;
use chatmetric_store::StoreError;

/// A call is refused.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No route has this verb and path.
    #[error("there is no such call of the operator API")]
    NoSuchCall,
    /// What the path or the body names is not there.
    #[error("{0}")]
    NotFound(String),
    /// A value is not valid.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which.
        field: String,
        /// What would be valid.
        reason: String,
    },
    /// It is there already, or there are too many.
    #[error("{0}")]
    Conflict(String),
    /// The disk takes nothing now.
    #[error("events cannot be made durable now; send them again")]
    Unavailable,
    /// The instance failed.
    #[error("the call failed in the instance; its log says why")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OperatorError {
    pub(crate) fn invalid(field: &str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Failed(Box::new(error))
    }

    /// The word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchCall => "NoSuchCall",
            Self::NotFound(_) => "NotFound",
            Self::Invalid { .. } => "InvalidField",
            Self::Conflict(_) => "Conflict",
            Self::Unavailable => "Unavailable",
            Self::Failed(_) => "InternalError",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::NoSuchCall | Self::NotFound(_) => 404,
            Self::Invalid { .. } => 400,
            Self::Conflict(_) => 409,
            Self::Unavailable => 503,
            Self::Failed(_) => 500,
        }
    }

    /// The field that is wrong.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::NoSuchCall
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Unavailable
            | Self::Failed(_) => None,
        }
    }
}

impl From<DirectoryError> for OperatorError {
    fn from(error: DirectoryError) -> Self {
        if error.is_passing() {
            return Self::Unavailable;
        }
        Self::failed(error)
    }
}

impl From<StoreError> for OperatorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Unavailable,
            error => Self::failed(error),
        }
    }
}

impl From<ResourceError> for OperatorError {
    fn from(error: ResourceError) -> Self {
        match error {
            ResourceError::NotFound { .. } => Self::NotFound(error.to_string()),
            ResourceError::Exists { .. } | ResourceError::Limit { .. } => {
                Self::Conflict(error.to_string())
            }
            ResourceError::Invalid { field, reason } => Self::invalid(word(field), reason),
            ResourceError::Directory(error) => error.into(),
        }
    }
}

impl From<ChangeIdentitiesError> for OperatorError {
    fn from(error: ChangeIdentitiesError) -> Self {
        match error {
            ChangeIdentitiesError::Identity(error) => Self::Conflict(error.to_string()),
            ChangeIdentitiesError::Directory(error) => error.into(),
        }
    }
}

impl From<LoadError> for OperatorError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::UnknownSpace { .. } => Self::NotFound(error.to_string()),
            LoadError::Bind(error) => error.into(),
            LoadError::Store(error) => error.into(),
        }
    }
}

impl From<UsageError> for OperatorError {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Empty | UsageError::TooManyDays | UsageError::TooMuch => {
                Self::invalid("end", error.to_string())
            }
            UsageError::Store(error) => error.into(),
        }
    }
}

/// The word of a field in bodies.
const fn word(field: ResourceField) -> &'static str {
    match field {
        ResourceField::Id => "id",
        ResourceField::Name => "name",
        ResourceField::TimeZone => "timeZone",
        ResourceField::NumbersMax => "numbersMax",
        ResourceField::AppSecret => "appSecret",
        ResourceField::Token => "token",
        ResourceField::Kind => "kind",
        ResourceField::Space => "space",
        ResourceField::Account => "account",
        ResourceField::Users => "users",
        ResourceField::Spaces => "spaces",
        ResourceField::CallsPerSecond => "callsPerSecond",
    }
}
