//! One simulation: from a seed to a report, in virtual time.
//!
//! The loop goes from one event to the next (a post is ready, a try is due, a packet
//! arrives, something goes wrong, the server is back) and waits for every answer, so that
//! what happens follows from the seed. Only the store's own threads have their own time:
//! what a step in the background meets, and so which posts an ending of the machine
//! leaves unanswered, may differ between two runs of a seed. No check depends on it: the
//! auditor is told what was answered.
//!
//! Not here: what is compared (`verdict`).
//!
//! Invariant: nothing is checked against anything that the server said about counts.

use super::machine::{FOREIGN_NUMBER, HOLDING, Machine, SOURCES};
use super::report::Report;
use chatmetric::clock::Clock as _;
use chatmetric_core::EpochMs;
use chatmetric_sim::{
    Audit, Config, Crash, Fault, Model, Network, Outbox, Outcome, Plan, Post, Random, SourceKind,
    Workload, forged, posts_of,
};
use chatmetric_store::{Health, Store as _};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// When simulations begin: a day before a year's end, a change of the clocks in New York
/// (both ways), one in Lord Howe.
const STARTS_MS: [i64; 4] = [
    1_767_139_200_000,
    1_772_877_600_000,
    1_761_998_400_000,
    1_775_300_400_000,
];
const NUMBERS: u32 = 7;
/// How long faults go on after the last message left.
const TROUBLE_MS: i64 = 12 * HOUR_MS;
/// Requests that the server has at a time, in one of four seeds: how the store groups
/// them into frames is a matter of its threads.
const TOGETHER_MAX: usize = 4;
/// How long after its clock was set back the server is told of a number.
const EARLY_FOR_MS: i64 = 30 * MINUTE_MS;
/// Of a thousand posts, those that somebody without the secret imitates.
const FORGED: u32 = 60;
/// A full disk is looked at again every second, by the real clock: tries, and the wait
/// between them.
const RECOVERY_TRIES: u32 = 500;
const RECOVERY_WAIT: Duration = Duration::from_millis(20);

#[derive(Debug, Clone)]
pub(super) enum Packet {
    Request { post: Arc<Post>, is_forged: bool },
    Answer { post: u64, status: u16 },
}

pub(super) struct Simulation {
    pub(super) random: Random,
    pub(super) start_ms: i64,
    /// The true time; that of the server may differ.
    pub(super) now_ms: i64,
    pub(super) ready: VecDeque<Arc<Post>>,
    pub(super) outbox: Outbox,
    pub(super) network: Network<Packet>,
    pub(super) plan: Plan,
    pub(super) machine: Machine,
    pub(super) spaces: Vec<u32>,
    pub(super) audit: Audit,
    /// What must be counted in the end, however it was delivered.
    pub(super) everything: Model,
    /// What goes down when the disk does.
    pub(super) crash: Crash,
    /// Numbers that are held, and when somebody binds each; the next one is the last.
    pub(super) to_bind: Vec<(i64, Arc<str>)>,
    /// When somebody starts the server again.
    pub(super) up_at_ms: Option<i64>,
    pub(super) tick_at_ms: i64,
    /// Requests that the server has at a time.
    pub(super) together: usize,
    pub(super) floor: Option<EpochMs>,
    /// A post may be counted in part: it was given to a server with several shards.
    pub(super) may_be_partial: bool,
    pub(super) report: Report,
}

/// Which source has a number.
fn source_of(number: &str) -> usize {
    let mut digits = number.bytes().rev();
    usize::from(digits.next().unwrap_or(b'0') - b'0') % SOURCES.len()
}

/// The numbers of the source whose numbers are held, each with a time, the first one last.
fn to_bind(
    posts: &[Post],
    random: &mut Random,
    (start_ms, end_ms): (i64, i64),
) -> Vec<(i64, Arc<str>)> {
    let of_source = posts.iter().filter(|post| post.source == HOLDING);
    let numbers: BTreeSet<_> = of_source
        .flat_map(|post| &post.events)
        .map(|event| Arc::clone(&event.number))
        .collect();
    let mut all: Vec<_> = numbers
        .into_iter()
        .map(|number| (random.between(start_ms, end_ms), number))
        .collect();
    all.sort_by(|one, other| other.cmp(one));
    all
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let start_ms = STARTS_MS[random.below(STARTS_MS.len() as u64) as usize];
        let span_ms = random.between(8 * HOUR_MS, 30 * HOUR_MS);
        let workload = Workload::new(Config {
            seed: random.bits(),
            numbers: NUMBERS,
            messages: random.between(100, 400) as u64,
            start_ms,
            span_ms,
            duplicated: 120,
            restamped: 300,
            disordered: 200,
            late: 20,
            group: 30,
            twin: 30,
            ..Config::default()
        });
        let posts = posts_of(workload, &SOURCES, source_of, &mut random);
        let plan = Plan::new(&mut random, start_ms, start_ms + span_ms + TROUBLE_MS);
        let machine = Machine::new(start_ms, Random::new(random.bits()));
        let spaces = machine.spaces();
        // The first floor is 45 days back, and never comes near to what must count.
        let late_before_ms = start_ms - 46 * DAY_MS;
        let to_bind = to_bind(&posts, &mut random, (start_ms, plan.calm_ms()));
        let mut audit = Audit::new(spaces.clone(), late_before_ms);
        audit.hold(HOLDING);
        audit.foreign_number(FOREIGN_NUMBER);
        let mut everything = Model::new();
        for post in &posts {
            let own = post
                .events
                .iter()
                .filter(|it| *it.number != *FOREIGN_NUMBER);
            let in_time = own.filter(|it| it.ts_ms >= late_before_ms);
            in_time.for_each(|event| everything.observe_in(spaces[post.source], event));
        }
        Self {
            network: Network::new(Random::new(random.bits())),
            report: Report {
                posts: posts.len() as u64,
                ..Report::default()
            },
            ready: posts.into_iter().map(Arc::new).collect(),
            audit,
            to_bind,
            everything,
            outbox: Outbox::default(),
            crash: Crash::Power,
            up_at_ms: Some(start_ms),
            tick_at_ms: start_ms,
            together: if random.chance(250) { TOGETHER_MAX } else { 1 },
            floor: None,
            may_be_partial: false,
            now_ms: start_ms,
            start_ms,
            plan,
            machine,
            spaces,
            random,
        }
    }

    /// When something happens next; `None` when everything is delivered and over.
    fn next_ms(&self) -> Option<i64> {
        let ready = self.ready.front().map(|post| post.ready_ms);
        // A server that is down cannot be told.
        let bind = self.to_bind.last().filter(|_| self.machine.is_up());
        let times = [
            ready,
            bind.map(|(at_ms, _)| *at_ms),
            self.plan.next_at_ms(),
            self.outbox.next_at_ms(),
            self.network.next_at_ms(),
            self.up_at_ms,
        ];
        let next_ms = times.into_iter().flatten().min()?;
        Some(next_ms.min(self.tick_at_ms).max(self.now_ms))
    }

    fn run(mut self) -> Report {
        while let Some(next_ms) = self.next_ms() {
            self.machine.clock.advance_ms(next_ms - self.now_ms);
            self.now_ms = next_ms;
            while let Some(fault) = self.plan.due(next_ms) {
                self.meet(fault);
            }
            if next_ms >= self.plan.calm_ms() {
                self.machine.mend();
            }
            if self.up_at_ms.is_some_and(|at_ms| at_ms <= next_ms) {
                self.up_at_ms = None;
                self.start();
            }
            self.bind();
            self.send();
            self.receive();
            if next_ms >= self.tick_at_ms {
                self.tick_at_ms = next_ms + self.random.latency(10_000, HOUR_MS);
                if self.machine.is_up() {
                    self.tick();
                }
            }
        }
        self.end()
    }

    fn meet(&mut self, fault: Fault) {
        let disk = &self.machine.disk;
        match fault {
            Fault::Crash { crash, calls } => {
                self.crash = crash;
                if calls > 0 {
                    disk.go_down_after(calls);
                } else {
                    self.fall(crash);
                }
            }
            Fault::CrashAtStep { crash, step, nth } => {
                self.crash = crash;
                self.machine.crash_at_step(step, nth);
            }
            Fault::DiskError { call, nth } => disk.fail(call, nth),
            Fault::DiskFull(is_full) => disk.set_full(is_full),
            Fault::DiskSlow { sync_ms } => disk.set_sync_ms(sync_ms),
            Fault::ClockJump { by_ms } => {
                self.machine.clock.jump_ms(by_ms);
                // What comes of a number while it is early is held, then bound, then due.
                if by_ms < 0
                    && let Some((at_ms, _)) = self.to_bind.last_mut()
                {
                    *at_ms = (*at_ms).min(self.now_ms + EARLY_FOR_MS);
                }
            }
            Fault::Weather(weather) => self.network.set_weather(weather),
            Fault::Restart => {
                if self.machine.is_up() {
                    self.machine.stop();
                    self.back_soon();
                }
            }
        }
    }

    fn back_soon(&mut self) {
        let down_ms = self.random.latency(1_000, HOUR_MS);
        self.up_at_ms = Some(self.now_ms + down_ms);
    }

    /// The machine ends here, if it runs.
    pub(super) fn fall(&mut self, crash: Crash) {
        if self.machine.is_up() {
            self.machine.crash(crash);
            self.note_crash(crash, 1);
            self.back_soon();
        }
    }

    fn note_crash(&mut self, crash: Crash, times: u64) {
        match crash {
            Crash::Process => self.report.kills += times,
            Crash::Power => self.report.power_cuts += times,
        }
    }

    /// Starts the server and compares what it knows with what it must know.
    pub(super) fn start(&mut self) {
        let crashes = self.machine.start(self.crash);
        self.note_crash(self.crash, crashes);
        if self.audit.waiting() > 0 || self.audit.unknown() > 0 {
            // What became due is counted by whoever runs; it is no part of a start.
            self.tick();
        }
        if self.machine.is_up() {
            self.compare();
        }
    }

    /// An operator binds the numbers whose time has come.
    fn bind(&mut self) {
        while let Some((at_ms, _)) = self.to_bind.last()
            && *at_ms <= self.now_ms
            && self.machine.is_up()
            && let Some((_, number)) = self.to_bind.pop()
        {
            self.machine.bind(&number);
            self.audit.bound(&number);
            self.report.bound += 1;
        }
    }

    /// Sources send what is ready and what is due.
    fn send(&mut self) {
        while let Some(post) = self.ready.front().cloned() {
            if post.ready_ms > self.now_ms {
                break;
            }
            self.ready.pop_front();
            if self.random.chance(FORGED) {
                let post = Arc::new(forged(&post, &mut self.random));
                let is_forged = true;
                let packet = Packet::Request { post, is_forged };
                self.network.send(self.now_ms, packet);
            }
            self.outbox.take(post, self.now_ms);
        }
        for post in self.outbox.due(self.now_ms) {
            let is_forged = false;
            let packet = Packet::Request { post, is_forged };
            self.network.send(self.now_ms, packet);
        }
    }

    /// Packets arrive; requests in groups.
    fn receive(&mut self) {
        let mut requests = Vec::new();
        while let Some(packet) = self.network.arrived(self.now_ms) {
            match packet {
                Packet::Request { post, is_forged } => requests.push((post, is_forged)),
                Packet::Answer { post, status } => {
                    self.outbox.answered(post, status, self.now_ms);
                }
            }
        }
        for group in requests.chunks(self.together) {
            if self.machine.is_up() {
                self.deliver(group);
                self.look_after();
            }
        }
    }

    fn deliver(&mut self, group: &[(Arc<Post>, bool)]) {
        let server_ms = self.machine.clock.now().0;
        let answers = self.machine.deliver(group);
        let spent_ms = self.machine.disk.take_spent_ms();
        for ((post, is_forged), (status, body)) in group.iter().zip(answers) {
            self.report.deliveries += 1;
            if *is_forged {
                let refused = match post.kind {
                    SourceKind::Whatsapp => 401,
                    // Whoever has not the token is told of no webhook.
                    SourceKind::Cams => 404,
                };
                assert_eq!(status, refused, "a forged post: {body}");
                self.report.forged += 1;
                continue;
            }
            let status = status.as_u16();
            let outcome = self.outcome(status, &body);
            if outcome == Outcome::Acknowledged {
                self.check_receipt(post, server_ms, &body);
            }
            self.give(post, server_ms, outcome);
            // An answer of a machine that ends is lost with it.
            if !self.machine.disk.is_down() {
                let answer = Packet::Answer {
                    post: post.id,
                    status,
                };
                self.network.send(self.now_ms + spent_ms, answer);
            } else {
                self.report.unanswered += 1;
            }
            let has_room = !self.machine.disk.is_full();
            if status == 503 && has_room && !self.has_failed() {
                self.wait_for_room(post, server_ms);
            }
        }
    }

    /// Whether the server takes nothing more until somebody starts it again.
    fn has_failed(&self) -> bool {
        self.machine.disk.is_down() || self.machine.is_poisoned()
    }

    fn outcome(&self, status: u16, body: &str) -> Outcome {
        match status {
            200 => Outcome::Acknowledged,
            503 if self.has_failed() => Outcome::Unknown,
            // One shard may have had no room, and another may have counted its part.
            503 if !self.machine.is_whole() => Outcome::Unknown,
            503 => Outcome::Refused,
            other => panic!("a signed post is answered with {other}: {body}"),
        }
    }

    fn give(&mut self, post: &Arc<Post>, server_ms: i64, outcome: Outcome) {
        self.audit.given(post, server_ms, outcome);
        match outcome {
            Outcome::Acknowledged => {}
            Outcome::Refused => self.report.refused += 1,
            Outcome::Unknown => {
                self.report.unknown += 1;
                self.may_be_partial |= !self.machine.is_whole();
            }
        }
    }

    fn check_receipt(&mut self, post: &Arc<Post>, server_ms: i64, body: &str) {
        let receipt: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let expected = self.audit.expect(post, server_ms);
        self.report.late += expected.late;
        self.report.waited += expected.quarantined;
        if post.kind == SourceKind::Cams {
            // The vendor's push is told no more than that.
            assert_eq!(receipt["code"], 0, "{body}");
            return;
        }
        let field = |name: &str| receipt[name].as_u64().expect("a number");
        let counted = field("new") + field("duplicate");
        let found = (
            counted,
            field("late"),
            field("quarantined"),
            field("ignored"),
        );
        let wanted = (
            expected.counted,
            expected.late,
            expected.quarantined,
            expected.ignored,
        );
        assert_eq!(found, wanted, "counted, late, quarantined, ignored: {body}");
    }

    /// The disk was full and is not any more. The store sees it within a second of the
    /// real clock, which this waits for; virtual time stands still.
    fn wait_for_room(&mut self, post: &Arc<Post>, server_ms: i64) {
        for _ in 0..RECOVERY_TRIES {
            std::thread::sleep(RECOVERY_WAIT);
            let answers = self.machine.deliver(&[(Arc::clone(post), false)]);
            let (status, body) = &answers[0];
            let outcome = self.outcome(status.as_u16(), body);
            self.give(post, server_ms, outcome);
            if outcome == Outcome::Acknowledged || self.has_failed() {
                return;
            }
        }
        self.no_room_is_seen();
    }

    /// The same where nothing is left to post.
    pub(super) fn wait_until_ready(&self) {
        let waits = || matches!(self.machine.store().health(), Health::Waiting(_));
        for _ in 0..RECOVERY_TRIES {
            if !waits() {
                return;
            }
            std::thread::sleep(RECOVERY_WAIT);
        }
        self.no_room_is_seen();
    }

    fn no_room_is_seen(&self) -> ! {
        let health = self.machine.store().health();
        panic!("the store does not see that there is room again: {health:?}");
    }

    pub(super) fn tick(&mut self) {
        // Twice: a look at what is held that failed goes on where it was, and only the next
        // one begins with what was bound meanwhile.
        self.machine.tick();
        self.machine.tick();
        let server_ms = self.machine.clock.now().0;
        let store = self.machine.store();
        let succeeded = store.health() == Health::Ready && !self.machine.disk.is_down();
        self.audit.looked(server_ms, succeeded);
        if succeeded {
            let floor = store.floor();
            assert!(floor >= self.floor, "the floor went back");
            let nothing_late = EpochMs(self.start_ms - 2 * DAY_MS);
            assert!(floor < Some(nothing_late), "the floor ran away: {floor:?}");
            self.floor = floor;
        }
        self.look_after();
    }

    /// What an operator does about a machine that ended or stopped taking events.
    fn look_after(&mut self) {
        if self.machine.disk.is_down() {
            self.fall(self.crash);
        } else if self.machine.is_poisoned() {
            self.report.poisoned += 1;
            if self.random.chance(300) {
                // The power goes before anybody comes.
                self.fall(Crash::Power);
            } else {
                self.machine.stop();
                self.back_soon();
            }
        }
    }
}

/// Runs the simulation of a seed.
pub(super) fn run(seed: u64) -> Report {
    Simulation::new(seed).run()
}
