//! Schema 5: which family of message ids an account counts of a number.
//!
//! Of an account and not of the number alone: what an account receives must not decide
//! what another one counts once the number is its own.

pub(super) const SQL: &str = "
CREATE TABLE number_families (
    number      TEXT NOT NULL,
    account_key INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    family      TEXT NOT NULL CHECK (family IN ('meta', 'cams', 'other')),
    PRIMARY KEY (number, account_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX number_families_by_account ON number_families (account_key);
";
