//! More bodies than one account may have in flight: refused with the documented answer,
//! while another account is served, and nothing that was refused is counted; and who sends
//! little is not held up on the way to the disk by who sends much.

use crate::faults::{Gate, GatedStore};
use crate::process::raise_file_limit;
use crate::streams::wait_until;
use crate::world::{World, hub_signature, sample};
use chatmetric::server::limits::{ACCOUNT_BODIES_MAX, BATCH_EVENTS, COMMIT_EVENTS_MAX};
use chatmetric_store::Store;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const SECRET: &str = "app-secret-one";
const OTHER_SECRET: &str = "app-secret-other";
/// A webhook of another account.
const OTHER: &str = r#"
[[account]]
id = "2000000000000009"
[[account.space]]
id = "space-other"
unknown_numbers = "auto"
[[account.webhook]]
id = "other-wa"
kind = "whatsapp"
space = "space-other"
app_secrets = ["app-secret-other"]
"#;
/// How often something that is on its way is asked for.
const TRIES: usize = 10_000;

/// Sends all of a webhook but its last byte.
fn begin(world: &World, body: &[u8]) -> TcpStream {
    let mut connection = world.connect();
    let signature = hub_signature(SECRET, body);
    let head = format!(
        "POST /webhooks/whatsapp/acme-wa HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\
         X-Hub-Signature-256: {signature}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).expect("written");
    let (_, all_but_one) = body.split_last().expect("not empty");
    connection.write_all(all_but_one).expect("written");
    connection
}

/// Sends the last byte and gives the status line.
fn end(mut connection: TcpStream, body: &[u8]) -> String {
    connection
        .write_all(&body[body.len() - 1..])
        .expect("written");
    let mut line = [0; 15];
    connection.read_exact(&mut line).expect("answered");
    String::from_utf8_lossy(&line).into_owned()
}

#[test]
fn an_account_with_too_much_in_flight_is_refused_and_others_are_served() {
    raise_file_limit();
    let world = World::start();
    world.apply(OTHER);
    let body = sample("wa_01_sent_v23.json");
    let mut held: Vec<TcpStream> = Vec::new();
    // Heads are on their way for a while, and a probe may take the place of one of them.
    let refused = loop {
        assert!(held.len() < 2 * ACCOUNT_BODIES_MAX, "too many");
        held.push(begin(&world, &body));
        if held.len() >= ACCOUNT_BODIES_MAX {
            let probe = world.webhook("acme-wa", SECRET, &body);
            if probe.status != 200 {
                break probe;
            }
        }
    };
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json()["code"], "Busy", "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("5"), "{refused:?}");
    // Another webhook of the same account has the same share; another account its own.
    assert_eq!(world.webhook("acme-all", SECRET, &body).status, 503);
    for _ in 0..3 {
        let served = world.webhook("other-wa", OTHER_SECRET, &body);
        assert_eq!(served.status, 200, "{served:?}");
    }
    // What was admitted is taken, and whoever goes away gives the share back.
    let mut held = held.into_iter();
    assert_eq!(end(held.next().expect("held"), &body), "HTTP/1.1 200 OK");
    drop(held);
    let mut probes = (0..TRIES).map(|_| world.webhook("acme-wa", SECRET, &body));
    assert!(probes.any(|reply| reply.status == 200));
}

/// A body with so many statuses, each of another message.
fn body_of(statuses: usize) -> Vec<u8> {
    let mut body: serde_json::Value =
        serde_json::from_slice(&sample("wa_01_sent_v23.json")).expect("JSON");
    let list = &mut body["entry"][0]["changes"][0]["value"]["statuses"];
    let one = list[0].clone();
    let all = (0..statuses).map(|nth| {
        let mut one = one.clone();
        one["id"] = format!("wamid.{nth}").into();
        one
    });
    *list = all.collect();
    body.to_string().into_bytes()
}

#[test]
fn who_sends_little_is_not_held_up_on_the_way_to_the_disk() {
    const STATUSES: usize = 900;
    let store = Arc::new(GatedStore::new());
    let world = World::start_with(|_| {}, Arc::clone(&store) as Arc<dyn Store>);
    world.apply(OTHER);
    store.set(Gate::Shut);
    // The last one enters while anything is free.
    let admitted = COMMIT_EVENTS_MAX.div_ceil(STATUSES + BATCH_EVENTS);
    let (large, small) = (body_of(STATUSES), body_of(1));
    let mut statuses = std::thread::scope(|scope| {
        let heavy = || world.webhook("acme-wa", SECRET, &large).status;
        let light = || world.webhook("other-wa", OTHER_SECRET, &small).status;
        let mut all: Vec<_> = (0..2 * admitted).map(|_| scope.spawn(heavy)).collect();
        wait_until("a full way", || store.waiting() == admitted);
        all.push(scope.spawn(light));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(store.waiting(), admitted, "it is bounded");
        // Beside one of each it is the other's turn, whatever waits before it.
        for _ in 0..2 {
            store.pass();
            wait_until("the next ones", || store.waiting() >= admitted);
        }
        wait_until("the turn of the other account", || {
            store.waiting_sources().contains(&"other-wa".to_owned())
        });
        assert!(store.waiting() <= admitted + 1, "the others still wait");
        store.set(Gate::Open);
        all.into_iter()
            .map(|it| it.join().expect("an answer"))
            .collect::<Vec<_>>()
    });
    statuses.dedup();
    assert_eq!(statuses, [200]);
}
