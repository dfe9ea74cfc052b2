//! Ingest: the books of each source of the account, and numbers that nobody claimed.
//!
//! Rates are seen, not kept: the difference to a look at the page some seconds ago, whoever
//! looked. Invariant: an account sees its own sources; what is common to all, the operator
//! alone sees.

use super::ask::{Ask, answer_of};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::{spaces, work};
use crate::directory::BindOutcome;
use crate::directory::limits::RESERVED_WEBHOOK_ID;
use crate::ingest::stream::StreamReport;
use crate::server::answer::Answer;
use chatmetric_core::PhoneNumber;
use chatmetric_store::{Books, Health, QuarantineFilter, QuarantinedContent, Reason};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Held events that are looked at for the list of unclaimed numbers.
const HELD_MAX: usize = 20_000;
/// Unclaimed numbers that are listed.
const UNCLAIMED_MAX: usize = 1_000;
/// Sources whose last look is remembered.
const SOURCES_MAX: usize = 10_000;
/// A look that is older says nothing of the rate, in ms, and one that is younger too little:
/// pages of several people look by turns.
const RATE_WITHIN_MS: u64 = 60_000;
const RATE_OVER_MS: u64 = 2_000;

/// A look at a source.
#[derive(Debug, Clone, Copy)]
struct Look {
    at_ms: u64,
    received: u64,
}

/// The look that a rate begins at, and the one that the next will begin at.
#[derive(Debug, Clone, Copy)]
struct Seen {
    base: Look,
    next: Look,
}

/// The last looks at all sources.
#[derive(Debug, Default)]
pub(super) struct Looks {
    by_source: Mutex<HashMap<String, Seen>>,
}

impl Looks {
    /// Looks at a source: events a second since a look some seconds ago.
    fn look(&self, source: &str, received: u64, at_ms: u64) -> Option<f64> {
        let mut looks = self
            .by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = Look { at_ms, received };
        let before = looks.get(source).copied();
        let seen = match before {
            Some(seen) if at_ms.saturating_sub(seen.next.at_ms) < RATE_OVER_MS => seen,
            Some(seen) => Seen {
                base: seen.next,
                next: now,
            },
            None => Seen {
                base: now,
                next: now,
            },
        };
        if before.is_some() || looks.len() < SOURCES_MAX {
            looks.insert(source.to_owned(), seen);
        }
        let passed_ms = at_ms.saturating_sub(seen.base.at_ms);
        let events = u32::try_from(received.saturating_sub(seen.base.received)).ok()?;
        let passed_ms = u32::try_from(passed_ms).ok()?;
        let is_fresh = (RATE_OVER_MS..=RATE_WITHIN_MS).contains(&u64::from(passed_ms));
        is_fresh.then(|| f64::from(events) * 1_000.0 / f64::from(passed_ms))
    }
}

/// `GET ingest`
pub(super) async fn books(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadIngest)?;
    let (snapshot, account) = (Arc::clone(&who.snapshot), Arc::clone(&who.account));
    let is_operator = who.is_operator(ask.app);
    let now = ask.now();
    let body = work::read(ask.app, move |app| {
        let mut total = Books::default();
        let mut sources = Vec::new();
        let reports = app.streams.reports();
        for (name, books) in app.store.books()? {
            // What is called as files are is theirs, also where a webhook of before is.
            let webhook = snapshot
                .webhook(&name)
                .filter(|_| *name != *RESERVED_WEBHOOK_ID);
            let kind = match webhook {
                Some(webhook) if webhook.account.key == account.key => webhook.kind.as_str(),
                Some(_) => continue,
                None if app.streams.is_of(&snapshot, &name, account.key) => "stream",
                // Another account's.
                None if app.streams.has(&name) => continue,
                // Files and webhooks that are gone: whose they are is not written down.
                None if is_operator => "import",
                None => continue,
            };
            total += books;
            let at_ms = app.clock.monotonic_ms();
            let looks = &app.console.looks;
            let rate = looks.look(&name, books.received, at_ms);
            let arrived = app.pipeline.arrivals().of(&name, now);
            let delay_ms = arrived.and_then(|arrived| arrived.delay_ms);
            sources.push(json!({
                "name": &*name,
                "kind": kind,
                "lastMs": arrived.map(|arrived| arrived.last.0),
                "perSecond": rate,
                "books": books_json(&books),
                "stream": report_of(&reports, &name),
                "lagMs": delay_ms.map(|(p50, p99)| json!({ "p50": p50, "p99": p99 })),
            }));
        }
        let health = match app.store.health() {
            Health::Ready => "ready",
            Health::Waiting(_) => "waiting",
            Health::Poisoned(_) => "poisoned",
        };
        Ok(json!({
            "sources": sources,
            "total": books_json(&total),
            "health": health,
            // Of all accounts: how much others send is nobody else's.
            "queuedEvents": is_operator.then(|| app.store.stats().queued_events),
            "floorMs": app.store.floor().map(|floor| floor.0),
        }))
    })
    .await?;
    answer_of(&body)
}

/// How far a stream was read, for a source that is one.
fn report_of(reports: &[StreamReport], source: &str) -> Option<Value> {
    let report = reports.iter().find(|report| report.source == source)?;
    Some(json!({
        "state": report.state.as_str(),
        "why": report.why,
        "sequence": report.sequence,
        "lag": report.lag,
        "lastMs": report.last_ms,
        "missing": report.missing,
        "recreated": report.recreated,
    }))
}

fn books_json(books: &Books) -> Value {
    json!({
        "received": books.received,
        "new": books.new,
        "duplicate": books.duplicate,
        "moved": books.moved,
        "ignored": books.ignored,
        "late": books.late,
        "quarantined": books.quarantined,
        "released": books.released,
        "expired": books.expired,
    })
}

/// `GET unclaimed`
pub(super) async fn unclaimed(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadIngest)?;
    let account = who.account.key;
    let numbers = work::read(ask.app, move |app| {
        let filter = QuarantineFilter {
            after: None,
            reason: Some(Reason::UnknownNumber),
            account: Some(account),
        };
        let mut held: BTreeMap<PhoneNumber, (u64, i64, i64)> = BTreeMap::new();
        for item in app.store.quarantine(filter, HELD_MAX)? {
            let QuarantinedContent::Event { number, at, .. } = item.content else {
                continue;
            };
            if held.len() >= UNCLAIMED_MAX && !held.contains_key(&number) {
                continue;
            }
            let (events, first_ms, last_ms) = held.entry(number).or_insert((0, at.0, at.0));
            *events += 1;
            *first_ms = (*first_ms).min(at.0);
            *last_ms = (*last_ms).max(at.0);
        }
        let numbers: Vec<_> = held
            .iter()
            .map(|(number, (events, first_ms, last_ms))| {
                json!({
                    "number": number.as_str(),
                    "events": events,
                    "firstMs": first_ms,
                    "lastMs": last_ms,
                })
            })
            .collect();
        Ok(numbers)
    })
    .await?;
    answer_of(&json!({ "numbers": numbers }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    space: String,
}

/// `POST unclaimed/{number}/claim`: binds the number and counts what is held for it.
pub(super) async fn claim(
    ask: &Ask<'_>,
    who: &SignedIn,
    number: &str,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeNumbers)?;
    let Claim { space } = ask.json(body).await?;
    let space = spaces::own(who, &space)?;
    let number = PhoneNumber::parse(number).map_err(|_| ConsoleError::NotFound)?;
    let (actor, now, account) = (who.actor(ask), ask.now(), who.account.key);
    let events = work::change(ask.app, move |app| {
        let numbers = [number];
        let outcomes = app
            .directory
            .bind_numbers_for(&actor, space.key, &numbers, now)?;
        match outcomes.first() {
            Some(BindOutcome::Bound | BindOutcome::AlreadyBound) => {}
            Some(BindOutcome::BoundElsewhere { .. }) | None => {
                let reason = "The number belongs to another space.";
                return Err(ConsoleError::Conflict(reason.to_owned()));
            }
            Some(BindOutcome::Full { numbers_max }) => {
                let reason = format!("The space has its {numbers_max} numbers.");
                return Err(ConsoleError::Conflict(reason));
            }
        }
        Ok(app.store.claim(account, number, space.key)?)
    })
    .await?;
    answer_of(&json!({ "result": { "events": events } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_from_two_looks() {
        let looks = Looks::default();
        assert_eq!(looks.look("a", 10, 1_000), None);
        assert_eq!(looks.look("a", 30, 3_000), Some(10.0));
        assert_eq!(looks.look("a", 30, 5_000), Some(0.0));
        let long_after = 5_001 + RATE_WITHIN_MS;
        assert_eq!(looks.look("a", 31, long_after), None);
    }

    /// Two pages that look one after the other see the same rate, and no jump.
    #[test]
    fn a_rate_is_of_some_seconds_whoever_looks() {
        let looks = Looks::default();
        let rate = |at_ms: u64| looks.look("wa", at_ms / 10, at_ms);
        assert_eq!(rate(1_000), None, "nothing was seen before");
        assert_eq!(rate(1_005), None, "too soon to tell");
        assert_eq!(rate(6_000), Some(100.0));
        assert_eq!(rate(6_010), Some(100.0), "another page, at once");
        assert_eq!(rate(11_000), Some(100.0));
        assert_eq!(rate(11_010), Some(100.0));
        assert_eq!(rate(200_000), None, "nobody looked for long");
        assert_eq!(rate(203_000), Some(100.0));
    }
}
