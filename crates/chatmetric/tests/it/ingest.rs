//! Webhooks: what is taken, what is refused, what becomes of it.

use crate::faults::{Gate, GatedStore};
use crate::world::{NOW_MS, Reply, World, hub_signature, sample};
use chatmetric::clock::Clock;
use chatmetric::control::{ApplyFlags, Operator};
use chatmetric::directory::{Format, InlineOnly};
use chatmetric_store::{Books, QuarantineFilter, QuarantinedContent, Reason, Store};
use std::sync::Arc;
use std::time::Duration;

const SECRET: &str = "app-secret-one";

/// A body with these statuses of a number.
fn body(number: &str, statuses: &str) -> Vec<u8> {
    format!(r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{statuses}]}}}}]}}]}}"#).into_bytes()
}

fn status(id: &str, word: &str) -> String {
    format!(
        r#"{{"id":"{id}","status":"{word}","timestamp":"1767225590","recipient_id":"15550200201"}}"#
    )
}

/// Sent and delivered of a number over all its days.
fn totals(world: &World, space: &str, number: &str) -> (i64, i64) {
    let query = [
        ("Start", "1767052800000"),
        ("End", "1767398400000"),
        ("CustSpaceId", space),
        ("PhoneNumber", number),
    ];
    world.clock.advance_ms(100);
    let reply = world.metric("owner", &query);
    let sum = |name: &str| {
        let rows = reply.json()["Data"].as_array().expect("rows").clone();
        rows.iter()
            .map(|row| row[name].as_i64().expect("a count"))
            .sum()
    };
    (sum("SentCount"), sum("DeliveredCount"))
}

fn reasons(world: &World) -> Vec<Reason> {
    let listed = world
        .store
        .quarantine(QuarantineFilter::default(), 1_000)
        .expect("listed");
    listed.iter().map(|item| item.reason).collect()
}

fn books(world: &World, source: &str) -> Books {
    let all = world.store.books().expect("books");
    let found = all.into_iter().find(|(name, _)| &**name == source);
    let (_, books) = found.expect("the source is known");
    assert!(books.balanced(), "{books:?}");
    books
}

#[test]
fn every_sample_is_taken_and_counted_once() {
    let world = World::start();
    let names = [
        "wa_01_sent_v23.json",
        "wa_02_sent_v24.json",
        "wa_03_delivered_v24.json",
        "wa_04_read.json",
        "wa_05_read_without_delivered.json",
        "wa_06_played.json",
        "wa_07_failed.json",
        "wa_09_bsuid_no_recipient_id.json",
        "wa_11_inbound_text.json",
        "wa_12_batch_two_entries.json",
        "wa_14_onprem_legacy_warning_deleted.json",
        "wa_16_formatted_display_number.json",
        "wa_17_utf8_name.json",
    ];
    let mut seen = String::new();
    for name in names {
        let reply = world.webhook("acme-wa", SECRET, &sample(name));
        seen += &format!("{name}: {} {}\n", reply.status, reply.body);
    }
    expect_test::expect![[r#"
        wa_01_sent_v23.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        wa_02_sent_v24.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        wa_03_delivered_v24.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        wa_04_read.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        wa_05_read_without_delivered.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        wa_06_played.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        wa_07_failed.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        wa_09_bsuid_no_recipient_id.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":1,"quarantined":0}
        wa_11_inbound_text.json: 200 {"code":"OK","duplicate":0,"ignored":1,"late":0,"new":0,"quarantined":0}
        wa_12_batch_two_entries.json: 200 {"code":"OK","duplicate":3,"ignored":2,"late":0,"new":0,"quarantined":3}
        wa_14_onprem_legacy_warning_deleted.json: 200 {"code":"OK","duplicate":0,"ignored":2,"late":0,"new":0,"quarantined":0}
        wa_16_formatted_display_number.json: 200 {"code":"OK","duplicate":1,"ignored":0,"late":0,"new":0,"quarantined":0}
        wa_17_utf8_name.json: 200 {"code":"OK","duplicate":0,"ignored":0,"late":0,"new":0,"quarantined":0}
    "#]].assert_eq(&seen);
    // Three messages were sent and delivered; the other number is the ISV's.
    assert_eq!(totals(&world, "space-a", "15550100101"), (3, 3));
    assert_eq!(reasons(&world), [Reason::ForeignNumber; 3]);
    // Sending everything again changes nothing.
    for name in names {
        assert_eq!(
            world
                .webhook("acme-wa", "another-secret", &sample(name))
                .status,
            200
        );
    }
    assert_eq!(totals(&world, "space-a", "15550100101"), (3, 3));
    let books = books(&world, "acme-wa");
    assert_eq!(
        (books.new, books.ignored, books.late),
        (8, 10, 0),
        "{books:?}"
    );
}

#[test]
fn the_handshake() {
    let world = World::start();
    let path = |rest: &str| world.get(&format!("/webhooks/whatsapp/acme-wa?{rest}"));
    let good = path("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=my-verify-token");
    assert_eq!((good.status, good.body.as_str()), (200, "1158201444"));
    assert!(
        good.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/plain")),
        "{good:?}"
    );
    assert_eq!(good.header("x-content-type-options"), Some("nosniff"));
    let good = path("hub.verify_token=my%2Dverify-token&hub.mode=subscribe&hub.challenge=a%20b");
    assert_eq!((good.status, good.body.as_str()), (200, "a b"));
    for bad in [
        "",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=my-verify-tokem",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=my-verify-token",
        "hub.challenge=1&hub.verify_token=my-verify-token",
    ] {
        let reply = path(bad);
        assert_eq!(reply.status, 403, "{bad}");
        assert_eq!(reply.json()["code"], "VerificationFailed", "{bad}");
    }
    assert_eq!(
        path("hub.mode=subscribe&hub.verify_token=my-verify-token").status,
        400
    );
    // A webhook without a verify token refuses, an unknown one is unknown.
    assert_eq!(
        world
            .get("/webhooks/whatsapp/acme-sg?hub.mode=subscribe&hub.challenge=1&hub.verify_token=")
            .status,
        403
    );
    assert_eq!(
        world
            .get("/webhooks/whatsapp/nowhere?hub.mode=subscribe")
            .status,
        404
    );
}

#[test]
fn a_body_without_its_signature_leaves_nothing_behind() {
    let world = World::start();
    let good = body("15550100101", &status("a", "sent"));
    let send = |headers: &[(&str, String)], bytes: &[u8]| {
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone()))
            .collect();
        world.send("POST", "/webhooks/whatsapp/acme-wa", &headers, bytes)
    };
    let signature = hub_signature(SECRET, &good);
    let header = "X-Hub-Signature-256";
    let mut changed = good.clone();
    changed[20] ^= 1;
    let refused: Vec<Reply> = vec![
        send(&[], &good),
        send(&[(header, String::new())], &good),
        send(&[(header, "sha256=".into())], &good),
        send(&[(header, hub_signature("wrong", &good))], &good),
        send(&[(header, signature.clone())], &changed),
        send(
            &[(header, signature.clone()), (header, signature.clone())],
            &good,
        ),
        send(&[("X-Hub-Signature", signature.clone())], &good),
        world.webhook("acme-all", "another-secret", &good),
    ];
    for reply in refused {
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (401, Some("InvalidSignature")),
            "{reply:?}"
        );
    }
    assert!(world.store.books().expect("books").is_empty());
    assert!(reasons(&world).is_empty());
    // The same body with its signature, in either case of the hexadecimal.
    let upper = format!("sha256={}", signature[7..].to_uppercase());
    assert_eq!(send(&[(header, upper)], &good).status, 200);
    assert_eq!(totals(&world, "space-a", "15550100101"), (1, 0));
}

#[test]
fn unknown_webhooks_and_other_kinds_are_the_same() {
    let world = World::start();
    let bytes = body("15550100101", &status("a", "sent"));
    let unknown = world.webhook("nowhere", SECRET, &bytes);
    let other = world.webhook("acme-cams", "cams-token-000000000000", &bytes);
    assert_eq!(
        (unknown.status, unknown.body.clone()),
        (404, other.body.clone())
    );
    assert_eq!(unknown.json()["code"], "UnknownWebhook");
    assert_eq!(
        world
            .send("DELETE", "/webhooks/whatsapp/acme-wa", &[], b"")
            .status,
        405
    );
}

#[test]
fn bad_statuses_are_sealed_and_good_ones_count() {
    let world = World::start();
    let bad = [
        r#"{"id":"b","status":"sent","recipient_id":"15550200201"}"#,
        r#"{"status":"sent","timestamp":"1767225590"}"#,
    ];
    let all = [
        status("a", "sent"),
        bad[0].into(),
        status("a", "delivered"),
        bad[1].into(),
        status("c", "sent"),
        status("d", "teleported"),
    ];
    let reply = world.webhook("acme-wa", SECRET, &body("15550100101", &all.join(",")));
    expect_test::expect![[
        r#"{"code":"OK","duplicate":0,"ignored":1,"late":0,"new":3,"quarantined":2}"#
    ]]
    .assert_eq(&reply.body);
    assert_eq!(totals(&world, "space-a", "15550100101"), (2, 1));
    let listed = world
        .store
        .quarantine(QuarantineFilter::default(), 10)
        .expect("listed");
    let opened: Vec<(Reason, String)> = listed
        .iter()
        .map(|item| {
            let QuarantinedContent::Sealed(sealed) = &item.content else {
                panic!("not sealed: {item:?}");
            };
            assert!(!sealed.windows(4).any(|part| part == b"sent"), "in clear");
            let plain = world
                .directory
                .open_quarantined("1000000000000001", "acme-wa", sealed)
                .expect("opens");
            assert!(
                world
                    .directory
                    .open_quarantined("2000000000000002", "acme-wa", sealed)
                    .is_err()
            );
            (
                item.reason,
                String::from_utf8(plain.to_vec()).expect("text"),
            )
        })
        .collect();
    // With the number around it, which a status does not name.
    let statuses: Vec<_> = opened
        .iter()
        .map(|(reason, kept)| {
            let read = chatmetric::ingest::whatsapp::parse(kept, 9).expect("a webhook");
            (*reason, read.bad[0].json.to_owned(), read.bad[0].number)
        })
        .collect();
    let number = chatmetric_core::PhoneNumber::parse("15550100101").ok();
    assert_eq!(
        statuses,
        [
            (Reason::BadTimestamp, bad[0].to_owned(), number),
            (Reason::Malformed, bad[1].to_owned(), number)
        ]
    );
}

#[test]
fn what_is_signed_and_unreadable_is_kept_whole() {
    let world = World::start();
    for (at, bytes) in [&b"not json"[..], b"", b"{}", b"\xff\xfe", b"{\"entry\":[}"]
        .into_iter()
        .enumerate()
    {
        let reply = world.webhook("acme-wa", SECRET, bytes);
        assert_eq!(
            (reply.status, &reply.json()["quarantined"]),
            (200, &1.into()),
            "{bytes:?}"
        );
        let listed = world
            .store
            .quarantine(QuarantineFilter::default(), 10)
            .expect("listed");
        assert_eq!(listed.len(), at + 1);
        let item = &listed[at];
        assert_eq!(item.reason, Reason::Unparsable);
        let QuarantinedContent::Sealed(sealed) = &item.content else {
            panic!("not sealed: {item:?}");
        };
        let plain = world
            .directory
            .open_quarantined("1000000000000001", "acme-wa", sealed)
            .expect("opens");
        assert_eq!(plain.as_slice(), bytes);
    }
}

#[test]
fn nothing_of_a_signed_body_disappears() {
    let world = World::start();
    let entry =
        |entry: &str| format!(r#"{{"object":"whatsapp_business_account","entry":{entry}}}"#);
    let bodies = [
        entry("[5]"),
        entry("[null]"),
        entry(r#"[{"id":"1"}]"#),
        entry(r#"[{"changes":{"field":"messages"}}]"#),
        entry(r#"[{"changes":[{"field":"messages","value":"{}"}]}]"#),
        entry(r#"[{"changes":[{"field":"messages","value":{"statuses":{"id":"a"}}}]}]"#),
    ];
    let count = bodies.len();
    for body in bodies {
        let reply = world.webhook("acme-wa", SECRET, body.as_bytes());
        let json = reply.json();
        assert_eq!(
            (reply.status, &json["quarantined"]),
            (200, &1.into()),
            "{body}"
        );
    }
    assert_eq!(reasons(&world), vec![Reason::Malformed; count]);
    assert_eq!(books(&world, "acme-wa").quarantined, 6);
}

#[test]
fn numbers_belong_to_their_space() {
    let world = World::start();
    let one = |webhook: &str, number: &str, id: &str| {
        world
            .webhook(webhook, SECRET, &body(number, &status(id, "sent")))
            .json()
    };
    // A webhook of a space: its own number, an unknown one, one of another space
    // of the account, one of another account.
    assert_eq!(one("acme-wa", "+1 (555) 010-0101", "a")["new"], 1);
    assert_eq!(one("acme-wa", "4930123456", "a")["new"], 1);
    assert_eq!(one("acme-wa", "6591234567", "a")["quarantined"], 1);
    assert_eq!(one("acme-wa", "447700900123", "a")["quarantined"], 1);
    assert_eq!(totals(&world, "space-a", "4930123456"), (1, 0));
    assert_eq!(reasons(&world), [Reason::ForeignNumber; 2]);
    // A webhook of the account: each number goes to its space.
    assert_eq!(one("acme-all", "15550100101", "b")["new"], 1);
    assert_eq!(one("acme-all", "6591234567", "b")["new"], 1);
    assert_eq!(one("acme-all", "447700900123", "b")["quarantined"], 1);
    assert_eq!(one("acme-all", "4420700", "b")["quarantined"], 1);
    assert_eq!(
        reasons(&world)[2..],
        [Reason::ForeignNumber, Reason::UnknownNumber]
    );
    assert_eq!(totals(&world, "space-a", "15550100101"), (2, 0));
    assert_eq!(totals(&world, "space-sg", "6591234567"), (1, 0));
    let owner = world
        .directory
        .snapshot()
        .number_owner(&"4930123456".parse().expect("digits"))
        .map(|space| space.id.to_string());
    assert_eq!(owner.as_deref(), Some("space-a"), "bound on first sight");
}

#[test]
fn a_space_binds_no_more_numbers_than_it_may() {
    let world = World::start();
    world.apply("[[account]]\nid = \"1000000000000001\"\n[[account.space]]\nid = \"space-a\"\nnumbers_max = 3\n");
    let outcome = |number: &str| {
        let reply = world.webhook("acme-wa", SECRET, &body(number, &status("a", "sent")));
        assert_eq!(reply.status, 200);
        reply.json()["new"].as_i64()
    };
    assert_eq!(outcome("1001"), Some(1));
    assert_eq!(outcome("1002"), Some(1));
    assert_eq!(outcome("1003"), Some(0));
    assert_eq!(outcome("1002"), Some(0), "a duplicate");
    assert_eq!(reasons(&world), [Reason::TooManyNumbers]);
}

#[test]
fn held_events_count_once_their_number_is_claimed() {
    let world = World::start();
    for word in ["sent", "delivered"] {
        assert_eq!(
            world
                .webhook("acme-sg", SECRET, &body("6590000000", &status("h", word)))
                .json()["quarantined"],
            1
        );
    }
    assert_eq!(reasons(&world), [Reason::UnknownNumber; 2]);
    world.apply("[[account]]\nid = \"1000000000000001\"\n[[account.space]]\nid = \"space-sg\"\nnumbers = [\"6591234567\", \"6590000000\"]\n");
    for _ in 0..100 {
        if reasons(&world).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(totals(&world, "space-sg", "6590000000"), (1, 1));
    let books = books(&world, "acme-sg");
    assert_eq!((books.released, books.quarantined), (2, 0), "{books:?}");
}

/// The batch was judged by the picture of the directory before the change, and
/// waits in the store's queue until long after it.
#[test]
fn a_batch_that_was_held_by_an_old_picture_is_claimed_a_minute_later() {
    let store = Arc::new(GatedStore::new());
    let world = World::start_with(|_| {}, Arc::clone(&store) as Arc<dyn Store>);
    store.set(Gate::Shut);
    std::thread::scope(|scope| {
        let posted = scope.spawn(|| {
            let held = body("6590000000", &status("h", "sent"));
            world.webhook("acme-sg", SECRET, &held)
        });
        while store.waiting() == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        world.apply("[[account]]\nid = \"1000000000000001\"\n[[account.space]]\nid = \"space-sg\"\nnumbers = [\"6591234567\", \"6590000000\"]\n");
        // The looks for the change are over before the batch goes on.
        std::thread::sleep(Duration::from_millis(3_500));
        store.set(Gate::Open);
        assert_eq!(posted.join().expect("sound").json()["quarantined"], 1);
    });
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(
        reasons(&world),
        [Reason::UnknownNumber],
        "nothing changed since"
    );
    world.clock.advance_ms(60_000);
    for _ in 0..200 {
        if reasons(&world).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(totals(&world, "space-sg", "6590000000"), (1, 0));
}

#[test]
fn a_claim_is_done_before_the_number_can_move_on() {
    let world = World::start();
    let held = body("6590000000", &status("h", "sent"));
    assert_eq!(world.webhook("acme-sg", SECRET, &held).status, 200);
    let operator = Operator {
        directory: Arc::clone(&world.directory),
        store: Arc::clone(&world.store),
        clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
        backups: Arc::default(),
        streams: Arc::default(),
        peers: None,
    };
    let give_to = |space: &str, dry_run: bool| {
        let text = format!(
            "[[account]]\nid = \"1000000000000001\"\n[[account.space]]\nid = \"{space}\"\n\
             numbers = [\"6590000000\"]\n"
        );
        let prune = false;
        let flags = ApplyFlags { prune, dry_run };
        let applied = operator.apply(&text, Format::Toml, &InlineOnly, flags);
        assert_eq!(applied.expect("it applies").changes.len(), 1);
    };
    give_to("space-sg", true);
    assert_eq!(reasons(&world), [Reason::UnknownNumber], "a dry run");
    give_to("space-sg", false);
    assert_eq!(reasons(&world), []);
    give_to("space-a", false);
    assert_eq!(totals(&world, "space-sg", "6590000000"), (1, 0));
    assert_eq!(totals(&world, "space-a", "6590000000"), (0, 0));
}

#[test]
fn late_and_future_events_wait_or_stay_out() {
    let world = World::start();
    let at = |id: &str, ms: i64| format!(r#"{{"id":"{id}","status":"sent","timestamp":{ms}}}"#);
    let day = 86_400_000;
    let all = [
        at("late", NOW_MS - 45 * day - 1),
        at("old", NOW_MS - 45 * day),
        at("soon", NOW_MS + 300_000),
        at("future", NOW_MS + 300_001),
    ];
    let reply = world.webhook("acme-wa", SECRET, &body("15550100101", &all.join(",")));
    let json = reply.json();
    assert_eq!(
        (&json["new"], &json["late"], &json["quarantined"]),
        (&2.into(), &1.into(), &1.into()),
        "{reply:?}"
    );
    assert_eq!(totals(&world, "space-a", "15550100101"), (1, 0));
    world.clock.advance_ms(300_001);
    for _ in 0..100 {
        if !reasons(&world).contains(&Reason::Future) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(totals(&world, "space-a", "15550100101"), (2, 0));
}

#[test]
fn too_much_is_refused_whole() {
    let world = World::start();
    let many = |count: usize| {
        (0..count)
            .map(|n| status(&n.to_string(), "sent"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let reply = world.webhook("acme-wa", SECRET, &body("15550100101", &many(10_001)));
    assert_eq!(
        (reply.status, reply.json()["code"].as_str()),
        (413, Some("TooManyEvents"))
    );
    assert!(world.store.books().expect("books").is_empty());
    let reply = world.webhook("acme-wa", SECRET, &body("15550100101", &many(10_000)));
    assert_eq!((reply.status, &reply.json()["new"]), (200, &10_000.into()));

    let mut large = body("15550100101", &status("x", "sent"));
    large.resize(4 * 1024 * 1024, b' ');
    assert_eq!(world.webhook("acme-wa", SECRET, &large).status, 200);
    large.push(b' ');
    let reply = world.webhook("acme-wa", SECRET, &large);
    assert_eq!(
        (reply.status, reply.json()["code"].as_str()),
        (413, Some("TooLarge"))
    );
}

#[test]
fn nothing_is_acknowledged_that_is_not_durable() {
    let store = Arc::new(GatedStore::new());
    let world = World::start_with(|_| {}, store.clone());
    let bytes = body("15550100101", &status("a", "sent"));
    for (gate, ready) in [
        (Gate::Refusing, 503),
        (Gate::Poisoned, 503),
        (Gate::Open, 200),
    ] {
        store.set(gate);
        let reply = world.webhook("acme-wa", SECRET, &bytes);
        assert_eq!(reply.status, ready, "{gate:?}");
        assert_eq!(
            reply.header("retry-after").is_some(),
            ready == 503,
            "{gate:?}"
        );
        assert_eq!(world.get("/readyz").status, ready, "{gate:?}");
        assert_eq!(
            (
                world.get("/readyz/query").status,
                world.get("/healthz").status
            ),
            (200, 200)
        );
        // Queries are answered all the time.
        assert_eq!(
            totals(&world, "space-a", "15550100101").0,
            i64::from(gate == Gate::Open)
        );
    }
}

#[test]
fn the_queue_to_the_store_is_bounded() {
    let store = Arc::new(GatedStore::new());
    let world = World::start_with(|_| {}, store.clone());
    store.set(Gate::Shut);
    // 10,000 events each take about a megabyte of the queue's 64.
    let bytes = body(
        "15550100101",
        &(0..10_000)
            .map(|n| status(&n.to_string(), "sent"))
            .collect::<Vec<_>>()
            .join(","),
    );
    let refused = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| world.webhook("acme-wa", SECRET, &bytes)))
            .collect();
        let mut before = usize::MAX;
        while before != store.waiting() || before == 0 {
            before = store.waiting();
            std::thread::sleep(Duration::from_millis(500));
        }
        store.set(Gate::Open);
        let replies = senders
            .into_iter()
            .map(|sender| sender.join().expect("no panic"));
        replies.filter(|reply| reply.status == 503).count()
    });
    assert!((1..100).contains(&refused), "{refused}");
    assert_eq!(totals(&world, "space-a", "15550100101"), (10_000, 0));
    assert_eq!(
        world.webhook("acme-wa", SECRET, &bytes).status,
        200,
        "the queue is free again"
    );
}
