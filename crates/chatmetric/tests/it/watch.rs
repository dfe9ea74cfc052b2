//! What the server notices by itself, and whom it tells: signed, bounded, and not twice.

use crate::process::{Served, agent, data_dir, run};
use crate::world::World;
use chatmetric::config::{Settings, WatchSecret};
use chatmetric::watch::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use chatmetric_store::MemoryStore;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &str = "a-secret-for-the-tests";
/// More than any disk has, so that there is an alert at once.
const FLOOR: u64 = u64::MAX / 2;

/// A message as it came.
#[derive(Debug, Clone)]
struct Message {
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Somebody who takes messages, and answers with these statuses and then with 200.
struct Receiver {
    port: u16,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Receiver {
    fn start(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let messages: Arc<Mutex<Vec<Message>>> = Arc::default();
        let taken = Arc::clone(&messages);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                let mut taken = taken.lock().expect("sound");
                let status = statuses.get(taken.len()).copied().unwrap_or(200);
                taken.push(take(stream, status));
            }
        });
        Self { port, messages }
    }

    fn all(&self) -> Vec<Message> {
        self.messages.lock().expect("sound").clone()
    }

    #[track_caller]
    fn wait_for(&self, count: usize) -> Vec<Message> {
        wait_until("a message", || self.all().len() >= count);
        self.all()
    }
}

fn take(mut stream: TcpStream, status: u16) -> Message {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    let target = line.split(' ').nth(1).expect("a target").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.expect("a length").1.parse().expect("a number");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).expect("written");
    Message {
        target,
        headers,
        body,
    }
}

#[track_caller]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} never came");
}

fn signature_of(message: &Message) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(message.header(TIMESTAMP_HEADER).as_bytes());
    mac.update(b".");
    mac.update(&message.body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A server that has an alert at once, and tells it there.
fn alarmed(tune: impl FnOnce(&mut Settings)) -> World {
    World::start_with(
        |settings| {
            let watch = &mut settings.watch;
            watch.for_minutes = 0;
            watch.disk_free_bytes_min = FLOOR;
            watch.allow_private = true;
            watch.webhook_secret = Some(WatchSecret::new(SECRET));
            tune(settings);
        },
        Arc::new(MemoryStore::new()),
    )
}

fn figure(world: &World, series: &str) -> u64 {
    let text = world.get("/metrics").body;
    let line = text
        .lines()
        .find_map(|it| it.strip_prefix(series)?.strip_prefix(' '));
    line.expect(series).parse().expect("a number")
}

#[test]
fn a_message_is_signed_and_tried_again_until_it_is_taken() {
    let receiver = Receiver::start(&[500, 302]);
    let url = format!("http://127.0.0.1:{}/hooks/T0", receiver.port);
    let world = alarmed(|settings| settings.watch.webhook_url = url.parse().ok());
    receiver.wait_for(1);
    let failed = "chatmetric_alert_messages_total{destination=\"webhook\",outcome=\"failed\"}";
    wait_until("a failure", || figure(&world, failed) == 1);
    world.clock.advance_ms(10_000);
    receiver.wait_for(2);
    wait_until("a failure", || figure(&world, failed) == 2);
    world.clock.advance_ms(20_000);
    let messages = receiver.wait_for(3);
    let taken = "chatmetric_alert_messages_total{destination=\"webhook\",outcome=\"taken\"}";
    wait_until("a message that is taken", || figure(&world, taken) == 1);
    for message in &messages {
        assert_eq!(message.target, "/hooks/T0");
        assert_eq!(message.header(SIGNATURE_HEADER), signature_of(message));
        assert_eq!(message.header("content-type"), "application/json");
    }
    let mut body = messages[2].json();
    let summary = body["alerts"][0]["summary"].take();
    assert!(
        summary.as_str().expect("text").contains("GiB are free"),
        "{summary}"
    );
    body["alerts"][0]["facts"] = json!("…");
    body["instance"] = json!("…");
    body["text"] = json!("…");
    expect_test::expect![[r#"
        {
          "alerts": [
            {
              "account": null,
              "acknowledgedBy": null,
              "acknowledgedMs": null,
              "facts": "…",
              "firedMs": 1767226600000,
              "id": 1,
              "note": null,
              "resolvedMs": null,
              "resolvedWhy": null,
              "rule": "disk_full",
              "sinceMs": 1767226600000,
              "state": "open",
              "subject": "disk",
              "summary": null
            }
          ],
          "count": 1,
          "instance": "…",
          "sentMs": 1767226630000,
          "text": "…",
          "version": 1
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&body).expect("JSON"));
    // It fires on, and nobody is told again.
    world.clock.advance_ms(600_000);
    let looked = "chatmetric_watch_last_look_timestamp_seconds";
    wait_until("a look", || figure(&world, looked) >= 1_767_227_230);
    assert_eq!(
        figure(
            &world,
            "chatmetric_alerts{rule=\"disk_full\",state=\"firing\"}"
        ),
        1
    );
    assert_eq!(receiver.all().len(), 3);
}

#[test]
fn an_alertmanager_is_told_again_and_again_while_it_fires() {
    let receiver = Receiver::start(&[]);
    let url = format!("http://127.0.0.1:{}", receiver.port);
    let world = alarmed(|settings| settings.watch.alertmanager_url = url.parse().ok());
    let first = receiver.wait_for(1).pop().expect("one");
    assert_eq!(first.target, "/api/v2/alerts");
    world.clock.advance_ms(60_000);
    let last = receiver.wait_for(2).pop().expect("one");
    let (first, mut last) = (first.json(), last.json());
    // The same alert, which ends later.
    assert_eq!(first[0]["labels"], last[0]["labels"]);
    assert_eq!(first[0]["startsAt"], last[0]["startsAt"]);
    assert_ne!(first[0]["endsAt"], last[0]["endsAt"]);
    last[0]["labels"]["instance"] = json!("…");
    last[0]["annotations"]["summary"] = json!("…");
    last[0]["annotations"]["facts"] = json!("…");
    expect_test::expect![[r#"
        [
          {
            "annotations": {
              "alert_id": "1",
              "facts": "…",
              "summary": "…"
            },
            "endsAt": "2026-01-01T00:22:40Z",
            "labels": {
              "alertname": "ChatmetricDiskFull",
              "instance": "…",
              "job": "chatmetric",
              "rule": "disk_full",
              "severity": "critical",
              "subject": "disk"
            },
            "startsAt": "2026-01-01T00:16:40Z"
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&last).expect("JSON"));
}

#[test]
fn nothing_is_sent_to_this_machine_unless_it_is_allowed() {
    crate::log::collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let port = listener.local_addr().expect("bound").port();
    let url = |host: &str| format!("https://{host}:{port}/secret-path").parse().ok();
    let world = alarmed(|settings| {
        settings.watch.allow_private = false;
        settings.watch.webhook_url = url("localhost");
        settings.watch.alertmanager_url = url("[::ffff:127.0.0.1]");
    });
    for destination in ["webhook", "alertmanager"] {
        let failed = format!(
            "chatmetric_alert_messages_total{{destination=\"{destination}\",outcome=\"failed\"}}"
        );
        wait_until("a refusal", || {
            world.clock.advance_ms(60_000);
            figure(&world, &failed) > 0
        });
    }
    let nobody = listener.accept().expect_err("nobody called");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    let log = crate::log::text();
    assert!(log.contains("is not public"), "{log}");
    assert!(!log.contains("secret-path"), "{log}");
}

fn serve(data_dir: &str, config: &str, port: u16, more: &str) -> Served {
    let text = format!(
        "[watch]\nfor_minutes = 0\nclear_minutes = 0\ndisk_free_bytes_min = {FLOOR}\n\
         webhook_url = \"http://127.0.0.1:{port}/\"\nallow_private = true\n\
         webhook_secret = \"{SECRET}\"\n{more}"
    );
    std::fs::write(config, text).expect("written");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", config];
    Served::start_with(&[&arguments[..], &["--data-dir", data_dir]].concat())
}

fn alerts(data_dir: &str) -> Value {
    let ran = run(&["alerts", "list", "-o", "json", "--data-dir", data_dir]);
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// A figure of a server of its own.
fn figure_of(served: &Served, series: &str) -> u64 {
    let mut answer = agent()
        .get(format!("{}/metrics", served.url))
        .call()
        .expect("asked");
    let text = answer.body_mut().read_to_string().expect("read");
    let line = text
        .lines()
        .find_map(|it| it.strip_prefix(series)?.strip_prefix(' '));
    line.expect(series).parse().expect("a number")
}

#[test]
fn a_restart_tells_nothing_twice_and_keeps_the_acknowledgement() {
    let (folder, data_dir) = data_dir();
    let config = folder.path().join("watch.toml").display().to_string();
    let receiver = Receiver::start(&[]);
    let served = serve(&data_dir, &config, receiver.port, "");
    let told = receiver.wait_for(1);
    assert_eq!(told[0].json()["alerts"][0]["state"], "open");
    wait_until("the note", || {
        figure_of(
            &served,
            "chatmetric_alert_messages_total{destination=\"webhook\",outcome=\"taken\"}",
        ) == 1
    });
    // Through the running server.
    assert_eq!(alerts(&data_dir)[0]["state"], "open");
    let note = ["--note", "a larger disk is ordered"];
    let acknowledge = ["alerts", "acknowledge", "1", "--data-dir", &data_dir];
    let ran = run(&[&acknowledge[..], &note[..]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let other = run(&["alerts", "acknowledge", "2", "--data-dir", &data_dir]);
    assert!(
        other.code == 1 && other.stderr.contains("there is no alert 2"),
        "{other:?}"
    );
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    assert!(!log.contains(SECRET), "{log}");

    // And without one.
    let kept = alerts(&data_dir);
    assert_eq!(kept[0]["state"], "acknowledged");
    assert_eq!(kept[0]["note"], "a larger disk is ordered");
    let log = run(&["directory", "log", "-o", "json", "--data-dir", &data_dir]);
    assert!(
        log.stdout.contains("chatmetric:AcknowledgeAlerts"),
        "{log:?}"
    );

    let served = serve(&data_dir, &config, receiver.port, "");
    let known = "chatmetric_alerts{rule=\"disk_full\",state=\"acknowledged\"}";
    wait_until("a look", || figure_of(&served, known) == 1);
    assert_eq!(alerts(&data_dir).as_array().expect("a list").len(), 1);
    drop(served.stop());
    assert_eq!(receiver.all().len(), 1);

    // What is not looked for any more is over.
    let served = serve(&data_dir, &config, receiver.port, "disk_full = false\n");
    let told = receiver.wait_for(2);
    assert_eq!(told[1].json()["alerts"][0]["state"], "resolved");
    let after = alerts(&data_dir);
    assert_eq!(after[0]["state"], "resolved");
    assert_eq!(after[0]["acknowledgedBy"], kept[0]["acknowledgedBy"]);
    let late = run(&acknowledge);
    assert!(
        late.code == 1 && late.stderr.contains("is over"),
        "{late:?}"
    );
    drop(served.stop());
}

#[test]
fn faults_of_the_section_are_reported_with_their_keys() {
    let (folder, data_dir) = data_dir();
    let config = folder.path().join("watch.toml").display().to_string();
    let text = "[watch]\nbaseline_days = 1\nwebhook_url = \"http://hooks.example/secret-path\"\n\
                alertmanager_url = \"https://user:word@x/\"\nwebhook_secret = \"short\"\n\
                notifications_per_hour = 0\n";
    std::fs::write(&config, text).expect("written");
    let ran = run(&["serve", "--config", &config, "--data-dir", &data_dir]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for (line, key) in [
        (2, "baseline_days"),
        (3, "webhook_url"),
        (4, "alertmanager_url"),
        (5, "webhook_secret"),
        (6, "notifications_per_hour"),
    ] {
        let found = ran.stderr.lines().any(|it| {
            it.contains(&format!("line {line}, ")) && it.contains(&format!("`watch.{key}`"))
        });
        assert!(found, "{key}: {ran:?}");
    }
    for secret in ["secret-path", "user:word", "short\""] {
        assert!(!ran.stderr.contains(secret), "{ran:?}");
    }
}
