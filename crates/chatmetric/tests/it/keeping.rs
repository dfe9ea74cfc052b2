//! Several nodes, as a server sees them: a call is looked up while its nonce is being kept,
//! and nothing of it leaves and nothing is changed before it is.

use crate::world::{Reply, World, key};
use chatmetric::api::action::Action;
use chatmetric::control::{ClusterTask, ReplicaReport};
use chatmetric::directory::AuditFilter;
use chatmetric::server::{Keeping, Peers};
use chatmetric_core::AccountKey;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::admission::{Admission, AdmissionSettings, Asked, CallTime};
use chatmetric_rpc::nonce::NonceEntry;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];
/// Long enough for an answer that waits for nothing.
const NO_ANSWER_FOR: Duration = Duration::from_millis(300);

type Says = tokio::sync::oneshot::Sender<Result<(), ApiError>>;

/// Peers that admit by themselves; the test says what becomes of nonces.
struct Held {
    admission: Admission<Action>,
    begun: Mutex<mpsc::Sender<Says>>,
}

impl Held {
    fn new() -> (Arc<Self>, mpsc::Receiver<Says>) {
        let (begun, keeps) = mpsc::channel();
        let held = Self {
            admission: Admission::new(AdmissionSettings::for_skew_ms(900_000)),
            begun: Mutex::new(begun),
        };
        (Arc::new(held), keeps)
    }
}

impl Peers for Held {
    fn decide(
        &self,
        _: AccountKey,
        asked: &Asked<'_, Action>,
    ) -> Result<(NonceEntry, Keeping), ApiError> {
        let at = CallTime {
            now_ms: asked.valid_until_ms - 900_000,
            monotonic_ns: 0,
        };
        let entry = self.admission.decide(asked, at)?;
        let (says, keeping) = Keeping::begun();
        let begun = self.begun.lock().expect("nobody panicked");
        begun.send(says).expect("the test listens");
        Ok((entry, keeping))
    }

    fn replicas(&self) -> Vec<ReplicaReport> {
        Vec::new()
    }

    fn trouble(&self) -> Option<&'static str> {
        None
    }

    fn run(&self, _: ClusterTask) -> Result<serde_json::Value, String> {
        Err("nothing is run here".to_owned())
    }
}

/// Sends a call; gives what says whether its nonce is kept, and the answer that comes then.
fn begin<'s>(
    scope: &'s std::thread::Scope<'s, '_>,
    world: &'s World,
    keeps: &mpsc::Receiver<Says>,
    (who, action, query): (&str, &str, &[(&str, &str)]),
) -> (Says, mpsc::Receiver<Reply>) {
    let signed = world.v3(&key(who), action, query);
    let (answers, answer) = mpsc::channel();
    scope.spawn(move || drop(answers.send(world.post(&signed))));
    let says = keeps.recv_timeout(Duration::from_secs(30));
    (says.expect("it was admitted"), answer)
}

/// How many changes the directory has seen.
fn changes(world: &World) -> usize {
    let all = world.directory.audit_log(&AuditFilter {
        account: None,
        before_id: None,
        limit: 1_000,
    });
    all.expect("read").len()
}

#[test]
fn nothing_leaves_before_the_nonce_is_kept() {
    let (held, keeps) = Held::new();
    let world = World::among(held);
    std::thread::scope(|scope| {
        for (action, query, status) in [
            ("GetChatappPhoneNumberMetric", &RANGE[..], 200),
            ("GetCallerIdentity", &[], 200),
            // Without a parameter: an answer, too.
            ("GetChatappPhoneNumberMetric", &[], 400),
        ] {
            let (says, answer) = begin(scope, &world, &keeps, ("owner", action, query));
            let early = answer.recv_timeout(NO_ANSWER_FOR);
            assert!(early.is_err(), "{action}: {early:?}");
            says.send(Ok(())).expect("it waits");
            let reply = answer.recv().expect("an answer");
            assert_eq!(reply.status, status, "{reply:?}");
        }
    });
}

#[test]
fn nothing_is_changed_before_the_nonce_is_kept() {
    let (held, keeps) = Held::new();
    let world = World::among(held);
    let before = changes(&world);
    std::thread::scope(|scope| {
        let call = ("owner", "CreateUser", &[("UserName", "kept")][..]);
        let (says, answer) = begin(scope, &world, &keeps, call);
        assert!(answer.recv_timeout(NO_ANSWER_FOR).is_err());
        assert_eq!(changes(&world), before);
        says.send(Ok(())).expect("it waits");
        assert_eq!(answer.recv().expect("an answer").status, 200);
        assert_eq!(changes(&world), before + 1);
    });
}

#[test]
fn a_call_whose_nonce_is_not_kept_is_refused_and_does_nothing() {
    let (held, keeps) = Held::new();
    let world = World::among(held);
    let before = changes(&world);
    std::thread::scope(|scope| {
        for (action, query) in [
            ("GetChatappPhoneNumberMetric", &RANGE[..]),
            ("GetChatappPhoneNumberMetric", &[][..]),
            ("CreateUser", &[("UserName", "lost")][..]),
        ] {
            let (says, answer) = begin(scope, &world, &keeps, ("owner", action, query));
            says.send(Err(ApiError::ServiceUnavailable))
                .expect("it waits");
            let reply = answer.recv().expect("an answer");
            assert_eq!(reply.status, 503, "{reply:?}");
            assert_eq!(reply.code(), "ServiceUnavailable");
        }
        // Whoever keeps it went away without a word.
        let call = ("owner", "GetChatappPhoneNumberMetric", &RANGE[..]);
        let (says, answer) = begin(scope, &world, &keeps, call);
        drop(says);
        assert_eq!(answer.recv().expect("an answer").status, 503);
    });
    assert_eq!(changes(&world), before);
}
