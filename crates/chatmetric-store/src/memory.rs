//! A [`Store`] in memory: the reference of the rules that a store decides, and
//! the store of tests that are not about durability.
//!
//! One mutex around plain maps, no thread, nothing on disk. What it holds is gone
//! with it. It obeys the same rules as the embedded store, and the same
//! conformance suite (`tests/it/conformance.rs`) holds both to them.
//!
//! Invariant: the tallies are the fold of the records, and the books of every
//! source balance, whenever the lock is free.

use crate::api::{
    BATCH_EVENTS_MAX, Batch, Books, Completion, DayVisitor, FUTURE_TOLERANCE_MS, Health,
    QuarantineFilter, QuarantineId, Quarantined, QuarantinedContent, Reason, Receipt, SealedItem,
    SourceName, StatusEvent, Store, StoreError, StoreStats, Target, VerifyReport, check_explained,
    check_replay,
};
use crate::explanation::{Explanation, Origin, Revision};
use crate::stream_offset::StreamOffset;
use chatmetric_core::record::Report;
use chatmetric_core::{
    AccountKey, Counts, DayBlock, EpochMs, Fingerprint, MessageRecord, MessageStatus, PhoneNumber,
    Slot, SpaceKey, UtcDay,
};
use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where a message is counted: the space and number of its first sight.
type Binding = (SpaceKey, PhoneNumber);

/// The tallies: the days of every binding.
type Tallies = BTreeMap<Binding, BTreeMap<UtcDay, DayBlock>>;

/// A store that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    floor: Option<EpochMs>,
    records: HashMap<Fingerprint, (Binding, MessageRecord)>,
    tallies: Tallies,
    told: BTreeMap<Binding, BTreeMap<Slot, Told>>,
    books: BTreeMap<SourceName, Books>,
    offsets: BTreeMap<SourceName, StreamOffset>,
    quarantine: BTreeMap<QuarantineId, Item>,
    quarantine_last: u64,
}

/// What made the counts of a slot.
#[derive(Debug, Default)]
struct Told {
    origins: BTreeMap<SourceName, Origin>,
    /// Changes of sent and delivered, by the slot of their receipt.
    changes: BTreeMap<Slot, (i64, i64)>,
}

/// Who reports, and when it was received.
#[derive(Debug, Clone)]
struct Reporter {
    source: SourceName,
    received: Slot,
}

/// One item of the quarantine with the decision that brought it there.
#[derive(Debug)]
struct Item {
    source: SourceName,
    received_at: EpochMs,
    reason: Reason,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Event(StatusEvent),
    Sealed(AccountKey, Box<[u8]>),
}

impl MemoryStore {
    /// An empty store without a floor.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        Ok(state)
    }

    fn take(&self, batch: Batch) -> Result<Receipt, StoreError> {
        if batch.events.len() > BATCH_EVENTS_MAX {
            return Err(StoreError::Invalid {
                reason: format!(
                    "{} events, at most {BATCH_EVENTS_MAX} are allowed",
                    batch.events.len()
                ),
            });
        }
        Ok(self.open_state()?.take(batch))
    }
}

/// Why an event may not be counted now; `None` when it may.
///
/// What the directory refused is never judged by its time. The floor comes next,
/// then the future, then the missing owner: a held event keeps that judgement.
fn judge(event: &StatusEvent, received_at: EpochMs, floor: Option<EpochMs>) -> Option<Reason> {
    if let Target::Refused(_, reason) = event.target {
        return Some(reason);
    }
    if floor.is_some_and(|floor| event.at < floor) {
        return Some(Reason::Late);
    }
    if event.at.0 > received_at.0.saturating_add(FUTURE_TOLERANCE_MS) {
        return Some(Reason::Future);
    }
    match event.target {
        Target::Space(_) => None,
        Target::Held(_) => Some(Reason::UnknownNumber),
        Target::Refused(_, reason) => Some(reason),
    }
}

fn add_to(tallies: &mut Tallies, binding: Binding, slot: Slot, counts: Counts) {
    tallies
        .entry(binding)
        .or_default()
        .entry(slot.day())
        .or_default()
        .add(DayBlock::index_of(slot), counts);
}

impl Told {
    fn origin(&mut self, source: &SourceName) -> &mut Origin {
        self.origins
            .entry(source.clone())
            .or_insert_with(|| Origin::of(Some(source.clone())))
    }
}

/// Tells what a report did to its message.
fn tell(
    told: &mut BTreeMap<Slot, Told>,
    event: &StatusEvent,
    report: Report,
    (before, after): (&MessageRecord, &MessageRecord),
    by: &Reporter,
) {
    if report != Report::New {
        let slot = told.entry(event.at.slot()).or_default();
        slot.origin(&by.source).duplicates += 1;
    }
    let places = [
        (MessageStatus::Sent, before.sent(), after.sent()),
        (
            MessageStatus::Delivered,
            before.delivered(),
            after.delivered(),
        ),
    ];
    for (status, from, to) in places {
        if from == to {
            continue;
        }
        let is_sent = status == MessageStatus::Sent;
        let mut change = |slot: Slot, by_how_many: i64| {
            let slot = told.entry(slot).or_default();
            let origin = slot.origin(&by.source);
            let share = if is_sent {
                &mut origin.sent
            } else {
                &mut origin.delivered
            };
            if from != Slot::NEVER {
                share.moved += by_how_many;
            } else if event.status == status {
                share.reported += by_how_many;
            } else {
                share.implied += by_how_many;
            }
            let (sent, delivered) = slot.changes.entry(by.received).or_default();
            *(if is_sent { sent } else { delivered }) += by_how_many;
        };
        if from != Slot::NEVER {
            change(from, -1);
        }
        change(to, 1);
    }
}

impl State {
    fn take(&mut self, batch: Batch) -> Receipt {
        let reporter = Reporter {
            source: batch.source.clone(),
            received: batch.received_at.slot(),
        };
        let mut receipt = Receipt {
            ignored: batch.ignored,
            ..Receipt::default()
        };
        for event in batch.events {
            match (
                judge(&event, batch.received_at, self.floor),
                event.target_space(),
            ) {
                (None, Some(space)) => match self.count(&event, space, &reporter) {
                    Report::New => receipt.new += 1,
                    Report::Duplicate => receipt.duplicate += 1,
                    Report::Moved => {
                        receipt.duplicate += 1;
                        receipt.moved += 1;
                    }
                },
                (reason, _) => {
                    let reason = reason.unwrap_or(Reason::UnknownNumber);
                    self.put(&mut receipt, &batch.source, batch.received_at, reason, {
                        Body::Event(event)
                    });
                }
            }
        }
        for SealedItem {
            account,
            reason,
            sealed,
        } in batch.sealed
        {
            let body = Body::Sealed(account, sealed);
            self.put(&mut receipt, &batch.source, batch.received_at, reason, body);
        }
        self.books
            .entry(batch.source)
            .or_default()
            .add_receipt(&receipt);
        receipt
    }

    fn put(
        &mut self,
        receipt: &mut Receipt,
        source: &SourceName,
        received_at: EpochMs,
        reason: Reason,
        body: Body,
    ) {
        if reason == Reason::Late {
            receipt.late += 1;
            self.tell_late(source, &body);
        } else {
            receipt.quarantined += 1;
        }
        self.quarantine_last += 1;
        let item = Item {
            source: source.clone(),
            received_at,
            reason,
            body,
        };
        self.quarantine
            .insert(QuarantineId(self.quarantine_last), item);
    }

    fn count(&mut self, event: &StatusEvent, space: SpaceKey, reporter: &Reporter) -> Report {
        let first_sight = ((space, event.number), MessageRecord::EMPTY);
        let (binding, record) = self.records.entry(event.fingerprint).or_insert(first_sight);
        let before = *record;
        let report = record.apply(event.status, event.at.slot());
        record.contribute_change(&before, |slot, counts| {
            add_to(&mut self.tallies, *binding, slot, counts);
        });
        let told = self.told.entry(*binding).or_default();
        tell(told, event, report, (&before, record), reporter);
        report
    }

    /// Late events are told of numbers that have counts.
    fn tell_late(&mut self, source: &SourceName, body: &Body) {
        if let Body::Event(event) = body
            && let Target::Space(space) = event.target
            && let Some(told) = self.told.get_mut(&(space, event.number))
        {
            let slot = told.entry(event.at.slot()).or_default();
            slot.origin(source).late += 1;
        }
    }

    fn explain(&self, binding: &Binding, slots: &Range<Slot>) -> Explanation {
        let mut all = Explanation::default();
        let mut origins: BTreeMap<SourceName, Origin> = BTreeMap::new();
        let mut revisions: BTreeMap<Slot, Revision> = BTreeMap::new();
        let told = self.told.get(binding);
        for (_, told) in told.into_iter().flat_map(|told| told.range(slots.clone())) {
            for (source, origin) in &told.origins {
                let sum = origins
                    .entry(source.clone())
                    .or_insert_with(|| Origin::of(Some(source.clone())));
                sum.sent.add(&origin.sent);
                sum.delivered.add(&origin.delivered);
                sum.duplicates += origin.duplicates;
                sum.late += origin.late;
            }
            for (received, (sent, delivered)) in told.changes.range(slots.end..) {
                let received = *received;
                let revision = revisions.entry(received).or_insert(Revision {
                    received,
                    sent: 0,
                    delivered: 0,
                });
                revision.sent += sent;
                revision.delivered += delivered;
            }
        }
        for slot in slots.start.0..slots.end.0 {
            let slot = Slot(slot);
            let days = self.tallies.get(binding);
            let block = days.and_then(|days| days.get(&slot.day()));
            let counts = block.map_or(Counts::ZERO, |it| it.slot(DayBlock::index_of(slot)));
            all.sent += i64::from(counts.sent);
            all.delivered += i64::from(counts.delivered);
        }
        all.origins = origins.into_values().filter(|it| !it.is_empty()).collect();
        all.revisions = revisions
            .into_values()
            .filter(|it| (it.sent, it.delivered) != (0, 0))
            .collect();
        all
    }

    /// Takes items out of the quarantine; the books learn it through `note`.
    fn remove(
        &mut self,
        chosen: impl Fn(&Item) -> bool,
        note: impl Fn(&mut Books, Reason),
    ) -> Vec<Item> {
        let ids: Vec<QuarantineId> = self
            .quarantine
            .iter()
            .filter(|(_, item)| chosen(item))
            .map(|(id, _)| *id)
            .collect();
        let removed: Vec<Item> = ids
            .iter()
            .filter_map(|id| self.quarantine.remove(id))
            .collect();
        for item in &removed {
            note(
                self.books.entry(item.source.clone()).or_default(),
                item.reason,
            );
        }
        removed
    }

    fn release(
        &mut self,
        chosen: impl Fn(&StatusEvent, Reason) -> bool,
        space_of: impl Fn(&StatusEvent) -> Option<SpaceKey>,
        now: EpochMs,
    ) -> u64 {
        let released = self.remove(
            |item| match &item.body {
                Body::Event(event) => chosen(event, item.reason) && space_of(event).is_some(),
                Body::Sealed(..) => false,
            },
            |books, _| {
                books.quarantined -= 1;
                books.released += 1;
            },
        );
        // As one frame has them: together, at the latest of their times.
        let received = released.iter().map(|item| item.received_at);
        let received = received.fold(now, EpochMs::max).slot();
        let mut count = 0;
        for item in released {
            if let Body::Event(event) = item.body
                && let Some(space) = space_of(&event)
            {
                let source = item.source;
                self.count(&event, space, &Reporter { source, received });
                count += 1;
            }
        }
        count
    }

    fn raise_floor(&mut self, floor: EpochMs) {
        if self.floor.is_some_and(|current| floor <= current) {
            return;
        }
        self.floor = Some(floor);
        self.remove(
            |item| item.received_at < floor,
            |books, reason| {
                // A late event stays late in the books; only its body ages out.
                if reason != Reason::Late {
                    books.quarantined -= 1;
                    books.expired += 1;
                }
            },
        );
    }

    fn release_due(&mut self, now: EpochMs) -> u64 {
        let due = |event: &StatusEvent, reason| reason == Reason::Future && event.at <= now;
        let released = self.release(due, StatusEvent::target_space, now);
        // Due, but nobody owns the number yet: from now on only the claim is missing.
        for item in self.quarantine.values_mut() {
            if let Body::Event(event) = &item.body
                && matches!(event.target, Target::Held(_))
                && due(event, item.reason)
            {
                item.reason = Reason::UnknownNumber;
            }
        }
        released
    }

    fn claim(&mut self, account: AccountKey, number: PhoneNumber, space: SpaceKey) -> u64 {
        let held =
            |event: &StatusEvent| event.target == Target::Held(account) && event.number == number;
        let released = self.release(
            |event, reason| held(event) && reason == Reason::UnknownNumber,
            |_| Some(space),
            EpochMs(0),
        );
        // Not due yet: it has an owner now and waits for its time alone.
        for item in self.quarantine.values_mut() {
            if let Body::Event(event) = &mut item.body
                && held(event)
                && item.reason == Reason::Future
            {
                event.target = Target::Space(space);
            }
        }
        released
    }

    fn replay(&mut self, id: QuarantineId, events: &[StatusEvent]) -> Result<bool, StoreError> {
        let Some(item) = self.quarantine.get(&id) else {
            return Ok(false);
        };
        let events = check_replay(&item.describe(id), events)?;
        let reporter = Reporter {
            source: item.source.clone(),
            received: item.received_at.slot(),
        };
        self.quarantine.remove(&id);
        let books = self.books.entry(reporter.source.clone()).or_default();
        books.quarantined -= 1;
        books.released += 1;
        for (event, space) in &events {
            self.count(event, *space, &reporter);
        }
        Ok(true)
    }

    fn verify(&self) -> Result<VerifyReport, StoreError> {
        let mut expected = Tallies::new();
        for (binding, record) in self.records.values() {
            record.contribute(|slot, counts| add_to(&mut expected, *binding, slot, counts));
        }
        let mut day_blocks = 0;
        for (binding, days) in &self.tallies {
            for (day, block) in days {
                let recomputed = expected.get_mut(binding).and_then(|days| days.remove(day));
                if recomputed.unwrap_or_default() != *block {
                    return Err(StoreError::Differs {
                        detail: format!("number `{}`, day {}", binding.1, day.0),
                    });
                }
                day_blocks += 1;
            }
        }
        if let Some((binding, _)) = expected.iter().find(|(_, days)| !days.is_empty()) {
            return Err(StoreError::Differs {
                detail: format!("number `{}` has records without tallies", binding.1),
            });
        }
        Ok(VerifyReport {
            records: u64::try_from(self.records.len()).unwrap_or(u64::MAX),
            day_blocks,
            files: 0,
            bytes: 0,
        })
    }
}

impl StatusEvent {
    fn target_space(&self) -> Option<SpaceKey> {
        match self.target {
            Target::Space(space) => Some(space),
            Target::Held(_) | Target::Refused(..) => None,
        }
    }
}

impl Books {
    fn add_receipt(&mut self, receipt: &Receipt) {
        let parts = [
            (&mut self.new, receipt.new),
            (&mut self.duplicate, receipt.duplicate),
            (&mut self.ignored, receipt.ignored),
            (&mut self.late, receipt.late),
            (&mut self.quarantined, receipt.quarantined),
        ];
        for (total, more) in parts {
            *total += u64::from(more);
            self.received += u64::from(more);
        }
        self.moved += u64::from(receipt.moved);
    }
}

impl Item {
    fn describe(&self, id: QuarantineId) -> Quarantined {
        let (account, space, content) = match &self.body {
            Body::Sealed(account, sealed) => (
                Some(*account),
                None,
                QuarantinedContent::Sealed(sealed.clone()),
            ),
            Body::Event(event) => {
                let (account, space) = match event.target {
                    Target::Space(space) => (None, Some(space)),
                    Target::Held(account) | Target::Refused(account, _) => (Some(account), None),
                };
                let content = QuarantinedContent::Event {
                    fingerprint: event.fingerprint,
                    number: event.number,
                    status: event.status,
                    at: event.at,
                };
                (account, space, content)
            }
        };
        Quarantined {
            id,
            source: self.source.clone(),
            received_at: self.received_at,
            account,
            space,
            reason: self.reason,
            content,
        }
    }
}

impl Store for MemoryStore {
    /// Commits at once; `done` is called from the thread of the caller, after
    /// the lock is free again.
    fn submit(&self, batch: Batch, done: Completion) {
        let result = self.take(batch);
        done(result);
    }

    fn submit_at(&self, batch: Batch, offset: StreamOffset, done: Completion) {
        let source = batch.source.clone();
        let taken = self.take(batch);
        if taken.is_ok() {
            self.state().offsets.insert(source, offset);
        }
        done(taken);
    }

    fn stream_offsets(&self) -> Result<Vec<(SourceName, StreamOffset)>, StoreError> {
        let state = self.state();
        let offsets = state.offsets.iter();
        Ok(offsets.map(|(name, it)| (name.clone(), *it)).collect())
    }

    fn floor(&self) -> Option<EpochMs> {
        self.state().floor
    }

    fn raise_floor(&self, floor: EpochMs) -> Result<(), StoreError> {
        self.open_state()?.raise_floor(floor);
        Ok(())
    }

    fn release_due(&self, now: EpochMs) -> Result<u64, StoreError> {
        Ok(self.open_state()?.release_due(now))
    }

    fn claim(
        &self,
        account: AccountKey,
        number: PhoneNumber,
        space: SpaceKey,
    ) -> Result<u64, StoreError> {
        Ok(self.open_state()?.claim(account, number, space))
    }

    fn replay(&self, item: QuarantineId, events: &[StatusEvent]) -> Result<bool, StoreError> {
        self.open_state()?.replay(item, events)
    }

    fn numbers(&self, space: SpaceKey) -> Result<Vec<PhoneNumber>, StoreError> {
        let state = self.state();
        let bindings = state.tallies.keys().filter(|(owner, _)| *owner == space);
        Ok(bindings.map(|(_, number)| *number).collect())
    }

    fn read_days(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        days: RangeInclusive<UtcDay>,
        visit: &mut DayVisitor<'_>,
    ) -> Result<(), StoreError> {
        if days.is_empty() {
            return Ok(());
        }
        // Copied out first: the visitor may take its time or ask the store again.
        let blocks: Vec<(UtcDay, DayBlock)> = match self.state().tallies.get(&(space, *number)) {
            Some(all) => all
                .range(days)
                .filter(|(_, block)| !block.is_zero())
                .map(|(day, block)| (*day, block.clone()))
                .collect(),
            None => Vec::new(),
        };
        for (day, block) in &blocks {
            visit(*day, block);
        }
        Ok(())
    }

    fn explain(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        slots: Range<Slot>,
    ) -> Result<Explanation, StoreError> {
        check_explained(&slots)?;
        Ok(self.state().explain(&(space, *number), &slots))
    }

    fn books(&self) -> Result<Vec<(SourceName, Books)>, StoreError> {
        let state = self.state();
        let books = state.books.iter();
        Ok(books.map(|(name, books)| (name.clone(), *books)).collect())
    }

    fn quarantine(
        &self,
        filter: QuarantineFilter,
        items_max: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let state = self.state();
        let items = state.quarantine.iter();
        Ok(items
            .filter(|(id, _)| filter.after.is_none_or(|after| **id > after))
            .map(|(id, item)| item.describe(*id))
            .filter(|item| filter.reason.is_none_or(|reason| item.reason == reason))
            .filter(|item| filter.account.is_none_or(|it| item.account == Some(it)))
            .take(items_max)
            .collect())
    }

    fn verify(&self) -> Result<VerifyReport, StoreError> {
        self.state().verify()
    }

    fn health(&self) -> Health {
        if self.state().closed {
            return Health::Poisoned("the store is closed".to_owned());
        }
        Health::Ready
    }

    fn stats(&self) -> StoreStats {
        StoreStats {
            hot_records: u64::try_from(self.state().records.len()).unwrap_or(u64::MAX),
            ..StoreStats::default()
        }
    }

    fn close(&self) {
        self.state().closed = true;
    }
}
