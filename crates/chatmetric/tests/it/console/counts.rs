//! Counts: the same as the API's for the same range; files; the live stream.

use super::{ACME, Page, code, console, dechunked};
use crate::world::{World, sample};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};

/// Webhooks of some samples, counted in `space-a`.
fn traffic(world: &World) {
    for name in ["meta_doc_sent.json", "status_burst.json"] {
        let path = format!(
            "{}/../../testdata/webhooks/{name}",
            env!("CARGO_MANIFEST_DIR")
        );
        if std::path::Path::new(&path).exists() {
            world.webhook("acme-wa", "app-secret-one", &sample(name));
        }
    }
    for (number, id, word, second) in [
        ("15550100101", "wamid.A", "sent", 1_767_139_200),
        ("15550100101", "wamid.A", "delivered", 1_767_142_900),
        ("15550100101", "wamid.B", "sent", 1_767_190_000),
        ("15550100102", "wamid.C", "sent", 1_767_190_100),
        ("15550100102", "wamid.C", "delivered", 1_767_226_500),
    ] {
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{{"id":"{id}","status":"{word}","timestamp":"{second}","recipient_id":"1"}}]}}}}]}}]}}"#
        );
        let reply = world.webhook("acme-wa", "app-secret-one", body.as_bytes());
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

const START: &str = "1767052800000";
const END: &str = "1767312000000";

/// Every bucket that holds something, as `(start, number, sent, delivered)`.
fn by_the_api(world: &World, granularity: &str) -> Vec<(i64, String, i64, i64)> {
    world.clock.advance_ms(100);
    let query = [
        ("Start", START),
        ("End", END),
        ("CustSpaceId", "space-a"),
        ("Granularity", granularity),
    ];
    let reply = world.metric("owner", &query);
    let rows = reply.json()["Data"].as_array().expect("rows").clone();
    rows.iter()
        .map(|row| {
            let integer = |name: &str| row[name].as_i64().expect("an integer");
            let number = row["PhoneNumber"].as_str().expect("a number").to_owned();
            (
                integer("Start"),
                number,
                integer("SentCount"),
                integer("DeliveredCount"),
            )
        })
        .collect()
}

fn by_the_console(metrics: &Value) -> Vec<(i64, String, i64, i64)> {
    let mut rows = Vec::new();
    for (at, bucket) in metrics["buckets"]
        .as_array()
        .expect("buckets")
        .iter()
        .enumerate()
    {
        for line in metrics["series"].as_array().expect("series") {
            let count = |name: &str| line[name][at].as_i64().expect("a count");
            let (sent, delivered) = (count("sent"), count("delivered"));
            if sent != 0 || delivered != 0 {
                let number = line["number"].as_str().expect("a number").to_owned();
                rows.push((
                    bucket[0].as_i64().expect("a start"),
                    number,
                    sent,
                    delivered,
                ));
            }
        }
    }
    rows
}

#[test]
fn pages_draw_what_the_api_answers() {
    let world = console();
    traffic(&world);
    let page = Page::of(&world, ACME, "reader");
    for (word, name) in [("half-hour", "HALF_HOUR"), ("daily", "DAILY")] {
        let expected = by_the_api(&world, name);
        assert!(expected.len() >= 3, "{expected:?}");
        let path =
            format!("metrics?space=space-a&start={START}&end={END}&granularity={word}&total=1");
        let metrics = page.json(&path);
        assert_eq!(by_the_console(&metrics), expected, "{word}");
        assert_eq!(metrics["space"], "space-a");
        // The first script of the page asks before it knows a space: that is the default one.
        let unnamed = path.replace("space=space-a&", "");
        assert_eq!(page.json(&unnamed), metrics, "{word}");
        assert_eq!(metrics["timeZone"], "UTC");
        assert_eq!(metrics["numbersTotal"], 2);
        let sum = |of: &Value| -> i64 {
            of.as_array()
                .expect("counts")
                .iter()
                .filter_map(Value::as_i64)
                .sum()
        };
        let total = &metrics["total"];
        assert_eq!(sum(&total["sent"]), 3);
        assert_eq!(sum(&total["delivered"]), 2);
        assert_eq!(sum(&total["cohort"]), 2);
        // Nothing is drawn of the time that has not come.
        let now_ms = metrics["nowMs"].as_i64().expect("a time");
        let buckets = metrics["buckets"].as_array().expect("buckets");
        assert!(
            buckets
                .iter()
                .all(|bucket| bucket[0].as_i64().expect("a start") <= now_ms)
        );
        assert_eq!(total["sent"].as_array().map(Vec::len), Some(buckets.len()));
    }
}

#[test]
fn the_cohort_is_counted_where_the_message_was_sent() {
    let world = console();
    traffic(&world);
    let page = Page::of(&world, ACME, "reader");
    let path = format!(
        "metrics?space=space-a&start={START}&end={END}&granularity=half-hour&number=15550100102"
    );
    let metrics = page.json(&path);
    let line = &metrics["series"][0];
    let places = |name: &str| -> Vec<usize> {
        let counts = line[name].as_array().expect("counts").iter().enumerate();
        counts
            .filter(|(_, count)| **count != 0)
            .map(|(at, _)| at)
            .collect()
    };
    assert_eq!(places("cohort"), places("sent"));
    assert_ne!(places("delivered"), places("sent"));
}

#[test]
fn a_number_of_another_space_fails_alone() {
    let world = console();
    traffic(&world);
    let page = Page::of(&world, ACME, "reader");
    let path = format!(
        "metrics?space=space-a&start={START}&end={END}&granularity=daily&number=15550100101&number=447700900123"
    );
    let metrics = page.json(&path);
    assert_eq!(metrics["series"].as_array().map(Vec::len), Some(1));
    assert_eq!(metrics["failed"][0]["number"], "447700900123");
    let path = path.replace("metrics?", "metrics.csv?");
    assert_eq!(code(&page.get(&path)), "404 NotFound");
}

#[test]
fn ranges_and_numbers_have_limits() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let now_ms: i64 = 1_767_226_600_000;
    let ask = |span_ms: i64, granularity: &str, more: &str| {
        let start = now_ms - span_ms;
        page.get(&format!(
            "metrics?space=space-a&start={start}&end={now_ms}&granularity={granularity}{more}"
        ))
    };
    let half_hour_ms = 1_800_000;
    let day_ms = 86_400_000;
    assert_eq!(ask(1_499 * half_hour_ms, "half-hour", "").status, 200);
    let long = ask(1_501 * half_hour_ms, "half-hour", "");
    assert_eq!(
        (code(&long).as_str(), &long.json()["field"]),
        ("400 InvalidField", &Value::from("end"))
    );
    assert_eq!(ask(399 * day_ms, "daily", "").status, 200);
    assert_eq!(code(&ask(401 * day_ms, "daily", "")), "400 InvalidField");
    assert_eq!(code(&ask(0, "daily", "")), "400 InvalidField");
    assert_eq!(code(&ask(day_ms, "weekly", "")), "400 InvalidField");
    let numbers: String = (0..21).map(|n| format!("&number=1555{n:04}")).collect();
    assert_eq!(code(&ask(day_ms, "daily", &numbers)), "400 InvalidField");
}

#[test]
fn a_file_has_a_row_a_bucket_and_number() {
    let world = console();
    traffic(&world);
    let page = Page::of(&world, ACME, "reader");
    let path = format!("metrics.csv?space=space-a&start={START}&end={END}&granularity=daily");
    let reply = page.get(&path);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        reply.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let name = reply.header("content-disposition").expect("a name");
    assert_eq!(name, "attachment; filename=\"chatmetric-space-a.csv\"");
    let text = dechunked(&reply.body);
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("start,end,time_zone,number,sent,delivered,delivered_of_sent")
    );
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    // Three days that have begun, two numbers.
    assert_eq!(rows.len(), 6, "{text}");
    let sum = |at: usize| -> i64 {
        rows.iter()
            .map(|row| row[at].parse::<i64>().expect("a count"))
            .sum()
    };
    assert_eq!((sum(4), sum(5), sum(6)), (3, 2, 2));
    assert!(
        rows.iter()
            .all(|row| row[2] == "UTC" && row[3].starts_with("1555"))
    );
    // A browser downloads it without our header.
    let headers = [("cookie".to_owned(), page.cookie.clone())];
    let target = format!("/console/api/{path}");
    assert_eq!(world.send("GET", &target, &headers, b"").status, 200);
}

#[test]
fn a_day_is_in_one_bill() {
    const NOON: &str = "1767182400000";
    let world = console();
    traffic(&world);
    let admin = Page::of(&world, ACME, "admin");
    let bill = |start: &str, end: &str| {
        let file = admin.get(&format!("usage.csv?start={start}&end={end}"));
        assert_eq!(file.status, 200, "{file:?}");
        let mut lines = file.body.lines();
        let line = lines.find(|line| line.contains(",acme,space-a,"));
        let cells: Vec<_> = line.expect("a row").split(',').map(str::to_owned).collect();
        let [.., start, end, _numbers, sent, _delivered] = &cells[..] else {
            panic!("{cells:?}");
        };
        (
            start.clone(),
            end.clone(),
            sent.parse::<i64>().expect("a count"),
        )
    };
    let (_, ends, first) = bill("1767139200000", NOON);
    let (begins, _, second) = bill(NOON, END);
    assert_eq!((first, second), (3, 0));
    // The bounds are those of the days that were counted.
    assert_eq!(ends, begins);
}

#[test]
fn a_total_of_no_numbers_is_zeros() {
    let world = console();
    let admin = Page::of(&world, ACME, "admin");
    let new = serde_json::json!({ "id": "space-empty", "timeZone": "UTC" });
    assert_eq!(admin.post("spaces", &new).status, 204);
    let path =
        format!("metrics?space=space-empty&start={START}&end={END}&granularity=daily&total=1");
    let metrics = admin.json(&path);
    let buckets = metrics["buckets"].as_array().expect("buckets").len();
    assert!(buckets > 0);
    assert_eq!(
        metrics["total"]["sent"],
        serde_json::json!(vec![0; buckets])
    );
}

#[test]
fn numbers_tell_what_they_did_lately() {
    let world = console();
    traffic(&world);
    let page = Page::of(&world, ACME, "reader");
    let numbers = page.json("numbers?space=space-a");
    assert_eq!(numbers["numbersTotal"], 2);
    let first = &numbers["numbers"][0];
    assert_eq!(first["number"], "15550100101");
    assert_eq!(first["state"], "active");
    assert_eq!(first["sent24h"], 1);
    assert_eq!(first["delivered24h"], 1);
    assert_eq!(first["firstMs"], 1_767_139_200_000_i64);
    world.clock.advance_ms(8 * 86_400_000);
    let page = Page::of(&world, ACME, "admin");
    assert_eq!(
        page.json("numbers?space=space-a")["numbers"][0]["state"],
        "quiet"
    );
    assert_eq!(
        page.json("numbers?space=space-sg")["numbers"][0]["state"],
        "new"
    );
}

/// The next message of an event stream.
fn next_message(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Value {
    for line in lines {
        let line = line.expect("a line in time");
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str(data).expect("JSON");
        }
    }
    panic!("the stream ended");
}

#[test]
fn a_live_stream_tells_what_changed_and_ends_with_the_session() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let mut stream = world.connect();
    let request = format!(
        "GET /console/api/live?space=space-a HTTP/1.1\r\nconnection: close\r\nhost: {}\r\ncookie: {}\r\n\r\n",
        world.address, page.cookie
    );
    stream.write_all(request.as_bytes()).expect("written");
    let mut lines = BufReader::new(stream).lines();
    let status = lines.next().expect("an answer").expect("a line");
    assert_eq!(status, "HTTP/1.1 200 OK");
    traffic(&world);
    let mut sent = 0;
    let mut delivered = 0;
    // Whole counts: several messages may tell the same bucket.
    let mut buckets = std::collections::BTreeMap::new();
    while (sent, delivered) != (3, 2) {
        let message = next_message(&mut lines);
        assert!(message["atMs"].as_i64().is_some());
        for change in message["changes"].as_array().expect("changes") {
            let key = (change["number"].to_string(), change["startMs"].to_string());
            let count = |name: &str| change[name].as_i64().expect("a count");
            buckets.insert(key, (count("sent"), count("delivered")));
        }
        sent = buckets.values().map(|(sent, _)| sent).sum();
        delivered = buckets.values().map(|(_, delivered)| delivered).sum();
    }
    assert_eq!(page.post("sign-out", &Value::Null).status, 204);
    // Ends within a look or two, and not with a sign of life.
    assert!(lines.all(|line| line.is_ok_and(|line| !line.contains("alive"))));
}

#[test]
fn a_user_has_four_streams() {
    let world = console();
    let page = Page::of(&world, ACME, "reader");
    let open = || {
        let mut stream = world.connect();
        let request = format!(
            "GET /console/api/live?space=space-a HTTP/1.1\r\nconnection: close\r\nhost: {}\r\ncookie: {}\r\n\r\n",
            world.address, page.cookie
        );
        stream.write_all(request.as_bytes()).expect("written");
        let mut lines = BufReader::new(stream);
        let mut status = String::new();
        lines.read_line(&mut status).expect("a line");
        (lines, status)
    };
    let streams: Vec<_> = (0..4).map(|_| open()).collect();
    assert!(streams.iter().all(|(_, status)| status.contains("200")));
    // One more ends the oldest.
    assert!(open().1.contains("200"));
    let mut streams = streams.into_iter();
    let (oldest, _) = streams.next().expect("the oldest");
    // One that goes on brings "alive" every fifteen seconds, for ever.
    let lines = oldest.lines().map(|line| line.expect("it ends"));
    let alive = lines.filter(|line| line.contains("alive")).take(3).count();
    assert!(alive < 3, "it goes on");
    let (mut other, _) = streams.next().expect("another");
    let mut line = String::new();
    while !line.contains("alive") {
        line.clear();
        assert!(other.read_line(&mut line).expect("a line in time") > 0);
    }
}
