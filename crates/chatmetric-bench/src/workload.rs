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

/// Events with their expected totals: number -> quarter hour -> counters.
pub(crate) struct Dataset {
    pub(crate) events: Vec<Event>,
    pub(crate) expected: BTreeMap<String, BTreeMap<i64, Totals>>,
}

impl Dataset {
    /// The first `events_max` events of a seeded month of `numbers` numbers.
    pub(crate) fn make(events_max: u64, numbers: u64) -> Self {
        // A message has about 2.6 reports, copies included.
        let config = Config {
            numbers: u32::try_from(numbers).unwrap_or(u32::MAX),
            messages: events_max / 2,
            start_ms: START_MS,
            span_ms: SPAN_DAYS * DAY_MS,
            ..Config::default()
        };
        let take = usize::try_from(events_max).unwrap_or(usize::MAX);
        let events: Vec<Event> = Workload::new(config).take(take).collect();
        let mut model = Model::new();
        for event in &events {
            model.observe(event);
        }
        let expected = model
            .numbers(0)
            .into_iter()
            .map(|number| (number.clone(), model.totals(0, &number)))
            .collect();
        Self { events, expected }
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
