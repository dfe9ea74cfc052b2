//! Load for a span of time: as fast as the answers come, or on a schedule, whatever the
//! answers are.
//!
//! Invariant: an answer that is neither 200 nor the documented refusal ends the bench.

use super::super::connection::Connection;
use super::bodies::Bodies;
use crate::cpu;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Room for a thread that only waits for one connection.
const STACK_BYTES: usize = 256 * 1024;
/// What a refusal says.
const REFUSAL: &[u8] = b"\"Busy\"";

/// When a request is sent.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Pace {
    /// When the answer before has come.
    Closed,
    /// So many a second, as far as a connection is free.
    Scheduled(f64),
}

/// What is done for how long.
pub(in super::super) struct Load {
    pub(in super::super) address: SocketAddr,
    pub(in super::super) connections: usize,
    pub(in super::super) pace: Pace,
    pub(in super::super) span: Duration,
}

/// What came of it.
pub(in super::super) struct Outcome {
    seconds: f64,
    /// How long what was accepted took, sorted.
    accepted_ms: Vec<f64>,
    refused: u64,
}

impl Outcome {
    pub(in super::super) fn accepted(&self) -> usize {
        self.accepted_ms.len()
    }

    /// What came of several loads at one time.
    pub(in super::super) fn at_once(all: &[Self]) -> Self {
        let seconds = all.iter().map(|one| one.seconds).fold(0.0, f64::max);
        Self::of_all(all, seconds)
    }

    /// What came of several loads one after the other.
    pub(in super::super) fn in_turn(all: &[Self]) -> Self {
        Self::of_all(all, all.iter().map(|one| one.seconds).sum())
    }

    fn of_all(all: &[Self], seconds: f64) -> Self {
        let accepted = all.iter().flat_map(|one| &one.accepted_ms);
        let mut accepted_ms: Vec<f64> = accepted.copied().collect();
        accepted_ms.sort_by(f64::total_cmp);
        Self {
            seconds,
            accepted_ms,
            refused: all.iter().map(|one| one.refused).sum(),
        }
    }

    pub(in super::super) const fn refused(&self) -> u64 {
        self.refused
    }

    pub(in super::super) fn per_second(&self) -> f64 {
        self.accepted_ms.len() as f64 / self.seconds
    }

    pub(in super::super) fn offered_per_second(&self) -> f64 {
        (self.accepted_ms.len() as u64 + self.refused) as f64 / self.seconds
    }

    pub(in super::super) fn quantile(&self, part: f64) -> f64 {
        let index = (self.accepted_ms.len() as f64 * part) as usize;
        let last = self.accepted_ms.len().saturating_sub(1);
        self.accepted_ms
            .get(index.min(last))
            .copied()
            .unwrap_or(f64::NAN)
    }
}

impl Load {
    pub(in super::super) fn run(&self, bodies: &Bodies) -> Result<Outcome> {
        let next = AtomicU64::new(0);
        let refused = AtomicU64::new(0);
        // All connections are there before the clock starts.
        let connections = (0..self.connections)
            .map(|_| Connection::open(self.address))
            .collect::<Result<Vec<_>>>()?;
        let started = cpu::now();
        let work = |mut connection: Connection| -> Result<Vec<f64>> {
            let mut request = Vec::new();
            let mut taken_ms = Vec::new();
            loop {
                if let Pace::Scheduled(rate) = self.pace {
                    let due = next.fetch_add(1, Ordering::Relaxed) as f64 / rate;
                    if due >= self.span.as_secs_f64() {
                        return Ok(taken_ms);
                    }
                    let moment = started + Duration::from_secs_f64(due);
                    thread::sleep(moment.saturating_duration_since(cpu::now()));
                }
                if started.elapsed() >= self.span {
                    return Ok(taken_ms);
                }
                bodies.write(&mut request);
                let sent = cpu::now();
                match connection.exchange(&request)? {
                    (200, _) => {
                        bodies.note_accepted();
                        taken_ms.push(sent.elapsed().as_secs_f64() * 1e3);
                    }
                    (503, body) if body.windows(REFUSAL.len()).any(|part| part == REFUSAL) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    (status, body) => bail!("answer {status}: {}", String::from_utf8_lossy(body)),
                }
            }
        };
        let work = &work;
        let mut accepted_ms = Vec::new();
        thread::scope(|scope| -> Result<()> {
            let threads = connections
                .into_iter()
                .map(|connection| {
                    thread::Builder::new()
                        .stack_size(STACK_BYTES)
                        .spawn_scoped(scope, move || work(connection))
                })
                .collect::<std::io::Result<Vec<_>>>()?;
            for thread in threads {
                let taken = thread.join().ok().context("a thread panicked")??;
                accepted_ms.extend(taken);
            }
            Ok(())
        })?;
        let seconds = started.elapsed().as_secs_f64();
        accepted_ms.sort_by(f64::total_cmp);
        Ok(Outcome {
            seconds,
            accepted_ms,
            refused: refused.into_inner(),
        })
    }
}
