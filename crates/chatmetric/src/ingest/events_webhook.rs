//! `POST /webhooks/events/{webhook_id}`: CloudEvents and NDJSON of whoever has the token.
//!
//! Order: webhook known → token → body → parse → where each number belongs → durable →
//! 200. Not here: the formats (`events`).
//!
//! Invariant: nothing is read of a body before the token fitted.

use crate::directory::{IdForm, Webhook, WebhookKind};
use crate::ingest::events::{self, Body, EventsError, Format};
use crate::ingest::receive::{self, IngestError, Reported, Reports};
use crate::ingest::whatsapp::text_of;
use crate::server::App;
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use chatmetric_store::{BATCH_EVENTS_MAX, Batch};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use std::sync::Arc;

/// The scheme of the token.
const SCHEME: &[u8] = b"Bearer";

/// Finds the webhook of a path; other kinds are as unknown as no webhook.
pub(crate) fn find(app: &App, id: &str) -> Option<Arc<Webhook>> {
    let snapshot = app.directory.snapshot();
    let webhook = snapshot.webhook(id)?;
    match webhook.kind {
        WebhookKind::Events { .. } => Some(Arc::clone(webhook)),
        WebhookKind::Whatsapp { .. } | WebhookKind::Cams { .. } => None,
    }
}

/// Whether the sender has the webhook's token.
///
/// # Errors
/// [`IngestError::Token`].
pub(crate) fn authenticate(webhook: &Webhook, headers: &HeaderMap) -> Result<(), IngestError> {
    let expected = match &webhook.kind {
        WebhookKind::Events { token } => Some(token.expose()),
        WebhookKind::Whatsapp { .. } | WebhookKind::Cams { .. } => None,
    };
    let given = bearer(headers).unwrap_or_default();
    if receive::token_fits(given, expected) {
        Ok(())
    } else {
        Err(IngestError::Token)
    }
}

/// The token of the only `Authorization`; two of them would be ambiguous.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, rest) = value.as_bytes().split_at_checked(SCHEME.len())?;
    let token = rest.strip_prefix(b" ")?;
    scheme
        .eq_ignore_ascii_case(SCHEME)
        .then(|| token.trim_ascii())
}

/// What the body brings of whoever has the token.
pub(crate) async fn read(
    app: &App,
    webhook: &Arc<Webhook>,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Batch, IngestError> {
    let content_type = headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let received_at = app.clock.now();
    let text = text_of(bytes);
    let body = Body {
        format: Format::of_content_type(content_type.unwrap_or_default()),
        bytes,
        text: &text,
        received_at,
    };
    match events::parse(body, BATCH_EVENTS_MAX) {
        Ok(found) => {
            let reports = Reports {
                events: &found.events,
                bad: found
                    .bad
                    .into_iter()
                    .map(|(reason, bytes)| (reason, bytes.into()))
                    .collect(),
                ignored: found.ignored,
            };
            receive::batch_of(app, webhook, reports, received_at).await
        }
        Err(EventsError::TooMany { events_max }) => Err(IngestError::TooMany(events_max)),
        Err(EventsError::Unparsable) => receive::unparsable(app, webhook, bytes, received_at),
    }
}

impl Reported for events::Event {
    fn number(&self) -> PhoneNumber {
        self.number
    }

    fn message_id(&self) -> &str {
        &self.message_id
    }

    fn channel(&self) -> &str {
        let usual = chatmetric_core::event::DEFAULT_CHANNEL;
        self.channel.as_deref().unwrap_or(usual)
    }

    fn family(&self) -> IdForm {
        self.family
    }

    fn status(&self) -> MessageStatus {
        self.status
    }

    fn at(&self) -> EpochMs {
        self.at
    }
}

#[cfg(test)]
mod tests {
    //! Where the token is read from.

    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_token_is_in_one_header_and_behind_its_scheme() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(|token| String::from_utf8_lossy(token).into_owned())
        };
        assert_eq!(read(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["bearer  abc "]).as_deref(), Some("abc"));
        for none in [
            &[][..],
            &["Bearer abc", "Bearer abc"],
            &["Basic abc"],
            &["Bearer"],
            &["Bearerabc"],
            &["abc"],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
