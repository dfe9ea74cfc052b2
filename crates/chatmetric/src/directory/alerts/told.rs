//! Which alerts are to be told to whom, and which were.

use chatmetric_core::EpochMs;
use rusqlite::params;

use super::{Alert, DATABASE, DAY_MS, HOUR_MS, select};
use crate::directory::Directory;
use crate::directory::error::DirectoryError;

impl Directory {
    /// The alerts that fire, the oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn firing_alerts(&self) -> Result<Vec<Alert>, DirectoryError> {
        let rest = "WHERE resolved_ms IS NULL ORDER BY alert_id";
        select(&self.write().connection, rest, [])
    }

    /// The alerts that ended at `since` or later, the oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn alerts_over_since(&self, since: EpochMs) -> Result<Vec<Alert>, DirectoryError> {
        let rest = "WHERE resolved_ms >= ?1 ORDER BY alert_id LIMIT 1000";
        select(&self.write().connection, rest, [since.0])
    }

    /// The alerts that the webhook does not know of as they are: that they fire, or that
    /// they are over. What was over before it was told is not among them, nor what is over
    /// for more than a day.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn untold_alerts(&self, now: EpochMs) -> Result<Vec<Alert>, DirectoryError> {
        let rest = "WHERE (resolved_ms IS NULL AND told_ms IS NULL) \
                    OR (resolved_ms >= ?1 AND told_ms IS NOT NULL AND told_over_ms IS NULL) \
                    ORDER BY alert_id LIMIT 1000";
        select(
            &self.write().connection,
            rest,
            [now.0.saturating_sub(DAY_MS)],
        )
    }

    /// When the webhook took messages within the hour before `now`, one time a message.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn told_lately(&self, now: EpochMs) -> Result<Vec<i64>, DirectoryError> {
        let writer = self.write();
        let mut statement = writer
            .connection
            .prepare_cached(
                "SELECT told_ms FROM alerts WHERE told_ms > ?1
                 UNION SELECT told_over_ms FROM alerts WHERE told_over_ms > ?1",
            )
            .map_err(DATABASE)?;
        let rows = statement
            .query_map([now.0.saturating_sub(HOUR_MS)], |row| row.get(0))
            .map_err(DATABASE)?;
        rows.collect::<rusqlite::Result<_>>().map_err(DATABASE)
    }

    /// Notes that the webhook took these, in one message.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn note_told(&self, alerts: &[&Alert], now: EpochMs) -> Result<(), DirectoryError> {
        let writer = self.write();
        let transaction = writer.connection.begin().map_err(DATABASE)?;
        for alert in alerts {
            let sql = match alert.resolved_ms {
                None => "UPDATE alerts SET told_ms = ?2 WHERE alert_id = ?1",
                Some(_) => "UPDATE alerts SET told_over_ms = ?2 WHERE alert_id = ?1",
            };
            transaction
                .execute(sql, params![alert.id, now.0])
                .map_err(DATABASE)?;
        }
        transaction.commit(DATABASE)
    }
}
