//! Admission in many orders of its threads (`cargo xtask concurrency`): the nonce cache and the
//! throttle as calls of a server meet them, behind the one lock that both have.
//!
//! Not here: what either does in one thread. Invariant of every test: who is admitted depends on
//! the order, how many are does not.

use std::sync::Arc;

use chatmetric_rpc::admission::{Admission, AdmissionSettings, CallTime};
use chatmetric_sim::schedules::explore;
use shuttle::thread::{self, JoinHandle};

use crate::actor::{NOW_MS, Operation};
use crate::admission::metric;

const SECOND_NS: u64 = 1_000_000_000;
/// More than any test asks for.
const UNLIMITED: u32 = 100;

type Shared = Arc<Admission<Operation>>;

fn admission(nonces_max: usize) -> Shared {
    Arc::new(Admission::new(AdmissionSettings {
        nonces_max,
        ..AdmissionSettings::for_skew_ms(900_000)
    }))
}

/// Calls from a thread of its own; the code of the refusal, if it is refused.
fn call(
    admission: &Shared,
    nonce: &str,
    calls_per_second: u32,
    monotonic_ns: u64,
) -> JoinHandle<Option<String>> {
    let admission = Arc::clone(admission);
    let verified = metric(nonce);
    thread::spawn(move || {
        let at = CallTime {
            now_ms: NOW_MS,
            monotonic_ns,
        };
        let admitted = admission.admit(verified, calls_per_second, at);
        admitted.err().map(|refused| refused.code().into_owned())
    })
}

/// How many were admitted; the others were refused with `code`.
fn admitted(calls: Vec<JoinHandle<Option<String>>>, code: &str) -> usize {
    let told: Vec<_> = calls
        .into_iter()
        .map(|call| call.join().expect("no panic"))
        .collect();
    for refused in told.iter().flatten() {
        assert_eq!(refused, code);
    }
    told.iter().filter(|told| told.is_none()).count()
}

#[test]
fn one_nonce_is_accepted_once_from_any_number_of_threads() {
    explore(|| {
        let admission = admission(1_000);
        let nonces = ["a", "b", "a", "a", "b"];
        let calls = nonces.map(|nonce| call(&admission, nonce, UNLIMITED, 0));
        assert_eq!(admitted(calls.into(), "SignatureNonceUsed"), 2);
        assert_eq!(admission.nonces(NOW_MS).len(), 2);
    });
}

#[test]
fn a_cache_that_fills_up_holds_what_it_may_and_no_more() {
    explore(|| {
        // With two of three taken, an account alone has its share.
        let admission = admission(3);
        let calls = ["a", "b", "c", "d"].map(|nonce| call(&admission, nonce, UNLIMITED, 0));
        assert_eq!(admitted(calls.into(), "ServiceUnavailable"), 2);
        assert_eq!(admission.nonces_len(), 2);
    });
}

/// Threads read the clock in one order and are admitted in another.
#[test]
fn exactly_so_many_of_a_second_whatever_the_order() {
    explore(|| {
        let admission = admission(1_000);
        let calls: Vec<_> = (0..5)
            .map(|at| call(&admission, &at.to_string(), 3, SECOND_NS + at * 1_000_000))
            .collect();
        assert_eq!(admitted(calls, "System.LimitControl"), 3);
        // Who was refused by the one left no trace in the other.
        assert_eq!(admission.nonces_len(), 3);
        // A second after the latest of them there is room for as many again, and the calls
        // whose time is a little earlier take nobody's place.
        let later = 2 * SECOND_NS + 4_000_000;
        let calls = (5..10).map(|at| {
            let early = if at < 7 { 4_000_000 } else { 0 };
            call(&admission, &at.to_string(), 3, later - early)
        });
        assert_eq!(admitted(calls.collect(), "System.LimitControl"), 3);
        assert_eq!(admission.nonces_len(), 6);
    });
}
