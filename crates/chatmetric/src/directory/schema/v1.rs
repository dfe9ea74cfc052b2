//! Schema 1. Frozen: directories with it exist, later versions build on it.

pub(super) const SQL: &str = "
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- AUTOINCREMENT where the number is known outside: it is never given out twice.
CREATE TABLE accounts (
    account_key      INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    subscribed       INTEGER NOT NULL CHECK (subscribed IN (0, 1)),
    calls_per_second INTEGER CHECK (calls_per_second > 0)
) STRICT;

CREATE TABLE users (
    user_key    INTEGER PRIMARY KEY AUTOINCREMENT,
    account_key INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name        TEXT NOT NULL,
    console     INTEGER NOT NULL CHECK (console IN (0, 1)),
    UNIQUE (account_key, name)
) STRICT;

-- Without a user: a key of the account itself.
CREATE TABLE access_keys (
    id          TEXT PRIMARY KEY,
    account_key INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    user_key    INTEGER REFERENCES users ON DELETE CASCADE,
    status      TEXT NOT NULL CHECK (status IN ('Active', 'Inactive')),
    secret      BLOB NOT NULL
) STRICT;
CREATE INDEX access_keys_by_account ON access_keys (account_key);
CREATE INDEX access_keys_by_user ON access_keys (user_key);

CREATE TABLE policies (
    policy_key  INTEGER PRIMARY KEY,
    account_key INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name        TEXT NOT NULL,
    document    TEXT NOT NULL,
    UNIQUE (account_key, name)
) STRICT;

CREATE TABLE groups (
    group_key   INTEGER PRIMARY KEY,
    account_key INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name        TEXT NOT NULL,
    UNIQUE (account_key, name)
) STRICT;

CREATE TABLE roles (
    role_key            INTEGER PRIMARY KEY AUTOINCREMENT,
    account_key         INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name                TEXT NOT NULL,
    trust_policy        TEXT NOT NULL,
    max_session_seconds INTEGER NOT NULL,
    UNIQUE (account_key, name)
) STRICT;

CREATE TABLE user_policies (
    user_key   INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    policy_key INTEGER NOT NULL REFERENCES policies ON DELETE CASCADE,
    PRIMARY KEY (user_key, policy_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_policies (
    group_key  INTEGER NOT NULL REFERENCES groups ON DELETE CASCADE,
    policy_key INTEGER NOT NULL REFERENCES policies ON DELETE CASCADE,
    PRIMARY KEY (group_key, policy_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE role_policies (
    role_key   INTEGER NOT NULL REFERENCES roles ON DELETE CASCADE,
    policy_key INTEGER NOT NULL REFERENCES policies ON DELETE CASCADE,
    PRIMARY KEY (role_key, policy_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE group_users (
    group_key INTEGER NOT NULL REFERENCES groups ON DELETE CASCADE,
    user_key  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (group_key, user_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE spaces (
    space_key       INTEGER PRIMARY KEY AUTOINCREMENT,
    account_key     INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    id              TEXT NOT NULL UNIQUE,
    is_default      INTEGER NOT NULL CHECK (is_default IN (0, 1)),
    time_zone       TEXT NOT NULL,
    unknown_numbers TEXT NOT NULL CHECK (unknown_numbers IN ('auto', 'hold')),
    numbers_max     INTEGER NOT NULL CHECK (numbers_max >= 0)
) STRICT;
CREATE UNIQUE INDEX one_default_space ON spaces (account_key) WHERE is_default = 1;

-- The history of a number; the open row says who owns it.
CREATE TABLE number_bindings (
    binding_key INTEGER PRIMARY KEY,
    number      TEXT NOT NULL,
    space_key   INTEGER NOT NULL REFERENCES spaces ON DELETE CASCADE,
    from_ms     INTEGER NOT NULL,
    to_ms       INTEGER CHECK (to_ms >= from_ms)
) STRICT;
CREATE UNIQUE INDEX one_owner_of_a_number ON number_bindings (number) WHERE to_ms IS NULL;
CREATE INDEX number_bindings_by_space ON number_bindings (space_key);

CREATE TABLE webhooks (
    id          TEXT PRIMARY KEY,
    account_key INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    space_key   INTEGER REFERENCES spaces,
    kind        TEXT NOT NULL CHECK (kind IN ('whatsapp', 'cams', 'events'))
) STRICT;
CREATE INDEX webhooks_by_account ON webhooks (account_key);
CREATE INDEX webhooks_by_space ON webhooks (space_key);
CREATE TABLE webhook_secrets (
    webhook_id TEXT NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    field      TEXT NOT NULL CHECK (field IN ('app_secret', 'verify_token', 'token')),
    place      INTEGER NOT NULL,
    secret     BLOB NOT NULL,
    PRIMARY KEY (webhook_id, field, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE isv_grants (
    grant_key     INTEGER PRIMARY KEY,
    account_key   INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    code          TEXT NOT NULL,
    to_account    INTEGER NOT NULL REFERENCES accounts (account_key) ON DELETE CASCADE,
    UNIQUE (account_key, code, to_account)
) STRICT;
CREATE INDEX isv_grants_by_customer ON isv_grants (to_account);
CREATE TABLE isv_grant_users (
    grant_key INTEGER NOT NULL REFERENCES isv_grants ON DELETE CASCADE,
    name      TEXT NOT NULL,
    PRIMARY KEY (grant_key, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE isv_grant_spaces (
    grant_key INTEGER NOT NULL REFERENCES isv_grants ON DELETE CASCADE,
    space_key INTEGER NOT NULL REFERENCES spaces ON DELETE CASCADE,
    PRIMARY KEY (grant_key, space_key)
) STRICT, WITHOUT ROWID;
";
