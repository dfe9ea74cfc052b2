//! One run: publishers that keep a window of messages under way, and readers.
//!
//! Not here: servers (`servers`), what is printed. Invariant: what is counted was
//! acknowledged within the measured time.

use super::EVENT_BYTES;
use super::servers::Servers;
use crate::cpu;
use anyhow::{Context, Result, bail};
use async_nats::jetstream::{self, consumer, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) streams: usize,
    pub(crate) batch: usize,
    pub(crate) window: usize,
    pub(crate) readers: usize,
    pub(crate) seconds: u64,
}

pub(crate) struct Outcome {
    pub(crate) events: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) longest_ms: f64,
    pub(crate) server_cpu_us: f64,
    pub(crate) client_cpu_us: f64,
    /// The part of all cores that was busy, with whatever else ran.
    pub(crate) busy: f64,
    pub(crate) read_per_s: Option<f64>,
}

const WARM_UP: Duration = Duration::from_secs(1);
/// What waits for a stream, a leader, the last messages.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(servers: &Servers, plan: &Plan) -> Result<Outcome> {
    let clients = servers.connect().await?;
    let contexts: Vec<_> = clients
        .iter()
        .map(|it| jetstream::new(it.clone()))
        .collect();
    let first = contexts.first().context("no node")?;
    for at in 0..plan.streams {
        make(first, at).await?;
    }
    let read: Vec<Arc<AtomicU64>> = (0..plan.readers).map(|_| Arc::default()).collect();
    let mut readers = Vec::new();
    for count in &read {
        for at in 0..plan.streams {
            // Connections of their own, as other processes would have.
            let own = servers.connect().await?;
            let client = own.get(at % own.len()).context("no node")?.clone();
            let count = Arc::clone(count);
            readers.push(tokio::spawn(read_all(jetstream::new(client), at, count)));
        }
    }
    let outcome = publish(servers, plan, &contexts, &read).await;
    if let Ok((_, published)) = &outcome {
        wait_for(&read, *published).await?;
    }
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(outcome?.0)
}

async fn make(context: &jetstream::Context, at: usize) -> Result<()> {
    let config = stream::Config {
        name: format!("P{at}"),
        subjects: vec![format!("events.{at}")],
        num_replicas: 3,
        storage: stream::StorageType::File,
        allow_direct: true,
        ..stream::Config::default()
    };
    let begun = cpu::now();
    loop {
        match context.create_stream(config.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error).context("no stream"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn publish(
    servers: &Servers,
    plan: &Plan,
    contexts: &[jetstream::Context],
    read: &[Arc<AtomicU64>],
) -> Result<(Outcome, u64)> {
    let payload = Bytes::from(vec![7_u8; plan.batch * EVENT_BYTES]);
    let begun = cpu::now();
    let from = begun + WARM_UP;
    let until = from + Duration::from_secs(plan.seconds);
    let mut publishers = Vec::new();
    for at in 0..plan.streams {
        for place in 0..plan.window {
            let context = contexts
                .get((at + place) % contexts.len())
                .context("no node")?;
            publishers.push(tokio::spawn(publisher(
                context.clone(),
                format!("events.{at}"),
                payload.clone(),
                until,
            )));
        }
    }
    tokio::time::sleep(from.saturating_duration_since(cpu::now())).await;
    let (used, own, ticks) = (servers.cpu_us()?, cpu::own(), machine()?);
    let read_before: Vec<u64> = read.iter().map(|it| it.load(Ordering::Relaxed)).collect();
    tokio::time::sleep(until.saturating_duration_since(cpu::now())).await;
    let seconds = from.elapsed().as_secs_f64();
    let server_cpu_us = servers.cpu_us()? - used;
    let client_cpu_us = (cpu::own() - own).as_secs_f64() * 1e6;
    let after = machine()?;
    let read_per_s = read
        .iter()
        .zip(&read_before)
        .map(|(now, before)| {
            (now.load(Ordering::Relaxed) - before) as f64 * plan.batch as f64 / seconds
        })
        .min_by(f64::total_cmp);
    let mut times = Vec::new();
    let mut published = 0_u64;
    for one in publishers {
        let acknowledged = one.await??;
        published += acknowledged.len() as u64;
        times.extend(
            acknowledged
                .into_iter()
                .filter(|(at, _)| *at >= from && *at <= until)
                .map(|(_, took)| took),
        );
    }
    if times.is_empty() {
        bail!("nothing was acknowledged");
    }
    times.sort_unstable();
    let ms = |part: f64| {
        let at = ((times.len() - 1) as f64 * part) as usize;
        times.get(at).map_or(0.0, |it| it.as_secs_f64() * 1e3)
    };
    let busy = (after.0 - ticks.0) / (after.1 - ticks.1);
    Ok((
        Outcome {
            events: times.len() as u64 * plan.batch as u64,
            seconds,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            longest_ms: ms(1.0),
            server_cpu_us,
            client_cpu_us,
            busy,
            read_per_s,
        },
        published,
    ))
}

/// One message after the other; when each was acknowledged, and how long that took.
async fn publisher(
    context: jetstream::Context,
    subject: String,
    payload: Bytes,
    until: Instant,
) -> Result<Vec<(Instant, Duration)>> {
    let mut all = Vec::new();
    while cpu::now() < until {
        let sent = cpu::now();
        let waits = context.publish(subject.clone(), payload.clone()).await?;
        waits.await?;
        let now = cpu::now();
        all.push((now, now - sent));
    }
    Ok(all)
}

async fn read_all(context: jetstream::Context, at: usize, count: Arc<AtomicU64>) -> Result<()> {
    let begun = cpu::now();
    let mut messages = loop {
        // A server may hear of a new stream a little later than the one that made it.
        match open(&context, at).await {
            Ok(messages) => break messages,
            Err(error) if begun.elapsed() > PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    while let Some(message) = messages.next().await {
        message.map_err(|error| anyhow::anyhow!("{error}"))?;
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn open(context: &jetstream::Context, at: usize) -> Result<consumer::pull::Stream> {
    let stream = context.get_stream(format!("P{at}")).await?;
    let config = consumer::pull::Config {
        ack_policy: consumer::AckPolicy::None,
        memory_storage: true,
        num_replicas: 1,
        ..consumer::pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await?;
    let messages = consumer.stream().max_messages_per_batch(500);
    Ok(messages.messages().await?)
}

async fn wait_for(read: &[Arc<AtomicU64>], published: u64) -> Result<()> {
    let begun = cpu::now();
    while read.iter().any(|it| it.load(Ordering::Relaxed) < published) {
        if begun.elapsed() > PATIENCE {
            bail!("a reader did not come to the end: {read:?} of {published}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Busy and all ticks of all cores.
fn machine() -> Result<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().context("no cpu line")?;
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|it| it.parse().ok())
        .collect();
    let all: f64 = ticks.iter().sum();
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    Ok((all - idle, all))
}
