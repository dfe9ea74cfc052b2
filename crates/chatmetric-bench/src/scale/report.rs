//! The long run as Markdown and JSON.

use super::{PARTS, Round};
use crate::scale::events::EventFile;
use crate::statistics::Spread;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A number in a line of a child; NaN when it is not there.
pub(super) fn number(line: &Value, path: &[&str]) -> f64 {
    let found = path.iter().fold(line, |at, key| &at[*key]);
    found.as_f64().unwrap_or(f64::NAN)
}

const MIB: f64 = 1024.0 * 1024.0;

/// One figure of a whole round.
struct Figure {
    name: &'static str,
    target: &'static str,
    of: fn(&Round) -> f64,
}

fn last(round: &Round) -> &Value {
    round.parts.last().unwrap_or(&Value::Null)
}

fn each<'r>(
    round: &'r Round,
    path: &'static [&'static str],
) -> impl Iterator<Item = f64> + use<'r> {
    round.parts.iter().map(move |part| number(part, path))
}

fn rate(part: &Value) -> f64 {
    number(part, &["events"]) / number(part, &["seconds"])
}

fn events(round: &Round) -> f64 {
    each(round, &["events"]).sum()
}

const FIGURES: [Figure; 15] = [
    Figure {
        name: "CPU us/event",
        target: "<= 0.8",
        of: |round| each(round, &["cpu_us_per_event"]).sum::<f64>() / PARTS as f64,
    },
    Figure {
        name: "events/s",
        target: "-",
        of: |round| events(round) / each(round, &["seconds"]).sum::<f64>(),
    },
    Figure {
        name: "slowest part / fastest part",
        target: ">= 0.5",
        of: |round| {
            let rates = || round.parts.iter().map(rate);
            rates().fold(f64::MAX, f64::min) / rates().fold(0.0, f64::max)
        },
    },
    Figure {
        name: "acknowledgement p99 ms, worst part",
        target: "-",
        of: |round| each(round, &["ack_us", "p99"]).fold(0.0, f64::max) / 1e3,
    },
    Figure {
        name: "acknowledgement max ms",
        target: "<= 250",
        of: |round| each(round, &["ack_us", "max"]).fold(0.0, f64::max) / 1e3,
    },
    Figure {
        name: "peak RSS MiB",
        target: "<= 256",
        of: |round| number(last(round), &["rss_peak_bytes"]) / MIB,
    },
    Figure {
        name: "bytes written / message",
        target: "-",
        of: |round| number(last(round), &["written_bytes"]) / number(&round.reopened, &["records"]),
    },
    Figure {
        name: "bytes on disk / message, settled",
        target: "<= 36",
        of: |round| {
            number(&round.reopened, &["disk_bytes"]) / number(&round.reopened, &["records"])
        },
    },
    Figure {
        name: "kill -9 to the first answer s",
        target: "<= 2",
        of: |round| number(&round.reopened, &["ready_seconds"]),
    },
    Figure {
        name: "verify, million records/s",
        target: ">= 2",
        of: |round| {
            number(&round.reopened, &["records"])
                / number(&round.reopened, &["verify_seconds"])
                / 1e6
        },
    },
    Figure {
        name: "30-day series p50 us, quiet",
        target: "<= 12",
        of: |round| number(&round.reopened, &["series_us", "p50"]),
    },
    Figure {
        name: "30-day series p99 us, quiet",
        target: "<= 40",
        of: |round| number(&round.reopened, &["series_us", "p99"]),
    },
    Figure {
        name: "30-day series p50 us, first read of a number after the start",
        target: "-",
        of: |round| number(&round.reopened, &["series_first_us", "p50"]),
    },
    Figure {
        name: "30-day series p99 us, while loading, worst part",
        target: "<= 60",
        of: |round| each(round, &["series_us", "p99"]).fold(0.0, f64::max),
    },
    Figure {
        name: "messages, million",
        target: "-",
        of: |round| number(&round.reopened, &["records"]) / 1e6,
    },
];

/// Tables of the whole and of the parts.
pub(super) fn markdown(rounds: &[Round], file: &EventFile, machine: &str, shards: u32) -> String {
    let mut text = format!(
        "{machine}; {} events, {shards} shards, {} rounds, medians (min - max); one caller that waits, \
         batches of 1,000; killed after the last acknowledgement, every counter compared\n\n\
         | figure | target | median (min - max) |\n|---|---|---|\n",
        file.events(),
        rounds.len(),
    );
    for figure in &FIGURES {
        if let Some(spread) = Spread::of(rounds.iter().map(figure.of)) {
            let _ = writeln!(
                text,
                "| {} | {} | {:.2} ({:.2} - {:.2}) |",
                figure.name, figure.target, spread.median, spread.min, spread.max
            );
        }
    }
    text.push_str(
        "\n| tenth | events/s | CPU us/event | ack p99 / max ms | RSS MiB | runs |\n|---|---|---|---|---|---|\n",
    );
    for part in 0..PARTS as usize {
        let median = |of: &dyn Fn(&Value) -> f64| {
            let values = rounds.iter().filter_map(|round| round.parts.get(part));
            Spread::of(values.map(of)).map_or(f64::NAN, |spread| spread.median)
        };
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.2} | {:.1} / {:.1} | {:.0} | {:.0} |",
            part + 1,
            median(&rate),
            median(&|it| number(it, &["cpu_us_per_event"])),
            median(&|it| number(it, &["ack_us", "p99"]) / 1e3),
            median(&|it| number(it, &["ack_us", "max"]) / 1e3),
            median(&|it| number(it, &["rss_bytes"]) / MIB),
            median(&|it| number(it, &["runs"])),
        );
    }
    text
}

/// Everything that was measured.
pub(super) fn to_json(rounds: &[Round], file: &EventFile, machine: &str, shards: u32) -> Value {
    let rounds: Vec<Value> = rounds
        .iter()
        .map(|round| json!({"parts": round.parts, "reopened": round.reopened}))
        .collect();
    json!({"machine": machine, "events": file.events(), "shards": shards, "rounds": rounds})
}
