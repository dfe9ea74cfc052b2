//! What made a count: the same as the count, of the sources that one may know.

use super::{ACME, ISV, Page, code, console};
use crate::world::World;
use chatmetric::clock::Clock as _;
use chatmetric::directory::Actor;
use chatmetric_core::PhoneNumber;
use serde_json::{Value, json};

const NUMBER: &str = "15550100101";
/// 2025-12-31T00:00:00Z.
const SECOND: i64 = 1_767_139_200;

fn report(world: &World, webhook: &str, number: &str, id: &str, word: &str, second: i64) {
    let secret = match webhook {
        "acme-wa" => "app-secret-one",
        _ => "isv-secret",
    };
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{{"id":"{id}","status":"{word}","timestamp":"{second}","recipient_id":"1"}}]}}}}]}}]}}"#
    );
    let reply = world.webhook(webhook, secret, body.as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
}

fn traffic(world: &World) {
    report(world, "acme-wa", NUMBER, "wamid.A", "sent", SECOND);
    report(
        world,
        "acme-wa",
        NUMBER,
        "wamid.A",
        "delivered",
        SECOND + 60,
    );
    report(
        world,
        "acme-wa",
        NUMBER,
        "wamid.A",
        "delivered",
        SECOND + 60,
    );
    report(world, "acme-wa", NUMBER, "wamid.B", "read", SECOND + 120);
}

fn path(more: &str) -> String {
    let start_ms = SECOND * 1_000;
    format!(
        "explanation?space=space-a&number={NUMBER}&granularity=half-hour&bucket={start_ms}{more}"
    )
}

#[test]
fn a_count_is_explained_by_its_sources() {
    let world = console();
    traffic(&world);
    let page = Page::of(&world, ACME, "reader");
    let told = page.json(&path(""));
    let start_ms = SECOND * 1_000;
    assert_eq!(told["startMs"], start_ms);
    assert_eq!(told["endMs"], start_ms + 1_800_000);
    assert_eq!(told["timeZone"], "UTC");
    let share = |reported: i64, implied: i64| json!({ "total": reported + implied, "reported": reported, "implied": implied, "moved": 0 });
    let expected = json!([{
        "source": "acme-wa",
        "kind": "whatsapp",
        "sent": share(1, 1),
        "delivered": share(1, 1),
        "duplicates": 1,
        "late": 0,
    }]);
    assert_eq!(told["origins"], expected);
    // The same as the page draws.
    let range = format!("start={start_ms}&end={}", start_ms + 1);
    let metrics = page.json(&format!(
        "metrics?space=space-a&number={NUMBER}&granularity=half-hour&{range}"
    ));
    assert_eq!(told["sent"], metrics["series"][0]["sent"][0]);
    assert_eq!(told["delivered"], metrics["series"][0]["delivered"][0]);
    // All of it came after the half hour, in the quarter-hour of the world's clock.
    let revisions = told["revisions"].as_array().expect("a list");
    assert_eq!(revisions.len(), 1);
    assert_eq!(
        (&revisions[0]["sent"], &revisions[0]["delivered"]),
        (&json!(2), &json!(2))
    );
    let since = told["settledSinceMs"].as_i64().expect("it is over");
    assert!(since > start_ms + 1_800_000, "{told}");
    // A day is named by its date, in the zone of the space.
    let day = page.json(&path("").replace("half-hour", "daily"));
    let named =
        format!("explanation?space=space-a&number={NUMBER}&granularity=daily&bucket=2025-12-31");
    assert_eq!(page.json(&named), day);
    assert_eq!(day["sent"], 2);
}

#[test]
fn who_may_not_see_a_count_gets_no_explanation_of_it() {
    let world = console();
    traffic(&world);
    for (account, user, refused) in [
        (ACME, "nobody", "403 Denied"),
        (ACME, "denied", "403 Denied"),
        (ISV, "isv-admin", "404 NotFound"),
    ] {
        let page = Page::of(&world, account, user);
        assert_eq!(code(&page.get(&path(""))), refused, "{user}");
    }
    let page = Page::of(&world, ACME, "admin");
    // Another's number in one's own space, and one's own number in a space where it is not.
    for (number, space) in [("447700900999", "space-a"), (NUMBER, "isv-own")] {
        let path = path("").replace(NUMBER, number).replace("space-a", space);
        assert_eq!(
            code(&page.get(&path)),
            "404 NotFound",
            "{number} in {space}"
        );
    }
}

#[test]
fn what_is_asked_wrongly_is_named() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    for (from, to, field) in [
        (NUMBER, "x", "number"),
        ("&number=15550100101", "", "number"),
        ("half-hour", "weekly", "granularity"),
        ("&bucket=1767139200000", "", "bucket"),
        ("&bucket=1767139200000", "&bucket=2025-13-01", "bucket"),
    ] {
        let reply = page.get(&path("").replace(from, to));
        assert_eq!(reply.status, 400, "{from} {to}: {reply:?}");
        assert_eq!(reply.json()["field"], Value::from(field), "{reply:?}");
    }
}

#[test]
fn a_source_of_another_account_has_no_name() {
    const MOVED: &str = "447700900124";
    let world = console();
    world.apply(
        r#"
[[account]]
id = "2000000000000002"
[[account.webhook]]
id = "isv-wa"
kind = "whatsapp"
space = "isv-customer"
app_secrets = ["isv-secret"]
"#,
    );
    report(&world, "isv-wa", MOVED, "wamid.M", "sent", SECOND);
    // The number goes to another account, whose webhook tells the end of the message; it is
    // counted where it was first seen.
    let moved = world.directory.move_number(
        PhoneNumber::parse(MOVED).expect("digits"),
        Some("space-a"),
        None,
        &Actor::operator("test"),
        world.clock.now(),
    );
    moved.expect("moved");
    report(
        &world,
        "acme-wa",
        MOVED,
        "wamid.M",
        "delivered",
        SECOND + 60,
    );
    let path = path("")
        .replace("space-a", "isv-customer")
        .replace(NUMBER, MOVED);
    let sources = |told: &Value| -> Vec<(Value, Value, Value)> {
        let origins = told["origins"].as_array().expect("a list").iter();
        origins
            .map(|it| {
                let total = |of: &str| it[of]["total"].clone();
                (it["source"].clone(), total("sent"), total("delivered"))
            })
            .collect()
    };
    let told = Page::of(&world, ISV, "isv-admin").json(&path);
    let expected = [
        (Value::Null, json!(0), json!(1)),
        (json!("isv-wa"), json!(1), json!(0)),
    ];
    assert_eq!(sources(&told), expected, "{told}");
    assert_eq!(told["origins"][0]["kind"], "other");
    assert_eq!((&told["sent"], &told["delivered"]), (&json!(1), &json!(1)));
    // The operator, who looks at it by a grant, knows both.
    let told = Page::of(&world, ACME, "reader").json(&format!("{path}&isv=isv-code"));
    assert_eq!(told["origins"][0]["source"], "acme-wa");
}
