//! The audit log over the control socket: pages of entries as plain data.
//!
//! Only read here: who changes the directory writes it.

use super::Refusal;
use crate::directory::{AuditEntry, AuditFilter, Directory};
use chatmetric_rpc::credential::{AccessKeyId, AccountId};
use serde::{Deserialize, Serialize};

/// Which entries, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPage {
    /// Of one account only.
    pub account: Option<String>,
    /// Older than this entry.
    pub before_id: Option<i64>,
    /// How many at most; a page is never longer than
    /// [`crate::directory::audit::AUDIT_PAGE_ENTRIES_MAX`].
    pub limit: usize,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedChange {
    /// Its number.
    pub id: i64,
    /// When, in ms since the epoch.
    pub at_ms: i64,
    /// The account that was changed.
    pub account: Option<String>,
    /// Who did it.
    pub actor: String,
    /// The account of who did it.
    pub actor_account: Option<String>,
    /// Where the call came from.
    pub source_ip: Option<String>,
    /// The call's request id.
    pub request_id: Option<String>,
    /// The AccessKey that signed the call.
    pub access_key_id: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub target: String,
    /// What was there before and is different or gone: a JSON object.
    pub before: Option<String>,
    /// What is there now: a JSON object.
    pub after: Option<String>,
}

impl From<AuditEntry> for LoggedChange {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at_ms, .. } = entry;
        let account = |id: &AccountId| id.to_string();
        Self {
            id,
            at_ms,
            account: entry.account.as_ref().map(account),
            actor_account: entry.actor.account.as_ref().map(account),
            source_ip: entry.actor.source_ip.map(|ip| ip.to_string()),
            request_id: entry.actor.request_id,
            access_key_id: entry
                .actor
                .access_key_id
                .as_ref()
                .map(AccessKeyId::to_string),
            actor: entry.actor.name,
            action: entry.action,
            target: entry.target,
            before: entry.before,
            after: entry.after,
        }
    }
}

pub(super) fn page(directory: &Directory, page: LogPage) -> Result<Vec<LoggedChange>, Refusal> {
    let account = page.account.as_deref().map(AccountId::parse).transpose();
    let filter = AuditFilter {
        account: account.map_err(|error| Refusal::usage(&error))?,
        before_id: page.before_id,
        limit: page.limit,
    };
    let entries = directory.audit_log(&filter);
    let entries = entries.map_err(|error| Refusal::failed(&error))?;
    Ok(entries.into_iter().map(LoggedChange::from).collect())
}
