//! Members that come, go and are killed: every answer is exact.

use crate::counting::batches;
use crate::model::Model;
use crate::servers::{Servers, wait_until};
use crate::world::{PARTITIONS, commit_all, settings};
use chatmetric_cluster::assignment::replicas_of;
use chatmetric_cluster::follow::Progress;
use chatmetric_cluster::{ClusterStore, Node, Partition, audit::audit};
use chatmetric_core::EpochMs;
use chatmetric_store::Store as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn node(servers: &Servers, name: &str, dir: &Path) -> Node {
    let told = settings(servers, name, &dir.join(name));
    let store = Arc::new(ClusterStore::open(told).expect("opened"));
    Node::start(store, true).expect("joined")
}

/// Waits until nodes see each other, and each holds what it should and no more.
#[track_caller]
fn settled(nodes: &[&Node]) {
    wait_until("the assignment", || {
        nodes.iter().all(|node| {
            let view = node.members().view();
            let name = node.members().name();
            let mut wanted: Vec<Partition> = (0..PARTITIONS).map(Partition).collect();
            wanted.retain(|it| replicas_of(*it, &view, 2).contains(&name));
            let running = node.replicas();
            let follow = |it: &chatmetric_cluster::node::ReplicaStatus| {
                matches!(it.progress, Progress::Following)
            };
            view.members.len() == nodes.len()
                && running.iter().map(|it| it.partition).eq(wanted)
                && running.iter().all(follow)
        })
    });
}

#[test]
fn members_come_and_go_and_every_answer_is_exact() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let mut model = Model::default();
    let mut more = |node: &Node, seed: u64| {
        let some = batches(seed, 60);
        commit_all(node.store(), &some);
        some.iter().for_each(|batch| model.take(batch));
        model.check(node.store().as_ref());
    };
    let a = node(&servers, "a", dir.path());
    more(&a, 20);
    let b = node(&servers, "b", dir.path());
    more(&b, 21);
    settled(&[&a, &b]);
    let c = node(&servers, "c", dir.path());
    more(&c, 22);
    settled(&[&a, &b, &c]);
    let held: usize = [&a, &b, &c].iter().map(|node| node.replicas().len()).sum();
    assert_eq!(held, usize::from(PARTITIONS) * 2);
    b.stop();
    more(&a, 23);
    settled(&[&a, &c]);
    // Each partition has one snapshot, whoever takes it.
    let taken = [&a, &c].map(|node| node.snapshots(EpochMs(0)).expect("taken").len());
    assert_eq!(taken.iter().sum::<usize>(), usize::from(PARTITIONS));
    let again = [&a, &c].map(|node| node.snapshots(EpochMs(0)).expect("looked at").len());
    assert_eq!(again, [0, 0], "nothing has changed");
    let d = node(&servers, "d", dir.path());
    more(&d, 24);
    settled(&[&a, &c, &d]);
    more(&c, 25);
}

/// Ends the threads of a test, also when it fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A member that can be killed.
struct Process(Child);

fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a program");
    let profile = test.ancestors().nth(2).expect("a target directory");
    let path = profile.join("examples/member");
    assert!(
        path.exists(),
        "`{}` is missing: `cargo test -p chatmetric-cluster` builds it",
        path.display()
    );
    path
}

impl Process {
    fn start(servers: &Servers, name: &str, dir: &Path) -> Self {
        let child = Command::new(program())
            .arg(name)
            .arg(dir.join(name))
            .arg(PARTITIONS.to_string())
            .arg(servers.urls().join(","))
            .stdin(Stdio::null())
            .spawn();
        Self(child.expect("it starts"))
    }

    /// kill -9
    fn kill(&mut self) {
        self.0.kill().expect("kills");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_replica_that_is_killed_in_the_middle_counts_exactly() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let a = node(&servers, "a", dir.path());
    settled(&[&a]);
    let mut process = Process::start(&servers, "b", dir.path());
    let stop = AtomicBool::new(false);
    let all = std::thread::scope(|scope| {
        let stops = Stops(&stop);
        let publisher = scope.spawn(|| {
            let mut all = Vec::new();
            for seed in 100.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let some = batches(seed, 48);
                commit_all(a.store(), &some);
                all.extend(some);
            }
            all
        });
        // The other replica answers, whoever was asked first.
        let reader = scope.spawn(|| {
            let mut answers = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                a.store().books().expect("answered");
                answers += 1;
            }
            answers
        });
        let mut last = 0;
        for _ in 0..5 {
            wait_until("the process folds", || {
                let view = a.members().view();
                let b = view.members.get("b");
                b.is_some_and(|it| it.incarnation > last && !it.follows.is_empty())
            });
            last = a
                .members()
                .view()
                .members
                .get("b")
                .map_or(last, |it| it.incarnation);
            process.kill();
            process = Process::start(&servers, "b", dir.path());
        }
        drop(stops);
        assert!(reader.join().expect("never refused") > 0);
        publisher.join().expect("published")
    });
    let b_follows = || {
        let view = a.members().view();
        let b = view.members.get("b").map(|it| it.follows.len());
        b == Some(usize::from(PARTITIONS))
    };
    wait_until("the process follows", b_follows);
    let names = ["a".to_owned(), "b".to_owned()];
    for partition in 0..PARTITIONS {
        let scratch = dir.path().join("scratch");
        let report = audit(a.store(), Partition(partition), &names, &scratch);
        assert_eq!(report.expect("audited").differences, Vec::<String>::new());
    }
    let mut model = Model::default();
    all.iter().for_each(|batch| model.take(batch));
    model.check(a.store().as_ref());
}
