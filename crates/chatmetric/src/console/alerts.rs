//! Alerts of the watch: of the account; the operator sees all of them.
//!
//! Invariant: an account sees and acknowledges its own alone; what is the installation's,
//! the operator alone.

use super::ask::{Ask, answer_of};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::work;
use crate::directory::{
    ALERTS_PAGE_MAX, AcknowledgeError, Alert, AlertFilter, AlertState, OPERATOR, of_operator,
};
use crate::server::answer::Answer;
use crate::watch::alert_json;
use chatmetric_rpc::credential::AccountId;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

/// Whose alerts the user may see: one account's, or everybody's.
fn whose(ask: &Ask<'_>, who: &SignedIn) -> Option<AccountId> {
    (!who.is_operator(ask.app)).then(|| who.account.id.clone())
}

/// `GET alerts`
pub(super) async fn list(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadAlerts)?;
    let query = ask.query()?;
    let state = query.get("state").map(|word| {
        let reason = "It is open, acknowledged or resolved.";
        AlertState::parse(word).ok_or_else(|| ConsoleError::invalid("state", reason))
    });
    let before_id = query.get("after").map(|id| {
        let id = id.parse();
        id.map_err(|_| ConsoleError::invalid("after", "It is no id."))
    });
    let filter = AlertFilter {
        account: whose(ask, who),
        state: state.transpose()?,
        before_id: before_id.transpose()?,
        limit: query.count("limit", ALERTS_PAGE_MAX, ALERTS_PAGE_MAX)?,
    };
    let is_operator = who.is_operator(ask.app);
    let body = work::read(ask.app, move |app| {
        let alerts = app.directory.alerts(&filter)?;
        let next = alerts.last().filter(|_| alerts.len() == filter.limit);
        let next = next.map(|alert| alert.id);
        let shown = alerts.iter().map(|alert| shown(alert, is_operator));
        let shown: Vec<Value> = shown.collect();
        let watch = &app.settings.watch;
        let [webhook, alertmanager] = app.watch.errors();
        // How things are sent is the operator's.
        let told = is_operator.then(|| {
            json!({
                "webhook": watch.webhook_url.as_ref().map(|url| url.origin()),
                "webhookError": webhook,
                "alertmanager": watch.alertmanager_url.as_ref().map(|url| url.origin()),
                "alertmanagerError": alertmanager,
            })
        });
        Ok(json!({ "alerts": shown, "next": next, "enabled": watch.enabled, "told": told }))
    })
    .await?;
    answer_of(&body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledge {
    #[serde(default)]
    note: Option<String>,
}

/// `POST alerts/{id}/acknowledge`
pub(super) async fn acknowledge(
    ask: &Ask<'_>,
    who: &SignedIn,
    id: &str,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::AcknowledgeAlerts)?;
    let Acknowledge { note } = ask.json(body).await?;
    let id = id.parse().map_err(|_| ConsoleError::NotFound)?;
    let (account, actor, now) = (whose(ask, who), who.actor(ask), ask.now());
    let alert = work::change(ask.app, move |app| {
        let (account, note) = (account.as_ref(), note.as_deref());
        Ok(app
            .directory
            .acknowledge_alert(id, account, note, &actor, now)?)
    })
    .await?;
    answer_of(&shown(&alert, who.is_operator(ask.app)))
}

/// An alert as the account sees it: of the operator, who took notice, no name.
fn shown(alert: &Alert, is_operator: bool) -> Value {
    let mut shown = alert_json(alert);
    if let Some(by) = shown.get_mut("acknowledgedBy")
        && by.as_str().is_some_and(of_operator)
        && !is_operator
    {
        *by = OPERATOR.into();
    }
    shown
}

impl From<AcknowledgeError> for ConsoleError {
    fn from(error: AcknowledgeError) -> Self {
        match error {
            AcknowledgeError::NotFound { .. } => Self::NotFound,
            AcknowledgeError::Resolved { .. } => Self::Conflict("The alert is over.".to_owned()),
            AcknowledgeError::Note => Self::invalid(
                "note",
                "It has at most 500 characters, none of them a control.",
            ),
            AcknowledgeError::Directory(error) => error.into(),
        }
    }
}
