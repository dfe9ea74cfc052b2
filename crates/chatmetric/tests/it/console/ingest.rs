//! Files that are imported, the books, the quarantine, unclaimed numbers.

use super::{ACME, ISV, Page, code, console, dechunked};
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
    let reply = page.post("import?space=space-a&format=parquet", &json!({}));
    assert_eq!(code(&reply), "400 InvalidField");
    assert_eq!(code(&page.post("import", &json!({}))), "400 InvalidField");
}

/// A status of a number, through the webhook that holds unknown numbers.
fn held(world: &crate::world::World, number: &str, id: &str) {
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{{"id":"{id}","status":"sent","timestamp":"1767225590","recipient_id":"1"}}]}}}}]}}]}}"#
    );
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
    let replay = page.post(&format!("quarantine/{id}/replay"), &json!({}));
    assert_eq!(code(&replay), "404 NotFound");
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
    assert_eq!(books["total"]["received"], 1);
    held(&world, "6590000009", "m2");
    world.clock.advance_ms(2_000);
    let books = page.json("ingest");
    assert_eq!(books["sources"][0]["perSecond"], 0.5);
    let isv = Page::of(&world, ISV, "isv-admin");
    assert_eq!(isv.json("ingest")["sources"], json!([]));
}
