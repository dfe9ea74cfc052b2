//! Schema 7: master keys that others took the place of.
//!
//! Bodies in the quarantine stay as they were sealed, so their key stays until they have
//! aged out: sealed under the key of today.

pub(super) const SQL: &str = "
CREATE TABLE retired_master_keys (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    key        BLOB NOT NULL,
    retired_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";
