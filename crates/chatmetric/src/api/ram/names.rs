//! Names of users, groups, roles and policies in a call to RAM.
//!
//! A name that is parsed here is both what rights are checked for and what the
//! operation acts on. Invariant: it has no character with a meaning in a resource
//! (`:`, `/`, `*`, `?`).

use super::prepared::Resource;
use crate::directory::limits::{IDENTITY_NAME_BYTES_MAX, NAME_BYTES_MAX, POLICY_NAME_BYTES_MAX};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{ParameterFault, RamError};
use chatmetric_rpc::params::echo;

macro_rules! name_type {
    ($(#[$meta:meta])* $type:ident, $resource:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(super) struct $type(String);

        impl $type {
            /// A name that was judged.
            pub(super) fn new(name: String) -> Self {
                Self(name)
            }

            /// The name.
            pub(super) fn as_str(&self) -> &str {
                &self.0
            }

            /// What rights are checked for.
            pub(super) fn resource(&self) -> Resource {
                Resource::named($resource, &self.0)
            }
        }
    };
}

name_type!(
    /// The name of a user.
    UserName,
    "user"
);
name_type!(
    /// The name of a group.
    GroupName,
    "group"
);
name_type!(
    /// The name of a role.
    RoleName,
    "role"
);
name_type!(
    /// The name of a policy.
    PolicyName,
    "policy"
);

/// The name of something that should exist. A document may give names that RAM
/// does not make, so more is valid than in a new name.
pub(super) fn existing(parameter: &'static str, text: &str) -> Result<String, ApiError> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'@');
    let of = "letters, digits, `.`, `-`, `_` or `@`";
    name(parameter, text, NAME_BYTES_MAX, valid, of)
}

/// The name of a user, group or role to make.
pub(super) fn new_identity(parameter: &'static str, text: &str) -> Result<String, ApiError> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let of = "letters, digits, `.`, `-` or `_`";
    name(parameter, text, IDENTITY_NAME_BYTES_MAX, valid, of)
}

/// The name of a policy to make.
pub(super) fn new_policy(parameter: &'static str, text: &str) -> Result<String, ApiError> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    name(
        parameter,
        text,
        POLICY_NAME_BYTES_MAX,
        valid,
        "letters, digits or `-`",
    )
}

fn name(
    parameter: &'static str,
    text: &str,
    bytes_max: usize,
    is_valid: impl Fn(u8) -> bool,
    of: &str,
) -> Result<String, ApiError> {
    let fault = if text.len() > bytes_max {
        ParameterFault::Length
    } else if !text.bytes().all(is_valid) {
        ParameterFault::InvalidChars
    } else {
        return Ok(text.to_owned());
    };
    let shown = echo(text);
    Err(ApiError::from(RamError::Parameter {
        name: parameter.into(),
        fault,
        valid: format!("It is 1 to {bytes_max} {of}, not '{shown}'.").into(),
    }))
}
