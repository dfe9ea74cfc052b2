//! The parameters of AssumeRole beside the role, parsed once.
//!
//! Not here: what needs the role (`assume_role`). Invariant: a session policy that
//! is kept was parsed, so the session that gets it can be judged by it.

use crate::directory::limits::{SESSION_SECONDS_DEFAULT, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::params::{Params, echo};
use chatmetric_rpc::ram::{Policy, SESSION_POLICY_CHARS_MAX};
use std::ops::RangeInclusive;

/// Characters of a RoleSessionName or SourceIdentity.
const SESSION_NAME_CHARS: RangeInclusive<usize> = 2..=64;
/// Characters of an ExternalId.
const EXTERNAL_ID_CHARS: RangeInclusive<usize> = 2..=1_224;

/// What the call asks for beside the role.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) session: String,
    seconds: Option<u32>,
    pub(super) policy: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) source_identity: Option<String>,
}

impl Asked {
    /// Reads them.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(super) fn read(params: &Params) -> Result<Self, ApiError> {
        let session = params.required("RoleSessionName")?;
        let source_identity = params.optional("SourceIdentity");
        Ok(Self {
            session: session_name("RoleSessionName", session)?,
            seconds: duration(params)?,
            policy: policy(params.optional("Policy"))?,
            external_id: external_id(params.optional("ExternalId"))?,
            source_identity: source_identity
                .map(|text| session_name("SourceIdentity", text))
                .transpose()?,
        })
    }

    /// How long the session lasts; without a wish an hour, or what the role allows.
    ///
    /// # Errors
    /// `InvalidParameter.DurationSeconds` for more than the role allows.
    pub(super) fn seconds_within(&self, seconds_max: u32) -> Result<u32, ApiError> {
        match self.seconds {
            None => Ok(SESSION_SECONDS_DEFAULT.min(seconds_max)),
            Some(seconds) if seconds <= seconds_max => Ok(seconds),
            Some(seconds) => Err(ApiError::invalid(
                "DurationSeconds",
                format!("{seconds} is more than the {seconds_max} seconds that the role allows."),
            )),
        }
    }
}

fn session_name(parameter: &'static str, text: &str) -> Result<String, ApiError> {
    let valid = SESSION_NAME_CHARS.contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'@' | b'-' | b'_'));
    if valid {
        return Ok(text.to_owned());
    }
    let reason = format!(
        "'{}' is not {} to {} letters, digits, '.', '@', '-' or '_'.",
        echo(text),
        SESSION_NAME_CHARS.start(),
        SESSION_NAME_CHARS.end()
    );
    Err(ApiError::invalid(parameter, reason))
}

fn duration(params: &Params) -> Result<Option<u32>, ApiError> {
    let Some(seconds) = params.optional_i64("DurationSeconds")? else {
        return Ok(None);
    };
    let valid = SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX;
    match u32::try_from(seconds).ok().filter(|s| valid.contains(s)) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(ApiError::invalid(
            "DurationSeconds",
            format!(
                "{seconds} is not from {SESSION_SECONDS_MIN} to what the role allows, at most \
                 {SESSION_SECONDS_MAX}."
            ),
        )),
    }
}

fn policy(text: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let chars = text.chars().count();
    if chars > SESSION_POLICY_CHARS_MAX {
        let reason =
            format!("Policy has {chars} characters; the limit is {SESSION_POLICY_CHARS_MAX}.");
        return Err(ApiError::invalid("PolicySize", reason));
    }
    match Policy::parse_session(text) {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(error) => {
            let reason = format!("At {}: {}.", error.path, error.reason);
            Err(ApiError::invalid("PolicyGrammar", reason))
        }
    }
}

fn external_id(text: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"=,.@:/+-_".contains(&b);
    if EXTERNAL_ID_CHARS.contains(&text.len()) && text.bytes().all(plain) {
        return Ok(Some(text.to_owned()));
    }
    let reason = format!(
        "'{}' is not {} to {} letters, digits or any of =,.@:/+-_",
        echo(text),
        EXTERNAL_ID_CHARS.start(),
        EXTERNAL_ID_CHARS.end()
    );
    Err(ApiError::invalid("ExternalId", reason))
}
