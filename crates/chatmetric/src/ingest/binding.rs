//! Where events belong: the space of their number, the quarantine, or nobody; and which
//! family of message ids counts for a number.
//!
//! The rules stand in two pure functions, [`decide`] and [`of_family`]; around them,
//! unknown numbers and families are bound.
//!
//! Invariant: whatever an event's place depends on is durable before the event is given
//! to the store.

use crate::directory::{
    BindOutcome, Directory, DirectoryError, IdFamily, IdForm, Snapshot, Space, UnknownNumbers,
    Webhook,
};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
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

fn decide(owner: Option<&Arc<Space>>, webhook: &Webhook) -> Decision {
    let account = webhook.account.key;
    let foreign = Target::Refused(account, Reason::ForeignNumber);
    match (owner, &webhook.space) {
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

/// The place of an event of `family`, whose number counts `counted` in the account. The
/// same message has another id in every family: it would be counted twice.
pub(super) fn of_family(
    target: Target,
    account: AccountKey,
    counted: Option<IdFamily>,
    family: IdForm,
) -> Target {
    match (target, counted) {
        (Target::Space(_) | Target::Held(_), Some(counted)) if !family.fits(counted) => {
            Target::Refused(account, Reason::SecondSource)
        }
        (Target::Space(_) | Target::Held(_) | Target::Refused(..), Some(_) | None) => target,
    }
}

/// The space that `webhook` may count a number's events in, if there is one already.
pub(super) fn space_of(
    snapshot: &Snapshot,
    webhook: &Webhook,
    number: &PhoneNumber,
) -> Option<SpaceKey> {
    match decide(snapshot.number_owner(number), webhook) {
        Decision::Known(Target::Space(space)) => Some(space),
        Decision::Known(Target::Held(_) | Target::Refused(..)) | Decision::Bind => None,
    }
}

/// What matters of an event here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) number: PhoneNumber,
    pub(super) family: IdForm,
    pub(super) at: EpochMs,
}

/// Where the events of a number belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    target: Target,
    counted: Option<IdFamily>,
}

impl Place {
    /// Of all events alike.
    pub(super) const fn of_all(target: Target) -> Self {
        Self {
            target,
            counted: None,
        }
    }

    /// Of an event of a family.
    pub(super) fn target(self, account: AccountKey, family: IdForm) -> Target {
        of_family(self.target, account, self.counted, family)
    }
}

/// The families of the first events that count, of numbers that have none: what is
/// before the floor never counts, so it decides nothing.
pub(super) fn first_families(
    seen: impl Iterator<Item = Seen>,
    floor: Option<EpochMs>,
) -> HashMap<PhoneNumber, IdFamily> {
    let mut first: HashMap<PhoneNumber, IdForm> = HashMap::new();
    for event in seen.filter(|event| floor.is_none_or(|floor| event.at >= floor)) {
        let form = first.entry(event.number).or_insert(event.family);
        // Digits may be anybody's: whoever comes with them and is sure says whose.
        if *form == IdForm::Digits {
            *form = event.family;
        }
    }
    let families = first.into_iter();
    families
        .map(|(number, form)| (number, form.family()))
        .collect()
}

/// The places of the numbers of `seen`. Numbers and families that are bound on first
/// sight are bound, durably, when this returns.
///
/// # Errors
/// When a binding cannot be made durable.
pub(super) async fn places(
    directory: &Arc<Directory>,
    webhook: &Arc<Webhook>,
    seen: impl Iterator<Item = Seen> + Clone,
    floor: impl FnOnce() -> Option<EpochMs>,
    now: EpochMs,
) -> Result<HashMap<PhoneNumber, Place>, DirectoryError> {
    let account = webhook.account.key;
    let mut places = HashMap::new();
    let mut unbound = Unbound::default();
    let snapshot = directory.snapshot();
    let mut last = None;
    for Seen { number, .. } in seen.clone() {
        // The statuses of a number stand together.
        if last.replace(number) == Some(number) || places.contains_key(&number) {
            continue;
        }
        let known = snapshot.number(&number);
        let counted = known.family(account);
        let target = match decide(known.owner, webhook) {
            Decision::Known(target @ Target::Refused(..)) => target,
            Decision::Known(target @ (Target::Space(_) | Target::Held(_))) => {
                if counted.is_none() {
                    unbound.families.push((number, target));
                }
                target
            }
            // Until it is bound, a new number is nobody's.
            Decision::Bind => {
                unbound.numbers.push(number);
                Target::Held(account)
            }
        };
        places.insert(number, Place { target, counted });
    }
    if unbound.is_empty() {
        return Ok(places);
    }
    let first = first_families(seen, floor());
    let (directory, webhook) = (Arc::clone(directory), Arc::clone(webhook));
    let bound = move || unbound.bind(&directory, &webhook, &first, now);
    let bound = tokio::task::spawn_blocking(bound).await;
    let bound = bound.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    places.extend(bound);
    Ok(places)
}

/// What must be bound before events are given to the store.
#[derive(Debug, Default)]
struct Unbound {
    numbers: Vec<PhoneNumber>,
    families: Vec<(PhoneNumber, Target)>,
}

impl Unbound {
    const fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.families.is_empty()
    }

    /// Binds numbers, then the families of those whose events count.
    fn bind(
        mut self,
        directory: &Directory,
        webhook: &Webhook,
        first: &HashMap<PhoneNumber, IdFamily>,
        now: EpochMs,
    ) -> Result<Vec<(PhoneNumber, Place)>, DirectoryError> {
        let account = webhook.account.key;
        let mut places = Vec::new();
        if let (Some(space), false) = (&webhook.space, self.numbers.is_empty()) {
            let outcomes = directory.bind_numbers(space.key, &self.numbers, now)?;
            for (number, outcome) in self.numbers.iter().zip(outcomes) {
                match bound_target(space.key, account, &outcome) {
                    target @ (Target::Space(_) | Target::Held(_)) => {
                        self.families.push((*number, target));
                    }
                    target @ Target::Refused(..) => places.push((*number, Place::of_all(target))),
                }
            }
        }
        let wanted = self.families.iter();
        let wanted = wanted.filter_map(|(number, _)| Some((*number, *first.get(number)?)));
        let counted = bind_families(directory, account, wanted)?;
        for (number, target) in self.families {
            let place = match counted.get(&number) {
                // Nothing of it counts.
                None => Place::of_all(target),
                Some(None) => Place::of_all(Target::Refused(account, Reason::TooManyNumbers)),
                Some(Some(family)) => Place {
                    target,
                    counted: Some(*family),
                },
            };
            places.push((number, place));
        }
        Ok(places)
    }
}

/// Binds families of numbers; tells which ones count, and `None` for a number that is
/// one too many.
pub(super) fn bind_families(
    directory: &Directory,
    account: AccountKey,
    wanted: impl IntoIterator<Item = (PhoneNumber, IdFamily)>,
) -> Result<HashMap<PhoneNumber, Option<IdFamily>>, DirectoryError> {
    let wanted: Vec<_> = wanted.into_iter().collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let counted = directory.bind_families(account, &wanted)?;
    let numbers = wanted.iter().map(|(number, _)| *number);
    Ok(numbers.zip(counted).collect())
}

/// Where the events of a number belong that should be bound to a space.
pub(super) const fn bound_target(
    space: SpaceKey,
    account: AccountKey,
    outcome: &BindOutcome,
) -> Target {
    match outcome {
        BindOutcome::Bound | BindOutcome::AlreadyBound => Target::Space(space),
        // Somebody was faster.
        BindOutcome::BoundElsewhere { .. } => Target::Refused(account, Reason::ForeignNumber),
        BindOutcome::Full { .. } => Target::Refused(account, Reason::TooManyNumbers),
    }
}
