//! Numbers of spaces: bound, moved, released; what made their counts.

use super::query::Query;
use super::{Desk, OperatorError};
use crate::directory::{BindOutcome, IdFamily, Snapshot, Space};
use crate::explanation::{self, Asked, Named, SourceLabel, kind_of};
use chatmetric_core::{Granularity, PhoneNumber};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Most numbers that one call binds.
pub(super) const BOUND_MAX: usize = 10_000;
/// Characters of a number that is none, in a refusal.
const SHOWN_CHARS_MAX: usize = 40;

pub(super) fn list(desk: &Desk<'_>, query: &Query<'_>) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let account = query.account(&snapshot)?;
    let space = query.get("space").map(|id| space_of(&snapshot, id));
    let space = space.transpose()?.map(|space| space.key);
    let asked = snapshot.spaces().filter(|own| {
        let account = account.as_ref();
        account.is_none_or(|account| own.account.key == account.key)
            && space.is_none_or(|space| own.key == space)
    });
    let numbers = asked.flat_map(|space| {
        let numbers = snapshot.numbers_of(space.key);
        numbers.map(move |number| (number.to_string(), (space, number)))
    });
    query.page("numbers", numbers, |(space, number)| {
        number_json(&snapshot, space, &number)
    })
}

fn number_json(snapshot: &Snapshot, space: &Space, number: &PhoneNumber) -> Value {
    let history = snapshot.number_history(number);
    let current = history.iter().find(|binding| binding.to.is_none());
    let family = snapshot.number(number).family(space.account.key);
    json!({
        "number": number.as_str(),
        "space": space.id.as_str(),
        "account": space.account.id.as_str(),
        "sinceMs": current.map(|binding| binding.from.0),
        "source": family.map(IdFamily::as_str),
    })
}

/// What made a count of a number; a space need not be named if the number has one.
pub(super) fn explain(
    desk: &Desk<'_>,
    number: &str,
    query: &Query<'_>,
) -> Result<Value, OperatorError> {
    let number = parse("number", number)?;
    let snapshot = desk.directory.snapshot();
    let space = match query.get("space") {
        Some(id) => space_of(&snapshot, id)?,
        None => snapshot.number_owner(&number).cloned().ok_or_else(|| {
            let reason = "it is needed for a number that no space has now";
            OperatorError::invalid("space", reason)
        })?,
    };
    let bucket = query.get("bucket").and_then(Named::parse);
    let named = bucket.ok_or_else(|| {
        OperatorError::invalid("bucket", "it is a day (YYYY-MM-DD) or a time in ms")
    })?;
    let granularity = match (query.get("granularity"), named) {
        (Some("half-hour"), _) | (None, Named::At(_)) => Granularity::HalfHour,
        (Some("daily"), _) | (None, Named::Day(_)) => Granularity::Daily,
        (Some(_), _) => {
            let reason = "it is `half-hour` or `daily`";
            return Err(OperatorError::invalid("granularity", reason));
        }
    };
    let asked = Asked {
        space: &space,
        number,
        granularity,
        named,
        now: desk.clock.now(),
    };
    let label = |source: &str| SourceLabel {
        name: Some(source.to_owned()),
        kind: kind_of(&snapshot, source),
    };
    Ok(explanation::explain(desk.store.as_ref(), &asked, label)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    space: String,
    numbers: Vec<String>,
}

/// Binds numbers that nobody has; tells of each what became of it.
pub(super) fn bind(desk: &Desk<'_>, new: &New) -> Result<Value, OperatorError> {
    if !(1..=BOUND_MAX).contains(&new.numbers.len()) {
        let reason = format!("one call binds 1 to {BOUND_MAX} numbers");
        return Err(OperatorError::invalid("numbers", reason));
    }
    let numbers = new.numbers.iter().map(|text| parse("numbers", text));
    let numbers: Vec<_> = numbers.collect::<Result<_, _>>()?;
    let snapshot = desk.directory.snapshot();
    let (space, now) = (space_of(&snapshot, &new.space)?, desk.clock.now());
    let outcomes = desk
        .directory
        .bind_numbers_for(&desk.actor, space.key, &numbers, now)?;
    if outcomes.contains(&BindOutcome::Bound) {
        desk.claim();
    }
    let results = numbers.iter().zip(outcomes).map(|(number, outcome)| {
        let elsewhere = match &outcome {
            BindOutcome::BoundElsewhere { space, .. } => snapshot.space_by_key(*space),
            BindOutcome::Bound | BindOutcome::AlreadyBound | BindOutcome::Full { .. } => None,
        };
        json!({
            "number": number.as_str(),
            "outcome": outcome.as_str(),
            "space": elsewhere.map(|space| space.id.as_str()),
        })
    });
    Ok(json!({ "results": results.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    space: String,
}

pub(super) fn move_to(desk: &Desk<'_>, number: &str, to: &Move) -> Result<Value, OperatorError> {
    let number = parse("number", number)?;
    let (space, now) = (Some(to.space.as_str()), desk.clock.now());
    let from = desk
        .directory
        .move_number(number, space, None, &desk.actor, now)?;
    Ok(json!({ "number": number.as_str(), "from": from.as_str(), "to": to.space }))
}

pub(super) fn release(desk: &Desk<'_>, number: &str) -> Result<Value, OperatorError> {
    let number = parse("number", number)?;
    let now = desk.clock.now();
    let from = desk
        .directory
        .move_number(number, None, None, &desk.actor, now)?;
    Ok(json!({ "number": number.as_str(), "from": from.as_str() }))
}

fn parse(field: &str, text: &str) -> Result<PhoneNumber, OperatorError> {
    PhoneNumber::parse(text).map_err(|error| {
        let shown = text.chars().filter(|c| !c.is_control());
        let shown: String = shown.take(SHOWN_CHARS_MAX).collect();
        OperatorError::invalid(field, format!("`{shown}`: {error}"))
    })
}

fn space_of(snapshot: &Snapshot, id: &str) -> Result<Arc<Space>, OperatorError> {
    let found = snapshot.space(id).cloned();
    found.ok_or_else(|| OperatorError::NotFound(format!("there is no space `{id}`")))
}
