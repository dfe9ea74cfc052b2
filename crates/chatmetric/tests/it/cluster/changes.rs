//! What operators do to a cluster while it works: partitions are moved, nodes come and go
//! for good, are restarted one by one, have another clock, or an empty disk.

use super::counts::{DAY_MS, PART, batches, compare_all, load};
use super::servers::Servers;
use super::{Node, answers, credentials, key_file};
use crate::process::{DIRECTORY, Served, agent, call, run};
use crate::streams::wait_until;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric_sim::Model;
use std::sync::{Mutex, RwLock};

/// A program below this has a clock that is seven minutes ahead; what waits goes by the real
/// one. The wrapper of the library would stay the parent of the program, and get its signals.
fn clock_ahead() -> Vec<String> {
    let mut folders = std::fs::read_dir("/usr/lib").expect("libraries");
    let found = folders.find_map(|folder| {
        let library = folder.ok()?.path().join("faketime/libfaketimeMT.so.1");
        library.exists().then_some(library)
    });
    let library = found.expect("`cargo xtask test rust` installs faketime");
    [
        "env".to_owned(),
        "FAKETIME=+7m".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        format!("LD_PRELOAD={}", library.display()),
    ]
    .into()
}

/// A program of an earlier release, where `CHATMETRIC_EARLIER` names one: nodes begin with it
/// and are upgraded one by one under load. Without it they are restarted with this one.
fn earlier() -> Option<Vec<String>> {
    let path = std::env::var("CHATMETRIC_EARLIER").ok()?;
    Some(vec![
        "sh".to_owned(),
        "-c".to_owned(),
        format!("exec '{path}' \"$@\""),
    ])
}

/// The nodes, those that run, and where they listen.
struct Cluster {
    nodes: Vec<Node>,
    served: Vec<Option<Served>>,
    urls: RwLock<Vec<String>>,
}

impl Cluster {
    fn put(&mut self, node: Node, served: Served) {
        answers(&served.url, "LTAIowner", "owner-secret");
        self.urls.write().expect("sound").push(served.url.clone());
        self.nodes.push(node);
        self.served.push(Some(served));
    }

    /// Nobody delivers there from now on.
    fn leave(&mut self, at: usize) -> (Node, Served) {
        self.urls.write().expect("sound").remove(at);
        let served = self.served.remove(at).expect("runs");
        (self.nodes.remove(at), served)
    }
}

/// What a node thinks the time is, by the `Date` of its answers.
fn clock_of(url: &str) -> i64 {
    let answer = agent()
        .get(format!("{url}/healthz"))
        .call()
        .expect("an answer");
    let date = answer.headers().get("date").expect("a date");
    let date = jiff::fmt::rfc2822::parse(date.to_str().expect("text"));
    date.expect("a date").timestamp().as_millisecond()
}

/// Which nodes count a partition, and one more that does not.
fn counted_by(node: &Node, partition: usize) -> (Vec<String>, String) {
    let status = node.status().expect("a status");
    let wanted: Vec<String> =
        serde_json::from_value(status["wanted"][partition].clone()).expect("names");
    let members = status["members"].as_array().expect("members");
    let names = members.iter().filter_map(|it| it["name"].as_str());
    let other = names.map(str::to_owned).find(|it| !wanted.contains(it));
    (wanted, other.expect("one that does not"))
}

#[test]
fn whatever_is_changed_under_load_the_counts_stay() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let servers = Servers::start();
    let node = |name| Node::new(&servers, name, &key);
    let earlier = earlier();
    let serve_first = |node: &Node| match &earlier {
        Some(wrapper) => node.serve_below(wrapper),
        None => node.serve(),
    };
    let first = node("a");
    assert_eq!(first.apply(DIRECTORY).code, 0);
    let mut cluster = Cluster {
        nodes: Vec::new(),
        served: Vec::new(),
        urls: RwLock::default(),
    };
    for one in [first, node("b"), node("c")] {
        // The clock of one is wrong from the beginning, by less than a call may be old.
        let served = if cluster.nodes.len() == 1 {
            one.serve_below(&clock_ahead())
        } else {
            serve_first(&one)
        };
        cluster.put(one, served);
    }
    cluster.nodes[0].settled(&["a", "b", "c"]);
    let ahead_ms =
        clock_of(&cluster.urls.read().expect("sound")[1]) - SystemClock::default().now().0;
    assert!(ahead_ms > 6 * 60_000, "its clock is {ahead_ms} ms ahead");
    let (now_ms, model) = (SystemClock::default().now().0, Mutex::new(Model::new()));
    let batches = batches(now_ms, PART * 4);
    let mut parts = batches.chunks(PART);
    let mut part = || parts.next().expect("enough parts");

    // A partition is moved to where it is not, and the move is over when the command is.
    load(&cluster.urls, &model, part(), |posted| {
        wait_until("some of a part", || posted() >= PART / 4);
        let (before, other) = counted_by(&cluster.nodes[0], 1);
        let to = format!("{other},{}", before[0]);
        let data_dir = cluster.nodes[0].path("data");
        let ran = run(&["cluster", "move", "1", "--to", &to, "--data-dir", &data_dir]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let mut now = [other, before[0].clone()];
        now.sort_unstable();
        let said = format!("partition 1 is counted by {}\n", now.join(", "));
        assert_eq!(ran.stdout, said);
        assert!(
            counted_by(&cluster.nodes[2], 1)
                .0
                .iter()
                .all(|it| now.contains(it))
        );
        let nobody = run(&["cluster", "move", "1", "--to", "z", "--data-dir", &data_dir]);
        assert!(nobody.stderr.contains("no node `z`"), "{nobody:?}");
        let back = run(&["cluster", "move", "1", "--back", "--data-dir", &data_dir]);
        assert_eq!(back.code, 0, "{back:?}");
        assert_eq!(counted_by(&cluster.nodes[0], 1).0, before);
    });
    compare_all(&cluster.urls, &model, now_ms);

    // A fourth node takes its share, and the first one goes for good.
    let events = part();
    let joined = std::thread::scope(|scope| {
        let joining = scope.spawn(|| {
            let fourth = node("d");
            let served = serve_first(&fourth);
            (fourth, served)
        });
        load(&cluster.urls, &model, events, |_| ());
        joining.join().expect("joins")
    });
    cluster.put(joined.0, joined.1);
    cluster.nodes[0].settled(&["a", "b", "c", "d"]);
    compare_all(&cluster.urls, &model, now_ms);
    let (_gone, served) = cluster.leave(0);
    load(&cluster.urls, &model, part(), |posted| {
        wait_until("some of a part", || posted() >= PART / 4);
        assert!(served.stop().0.success());
    });
    cluster.nodes[0].settled(&["b", "c", "d"]);
    compare_all(&cluster.urls, &model, now_ms);

    // One by one they are restarted under load; the last one comes back with nothing.
    let Cluster {
        nodes,
        served,
        urls,
    } = &mut cluster;
    load(urls, &model, part(), |_| {
        for (at, node) in nodes.iter().enumerate() {
            let stopped = served[at].take().expect("runs");
            assert!(stopped.stop().0.success());
            if at == 2 {
                std::fs::remove_dir_all(node.path("data")).expect("removed");
            }
            let again = node.serve();
            urls.write().expect("sound")[at].clone_from(&again.url);
            served[at] = Some(again);
            node.settled(&["b", "c", "d"]);
        }
    });
    compare_all(urls, &model, now_ms);
    let data_dir = nodes[0].path("data");
    wait_until("an audit that finds all replicas", || {
        run(&["cluster", "audit", "--data-dir", &data_dir]).code == 0
    });
    // The clock that was ahead is right again; its calls are accepted as everybody's.
    let owner = credentials("LTAIowner", "owner-secret");
    let (start, end) = ((now_ms - DAY_MS).to_string(), now_ms.to_string());
    let range = [("Start", &*start), ("End", &*end)];
    let url = urls.read().expect("sound")[0].clone();
    assert_eq!(
        call(&url, &owner, "GetChatappPhoneNumberMetric", &range).0,
        200
    );
}
