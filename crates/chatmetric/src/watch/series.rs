//! The quarter hours of one number up to a moment, as sums that are cheap to ask for.
//!
//! Filled from the tallies that answers are made of. Invariant: what is outside of it is
//! nothing, so that a rule may ask for any stretch.

use super::float;
use chatmetric_core::time::SLOTS_PER_DAY;
use chatmetric_core::{Counts, DayBlock, UtcDay};

/// What a stretch of quarter hours holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stretch {
    pub(super) sent: i64,
    /// Of those sent in it, the ones delivered by now.
    pub(super) delivered_of_sent: i64,
    /// Failed in it and never delivered.
    pub(super) failed: i64,
}

impl Stretch {
    /// The share of the sent ones that is delivered.
    pub(super) fn delivered_share(&self) -> f64 {
        float(self.delivered_of_sent.min(self.sent)) / float(self.sent).max(1.0)
    }

    /// How many have no report beside `sent`. A failure is counted when it happened, not
    /// when its message was sent; that is seconds later.
    pub(super) fn unreported(&self) -> i64 {
        (self.sent - self.delivered_of_sent - self.failed).max(0)
    }

    /// The share of the sent ones that has no report beside `sent`.
    pub(super) fn unreported_share(&self) -> f64 {
        float(self.unreported()) / float(self.sent).max(1.0)
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// The first quarter hour.
    first: i64,
    counts: Vec<Counts>,
    /// Sums of what is before each quarter hour.
    before: Vec<Stretch>,
    /// Messages under way at the end of each quarter hour, of those delivered by now.
    under_way: Vec<i64>,
}

impl Series {
    /// Whole days, both included, without counts.
    pub(super) fn new(first: UtcDay, last: UtcDay) -> Self {
        let days = usize::try_from(last.0.saturating_sub(first.0)).unwrap_or(0) + 1;
        Self {
            first: i64::from(first.first_slot().0),
            counts: vec![Counts::ZERO; days * SLOTS_PER_DAY],
            before: Vec::new(),
            under_way: Vec::new(),
        }
    }

    /// Adds a day of tallies.
    pub(super) fn add_day(&mut self, day: UtcDay, block: &DayBlock) {
        let at = i64::from(day.first_slot().0) - self.first;
        let Ok(at) = usize::try_from(at) else { return };
        for (own, more) in self.counts.iter_mut().skip(at).zip(block.slots()) {
            *own += more;
        }
    }

    /// Adds to one quarter hour.
    #[cfg(test)]
    pub(super) fn add(&mut self, slot: chatmetric_core::Slot, counts: Counts) {
        let at = usize::try_from(i64::from(slot.0) - self.first);
        if let Some(own) = at.ok().and_then(|at| self.counts.get_mut(at)) {
            *own += counts;
        }
    }

    /// Makes the sums, once all is there.
    pub(super) fn summed(mut self) -> Self {
        let mut sum = Stretch::default();
        self.before = Vec::with_capacity(self.counts.len() + 1);
        self.before.push(sum);
        for counts in &self.counts {
            sum.sent += i64::from(counts.sent);
            sum.delivered_of_sent += i64::from(counts.delivered_of_sent);
            sum.failed += i64::from(counts.failed);
            self.before.push(sum);
        }
        // Whatever is delivered by now is under way no more: counted from the end, what
        // was delivered later and not sent later was under way.
        let mut under_way = 0;
        self.under_way = vec![0; self.counts.len()];
        for (place, counts) in self.under_way.iter_mut().zip(&self.counts).rev() {
            *place = under_way;
            under_way += i64::from(counts.delivered) - i64::from(counts.delivered_of_sent);
        }
        self
    }

    fn at(&self, slot: i64) -> usize {
        let at = usize::try_from(slot - self.first).unwrap_or(0);
        at.min(self.counts.len())
    }

    /// The sums of the quarter hours from `from` on and before `to`.
    pub(super) fn stretch(&self, from: i64, to: i64) -> Stretch {
        let sums = |slot| self.before.get(self.at(slot)).copied().unwrap_or_default();
        let (start, end) = (sums(from), sums(to));
        Stretch {
            sent: end.sent - start.sent,
            delivered_of_sent: end.delivered_of_sent - start.delivered_of_sent,
            failed: end.failed - start.failed,
        }
    }

    /// How long a message that is delivered is usually under way, in quarter hours, within
    /// `from..to`: by Little's law, those under way at a time, over those that come.
    pub(super) fn mean_delay_slots(&self, from: i64, to: i64) -> Option<f64> {
        let delivered = self.stretch(from, to).delivered_of_sent;
        let (from, to) = (self.at(from), self.at(to));
        let under_way: i64 = self.under_way.get(from..to)?.iter().sum();
        (delivered > 0).then(|| float(under_way) / float(delivered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_core::Slot;

    fn counts(sent: i32, delivered: i32, delivered_of_sent: i32) -> Counts {
        Counts {
            sent,
            delivered,
            delivered_of_sent,
            ..Counts::ZERO
        }
    }

    #[test]
    fn stretches_are_sums_and_nothing_is_outside() {
        let day = UtcDay(20_000);
        let mut series = Series::new(day, day);
        let first = day.first_slot().0;
        series.add(Slot(first), counts(10, 0, 8));
        series.add(Slot(first + 2), counts(5, 13, 5));
        let series = series.summed();
        let first = i64::from(first);
        let all = series.stretch(first - 900, first + 900);
        assert_eq!(
            (all.sent, all.delivered_of_sent, all.unreported()),
            (15, 13, 2)
        );
        assert_eq!(series.stretch(first + 1, first + 3).sent, 5);
        assert_eq!(series.stretch(first + 3, first + 90), Stretch::default());
        // Eight messages were under way for two quarter hours, five for none.
        let mean = series.mean_delay_slots(first, first + 96).expect("some");
        assert!((mean - 16.0 / 13.0).abs() < 1e-9, "{mean}");
    }
}
