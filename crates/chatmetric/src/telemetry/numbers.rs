//! Sent and delivered of single numbers as counters, for dashboards.
//!
//! Read from the tallies when somebody looks: sums over a window of days that holds every
//! day in which something can still be counted, so that a count which moves from one slot
//! to an earlier one changes nothing. Not here: exact counts of a range, which are the
//! API's.
//!
//! Invariants: a counter never goes down while its number is told; there are at most
//! `telemetry.metrics_numbers_max` numbers, whatever comes in.

use super::{escaped, family, line};
use crate::clock::Clock;
use crate::config::Settings;
use crate::directory::{Snapshot, Space};
use chatmetric_core::{DayBlock, PhoneNumber, SpaceKey, UtcDay};
use chatmetric_store::{Store, StoreError};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Who asks again sooner gets what was read before.
const LOOK_EVERY_MS: u64 = 1_000;
/// How often numbers are chosen anew while there is room for more.
const CHOOSE_EVERY_MS: u64 = 60_000;
/// How often when there is none, so that the series of a dashboard stay.
const CHOOSE_FULL_EVERY_MS: u64 = 3_600_000;
/// Most numbers that are looked at for choosing.
const CANDIDATES_MAX: usize = 20_000;
/// Traffic of so many days decides, with today.
const CHOICE_DAYS: u32 = 7;
/// How long before the horizon of messages a window begins, in days: with the slack less
/// than any retention keeps, so that no day is dropped out of a window.
const WINDOW_MARGIN_DAYS: u32 = 28;
/// How much longer a window may become before it begins later, in days.
const WINDOW_SLACK_DAYS: u32 = 1;

/// Messages sent and delivered.
type Pair = [u64; 2];

/// A number of a space; the same number may have been of two.
type Key = (String, PhoneNumber);

/// See the module.
#[derive(Debug)]
pub(crate) struct NumberFigures {
    most: usize,
    named: Vec<PhoneNumber>,
    window_days: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    looked_ms: Option<u64>,
    chosen_ms: Option<u64>,
    told: BTreeMap<Key, Told>,
}

/// A number that is told.
#[derive(Debug, Clone, Copy)]
struct Told {
    space: SpaceKey,
    since: UtcDay,
    last: Pair,
    counted: Pair,
}

impl NumberFigures {
    pub(crate) fn new(settings: &Settings) -> Self {
        let telemetry = &settings.telemetry;
        Self {
            most: telemetry.metrics_numbers_max,
            named: telemetry.metrics_numbers.clone(),
            window_days: settings
                .store
                .message_horizon_days
                .saturating_add(WINDOW_MARGIN_DAYS),
            state: Mutex::default(),
        }
    }

    /// Looks, and writes both families. Blocks on the disk.
    pub(crate) fn write(
        &self,
        out: &mut String,
        store: &dyn Store,
        snapshot: &Snapshot,
        clock: &dyn Clock,
    ) {
        if self.most == 0 {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = clock.monotonic_ms();
        if is_due(state.looked_ms, now_ms, LOOK_EVERY_MS) {
            let today = clock.now().slot().day();
            if let Err(error) = self.look(&mut state, store, snapshot, today, now_ms) {
                let error = crate::cli::error_chain(&error);
                tracing::warn!(error, "the counts of numbers could not be read for figures");
            }
            state.looked_ms = Some(now_ms);
        }
        for (at, name, what) in [
            (0, "chatmetric_number_messages_sent", "sent"),
            (1, "chatmetric_number_messages_delivered", "delivered"),
        ] {
            let help = format!(
                "Messages newly counted as {what} since the number is told here; a count that \
                 moves to an earlier time adds nothing."
            );
            family(out, name, "counter", &help);
            for ((space, number), told) in &state.told {
                let space = escaped(space);
                let series = format!("{name}_total{{space=\"{space}\",number=\"{number}\"}}");
                line(out, &series, told.counted.get(at).unwrap_or(&0));
            }
        }
    }

    fn look(
        &self,
        state: &mut State,
        store: &dyn Store,
        snapshot: &Snapshot,
        today: UtcDay,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        for ((_, number), told) in &mut state.told {
            self.count(told, number, store, today)?;
        }
        let every_ms = if state.told.len() < self.most {
            CHOOSE_EVERY_MS
        } else {
            CHOOSE_FULL_EVERY_MS
        };
        if is_due(state.chosen_ms, now_ms, every_ms) {
            let mut told = BTreeMap::new();
            for (key, space) in self.choose(store, snapshot, today)? {
                let number = key.1;
                let known = state.told.get(&key).copied();
                let known = match known {
                    Some(known) => known,
                    None => self.begun(space, &number, store, today)?,
                };
                told.insert(key, known);
            }
            state.told = told;
            state.chosen_ms = Some(now_ms);
        }
        Ok(())
    }

    /// Adds what was newly counted since the last look.
    fn count(
        &self,
        told: &mut Told,
        number: &PhoneNumber,
        store: &dyn Store,
        today: UtcDay,
    ) -> Result<(), StoreError> {
        let begin = UtcDay(today.0.saturating_sub(self.window_days));
        let moves = begin.0 > told.since.0.saturating_add(WINDOW_SLACK_DAYS);
        // Both windows are of one state of the tallies, so that nothing falls between.
        let (mut all, mut later) = ([0; 2], [0; 2]);
        store.read_days(
            told.space,
            number,
            told.since..=last_day(today),
            &mut |day, block| {
                add(&mut all, block);
                if day >= begin {
                    add(&mut later, block);
                }
            },
        )?;
        let (all, later) = (pair(all), pair(later));
        for ((counted, last), now) in told.counted.iter_mut().zip(&told.last).zip(&all) {
            *counted = counted.saturating_add(now.saturating_sub(*last));
        }
        (told.since, told.last) = if moves {
            (begin, later)
        } else {
            (told.since, all)
        };
        Ok(())
    }

    /// A number that is told from now on.
    fn begun(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        store: &dyn Store,
        today: UtcDay,
    ) -> Result<Told, StoreError> {
        let since = UtcDay(today.0.saturating_sub(self.window_days));
        let mut sums = [0; 2];
        store.read_days(space, number, since..=last_day(today), &mut |_, block| {
            add(&mut sums, block);
        })?;
        Ok(Told {
            space,
            since,
            last: pair(sums),
            counted: [0; 2],
        })
    }

    /// The numbers to tell: those that are named, else those with the most traffic.
    fn choose(
        &self,
        store: &dyn Store,
        snapshot: &Snapshot,
        today: UtcDay,
    ) -> Result<Vec<(Key, SpaceKey)>, StoreError> {
        let mut spaces: Vec<&Space> = snapshot.spaces().map(AsRef::as_ref).collect();
        spaces.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        let from = UtcDay(today.0.saturating_sub(CHOICE_DAYS));
        let mut candidates = Vec::new();
        let mut looked = 0;
        'all: for space in spaces {
            for number in store.numbers(space.key)? {
                if !self.named.is_empty() && !self.named.contains(&number) {
                    continue;
                }
                looked += 1;
                if looked > CANDIDATES_MAX {
                    break 'all;
                }
                let mut sums = [0; 2];
                store.read_days(
                    space.key,
                    &number,
                    from..=last_day(today),
                    &mut |_, block| {
                        add(&mut sums, block);
                    },
                )?;
                let traffic: u64 = pair(sums).iter().sum();
                let key = (space.id.to_string(), number);
                candidates.push((Reverse(traffic), key, space.key));
            }
        }
        candidates.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        candidates.truncate(self.most);
        let chosen = candidates.into_iter();
        Ok(chosen.map(|(_, key, space)| (key, space)).collect())
    }
}

fn is_due(last_ms: Option<u64>, now_ms: u64, every_ms: u64) -> bool {
    last_ms.is_none_or(|last_ms| now_ms.saturating_sub(last_ms) >= every_ms)
}

/// Clocks of providers may be ahead of ours.
fn last_day(today: UtcDay) -> UtcDay {
    UtcDay(today.0.saturating_add(1))
}

fn add(sums: &mut [i64; 2], block: &DayBlock) {
    for (sum, column) in sums.iter_mut().zip(block.columns()) {
        *sum += column.iter().map(|count| i64::from(*count)).sum::<i64>();
    }
}

fn pair(sums: [i64; 2]) -> Pair {
    sums.map(|sum| u64::try_from(sum).unwrap_or(0))
}
