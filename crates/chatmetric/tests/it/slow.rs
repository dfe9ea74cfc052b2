//! Clients that send too slowly, and a stop while something hangs: each has its time, and
//! nobody waits for longer.
//!
//! Not here: handshakes (`tls.rs`) and connections that say nothing (`idle.rs`). Invariant:
//! spans are compared with the limits of the server, never with the speed of the machine.

use crate::faults::{Gate, GatedStore};
use crate::world::{Reply, World, hub_signature, sample};
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::server::limits::{BODY_TIMEOUT, DRAIN_TIMEOUT, HEAD_TIMEOUT};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const SECRET: &str = "app-secret-one";

/// A signed webhook as bytes.
fn webhook(body: &[u8]) -> Vec<u8> {
    let signature = hub_signature(SECRET, body);
    let head = format!(
        "POST /webhooks/whatsapp/acme-wa HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\
         x-hub-signature-256: {signature}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A connection on which that much was sent.
fn begin(world: &World, bytes: &[u8]) -> TcpStream {
    let mut stream = world.connect();
    let longest = HEAD_TIMEOUT.max(BODY_TIMEOUT) * 2;
    stream.set_read_timeout(Some(longest)).expect("set");
    stream.write_all(bytes).expect("written");
    stream
}

/// What comes until the server closes.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("closed");
    answer
}

#[test]
fn who_sends_too_slowly_is_told_or_closed() {
    let clock = SystemClock::default();
    let world = World::start();
    let body = sample("wa_02_sent_v24.json");
    let whole = webhook(&body);
    let began = || Duration::from_millis(clock.monotonic_ms());
    let start = began();
    let of_body = begin(&world, &whole[..whole.len() - 1]);
    let of_head = begin(&world, &whole[..20]);
    // Whoever is not slow is served meanwhile.
    assert_eq!(world.webhook("acme-wa", SECRET, &body).status, 200);
    let answer = rest(of_body);
    let took = began() - start;
    let reply = Reply::parse(&answer);
    let told = (reply.status, reply.json()["code"].clone());
    assert_eq!(told, (400, "BrokenBody".into()), "{answer}");
    assert!((BODY_TIMEOUT..HEAD_TIMEOUT).contains(&took), "{took:?}");
    // There is no request yet that could be answered.
    assert_eq!(rest(of_head), "");
    let took = began() - start;
    let longest = HEAD_TIMEOUT * 3 / 2;
    assert!((HEAD_TIMEOUT..longest).contains(&took), "{took:?}");
}

/// The listener waits for a request that waits for a disk, and so does the pipeline: one
/// time for both, and not for each. The whole program: `hanging.rs`.
#[test]
fn a_stop_waits_once_whatever_hangs() {
    let clock = SystemClock::default();
    let store = Arc::new(GatedStore::new());
    let mut world = World::start_with(|_| {}, store.clone());
    store.set(Gate::Shut);
    let stream = begin(&world, &webhook(&sample("wa_02_sent_v24.json")));
    while store.waiting() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let start_ms = clock.monotonic_ms();
    world.stop();
    let took = Duration::from_millis(clock.monotonic_ms() - start_ms);
    let longest = DRAIN_TIMEOUT * 3 / 2;
    assert!((DRAIN_TIMEOUT..longest).contains(&took), "{took:?}");
    // Nothing is durable, so nothing says so.
    assert_eq!(rest(stream), "");
}
