//! HTTP itself: framing, limits, health, figures, logs, drain.

use crate::faults::{Gate, GatedStore};
use crate::log;
use crate::world::{Reply, World, hub_signature, key, sample};
use chatmetric::config::{ClusterRole, Settings};
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, sign_v3};
use chatmetric_store::MemoryStore;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

const ACTION: &str = "GetChatappPhoneNumberMetric";
const RANGE: [(&str, &str); 2] = [("Start", "1767139200000"), ("End", "1767312000000")];

/// A signed request as bytes, with further lines in its head.
fn signed(world: &World, host: &str, nonce: &str, lines: &str, body: &str) -> Vec<u8> {
    let date = world.date();
    let call = Call {
        method: Method::Post,
        host,
        action: ACTION,
        version: "2020-06-06",
        query: &RANGE,
        headers: &[],
        body: b"",
        content_type: None,
        form: &[],
        date: &date,
        nonce,
    };
    let signed = sign_v3(Algorithm::HmacSha256, &key("owner"), &call);
    let headers: String = signed
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "POST {} HTTP/1.1\r\n{headers}{lines}\r\n{body}",
        signed.target
    )
    .into_bytes()
}

#[track_caller]
fn check_vendor(reply: &Reply, status: u16, code: &str) {
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (status, code),
        "{reply:?}"
    );
    assert_eq!(
        reply.json()["RequestId"].as_str(),
        reply.header("x-acs-request-id"),
        "{reply:?}"
    );
    assert!(reply.header("x-acs-trace-id").is_some(), "{reply:?}");
    assert_eq!(
        reply.header("content-type"),
        Some("application/json;charset=utf-8")
    );
}

#[test]
fn what_a_node_of_a_cluster_does_not_do_is_said_in_the_words_of_whoever_asks() {
    let only = |role| {
        let tune = move |settings: &mut Settings| {
            settings.cluster.nats_urls = vec!["nats://127.0.0.1:4222".to_owned()];
            settings.cluster.role = vec![role];
        };
        World::start_with(tune, Arc::new(MemoryStore::new()))
    };
    let body = sample("wa_01_sent_v23.json");
    let tally = only(ClusterRole::Tally);
    check_vendor(&tally.metric("owner", &RANGE), 503, "ServiceUnavailable");
    check_vendor(&tally.get("/nothing"), 503, "ServiceUnavailable");
    let console = tally.get("/console/");
    assert_eq!(console.status, 404, "{console:?}");
    assert_eq!(console.json()["code"], "NotHere", "{console:?}");
    let webhook = tally.webhook("acme-wa", "app-secret-one", &body);
    assert_eq!(webhook.status, 404, "{webhook:?}");
    assert_eq!(webhook.json()["code"], "NotHere", "{webhook:?}");
    assert_eq!(tally.get("/healthz").status, 200);
    let ingest = only(ClusterRole::Ingest);
    check_vendor(&ingest.metric("owner", &RANGE), 503, "ServiceUnavailable");
    assert_eq!(
        ingest.webhook("acme-wa", "app-secret-one", &body).status,
        200
    );
    let api = only(ClusterRole::Api);
    assert_eq!(api.metric("owner", &RANGE).status, 200);
    assert_eq!(api.webhook("acme-wa", "app-secret-one", &body).status, 404);
}

#[test]
fn hosts_and_bodies_that_sdks_send() {
    let world = World::start();
    let close = "connection: close\r\n";
    let cases = [
        (
            "a plain host",
            "127.0.0.1:1",
            format!("{close}content-length: 0\r\n"),
            "",
        ),
        (
            "a host that is a URL",
            "http://127.0.0.1:18473/",
            format!("{close}content-length: 0\r\n"),
            "",
        ),
        ("an odd host", "wa metrics_1", close.to_owned(), ""),
        ("no length at all", "h", close.to_owned(), ""),
        (
            "an empty chunked body",
            "h",
            format!("{close}transfer-encoding: chunked\r\n"),
            "0\r\n\r\n",
        ),
        (
            "an unsigned content type",
            "h",
            format!("{close}content-type: application/octet-stream\r\ncontent-length: 0\r\n"),
            "",
        ),
        (
            "old accept-encoding",
            "h",
            format!("{close}accept-encoding: gzip, deflate\r\ncontent-length: 0\r\n"),
            "",
        ),
    ];
    for (at, (name, host, lines, body)) in cases.iter().enumerate() {
        let reply = Reply::parse(&world.raw(&signed(&world, host, &at.to_string(), lines, body)));
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        assert_eq!(reply.header("content-encoding"), None);
    }
    // Trailing separators are tolerated.
    let call = world.v3(&key("owner"), ACTION, &RANGE);
    let reply = world.send("POST", &format!("{}&", call.target), &call.headers, b"");
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn a_hundred_continue_is_answered_and_saved_where_the_body_is_too_long() {
    let world = World::start();
    let body = sample("wa_02_sent_v24.json");
    let head = format!(
        "POST /webhooks/whatsapp/acme-wa HTTP/1.1\r\nhost: h\r\nconnection: close\r\nexpect: 100-continue\r\nx-hub-signature-256: {}\r\ncontent-length: {}\r\n\r\n",
        hub_signature("app-secret-one", &body),
        body.len()
    );
    let mut stream = world.connect();
    stream.write_all(head.as_bytes()).expect("written");
    let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("read");
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream.write_all(&body).expect("written");
    let mut rest = String::new();
    reader.read_to_string(&mut rest).expect("read");
    assert!(rest.contains("HTTP/1.1 200 OK"), "{rest}");

    let reply = Reply::parse(&world.raw(
        b"POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n",
    ));
    check_vendor(&reply, 413, "RequestTooLarge");
}

#[test]
fn bodies_above_the_limit_get_their_answer() {
    let world = World::start();
    let body = vec![b'x'; 4 * 1024 * 1024 + 1];
    let reply = world.send("POST", "/?Action=a", &[], &body);
    check_vendor(&reply, 413, "RequestTooLarge");
    // A length that nobody announced is found while the body is read.
    let chunked = |target: &str, lines: &str| {
        let head = format!("POST {target} HTTP/1.1\r\nhost: h\r\n{lines}");
        let mut bytes = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
        for part in body.chunks(100_000) {
            bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Reply::parse(&world.raw(&bytes))
    };
    check_vendor(&chunked("/", ""), 413, "RequestTooLarge");
    let signature = hub_signature("app-secret-one", &body);
    let lines = format!("connection: close\r\nx-hub-signature-256: {signature}\r\n");
    let reply = chunked("/webhooks/whatsapp/acme-wa", &lines);
    assert_eq!(
        (reply.status, reply.json()["code"].as_str()),
        (413, Some("TooLarge"))
    );
}

#[test]
fn heads_that_are_too_much_or_no_http() {
    let world = World::start();
    let head = |lines: &str| {
        world.raw(
            format!("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{lines}\r\n").as_bytes(),
        )
    };
    let header = |count: usize, bytes: usize| {
        (0..count)
            .map(|n| format!("x-{n}: {}\r\n", "v".repeat(bytes)))
            .collect::<String>()
    };
    let target = |bytes: usize| {
        world.raw(
            format!(
                "GET /?a={} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
                "v".repeat(bytes)
            )
            .as_bytes(),
        )
    };
    for (name, answer, status, code) in [
        ("within", head(&header(90, 100)), 400, "MissingAction"),
        (
            "bytes, ours",
            head(&header(1, 50_000)),
            431,
            "RequestHeadersTooLarge",
        ),
        (
            "bytes, hyper's",
            head(&header(4, 60_000)),
            431,
            "RequestHeadersTooLarge",
        ),
        (
            "count, ours",
            head(&header(150, 1)),
            431,
            "RequestHeadersTooLarge",
        ),
        (
            "count, hyper's",
            head(&header(1_500, 1)),
            431,
            "RequestHeadersTooLarge",
        ),
        ("target, ours", target(40_000), 414, "RequestUriTooLong"),
        ("target, hyper's", target(70_000), 414, "RequestUriTooLong"),
        (
            "no host",
            world.raw(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n"),
            400,
            "MalformedRequest",
        ),
        ("two hosts", head("host: h\r\n"), 400, "MalformedRequest"),
        (
            "no http",
            world.raw(b"hello\r\n\r\n"),
            400,
            "MalformedRequest",
        ),
        ("a bad header", head("a b: c\r\n"), 400, "MalformedRequest"),
        (
            "a bad target",
            world.raw(b"GET /\x01 HTTP/1.1\r\nhost: h\r\n\r\n"),
            400,
            "MalformedRequest",
        ),
        (
            "a bad version",
            world.raw(b"GET / HTTP/9.1\r\nhost: h\r\n\r\n"),
            400,
            "MalformedRequest",
        ),
        (
            "a bad length",
            head("content-length: 3x\r\n"),
            400,
            "MalformedRequest",
        ),
        (
            "two lengths",
            head("content-length: 3\r\ncontent-length: 4\r\n"),
            400,
            "MalformedRequest",
        ),
        (
            "an unknown coding",
            head("transfer-encoding: gzip\r\n"),
            400,
            "MalformedRequest",
        ),
        (
            "a bad chunk",
            world.raw(b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
            400,
            "MalformedRequest",
        ),
        (
            "a method",
            world.raw(b"BREW / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"),
            405,
            "UnsupportedHTTPMethod",
        ),
        (
            "the old http",
            world.raw(b"GET / HTTP/1.0\r\n\r\n"),
            400,
            "MissingAction",
        ),
        (
            "an absolute target",
            world.raw(b"GET http://h/?x=1 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"),
            400,
            "MissingAction",
        ),
    ] {
        let reply = Reply::parse(&answer);
        assert_eq!((reply.status, name), (status, name), "{answer}");
        check_vendor(&reply, status, code);
    }
}

#[test]
fn a_request_cannot_hide_another() {
    let world = World::start();
    let hidden = "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";
    for lengths in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        let text = format!("POST / HTTP/1.1\r\nhost: h\r\n{lengths}\r\n0\r\n\r\n{hidden}");
        let answer = world.raw(text.as_bytes());
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        check_vendor(&Reply::parse(&answer), 400, "MissingAction");
        assert_eq!(
            Reply::parse(&answer).header("connection"),
            Some("close"),
            "{answer}"
        );
    }
    let old =
        world.raw(b"POST / HTTP/1.0\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    check_vendor(&Reply::parse(&old), 400, "MalformedRequest");
}

/// How a body ends is said in one way and in no other; what could be read in two ways is
/// refused, and nothing behind it is taken for a request.
#[test]
fn what_could_be_framed_in_two_ways_is_refused() {
    let world = World::start();
    let hidden = "GET /healthz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    let chunked = "transfer-encoding: chunked\r\n";
    for head in [
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity, chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: \"chunked\"\r\n",
        "transfer-encoding: chunked;q=1\r\n",
        "transfer-encoding:\r\n",
        "transfer-encoding : chunked\r\n",
        "transfer-encoding\t: chunked\r\n",
        "transfer-encoding:\x0bchunked\r\n",
        "transfer-encoding: chunked\0\r\n",
        "x: a\r\n transfer-encoding: chunked\r\n",
        "transfer-encoding:\r\n chunked\r\n",
        "x: a\rtransfer-encoding: chunked\r\n",
        "content-length: 5, 6\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: +5\r\n",
        "content-length: -5\r\n",
        "content-length: 0x5\r\n",
        "content-length: 5 5\r\n",
        "content-length: 5.0\r\n",
        "content-length:\r\n",
        "content-length : 5\r\n",
        "content-length: 99999999999999999999\r\n",
    ] {
        let text = format!("POST / HTTP/1.1\r\nhost: h\r\n{head}\r\n0\r\n\r\n{hidden}");
        refused_alone(&world, &text);
    }
    for body in [
        "0x0\r\n\r\n",
        "+0\r\n\r\n",
        "-0\r\n\r\n",
        "\r\n0\r\n\r\n",
        "1\r\nab0\r\n\r\n",
        "1\nz\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
        "1 1\r\nz\r\n0\r\n\r\n",
        "1;a\nz\r\n0\r\n\r\n",
        "0\r\nx: a\rb\r\n\r\n",
    ] {
        let text = format!("POST / HTTP/1.1\r\nhost: h\r\n{chunked}\r\n{body}{hidden}");
        refused_alone(&world, &text);
    }
    // What is said in one way is followed by the next request.
    for (head, body) in [
        (chunked, "0\r\n\r\n"),
        (chunked, "1;a=b\r\nz\r\n00\r\nx: a\r\n\r\n"),
        ("Transfer-Encoding:\tCHUNKED \r\n", "0\r\n\r\n"),
        ("content-length: 05\r\n", "0\r\n\r\n"),
        ("content-length: 5\r\ncontent-length: 5\r\n", "0\r\n\r\n"),
    ] {
        let text = format!("POST / HTTP/1.1\r\nhost: h\r\n{head}\r\n{body}{hidden}");
        let answer = world.raw(text.as_bytes());
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{text:?}: {answer}");
        assert!(answer.contains("HTTP/1.1 200 OK"), "{text:?}: {answer}");
    }
}

fn refused_alone(world: &World, text: &str) {
    let answer = world.raw(text.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{text:?}: {answer}");
    let reply = Reply::parse(&answer);
    assert_eq!(reply.status, 400, "{text:?}: {answer}");
    check_vendor(&reply, 400, "MalformedRequest");
}

#[test]
fn connections_are_kept_and_say_so() {
    let world = World::start();
    let mut stream = world.connect();
    for _ in 0..3 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            .expect("written");
        let mut head = Vec::new();
        while !head.ends_with(b"}") {
            let mut byte = [0_u8; 1];
            stream.read_exact(&mut byte).expect("read");
            head.push(byte[0]);
        }
        let reply = Reply::parse(&String::from_utf8(head).expect("text"));
        check_vendor(&reply, 400, "MissingAction");
        assert_eq!(reply.header("keep-alive"), Some("timeout=25"));
    }
}

#[test]
fn random_bytes_do_no_harm() {
    let world = World::start();
    let mut state = 42_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let base = signed(
        &world,
        "h",
        "random",
        "connection: close\r\ncontent-length: 0\r\n",
        "",
    );
    for round in 0..200 {
        let bytes = if round % 4 == 0 {
            (0..next(400))
                .map(|_| u8::try_from(next(256)).expect("a byte"))
                .collect()
        } else {
            let mut bytes = base.clone();
            for _ in 0..=next(3) {
                let at = next(bytes.len());
                bytes[at] = u8::try_from(next(256)).expect("a byte");
            }
            bytes
        };
        let mut stream = world.connect();
        stream
            .set_read_timeout(Some(Duration::from_millis(200)))
            .expect("set");
        let _written = stream.write_all(&bytes);
        let _closed = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _read = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if !answer.is_empty() {
            let reply = Reply::parse(&answer);
            assert!(reply.status != 500 && reply.status != 0, "{answer}");
        }
    }
    assert_eq!(world.get("/healthz").status, 200);
    assert_eq!(world.metric("owner", &RANGE).status, 200);
}

#[test]
fn a_stop_lets_requests_in_flight_finish() {
    let store = Arc::new(GatedStore::new());
    let mut world = World::start_with(|_| {}, store.clone());
    store.set(Gate::Shut);
    let body = sample("wa_02_sent_v24.json");
    let head = format!(
        "POST /webhooks/whatsapp/acme-wa HTTP/1.1\r\nhost: h\r\nx-hub-signature-256: {}\r\ncontent-length: {}\r\n\r\n",
        hub_signature("app-secret-one", &body),
        body.len()
    );
    let mut stream = world.connect();
    stream.write_all(head.as_bytes()).expect("written");
    stream.write_all(&body).expect("written");
    // An idle connection does not hold the stop up.
    let _idle = world.connect();
    while store.waiting() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let address = world.address;
    let opener = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        // Nobody is let in any more.
        let refused = std::net::TcpStream::connect(address).is_err();
        store.set(Gate::Open);
        refused
    });
    world.stop();
    assert!(opener.join().expect("no panic"), "still listening");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn figures_are_for_the_loopback_only() {
    let world = World::start();
    assert_eq!(
        world
            .webhook("acme-wa", "app-secret-one", &sample("wa_02_sent_v24.json"))
            .status,
        200
    );
    assert_eq!(world.metric("owner", &RANGE).status, 200);
    assert_eq!(world.metric("owner", &[]).status, 400);
    let reply = world.get("/metrics");
    assert_eq!(reply.status, 200);
    for line in [
        "chatmetric_api_requests_total{action=\"GetChatappPhoneNumberMetric\",code=\"OK\"} 1\n",
        "chatmetric_api_requests_total{action=\"GetChatappPhoneNumberMetric\",code=\"Missing\"} 1\n",
        "chatmetric_events_total{source=\"acme-wa\",outcome=\"new\"} 1\n",
        "chatmetric_commit_duration_seconds_count 1\n",
        "chatmetric_store_ready 1\n",
    ] {
        assert!(reply.body.contains(line), "{line}{}", reply.body);
    }
    let world = World::start_with(
        |settings| {
            settings.server.public_hosts = vec!["metrics.example".into()];
            settings.telemetry.metrics_listen = Some("127.0.0.1:0".parse().expect("an address"));
        },
        Arc::new(chatmetric_store::MemoryStore::new()),
    );
    assert_eq!(world.get("/metrics").status, 404);
    let address = world.metrics_address.expect("a listener of its own");
    let mut stream = std::net::TcpStream::connect(address).expect("connected");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        .expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    assert!(answer.contains("chatmetric_store_ready 1\n"), "{answer}");
    // And a proxy's public name passes for the host that was signed.
    let mut request = String::from_utf8(signed(
        &world,
        "metrics.example",
        "public",
        "connection: close\r\ncontent-length: 0\r\n",
        "",
    ))
    .expect("text");
    request = request.replace("host: metrics.example", "host: inner:8080");
    assert_eq!(Reply::parse(&world.raw(request.as_bytes())).status, 200);
}

#[test]
fn more_connections_than_allowed_wait() {
    let world = World::start_with(
        |settings| settings.server.max_connections = 2,
        Arc::new(chatmetric_store::MemoryStore::new()),
    );
    let first = world.connect();
    let second = world.connect();
    let mut third = world.connect();
    third
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        .expect("written");
    third
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("set");
    let mut byte = [0_u8; 1];
    assert!(third.read(&mut byte).is_err(), "it waits");
    drop((first, second));
    third
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("set");
    let mut answer = String::new();
    third.read_to_string(&mut answer).expect("read");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn logs_name_requests_and_nobody_else() {
    log::collect();
    let world = World::start();
    let reply = world.metric("owner", &RANGE);
    let id = reply.header("x-acs-request-id").expect("an id").to_owned();
    for name in ["wa_02_sent_v24.json", "wa_12_batch_two_entries.json"] {
        assert_eq!(
            world
                .webhook("acme-wa", "app-secret-one", &sample(name))
                .status,
            200
        );
        assert_eq!(world.webhook("acme-wa", "wrong", &sample(name)).status, 401);
    }
    assert_eq!(
        world
            .webhook(
                "acme-wa",
                "app-secret-one",
                b"{\"statuses\":[{\"id\":\"wamid.unreadable\",\"status\":\"sent\"}]}"
            )
            .status,
        200
    );
    assert_eq!(world.get("/webhooks/whatsapp/acme-wa?hub.mode=subscribe&hub.verify_token=my-verify-token&hub.challenge=1").status, 200);
    assert_eq!(
        world
            .get("/webhooks/cams/acme-cams/cams-token-000000000000")
            .status,
        405
    );
    let reply = world.post(&world.v1(&key("owner"), ACTION, &RANGE));
    assert_eq!(reply.status, 200);
    let text = log::text();
    assert!(text.contains(&id), "the request id is logged");
    for hidden in [
        "wamid.",
        "HBgL",
        "15550200201",
        "15550200202",
        "447700900456",
        "owner-secret",
        "app-secret-one",
        "my-verify-token",
        "cams-token",
        "Signature=",
    ] {
        assert!(!text.contains(hidden), "{hidden} is logged");
    }
}

#[test]
fn a_panic_is_an_internal_error_and_the_server_goes_on() {
    log::collect();
    let store = Arc::new(GatedStore::new());
    let world = World::start_with(|_| {}, store.clone());
    let body = sample("wa_12_batch_two_entries.json");
    assert_eq!(
        world.webhook("acme-wa", "app-secret-one", &body).status,
        200
    );
    let number = ("PhoneNumber", "15550100101");
    // Many days of two numbers: read on a thread of its own.
    let far = [("Start", "1735689600000"), ("End", "1769990400000")];
    let queries: [&[(&str, &str)]; 3] = [&[RANGE[0], RANGE[1], number], &RANGE, &far];
    store.set(Gate::Panicking);
    for query in queries {
        check_vendor(&world.metric("owner", query), 500, "InternalError");
    }
    store.set(Gate::Open);
    for query in queries {
        assert_eq!(world.metric("owner", query).status, 200);
    }
    assert!(log::text().contains("a request panicked"));
}

#[test]
fn the_books_can_be_checked_from_the_figures() {
    let world = World::start();
    for name in [
        "wa_02_sent_v24.json",
        "wa_02_sent_v24.json",
        "wa_11_inbound_text.json",
    ] {
        let reply = world.webhook("acme-wa", "app-secret-one", &sample(name));
        assert_eq!(reply.status, 200);
    }
    assert_eq!(
        world
            .webhook("acme-wa", "app-secret-one", b"nonsense")
            .status,
        200
    );
    let text = world.get("/metrics").body;
    let source = "source=\"acme-wa\"";
    let figures: Vec<(&str, u64)> = text
        .lines()
        .filter(|line| line.contains(source))
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name, value.parse().ok()?))
        })
        .collect();
    let sum = |family: &str| -> u64 {
        let found = figures.iter().filter(|(name, _)| name.starts_with(family));
        found.map(|(_, value)| value).sum()
    };
    assert_eq!(sum("chatmetric_quarantined_events{"), 1, "{text}");
    assert_eq!(sum("chatmetric_events_received_total{"), 4, "{text}");
    assert_eq!(
        sum("chatmetric_events_received_total{"),
        sum("chatmetric_events_total{") + sum("chatmetric_quarantined_events{")
    );
}
