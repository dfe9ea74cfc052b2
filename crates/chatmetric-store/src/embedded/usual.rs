//! The usual source of a number, by day: what it reports in the plain way needs no note.
//!
//! Almost every number has one source, whose reports make almost all of its counts; so
//! only what deviates is written down (`notes.rs`), and the rest is what remains of the
//! count. Not here: what deviates. Invariant: the usual source of a day never changes
//! once anything of that day was counted or noted; who is not sure of that keeps the
//! source of before, which costs notes and is never wrong.

use super::generation::lock;
use crate::api::SourceName;
use crate::sync::Mutex;
use chatmetric_core::UtcDay;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Bindings that have a usual source; of those behind it everything is noted. It bounds
/// the table, whatever a journal claims.
const BINDINGS_MAX: u32 = 1 << 26;
/// No source.
const NONE: u32 = u32::MAX;

/// Names of sources and their numbers in memory, which are not kept.
#[derive(Debug, Default)]
pub(crate) struct SourceNames {
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    by_number: Vec<SourceName>,
    numbers: HashMap<SourceName, u32, FxBuildHasher>,
}

impl SourceNames {
    /// The number of a source; a new one if there is none.
    pub(crate) fn number(&self, name: &SourceName) -> u32 {
        let mut names = lock(&self.names);
        if let Some(number) = names.numbers.get(name) {
            return *number;
        }
        // Sources are webhooks, streams and imports: there are few.
        let number = names.by_number.len() as u32;
        names.by_number.push(name.clone());
        names.numbers.insert(name.clone(), number);
        number
    }

    /// The name behind a number.
    pub(crate) fn name(&self, number: u32) -> Option<SourceName> {
        lock(&self.names).by_number.get(number as usize).cloned()
    }
}

/// The usual sources as the events of a shard leave them.
#[derive(Debug, Clone)]
pub(crate) struct UsualTable {
    rows: Vec<Usual>,
    /// Days up to this one may have been counted before the start.
    counted_before: UtcDay,
}

#[derive(Debug, Clone, Copy)]
struct Usual {
    source: u32,
    from_day: UtcDay,
    /// The last day of which something was counted or noted.
    last_day: UtcDay,
}

impl Default for UsualTable {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            counted_before: UtcDay(0),
        }
    }
}

impl UsualTable {
    /// Remembers that days up to this one may have counts, whatever the binding.
    pub(crate) fn counted_up_to(&mut self, day: UtcDay) {
        self.counted_before = self.counted_before.max(day);
        for row in &mut self.rows {
            row.last_day = row.last_day.max(day);
        }
    }

    fn row(&mut self, binding: u32) -> Option<&mut Usual> {
        let at = binding as usize;
        if binding >= BINDINGS_MAX {
            return None;
        }
        if at >= self.rows.len() {
            let unknown = Usual {
                source: NONE,
                from_day: UtcDay(0),
                last_day: self.counted_before,
            };
            self.rows.resize(at + 1, unknown);
        }
        self.rows.get_mut(at)
    }

    /// A binding that was just made: nothing of it was ever counted.
    pub(crate) fn made(&mut self, binding: u32) {
        if let Some(row) = self.row(binding) {
            *row = Usual {
                source: NONE,
                from_day: UtcDay(0),
                last_day: UtcDay(0),
            };
        }
    }

    /// What was written about a binding.
    pub(crate) fn set(&mut self, binding: u32, source: u32, from_day: UtcDay) {
        if let Some(row) = self.row(binding) {
            row.source = source;
            row.from_day = from_day;
            row.last_day = row.last_day.max(from_day);
        }
    }

    /// A source reports something of a day: it becomes the usual one if nothing of that
    /// day is there yet. Tells whether it did, which then has to be written.
    #[inline]
    pub(crate) fn elect(&mut self, binding: u32, source: u32, day: UtcDay) -> bool {
        let Some(row) = self.row(binding).filter(|row| day > row.last_day) else {
            return false;
        };
        row.last_day = day;
        if row.source == source {
            return false;
        }
        row.source = source;
        row.from_day = day;
        true
    }

    /// Whether a source is the usual one of that day.
    #[inline]
    pub(crate) fn is(&self, binding: u32, source: u32, day: UtcDay) -> bool {
        let row = self.rows.get(binding as usize);
        row.is_some_and(|row| row.source == source && day >= row.from_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_has_something_keeps_its_source() {
        let mut usual = UsualTable::default();
        usual.made(3);
        assert!(usual.elect(3, 7, UtcDay(100)));
        assert!(!usual.elect(3, 8, UtcDay(100)), "the day has counts");
        assert!(!usual.elect(3, 8, UtcDay(99)), "it may have some");
        assert!(usual.is(3, 7, UtcDay(100)) && usual.is(3, 7, UtcDay(500)));
        assert!(!usual.is(3, 7, UtcDay(99)) && !usual.is(3, 8, UtcDay(100)));
        assert!(!usual.elect(3, 7, UtcDay(101)), "nothing to write");
        assert!(usual.elect(3, 8, UtcDay(102)));
        assert!(!usual.is(3, 7, UtcDay(101)), "of old days it is not asked");
        assert!(usual.is(3, 8, UtcDay(102)));
    }

    #[test]
    fn after_a_start_only_days_that_cannot_have_counts_are_elected() {
        let mut usual = UsualTable::default();
        usual.counted_up_to(UtcDay(160));
        usual.set(1, 5, UtcDay(150));
        usual.counted_up_to(UtcDay(200));
        assert!(!usual.elect(1, 6, UtcDay(200)));
        assert!(!usual.elect(2, 6, UtcDay(200)), "nothing is known of it");
        assert!(usual.elect(1, 6, UtcDay(201)) && usual.elect(2, 6, UtcDay(201)));
        usual.made(9);
        assert!(usual.elect(9, 6, UtcDay(10)), "it is new");
    }

    #[test]
    fn a_binding_behind_the_last_has_no_usual_source() {
        let mut usual = UsualTable::default();
        usual.made(u32::MAX);
        usual.set(BINDINGS_MAX, 1, UtcDay(1));
        assert!(!usual.elect(BINDINGS_MAX, 1, UtcDay(2)));
        assert!(!usual.is(BINDINGS_MAX, 1, UtcDay(2)));
        assert!(usual.rows.is_empty());
        assert!(usual.elect(BINDINGS_MAX - 1, 1, UtcDay(2)));
    }

    #[test]
    fn names_keep_their_numbers() {
        let names = SourceNames::default();
        let (one, two) = (names.number(&"a".into()), names.number(&"b".into()));
        assert_ne!(one, two);
        assert_eq!(names.number(&"a".into()), one);
        assert_eq!(names.name(two).as_deref(), Some("b"));
        assert_eq!(names.name(9), None);
    }
}
