//! Alerts of the watch: written when they change, listed, acknowledged; and what the watch
//! remembers over a restart.
//!
//! Not here: when something is an alert (`crate::watch`). Invariants: what is written is
//! durable before anybody is told of it; an acknowledgement and its entry in the audit log
//! are one transaction; alerts that are over are bounded in number and age.

mod memory;
mod told;

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;
use rusqlite::{Connection, Row, Transaction, params};
use serde_json::{Map, Value, json};

use super::Directory;
use super::audit::{self, What};
use super::error::DirectoryError;
use super::identity::{Actor, OPERATOR};
use crate::watch::{AlertKey, Finding, Rule};

/// Most alerts that are kept; those that have been over for longest go first.
pub const ALERTS_KEPT_MAX: usize = 10_000;
/// Most alerts of one page.
pub const ALERTS_PAGE_MAX: usize = 100;
/// Longest note of an acknowledgement, in characters.
pub const ALERT_NOTE_CHARS_MAX: usize = 500;
/// What an acknowledgement is called in the audit log.
const ACTION_ACKNOWLEDGE: &str = "chatmetric:AcknowledgeAlerts";
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

const DATABASE: fn(rusqlite::Error) -> DirectoryError = |source| DirectoryError::Database {
    operation: "keep the alerts in",
    source,
};

/// Who acknowledged an alert, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// When, in ms since the epoch.
    pub at_ms: i64,
    /// Who.
    pub by: String,
    /// Why, or what is done about it.
    pub note: Option<String>,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its number; later ones have higher ones.
    pub id: i64,
    /// What it is about.
    pub key: AlertKey,
    /// What is wrong.
    pub finding: Finding,
    /// Since when it is wrong, in ms since the epoch.
    pub since_ms: i64,
    /// Since when it fires.
    pub fired_ms: i64,
    /// Since when it is over.
    pub resolved_ms: Option<i64>,
    /// Why it is over.
    pub resolved_why: Option<String>,
    /// Who has taken notice.
    pub acknowledgement: Option<Acknowledgement>,
    /// When the webhook took the message that it fires.
    pub told_ms: Option<i64>,
}

impl Alert {
    /// `open`, `acknowledged` or `resolved`.
    #[must_use]
    pub const fn state(&self) -> AlertState {
        match (self.resolved_ms, &self.acknowledgement) {
            (Some(_), _) => AlertState::Resolved,
            (None, Some(_)) => AlertState::Acknowledged,
            (None, None) => AlertState::Open,
        }
    }
}

/// Where an alert is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// It fires and nobody has taken notice.
    Open,
    /// It fires and somebody has.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl AlertState {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    /// The state of a word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Acknowledged, Self::Resolved]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// Which alerts, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Of one account alone.
    pub account: Option<AccountId>,
    /// In this state alone.
    pub state: Option<AlertState>,
    /// Older than this one: the last one of the page before.
    pub before_id: Option<i64>,
    /// How many, up to [`ALERTS_PAGE_MAX`].
    pub limit: usize,
}

/// A change of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AlertWrite {
    /// One more; what it is written down with is told.
    Fire {
        key: AlertKey,
        since_ms: i64,
        finding: Finding,
    },
    /// Other words.
    Update { id: i64, finding: Finding },
    /// It is over.
    Resolve { id: i64, why: &'static str },
}

/// An alert was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AcknowledgeError {
    /// There is none, or none of this account.
    #[error("there is no alert {id}")]
    NotFound {
        /// Its number.
        id: i64,
    },
    /// It is over.
    #[error("alert {id} is over: there is nothing to acknowledge")]
    Resolved {
        /// Its number.
        id: i64,
    },
    /// The note is too long, or has characters that no note has.
    #[error(
        "a note has at most {ALERT_NOTE_CHARS_MAX} characters, and none that control a terminal"
    )]
    Note,
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

const COLUMNS: &str = "SELECT alert_id, rule, account, subject, summary, facts, since_ms, fired_ms, \
                       resolved_ms, resolved_why, acknowledged_ms, acknowledged_by, note, told_ms \
                       FROM alerts";

/// An alert, or nothing for one of a rule that this program does not know.
fn alert_of(row: &Row<'_>) -> rusqlite::Result<Option<Alert>> {
    let rule: String = row.get(1)?;
    let Some(rule) = Rule::parse(&rule) else {
        return Ok(None);
    };
    let facts: String = row.get(5)?;
    let acknowledged_ms: Option<i64> = row.get(10)?;
    let by: Option<String> = row.get(11)?;
    let note: Option<String> = row.get(12)?;
    let acknowledgement = acknowledged_ms.zip(by);
    Ok(Some(Alert {
        id: row.get(0)?,
        key: AlertKey {
            rule,
            account: row.get(2)?,
            subject: row.get(3)?,
        },
        finding: Finding {
            summary: row.get(4)?,
            facts: serde_json::from_str(&facts).unwrap_or_default(),
        },
        since_ms: row.get(6)?,
        fired_ms: row.get(7)?,
        resolved_ms: row.get(8)?,
        resolved_why: row.get(9)?,
        acknowledgement: acknowledgement.map(|(at_ms, by)| Acknowledgement { at_ms, by, note }),
        told_ms: row.get(13)?,
    }))
}

fn select(
    connection: &Connection,
    rest: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Alert>, DirectoryError> {
    let mut statement = connection
        .prepare_cached(&format!("{COLUMNS} {rest}"))
        .map_err(DATABASE)?;
    let rows = statement.query_map(values, alert_of).map_err(DATABASE)?;
    let alerts: rusqlite::Result<Vec<Option<Alert>>> = rows.collect();
    Ok(alerts.map_err(DATABASE)?.into_iter().flatten().collect())
}

impl Directory {
    /// Writes changes of alerts, all of them or none; tells the numbers of those that
    /// fire from now on, in their order.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn write_alerts(
        &self,
        writes: &[AlertWrite],
        history_days: u32,
        now: EpochMs,
    ) -> Result<Vec<i64>, DirectoryError> {
        let writer = self.write();
        let transaction = writer.connection.begin().map_err(DATABASE)?;
        let mut ids = Vec::new();
        for write in writes {
            match write {
                AlertWrite::Fire {
                    key,
                    since_ms,
                    finding,
                } => ids.push(insert(&transaction, key, *since_ms, finding, now)?),
                AlertWrite::Update { id, finding } => {
                    let sql = "UPDATE alerts SET summary = ?2, facts = ?3 WHERE alert_id = ?1";
                    let facts = Value::Object(finding.facts.clone()).to_string();
                    transaction
                        .execute(sql, params![id, finding.summary, facts])
                        .map_err(DATABASE)?;
                }
                AlertWrite::Resolve { id, why } => {
                    let sql = "UPDATE alerts SET resolved_ms = ?2, resolved_why = ?3 \
                               WHERE alert_id = ?1 AND resolved_ms IS NULL";
                    transaction
                        .execute(sql, params![id, now.0, why])
                        .map_err(DATABASE)?;
                }
            }
        }
        forget_old(&transaction, history_days, now)?;
        transaction.commit(DATABASE)?;
        Ok(ids)
    }

    /// A page of alerts, the newest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn alerts(&self, filter: &AlertFilter) -> Result<Vec<Alert>, DirectoryError> {
        let state = match filter.state {
            None => "1",
            Some(AlertState::Open) => "resolved_ms IS NULL AND acknowledged_ms IS NULL",
            Some(AlertState::Acknowledged) => "resolved_ms IS NULL AND acknowledged_ms IS NOT NULL",
            Some(AlertState::Resolved) => "resolved_ms IS NOT NULL",
        };
        let rest = format!(
            "WHERE {state} AND (?1 IS NULL OR account = ?1) AND alert_id < ?2 \
             ORDER BY alert_id DESC LIMIT ?3"
        );
        let account = filter.account.as_ref().map(AccountId::as_str);
        let before = filter.before_id.unwrap_or(i64::MAX);
        let limit = i64::try_from(filter.limit.min(ALERTS_PAGE_MAX)).unwrap_or(i64::MAX);
        select(
            &self.write().connection,
            &rest,
            params![account, before, limit],
        )
    }

    /// Notes that somebody has taken notice; again is a new note. Of one account alone
    /// when one is named.
    ///
    /// # Errors
    /// [`AcknowledgeError`]
    pub fn acknowledge_alert(
        &self,
        id: i64,
        account: Option<&AccountId>,
        note: Option<&str>,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<Alert, AcknowledgeError> {
        let note = note.map(str::trim).filter(|note| !note.is_empty());
        let is_note = |note: &str| {
            note.chars().count() <= ALERT_NOTE_CHARS_MAX
                && note.chars().all(|c| c == '\n' || !c.is_control())
        };
        if !note.is_none_or(is_note) {
            return Err(AcknowledgeError::Note);
        }
        let writer = self.write();
        let transaction = writer.connection.begin().map_err(DATABASE)?;
        let found = select(&transaction, "WHERE alert_id = ?1", [id])?
            .into_iter()
            .next();
        let is_theirs = |alert: &Alert| {
            account.is_none_or(|account| alert.key.account.as_deref() == Some(account.as_str()))
        };
        let before = found
            .filter(is_theirs)
            .ok_or(AcknowledgeError::NotFound { id })?;
        if before.resolved_ms.is_some() {
            return Err(AcknowledgeError::Resolved { id });
        }
        let by = noticed_by(before.key.account.as_deref(), actor);
        let sql = "UPDATE alerts SET acknowledged_ms = ?2, acknowledged_by = ?3, note = ?4 \
                   WHERE alert_id = ?1";
        transaction
            .execute(sql, params![id, now.0, by, note])
            .map_err(DATABASE)?;
        audit_of(&transaction, &before, note, actor, now)?;
        transaction.commit(DATABASE)?;
        Ok(Alert {
            acknowledgement: Some(Acknowledgement {
                at_ms: now.0,
                by,
                note: note.map(str::to_owned),
            }),
            ..before
        })
    }
}

/// Who took notice: the name of somebody of the account, or of the installation's operator
/// behind `operator/`, which no name of an account begins with.
fn noticed_by(account: Option<&str>, actor: &Actor) -> String {
    let of_actor = actor.account.as_ref().map(AccountId::as_str);
    let is_own = account.is_none_or(|account| of_actor == Some(account));
    if is_own || of_operator(&actor.name) {
        actor.name.clone()
    } else {
        format!("{OPERATOR}/{}", actor.name)
    }
}

/// Whether a name of an acknowledgement is the operator's of the installation, whom accounts
/// know as `operator` alone.
pub(crate) fn of_operator(name: &str) -> bool {
    let rest = name.strip_prefix(OPERATOR);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

fn insert(
    transaction: &Transaction<'_>,
    key: &AlertKey,
    since_ms: i64,
    finding: &Finding,
    now: EpochMs,
) -> Result<i64, DirectoryError> {
    let facts = Value::Object(finding.facts.clone()).to_string();
    let sql = "INSERT INTO alerts (rule, account, subject, summary, facts, since_ms, fired_ms) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![
        key.rule.as_str(),
        key.account,
        key.subject,
        finding.summary,
        facts,
        since_ms,
        now.0
    ];
    transaction.execute(sql, values).map_err(DATABASE)?;
    Ok(transaction.last_insert_rowid())
}

/// Takes out what has been over for too long, and the oldest of too many.
fn forget_old(
    transaction: &Transaction<'_>,
    history_days: u32,
    now: EpochMs,
) -> Result<(), DirectoryError> {
    let before_ms = now.0.saturating_sub(i64::from(history_days) * DAY_MS);
    transaction
        .execute("DELETE FROM alerts WHERE resolved_ms < ?1", [before_ms])
        .map_err(DATABASE)?;
    let kept = i64::try_from(ALERTS_KEPT_MAX).unwrap_or(i64::MAX);
    let sql = "DELETE FROM alerts WHERE resolved_ms IS NOT NULL AND alert_id <= \
               (SELECT alert_id FROM alerts ORDER BY alert_id DESC LIMIT 1 OFFSET ?1)";
    transaction.execute(sql, [kept]).map_err(DATABASE)?;
    Ok(())
}

/// The entry in the audit log: of the alert's account, else of whoever acknowledged it,
/// else of the installation.
fn audit_of(
    transaction: &Transaction<'_>,
    before: &Alert,
    note: Option<&str>,
    actor: &Actor,
    now: EpochMs,
) -> Result<(), DirectoryError> {
    let own = before.key.account.as_deref();
    let own = own.and_then(|id| AccountId::parse(id).ok());
    let account = own.or_else(|| actor.account.clone());
    let was = before.acknowledgement.as_ref();
    let was = was.map(|was| Map::from_iter([("note".to_owned(), json!(was.note))]));
    let is = Map::from_iter([
        ("rule".to_owned(), json!(before.key.rule.as_str())),
        ("subject".to_owned(), json!(before.key.subject)),
        ("note".to_owned(), json!(note)),
    ]);
    let what = What {
        action: ACTION_ACKNOWLEDGE,
        target: format!("alert/{}", before.id),
        before: was,
        after: Some(is),
    };
    audit::append_one(transaction, actor, now, account.as_ref(), what)
}

#[cfg(test)]
mod tests;
