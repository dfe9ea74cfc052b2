//! The records of one generation in memory, and the differences that its events
//! make to the tallies.
//!
//! The writer and the replay use the same two calls, [`HotTable::insert`] and
//! [`HotTable::touch`], so that a replay gives the same differences whatever an
//! unfinished seal had already written. Not here: what was known before; that
//! comes in as the base of a record.

use super::cold::ColdRecord;
use super::filter::spread;
use super::notes::{NoteKey, Reporter};
use chatmetric_core::record::Report;
use chatmetric_core::{Counts, Fingerprint, MessageRecord, MessageStatus, Slot};
use hashbrown::HashTable;

/// Into how many parts the bindings are spread for readers.
pub(crate) const STRIPES: usize = 64;

/// The records of a generation, by ordinal and by fingerprint.
#[derive(Debug, Default)]
pub(crate) struct HotTable {
    records: Vec<HotRecord>,
    index: HashTable<u32>,
}

/// 40 bytes a message.
#[derive(Debug, Clone, Copy)]
struct HotRecord {
    key: [u64; 2],
    binding: u32,
    record: MessageRecord,
}

impl HotRecord {
    const fn fingerprint(&self) -> Fingerprint {
        Fingerprint((self.key[0] as u128) | ((self.key[1] as u128) << 64))
    }
}

const fn key_of(fingerprint: Fingerprint) -> [u64; 2] {
    [fingerprint.0 as u64, (fingerprint.0 >> 64) as u64]
}

impl HotTable {
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn with_capacity(records: usize) -> Self {
        Self {
            records: Vec::with_capacity(records),
            index: HashTable::with_capacity(records),
        }
    }

    /// The ordinal of a message of this generation.
    #[inline]
    pub(crate) fn ordinal(&self, fingerprint: Fingerprint) -> Option<u32> {
        let key = key_of(fingerprint);
        self.index
            .find(spread(fingerprint), |at| {
                self.records[*at as usize].key == key
            })
            .copied()
    }

    /// The binding of a message of this generation.
    #[inline]
    pub(crate) fn binding(&self, ordinal: u32) -> Option<u32> {
        self.records.get(ordinal as usize).map(|hot| hot.binding)
    }

    /// The record of a message of this generation.
    pub(crate) fn find(&self, fingerprint: Fingerprint) -> Option<ColdRecord> {
        let ordinal = self.ordinal(fingerprint)?;
        let hot = self.records.get(ordinal as usize)?;
        Some(ColdRecord {
            fingerprint,
            binding: hot.binding,
            record: hot.record,
        })
    }

    /// Takes a message in that this generation has not, with what was known of
    /// it before; the caller applies the report to a copy first.
    pub(crate) fn insert(
        &mut self,
        fingerprint: Fingerprint,
        binding: u32,
        (before, status, after): (&MessageRecord, MessageStatus, MessageRecord),
        deltas: &mut Deltas,
    ) {
        let ordinal = self.records.len() as u32;
        self.records.push(HotRecord {
            key: key_of(fingerprint),
            binding,
            record: after,
        });
        let records = &self.records;
        self.index
            .insert_unique(spread(fingerprint), ordinal, |at| {
                spread(records[*at as usize].fingerprint())
            });
        deltas.change(binding, status, (before, &after));
    }

    /// Applies a report to a message of this generation; tells whether its
    /// record changed. `None`: there is no such ordinal.
    #[inline]
    pub(crate) fn touch(
        &mut self,
        ordinal: u32,
        status: MessageStatus,
        slot: Slot,
        deltas: &mut Deltas,
    ) -> Option<(Report, bool)> {
        let hot = self.records.get_mut(ordinal as usize)?;
        let before = hot.record;
        let report = hot.record.apply(status, slot);
        let changed = hot.record != before;
        if changed {
            deltas.change(hot.binding, status, (&before, &hot.record));
        }
        Some((report, changed))
    }

    /// All records, in the order of fingerprints.
    pub(crate) fn sorted(&self) -> Vec<ColdRecord> {
        let mut records: Vec<ColdRecord> = self
            .records
            .iter()
            .map(|hot| ColdRecord {
                fingerprint: hot.fingerprint(),
                binding: hot.binding,
                record: hot.record,
            })
            .collect();
        records.sort_unstable_by_key(|it| it.fingerprint);
        records
    }
}

/// A signed difference of one counter place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delta {
    pub(crate) binding: u32,
    pub(crate) slot: Slot,
    pub(crate) counts: Counts,
}

/// What a frame changes for the bindings of one stripe.
#[derive(Debug, Default)]
pub(crate) struct StripeDeltas {
    pub(crate) counts: Vec<Delta>,
    pub(crate) notes: Vec<(NoteKey, i32)>,
}

impl StripeDeltas {
    pub(crate) const fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.notes.is_empty()
    }
}

/// The differences of the frame that is being built, spread by binding.
#[derive(Debug)]
pub(crate) struct Deltas {
    pub(crate) stripes: Box<[StripeDeltas; STRIPES]>,
    pub(crate) reporter: Reporter,
}

impl Default for Deltas {
    fn default() -> Self {
        Self {
            stripes: Box::new(std::array::from_fn(|_| StripeDeltas::default())),
            reporter: Reporter::default(),
        }
    }
}

impl Deltas {
    #[inline]
    fn change(
        &mut self,
        binding: u32,
        status: MessageStatus,
        (before, after): (&MessageRecord, &MessageRecord),
    ) {
        let StripeDeltas { counts: all, notes } = &mut self.stripes[binding as usize % STRIPES];
        after.contribute_change(before, |slot, counts| match all.last_mut() {
            // Most messages are delivered in the slot in which they were sent.
            Some(last) if (last.binding, last.slot) == (binding, slot) => last.counts += counts,
            Some(_) | None => all.push(Delta {
                binding,
                slot,
                counts,
            }),
        });
        self.reporter
            .changed(notes, binding, status, (before, after));
    }

    pub(crate) fn add_note(&mut self, key: NoteKey, count: i32) {
        let stripe = &mut self.stripes[key.binding as usize % STRIPES];
        stripe.notes.push((key, count));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stripes.iter().all(StripeDeltas::is_empty)
    }

    pub(crate) fn clear(&mut self) {
        for stripe in self.stripes.iter_mut() {
            stripe.counts.clear();
            stripe.notes.clear();
        }
    }
}
