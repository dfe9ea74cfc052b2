//! What the webhooks share: from what was read of a body to a durable batch, the sealing
//! of what could not be read, and the answers.
//!
//! Not here: the formats, and how a sender proves itself but for the comparison of
//! tokens.
//!
//! Invariants: 200 only for what is durable; message ids leave this file as keyed hashes,
//! and what could not be read leaves it sealed.

use crate::directory::{DirectoryError, IdForm, Webhook};
use crate::ingest::binding::{self, Seen};
use crate::ingest::pipeline::PipelineError;
use crate::master_key::SealError;
use crate::server::App;
use crate::server::answer::Answer;
use chatmetric_core::{EpochMs, Fingerprint, FingerprintKey, MessageStatus, PhoneNumber};
use chatmetric_store::{Batch, Reason, Receipt, SealedItem, StatusEvent, StoreError, Target};
use http::StatusCode;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// Why a body is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    #[error("the signature does not fit")]
    Signature,
    #[error("the token does not fit")]
    Token,
    #[error("the body has more than {0} events")]
    TooMany(usize),
    #[error("a number could not be bound")]
    Bind(#[source] DirectoryError),
    #[error("what could not be read could not be sealed")]
    Seal(#[source] SealError),
    #[error("the events are not durable")]
    Commit(#[source] PipelineError),
}

/// An event that was read, whatever its format.
pub(super) trait Reported: Sync {
    fn number(&self) -> PhoneNumber;
    /// Personal data: only its hash goes on.
    fn message_id(&self) -> &str;
    fn channel(&self) -> &str;
    fn family(&self) -> IdForm;
    fn status(&self) -> MessageStatus;
    fn at(&self) -> EpochMs;
}

/// Which message an event speaks of.
pub(super) fn fingerprint(key: &FingerprintKey, event: &impl Reported) -> Fingerprint {
    key.fingerprint(event.channel(), &event.number(), event.message_id())
}

/// What was read of a body.
pub(super) struct Reports<'a, R> {
    pub(super) events: &'a [R],
    /// What should count and could not be read.
    pub(super) bad: Vec<(Reason, Cow<'a, [u8]>)>,
    pub(super) ignored: u32,
}

/// What was read as a batch: numbers are bound, ids hashed, the unreadable sealed.
pub(super) async fn batch_of<R: Reported>(
    app: &App,
    webhook: &Arc<Webhook>,
    reports: Reports<'_, R>,
    received_at: EpochMs,
) -> Result<Batch, IngestError> {
    let events = events_of(app, webhook, reports.events, received_at).await?;
    let sealed = reports
        .bad
        .iter()
        .map(|(reason, bytes)| seal(app, webhook, *reason, bytes))
        .collect::<Result<_, _>>()?;
    Ok(Batch {
        source: webhook.id.as_str().into(),
        received_at,
        events,
        sealed,
        ignored: reports.ignored,
    })
}

/// Keeps a body that could not be read at all: to refuse it would bring it again and
/// again.
pub(super) fn unparsable(
    app: &App,
    webhook: &Webhook,
    body: &[u8],
    received_at: EpochMs,
) -> Result<Batch, IngestError> {
    Ok(Batch {
        source: webhook.id.as_str().into(),
        received_at,
        events: Vec::new(),
        sealed: vec![seal(app, webhook, Reason::Unparsable, body)?],
        ignored: 0,
    })
}

/// Counts what was read.
pub(crate) async fn commit(app: &App, batch: Batch) -> Result<Receipt, IngestError> {
    if batch.events.is_empty() && batch.sealed.is_empty() && batch.ignored == 0 {
        return Ok(Receipt::default());
    }
    app.pipeline
        .commit(batch)
        .await
        .map_err(IngestError::Commit)
}

async fn events_of<R: Reported>(
    app: &App,
    webhook: &Arc<Webhook>,
    reports: &[R],
    received_at: EpochMs,
) -> Result<Vec<StatusEvent>, IngestError> {
    let seen = reports.iter().map(|event| Seen {
        number: event.number(),
        family: event.family(),
        at: event.at(),
    });
    let floor = || app.store.floor();
    let places = binding::places(&app.directory, webhook, seen, floor, received_at)
        .await
        .map_err(IngestError::Bind)?;
    let account = webhook.account.key;
    let held = binding::Place::of_all(Target::Held(account));
    // The statuses of a number stand together.
    let mut last = None;
    let mut place_of = |number: PhoneNumber| match last {
        Some((known, place)) if known == number => place,
        Some(_) | None => {
            let place = places.get(&number).copied().unwrap_or(held);
            last = Some((number, place));
            place
        }
    };
    let events = reports.iter().map(|event| StatusEvent {
        fingerprint: fingerprint(&app.fingerprint_key, event),
        number: event.number(),
        status: event.status(),
        at: event.at(),
        target: place_of(event.number()).target(account, event.family()),
    });
    Ok(events.collect())
}

fn seal(
    app: &App,
    webhook: &Webhook,
    reason: Reason,
    plaintext: &[u8],
) -> Result<SealedItem, IngestError> {
    let tenant = webhook.account.id.as_str();
    let sealed = app
        .directory
        .seal_quarantined(tenant, &webhook.id, plaintext)
        .map_err(IngestError::Seal)?;
    Ok(SealedItem {
        account: webhook.account.key,
        reason,
        sealed: sealed.into(),
    })
}

/// Whether a token is the expected one, in the same time wherever they differ. Without
/// an expected one nothing fits, after the same work.
pub(super) fn token_fits(given: &[u8], expected: Option<&[u8]>) -> bool {
    // Hashes have one length, so that of the token shows in no comparison.
    let given_hash = Sha256::digest(given);
    let expected_hash = Sha256::digest(expected.unwrap_or(given));
    let is_known = Choice::from(u8::from(expected.is_some()));
    (given_hash.as_slice().ct_eq(expected_hash.as_slice()) & is_known).into()
}

/// The answer, and how much the operator should hear of it.
pub(crate) fn answer(result: Result<Receipt, IngestError>) -> Answer {
    match result {
        Ok(receipt) => {
            let Receipt {
                new,
                duplicate,
                moved: _,
                ignored,
                late,
                quarantined,
            } = receipt;
            // Every webhook is answered so: numbers and our own words need no JSON writer.
            let body = format!(
                "{{\"code\":\"OK\",\"duplicate\":{duplicate},\"ignored\":{ignored},\"late\":{late},\
                 \"new\":{new},\"quarantined\":{quarantined}}}"
            );
            Answer::new(StatusCode::OK, "application/json;charset=utf-8", body)
        }
        Err(error) => refusal(&error),
    }
}

/// The answer to what is not acknowledged.
pub(super) fn refusal(error: &IngestError) -> Answer {
    match error {
        IngestError::Signature => Answer::small(
            StatusCode::UNAUTHORIZED,
            "InvalidSignature",
            "X-Hub-Signature-256 is missing or does not fit the body",
        ),
        IngestError::Token => Answer::small(
            StatusCode::UNAUTHORIZED,
            "InvalidToken",
            "Authorization is missing or has another token",
        ),
        IngestError::TooMany(limit) => Answer::small(
            StatusCode::PAYLOAD_TOO_LARGE,
            "TooManyEvents",
            &format!("a body has at most {limit} events"),
        ),
        IngestError::Commit(PipelineError::Store(StoreError::Invalid { .. })) => Answer::small(
            StatusCode::PAYLOAD_TOO_LARGE,
            "TooManyEvents",
            "the body breaks a limit of the store",
        ),
        IngestError::Bind(_) | IngestError::Seal(_) | IngestError::Commit(_) => {
            let source = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(%error, source, "a webhook is not acknowledged");
            unavailable()
        }
    }
}

pub(crate) fn unknown() -> Answer {
    Answer::small(
        StatusCode::NOT_FOUND,
        "UnknownWebhook",
        "there is no such webhook",
    )
}

/// The account has more in flight than its share.
pub(crate) fn busy() -> Answer {
    Answer::small(
        StatusCode::SERVICE_UNAVAILABLE,
        "Busy",
        "too many bodies of this account wait already; send this one again",
    )
    .retry_after()
}

/// The provider sends again, for days.
pub(crate) fn unavailable() -> Answer {
    Answer::small(
        StatusCode::SERVICE_UNAVAILABLE,
        "Unavailable",
        "the events cannot be made durable now; send them again",
    )
    .retry_after()
}

#[cfg(test)]
mod tests {
    //! The comparison of tokens, and the acknowledgement.

    use super::*;

    #[test]
    fn a_token_fits_itself_and_nothing_else() {
        let token = b"cams-token-000000000000".as_slice();
        assert!(token_fits(token, Some(token)));
        let others: [&[u8]; 5] = [
            b"",
            b"cams-token-000000000001",
            b"cams-token-00000000000",
            b"cams-token-0000000000000",
            b"Cams-token-000000000000",
        ];
        for other in others {
            assert!(!token_fits(other, Some(token)));
            assert!(!token_fits(other, None));
        }
    }

    #[test]
    fn an_acknowledgement_is_the_json_of_its_receipt() {
        let receipt = Receipt {
            new: 1,
            duplicate: 22,
            moved: 9,
            ignored: 333,
            late: u32::MAX,
            quarantined: 0,
        };
        let expected = serde_json::json!({
            "code": "OK", "new": 1, "duplicate": 22, "ignored": 333, "late": u32::MAX,
            "quarantined": 0,
        });
        let answer = answer(Ok(receipt));
        assert_eq!(answer.body, expected.to_string().as_bytes());
    }
}
