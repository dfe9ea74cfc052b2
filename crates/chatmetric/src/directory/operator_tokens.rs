//! Tokens of the operator API: made, listed, revoked and looked up.
//!
//! Invariant: the directory has hashes alone; a token that is revoked or over opens
//! nothing from that moment on.

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::SecretKey;
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::Directory;
use super::error::DirectoryError;
use super::generate;
use super::limits::{NAME_BYTES_MAX, OPERATOR_TOKENS_MAX};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorScope {
    /// Look.
    Read,
    /// Look and change.
    Write,
}

impl OperatorScope {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The scope of a word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write]
            .into_iter()
            .find(|scope| scope.as_str() == text)
    }
}

/// A token, without itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorToken {
    /// Its name, in the audit log of what it changes.
    pub name: String,
    /// What it may do.
    pub scope: OperatorScope,
    /// When it was made, in ms since the epoch.
    pub created_ms: i64,
    /// The first moment at which it is over; `None` is never.
    pub expires_ms: Option<i64>,
}

/// A token was not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum OperatorTokenError {
    /// There is one of this name.
    #[error("there is a token `{name}` already: revoke it, or take another name")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is none of this name.
    #[error("there is no token `{name}`")]
    NotFound {
        /// The name.
        name: String,
    },
    /// The name is not valid.
    #[error("the name of a token is 1 to {NAME_BYTES_MAX} letters, digits, `-`, `_` or `.`")]
    Name,
    /// There are as many as there may be.
    #[error("there may be at most {OPERATOR_TOKENS_MAX} tokens: revoke one that is not used")]
    Limit,
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

const DATABASE: fn(rusqlite::Error) -> DirectoryError = |source| DirectoryError::Database {
    operation: "keep the tokens of the operator in",
    source,
};

fn failed(error: rusqlite::Error) -> OperatorTokenError {
    DATABASE(error).into()
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

type Row = (String, String, i64, Option<i64>);

fn token_of((name, scope, created_ms, expires_ms): Row) -> Result<OperatorToken, DirectoryError> {
    let known = OperatorScope::parse(&scope);
    let scope = known.ok_or_else(|| DirectoryError::Damaged {
        what: format!("token {name} has the scope `{scope}`"),
    })?;
    Ok(OperatorToken {
        name,
        scope,
        created_ms,
        expires_ms,
    })
}

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

impl Directory {
    /// Makes a token, which is given back once.
    ///
    /// # Errors
    /// [`OperatorTokenError`]
    pub fn create_operator_token(
        &self,
        name: &str,
        scope: OperatorScope,
        expires_ms: Option<i64>,
        now: EpochMs,
    ) -> Result<SecretKey, OperatorTokenError> {
        if !is_name(name) {
            return Err(OperatorTokenError::Name);
        }
        let token = generate::token(self.entropy.as_ref());
        let writer = self.write_newest()?;
        let transaction = writer.connection.begin().map_err(failed)?;
        let of_name = "SELECT count(*), count(*) FILTER (WHERE name = ?1) FROM operator_tokens";
        let (all, same): (u32, u32) = transaction
            .query_one(of_name, [name], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(failed)?;
        if same > 0 {
            let name = name.to_owned();
            return Err(OperatorTokenError::Exists { name });
        }
        if all >= OPERATOR_TOKENS_MAX {
            return Err(OperatorTokenError::Limit);
        }
        transaction
            .execute(
                "INSERT INTO operator_tokens VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    name,
                    hash(token.expose()),
                    scope.as_str(),
                    now.0,
                    expires_ms
                ],
            )
            .map_err(failed)?;
        transaction.commit(DATABASE)?;
        Ok(token)
    }

    /// All tokens, by name.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn operator_tokens(&self) -> Result<Vec<OperatorToken>, DirectoryError> {
        let writer = self.write();
        let mut statement = writer
            .connection
            .prepare(
                "SELECT name, scope, created_ms, expires_ms FROM operator_tokens ORDER BY name",
            )
            .map_err(DATABASE)?;
        let rows = statement.query_map([], columns).map_err(DATABASE)?;
        rows.map(|row| token_of(row.map_err(DATABASE)?)).collect()
    }

    /// Revokes a token at once.
    ///
    /// # Errors
    /// [`OperatorTokenError::NotFound`]
    pub fn revoke_operator_token(&self, name: &str) -> Result<(), OperatorTokenError> {
        let writer = self.write_newest()?;
        let transaction = writer.connection.begin().map_err(failed)?;
        let removed = transaction
            .execute("DELETE FROM operator_tokens WHERE name = ?1", [name])
            .map_err(failed)?;
        if removed == 0 {
            let name = name.to_owned();
            return Err(OperatorTokenError::NotFound { name });
        }
        Ok(transaction.commit(DATABASE)?)
    }

    /// The token that this is, if it is one now. Looked up by its hash, so that no
    /// comparison tells how much of a guess is right.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn check_operator_token(
        &self,
        token: &[u8],
        now: EpochMs,
    ) -> Result<Option<OperatorToken>, DirectoryError> {
        let found = self
            .write()
            .connection
            .query_one(
                "SELECT name, scope, created_ms, expires_ms FROM operator_tokens
                 WHERE hash = ?1 AND (expires_ms IS NULL OR expires_ms > ?2)",
                (hash(token), now.0),
                columns,
            )
            .optional()
            .map_err(DATABASE)?;
        found.map(token_of).transpose()
    }
}
