//! Replays: what a quarantined item counts now that its cause may be gone.
//!
//! A body that an older program could not read is read again; an event whose number
//! belonged to somebody else, or had no room, is looked up again. Events that are held
//! for a number without an owner are `claim`'s, and the future releases itself. A single
//! status that could not be read is kept without its number, so it stays uncounted.
//!
//! Invariant: an item counts where its webhook may count now, by owner, floor and clock,
//! or it stays where it is; no number is bound for it. Without its webhook nobody knows
//! any more where it may count.

use crate::directory::{Account, Snapshot, Webhook, WebhookKind};
use crate::ingest::{binding, whatsapp};
use crate::server::App;
use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_store::{
    BATCH_EVENTS_MAX, FUTURE_TOLERANCE_MS, Quarantined, QuarantinedContent, Reason, StatusEvent,
    StoreError, Target,
};
use std::sync::Arc;

/// Why an item stays where it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("What came late is never counted.")]
    Late,
    #[error("The event counts by itself when its time has come.")]
    NotYetDue,
    #[error("The event is ahead of the clock; replay it when its time has come.")]
    Ahead,
    #[error("What was kept does not say whose number it is.")]
    NoNumber,
    #[error("Two feeds report the number; only one of them is counted.")]
    SecondSource,
    #[error("The event is before what is kept.")]
    BeforeFloor,
    #[error("Number {0} is of no space where this source may count.")]
    NoSpace(PhoneNumber),
    #[error(
        "The webhook that brought it is gone, or it came with a file: send or import it again."
    )]
    NoSource,
    #[error("This version cannot read all of the body either, or there is nothing to count in it.")]
    StillUnreadable,
    #[error("the sealed body does not open")]
    Sealed(#[source] crate::master_key::SealError),
    #[error("the store failed")]
    Store(#[source] StoreError),
}

/// Counts an item of the account anew; tells how many events it had, or `None` when it
/// is not there any more.
///
/// # Errors
/// [`ReplayError`]; then the item is still there.
pub(crate) fn replay(
    app: &App,
    snapshot: &Snapshot,
    account: &Arc<Account>,
    item: &Quarantined,
) -> Result<Option<usize>, ReplayError> {
    match item.reason {
        Reason::Late => return Err(ReplayError::Late),
        Reason::Future => return Err(ReplayError::NotYetDue),
        Reason::SecondSource => return Err(ReplayError::SecondSource),
        Reason::BadTimestamp | Reason::Malformed => return Err(ReplayError::NoNumber),
        Reason::UnknownNumber
        | Reason::ForeignNumber
        | Reason::Unparsable
        | Reason::TooManyNumbers => {}
    }
    let webhook = snapshot
        .webhook(&item.source)
        .filter(|webhook| webhook.account.key == account.key)
        .ok_or(ReplayError::NoSource)?;
    let judge = Judge {
        snapshot,
        account,
        webhook,
        floor: app.store.floor(),
        latest: EpochMs(app.clock.now().0.saturating_add(FUTURE_TOLERANCE_MS)),
    };
    let events = match &item.content {
        QuarantinedContent::Event {
            fingerprint,
            number,
            status,
            at,
        } => vec![StatusEvent {
            fingerprint: *fingerprint,
            number: *number,
            status: *status,
            at: *at,
            target: judge.target(number, *at)?,
        }],
        QuarantinedContent::Sealed(sealed) => judge.read(app, &item.source, sealed)?,
    };
    let there = app.store.replay(item.id, &events);
    let there = there.map_err(ReplayError::Store)?;
    Ok(there.then_some(events.len()))
}

/// What the events of an item are judged by.
struct Judge<'a> {
    snapshot: &'a Snapshot,
    account: &'a Arc<Account>,
    webhook: &'a Arc<Webhook>,
    floor: Option<EpochMs>,
    latest: EpochMs,
}

impl Judge<'_> {
    fn target(&self, number: &PhoneNumber, at: EpochMs) -> Result<Target, ReplayError> {
        let space = binding::space_of(self.snapshot, self.webhook, number);
        let space = space.ok_or(ReplayError::NoSpace(*number))?;
        if self.floor.is_some_and(|floor| at < floor) {
            return Err(ReplayError::BeforeFloor);
        }
        if at > self.latest {
            return Err(ReplayError::Ahead);
        }
        Ok(Target::Space(space))
    }

    /// The events of a sealed body.
    fn read(
        &self,
        app: &App,
        source: &str,
        sealed: &[u8],
    ) -> Result<Vec<StatusEvent>, ReplayError> {
        match self.webhook.kind {
            WebhookKind::Whatsapp { .. } => {}
            WebhookKind::Cams { .. } | WebhookKind::Events { .. } => {
                return Err(ReplayError::StillUnreadable);
            }
        }
        let body = app
            .directory
            .open_quarantined(self.account.id.as_str(), source, sealed)
            .map_err(ReplayError::Sealed)?;
        let text = whatsapp::text_of(&body);
        let parsed = whatsapp::parse(&text, BATCH_EVENTS_MAX);
        let parsed = parsed.map_err(|_| ReplayError::StillUnreadable)?;
        if parsed.events.is_empty() || !parsed.bad.is_empty() {
            return Err(ReplayError::StillUnreadable);
        }
        let events = parsed.events.iter().map(|event| {
            Ok(StatusEvent {
                fingerprint: app.fingerprint_key.fingerprint(
                    whatsapp::CHANNEL,
                    &event.number,
                    &event.message_id,
                ),
                number: event.number,
                status: event.status,
                at: event.at,
                target: self.target(&event.number, event.at)?,
            })
        });
        events.collect()
    }
}
