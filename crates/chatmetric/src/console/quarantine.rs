//! The quarantine of the account: what is there and why; sealed bodies are opened and
//! items replayed for those who may, and both are in the audit log before they are done.

use super::ask::{Ask, answer_of};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::work;
use crate::directory::Account;
use crate::ingest::replay::{self, ReplayError};
use crate::server::App;
use crate::server::answer::Answer;
use chatmetric_store::{QuarantineFilter, QuarantineId, Quarantined, QuarantinedContent, Reason};
use serde_json::{Value, json};
use std::sync::Arc;

/// Items of a page.
const PAGE_ITEMS: usize = 100;
/// Most items of a page.
pub(super) const PAGE_ITEMS_MAX: usize = 1_000;

/// `GET quarantine`
pub(super) async fn list(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadIngest)?;
    let query = ask.query()?;
    let reason = query.get("reason").map(|word| {
        let known = Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == word);
        known.ok_or_else(|| ConsoleError::invalid("reason", "It is no reason."))
    });
    let after = query.get("after").map(|id| {
        let id = id.parse().map(QuarantineId);
        id.map_err(|_| ConsoleError::invalid("after", "It is no id."))
    });
    let limit = query.count("limit", PAGE_ITEMS, PAGE_ITEMS_MAX)?;
    let filter = QuarantineFilter {
        after: after.transpose()?,
        reason: reason.transpose()?,
        account: Some(who.account.key),
    };
    let snapshot = Arc::clone(&who.snapshot);
    let body = work::read(ask.app, move |app| {
        let items = app.store.quarantine(filter, limit)?;
        let next = items.last().filter(|_| items.len() == limit);
        let next = next.map(|item| item.id.0);
        let items: Vec<_> = items
            .iter()
            .map(|item| {
                let space = item.space.and_then(|key| snapshot.space_by_key(key));
                item_json(item, space.map(|space| space.id.as_str()))
            })
            .collect();
        Ok(json!({ "items": items, "next": next }))
    })
    .await?;
    answer_of(&body)
}

fn item_json(item: &Quarantined, space: Option<&str>) -> Value {
    let (number, status, at_ms, sealed) = match &item.content {
        QuarantinedContent::Event {
            number, status, at, ..
        } => {
            let number = number.to_string();
            (Some(number), Some(status.as_str()), Some(at.0), false)
        }
        QuarantinedContent::Sealed(_) => (None, None, None, true),
    };
    json!({
        "id": item.id.0,
        "receivedMs": item.received_at.0,
        "source": &*item.source,
        "space": space,
        "reason": item.reason.as_str(),
        "number": number,
        "status": status,
        "atMs": at_ms,
        "sealed": sealed,
    })
}

/// `POST quarantine/{id}/open`
pub(super) async fn open(ask: &Ask<'_>, who: &SignedIn, id: &str) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::OpenQuarantine)?;
    let id: u64 = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let (account, actor, now) = (Arc::clone(&who.account), who.actor(ask), ask.now());
    let body = work::change(ask.app, move |app| {
        let item = own_item(app, &account, id)?;
        let QuarantinedContent::Sealed(sealed) = &item.content else {
            return Err(ConsoleError::invalid("id", "There is no body to open."));
        };
        let target = format!("quarantine/{id}");
        app.directory
            .note_look(&actor, now, &account.id, "OpenQuarantine", &target)?;
        let opened = app
            .directory
            .open_quarantined(account.id.as_str(), &item.source, sealed);
        let opened = opened.map_err(|error| {
            tracing::error!(%error, "a quarantined body does not open");
            ConsoleError::Internal
        })?;
        Ok(String::from_utf8_lossy(&opened).into_owned())
    })
    .await?;
    answer_of(&json!({ "body": body }))
}

fn own_item(app: &App, account: &Account, id: u64) -> Result<Quarantined, ConsoleError> {
    let filter = QuarantineFilter {
        after: id.checked_sub(1).map(QuarantineId),
        reason: None,
        account: Some(account.key),
    };
    let items = app.store.quarantine(filter, 1)?;
    let item = items.into_iter().find(|item| item.id.0 == id);
    item.ok_or(ConsoleError::NotFound)
}

/// `POST quarantine/{id}/replay`
pub(super) async fn replay(
    ask: &Ask<'_>,
    who: &SignedIn,
    id: &str,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReplayQuarantine)?;
    let id: u64 = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let (account, actor, now) = (Arc::clone(&who.account), who.actor(ask), ask.now());
    let events = work::change(ask.app, move |app| {
        let item = own_item(app, &account, id)?;
        let target = format!("quarantine/{id}");
        app.directory
            .note_look(&actor, now, &account.id, "ReplayQuarantine", &target)?;
        // Not the directory of before the turn: whose number it is may have changed.
        let snapshot = app.directory.snapshot();
        let events = replay::replay(app, &snapshot, &account, &item)?;
        events.ok_or(ConsoleError::NotFound)
    })
    .await?;
    answer_of(&json!({ "events": events }))
}

impl From<ReplayError> for ConsoleError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Late
            | ReplayError::NotYetDue
            | ReplayError::Ahead
            | ReplayError::SecondSource
            | ReplayError::BeforeFloor
            | ReplayError::NoSpace(_)
            | ReplayError::NoSource
            | ReplayError::NoFamily
            | ReplayError::StillUnreadable => Self::Conflict(error.to_string()),
            ReplayError::Sealed(cause) => {
                tracing::error!(%cause, "a quarantined body does not open");
                Self::Internal
            }
            ReplayError::Family(cause) => cause.into(),
            ReplayError::Store(cause) => cause.into(),
        }
    }
}
