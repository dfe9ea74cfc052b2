//! The rules on the demo's traffic: quiet weeks are quiet, planted incidents are found in
//! time; and storms.

mod incidents;
mod storm;

use super::group::group;
use super::machine::{Change, Machine, Patience};
use super::rates::{delivery_rate, no_report};
use super::series::Series;
use super::silence::{Ring, silence};
use super::{AlertKey, Observation, Rule};
use crate::cli::demo::traffic::{self, PROFILES, Random, Report, Status};
use crate::config::WatchSettings;
use chatmetric_core::time::SLOT_MS;
use chatmetric_core::{Counts, EpochMs, MessageRecord, MessageStatus, Slot, UtcDay};
use std::collections::HashMap;

/// When the traffic ends: a Thursday, 00:16 UTC.
const NOW_S: i64 = 1_767_226_600;
const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;
/// Days of traffic: two weeks to learn, thirty days to watch.
const DAYS: i64 = 45;
const LEARN_DAYS: i64 = 15;
/// How often is looked here: the server looks more often, and so hears no later.
const STEP_S: i64 = 900;
const ACCOUNT: &str = "1000000000000001";

/// 45 days of ten numbers of all kinds: offices, weekends, campaigns, slow and bad ones.
fn reports(seed: u64) -> Vec<Report> {
    let mut random = Random(seed);
    traffic::replay_of_days(&mut random, NOW_S, traffic::EVENTS_DEFAULT, DAYS).reports
}

/// Something that fired or ended.
#[derive(Debug, Clone)]
struct Told {
    at_s: i64,
    /// `delivery_rate number/…`, as the alert says.
    what: String,
    /// Why, for people who look at a test that fails.
    why: String,
}

/// What a replay had the watch say.
#[derive(Debug, Default)]
struct Heard {
    fired: Vec<Told>,
    over: Vec<Told>,
}

impl Heard {
    /// How long after `since_s` it was told.
    #[track_caller]
    fn delay_s(&self, rule: Rule, subject: &str, since_s: i64) -> i64 {
        let what = format!("{} {subject}", rule.as_str());
        let found = self
            .fired
            .iter()
            .find(|told| told.what == what && told.at_s >= since_s);
        let Some(found) = found else {
            let told = self
                .fired
                .iter()
                .map(|told| format!("{} at {}: {}", told.what, told.at_s, told.why));
            panic!("{what} was not told; but {:#?}", told.collect::<Vec<_>>());
        };
        found.at_s - since_s
    }
}

/// What the server would know: filled in the order in which reports arrive.
struct Known {
    first: UtcDay,
    records: HashMap<u32, MessageRecord>,
    /// By number and quarter hour, from the first day on.
    counts: Vec<Vec<Counts>>,
    active: Vec<Ring>,
    observed: Ring,
}

impl Known {
    fn take(&mut self, report: &Report) {
        let status = match report.status {
            Status::Sent => MessageStatus::Sent,
            Status::Delivered => MessageStatus::Delivered,
            Status::Read => MessageStatus::Read,
            Status::Failed => MessageStatus::Failed,
        };
        let profile = usize::from(report.profile);
        self.active[profile].set(EpochMs(report.arrives_s * 1_000).slot().0);
        let record = self
            .records
            .entry(report.message)
            .or_insert(MessageRecord::EMPTY);
        let before = *record;
        let _ = record.apply(status, EpochMs(report.at_s * 1_000).slot());
        let (first, counts) = (self.first.first_slot().0, &mut self.counts[profile]);
        record.contribute_change(&before, |slot, change| {
            if let Some(at) = slot.0.checked_sub(first) {
                counts[usize::try_from(at).expect("small")] += change;
            }
        });
    }

    /// The days that the server reads, as of now.
    fn series(&self, profile: usize, now: EpochMs, settings: &WatchSettings) -> Series {
        let last = now.slot().day();
        let first = UtcDay((last.0 - settings.baseline_days - 4).max(self.first.0));
        let mut series = Series::new(first, last);
        let skipped = usize::try_from(first.first_slot().0 - self.first.first_slot().0);
        let counts = &self.counts[profile][skipped.expect("small")..];
        for (slot, counts) in (first.first_slot().0..=now.slot().0).zip(counts) {
            series.add(Slot(slot), *counts);
        }
        series.summed()
    }
}

/// Plays reports, which arrive in order, and looks as the server does. Every number has a
/// source of its own.
fn listen(reports: &[Report], settings: &WatchSettings) -> Heard {
    let start_s = NOW_S - DAYS * DAY_S;
    let first_slot = EpochMs(start_s * 1_000).slot();
    let mut known = Known {
        first: first_slot.day(),
        records: HashMap::new(),
        counts: vec![
            vec![Counts::ZERO; (usize::try_from(DAYS).expect("small") + 2) * 96];
            PROFILES.len()
        ],
        active: vec![Ring::new(first_slot.0); PROFILES.len()],
        observed: Ring::new(first_slot.0),
    };
    let patience = Patience {
        for_ms: i64::from(settings.for_minutes) * 60_000,
        clear_ms: i64::from(settings.clear_minutes) * 60_000,
    };
    let (mut machine, mut heard, mut names) =
        (Machine::default(), Heard::default(), HashMap::new());
    let mut arriving = reports.iter().peekable();
    let mut now_s = start_s;
    while now_s < NOW_S {
        while let Some(report) = arriving.next_if(|report| report.arrives_s <= now_s) {
            known.take(report);
        }
        let now = EpochMs(now_s * 1_000);
        known.observed.set(now.slot().0);
        if now_s >= start_s + LEARN_DAYS * DAY_S {
            let observations = group(look(&known, now, settings), &machine, settings.group_from);
            let changes = machine.step(now.0, &Rule::ALL, observations, patience);
            for change in changes {
                hear(change, now_s, &mut machine, &mut heard, &mut names);
            }
        }
        now_s += STEP_S;
    }
    heard
}

fn look(known: &Known, now: EpochMs, settings: &WatchSettings) -> Vec<Observation> {
    let mut observations = Vec::new();
    for (at, profile) in PROFILES.iter().enumerate() {
        let series = known.series(at, now, settings);
        let key = |rule| AlertKey::number(rule, ACCOUNT, profile.number);
        observations.push(Observation {
            key: key(Rule::DeliveryRate),
            verdict: delivery_rate(&series, settings, now),
        });
        observations.push(Observation {
            key: key(Rule::NoReport),
            verdict: no_report(&series, settings, now),
        });
        let least = settings.silent_source_minutes_min;
        observations.push(Observation {
            key: AlertKey::source(ACCOUNT, profile.number),
            verdict: silence(&known.active[at], &known.observed, now.slot().0, least),
        });
    }
    observations
}

fn hear(
    change: Change,
    at_s: i64,
    machine: &mut Machine,
    heard: &mut Heard,
    names: &mut HashMap<i64, String>,
) {
    match change {
        Change::Fire { key, finding, .. } => {
            let id = i64::try_from(names.len()).expect("few");
            let what = format!("{} {}", key.rule.as_str(), key.subject);
            names.insert(id, what.clone());
            let why = finding.summary.clone();
            heard.fired.push(Told { at_s, what, why });
            machine.opened(key, id, finding.summary, at_s * 1_000);
        }
        Change::Update { .. } => {}
        Change::Resolve { id, reason } => heard.over.push(Told {
            at_s,
            what: names[&id].clone(),
            why: reason.to_owned(),
        }),
    }
}

/// Midnight in UTC of a day, counted back from the last whole one.
fn midnight_s(days_ago: i64) -> i64 {
    NOW_S.div_euclid(DAY_S) * DAY_S - days_ago * DAY_S
}

#[test]
fn thirty_quiet_days_of_ten_numbers_are_quiet() {
    for seed in [1, 2, 3] {
        let heard = listen(&reports(seed), &WatchSettings::default());
        assert!(heard.fired.is_empty(), "seed {seed}: {:#?}", heard.fired);
    }
}

#[test]
fn a_slot_is_what_the_rules_take_it_for() {
    assert_eq!(SLOT_MS, 900_000);
    assert_eq!(midnight_s(0) + 1_000, NOW_S);
}
