//! One count: events come to every node, nodes and servers are killed, and every node
//! gives the model's totals; the rate of calls is one for all nodes.

use super::servers::Servers;
use super::{Node, answers, credentials, key_file};
use crate::process::{DIRECTORY, Served, agent, call, post, run};
use crate::restart::compare;
use crate::streams::wait_until;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric_sim::{BodyStyle, Config, Event, Model, Workload, render_body};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

pub(super) const DAY_MS: i64 = 86_400_000;
const SEED: u64 = 20_261_129;
const WRITERS: usize = 3;
/// Batches of every part of the load; something is killed in the middle of each but one.
pub(super) const PART: usize = 60;

pub(super) fn batches(now_ms: i64, count: usize) -> Vec<Vec<Event>> {
    let mut workload = Workload::new(Config {
        seed: SEED,
        numbers: 7,
        messages: 1_000_000,
        start_ms: now_ms - 20 * DAY_MS,
        span_ms: 15 * DAY_MS,
        duplicated: 150,
        ..Config::default()
    });
    let mut all = Vec::new();
    for nth in 0..count {
        let mut events = workload.next_batch(5 + nth % 40);
        for event in &mut events {
            // Bodies of Meta have whole seconds.
            event.ts_ms = event.ts_ms.div_euclid(1_000) * 1_000;
        }
        all.push(events);
    }
    all
}

/// Posts to the node whose turn it is, and to the next one when that refuses.
pub(super) fn deliver(urls: &RwLock<Vec<String>>, first: usize, body: &str) {
    let agent = agent();
    for nth in first.. {
        let url = {
            let urls = urls.read().expect("sound");
            urls[nth % urls.len()].clone()
        };
        match post(&agent, &url, "acme-wa", body) {
            Some(200) => return,
            Some(503) | None => std::thread::sleep(Duration::from_millis(20)),
            Some(status) => panic!("a webhook was answered with {status}"),
        }
    }
}

/// Delivers a part with several writers while `meanwhile` runs.
pub(super) fn load(
    urls: &RwLock<Vec<String>>,
    model: &Mutex<Model>,
    part: &[Vec<Event>],
    meanwhile: impl FnOnce(&dyn Fn() -> usize),
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(events) = part.get(at) else { return };
                    let style = BodyStyle::mixed(at as u64);
                    deliver(urls, at, &render_body(events, &style).json);
                    let mut model = model.lock().expect("sound");
                    events.iter().for_each(|event| model.observe(event));
                }
            });
        }
        meanwhile(&|| next.load(Ordering::SeqCst));
    });
}

/// Waits until a node answers queries: replicas may have just begun anew.
pub(super) fn counts(url: &str, now_ms: i64) {
    let owner = credentials("LTAIowner", "owner-secret");
    let (start, end) = (now_ms - 22 * DAY_MS, now_ms + DAY_MS);
    let (start, end) = (start.to_string(), end.to_string());
    let range = [("Start", &*start), ("End", &*end)];
    wait_until("a node that counts", || {
        let (status, body) = call(url, &owner, "GetChatappPhoneNumberMetric", &range);
        assert!(matches!(status, 200 | 503), "{status} {body}");
        status == 200
    });
}

pub(super) fn compare_all(urls: &RwLock<Vec<String>>, model: &Mutex<Model>, now_ms: i64) {
    let model = model.lock().expect("sound");
    for url in urls.read().expect("sound").iter() {
        answers(url, "LTAIowner", "owner-secret");
        counts(url, now_ms);
        compare(url, &model, now_ms, (None, 0));
    }
}

#[test]
fn every_node_has_all_counts_whatever_is_killed() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let mut servers = Servers::start();
    let nodes = ["a", "b", "c"].map(|name| Node::new(&servers, name, &key));
    assert_eq!(nodes[0].apply(DIRECTORY).code, 0);
    let mut served: Vec<Option<Served>> = nodes.iter().map(|node| Some(node.serve())).collect();
    let all = served
        .iter()
        .map(|it| it.as_ref().expect("runs").url.clone());
    let urls = RwLock::new(all.collect::<Vec<String>>());
    let now_ms = SystemClock::default().now().0;
    let batches = batches(now_ms, PART * 5);
    let parts: Vec<&[Vec<Event>]> = batches.chunks(PART).collect();
    let model = Mutex::new(Model::new());

    load(&urls, &model, parts[0], |_| ());
    compare_all(&urls, &model, now_ms);

    // A node, under load.
    load(&urls, &model, parts[1], |posted| {
        wait_until("half of a part", || posted() >= PART / 2);
        served[1].take().expect("runs").kill();
    });
    let again = nodes[1].serve();
    urls.write().expect("sound")[1].clone_from(&again.url);
    served[1] = Some(again);
    compare_all(&urls, &model, now_ms);

    // The server that leads a log, under load.
    let leader = servers.leader_of("chatmetric-events-0");
    load(&urls, &model, parts[2], |posted| {
        wait_until("half of a part", || posted() >= PART / 2);
        servers.kill(leader);
    });
    servers.start_again(leader);
    compare_all(&urls, &model, now_ms);

    // Two nodes together, under load: nobody is left who counted some of the partitions, and
    // the third takes them over.
    load(&urls, &model, parts[3], |posted| {
        wait_until("half of a part", || posted() >= PART / 2);
        for one in &mut served[..2] {
            one.take().expect("runs").kill();
        }
        urls.write().expect("sound").drain(..2);
    });
    compare_all(&urls, &model, now_ms);
    for at in 0..2 {
        let again = nodes[at].serve();
        urls.write().expect("sound").insert(at, again.url.clone());
        served[at] = Some(again);
    }
    compare_all(&urls, &model, now_ms);

    // All nodes at once; what they had counted is not counted again.
    load(&urls, &model, parts[4], |_| ());
    for one in &mut served {
        one.take().expect("runs").kill();
    }
    for (at, node) in nodes.iter().enumerate() {
        let again = node.serve();
        urls.write().expect("sound")[at].clone_from(&again.url);
        served[at] = Some(again);
    }
    compare_all(&urls, &model, now_ms);
    let data_dir = nodes[0].path("data");
    wait_until("an audit that finds all replicas", || {
        run(&["cluster", "audit", "--data-dir", &data_dir]).code == 0
    });
}

#[test]
fn fifty_calls_a_second_over_all_nodes() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let servers = Servers::start();
    let nodes = ["a", "b", "c"].map(|name| Node::new(&servers, name, &key));
    assert_eq!(nodes[0].apply(DIRECTORY).code, 0);
    let served: Vec<Served> = nodes.iter().map(Node::serve).collect();
    for one in &served {
        answers(&one.url, "LTAIowner", "owner-secret");
    }
    // As fast as they come, by turns; the clock of whoever posts says how long it took.
    let clock = SystemClock::default();
    let owner = credentials("LTAIowner", "owner-secret");
    let day_ms = clock.now().0 - DAY_MS;
    let range = [
        ("Start", day_ms.to_string()),
        ("End", (day_ms + 1_000).to_string()),
    ];
    let range = [(range[0].0, &*range[0].1), (range[1].0, &*range[1].1)];
    let answered = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for one in &served {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let began = clock.monotonic_ms();
                        let (status, body) =
                            call(&one.url, &owner, "GetChatappPhoneNumberMetric", &range);
                        let ended = clock.monotonic_ms();
                        let mut answered = answered.lock().expect("sound");
                        answered.push((began, ended, status, body));
                    }
                });
            }
        }
    });
    let answered = answered.into_inner().expect("sound");
    let admitted: Vec<(u64, u64)> = answered
        .iter()
        .filter(|(_, _, status, _)| *status == 200)
        .map(|(began, ended, _, _)| (*began, *ended))
        .collect();
    assert!(admitted.len() >= 50, "{}", admitted.len());
    let limited = answered.iter().filter(|it| it.3.contains("LimitControl"));
    assert!(limited.count() > 0, "it was never too fast");
    // Calls that lie within a second from their begin to their end were all admitted
    // within it.
    for (from, _) in &admitted {
        let within = |(began, ended): &&(u64, u64)| began >= from && *ended < from + 1_000;
        let count = admitted.iter().filter(within).count();
        assert!(count <= 50, "{count} calls within a second");
    }
}
