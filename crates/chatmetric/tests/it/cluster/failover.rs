//! What callers see while a node is killed: answers, a little later, and no error.

use super::counts::{DAY_MS, batches, compare_all, load};
use super::servers::Servers;
use super::{Node, answers, credentials, key_file};
use crate::process::{DIRECTORY, Served, call};
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric_sim::Model;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

const NAMES: [&str; 3] = ["a", "b", "c"];
/// How long callers go on after a node was killed: longer than an owner is missed.
const GO_ON: Duration = Duration::from_secs(5);

/// An answer: when the call began and ended, its status and its body.
type Answered = (u64, u64, u16, String);

/// Asks until it is told to stop, slower than the limit of calls a second.
fn asks(url: &str, now_ms: i64, stop: &AtomicBool, clock: &SystemClock) -> Vec<Answered> {
    let owner = credentials("LTAIowner", "owner-secret");
    let (start, end) = ((now_ms - 22 * DAY_MS).to_string(), now_ms.to_string());
    let range = [("Start", &*start), ("End", &*end)];
    let mut answered = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let began = clock.monotonic_ms();
        let (status, body) = call(url, &owner, "GetChatappPhoneNumberMetric", &range);
        answered.push((began, clock.monotonic_ms(), status, body));
        std::thread::sleep(Duration::from_millis(60));
    }
    answered
}

/// Asks the others while something happens; gives their answers.
fn asked_while(
    served: &[Option<Served>],
    but: usize,
    now_ms: i64,
    happens: impl FnOnce(),
) -> Vec<Answered> {
    let clock = SystemClock::default();
    let stop = AtomicBool::new(false);
    let others = served.iter().enumerate().filter(|(at, _)| *at != but);
    let others: Vec<String> = others
        .filter_map(|(_, it)| it.as_ref().map(|it| it.url.clone()))
        .collect();
    std::thread::scope(|scope| {
        let asking: Vec<_> = others
            .iter()
            .map(|url| scope.spawn(|| asks(url, now_ms, &stop, &clock)))
            .collect();
        std::thread::sleep(Duration::from_millis(500));
        happens();
        std::thread::sleep(GO_ON);
        stop.store(true, Ordering::SeqCst);
        let all = asking.into_iter().map(|it| it.join().expect("asks"));
        all.flatten().collect()
    })
}

/// All of them are answers; gives the longest time.
fn check_answers(what: &str, answered: &[Answered]) {
    let longest = answered.iter().map(|it| it.1 - it.0).max();
    let count = answered.len();
    println!("{what}: {count} answers, the longest after {longest:?} ms");
    // As many as a busy machine gives them time for.
    assert!(count > 10, "{count} answers");
    for (_, _, status, body) in answered {
        assert_eq!(*status, 200, "{body}");
    }
}

#[test]
fn whichever_node_is_killed_callers_of_the_others_see_no_error() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let servers = Servers::start();
    let nodes = NAMES.map(|name| Node::new(&servers, name, &key));
    assert_eq!(nodes[0].apply(DIRECTORY).code, 0);
    let mut served: Vec<Option<Served>> = nodes.iter().map(|node| Some(node.serve())).collect();
    let urls = served.iter().flatten().map(|it| it.url.clone()).collect();
    let urls = RwLock::new(urls);
    let (now_ms, model) = (SystemClock::default().now().0, Mutex::new(Model::new()));
    load(&urls, &model, &batches(now_ms, 40), |_| ());
    compare_all(&urls, &model, now_ms);
    // One of them decides for the account; after the last one it has been its turn.
    for victim in 0..nodes.len() {
        nodes[victim].settled(&NAMES);
        let killed = served[victim].take().expect("runs");
        let answered = asked_while(&served, victim, now_ms, || drop(killed.kill()));
        check_answers(&format!("`{}` killed", NAMES[victim]), &answered);
        let again = nodes[victim].serve();
        answers(&again.url, "LTAIowner", "owner-secret");
        urls.write().expect("sound")[victim].clone_from(&again.url);
        served[victim] = Some(again);
    }
    compare_all(&urls, &model, now_ms);
}

/// Its connections stay and it says nothing any more, as one that lost its power.
#[test]
fn whichever_node_hangs_callers_of_the_others_see_no_error() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let servers = Servers::start();
    let nodes = NAMES.map(|name| Node::new(&servers, name, &key));
    assert_eq!(nodes[0].apply(DIRECTORY).code, 0);
    let served: Vec<Option<Served>> = nodes.iter().map(|node| Some(node.serve())).collect();
    let urls = served.iter().flatten().map(|it| it.url.clone()).collect();
    let urls = RwLock::new(urls);
    let (now_ms, model) = (SystemClock::default().now().0, Mutex::new(Model::new()));
    load(&urls, &model, &batches(now_ms, 40), |_| ());
    for victim in 0..nodes.len() {
        nodes[victim].settled(&NAMES);
        compare_all(&urls, &model, now_ms);
        let hangs = served[victim].as_ref().expect("runs");
        let answered = asked_while(&served, victim, now_ms, || hangs.freeze());
        check_answers(&format!("`{}` hangs", NAMES[victim]), &answered);
        // It believes that it decides still; it must not.
        hangs.thaw();
        answers(&hangs.url, "LTAIowner", "owner-secret");
    }
    compare_all(&urls, &model, now_ms);
}
