//! Tokens of the operator API, made by whoever may write the data directory.

use super::Refusal;
use crate::directory::{Directory, OperatorScope, OperatorToken, OperatorTokenError};
use chatmetric_core::EpochMs;
use serde::{Deserialize, Serialize};

/// Longest life of a token that ends, in days.
pub const TOKEN_DAYS_MAX: u32 = 3_650;
const DAY_MS: i64 = 24 * 3_600_000;

/// What to do with tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenTask {
    /// Make one.
    Create {
        /// Its name.
        name: String,
        /// Whether it may only look.
        read_only: bool,
        /// After how many days it is over.
        days: Option<u32>,
    },
    /// Tell of all.
    List {},
    /// End one.
    Revoke {
        /// Its name.
        name: String,
    },
}

/// A token, without itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenInfo {
    /// Its name.
    pub name: String,
    /// `read` or `write`.
    pub scope: String,
    /// When it was made, in ms since the epoch.
    pub created_ms: i64,
    /// When it is over.
    pub expires_ms: Option<i64>,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTaskDone {
    /// The token that was made: shown once.
    pub token: Option<String>,
    /// All tokens.
    pub tokens: Vec<TokenInfo>,
}

impl std::fmt::Debug for TokenTaskDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenTaskDone({:?}, redacted)", self.tokens)
    }
}

fn refused(error: OperatorTokenError) -> Refusal {
    match error {
        OperatorTokenError::Directory(error) => Refusal::failed(&error),
        OperatorTokenError::Exists { .. }
        | OperatorTokenError::NotFound { .. }
        | OperatorTokenError::Name
        | OperatorTokenError::Limit => Refusal::usage(&error),
    }
}

fn info(token: OperatorToken) -> TokenInfo {
    TokenInfo {
        name: token.name,
        scope: token.scope.as_str().to_owned(),
        created_ms: token.created_ms,
        expires_ms: token.expires_ms,
    }
}

pub(super) fn run(
    directory: &Directory,
    task: &TokenTask,
    now: EpochMs,
) -> Result<TokenTaskDone, Refusal> {
    let mut done = TokenTaskDone::default();
    match task {
        TokenTask::Create {
            name,
            read_only,
            days,
        } => {
            let scope = if *read_only {
                OperatorScope::Read
            } else {
                OperatorScope::Write
            };
            let expires_ms = days.map(|days| {
                now.0
                    .saturating_add(i64::from(days.min(TOKEN_DAYS_MAX)) * DAY_MS)
            });
            let token = directory.create_operator_token(name, scope, expires_ms, now);
            let token = token.map_err(refused)?;
            done.token = Some(token.expose_text().into_owned());
        }
        TokenTask::Revoke { name } => directory.revoke_operator_token(name).map_err(refused)?,
        TokenTask::List {} => {
            let tokens = directory.operator_tokens();
            let tokens = tokens.map_err(|error| Refusal::failed(&error))?;
            done.tokens = tokens.into_iter().map(info).collect();
        }
    }
    Ok(done)
}
