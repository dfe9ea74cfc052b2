//! The rows of the audit log: appended in a transaction, read in pages.

use std::net::IpAddr;

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccessKeyId, AccountId};
use rusqlite::{Connection, Row, Transaction};
use serde_json::{Map, Value};

use super::{AUDIT_PAGE_ENTRIES_MAX, AuditEntry, AuditFilter, NewEntry, bounded};
use crate::directory::error::DirectoryError;
use crate::directory::identity::Actor;

pub(in crate::directory) fn append(
    transaction: &Transaction<'_>,
    actor: &Actor,
    now: EpochMs,
    entries: Vec<NewEntry>,
) -> Result<(), DirectoryError> {
    for entry in entries {
        let account = Some(entry.account);
        let what = What {
            action: entry.action,
            target: entry.target,
            before: entry.before,
            after: entry.after,
        };
        append_one(transaction, actor, now, account.as_ref(), what)?;
    }
    Ok(())
}

/// What was done, whosever it is.
#[derive(Debug)]
pub(in crate::directory) struct What {
    pub(in crate::directory) action: &'static str,
    pub(in crate::directory) target: String,
    pub(in crate::directory) before: Option<Map<String, Value>>,
    pub(in crate::directory) after: Option<Map<String, Value>>,
}

/// Appends an entry of an account, or of the installation.
pub(in crate::directory) fn append_one(
    transaction: &Transaction<'_>,
    actor: &Actor,
    now: EpochMs,
    account: Option<&AccountId>,
    what: What,
) -> Result<(), DirectoryError> {
    let database = DirectoryError::database("write the audit log of");
    let mut statement = transaction
        .prepare_cached(
            "INSERT INTO audit_log (at_ms, account, actor_account, actor, source_ip, request_id,
                 access_key_id, action, target, before, after)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )
        .map_err(database)?;
    statement
        .execute((
            now.0,
            account.map(AccountId::as_str),
            actor.account.as_ref().map(AccountId::as_str),
            &actor.name,
            actor.source_ip.map(|ip| ip.to_string()),
            &actor.request_id,
            actor.access_key_id.as_ref().map(AccessKeyId::as_str),
            what.action,
            what.target,
            what.before.map(bounded),
            what.after.map(bounded),
        ))
        .map_err(database)?;
    Ok(())
}

pub(in crate::directory) fn page(
    connection: &Connection,
    filter: &AuditFilter,
) -> Result<Vec<AuditEntry>, DirectoryError> {
    let database = DirectoryError::database("read the audit log of");
    let limit = filter.limit.min(AUDIT_PAGE_ENTRIES_MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let before = filter.before_id.unwrap_or(i64::MAX);
    const COLUMNS: &str = "SELECT entry_id, at_ms, account, actor_account, actor, source_ip, \
                           request_id, access_key_id, action, target, before, after FROM audit_log";
    // Two statements, so that each goes by its own index.
    let entries = match &filter.account {
        None => connection
            .prepare_cached(&format!(
                "{COLUMNS} WHERE entry_id < ?1 ORDER BY entry_id DESC LIMIT ?2"
            ))
            .and_then(|mut statement| {
                let rows = statement.query_map((before, limit), entry)?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            }),
        Some(account) => connection
            .prepare_cached(&format!(
                "{COLUMNS} WHERE account = ?3 AND entry_id < ?1 ORDER BY entry_id DESC LIMIT ?2"
            ))
            .and_then(|mut statement| {
                let rows = statement.query_map((before, limit, account.as_str()), entry)?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            }),
    };
    entries.map_err(database)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let account = |index: usize| -> rusqlite::Result<Option<AccountId>> {
        let text: Option<String> = row.get(index)?;
        Ok(text.and_then(|text| AccountId::parse(&text).ok()))
    };
    let ip: Option<String> = row.get(5)?;
    let key: Option<String> = row.get(7)?;
    Ok(AuditEntry {
        id: row.get(0)?,
        at_ms: row.get(1)?,
        account: account(2)?,
        actor: Actor {
            account: account(3)?,
            name: row.get(4)?,
            source_ip: ip.and_then(|ip| ip.parse::<IpAddr>().ok()),
            request_id: row.get(6)?,
            access_key_id: key.and_then(|key| AccessKeyId::parse(&key).ok()),
        },
        action: row.get(8)?,
        target: row.get(9)?,
        before: row.get(10)?,
        after: row.get(11)?,
    })
}
