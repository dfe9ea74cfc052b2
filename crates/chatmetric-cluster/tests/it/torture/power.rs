//! The power of all servers of a cluster is cut at once, under load: their logs are on one
//! disk with a volatile cache. What was acknowledged is known outside and counted
//! afterwards; what was not is sent again first, as a provider does.
//!
//! The control is what servers do when they are told nothing: they sync every two minutes
//! and acknowledge before. It must lose.

use super::machine::{Files, Machine, alone};
use crate::model::{self, Model};
use crate::servers::Servers;
use crate::world::{commit_all, replicas, settings, wait_for};
use chatmetric_cluster::{ClusterStore, Settings};
use chatmetric_sim::Random;
use chatmetric_store::{Batch, Receipt, Store as _, StoreError};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

const SEED: u64 = 20_261_201;
/// Cuts in CI, and of the control.
const CUTS: u64 = 2;
const CONTROL_CUTS: u64 = 2;
/// How often a store is opened after a cut.
const OPEN_TRIES: u32 = 20;
/// Of all cuts that `CHATMETRIC_TORTURE_CYCLES` asks for, this test makes its share of
/// those that CI makes with a store alone.
const CUTS_OF_ALL: u64 = 20;
/// Batches on the way at a time.
const WINDOW: usize = 8;

fn cuts() -> u64 {
    let asked = std::env::var("CHATMETRIC_TORTURE_CYCLES").ok();
    let asked: Option<u64> = asked.and_then(|text| text.parse().ok());
    asked.map_or(CUTS, |all| (CUTS * all).div_ceil(CUTS_OF_ALL))
}

/// What was published until the power was gone.
#[derive(Default)]
struct Published {
    all: Vec<Batch>,
    acknowledged: usize,
    /// What was not acknowledged.
    open: Vec<Batch>,
}

/// Publishes one batch after the other until the power is gone: servers that do not sync
/// take any number of them before it is.
fn publish(store: &ClusterStore, source: &mut model::Random) -> Published {
    let mut done = Published::default();
    let mut sent: VecDeque<(Batch, mpsc::Receiver<Result<Receipt, StoreError>>)> = VecDeque::new();
    loop {
        while sent.len() < WINDOW && done.open.is_empty() {
            let batch = source.batch(400);
            let (sender, receiver) = mpsc::sync_channel(1);
            store.submit(batch.clone(), Box::new(move |told| drop(sender.send(told))));
            done.all.push(batch.clone());
            sent.push_back((batch, receiver));
        }
        let Some((batch, receiver)) = sent.pop_front() else {
            return done;
        };
        match receiver.recv().expect("answered") {
            Ok(_) => done.acknowledged += 1,
            Err(_) => done.open.push(batch),
        }
    }
}

/// One cut of the power under load, and what is there afterwards.
struct Subject {
    machine: Arc<Machine>,
    servers: Option<Servers>,
    model: Model,
    random: Random,
    jetstream: &'static str,
    /// What the replicas that were there at every cut have.
    lasting: tempfile::TempDir,
}

impl Subject {
    fn new(jetstream: &'static str) -> Result<Self, String> {
        Ok(Self {
            machine: Arc::new(Machine::new(Files::Ext4)?),
            servers: None,
            model: Model::default(),
            random: Random::new(SEED),
            jetstream,
            lasting: tempfile::tempdir().expect("a directory"),
        })
    }

    fn settings(&self, member: &str, dir: &Path) -> Settings {
        let servers = self.servers.as_ref().expect("they run");
        Settings {
            publish_timeout: Duration::from_secs(4),
            allow_weak_durability: !self.jetstream.contains("always"),
            ..settings(servers, member, dir)
        }
    }

    fn start_servers(&mut self, dir: &Path) {
        match &mut self.servers {
            Some(servers) => servers.start_all_again(),
            none => *none = Some(Servers::start_in(dir, self.jetstream)),
        }
    }

    /// Gives how many batches were acknowledged before the cut.
    fn cut(&mut self, nth: u64) -> Result<usize, String> {
        let mut source = model::Random(SEED + nth);
        let machine = Arc::clone(&self.machine);
        let running = machine.start(Files::Ext4)?;
        self.start_servers(&running.dir());
        let dir = tempfile::tempdir().expect("a directory");
        let store = opened(&self.settings("writer", dir.path()));
        let lasting = opened(&self.settings("lasting", self.lasting.path()));
        let counting = replicas(&lasting);
        let (plug, mut random) = (running.plug(), Random::new(self.random.bits()));
        let delay = Duration::from_millis(400 + self.random.below(1_500));
        let pulled = std::thread::spawn(move || {
            std::thread::sleep(delay);
            plug.pull(&mut random)
        });
        let servers = self.servers.as_mut().expect("they run");
        let (published, cut) = std::thread::scope(|scope| {
            let publishing = scope.spawn(|| publish(&store, &mut source));
            let cut = pulled.join().expect("cuts");
            servers.kill_all();
            (publishing.join().expect("ends"), cut)
        });
        drop((store, counting, lasting));
        running.stop();
        let Published {
            all,
            acknowledged,
            open,
        } = published;
        println!("{acknowledged} batches, then {cut:?} (seed {SEED}, cut {nth})");
        all.iter().for_each(|batch| self.model.take(batch));
        self.settle(&open)?;
        Ok(acknowledged)
    }

    /// The power is back: what was not acknowledged is sent again, then everything must be
    /// there, for whoever counts from the beginning and for who counted before.
    fn settle(&mut self, open: &[Batch]) -> Result<(), String> {
        let machine = Arc::clone(&self.machine);
        let running = machine.start(Files::Ext4)?;
        self.start_servers(&running.dir());
        let dir = tempfile::tempdir().expect("a directory");
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let lasting = opened(&self.settings("lasting", self.lasting.path()));
            let before = replicas(&lasting);
            let fresh = opened(&self.settings("fresh", dir.path()));
            let counting = replicas(&fresh);
            commit_all(&fresh, open);
            wait_for(&before);
            wait_for(&counting);
            // Asks whichever of the two replicas answers: both have to agree.
            for _ in 0..4 {
                self.model.check(&fresh);
            }
            fresh.verify().expect("sound");
        }));
        self.servers.as_mut().expect("they run").kill_all();
        running.stop();
        checked.map_err(|_| LOST.to_owned())
    }
}

/// Opens as often as a node is started: after a cut the servers agree on leaders first, and
/// whoever is slow has lost nothing.
fn opened(settings: &Settings) -> ClusterStore {
    let mut tries = 1;
    loop {
        match ClusterStore::open(settings.clone()) {
            Ok(store) => return store,
            Err(error) if tries == OPEN_TRIES => panic!("not opened: {error}"),
            Err(_) => tries += 1,
        }
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// What is said when something is missing.
const LOST: &str = "something that was acknowledged is lost";

#[test]
fn power_cuts_of_all_servers_lose_and_double_nothing() {
    let name = "torture::power::power_cuts_of_all_servers_lose_and_double_nothing";
    alone(name, || {
        let mut subject = Subject::new("sync_interval: always")?;
        let mut acknowledged = 0;
        for nth in 0..cuts() {
            acknowledged += subject.cut(nth)?;
        }
        assert!(acknowledged > 0);
        Ok(())
    });
}

#[test]
fn servers_that_do_not_sync_lose() {
    let name = "torture::power::servers_that_do_not_sync_lose";
    alone(name, || {
        let mut lost = 0;
        for nth in 0..CONTROL_CUTS {
            // What was lost once is missing for good.
            let cut = Subject::new("sync_interval: \"2m\"")?.cut(nth);
            lost += u64::from(cut.is_err_and(|why| why == LOST));
        }
        assert!(
            lost * 2 >= CONTROL_CUTS,
            "{lost} of {CONTROL_CUTS} cuts lost something"
        );
        Ok(())
    });
}
