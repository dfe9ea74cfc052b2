//! Sign-in to the console, as it is on disk: passwords, one-time tokens, sessions.
//!
//! Not here: who may sign in and how long a session lasts (`console`), and how a
//! password becomes a hash. Calls block on the disk.
//!
//! Invariants: a token works once; what is stored of ids and tokens does not give
//! them back; every new password and token is in the audit log, without its value.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccountId, SecretKey};
use rusqlite::{Connection, OptionalExtension, Transaction};
use serde_json::{Map, json};

use super::Directory;
use super::audit::{self, NewEntry};
use super::error::DirectoryError;
use super::generate;
use super::identity::{Actor, IdentityId};
use super::rows::token_hash;
use super::schema::META_OPERATOR_ACCOUNT;
use super::shared::MayConflict;

/// How long the token of the first start works, in ms.
const SETUP_TOKEN_VALID_MS: i64 = 3_600_000;
/// How long a user's one-time token works, in ms.
pub const USER_TOKEN_VALID_MS: i64 = 24 * 3_600_000;
/// Most sessions of a user; with one more, the one that was used longest ago ends.
pub const SESSIONS_PER_USER_MAX: usize = 20;
/// Longest user agent that is kept of a session, in bytes.
pub const AGENT_BYTES_MAX: usize = 256;

/// The token of the first start, as far as it still works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupToken {
    /// The account in which it makes a user.
    pub account: AccountId,
    /// The first moment at which it does not work any more, in ms since the epoch.
    pub ends_ms: i64,
}

/// What is known of a user's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordRecord {
    /// The hash with its parameters, as a PHC string.
    pub hash: String,
    /// When the user signed in last, in ms since the epoch.
    pub signed_in_ms: Option<i64>,
}

/// Which users get a one-time token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRule {
    /// Any user, also one who has a password.
    Any,
    /// A user without a password alone.
    FirstOnly,
    /// Any user; the password and the sessions of before end at once.
    Reset,
}

/// A session, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// SHA-256 of its id.
    pub hash: [u8; 32],
    /// Whose it is.
    pub user: IdentityId,
    /// When it began, in ms since the epoch.
    pub created_ms: i64,
    /// When it was used last, to the minute.
    pub used_ms: i64,
    /// From where it began.
    pub address: IpAddr,
    /// With what it began, up to [`AGENT_BYTES_MAX`].
    pub agent: String,
}

/// A password was not set; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The token is unknown, was used, or is too old.
    #[error("the token does not work (any more)")]
    Token,
    /// The user is gone.
    #[error("there is no such user")]
    NoUser,
    /// The user has a password already.
    #[error("the user has a password already")]
    HasPassword,
    /// The password is another by now, or the user may not sign in any more.
    #[error("the user cannot sign in with this password any more")]
    Outdated,
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl MayConflict for SignInError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Directory(error) if error.is_conflict())
    }
}

const DATABASE: fn(rusqlite::Error) -> DirectoryError = |source| DirectoryError::Database {
    operation: "keep the sign-in in",
    source,
};

fn failed(source: rusqlite::Error) -> SignInError {
    SignInError::Directory(DATABASE(source))
}

impl Directory {
    /// The account that the first start made, if it is known.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn operator_account(&self) -> Result<Option<AccountId>, DirectoryError> {
        operator_account(&self.write().connection)
    }

    /// Until when the token of the first start makes the first user, in ms since the
    /// epoch; 0 when it does not, because it was used or somebody has a password.
    #[must_use]
    pub fn setup_ends_ms(&self) -> i64 {
        self.setup_ends_ms.load(Ordering::Relaxed)
    }

    /// Whether anybody has a password for the console.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_console_passwords(&self) -> Result<bool, DirectoryError> {
        let writer = self.write();
        let any = "SELECT EXISTS (SELECT 1 FROM console_passwords)";
        writer
            .connection
            .query_one(any, [], |row| row.get(0))
            .map_err(DATABASE)
    }

    pub(super) fn note_setup(&self, connection: &Connection) -> Result<(), DirectoryError> {
        let ends_ms = setup_ends_ms(connection)?;
        self.setup_ends_ms.store(ends_ms, Ordering::Relaxed);
        Ok(())
    }

    /// Makes another token of the first start, for an installation that was not set up
    /// in time; the one before does not work any more. `None` when nobody knows whose
    /// account the installation is.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn renew_setup_token(
        &self,
        now: EpochMs,
    ) -> Result<Option<(SetupToken, SecretKey)>, SignInError> {
        let token = generate::token(self.entropy.as_ref());
        let text = token.expose_text().into_owned();
        let renewed = self.in_transaction(|transaction| {
            let renewed = setup_token(transaction, Some(now.0))?;
            if renewed.is_some() {
                transaction
                    .execute("DELETE FROM setup_tokens", [])
                    .map_err(failed)?;
                transaction
                    .execute(
                        "INSERT INTO setup_tokens (hash, made_ms) VALUES (?1, ?2)",
                        (token_hash(&text), now.0),
                    )
                    .map_err(failed)?;
            }
            Ok(renewed)
        })?;
        Ok(renewed.map(|renewed| (renewed, token)))
    }

    /// A one-time token, which nothing knows yet.
    #[must_use]
    pub fn draw_token(&self) -> SecretKey {
        generate::token(self.entropy.as_ref())
    }

    /// The account in which this token of the first start makes a user.
    ///
    /// # Errors
    /// [`SignInError::Token`] for one that does not work.
    pub fn check_setup_token(&self, token: &str, now: EpochMs) -> Result<SetupToken, SignInError> {
        let writer = self.write();
        let made = writer
            .connection
            .query_one(
                "SELECT made_ms FROM setup_tokens WHERE hash = ?1",
                [token_hash(token)],
                |row| row.get(0),
            )
            .optional()
            .map_err(DATABASE)?;
        setup_token(&writer.connection, made)?
            .filter(|token| now.0 < token.ends_ms)
            .ok_or(SignInError::Token)
    }

    /// Gives a user the first password of the installation and uses the token up.
    ///
    /// # Errors
    /// [`SignInError::Token`] when it was used meanwhile.
    pub fn finish_setup(
        &self,
        token: &str,
        user: &IdentityId,
        hash: &str,
        now: EpochMs,
        actor: &Actor,
    ) -> Result<(), SignInError> {
        self.in_transaction(|transaction| {
            let used = transaction
                .execute(
                    "DELETE FROM setup_tokens WHERE hash = ?1",
                    [token_hash(token)],
                )
                .map_err(failed)?;
            if used == 0 {
                return Err(SignInError::Token);
            }
            put_password(transaction, user, hash, now)?;
            note(transaction, actor, now, "SetConsolePassword", user)
        })
    }

    /// The password of a user, if there is one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn console_password(
        &self,
        user: &IdentityId,
    ) -> Result<Option<PasswordRecord>, DirectoryError> {
        self.write()
            .connection
            .query_one(
                "SELECT hash, signed_in_ms FROM console_passwords
                 JOIN users USING (user_key) WHERE users.id = ?1",
                [user.as_str()],
                |row| {
                    Ok(PasswordRecord {
                        hash: row.get(0)?,
                        signed_in_ms: row.get(1)?,
                    })
                },
            )
            .optional()
            .map_err(DATABASE)
    }

    /// Sets a password and ends all sessions of the user but one.
    ///
    /// # Errors
    /// [`SignInError::NoUser`]
    pub fn set_console_password(
        &self,
        user: &IdentityId,
        hash: &str,
        keep: Option<&[u8; 32]>,
        now: EpochMs,
        actor: &Actor,
    ) -> Result<(), SignInError> {
        self.in_transaction(|transaction| {
            put_password(transaction, user, hash, now)?;
            let kept = keep.map_or(&[][..], |hash| hash);
            transaction
                .execute(
                    "DELETE FROM console_sessions WHERE hash IS NOT ?2
                     AND user_key = (SELECT user_key FROM users WHERE id = ?1)",
                    (user.as_str(), kept),
                )
                .map_err(failed)?;
            note(transaction, actor, now, "SetConsolePassword", user)
        })
    }

    /// Notes a one-time token with which the user sets a password; one before it
    /// does not work any more.
    ///
    /// # Errors
    /// [`SignInError::NoUser`]; [`SignInError::HasPassword`] as the rule says.
    pub fn add_user_token(
        &self,
        user: &IdentityId,
        token: &str,
        rule: TokenRule,
        now: EpochMs,
        actor: &Actor,
    ) -> Result<i64, SignInError> {
        let expires_ms = now.0.saturating_add(USER_TOKEN_VALID_MS);
        self.in_transaction(|transaction| {
            match rule {
                TokenRule::Any => {}
                // Judged here, so that no password is set in between.
                TokenRule::FirstOnly if has_password(transaction, user)? => {
                    return Err(SignInError::HasPassword);
                }
                TokenRule::FirstOnly => {}
                TokenRule::Reset => forget_password(transaction, user)?,
            }
            let made = transaction
                .execute(
                    "INSERT INTO console_setup_tokens (user_key, hash, expires_ms)
                     SELECT user_key, ?2, ?3 FROM users WHERE id = ?1
                     ON CONFLICT (user_key) DO UPDATE SET hash = excluded.hash,
                         expires_ms = excluded.expires_ms",
                    (user.as_str(), token_hash(token), expires_ms),
                )
                .map_err(failed)?;
            if made == 0 {
                return Err(SignInError::NoUser);
            }
            note(transaction, actor, now, "CreateConsoleToken", user)
        })?;
        match rule {
            TokenRule::Any | TokenRule::FirstOnly => {}
            TokenRule::Reset => self.note_signed_out(user),
        }
        Ok(expires_ms)
    }

    /// Whose one-time token this is.
    ///
    /// # Errors
    /// [`SignInError::Token`] for one that does not work.
    pub fn check_user_token(&self, token: &str, now: EpochMs) -> Result<IdentityId, SignInError> {
        let id: Option<String> = self
            .write()
            .connection
            .query_one(
                "SELECT users.id FROM console_setup_tokens JOIN users USING (user_key)
                 WHERE hash = ?1 AND expires_ms > ?2",
                (token_hash(token), now.0),
                |row| row.get(0),
            )
            .optional()
            .map_err(DATABASE)?;
        id.and_then(|id| IdentityId::parse(&id))
            .ok_or(SignInError::Token)
    }

    /// Uses a user's one-time token up, sets the password, and ends the sessions.
    ///
    /// # Errors
    /// [`SignInError::Token`] when it does not work (any more).
    pub fn use_user_token(
        &self,
        token: &str,
        user: &IdentityId,
        hash: &str,
        now: EpochMs,
        actor: &Actor,
    ) -> Result<(), SignInError> {
        self.in_transaction(|transaction| {
            let used = transaction
                .execute(
                    "DELETE FROM console_setup_tokens WHERE hash = ?1 AND expires_ms > ?2
                     AND user_key = (SELECT user_key FROM users WHERE id = ?3)",
                    (token_hash(token), now.0, user.as_str()),
                )
                .map_err(failed)?;
            if used == 0 {
                return Err(SignInError::Token);
            }
            put_password(transaction, user, hash, now)?;
            transaction
                .execute(
                    "DELETE FROM console_sessions
                     WHERE user_key = (SELECT user_key FROM users WHERE id = ?1)",
                    [user.as_str()],
                )
                .map_err(failed)?;
            note(transaction, actor, now, "SetConsolePassword", user)
        })
    }

    /// All sessions.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn console_sessions(&self) -> Result<Vec<StoredSession>, DirectoryError> {
        stored_sessions(&self.write().connection)
    }

    /// Keeps a new session, notes the sign-in, and lets go of those that end for it.
    /// `password` is the hash that was judged: a session begins only while it is the
    /// user's and the user may sign in.
    ///
    /// # Errors
    /// [`SignInError::Outdated`]
    pub fn add_console_session(
        &self,
        session: &StoredSession,
        password: &str,
        ended: &[[u8; 32]],
    ) -> Result<(), SignInError> {
        self.in_transaction(|transaction| {
            remove_sessions(transaction, ended)?;
            let user = session.user.as_str();
            transaction
                .execute(
                    "UPDATE console_passwords SET signed_in_ms = ?2
                     WHERE user_key = (SELECT user_key FROM users WHERE id = ?1)",
                    (user, session.created_ms),
                )
                .map_err(failed)?;
            let made = transaction
                .execute(
                    "INSERT INTO console_sessions
                         (hash, user_key, created_ms, used_ms, address, agent)
                     SELECT ?2, user_key, ?3, ?4, ?5, ?6
                     FROM users JOIN console_passwords USING (user_key)
                     WHERE users.id = ?1 AND users.console = 1
                         AND console_passwords.hash = ?7",
                    (
                        user,
                        session.hash,
                        session.created_ms,
                        session.used_ms,
                        session.address.to_string(),
                        &session.agent,
                        password,
                    ),
                )
                .map_err(failed)?;
            if made == 0 {
                return Err(SignInError::Outdated);
            }
            Ok(())
        })
    }

    /// Ends sessions.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remove_console_sessions(&self, hashes: &[[u8; 32]]) -> Result<(), SignInError> {
        self.in_transaction(|transaction| remove_sessions(transaction, hashes))
    }

    /// Writes when sessions were used last.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn note_console_sessions(&self, uses: &[([u8; 32], i64)]) -> Result<(), SignInError> {
        self.in_transaction(|transaction| {
            for (hash, used_ms) in uses {
                transaction
                    .prepare_cached("UPDATE console_sessions SET used_ms = ?2 WHERE hash = ?1")
                    .and_then(|mut statement| statement.execute((hash, used_ms)))
                    .map_err(failed)?;
            }
            Ok(())
        })
    }

    fn in_transaction<T>(
        &self,
        work: impl Fn(&Transaction<'_>) -> Result<T, SignInError>,
    ) -> Result<T, SignInError> {
        self.again(|| {
            let writer = self.write_newest()?;
            let transaction = writer.connection.begin().map_err(DATABASE)?;
            let result = work(&transaction)?;
            transaction.commit(DATABASE)?;
            self.note_setup(&writer.connection)?;
            self.note_sessions(&writer.connection)?;
            Ok(result)
        })
    }
}

/// All sessions that the directory has.
pub(super) fn stored_sessions(
    connection: &Connection,
) -> Result<Vec<StoredSession>, DirectoryError> {
    let mut statement = connection
        .prepare(
            "SELECT hash, users.id, console_sessions.created_ms, used_ms, address, agent
                 FROM console_sessions JOIN users USING (user_key)",
        )
        .map_err(DATABASE)?;
    let rows = statement
        .query_map([], |row| {
            let row: (Vec<u8>, String, i64, i64, String, String) = row.try_into()?;
            Ok(row)
        })
        .map_err(DATABASE)?;
    let mut sessions = Vec::new();
    for row in rows {
        let (hash, user, created_ms, used_ms, address, agent) = row.map_err(DATABASE)?;
        let damaged = || DirectoryError::Damaged {
            what: "a session of the console is not readable".to_owned(),
        };
        sessions.push(StoredSession {
            hash: hash.try_into().map_err(|_| damaged())?,
            user: IdentityId::parse(&user).ok_or_else(damaged)?,
            created_ms,
            used_ms,
            address: address.parse().map_err(|_| damaged())?,
            agent,
        });
    }
    Ok(sessions)
}

/// See [`Directory::setup_ends_ms`].
pub(super) fn setup_ends_ms(connection: &Connection) -> Result<i64, DirectoryError> {
    let made: Option<i64> = connection
        .query_one(
            "SELECT max(made_ms) FROM setup_tokens
             WHERE NOT EXISTS (SELECT 1 FROM console_passwords)",
            [],
            |row| row.get(0),
        )
        .map_err(DATABASE)?;
    let token = setup_token(connection, made)?;
    Ok(token.map_or(0, |token| token.ends_ms))
}

fn operator_account(connection: &Connection) -> Result<Option<AccountId>, DirectoryError> {
    let stored: Option<Vec<u8>> = connection
        .query_one(
            "SELECT value FROM meta WHERE name = ?1",
            [META_OPERATOR_ACCOUNT],
            |row| row.get(0),
        )
        .optional()
        .map_err(DATABASE)?;
    let text = stored.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.and_then(|text| AccountId::parse(&text).ok()))
}

fn setup_token(
    connection: &Connection,
    made_ms: Option<i64>,
) -> Result<Option<SetupToken>, DirectoryError> {
    let account = operator_account(connection)?;
    Ok(account.zip(made_ms).map(|(account, made_ms)| SetupToken {
        account,
        ends_ms: made_ms.saturating_add(SETUP_TOKEN_VALID_MS),
    }))
}

fn has_password(transaction: &Transaction<'_>, user: &IdentityId) -> Result<bool, SignInError> {
    transaction
        .query_one(
            "SELECT EXISTS (SELECT 1 FROM console_passwords JOIN users USING (user_key)
                            WHERE users.id = ?1)",
            [user.as_str()],
            |row| row.get(0),
        )
        .map_err(failed)
}

/// Takes away the password and the sessions of a user.
fn forget_password(transaction: &Transaction<'_>, user: &IdentityId) -> Result<(), SignInError> {
    for table in ["console_passwords", "console_sessions"] {
        let gone = format!(
            "DELETE FROM {table} WHERE user_key = (SELECT user_key FROM users WHERE id = ?1)"
        );
        transaction
            .execute(&gone, [user.as_str()])
            .map_err(failed)?;
    }
    Ok(())
}

fn put_password(
    transaction: &Transaction<'_>,
    user: &IdentityId,
    hash: &str,
    now: EpochMs,
) -> Result<(), SignInError> {
    let put = transaction
        .execute(
            "INSERT INTO console_passwords (user_key, hash, set_ms)
             SELECT user_key, ?2, ?3 FROM users WHERE id = ?1
             ON CONFLICT (user_key) DO UPDATE SET hash = excluded.hash, set_ms = excluded.set_ms",
            (user.as_str(), hash, now.0),
        )
        .map_err(failed)?;
    if put == 0 {
        return Err(SignInError::NoUser);
    }
    // A token that is still open was for the password before this one.
    transaction
        .execute(
            "DELETE FROM console_setup_tokens
             WHERE user_key = (SELECT user_key FROM users WHERE id = ?1)",
            [user.as_str()],
        )
        .map_err(failed)?;
    Ok(())
}

fn remove_sessions(transaction: &Transaction<'_>, hashes: &[[u8; 32]]) -> Result<(), SignInError> {
    for hash in hashes {
        transaction
            .prepare_cached("DELETE FROM console_sessions WHERE hash = ?1")
            .and_then(|mut statement| statement.execute([hash]))
            .map_err(failed)?;
    }
    Ok(())
}

/// Puts an entry down in the log of the user's account.
fn note(
    transaction: &Transaction<'_>,
    actor: &Actor,
    now: EpochMs,
    action: &'static str,
    user: &IdentityId,
) -> Result<(), SignInError> {
    let (name, account): (String, String) = transaction
        .query_one(
            "SELECT users.name, accounts.id FROM users JOIN accounts USING (account_key)
             WHERE users.id = ?1",
            [user.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(failed)?;
    let account = AccountId::parse(&account).map_err(|error| DirectoryError::Damaged {
        what: error.to_string(),
    })?;
    let entry = NewEntry {
        account,
        action,
        target: format!("user/{name}"),
        before: None,
        after: Some(Map::from_iter([("id".to_owned(), json!(user.as_str()))])),
    };
    Ok(audit::append(transaction, actor, now, vec![entry])?)
}
