//! Accounts of the installation, for the operator: listed with what they counted,
//! made, changed, and as a file for invoices.

use super::ask::{Ask, answer_of, done};
use super::counts::{self, BLOCKS_MAX, Range};
use super::csv::{cell, whole};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::work;
use crate::directory::{AccountChanges, Snapshot, Space};
use crate::server::App;
use crate::server::answer::Answer;
use chatmetric_core::{EpochMs, Granularity, Window, Zone};
use chatmetric_rpc::credential::AccountId;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;
/// What the list counts, in days.
const LISTED_DAYS: i64 = 31;

/// What a space counted in a range.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    numbers: usize,
    sent: i64,
    delivered: i64,
    /// Where the days that were counted begin and end, if there is one.
    bounds: Option<(EpochMs, EpochMs)>,
}

/// Counts a space over the whole days of its zone that begin in the range, so that no
/// day is in two ranges that follow each other; `blocks_left` bounds the work of all.
fn counted(
    app: &App,
    snapshot: &Snapshot,
    space: &Space,
    (start, end, now): (EpochMs, EpochMs, EpochMs),
    blocks_left: &mut usize,
) -> Result<Option<Counted>, ConsoleError> {
    let range = Range::of(Granularity::Daily, start, end, space, now)?;
    let numbers = counts::all_numbers(app, snapshot, space)?;
    let windows = range
        .query
        .as_ref()
        .map_or(&[][..], |query| query.windows());
    let begins_inside = |window: &Window| start <= window.start && window.start < end;
    let blocks = numbers
        .len()
        .saturating_mul(windows.len().saturating_add(1));
    let Some(left) = blocks_left.checked_sub(blocks) else {
        return Ok(None);
    };
    *blocks_left = left;
    let mut inside = windows.iter().filter(|window| begins_inside(window));
    let first = inside.next();
    let last = inside.next_back().or(first);
    let mut sum = Counted {
        numbers: numbers.len(),
        bounds: first.zip(last).map(|(first, last)| (first.start, last.end)),
        ..Counted::default()
    };
    let total = |counts: &[i64]| -> i64 {
        let inside = windows
            .iter()
            .zip(counts)
            .filter(|(window, _)| begins_inside(window));
        inside.map(|(_, count)| count).sum()
    };
    for number in &numbers {
        let columns = range.columns(app.store.as_ref(), space.key, number)?;
        sum.sent += total(&columns.sent);
        sum.delivered += total(&columns.delivered);
    }
    Ok(Some(sum))
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
                let times = (start, EpochMs(now.0 + 1), now);
                let more = counted(app, &snapshot, space, times, &mut blocks_left)?;
                sum = sum.zip(more).map(|(sum, more)| Counted {
                    numbers: sum.numbers + more.numbers,
                    sent: sum.sent + more.sent,
                    delivered: sum.delivered + more.delivered,
                    bounds: None,
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
        "accessKeySecret": String::from_utf8_lossy(secret.expose()),
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
    let times = (query.time("start")?, query.time("end")?, ask.now());
    let snapshot = Arc::clone(&who.snapshot);
    let text = work::read(ask.app, move |app| {
        let mut spaces: Vec<_> = snapshot.spaces().collect();
        spaces.sort_by(|a, b| (&a.account.id, &a.id).cmp(&(&b.account.id, &b.id)));
        let mut text =
            "account,name,space,time_zone,start,end,numbers,sent,delivered\r\n".to_owned();
        let mut blocks_left = BLOCKS_MAX;
        for space in spaces {
            let counted = counted(app, &snapshot, space, times, &mut blocks_left)?;
            let Some(counted) = counted else {
                let reason = "There are too many numbers for this range; ask for a shorter one.";
                return Err(ConsoleError::invalid("end", reason));
            };
            let (asked, _, _) = times;
            // A range without a whole day of the space is empty.
            let (start, end) = counted.bounds.unwrap_or((asked, asked));
            // Writing into a string cannot fail.
            let _ = write!(
                text,
                "{},{},{},{},{start},{end},{},{},{}\r\n",
                cell(space.account.id.as_str()),
                cell(&space.account.name),
                cell(space.id.as_str()),
                cell(Zone::name(&space.zone)),
                counted.numbers,
                counted.sent,
                counted.delivered,
            );
        }
        Ok(text)
    })
    .await?;
    Ok(whole(text, "chatmetric-usage.csv"))
}
