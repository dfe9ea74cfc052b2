//! The stored day blocks of bindings that were read lately, in memory.
//!
//! A span is what the catalog holds of one binding from one day to another, as
//! of one segment of its shard: days that it does not name count nothing. It is
//! packed, not in the bytes of the catalog, which take most of a read to decode. Not
//! here: the differences of open generations; readers add those from the span's
//! segment on. Invariant: whoever pinned the generations first finds every sealed
//! generation, that is not among the pinned ones, in the span. For that, a seal
//! says [`DayCache::apply`] after its commit and before its generation leaves the
//! view, and a span that was read before a commit never comes in after it.

use super::day_coding;
use super::generation::lock;
use super::hot::STRIPES;
use super::packed_day::PackedDay;
use crate::sync::{AtomicU64, Mutex};
use chatmetric_core::{DayBlock, UtcDay};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::VecDeque;
use std::mem::size_of;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The most days that a span has.
pub(crate) const SPAN_DAYS_MAX: u32 = 400;

/// Spans begin and end at multiples of so many days, so that tomorrow's question
/// finds today's span.
const SPAN_ALIGN_DAYS: u32 = 8;

/// What the allocator and the maps take besides the bytes of blocks.
const SPAN_BYTES: usize = 160;
const BLOCK_BYTES: usize = size_of::<(UtcDay, PackedDay)>() + 16;

/// Some stored days of a binding as of one segment.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    /// The first segment that is not in the blocks.
    pub(crate) segment: u64,
    pub(crate) days: RangeInclusive<UtcDay>,
    /// By day.
    pub(crate) blocks: Vec<(UtcDay, PackedDay)>,
}

/// What a seal made of the blocks of one binding, as `day_coding` writes them but for
/// the checksum; `None` in place of the list when it did not keep them, in place of
/// bytes when nothing is left of a day.
pub(crate) type Changed = (u32, Option<Vec<(UtcDay, Option<Box<[u8]>>)>>);

/// The spans, spread by binding.
#[derive(Debug)]
pub(crate) struct DayCache {
    stripes: Vec<Mutex<Stripe>>,
    stripe_bytes_max: usize,
}

#[derive(Debug, Default)]
struct Stripe {
    spans: HashMap<u32, Held, FxBuildHasher>,
    /// The order in which spans are looked at when one has to go.
    clock: VecDeque<u32>,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    span: Arc<Span>,
    bytes: usize,
    used: bool,
}

impl Span {
    fn bytes(&self) -> usize {
        let blocks = self.blocks.iter().map(|(_, block)| block.heap_bytes());
        SPAN_BYTES + blocks.map(|bytes| bytes + BLOCK_BYTES).sum::<usize>()
    }

    fn change(&mut self, day: UtcDay, block: Option<PackedDay>) {
        let found = self.blocks.binary_search_by_key(&day, |(day, _)| *day);
        match (found, block) {
            (Ok(at), Some(block)) => self.blocks[at].1 = block,
            (Ok(at), None) => drop(self.blocks.remove(at)),
            (Err(at), Some(block)) => self.blocks.insert(at, (day, block)),
            (Err(_), None) => {}
        }
    }
}

/// The days to read for a question, and whether they are few enough to keep.
pub(crate) fn span_days(days: &RangeInclusive<UtcDay>) -> (RangeInclusive<UtcDay>, bool) {
    let (first, last) = (days.start().0, days.end().0);
    let from = first - first % SPAN_ALIGN_DAYS;
    let to = last.saturating_add(SPAN_ALIGN_DAYS - 1 - last % SPAN_ALIGN_DAYS);
    if to - from < SPAN_DAYS_MAX {
        (UtcDay(from)..=UtcDay(to), true)
    } else {
        (days.clone(), false)
    }
}

/// `None` when bytes cannot be read: the next reader asks the catalog, and says so.
fn packed(days: Vec<(UtcDay, Option<Box<[u8]>>)>) -> Option<Vec<(UtcDay, Option<PackedDay>)>> {
    let mut block = DayBlock::default();
    let mut pack = |bytes: Box<[u8]>| {
        block.clear();
        day_coding::add_body(&bytes, &mut block)?;
        Some(PackedDay::pack(&block))
    };
    days.into_iter()
        .map(|(day, bytes)| match bytes {
            Some(bytes) => pack(bytes).map(|block| (day, Some(block))),
            None => Some((day, None)),
        })
        .collect()
}

impl DayCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            stripe_bytes_max: bytes_max / STRIPES,
        }
    }

    fn stripe(&self, binding: u32) -> &Mutex<Stripe> {
        &self.stripes[binding as usize % STRIPES]
    }

    /// The span of a binding when it covers the days.
    pub(crate) fn get(&self, binding: u32, days: &RangeInclusive<UtcDay>) -> Option<Arc<Span>> {
        let mut stripe = lock(self.stripe(binding));
        let held = stripe.spans.get_mut(&binding)?;
        let covers = held.span.days.start() <= days.start() && days.end() <= held.span.days.end();
        covers.then(|| {
            held.used = true;
            Arc::clone(&held.span)
        })
    }

    /// Whether a seal should keep the blocks that it makes for a binding.
    pub(crate) fn has(&self, binding: u32) -> bool {
        lock(self.stripe(binding)).spans.contains_key(&binding)
    }

    /// Takes a span in, unless something was sealed since it was read; `sealed`
    /// is the first segment of the shard that is not sealed.
    pub(crate) fn put(&self, binding: u32, span: Arc<Span>, sealed: &AtomicU64) {
        let bytes = span.bytes();
        if bytes > self.stripe_bytes_max {
            return;
        }
        let mut stripe = lock(self.stripe(binding));
        // A seal raises the number first and then asks for this lock: either it
        // is seen here, or the seal finds the span.
        if sealed.load(Ordering::Acquire) != span.segment {
            return;
        }
        stripe.remove(binding);
        let used = false;
        stripe.bytes += bytes;
        stripe.spans.insert(binding, Held { span, bytes, used });
        stripe.clock.push_back(binding);
        stripe.shrink(self.stripe_bytes_max);
    }

    /// Brings the spans to the state after a seal; called after its commit.
    pub(crate) fn apply(&self, changes: Vec<Changed>, next_segment: u64, sealed: &AtomicU64) {
        sealed.store(next_segment, Ordering::Release);
        for (binding, days) in changes {
            let days = days.and_then(packed);
            let mut stripe = lock(self.stripe(binding));
            let Some(days) = days else {
                stripe.remove(binding);
                continue;
            };
            let stripe = &mut *stripe;
            let Some(held) = stripe.spans.get_mut(&binding) else {
                continue;
            };
            // Readers keep what they have; it stays right with their generations.
            let span = Arc::make_mut(&mut held.span);
            span.segment = next_segment;
            for (day, block) in days {
                if span.days.contains(&day) {
                    span.change(day, block);
                }
            }
            stripe.bytes -= held.bytes;
            held.bytes = span.bytes();
            stripe.bytes += held.bytes;
            stripe.shrink(self.stripe_bytes_max);
        }
    }

    /// Bytes of all spans.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.stripes.iter().map(|stripe| lock(stripe).bytes).sum()
    }
}

impl Stripe {
    fn remove(&mut self, binding: u32) {
        if let Some(held) = self.spans.remove(&binding) {
            self.bytes -= held.bytes;
            self.clock.retain(|it| *it != binding);
        }
    }

    /// Lets spans go that were not used since they were looked at last.
    fn shrink(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(binding) = self.clock.pop_front() else {
                return;
            };
            match self.spans.get_mut(&binding) {
                Some(held) if held.used => {
                    held.used = false;
                    self.clock.push_back(binding);
                }
                Some(_) => {
                    if let Some(held) = self.spans.remove(&binding) {
                        self.bytes -= held.bytes;
                    }
                }
                None => {}
            }
        }
    }
}

#[cfg(all(test, shuttle))]
mod concurrency;
#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_core::Counts;

    /// A day with one message sent in each of its first slots.
    fn day(slots: usize) -> DayBlock {
        let mut block = DayBlock::default();
        for slot in 0..slots {
            block.add(slot, Counts::from_array([1, 0, 0, 0, 0]));
        }
        block
    }

    /// A span of so many days, each of 96 bytes.
    fn span(segment: u64, days: u32) -> Arc<Span> {
        Arc::new(Span {
            segment,
            days: UtcDay(0)..=UtcDay(31),
            blocks: (4..4 + days)
                .map(|at| (UtcDay(at), PackedDay::pack(&day(96))))
                .collect(),
        })
    }

    const ALL: RangeInclusive<UtcDay> = UtcDay(0)..=UtcDay(31);

    #[test]
    fn a_span_that_was_read_before_a_commit_stays_out() {
        let (cache, sealed) = (DayCache::new(1 << 20), AtomicU64::new(3));
        cache.apply(Vec::new(), 4, &sealed);
        cache.put(7, span(3, 1), &sealed);
        assert!(cache.get(7, &ALL).is_none());
        cache.put(7, span(4, 1), &sealed);
        assert!(cache.get(7, &ALL).is_some());
        assert!(cache.get(7, &(UtcDay(0)..=UtcDay(32))).is_none());
    }

    #[test]
    fn a_seal_changes_all_days_of_a_span_or_drops_it() {
        let (cache, sealed) = (DayCache::new(1 << 20), AtomicU64::new(1));
        cache.put(7, span(1, 1), &sealed);
        cache.put(8, span(1, 1), &sealed);
        let before = cache.get(7, &ALL).expect("held");
        let block = |slots| {
            let bytes = day_coding::encode(b"", &day(slots));
            day_coding::unseal(b"", &bytes).map(Box::from)
        };
        let days = vec![
            (UtcDay(3), block(3)),
            (UtcDay(4), None),
            (UtcDay(90), block(9)),
        ];
        cache.apply(vec![(7, Some(days)), (8, None)], 2, &sealed);
        let after = cache.get(7, &ALL).expect("held");
        assert_eq!((before.segment, after.segment), (1, 2));
        assert_eq!(before.blocks[0].0, UtcDay(4));
        assert_eq!(after.blocks, [(UtcDay(3), PackedDay::pack(&day(3)))]);
        assert!(cache.get(8, &ALL).is_none());
        let unreadable = vec![(UtcDay(3), Some(Box::from([1])))];
        cache.apply(vec![(7, Some(unreadable))], 3, &sealed);
        assert!(cache.get(7, &ALL).is_none(), "asked from the catalog again");
    }

    #[test]
    fn the_bytes_are_bounded_and_what_is_used_stays() {
        let (cache, sealed) = (DayCache::new(STRIPES * 4096), AtomicU64::new(1));
        cache.put(0, span(1, 3), &sealed);
        for at in 1..100 {
            assert!(cache.get(0, &ALL).is_some(), "used after {at}");
            cache.put(at * STRIPES as u32, span(1, 3), &sealed);
            assert!(cache.bytes() <= 4096, "{}", cache.bytes());
        }
        cache.put(1, span(1, 28), &sealed);
        assert!(cache.get(1, &ALL).is_none(), "too large");
    }

    #[test]
    fn spans_are_aligned_and_short() {
        let days = |from, to| UtcDay(from)..=UtcDay(to);
        assert_eq!(span_days(&days(17, 24)), (days(16, 31), true));
        assert_eq!(span_days(&days(8, 407)), (days(8, 407), true));
        assert_eq!(span_days(&days(8, 408)), (days(8, 408), false));
        assert_eq!(span_days(&days(0, u32::MAX)), (days(0, u32::MAX), false));
    }
}
