//! Alerts of numbers, from their events to the page: whose they are, and who may say that
//! he has taken notice.

use super::{ACME, ISV, Page, code, console_with};
use crate::world::{NOW_MS, World};
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber};
use chatmetric_store::{Batch, StatusEvent, Target};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A week of a number in which all is delivered, and a today in which nothing is.
pub(super) fn broken(world: &World, space: &str, number: &str) {
    let snapshot = world.directory.snapshot();
    let space = snapshot.space(space).expect("a space").key;
    let number = PhoneNumber::parse(number).expect("digits");
    let mut events = Vec::new();
    for day in 0..8 {
        for message in 0..100_i64 {
            let at_ms = NOW_MS - day * DAY_MS - 2 * HOUR_MS + message * 20_000;
            let id = (i64::from(space.0) * 8 + day) * 100 + message;
            let mut event = |status, at_ms| {
                events.push(StatusEvent {
                    fingerprint: Fingerprint(u128::try_from(id).expect("positive")),
                    number,
                    status,
                    at: EpochMs(at_ms),
                    target: Target::Space(space),
                });
            };
            event(MessageStatus::Sent, at_ms);
            if day > 0 {
                event(MessageStatus::Delivered, at_ms + 5_000);
            }
        }
    }
    let receipt = world.store.commit(Batch {
        source: "import".into(),
        received_at: EpochMs(NOW_MS),
        events,
        sealed: Vec::new(),
        ignored: 0,
    });
    assert_eq!(receipt.expect("counted").new, 1_500);
}

fn rules(page: &Page<'_>, path: &str) -> Vec<(i64, String, Value)> {
    let answer = page.json(path);
    let alerts = answer["alerts"].as_array().expect("a list");
    let of = |alert: &Value| {
        let what = format!("{} {}", alert["rule"].as_str()?, alert["subject"].as_str()?);
        Some((alert["id"].as_i64()?, what, alert["account"].clone()))
    };
    let mut found: Vec<_> = alerts.iter().filter_map(of).collect();
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found
}

#[test]
fn an_account_sees_and_acknowledges_its_own_alerts_alone() {
    let world = console_with(|settings| settings.watch.for_minutes = 0);
    broken(&world, "space-a", "15550100101");
    broken(&world, "isv-own", "447700900123");
    let isv = Page::of(&world, ISV, "isv-admin");
    let acme = Page::of(&world, ACME, "admin");
    // Numbers are looked at every five minutes.
    world.clock.advance_ms(301_000);
    for _ in 0..1_000 {
        if rules(&acme, "alerts").len() >= 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let own = rules(&isv, "alerts?state=open");
    let what: Vec<&str> = own.iter().map(|(_, what, _)| what.as_str()).collect();
    assert_eq!(what, ["delivery_rate number/447700900123"]);
    assert_eq!(own[0].2, ISV);
    assert_eq!(isv.json("alerts")["told"], json!(null));
    // The operator sees all.
    let all = rules(&acme, "alerts");
    let what: Vec<&str> = all.iter().map(|(_, what, _)| what.as_str()).collect();
    assert_eq!(
        what,
        [
            "delivery_rate number/15550100101",
            "delivery_rate number/447700900123"
        ]
    );
    assert!(acme.json("alerts")["told"].is_object());
    let first = &acme.json("alerts")["alerts"][1];
    assert_eq!(first["facts"]["usualPercent"], 100.0);
    assert_eq!(first["facts"]["percent"], 0.0);

    let theirs = format!("alerts/{}/acknowledge", all[0].0);
    let note = json!({ "note": "we are at it" });
    assert_eq!(code(&isv.post(&theirs, &note)), "404 NotFound");
    assert_eq!(
        code(&isv.post("alerts/999/acknowledge", &note)),
        "404 NotFound"
    );
    assert_eq!(
        code(&isv.post("alerts/x/acknowledge", &note)),
        "404 NotFound"
    );
    let mine = format!("alerts/{}/acknowledge", own[0].0);
    let long = json!({ "note": "x".repeat(501) });
    assert_eq!(code(&isv.post(&mine, &long)), "400 InvalidField");
    let reply = isv.post(&mine, &note);
    assert_eq!(
        (reply.status, &reply.json()["state"]),
        (200, &json!("acknowledged"))
    );
    assert_eq!(reply.json()["acknowledgedBy"], "console/isv-admin");
    assert_eq!(rules(&isv, "alerts?state=open"), []);
    assert_eq!(rules(&isv, "alerts?state=acknowledged").len(), 1);
    assert_eq!(rules(&acme, "alerts?state=open").len(), 1);
    // Who operates is no name to an account, and its own people are.
    assert_eq!(acme.post(&mine, &note).status, 200);
    assert_eq!(acme.post(&theirs, &note).status, 200);
    let by = |page: &Page<'_>| page.json("alerts?state=acknowledged")["alerts"].clone();
    let told = by(&isv);
    assert_eq!(told.as_array().map(Vec::len), Some(1));
    assert_eq!(told[0]["acknowledgedBy"], "operator");
    let told = by(&acme);
    let told = told.as_array().expect("a list").iter();
    let mut told: Vec<_> = told
        .map(|alert| (&alert["account"], &alert["acknowledgedBy"]))
        .collect();
    told.sort_by_key(|(account, _)| account.to_string());
    let [own, others] = [json!("console/admin"), json!("operator/console/admin")];
    assert_eq!(told, [(&json!(ACME), &own), (&json!(ISV), &others)]);
    let log = isv.json("audit");
    assert_eq!(log["entries"][0]["actor"], "operator");
    let entry = &log["entries"][1];
    assert_eq!(entry["action"], "chatmetric:AcknowledgeAlerts");
    assert_eq!(entry["actor"], "console/isv-admin");
    assert_eq!(entry["after"]["note"], "we are at it");
    assert_eq!(code(&isv.get("alerts?state=wrong")), "400 InvalidField");
    assert_eq!(code(&isv.get("alerts?limit=101")), "400 InvalidField");
    // Page by page.
    let page = acme.json("alerts?limit=1");
    let next = page["next"].as_i64().expect("more");
    assert_eq!(next, page["alerts"][0]["id"].as_i64().expect("an id"));
    assert_eq!(
        rules(&acme, &format!("alerts?limit=1&after={next}")).len(),
        1
    );
}
