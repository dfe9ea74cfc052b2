//! Sends reports as signed WhatsApp webhooks over real HTTP, on several
//! connections, and tries again until each is acknowledged.

use super::traffic::{PROFILES, Random, Report};
use crate::cli::CliError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Connections of the replay.
const CONNECTIONS: u64 = 4;
/// Fewest and most statuses of one webhook; the provider batches up to 1,000.
const BATCH_MIN: u64 = 300;
const BATCH_MAX: u64 = 1_000;
/// How often one webhook is sent, and how long between.
const TRIES_MAX: u32 = 50;
const RETRY_WAIT: Duration = Duration::from_millis(100);

/// Where and how webhooks are sent.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) app_secret: String,
    /// Part of every message id, so that two demos do not meet.
    pub(super) run: u32,
}

impl Webhook {
    /// `X-Hub-Signature-256` of a body.
    pub(super) fn signature(&self, body: &[u8]) -> String {
        // Any length of key is fine for HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.app_secret.as_bytes()) else {
            return String::new();
        };
        mac.update(body);
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }

    /// One body with all reports, a change for each number.
    pub(super) fn body(&self, reports: &[Report]) -> String {
        let mut body = String::with_capacity(reports.len() * 220 + 256);
        body.push_str(
            r#"{"object":"whatsapp_business_account","entry":[{"id":"102000000000001","changes":["#,
        );
        let mut changes = 0;
        for (index, profile) in (0_u8..).zip(&PROFILES) {
            let mut statuses = reports
                .iter()
                .filter(|report| report.profile == index)
                .peekable();
            if statuses.peek().is_none() {
                continue;
            }
            if changes > 0 {
                body.push(',');
            }
            changes += 1;
            // Writing to a string cannot fail.
            let _ = write!(
                body,
                r#"{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{}","phone_number_id":"10900000000{index:04}"}},"statuses":["#,
                profile.number
            );
            for (place, report) in statuses.enumerate() {
                if place > 0 {
                    body.push(',');
                }
                self.status(&mut body, report);
            }
            body.push_str("]}}");
        }
        body.push_str("]}]}");
        body
    }

    fn status(&self, body: &mut String, report: &Report) {
        let message = report.message;
        let _ = write!(
            body,
            r#"{{"id":"wamid.HBgLREVNTw{:08X}VAgARGBI{message:08X}A=","status":"{}","timestamp":"{}","recipient_id":"1555{:07}","pricing":{{"billable":true,"pricing_model":"PMP","type":"regular","category":"utility"}}}}"#,
            self.run,
            report.status.word(),
            report.at_s,
            message.wrapping_mul(7_919) % 10_000_000,
        );
    }
}

/// One connection.
pub(super) struct Connection {
    agent: ureq::Agent,
    webhook: Webhook,
}

impl Connection {
    pub(super) fn new(webhook: &Webhook) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)))
            .user_agent("chatmetric-demo")
            .build()
            .new_agent();
        Self {
            agent,
            webhook: webhook.clone(),
        }
    }

    /// Sends one webhook until it is acknowledged.
    pub(super) fn post(&self, reports: &[Report]) -> Result<(), CliError> {
        let body = self.webhook.body(reports);
        let signature = self.webhook.signature(body.as_bytes());
        let mut last = String::new();
        for _ in 0..TRIES_MAX {
            let answer = self
                .agent
                .post(&self.webhook.url)
                .header("content-type", "application/json")
                .header("x-hub-signature-256", &signature)
                .send(body.as_bytes());
            match answer {
                Ok(mut answer) => {
                    let status = answer.status().as_u16();
                    // Reading it to the end keeps the connection.
                    let text = answer.body_mut().read_to_string().unwrap_or_default();
                    match status {
                        200 => return Ok(()),
                        503 => last = format!("HTTP 503 {text}"),
                        _ => {
                            return Err(CliError::failed(format!(
                                "the webhook was answered with HTTP {status}: {text}"
                            )));
                        }
                    }
                }
                Err(error) => last = error.to_string(),
            }
            std::thread::sleep(RETRY_WAIT);
        }
        Err(CliError::failed(format!(
            "a webhook was not acknowledged: {last}"
        )))
    }
}

/// Sends all reports in their order, which several connections mix a little.
/// `sent` learns how many were acknowledged. Stops early when told.
pub(super) fn replay(
    webhook: &Webhook,
    reports: &[Report],
    seed: u64,
    stop: &AtomicBool,
    sent: impl Fn(usize, &Report) + Sync,
) -> Result<(), CliError> {
    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<CliError>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let (next, failure, sent) = (&next, &failure, &sent);
            scope.spawn(move || {
                let mut random = Random(seed.wrapping_add(connection));
                let connection = Connection::new(webhook);
                while !stop.load(Ordering::Relaxed) {
                    let count = BATCH_MIN + random.below(BATCH_MAX - BATCH_MIN + 1);
                    let count = usize::try_from(count).unwrap_or(1);
                    let start = next.fetch_add(count, Ordering::Relaxed);
                    let end = reports.len().min(start.saturating_add(count));
                    let Some(batch) = reports.get(start..end).filter(|b| !b.is_empty()) else {
                        return;
                    };
                    if let Err(error) = connection.post(batch) {
                        stop.store(true, Ordering::Relaxed);
                        let mut failure = failure
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner);
                        failure.get_or_insert(error);
                        return;
                    }
                    if let Some(last) = batch.last() {
                        sent(batch.len(), last);
                    }
                }
            });
        }
    });
    match failure
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
