//! Accounts of the installation, for the operator: listed with what they counted,
//! made, changed, and as a file for invoices.

use super::ask::{Ask, answer_of, done};
use super::counts::BLOCKS_MAX;
use super::csv::whole;
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::work;
use crate::directory::{AccountChanges, Space};
use crate::operator::usage_csv;
use crate::server::answer::Answer;
use crate::usage::{self, DAYS_MAX, UsageError, UsageRange};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;
/// What the list counts, in days.
const LISTED_DAYS: i64 = 31;

/// What an account counted lately, as long as that is not too much to read.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    sent: i64,
    delivered: i64,
}

impl From<UsageError> for ConsoleError {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Empty => Self::invalid("end", "It is not after the start."),
            UsageError::TooManyDays => {
                Self::invalid("end", format!("The range has more than {DAYS_MAX} days."))
            }
            UsageError::TooMuch => Self::invalid(
                "end",
                "There are too many numbers for this range; ask for a shorter one.",
            ),
            UsageError::Store(error) => error.into(),
        }
    }
}

/// `GET accounts`
pub(super) async fn list(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ManageAccounts)?;
    let (snapshot, now) = (Arc::clone(&who.snapshot), ask.now());
    let start = EpochMs(now.0.saturating_sub(LISTED_DAYS * DAY_MS).max(0));
    let accounts = work::read(ask.app, move |app| {
        let mut all: Vec<_> = snapshot.accounts().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let mut blocks_left = BLOCKS_MAX;
        let mut accounts = Vec::new();
        for account in all {
            let own = |space: &&Arc<Space>| space.account.key == account.key;
            let spaces: Vec<_> = snapshot.spaces().filter(own).collect();
            let mut sum = Some(Counted::default());
            for space in &spaces {
                let range = UsageRange {
                    start,
                    end: EpochMs(now.0.saturating_add(1)),
                    now,
                };
                let store = app.store.as_ref();
                let more = match usage::of_space(store, &snapshot, space, range, &mut blocks_left) {
                    Ok(more) => Some(more),
                    Err(UsageError::TooMuch) => None,
                    Err(error) => return Err(error.into()),
                };
                sum = sum.zip(more).map(|(sum, more)| Counted {
                    sent: sum.sent + more.sent,
                    delivered: sum.delivered + more.delivered,
                });
            }
            let bound = spaces.iter().map(|space| snapshot.numbers_count(space.key));
            accounts.push(json!({
                "id": account.id.as_str(),
                "name": account.name,
                "subscribed": account.subscribed,
                "callsPerSecond": account.calls_per_second,
                "spaces": spaces.len(),
                "numbers": bound.sum::<usize>(),
                "users": snapshot.users(account.key).count(),
                "sent31d": sum.map(|sum| sum.sent),
                "delivered31d": sum.map(|sum| sum.delivered),
            }));
        }
        Ok(accounts)
    })
    .await?;
    answer_of(&json!({ "accounts": accounts }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    #[serde(default)]
    id: Option<String>,
    name: String,
}

/// `POST accounts`
pub(super) async fn create(
    ask: &Ask<'_>,
    who: &SignedIn,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ManageAccounts)?;
    let New { id, name } = ask.json(body).await?;
    let id = id.as_deref().map(AccountId::parse).transpose();
    let id = id.map_err(|error| ConsoleError::invalid("id", error.to_string()))?;
    let (actor, now) = (who.actor(ask), ask.now());
    let (id, key, secret) = work::change(ask.app, move |app| {
        Ok(app
            .directory
            .create_account(id.as_ref(), &name, &actor, now)?)
    })
    .await?;
    answer_of(&json!({
        "id": id.as_str(),
        "accessKeyId": key.as_str(),
        "accessKeySecret": secret.expose_text(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Changes {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    subscribed: Option<bool>,
    /// 0 is the server's setting.
    #[serde(default)]
    calls_per_second: Option<u32>,
}

/// `PATCH accounts/{id}`
pub(super) async fn update(
    ask: &Ask<'_>,
    who: &SignedIn,
    id: &str,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ManageAccounts)?;
    let asked: Changes = ask.json(body).await?;
    let id = AccountId::parse(id).map_err(|_| ConsoleError::NotFound)?;
    let changes = AccountChanges {
        name: asked.name,
        subscribed: asked.subscribed,
        calls_per_second: asked
            .calls_per_second
            .map(|calls| Some(calls).filter(|n| *n > 0)),
    };
    let (actor, now) = (who.actor(ask), ask.now());
    work::change(ask.app, move |app| {
        Ok(app.directory.update_account(&id, &changes, &actor, now)?)
    })
    .await?;
    Ok(done())
}

/// `GET usage.csv`: one row a space.
pub(super) async fn usage(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ManageAccounts)?;
    let query = ask.query()?;
    let range = UsageRange {
        start: query.time("start")?,
        end: query.time("end")?,
        now: ask.now(),
    };
    let snapshot = Arc::clone(&who.snapshot);
    let text = work::read(ask.app, move |app| {
        let rows = usage::of_spaces(app.store.as_ref(), &snapshot, None, range)?;
        Ok(usage_csv(&rows))
    })
    .await?;
    Ok(whole(text, "chatmetric-usage.csv"))
}
