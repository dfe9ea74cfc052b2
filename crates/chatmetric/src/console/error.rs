//! What a call of a page is refused with: code, status and message of each.
//!
//! Invariant: the three are exhaustive matches, so a new refusal gets all of them; a
//! cause that is ours goes to the log and not to the page.

use crate::directory::{
    ChangeIdentitiesError, DirectoryError, IdentityError, IdentityField, ResourceError,
    ResourceField, SignInError,
};
use crate::server::answer::{Answer, RequestIds};
use chatmetric_rpc::ApiError;
use chatmetric_store::StoreError;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The content type of every answer of the API.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// A right that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Denied {
    /// What was to be done.
    pub(super) action: String,
    /// To what.
    pub(super) resource: String,
    /// The statement that would allow it; null when a policy denies it, because then
    /// none would.
    pub(super) statement: Value,
}

impl Denied {
    pub(super) fn new(action: &str, resource: &str, is_explicit: bool) -> Self {
        let statement = if is_explicit {
            Value::Null
        } else {
            json!({ "Effect": "Allow", "Action": action, "Resource": resource })
        };
        Self {
            action: action.to_owned(),
            resource: resource.to_owned(),
            statement,
        }
    }
}

/// A refusal.
#[derive(Debug)]
pub(super) enum ConsoleError {
    NotSignedIn,
    WrongSignIn,
    WrongToken,
    ForeignOrigin,
    MissingHeader,
    /// Passwords and cookies would be readable on the way.
    NotEncrypted,
    Denied(Box<Denied>),
    /// The account is not subscribed to the product.
    Unsubscribed,
    NotFound,
    InvalidField {
        field: &'static str,
        reason: Cow<'static, str>,
    },
    InvalidBody(Cow<'static, str>),
    TooLarge {
        bytes_max: usize,
    },
    HeadTooLarge,
    Conflict(String),
    SlowDown {
        retry_after_ms: u64,
    },
    Unavailable,
    Internal,
}

impl ConsoleError {
    pub(super) fn invalid(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidField {
            field,
            reason: reason.into(),
        }
    }

    /// The word for programs.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "NotSignedIn",
            Self::WrongSignIn => "WrongSignIn",
            Self::WrongToken => "WrongToken",
            Self::ForeignOrigin => "ForeignOrigin",
            Self::MissingHeader => "MissingHeader",
            Self::NotEncrypted => "NotEncrypted",
            Self::Denied(_) => "Denied",
            Self::Unsubscribed => "Unsubscribed",
            Self::NotFound => "NotFound",
            Self::InvalidField { .. } => "InvalidField",
            Self::InvalidBody(_) => "InvalidBody",
            Self::TooLarge { .. } => "TooLarge",
            Self::HeadTooLarge => "HeadTooLarge",
            Self::Conflict(_) => "Conflict",
            Self::SlowDown { .. } => "SlowDown",
            Self::Unavailable => "Unavailable",
            Self::Internal => "Internal",
        }
    }

    /// The HTTP status.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NotSignedIn | Self::WrongSignIn | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::ForeignOrigin
            | Self::MissingHeader
            | Self::NotEncrypted
            | Self::Denied(_)
            | Self::Unsubscribed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::InvalidField { .. } | Self::InvalidBody(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::SlowDown { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The sentence for people.
    pub(super) fn message(&self) -> Cow<'_, str> {
        match self {
            Self::NotSignedIn => "Sign in to go on.".into(),
            Self::WrongSignIn => "Account, user or password is wrong.".into(),
            Self::WrongToken => "The token is wrong, was used, or is too old.".into(),
            Self::ForeignOrigin => "The call came from another site.".into(),
            Self::MissingHeader => "The header X-Chatmetric is missing.".into(),
            Self::NotEncrypted => "The console is not used over plain HTTP from another machine: \
                 open it over HTTPS. A proxy in front has to say `X-Forwarded-Proto: https`."
                .into(),
            Self::Denied(denied) => format!(
                "You are not allowed to do {} on {}.",
                denied.action, denied.resource
            )
            .into(),
            Self::Unsubscribed => "The account is not subscribed to the product.".into(),
            Self::NotFound => "There is no such thing.".into(),
            Self::InvalidField { reason, .. } | Self::InvalidBody(reason) => reason.as_ref().into(),
            Self::TooLarge { bytes_max } => format!("A body has at most {bytes_max} bytes.").into(),
            Self::HeadTooLarge => "The head of the request is too large.".into(),
            Self::Conflict(reason) => reason.as_str().into(),
            Self::SlowDown { .. } => "Too many tries. Wait before the next one.".into(),
            Self::Unavailable => "This cannot be done now. Try again.".into(),
            Self::Internal => "Something went wrong in the server; its log says what.".into(),
        }
    }

    /// The answer.
    pub(super) fn answer(&self, ids: RequestIds) -> Answer {
        let mut body = json!({
            "code": self.code(),
            "message": self.message(),
            "requestId": ids.request.to_string(),
        });
        let more = match self {
            Self::Denied(denied) => Some(("denied", json!(denied))),
            Self::InvalidField { field, .. } => Some(("field", json!(field))),
            Self::SlowDown { retry_after_ms } => Some(("retryAfterMs", json!(retry_after_ms))),
            Self::NotSignedIn
            | Self::WrongSignIn
            | Self::WrongToken
            | Self::ForeignOrigin
            | Self::MissingHeader
            | Self::NotEncrypted
            | Self::Unsubscribed
            | Self::NotFound
            | Self::InvalidBody(_)
            | Self::TooLarge { .. }
            | Self::HeadTooLarge
            | Self::Conflict(_)
            | Self::Unavailable
            | Self::Internal => None,
        };
        if let (Some((name, value)), Some(body)) = (more, body.as_object_mut()) {
            body.insert(name.to_owned(), value);
        }
        let answer = Answer::new(self.status(), JSON, body.to_string());
        match self {
            // The rest of such a request is not read.
            Self::TooLarge { .. } | Self::HeadTooLarge => answer.closing(),
            _ => answer,
        }
    }
}

impl From<DirectoryError> for ConsoleError {
    fn from(error: DirectoryError) -> Self {
        tracing::error!(
            error = crate::cli::error_chain(&error),
            "the directory failed for the console"
        );
        Self::Unavailable
    }
}

impl From<StoreError> for ConsoleError {
    fn from(error: StoreError) -> Self {
        tracing::error!(
            error = crate::cli::error_chain(&error),
            "the store failed for the console"
        );
        Self::Unavailable
    }
}

impl From<SignInError> for ConsoleError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Token => Self::WrongToken,
            SignInError::NoUser => Self::NotFound,
            SignInError::HasPassword => {
                Self::Conflict("The user has a password already.".to_owned())
            }
            SignInError::Outdated => Self::WrongSignIn,
            SignInError::Directory(error) => error.into(),
        }
    }
}

impl From<ChangeIdentitiesError> for ConsoleError {
    fn from(error: ChangeIdentitiesError) -> Self {
        let error = match error {
            ChangeIdentitiesError::Identity(error) => error,
            ChangeIdentitiesError::Directory(error) => return error.into(),
        };
        match &error {
            IdentityError::NotFound { .. } => Self::NotFound,
            IdentityError::Exists { .. }
            | IdentityError::InUse { .. }
            | IdentityError::Limit { .. } => Self::Conflict(error.to_string()),
            IdentityError::Invalid { field, reason } => Self::InvalidField {
                field: match field {
                    IdentityField::Name => "user",
                    IdentityField::Document => "document",
                    IdentityField::DisplayName
                    | IdentityField::MobilePhone
                    | IdentityField::Email
                    | IdentityField::Comments
                    | IdentityField::Description
                    | IdentityField::TrustPolicy
                    | IdentityField::MaxSessionSeconds
                    | IdentityField::Version => "name",
                },
                reason: reason.clone().into(),
            },
        }
    }
}

impl From<ResourceError> for ConsoleError {
    fn from(error: ResourceError) -> Self {
        match error {
            ResourceError::NotFound { .. } => Self::NotFound,
            ResourceError::Exists { .. } | ResourceError::Limit { .. } => {
                Self::Conflict(error.to_string())
            }
            ResourceError::Invalid { field, reason } => Self::InvalidField {
                field: match field {
                    ResourceField::Id => "id",
                    ResourceField::Name => "name",
                    ResourceField::TimeZone => "timeZone",
                    ResourceField::NumbersMax => "numbersMax",
                    ResourceField::AppSecret => "appSecret",
                    ResourceField::Token => "newToken",
                    ResourceField::Kind => "kind",
                    ResourceField::Space => "space",
                    ResourceField::Account => "account",
                    ResourceField::Users => "users",
                    ResourceField::Spaces => "spaces",
                    ResourceField::CallsPerSecond => "callsPerSecond",
                },
                reason: reason.into(),
            },
            ResourceError::Directory(error) => error.into(),
        }
    }
}

/// What tenancy refuses is not there, for a page: whose it is, is nobody's business.
pub(super) fn of_tenancy(error: &ApiError) -> ConsoleError {
    match error {
        ApiError::InternalError => ConsoleError::Internal,
        _ => ConsoleError::NotFound,
    }
}
