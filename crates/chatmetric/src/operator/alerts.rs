//! Alerts of the watch: listed and acknowledged, whoever's they are.

use super::query::Query;
use super::{Desk, OperatorError};
use crate::directory::{ALERTS_PAGE_MAX, AcknowledgeError, Alert, AlertFilter, AlertState};
use crate::watch::alert_json;
use serde::Deserialize;
use serde_json::{Value, json};

/// The newest first; `after` is the `next` of the page before.
pub(super) fn list(desk: &Desk<'_>, query: &Query<'_>) -> Result<Value, OperatorError> {
    let account = query.account(&desk.directory.snapshot())?;
    let state = query.get("state").map(|word| {
        AlertState::parse(word).ok_or_else(|| {
            OperatorError::invalid("state", "it is `open`, `acknowledged` or `resolved`")
        })
    });
    let before_id = query.get("after").map(|id| {
        let id = id.parse();
        id.map_err(|_| OperatorError::invalid("after", "it is the `next` of the page before"))
    });
    let filter = AlertFilter {
        account: account.map(|account| account.id.clone()),
        state: state.transpose()?,
        before_id: before_id.transpose()?,
        limit: query.limit(ALERTS_PAGE_MAX)?,
    };
    let alerts = desk.directory.alerts(&filter)?;
    let next = alerts.last().filter(|_| alerts.len() == filter.limit);
    let next = next.map(|alert: &Alert| alert.id.to_string());
    let alerts: Vec<Value> = alerts.iter().map(alert_json).collect();
    Ok(json!({ "alerts": alerts, "next": next }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledge {
    #[serde(default)]
    note: Option<String>,
}

/// Notes that somebody has taken notice; tells the alert as it is then.
pub(super) fn acknowledge(
    desk: &Desk<'_>,
    id: &str,
    asked: &Acknowledge,
) -> Result<Value, OperatorError> {
    let not_found = || OperatorError::NotFound(format!("there is no alert `{id}`"));
    let id = id.parse().map_err(|_| not_found())?;
    let now = desk.clock.now();
    let note = asked.note.as_deref();
    let alert = desk
        .directory
        .acknowledge_alert(id, None, note, &desk.actor, now)?;
    Ok(alert_json(&alert))
}

impl From<AcknowledgeError> for OperatorError {
    fn from(error: AcknowledgeError) -> Self {
        match error {
            AcknowledgeError::NotFound { .. } => Self::NotFound(error.to_string()),
            AcknowledgeError::Resolved { .. } => Self::Conflict(error.to_string()),
            AcknowledgeError::Note => Self::invalid("note", error.to_string()),
            AcknowledgeError::Directory(error) => error.into(),
        }
    }
}
