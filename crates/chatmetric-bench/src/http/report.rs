//! The HTTP load as Markdown and JSON.

use crate::statistics::{Spread, percentile};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One round of one kind of load.
pub(super) struct Measured {
    pub(super) requests: usize,
    /// Statuses in the bodies, 0 for queries.
    pub(super) statuses: usize,
    pub(super) seconds: f64,
    pub(super) server_cpu_us: f64,
    pub(super) sorted_ms: Vec<f64>,
}

/// All rounds of one kind of load.
pub(super) struct Row {
    name: String,
    rounds: Vec<Measured>,
}

/// Adds a round to the row of that name.
pub(super) fn add(rows: &mut Vec<Row>, name: String, measured: Measured) {
    match rows.iter_mut().find(|row| row.name == name) {
        Some(row) => row.rounds.push(measured),
        None => rows.push(Row {
            name,
            rounds: vec![measured],
        }),
    }
}

impl Row {
    fn spread(&self, of: impl Fn(&Measured) -> f64) -> Spread {
        let none = Spread {
            median: f64::NAN,
            min: f64::NAN,
            max: f64::NAN,
        };
        Spread::of(self.rounds.iter().map(of)).unwrap_or(none)
    }

    fn at(&self, percent: f64) -> Spread {
        self.spread(|round| percentile(&round.sorted_ms, percent).unwrap_or(f64::NAN))
    }
}

/// The table, and what is to be read in it.
pub(super) fn markdown(rows: &[Row], machine: &str, sync_ms: &[f64]) -> String {
    let mut text = format!(
        "{machine}; client and server share it; medians (min - max) of the rounds\n\n\
         | load | requests a round | requests/s | statuses/s | server CPU us/request | p50 ms | p99 ms | max ms |\n\
         |---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let Some(first) = row.rounds.first() else {
            continue;
        };
        let statuses = match first.statuses {
            0 => String::from("-"),
            _ => format!(
                "{:.0}",
                row.spread(|it| it.statuses as f64 / it.seconds).median
            ),
        };
        let cpu = row.spread(|it| it.server_cpu_us);
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {statuses} | {:.0} ({:.0} - {:.0}) | {:.2} | {:.2} | {:.2} |",
            row.name,
            first.requests,
            row.spread(|it| it.requests as f64 / it.seconds).median,
            cpu.median,
            cpu.min,
            cpu.max,
            row.at(50.0).median,
            row.at(99.0).median,
            row.at(100.0).max,
        );
    }
    let _ = writeln!(
        text,
        "\nOne fdatasync of 4 KiB in the same directory: p50 {:.2} ms, p99 {:.2} ms.",
        percentile(sync_ms, 50.0).unwrap_or(f64::NAN),
        percentile(sync_ms, 99.0).unwrap_or(f64::NAN),
    );
    let sync_p99 = percentile(sync_ms, 99.0).unwrap_or(f64::NAN);
    let ours = |row: &&Row| row.name.starts_with("webhooks") && !row.name.contains(", ");
    for row in rows.iter().filter(ours) {
        let times = row.at(99.0).median / sync_p99;
        let _ = writeln!(
            text,
            "{}: p99 is {times:.1} times that of one fdatasync.",
            row.name
        );
    }
    for pair in rows.chunks(2) {
        let [real, ceiling] = pair else { continue };
        if ceiling.name.ends_with("without the store") {
            let rate = |row: &Row| row.spread(|it| it.requests as f64 / it.seconds).median;
            let cpu = |row: &Row| row.spread(|it| it.server_cpu_us).median;
            let _ = writeln!(
                text,
                "{}: {:.0} % of the ceiling by requests/s, {:.0} % by server CPU.",
                real.name,
                100.0 * rate(real) / rate(ceiling),
                100.0 * cpu(ceiling) / cpu(real),
            );
        }
    }
    text
}

/// Everything that was measured.
pub(super) fn to_json(rows: &[Row], machine: &str, sync_ms: &[f64]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let rounds: Vec<Value> = row
                .rounds
                .iter()
                .map(|it| {
                    json!({
                        "requests": it.requests,
                        "statuses": it.statuses,
                        "seconds": it.seconds,
                        "server_cpu_us_per_request": it.server_cpu_us,
                        "p50_ms": percentile(&it.sorted_ms, 50.0),
                        "p99_ms": percentile(&it.sorted_ms, 99.0),
                        "max_ms": percentile(&it.sorted_ms, 100.0),
                    })
                })
                .collect();
            json!({"name": row.name, "rounds": rounds})
        })
        .collect();
    json!({
        "machine": machine,
        "fdatasync_p50_ms": percentile(sync_ms, 50.0),
        "fdatasync_p99_ms": percentile(sync_ms, 99.0),
        "rows": rows,
    })
}
