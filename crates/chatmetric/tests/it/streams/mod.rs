//! Streams of a real nats-server: counts equal to the model whatever is killed, gaps that
//! show, messages that nobody can read, a store that is full, credentials.

mod server;

use crate::faults::{Gate, GatedStore};
use crate::process::{Served, agent, data_dir, run};
use crate::receipts::{reasons, totals};
use crate::restart::compare;
use crate::world::{NOW_MS, World};
use async_nats::jetstream::stream::RetentionPolicy;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::config::{StreamFormat, StreamSettings};
use chatmetric_sim::{BodyStyle, Config, Event, Model, Workload, render_body};
use chatmetric_store::{EmbeddedStore, MemoryStore, Options, Reason, Store, StreamOffset};
use server::Nats;
pub(crate) use server::{program, wait_until};
use std::sync::Arc;

const DAY_MS: i64 = 86_400_000;
const SEED: u64 = 20_261_129;
const ACCOUNT: &str = "1000000000000001";

/// Events of a seed, some of them twice, in batches as they are published.
fn workload(seed: u64, messages: u64, now_ms: i64) -> Vec<Vec<Event>> {
    let mut workload = Workload::new(Config {
        seed,
        numbers: 5,
        messages,
        start_ms: now_ms - 20 * DAY_MS,
        span_ms: 15 * DAY_MS,
        duplicated: 150,
        ..Config::default()
    });
    let mut batches = Vec::new();
    loop {
        let mut events = workload.next_batch(7);
        if events.is_empty() {
            return batches;
        }
        for event in &mut events {
            // Bodies of Meta have whole seconds.
            event.ts_ms = event.ts_ms.div_euclid(1000) * 1000;
        }
        batches.push(events);
    }
}

fn ndjson(events: &[Event]) -> String {
    events.iter().map(|event| event.ndjson() + "\n").collect()
}

fn model_of<'e>(batches: impl IntoIterator<Item = &'e Vec<Event>>) -> Model {
    let mut model = Model::new();
    for event in batches.into_iter().flatten() {
        model.observe(event);
    }
    model
}

/// The configuration of a stream, for the real program.
fn section(nats: &Nats, name: &str, stream: &str, format: &str, more: &str) -> String {
    format!(
        "[[stream]]\nname = \"{name}\"\nurls = [\"{}\"]\nstream = \"{stream}\"\nformat = \"{format}\"\n\
         account = \"{ACCOUNT}\"\nspace = \"space-a\"\n{more}\n",
        nats.url()
    )
}

/// The real program with a configuration.
struct Program {
    folder: tempfile::TempDir,
    data_dir: String,
}

impl Program {
    fn new(config: &str) -> Self {
        let (folder, data_dir) = data_dir();
        let program = Self { folder, data_dir };
        program.configure(config);
        program
    }

    fn configure(&self, config: &str) {
        std::fs::write(self.config(), config).expect("written");
    }

    fn config(&self) -> String {
        self.folder.path().join("c.toml").display().to_string()
    }

    fn serve(&self) -> Served {
        let config = self.config();
        Served::start_with(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--config",
            &config,
            "--data-dir",
            &self.data_dir,
        ])
    }

    fn verify(&self) {
        let ran = run(&["verify", "--data-dir", &self.data_dir]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    /// The offset that is on disk, while no server runs.
    fn kept(&self, source: &str) -> StreamOffset {
        let path = std::path::Path::new(&self.data_dir).join("store");
        let options = Options {
            keep_shards: true,
            ..Options::default()
        };
        let store = EmbeddedStore::open(path, options).expect("opens");
        let all = store.stream_offsets().expect("readable");
        let own = all.iter().find(|(name, _)| **name == *source);
        own.expect("kept").1
    }
}

/// A figure of a stream or a source; 0 while it is not there.
fn figure(url: &str, series: &str) -> u64 {
    let mut answer = agent()
        .get(format!("{url}/metrics"))
        .call()
        .expect("answers");
    let text = answer.body_mut().read_to_string().expect("read");
    let found = text.lines().find_map(|line| line.strip_prefix(series));
    found.map_or(0, |rest| rest.trim().parse().expect("a number"))
}

fn messages(url: &str, name: &str) -> u64 {
    figure(
        url,
        &format!("chatmetric_stream_messages_total{{stream=\"{name}\"}}"),
    )
}

fn outcome(url: &str, name: &str, outcome: &str) -> u64 {
    let labels = format!("{{source=\"stream/{name}\",outcome=\"{outcome}\"}}");
    figure(url, &format!("chatmetric_events_total{labels}"))
}

fn sequence(url: &str, name: &str) -> u64 {
    figure(
        url,
        &format!("chatmetric_stream_sequence{{stream=\"{name}\"}}"),
    )
}

fn ready(url: &str) -> (u16, String) {
    let answer = agent().get(format!("{url}/readyz/streams")).call();
    let mut answer = answer.expect("answers");
    let status = answer.status().as_u16();
    (status, answer.body_mut().read_to_string().expect("read"))
}

#[test]
fn counts_are_exact_through_kills_of_the_program_and_of_nats() {
    let now_ms = SystemClock::default().now().0;
    let mut nats = Nats::start();
    nats.make("ORDERS", RetentionPolicy::Limits);
    let batches = workload(SEED, 4_000, now_ms);
    let bodies: Vec<String> = batches.iter().map(|it| ndjson(it)).collect();
    let total = u64::try_from(bodies.len()).expect("fits");
    let program = Program::new(&section(
        &nats,
        "orders",
        "ORDERS",
        "ndjson",
        "batch_messages_max = 7",
    ));
    let mut served = program.serve();
    let parts: Vec<&[String]> = bodies.chunks(bodies.len().div_ceil(8)).collect();
    let mut published = 0;
    for (round, part) in parts.iter().enumerate() {
        nats.publish("orders.eu", part);
        published += u64::try_from(part.len()).expect("fits");
        // Somewhere in the middle of it.
        let half = published - u64::try_from(part.len()).expect("fits") / 2;
        wait_until("half of a part", || sequence(&served.url, "orders") >= half);
        if round % 3 == 2 {
            nats.kill();
            nats.start_again();
        }
        if round % 2 == 0 {
            served.kill();
            served = program.serve();
        }
    }
    wait_until("all of it", || sequence(&served.url, "orders") == total);
    // Each message was committed once: what was durable was not read again.
    assert_eq!(messages(&served.url, "orders"), total);
    wait_until("no lag", || {
        figure(&served.url, "chatmetric_stream_lag{stream=\"orders\"}") == 0
    });
    assert_eq!(
        ready(&served.url),
        (
            200,
            "1 of 1 streams are read, 0 have lost messages\n".to_owned()
        )
    );
    let model = model_of(&batches);
    compare(&served.url, &model, now_ms, (None, 0));
    // Under another name, all of it is read again and counts nothing.
    served.kill();
    let again = section(&nats, "again", "ORDERS", "ndjson", "");
    program.configure(&again);
    let served = program.serve();
    wait_until("all of it again", || {
        sequence(&served.url, "again") == total
    });
    assert_eq!(outcome(&served.url, "again", "new"), 0);
    compare(&served.url, &model, now_ms, (None, 0));
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    assert_eq!(program.kept("stream/orders").sequence, total);
    assert_eq!(program.kept("stream/again").sequence, total);
    program.verify();
}

#[test]
fn two_streams_with_different_formats_count_one_model() {
    let now_ms = SystemClock::default().now().0;
    let nats = Nats::start();
    nats.make("META", RetentionPolicy::Limits);
    nats.make("WORK", RetentionPolicy::WorkQueue);
    let batches = workload(SEED + 1, 1_000, now_ms);
    let meta: Vec<String> = batches
        .iter()
        .map(|it| render_body(it, &BodyStyle::mixed(7)).json)
        .collect();
    nats.publish("meta.a", &meta);
    // The same events, from elsewhere: each counts once.
    let lines: Vec<String> = batches.iter().map(|it| ndjson(it)).collect();
    nats.publish("work.a", &lines);
    let total = u64::try_from(batches.len()).expect("fits");
    let config = section(&nats, "meta", "META", "whatsapp", "subjects = [\"meta.a\"]")
        + &section(&nats, "work", "WORK", "ndjson", "durable = \"chatmetric\"");
    let program = Program::new(&config);
    let served = program.serve();
    for name in ["meta", "work"] {
        wait_until(name, || sequence(&served.url, name) == total);
    }
    let model = model_of(&batches);
    compare(&served.url, &model, now_ms, (None, 0));
    wait_until("acknowledgements", || {
        nats.acknowledged("WORK", "chatmetric") == total
    });
    let doctor = run(&[
        "doctor",
        "--config",
        &program.config(),
        "--data-dir",
        &program.data_dir,
    ]);
    assert!(doctor.stdout.contains("`meta` is reading"), "{doctor:?}");
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    program.verify();
}

#[test]
fn gaps_are_counted_and_told() {
    let nats = Nats::start();
    nats.make("ORDERS", RetentionPolicy::Limits);
    let line = |id: u64| {
        format!(
            "{{\"number\":\"15550100101\",\"message_id\":\"m{id}\",\"status\":\"sent\",\"ts\":{NOW_MS}}}"
        )
    };
    let lines = |ids: std::ops::Range<u64>| -> Vec<String> { ids.map(line).collect() };
    nats.publish("orders.a", &lines(0..10));
    let program = Program::new(&section(&nats, "orders", "ORDERS", "ndjson", ""));
    let served = program.serve();
    wait_until("ten", || sequence(&served.url, "orders") == 10);
    served.kill();
    // Purged up to a place behind ours, while nobody reads.
    nats.publish("orders.a", &lines(10..30));
    nats.with(|context| async move {
        let stream = context.get_stream("ORDERS").await.expect("there");
        stream.purge().sequence(26).await.expect("purged");
    });
    let served = program.serve();
    wait_until("thirty", || sequence(&served.url, "orders") == 30);
    let missing = "chatmetric_stream_missing_messages_total{stream=\"orders\"}";
    assert_eq!(figure(&served.url, missing), 15);
    assert_eq!(messages(&served.url, "orders"), 15);
    assert!(ready(&served.url).1.contains("1 have lost messages"));
    assert!(
        served.said().contains("up to 15 messages are gone"),
        "{}",
        served.said()
    );
    // Deleted and made again: read from its first message.
    nats.delete("ORDERS");
    nats.make("ORDERS", RetentionPolicy::Limits);
    nats.publish("orders.a", &lines(100..104));
    let recreated = "chatmetric_stream_recreations_total{stream=\"orders\"}";
    wait_until("the new stream", || {
        figure(&served.url, recreated) == 1 && sequence(&served.url, "orders") == 4
    });
    assert!(served.said().contains("another one"), "{}", served.said());
    served.stop();
    // Somebody decides.
    nats.delete("ORDERS");
    nats.make("ORDERS", RetentionPolicy::Limits);
    nats.publish("orders.a", &lines(200..203));
    program.configure(&section(
        &nats,
        "orders",
        "ORDERS",
        "ndjson",
        "on_gap = \"stop\"",
    ));
    let served = program.serve();
    wait_until("the stop", || {
        served.said().contains("is not read any more")
    });
    assert_eq!(ready(&served.url).0, 503);
    assert_eq!(sequence(&served.url, "orders"), 4);
    served.stop();
    program.configure(&section(&nats, "orders", "ORDERS", "ndjson", ""));
    let served = program.serve();
    wait_until("the newest stream", || sequence(&served.url, "orders") == 3);
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    assert_eq!(program.kept("stream/orders").recreated, 2);
    program.verify();
}

/// A stream of the server in this process.
fn settings(nats: &Nats, durable: Option<&str>) -> StreamSettings {
    StreamSettings {
        name: "orders".to_owned(),
        urls: vec![nats.url()],
        stream: "ORDERS".to_owned(),
        format: Some(StreamFormat::CloudEvents),
        account: ACCOUNT.to_owned(),
        space: Some("space-a".to_owned()),
        durable: durable.map(str::to_owned),
        ..StreamSettings::default()
    }
}

fn cloud_event(id: u64) -> String {
    format!(
        "{{\"specversion\":\"1.0\",\"id\":\"e{id}\",\"source\":\"x\",\"type\":\"message.sent\",\
         \"time\":\"2026-01-01T00:00:00Z\",\
         \"data\":{{\"phone_number\":\"15550100101\",\"message_id\":\"m{id}\",\"status\":\"sent\"}}}}"
    )
}

fn world(nats: &Nats, durable: Option<&str>, store: Arc<dyn Store>) -> World {
    let stream = settings(nats, durable);
    World::start_with(|settings| settings.streams.push(stream), store)
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable_and_a_full_store_is_waited_for() {
    let nats = Nats::start();
    nats.make("ORDERS", RetentionPolicy::WorkQueue);
    let store = Arc::new(GatedStore::new());
    let world = world(
        &nats,
        Some("chatmetric"),
        Arc::clone(&store) as Arc<dyn Store>,
    );
    let said = || world.get("/readyz/streams").body;
    wait_until("reading", || said().starts_with("1 of 1"));
    store.set(Gate::Refusing);
    let events: Vec<String> = (0..10).map(cloud_event).collect();
    nats.publish("orders.a", &events);
    wait_until("the pause", || {
        world
            .get("/metrics")
            .body
            .contains("chatmetric_stream_reading{stream=\"orders\"} 0")
            && said().starts_with("0 of 1")
    });
    // Long enough for an acknowledgement that should not come.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(nats.acknowledged("ORDERS", "chatmetric"), 0);
    assert_eq!(totals(&world, "15550100101"), (0, 0));
    store.set(Gate::Open);
    wait_until("the store takes it", || {
        totals(&world, "15550100101") == (10, 0)
    });
    wait_until("acknowledgements", || {
        nats.acknowledged("ORDERS", "chatmetric") == 10
    });
    wait_until("reading", || said().starts_with("1 of 1"));
    let kept = world.store.stream_offsets().expect("readable");
    assert_eq!((kept[0].1.sequence, kept[0].1.messages), (10, 10));
}

#[test]
fn what_cannot_be_read_is_sealed_and_the_rest_counts() {
    let nats = Nats::start();
    nats.make("ORDERS", RetentionPolicy::Limits);
    let poison = "+441632960000 is no event".to_owned();
    let other = "{\"specversion\":\"1.0\",\"type\":\"invoice.paid\"}".to_owned();
    nats.publish("orders.a", &[cloud_event(1), poison, other, cloud_event(2)]);
    let world = world(&nats, None, Arc::new(MemoryStore::new()));
    wait_until("all of it", || {
        let kept = world.store.stream_offsets().expect("readable");
        kept.first().is_some_and(|(_, offset)| offset.sequence == 4)
    });
    assert_eq!(totals(&world, "15550100101"), (2, 0));
    assert_eq!(reasons(&world), [Reason::Unparsable]);
    let books = world.store.books().expect("readable");
    let (name, books) = books.first().expect("one source");
    assert_eq!(&**name, "stream/orders");
    assert_eq!(
        (books.received, books.new, books.ignored, books.quarantined),
        (4, 2, 1, 1)
    );
    let listed = world
        .store
        .quarantine(chatmetric_store::QuarantineFilter::default(), 9);
    let text = format!("{:?}", listed.expect("listed"));
    assert!(!text.contains("441632960000"), "{text}");
}

#[test]
fn credentials_are_told_when_they_are_wrong_and_read_again() {
    let nats = Nats::start_with(
        "authorization { token: \"right-token\" }",
        Some("right-token"),
    );
    nats.make("ORDERS", RetentionPolicy::Limits);
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("token");
    let write = |token: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&file, token).expect("written");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&file, private).expect("set");
    };
    write("wrong-token\n");
    let more = format!("token_file = \"{}\"", file.display());
    let program = Program::new(&section(&nats, "orders", "ORDERS", "ndjson", &more));
    let served = program.serve();
    wait_until("the refusal", || {
        served
            .said()
            .contains("refuses the credentials of stream `orders`")
    });
    assert_eq!(ready(&served.url).0, 503);
    write("right-token\n");
    wait_until("reading", || ready(&served.url).0 == 200);
    let log = served.kill();
    assert!(
        !log.contains("wrong-token") && !log.contains("right-token"),
        "{log}"
    );
}

#[test]
fn a_stream_that_needs_acknowledgements_or_is_not_there_says_so() {
    let nats = Nats::start();
    nats.make("WORK", RetentionPolicy::WorkQueue);
    let config = section(&nats, "work", "WORK", "ndjson", "")
        + &section(&nats, "none", "NONE", "ndjson", "")
        + &section(&nats, "nobody", "WORK", "ndjson", "durable = \"d\"").replace(ACCOUNT, "999");
    nats.publish("work.a", &["{}".to_owned()]);
    let program = Program::new(&config);
    let served = program.serve();
    for told in [
        "name a consumer with `durable`",
        "stream `NONE` cannot be read",
        "there is no account `999`",
    ] {
        wait_until(told, || served.said().contains(told));
    }
    served.stop();
}
