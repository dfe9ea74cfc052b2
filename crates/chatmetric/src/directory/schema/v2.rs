//! Schema 2: one-time tokens that set up the first sign-in to the console.

pub(super) const SQL: &str = "
-- SHA-256 of a token with 256 random bits: nothing to guess, so no slow hash.
CREATE TABLE setup_tokens (
    hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),
    made_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";
