//! Alerts as Alertmanager takes them: `POST /api/v2/alerts`.
//!
//! All that fire are sent again and again with an end that is a few sendings away: if we
//! fall silent they end there by themselves. What is over is sent with its end for a while.
//! Alertmanager groups, silences and limits by itself. Labels name an alert, so nothing
//! that changes while it fires is one.

use crate::directory::Alert;
use crate::watch::Rule;
use chatmetric_core::EpochMs;
use serde_json::{Value, json};

/// Below the address of the configuration.
pub(super) const PATH: &str = "/api/v2/alerts";
/// How often what fires is sent again, in ms.
pub(super) const RESEND_MS: i64 = 60_000;
/// How long Alertmanager takes an alert for firing after it was sent, in ms.
const VALID_MS: i64 = 5 * RESEND_MS;
/// How long what is over is sent, in ms.
pub(super) const OVER_MS: i64 = 15 * RESEND_MS;

/// The body for these alerts.
pub(super) fn body(alerts: &[Alert], instance: &str, now: EpochMs) -> Vec<u8> {
    let alerts: Vec<Value> = alerts
        .iter()
        .map(|alert| json_of(alert, instance, now))
        .collect();
    Value::Array(alerts).to_string().into_bytes()
}

fn json_of(alert: &Alert, instance: &str, now: EpochMs) -> Value {
    let (name, severity) = match alert.key.rule {
        Rule::DeliveryRate => ("ChatmetricDeliveryRate", "warning"),
        Rule::SilentSource => ("ChatmetricSilentSource", "critical"),
        Rule::NoReport => ("ChatmetricNoReport", "warning"),
        Rule::DiskFull => ("ChatmetricDiskFull", "critical"),
    };
    let ends = alert
        .resolved_ms
        .unwrap_or_else(|| now.0.saturating_add(VALID_MS));
    let mut labels = json!({
        "alertname": name,
        "severity": severity,
        "job": "chatmetric",
        "instance": instance,
        "rule": alert.key.rule.as_str(),
        "subject": alert.key.subject,
    });
    if let (Some(labels), Some(account)) = (labels.as_object_mut(), &alert.key.account) {
        labels.insert("account".to_owned(), json!(account));
    }
    json!({
        "labels": labels,
        "annotations": {
            "summary": alert.finding.summary,
            "facts": Value::Object(alert.finding.facts.clone()).to_string(),
            "alert_id": alert.id.to_string(),
        },
        "startsAt": EpochMs(alert.since_ms).to_string(),
        "endsAt": EpochMs(ends).to_string(),
    })
}
