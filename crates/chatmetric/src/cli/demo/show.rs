//! What the demo says: what it is about to do, what came out, what to try.

use super::compare::{Equal, Seen};
use super::traffic::{DAYS, PROFILES, Replay, Status, ZONE};
use super::{CONSOLE_USER, Demo, SPACE, traffic};
use crate::cli::chart::{Chart, Point};
use crate::cli::terminal::{Painter, Style};
use crate::cli::text_table::grouped;
use chatmetric_core::Zone;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Days that the chart shows.
const CHART_DAYS: i64 = 35;
const DAY_MS: i64 = 86_400_000;

/// What the closing words are about.
pub(super) struct Summary<'a> {
    pub(super) replay: &'a Replay,
    pub(super) seen: &'a Seen,
    pub(super) sent_ms: u64,
    pub(super) first_answer_ms: u64,
}

/// `10-21`, in UTC.
pub(super) fn day_of(second: i64) -> String {
    let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::UTC
        .to_datetime(time)
        .strftime("%m-%d")
        .to_string()
}

pub(super) fn equal_mark(paint: Painter) -> String {
    paint.paint(Style::Green, "✓ equal to our own count")
}

pub(super) fn opening(demo: &Demo<'_>, replay: &Replay) -> String {
    let paint = demo.terminal.paint_stderr();
    let reports = u64::try_from(replay.reports.len()).unwrap_or(u64::MAX);
    format!(
        "{} on {}\n\
         replaying {DAYS} days of {} WhatsApp numbers: {} signed status events\n",
        paint.paint(Style::Bold, "chatmetric demo"),
        paint.paint(Style::Cyan, &demo.endpoint),
        PROFILES.len(),
        grouped(reports),
    )
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

pub(super) fn closing(demo: &Demo<'_>, summary: &Summary<'_>, equal: &Equal) -> String {
    let paint = demo.terminal.paint_stdout();
    let mut text = chart(demo, summary.seen, paint);
    text.push_str(&numbers(paint));
    text.push_str(&outcome(summary, equal, paint));
    text.push_str(&what_to_try(demo, paint));
    text
}

fn chart(demo: &Demo<'_>, seen: &Seen, paint: Painter) -> String {
    let zone = TimeZoneDatabase::bundled()
        .get(ZONE)
        .unwrap_or(TimeZone::UTC);
    let end_ms = demo.clock.now().0;
    let points: Vec<Point> = seen
        .days
        .iter()
        .map(|row| Point {
            number: row.phone_number.clone(),
            start_ms: row.start,
            end_ms: row.end,
            sent: row.sent_count,
            delivered: row.delivered_count,
        })
        .collect();
    Chart {
        daily: true,
        start_ms: end_ms - CHART_DAYS * DAY_MS,
        end_ms,
        zone,
        zone_name: ZONE.to_owned(),
        width: demo.terminal.width(),
        paint,
    }
    .render(&points)
}

fn numbers(paint: Painter) -> String {
    let names: Vec<String> = PROFILES
        .iter()
        .map(|profile| format!("{} {}", profile.number, profile.what))
        .collect();
    let mut text = String::from("\n");
    for pair in names.chunks(2) {
        let line = match pair {
            [left, right] => format!("{left:<38}  {right}"),
            other => other.join(""),
        };
        text.push_str(&paint.paint(Style::Dim, &line));
        text.push('\n');
    }
    text
}

fn outcome(summary: &Summary<'_>, equal: &Equal, paint: Painter) -> String {
    let books = &equal.books;
    let reports = u64::try_from(summary.replay.reports.len()).unwrap_or(u64::MAX);
    let rate = reports.saturating_mul(1000) / summary.sent_ms.max(1);
    let mark = match &equal.difference {
        None => format!(
            "{}: {} rows of {} signed API calls",
            equal_mark(paint),
            grouped(u64::try_from(equal.rows).unwrap_or(u64::MAX)),
            summary.seen.calls,
        ),
        Some(difference) => paint.paint(Style::Red, &format!("✗ different: {difference}")),
    };
    format!(
        "\n{} received in {} ({} events/s):\n  {} new, {} duplicate, {} too late to count\n{mark}\nfirst \
         answer of the API {} after the start\n",
        grouped(books.received),
        seconds(summary.sent_ms),
        grouped(rate),
        grouped(books.new),
        grouped(books.duplicate),
        grouped(books.late),
        seconds(summary.first_answer_ms),
    )
}

fn what_to_try(demo: &Demo<'_>, paint: Painter) -> String {
    let title = |text: &str| paint.paint(Style::Bold, text);
    let secret = demo.key.secret.as_deref().unwrap_or_default();
    let authority = demo.endpoint.trim_start_matches("http://");
    let id = &demo.key.id;
    let endpoint = &demo.endpoint;
    let zone = Zone::parse(ZONE)
        .map(|zone| zone.name().to_owned())
        .unwrap_or_default();
    format!(
        r#"
{instance}
  endpoint         {endpoint}
  AccessKeyId      {id}
  AccessKeySecret  {secret}
  CustSpaceId      {SPACE} ({zone})
  console          {endpoint}/console/
  console sign-in  user {CONSOLE_USER}, password {password}
  data             {data}

{cli}
{path}export CHATMETRIC_ENDPOINT={endpoint}
export ALIBABA_CLOUD_ACCESS_KEY_ID={id}
export ALIBABA_CLOUD_ACCESS_KEY_SECRET={secret}
chatmetric query --start -7d --end now --time-zone {zone} -o chart
chatmetric query --start -6h --end now --granularity half-hour --number {number}

{python}
import time
from alibabacloud_cams20200606.client import Client
from alibabacloud_cams20200606.models import GetChatappPhoneNumberMetricRequest
from alibabacloud_tea_openapi.models import Config
now = int(time.time() * 1000)
client = Client(Config(
    access_key_id="{id}",
    access_key_secret="{secret}",
    endpoint="{authority}", protocol="http"))
answer = client.get_chatapp_phone_number_metric(GetChatappPhoneNumberMetricRequest(
    start=now - 7 * 86_400_000, end=now, granularity="DAILY"))
for row in answer.body.data:
    print(row.phone_number, row.start, row.sent_count, row.delivered_count)

{webhook}
{curl}
"#,
        instance = title("The instance"),
        cli = title("Ask with the command line"),
        path = path_line(),
        python = title("Ask with the official Python SDK (pip install alibabacloud-cams20200606)"),
        webhook = title("Send a webhook as Meta does (twice: the second changes nothing)"),
        data = demo.data_dir.display(),
        password = demo.password.expose_text(),
        number = PROFILES.first().map_or("", |profile| profile.number),
        curl = curl(demo),
    )
}

/// Puts this program on the shell's path, unless it is the one found there.
fn path_line() -> String {
    let Ok(program) = std::env::current_exe() else {
        return String::new();
    };
    let found = std::env::var_os("PATH").is_some_and(|path| {
        let first = std::env::split_paths(&path)
            .map(|dir| dir.join("chatmetric"))
            .find(|candidate| candidate.is_file());
        first.and_then(|path| path.canonicalize().ok()) == program.canonicalize().ok()
    });
    match program.parent() {
        Some(dir) if !found => format!("export PATH=\"{}:$PATH\"\n", dir.display()),
        _ => String::new(),
    }
}

/// A webhook with a signature over exactly its body.
fn curl(demo: &Demo<'_>) -> String {
    let at_s = demo.clock.now().0.div_euclid(1000);
    let report = traffic::Report {
        message: u32::MAX,
        profile: 0,
        status: Status::Sent,
        at_s,
        arrives_s: at_s,
    };
    let body = demo.webhook.body(&[report]);
    let signature = demo.webhook.signature(body.as_bytes());
    format!(
        "curl -i {} \\\n  -H 'Content-Type: application/json' \\\n  -H 'X-Hub-Signature-256: \
         {signature}' \\\n  -d '{body}'",
        demo.webhook.url
    )
}
