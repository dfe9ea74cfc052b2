//! Replays: what a quarantined item counts now that its cause may be gone.
//!
//! A body that an older program could not read is read again; an event whose number
//! belonged to somebody else, or had no room, is looked up again. Events that are held
//! for a number without an owner are `claim`'s, and the future releases itself.
//!
//! Invariant: an item counts where its webhook may count now, by owner, floor and clock,
//! or it stays where it is; no number is bound for it. Without its webhook nobody knows
//! any more where it may count.

use crate::directory::{Account, DirectoryError, IdFamily, IdForm, Snapshot, Webhook, WebhookKind};
use crate::ingest::receive::{self, Reported};
use crate::ingest::{binding, cams, events, stream, whatsapp};
use crate::server::App;
use chatmetric_core::{EpochMs, PhoneNumber, SpaceKey};
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
    #[error("What was kept does not say which feed gave its id: send it again.")]
    NoFamily,
    #[error("the family of the number could not be kept")]
    Family(#[source] DirectoryError),
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
        Reason::BadTimestamp
        | Reason::Malformed
        | Reason::UnknownNumber
        | Reason::ForeignNumber
        | Reason::Unparsable
        | Reason::TooManyNumbers => {}
    }
    let webhook = stream::webhook_of(app, snapshot, &item.source)
        .filter(|webhook| webhook.account.key == account.key)
        .ok_or(ReplayError::NoSource)?;
    let judge = Judge {
        app,
        snapshot,
        account,
        webhook: &webhook,
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
            target: judge.target(number, *at, family_of(&webhook.kind)?)?,
        }],
        QuarantinedContent::Sealed(sealed) => judge.read(item, sealed)?,
    };
    let there = app.store.replay(item.id, &events);
    let there = there.map_err(ReplayError::Store)?;
    Ok(there.then_some(events.len()))
}

/// The family of ids of an event whose id is a hash by now.
const fn family_of(kind: &WebhookKind) -> Result<IdForm, ReplayError> {
    match kind {
        WebhookKind::Whatsapp { .. } => Ok(IdForm::Of(IdFamily::Meta)),
        WebhookKind::Cams { .. } => Ok(IdForm::Of(IdFamily::Cams)),
        WebhookKind::Events { .. } => Err(ReplayError::NoFamily),
    }
}

/// What the events of an item are judged by.
struct Judge<'a> {
    app: &'a App,
    snapshot: &'a Snapshot,
    account: &'a Arc<Account>,
    webhook: &'a Arc<Webhook>,
    floor: Option<EpochMs>,
    latest: EpochMs,
}

impl Judge<'_> {
    fn space(&self, number: &PhoneNumber, at: EpochMs) -> Result<SpaceKey, ReplayError> {
        let space = binding::space_of(self.snapshot, self.webhook, number);
        let space = space.ok_or(ReplayError::NoSpace(*number))?;
        if self.floor.is_some_and(|floor| at < floor) {
            return Err(ReplayError::BeforeFloor);
        }
        if at > self.latest {
            return Err(ReplayError::Ahead);
        }
        Ok(space)
    }

    fn target(
        &self,
        number: &PhoneNumber,
        at: EpochMs,
        family: IdForm,
    ) -> Result<Target, ReplayError> {
        let space = self.space(number, at)?;
        // It may be the first event that counts.
        let wanted = [(*number, family.family())];
        let counted = self.app.directory.bind_families(self.account.key, &wanted);
        let counted = counted.map_err(ReplayError::Family)?;
        match counted.first().copied().flatten() {
            Some(counted) if family.fits(counted) => Ok(Target::Space(space)),
            Some(_) | None => Err(ReplayError::SecondSource),
        }
    }

    /// The events of a sealed body, or of a part of one.
    fn read(&self, item: &Quarantined, sealed: &[u8]) -> Result<Vec<StatusEvent>, ReplayError> {
        let account = self.account.id.as_str();
        let body = self
            .app
            .directory
            .open_quarantined(account, &item.source, sealed)
            .map_err(ReplayError::Sealed)?;
        let text = whatsapp::text_of(&body);
        match self.webhook.kind {
            WebhookKind::Whatsapp { .. } => {
                let parsed = whatsapp::parse(&text, BATCH_EVENTS_MAX);
                let parsed = parsed.map_err(|_| ReplayError::StillUnreadable)?;
                self.events(&parsed.events, parsed.bad.len())
            }
            WebhookKind::Cams { .. } => {
                let parsed = cams::parse(&text, BATCH_EVENTS_MAX);
                let parsed = parsed.map_err(|_| ReplayError::StillUnreadable)?;
                self.events(&parsed.events, parsed.bad.len())
            }
            WebhookKind::Events { .. } => {
                let body = events::Body {
                    format: events::Format::Unknown,
                    bytes: &body,
                    text: &text,
                    received_at: item.received_at,
                };
                let parsed = events::parse(body, BATCH_EVENTS_MAX);
                let parsed = parsed.map_err(|_| ReplayError::StillUnreadable)?;
                self.events(&parsed.events, parsed.bad.len())
            }
        }
    }

    fn events<R: Reported>(
        &self,
        events: &[R],
        bad: usize,
    ) -> Result<Vec<StatusEvent>, ReplayError> {
        if events.is_empty() || bad > 0 {
            return Err(ReplayError::StillUnreadable);
        }
        // No family is decided by what does not count after all.
        for event in events {
            self.space(&event.number(), event.at())?;
        }
        let events = events.iter().map(|event| {
            let (number, at) = (event.number(), event.at());
            Ok(StatusEvent {
                fingerprint: receive::fingerprint(&self.app.fingerprint_key, event),
                number,
                status: event.status(),
                at,
                target: self.target(&number, at, event.family())?,
            })
        });
        events.collect()
    }
}
