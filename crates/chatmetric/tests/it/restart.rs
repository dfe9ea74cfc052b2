//! kill -9 of the real process, again and again: what was acknowledged is
//! counted, exactly once, and equal to an independent model. The events of two
//! numbers are held until `apply` gives each an owner, between two kills. The hot
//! window is as small as it may be, and some kills hit a start.
//!
//! `cargo xtask torture kill --cycles N` makes more of them.

use crate::process::{Served, agent, client, command, data_dir, post, run, run_with_input};
use chatmetric::client::MetricCall;
use chatmetric::clock::{Clock, SystemClock};
use chatmetric_core::EpochMs;
use chatmetric_sim::{
    BodyStyle, Calendar, Config, Event, Granularity, Model, Query, Random, Workload, render_body,
};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

const WRITERS: u64 = 4;
/// Its share of the 200 kills of CI.
const KILLS_SHARE: u64 = 50;
const CYCLES_CI: u64 = 200;
const SEED: u64 = 20_261_124;
const DAY_MS: i64 = 86_400_000;

/// A space whose webhook holds what nobody owns, and the numbers that come to it.
const HELD_SPACE: &str = "space-held";
const HELD_NUMBERS: [u32; 2] = [5, 6];

fn is_held(event: &Event) -> bool {
    HELD_NUMBERS
        .iter()
        .any(|rank| *event.number == *Config::number(*rank))
}

/// The document of [`HELD_SPACE`] with so many of its numbers.
fn apply_held(data_dir: &str, numbers: usize) {
    let numbers: Vec<String> = HELD_NUMBERS[..numbers]
        .iter()
        .map(|rank| format!("\"{}\"", Config::number(*rank)))
        .collect();
    let document = format!(
        "[[account]]\nid = \"1000000000000001\"\n[[account.space]]\nid = \"{HELD_SPACE}\"\n\
         unknown_numbers = \"hold\"\ntime_zone = \"Asia/Kolkata\"\nnumbers = [{}]\n\
         [[account.webhook]]\nid = \"acme-held\"\nkind = \"whatsapp\"\nspace = \"{HELD_SPACE}\"\n\
         app_secrets = [\"app-secret-one\"]\n",
        numbers.join(", ")
    );
    let arguments = ["apply", "-f", "-", "--data-dir", data_dir];
    let ran = run_with_input(&arguments, document.as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// What writers and the killer share.
struct Shared {
    url: RwLock<String>,
    workload: Mutex<Workload>,
    model: Mutex<Model>,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    done: AtomicBool,
}

/// `serve` with the least memory that may be set: small generations.
fn serve(config: &str, data_dir: &str) -> [String; 7] {
    let words = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--config",
        config,
        "--data-dir",
        data_dir,
    ];
    words.map(str::to_owned)
}

/// Starts the program and kills it before it may have come far.
fn kill_in_start(arguments: &[&str], random: &mut Random) {
    let mut child = command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    std::thread::sleep(Duration::from_micros(
        random.latency(500, 100_000).unsigned_abs(),
    ));
    child.kill().expect("kills");
    child.wait().expect("it ends");
}

/// Takes events, posts them until they are acknowledged, tells the model.
fn write(shared: &Shared, writer: u64) {
    let mut random = Random::new(SEED + writer);
    let agent = agent();
    while !shared.done.load(Ordering::SeqCst) {
        let count = usize::try_from(1 + random.below(60)).expect("fits");
        let mut events: Vec<Event> = shared.workload.lock().expect("sound").next_batch(count);
        if events.is_empty() {
            return;
        }
        for event in &mut events {
            // The format has whole seconds.
            event.ts_ms = event.ts_ms.div_euclid(1000) * 1000;
        }
        let style = BodyStyle::mixed(random.bits());
        let (held, own): (Vec<Event>, Vec<Event>) = events.into_iter().partition(is_held);
        for (webhook, space, events) in [("acme-wa", 0, own), ("acme-held", 1, held)] {
            if events.is_empty() {
                continue;
            }
            deliver(shared, &agent, webhook, &render_body(&events, &style).json);
            shared.acknowledged.fetch_add(1, Ordering::SeqCst);
            let mut model = shared.model.lock().expect("sound");
            for event in &events {
                model.observe_in(space, event);
            }
        }
    }
}

/// Posts a body until it is acknowledged.
fn deliver(shared: &Shared, agent: &ureq::Agent, webhook: &str, body: &str) {
    loop {
        let url = shared.url.read().expect("sound").clone();
        match post(agent, &url, webhook, body) {
            Some(200) => return,
            Some(503) | None => {
                shared.refused.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
            }
            Some(status) => panic!("a webhook was answered with {status} (seed {SEED})"),
        }
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_counts_once() {
    let asked = std::env::var("CHATMETRIC_TORTURE_CYCLES").ok();
    let asked: Option<u64> = asked.and_then(|text| text.parse().ok());
    let kills = asked.map_or(KILLS_SHARE, |all| (KILLS_SHARE * all).div_ceil(CYCLES_CI));
    let (folder, data_dir) = data_dir();
    apply_held(&data_dir, 0);
    let now_ms = SystemClock::default().now().0;
    let config = folder.path().join("small.toml").display().to_string();
    std::fs::write(&config, "[store]\nmemory_bytes_max = 16777216\n").expect("written");
    let arguments = serve(&config, &data_dir);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut served = Some(Served::start_with(&arguments));
    let shared = Shared {
        url: RwLock::new(served.as_ref().expect("runs").url.clone()),
        workload: Mutex::new(Workload::new(Config {
            seed: SEED,
            numbers: 7,
            messages: 10_000_000,
            start_ms: now_ms - 20 * DAY_MS,
            span_ms: 80 * DAY_MS,
            duplicated: 150,
            ..Config::default()
        })),
        model: Mutex::new(Model::new()),
        acknowledged: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        done: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let shared = &shared;
            scope.spawn(move || write(shared, writer));
        }
        let mut random = Random::new(SEED);
        for kill in 0..kills * 2 / 3 {
            std::thread::sleep(Duration::from_millis(random.below(250)));
            // A claim by the running server, and soon after it the next kill.
            if kill == kills / 4 || kill == kills / 2 {
                apply_held(&data_dir, 1 + usize::from(kill != kills / 4));
            }
            served.take().expect("runs").kill();
            // A third of all kills hits what the kill before made necessary.
            if kill % 2 == 1 {
                kill_in_start(&arguments, &mut random);
            }
            let next = Served::start_with(&arguments);
            next.url.clone_into(&mut shared.url.write().expect("sound"));
            served = Some(next);
        }
        shared.done.store(true, Ordering::SeqCst);
    });
    let served = served.expect("runs");
    let acknowledged = shared.acknowledged.load(Ordering::SeqCst);
    assert!(
        acknowledged > kills,
        "only {acknowledged} webhooks were acknowledged"
    );
    let model = shared.model.into_inner().expect("sound");
    // What was judged by the directory before the claim, and came in after it.
    apply_held(&data_dir, HELD_NUMBERS.len());
    compare(&served.url, &model, now_ms, (None, 0));
    compare(&served.url, &model, now_ms, (Some(HELD_SPACE), 1));
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    let verified = run(&["verify", "--data-dir", &data_dir]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

/// Every row of days and half hours, by signed queries over HTTP.
pub(crate) fn compare(url: &str, model: &Model, now_ms: i64, (name, space): (Option<&str>, u32)) {
    let client = client(url);
    let (start_ms, end_ms) = (now_ms - 22 * DAY_MS, now_ms + DAY_MS);
    let zone = Calendar::new("Asia/Kolkata").expect("a zone");
    for (word, granularity) in [
        ("DAILY", Granularity::Daily(zone)),
        ("HALF_HOUR", Granularity::HalfHour),
    ] {
        let answer = client
            .metric(&MetricCall {
                start: EpochMs(start_ms),
                end: EpochMs(end_ms),
                granularity: word,
                number: None,
                space: name.map(str::to_owned),
                isv_code: None,
            })
            .expect("an answer");
        let seen: Vec<_> = answer
            .rows
            .iter()
            .map(|row| {
                (
                    row.start,
                    row.phone_number.clone(),
                    row.end,
                    row.sent_count,
                    row.delivered_count,
                )
            })
            .collect();
        let query = Query {
            space,
            start_ms,
            end_ms,
            granularity,
            number: None,
        };
        let expected: Vec<_> = model
            .rows(&query)
            .into_iter()
            .map(|row| {
                (
                    row.start_ms,
                    row.number,
                    row.end_ms,
                    row.sent,
                    row.delivered,
                )
            })
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(
            seen, expected,
            "{word} rows of {name:?} differ (seed {SEED})"
        );
    }
}
