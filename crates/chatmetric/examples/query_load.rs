//! Measures the query path over real sockets: CPU of the server's threads by
//! request, and the latency under a fixed rate.
//!
//! `cargo run --release --example query_load [-- RATE SECONDS]`. The client signs
//! everything before it starts, and runs on threads of its own. Linux only: CPU
//! is read from /proc.

use anyhow::{Context as _, Result};
use chatmetric::clock::{Clock, SystemClock};
use chatmetric::config::Settings;
use chatmetric::directory::{ApplyOptions, Directory, Document, Format, InlineOnly};
use chatmetric::entropy::{Entropy, SystemEntropy};
use chatmetric::master_key::MasterKey;
use chatmetric::server::{Components, Server};
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, sign_v3};
use chatmetric_store::{Batch, EmbeddedStore, Options, StatusEvent, Store, Target};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;
const CLIENTS: usize = 8;
const DOCUMENT: &str = "[[account]]\nid = \"1\"\nname = \"load\"\ncalls_per_second = 100000\n[[account.access_key]]\nid = \"LTAIload\"\nsecret = \"secret\"\n[[account.user]]\nname = \"u\"\npolicies = [\"P\"]\n[[account.user.access_key]]\nid = \"LTAIuser\"\nsecret = \"secret\"\n[[account.policy]]\nname = \"P\"\ndocument = '{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"cams:*\",\"Resource\":\"*\"}]}'\n[[account.space]]\nid = \"s\"\nnumbers = [\"15550100101\"]\n";

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let rate: u64 = args.next().map_or(Ok(1_000), |text| text.parse())?;
    let seconds: u64 = args.next().map_or(Ok(5), |text| text.parse())?;
    let clock = Arc::new(SystemClock::default());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let data = tempfile::tempdir()?;
    let master_key = MasterKey::generate(entropy.as_ref());
    let directory = Directory::open(data.path(), master_key, Arc::clone(&entropy))?;
    let document = Document::parse(DOCUMENT, Format::Toml, &InlineOnly).context("the document")?;
    directory
        .apply(&document, ApplyOptions::default(), clock.now())
        .context("applied")?;
    let store = EmbeddedStore::open(data.path().join("store"), Options::default())?;
    let store: Arc<dyn Store> = Arc::new(store);
    let end = EpochMs(clock.now().0 / DAY_MS * DAY_MS);
    fill(store.as_ref(), &directory, end)?;

    let mut settings = Settings::default();
    settings.server.listen = "127.0.0.1:0".parse()?;
    data.path().clone_into(&mut settings.store.data_dir);
    settings.telemetry.log = std::env::var("LOG").unwrap_or_else(|_| "info".into());
    let _traces = chatmetric::telemetry::start_log(&settings.telemetry);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("server")
        .enable_all()
        .build()?;
    let components = Components {
        store,
        directory: Arc::new(directory),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        entropy,
    };
    let server = runtime.block_on(Server::start(settings, components))?;
    let address = server.local_addr();
    for (name, granularity, start) in [
        ("one row", "DAILY", end.0 - DAY_MS),
        ("30 days of days", "DAILY", end.0 - 30 * DAY_MS),
        ("1,440 half hours", "HALF_HOUR", end.0 - 30 * DAY_MS),
    ] {
        let query = [
            ("Start", start.to_string()),
            ("End", end.0.to_string()),
            ("Granularity", granularity.to_owned()),
            ("PhoneNumber", "15550100101".to_owned()),
        ];
        measure(name, address, clock.as_ref(), &query, rate, seconds)?;
    }
    runtime.block_on(server.shutdown());
    Ok(())
}

/// One sent and one delivered message in each half hour of 31 days.
fn fill(store: &dyn Store, directory: &Directory, end: EpochMs) -> Result<()> {
    let snapshot = directory.snapshot();
    let number = PhoneNumber::parse("15550100101")?;
    let space = snapshot.number_owner(&number).context("bound")?.key;
    let halves: i64 = 31 * 48;
    let events = (0..halves).map(|half| StatusEvent {
        fingerprint: Fingerprint(u128::from(half.unsigned_abs())),
        number,
        status: MessageStatus::Delivered,
        at: EpochMs(end.0 - half * 1_800_000),
        target: Target::Space(space),
    });
    let batch = Batch {
        source: "load".into(),
        received_at: end,
        events: events.collect(),
        sealed: Vec::new(),
        ignored: 0,
    };
    store.commit(batch)?;
    Ok(())
}

fn measure(
    name: &str,
    address: SocketAddr,
    clock: &dyn Clock,
    query: &[(&str, String)],
    rate: u64,
    seconds: u64,
) -> Result<()> {
    let count = usize::try_from(rate * seconds)? / CLIENTS;
    let date = format_utc_seconds(clock.now().0 / 1_000).context("a date")?;
    let requests: Vec<Vec<Vec<u8>>> = (0..CLIENTS)
        .map(|client| {
            (0..count)
                .map(|at| request(address, &date, &format!("{name}-{client}-{at}"), query))
                .collect()
        })
        .collect();
    let gap = Duration::from_nanos(1_000_000_000 * u64::try_from(CLIENTS)? / rate);
    let before_ms = server_cpu_ms()?;
    let mut latencies: Vec<u64> = std::thread::scope(|scope| {
        let clients: Vec<_> = requests
            .iter()
            .map(|requests| scope.spawn(move || client(address, clock, requests, gap)))
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap_or_default())
            .collect()
    });
    let cpu_ms = server_cpu_ms()? - before_ms;
    latencies.sort_unstable();
    let total = latencies.len();
    let at = |permille: usize| {
        latencies
            .get(total * permille / 1_000)
            .copied()
            .unwrap_or(0)
            / 1_000
    };
    println!(
        "{name}: {total} answers, server cpu {} µs each, p50 {} µs, p99 {} µs, p99.9 {} µs",
        cpu_ms * 1_000 / u64::try_from(total.max(1))?,
        at(500),
        at(990),
        at(999),
    );
    Ok(())
}

fn request(address: SocketAddr, date: &str, nonce: &str, query: &[(&str, String)]) -> Vec<u8> {
    let credentials = Credentials {
        access_key_id: "LTAIuser".into(),
        secret: SecretKey::new("secret"),
        security_token: None,
    };
    let query: Vec<(&str, &str)> = query
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let host = address.to_string();
    let call = Call {
        method: Method::Post,
        host: &host,
        action: "GetChatappPhoneNumberMetric",
        version: "2020-06-06",
        query: &query,
        headers: &[("user-agent", "load"), ("accept", "application/json")],
        body: b"",
        content_type: None,
        form: &[],
        date,
        nonce,
    };
    let signed = sign_v3(Algorithm::HmacSha256, &credentials, &call);
    let headers: String = signed
        .headers
        .iter()
        .map(|(n, v)| format!("{n}: {v}\r\n"))
        .collect();
    format!(
        "POST {} HTTP/1.1\r\n{headers}content-length: 0\r\n\r\n",
        signed.target
    )
    .into_bytes()
}

/// Sends on a schedule and takes the time from when a request was due, so that a
/// stall counts for everything behind it.
fn client(address: SocketAddr, clock: &dyn Clock, requests: &[Vec<u8>], gap: Duration) -> Vec<u64> {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return Vec::new();
    };
    let _ = stream.set_nodelay(true);
    let mut buffer = vec![0_u8; 1 << 20];
    let mut latencies = Vec::with_capacity(requests.len());
    let gap_ns = u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX);
    let mut due_ns = clock.monotonic_ns();
    for request in requests {
        due_ns += gap_ns;
        std::thread::sleep(Duration::from_nanos(
            due_ns.saturating_sub(clock.monotonic_ns()),
        ));
        if stream.write_all(request).is_err() || !read_answer(&mut stream, &mut buffer) {
            break;
        }
        latencies.push(clock.monotonic_ns().saturating_sub(due_ns));
    }
    latencies
}

fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    let mut filled = 0;
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer[filled..]) else {
            return false;
        };
        filled += read;
        let text = &buffer[..filled];
        let Some(head) = text.windows(4).position(|part| part == b"\r\n\r\n") else {
            continue;
        };
        let length = String::from_utf8_lossy(&text[..head])
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if filled >= head + 4 + length.unwrap_or(0) {
            return text.starts_with(b"HTTP/1.1 200");
        }
    }
}

/// CPU of the server's threads so far, in ms (10 ms ticks).
fn server_cpu_ms() -> Result<u64> {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(task?.path().join("stat"))?;
        let Some((name, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        if name.ends_with("(server") {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        }
    }
    Ok(ticks * 10)
}
