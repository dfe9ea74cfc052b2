//! Two rules on one number: its delivery rate fell, or more of its messages than usual
//! have no report.
//!
//! Both compare the newest messages that are old enough with the same hours of the days
//! before. Days of the week are not told apart: how much is sent differs between them,
//! which share is delivered hardly does, and five of one weekday would be too few.
//!
//! "Old enough" is a number's own habit: ten times as long as its messages are usually
//! under way, at least `settle_minutes`. Even when the share of late ones falls only with
//! their lateness, as few as two in a hundred are then still to come ([`LATE_SHARE`]).

use super::chance::{UNLIKELY, habit, median, surprise};
use super::series::{Series, Stretch};
use super::{Finding, Verdict, float, percent};
use crate::config::WatchSettings;
use chatmetric_core::EpochMs;
use chatmetric_core::time::SLOT_MS;

const SLOTS_PER_HOUR: i64 = 4;
pub(super) const DAY_SLOTS: i64 = 96;
/// How much longer than the usual way of a message is waited for it.
const SETTLE_FACTOR: f64 = 10.0;
/// Longest wait for messages, in quarter hours: two days.
pub(super) const SETTLE_SLOTS_MAX: i64 = 2 * DAY_SLOTS;
/// What may come after that wait, as a share.
const LATE_SHARE: f64 = 0.02;
/// Fewest days before that make a habit.
const DAYS_MIN: usize = 5;

/// Shortest and longest stretch that a delivery rate is of, in quarter hours.
const RATE_SLOTS: (i64, i64) = (SLOTS_PER_HOUR, 6 * SLOTS_PER_HOUR);
/// Fewest messages of a day before.
const RATE_DAY_SENT_MIN: i64 = 10;
/// Shortest and longest stretch that a share without report is of.
const REPORT_SLOTS: (i64, i64) = (6 * SLOTS_PER_HOUR, DAY_SLOTS);
const REPORT_DAY_SENT_MIN: i64 = 40;
/// The newest part of it, which must be wrong as well: what is over is not told.
const REPORT_NEWEST_SLOTS: (i64, i64) = (2 * SLOTS_PER_HOUR, DAY_SLOTS);
const REPORT_NEWEST_SENT_MIN: u32 = 40;

/// The first quarter hour whose messages are not old enough.
fn settled_end(series: &Series, settings: &WatchSettings, now: EpochMs) -> i64 {
    let now_slot = i64::from(now.slot().0);
    let days = i64::from(settings.baseline_days);
    let mut means: Vec<f64> = (1..=days)
        .filter_map(|day| {
            let to = now_slot - day * DAY_SLOTS;
            series.mean_delay_slots(to - DAY_SLOTS, to)
        })
        .collect();
    let wait = median(&mut means) * SETTLE_FACTOR;
    let least = i64::from(settings.settle_minutes) * 60_000;
    let least = least.div_euclid(SLOT_MS) + i64::from(least.rem_euclid(SLOT_MS) > 0);
    // The first count that is not below the wait; a search, because it is no integer.
    let habit = (0..SETTLE_SLOTS_MAX).find(|slots| float(*slots) >= wait);
    now_slot
        - habit
            .unwrap_or(SETTLE_SLOTS_MAX)
            .max(least)
            .min(SETTLE_SLOTS_MAX)
}

/// The newest stretch with enough messages, as its first quarter hour and its sums.
fn newest(
    series: &Series,
    end: i64,
    (least, most): (i64, i64),
    sent_min: u32,
) -> Option<(i64, Stretch)> {
    (least..=most)
        .map(|slots| (end - slots, series.stretch(end - slots, end)))
        .find(|(_, stretch)| stretch.sent >= i64::from(sent_min))
}

/// The same hours of the days before.
fn days_before(
    series: &Series,
    (from, end): (i64, i64),
    settings: &WatchSettings,
    sent_min: i64,
) -> Vec<Stretch> {
    let days = 1..=i64::from(settings.baseline_days);
    let before = days.map(|day| series.stretch(from - day * DAY_SLOTS, end - day * DAY_SLOTS));
    before.filter(|stretch| stretch.sent >= sent_min).collect()
}

/// Whether there is so much traffic at all that anything can be said: asked before the
/// days before are read.
pub(super) fn has_traffic(series: &Series, settings: &WatchSettings, now: EpochMs) -> bool {
    let now_slot = i64::from(now.slot().0);
    let recent = series.stretch(now_slot - SETTLE_SLOTS_MAX - DAY_SLOTS, now_slot);
    let least = settings
        .delivery_rate_sent_min
        .min(settings.no_report_sent_min);
    recent.sent >= i64::from(least)
}

/// The delivery rate of the newest messages against the habit of their hours.
pub(super) fn delivery_rate(series: &Series, settings: &WatchSettings, now: EpochMs) -> Verdict {
    let end = settled_end(series, settings, now);
    let sent_min = settings.delivery_rate_sent_min;
    let Some((from, newest)) = newest(series, end, RATE_SLOTS, sent_min) else {
        return Verdict::Unknown;
    };
    let before = days_before(series, (from, end), settings, RATE_DAY_SENT_MIN);
    if before.len() < DAYS_MIN {
        return Verdict::Unknown;
    }
    let mut rates: Vec<f64> = before.iter().map(Stretch::delivered_share).collect();
    let (usual, spread) = habit(&mut rates);
    let rate = newest.delivered_share();
    let low = usual - 2.0 * spread - LATE_SHARE;
    let drop = f64::from(settings.delivery_rate_drop_percent) / 100.0;
    let fell = usual - rate;
    if fell < drop / 2.0 {
        return Verdict::Good;
    }
    if fell < drop || rate >= low || surprise(float(newest.sent), rate, low) < UNLIKELY {
        return Verdict::Unsure;
    }
    let (rate, usual) = (percent(rate), percent(usual));
    let summary = format!(
        "{rate} % of {} messages delivered, usually {usual} % at this hour",
        newest.sent
    );
    Verdict::Bad(
        with_stretch(Finding::new(summary), &newest, (from, end))
            .fact("percent", rate)
            .fact("usualPercent", usual),
    )
}

/// The share of the newest messages without any report against the habit of their hours.
pub(super) fn no_report(series: &Series, settings: &WatchSettings, now: EpochMs) -> Verdict {
    let end = settled_end(series, settings, now);
    let Some((from, all)) = newest(series, end, REPORT_SLOTS, settings.no_report_sent_min) else {
        return Verdict::Unknown;
    };
    let before = days_before(series, (from, end), settings, REPORT_DAY_SENT_MIN);
    if before.len() < DAYS_MIN {
        return Verdict::Unknown;
    }
    let mut shares: Vec<f64> = before.iter().map(Stretch::unreported_share).collect();
    let (usual, spread) = habit(&mut shares);
    let share = all.unreported_share();
    let high = usual + 2.0 * spread + LATE_SHARE;
    let rise = f64::from(settings.no_report_rise_percent) / 100.0;
    let rose = share - usual;
    // At night the newest part reaches back to the evening, and so says what is now. It is
    // small, and must be wrong beyond what chance does to so few.
    let last = newest(series, end, REPORT_NEWEST_SLOTS, REPORT_NEWEST_SENT_MIN);
    let last = last.map_or(all, |(_, last)| last);
    let last_share = last.unreported_share();
    if rose < rise / 2.0 || last_share - usual < rise / 2.0 {
        return Verdict::Good;
    }
    let is_clear = |stretch: &Stretch, share: f64, least: f64| {
        share > high && surprise(float(stretch.sent), share, high) >= least
    };
    if rose < rise
        || !is_clear(&all, share, UNLIKELY)
        || !is_clear(&last, last_share, UNLIKELY / 2.0)
    {
        return Verdict::Unsure;
    }
    let (share, usual) = (percent(share), percent(usual));
    let summary = format!(
        "{} of {} messages ({share} %) have no report but `sent`, usually {usual} % at this hour",
        all.unreported(),
        all.sent
    );
    Verdict::Bad(
        with_stretch(Finding::new(summary), &all, (from, end))
            .fact("percent", share)
            .fact("usualPercent", usual),
    )
}

fn with_stretch(finding: Finding, stretch: &Stretch, (from, end): (i64, i64)) -> Finding {
    finding
        .fact("sent", stretch.sent)
        .fact("delivered", stretch.delivered_of_sent)
        .fact("failed", stretch.failed)
        .fact("fromMs", from * SLOT_MS)
        .fact("toMs", end * SLOT_MS)
}
