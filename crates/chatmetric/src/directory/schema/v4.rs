//! Schema 4: sign-in to the console.
//!
//! All of it goes with its user. Of session ids and tokens only hashes are here, of
//! passwords only what Argon2id makes of them.

pub(super) const SQL: &str = "
CREATE TABLE console_passwords (
    user_key     INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    hash         TEXT NOT NULL,
    set_ms       INTEGER NOT NULL,
    signed_in_ms INTEGER
) STRICT;
CREATE TABLE console_setup_tokens (
    user_key   INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE console_sessions (
    hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user_key   INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    used_ms    INTEGER NOT NULL,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX console_sessions_by_user ON console_sessions (user_key);

-- Whose users operate the installation: the account that a first start made. Of
-- directories that are older than the audit log nobody knows; the configuration says.
INSERT INTO meta (name, value)
    SELECT 'operator_account', CAST(account AS BLOB) FROM audit_log
    WHERE action = 'first-start' AND account IS NOT NULL ORDER BY entry_id LIMIT 1;
";
