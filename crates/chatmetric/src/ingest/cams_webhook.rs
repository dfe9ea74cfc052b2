//! `POST /webhooks/cams/{webhook_id}/{token}`: receipts of CAMS, which signs nothing.
//!
//! The token in the path is all that guards it, and a secret: nothing here may log it.
//! Order: webhook and token → body → parse → where each number belongs → durable → 200.
//!
//! Invariants: who has not the token learns nothing, not even which webhooks there are;
//! 200 only for what is durable.

use crate::directory::{IdFamily, IdForm, Webhook, WebhookKind};
use crate::ingest::cams::{self, CamsError};
use crate::ingest::receive::{self, IngestError, Reported, Reports};
use crate::ingest::whatsapp::text_of;
use crate::server::App;
use crate::server::answer::Answer;
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use chatmetric_store::{BATCH_EVENTS_MAX, Batch, Receipt};
use http::StatusCode;
use std::sync::Arc;

/// What the vendor's push takes for a yes.
const ACKNOWLEDGEMENT: &str = r#"{"code":0,"msg":"success"}"#;

/// Finds the webhook of a path. A wrong token is as unknown as no webhook, after the
/// same work.
pub(crate) fn find(app: &App, id: &str, token: &str) -> Option<Arc<Webhook>> {
    let snapshot = app.directory.snapshot();
    let webhook = snapshot.webhook(id);
    let expected = webhook.and_then(|webhook| match &webhook.kind {
        WebhookKind::Cams { token } => Some(token.expose()),
        WebhookKind::Whatsapp { .. } | WebhookKind::Events { .. } => None,
    });
    let fits = receive::token_fits(token.as_bytes(), expected);
    webhook.filter(|_| fits).map(Arc::clone)
}

/// What the body brings of whoever knows the token.
pub(crate) async fn read(
    app: &App,
    webhook: &Arc<Webhook>,
    body: &[u8],
) -> Result<Batch, IngestError> {
    let received_at = app.clock.now();
    let text = text_of(body);
    match cams::parse(&text, BATCH_EVENTS_MAX) {
        Ok(receipts) => {
            let bad = receipts.bad.iter();
            let reports = Reports {
                events: &receipts.events,
                bad: bad.map(|bad| (bad.reason, bad.kept())).collect(),
                ignored: receipts.ignored,
            };
            receive::batch_of(app, webhook, reports, received_at).await
        }
        Err(CamsError::TooMany { reports_max }) => Err(IngestError::TooMany(reports_max)),
        Err(CamsError::Unparsable) => receive::unparsable(app, webhook, body, received_at),
    }
}

/// The answer in the vendor's words.
pub(crate) fn answer(result: Result<Receipt, IngestError>) -> Answer {
    match result {
        Ok(_) => Answer::new(
            StatusCode::OK,
            "application/json;charset=utf-8",
            ACKNOWLEDGEMENT,
        ),
        Err(error) => receive::refusal(&error),
    }
}

impl Reported for cams::Event<'_> {
    fn number(&self) -> PhoneNumber {
        self.number
    }

    fn message_id(&self) -> &str {
        &self.message_id
    }

    fn channel(&self) -> &str {
        cams::CHANNEL
    }

    /// Whatever the id looks like: CAMS gave it.
    fn family(&self) -> IdForm {
        IdForm::Of(IdFamily::Cams)
    }

    fn status(&self) -> MessageStatus {
        self.status
    }

    fn at(&self) -> EpochMs {
        self.at
    }
}
