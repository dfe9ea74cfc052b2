//! Nonce and throttle together: charged both or neither, on admission.

use chatmetric_rpc::admission::{Admission, AdmissionSettings, CallTime};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, sign_v3};
use chatmetric_rpc::signature::VerifierSettings;

use crate::actor::{
    Directory, KEY_ID, NOW_MS, Operation, SECRET, Verified, Wire, named, verify, verify_with,
};

const SECOND_NS: u64 = 1_000_000_000;

fn call(nonce: &str, action: &str) -> Verified {
    let credentials = Credentials {
        access_key_id: KEY_ID.to_owned(),
        secret: SecretKey::new(SECRET),
        security_token: None,
    };
    let signed = sign_v3(
        Algorithm::HmacSha256,
        &credentials,
        &Call {
            method: Method::Post,
            host: "localhost",
            action,
            version: "2020-06-06",
            query: &[("Start", "1"), ("End", "2")],
            headers: &[],
            body: b"",
            content_type: None,
            form: &[],
            date: "2026-01-02T03:04:05Z",
            nonce,
        },
    );
    let headers = signed
        .headers
        .into_iter()
        .map(|(n, v)| (n, v.into_bytes()))
        .collect();
    verify(&Wire {
        method: "POST".into(),
        target: signed.target,
        headers,
        body: Vec::new(),
    })
    .unwrap()
}

pub(crate) fn metric(nonce: &str) -> Verified {
    call(nonce, "GetChatappPhoneNumberMetric")
}

fn at(ns: u64) -> CallTime {
    CallTime {
        now_ms: NOW_MS,
        monotonic_ns: ns,
    }
}

fn admission() -> Admission<Operation> {
    Admission::new(AdmissionSettings::for_skew_ms(900_000))
}

#[test]
fn exactly_fifty_and_the_fifty_first_is_refused() {
    let admission = admission();
    for n in 0..50 {
        admission.admit(metric(&n.to_string()), 50, at(n)).unwrap();
    }
    let refused = admission
        .admit(metric("50"), 50, at(500_000_000))
        .unwrap_err();
    assert_eq!(refused.code(), "System.LimitControl");
    assert_eq!(refused.http_status(), 400);
    assert_eq!(refused.retry_after_ms(), Some(500));
    // The other operation of the account has a window of its own.
    admission
        .admit(call("other", "EnableWhatsappROIMetric"), 5, at(500_000_000))
        .unwrap();
    // The refused call was charged nothing: its nonce is free, and the first slot opens on time.
    admission.admit(metric("50"), 50, at(SECOND_NS)).unwrap();
    assert!(admission.admit(metric("51"), 50, at(SECOND_NS)).is_err());
}

#[test]
fn a_replay_is_refused_and_charges_nothing() {
    let admission = admission();
    let entry = admission.admit(metric("n"), 2, at(0)).unwrap().nonce();
    assert_eq!(entry.expires_ms, NOW_MS + 1_800_000);
    for _ in 0..10 {
        assert_eq!(
            admission.admit(metric("n"), 2, at(1)).unwrap_err().code(),
            "SignatureNonceUsed"
        );
    }
    admission.admit(metric("m"), 2, at(2)).unwrap();
    assert_eq!(admission.nonces_len(), 2);
}

#[test]
fn a_full_nonce_cache_refuses_and_never_evicts() {
    let settings = AdmissionSettings {
        nonces_max: 2,
        ..AdmissionSettings::for_skew_ms(900_000)
    };
    let admission = Admission::new(settings);
    admission.admit(metric("a"), 50, at(0)).unwrap();
    admission.admit(metric("b"), 50, at(0)).unwrap();
    let refused = admission.admit(metric("c"), 50, at(0)).unwrap_err();
    assert_eq!(
        (refused.code().as_ref(), refused.http_status()),
        ("ServiceUnavailable", 503)
    );
    assert_eq!(
        admission.admit(metric("a"), 50, at(0)).unwrap_err().code(),
        "SignatureNonceUsed"
    );
}

#[test]
fn nonces_survive_a_restart() {
    let before = admission();
    let entry = before.admit(metric("n"), 50, at(0)).unwrap().nonce();
    let after = admission();
    after.restore_nonces(before.nonces(NOW_MS), NOW_MS);
    assert_eq!(
        after.admit(metric("n"), 50, at(0)).unwrap_err().code(),
        "SignatureNonceUsed"
    );
    assert_eq!(after.nonces(NOW_MS), [entry]);
    assert_eq!(after.nonces(entry.expires_ms + 1), []);
}

#[test]
fn a_clock_that_steps_back_cannot_reopen_a_window() {
    let admission = admission();
    let settings = VerifierSettings::default();
    let wire = named("v3-py-new-basic").wire;
    let verified = || verify_with(&wire, &settings, &Directory::new(), NOW_MS).unwrap();
    admission.admit(verified(), 50, at(0)).unwrap();
    // An hour later another call makes the cache forget the first; then the clock steps back.
    let later = CallTime {
        now_ms: NOW_MS + 3_600_000,
        monotonic_ns: SECOND_NS,
    };
    let _ = admission.admit(metric("later"), 50, later);
    assert_eq!(
        admission.nonces(NOW_MS).len(),
        0,
        "the call of an hour ago was forgotten"
    );
    let refused = admission
        .admit(verified(), 50, at(2 * SECOND_NS))
        .unwrap_err();
    assert_eq!(refused.code(), "InvalidTimeStamp.Expired");
}

#[test]
fn threads_that_race_share_one_window_and_one_set_of_nonces() {
    let admission = admission();
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let admission = &admission;
                scope.spawn(move || {
                    // Every thread tries the same 60 nonces.
                    let calls = (0..60).map(|n| metric(&n.to_string()));
                    calls
                        .filter_map(|call| admission.admit(call, 50, at(1)).ok())
                        .count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(admitted, 50);
    assert_eq!(
        admission.nonces_len(),
        50,
        "each admitted call used one nonce"
    );
}
