//! Receipts of CAMS, CloudEvents and NDJSON: who may send, what is taken and counted,
//! what becomes of what cannot be read.

use crate::faults::{Gate, GatedStore};
use crate::log;
use crate::world::{Reply, World, sample};
use chatmetric_store::{QuarantineFilter, QuarantinedContent, Reason, Store};
use std::sync::Arc;

pub(crate) const CAMS_TOKEN: &str = "receipts-token-0123456789";
pub(crate) const EVENTS_TOKEN: &str = "events-token-0123456789";
const NUMBER: &str = "8613800000101";

/// Webhooks of both kinds for a space.
const WEBHOOKS: &str = r#"
[[account]]
id = "1000000000000001"
[[account.webhook]]
id = "receipts"
kind = "cams"
space = "space-a"
token = "receipts-token-0123456789"
[[account.webhook]]
id = "events"
kind = "events"
space = "space-a"
token = "events-token-0123456789"
"#;

pub(crate) fn with_webhooks() -> World {
    let world = World::start();
    world.apply(WEBHOOKS);
    world
}

pub(crate) fn cams(world: &World, token: &str, body: &[u8]) -> Reply {
    world.send(
        "POST",
        &format!("/webhooks/cams/receipts/{token}"),
        &[],
        body,
    )
}

pub(crate) fn events(world: &World, content_type: &str, body: &[u8]) -> Reply {
    let headers = [
        ("Authorization".to_owned(), format!("Bearer {EVENTS_TOKEN}")),
        ("Content-Type".to_owned(), content_type.to_owned()),
    ];
    world.send("POST", "/webhooks/events/events", &headers, body)
}

pub(crate) fn report(number: &str, id: &str, word: &str) -> String {
    format!(
        r#"{{"MessageId":"{id}","From":"{number}","Status":"{word}","Timestamp":1767225590000}}"#
    )
}

/// Sent and delivered of a number of space-a.
pub(crate) fn totals(world: &World, number: &str) -> (i64, i64) {
    let query = [
        ("Start", "1767052800000"),
        ("End", "1767398400000"),
        ("CustSpaceId", "space-a"),
        ("PhoneNumber", number),
    ];
    world.clock.advance_ms(100);
    let json = world.metric("owner", &query).json();
    let rows = json["Data"].as_array().cloned().unwrap_or_default();
    let sum = |name: &str| rows.iter().filter_map(|row| row[name].as_i64()).sum();
    (sum("SentCount"), sum("DeliveredCount"))
}

pub(crate) fn reasons(world: &World) -> Vec<Reason> {
    let listed = world.store.quarantine(QuarantineFilter::default(), 100);
    let listed = listed.expect("listed");
    listed.iter().map(|item| item.reason).collect()
}

#[test]
fn every_sample_of_cams_is_taken_and_counted_once() {
    let world = with_webhooks();
    for _ in 0..2 {
        for name in [
            "cams_01_status_http_batch.json",
            "cams_03_status_mns_body.json",
            "cams_04_inbound_http_batch.json",
        ] {
            let reply = cams(&world, CAMS_TOKEN, &sample(name));
            assert_eq!(reply.status, 200, "{name}");
            assert_eq!(reply.body, r#"{"code":0,"msg":"success"}"#);
        }
        assert_eq!(totals(&world, NUMBER), (2, 1));
    }
    let books = world.store.books().expect("books");
    let (_, books) = books
        .into_iter()
        .find(|(name, _)| &**name == "receipts")
        .expect("known");
    assert!(books.balanced(), "{books:?}");
    assert_eq!((books.new, books.duplicate, books.ignored), (4, 4, 4));
}

#[test]
fn who_has_not_the_token_of_cams_learns_nothing() {
    let world = with_webhooks();
    let body = format!("[{}]", report("15550100101", "7", "Sent"));
    let send = |target: &str| world.send("POST", target, &[], body.as_bytes());
    let unknown = send("/webhooks/cams/nowhere/receipts-token-0123456789");
    assert_eq!(unknown.status, 404);
    for target in [
        "/webhooks/cams/receipts/receipts-token-0123456788",
        "/webhooks/cams/receipts/receipts-token-012345678",
        "/webhooks/cams/receipts/x",
        "/webhooks/cams/acme-wa/app-secret-one",
        "/webhooks/cams/events/events-token-0123456789",
    ] {
        let reply = send(target);
        assert_eq!(
            (reply.status, &reply.body),
            (404, &unknown.body),
            "{target}"
        );
        let of = |reply: &Reply| {
            let names = reply.headers.iter().filter(|(name, _)| name != "date");
            names.cloned().collect::<Vec<_>>()
        };
        assert_eq!(of(&reply), of(&unknown), "{target}");
    }
    assert!(world.store.books().expect("books").is_empty());
    let get = world.get("/webhooks/cams/receipts/receipts-token-0123456789");
    assert_eq!(get.status, 405);
    assert_eq!(cams(&world, CAMS_TOKEN, body.as_bytes()).status, 200);
    assert_eq!(totals(&world, "15550100101"), (1, 0));
}

#[test]
fn the_token_of_a_path_is_in_no_log_and_no_answer() {
    log::collect();
    let world = with_webhooks();
    let secret = "path-secret-9f8e7d6c5b4a";
    let document = WEBHOOKS.replace(CAMS_TOKEN, secret);
    world.apply(&document);
    let mut seen = String::new();
    for (method, target) in [
        ("POST", format!("/webhooks/cams/receipts/{secret}")),
        ("POST", format!("/webhooks/cams/nowhere/{secret}")),
        ("POST", format!("/webhooks/cams/receipts/{secret}x")),
        ("GET", format!("/webhooks/cams/receipts/{secret}")),
        ("POST", format!("/webhooks/cams/receipts/{secret}/more")),
        ("GET", format!("/webhooks/other/receipts/{secret}")),
    ] {
        for body in [b"[".as_slice(), b"[]", &[b'['; 100_000]] {
            let reply = world.send(method, &target, &[], body);
            seen += &format!("{:?} {}", reply.headers, reply.body);
        }
    }
    seen += &world.get("/metrics").body;
    assert!(!seen.contains("path-secret"), "an answer tells it");
    assert!(!log::text().contains("path-secret"), "the log tells it");
}

#[test]
fn what_cams_sends_and_nobody_can_read_is_sealed_and_the_rest_counts() {
    let world = with_webhooks();
    let good = report(NUMBER, "1", "Sent");
    let spaced = report(NUMBER, "1", "DELIVERED").replace("Timestamp\"", "Timestamp \"");
    let no_time = good.replace("1767225590000", "null");
    let no_number = report("", "2", "Sent");
    let body = format!("[{no_time},{good},{no_number},{spaced}]");
    assert_eq!(cams(&world, CAMS_TOKEN, body.as_bytes()).status, 200);
    assert_eq!(totals(&world, NUMBER), (1, 1));
    // As in the vendor's own example.
    let trailing = format!("[{good},]");
    let reply = cams(&world, CAMS_TOKEN, trailing.as_bytes());
    assert_eq!(
        (reply.status, reply.json()["code"].as_i64()),
        (200, Some(0))
    );
    let expected = [Reason::BadTimestamp, Reason::Malformed, Reason::Unparsable];
    assert_eq!(reasons(&world), expected);
    let listed = world.store.quarantine(QuarantineFilter::default(), 9);
    let bodies = listed.expect("listed").into_iter().map(|item| {
        let QuarantinedContent::Sealed(sealed) = &item.content else {
            panic!("{item:?} is not sealed");
        };
        let opened = world
            .directory
            .open_quarantined("1000000000000001", "receipts", sealed);
        String::from_utf8(opened.expect("opens").to_vec()).expect("text")
    });
    assert_eq!(bodies.collect::<Vec<_>>(), [no_time, no_number, trailing]);
}

#[test]
fn receipts_are_acknowledged_only_when_they_are_durable() {
    let store = Arc::new(GatedStore::new());
    let world = World::start_with(|_| {}, Arc::clone(&store) as Arc<dyn Store>);
    world.apply(WEBHOOKS);
    let body = format!("[{}]", report(NUMBER, "1", "Sent"));
    store.set(Gate::Refusing);
    let line = br#"{"number":"15550100101","message_id":"a","status":"sent","ts":1767225590}"#;
    for reply in [
        cams(&world, CAMS_TOKEN, body.as_bytes()),
        events(&world, "application/x-ndjson", line),
    ] {
        assert_eq!(reply.status, 503, "{reply:?}");
        assert!(reply.header("retry-after").is_some());
    }
}

#[test]
fn too_much_is_refused_whole() {
    let world = with_webhooks();
    let many = vec![report(NUMBER, "1", "Sent"); 10_001];
    let reply = cams(
        &world,
        CAMS_TOKEN,
        format!("[{}]", many.join(",")).as_bytes(),
    );
    assert_eq!(
        (reply.status, reply.json()["code"].as_str()),
        (413, Some("TooManyEvents"))
    );
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    assert_eq!(cams(&world, CAMS_TOKEN, &large).status, 413);
    assert_eq!(events(&world, "", &large).status, 413);
    let lines = vec!["{}"; 10_001].join("\n");
    assert_eq!(
        events(&world, "application/x-ndjson", lines.as_bytes()).status,
        413
    );
    assert!(world.store.books().expect("books").is_empty());
}

#[test]
fn events_are_taken_in_every_form_and_counted_once() {
    let world = with_webhooks();
    let mut seen = String::new();
    for (content_type, body) in [
        ("application/cloudevents+json", sample("cloudevent_single.json")),
        ("application/cloudevents-batch+json; charset=utf-8", sample("cloudevent_batch.json")),
        ("application/json", sample("cloudevent_batch.json")),
        ("text/plain", b"\n{\"number\":\"15550100101\",\"message_id\":\"wamid.n\",\"status\":\"sent\",\"ts\":\"2025-12-31T23:59:50Z\"}\n{\"number\":\"15550100101\",\"message_id\":\"wamid.n\",\"status\":\"delivered\"}\n".to_vec()),
        ("application/cloudevents+json", b"[{},]".to_vec()),
    ] {
        let reply = events(&world, content_type, &body);
        seen += &format!("{} {}\n", reply.status, reply.body);
    }
    expect_test::expect![[r#"
        200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        200 {"code":"OK","duplicate":1,"ignored":0,"late":0,"new":1,"quarantined":0}
        200 {"code":"OK","duplicate":2,"ignored":0,"late":0,"new":0,"quarantined":0}
        200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":1}
        200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":0,"quarantined":1}
    "#]]
    .assert_eq(&seen);
    assert_eq!(totals(&world, "15550100101"), (2, 1));
    assert_eq!(reasons(&world), [Reason::BadTimestamp, Reason::Unparsable]);
}

/// Digits may be a JSON number; one with a fraction names no number and no message, and its
/// digits would be another's.
#[test]
fn a_number_with_a_fraction_is_malformed() {
    let world = with_webhooks();
    for (number, id) in [
        ("15550100101.5", "\"m-1\""),
        ("1.5550100101e20", "\"m-1\""),
        ("\"15550100101\"", "1.5"),
    ] {
        let line = format!(
            "{{\"number\":{number},\"message_id\":{id},\"status\":\"sent\",\"ts\":1767225590}}"
        );
        let reply = events(&world, "application/x-ndjson", line.as_bytes());
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json()["quarantined"], 1, "{line}: {}", reply.body);
    }
    assert_eq!(reasons(&world), [Reason::Malformed; 3]);
    let line = r#"{"number":15550100101.0,"message_id":"m-2","status":"sent","ts":1767225590}"#;
    let reply = events(&world, "application/x-ndjson", line.as_bytes());
    assert_eq!(reply.json()["new"], 1, "{}", reply.body);
    assert_eq!(totals(&world, "15550100101"), (1, 0));
    for number in ["15550100101.5", "15550100101.0"] {
        let event = format!(
            "{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"chatmetric.message.sent\",\"data\":{{\"message_id\":\"m-1\",\"phone_number\":{number}}}}}"
        );
        let reply = events(&world, "application/cloudevents+json", event.as_bytes());
        assert_eq!(reply.json()["quarantined"], 1, "{event}: {}", reply.body);
    }
    let line = r#"{"number":15550100101,"message_id":12345,"status":"sent","ts":1767225590}"#;
    let reply = events(&world, "application/x-ndjson", line.as_bytes());
    assert_eq!(reply.json()["new"], 1, "{}", reply.body);
}

#[test]
fn events_need_their_token() {
    let world = with_webhooks();
    let body = sample("cloudevent_single.json");
    let send = |id: &str, values: &[&str]| {
        let headers = values
            .iter()
            .map(|v| ("Authorization".to_owned(), (*v).to_owned()));
        let headers: Vec<_> = headers.collect();
        world.send("POST", &format!("/webhooks/events/{id}"), &headers, &body)
    };
    for values in [
        &[][..],
        &["Bearer"],
        &["Bearer events-token-0123456788"],
        &["Basic events-token-0123456789"],
        &[
            "Bearer events-token-0123456789",
            "Bearer events-token-0123456789",
        ],
        &["Bearer receipts-token-0123456789"],
    ] {
        let reply = send("events", values);
        assert_eq!(reply.status, 401, "{values:?}");
        assert_eq!(reply.json()["code"], "InvalidToken");
    }
    let good = ["Bearer events-token-0123456789"];
    assert_eq!(send("nowhere", &good).status, 404);
    assert_eq!(send("receipts", &good).status, 404);
    assert_eq!(world.get("/webhooks/events/events").status, 405);
    assert!(world.store.books().expect("books").is_empty());
    assert_eq!(send("events", &good).status, 200);
}
