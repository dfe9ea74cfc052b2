//! What the store bench found, as Markdown and as JSON.
//!
//! Not how it was measured. Invariant: who was not measured has a row that says
//! so, and a target that was missed is printed as lost.

use crate::candidate::Measured;
use crate::lineup::Entrant;
use crate::statistics::{Spread, percentile};
use crate::workload::BATCH_EVENTS;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// All candidates of a run.
pub(crate) struct Table {
    pub(crate) machine: String,
    pub(crate) numbers: u64,
    pub(crate) rounds: u64,
    pub(crate) rows: Vec<Row>,
}

/// One candidate and its rounds.
pub(crate) struct Row {
    pub(crate) entrant: Entrant,
    pub(crate) is_installed: bool,
    pub(crate) rounds: Vec<Measured>,
}

struct Summary {
    events: u64,
    cpu_us: Spread,
    rate: Spread,
    written: Option<Spread>,
    stored: Spread,
    peak_mib: Spread,
    series_p50_us: Spread,
    series_p99_us: Spread,
}

impl Row {
    /// CPU of an event, us; `None` when nothing was measured.
    pub(crate) fn cpu_us(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(cpu_us))
    }

    fn summary(&self) -> Option<Summary> {
        let each = |value: fn(&Measured) -> f64| Spread::of(self.rounds.iter().map(value));
        let series = |percent: f64| {
            Spread::of(
                self.rounds
                    .iter()
                    .filter_map(|round| series_us(round, percent)),
            )
        };
        Some(Summary {
            events: self.rounds.first()?.events,
            cpu_us: self.cpu_us()?,
            rate: each(|round| round.events as f64 / round.wall_s)?,
            written: Spread::of(self.rounds.iter().filter_map(written)),
            stored: each(|round| round.stored_bytes as f64 / round.messages as f64)?,
            peak_mib: each(|round| round.peak_bytes as f64 / f64::from(1 << 20))?,
            series_p50_us: series(50.0)?,
            series_p99_us: series(99.0)?,
        })
    }

    fn to_markdown(&self) -> String {
        let title = self.entrant.title();
        let Some(summary) = self.summary() else {
            return format!("| {title} | not measured: not installed here | | | | | | | |");
        };
        format!(
            "| {title} | {} | {} | {} | {} | {} | {} | {} | {} |",
            summary.events,
            spread(&summary.cpu_us, 2),
            spread(&summary.rate, 0),
            summary
                .written
                .map_or_else(|| "-".to_owned(), |written| spread(&written, 0)),
            spread(&summary.stored, 0),
            spread(&summary.peak_mib, 0),
            spread(&summary.series_p50_us, 1),
            spread(&summary.series_p99_us, 1),
        )
    }

    fn to_json(&self) -> Value {
        let rounds: Vec<Value> = self
            .rounds
            .iter()
            .map(|round| {
                json!({
                    "events": round.events,
                    "messages": round.messages,
                    "cpu_us_per_event": cpu_us(round),
                    "events_per_second": round.events as f64 / round.wall_s,
                    "written_bytes_per_message": written(round),
                    "stored_bytes_per_message": round.stored_bytes as f64 / round.messages as f64,
                    "peak_bytes": round.peak_bytes,
                    "series_p50_us": series_us(round, 50.0),
                    "series_p99_us": series_us(round, 99.0),
                })
            })
            .collect();
        json!({
            "name": self.entrant.word(),
            "title": self.entrant.title(),
            "installed": self.is_installed,
            "rounds": rounds,
        })
    }
}

/// How much more CPU a rival used for an event than ours did.
struct Ratio {
    entrant: Entrant,
    times: f64,
}

impl Ratio {
    fn verdict(&self) -> Option<&'static str> {
        let met = self.times >= self.entrant.ratio_min()?;
        Some(if met { "met" } else { "lost" })
    }
}

impl Table {
    fn ratios(&self) -> Vec<Ratio> {
        let ours = self.rows.iter().find(|row| row.entrant == Entrant::Ours);
        let Some(ours) = ours.and_then(Row::cpu_us) else {
            return Vec::new();
        };
        self.rows
            .iter()
            .filter(|row| !row.entrant.is_ours())
            .filter_map(|row| {
                Some(Ratio {
                    entrant: row.entrant,
                    times: row.cpu_us()?.median / ours.median,
                })
            })
            .collect()
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!(
            "{}; {} rounds, medians (min - max); {} numbers; batches of {BATCH_EVENTS}, each \
             durable before the next is acknowledged; every counter and every series compared \
             with the model\n\n\
             | candidate | events a round | CPU us/event | events/s | written bytes/message | \
             stored bytes/message | peak memory MiB | 30-day series p50 us | p99 us |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            self.machine, self.rounds, self.numbers
        );
        for row in &self.rows {
            text.push_str(&row.to_markdown());
            text.push('\n');
        }
        let ratios = self.ratios();
        if !ratios.is_empty() {
            text.push_str("\nCPU per event, rival / ours (one caller that waits):\n\n");
        }
        for ratio in ratios {
            let _ = write!(text, "- {}: {:.1}", ratio.entrant.title(), ratio.times);
            let _ = match (ratio.entrant.ratio_min(), ratio.verdict()) {
                (Some(target), Some(verdict)) => {
                    writeln!(text, "; target at least {target:.0}: {verdict}")
                }
                _ => writeln!(text, "; no target"),
            };
        }
        text
    }

    pub(crate) fn to_json(&self) -> Value {
        let ratios: Vec<Value> = self
            .ratios()
            .iter()
            .map(|ratio| {
                json!({
                    "name": ratio.entrant.word(),
                    "cpu_times_ours": ratio.times,
                    "target_min": ratio.entrant.ratio_min(),
                    "verdict": ratio.verdict(),
                })
            })
            .collect();
        json!({
            "machine": self.machine,
            "numbers": self.numbers,
            "batch_events": BATCH_EVENTS,
            "rounds": self.rounds,
            "candidates": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "ratios": ratios,
        })
    }
}

fn cpu_us(round: &Measured) -> f64 {
    round.cpu_s * 1e6 / round.events as f64
}

fn written(round: &Measured) -> Option<f64> {
    Some(round.written_bytes? as f64 / round.messages as f64)
}

fn series_us(round: &Measured, percent: f64) -> Option<f64> {
    let mut series = round.series_us.clone();
    series.sort_by(f64::total_cmp);
    percentile(&series, percent)
}

fn spread(spread: &Spread, digits: usize) -> String {
    let Spread { median, min, max } = spread;
    format!("{median:.digits$} ({min:.digits$} - {max:.digits$})")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn round(cpu_s: f64) -> Measured {
        Measured {
            events: 1_000_000,
            messages: 500_000,
            cpu_s,
            wall_s: 2.0 * cpu_s,
            written_bytes: Some(50_000_000),
            stored_bytes: 20_000_000,
            peak_bytes: 100 << 20,
            series_us: vec![1.0, 2.0, 3.0],
        }
    }

    /// Ours at 0.5 us, SQLite just in its target, LMDB below it, no Redis.
    pub(crate) fn table() -> Table {
        let row = |entrant, cpu: &[f64]| Row {
            entrant,
            is_installed: !cpu.is_empty(),
            rounds: cpu.iter().copied().map(round).collect(),
        };
        Table {
            machine: "a machine".into(),
            numbers: 7,
            rounds: 3,
            rows: vec![
                row(Entrant::Ours, &[0.4, 0.5, 0.6]),
                row(Entrant::Sqlite, &[10.0]),
                row(Entrant::Redis, &[]),
                row(Entrant::Lmdb, &[2.4]),
                row(Entrant::HotFjall, &[1.0]),
            ],
        }
    }

    #[test]
    fn medians_ratios_and_what_is_missing_are_printed() {
        let text = table().to_markdown();
        for line in [
            "| chatmetric, one caller that waits | 1000000 | 0.50 (0.40 - 0.60) | 1000000 (833333 - 1250000) | 100 (100 - 100) | 40 (40 - 40) | 100 (100 - 100) | 2.0 (2.0 - 2.0) | 3.0 (3.0 - 3.0) |\n",
            "| Redis 7, appendfsync always, one script | not measured: not installed here | | | | | | | |\n",
            "- SQLite, WAL, synchronous=FULL: 20.0; target at least 20: met\n",
            "- LMDB, default sync: 4.8; target at least 5: lost\n",
            "- fjall 3, hot table in memory in front: 2.0; no target\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("- Redis"), "{text}");
    }

    #[test]
    fn json_says_the_same() {
        let json = table().to_json();
        let at = |path: &str| json.pointer(path).cloned().unwrap_or_default();
        assert_eq!(at("/candidates/0/rounds/1/cpu_us_per_event"), json!(0.5));
        assert_eq!(at("/candidates/2/installed"), json!(false));
        assert_eq!(at("/ratios/0/verdict"), json!("met"));
        assert_eq!(at("/ratios/1/verdict"), json!("lost"));
        assert_eq!(at("/ratios/2/verdict"), Value::Null);
    }
}
