//! Files that are imported, the books, the quarantine, unclaimed numbers.

use super::{ACME, ISV, Page, code, console, dechunked};
use crate::world::NOW_MS;
use chatmetric_core::EpochMs;
use chatmetric_store::{Batch, Reason, SealedItem};
use serde_json::{Value, json};

fn import(page: &Page<'_>, query: &str, body: &str) -> Vec<Value> {
    let target = format!("/console/api/import?{query}");
    let reply = page
        .world
        .send("POST", &target, &page.headers(), body.as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
    let text = dechunked(&reply.body);
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn a_file_is_imported_once_however_often_it_comes() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let file = "number,message_id,status,timestamp\n\
                15550100101,m1,sent,1767139200\n\
                15550100101,m1,delivered,1767139300\n\
                15550100101,m2,sent,yesterday\n";
    let lines = import(&page, "space=space-a&format=auto&name=events.csv", file);
    let last = lines.last().expect("a line");
    assert_eq!(last["done"], true);
    assert_eq!(
        (&last["new"], &last["duplicate"], &last["bad"]),
        (&json!(2), &json!(0), &json!(1))
    );
    assert_eq!(last["badLines"][0]["line"], 4);
    let lines = import(&page, "space=space-a&format=csv", file);
    let last = lines.last().expect("a line");
    assert_eq!((&last["new"], &last["duplicate"]), (&json!(0), &json!(2)));
    // Nothing is guessed of a file whose format is named.
    let lines = import(&page, "space=space-a&format=ndjson", "");
    assert_eq!(lines.last().expect("a line").get("error"), None);
    let reply = page.post("import?space=space-a&format=xml", &json!({}));
    assert_eq!(code(&reply), "400 InvalidField");
    assert_eq!(code(&page.post("import", &json!({}))), "400 InvalidField");
}

pub(super) fn body_of(number: &str, id: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{{"id":"{id}","status":"sent","timestamp":"1767225590","recipient_id":"1"}}]}}}}]}}]}}"#
    )
}

/// A status of a number, through the webhook that holds unknown numbers.
fn held(world: &crate::world::World, number: &str, id: &str) {
    let body = body_of(number, id);
    let reply = world.webhook("acme-sg", "app-secret-one", body.as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn unclaimed_numbers_are_claimed_and_their_events_counted() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    held(&world, "6590000009", "m1");
    held(&world, "6590000009", "m2");
    let unclaimed = page.json("unclaimed");
    assert_eq!(unclaimed["numbers"][0]["number"], "6590000009");
    assert_eq!(unclaimed["numbers"][0]["events"], 2);
    let isv = Page::of(&world, ISV, "isv-admin");
    assert_eq!(isv.json("unclaimed")["numbers"], json!([]));
    assert_eq!(isv.json("quarantine")["items"], json!([]));
    let claim = json!({ "space": "space-sg" });
    let reply = page.post("unclaimed/6590000009/claim", &claim);
    assert_eq!(reply.json()["result"]["events"], 2, "{reply:?}");
    assert_eq!(page.json("unclaimed")["numbers"], json!([]));
    let path = "metrics?space=space-sg&start=1767139200000&end=1767312000000&granularity=daily&number=6590000009";
    let metrics = page.json(path);
    let sent = metrics["series"][0]["sent"]
        .as_array()
        .expect("counts")
        .iter()
        .filter_map(Value::as_i64)
        .sum::<i64>();
    assert_eq!(sent, 2);
    let elsewhere = page.post("unclaimed/15550100101/claim", &claim);
    assert_eq!(code(&elsewhere), "409 Conflict");
}

#[test]
fn a_sealed_body_is_opened_for_those_who_may_and_the_look_is_noted() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let reply = world.webhook("acme-wa", "app-secret-one", b"{ not JSON");
    assert_eq!(reply.status, 200, "{reply:?}");
    let list = page.json("quarantine?reason=unparsable");
    let item = &list["items"][0];
    assert_eq!(item["sealed"], true);
    assert_eq!(item["source"], "acme-wa");
    assert_eq!(page.json("quarantine?reason=late")["items"], json!([]));
    let id = item["id"].as_u64().expect("an id");
    let isv = Page::of(&world, ISV, "isv-admin");
    let foreign = isv.post(&format!("quarantine/{id}/open"), &json!({}));
    assert_eq!(code(&foreign), "404 NotFound");
    let opened = page.post(&format!("quarantine/{id}/open"), &json!({}));
    assert_eq!(opened.json()["body"], "{ not JSON");
    let log = page.json("audit?limit=1");
    assert_eq!(log["entries"][0]["action"], "OpenQuarantine");
    assert_eq!(log["entries"][0]["actor"], "console/admin");
    assert_eq!(
        code(&page.get("quarantine?reason=bad-mood")),
        "400 InvalidField"
    );
    assert_eq!(code(&page.get("quarantine?limit=0")), "400 InvalidField");
    let foreign = isv.post(&format!("quarantine/{id}/replay"), &json!({}));
    assert_eq!(code(&foreign), "404 NotFound");
    let replay = page.post(&format!("quarantine/{id}/replay"), &json!({}));
    assert_eq!(code(&replay), "409 Conflict", "it is still no JSON");
    assert_eq!(page.json("quarantine")["items"][0]["id"], id);
}

/// What the number of `space-a` has sent.
fn sent(page: &Page<'_>) -> i64 {
    let range = "start=1767139200000&end=1767312000000&granularity=daily";
    let metrics = page.json(&format!("metrics?space=space-a&number=15550100101&{range}"));
    let sent = metrics["series"][0]["sent"].as_array().expect("counts");
    sent.iter().filter_map(Value::as_i64).sum()
}

#[test]
fn a_foreign_event_is_replayed_once_its_source_may_count_it() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    // This webhook speaks for another space.
    held(&world, "15550100101", "m1");
    let item = &page.json("quarantine?reason=foreign_number")["items"][0];
    let path = format!("quarantine/{}/replay", item["id"]);
    let early = page.post(&path, &json!({}));
    assert_eq!(code(&early), "409 Conflict");
    assert_eq!(
        early.json()["message"],
        "Number 15550100101 is of no space where this source may count."
    );
    assert_eq!(sent(&page), 0);
    let moved = page.send("PATCH", "webhooks/acme-sg", &json!({ "space": "space-a" }));
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(page.post(&path, &json!({})).json(), json!({ "events": 1 }));
    assert_eq!(code(&page.post(&path, &json!({}))), "404 NotFound");
    assert_eq!(sent(&page), 1);
    assert_eq!(page.json("quarantine")["items"], json!([]));
    // The provider sends it again: it was counted.
    held(&world, "15550100101", "m1");
    assert_eq!(sent(&page), 1);
    let books = &page.json("ingest")["sources"][0]["books"];
    let books = ["received", "new", "duplicate", "released", "quarantined"]
        .map(|field| books[field].as_u64().expect("a count"));
    assert_eq!(books, [2, 0, 1, 1, 0]);
    let log = page.json("audit?limit=1");
    assert_eq!(log["entries"][0]["action"], "ReplayQuarantine");
}

#[test]
fn a_sealed_body_is_replayed_when_it_can_be_read() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    // As an older program, which could not read it, left it.
    let replayed = |body: &str| {
        let sealed = world
            .directory
            .seal_quarantined(ACME, "acme-wa", body.as_bytes())
            .expect("sealed");
        let item = SealedItem {
            account: world.account_key(),
            reason: Reason::Unparsable,
            sealed: sealed.into(),
        };
        let batch = Batch {
            source: "acme-wa".into(),
            received_at: EpochMs(NOW_MS),
            events: Vec::new(),
            sealed: vec![item],
            ignored: 0,
        };
        world.store.commit(batch).expect("taken");
        let items = page.json("quarantine");
        let items = items["items"].as_array().expect("items");
        let id = &items.last().expect("an item")["id"];
        page.post(&format!("quarantine/{id}/replay"), &json!({}))
    };
    let reply = replayed(&body_of("15550100101", "m1"));
    assert_eq!(reply.json(), json!({ "events": 1 }));
    assert_eq!(sent(&page), 1);
    assert_eq!(page.json("quarantine")["items"], json!([]));
    let foreign = replayed(&body_of("447700900123", "m2"));
    assert_eq!(code(&foreign), "409 Conflict", "an ISV's number");
    let future = body_of("15550100101", "m3").replace("1767225590", "1767325590");
    assert_eq!(code(&replayed(&future)), "409 Conflict");
    world
        .store
        .raise_floor(EpochMs(1_767_200_000_000))
        .expect("taken");
    let late = body_of("15550100101", "m4").replace("1767225590", "1767199999");
    assert_eq!(code(&replayed(&late)), "409 Conflict");
    assert_eq!(sent(&page), 1);
}

#[test]
fn an_item_whose_webhook_is_gone_counts_nowhere() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let reply = world.webhook(
        "acme-all",
        "app-secret-one",
        body_of("447700900123", "m1").as_bytes(),
    );
    assert_eq!(reply.status, 200, "{reply:?}");
    let item = &page.json("quarantine?reason=foreign_number")["items"][0];
    let path = format!("quarantine/{}/replay", item["id"]);
    assert_eq!(
        page.send("DELETE", "webhooks/acme-all", &Value::Null)
            .status,
        204
    );
    let gone = page.post(&path, &json!({}));
    assert_eq!(code(&gone), "409 Conflict");
    let said = gone.json()["message"].as_str().expect("text").to_owned();
    assert!(
        said.starts_with("The webhook that brought it is gone"),
        "{said}"
    );
    // Whose webhook has the name by now does not count for the one before.
    world.apply(
        "[[account]]\nid = \"2000000000000002\"\n[[account.webhook]]\nid = \"acme-all\"\n\
         kind = \"whatsapp\"\napp_secrets = [\"another-secret\"]\n",
    );
    assert_eq!(code(&page.post(&path, &json!({}))), "409 Conflict");
    let isv = Page::of(&world, ISV, "isv-admin");
    assert_eq!(code(&isv.post(&path, &json!({}))), "404 NotFound");
    let range = "start=1767139200000&end=1767312000000&granularity=daily";
    let metrics = isv.json(&format!(
        "metrics?space=isv-own&number=447700900123&{range}"
    ));
    let counts = metrics["series"][0]["sent"].as_array().expect("counts");
    assert!(counts.iter().all(|count| *count == 0), "{counts:?}");
}

#[test]
fn a_status_that_cannot_be_read_stays_uncounted() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    let body = body_of("15550100101", "m1").replace("\"1767225590\"", "\"soon\"");
    let reply = world.webhook("acme-wa", "app-secret-one", body.as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
    let item = &page.json("quarantine?reason=bad_timestamp")["items"][0];
    let replay = page.post(&format!("quarantine/{}/replay", item["id"]), &json!({}));
    assert_eq!(code(&replay), "409 Conflict");
    assert_eq!(
        replay.json()["message"],
        "This version cannot read all of the body either, or there is nothing to count in it."
    );
    // What was kept names the number, so that a program that can read it counts it.
    let opened = page.post(&format!("quarantine/{}/open", item["id"]), &json!({}));
    let opened = opened.json()["body"].as_str().expect("a body").to_owned();
    let number = r#""metadata":{"display_phone_number":"15550100101"}"#;
    assert!(opened.contains(number), "{opened}");
    assert!(opened.contains("\"soon\""), "{opened}");
}

#[test]
fn an_account_sees_the_books_of_its_own_sources() {
    let world = console();
    let page = Page::of(&world, ACME, "admin");
    held(&world, "6590000009", "m1");
    let books = page.json("ingest");
    assert_eq!(books["health"], "ready");
    let source = &books["sources"][0];
    assert_eq!(source["name"], "acme-sg");
    assert_eq!(source["books"]["received"], 1);
    assert_eq!(source["books"]["quarantined"], 1);
    assert_eq!(source["lastMs"], NOW_MS);
    // 1,010 s, known to a third of it.
    assert_eq!(
        source["lagMs"],
        json!({ "p50": 1_048_576, "p99": 1_048_576 })
    );
    let webhooks = page.json("webhooks");
    let webhooks = webhooks["webhooks"].as_array().expect("webhooks");
    let last = |id: &str| {
        let webhook = webhooks.iter().find(|webhook| webhook["id"] == id);
        webhook.expect("there")["lastMs"].clone()
    };
    assert_eq!(
        (last("acme-sg"), last("acme-wa")),
        (json!(NOW_MS), json!(null))
    );
    assert_eq!(books["total"]["received"], 1);
    held(&world, "6590000009", "m2");
    world.clock.advance_ms(2_000);
    let books = page.json("ingest");
    assert_eq!(books["sources"][0]["perSecond"], 0.5);
    let isv = Page::of(&world, ISV, "isv-admin");
    assert_eq!(isv.json("ingest")["sources"], json!([]));
}
