//! What the conformance suite asks of a store under test, and the world around
//! it: builders of events, and the bookkeeping that every rule checks at its end.
//!
//! A subject may close and open its store again in [`Subject::step`], which runs
//! before every action; the rules cannot tell whether it does.

use chatmetric_core::{
    AccountKey, Counts, DayBlock, EpochMs, Fingerprint, MessageStatus, PhoneNumber, Slot, SpaceKey,
    UtcDay,
};
use chatmetric_store::{
    Batch, Books, QuarantineFilter, Quarantined, Receipt, SealedItem, StatusEvent, Store,
    StoreError, Target,
};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A store under test.
pub(crate) trait Subject {
    /// The store, open.
    fn store(&self) -> &dyn Store;

    /// Between two actions: nothing, or close the store and open it again.
    fn step(&mut self) {}
}

/// Makes an empty store.
pub(crate) type Make = fn() -> Box<dyn Subject>;

/// Milliseconds in a day, an hour, a slot.
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const SLOT_MS: i64 = 900_000;
/// The time around which the rules play: the first instant of a UTC day.
pub(crate) const DAY: u32 = 20_000;
pub(crate) const T0: i64 = DAY as i64 * DAY_MS;

pub(crate) const SPACE: SpaceKey = SpaceKey(7);
pub(crate) const OTHER_SPACE: SpaceKey = SpaceKey(3);
pub(crate) const ACCOUNT: AccountKey = AccountKey(1);
pub(crate) const OTHER_ACCOUNT: AccountKey = AccountKey(2);

pub(crate) fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("digits")
}

/// The number of [`event`].
pub(crate) fn home() -> PhoneNumber {
    number("15550100101")
}

/// A report of message `id` of [`home`] in [`SPACE`], `after_ms` after [`T0`].
pub(crate) fn event(id: u128, status: MessageStatus, after_ms: i64) -> StatusEvent {
    StatusEvent {
        // Spread over all bits, as hashes are.
        fingerprint: Fingerprint(id.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        number: home(),
        status,
        at: EpochMs(T0 + after_ms),
        target: Target::Space(SPACE),
    }
}

pub(crate) fn to(target: Target, event: StatusEvent) -> StatusEvent {
    StatusEvent { target, ..event }
}

pub(crate) fn of(number: PhoneNumber, event: StatusEvent) -> StatusEvent {
    StatusEvent { number, ..event }
}

/// A batch of the source `w1`, received a day after [`T0`].
pub(crate) fn batch(events: &[StatusEvent]) -> Batch {
    received(T0 + DAY_MS, events)
}

/// A batch of the source `w1`, received at `received_ms`.
pub(crate) fn received(received_ms: i64, events: &[StatusEvent]) -> Batch {
    Batch {
        source: "w1".into(),
        received_at: EpochMs(received_ms),
        events: events.to_vec(),
        sealed: Vec::<SealedItem>::new(),
        ignored: 0,
    }
}

/// Counters of slots, counted from [`T0`]; slots without counts are left out.
pub(crate) type Slots = BTreeMap<i64, Counts>;

/// Shorthand for one slot's counters.
pub(crate) fn counts(
    sent: i32,
    delivered: i32,
    read: i32,
    failed: i32,
    delivered_of_sent: i32,
) -> Counts {
    Counts {
        sent,
        delivered,
        read,
        failed,
        delivered_of_sent,
    }
}

/// A subject with the tally of what it was given; checks itself in [`World::done`].
pub(crate) struct World {
    subject: Box<dyn Subject>,
    given: BTreeMap<String, u64>,
}

impl World {
    pub(crate) fn new(make: Make) -> Self {
        Self {
            subject: make(),
            given: BTreeMap::new(),
        }
    }

    /// The store after a step.
    pub(crate) fn store(&mut self) -> &dyn Store {
        self.subject.step();
        self.subject.store()
    }

    /// The store as it is: nothing is opened again.
    pub(crate) fn store_now(&self) -> &dyn Store {
        self.subject.store()
    }

    /// Notes items that a rule hands to the store by itself.
    pub(crate) fn note(&mut self, source: &str, items: usize) {
        *self.given.entry(source.to_owned()).or_default() += items as u64;
    }

    pub(crate) fn try_commit(&mut self, batch: Batch) -> Result<Receipt, StoreError> {
        let source = batch.source.to_string();
        let items = batch.events.len() + batch.sealed.len() + batch.ignored as usize;
        let receipt = self.store().commit(batch)?;
        self.note(&source, items);
        let booked = u64::from(receipt.new)
            + u64::from(receipt.duplicate)
            + u64::from(receipt.ignored)
            + u64::from(receipt.late)
            + u64::from(receipt.quarantined);
        assert_eq!(
            booked, items as u64,
            "the receipt covers the batch: {receipt:?}"
        );
        Ok(receipt)
    }

    pub(crate) fn commit(&mut self, batch: Batch) -> Receipt {
        self.try_commit(batch).expect("the batch is taken")
    }

    /// Commits events of `w1`.
    pub(crate) fn events(&mut self, events: &[StatusEvent]) -> Receipt {
        self.commit(batch(events))
    }

    pub(crate) fn raise_floor(&mut self, after_ms: i64) {
        let floor = EpochMs(T0 + after_ms);
        self.store().raise_floor(floor).expect("the floor is taken");
    }

    pub(crate) fn release_due(&mut self, after_ms: i64) -> u64 {
        let now = EpochMs(T0 + after_ms);
        self.store().release_due(now).expect("released")
    }

    pub(crate) fn claim(
        &mut self,
        account: AccountKey,
        number: PhoneNumber,
        space: SpaceKey,
    ) -> u64 {
        self.store().claim(account, number, space).expect("claimed")
    }

    /// All counters of a number in a space.
    pub(crate) fn slots(&mut self, space: SpaceKey, number: PhoneNumber) -> Slots {
        slots(self.store(), space, number)
    }

    /// The counters of some days of a number in a space.
    pub(crate) fn day_slots(
        &mut self,
        space: SpaceKey,
        number: PhoneNumber,
        days: RangeInclusive<UtcDay>,
    ) -> Slots {
        slots_of(self.store(), space, number, days)
    }

    /// The sum of all counters of [`home`] in [`SPACE`].
    pub(crate) fn total(&mut self) -> Counts {
        self.slots(SPACE, home())
            .values()
            .fold(Counts::ZERO, |sum, counts| sum + *counts)
    }

    pub(crate) fn days(&mut self, days: RangeInclusive<UtcDay>) -> Vec<(u32, Counts)> {
        let mut seen = Vec::new();
        self.store()
            .read_days(
                SPACE,
                &home(),
                days,
                &mut |day: UtcDay, block: &DayBlock| {
                    seen.push((day.0, block.total()));
                },
            )
            .expect("readable");
        seen
    }

    pub(crate) fn numbers(&mut self, space: SpaceKey) -> Vec<PhoneNumber> {
        self.store().numbers(space).expect("readable")
    }

    pub(crate) fn books(&mut self, source: &str) -> Books {
        let all = self.store().books().expect("readable");
        let found = all.into_iter().find(|(name, _)| **name == *source);
        found.unwrap_or_else(|| panic!("no books of `{source}`")).1
    }

    pub(crate) fn quarantine(&mut self) -> Vec<Quarantined> {
        self.quarantine_of(QuarantineFilter::default(), usize::MAX)
    }

    pub(crate) fn quarantine_of(
        &mut self,
        filter: QuarantineFilter,
        items_max: usize,
    ) -> Vec<Quarantined> {
        self.store()
            .quarantine(filter, items_max)
            .expect("readable")
    }

    /// What holds after every rule: the books balance and cover all that came,
    /// and the tallies are the fold of the records.
    pub(crate) fn done(mut self) {
        let books = self.store().books().expect("readable");
        for (source, items) in &self.given {
            let of_source = books.iter().find(|(name, _)| **name == **source);
            let received = of_source.map_or(0, |(_, books)| books.received);
            assert_eq!(received, *items, "received of `{source}`");
        }
        for (source, books) in &books {
            assert!(books.balanced(), "`{source}`: {books:?}");
            assert!(books.moved <= books.duplicate, "`{source}`: {books:?}");
            let held = self
                .store()
                .quarantine(QuarantineFilter::default(), usize::MAX);
            let held = held.expect("readable").into_iter().filter(|item| {
                item.source == *source && item.reason != chatmetric_store::Reason::Late
            });
            assert_eq!(
                held.count() as u64,
                books.quarantined,
                "`{source}`: what is booked as quarantined is listed"
            );
        }
        self.store()
            .verify()
            .expect("the tallies are the fold of the records");
    }
}

/// All counters of a number in a space, by slot from [`T0`].
pub(crate) fn slots(store: &dyn Store, space: SpaceKey, number: PhoneNumber) -> Slots {
    slots_of(store, space, number, UtcDay(0)..=Slot(u32::MAX).day())
}

fn slots_of(
    store: &dyn Store,
    space: SpaceKey,
    number: PhoneNumber,
    days: RangeInclusive<UtcDay>,
) -> Slots {
    let first = i64::from(UtcDay(DAY).first_slot().0);
    let mut seen = Slots::new();
    let mut last_day = None;
    let mut visit = |day: UtcDay, block: &DayBlock| {
        assert!(last_day < Some(day), "days come in order, each once");
        assert!(!block.is_zero(), "days without counts are left out");
        last_day = Some(day);
        for (at, counts) in block.slots().into_iter().enumerate() {
            if !counts.is_zero() {
                let slot = i64::from(day.first_slot().0) + i64::try_from(at).expect("small");
                seen.insert(slot - first, counts);
            }
        }
    };
    store
        .read_days(space, &number, days, &mut visit)
        .expect("readable");
    seen
}

/// One test for each rule of the suite, run on the store that `$make` makes.
macro_rules! conformance {
    ($name:ident, $make:path) => {
        mod $name {
            $crate::subject::rules! { $make, conformance:
                a_message_is_counted_once
                reports_of_one_batch_are_judged_in_order
                a_report_of_an_earlier_slot_moves_the_count
                what_was_read_was_delivered_and_sent
                failures_count_only_while_nothing_was_delivered
                the_cohort_counter_follows_the_send_time
                slots_are_quarter_hours_and_days_are_utc
                days_are_read_by_range
                numbers_and_spaces_are_kept_apart
                a_message_keeps_the_binding_of_first_sight
                an_empty_batch_and_ignored_items_are_booked
                books_are_kept_per_source
                a_batch_has_a_limit
                a_completion_is_called_exactly_once
                submissions_keep_their_order
                four_threads_count_exactly_once
                readers_see_whole_batches
                a_closed_store_refuses_and_answers
                verify_reads_every_record
            }
            $crate::subject::rules! { $make, conformance_quarantine:
                without_a_floor_nothing_is_late
                the_floor_is_monotone
                late_is_before_the_floor
                a_late_report_changes_no_message
                the_future_waits_until_it_is_due
                a_released_report_is_counted_once
                held_events_wait_for_the_claim
                a_claim_is_of_one_account_and_number
                held_events_are_judged_by_the_floor_of_their_arrival
                a_held_event_of_the_future_needs_both
                a_claim_binds_in_the_order_of_the_log
                refused_events_are_never_counted
                a_replay_counts_in_the_place_of_the_item
                a_replay_is_refused_as_a_whole
                sealed_items_are_kept_and_listed
                the_quarantine_is_listed_in_pages
                the_quarantine_is_listed_by_reason_and_account
                quarantined_bodies_age_out_with_the_floor
            }
            $crate::subject::rules! { $make, conformance_explain:
                a_count_is_what_its_sources_reported
                what_comes_after_a_bucket_is_a_revision_of_it
                late_reports_and_released_ones_are_told
                slots_to_explain_have_a_limit
                any_history_is_explained_as_the_reference_explains_it
                notes_are_counted_once_while_they_are_sealed
                a_count_is_never_seen_without_its_source
                revisions_of_a_slot_are_put_together
            }
            $crate::subject::rules! { $make, stream_offsets:
                an_offset_is_kept_with_its_counts
            }
            $crate::subject::rules! { $make, conformance_model:
                a_workload_is_counted_as_the_model_counts
                threads_with_overlapping_parts_count_as_the_model_counts
            }
        }
    };
}

/// Expands to one `#[test]` a rule.
macro_rules! rules {
    ($make:path, $module:ident: $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                crate::$module::$rule($make);
            }
        )*
    };
}

pub(crate) use {conformance, rules};
