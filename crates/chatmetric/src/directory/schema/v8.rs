//! Schema 8: alerts of the watch, and what it remembers.
//!
//! Accounts as text: an alert outlives its account. Of one thing at most one alert is open.

pub(super) const SQL: &str = "
CREATE TABLE alerts (
    alert_id        INTEGER PRIMARY KEY AUTOINCREMENT,
    rule            TEXT NOT NULL,
    account         TEXT,
    subject         TEXT NOT NULL,
    summary         TEXT NOT NULL,
    facts           TEXT NOT NULL,
    since_ms        INTEGER NOT NULL,
    fired_ms        INTEGER NOT NULL,
    resolved_ms     INTEGER,
    resolved_why    TEXT,
    acknowledged_ms INTEGER,
    acknowledged_by TEXT,
    note            TEXT,
    -- When the webhook took the message that it fires, and that it is over.
    told_ms         INTEGER,
    told_over_ms    INTEGER
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (rule, coalesce(account, ''), subject)
    WHERE resolved_ms IS NULL;
CREATE INDEX alerts_by_account ON alerts (account, alert_id);
CREATE TABLE watch_memory (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";
