//! One round of one candidate, in a process of its own, so that its CPU and its
//! memory are its own.
//!
//! Not the comparison (`store.rs`): this prints one JSON object. Invariant: it
//! prints only when every counter and every series equalled the model's.

use crate::arguments::Arguments;
use crate::feed::{self, Feed};
use crate::lineup::Entrant;
use crate::resources::Disk;
use crate::rivals::{HalfHour, Number, Rival, Tally, two_counters};
use crate::workload::{Expected, SPAN_DAYS, START_MS};
use crate::{cpu, resources};
use anyhow::{Context, Result, ensure};
use chatmetric_core::time::SLOT_MS;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// Series that are read, one of each of the busiest numbers.
const SERIES_READS: usize = 1000;
/// A server's memory is looked at once in so many batches.
const BATCHES_A_LOOK: usize = 250;

/// One round whose counts were right.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub(crate) events: u64,
    pub(crate) messages: u64,
    /// User and system, server processes included.
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
    /// By the disk, after it settled; `None` where no disk counts.
    pub(crate) written_bytes: Option<u64>,
    pub(crate) stored_bytes: u64,
    pub(crate) peak_bytes: u64,
    /// Time of each 30-day half-hour series.
    pub(crate) series_us: Vec<f64>,
}

impl Measured {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "events": self.events,
            "messages": self.messages,
            "cpu_s": self.cpu_s,
            "wall_s": self.wall_s,
            "written_bytes": self.written_bytes,
            "stored_bytes": self.stored_bytes,
            "peak_bytes": self.peak_bytes,
            "series_us": self.series_us,
        })
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let whole = |name: &str| value.get(name)?.as_u64();
        let series = value.get("series_us")?.as_array()?;
        Some(Self {
            events: whole("events")?,
            messages: whole("messages")?,
            cpu_s: value.get("cpu_s")?.as_f64()?,
            wall_s: value.get("wall_s")?.as_f64()?,
            written_bytes: whole("written_bytes"),
            stored_bytes: whole("stored_bytes")?,
            peak_bytes: whole("peak_bytes")?,
            series_us: series.iter().map(Value::as_f64).collect::<Option<_>>()?,
        })
    }
}

/// Runs the candidate of `--name` through the events of `--feed`.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let entrant = Entrant::from_word(arguments.text("name").context("`--name` is needed")?)?;
    let feed = arguments.text("feed").context("`--feed` is needed")?;
    let dir = arguments.dir().join(entrant.word());
    let mut rival = entrant.open(&dir)?;
    let disk = Disk::below(&arguments.dir())?;
    let measured = measure(&mut *rival, Path::new(feed), &disk)
        .with_context(|| format!("a round of {}", entrant.title()))?;
    println!("{}", measured.to_json());
    Ok(())
}

fn measure(rival: &mut dyn Rival, dir: &Path, disk: &Disk) -> Result<Measured> {
    let feed = Feed::open(dir)?;
    let messages = feed.messages;
    let written_before = disk.written_bytes()?;
    let Load {
        events,
        cpu,
        wall,
        peak_bytes,
    } = load(rival, feed)?;
    rival.settle()?;
    let written_bytes = match (written_before, disk.written_bytes()?) {
        (Some(before), Some(after)) => Some(after.saturating_sub(before)),
        _ => None,
    };
    let expected = feed::expected(dir)?;
    rival.check(&expected)?;
    let stored_bytes = rival.stored_bytes()?;
    Ok(Measured {
        events,
        messages,
        cpu_s: cpu.as_secs_f64(),
        wall_s: wall.as_secs_f64(),
        written_bytes,
        stored_bytes,
        peak_bytes,
        series_us: read_series(rival, &expected)?,
    })
}

struct Load {
    events: u64,
    cpu: Duration,
    wall: Duration,
    peak_bytes: u64,
}

fn load(rival: &mut dyn Rival, mut feed: Feed) -> Result<Load> {
    let server = rival.server();
    let mut server_peak_bytes = 0;
    let mut events = 0;
    // Reading the feed and looking at memory is no work of the candidate. Its
    // threads may work meanwhile, so this thread's CPU alone is taken off, and
    // wall time stays as it was.
    let mut apart = Duration::ZERO;
    resources::reset_peak()?;
    let cpu_before = cpu_of(server)?;
    let started = cpu::now();
    for batch in 0_usize.. {
        let before = cpu::of_this_thread();
        let arrival = feed.next().transpose()?;
        if let (Some(pid), 0) = (server, batch % BATCHES_A_LOOK) {
            server_peak_bytes = server_peak_bytes.max(resources::family_bytes(pid)?);
        }
        apart += cpu::of_this_thread().saturating_sub(before);
        let Some(arrival) = arrival else { break };
        events += arrival.events.len() as u64;
        rival.commit(arrival)?;
    }
    rival.finish()?;
    let wall = started.elapsed();
    let cpu = cpu_of(server)?.saturating_sub(cpu_before + apart);
    let peak_bytes = match server {
        Some(pid) => server_peak_bytes.max(resources::family_bytes(pid)?),
        None => resources::own_peak_bytes()?,
    };
    Ok(Load {
        events,
        cpu,
        wall,
        peak_bytes,
    })
}

fn cpu_of(server: Option<u32>) -> Result<Duration> {
    let server = server.map(cpu::of_family).transpose()?;
    Ok(cpu::own() + server.unwrap_or_default())
}

/// The slots of the days over which messages leave.
fn span() -> Result<Range<u32>> {
    let slot = |ms: i64| u32::try_from(ms / SLOT_MS);
    Ok(slot(START_MS)?..slot(START_MS + SPAN_DAYS * 86_400_000)?)
}

/// Reads the series of the busiest numbers, one each, in us; each is compared
/// with the model's after its time was taken.
fn read_series(rival: &mut dyn Rival, expected: &Expected) -> Result<Vec<f64>> {
    let span = span()?;
    let mut numbers: Vec<(u64, &String)> = expected
        .iter()
        .map(|(name, totals)| (totals.values().map(|it| it.sent).sum(), name))
        .collect();
    numbers.sort_unstable_by_key(|(sent, name)| (Reverse(*sent), *name));
    let mut taken = Vec::with_capacity(SERIES_READS);
    for (_, name) in numbers.into_iter().cycle().take(SERIES_READS) {
        let number = Number::parse(name)?;
        let started = cpu::now();
        let rows = rival.series(&number, span.clone())?;
        taken.push(started.elapsed().as_secs_f64() * 1e6);
        let totals = expected.get(name).context("a number without totals")?;
        ensure!(
            rows == half_hours(two_counters(totals)?, &span),
            "the series of `{name}` differs from the model"
        );
    }
    Ok(taken)
}

fn half_hours(counters: BTreeMap<u32, Tally>, span: &Range<u32>) -> Vec<HalfHour> {
    let mut rows: BTreeMap<u32, Tally> = BTreeMap::new();
    for (slot, tally) in counters {
        if span.contains(&slot) {
            let row = rows.entry(slot - slot % 2).or_default();
            row.sent += tally.sent;
            row.delivered += tally.delivered;
        }
    }
    rows.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Dataset;

    fn feed(dataset: &Dataset) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        feed::write(dir.path(), dataset).expect("files");
        dir
    }

    #[test]
    fn a_round_of_each_that_needs_no_server_is_measured() {
        let dataset = Dataset::make(6000, 20);
        let feed = feed(&dataset);
        for entrant in Entrant::ALL {
            if matches!(entrant, Entrant::Postgres | Entrant::Redis) {
                continue;
            }
            let home = tempfile::tempdir().expect("a directory");
            let mut rival = entrant.open(&home.path().join("data")).expect("open");
            let disk = Disk::below(home.path()).expect("a disk");
            let measured = measure(&mut *rival, feed.path(), &disk).expect("a round");
            assert_eq!(measured.events, 6000, "{entrant:?}");
            assert_eq!(measured.messages, dataset.messages);
            assert!(measured.cpu_s > 0.0 && measured.wall_s > 0.0);
            assert!(measured.stored_bytes > 0, "{entrant:?}");
            assert_eq!(measured.series_us.len(), SERIES_READS);
            assert_eq!(Measured::from_json(&measured.to_json()), Some(measured));
        }
    }

    #[test]
    fn a_round_with_a_wrong_count_gives_no_number() {
        let mut dataset = Dataset::make(6000, 20);
        let totals = dataset.expected.values_mut().next_back();
        let counts = totals.and_then(|totals| totals.values_mut().find(|it| it.sent > 0));
        counts.expect("a quarter hour").sent -= 1;
        let feed = feed(&dataset);
        for entrant in [Entrant::Ours, Entrant::Lmdb] {
            let home = tempfile::tempdir().expect("a directory");
            let mut rival = entrant.open(&home.path().join("data")).expect("open");
            let disk = Disk::below(home.path()).expect("a disk");
            let error = measure(&mut *rival, feed.path(), &disk).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("differ from the model"), "{error}");
        }
    }
}
