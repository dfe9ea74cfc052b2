//! `GET audit`: who changed what in the account; the operator sees any account.

use super::ask::{Ask, answer_of};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::work;
use crate::directory::audit::AUDIT_PAGE_ENTRIES_MAX;
use crate::directory::{Actor, AuditEntry, AuditFilter, OPERATOR};
use crate::server::answer::Answer;
use chatmetric_rpc::credential::{AccessKeyId, AccountId};
use serde_json::{Value, json};

/// `GET audit`
pub(super) async fn page(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadAudit)?;
    let query = ask.query()?;
    let account = match query.get("account") {
        None => Some(who.account.id.clone()),
        Some("*") if who.is_operator(ask.app) => None,
        Some(id) => {
            let id = AccountId::parse(id).map_err(|_| ConsoleError::NotFound)?;
            if id != who.account.id && !who.is_operator(ask.app) {
                return Err(ConsoleError::NotFound);
            }
            Some(id)
        }
    };
    let before_id = query.get("after").map(|id| {
        let id = id.parse();
        id.map_err(|_| ConsoleError::invalid("after", "It is no id."))
    });
    let limit = query.count("limit", AUDIT_PAGE_ENTRIES_MAX, AUDIT_PAGE_ENTRIES_MAX)?;
    let filter = AuditFilter {
        account,
        before_id: before_id.transpose()?,
        limit,
    };
    let entries = work::read(ask.app, move |app| Ok(app.directory.audit_log(&filter)?)).await?;
    let next = entries.last().filter(|_| entries.len() == limit);
    let next = next.map(|entry| entry.id);
    let sees_all = who.is_operator(ask.app);
    let shown = entries.iter().map(|entry| {
        let is_own = entry.actor.account.as_ref() == Some(&who.account.id);
        entry_json(entry, (is_own || sees_all).then_some(&entry.actor))
    });
    let entries: Vec<_> = shown.collect();
    answer_of(&json!({ "entries": entries, "next": next }))
}

/// An entry. Without an actor it is the operator's of the installation, of whom no name, no
/// address and no key is told.
fn entry_json(entry: &AuditEntry, actor: Option<&Actor>) -> Value {
    let value = |text: &Option<String>| -> Option<Value> {
        let text = text.as_deref()?;
        Some(serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
    };
    json!({
        "id": entry.id,
        "atMs": entry.at_ms,
        "account": entry.account.as_ref().map(AccountId::as_str),
        "actor": actor.map_or(OPERATOR, |actor| actor.name.as_str()),
        "actorAccount": actor.and_then(|actor| actor.account.as_ref()).map(AccountId::as_str),
        "sourceIp": actor.and_then(|actor| actor.source_ip).map(|ip| ip.to_string()),
        "requestId": entry.actor.request_id,
        "accessKeyId": actor
            .and_then(|actor| actor.access_key_id.as_ref())
            .map(AccessKeyId::as_str),
        "action": entry.action,
        "target": entry.target,
        "before": value(&entry.before),
        "after": value(&entry.after),
    })
}
