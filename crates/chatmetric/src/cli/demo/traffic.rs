//! Realistic traffic of ten business numbers, from a seed, and its true counts.
//!
//! The counts are kept here, while the reports are made, by plain arithmetic on
//! seconds; nothing is shared with the counting core or the store, so that the
//! comparison at the end of the demo means something.

use std::collections::{BTreeMap, HashMap};

/// The days that are replayed.
pub(crate) const DAYS: i64 = 35;
/// The zone of the demo's space, and its offset: it has no summer time.
pub(crate) const ZONE: &str = "Asia/Singapore";
const ZONE_OFFSET_S: i64 = 8 * 3600;
/// Reports that one replay of scale 1 makes, about.
pub(crate) const EVENTS_DEFAULT: u64 = 1_000_000;
/// Messages of all numbers on a working day at scale 1000.
const SCALE: u64 = 1000;
const DAY_S: i64 = 86_400;
const HALF_HOUR_S: i64 = 1_800;
/// Reports that come after the horizon of 45 days: not counted, and said so.
const TOO_LATE_REPORTS: u64 = 200;

/// The habits of one number; shares are in a thousand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    pub(crate) number: &'static str,
    pub(crate) what: &'static str,
    utc_offset_minutes: i64,
    /// Messages on a working day.
    daily: u64,
    /// Share of that on Saturday and Sunday.
    weekend: u64,
    delivered: u64,
    read: u64,
    failed: u64,
    /// The usual time to delivery.
    delay_s: u64,
    /// Campaign days, counted back from today, and how much more is sent then.
    campaigns: &'static [(i64, u64)],
}

const fn profile(
    number: &'static str,
    what: &'static str,
    utc_offset_minutes: i64,
    daily: u64,
    weekend: u64,
    (delivered, read, failed): (u64, u64, u64),
    delay_s: u64,
) -> Profile {
    Profile {
        number,
        what,
        utc_offset_minutes,
        daily,
        weekend,
        delivered,
        read,
        failed,
        delay_s,
        campaigns: &[],
    }
}

/// Numbers from ranges that are reserved for fiction.
pub(crate) const PROFILES: [Profile; 10] = [
    profile(
        "15550100101",
        "orders, New York",
        -300,
        2_600,
        850,
        (968, 700, 8),
        3,
    ),
    profile(
        "15550100102",
        "login codes, New York",
        -300,
        2_300,
        900,
        (986, 350, 4),
        2,
    ),
    Profile {
        campaigns: &[(9, 9), (23, 12)],
        ..profile(
            "15550100103",
            "campaigns, Los Angeles",
            -480,
            700,
            200,
            (890, 480, 30),
            8,
        )
    },
    profile(
        "447700900123",
        "support, London",
        0,
        1_100,
        350,
        (960, 820, 6),
        4,
    ),
    profile(
        "447700900456",
        "parcels, London",
        0,
        1_300,
        800,
        (955, 640, 10),
        4,
    ),
    profile(
        "61491570156",
        "reminders, Sydney",
        600,
        600,
        120,
        (950, 600, 12),
        5,
    ),
    profile(
        "33639980017",
        "boutique, Paris",
        60,
        500,
        1_350,
        (945, 690, 10),
        5,
    ),
    profile(
        "15550100108",
        "bookings, Singapore",
        480,
        900,
        900,
        (970, 760, 5),
        3,
    ),
    profile(
        "15550100109",
        "old contacts, São Paulo",
        -180,
        500,
        400,
        (520, 250, 300),
        20,
    ),
    profile(
        "15550100110",
        "rural deliveries, Pune",
        330,
        800,
        700,
        (900, 500, 20),
        2_400,
    ),
];

/// How busy each local hour is.
const HOURS: [u64; 24] = [
    4, 2, 1, 1, 1, 2, 8, 25, 55, 80, 95, 100, 85, 80, 90, 95, 90, 80, 65, 50, 40, 30, 18, 9,
];

/// What a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Sent,
    Delivered,
    Read,
    Failed,
}

impl Status {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// One report of one status of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) message: u32,
    pub(crate) profile: u8,
    pub(crate) status: Status,
    pub(crate) at_s: i64,
    pub(crate) arrives_s: i64,
}

/// SplitMix64: small, fast, and good enough for traffic.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    fn seconds(&mut self, from: u64, to: u64) -> i64 {
        signed(from + self.below(to.saturating_sub(from) + 1))
    }

    /// Mostly near `usual`, now and then many times as long.
    fn delay(&mut self, usual_s: u64) -> i64 {
        let doublings = (self.bits() | 1 << 12).trailing_zeros();
        self.seconds(usual_s / 2 + 1, usual_s + 1) << doublings
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What must have been counted.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// (profile, half hour since the epoch) → sent, delivered.
    half_hours: HashMap<(u8, i64), [u64; 2]>,
    /// First reports of a status.
    pub(crate) new: u64,
    /// Further ones.
    pub(crate) duplicate: u64,
    /// Older than the floor.
    pub(crate) late: u64,
}

/// Buckets by their start in ms and their number: sent and delivered.
pub(crate) type Buckets = BTreeMap<(i64, &'static str), [u64; 2]>;

impl Truth {
    fn message(&mut self, profile: u8, first: &[Option<i64>; 4]) {
        let [sent, delivered, read, _failed] = *first;
        let delivered = [delivered, read].into_iter().flatten().min();
        let sent = [sent, delivered].into_iter().flatten().min();
        for (index, time) in [sent, delivered].into_iter().enumerate() {
            let Some(time) = time else { continue };
            let counts = self
                .half_hours
                .entry((profile, time.div_euclid(HALF_HOUR_S)))
                .or_default();
            if let Some(count) = counts.get_mut(index) {
                *count += 1;
            }
        }
    }

    fn buckets(&self, start_of: impl Fn(i64) -> i64) -> Buckets {
        let mut buckets = Buckets::new();
        for ((profile, half_hour), [sent, delivered]) in &self.half_hours {
            let Some(profile) = PROFILES.get(usize::from(*profile)) else {
                continue;
            };
            let start_ms = start_of(half_hour * HALF_HOUR_S) * 1000;
            let counts = buckets.entry((start_ms, profile.number)).or_default();
            counts[0] += sent;
            counts[1] += delivered;
        }
        buckets
    }

    pub(crate) fn half_hours(&self) -> Buckets {
        self.buckets(|second| second)
    }

    /// Civil days of [`ZONE`].
    pub(crate) fn days(&self) -> Buckets {
        self.buckets(|second| (second + ZONE_OFFSET_S).div_euclid(DAY_S) * DAY_S - ZONE_OFFSET_S)
    }

    /// Sent and delivered in all.
    pub(crate) fn totals(&self) -> [u64; 2] {
        let counts = self.half_hours.values();
        counts.fold([0, 0], |[sent, delivered], [s, d]| {
            [sent + s, delivered + d]
        })
    }
}

/// A replay: the reports in the order of their arrival, and what they amount to.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) reports: Vec<Report>,
    pub(crate) truth: Truth,
    pub(crate) messages: u32,
}

struct Maker<'a> {
    random: &'a mut Random,
    now_s: i64,
    days: i64,
    reports: Vec<Report>,
    truth: Truth,
    messages: u32,
}

/// Makes 35 days of traffic that end at `now_s`.
pub(crate) fn replay(random: &mut Random, now_s: i64, events: u64) -> Replay {
    replay_of_days(random, now_s, events, DAYS)
}

/// The same of so many days; `events` is about what 35 of them have.
pub(crate) fn replay_of_days(random: &mut Random, now_s: i64, events: u64, days: i64) -> Replay {
    let scale = (events * SCALE / EVENTS_DEFAULT).max(1);
    let reports = Vec::with_capacity(usize::try_from(events + events / 4).unwrap_or(0));
    let mut maker = Maker {
        random,
        now_s,
        days,
        reports,
        truth: Truth::default(),
        messages: 0,
    };
    for (index, profile) in (0_u8..).zip(&PROFILES) {
        for days_ago in (0..=days).rev() {
            maker.day(index, profile, days_ago, scale);
        }
    }
    maker.too_late();
    maker.reports.sort_by_key(|report| report.arrives_s);
    Replay {
        reports: maker.reports,
        truth: maker.truth,
        messages: maker.messages,
    }
}

impl Maker<'_> {
    fn day(&mut self, index: u8, profile: &Profile, days_ago: i64, scale: u64) {
        let offset_s = profile.utc_offset_minutes * 60;
        let local_day = (self.now_s + offset_s).div_euclid(DAY_S) - days_ago;
        // The epoch's first day was a Thursday.
        let is_weekend = matches!((local_day + 4).rem_euclid(7), 0 | 6);
        let mut count = profile.daily * scale * (900 + self.random.below(200)) / SCALE / 1000;
        let campaign = profile.campaigns.iter().find(|(day, _)| *day == days_ago);
        match campaign {
            Some((_, factor)) => count *= factor,
            None if is_weekend => count = count * profile.weekend / 1000,
            None => {}
        }
        let total: u64 = HOURS.iter().sum();
        for _ in 0..count {
            let mut at = self.random.below(total);
            let mut hour = 0;
            for weight in HOURS {
                if at < weight {
                    break;
                }
                at -= weight;
                hour += 1;
            }
            let second = local_day * DAY_S - offset_s + hour * 3600 + self.random.seconds(0, 3599);
            if second <= self.now_s && second > self.now_s - self.days * DAY_S {
                self.message(index, profile, second);
            }
        }
    }

    /// One message's life, as its reports tell it.
    fn message(&mut self, index: u8, profile: &Profile, sent_s: i64) {
        let message = self.messages;
        self.messages += 1;
        let mut first = [None; 4];
        for (status, at_s) in life(self.random, profile, sent_s) {
            self.report(message, index, status, at_s, &mut first);
        }
        self.truth.message(index, &first);
    }

    /// Sends a report on its way; perhaps twice, perhaps late. What would
    /// arrive after now has not happened yet.
    fn report(
        &mut self,
        message: u32,
        profile: u8,
        status: Status,
        at_s: i64,
        first: &mut [Option<i64>; 4],
    ) {
        let copies = if self.random.chance(35) {
            self.random.seconds(1, 3)
        } else {
            0
        };
        for copy in 0..=copies {
            // A copy may carry a time of its own, a second or two later.
            let at_s = if copy > 0 && self.random.chance(100) {
                at_s + copy
            } else {
                at_s
            };
            let way_s = if self.random.chance(4) {
                self.random.seconds(3600, 3 * 86_400)
            } else if copy > 0 || self.random.chance(60) {
                self.random.seconds(5, 600)
            } else {
                self.random.seconds(0, 2)
            };
            let arrives_s = at_s + way_s;
            if arrives_s > self.now_s {
                continue;
            }
            let place = match status {
                Status::Sent => 0,
                Status::Delivered => 1,
                Status::Read => 2,
                Status::Failed => 3,
            };
            let Some(time) = first.get_mut(place) else {
                continue;
            };
            match time {
                Some(before) => {
                    *time = Some(at_s.min(*before));
                    self.truth.duplicate += 1;
                }
                None => {
                    *time = Some(at_s);
                    self.truth.new += 1;
                }
            }
            self.reports.push(Report {
                message,
                profile,
                status,
                at_s,
                arrives_s,
            });
        }
    }

    fn too_late(&mut self) {
        for _ in 0..TOO_LATE_REPORTS {
            let message = self.messages;
            self.messages += 1;
            let at_s = self.now_s - self.random.seconds(46 * 86_400, 70 * 86_400);
            let arrives_s = self.now_s - self.random.seconds(0, 30 * 86_400);
            let status = Status::Sent;
            self.reports.push(Report {
                message,
                profile: 0,
                status,
                at_s,
                arrives_s,
            });
            self.truth.late += 1;
        }
    }
}

/// The reports of a message, without their ways. `sent` is lost now and then;
/// `delivered` is left out when `read` implies it.
fn life(random: &mut Random, profile: &Profile, sent_s: i64) -> Vec<(Status, i64)> {
    let mut reports = Vec::with_capacity(3);
    if !random.chance(15) {
        reports.push((Status::Sent, sent_s));
    }
    if random.chance(profile.failed) {
        reports.push((Status::Failed, sent_s + random.seconds(1, 30)));
        return reports;
    }
    if !random.chance(profile.delivered) {
        return reports;
    }
    let delivered_s = sent_s + random.delay(profile.delay_s).min(20 * DAY_S);
    let is_read = random.chance(profile.read);
    if !(is_read && random.chance(40)) {
        reports.push((Status::Delivered, delivered_s));
    }
    if is_read {
        reports.push((Status::Read, delivered_s + random.delay(120)));
    }
    reports
}

/// Traffic that goes on: messages that begin now, and what is due of earlier ones.
#[derive(Debug)]
pub(crate) struct Live {
    random: Random,
    due: Vec<Report>,
    firsts: HashMap<u32, (u8, [Option<i64>; 4])>,
    next_message: u32,
}

impl Live {
    pub(crate) fn new(random: Random, next_message: u32) -> Self {
        Self {
            random,
            due: Vec::new(),
            firsts: HashMap::new(),
            next_message,
        }
    }

    /// The reports of this second, at most `messages_max` new messages.
    pub(crate) fn tick(&mut self, now_s: i64, messages_max: u64) -> Vec<Report> {
        for _ in 0..self.random.below(messages_max + 1) {
            let total: u64 = PROFILES.iter().map(|profile| profile.daily).sum();
            let mut at = self.random.below(total);
            let chosen = (0_u8..).zip(&PROFILES).find(|(_, profile)| {
                let found = at < profile.daily;
                at = at.saturating_sub(profile.daily);
                found
            });
            let Some((index, profile)) = chosen else {
                continue;
            };
            let message = self.next_message;
            self.next_message += 1;
            for (status, at_s) in life(&mut self.random, profile, now_s) {
                let report = Report {
                    message,
                    profile: index,
                    status,
                    at_s,
                    arrives_s: at_s,
                };
                self.due.push(report);
            }
        }
        let (now, later) = self
            .due
            .drain(..)
            .partition(|report| report.arrives_s <= now_s);
        self.due = later;
        now
    }

    /// Adds what was acknowledged to the true counts.
    pub(crate) fn count(&mut self, reports: &[Report], truth: &mut Truth) {
        for report in reports {
            let (profile, first) = self
                .firsts
                .entry(report.message)
                .or_insert((report.profile, [None; 4]));
            let before = shown(*profile, first);
            let place = match report.status {
                Status::Sent => 0,
                Status::Delivered => 1,
                Status::Read => 2,
                Status::Failed => 3,
            };
            if let Some(time) = first.get_mut(place) {
                *time = Some(time.map_or(report.at_s, |known: i64| known.min(report.at_s)));
            }
            let after = shown(*profile, first);
            for (key, counts) in after.half_hours {
                let total = truth.half_hours.entry(key).or_default();
                total[0] += counts[0];
                total[1] += counts[1];
            }
            for (key, counts) in before.half_hours {
                let total = truth.half_hours.entry(key).or_default();
                total[0] -= counts[0];
                total[1] -= counts[1];
            }
            truth.new += 1;
        }
        truth.half_hours.retain(|_, counts| *counts != [0, 0]);
    }
}

/// What one message adds.
fn shown(profile: u8, first: &[Option<i64>; 4]) -> Truth {
    let mut truth = Truth::default();
    truth.message(profile, first);
    truth
}
