//! The page that compares with Meta's analytics: the same counts as the API's, the zone of
//! the space, rights.

use super::{ACME, ISV, Page, code, console};
use crate::world::World;
use serde_json::{Value, json};

const DAY_S: i64 = 86_400;
/// 2025-12-31 in UTC, the zone of `space-a`.
const START_S: i64 = 1_767_139_200;

fn status(world: &World, number: &str, id: &str, word: &str, second: i64) {
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{{"id":"{id}","status":"{word}","timestamp":"{second}","recipient_id":"1"}}]}}}}]}}]}}"#
    );
    let reply = world.webhook("acme-wa", "app-secret-one", body.as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
}

fn counted() -> World {
    let world = console();
    for (number, id, word) in [
        ("15550100101", "wamid.A", "sent"),
        ("15550100101", "wamid.A", "delivered"),
        ("15550100101", "wamid.B", "sent"),
        ("15550100102", "wamid.C", "sent"),
    ] {
        status(&world, number, id, word, START_S + 3_600);
    }
    world
}

fn answer(numbers: &[&str], start: i64, sent: u64, delivered: u64) -> String {
    let point = json!({"start": start, "end": start + DAY_S, "sent": sent, "delivered": delivered});
    let analytics = json!({"phone_numbers": numbers, "granularity": "DAY", "data_points": [point]});
    json!({"analytics": analytics, "id": "1"}).to_string()
}

fn compared(page: &Page<'_>, body: &Value) -> Value {
    let reply = page.post("reconcile?space=space-a", body);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[test]
fn a_pasted_answer_is_compared_with_the_space() {
    let world = counted();
    let page = Page::of(&world, ACME, "reader");
    // The clock of the world is less than a day after these counts.
    let judged = |answer: String, more: Value| {
        let mut body = json!({"answer": answer, "includeSettling": true});
        let more = more.as_object().expect("members").clone();
        body.as_object_mut().expect("members").extend(more);
        compared(&page, &body)
    };
    for (numbers, sent, named) in [
        (&["15550100101"][..], 2, json!([])),
        (&[], 3, json!([])),
        (&["15550100101", "15550100102"], 3, json!([])),
        (&[], 1, json!(["+1 555-010-0102"])),
        // A number that the account has and the space has not.
        (&["15550100101", "15550100999"], 2, json!([])),
    ] {
        let delivered = u64::from(sent > 1);
        let answer = answer(numbers, START_S, sent, delivered);
        let report = judged(answer, json!({"numbers": named}));
        assert_eq!(report["status"], "within", "{report}");
        assert_eq!(report["totals"]["matched"], 1);
        assert_eq!(report["timeZone"], "UTC");
    }
    let report = judged(answer(&[], START_S, 4, 1), json!({}));
    assert_eq!(report["status"], "beyond");
    assert_eq!(
        report["rows"][0]["difference"],
        json!({"sent": -1, "delivered": 0})
    );
    let csv = report["csv"].as_str().expect("a file");
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let report = judged(answer(&[], START_S, 4, 1), json!({"tolerance": "25%"}));
    assert_eq!(report["status"], "within");
    // What may still change is not judged unless that is asked for.
    let report = compared(&page, &json!({"answer": answer(&[], START_S, 4, 1)}));
    assert_eq!(
        (&report["status"], &report["totals"]["settling"]),
        (&json!("within"), &json!(1))
    );

    for (answer, reason) in [
        (answer(&[], START_S - 19_800, 3, 1), "other_zone"),
        ("{\"analytics\":".to_owned(), "cut"),
        (String::new(), "empty"),
    ] {
        let report = judged(answer, json!({}));
        assert_eq!(report["status"], "not_comparable");
        assert_eq!(report["notComparable"][0]["reason"], reason);
        assert_eq!(report["rows"], json!([]));
    }
}

#[test]
fn what_is_wrong_with_a_question_is_named() {
    let world = counted();
    let page = Page::of(&world, ACME, "reader");
    let empty = r#"{"analytics":{"granularity":"DAY","data_points":[]}}"#;
    let good = answer(&[], START_S, 3, 1);
    for (body, field) in [
        (json!({"answer": empty}), "startMs"),
        (json!({"answer": good, "startMs": -1}), "startMs"),
        (json!({"answer": good, "endMs": 1}), "endMs"),
        (json!({"answer": good, "startMs": 0}), "endMs"),
        (json!({"answer": good, "tolerance": "much"}), "tolerance"),
        (
            json!({"answer": good, "granularity": "MONTH"}),
            "granularity",
        ),
        (json!({"answer": good, "numbers": ["x"]}), "numbers"),
    ] {
        let reply = page.post("reconcile?space=space-a", &body);
        assert_eq!(code(&reply), "400 InvalidField", "{body}");
        assert_eq!(reply.json()["field"], field, "{body}");
    }
    let foreign = answer(&[], START_S, 3, 1);
    let reply = page.post(
        "reconcile?space=space-a",
        &json!({"answer": foreign, "numbers": ["447700900123"]}),
    );
    assert_eq!(code(&reply), "400 InvalidField");
    let many: Vec<String> = (0..=1_000)
        .map(|at| format!("{}", 1_000_000 + at))
        .collect();
    let reply = page.post(
        "reconcile?space=space-a",
        &json!({"answer": good, "numbers": many}),
    );
    assert_eq!(reply.json()["field"], "numbers");
    let reply = page.post(
        "reconcile?space=space-a",
        &json!({"answer": good, "more": 1}),
    );
    assert_eq!(code(&reply), "400 InvalidBody");
    let reply = page.post(
        "reconcile?space=space-a",
        &json!({"answer": " ".repeat(1024 * 1024)}),
    );
    assert_eq!(code(&reply), "413 TooLarge");
}

#[test]
fn comparing_needs_the_right_for_counts_and_the_space() {
    let world = counted();
    let body = json!({"answer": answer(&[], START_S, 3, 1)});
    for user in ["nobody", "denied"] {
        let page = Page::of(&world, ACME, user);
        let reply = page.post("reconcile?space=space-a", &body);
        assert_eq!(code(&reply), "403 Denied", "{user}");
        assert_eq!(
            reply.json()["denied"]["action"],
            "cams:GetChatappPhoneNumberMetric"
        );
    }
    let page = Page::of(&world, ACME, "reader");
    for space in ["isv-other", "none"] {
        let reply = page.post(&format!("reconcile?space={space}"), &body);
        assert_eq!(code(&reply), "404 NotFound", "{space}");
    }
    let page = Page::of(&world, ISV, "isv-admin");
    let reply = page.post("reconcile?space=space-a", &body);
    assert_eq!(code(&reply), "404 NotFound");
}
