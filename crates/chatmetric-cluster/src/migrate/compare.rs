//! Is what was read back from the servers what the instance counted?
//!
//! Every number with every quarter-hour of it, the books, the items of the quarantine and
//! the floor. Not here: reading back. Invariants: the two sides are read by the same
//! functions that queries use, and by nothing that wrote them; both are looked through, so
//! that what is too much is found as what is missing.

use super::AllBooks;
use crate::error::ClusterError;
use crate::partition::{Partition, Partitions};
use chatmetric_core::{Counts, DayBlock, EpochMs, PhoneNumber, Slot, SpaceKey, UtcDay};
use chatmetric_store::{
    EmbeddedStore, QuarantineFilter, Quarantined, QuarantinedContent, Store as _, StoreError,
    VerifyReport,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Items of the quarantine that are read at once.
const PAGE_ITEMS: usize = 1_000;

/// What was compared and found equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Numbers, each once for each space.
    pub numbers: u64,
    /// Quarter-hours of a number with counts.
    pub buckets: u64,
    /// Items of the quarantine.
    pub items: u64,
    /// Records that the counts were computed from again.
    pub records: u64,
    /// Days of a number that are the sum of them.
    pub day_blocks: u64,
    /// Bytes on the servers.
    pub bytes: u64,
}

impl Compared {
    pub(super) fn add(&mut self, other: Self) {
        self.numbers += other.numbers;
        self.buckets += other.buckets;
        self.items += other.items;
        self.records += other.records;
        self.day_blocks += other.day_blocks;
        self.bytes += other.bytes;
    }

    pub(super) const fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }
}

/// What a partition has to have.
pub(super) struct Expected {
    pub(super) old: Arc<EmbeddedStore>,
    pub(super) partitions: Partitions,
    pub(super) partition: Partition,
    pub(super) books: AllBooks,
}

impl Expected {
    /// Compares a store that was read back, and verified with this report.
    pub(super) fn compare(
        &self,
        new: &EmbeddedStore,
        report: VerifyReport,
    ) -> Result<Compared, ClusterError> {
        let mut compared = Compared {
            records: report.records,
            day_blocks: report.day_blocks,
            ..Compared::default()
        };
        let mine = |number: &PhoneNumber| self.partitions.of_number(number) == self.partition;
        let mut wanted = self.old.bindings();
        wanted.retain(|(_, number)| mine(number));
        let found = new.bindings();
        if wanted != found {
            let detail = first_number(&wanted, &found);
            return Err(self.unlike(&detail));
        }
        for (space, number) in wanted {
            let old = buckets(&self.old, space, &number)?;
            let new = buckets(new, space, &number)?;
            if let Some(detail) = first_bucket(&old, &new) {
                let detail = format!("number {number} in space {}: {detail}", space.0);
                return Err(self.unlike(&detail));
            }
            compared.numbers += 1;
            compared.buckets += u64::try_from(old.len()).unwrap_or(u64::MAX);
        }
        self.compare_rest(new)?;
        compared.items = self.compare_items(new)?;
        Ok(compared)
    }

    fn compare_rest(&self, new: &EmbeddedStore) -> Result<(), ClusterError> {
        let found = new.books()?;
        let differs = self.books.iter().zip(&found).find(|(old, new)| old != new);
        if let Some(((name, old), (_, new))) = differs {
            let detail = format!("the books of `{name}`: {old:?} were counted, {new:?} are there");
            return Err(self.unlike(&detail));
        }
        if self.books.len() != found.len() {
            let counts = (self.books.len(), found.len());
            let detail = format!("the books of {} sources, {} are there", counts.0, counts.1);
            return Err(self.unlike(&detail));
        }
        let floors = (self.old.floor(), new.floor());
        if floors.0 != floors.1 {
            let detail = format!("the floor: {:?}, {:?} is there", floors.0, floors.1);
            return Err(self.unlike(&detail));
        }
        Ok(())
    }

    /// Compares the items one by one; tells how many there are.
    fn compare_items(&self, new: &EmbeddedStore) -> Result<u64, ClusterError> {
        let mut there = Items::of(new);
        let mut old = Items::of(&self.old);
        let mut count = 0;
        while let Some(wanted) = old.next()? {
            if self.home(&wanted) != self.partition {
                continue;
            }
            match there.next()? {
                Some(found) if found == wanted => count += 1,
                _ => return Err(self.unlike(&format!("item {} of the quarantine", wanted.id.0))),
            }
        }
        match there.next()? {
            None => Ok(count),
            Some(more) => Err(self.unlike(&format!("item {} of the quarantine", more.id.0))),
        }
    }

    fn home(&self, item: &Quarantined) -> Partition {
        match &item.content {
            QuarantinedContent::Event { number, .. } => self.partitions.of_number(number),
            QuarantinedContent::Sealed(_) => self.partitions.of_source(&item.source),
        }
    }

    fn unlike(&self, detail: &str) -> ClusterError {
        ClusterError::Unlike {
            detail: format!("partition {}: {detail}", self.partition),
        }
    }
}

type Binding = (SpaceKey, PhoneNumber);

fn first_number(wanted: &[Binding], found: &[Binding]) -> String {
    let missing = wanted.iter().find(|it| !found.contains(it));
    let too_much = found.iter().find(|it| !wanted.contains(it));
    match (missing, too_much) {
        (Some((space, number)), _) => format!("number {number} in space {} is missing", space.0),
        (None, Some((space, number))) => {
            format!(
                "number {number} in space {} is not of this partition",
                space.0
            )
        }
        (None, None) => "the numbers".to_owned(),
    }
}

/// The counts of a number by quarter-hour, those without any left out.
fn buckets(
    store: &EmbeddedStore,
    space: SpaceKey,
    number: &PhoneNumber,
) -> Result<BTreeMap<Slot, Counts>, StoreError> {
    let mut all = BTreeMap::new();
    let days = UtcDay(0)..=Slot::NEVER.day();
    store.read_days(space, number, days, &mut |day, block: &DayBlock| {
        let slots = (day.first_slot().0..).map(Slot).zip(block.slots());
        all.extend(slots.filter(|(_, it)| !it.is_zero()));
    })?;
    Ok(all)
}

/// The first quarter-hour that is not the same on both sides.
fn first_bucket(old: &BTreeMap<Slot, Counts>, new: &BTreeMap<Slot, Counts>) -> Option<String> {
    let slots = old.keys().chain(new.keys());
    // None has no counts.
    let at = slots.filter(|at| old.get(*at) != new.get(*at)).min()?;
    let count = |all: &BTreeMap<Slot, Counts>| all.get(at).copied().unwrap_or(Counts::ZERO);
    let (old, new) = (count(old), count(new));
    let EpochMs(start_ms) = at.start();
    Some(format!(
        "the quarter-hour from {start_ms} ms: {} sent and {} delivered were counted, {} and {} \
         are there ({old:?}, {new:?})",
        old.sent, old.delivered, new.sent, new.delivered
    ))
}

/// The items of a store in the order of their ids, a page at a time.
struct Items<'s> {
    store: &'s EmbeddedStore,
    page: std::vec::IntoIter<Quarantined>,
    filter: QuarantineFilter,
    is_last: bool,
}

impl<'s> Items<'s> {
    fn of(store: &'s EmbeddedStore) -> Self {
        Self {
            store,
            page: Vec::new().into_iter(),
            filter: QuarantineFilter::default(),
            is_last: false,
        }
    }

    fn next(&mut self) -> Result<Option<Quarantined>, StoreError> {
        if self.page.len() == 0 && !self.is_last {
            let page = self.store.quarantine(self.filter, PAGE_ITEMS)?;
            self.is_last = page.len() < PAGE_ITEMS;
            self.page = page.into_iter();
        }
        let next = self.page.next();
        if let Some(item) = &next {
            self.filter.after = Some(item.id);
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
