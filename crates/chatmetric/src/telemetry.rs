//! Logs to stderr, and figures in OpenMetrics text.
//!
//! Not here: what is logged where. Lines carry request ids and account ids, never
//! message ids, recipients, secrets or paths with tokens.
//!
//! Invariant: the number of series is bounded by the program, not by callers:
//! labels are our own words, and codes that contain a caller's parameter name are
//! cut to their kind.

mod log;
mod numbers;
mod one_line;
#[cfg(feature = "otlp")]
mod otlp;
pub(crate) mod spans;

use crate::api::action::Action;
use crate::control::ReplicaReport;
use crate::ingest::stream::{StreamReport, StreamState};
use crate::watch::{AlertFigures, Rule};
use chatmetric_rpc::ApiError;
use chatmetric_store::{Books, Health, Store};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub use log::{TraceExport, start_log};
pub(crate) use log::{fault_of_otlp, log_filter};
pub(crate) use numbers::NumberFigures;

/// Content type of the figures.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the buckets of a duration, in microseconds.
const BOUNDS_US: [u64; 14] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    5_000_000,
];

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    fn observe_ns(&self, duration_ns: u64) {
        let us = duration_ns / 1_000;
        let at = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        family(out, name, "histogram", help);
        let mut below = 0;
        for (bound, bucket) in BOUNDS_US.iter().zip(&self.buckets) {
            below += bucket.load(Ordering::Relaxed);
            line(
                out,
                &format!("{name}_bucket{{le=\"{}\"}}", seconds(*bound)),
                below,
            );
        }
        let count = self.count.load(Ordering::Relaxed).max(below);
        line(out, &format!("{name}_bucket{{le=\"+Inf\"}}"), count);
        line(out, &format!("{name}_count"), count);
        let sum = seconds(self.sum_us.load(Ordering::Relaxed));
        line(out, &format!("{name}_sum"), sum);
    }
}

/// Microseconds as seconds, without a floating point.
fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// What the server counts about itself.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, Cow<'static, str>), u64>>,
    webhooks: Mutex<BTreeMap<u16, u64>>,
    request_time: Histogram,
    commit_time: Histogram,
    connections: AtomicU64,
}

impl Metrics {
    pub(crate) fn request(&self, action: Option<Action>, error: Option<&ApiError>, took_ns: u64) {
        let label = (action.map_or("none", Action::name), code_kind(error));
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(label).or_default() += 1;
        drop(requests);
        self.request_time.observe_ns(took_ns);
    }

    pub(crate) fn webhook(&self, status: u16) {
        let mut webhooks = self.webhooks.lock().unwrap_or_else(PoisonError::into_inner);
        *webhooks.entry(status).or_default() += 1;
    }

    pub(crate) fn commit_took(&self, took_ns: u64) {
        self.commit_time.observe_ns(took_ns);
    }

    pub(crate) fn connection_opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The code without what a caller chose.
fn code_kind(error: Option<&ApiError>) -> Cow<'static, str> {
    match error {
        None => "OK".into(),
        Some(ApiError::InvalidParameter { .. }) => "InvalidParameter".into(),
        Some(ApiError::Missing { .. }) => "Missing".into(),
        Some(error) => error.code().into_owned().into(),
    }
}

/// Figures that live elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gauges {
    pub(crate) in_flight_bytes: usize,
    pub(crate) body_bytes: usize,
    pub(crate) nonces: usize,
    pub(crate) backups_made: u64,
    pub(crate) backups_failed: u64,
    /// When the newest backup was made; 0 when none is known.
    pub(crate) backup_last_ms: i64,
    pub(crate) alerts: AlertFigures,
}

/// Everything as OpenMetrics text; `numbers` writes the families of single numbers.
pub(crate) fn render(
    metrics: &Metrics,
    store: &dyn Store,
    streams: &[StreamReport],
    gauges: Gauges,
    numbers: impl FnOnce(&mut String),
) -> String {
    let mut out = String::with_capacity(8 * 1024);
    family(
        &mut out,
        "chatmetric_api_requests",
        "counter",
        "Calls of the RPC API by action and code.",
    );
    for ((action, code), count) in &*metrics
        .requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
    {
        let series =
            format!("chatmetric_api_requests_total{{action=\"{action}\",code=\"{code}\"}}");
        line(&mut out, &series, count);
    }
    metrics.request_time.write(
        &mut out,
        "chatmetric_api_request_duration_seconds",
        "Time from the parsed head to the answer.",
    );
    family(
        &mut out,
        "chatmetric_webhook_requests",
        "counter",
        "Webhook requests by HTTP status.",
    );
    for (status, count) in &*metrics
        .webhooks
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
    {
        line(
            &mut out,
            &format!("chatmetric_webhook_requests_total{{status=\"{status}\"}}"),
            count,
        );
    }
    metrics.commit_time.write(
        &mut out,
        "chatmetric_commit_duration_seconds",
        "Time until a batch was durable and visible.",
    );
    books(&mut out, store);
    numbers(&mut out);
    store_gauges(&mut out, store);
    of_streams(&mut out, streams);
    for (name, help, value) in [
        (
            "chatmetric_connections",
            "Open connections.",
            metrics.connections.load(Ordering::Relaxed),
        ),
        (
            "chatmetric_in_flight_bytes",
            "Batches that wait for the store.",
            wide(gauges.in_flight_bytes),
        ),
        (
            "chatmetric_body_bytes",
            "Request bodies in memory.",
            wide(gauges.body_bytes),
        ),
        (
            "chatmetric_nonces",
            "Nonces that are remembered.",
            wide(gauges.nonces),
        ),
    ] {
        family(&mut out, name, "gauge", help);
        line(&mut out, name, value);
    }
    backups(&mut out, gauges);
    alerts(&mut out, &gauges.alerts);
    out.push_str("# EOF\n");
    out
}

/// The replicas of a node of a cluster.
pub(crate) fn replicas(out: &mut String, replicas: &[ReplicaReport]) {
    let one = |out: &mut String,
               name: &str,
               help: &str,
               value: &dyn Fn(&ReplicaReport) -> Option<u64>| {
        family(out, name, "gauge", help);
        for replica in replicas {
            if let Some(value) = value(replica) {
                let partition = replica.partition;
                line(out, &format!("{name}{{partition=\"{partition}\"}}"), value);
            }
        }
    };
    one(
        out,
        "chatmetric_replica_answers",
        "1 while the replica of the partition answers queries.",
        &|it| Some(u64::from(it.answers)),
    );
    one(
        out,
        "chatmetric_replica_sequence",
        "The place in the partition's log up to which it is counted.",
        &|it| Some(it.applied),
    );
    one(
        out,
        "chatmetric_replica_lag",
        "Entries of the partition's log that are not counted yet, when its end was last seen.",
        &|it| it.lag,
    );
}

fn backups(out: &mut String, gauges: Gauges) {
    for (name, help, value) in [
        (
            "chatmetric_backups",
            "Backups that were made since the start.",
            gauges.backups_made,
        ),
        (
            "chatmetric_backup_failures",
            "Backups that failed since the start.",
            gauges.backups_failed,
        ),
    ] {
        family(out, name, "counter", help);
        line(out, &format!("{name}_total"), value);
    }
    let name = "chatmetric_backup_last_success_timestamp_seconds";
    let help = "When the newest backup was made; 0 when none is known.";
    family(out, name, "gauge", help);
    line(out, name, gauges.backup_last_ms.div_euclid(1_000));
}

fn alerts(out: &mut String, figures: &AlertFigures) {
    let name = "chatmetric_alerts";
    let help = "Alerts by rule: pending, firing, and of these acknowledged.";
    family(out, name, "gauge", help);
    for (rule, counts) in Rule::ALL.into_iter().zip(figures.alerts) {
        for (state, count) in ["pending", "firing", "acknowledged"]
            .into_iter()
            .zip(counts)
        {
            let rule = rule.as_str();
            line(
                out,
                &format!("{name}{{rule=\"{rule}\",state=\"{state}\"}}"),
                count,
            );
        }
    }
    let name = "chatmetric_alert_messages";
    let help = "Messages of alerts by destination and outcome.";
    family(out, name, "counter", help);
    let destinations = [
        ("webhook", figures.webhook),
        ("alertmanager", figures.alertmanager),
    ];
    for (destination, sent) in destinations {
        for (outcome, count) in [("taken", sent.taken), ("failed", sent.failed)] {
            let labels = format!("destination=\"{destination}\",outcome=\"{outcome}\"");
            line(out, &format!("{name}_total{{{labels}}}"), count);
        }
    }
    let name = "chatmetric_watch_last_look_timestamp_seconds";
    let help = "When the rules of alerts last looked; 0 before the first look.";
    family(out, name, "gauge", help);
    line(out, name, figures.looked_ms.div_euclid(1_000));
}

fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// The terms of the books: `received` equals the sum of all outcomes and of what
/// is in quarantine now.
fn books(out: &mut String, store: &dyn Store) {
    let Ok(books) = store.books() else {
        return;
    };
    // Sources are ids of the directory; still, a label is escaped.
    let books: Vec<(String, Books)> = books
        .into_iter()
        .map(|(source, book)| (escaped(&source), book))
        .collect();
    let received = "chatmetric_events_received";
    family(out, received, "counter", "Items that came in, by source.");
    for (source, book) in &books {
        let series = format!("{received}_total{{source=\"{source}\"}}");
        line(out, &series, book.received);
    }
    let events = "chatmetric_events";
    let help = "What became of items that are not in quarantine, by source and outcome.";
    family(out, events, "counter", help);
    for (source, book) in &books {
        for (outcome, count) in [
            ("new", book.new),
            ("duplicate", book.duplicate),
            ("ignored", book.ignored),
            ("late", book.late),
            ("released", book.released),
            ("expired", book.expired),
        ] {
            let series = format!("{events}_total{{source=\"{source}\",outcome=\"{outcome}\"}}");
            line(out, &series, count);
        }
    }
    let moved = "chatmetric_events_moved";
    let help = "Of the duplicates, those that carried an earlier time, by source.";
    family(out, moved, "counter", help);
    for (source, book) in &books {
        let series = format!("{moved}_total{{source=\"{source}\"}}");
        line(out, &series, book.moved);
    }
    let quarantined = "chatmetric_quarantined_events";
    let help = "Items in quarantine now, the late ones not among them, by source.";
    family(out, quarantined, "gauge", help);
    for (source, book) in &books {
        let series = format!("{quarantined}{{source=\"{source}\"}}");
        line(out, &series, book.quarantined);
    }
}

/// How streams go, by their name in the configuration; there are at most
/// [`crate::config::STREAMS_MAX`].
fn of_streams(out: &mut String, streams: &[StreamReport]) {
    if streams.is_empty() {
        return;
    }
    let mut one =
        |name: &str, kind: &str, help: &str, of: &dyn Fn(&StreamReport) -> Option<i128>| {
            family(out, name, kind, help);
            let suffix = if kind == "counter" { "_total" } else { "" };
            for stream in streams {
                if let Some(value) = of(stream) {
                    let label = escaped(&stream.name);
                    line(out, &format!("{name}{suffix}{{stream=\"{label}\"}}"), value);
                }
            }
        };
    one(
        "chatmetric_stream_reading",
        "gauge",
        "1 while the stream is read.",
        &|it| Some(i128::from(it.state == StreamState::Reading)),
    );
    one(
        "chatmetric_stream_lag",
        "gauge",
        "Messages behind the end of the stream, when it was last seen.",
        &|it| it.lag.map(i128::from),
    );
    one(
        "chatmetric_stream_sequence",
        "gauge",
        "The place of the last message that is counted.",
        &|it| Some(it.sequence.into()),
    );
    one(
        "chatmetric_stream_last_message_timestamp_seconds",
        "gauge",
        "When the last counted message came into the stream.",
        &|it| it.last_ms.map(|ms| ms.div_euclid(1_000).into()),
    );
    one(
        "chatmetric_stream_messages",
        "counter",
        "Messages that were counted, again or for the first time.",
        &|it| Some(it.messages.into()),
    );
    one(
        "chatmetric_stream_missing_messages",
        "counter",
        "Messages that were gone before they were read, at most.",
        &|it| Some(it.missing.into()),
    );
    one(
        "chatmetric_stream_recreations",
        "counter",
        "How often the stream was another one than before.",
        &|it| Some(it.recreated.into()),
    );
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn store_gauges(out: &mut String, store: &dyn Store) {
    let stats = store.stats();
    let ready = u64::from(matches!(store.health(), Health::Ready));
    for (name, help, value) in [
        ("chatmetric_store_ready", "1 while events are taken.", ready),
        (
            "chatmetric_store_disk_bytes",
            "Bytes of all files.",
            stats.disk_bytes,
        ),
        (
            "chatmetric_store_run_records",
            "Records in sorted runs.",
            stats.run_records,
        ),
        ("chatmetric_store_runs", "Sorted runs.", stats.runs),
        (
            "chatmetric_store_hot_records",
            "Records not yet in runs.",
            stats.hot_records,
        ),
        (
            "chatmetric_store_queued_events",
            "Events that wait for the writer.",
            stats.queued_events,
        ),
    ] {
        family(out, name, "gauge", help);
        line(out, name, value);
    }
    for (name, help, value) in [
        (
            "chatmetric_store_journal_bytes",
            "Bytes appended to the journal.",
            stats.journal_bytes,
        ),
        (
            "chatmetric_store_syncs",
            "Syncs of the journal.",
            stats.syncs,
        ),
    ] {
        family(out, name, "counter", help);
        line(out, &format!("{name}_total"), value);
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# TYPE {name} {kind}\n# HELP {name} {help}");
}

fn line(out: &mut String, series: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{series} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_store::MemoryStore;

    #[test]
    fn callers_cannot_make_series() {
        let metrics = Metrics::default();
        for name in ["A", "B", "C"] {
            metrics.request(None, Some(&ApiError::invalid(name, "no")), 1_000);
            metrics.request(None, Some(&ApiError::missing(name)), 1_000);
        }
        let text = render(
            &metrics,
            &MemoryStore::new(),
            &[],
            Gauges::default(),
            |_| (),
        );
        assert!(
            text.contains("{action=\"none\",code=\"InvalidParameter\"} 3\n"),
            "{text}"
        );
        assert!(
            text.contains("{action=\"none\",code=\"Missing\"} 3\n"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn histograms_are_cumulative() {
        let histogram = Histogram::default();
        for us in [50, 51, 1_000, 9_000_000] {
            histogram.observe_ns(us * 1_000);
        }
        let mut out = String::new();
        histogram.write(&mut out, "x_seconds", "help");
        assert!(
            out.contains("x_seconds_bucket{le=\"0.000050\"} 1\n"),
            "{out}"
        );
        assert!(
            out.contains("x_seconds_bucket{le=\"0.000100\"} 2\n"),
            "{out}"
        );
        assert!(
            out.contains("x_seconds_bucket{le=\"5.000000\"} 3\n"),
            "{out}"
        );
        assert!(out.contains("x_seconds_bucket{le=\"+Inf\"} 4\n"), "{out}");
        assert!(out.contains("x_seconds_sum 9.001101\n"), "{out}");
    }
}
