//! The events of a run, made before the clock starts, and what they must add up to.

use chatmetric_core::{EpochMs, FingerprintKey, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_sim::{Config, Event, Model, Status, Totals, Workload};
use chatmetric_store::{StatusEvent, Target};
use std::collections::BTreeMap;

/// The space of all events.
pub(crate) const SPACE: SpaceKey = SpaceKey(1);
/// Events of one batch.
pub(crate) const BATCH_EVENTS: usize = 1000;
/// Over how long the messages leave.
pub(crate) const SPAN_DAYS: i64 = 30;
/// When the first message leaves.
pub(crate) const START_MS: i64 = 1_790_000_000_000;
const DAY_MS: i64 = 86_400_000;

/// What a run must add up to: number -> first ms of a quarter hour -> counters.
pub(crate) type Expected = BTreeMap<String, BTreeMap<i64, Totals>>;

/// Events with their expected totals.
pub(crate) struct Dataset {
    pub(crate) events: Vec<Event>,
    /// Different messages among them.
    pub(crate) messages: u64,
    pub(crate) expected: Expected,
}

impl Dataset {
    /// The first `events_max` events of a seeded month of `numbers` numbers.
    pub(crate) fn make(events_max: u64, numbers: u64) -> Self {
        // A message has about 2.6 reports, copies included. Of the reports, 5 % come
        // again, one to three times, half of these copies hours later; 1 % come up
        // to a day late.
        let config = Config {
            numbers: u32::try_from(numbers).unwrap_or(u32::MAX),
            messages: events_max / 2,
            start_ms: START_MS,
            span_ms: SPAN_DAYS * DAY_MS,
            duplicated: 50,
            late: 10,
            ..Config::default()
        };
        let take = usize::try_from(events_max).unwrap_or(usize::MAX);
        let events: Vec<Event> = Workload::new(config).take(take).collect();
        let mut model = Model::new();
        for event in &events {
            model.observe(event);
        }
        Self {
            events,
            messages: model.messages(),
            expected: model.totals_by_number(0),
        }
    }

    /// The events as the ingest path hands them to the store. Hashing an id costs
    /// 25 ns; it belongs to ingest, so it is done before the clock starts.
    pub(crate) fn hashed(&self) -> Vec<StatusEvent> {
        let key = FingerprintKey::new([7; 16]);
        self.events
            .iter()
            .filter_map(|event| {
                let number = PhoneNumber::parse(&event.number).ok()?;
                Some(StatusEvent {
                    fingerprint: key.fingerprint(event.channel, &number, &event.message_id),
                    number,
                    status: match event.status {
                        Status::Sent => MessageStatus::Sent,
                        Status::Delivered => MessageStatus::Delivered,
                        Status::Read | Status::Played => MessageStatus::Read,
                        Status::Failed => MessageStatus::Failed,
                    },
                    at: EpochMs(event.ts_ms),
                    target: Target::Space(SPACE),
                })
            })
            .collect()
    }
}
