//! The smallest user of the crate: records by fingerprint, tallies kept by the
//! signed deltas of growing records, answers from the tallies. What a store
//! does, without its durability.

use chatmetric_core::metric::sort_rows;
use chatmetric_core::record::{DELTAS_MAX, Report};
use chatmetric_core::{
    Counts, DayBlock, EpochMs, Fingerprint, FingerprintKey, Granularity, MessageRecord,
    MessageStatus, MetricQuery, MetricRow, PhoneNumber, QueryLimits, Slot, TimeRange, UtcDay, Zone,
};
use chatmetric_sim::{Calendar, Event, Model, Query, Row, Status};
use std::collections::BTreeMap;

/// The tallies of numbers, by day.
pub(crate) type Tallies = BTreeMap<PhoneNumber, BTreeMap<UtcDay, DayBlock>>;

/// Records and the tallies that grew with them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) records: BTreeMap<Fingerprint, (PhoneNumber, MessageRecord)>,
    pub(crate) tallies: Tallies,
    pub(crate) new: u64,
    pub(crate) duplicate: u64,
    pub(crate) moved: u64,
}

fn add(tallies: &mut Tallies, number: PhoneNumber, slot: Slot, counts: Counts) {
    assert_ne!(slot, Slot::NEVER, "nothing is counted never");
    let days = tallies.entry(number).or_default();
    let block = days.entry(slot.day()).or_default();
    block.add(DayBlock::index_of(slot), counts);
}

/// An event as the crate sees it.
pub(crate) fn parsed(event: &Event) -> (Fingerprint, PhoneNumber, MessageStatus, Slot) {
    let key = FingerprintKey::new(*b"a key for tests!");
    let number = PhoneNumber::parse(&event.number).expect("digits");
    let fingerprint = key.fingerprint(event.channel, &number, &event.message_id);
    let status = MessageStatus::from_word(event.status.word()).expect("a counted word");
    let at = EpochMs::checked(event.ts_ms).expect("in range");
    (fingerprint, number, status, at.slot())
}

impl Ledger {
    pub(crate) fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut ledger = Self::default();
        for event in events {
            ledger.take(event);
        }
        ledger
    }

    pub(crate) fn take(&mut self, event: &Event) {
        self.take_batch(std::slice::from_ref(event));
    }

    /// Applies a batch and writes one difference a message for all of it.
    pub(crate) fn take_batch(&mut self, events: &[Event]) {
        let mut before = BTreeMap::new();
        for event in events {
            let (fingerprint, number, status, slot) = parsed(event);
            let (_, record) = self
                .records
                .entry(fingerprint)
                .or_insert((number, MessageRecord::EMPTY));
            before.entry(fingerprint).or_insert(*record);
            match record.apply(status, slot) {
                Report::New => self.new += 1,
                Report::Duplicate => self.duplicate += 1,
                Report::Moved => {
                    self.duplicate += 1;
                    self.moved += 1;
                }
            }
        }
        for (fingerprint, before) in before {
            let (number, after) = self.records[&fingerprint];
            let mut calls = 0;
            after.contribute_change(&before, |slot, counts| {
                calls += 1;
                add(&mut self.tallies, number, slot, counts);
            });
            assert!(calls <= DELTAS_MAX, "{calls} deltas of one change");
        }
    }

    /// The join of two replicas: records merged, tallies counted from them.
    pub(crate) fn merged(&self, other: &Self) -> Self {
        let mut records = self.records.clone();
        for (fingerprint, (number, record)) in &other.records {
            records
                .entry(*fingerprint)
                .and_modify(|(_, own)| *own = own.merge(record))
                .or_insert((*number, *record));
        }
        let mut ledger = Self {
            records,
            ..Self::default()
        };
        ledger.tallies = ledger.folded();
        ledger
    }

    /// The tallies, recomputed from the records.
    pub(crate) fn folded(&self) -> Tallies {
        let mut tallies = Tallies::new();
        for (number, record) in self.records.values() {
            record.contribute(|slot, counts| add(&mut tallies, *number, slot, counts));
        }
        tallies
    }

    /// What is counted, without the zeros that moved counts leave behind.
    pub(crate) fn counted(&self) -> BTreeMap<(PhoneNumber, u32), Counts> {
        counted(&self.tallies)
    }

    /// The rows of all numbers, read as a server reads them: only the days that
    /// the query names.
    pub(crate) fn rows(&self, query: &MetricQuery) -> Vec<MetricRow> {
        let mut rows = Vec::new();
        for (number, days) in &self.tallies {
            let mut series = query.series();
            if let Some(wanted) = query.days() {
                for (day, block) in days.range(wanted) {
                    series.add_day(*day, block);
                }
            }
            rows.extend(series.rows(*number));
        }
        sort_rows(&mut rows);
        rows
    }

    /// The tallies are the fold of the records; nothing is negative; running sums
    /// never break the order sent ≥ delivered ≥ read.
    pub(crate) fn check(&self) {
        assert_eq!(
            self.counted(),
            counted(&self.folded()),
            "tallies = fold of records"
        );
        for days in self.tallies.values() {
            let mut running = Counts::ZERO;
            for counts in days.values().flat_map(|block| block.slots()) {
                let all = [
                    counts.sent,
                    counts.delivered,
                    counts.read,
                    counts.failed,
                    counts.delivered_of_sent,
                ];
                assert!(all.iter().all(|count| *count >= 0), "{counts:?}");
                assert!(counts.delivered_of_sent <= counts.sent, "{counts:?}");
                running += counts;
                assert!(running.sent >= running.delivered, "{running:?}");
                assert!(running.delivered >= running.read, "{running:?}");
            }
            assert_eq!(running.delivered, running.delivered_of_sent, "{running:?}");
        }
    }
}

/// The counters of slots in which something is counted.
pub(crate) fn counted(tallies: &Tallies) -> BTreeMap<(PhoneNumber, u32), Counts> {
    let mut counted = BTreeMap::new();
    for (number, days) in tallies {
        for (day, block) in days {
            for (slot, counts) in (day.first_slot().0..).zip(block.slots()) {
                if !counts.is_zero() {
                    counted.insert((*number, slot), counts);
                }
            }
        }
    }
    counted
}

/// What the model counts, in the words of [`Ledger::counted`].
pub(crate) fn model_counted(model: &Model) -> BTreeMap<(PhoneNumber, u32), Counts> {
    let mut counted = BTreeMap::new();
    let narrow = |count: u64| i32::try_from(count).expect("small");
    for text in model.numbers(0) {
        let number = PhoneNumber::parse(&text).expect("digits");
        for (start_ms, totals) in model.totals(0, &text) {
            let counts = Counts {
                sent: narrow(totals.sent),
                delivered: narrow(totals.delivered),
                read: narrow(totals.read),
                failed: narrow(totals.failed),
                delivered_of_sent: narrow(totals.delivered_of_sent),
            };
            let slot = u32::try_from(start_ms / (15 * 60 * 1000)).expect("in range");
            counted.insert((number, slot), counts);
        }
    }
    counted
}

pub(crate) fn model_of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Model {
    let mut model = Model::new();
    for event in events {
        model.observe(event);
    }
    model
}

/// A question that both sides understand.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// `None`: half hours.
    pub(crate) zone: Option<&'static str>,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
}

impl Question {
    /// The query of the crate, without a limit.
    pub(crate) fn asked(&self) -> MetricQuery {
        let limits = QueryLimits {
            daily_windows_max: usize::MAX,
            half_hour_windows_max: usize::MAX,
        };
        let range = TimeRange::new(EpochMs(self.start_ms), EpochMs(self.end_ms));
        let (granularity, zone) = match self.zone {
            None => (Granularity::HalfHour, Zone::utc()),
            Some(name) => (Granularity::Daily, Zone::parse(name).expect("zone")),
        };
        let range = range.expect("start before end");
        MetricQuery::new(granularity, &range, &zone, &limits).expect("no limit")
    }

    /// The query of the model.
    pub(crate) fn modelled(&self) -> Query {
        Query {
            space: 0,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            granularity: match self.zone {
                None => chatmetric_sim::Granularity::HalfHour,
                Some(name) => {
                    chatmetric_sim::Granularity::Daily(Calendar::new(name).expect("zone"))
                }
            },
            number: None,
        }
    }
}

/// Rows of the crate in the words of the model.
pub(crate) fn plain(rows: &[MetricRow]) -> Vec<Row> {
    rows.iter()
        .map(|row| Row {
            start_ms: row.window.start.0,
            number: row.number.to_string(),
            end_ms: row.window.end.0,
            sent: row.sent,
            delivered: row.delivered,
        })
        .collect()
}

/// An event of the channel `whatsapp`.
pub(crate) fn event(number: &str, message_id: &str, status: Status, ts_ms: i64) -> Event {
    Event {
        channel: chatmetric_sim::CHANNEL,
        number: number.into(),
        message_id: message_id.into(),
        status,
        ts_ms,
        received_ms: ts_ms,
    }
}
