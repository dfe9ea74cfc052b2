//! Where events belong: the space of their number, the quarantine, or nobody.
//!
//! The rules stand in one pure function, [`decide`]; around it, unknown numbers
//! are bound (durably, before anything is answered).

use crate::directory::{BindOutcome, Directory, DirectoryError, Snapshot, UnknownNumbers, Webhook};
use chatmetric_core::{EpochMs, PhoneNumber, SpaceKey};
use chatmetric_store::{Reason, Target};
use std::collections::HashMap;
use std::sync::Arc;

/// What is known of a number without changing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Known(Target),
    /// Nobody has it and the webhook's space takes what it sees.
    Bind,
}

fn decide(snapshot: &Snapshot, webhook: &Webhook, number: &PhoneNumber) -> Decision {
    let account = webhook.account.key;
    let foreign = Target::Refused(account, Reason::ForeignNumber);
    match (snapshot.number_owner(number), &webhook.space) {
        // A webhook of a space speaks for that space alone: whoever holds its
        // secret must not reach another one, not even of the same account.
        (Some(owner), Some(space)) if owner.key != space.key => Decision::Known(foreign),
        (Some(owner), None) if owner.account.key != account => Decision::Known(foreign),
        (Some(owner), Some(_) | None) => Decision::Known(Target::Space(owner.key)),
        (None, None) => Decision::Known(Target::Held(account)),
        (None, Some(space)) => match space.unknown_numbers {
            UnknownNumbers::Auto => Decision::Bind,
            UnknownNumbers::Hold => Decision::Known(Target::Held(account)),
        },
    }
}

/// The space that `webhook` may count a number's events in, if there is one already.
pub(super) fn space_of(
    snapshot: &Snapshot,
    webhook: &Webhook,
    number: &PhoneNumber,
) -> Option<SpaceKey> {
    match decide(snapshot, webhook, number) {
        Decision::Known(Target::Space(space)) => Some(space),
        Decision::Known(Target::Held(_) | Target::Refused(..)) | Decision::Bind => None,
    }
}

/// The targets of `numbers`, each once. Numbers that are bound on first sight
/// are bound, durably, when this returns.
///
/// # Errors
/// When a binding cannot be made durable.
pub(super) async fn targets(
    directory: &Arc<Directory>,
    webhook: &Arc<Webhook>,
    numbers: impl IntoIterator<Item = PhoneNumber>,
    now: EpochMs,
) -> Result<HashMap<PhoneNumber, Target>, DirectoryError> {
    let mut targets = HashMap::new();
    let mut unknown = Vec::new();
    let snapshot = directory.snapshot();
    let mut last = None;
    for number in numbers {
        // The statuses of a number stand together.
        if last.replace(number) == Some(number) || targets.contains_key(&number) {
            continue;
        }
        // Until it is bound, a new number is nobody's.
        let target = match decide(&snapshot, webhook, &number) {
            Decision::Known(target) => target,
            Decision::Bind => {
                unknown.push(number);
                Target::Held(webhook.account.key)
            }
        };
        targets.insert(number, target);
    }
    if unknown.is_empty() {
        return Ok(targets);
    }
    let (directory, webhook) = (Arc::clone(directory), Arc::clone(webhook));
    let bound = tokio::task::spawn_blocking(move || bind(&directory, &webhook, unknown, now)).await;
    let bound = bound.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    targets.extend(bound);
    Ok(targets)
}

fn bind(
    directory: &Directory,
    webhook: &Webhook,
    numbers: Vec<PhoneNumber>,
    now: EpochMs,
) -> Result<Vec<(PhoneNumber, Target)>, DirectoryError> {
    let account = webhook.account.key;
    let Some(space) = webhook.space.as_ref().map(|space| space.key) else {
        return Ok(Vec::new());
    };
    let outcomes = directory.bind_numbers(space, &numbers, now)?;
    let targets = outcomes.into_iter().map(|outcome| match outcome {
        BindOutcome::Bound | BindOutcome::AlreadyBound => Target::Space(space),
        // Somebody was faster.
        BindOutcome::BoundElsewhere { .. } => Target::Refused(account, Reason::ForeignNumber),
        BindOutcome::Full { .. } => Target::Refused(account, Reason::TooManyNumbers),
    });
    Ok(numbers.into_iter().zip(targets).collect())
}
