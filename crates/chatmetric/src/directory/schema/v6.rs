//! Schema 6: tokens of the operator API.
//!
//! Of the installation and of no account: whoever holds one acts as the operator.

pub(super) const SQL: &str = "
CREATE TABLE operator_tokens (
    name       TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    scope      TEXT NOT NULL CHECK (scope IN ('read', 'write')),
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER
) STRICT, WITHOUT ROWID;
";
