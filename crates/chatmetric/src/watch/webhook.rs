//! Messages to the webhook: their body, their signature.
//!
//! Signed is the time, a dot and the raw body, so that neither can be exchanged; whoever
//! takes messages compares the time with the clock. [docs/operating/watch.md] says how.

use crate::config::WatchSecret;
use crate::directory::Alert;
use chatmetric_core::EpochMs;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// The header with the time of the signature, in seconds since the epoch.
pub const TIMESTAMP_HEADER: &str = "x-chatmetric-timestamp";
/// The header with the signature: `sha256=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "x-chatmetric-signature";
/// The version of the body.
const VERSION: u32 = 1;
/// Most alerts in a message that stands for many.
const ALERTS_MAX: usize = 20;

/// The signature of a body at a time.
pub(super) fn signature(secret: &WatchSecret, timestamp: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose()) else {
        return String::new();
    };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A message of one alert, or of many.
pub(super) fn body(alerts: &[&Alert], instance: &str, now: EpochMs) -> Vec<u8> {
    let text = match alerts {
        [alert] => sentence(alert),
        alerts => {
            let shown = alerts.iter().take(3).map(|alert| sentence(alert));
            let shown: Vec<String> = shown.collect();
            format!("{} alerts: {} …", alerts.len(), shown.join("; "))
        }
    };
    let told: Vec<Value> = alerts
        .iter()
        .take(ALERTS_MAX)
        .map(|alert| json_of(alert))
        .collect();
    let body = json!({
        "version": VERSION,
        "instance": instance,
        "sentMs": now.0,
        "text": text,
        "count": alerts.len(),
        "alerts": told,
    });
    body.to_string().into_bytes()
}

fn sentence(alert: &Alert) -> String {
    let state = match alert.resolved_ms {
        None => "firing",
        Some(_) => "resolved",
    };
    format!("[{state}] {}: {}", alert.key.subject, alert.finding.summary)
}

/// An alert as the webhook, the console and the operator API tell it.
pub(crate) fn json_of(alert: &Alert) -> Value {
    let acknowledgement = alert.acknowledgement.as_ref();
    json!({
        "id": alert.id,
        "rule": alert.key.rule.as_str(),
        "state": alert.state().as_str(),
        "account": alert.key.account,
        "subject": alert.key.subject,
        "summary": alert.finding.summary,
        "facts": alert.finding.facts,
        "sinceMs": alert.since_ms,
        "firedMs": alert.fired_ms,
        "resolvedMs": alert.resolved_ms,
        "resolvedWhy": alert.resolved_why,
        "acknowledgedMs": acknowledgement.map(|known| known.at_ms),
        "acknowledgedBy": acknowledgement.map(|known| &known.by),
        "note": acknowledgement.and_then(|known| known.note.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_time_and_body_under_the_secret() {
        let secret = WatchSecret::new("a-secret-for-the-tests");
        // printf '1767226600.{"a":1}' | openssl dgst -sha256 -hmac a-secret-for-the-tests
        let expected = "sha256=cc474ef4cac5796dd48a3714f56bd95c056ba492627a592394a54a67f605743a";
        assert_eq!(signature(&secret, "1767226600", br#"{"a":1}"#), expected);
        for (timestamp, body) in [
            ("1767226601", &br#"{"a":1}"#[..]),
            ("1767226600", br#"{"a":2}"#),
        ] {
            assert_ne!(signature(&secret, timestamp, body), expected);
        }
        let other = WatchSecret::new("another-secret-for-them");
        assert_ne!(signature(&other, "1767226600", br#"{"a":1}"#), expected);
    }
}
