//! Every error that a caller can be answered with: one enum, with exhaustive [`ApiError::code`],
//! [`ApiError::http_status`] and [`ApiError::message`].
//!
//! It is not a log: internal causes never go in here, they are logged by the program with the
//! request id. [`std::fmt::Display`] is the code alone and `Debug` redacts signed text, because a
//! string to sign may hold a security token; only [`ApiError::message`] has it, for the caller.
//!
//! Invariant: a new variant does not compile until its code, status and message are chosen.

mod denied;
mod ram;

use std::borrow::Cow;
use std::fmt;

pub use denied::{
    AccessDeniedDetail, Diagnosis, MatchedPolicy, NoPermissionType, PolicyType, PrincipalType,
};
pub use ram::{AlreadyExists, DeleteConflict, LimitExceeded, NotExist, ParameterFault, RamError};

/// The longest parameter name, in bytes, that is repeated in a code or message.
pub const NAME_ECHO_BYTES_MAX: usize = 64;

/// Text that a signature was made over. It may contain a security token, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedText(String);

impl SignedText {
    /// Longest text that is sent back to the caller, in bytes; a longer one is replaced by a note.
    /// Signed text is up to nine times the request, so this bounds what a stranger can make us send.
    pub const ECHO_BYTES_MAX: usize = 32 * 1024;

    /// Wraps signed text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, to be shown to nobody but the caller who sent the request.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn echo(&self) -> Cow<'_, str> {
        if self.0.len() <= Self::ECHO_BYTES_MAX {
            Cow::Borrowed(&self.0)
        } else {
            Cow::Owned(format!("({} bytes, not shown)", self.0.len()))
        }
    }
}

impl fmt::Debug for SignedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedText({} bytes)", self.0.len())
    }
}

/// What a call is refused with. Only what this server really answers
/// has a variant; what is marked "our choice" has no public evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    // Transport.
    /// The body is longer than the limit (413, our choice of code).
    RequestTooLarge {
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// The request line is too long (414, our choice of code).
    UriTooLong,
    /// The header block is too large (431, our choice of code).
    HeadersTooLarge,
    /// A path other than `/` (404, told as the gateway tells an unknown operation).
    PathNotFound,
    /// A method other than GET and POST (405).
    UnsupportedMethod,
    /// The message is not well-formed HTTP (400, our choice of code).
    MalformedRequest {
        /// What is wrong, as a sentence.
        reason: Cow<'static, str>,
    },
    /// Too many requests from one address before any of them was verified (429).
    AddressThrottled {
        /// When to come back, in ms.
        retry_after_ms: u64,
    },

    // Action, version, common parameters.
    /// The action is unknown.
    ActionNotFound,
    /// The version is not one in which the action exists.
    InvalidVersion,
    /// A mandatory parameter is absent or empty.
    Missing {
        /// The parameter.
        name: Cow<'static, str>,
        /// The header that carries it in the V3 dialect, for the message.
        header: Option<&'static str>,
    },
    /// A parameter has a value that is not valid.
    InvalidParameter {
        /// The parameter, or what stands for several of them (`TimeRange`).
        name: Cow<'static, str>,
        /// What is wrong and what would be valid, as a sentence.
        reason: Cow<'static, str>,
    },

    // Identity.
    /// The time stamp is not `YYYY-MM-DDThh:mm:ssZ`.
    TimestampFormat,
    /// The time stamp is too far from the server's time.
    TimestampExpired,
    /// No such AccessKey.
    AccessKeyNotFound,
    /// The AccessKey is disabled.
    AccessKeyInactive,
    /// The security token is expired.
    SecurityTokenExpired,
    /// The security token cannot be read, or nothing here can check it.
    SecurityTokenMalformed,
    /// The security token belongs to another AccessKey.
    SecurityTokenMismatch,
    /// The signature cannot be evaluated: malformed, incomplete or ambiguous.
    IncompleteSignature {
        /// What is wrong, as a sentence.
        reason: Cow<'static, str>,
    },
    /// The V1 signature is not the one that we compute.
    SignatureMismatchV1 {
        /// What the server signed.
        string_to_sign: SignedText,
    },
    /// The V3 signature is not the one that we compute.
    SignatureMismatchV3 {
        /// What the server signed.
        string_to_sign: SignedText,
        /// What the string to sign is the hash of.
        canonical_request: SignedText,
    },
    /// The nonce was used by an earlier call.
    NonceUsed,

    // Admission and rights.
    /// CAMS: over the calls per second of an account and operation.
    LimitControl {
        /// When the oldest counted call leaves the window, in ms, at least 1.
        retry_after_ms: u64,
    },
    /// CAMS: the account has not subscribed to the product.
    ProductUnsubscribed,
    /// CAMS: no permission, by RAM policy or by an IsvCode.
    PermissionDeny {
        /// The detail; absent when it was not a policy that refused.
        detail: Option<Box<AccessDeniedDetail>>,
    },
    /// CAMS: the resource is not the caller's, or does not exist.
    UnknownResourceOwner,
    /// RAM and STS: no permission.
    NoPermission {
        /// The message, which names the resource and the action where there are any.
        message: Cow<'static, str>,
        /// The detail; absent when it was not a policy that refused.
        detail: Option<Box<AccessDeniedDetail>>,
    },
    /// STS: the role of the caller's own account that the call names is not there.
    RoleNotExist,
    /// RAM and STS: over the calls per second of an account and operation.
    UserThrottled {
        /// When the oldest counted call leaves the window, in ms, at least 1.
        retry_after_ms: u64,
    },
    /// RAM's own.
    Ram(RamError),

    // The server's own.
    /// Something failed inside; the cause is in the log under the request id.
    InternalError,
    /// The server cannot take the call now.
    ServiceUnavailable,
}

impl ApiError {
    /// A mandatory parameter that is absent or empty.
    pub fn missing(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Missing {
            name: name.into(),
            header: None,
        }
    }

    /// `InvalidParameter.<name>`; `reason` is a sentence that says what is wrong and what is valid.
    pub fn invalid(
        name: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::InvalidParameter {
            name: name.into(),
            reason: reason.into(),
        }
    }

    /// A signature that cannot be evaluated.
    pub fn incomplete(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::IncompleteSignature {
            reason: reason.into(),
        }
    }

    /// The wire code.
    #[must_use]
    pub fn code(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::RequestTooLarge { .. } => "RequestTooLarge",
            Self::UriTooLong => "RequestUriTooLong",
            Self::HeadersTooLarge => "RequestHeadersTooLarge",
            Self::PathNotFound | Self::ActionNotFound => "InvalidAction.NotFound",
            Self::UnsupportedMethod => "UnsupportedHTTPMethod",
            Self::MalformedRequest { .. } => "MalformedRequest",
            Self::AddressThrottled { .. } => "Throttling",
            Self::InvalidVersion => "InvalidVersion",
            Self::Missing { name, .. } => return Cow::Owned(format!("Missing{}", code_part(name))),
            Self::InvalidParameter { name, .. } => {
                return Cow::Owned(format!("InvalidParameter.{}", code_part(name)));
            }
            Self::TimestampFormat => "InvalidTimeStamp.Format",
            Self::TimestampExpired => "InvalidTimeStamp.Expired",
            Self::AccessKeyNotFound => "InvalidAccessKeyId.NotFound",
            Self::AccessKeyInactive => "InvalidAccessKeyId.Inactive",
            Self::SecurityTokenExpired => "InvalidSecurityToken.Expired",
            Self::SecurityTokenMalformed => "InvalidSecurityToken.Malformed",
            Self::SecurityTokenMismatch => "InvalidSecurityToken.MismatchWithAccessKey",
            Self::IncompleteSignature { .. } => "IncompleteSignature",
            Self::SignatureMismatchV1 { .. } | Self::SignatureMismatchV3 { .. } => {
                "SignatureDoesNotMatch"
            }
            Self::NonceUsed => "SignatureNonceUsed",
            Self::LimitControl { .. } => "System.LimitControl",
            Self::ProductUnsubscribed => "Product.Unsubscript",
            Self::PermissionDeny { .. } => "Ram.PermissionDeny",
            Self::UnknownResourceOwner => "Unknown.ResourceOwnerId",
            Self::NoPermission { .. } => "NoPermission",
            Self::RoleNotExist => "EntityNotExist.Role",
            Self::UserThrottled { .. } => "Throttling.User",
            Self::Ram(error) => return error.code(),
            Self::InternalError => "InternalError",
            Self::ServiceUnavailable => "ServiceUnavailable",
        })
    }

    /// The HTTP status.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Missing { .. }
            | Self::InvalidParameter { .. }
            | Self::MalformedRequest { .. }
            | Self::InvalidVersion
            | Self::TimestampFormat
            | Self::TimestampExpired
            | Self::AccessKeyInactive
            | Self::SecurityTokenExpired
            | Self::SecurityTokenMalformed
            | Self::SecurityTokenMismatch
            | Self::IncompleteSignature { .. }
            | Self::SignatureMismatchV1 { .. }
            | Self::SignatureMismatchV3 { .. }
            | Self::NonceUsed
            | Self::LimitControl { .. }
            | Self::ProductUnsubscribed
            | Self::PermissionDeny { .. }
            | Self::UnknownResourceOwner
            | Self::UserThrottled { .. } => 400,
            Self::NoPermission { .. } => 403,
            Self::Ram(error) => error.http_status(),
            Self::PathNotFound
            | Self::ActionNotFound
            | Self::AccessKeyNotFound
            | Self::RoleNotExist => 404,
            Self::UnsupportedMethod => 405,
            Self::RequestTooLarge { .. } => 413,
            Self::UriTooLong => 414,
            Self::AddressThrottled { .. } => 429,
            Self::HeadersTooLarge => 431,
            Self::InternalError => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// The wire message. For the two signature mismatches it contains the signed text, so it goes
    /// to the caller and to nobody else: log the code instead.
    #[must_use]
    pub fn message(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::RequestTooLarge { limit_bytes } => return too_large_message(*limit_bytes).into(),
            Self::UriTooLong => "The request line is too long.",
            Self::HeadersTooLarge => "The request headers are too large.",
            Self::PathNotFound | Self::ActionNotFound => {
                "Specified api is not found, please check your url and method."
            }
            Self::UnsupportedMethod => "This http method is not supported.",
            Self::MalformedRequest { reason } => reason,
            Self::AddressThrottled { .. } => "Request was denied due to request throttling.",
            Self::InvalidVersion => "Specified parameter Version is not valid.",
            Self::Missing { name, header } => return missing_message(name, *header).into(),
            Self::InvalidParameter { name, reason } => return invalid_message(name, reason).into(),
            Self::TimestampFormat => "Specified time stamp or date value is not well formatted.",
            Self::TimestampExpired => "Specified time stamp or date value is expired.",
            Self::AccessKeyNotFound => "Specified access key is not found.",
            Self::AccessKeyInactive => "Specified access key is disabled.",
            Self::SecurityTokenExpired => "Specified SecurityToken is expired.",
            Self::SecurityTokenMalformed => "Specified SecurityToken is malformed.",
            Self::SecurityTokenMismatch => "Specified SecurityToken mismatch with the AccessKey.",
            Self::IncompleteSignature { reason } => return incomplete_message(reason).into(),
            Self::SignatureMismatchV1 { string_to_sign } => {
                return mismatch_v1_message(string_to_sign).into();
            }
            Self::SignatureMismatchV3 {
                string_to_sign,
                canonical_request,
            } => {
                return mismatch_v3_message(string_to_sign, canonical_request).into();
            }
            Self::NonceUsed => "Specified signature nonce was used already.",
            Self::LimitControl { .. } => "The system is under flow control.",
            Self::ProductUnsubscribed => "You have not subscribed to the specified product.",
            Self::PermissionDeny { .. } => "You are not authorized to perform the operation.",
            Self::UnknownResourceOwner => "The resource does not belong to the current user.",
            Self::NoPermission { message, .. } => message,
            Self::RoleNotExist => "The specified Role not exists.",
            Self::UserThrottled { .. } => "Request was denied due to user flow control.",
            Self::Ram(error) => return error.message(),
            Self::InternalError => "The request processing has failed due to some unknown error.",
            Self::ServiceUnavailable => {
                "The request has failed due to a temporary failure of the server."
            }
        })
    }

    /// The value of the header `x-acs-retry-after`, in ms, for errors that have one. SDKs turn
    /// every error with this header into a throttling exception, so only throttling has it.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::AddressThrottled { retry_after_ms }
            | Self::LimitControl { retry_after_ms }
            | Self::UserThrottled { retry_after_ms } => Some((*retry_after_ms).max(1)),
            Self::RequestTooLarge { .. }
            | Self::UriTooLong
            | Self::HeadersTooLarge
            | Self::PathNotFound
            | Self::UnsupportedMethod
            | Self::MalformedRequest { .. }
            | Self::ActionNotFound
            | Self::InvalidVersion
            | Self::Missing { .. }
            | Self::InvalidParameter { .. }
            | Self::TimestampFormat
            | Self::TimestampExpired
            | Self::AccessKeyNotFound
            | Self::AccessKeyInactive
            | Self::SecurityTokenExpired
            | Self::SecurityTokenMalformed
            | Self::SecurityTokenMismatch
            | Self::IncompleteSignature { .. }
            | Self::SignatureMismatchV1 { .. }
            | Self::SignatureMismatchV3 { .. }
            | Self::NonceUsed
            | Self::ProductUnsubscribed
            | Self::PermissionDeny { .. }
            | Self::UnknownResourceOwner
            | Self::NoPermission { .. }
            | Self::RoleNotExist
            | Self::Ram(_)
            | Self::InternalError
            | Self::ServiceUnavailable => None,
        }
    }

    /// The `AccessDeniedDetail` of the error body, if it has one.
    #[must_use]
    pub fn access_denied_detail(&self) -> Option<&AccessDeniedDetail> {
        if let Self::PermissionDeny { detail } | Self::NoPermission { detail, .. } = self {
            detail.as_deref()
        } else {
            None
        }
    }

    /// The same error with its diagnosis sealed by `seal`, if it has one. Without a seal the
    /// member is left out.
    #[must_use]
    pub fn with_sealed_diagnosis(
        mut self,
        seal: impl FnOnce(&AccessDeniedDetail) -> Option<String>,
    ) -> Self {
        if let Self::PermissionDeny {
            detail: Some(detail),
        }
        | Self::NoPermission {
            detail: Some(detail),
            ..
        } = &mut self
        {
            detail.encoded_diagnostic_message = seal(detail);
        }
        self
    }
}

/// The code only: messages may hold signed text and are for the caller.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code())
    }
}

impl std::error::Error for ApiError {}

impl From<RamError> for ApiError {
    fn from(error: RamError) -> Self {
        Self::Ram(error)
    }
}

fn too_large_message(limit_bytes: u64) -> String {
    format!("The request body is larger than the limit of {limit_bytes} bytes.")
}

fn invalid_message(name: &str, reason: &str) -> String {
    format!(
        "Specified parameter {} is not valid. {reason}",
        code_part(name)
    )
}

fn incomplete_message(reason: &str) -> String {
    format!("The request signature does not conform to Aliyun standards. {reason}")
}

/// Two SDKs split this message and compare what follows the colon with their own string to sign, so
/// it must be last.
fn mismatch_v1_message(string_to_sign: &SignedText) -> String {
    format!(
        "Specified signature is not matched with our calculation. server string to sign is:{}",
        string_to_sign.echo()
    )
}

fn mismatch_v3_message(string_to_sign: &SignedText, canonical_request: &SignedText) -> String {
    format!(
        "Specified signature does not match our calculation. server StringToSign is [{}] server \
         CanonicalRequest is [{}]",
        string_to_sign.echo(),
        canonical_request.echo()
    )
}

fn missing_message(name: &str, header: Option<&str>) -> String {
    let name = code_part(name);
    match header {
        Some(header) => format!("{name} is mandatory for this action. It goes in header {header}."),
        None => format!("{name} is mandatory for this action."),
    }
}

/// A parameter name as it may stand in a code: callers choose names, and SDKs compare codes and
/// put them into exception names.
fn code_part(name: &str) -> Cow<'_, str> {
    let fits = name.len() <= NAME_ECHO_BYTES_MAX
        && !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if fits {
        Cow::Borrowed(name)
    } else {
        Cow::Borrowed("Parameter")
    }
}

#[cfg(test)]
mod tests;
