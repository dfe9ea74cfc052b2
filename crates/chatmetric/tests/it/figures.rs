//! Figures of single numbers, the dashboard that is shipped, logs for machines.

use crate::process::{Served, client, command, data_dir};
use crate::world::World;
use chatmetric::client::MetricCall;
use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_store::MemoryStore;
use std::collections::BTreeSet;
use std::sync::Arc;

const ONE: &str = "15550100101";
const TWO: &str = "15550100102";
/// In the past of the tests' clock, and behind no floor.
const AT_S: i64 = 1_767_190_000;

fn status(world: &World, number: &str, id: &str, word: &str, second: i64) {
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{{"id":"{id}","status":"{word}","timestamp":"{second}","recipient_id":"1"}}]}}}}]}}]}}"#
    );
    let reply = world.webhook("acme-wa", "app-secret-one", body.as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// What is told of each number after a minute: sent and delivered.
fn told(world: &World) -> Vec<(String, u64, u64)> {
    world.clock.advance_ms(60_000);
    let text = world.get("/metrics").body;
    let of = |family: &str| -> Vec<(String, u64)> {
        let lines = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(family)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let number = labels.split("number=\"").nth(1)?.trim_end_matches("\"}");
            Some((number.to_owned(), value.parse().expect("a count")))
        });
        lines.collect()
    };
    let sent = of("chatmetric_number_messages_sent_total{space=\"space-a\",");
    let delivered = of("chatmetric_number_messages_delivered_total{space=\"space-a\",");
    assert_eq!(sent.len(), delivered.len(), "{text}");
    sent.into_iter()
        .zip(delivered)
        .map(|((number, sent), (same, delivered))| {
            assert_eq!(number, same);
            (number, sent, delivered)
        })
        .collect()
}

fn world(most: usize, named: &[&str]) -> World {
    let named = named.iter().map(|number| PhoneNumber::parse(number));
    let named: Vec<_> = named.map(|number| number.expect("digits")).collect();
    World::start_with(
        move |settings| {
            settings.telemetry.metrics_numbers_max = most;
            settings.telemetry.metrics_numbers = named;
        },
        Arc::new(MemoryStore::new()),
    )
}

#[test]
fn counters_of_a_number_count_what_is_new_and_never_go_down() {
    let world = world(50, &[]);
    assert_eq!(told(&world), []);
    status(&world, ONE, "A", "sent", AT_S);
    // A number begins with nothing: what is older is no news.
    assert_eq!(told(&world), [(ONE.to_owned(), 0, 0)]);
    status(&world, ONE, "A", "delivered", AT_S + 60);
    status(&world, ONE, "B", "sent", AT_S + 3_600);
    assert_eq!(told(&world), [(ONE.to_owned(), 1, 1)]);
    // A duplicate, and a time that moves to another day and another slot.
    status(&world, ONE, "B", "sent", AT_S + 3_600);
    status(&world, ONE, "B", "sent", AT_S - 86_400);
    status(&world, ONE, "A", "delivered", AT_S - 3_600);
    assert_eq!(told(&world), [(ONE.to_owned(), 1, 1)]);
    // Days go by, and the window of days with them.
    for _ in 0..3 {
        world.clock.advance_ms(30 * 86_400_000);
        assert_eq!(told(&world), [(ONE.to_owned(), 1, 1)]);
    }
    let now_s = world.clock_s();
    status(&world, ONE, "C", "sent", now_s - 60);
    assert_eq!(told(&world), [(ONE.to_owned(), 2, 1)]);
}

#[test]
fn there_are_no_more_numbers_than_are_wanted() {
    for (most, named, expected) in [
        (1, &[][..], vec![TWO]),
        (2, &[], vec![ONE, TWO]),
        (1, &[ONE], vec![ONE]),
        (0, &[], vec![]),
    ] {
        let world = world(most, named);
        status(&world, ONE, "A", "sent", AT_S);
        for id in ["B", "C"] {
            status(&world, TWO, id, "sent", AT_S);
        }
        let numbers: Vec<String> = told(&world).into_iter().map(|told| told.0).collect();
        assert_eq!(numbers, expected, "{most} {named:?}");
        let text = world.get("/metrics").body;
        let has = text.contains("# TYPE chatmetric_number_messages_sent counter");
        assert_eq!(has, most > 0);
    }
}

#[test]
fn every_metric_of_the_dashboard_is_served() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/operating/grafana-dashboard.json"
    );
    let dashboard = std::fs::read_to_string(path).expect("is there");
    let parsed: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(
        parsed["panels"]
            .as_array()
            .is_some_and(|all| all.len() > 10)
    );
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names: BTreeSet<&str> = dashboard
        .match_indices("chatmetric_")
        .filter_map(|(at, _)| dashboard[at..].split(|c| !is_name(c)).next())
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let world = world(50, &[]);
    status(&world, ONE, "A", "sent", AT_S);
    assert_eq!(world.metric("owner", &[]).status, 400);
    world.clock.advance_ms(60_000);
    let text = world.get("/metrics").body;
    for name in names {
        let sample = |line: &str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        assert!(text.lines().any(sample), "{name} is not served:\n{text}");
    }
}

#[test]
fn a_log_for_machines_is_one_object_a_line_with_the_request() {
    let (_folder, data_dir) = data_dir();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir]);
    serve.env("CHATMETRIC_TELEMETRY_LOG_FORMAT", "json");
    let served = Served::start_command(serve);
    let answer = client(&served.url).metric(&MetricCall {
        start: EpochMs(0),
        end: EpochMs(1),
        granularity: "DAILY",
        number: None,
        space: None,
        isv_code: None,
    });
    let request_id = answer.expect("an answer").request_id;
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let call = lines.iter().find(|line| line["message"] == "call");
    let call = call.unwrap_or_else(|| panic!("no call: {log}"));
    assert_eq!(call["request_id"], request_id.as_str());
    assert_eq!(call["action"], "GetChatappPhoneNumberMetric");
    assert_eq!(call["code"], "OK");
    assert!(call["timestamp"].is_string() && call["level"].is_string());
}
