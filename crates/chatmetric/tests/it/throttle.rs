//! Calls per second: exact in every rolling second, an account's own.

use crate::world::{World, key};

const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];

#[test]
fn fifty_calls_a_second_and_not_one_more() {
    let world = World::start();
    for call in 0..50 {
        // Keys and users of an account share its second.
        let who = if call % 2 == 0 { "owner" } else { "reader" };
        assert_eq!(world.metric(who, &RANGE).status, 200, "call {call}");
        world.clock.advance_ms(10);
    }
    // The first one was 500 ms ago.
    let reply = world.metric("owner", &RANGE);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "System.LimitControl")
    );
    assert_eq!(reply.json()["Message"], "The system is under flow control.");
    assert_eq!(reply.header("x-acs-retry-after"), Some("500"));

    // Others have seconds of their own, and so has another operation.
    assert_eq!(world.metric("isv", &RANGE).status, 200);
    assert_eq!(
        world
            .post(&world.v3(&key("owner"), "EnableWhatsappROIMetric", &[]))
            .status,
        200
    );

    world.clock.advance_ms(499);
    let reply = world.metric("owner", &RANGE);
    assert_eq!(reply.header("x-acs-retry-after"), Some("1"), "{reply:?}");
    // Refused calls do not count: as the window rolls, one place after the other is free.
    world.clock.advance_ms(1);
    assert_eq!(world.metric("owner", &RANGE).status, 200);
    assert_eq!(world.metric("owner", &RANGE).status, 400);
    world.clock.advance_ms(10);
    assert_eq!(world.metric("reader", &RANGE).status, 200);
    assert_eq!(world.metric("reader", &RANGE).status, 400);
}

#[test]
fn a_refused_call_may_be_sent_again_as_it_is() {
    let world = World::start();
    for _ in 0..50 {
        assert_eq!(world.metric("owner", &RANGE).status, 200);
    }
    let signed = world.v3(&key("owner"), "GetChatappPhoneNumberMetric", &RANGE);
    assert_eq!(world.post(&signed).code(), "System.LimitControl");
    world.clock.advance_ms(1_000);
    assert_eq!(world.post(&signed).status, 200, "its nonce was not used");
    assert_eq!(world.post(&signed).code(), "SignatureNonceUsed");
}

#[test]
fn enabling_has_five_and_an_account_its_own_number() {
    let world = World::start();
    let enable = || world.post(&world.v3(&key("owner"), "EnableWhatsappROIMetric", &[]));
    for _ in 0..5 {
        assert_eq!(enable().status, 200);
    }
    assert_eq!(enable().code(), "System.LimitControl");

    world.apply("[[account]]\nid = \"1000000000000001\"\ncalls_per_second = 2\n");
    world.clock.advance_ms(1_000);
    for _ in 0..2 {
        assert_eq!(world.metric("owner", &RANGE).status, 200);
    }
    assert_eq!(world.metric("owner", &RANGE).code(), "System.LimitControl");
    // It stands for the metric operation only.
    for _ in 0..5 {
        assert_eq!(enable().status, 200);
    }
}

#[test]
fn calls_without_rights_count_and_unverified_ones_do_not() {
    let world = World::start();
    for _ in 0..50 {
        assert_eq!(world.metric("nobody", &RANGE).code(), "Ram.PermissionDeny");
    }
    assert_eq!(world.metric("owner", &RANGE).code(), "System.LimitControl");
    world.clock.advance_ms(1_000);
    for _ in 0..60 {
        let reply = world.metric("inactive", &RANGE);
        assert_eq!(reply.code(), "InvalidAccessKeyId.Inactive");
    }
    assert_eq!(world.metric("owner", &RANGE).status, 200);
}

#[test]
fn threads_at_once_get_exactly_fifty() {
    let world = World::start();
    let admitted: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..20)
                        .filter(|_| world.metric("owner", &RANGE).status == 200)
                        .count()
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"))
            .sum()
    });
    assert_eq!(admitted, 50);
}

#[test]
fn an_address_that_keeps_failing_has_to_wait() {
    let proxy = std::net::IpAddr::from([127, 0, 0, 1]);
    let world = World::start_with(
        |settings| settings.server.trusted_proxies = vec![proxy],
        std::sync::Arc::new(chatmetric_store::MemoryStore::new()),
    );
    let from = |address: &str| {
        let headers = [("x-forwarded-for".to_owned(), address.to_owned())];
        world.send("GET", "/?Action=GetChatappPhoneNumberMetric", &headers, b"")
    };
    for _ in 0..500 {
        assert_eq!(from("198.51.100.7, 192.0.2.1").code(), "MissingVersion");
    }
    let reply = from("203.0.113.9, 192.0.2.1");
    assert_eq!((reply.status, reply.code().as_str()), (429, "Throttling"));
    assert_eq!(reply.header("x-acs-retry-after"), Some("1000"));
    // What stands before the last hop is the caller's own invention.
    assert_eq!(from("192.0.2.2").code(), "MissingVersion");
    assert_eq!(world.metric("owner", &RANGE).status, 200);
    world.clock.advance_ms(1_000);
    assert_eq!(from("192.0.2.1").code(), "MissingVersion");
}
