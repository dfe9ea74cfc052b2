//! A limit that holds over all members, also while its owner changes.

use crate::servers::Servers;
use crate::world::settings;
use chatmetric_cluster::assignment::owner_of;
use chatmetric_cluster::members::Members;
use chatmetric_cluster::owner::{Decided, Decider, KEPT_WITHIN, Owners};
use chatmetric_cluster::{ClusterError, ClusterStore, Settings};
use chatmetric_core::AccountKey;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

const LIMIT: usize = 20;
const SECOND: Duration = Duration::from_secs(1);
/// Longer than an owner takes that follows another one.
const ASK_TIMEOUT: Duration = Duration::from_secs(6);

/// What was admitted, by whom, over all members.
type Admitted = Arc<Mutex<Vec<(Instant, &'static str)>>>;

/// From when on who may decide.
type Opened = Arc<Mutex<Vec<(Instant, &'static str)>>>;

/// At most so many in any second, as one member sees it.
struct Throttle {
    name: &'static str,
    opened: Opened,
    recent: Mutex<Vec<Instant>>,
    admitted: Admitted,
}

impl Decider for Throttle {
    fn begin(&self, _: AccountKey, _: u64, silent_for: Duration) {
        let opened = (Instant::now() + silent_for, self.name);
        self.opened.lock().expect("free").push(opened);
        self.recent.lock().expect("free").clear();
    }

    fn decide(&self, _: AccountKey, _: &[u8]) -> Vec<u8> {
        let mut recent = self.recent.lock().expect("free");
        let now = Instant::now();
        recent.retain(|at| now.duration_since(*at) < SECOND);
        let admits = recent.len() < LIMIT;
        if admits {
            recent.push(now);
            self.admitted.lock().expect("free").push((now, self.name));
        }
        vec![u8::from(admits)]
    }
}

struct Side {
    opened: Opened,
    store: ClusterStore,
    members: Arc<Members>,
    owners: Owners,
}

fn side(servers: &Servers, name: &'static str, dir: &std::path::Path, admitted: &Admitted) -> Side {
    side_of(settings(servers, name, &dir.join(name)), name, admitted)
}

fn side_of(settings: Settings, name: &'static str, admitted: &Admitted) -> Side {
    let store = ClusterStore::open(settings).expect("opened");
    let (engine, topology) = (store.engine().clone(), store.topology().clone());
    let opened = Opened::default();
    let decider = Arc::new(Throttle {
        name,
        opened: Arc::clone(&opened),
        recent: Mutex::default(),
        admitted: Arc::clone(admitted),
    });
    let told = store.settings().clone();
    let joined = store.wait(async move {
        let members = Arc::new(Members::join(&engine, &topology, told.member_ttl, false).await?);
        let owners = Owners::start(
            &engine,
            &topology,
            Arc::clone(&members),
            told.lease_ttl,
            ASK_TIMEOUT,
            decider,
        );
        Ok((members, owners.await?))
    });
    let (members, owners) = joined.expect("joined");
    Side {
        opened,
        store,
        members,
        owners,
    }
}

impl Side {
    fn ask(&self, account: AccountKey) -> Result<Decided, ClusterError> {
        let owners = self.owners.clone();
        self.store
            .wait(async move { owners.ask(account, b"?").await })
    }
}

#[test]
fn a_second_process_of_the_same_name_is_noticed() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let admitted = Admitted::default();
    let first = side(&servers, "a", dir.path(), &admitted);
    let second = side(&servers, "a", &dir.path().join("other"), &admitted);
    crate::servers::wait_until("the other one is seen", || first.members.has_rival());
    assert!(!second.members.has_rival());
}

/// Two members that see each other, and an account of the first one.
fn two(servers: &Servers, dir: &std::path::Path, admitted: &Admitted) -> (Side, Side, AccountKey) {
    let a = side(servers, "a", dir, admitted);
    let b = side(servers, "b", dir, admitted);
    crate::servers::wait_until("both are seen", || {
        a.members.view().members.len() == 2 && b.members.view().members.len() == 2
    });
    let view = a.members.view();
    let mut accounts = (0..).map(AccountKey);
    let of_a = accounts.find(|it| owner_of(it.0, &view) == Some("a"));
    (a, b, of_a.expect("an account of `a`"))
}

#[test]
fn callers_wait_for_the_next_owner_and_are_not_refused() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let admitted = Admitted::default();
    let (a, b, account) = two(&servers, dir.path(), &admitted);
    // As long as the owner is asked it goes on, whatever the age of its lease.
    let began = Instant::now();
    while began.elapsed() < SECOND * 4 {
        b.ask(account).expect("decided");
        std::thread::sleep(Duration::from_millis(100));
    }
    let by = |name: &str| {
        let admitted = admitted.lock().expect("free");
        let of_it = admitted.iter().filter(|(_, by)| *by == name);
        of_it.map(|it| it.0).collect::<Vec<_>>()
    };
    assert!(by("b").is_empty());
    // It decides no more, and is a member all the same: nobody misses it by its beats.
    let Side {
        owners,
        members,
        store,
        ..
    } = a;
    drop(owners);
    b.ask(account).expect("decided, after a while");
    assert!(b.members.view().members.contains_key("a"));
    let last_of_a = by("a").into_iter().max().expect("some");
    let first_of_b = by("b").into_iter().min().expect("some");
    let apart = first_of_b.duration_since(last_of_a);
    println!("the next owner decides {apart:?} after the last decision of the one before");
    assert!(apart >= KEPT_WITHIN);
    drop((members, store));
}

#[test]
fn no_second_has_more_than_the_limit_across_a_change_of_the_owner() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let admitted = Admitted::default();
    let (a, b, account) = two(&servers, dir.path(), &admitted);
    // The first owner needs no silence, and decides for both.
    a.ask(account).expect("decided");
    b.ask(account).expect("decided");
    assert!(
        admitted
            .lock()
            .expect("free")
            .iter()
            .all(|(_, by)| *by == "a")
    );
    // It goes on while the others miss it, as long as its lease lasts.
    a.members.fall_silent();
    let by = |name: &str| {
        let admitted = admitted.lock().expect("free");
        admitted.iter().filter(|(_, by)| *by == name).count()
    };
    std::thread::scope(|scope| {
        for side in [&a, &b] {
            scope.spawn(|| {
                while by("b") < 3 * LIMIT {
                    drop(side.ask(account));
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
    });
    assert!(by("a") > LIMIT && by("b") >= 3 * LIMIT);
    // What others keep of decisions is complete when the next owner is told to look.
    let opened = b.opened.lock().expect("free").last().expect("begun").0;
    let last_of_a = {
        let admitted = admitted.lock().expect("free");
        let of_a = admitted.iter().filter(|(_, by)| *by == "a");
        of_a.map(|it| it.0).max().expect("some")
    };
    assert!(opened.duration_since(last_of_a) >= KEPT_WITHIN);
    let mut all: Vec<Instant> = admitted
        .lock()
        .expect("free")
        .iter()
        .map(|it| it.0)
        .collect();
    all.sort_unstable();
    for window in all.windows(LIMIT + 1) {
        let span = window[LIMIT].duration_since(window[0]);
        assert!(span >= SECOND, "{} admitted in {span:?}", LIMIT + 1);
    }
}

/// Syncing a lease takes as long as syncing events does, and is due for one question in many:
/// those that waited for it were the slowest of all.
#[test]
fn a_lease_in_use_is_renewed_beside_the_questions() {
    let mut servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let admitted = Admitted::default();
    let lease_ttl = SECOND * 8;
    let told = Settings {
        lease_ttl,
        ..settings(&servers, "a", &dir.path().join("a"))
    };
    let a = side_of(told, "a", &admitted);
    let account = AccountKey(7);
    let asked_at = a.ask(account).expect("decided").asked_at;
    // It is due, and the servers that it has to be renewed on are gone.
    std::thread::sleep((lease_ttl / 2 + SECOND / 4).saturating_sub(asked_at.elapsed()));
    servers.kill_all();
    for _ in 0..3 {
        let began = Instant::now();
        a.ask(account).expect("decided under what is left of it");
        assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    }
    // What is not renewed ends all the same.
    std::thread::sleep((lease_ttl + SECOND / 4).saturating_sub(asked_at.elapsed()));
    a.ask(account).expect_err("the lease has ended");
    assert_eq!(admitted.lock().expect("free").len(), 4);
    servers.start_all_again();
    crate::servers::wait_until("it is renewed", || a.ask(account).is_ok());
}

/// An asker whose answer is lost asks again: that is the same call, and no second one.
#[test]
fn what_is_asked_twice_is_decided_once() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let admitted = Admitted::default();
    let (a, _b, account) = two(&servers, dir.path(), &admitted);
    a.ask(account).expect("decided");
    let decisions = || admitted.lock().expect("free").len();
    assert_eq!(decisions(), 1);
    let urls = a.store.settings().urls.clone();
    let ask = move |id: &'static [u8]| {
        let urls = urls.clone();
        async move {
            let client = async_nats::connect(urls).await.expect("connects");
            let mut request = Vec::new();
            chatmetric_store::coding::put_varint(&mut request, account.0.into());
            chatmetric_store::coding::put_bytes(&mut request, id);
            request.push(b'?');
            let answer = client.request("chatmetric.decide.a", request.into()).await;
            Ok(answer.expect("an answer").payload)
        }
    };
    let first = a.store.wait(ask(b"one")).expect("asked");
    assert_eq!(decisions(), 2);
    let again = a.store.wait(ask(b"one")).expect("asked");
    assert_eq!((decisions(), &again), (2, &first));
    a.store.wait(ask(b"another")).expect("asked");
    assert_eq!(decisions(), 3);
}
