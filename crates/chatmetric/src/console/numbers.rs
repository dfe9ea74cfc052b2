//! Numbers of a space: what each did lately, and numbers that somebody adds, moves to another
//! space of the account or takes out.

use super::ask::{Ask, answer_of};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::{spaces, work};
use crate::directory::{BindOutcome, Snapshot};
use crate::ingest::claim::claim_held;
use crate::server::App;
use crate::server::answer::Answer;
use chatmetric_core::time::SLOT_MS;
use chatmetric_core::{EpochMs, PhoneNumber, SpaceKey, UtcDay};
use chatmetric_store::StoreError;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Most numbers that are listed.
pub(super) const LISTED_MAX: usize = 1_000;
/// Most numbers that one call adds.
pub(super) const ADDED_MAX: usize = 1_000;
/// How far back the first message of a number is looked for, in days.
const LOOK_BACK_DAYS: u32 = 400;
/// After so long without a message a number is quiet.
const QUIET_AFTER_MS: i64 = 7 * DAY_MS;
const DAY_MS: i64 = 24 * 3_600_000;

/// `GET numbers`
pub(super) async fn list(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadCounts)?;
    who.require_subscription()?;
    let space = spaces::named(who, &ask.query()?)?;
    let (snapshot, now) = (Arc::clone(&who.snapshot), ask.now());
    let body = work::read(ask.app, move |app| {
        let total = snapshot.numbers_count(space.key);
        let numbers = snapshot.numbers_of(space.key).take(LISTED_MAX);
        let numbers: Result<Vec<_>, ConsoleError> = numbers
            .map(|number| Ok(number_json(app, &snapshot, space.key, &number, now)?))
            .collect();
        Ok(json!({ "numbers": numbers?, "numbersTotal": total }))
    })
    .await?;
    answer_of(&body)
}

/// What the tallies tell of a number.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lately {
    first_ms: Option<i64>,
    last_ms: Option<i64>,
    sent_24h: i64,
    delivered_24h: i64,
}

fn lately(
    app: &App,
    space: SpaceKey,
    number: &PhoneNumber,
    now: EpochMs,
) -> Result<Lately, StoreError> {
    let mut seen = Lately::default();
    let today = now.slot().day();
    // A message may be a few minutes ahead of our clock.
    let days = UtcDay(today.0.saturating_sub(LOOK_BACK_DAYS))..=UtcDay(today.0.saturating_add(1));
    let day_ago = now.0.saturating_sub(DAY_MS);
    app.store
        .read_days(space, number, days, &mut |day, block| {
            let mut start_ms = day.first_slot().start().0;
            for counts in block.slots() {
                if counts.sent != 0 || counts.delivered != 0 {
                    seen.first_ms.get_or_insert(start_ms);
                    seen.last_ms = Some(start_ms);
                    if start_ms > day_ago {
                        seen.sent_24h += i64::from(counts.sent);
                        seen.delivered_24h += i64::from(counts.delivered);
                    }
                }
                start_ms += SLOT_MS;
            }
        })?;
    Ok(seen)
}

fn number_json(
    app: &App,
    snapshot: &Snapshot,
    space: SpaceKey,
    number: &PhoneNumber,
    now: EpochMs,
) -> Result<Value, StoreError> {
    let seen = lately(app, space, number, now)?;
    let history = snapshot.number_history(number).iter().rev();
    let since = history
        .filter(|binding| binding.to.is_none())
        .map(|binding| binding.from.0)
        .next();
    let state = match seen.last_ms {
        None => "new",
        Some(last_ms) if now.0.saturating_sub(last_ms) >= QUIET_AFTER_MS => "quiet",
        Some(_) => "active",
    };
    Ok(json!({
        "number": number.as_str(),
        "sinceMs": since,
        "firstMs": seen.first_ms,
        "lastMs": seen.last_ms,
        "sent24h": seen.sent_24h,
        "delivered24h": seen.delivered_24h,
        "state": state,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Added {
    space: String,
    numbers: Vec<String>,
}

/// `POST numbers`: binds numbers that no space has; one of another space stays there.
pub(super) async fn bind(
    ask: &Ask<'_>,
    who: &SignedIn,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeNumbers)?;
    let Added { space, numbers } = ask.json(body).await?;
    if !(1..=ADDED_MAX).contains(&numbers.len()) {
        let reason = format!("One call adds 1 to {ADDED_MAX} numbers.");
        return Err(ConsoleError::invalid("numbers", reason));
    }
    let space = spaces::own(who, &space)?;
    let (actor, now) = (who.actor(ask), ask.now());
    let results = work::change(ask.app, move |app| {
        let parsed: Vec<_> = numbers
            .iter()
            .map(|text| PhoneNumber::parse(text).ok())
            .collect();
        let valid: Vec<_> = parsed.iter().flatten().copied().collect();
        let outcomes = app
            .directory
            .bind_numbers_for(&actor, space.key, &valid, now)?;
        if outcomes.contains(&BindOutcome::Bound) {
            claim(app);
        }
        let mut outcomes = outcomes.iter().map(BindOutcome::as_str);
        let results: Vec<_> = numbers
            .iter()
            .zip(parsed)
            .map(|(text, number)| {
                let outcome = number.and_then(|_| outcomes.next()).unwrap_or("invalid");
                let shown = number.map_or_else(|| text.clone(), |number| number.to_string());
                json!({ "number": shown, "outcome": outcome })
            })
            .collect();
        Ok(results)
    })
    .await?;
    answer_of(&json!({ "results": results }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    /// None takes it out.
    space: Option<String>,
}

/// `PATCH numbers/{number}`: to another space of the account, or to nobody. What was counted
/// stays where it was.
pub(super) async fn change(
    ask: &Ask<'_>,
    who: &SignedIn,
    number: &str,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeNumbers)?;
    let Moved { space } = ask.json(body).await?;
    let number = PhoneNumber::parse(number).map_err(|_| ConsoleError::NotFound)?;
    if let Some(space) = &space {
        spaces::own(who, space)?;
    }
    let (account, actor, now) = (who.account.id.clone(), who.actor(ask), ask.now());
    let from = work::change(ask.app, move |app| {
        let to = space.as_deref();
        let directory = &app.directory;
        Ok(directory.move_number(number, to, Some(&account), &actor, now)?)
    })
    .await?;
    answer_of(&json!({ "from": from.as_str() }))
}

/// Counts what was held for numbers that have an owner now; the server's periodic work
/// goes on with what fails here.
pub(super) fn claim(app: &App) {
    if let Err(error) = claim_held(app.store.as_ref(), &app.directory.snapshot()) {
        tracing::warn!(%error, "could not claim held events; trying again");
    }
}
